//! The engines: each in one file, which says what part of its interface is used.

mod fastwebsockets;
mod faulty;
mod tokio_alone;
mod tokio_tungstenite;
mod tokio_websockets;
mod wsproto_tokio;
mod yawc;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Poll, ready};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::TcpStream;

pub(crate) use self::fastwebsockets::Fastwebsockets;
pub(crate) use self::faulty::{Slowed, Wrong};
pub(crate) use self::tokio_alone::TokioAlone;
pub(crate) use self::tokio_tungstenite::TokioTungstenite;
pub(crate) use self::tokio_websockets::TokioWebsockets;
pub(crate) use self::wsproto_tokio::{WithoutDeadlines, WsprotoTokio};
pub(crate) use self::yawc::Yawc;

/// What a connection is, when the handshake has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) role: Role,
    /// Whether permessage-deflate was agreed on.
    pub(crate) deflates: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// An implementation of WebSocket: its connections over TCP, after the handshake.
///
/// The future of an `async fn` has a second place for an argument that it uses as its own, so that no `echo` is one:
/// its memory is measured.
pub(crate) trait Engine: Sized + Send + 'static {
    /// Opens a connection.
    fn open(stream: TcpStream, setup: Setup) -> impl Future<Output = Self> + Send;

    /// Returns each message to the peer, and then waits for the next.
    fn echo(self) -> impl Future<Output = ()> + Send;

    /// Returns each message to the peer, and writes when no other message has arrived, if the engine can do that.
    fn echo_batched(self) -> impl Future<Output = ()> + Send {
        self.echo()
    }

    /// Sends each message of one connection to all others, one after the other.
    fn broadcast(self, audience: Vec<Self>) -> impl Future<Output = ()> + Send;
}

/// Returns each message, with one flush for each.
#[allow(clippy::manual_async_fn, reason = "an `async fn` has a second place for its argument")]
fn echo<W, M, E>(mut ws: W) -> impl Future<Output = ()> + Send
where
    M: Send,
    E: Send,
    W: Stream<Item = Result<M, E>> + Sink<M> + Send + Unpin,
    <W as Sink<M>>::Error: Send,
{
    async move {
        while let Some(Ok(message)) = ws.next().await {
            if ws.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// Returns each message, with one flush for all that have arrived.
async fn echo_batched<W, M, E>(mut ws: W)
where
    W: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
{
    poll_fn(|cx| {
        loop {
            if ready!(Pin::new(&mut ws).poll_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            match Pin::new(&mut ws).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    if Pin::new(&mut ws).start_send(message).is_err() {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    let flushed = ready!(Pin::new(&mut ws).poll_flush(cx));
                    return if flushed.is_ok() { Poll::Pending } else { Poll::Ready(()) };
                }
            }
        }
    })
    .await;
}

/// Sends each message to all in the audience.
async fn broadcast<W, M, E>(mut ws: W, mut audience: Vec<W>)
where
    M: Clone,
    W: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
{
    while let Some(Ok(message)) = ws.next().await {
        for listener in &mut audience {
            if listener.send(message.clone()).await.is_err() {
                return;
            }
        }
    }
}
