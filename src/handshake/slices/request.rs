//! A request in the buffer of the server that has received it (RFC 6455 §4.2.1).

use core::fmt;

use crate::accept_token::AcceptToken;
use crate::error::HandshakeError;
use crate::http::{FieldLines, HeadRef, Known, KnownFields, RequestLine, split_list, values_named};
use crate::token::{is_token, text};

use super::super::fields::ORIGIN;
use super::super::rules::{ValidRequest, check_request};

/// A client's request, in the buffer where the server has received it.
///
/// [`SliceServerHandshake::receive`](crate::SliceServerHandshake::receive) returns it. Each call of an accessor for
/// headers reads the head anew.
///
/// ```
/// use wsproto::{HandshakeLimits, SliceServerHandshake};
///
/// let buffer = b"GET /chat?room=1 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt, chat\r\n\
///     Sec-WebSocket-Version: 13\r\nCookie: a=b\r\n\r\n";
/// let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
/// let request = handshake.receive(buffer)?.unwrap();
/// assert_eq!((request.host(), request.path(), request.query()), ("server.example.com", "/chat", Some("room=1")));
/// assert_eq!(request.header("cookie"), Some(&b"a=b"[..]));
/// assert!(request.subprotocols().eq(["mqtt", "chat"]));
/// assert_eq!(request.head_len(), buffer.len());
/// # Ok::<(), wsproto::HandshakeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestRef<'b> {
    valid: ValidRequest<'b>,
    fields: FieldLines<'b>,
    head_len: usize,
}

impl<'b> RequestRef<'b> {
    /// The request in this head, if it is valid.
    pub(super) fn check(head: &HeadRef<'b, RequestLine<'b>>) -> Result<Self, HandshakeError> {
        let HeadRef { start_line: RequestLine { method, target, version }, fields, end } = *head;
        let valid = check_request(method.as_bytes(), target.as_bytes(), version, &KnownFields::of(fields))?;
        Ok(Self { valid, fields, head_len: end })
    }

    /// How many bytes of the buffer are the request. What follows them are frames.
    pub const fn head_len(&self) -> usize {
        self.head_len
    }

    /// The host, with the port if there is one: that of an absolute target, else `Host`.
    pub fn host(&self) -> &'b str {
        text(self.valid.host)
    }

    /// The absolute path (RFC 6455 §3).
    pub fn path(&self) -> &'b str {
        // "If the path component is empty", it is "/" (§3).
        if self.valid.lacks_slash { "/" } else { self.resource().split('?').next().unwrap_or_default() }
    }

    /// The query, without the `?` before it (§3); `None` if the target has no query.
    pub fn query(&self) -> Option<&'b str> {
        self.resource().split_once('?').map(|(_, query)| query)
    }

    /// The path and the query, as they were received.
    fn resource(&self) -> &'b str {
        text(self.valid.path)
    }

    /// The origin of the page that sent the request; browsers always send it (§10.2).
    pub fn origin(&self) -> Option<&'b [u8]> {
        self.header(ORIGIN)
    }

    /// The subprotocols that the client offers, the preferred one first.
    ///
    /// Elements that are not tokens are left out: they are not names of subprotocols (§4.3), and can never be chosen.
    /// [`select_subprotocol`](crate::select_subprotocol) chooses one.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'b str> + use<'b> {
        let elements = values_named(self.fields, Known::Protocol.name()).flat_map(split_list);
        elements.filter(|element| is_token(element)).map(text)
    }

    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        values_named(self.fields, name).next()
    }

    /// All headers, names with their values, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        self.fields.iter()
    }

    /// The token that accepts the request.
    pub(super) const fn accept_token(&self) -> &AcceptToken {
        &self.valid.accept_token
    }
}

impl fmt::Debug for RequestRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestRef")
            .field("host", &self.host())
            .field("path", &self.path())
            .field("query", &self.query())
            .field("headers", &self.fields)
            .finish_non_exhaustive()
    }
}
