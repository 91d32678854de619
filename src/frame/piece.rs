//! A piece of payload that was found: what it is, how long it is, and what ends with it.

use crate::opcode::Opcode;

/// What ends with a piece of payload.
///
/// It is exhaustive on purpose: the end of a message is the end of a frame too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    /// Neither: more of the frame is to come.
    Nothing,
    /// The frame, but not the message.
    Frame,
    /// The frame, and the message with it.
    Message,
}

impl Ends {
    /// Whether a frame ends.
    #[inline(always)]
    pub const fn is_frame_end(self) -> bool {
        matches!(self, Self::Frame | Self::Message)
    }

    /// Whether a message ends.
    #[inline(always)]
    pub const fn is_message_end(self) -> bool {
        matches!(self, Self::Message)
    }
}

/// A piece of payload that is ready. It borrows nothing, so that the caller may look at it before it borrows the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// What the payload is: of a continuation, what its message is.
    pub(crate) opcode: Opcode,
    pub(crate) source: Source,
    /// Whether the frame's payload begins with it.
    pub(crate) is_first: bool,
    pub(crate) ends: Ends,
    pub(crate) len: usize,
}

/// Where a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// At the front of the input, unmasked.
    Input,
    /// In the output of extensions.
    Extensions,
}
