//! The client's side: it writes a request, then reads and checks the response in place (RFC 6455 §4.1).

use crate::accept_token::{AcceptToken, SecWebSocketKey, generate_accept_token};
use crate::connection::ConnectionState;
use crate::entropy::Entropy;
use crate::error::{HandshakeError, LocalProtocolError};
use crate::http::{self, HeadRef, HeadScanner, Known, KnownFields, Put, StatusLine, syntax};
use crate::limits::HandshakeLimits;
use crate::output::Output;
use crate::token::is_token;

use super::super::fields::{ORIGIN, REQUEST_OWNED, check_header, is_owned};
use super::super::rules::{check_acceptance, check_extension_names, check_subprotocol};
use super::response::ResponseRef;

/// A client's request, as [`SliceClientHandshake::new`] writes it.
///
/// ```
/// use wsproto::SliceRequest;
///
/// const REQUEST: SliceRequest = SliceRequest::new("server.example.com", "/chat")
///     .with_subprotocols(&["mqtt"])
///     .with_headers(&[("Origin", b"http://example.com")]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SliceRequest<'r> {
    host: &'r str,
    target: &'r str,
    subprotocols: &'r [&'r str],
    headers: &'r [(&'r str, &'r [u8])],
}

impl<'r> SliceRequest<'r> {
    /// A request to `host`, which may name a port, for `target`: an absolute path with an optional query.
    ///
    /// Percent-encode in `target` what a URI cannot contain (RFC 3986 §2.1, §3.3, §3.4). Values are checked when the
    /// request is written.
    pub const fn new(host: &'r str, target: &'r str) -> Self {
        Self { host, target, subprotocols: &[], headers: &[] }
    }

    /// Offers these subprotocols, the preferred one first.
    #[must_use]
    pub const fn with_subprotocols(mut self, subprotocols: &'r [&'r str]) -> Self {
        self.subprotocols = subprotocols;
        self
    }

    /// Adds these headers.
    ///
    /// They cannot be among those that the handshake writes itself: `Host`, `Connection`, `Upgrade`, `Sec-WebSocket-Key`
    /// and the like, or announce a body. `Origin` can be added once.
    #[must_use]
    pub const fn with_headers(mut self, headers: &'r [(&'r str, &'r [u8])]) -> Self {
        self.headers = headers;
        self
    }

    fn check(&self) -> Result<(), LocalProtocolError> {
        if !syntax::is_host(self.host.as_bytes()) {
            return Err(LocalProtocolError::InvalidHost);
        }
        if !syntax::is_resource_name(self.target.as_bytes()) {
            return Err(LocalProtocolError::InvalidTarget);
        }
        for (index, name) in self.subprotocols.iter().enumerate() {
            if !is_token(name.as_bytes()) || self.subprotocols.iter().take(index).any(|other| other == name) {
                return Err(LocalProtocolError::InvalidSubprotocol);
            }
        }
        self.headers.iter().try_for_each(|(name, value)| check_header(name, value, REQUEST_OWNED))?;
        if self.headers.iter().filter(|(name, _)| is_owned(name, &[ORIGIN])).nth(1).is_some() {
            return Err(LocalProtocolError::RepeatedOrigin);
        }
        Ok(())
    }

    fn put(&self, put: Put<'_>, key: &SecWebSocketKey) {
        http::put_request(put, self.host, self.target, key);
        http::put_list(put, Known::Protocol.name(), self.subprotocols.iter(), |name, put| {
            put(name.as_bytes())
        });
        http::put_last_fields(put, self.headers.iter().copied());
    }
}

/// A client's opening handshake over your slices: without an allocator, in a few words of memory.
///
/// It checks a response by the rules of `ClientHandshake`, and reports the same errors. It offers no extensions, so a
/// response with one fails. The body of a refusal is yours to read, or not.
///
/// 1. [`new`](Self::new) writes a [`SliceRequest`]. Send the bytes.
/// 2. Receive into a buffer, each read after the one before, and pass all of it to [`receive`](Self::receive), until it
///    returns a [`HandshakeResponseRef`]. Drop the transport if it fails, or if the buffer is full.
/// 3. Open a [`Connection`](crate::Connection). It reads what is in the buffer after
///    [`head_len`](ResponseRef::head_len), before it reads from the transport.
///
/// ```
/// use wsproto::{Connection, Event, HandshakeLimits, HandshakeResponseRef, Limits, SliceClientHandshake, SliceRequest};
/// # struct Sample;
/// # impl wsproto::Entropy for Sample {
/// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(&b"the sample nonce"[..bytes.len()]); }
/// # }
/// # let mut socket_in = &b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x05Hello"[..];
/// # let mut read = |space: &mut [u8]| {
/// #     let len = space.len().min(socket_in.len()).min(50);
/// #     let (piece, rest) = socket_in.split_at(len);
/// #     space[..len].copy_from_slice(piece);
/// #     socket_in = rest;
/// #     len
/// # };
/// # let write = |bytes: &[u8]| assert!(bytes.starts_with(b"GET /chat HTTP/1.1\r\n"));
///
/// let mut entropy = Sample; // in a program: a generator of random numbers
/// let mut buffer = [0; 256];
/// let limits = HandshakeLimits::default().with_max_head_len(buffer.len());
/// let request = SliceRequest::new("server.example.com", "/chat");
///
/// // The request needs the buffer only until it is sent.
/// let mut space = buffer.as_mut_slice();
/// let mut handshake = SliceClientHandshake::new(&request, limits, &mut entropy, &mut space)?;
/// let unused = space.len();
/// write(&buffer[..buffer.len() - unused]); // to the transport
///
/// let (mut received, mut head_len) = (0, 0);
/// while head_len == 0 {
///     let len = read(&mut buffer[received..]); // from the transport
///     if len == 0 {
///         handshake.receive_eof()?; // an error: the response is not complete
///     }
///     received += len;
///     match handshake.receive(&buffer[..received])? {
///         Some(HandshakeResponseRef::Accept(response)) => head_len = response.head_len(),
///         Some(HandshakeResponseRef::Reject(response)) => return Err(format!("refused: {}", response.status_code()).into()),
///         _ => {} // more bytes are needed
///     }
/// }
///
/// let mut connection = Connection::client(Limits::default(), entropy);
/// let mut input = &mut buffer[head_len..received];
/// while let Some(event) = connection.next_event(&mut input)? {
///     assert!(matches!(event, Event::Text(text) if text.data == "Hello"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SliceClientHandshake<'r> {
    subprotocols: &'r [&'r str],
    accept_token: AcceptToken,
    head: HeadScanner,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The final response is not complete; so many `informational` ones were skipped.
    Receiving { informational: u32 },
    /// The connection is open.
    Accepted,
    /// The refusal was returned.
    Rejected,
    /// The peer broke a rule.
    Failed,
}

