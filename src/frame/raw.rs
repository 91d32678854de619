//! Frames that may break every rule, for fuzzers and conformance suites (RFC 6455 §5.2, §5.5.1).

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::encoded_header::EncodedHeader;
#[cfg(feature = "alloc")]
use crate::mask::Mask;

use super::header::{FrameHeader, LEN_16, LEN_64, Rsv};

/// A frame header with any bits: reserved opcodes, RSV bits, lengths that are too long for their form or for the frame.
///
/// [`FrameHeader`] can hold only what the protocol allows in some connection. This one can hold all that 2 to 14 bytes
/// can say, and is encoded without a check. Use it to see what another implementation does with it.
///
/// ```
/// use wsproto::{FrameHeader, LengthForm, Opcode, RawFrameHeader, RemoteProtocolError, Rsv};
///
/// // A ping in fragments, with a length in more bytes than it needs.
/// let ping = RawFrameHeader::new(Opcode::Ping.bits(), 2).with_fin(false).with_length_form(LengthForm::Bits64);
/// assert_eq!(ping.encode().as_bytes(), b"\x09\x7f\0\0\0\0\0\0\0\x02");
/// assert_eq!(FrameHeader::decode(ping.encode().as_bytes()), Err(RemoteProtocolError::FragmentedControlFrame));
///
/// // An announced length of 2⁶³, masked.
/// let long = RawFrameHeader::new(2, 1 << 63).with_masking_key(Some([1, 2, 3, 4]));
/// assert_eq!(long.encode().as_bytes(), b"\x82\xff\x80\0\0\0\0\0\0\0\x01\x02\x03\x04");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RawFrameHeader {
    /// Whether FIN is set.
    pub fin: bool,
    /// The RSV bits.
    pub rsv: Rsv,
    /// The opcode: its lowest four bits are encoded.
    pub opcode: u8,
    /// The key, which is sent with the mask bit.
    pub masking_key: Option<[u8; 4]>,
    /// The announced length: as many of its lowest bits are encoded as its form has.
    pub payload_len: u64,
    /// In how many bits the length is encoded.
    pub length_form: LengthForm,
}

/// How a header says the length of the payload (§5.2).
///
/// It is exhaustive on purpose: a header has these three forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LengthForm {
    /// In the second byte: 0 to 125. 126 and 127 make it one of the other forms without its bytes.
    Bits7,
    /// In two bytes.
    Bits16,
    /// In eight bytes.
    Bits64,
}

impl LengthForm {
    /// The shortest form for a length, which is the only one that the protocol allows (§5.2).
    ///
    /// ```
    /// use wsproto::LengthForm;
    ///
    /// assert_eq!(LengthForm::shortest(125), LengthForm::Bits7);
    /// assert_eq!(LengthForm::shortest(126), LengthForm::Bits16);
    /// assert_eq!(LengthForm::shortest(65_536), LengthForm::Bits64);
    /// ```
    pub const fn shortest(payload_len: u64) -> Self {
        match payload_len {
            0..=125 => Self::Bits7,
            126..=0xFFFF => Self::Bits16,
            _ => Self::Bits64,
        }
    }
}

impl RawFrameHeader {
    /// The header of an unmasked frame with FIN and without RSV bits, its length in the shortest form.
    pub const fn new(opcode: u8, payload_len: u64) -> Self {
        let length_form = LengthForm::shortest(payload_len);
        Self { fin: true, rsv: Rsv::NONE, opcode, masking_key: None, payload_len, length_form }
    }

    /// The same header, with FIN or without.
    #[must_use = "it returns a new header and does not change this one"]
    pub const fn with_fin(mut self, fin: bool) -> Self {
        self.fin = fin;
        self
    }

    /// The same header, with these RSV bits.
    #[must_use = "it returns a new header and does not change this one"]
    pub const fn with_rsv(mut self, rsv: Rsv) -> Self {
        self.rsv = rsv;
        self
    }

    /// The same header, masked by this key or not masked.
    #[must_use = "it returns a new header and does not change this one"]
    pub const fn with_masking_key(mut self, masking_key: Option<[u8; 4]>) -> Self {
        self.masking_key = masking_key;
        self
    }

