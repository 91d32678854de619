//! Whether extensions may be in use, as a type: a connection without extensions has no cost for them.

use core::fmt;

use crate::entropy::Entropy;
use crate::error::LocalProtocolError;
#[cfg(feature = "alloc")]
use crate::extension::{Extensions, InboundExtensions};
use crate::frame::FrameEncoder;
use crate::opcode::{MessageKind, Opcode};
use crate::output::Output;

/// What a connection is ready for: [`NoExtensions`], or [`Extensions`] that were negotiated.
///
/// There are only these two; extensions of your own go into [`Extensions`].
///
#[cfg_attr(not(feature = "alloc"), doc = "[`Extensions`]: crate#features")]
pub trait ExtensionSet: Sealed {
    /// The half that a receiver runs.
    type Inbound: Inbound;
    /// The half that a sender runs.
    type Outbound: Outbound;
}

/// No extension: the RSV bits must be 0, and payloads are not changed (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NoExtensions;

/// A receiver's half.
#[allow(unreachable_pub, reason = "Rust 1.85 does not see that `ExtensionSet` reaches it")]
pub trait Inbound: fmt::Debug {
    /// Whether there may be extensions: the same for all values of a type.
    fn may_exist(&self) -> bool {
        false
    }

    /// Whether extensions ignore each whole message without an RSV bit.
    fn passes_whole_messages(&self) -> bool {
        true
    }

    /// The extensions, if there may be some.
    #[cfg(feature = "alloc")]
    fn chain(&self) -> Option<&InboundExtensions> {
        None
    }

    /// The extensions, if there may be some.
    #[cfg(feature = "alloc")]
    fn chain_mut(&mut self) -> Option<&mut InboundExtensions> {
        None
    }
}

/// A sender's half. Without extensions each method does nothing.
#[allow(unreachable_pub, reason = "Rust 1.85 does not see that `ExtensionSet` reaches it")]
pub trait Outbound: fmt::Debug {
    /// Whether there may be extensions: the same for all values of a type.
    fn may_exist(&self) -> bool {
        false
    }

    /// Whether extensions encode a whole message of this kind and length.
    fn encodes(&self, _kind: MessageKind, _len: usize) -> bool {
        false
    }

    /// Whether a message that was compressed by itself can be sent as it is.
    fn takes_deflated(&self, _window_bits: u8) -> bool {
        false
    }

    /// Encodes the payload of a data frame, and writes it in fragments; false, and nothing was written, if no
    /// extension encodes the message.
    fn write<E: Entropy>(
        &mut self,
        _frames: &mut FrameEncoder<E>,
        _opcode: Opcode,
        _payload: &[u8],
        _message_finished: bool,
        _max_fragment_len: usize,
        _output: &mut (impl Output + ?Sized),
    ) -> Result<bool, LocalProtocolError> {
        Ok(false)
    }

    /// Refuses a frame that extensions do not see, in a message that they encode.
    fn check_plain(&self, _opcode: Opcode) -> Result<(), LocalProtocolError> {
        Ok(())
    }

    /// Records a data frame that extensions do not see.
    fn begin_plain(&mut self, _opcode: Opcode) {}

    /// Counts a control frame.
    fn rest(&mut self) {}

    /// Frees memory that only saves time.
    fn release_memory(&mut self) {}

    /// Encodes nothing more, and frees all memory.
    fn stop(&mut self) {}
}

impl ExtensionSet for NoExtensions {
    type Inbound = Self;
    type Outbound = Self;
}

impl Inbound for NoExtensions {}

impl Outbound for NoExtensions {}

/// Only this module implements `ExtensionSet`.
pub trait Sealed {}

impl Sealed for NoExtensions {}

#[cfg(feature = "alloc")]
mod with_extensions {
    use super::*;
    use crate::extension::OutboundExtensions;

    impl Sealed for Extensions {}

    impl ExtensionSet for Extensions {
        type Inbound = InboundExtensions;
        type Outbound = OutboundExtensions;
    }

    impl Inbound for InboundExtensions {
        #[inline]
        fn may_exist(&self) -> bool {
            true
        }

        #[inline]
        fn passes_whole_messages(&self) -> bool {
            self.pass_whole_messages()
        }

        #[inline]
        fn chain(&self) -> Option<&InboundExtensions> {
            Some(self)
        }

        #[inline]
        fn chain_mut(&mut self) -> Option<&mut InboundExtensions> {
            Some(self)
        }
    }

    impl Outbound for OutboundExtensions {
        #[inline]
        fn may_exist(&self) -> bool {
            true
        }

        fn encodes(&self, kind: MessageKind, len: usize) -> bool {
            self.encodes(kind, len)
        }

        fn takes_deflated(&self, window_bits: u8) -> bool {
            self.takes_deflated(window_bits)
        }

        #[inline]
        fn write<E: Entropy>(
            &mut self,
            frames: &mut FrameEncoder<E>,
            opcode: Opcode,
            payload: &[u8],
            message_finished: bool,
            max_fragment_len: usize,
            output: &mut (impl Output + ?Sized),
        ) -> Result<bool, LocalProtocolError> {
            self.write(frames, opcode, payload, message_finished, max_fragment_len, output)
        }

        fn check_plain(&self, opcode: Opcode) -> Result<(), LocalProtocolError> {
            self.check_plain(opcode)
        }

        fn begin_plain(&mut self, opcode: Opcode) {
            self.begin_plain(opcode);
        }

        fn rest(&mut self) {
            self.rest();
        }

        fn release_memory(&mut self) {
            self.release_memory();
        }

        fn stop(&mut self) {
            self.stop();
        }
    }
}
