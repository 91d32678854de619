//! Frame headers: the 2 to 14 bytes before a payload (RFC 6455 §5.2).
//!
//! Translation only, and the rules that hold for every header. One function reads a header, `FrameHeader::read`: byte
//! by byte in the RFC's order, so that each rule fails at the first byte that breaks it. Its parameter [`Rules`] says
//! what the connection allows now; `FrameDecoder` implements it.

use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Not};

use crate::encoded_header::EncodedHeader;
use crate::error::{Failure, LocalProtocolError, RemoteProtocolError};
use crate::mask::Mask;
use crate::opcode::Opcode;

/// The header of a WebSocket frame: FIN, RSV bits, opcode, masking key and payload length (RFC 6455 §5.2).
///
/// ```
/// use wsproto::{FrameHeader, Opcode, Rsv};
///
/// let (header, len) = FrameHeader::decode(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f")?.unwrap();
/// assert_eq!(len, 6);
/// assert_eq!(header, FrameHeader {
///     fin: true,
///     rsv: Rsv::NONE,
///     opcode: Opcode::Text,
///     masking_key: Some([0x37, 0xfa, 0x21, 0x3d]),
///     payload_len: 5,
/// });
/// assert_eq!(header.encode().unwrap().as_bytes(), b"\x81\x85\x37\xfa\x21\x3d");
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
///
/// The struct is exhaustive on purpose: a header has these fields and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The bits reserved for extensions.
    pub rsv: Rsv,
    /// What the frame is: text, binary, a continuation or a control frame.
    pub opcode: Opcode,
    /// The key that masks the payload, if it is masked.
    pub masking_key: Option<[u8; 4]>,
    /// The length of the payload in bytes: 0 to 2⁶³ − 1.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The length of the longest header, in bytes: two, a length of eight, and a key of four.
    pub const MAX_LEN: usize = 14;

    /// The length of a control frame's longest payload, in bytes (§5.5).
    pub const MAX_CONTROL_LEN: usize = 125;

    /// The length of the longest payload, in bytes (§5.2: the top bit of the length is 0).
    pub const MAX_PAYLOAD_LEN: u64 = u64::MAX >> 1;

    /// The header of an empty ping.
    pub(super) const NOTHING: Self =
        Self { fin: true, rsv: Rsv::NONE, opcode: Opcode::Ping, masking_key: None, payload_len: 0 };

    /// Reads one header from the front of `input`.
    ///
    /// Returns the header with its length in bytes, or `None` if `input` does not hold all of it.
    ///
    /// # Errors
    ///
    /// What is not valid in any header: a reserved opcode; a control frame that is fragmented or too long; a close
    /// frame of one byte; a length that is not minimal or has its top bit set. A bad header is reported at the byte
    /// that proves it, even if the rest is missing.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, RemoteProtocolError> {
        match Self::read(input, &NoRules) {
            Ok(HeaderRead::Whole { header, header_len }) => Ok(Some((header, header_len))),
            Ok(HeaderRead::Cut { .. }) => Ok(None),
            Err(failure) => Err(failure.error),
        }
    }

    /// Reads one header from the front of `bytes`, under these rules.
    #[inline(always)]
    pub(super) fn read(bytes: &[u8], rules: &impl Rules) -> Result<HeaderRead, Failure> {
        let failed = |at| move |error| Failure { error, at };
        let [first, rest @ ..] = bytes else { return Ok(HeaderRead::cut(0, rules.masks())) };
        let first = FirstByte::decode(*first).map_err(failed(0))?;
        rules.check_first(first).map_err(failed(0))?;
        let [second, rest @ ..] = rest else { return Ok(HeaderRead::cut(0, rules.masks())) };
        let second = SecondByte::decode(*second, first.opcode).map_err(failed(1))?;
        rules.check_masked(second.masked).map_err(failed(1))?;
        let extended_len = second.extended_len();
        let Some((extended, rest)) = rest.split_at_checked(extended_len) else {
            return Ok(HeaderRead::cut(extended_len, second.masked));
        };
        let at = extended_len.saturating_add(1);
        let payload_len = second.payload_len(extended).map_err(failed(at))?;
        rules.check_len(payload_len, first).map_err(failed(at))?;
        let (masking_key, rest) = match rest.split_first_chunk() {
            _ if !second.masked => (None, rest),
            Some((key, rest)) => (Some(*key), rest),
            None => return Ok(HeaderRead::cut(extended_len, true)),
        };
        let FirstByte { fin, rsv, opcode } = first;
        let header = Self { fin, rsv, opcode, masking_key, payload_len };
        Ok(HeaderRead::Whole { header, header_len: bytes.len().saturating_sub(rest.len()) })
    }

    /// Writes the header, with the shortest form of the length.
    ///
    /// # Errors
    ///
    /// A control frame that is fragmented or longer than 125 bytes, a close frame of one byte, or a payload of 2⁶³
    /// bytes or more.
    #[inline]
    pub fn encode(&self) -> Result<EncodedHeader, LocalProtocolError> {
        self.check()?;
        Ok(self.to_bytes())
    }

    /// Refuses a header that the protocol does not allow.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), LocalProtocolError> {
        if self.opcode.is_control() {
            if !self.fin {
                return Err(LocalProtocolError::FragmentedControlFrame);
            }
            if self.payload_len > Self::MAX_CONTROL_LEN as u64 {
                return Err(LocalProtocolError::ControlFrameTooLong);
            }
            if self.opcode == Opcode::Close && self.payload_len == 1 {
                return Err(LocalProtocolError::TruncatedCloseCode);
            }
        } else if self.payload_len > Self::MAX_PAYLOAD_LEN {
            return Err(LocalProtocolError::PayloadTooLong);
        }
        Ok(())
    }

    /// The bytes of a header that [`check`](Self::check) has accepted.
    #[inline(always)]
    pub(super) fn to_bytes(self) -> EncodedHeader {
        let first = u8::from(self.fin) << 7 | self.rsv.bits() << 4 | self.opcode.bits();
        let mask_bit = u8::from(self.masking_key.is_some()) << 7;
        let start = |len: u8| u128::from(first) | u128::from(mask_bit | len) << 8;
        if let Ok(len @ 0..=125) = u8::try_from(self.payload_len) {
            EncodedHeader::new(start(len), 2, self.masking_key)
        } else if let Ok(len) = u16::try_from(self.payload_len) {
            let extended = u128::from(len.swap_bytes()) << 16;
            EncodedHeader::new(start(LEN_16) | extended, 4, self.masking_key)
        } else {
            let extended = u128::from(self.payload_len.swap_bytes()) << 16;
            EncodedHeader::new(start(LEN_64) | extended, 10, self.masking_key)
        }
    }

    /// The length of the encoded header, in bytes: 2 to 14.
    #[inline(always)]
    pub const fn encoded_len(&self) -> usize {
        let extended = match self.payload_len {
            0..=125 => 0,
            126..=0xFFFF => 2,
            _ => 8,
        };
        let key = if self.masking_key.is_some() { 4 } else { 0 };
        2_usize.saturating_add(extended).saturating_add(key)
    }

    /// The mask at the start of the payload; `None` if the frame is not masked.
    #[inline]
    pub fn mask(&self) -> Option<Mask> {
        self.masking_key.map(Mask::new)
    }
}

