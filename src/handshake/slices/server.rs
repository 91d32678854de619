//! The server's side: it reads a request in place, and writes the response (RFC 6455 §4.2).

use crate::connection::ConnectionState;
use crate::error::{HandshakeError, LocalProtocolError};
use crate::http::{self, HeadScanner};
use crate::limits::HandshakeLimits;
use crate::output::Output;

use super::super::fields::{
    ACCEPT_OWNED, CONTENT_LENGTH, NOT_MODIFIED, REJECT_OWNED, check_header, is_owned,
};
use super::super::status::reason_phrase;
use super::request::RequestRef;

/// A server's opening handshake over your slices: without an allocator, in a few words of memory.
///
/// It checks a request by the rules of `ServerHandshake`, and reports the same errors. It does not negotiate extensions:
/// a client's offers are left unanswered.
///
/// 1. Receive into a buffer, each read after the one before, and pass all of it to [`receive`](Self::receive), until it
///    returns a [`RequestRef`]. If it fails, send [`reject`](Self::reject) with the error's
///    [`status`](HandshakeError::status) and [`response_headers`](HandshakeError::response_headers). If the buffer is
///    full, the error is [`HandshakeError::HeadTooLong`]: set [`HandshakeLimits::max_head_len`] to its length.
/// 2. [`accept`](Self::accept) or [`reject`](Self::reject) writes the response. Send the bytes.
/// 3. Open a [`Connection`](crate::Connection). It reads what is in the buffer after
///    [`head_len`](RequestRef::head_len), before it reads from the transport.
///
/// ```
/// use wsproto::{Connection, Event, HandshakeLimits, Limits, Role, SliceServerHandshake, select_subprotocol};
/// # let mut socket_in = &b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
/// #     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt, chat\r\n\
/// #     Sec-WebSocket-Version: 13\r\n\r\n\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..];
/// # let mut socket_out = [0; 256];
/// # let mut sent = 0;
/// # let mut read = |space: &mut [u8]| {
/// #     let len = space.len().min(socket_in.len()).min(7);
/// #     let (piece, rest) = socket_in.split_at(len);
/// #     space[..len].copy_from_slice(piece);
/// #     socket_in = rest;
/// #     len
/// # };
/// # let mut write = |bytes: &[u8]| { socket_out[sent..][..bytes.len()].copy_from_slice(bytes); sent += bytes.len(); };
///
/// let mut buffer = [0; 512];
/// let mut output = [0; 256];
/// let limits = HandshakeLimits::default().with_max_head_len(buffer.len());
/// let mut handshake = SliceServerHandshake::new(limits);
///
/// let (mut received, mut head_len) = (0, 0);
/// while head_len == 0 {
///     let len = read(&mut buffer[received..]); // from the transport
///     if len == 0 {
///         handshake.receive_eof()?; // an error: the request is not complete
///     }
///     received += len;
///     let mut space = output.as_mut_slice();
///     match handshake.receive(&buffer[..received]) {
///         Ok(None) => continue, // more bytes are needed
///         Ok(Some(request)) => {
///             let subprotocol = select_subprotocol(&["chat"], request.subprotocols(), Role::Server);
///             handshake.accept(&request, subprotocol, &[("Server", b"example")], &mut space)?;
///             head_len = request.head_len();
///         }
///         Err(error) => {
///             handshake.reject(error.status(), error.response_headers(), &mut space)?;
///             head_len = received;
///         }
///     }
///     let unused = space.len();
///     write(&output[..output.len() - unused]); // to the transport
/// }
///
/// let mut connection = Connection::server(Limits::default());
/// let mut input = &mut buffer[head_len..received];
/// while let Some(event) = connection.next_event(&mut input)? {
///     println!("{event:?}");
/// }
/// # let text = core::str::from_utf8(&socket_out).unwrap();
/// # assert!(text.contains("\r\nSec-WebSocket-Protocol: chat\r\nServer: example\r\n\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SliceServerHandshake {
    head: HeadScanner,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The request is not complete.
    Receiving,
    /// The request can be accepted or rejected.
    Deciding,
    /// The peer broke a rule: it can only be rejected.
    Failed,
    /// The connection is open.
    Accepted,
    /// The refusal was written.
    Rejected,
}

impl SliceServerHandshake {
    /// A handshake that waits for a request.
    pub const fn new(limits: HandshakeLimits) -> Self {
        Self { head: HeadScanner::new(limits), state: State::Receiving }
    }

