//! A simple encoder and decoder of frames: the load, and the check of what comes back (RFC 6455 §5.2).

/// A frame on the wire; it need not be valid.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// FIN, the three RSV bits and the opcode.
    pub(crate) first_byte: u8,
    pub(crate) masking_key: Option<[u8; 4]>,
    pub(crate) payload: &'a [u8],
}

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
/// What control frames have in their opcode, and others have not.
pub(crate) const CONTROL: u8 = 8;

impl Frame<'_> {
    /// Appends the frame, its length in the shortest form.
    pub(crate) fn write(&self, wire: &mut Vec<u8>) {
        let mask_bit = if self.masking_key.is_some() { 0x80 } else { 0 };
        wire.push(self.first_byte);
        match self.payload.len() {
            len @ 0..=125 => wire.push(mask_bit | len as u8),
            len @ 126..=0xffff => {
                wire.push(mask_bit | 126);
                wire.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                wire.push(mask_bit | 127);
                wire.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        self.write_payload(wire);
    }

    /// Appends the part after the length: the key, and the payload masked with it.
    pub(crate) fn write_payload(&self, wire: &mut Vec<u8>) {
        let key = self.masking_key.unwrap_or_default();
        if self.masking_key.is_some() {
            wire.extend_from_slice(&key);
        }
        wire.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}

/// A frame that was read, its payload unmasked.
pub(crate) struct Read {
    pub(crate) first_byte: u8,
    pub(crate) masking_key: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
    /// The offset of the first byte after the frame.
    pub(crate) rest_at: usize,
}

/// Reads the frame at the start of `wire`; `None` if it is incomplete, or its length is not in the shortest form.
pub(crate) fn read(wire: &[u8]) -> Option<Read> {
    let (&[first_byte, second_byte], _) = wire.split_first_chunk()?;
    let (len, mut at) = match second_byte & 0x7f {
        126 => (usize::from(u16::from_be_bytes(wire.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(wire.get(2..10)?.try_into().ok()?)).ok()?, 10),
        len => (usize::from(len), 2),
    };
    let shortest = match len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    if at != shortest {
        return None;
    }
    let masking_key: Option<[u8; 4]> = if second_byte & 0x80 != 0 {
        at += 4;
        Some(wire.get(at - 4..at)?.try_into().ok()?)
    } else {
        None
    };
    let payload = wire.get(at..at.checked_add(len)?)?;
    let key = masking_key.unwrap_or_default();
    Some(Read {
        first_byte,
        masking_key,
        payload: payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect(),
        rest_at: at + len,
    })
}
