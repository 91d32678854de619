//! Frames (RFC 6455 §5.2): a reader that accepts whatever can be read, and a writer that can say anything.

/// A frame, however wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    /// Three bits: RSV1 is 4.
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    /// How many bits the length has: 7, 16 or 64.
    pub(crate) length_form: u8,
    /// Unmasked.
    pub(crate) payload: Vec<u8>,
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) length_form: u8,
    /// The length of the payload, as the header says.
    pub(crate) payload_len: u64,
    /// The length of the header.
    pub(crate) len: usize,
}

impl Header {
    /// Reads a header from the front of `bytes`; `None` if they do not hold all of it.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let [first, second, rest @ ..] = bytes else { return None };
        let (length_form, payload_len, rest) = match second & 0x7f {
            126 => {
                let (len, rest) = rest.split_first_chunk()?;
                (16, u64::from(u16::from_be_bytes(*len)), rest)
            }
            127 => {
                let (len, rest) = rest.split_first_chunk()?;
                (64, u64::from_be_bytes(*len), rest)
            }
            len => (7, u64::from(len), rest),
        };
        let (mask, rest) = match (second & 0x80, rest.split_first_chunk()) {
            (0, _) => (None, rest),
            (_, Some((key, rest))) => (Some(*key), rest),
            (_, None) => return None,
        };
        let len = bytes.len().saturating_sub(rest.len());
        let (fin, rsv, opcode) = (first & 0x80 != 0, first >> 4 & 0x7, first & 0xf);
        Some(Self { fin, rsv, opcode, mask, length_form, payload_len, len })
    }

    /// Whether a shorter form of the length would do (RFC 6455 §5.2).
    pub(crate) fn is_minimal(&self) -> bool {
        match self.length_form {
            7 => true,
            16 => self.payload_len > 125,
            _ => self.payload_len > 0xffff,
        }
    }
}

impl Frame {
    /// A frame that is valid except for what the caller changes: FIN is set, and it is masked if there is a key.
    pub(crate) fn new(opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Self {
        let length_form = match payload.len() {
            0..=125 => 7,
            126..=0xffff => 16,
            _ => 64,
        };
        Self { fin: true, rsv: 0, opcode, mask, length_form, payload: payload.to_vec() }
    }

    /// Writes the frame.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.fin) << 7 | (self.rsv & 0x7) << 4 | self.opcode & 0xf];
        let mask_bit = u8::from(self.mask.is_some()) << 7;
        let len = (self.payload.len() as u64).to_be_bytes();
        match self.length_form {
            7 => bytes.push(mask_bit | len[7] & 0x7f),
            16 => {
                bytes.push(mask_bit | 126);
                bytes.extend_from_slice(&len[6..]);
            }
            _ => {
                bytes.push(mask_bit | 127);
                bytes.extend_from_slice(&len);
            }
        }
        bytes.extend(self.mask.into_iter().flatten());
        bytes.extend(masked(&self.payload, self.mask));
        bytes
    }

    /// Reads a frame from the front of `bytes`, with its length; `None` if they do not hold all of it.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let header = Header::read(bytes)?;
        let end = header.len.checked_add(usize::try_from(header.payload_len).ok()?)?;
        let payload = bytes.get(header.len..end)?;
        let payload = match header.mask {
            None => payload.to_vec(),
            Some(_) => masked(payload, header.mask).collect(),
        };
        let Header { fin, rsv, opcode, mask, length_form, .. } = header;
        Some((Self { fin, rsv, opcode, mask, length_form, payload }, end))
    }
}

/// Masks or unmasks.
fn masked(payload: &[u8], key: Option<[u8; 4]>) -> impl Iterator<Item = u8> + '_ {
    payload.iter().zip(key.unwrap_or_default().into_iter().cycle()).map(|(byte, key)| byte ^ key)
}

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// The payload of a close frame.
pub(crate) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (len, mask) in
            [(0, None), (125, Some([1, 2, 3, 4])), (126, None), (65535, None), (65536, Some([9; 4]))]
        {
            let frame = Frame::new(BINARY, &vec![7; len], mask);
            let bytes = frame.to_bytes();
            assert_eq!(Frame::read(&bytes), Some((frame, bytes.len())));
            assert_eq!(Frame::read(&bytes[..bytes.len() - 1]), None);
            assert!(Header::read(&bytes).unwrap().is_minimal());
        }
    }

    #[test]
    fn frame_that_breaks_rules_can_be_written() {
        let frame =
            Frame { fin: false, rsv: 7, opcode: 0xf, length_form: 64, ..Frame::new(PING, b"x", None) };
        assert_eq!(frame.to_bytes(), b"\x7f\x7f\0\0\0\0\0\0\0\x01x");
        assert!(!Header::read(&frame.to_bytes()).unwrap().is_minimal());
    }
}