    /// Reads what has come since the last call.
    ///
    /// `buffer` has all bytes that were received, from the first one on: the bytes of the last call and any number of
    /// new ones. Each line is checked once, when it is complete.
    ///
    /// Returns the request once it is complete, and `None` if more bytes are needed or the request was already returned.
    ///
    /// # Errors
    ///
    /// The rule that the client broke, once.
    pub fn receive<'b>(&mut self, buffer: &'b [u8]) -> Result<Option<RequestRef<'b>>, HandshakeError> {
        if self.state != State::Receiving {
            return Ok(None);
        }
        let read = self.head.read(buffer).and_then(|head| head.as_ref().map(RequestRef::check).transpose());
        match &read {
            Ok(None) => {}
            Ok(Some(_)) => self.state = State::Deciding,
            Err(_) => self.state = State::Failed,
        }
        read
    }

    /// Records that the transport has ended.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedEof`] if the request is not complete.
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        if self.state == State::Receiving {
            self.state = State::Failed;
            return Err(HandshakeError::UnexpectedEof);
        }
        Ok(())
    }

    /// Writes the 101 response: the connection is open (§4.2.2).
    ///
    /// `headers` are added after those that the handshake writes itself, and cannot be among these.
    ///
    /// # Errors
    ///
    /// No request waits for a response; the subprotocol was not offered; a header is malformed or reserved; or `output` has
    /// no room.
    pub fn accept(
        &mut self,
        request: &RequestRef<'_>,
        subprotocol: Option<&str>,
        headers: &[(&str, &[u8])],
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if self.state != State::Deciding {
            return Err(LocalProtocolError::NotInHandshake);
        }
        if subprotocol.is_some_and(|chosen| !request.subprotocols().any(|offered| offered == chosen)) {
            return Err(LocalProtocolError::SubprotocolNotOffered);
        }
        headers.iter().try_for_each(|(name, value)| check_header(name, value, ACCEPT_OWNED))?;
        http::write(output, |put| {
            http::put_acceptance(put, request.accept_token(), subprotocol);
            http::put_last_fields(put, headers.iter().copied());
        })?;
        self.state = State::Accepted;
        Ok(())
    }

    /// Writes a refusal without a body, 300 to 599; the connection is closed after it (§7.2.2).
    ///
    /// `headers` are added after `Connection` and `Content-Length`, and cannot be among these.
    ///
    /// ```
    /// use wsproto::{HandshakeLimits, SliceServerHandshake};
    ///
    /// let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
    /// let error = handshake.receive(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap_err();
    /// let mut output = [0; 96];
    /// handshake.reject(error.status(), error.response_headers(), &mut output.as_mut_slice())?;
    /// assert!(output.starts_with(
    ///     b"HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\nAllow: GET\r\n\r\n"
    /// ));
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No request waits for a response; the status is outside 300 to 599; a header is malformed or reserved; or `output` has
    /// no room.
    pub fn reject(
        &mut self,
        status_code: u16,
        headers: &[(&str, &[u8])],
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if !matches!(self.state, State::Deciding | State::Failed) {
            return Err(LocalProtocolError::NotInHandshake);
        }
        if !matches!(status_code, 300..=599) {
            return Err(LocalProtocolError::InvalidStatus(status_code));
        }
        for (name, value) in headers {
            check_header(name, value, REJECT_OWNED)?;
            if is_owned(name, &[CONTENT_LENGTH]) {
                return Err(LocalProtocolError::ReservedHeader);
            }
        }
        http::write(output, |put| {
            let upgrades = headers.iter().any(|(name, _)| is_owned(name, &["Upgrade"]));
            http::put_refusal(put, status_code, reason_phrase(status_code), upgrades);
            if status_code != NOT_MODIFIED {
                http::put_field(put, CONTENT_LENGTH, b"0");
            }
            http::put_last_fields(put, headers.iter().copied());
        })?;
        self.state = State::Rejected;
        Ok(())
    }

    /// The state of the connection: `Connecting`, `Open` or `Closed`.
    ///
    /// After a failure it is `Closed`, though a refusal may still be sent.
    pub const fn state(&self) -> ConnectionState {
        match self.state {
            State::Receiving | State::Deciding => ConnectionState::Connecting,
            State::Accepted => ConnectionState::Open,
            State::Failed | State::Rejected => ConnectionState::Closed,
        }
    }
}
