//! A header's bytes, as they go out (RFC 6455 §5.2).

use core::fmt;
use core::ops::Deref;

/// A header's bytes; use it as the slice that it derefs to.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use = "without its header, the peer cannot read the payload: write both"]
pub struct EncodedHeader {
    /// Put together as a number: bytes stored one by one and then read as a word are slow to come back.
    bytes: [u8; 16],
    len: u8,
}

impl EncodedHeader {
    /// The first `len` bytes, the lowest of `start` first, and behind them the key.
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

    /// It and nothing behind it, eight bytes in all, unless it is longer: before payloads of 64 KiB and more.
    #[inline(always)]
    pub(crate) const fn as_word(&self) -> Option<&[u8; 8]> {
        if self.len <= 8 { self.bytes.first_chunk() } else { None }
    }
}

impl Deref for EncodedHeader {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl AsRef<[u8]> for EncodedHeader {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for EncodedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EncodedHeader").field(&&**self).finish()
    }
}
