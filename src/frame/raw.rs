//! Frame headers that may break every rule, for fuzzers and conformance suites (RFC 6455 §5.2).

use crate::encoded_header::EncodedHeader;

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
}

impl From<FrameHeader> for RawFrameHeader {
    /// The same header, its length in the shortest form.
    fn from(header: FrameHeader) -> Self {
        let FrameHeader { fin, rsv, opcode, masking_key, payload_len } = header;
        Self { fin, rsv, masking_key, ..Self::new(opcode.bits(), payload_len) }
    }
}
