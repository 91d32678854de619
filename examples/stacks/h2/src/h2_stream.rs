//! One stream of HTTP/2 as a transport. Copy this file into your server.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What an accepted CONNECT request leaves: the DATA frames in both directions.
#[derive(Debug)]
pub(crate) struct H2Stream {
    recv: RecvStream,
    send: SendStream<Bytes>,
    /// What was received and is not read yet. It counts for the flow control window, so that it has a bound.
    received: Bytes,
}

impl H2Stream {
    pub(crate) fn new(recv: RecvStream, send: SendStream<Bytes>) -> Self {
        Self { recv, send, received: Bytes::new() }
    }
}

impl AsyncRead for H2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.received.is_empty() {
            match ready!(self.recv.poll_data(cx)) {
                Some(data) => self.received = data.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.received.len().min(buffer.remaining());
        self.received.copy_to_slice(buffer.initialize_unfilled_to(len));
        buffer.advance(len);
        // Only now may the client send more.
        Poll::Ready(self.recv.flow_control().release_capacity(len).map_err(io::Error::other))
    }
}

impl AsyncWrite for H2Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.send.reserve_capacity(data.len());
        while self.send.capacity() == 0 {
            match ready!(self.send.poll_capacity(cx)) {
                Some(capacity) => _ = capacity.map_err(io::Error::other)?,
                None => return Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
            }
        }
        let data = data.get(..self.send.capacity()).unwrap_or(data);
        self.send.send_data(Bytes::copy_from_slice(data), false).map_err(io::Error::other)?;
        Poll::Ready(Ok(data.len()))
    }

    /// The task of the HTTP/2 connection writes what streams have accepted.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends our direction, as closing a TCP connection would (RFC 8441 §5).
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.send.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
