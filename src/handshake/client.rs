//! The client's side: it writes a request, then reads and checks the response (RFC 6455 §4.1).

use crate::accept_token::{AcceptToken, SecWebSocketKey, generate_accept_token};
use crate::connection::ConnectionState;
use crate::entropy::Entropy;
use crate::error::{HandshakeError, LocalProtocolError};
use crate::extension::ExtensionParams;
use crate::http::{self, Headers, Known, KnownFields, Place, Put, ResponseHead};
use crate::limits::HandshakeLimits;
use crate::output::Output;

use super::accept::AcceptConnection;
use super::fields::{EXTENSIONS, PROTOCOL};
use super::parts::request_headers;
use super::reject::{RejectConnection, RejectData};
use super::request::{Offers, Request};
use super::response_reader::{Received, ResponseReader, State};
use super::rules::{check_acceptance, check_extension_names, check_subprotocol};

/// A client's opening handshake, from the request to the open connection.
///
/// 1. Build a [`Request`], with the extensions to offer.
/// 2. [`new`](Self::new) writes it. Send the bytes.
/// 3. Pass received bytes to [`receive`](Self::receive) until it returns a [`HandshakeResponse`].
/// 4. [`AcceptConnection::extensions`] checks the extensions that the server has chosen. Drop the transport if they do
///    not fit the offers.
/// 5. Open a [`Connection`](crate::Connection) with them.
/// 6. Bytes after the response are frames: they are left in the input. Pass them to the connection, before it reads from
///    the transport.
///
/// The handshake borrows bytes as `&[u8]`, as it only reads them; the connection as `&mut [u8]`, as it decodes them in
/// place. So read both from one buffer:
///
#[cfg_attr(feature = "deflate", doc = "```")]
#[cfg_attr(not(feature = "deflate"), doc = "```ignore")]
/// use wsproto::{HandshakeResponse, ClientHandshake, Connection, Event, HandshakeLimits, Limits, PermessageDeflate, Request};
/// # use std::io::{Read, Write};
/// # struct Sample;
/// # impl wsproto::Entropy for Sample {
/// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(&b"the sample nonce"[..bytes.len()]); }
/// # }
/// # let mut socket_in = &b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #     Sec-WebSocket-Extensions: permessage-deflate\r\n\
/// #     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x05Hello"[..];
/// # let mut socket_out = Vec::new();
/// let mut entropy = Sample; // in a program: SeededEntropy::new()
/// let deflate = PermessageDeflate::new();
/// let request = Request::new("server.example.com", "/chat").with_extensions(&[&deflate]);
/// let mut output = Vec::new();
/// let mut handshake = ClientHandshake::new(request, HandshakeLimits::default(), &mut entropy, &mut output)?;
/// socket_out.write_all(&output)?;
///
/// let mut buffer = vec![0; 4096];
/// let (accept, unread) = loop {
///     let len = socket_in.read(&mut buffer)?;
///     if len == 0 {
///         handshake.receive_eof()?; // an error: the response is not complete
///     }
///     let mut input = &buffer[..len];
///     match handshake.receive(&mut input)? {
///         Some(HandshakeResponse::Accept(accept)) => break (accept, len - input.len()..len),
///         Some(HandshakeResponse::Reject(reject)) => return Err(format!("refused: {}", reject.status_code()).into()),
///         _ => {} // more bytes are needed
///     }
/// };
/// let extensions = accept.extensions(&[&deflate])?;
/// let mut connection = Connection::client(Limits::default(), entropy).with_extensions(extensions);
///
/// let mut input = &mut buffer[unread]; // what was received after the response
/// while let Some(event) = connection.next_event(&mut input)? {
///     assert!(matches!(event, Event::Text(text) if text.data == "Hello"));
/// }
/// // Then read from the socket on, as the front page of this crate shows.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "H11Handshake")]
#[derive(Clone, Debug)]
pub struct ClientHandshake {
    request: Request,
    accept_token: AcceptToken,
    reader: ResponseReader,
}

/// A server's response, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeResponse<'i> {
    /// The connection is open.
    Accept(AcceptConnection),
    /// The connection is refused.
    Reject(RejectConnection),
    /// A piece of the refusal's body.
    RejectData(RejectData<&'i [u8]>),
}

