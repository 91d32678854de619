//! A connection in two tasks: one receives, the other sends.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use wsproto::{CloseCode, Ping, PreparedMessage};

use crate::driver::CloseInfo;
use crate::web_socket::WebSocket;
use crate::{Error, Message, MessagePart};

/// The receiving half of a [`WebSocket`](crate::WebSocket), from [`split`](crate::WebSocket::split).
///
/// If it is dropped, messages that arrive while the other half waits are read and dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (near, far) = tokio::io::duplex(4096);
/// # tokio::spawn(async move {
/// #     let mut ws = wsproto_tokio::Server::new().accept(far).await.unwrap();
/// #     while let Some(message) = ws.recv().await.unwrap() {
/// #         ws.send(message).await.unwrap();
/// #     }
/// # });
/// # let ws = wsproto_tokio::Client::new().connect_over(near, "ws://example.com/").await?;
/// let (mut receiver, mut sender) = ws.split();
/// let received = tokio::spawn(async move {
///     let mut count = 0;
///     while receiver.recv().await?.is_some() {
///         count += 1;
///     }
///     Ok::<_, wsproto_tokio::Error>(count)
/// });
/// sender.send("one").await?;
/// sender.send("two").await?;
/// sender.close(wsproto::CloseCode::NORMAL_CLOSURE, "").await?;
/// assert_eq!(received.await??, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "messages that arrive are dropped if it is dropped"]
pub struct WebSocketReceiver<S> {
    alive: Alive<S>,
}

/// The sending half of a [`WebSocket`](crate::WebSocket), from [`split`](crate::WebSocket::split).
///
/// If it is dropped, the other half still answers pings and the peer's close frame.
#[derive(Debug)]
pub struct WebSocketSender<S> {
    shared: Arc<Shared<S>>,
}

/// What the two halves share. The lock is held while one of them is polled, and never while one waits.
#[derive(Debug)]
struct Shared<S>(Mutex<WebSocket<S>>);

/// Reports when the receiving half is dropped.
#[derive(Debug)]
struct Alive<S> {
    shared: Arc<Shared<S>>,
    reports: bool,
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, WebSocket<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Drop for Alive<S> {
    fn drop(&mut self) {
        if self.reports {
            self.shared.lock().driver.drop_receiver();
        }
    }
}

pub(crate) fn split<S>(ws: WebSocket<S>) -> (WebSocketReceiver<S>, WebSocketSender<S>) {
    let shared = Arc::new(Shared(Mutex::new(ws)));
    let alive = Alive { shared: Arc::clone(&shared), reports: true };
    (WebSocketReceiver { alive }, WebSocketSender { shared })
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketReceiver<S> {
    fn lock(&self) -> MutexGuard<'_, WebSocket<S>> {
        self.alive.shared.lock()
    }

    /// Waits for the next message: see [`WebSocket::recv`](crate::WebSocket::recv).
    ///
    /// # Errors
    ///
    /// How the connection failed, once; then `None`.
    ///
    /// # If it is dropped
    ///
    /// No message is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.lock().driver.poll_recv(cx)).await
    }

    /// Waits for the next part of a message: see [`WebSocket::recv_part`](crate::WebSocket::recv_part).
    ///
    /// # Errors
    ///
    /// As for [`recv`](Self::recv).
    ///
    /// # If it is dropped
    ///
    /// No part is lost.
    pub async fn recv_part(&mut self) -> Result<Option<MessagePart>, Error> {
        poll_fn(|cx| self.lock().driver.poll_recv_part(cx)).await
    }

    /// How the connection ended; `None` if it has not ended.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.lock().driver.close_info()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketSender<S> {
    /// Sends a message: see [`WebSocket::send`](crate::WebSocket::send).
    ///
    /// # Errors
    ///
    /// The connection is closing or has failed: then the message was not sent, or not to its end.
    ///
    /// # If it is dropped
    ///
    /// The message is sent once and to its end, or not at all.
    pub fn send(&mut self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        let message = message.into();
        async move {
            self.ready().await;
            self.shared.lock().driver.start_send_alone(&message)?;
            self.flush().await
        }
    }

    /// Sends a message that was prepared for many connections: see
    /// [`WebSocket::send_prepared`](crate::WebSocket::send_prepared).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.ready().await;
        self.shared.lock().driver.start_send_prepared(message)?;
        self.flush().await
    }

    /// Sends a part of a message: see [`WebSocket::send_part`](crate::WebSocket::send_part).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); and a part of the other type.
    pub fn send_part(
        &mut self,
        part: impl Into<Message>,
        is_last: bool,
    ) -> impl Future<Output = Result<(), Error>> {
        let part = part.into();
        async move {
            self.ready().await;
            self.shared.lock().driver.start_send_part(&part, is_last)?;
            self.flush().await
        }
    }

    /// Sends a ping, with a payload of at most 125 bytes. Pongs are not reported.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); and a payload that is too long.
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.ready().await;
        self.shared.lock().driver.start_send_control(Ping::new(payload))?;
        self.flush().await
    }

    /// Waits until [`start_send`](Self::start_send) can accept a message.
    pub async fn ready(&mut self) {
        poll_fn(|cx| self.shared.lock().driver.poll_ready(cx)).await;
    }

    /// Accepts a message without waiting: see [`WebSocket::start_send`](crate::WebSocket::start_send).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); and [`Error::Local`] if it is not [ready](Self::ready).
    pub fn start_send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.shared.lock().driver.start_send(&message.into())
    }

    /// Accepts a part of a message without waiting: see
    /// [`WebSocket::start_send_part`](crate::WebSocket::start_send_part).
    ///
    /// # Errors
    ///
    /// As for [`start_send`](Self::start_send); and a part of the other type.
    pub fn start_send_part(&mut self, part: impl Into<Message>, is_last: bool) -> Result<(), Error> {
        self.shared.lock().driver.start_send_part(&part.into(), is_last)
    }

    /// Waits until the transport has taken all that was accepted.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.shared.lock().driver.poll_flush(cx)).await
    }

    /// Sends a close frame, and waits for the end of the connection: see [`WebSocket::close`](crate::WebSocket::close).
    ///
    /// Messages that arrive meanwhile are for the receiving half, while that exists: it has to receive them.
    ///
    /// # Errors
    ///
    /// The connection did not end cleanly, or a message that was accepted could not be written to its end; or the code
    /// cannot be sent, or the reason is longer than 123 bytes: then nothing was done.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.shared.lock().driver.start_close(code, reason)?;
        poll_fn(|cx| self.shared.lock().driver.poll_end(cx)).await
    }

    /// How the connection ended; `None` if it has not ended.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.shared.lock().driver.close_info()
    }

    /// Puts the two halves of one connection together again; `None` if they are of two connections.
    pub fn reunite(self, mut receiver: WebSocketReceiver<S>) -> Option<WebSocket<S>> {
        if !Arc::ptr_eq(&self.shared, &receiver.alive.shared) {
            return None;
        }
        receiver.alive.reports = false;
        drop(receiver);
        let shared = Arc::into_inner(self.shared)?;
        Some(shared.0.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The same as [`WebSocketReceiver::recv`]; the stream ends after an error.
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocketReceiver<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.lock().driver.poll_recv(cx).map(Result::transpose)
    }
}

/// [`WebSocketSender::send`] in steps. To close the sink closes the connection, with code 1000.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocketSender<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.lock().driver.poll_ready(cx).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.shared.lock().driver.start_send(&message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.lock().driver.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.lock().driver.poll_close(cx)
    }
}
