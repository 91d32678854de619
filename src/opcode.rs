//! Opcodes: the four bits that give the type of a frame (RFC 6455 §5.2, §11.8).

use thiserror::Error;

/// The type of a frame, four bits of its header.
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
    /// The next fragment of the message in progress.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment. The type of its events is [`BytesMessage`](crate::BytesMessage).
    Binary = 0x2,
    /// The last frame that an endpoint sends.
    Close = 0x8,
    /// Asks for a pong with the same payload.
    Ping = 0x9,
    /// Answers a ping, or shows without a ping that the sender is alive.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode with this number; `None` for the reserved numbers (3 to 7, 11 to 15) and for those above 15.
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

    /// The opcode's number: 0 to 2 or 8 to 10.
    ///
    /// ```
    /// use wsproto::Opcode;
    ///
    /// assert_eq!(Opcode::Pong.bits(), 0xA);
    /// ```
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Whether frames with this opcode are control frames (§5.5).
    ///
    /// They are not fragmented, have payloads of at most 125 bytes, and may be sent between the fragments of a message.
    ///
    /// ```
    /// use wsproto::Opcode;
    ///
    /// assert!(Opcode::Ping.is_control());
    /// assert!(!Opcode::Continuation.is_control());
    /// ```
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

    /// As [`Opcode::from_bits`], with an error instead of `None`.
    fn try_from(bits: u8) -> Result<Self, UnknownOpcode> {
        Self::from_bits(bits).ok_or(UnknownOpcode(bits))
    }
}

/// The error for a number that is not an [`Opcode`]: reserved (3 to 7, 11 to 15), or above 15.
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
    /// The number that is not an opcode.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// The kind of a message, text or binary, which its first frame sets (§5.6).
///
/// ```
/// use wsproto::{MessageKind, Opcode};
///
/// assert_eq!(MessageKind::Text.opcode(), Opcode::Text);
/// assert_eq!(MessageKind::Binary.opcode(), Opcode::Binary);
/// ```
///
/// Binary messages have two names here. Frames have the RFC's words: [`Opcode::Binary`], `MessageKind::Binary`. Events
/// have the words of Python's wsproto: [`Event::Bytes`](crate::Event::Bytes), [`BytesMessage`](crate::BytesMessage).
///
/// It is exhaustive on purpose: RFC 6455 defines no other kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// The payload is UTF-8.
    Text,
    /// The payload is any bytes.
    Binary,
}

impl MessageKind {
    /// The opcode of the first frame of a message of this kind.
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}
