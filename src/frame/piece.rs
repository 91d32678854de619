//! A piece of payload that was found: its opcode, its length, and what ends with it.

use crate::opcode::Opcode;

/// What ends with a piece of payload: nothing, a frame, or a message.
///
/// The enum is exhaustive on purpose: the end of a message is the end of a frame too.
///
/// ```
/// use wsproto::Ends;
///
/// assert!(Ends::Message.is_frame_end() && Ends::Message.is_message_end());
/// assert!(Ends::Frame.is_frame_end() && !Ends::Frame.is_message_end());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    /// Nothing: more of the frame follows.
    Nothing,
    /// The frame, but not its message.
    Frame,
    /// The frame and its message.
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

/// A piece of payload that is ready. It borrows nothing, so the caller can examine it before it borrows the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// What the payload is. For a continuation, this is the opcode of its message.
    pub(crate) opcode: Opcode,
    pub(crate) source: Source,
    /// Whether it is the first piece of its frame.
    pub(crate) is_first: bool,
    pub(crate) ends: Ends,
    pub(crate) len: usize,
}

/// Where the bytes of a piece are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// At the front of the input, unmasked.
    Input,
    /// In the output of extensions.
    Extensions,
}