/// What a connection allows in the next header.
pub(super) trait Rules {
    /// Whether frames must be masked.
    fn masks(&self) -> bool;

    /// Checks the RSV bits, and the order of frames.
    fn check_first(&self, first: FirstByte) -> Result<(), RemoteProtocolError>;

    /// Checks the mask bit.
    fn check_masked(&self, masked: bool) -> Result<(), RemoteProtocolError>;

    /// Checks the length, before any byte of the payload is read.
    fn check_len(&self, payload_len: u64, first: FirstByte) -> Result<(), RemoteProtocolError>;
}

/// The rules for a header that is read without a connection: none of its own.
struct NoRules;

impl Rules for NoRules {
    fn masks(&self) -> bool {
        false
    }

    fn check_first(&self, _: FirstByte) -> Result<(), RemoteProtocolError> {
        Ok(())
    }

    fn check_masked(&self, _: bool) -> Result<(), RemoteProtocolError> {
        Ok(())
    }

    fn check_len(&self, _: u64, _: FirstByte) -> Result<(), RemoteProtocolError> {
        Ok(())
    }
}

/// The result of reading a header.
pub(super) enum HeaderRead {
    /// The header is complete.
    Whole { header: FrameHeader, header_len: usize },
    /// The bytes end inside the header; it has at least this length.
    Cut { header_len: usize },
}

impl HeaderRead {
    const fn cut(extended_len: usize, masked: bool) -> Self {
        let key_len = if masked { 4 } else { 0 };
        Self::Cut { header_len: extended_len.saturating_add(key_len).saturating_add(2) }
    }
}

/// The first byte: FIN, RSV and opcode.
#[derive(Clone, Copy)]
pub(super) struct FirstByte {
    pub(super) fin: bool,
    pub(super) rsv: Rsv,
    pub(super) opcode: Opcode,
}

impl FirstByte {
    #[inline(always)]
    pub(super) fn decode(byte: u8) -> Result<Self, RemoteProtocolError> {
        let fin = byte & 0x80 != 0;
        let Some(opcode) = Opcode::from_bits(byte & 0x0F) else {
            return Err(RemoteProtocolError::ReservedOpcode(byte & 0x0F));
        };
        // "All control frames … MUST NOT be fragmented" (§5.4, §5.5).
        if opcode.is_control() && !fin {
            return Err(RemoteProtocolError::FragmentedControlFrame);
        }
        Ok(Self { fin, rsv: Rsv(byte >> 4 & 0x7), opcode })
    }
}

/// The second byte: the mask bit, and the length or its form.
#[derive(Clone, Copy)]
pub(super) struct SecondByte {
    pub(super) masked: bool,
    len: u8,
}