    /// The same header, with its length in this form.
    #[must_use = "it returns a new header and does not change this one"]
    pub const fn with_length_form(mut self, length_form: LengthForm) -> Self {
        self.length_form = length_form;
        self
    }

    /// The bytes of the header, whatever they say.
    pub fn encode(&self) -> EncodedHeader {
        let first = u8::from(self.fin) << 7 | self.rsv.bits() << 4 | self.opcode & 0x0F;
        let (code, extended, len) = match self.length_form {
            LengthForm::Bits7 => (self.payload_len.to_be_bytes()[7] & 0x7F, 0, 2),
            LengthForm::Bits16 => (LEN_16, u128::from(self.payload_len.swap_bytes() >> 48), 4),
            LengthForm::Bits64 => (LEN_64, u128::from(self.payload_len.swap_bytes()), 10),
        };
        let mask_bit = u8::from(self.masking_key.is_some()) << 7;
        let bytes = u128::from(first) | u128::from(mask_bit | code) << 8 | extended << 16;
        EncodedHeader::new(bytes, len, self.masking_key)
    }

    /// The bytes of the header and then the payload, which is masked if the header has a key.
    ///
    /// The payload may have another length than the header announces.
    ///
    /// ```
    /// use wsproto::RawFrameHeader;
    ///
    /// let masked = RawFrameHeader::new(1, 5).with_masking_key(Some([0x37, 0xfa, 0x21, 0x3d])); // §5.7
    /// assert_eq!(masked.encode_frame(b"Hello"), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    ///
    /// let cut = RawFrameHeader::new(1, 5);
    /// assert_eq!(cut.encode_frame(b"Hel"), b"\x81\x05Hel");
    /// ```
    #[cfg(feature = "alloc")]
    pub fn encode_frame(&self, payload: &[u8]) -> Vec<u8> {
        let header = self.encode();
        let mut bytes = Vec::with_capacity(payload.len().saturating_add(FrameHeader::MAX_LEN));
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(payload);
        if let (Some(key), Some(payload)) = (self.masking_key, bytes.get_mut(header.as_bytes().len()..)) {
            Mask::new(key).apply(payload);
        }
        bytes
    }
}

/// The payload of a close frame with any code, any bytes as its reason, half a code, or nothing (§5.5.1).
///
/// [`CloseConnection`](crate::CloseConnection) can be sent only with what the protocol allows. This one stands for every
/// payload that a frame can have, and is encoded without a check.
///
/// ```
/// use wsproto::{RawClosePayload, RawFrameHeader};
///
/// // A code that is never sent, and a reason that is not UTF-8.
/// let payload: Vec<u8> = RawClosePayload::Code(1005, b"\xff").encode().collect();
/// let header = RawFrameHeader::new(8, payload.len() as u64);
/// assert_eq!(header.encode_frame(&payload), b"\x88\x03\x03\xed\xff");
///
/// assert!(RawClosePayload::HalfCode(3).encode().eq([3]));
/// assert!(RawClosePayload::Empty.encode().eq([]));
/// ```
///
/// It is exhaustive on purpose: a payload has no byte, one byte, or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RawClosePayload<'a> {
    /// No bytes, which is allowed.
    Empty,
    /// One byte, which is never allowed.
    HalfCode(u8),
    /// A code and a reason. Every code can be encoded, and a reason of any length, UTF-8 or not.
    Code(u16, &'a [u8]),
}

impl<'a> RawClosePayload<'a> {
    /// The bytes of the payload, whatever they say.
    pub fn encode(self) -> impl Iterator<Item = u8> + use<'a> {
        let ([high, low], code_len, reason) = match self {
            Self::Empty => ([0, 0], 0, &[][..]),
            Self::HalfCode(byte) => ([byte, 0], 1, &[][..]),
            Self::Code(code, reason) => (code.to_be_bytes(), 2, reason),
        };
        [high, low].into_iter().take(code_len).chain(reason.iter().copied())
    }
}

impl From<FrameHeader> for RawFrameHeader {
    /// The same header, its length in the shortest form.
    fn from(header: FrameHeader) -> Self {
        let FrameHeader { fin, rsv, opcode, masking_key, payload_len } = header;
        Self { fin, rsv, masking_key, ..Self::new(opcode.bits(), payload_len) }
    }
}
