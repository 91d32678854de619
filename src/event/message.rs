//! A whole message, without the marks of a piece.

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

#[cfg(feature = "bytes")]
use bytes::Bytes;

#[cfg(feature = "bytes")]
use crate::utf8_bytes::Utf8Bytes;

use super::{BytesMessage, Event, EventRef, Outgoing, TextMessage, sealed::Sealed};

/// A whole message: text or binary (RFC 6455 §5.6).
///
/// `T` holds text and `B` holds bytes: `&str` and `&[u8]` in what [`Messages`] returns. It can be sent, as one frame.
///
/// ```
/// use wsproto::{MessageRef, Sender};
///
/// let message: MessageRef = "Hello".into();
/// let mut output = Vec::new();
/// Sender::server().send(message, &mut output)?;
/// assert_eq!(output, b"\x81\x05Hello");
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
///
#[cfg_attr(feature = "alloc", doc = "[`Messages`]: crate::Messages")]
#[cfg_attr(not(feature = "alloc"), doc = "[`Messages`]: crate#features")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message<T, B> {
    /// A text message.
    Text(T),
    /// A binary message.
    Binary(B),
}

/// A whole message that borrows its data.
pub type MessageRef<'a> = Message<&'a str, &'a [u8]>;

impl<T, B> Message<T, B> {
    /// The same message, with its text or its bytes converted by one of these functions.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use wsproto::{Message, MessageRef};
    ///
    /// let message = MessageRef::from("Hello");
    /// let shared: Message<Arc<str>, Arc<[u8]>> = message.map(Arc::from, Arc::from);
    /// assert_eq!(shared.as_ref(), message);
    /// ```
    #[inline]
    pub fn map<U, C>(self, text: impl FnOnce(T) -> U, bytes: impl FnOnce(B) -> C) -> Message<U, C> {
        match self {
            Self::Text(data) => Message::Text(text(data)),
            Self::Binary(data) => Message::Binary(bytes(data)),
        }
    }
}

impl<T: AsRef<str>, B: AsRef<[u8]>> Message<T, B> {
    /// The same message, with its data borrowed.
    #[inline]
    pub fn as_ref(&self) -> MessageRef<'_> {
        match self {
            Self::Text(data) => Message::Text(data.as_ref()),
            Self::Binary(data) => Message::Binary(data.as_ref()),
        }
    }

    /// The bytes of the message, whatever its type.
    ///
    /// ```
    /// use wsproto::MessageRef;
    ///
    /// assert_eq!(MessageRef::from("Hello").as_bytes(), b"Hello");
    /// ```
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(data) => data.as_ref().as_bytes(),
            Self::Binary(data) => data.as_ref(),
        }
    }

    /// The text; `None` if the message is binary.
    ///
    /// ```
    /// use wsproto::MessageRef;
    ///
    /// assert_eq!(MessageRef::from("Hello").as_text(), Some("Hello"));
    /// assert_eq!(MessageRef::from(&b"Hello"[..]).as_text(), None);
    /// ```
    #[inline]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(data) => Some(data.as_ref()),
            Self::Binary(_) => None,
        }
    }
}

#[cfg(feature = "alloc")]
impl<T: Into<String>, B: Into<Vec<u8>>> Message<T, B> {
    /// The same message, which owns its data. Nothing is copied if it owned the data already.
    pub fn into_owned(self) -> Message<String, Vec<u8>> {
        self.map(Into::into, Into::into)
    }
}

impl<'a> From<&'a str> for MessageRef<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for MessageRef<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

/// Makes a message that owns its bytes: `From` for each of these types.
#[cfg(feature = "bytes")]
macro_rules! owned_from {
    ($($data:ty => $kind:ident),* $(,)?) => {$(
        impl From<$data> for Message<Utf8Bytes, Bytes> {
            #[inline]
            fn from(data: $data) -> Self {
                Self::$kind(data.into())
            }
        }
    )*};
}

#[cfg(feature = "bytes")]
owned_from! {
    &str => Text,
    String => Text,
    Utf8Bytes => Text,
    Vec<u8> => Binary,
    Bytes => Binary,
}

impl<T: AsRef<str>, B: AsRef<[u8]>> Sealed for Message<T, B> {}

impl<T: AsRef<str>, B: AsRef<[u8]>> Outgoing for Message<T, B> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        match self {
            Self::Text(data) => Event::Text(TextMessage::new(data.as_ref())),
            Self::Binary(data) => Event::Bytes(BytesMessage::new(data.as_ref())),
        }
    }
}
