//! Taking a connection apart: nothing that was received or accepted is lost.

use tokio::io::{AsyncRead, AsyncWrite};
use wsproto::{Connection, MessagePart};

use crate::entropy::MaskingKeys;

use super::Driver;

/// What is left of a connection, from [`WebSocket::into_parts`](crate::WebSocket::into_parts): nothing is lost.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use wsproto_tokio::wsproto::{Connection, Limits, Role};
/// # use wsproto_tokio::{MaskingKeys, Settings};
/// use wsproto_tokio::WebSocket;
///
/// # let stream = tokio::io::empty();
/// # let connection = Connection::with_role(Role::Client, Limits::default(), MaskingKeys::seeded()?);
/// let mut ws = WebSocket::from_parts(stream, connection, b"\x81\x01a\x81\x01b", Settings::default());
/// assert_eq!(ws.recv().await?, Some("a".into()));
///
/// let parts = ws.into_parts();
/// assert_eq!(parts.unread, b"\x81\x01b");
/// let mut ws = WebSocket::from_parts(parts.stream, parts.connection, &parts.unread, Settings::default());
/// assert_eq!(ws.recv().await?, Some("b".into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct WebSocketParts<S> {
    /// The transport.
    pub stream: S,
    /// The connection; a message may be in progress in each direction.
    pub connection: Connection<MaskingKeys>,
    /// What was received, and not returned by [`recv`](crate::WebSocket::recv): messages that were read while the sender
    /// waited, and what was read of the message in progress.
    pub received: Vec<MessagePart>,
    /// The bytes that were read from the transport and that the connection has not read.
    pub unread: Vec<u8>,
    /// The bytes that are still to be written: the rest of messages, and replies.
    pub unwritten: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(crate) fn into_parts(mut self) -> WebSocketParts<S> {
        let mut unwritten = Vec::new();
        loop {
            if let Some(frame) = self.outgoing.unwritten_frame() {
                let frame = frame.concat();
                self.outgoing.frame_written(frame.len());
                unwritten.extend_from_slice(&frame);
                continue;
            }
            // Before the next frame that is not in the output, as `poll_write` does.
            unwritten.extend_from_slice(self.messages.output());
            self.messages.written(usize::MAX);
            if !self.encode_next() {
                break;
            }
        }
        let mut received = self.take_received();
        let parts = self.messages.into_parts();
        received.extend(parts.begun);
        unwritten.extend_from_slice(&parts.output);
        WebSocketParts {
            stream: self.stream,
            connection: parts.connection,
            received,
            unread: parts.buffer.unread().to_vec(),
            unwritten,
        }
    }
}
