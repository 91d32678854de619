//! A connection in one task: to receive, to send, and to close.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use wsproto::{AcceptConnection, CloseCode, Connection, Ping, PreparedMessage, ReadBuffer};

use crate::driver::{CloseInfo, Driver, WebSocketParts};
use crate::entropy::MaskingKeys;
use crate::halves::{WebSocketReceiver, WebSocketSender, split};
use crate::settings::Settings;
use crate::{Error, Message, MessagePart};

/// An open connection over any transport: receives and sends messages, answers pings, and closes.
///
/// It comes from a [`Server`](crate::Server), from a [`Client`](crate::Client), or from a stream that another HTTP stack
/// has [upgraded](Self::from_parts).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use wsproto_tokio::{Client, Message, Server};
///
/// let (near, far) = tokio::io::duplex(4096); // or two TCP streams
/// let server = tokio::spawn(async move {
///     let mut ws = Server::new().accept(far).await.unwrap();
///     while let Some(message) = ws.recv().await.unwrap() {
///         ws.send(message).await.unwrap();
///     }
/// });
/// let mut ws = Client::new().connect_over(near, "ws://example.com/").await?;
/// ws.send("Hello").await?;
/// assert_eq!(ws.recv().await?, Some(Message::Text("Hello".into())));
/// ws.close(wsproto::CloseCode::NORMAL_CLOSURE, "").await?;
/// # server.await?;
/// # Ok(())
/// # }
/// ```
///
/// # If a future is dropped
///
/// All futures of this type can be dropped at any time, by `select!` or a timeout:
///
/// - [`recv`](Self::recv), [`recv_part`](Self::recv_part): nothing is lost. What was read is kept for the next call.
/// - [`send`](Self::send), [`send_prepared`](Self::send_prepared), [`send_part`](Self::send_part): the message is
///   sent once and to its end, or not at all. To know which, wait for [`ready`](Self::ready) and then call
///   [`start_send`](Self::start_send), which does not wait: from then on it is sent. The next call of any method that
///   waits goes on with it.
/// - [`ready`](Self::ready), [`flush`](Self::flush): nothing is lost, call them again.
/// - [`close`](Self::close): from its first poll on, the close frame is sent.
///
/// # Who does the work
///
/// Nothing runs in the background. While a future of this type is polled, whichever it is, bytes are written, pings are
/// answered, and deadlines are checked. If you are busy elsewhere for long, the peer sees no answer meanwhile. A caller
/// that only sends reads after a message, but not more often than each 100 ms.
///
/// To receive and to send at the same time, [`split`](Self::split) it, or use `select!` in one task.
#[derive(Debug)]
#[must_use = "the connection ends without a close frame if it is dropped"]
pub struct WebSocket<S> {
    pub(crate) driver: Driver<S>,
    subprotocol: Option<Box<str>>,
    response: Option<Box<AcceptConnection>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// A connection whose handshake was done elsewhere, such as by hyper, axum or h2.
    ///
    /// `leftover` are bytes that were read after the handshake; often there are none. The limits are those of the
    /// `connection`; for whole messages, also the [`max_message_len`](wsproto::Limits::max_message_len) of the settings.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use wsproto_tokio::wsproto::{Connection, Limits, Role};
    /// use wsproto_tokio::{MaskingKeys, Message, Settings, WebSocket};
    ///
    /// # let upgraded = tokio::io::empty();
    /// let connection = Connection::with_role(Role::Client, Limits::default(), MaskingKeys::seeded()?);
    /// // With what was agreed on in the handshake: connection.with_extensions(extensions)
    /// let mut ws = WebSocket::from_parts(upgraded, connection, b"\x81\x05Hello", Settings::default());
    /// assert_eq!(ws.recv().await?, Some(Message::Text("Hello".into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_parts(
        stream: S,
        connection: Connection<MaskingKeys>,
        leftover: &[u8],
        settings: Settings,
    ) -> Self {
        let mut buffer = ReadBuffer::new().with_max_len(usize::MAX);
        // It cannot be full.
        _ = buffer.extend_from_slice(leftover);
        Self::opened(stream, connection, buffer, settings)
    }

    pub(crate) fn opened(
        stream: S,
        connection: Connection<MaskingKeys>,
        buffer: ReadBuffer,
        settings: Settings,
    ) -> Self {
        let driver = Driver::new(stream, connection, buffer, settings);
        Self { driver, subprotocol: None, response: None }
    }

    pub(crate) fn with_subprotocol(mut self, subprotocol: Option<Box<str>>) -> Self {
        self.subprotocol = subprotocol;
        self
    }

    pub(crate) fn with_response(mut self, response: AcceptConnection) -> Self {
        self.subprotocol = response.subprotocol().map(Box::from);
        self.response = Some(Box::new(response));
        self
    }

    /// Waits for the next message. `None` is the end of the connection, after the last message of the peer.
    ///
    /// At the end, it also ends the transport: as a server, it shuts down our direction and reads to the end, so that the
    /// peer gets what was sent last; as a client, it waits for the server to end it (RFC 6455 §7.1.1). That takes the
    /// `close` timeout at most.
    ///
    /// # Errors
    ///
    /// How the connection failed, once; then `None`. Messages that were received before are returned first.
    ///
    /// # If it is dropped
    ///
    /// No message is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.driver.poll_recv(cx)).await
    }

    /// Waits for the next part of a message: for messages that are longer than you want to store.
    ///
    /// All parts, up to the one that `is_last`, are one message. Their length depends on how the bytes arrive; only the last
    /// can be empty. Text is checked as it arrives, and is not cut inside a character. How long a message may be,
    /// [`Settings::max_streamed_len`] says; with [`from_parts`](Self::from_parts), the limits of the connection do.
    ///
    /// It can be mixed with [`recv`](Self::recv), which drops the rest of a message of which parts were returned. If
    /// [`recv`](Self::recv) is dropped inside a message, that message can be received in parts from its beginning.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (near, far) = tokio::io::duplex(4096);
    /// # tokio::spawn(async move {
    /// #     let mut ws = wsproto_tokio::Server::new().accept(far).await.unwrap();
    /// #     ws.send(vec![0; 1_000_000]).await.unwrap();
    /// # });
    /// # let mut ws = wsproto_tokio::Client::new().connect_over(near, "ws://example.com/").await?;
    /// let mut len = 0;
    /// while let Some(part) = ws.recv_part().await? {
    ///     len += part.data.as_bytes().len(); // or write it to a file
    ///     if part.is_last {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(len, 1_000_000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`recv`](Self::recv). The rest of a message may then be missing.
    ///
    /// # If it is dropped
    ///
    /// No part is lost.
    pub async fn recv_part(&mut self) -> Result<Option<MessagePart>, Error> {
        poll_fn(|cx| self.driver.poll_recv_part(cx)).await
    }

    /// Sends a message, and waits until the transport has taken all of it.
    ///
    /// A message that is longer than [`Settings::max_fragment_len`] is sent in fragments: pings are answered between them.
    /// While it waits, it reads on: see [deadlocks](crate#if-both-sides-only-write).
    ///
    /// # Errors
    ///
    /// The connection is closing or has failed: then the message was not sent, or not to its end.
    ///
    /// # If it is dropped
    ///
    /// The message is sent once and to its end, or not at all: see [the type](Self#if-a-future-is-dropped).
    pub fn send(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        let message = message.into();
        async move {
            self.ready().await;
            self.driver.start_send_alone(&message)?;
            self.flush().await
        }
    }

    /// Sends a message that was prepared for many connections; a server writes the shared bytes, without a copy.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    ///
    /// # If it is dropped
    ///
    /// As for [`send`](Self::send).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use wsproto_tokio::wsproto::{Connection, Limits, Role};
    /// # use wsproto_tokio::{MaskingKeys, Settings, WebSocket};
    /// # let connection = Connection::with_role(Role::Server, Limits::default(), MaskingKeys::default());
    /// # let mut audience = [WebSocket::from_parts(tokio::io::empty(), connection, b"", Settings::default())];
    /// let message = wsproto::PreparedMessage::text("to all")?;
    /// for ws in &mut audience {
    ///     ws.send_prepared(&message).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.ready().await;
        self.driver.start_send_prepared(message)?;
        self.flush().await
    }

    /// Sends a part of a message: all parts, up to the one that `is_last`, are one message for the peer.
    ///
    /// The parts are all text or all binary. Until the last, no other message can be sent.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); and a part of the other type.
    ///
    /// # If it is dropped
    ///
    /// As for [`send`](Self::send), for this part.
    pub fn send_part(
        &mut self,
        part: impl Into<Message>,
        is_last: bool,
    ) -> impl Future<Output = Result<(), Error>> {
        let part = part.into();
        async move {
            self.ready().await;
            self.driver.start_send_part(&part, is_last)?;
            self.flush().await
        }
    }

    /// Sends a ping, with a payload of at most 125 bytes. Pongs are not reported.
    ///
    /// The [timeouts](Settings::timeouts) send pings by themselves.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); and a payload that is too long.
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.ready().await;
        self.driver.start_send_control(Ping::new(payload))?;
        self.flush().await
    }

    /// Waits until [`start_send`](Self::start_send) can accept a message.
    pub async fn ready(&mut self) {
        poll_fn(|cx| self.driver.poll_ready(cx)).await;
    }

    /// Accepts a message without waiting, after [`ready`](Self::ready): from now on it is sent. Then
    /// [`flush`](Self::flush) it.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); and [`Error::Local`] if it is not ready. Then the message was not accepted.
    pub fn start_send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.driver.start_send(&message.into())
    }

    /// Accepts a part of a message without waiting, after [`ready`](Self::ready): see [`send_part`](Self::send_part).
    ///
    /// # Errors
    ///
    /// As for [`start_send`](Self::start_send); and a part of the other type.
    pub fn start_send_part(&mut self, part: impl Into<Message>, is_last: bool) -> Result<(), Error> {
        self.driver.start_send_part(&part.into(), is_last)
    }

    /// Waits until the transport has taken all that was accepted.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.driver.poll_flush(cx)).await
    }

    /// Sends a close frame, waits for the peer's, and ends the transport by the rule of RFC 6455 §7.1.1.
    ///
    /// Messages that arrive meanwhile are dropped. To get them, call [`start_close`](Self::start_close), and then
    /// [`recv`](Self::recv) until it returns `None`. It takes the `close` timeout at most. If the connection is closed
    /// already, it sends nothing.
    ///
    /// # Errors
    ///
    /// The connection did not end cleanly, or a message that was accepted could not be written to its end; or the code
    /// cannot be sent, or the reason is longer than 123 bytes: then nothing was done.
    ///
    /// # If it is dropped
    ///
    /// From its first poll on, the close frame is sent, if another method is called.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.driver.start_close(code, reason)?;
        self.driver.drop_receiver();
        poll_fn(|cx| self.driver.poll_end(cx)).await
    }

    /// Accepts a close frame without waiting: it is sent after the message in progress, by [`recv`](Self::recv) or
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// The code cannot be sent, or the reason is longer than 123 bytes: then nothing was done.
    pub fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.driver.start_close(code, reason)
    }

    /// How the connection ended; `None` if it has not ended.
    pub fn close_info(&mut self) -> Option<CloseInfo> {
        self.driver.close_info()
    }

    /// Takes the connection apart, for a task that receives and another one that sends.
    ///
    /// The halves share the connection by a lock, which is held while one of them is polled. Each answers pings and checks
    /// deadlines while it is polled. The connection ends once both are dropped, without a close frame unless one was sent.
    pub fn split(self) -> (WebSocketReceiver<S>, WebSocketSender<S>) {
        split(self)
    }

    /// The subprotocol that was agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The server's response, as a client has received it: its headers, for example.
    pub fn response(&self) -> Option<&AcceptConnection> {
        self.response.as_deref()
    }

    /// The connection, for what this type has no method for.
    pub const fn connection(&self) -> &Connection<MaskingKeys> {
        self.driver.connection()
    }

    /// The transport, for example to read its address.
    pub const fn stream(&self) -> &S {
        self.driver.stream()
    }

    /// The transport. What waits to be written and what was read are dropped.
    pub fn into_stream(self) -> S {
        self.driver.into_stream()
    }

    /// Takes the connection apart: the transport, the connection, and what was not returned and not written.
    ///
    /// For example, to go on with a [`Connection`] by hand, or with a transport in TLS. The deadlines end. Write
    /// what is [`unwritten`](WebSocketParts::unwritten) before anything else.
    pub fn into_parts(self) -> WebSocketParts<S> {
        self.driver.into_parts()
    }

    /// How long the last ping that the [timeouts](Settings::timeouts) sent took to be answered.
    pub fn round_trip(&mut self) -> Option<Duration> {
        self.driver.round_trip()
    }

    /// Frees the buffers now. [`Settings::release_memory_after`] does it for a connection that is idle.
    pub fn release_memory(&mut self) {
        self.driver.release_memory();
    }
}

/// The same as [`WebSocket::recv`]; the stream ends after an error.
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().driver.poll_recv(cx).map(Result::transpose)
    }
}

/// [`WebSocket::send`] in steps. To close the sink closes the connection, with code 1000.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().driver.poll_ready(cx).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.get_mut().driver.start_send(&message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().driver.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().driver.poll_close(cx)
    }
}
