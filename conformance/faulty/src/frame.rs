//! Frames on the wire: headers, masking (RFC 6455 §5.2, §5.3).

use crate::fault::{Fault, Faults};

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

pub(crate) type Key = [u8; 4];

/// The header of a frame, as it was read: nothing is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    /// The three reserved bits: RSV1 is 4.
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) key: Option<Key>,
    pub(crate) len: u64,
    /// Whether a shorter form of the length would have been possible.
    pub(crate) is_longer_than_needed: bool,
}

impl Header {
    /// The fields of the first two bytes; `len` is the 7-bit length.
    pub(crate) fn first(bytes: &[u8]) -> Option<Self> {
        let [first, second, ..] = *bytes else { return None };
        Some(Self {
            fin: first & 0x80 != 0,
            rsv: (first >> 4) & 7,
            opcode: first & 15,
            key: (second & 0x80 != 0).then_some([0; 4]),
            len: u64::from(second & 0x7F),
            is_longer_than_needed: false,
        })
    }

    /// The whole header, or `None` if `bytes` does not have all of it.
    pub(crate) fn decode(bytes: &[u8], faults: Faults) -> Option<Self> {
        let mut header = Self::first(bytes)?;
        let mut rest = bytes.get(2..)?;
        match header.len {
            126 => {
                let (len, after) = rest.split_first_chunk()?;
                rest = after;
                let len = if faults.has(Fault::ReadsLittleEndian) {
                    u16::from_le_bytes(*len)
                } else {
                    u16::from_be_bytes(*len)
                };
                header.len = u64::from(len);
                header.is_longer_than_needed = header.len < 126;
            }
            127 => {
                let (len, after) = rest.split_first_chunk()?;
                rest = after;
                header.len = u64::from_be_bytes(*len);
                header.is_longer_than_needed = header.len < 1 << 16;
                if faults.has(Fault::ReadsLengthAs32Bits) {
                    header.len &= u64::from(u32::MAX);
                }
                if faults.has(Fault::ClearsHighestLengthBit) {
                    header.len &= u64::MAX >> 1;
                    header.is_longer_than_needed = false;
                }
            }
            _ => {}
        }
        if header.key.is_some() {
            header.key = Some(*rest.first_chunk()?);
        }
        Some(header)
    }
}

/// Masks or unmasks the bytes of a payload that start at an offset of it.
pub(crate) fn mask(payload: &mut [u8], mut key: Key, offset: u64, faults: Faults) {
    if faults.has(Fault::ReversesMaskingKey) {
        key.reverse();
    }
    let start = usize::try_from(offset % 4).unwrap_or_default();
    for (byte, key) in payload.iter_mut().zip(key.iter().cycle().skip(start)) {
        *byte ^= key;
    }
}

/// Encodes a frame; with a key it is masked.
pub(crate) fn encode(first: u8, payload: &[u8], key: Option<Key>, faults: Faults) -> Vec<u8> {
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    let longer = faults.has(Fault::SendsLongerLengthForm);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len @ 0..=125), _) if !longer => frame.push(mask_bit | len),
        (_, Ok(len)) => {
            frame.push(mask_bit | 126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            frame.push(mask_bit | 127);
            frame.extend_from_slice(&u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    if let Some(key) = key {
        frame.extend_from_slice(&key);
    }
    let start = frame.len();
    frame.extend_from_slice(payload);
    if let (Some(key), Some(payload)) = (key, frame.get_mut(start..)) {
        mask(payload, key, 0, Faults::NONE);
    }
    frame
}
