//! The type of messages, in both directions.

use bytes::Bytes;
use wsproto::Utf8Bytes;

/// A whole message that owns its data: text or binary. A clone shares the data.
///
/// A received message is a part of the buffer that it was read into, without a copy. That memory is freed, or used again,
/// once all messages in it are dropped.
///
/// ```
/// use wsproto_tokio::Message;
///
/// let message = Message::from("Hello"); // also from String, Vec<u8>, Bytes and Utf8Bytes
/// assert_eq!(message.as_text(), Some("Hello"));
/// assert_eq!(message.as_bytes(), b"Hello");
/// ```
pub type Message = wsproto::Message<Utf8Bytes, Bytes>;
