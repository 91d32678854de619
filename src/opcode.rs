//! The four bits that say what a frame is (RFC 6455 §5.2, §11.8).

use thiserror::Error;

/// How to read a frame's payload.
///
/// ```
/// use wsproto::Opcode;
///
/// assert_eq!(Opcode::from_bits(0x9), Some(Opcode::Ping));
/// assert_eq!(Opcode::from_bits(0x3), None); // reserved
/// assert!(Opcode::Close.is_control());
/// ```
///
/// It is exhaustive on purpose: a match without a `_` arm covers all that RFC 6455 defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// The next fragment of the message under way.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The sender will send nothing more.
    Close = 0x8,
    /// Asks for a pong with the same payload.
    Ping = 0x9,
    /// Answers a ping, or says unasked that the sender is alive.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode with this number; `None` for the reserved ones (3–7, 11–15) and anything above 15.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// The opcode's number, 0 to 15.
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Whether frames of this kind are control frames (§5.5): whole, short, and allowed between fragments.
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

impl From<Opcode> for u8 {
    fn from(opcode: Opcode) -> Self {
        opcode.bits()
    }
}

impl TryFrom<u8> for Opcode {
    type Error = UnknownOpcode;

    /// As [`Opcode::from_bits`], for use with `?`.
    fn try_from(bits: u8) -> Result<Self, UnknownOpcode> {
        Self::from_bits(bits).ok_or(UnknownOpcode(bits))
    }
}

/// A number that is not an [`Opcode`]: reserved (3–7, 11–15), or above 15.
///
/// ```
/// use wsproto::Opcode;
///
/// let error = Opcode::try_from(0x3).unwrap_err();
/// assert_eq!(error.bits(), 0x3);
/// assert_eq!(error.to_string(), "0x3 is not an opcode of RFC 6455");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{0:#x} is not an opcode of RFC 6455")]
pub struct UnknownOpcode(u8);

impl UnknownOpcode {
    /// The number.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// What a message is, set by its first frame (§5.6).
///
/// It is exhaustive on purpose: there are no other messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl MessageKind {
    /// The opcode of the first frame of such a message.
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}
