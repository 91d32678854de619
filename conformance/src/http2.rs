//! A client's HTTP/2 connection in clear text, and the streams in it as transports (RFC 8441). The crate `h2` does
//! HTTP/2 itself: what it does not send (malformed frames, fields that HTTP/2 forbids), the suite cannot ask.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::client::{self, SendRequest};
use h2::ext::Protocol;
use h2::{Ping, RecvStream, SendStream};
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;

use crate::encoding::{from_latin1, to_latin1};
use crate::head::Head;
use crate::upgrade::Target;

/// A connection, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
    task: JoinHandle<Result<(), h2::Error>>,
}

/// A stream whose request was answered.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Of the response.
    pub(crate) head: Head,
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
}

impl Http2 {
    /// Connects, and waits for the server's settings.
    pub(crate) async fn connect(target: &Target) -> Result<Self, String> {
        let stream = target.connect().await?;
        let failed = |error| format!("HTTP/2 with {}: {error}", target.authority);
        let (sender, mut connection) = client::handshake(stream).await.map_err(failed)?;
        let ping = connection.ping_pong();
        let connection = Self { sender, task: tokio::spawn(connection) };
        // A server's first frame is SETTINGS (RFC 9113 §3.4), so its pong is after them.
        if let Some(mut ping) = ping {
            ping.ping(Ping::opaque()).await.map_err(failed)?;
        }
        Ok(connection)
    }

    /// Whether the server has sent SETTINGS_ENABLE_CONNECT_PROTOCOL with the value 1.
    pub(crate) fn allows_connect(&self) -> bool {
        self.sender.is_extended_connect_protocol_enabled()
    }

    /// Sends a request, and waits for its response. An error: the stream or the connection has ended, or `h2` does not
    /// send such a request.
    pub(crate) async fn ask(&mut self, request: Request<()>, end_stream: bool) -> Result<Stream, h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let (response, send) = sender.send_request(request, end_stream)?;
        let (parts, body) = response.await?.into_parts();
        let field = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), to_latin1(value.as_bytes()).trim_matches([' ', '\t']).to_owned())
        };
        let head = Head {
            start: format!("HTTP/2 {}", parts.status),
            status: Some(parts.status.as_u16()),
            target: None,
            fields: parts.headers.iter().map(field).collect(),
            len: 0,
        };
        let reader = Reader { stream: body, received: Bytes::new() };
        Ok(Stream { head, reader, writer: Writer(send) })
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Pseudo-header fields that differ from those of a valid request; `None`: it is left out.
pub(crate) type Pseudo = BTreeMap<String, Option<String>>;

/// Makes a request: extended CONNECT for a WebSocket at the target, except for what `pseudo` changes.
pub(crate) fn request(
    target: &Target,
    pseudo: &Pseudo,
    fields: &[(String, String)],
) -> Result<Request<()>, String> {
    let of = |name: &str, standard: &str| match pseudo.get(name) {
        Some(changed) => changed.clone(),
        None => Some(standard.to_owned()),
    };
    let failed = |error: &dyn std::fmt::Display| format!("the suite cannot send this request: {error}");
    let method = of(":method", "CONNECT").unwrap_or_default();
    let (scheme, authority) = (of(":scheme", "http"), of(":authority", &target.authority));
    let mut uri = Uri::builder();
    // Without a scheme or an authority, `http` knows no URI with the other, but `h2` sends what is there.
    if let (Some(scheme), Some(_)) = (&scheme, &authority) {
        uri = uri.scheme(scheme.as_str());
    }
    if let Some(authority) = &authority {
        uri = uri.authority(authority.as_str());
    }
    if let (Some(_), Some(path)) = (&scheme, of(":path", &target.resource)) {
        uri = uri.path_and_query(path);
    }
    let uri = uri.build().map_err(|error| failed(&error))?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|error| failed(&error))?;
    *request.uri_mut() = uri;
    *request.version_mut() = if authority.is_some() { Version::HTTP_2 } else { Version::HTTP_11 };
    if let Some(protocol) = of(":protocol", "websocket") {
        request.extensions_mut().insert(Protocol::from(protocol.as_str()));
    }
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| failed(&error))?;
        let value = HeaderValue::from_bytes(&from_latin1(value)?).map_err(|error| failed(&error))?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

/// What the server sends in a stream.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: RecvStream,
    /// What was received and is not read yet. It counts for the window.
    received: Bytes,
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.received.is_empty() {
            match ready!(self.stream.poll_data(context)) {
                Some(data) => self.received = data.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.received.len().min(buffer.remaining());
        self.received.copy_to_slice(buffer.initialize_unfilled_to(len));
        buffer.advance(len);
        Poll::Ready(self.stream.flow_control().release_capacity(len).map_err(io::Error::other))
    }
}

/// What the suite sends in a stream: each write is a DATA frame, unless the windows cut it.
#[derive(Debug)]
pub(crate) struct Writer(SendStream<Bytes>);

impl Writer {
    /// Sends a DATA frame, which may be empty, as soon as the windows take it.
    pub(crate) fn send_frame(&mut self, data: &[u8], end_stream: bool) -> Result<(), h2::Error> {
        self.0.send_data(Bytes::copy_from_slice(data), end_stream)
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.0.reserve_capacity(data.len());
        while self.0.capacity() == 0 {
            match ready!(self.0.poll_capacity(context)) {
                Some(capacity) => _ = capacity.map_err(io::Error::other)?,
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let data = data.get(..self.0.capacity()).unwrap_or(data);
        self.0.send_data(Bytes::copy_from_slice(data), false).map_err(io::Error::other)?;
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