impl SecondByte {
    #[inline(always)]
    pub(super) fn decode(byte: u8, opcode: Opcode) -> Result<Self, RemoteProtocolError> {
        let len = byte & 0x7F;
        if opcode.is_control() {
            // A control frame holds at most 125 bytes, so the longer forms are never valid (§5.5).
            if usize::from(len) > FrameHeader::MAX_CONTROL_LEN {
                return Err(RemoteProtocolError::ControlFrameTooLong);
            }
            // The payload of a close frame is empty, or begins with a code of two bytes (§5.5.1).
            if opcode == Opcode::Close && len == 1 {
                return Err(RemoteProtocolError::TruncatedCloseCode);
            }
        }
        Ok(Self { masked: byte & 0x80 != 0, len })
    }

    /// How many bytes of extended length follow.
    #[inline(always)]
    pub(super) const fn extended_len(self) -> usize {
        match self.len {
            LEN_16 => 2,
            LEN_64 => 8,
            _ => 0,
        }
    }

    /// The payload's length, from the [`extended_len`](Self::extended_len) bytes that follow.
    #[inline(always)]
    pub(super) fn payload_len(self, extended: &[u8]) -> Result<u64, RemoteProtocolError> {
        let payload_len = if let Ok(bytes) = <[u8; 2]>::try_from(extended) {
            u64::from(u16::from_be_bytes(bytes))
        } else if let Ok(bytes) = <[u8; 8]>::try_from(extended) {
            u64::from_be_bytes(bytes)
        } else {
            return Ok(u64::from(self.len));
        };
        // "The minimal number of bytes MUST be used", and the top bit is 0 (§5.2).
        match (self.len, payload_len) {
            (LEN_16, 126..) | (LEN_64, 0x1_0000..=FrameHeader::MAX_PAYLOAD_LEN) => Ok(payload_len),
            (LEN_64, 0x8000_0000_0000_0000..) => Err(RemoteProtocolError::LengthTopBitSet),
            _ => Err(RemoteProtocolError::NonMinimalLength),
        }
    }
}

/// "If 126, the following 2 bytes … are the payload length" (§5.2).
pub(super) const LEN_16: u8 = 126;

/// "If 127, the following 8 bytes …" (§5.2).
pub(super) const LEN_64: u8 = 127;

/// The three reserved bits (RSV1 to RSV3) of a frame header, as a set (RFC 6455 §5.2).
///
/// ```
/// use wsproto::Rsv;
///
/// let claimed = Rsv::RSV1 | Rsv::RSV3;
/// assert!(claimed.contains(Rsv::RSV3));
/// assert!(!claimed.contains(Rsv::RSV2));
/// assert_eq!(claimed.bits(), 0b101);
/// assert_eq!(claimed & !Rsv::RSV3, Rsv::RSV1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rsv(u8);

impl Rsv {
    /// The empty set: the only valid one if no extension is in use.
    pub const NONE: Self = Self(0);
    /// The first bit, next to FIN. permessage-deflate sets it on compressed messages.
    pub const RSV1: Self = Self(0b100);
    /// The second bit.
    pub const RSV2: Self = Self(0b010);
    /// The third bit, next to the opcode.
    pub const RSV3: Self = Self(0b001);
    /// All three bits.
    pub const ALL: Self = Self(0b111);

    /// The set for a number as [`bits`](Self::bits) returns it; `None` if the number is greater than 7.
    ///
    /// To read the first byte of a frame, shift its RSV bits down and mask them first:
    ///
    /// ```
    /// use wsproto::Rsv;
    ///
    /// let first_byte = 0b1100_0001; // FIN, RSV1, opcode 1
    /// assert_eq!(Rsv::from_bits(first_byte >> 4 & 0b111), Some(Rsv::RSV1));
    /// assert_eq!(Rsv::from_bits(first_byte >> 4), None); // FIN is not an RSV bit
    /// ```
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits <= Self::ALL.0 { Some(Self(bits)) } else { None }
    }

    /// The set as a number: the sum of 4 for RSV1, 2 for RSV2 and 1 for RSV3.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether every bit of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether at least one bit of `other` is in the set.
    ///
    /// ```
    /// use wsproto::Rsv;
    ///
    /// assert!((Rsv::RSV1 | Rsv::RSV2).intersects(Rsv::RSV2 | Rsv::RSV3));
    /// assert!(!Rsv::RSV1.intersects(Rsv::NONE));
    /// ```
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no bit is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Rsv {
    type Output = Self;

    /// The bits that are in either set.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Rsv {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAnd for Rsv {
    type Output = Self;

    /// The bits that are in both sets.
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitAndAssign for Rsv {
    fn bitand_assign(&mut self, other: Self) {
        *self = *self & other;
    }
}

impl BitXor for Rsv {
    type Output = Self;

    /// The bits that are in one set and not in the other.
    fn bitxor(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl BitXorAssign for Rsv {
    fn bitxor_assign(&mut self, other: Self) {
        *self = *self ^ other;
    }
}

impl Not for Rsv {
    type Output = Self;

    /// The bits that are not in the set.
    fn not(self) -> Self {
        self ^ Self::ALL
    }
}
