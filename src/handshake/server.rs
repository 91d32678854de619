//! The server's side: it reads a request, and writes the response that accepts or refuses it (RFC 6455 §4.2).

use crate::accept_token::AcceptToken;
use crate::connection::ConnectionState;
use crate::error::{HandshakeError, LocalProtocolError};
use crate::extension::ExtensionParams;
use crate::http::{self, HeadReader, RequestHead};
use crate::limits::HandshakeLimits;
use crate::output::Output;

use super::accept::AcceptConnection;
use super::fields::{CONTENT_LENGTH, EXTENSIONS, NOT_MODIFIED};
use super::reject::{RejectConnection, RejectData};
use super::request::Request;
use super::request_check::check;
use super::response_check::{Framing, check_accept, check_reject};
use super::status::reason_phrase;

/// A server's opening handshake, from the request to the open connection.
///
/// 1. Pass received bytes to [`receive`](Self::receive) until it returns a [`Request`]. If it fails, send
///    [`reject`](Self::reject) with the error's [`response`](HandshakeError::response).
/// 2. Look at the request: its target, its [origin](Request::origin), its subprotocols. To refuse it, call
///    [`reject`](Self::reject).
/// 3. [`AcceptConnection::with_extensions`] chooses among the extensions that the client offers.
/// 4. [`accept`](Self::accept) writes the response. Send the bytes.
/// 5. Open a [`Connection`](crate::Connection) with the extensions.
/// 6. Bytes after the request are frames: they are left in the input. Pass them to the connection, before it reads from
///    the transport.
///
/// The handshake borrows bytes as `&[u8]`, as it only reads them; the connection as `&mut [u8]`, as it decodes them in
/// place. So read both from one buffer:
///
#[cfg_attr(feature = "deflate", doc = "```")]
#[cfg_attr(not(feature = "deflate"), doc = "```ignore")]
/// use wsproto::{AcceptConnection, Connection, Event, HandshakeLimits, Limits, PermessageDeflate, ServerHandshake};
/// # use std::io::{Read, Write};
/// # let mut socket_in = &b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
/// #     Connection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
/// #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\
/// #     \x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..];
/// # let mut socket_out = Vec::new();
/// let mut handshake = ServerHandshake::new(HandshakeLimits::default());
/// let mut output = Vec::new();
/// let mut buffer = vec![0; 4096];
/// let (extensions, unread) = loop {
///     let len = socket_in.read(&mut buffer)?;
///     if len == 0 {
///         handshake.receive_eof()?; // an error: the request is not complete
///     }
///     let mut input = &buffer[..len];
///     match handshake.receive(&mut input) {
///         Ok(Some(request)) if request.path() == "/chat" => {
///             let deflate = PermessageDeflate::new();
///             let (accept, extensions) = AcceptConnection::new().with_extensions(&[&deflate], request);
///             handshake.accept(accept, &mut output)?;
///             socket_out.write_all(&output)?;
///             break (extensions, len - input.len()..len);
///         }
///         Ok(Some(_)) => return Err("not found".into()), // send `handshake.reject(RejectConnection::new(404), …)`
///         Ok(None) => {} // more bytes are needed
///         Err(error) => {
///             handshake.reject(error.response(), &mut output)?;
///             socket_out.write_all(&output)?;
///             return Err(error.into());
///         }
///     }
/// };
/// let mut connection = Connection::server(Limits::default()).with_extensions(extensions);
///
/// let mut input = &mut buffer[unread]; // what was received after the request
/// while let Some(event) = connection.next_event(&mut input)? {
///     assert!(matches!(event, Event::Text(text) if text.data == "Hello"));
/// }
/// // Then read from the socket on, as the front page of this crate shows.
/// # assert!(socket_out.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Other requests on the same port
///
/// A request that does not ask for a WebSocket connection fails the handshake, but its head is kept. Instead of a
/// refusal, a server can write a response of its own; the body of the request, if it has one, is still in the input.
///
/// ```
/// use wsproto::{HandshakeLimits, ServerHandshake};
///
/// let mut input = &b"GET /health HTTP/1.1\r\nHost: server.example.com\r\n\r\n"[..];
/// let mut output = Vec::new();
/// let mut handshake = ServerHandshake::new(HandshakeLimits::default());
/// if let Err(error) = handshake.receive(&mut input) {
///     match handshake.refused_head().map(|head| (head.method(), head.target())) {
///         Some(("GET", "/health")) => output.extend_from_slice(
///             b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n",
///         ),
///         _ => handshake.reject(error.response(), &mut output)?,
///     }
/// }
/// assert!(output.starts_with(b"HTTP/1.1 200 OK\r\n"));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[doc(alias = "H11Handshake")]
#[derive(Clone, Debug)]
pub struct ServerHandshake {
    head: HeadReader<RequestHead>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// The request is not complete.
    Receiving,
    /// The request can be accepted or rejected.
    Deciding { request: Request, accept_token: AcceptToken },
    /// The peer broke a rule: it can only be rejected. If its head is valid HTTP, here it is.
    Failed { head: Option<RequestHead> },
    /// The refusal was written, and its body is in progress.
    Rejecting(Framing),
    /// The connection is open.
    Accepted,
    /// The refusal was written.
    Rejected,
}

impl ServerHandshake {
    /// A handshake that waits for a request.
    pub fn new(limits: HandshakeLimits) -> Self {
        Self { head: HeadReader::new(limits), state: State::Receiving }
    }

