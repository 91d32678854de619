//! Text in memory that is shared: `Bytes` that were checked (RFC 6455 §8.1).

use alloc::string::String;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use bytes::Bytes;

use crate::utf8::{InvalidText, InvalidUtf8, Utf8Decoder, checked_text};

/// Text in [`Bytes`]: UTF-8 that was checked, and that is cloned without a copy.
///
/// Without the feature `unsafe-text`, [`as_str`](Self::as_str) checks the bytes again, as safe code has no other way to
/// a `&str`: call it once if the text is long.
///
/// ```
/// use bytes::Bytes;
/// use wsproto::Utf8Bytes;
///
/// let text = Utf8Bytes::try_from(Bytes::from_static(b"Hello"))?;
/// assert_eq!(text.as_str(), "Hello");
/// assert!(Utf8Bytes::try_from(Bytes::from_static(b"\xff")).is_err());
/// # Ok::<(), wsproto::InvalidUtf8>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utf8Bytes(Bytes);

impl Utf8Bytes {
    /// Text that was checked.
    pub(crate) const fn checked(text: Bytes) -> Self {
        Self(text)
    }

    /// Text that lives as long as the program.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        checked_text(&self.0)
    }

    /// The bytes of the text, which are not checked again.
    #[inline]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Utf8Bytes {
    #[inline]
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Utf8Bytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<str> for Utf8Bytes {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Hash for Utf8Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialEq<str> for Utf8Bytes {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Utf8Bytes {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl From<&str> for Utf8Bytes {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Self {
        text.0
    }
}

impl From<Utf8Bytes> for String {
    fn from(text: Utf8Bytes) -> Self {
        text.as_str().into()
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = InvalidUtf8;

    /// Checks the bytes.
    fn try_from(bytes: Bytes) -> Result<Self, InvalidUtf8> {
        let mut decoder = Utf8Decoder::new();
        match decoder.decode_piece(&bytes) {
            Ok(_) if decoder.is_complete() => Ok(Self(bytes)),
            Ok(_) => Err(InvalidUtf8 { at: bytes.len() }),
            Err(InvalidText { at, .. }) => Err(InvalidUtf8 { at }),
        }
    }
}