impl ClientHandshake {
    /// Writes a request, with a key drawn from `entropy`.
    ///
    /// # Errors
    ///
    /// A host, a target, a subprotocol or a header is malformed, a header is reserved, or `output` has no room. Nothing
    /// was written then, and no entropy drawn.
    pub fn new(
        request: Request,
        limits: HandshakeLimits,
        entropy: &mut impl Entropy,
        output: &mut (impl Output + ?Sized),
    ) -> Result<Self, LocalProtocolError> {
        request.check()?;
        // Every key has the same length, so this one serves to find room.
        http::reserve(output, |put| put_request(put, &request, &SecWebSocketKey::new([0; 16])))?;
        let key = SecWebSocketKey::generate(entropy);
        http::write(output, |put| put_request(put, &request, &key))?;
        let accept_token = generate_accept_token(key.as_bytes());
        Ok(Self { request, accept_token, reader: ResponseReader::new(limits) })
    }

    /// Reads `input` up to the next part of the response, and removes the bytes that it has read.
    ///
    /// Returns `None` if more bytes are needed, or if the handshake has ended. Informational responses, 1xx except 101,
    /// are skipped (RFC 9110 §15.2).
    ///
    /// # Errors
    ///
    /// The rule that the server broke, once; close the transport (RFC 6455 §4.1).
    pub fn receive<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<HandshakeResponse<'i>>, HandshakeError> {
        let Self { request, accept_token, reader } = self;
        let received =
            reader.receive(input, 101..=101, |head| check(request, Offers::Built, accept_token, head))?;
        Ok(received.map(|received| match received {
            Received::Accept(accept) => HandshakeResponse::Accept(accept),
            Received::Reject(reject) => HandshakeResponse::Reject(reject),
            Received::RejectData(data) => HandshakeResponse::RejectData(data),
        }))
    }

    /// Records that the transport has ended.
    ///
    /// Returns the end of a body that ends with the transport.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedEof`] if the response is not complete.
    pub fn receive_eof(&mut self) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
        Ok(self.reader.receive_eof()?.map(HandshakeResponse::RejectData))
    }

    /// The state of the connection: `Connecting`, `Open`, `Rejecting` or `Closed`.
    pub const fn state(&self) -> ConnectionState {
        match self.reader.state() {
            State::Receiving => ConnectionState::Connecting,
            State::Accepted => ConnectionState::Open,
            State::Rejecting(_) => ConnectionState::Rejecting,
            State::Failed | State::Rejected => ConnectionState::Closed,
        }
    }
}

/// Checks a 101 response.
pub(super) fn check(
    request: &Request,
    offers: Offers,
    accept_token: &AcceptToken,
    head: ResponseHead,
) -> Result<AcceptConnection, HandshakeError> {
    let ResponseHead { version, headers, .. } = head;
    let fields = headers.known();
    check_acceptance(version, accept_token, &fields)?;
    let extensions = check_choice(request, offers, &fields)?;
    Ok(AcceptConnection::received(headers, extensions))
}

/// Checks what a server has chosen against what it was offered (§4.1), and returns where its extensions are.
///
/// [`AcceptConnection::extensions`] checks the parameters.
pub(super) fn check_choice(
    request: &Request,
    offers: Offers,
    fields: &KnownFields<'_, &Headers>,
) -> Result<Place, HandshakeError> {
    check_extension_names(fields, |name| request.offers_extension(offers, name))?;
    check_subprotocol(fields, |chosen| request.subprotocols().any(|offered| offered.as_bytes() == chosen))?;
    Ok(fields.place(Known::Extensions))
}

/// The request, in the order of the list in §4.1 unless it asks for another.
fn put_request(put: Put<'_>, request: &Request, key: &SecWebSocketKey) {
    if !request.header_order().is_empty() {
        http::put_request_line(put, request.target());
        return http::put_last_fields(put, request_headers(request, Offers::Built, key).iter());
    }
    http::put_request(put, request.host(), request.target(), key);
    http::put_list(put, PROTOCOL, request.subprotocols(), |name, put| put(name.as_bytes()));
    http::put_list(put, EXTENSIONS, request.offers().iter(), ExtensionParams::put);
    http::put_last_fields(put, request.extra_headers());
}