/// A server's response, in the buffer where the client has received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeResponseRef<'b> {
    /// The connection is open.
    Accept(ResponseRef<'b>),
    /// The connection is refused.
    Reject(ResponseRef<'b>),
}

impl<'r> SliceClientHandshake<'r> {
    /// Writes a request, with a key drawn from `entropy`.
    ///
    /// # Errors
    ///
    /// A host, a target, a subprotocol or a header is malformed, a header is reserved, or `output` has no room. Nothing
    /// was written then, and no entropy drawn.
    pub fn new(
        request: &SliceRequest<'r>,
        limits: HandshakeLimits,
        entropy: &mut impl Entropy,
        output: &mut (impl Output + ?Sized),
    ) -> Result<Self, LocalProtocolError> {
        request.check()?;
        // Every key has the same length, so this one serves to find room.
        http::reserve(output, |put| request.put(put, &SecWebSocketKey::new([0; 16])))?;
        let key = SecWebSocketKey::generate(entropy);
        http::write(output, |put| request.put(put, &key))?;
        Ok(Self {
            subprotocols: request.subprotocols,
            accept_token: generate_accept_token(key.as_bytes()),
            head: HeadScanner::new(limits),
            state: State::Receiving { informational: 0 },
        })
    }

    /// Reads what has come since the last call.
    ///
    /// `buffer` has all bytes that were received, from the first one on: the bytes of the last call and any number of
    /// new ones. Each line is checked once, when it is complete.
    ///
    /// Returns the head of the response once it is complete, and `None` if more bytes are needed or it was already
    /// returned. Informational responses, 1xx except 101, are skipped (RFC 9110 §15.2), and stay in the buffer.
    ///
    /// # Errors
    ///
    /// The rule that the server broke, once; close the transport (RFC 6455 §4.1).
    pub fn receive<'b>(
        &mut self,
        buffer: &'b [u8],
    ) -> Result<Option<HandshakeResponseRef<'b>>, HandshakeError> {
        let response = self.read(buffer);
        match &response {
            Ok(None) => {}
            Ok(Some(HandshakeResponseRef::Accept(_))) => self.state = State::Accepted,
            Ok(Some(HandshakeResponseRef::Reject(_))) => self.state = State::Rejected,
            Err(_) => self.state = State::Failed,
        }
        response
    }

    /// Records that the transport has ended.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedEof`] if the response's head is not complete.
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        if matches!(self.state, State::Receiving { .. }) {
            self.state = State::Failed;
            return Err(HandshakeError::UnexpectedEof);
        }
        Ok(())
    }

    /// The state of the connection: `Connecting`, `Open` or `Closed`.
    pub const fn state(&self) -> ConnectionState {
        match self.state {
            State::Receiving { .. } => ConnectionState::Connecting,
            State::Accepted => ConnectionState::Open,
            State::Rejected | State::Failed => ConnectionState::Closed,
        }
    }

    fn read<'b>(&mut self, buffer: &'b [u8]) -> Result<Option<HandshakeResponseRef<'b>>, HandshakeError> {
        while let State::Receiving { informational } = self.state {
            let Some(head) = self.head.read::<StatusLine>(buffer)? else { break };
            match head.start_line.status_code {
                101 => {
                    self.check(&head)?;
                    return Ok(Some(HandshakeResponseRef::Accept(ResponseRef::new(&head))));
                }
                100..=199 if informational >= self.head.limits().max_informational => {
                    return Err(HandshakeError::TooManyInformational);
                }
                100..=199 => {
                    self.state = State::Receiving { informational: informational.saturating_add(1) };
                    self.head.restart(head.end);
                }
                _ => return Ok(Some(HandshakeResponseRef::Reject(ResponseRef::new(&head)))),
            }
        }
        Ok(None)
    }

    /// Checks a 101 response.
    fn check(&self, head: &HeadRef<'_, StatusLine>) -> Result<(), HandshakeError> {
        let fields = KnownFields::of(head.fields);
        check_acceptance(head.start_line.version, &self.accept_token, &fields)?;
        check_extension_names(&fields, |_| false)?;
        check_subprotocol(&fields, |chosen| {
            self.subprotocols.iter().any(|offered| offered.as_bytes() == chosen)
        })
    }
}
