//! One request stream of HTTP/3 (RFC 9114 §4, §7): HEADERS first, then DATA frames as a transport.

use std::future::poll_fn;
use std::io::{self, Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use qpack::{HeaderField, decode_stateless, encode_stateless};
use quinn::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Types of frames (RFC 9114 §7.2).
const DATA: u64 = 0x0;
const HEADERS: u64 = 0x1;
/// How long headers may be.
const MAX_HEADERS_LEN: u64 = 16 << 10;
/// How long a DATA frame that we send may be.
const MAX_DATA_LEN: usize = 16 << 10;

#[derive(Debug)]
pub(crate) struct H3Stream {
    recv: RecvStream,
    send: SendStream,
    /// The type and the length of the next frame, as far as they were received.
    head: Vec<u8>,
    /// What is still to come of a DATA frame, and of a frame that is to be skipped.
    data_left: u64,
    skip_left: u64,
    /// The head of the DATA frame that is being sent, as far as it is not sent, and the bytes that it promises.
    sending_head: Vec<u8>,
    sending_left: usize,
}

impl H3Stream {
    pub(crate) fn new(recv: RecvStream, send: SendStream) -> Self {
        let (head, sending_head) = (Vec::new(), Vec::new());
        Self { recv, send, head, data_left: 0, skip_left: 0, sending_head, sending_left: 0 }
    }

    /// Receives the names and values of the request.
    pub(crate) async fn receive_headers(&mut self) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let len = match poll_fn(|cx| self.poll_frame(cx)).await? {
            Some((HEADERS, len)) if len <= MAX_HEADERS_LEN => len,
            _ => return Err(malformed()),
        };
        let mut block = Vec::new();
        (&mut self.recv).take(len).read_to_end(&mut block).await?;
        let decoded = decode_stateless(&mut &block[..], MAX_HEADERS_LEN).map_err(|_| malformed())?;
        let fields = decoded.fields.into_iter().map(HeaderField::into_inner);
        Ok(fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// Sends the status and the fields of the response.
    pub(crate) async fn send_headers(
        &mut self,
        status: u16,
        fields: impl Iterator<Item = (&str, &[u8])>,
    ) -> io::Result<()> {
        let status = HeaderField::new(b":status".to_vec(), status.to_string().into_bytes());
        let fields = fields.map(|(name, value)| HeaderField::new(name.as_bytes().to_vec(), value.to_vec()));
        let mut block = Vec::new();
        encode_stateless(&mut block, std::iter::once(status).chain(fields)).map_err(|_| malformed())?;
        let mut frame = frame_head(HEADERS, block.len());
        frame.append(&mut block);
        self.send.write_all(&frame).await.map_err(Error::other)
    }

    /// Ends our direction.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.shutdown().await
    }

    /// The type and the length of the next frame that has a meaning here; others are skipped (RFC 9114 §9).
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<(u64, u64)>>> {
        loop {
            let mut buffer = [0; 512];
            let wanted = if self.skip_left > 0 { self.skip_left.min(512) } else { 1 };
            let wanted = usize::try_from(wanted).unwrap_or(512);
            let mut buffer = ReadBuf::new(buffer.get_mut(..wanted).unwrap_or_default());
            ready!(Pin::new(&mut self.recv).poll_read(cx, &mut buffer))?;
            let received = buffer.filled();
            if received.is_empty() {
                let at_boundary = self.head.is_empty() && self.skip_left == 0;
                return Poll::Ready(if at_boundary { Ok(None) } else { Err(malformed()) });
            }
            if self.skip_left > 0 {
                self.skip_left = self.skip_left.saturating_sub(received.len() as u64);
                continue;
            }
            self.head.extend_from_slice(received);
            let mut head = &self.head[..];
            if let (Some(kind), Some(len)) = (varint(&mut head), varint(&mut head)) {
                self.head.clear();
                match kind {
                    DATA | HEADERS => return Poll::Ready(Ok(Some((kind, len)))),
                    _ => self.skip_left = len,
                }
            }
        }
    }
}

impl AsyncRead for H3Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.data_left == 0 {
            match ready!(self.poll_frame(cx))? {
                Some((DATA, len)) => self.data_left = len,
                Some(_) => return Poll::Ready(Err(malformed())),
                None => return Poll::Ready(Ok(())),
            }
        }
        let limit = usize::try_from(self.data_left).unwrap_or(usize::MAX).min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(limit));
        ready!(Pin::new(&mut self.recv).poll_read(cx, &mut part))?;
        let len = part.filled().len();
        if len == 0 && limit > 0 {
            return Poll::Ready(Err(malformed())); // the stream ended in a frame
        }
        buffer.advance(len);
        self.data_left = self.data_left.saturating_sub(len as u64);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for H3Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.sending_left == 0 {
            this.sending_left = data.len().min(MAX_DATA_LEN);
            this.sending_head = frame_head(DATA, this.sending_left);
        }
        while !this.sending_head.is_empty() {
            let len = ready!(AsyncWrite::poll_write(Pin::new(&mut this.send), cx, &this.sending_head))?;
            this.sending_head.drain(..len);
        }
        let data = data.get(..this.sending_left).unwrap_or(data);
        let len = ready!(AsyncWrite::poll_write(Pin::new(&mut this.send), cx, data))?;
        this.sending_left = this.sending_left.saturating_sub(len);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_shutdown(cx)
    }
}

fn malformed() -> Error {
    Error::new(ErrorKind::InvalidData, "malformed HTTP/3")
}

/// The head of a frame: its type, and its length in four bytes (RFC 9000 §16).
fn frame_head(kind: u64, len: usize) -> Vec<u8> {
    let len = u32::try_from(len).unwrap_or(u32::MAX) | 0x8000_0000;
    let mut head = vec![u8::try_from(kind).unwrap_or(u8::MAX)];
    head.extend(len.to_be_bytes());
    head
}

/// A whole number of one, two, four or eight bytes (RFC 9000 §16); `None` if it is not complete.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let first = *bytes.first()?;
    let len = 1_usize.checked_shl(u32::from(first >> 6))?;
    let (number, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    let start = u64::from(first & 0x3f);
    Some(number.iter().skip(1).fold(start, |number, byte| number << 8 | u64::from(*byte)))
}
