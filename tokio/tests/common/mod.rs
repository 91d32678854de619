//! Connections in memory, scripted peers, and transports that make trouble.
#![allow(
    dead_code,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should; each test uses a part"
)]

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use wsproto::{Connection, Limits, Role, Timeouts};
use wsproto_tokio::{MaskingKeys, Settings, WebSocket};

/// Without deadlines, and without pings.
pub(crate) const CALM: Settings = Settings::DEFAULT.with_timeouts(Timeouts::NONE);

pub(crate) fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    role: Role,
    settings: Settings,
) -> WebSocket<S> {
    let connection = Connection::with_role(role, settings.limits, MaskingKeys::default());
    WebSocket::from_parts(stream, connection, b"", settings)
}

/// A server and a client, with so many bytes between them in each direction.
pub(crate) fn pair(room: usize, settings: Settings) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    let (near, far) = duplex(room);
    (open(near, Role::Server, settings), open(far, Role::Client, settings))
}

/// A server's connection, and the bare stream of its client.
pub(crate) fn scripted(room: usize, settings: Settings) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(room);
    (open(near, Role::Server, settings), far)
}

/// A client's connection, and the bare stream of its server.
pub(crate) fn scripted_server(room: usize, settings: Settings) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(room);
    (open(near, Role::Client, settings), far)
}

/// A client's frame, masked with zeros: the payload is readable.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The connection of a scripted peer: it reads what the other side has sent.
pub(crate) fn server_connection() -> Connection {
    Connection::server(Limits::NONE)
}

pub(crate) async fn read_exactly(stream: &mut (impl AsyncRead + Unpin), len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

pub(crate) async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

pub(crate) async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
}

/// Polls a future so often, and then drops it; returns its result if it was ready before.
pub(crate) async fn poll_times<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(result) = polled {
            return Some(result);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// A transport that moves at most so many bytes a call, and is not ready each second time.
#[derive(Debug)]
pub(crate) struct Cut<S> {
    pub(crate) inner: S,
    pub(crate) len: usize,
    read_ready: bool,
    write_ready: bool,
}

impl<S> Cut<S> {
    pub(crate) fn new(inner: S, len: usize) -> Self {
        Self { inner, len, read_ready: false, write_ready: false }
    }
}

/// Not ready each second time.
fn turn(ready: &mut bool, cx: &Context<'_>) -> Poll<()> {
    *ready = !*ready;
    if *ready {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

impl<S: AsyncRead + Unpin> AsyncRead for Cut<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(turn(&mut self.read_ready, cx));
        let len = self.len.min(buf.remaining());
        let mut part = vec![0; len];
        let mut part = ReadBuf::new(&mut part);
        std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cut<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(turn(&mut self.write_ready, cx));
        let len = self.len.min(bytes.len());
        Pin::new(&mut self.inner).poll_write(cx, &bytes[..len])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter()).take(self.len).copied().collect();
        self.poll_write(cx, &bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(turn(&mut self.write_ready, cx));
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(turn(&mut self.write_ready, cx));
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