    /// A handshake that has received its request.
    pub(super) fn deciding(limits: HandshakeLimits, request: Request, accept_token: AcceptToken) -> Self {
        Self { head: HeadReader::new(limits), state: State::Deciding { request, accept_token } }
    }

    /// Reads `input` up to the end of the request, and removes the bytes that it has read.
    ///
    /// Returns the request once it is complete, and `None` if more bytes are needed or the request was already returned.
    ///
    /// # Errors
    ///
    /// The rule that the client broke, once; [`reject`](Self::reject) its
    /// [`response`](HandshakeError::response).
    pub fn receive(&mut self, input: &mut &[u8]) -> Result<Option<&Request>, HandshakeError> {
        if !matches!(self.state, State::Receiving) {
            return Ok(None);
        }
        let head = match self.head.read(input) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.fail();
                return Err(error);
            }
        };
        match check(&head) {
            Ok(valid) => {
                let (request, accept_token) = valid.into_request(head);
                self.state = State::Deciding { request, accept_token };
                Ok(self.request())
            }
            Err(error) => {
                self.state = State::Failed { head: Some(head) };
                Err(error)
            }
        }
    }

    /// The head of the request that [`receive`](Self::receive) refused, if it is valid HTTP/1: a plain GET, a POST, a
    /// WebSocket request with a fault.
    ///
    /// `None` before a failure, if the bytes are not an HTTP head or exceed a limit, and after
    /// [`reject`](Self::reject). It takes as much memory as the head has bytes, until then.
    pub const fn refused_head(&self) -> Option<&RequestHead> {
        match &self.state {
            State::Failed { head } => head.as_ref(),
            _ => None,
        }
    }

    /// Records that the transport has ended.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedEof`] if the request is not complete.
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        if matches!(self.state, State::Receiving) {
            self.fail();
            return Err(HandshakeError::UnexpectedEof);
        }
        Ok(())
    }

    /// The request, until it is accepted or rejected.
    pub const fn request(&self) -> Option<&Request> {
        match &self.state {
            State::Deciding { request, .. } => Some(request),
            _ => None,
        }
    }

    /// Writes the 101 response: the connection is open (§4.2.2).
    ///
    /// # Errors
    ///
    /// No request waits for a response; a subprotocol or an extension was not offered; a header is malformed or reserved;
    /// or `output` has no room.
    pub fn accept(
        &mut self,
        accept: AcceptConnection,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let State::Deciding { request, accept_token } = &self.state else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        check_accept(request, &accept)?;
        http::write(output, |put| {
            http::put_acceptance(put, accept_token, accept.subprotocol());
            http::put_list(put, EXTENSIONS, accept.agreed().iter(), ExtensionParams::put);
            http::put_last_fields(put, accept.extra_headers());
        })?;
        self.state = State::Accepted;
        Ok(())
    }

    /// Writes a refusal; the connection is closed after it, or after its body if it has one (§7.2.2).
    ///
    /// # Errors
    ///
    /// No request waits for a response; the status is outside 300 to 599; a header is malformed or reserved; a length is
    /// not the body's; or `output` has no room.
    pub fn reject(
        &mut self,
        reject: RejectConnection,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if !matches!(self.state, State::Deciding { .. } | State::Failed { .. }) {
            return Err(LocalProtocolError::NotInHandshake);
        }
        let next = check_reject(&reject)?.map_or(State::Rejected, State::Rejecting);
        http::write(output, |put| {
            let status_code = reject.status_code();
            let upgrades = reject.headers().get("Upgrade").is_some();
            http::put_refusal(put, status_code, reason_phrase(status_code), upgrades);
            match next {
                State::Rejected if status_code != NOT_MODIFIED => http::put_field(put, CONTENT_LENGTH, b"0"),
                State::Rejecting(Framing::Chunked) => http::put_field(put, "Transfer-Encoding", b"chunked"),
                _ => {}
            }
            http::put_last_fields(put, reject.extra_headers());
        })?;
        self.state = next;
        Ok(())
    }

    /// Writes a piece of a refusal's body.
    ///
    /// # Errors
    ///
    /// No body was announced, or one of another length; or `output` has no room.
    pub fn reject_data(
        &mut self,
        data: RejectData<impl AsRef<[u8]>>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let State::Rejecting(framing) = self.state else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        let RejectData { data, body_finished } = data;
        let data = data.as_ref();
        let next = match framing {
            Framing::Chunked => {
                http::write(output, |put| http::put_chunk(put, data, body_finished))?;
                framing
            }
            Framing::Known { remaining } => {
                let left = remaining.checked_sub(data.len() as u64).ok_or(LocalProtocolError::InvalidBody)?;
                if body_finished && left > 0 {
                    return Err(LocalProtocolError::InvalidBody);
                }
                output.append_bytes(data)?;
                Framing::Known { remaining: left }
            }
        };
        self.state = if body_finished { State::Rejected } else { State::Rejecting(next) };
        Ok(())
    }

    /// The state of the connection: `Connecting`, `Open`, `Rejecting` or `Closed`.
    ///
    /// After a failure it is `Closed`, though a refusal may still be sent.
    pub const fn state(&self) -> ConnectionState {
        match self.state {
            State::Receiving | State::Deciding { .. } => ConnectionState::Connecting,
            State::Accepted => ConnectionState::Open,
            State::Rejecting(_) => ConnectionState::Rejecting,
            State::Failed { .. } | State::Rejected => ConnectionState::Closed,
        }
    }

    /// Fails: only a refusal can be sent.
    pub(crate) fn fail(&mut self) {
        self.head.clear();
        self.state = State::Failed { head: None };
    }
}
