//! A frame header's bytes, as they are sent (RFC 6455 §5.2).

use core::fmt;

/// The bytes of a frame header: write them before the payload.
#[derive(Clone, Copy, PartialEq, Eq)]
// Without it, a `Result` of a header and an error has them at the same bytes. Then a compiler copies the header in pieces
// that no store has written as a whole, and for those the processor waits.
#[repr(align(8))]
#[must_use = "without its header, the peer cannot read the payload: write both"]
pub struct EncodedHeader {
    /// Assembled as a number: if bytes are stored one by one, to load them as a word afterwards is slow.
    bytes: [u8; 16],
    len: u8,
}

impl EncodedHeader {
    /// A header of the lowest `len` bytes of `start`, little-endian, followed by the key.
    #[inline(always)]
    pub(crate) fn new(start: u128, len: u8, masking_key: Option<[u8; 4]>) -> Self {
        match masking_key {
            None => Self { bytes: start.to_le_bytes(), len },
            Some(key) => {
                let key = u128::from(u32::from_le_bytes(key)) << (len << 3);
                Self { bytes: (start | key).to_le_bytes(), len: len.wrapping_add(4) }
            }
        }
    }

    /// The header, padded with zeros to eight bytes; `None` if it is longer, as for payloads of 64 KiB or more.
    #[inline(always)]
    pub(crate) const fn as_word(&self) -> Option<&[u8; 8]> {
        if self.len <= 8 { self.bytes.first_chunk() } else { None }
    }
}

impl EncodedHeader {
    /// The bytes, 2 to 14 of them.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl AsRef<[u8]> for EncodedHeader {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for EncodedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EncodedHeader").field(&self.as_bytes()).finish()
    }
}
