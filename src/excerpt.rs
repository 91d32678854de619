//! The start of a name that a peer sent, for an error to show: of a fixed size, whatever the peer sends.

use core::fmt::{self, Write};

/// The first bytes of a name that the peer sent, at most [`MAX_LEN`](Self::MAX_LEN) of them.
///
/// Errors hold it to say which subprotocol, extension or parameter they are about. It takes 32 bytes and no memory of
/// the heap, however long the name is.
///
/// ```
/// use wsproto::Excerpt;
///
/// let excerpt = Excerpt::new("chat");
/// assert_eq!((excerpt.as_bytes(), excerpt.is_truncated()), (&b"chat"[..], false));
///
/// let excerpt = Excerpt::new("a".repeat(99));
/// assert_eq!((excerpt.as_bytes().len(), excerpt.is_truncated()), (Excerpt::MAX_LEN, true));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Excerpt {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
    is_truncated: bool,
}

impl Excerpt {
    /// The most bytes that are kept of a name: 30.
    pub const MAX_LEN: usize = 30;

    /// Copies the start of `name`.
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        let mut bytes = [0; Self::MAX_LEN];
        let mut len = 0;
        for (slot, byte) in bytes.iter_mut().zip(name) {
            *slot = *byte;
            len = u8::saturating_add(len, 1);
        }
        Self { bytes, len, is_truncated: name.len() > Self::MAX_LEN }
    }

    /// The bytes that are kept.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether the name was longer than what is kept of it.
    pub const fn is_truncated(&self) -> bool {
        self.is_truncated
    }
}

impl AsRef<[u8]> for Excerpt {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Escapes what is not printable ASCII, so that a peer cannot forge lines of a log. A truncated name ends in `…`.
impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())?;
        if self.is_truncated { f.write_char('…') } else { Ok(()) }
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_the_start_of_a_name_and_escapes_it() {
        for (name, shown) in [
            ("", ""),
            ("chat", "chat"),
            ("a\r\nb\0", "a\\r\\nb\\x00"),
            ("é", "\\xc3\\xa9"),
            ("012345678901234567890123456789", "012345678901234567890123456789"),
            ("0123456789012345678901234567890", "012345678901234567890123456789…"),
        ] {
            let excerpt = Excerpt::new(name);
            assert_eq!(excerpt.to_string(), shown);
            assert_eq!(format!("{excerpt:?}"), format!("\"{shown}\""));
            assert_eq!(excerpt.is_truncated(), name.len() > Excerpt::MAX_LEN);
            assert!(name.as_bytes().starts_with(excerpt.as_ref()));
        }
        assert_eq!(size_of::<Excerpt>(), 32);
    }
}
