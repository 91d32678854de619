//! CONNECT: a tunnel through an HTTP/1.1 proxy, before the opening handshake (RFC 9110 §9.3.6; RFC 6455 §4.1).

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use crate::error::{HandshakeError, LocalProtocolError};
use crate::http::{self, Headers, Put, Span};
use crate::limits::HandshakeLimits;
use crate::output::Output;
use crate::token::text;

use super::fields::CONTENT_LENGTH;
use super::headers::add_header;
use super::reject::{RejectConnection, RejectData};
use super::response_reader::{Received, ResponseReader, State};
use super::uri::{WebSocketUri, split_authority};

/// A client's request to a proxy for a tunnel to a server (RFC 9110 §9.3.6).
///
/// A value that is not valid is recorded, and refused when the request is sent, before a byte is written.
///
/// ```
/// use wsproto::{ConnectRequest, WebSocketUri};
///
/// let uri: WebSocketUri = "wss://server.example.com/chat".parse()?;
/// let request = ConnectRequest::from_uri(&uri)
///     .with_basic_credentials("Aladdin", "open sesame")
///     .with_header("User-Agent", "example/1.0");
/// assert_eq!(request.authority(), "server.example.com:443");
/// # Ok::<(), wsproto::UriError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectRequest {
    /// Those that the caller adds, and the credentials.
    headers: Headers,
    authority: Span,
    /// The first value that is not valid.
    misuse: Option<LocalProtocolError>,
}

impl ConnectRequest {
    /// A request for a tunnel to `authority`: a host and its port, which is needed even if it is 80 or 443.
    ///
    /// An IPv6 address is in brackets: `[::1]:80`.
    pub fn new(authority: &str) -> Self {
        let mut headers = Headers::default();
        let misuse = if is_authority(authority) { None } else { Some(LocalProtocolError::InvalidHost) };
        let authority = headers.add_bytes(authority.as_bytes());
        Self { headers, authority, misuse }
    }

    /// A request for a tunnel to the host and the port that `uri` names.
    pub fn from_uri(uri: &WebSocketUri) -> Self {
        Self::new(&uri.authority())
    }

    /// Adds credentials of the Basic scheme, as `Proxy-Authorization`, in UTF-8 (RFC 7617 §2).
    ///
    /// The user id cannot have a colon, and neither can have control characters. Anyone who sees the bytes can read them.
    /// For another scheme, use [`with_header`](Self::with_header).
    ///
    /// ```
    /// use wsproto::{ConnectRequest, HandshakeLimits, HttpConnect};
    ///
    /// let request = ConnectRequest::new("server.example.com:80").with_basic_credentials("test", "123£");
    /// let mut output = Vec::new();
    /// HttpConnect::new(request, HandshakeLimits::default(), &mut output)?;
    /// assert!(output.ends_with(b"\r\nProxy-Authorization: Basic dGVzdDoxMjPCow==\r\n\r\n")); // RFC 7617 §2.1
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    #[must_use]
    pub fn with_basic_credentials(mut self, user_id: &str, password: &str) -> Self {
        let has_control = |part: &str| part.bytes().any(|byte| byte.is_ascii_control());
        if user_id.contains(':') || has_control(user_id) || has_control(password) {
            self.misuse = self.misuse.or(Some(LocalProtocolError::InvalidCredentials));
        }
        let credentials = format!("{user_id}:{password}");
        let encoded = Base64Display::new(credentials.as_bytes(), &STANDARD);
        self.with_header(AUTHORIZATION, format!("Basic {encoded}"))
    }

    /// Adds a header after those that were added already, such as `User-Agent`.
    ///
    /// It cannot be `Host`, which the request has itself, `Upgrade`, or one that would announce a body.
    /// `Proxy-Authorization` can be added once.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if name.eq_ignore_ascii_case(AUTHORIZATION) && self.headers.get(AUTHORIZATION).is_some() {
            self.misuse = self.misuse.or(Some(LocalProtocolError::InvalidCredentials));
        }
        add_header(&mut self.headers, &mut self.misuse, name, value.as_ref(), CONNECT_OWNED);
        self
    }

    /// The host and the port of the server.
    pub fn authority(&self) -> &str {
        text(self.headers.bytes(self.authority))
    }
}

/// Without the values of the headers: credentials are among them.
impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("ConnectRequest")
            // If it was refused, it may have a password.
            .field("authority", &self.misuse.map_or_else(|| self.authority(), |_| "…"))
            .field("headers", &names)
            .field("misuse", &self.misuse)
            .finish()
    }
}

/// A client's way through an HTTP/1.1 proxy, from the CONNECT request to the open tunnel (RFC 9110 §9.3.6).
///
/// 1. [`new`](Self::new) writes the request. Send the bytes to the proxy.
/// 2. Pass received bytes to [`receive`](Self::receive) until it returns a [`ConnectResponse`].
/// 3. Once the [tunnel](ConnectResponse::Tunnel) is open, the transport leads to the server: begin with TLS for `wss`, or
///    with the opening handshake. Bytes after the response come from the server: they are left in the input.
///
/// ```
/// use wsproto::{
///     ClientHandshake, ConnectRequest, ConnectResponse, HandshakeLimits, HandshakeResponse, HttpConnect, ReadBuffer,
///     Request, WebSocketUri,
/// };
/// # use std::io::{Read, Write};
/// # struct Sample;
/// # impl wsproto::Entropy for Sample {
/// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(&b"the sample nonce"[..bytes.len()]); }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut socket_in = &b"HTTP/1.1 200 Connection established\r\n\r\n\
/// #     HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81"[..];
/// # let mut socket_out = Vec::new();
/// let mut entropy = Sample; // in a program: SeededEntropy::new()
/// let uri: WebSocketUri = "ws://server.example.com/chat".parse()?;
/// let (limits, mut buffer, mut output) = (HandshakeLimits::default(), ReadBuffer::new(), Vec::new());
///
/// // To the proxy.
/// let mut connect = HttpConnect::new(ConnectRequest::from_uri(&uri), limits, &mut output)?;
/// socket_out.write_all(&output)?;
/// output.clear();
/// loop {
///     match buffer.read_shared(|input| connect.receive(input))? {
///         Some(ConnectResponse::Tunnel(_)) => break,
///         Some(ConnectResponse::Reject(reject)) => return Err(format!("refused: {}", reject.status_code()).into()),
///         _ => {} // more bytes are needed
///     }
///     match socket_in.read(buffer.space())? {
///         0 => _ = connect.receive_eof()?, // an error: the response is not complete
///         len => buffer.filled(len)?,
///     }
/// }
///
/// // To the server, through the tunnel. For `wss`, TLS is first.
/// let mut handshake = ClientHandshake::new(Request::from_uri(&uri), limits, &mut entropy, &mut output)?;
/// socket_out.write_all(&output)?;
/// loop {
///     match buffer.read_shared(|input| handshake.receive(input))? {
///         Some(HandshakeResponse::Accept(_)) => break, // go on with a `Connection` and the same buffer
///         Some(_) => return Err("refused".into()),
///         None => {}
///     }
///     match socket_in.read(buffer.space())? {
///         0 => _ = handshake.receive_eof()?,
///         len => buffer.filled(len)?,
///     }
/// }
/// # assert!(socket_out.starts_with(b"CONNECT server.example.com:80 HTTP/1.1\r\nHost: server.example.com:80\r\n\r\nGET "));
/// # assert_eq!(buffer.unread(), b"\x81");
/// # Ok(())
/// # }
/// ```
///
/// A refusal may be one that asks for credentials: status 407, with the schemes in `Proxy-Authenticate`. Read its body to
/// the end before you send the next request over the same transport, unless `Connection: close` or a body until the end
/// of the transport forbids that.
#[derive(Clone, Debug)]
pub struct HttpConnect {
    reader: ResponseReader,
}

/// A proxy's response to CONNECT, or a part of it.
///
/// ```
/// use wsproto::{ConnectRequest, ConnectResponse, HandshakeLimits, HttpConnect};
///
/// let mut output = Vec::new();
/// let request = ConnectRequest::new("server.example.com:443");
/// let mut connect = HttpConnect::new(request, HandshakeLimits::default(), &mut output)?;
/// let mut input = &b"HTTP/1.1 407 Who are you?\r\nProxy-Authenticate: Basic realm=\"\"\r\nContent-Length: 0\r\n\r\n"[..];
/// let Ok(Some(ConnectResponse::Reject(reject))) = connect.receive(&mut input) else { unreachable!() };
/// assert_eq!(reject.status_code(), 407);
/// assert_eq!(reject.headers().get("Proxy-Authenticate"), Some(&b"Basic realm=\"\""[..]));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectResponse<'i> {
    /// The tunnel is open, by any status of 200 to 299; these are the headers. It has no body, whatever they announce.
    Tunnel(Headers),
    /// The tunnel is refused, by the proxy or because it could not reach the server.
    Reject(RejectConnection),
    /// A piece of the refusal's body.
    RejectData(RejectData<&'i [u8]>),
}

impl HttpConnect {
    /// Writes a request.
    ///
    /// # Errors
    ///
    /// The authority, the credentials or a header is malformed, a header is reserved, or `output` has no room. Nothing
    /// was written then.
    pub fn new(
        request: ConnectRequest,
        limits: HandshakeLimits,
        output: &mut (impl Output + ?Sized),
    ) -> Result<Self, LocalProtocolError> {
        request.misuse.map_or(Ok(()), Err)?;
        http::write(output, |put| put_request(put, &request))?;
        Ok(Self { reader: ResponseReader::new(limits) })
    }

    /// Reads `input` up to the next part of the response, and removes the bytes that it has read.
    ///
    /// Returns `None` if more bytes are needed, or if it [is finished](Self::is_finished). Informational responses, 1xx,
    /// are skipped (RFC 9110 §15.2).
    ///
    /// # Errors
    ///
    /// The rule that the proxy broke, once; close the transport.
    pub fn receive<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<ConnectResponse<'i>>, HandshakeError> {
        // "Any Content-Length or Transfer-Encoding header fields" of a 2xx are to be ignored (RFC 9110 §9.3.6).
        let received = self.reader.receive(input, 200..=299, |head| Ok(head.headers))?;
        Ok(received.map(|received| match received {
            Received::Accept(headers) => ConnectResponse::Tunnel(headers),
            Received::Reject(reject) => ConnectResponse::Reject(reject),
            Received::RejectData(data) => ConnectResponse::RejectData(data),
        }))
    }

    /// Records that the transport has ended.
    ///
    /// Returns the end of a body that ends with the transport.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedEof`] if the response is not complete.
    pub fn receive_eof(&mut self) -> Result<Option<ConnectResponse<'static>>, HandshakeError> {
        Ok(self.reader.receive_eof()?.map(ConnectResponse::RejectData))
    }

    /// Whether nothing more is read: the tunnel is open, the refusal is complete, or the proxy broke a rule.
    pub const fn is_finished(&self) -> bool {
        match self.reader.state() {
            State::Receiving | State::Rejecting(_) => false,
            State::Accepted | State::Rejected | State::Failed => true,
        }
    }
}

/// The request; its `Host` is the same as its target (RFC 9112 §3.2, §3.2.3).
fn put_request(put: Put<'_>, request: &ConnectRequest) {
    for part in ["CONNECT ", request.authority(), " HTTP/1.1\r\n"] {
        put(part.as_bytes());
    }
    http::put_field(put, "Host", request.authority().as_bytes());
    http::put_last_fields(put, request.headers.iter());
}

/// "The host and port number of the tunnel destination" (RFC 9110 §9.3.6).
fn is_authority(authority: &str) -> bool {
    matches!(split_authority(authority), Ok((_, Some(1..))))
}

/// At most once (RFC 9110 §11.7.2).
const AUTHORIZATION: &str = "Proxy-Authorization";

/// Headers that the request writes itself or must not have.
const CONNECT_OWNED: &[&str] = &["Host", "Upgrade", CONTENT_LENGTH, "Transfer-Encoding"];
