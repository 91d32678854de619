//! The fields of a handshake, for another HTTP stack to send (RFC 6455 §4, RFC 8441 §5).

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::accept_token::SecWebSocketKey;
use crate::http::{Headers, Span};

use super::accept::AcceptConnection;
use super::fields::{EXTENSIONS, KEY, PROTOCOL, VERSION};
use super::request::{Offers, Request};

/// The head of a response, for another HTTP stack to send.
///
/// ```
/// use wsproto::{HandshakeError, ServerUpgrade};
///
/// let parts = ServerUpgrade::reject(HandshakeError::MethodNotGet.response())?;
/// assert_eq!(parts.status_code(), 405);
/// assert_eq!(parts.headers().get("allow"), Some(&b"GET"[..]));
/// assert_eq!(parts.fields().next(), Some((":status", &b"405"[..])));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the peer waits for this response: send it"]
pub struct ResponseParts {
    status_code: u16,
    headers: Headers,
    /// The status in digits.
    status: Span,
}

impl ResponseParts {
    pub(super) fn new(status_code: u16, mut headers: Headers) -> Self {
        let status = headers.add_bytes(status_code.to_string().as_bytes());
        Self { status_code, headers, status }
    }

    /// The status.
    pub const fn status_code(&self) -> u16 {
        self.status_code
    }

    /// The headers, in order.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The status as `:status`, and then the headers: as HTTP/2 and HTTP/3 have them.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        core::iter::once((":status", self.headers.bytes(self.status))).chain(self.headers.iter())
    }
}

/// All headers of a request over HTTP/1.1, in the order that the request asks for (RFC 6455 §4.1).
pub(super) fn request_headers(request: &Request, offers: Offers, key: &SecWebSocketKey) -> Headers {
    let mut headers = Headers::default();
    headers.push("Host", request.host().as_bytes());
    headers.push("Upgrade", b"websocket");
    headers.push("Connection", b"Upgrade");
    headers.push(KEY, key.as_bytes());
    push_offer(&mut headers, request, offers);
    match request.header_order() {
        [] => headers,
        order => ordered(&headers, order),
    }
}

/// The same headers, those with a name in `order` first, in that order and spelled so.
fn ordered(headers: &Headers, order: &[String]) -> Headers {
    let mut places = BTreeMap::new();
    for (place, name) in order.iter().enumerate() {
        places.entry(name.to_ascii_lowercase()).or_insert((place, name.as_str()));
    }
    let placed = headers.iter().map(|(name, value)| match places.get(&name.to_ascii_lowercase()) {
        Some((place, spelled)) => (*place, *spelled, value),
        None => (usize::MAX, name, value),
    });
    let mut fields: Vec<_> = placed.collect();
    // A stable sort: headers of one name, and those without a place, keep their order.
    fields.sort_by_key(|(place, ..)| *place);
    let mut headers = Headers::default();
    push_all(&mut headers, fields.into_iter().map(|(_, name, value)| (name, value)));
    headers
}

/// Adds the fields that a client sends in every version of HTTP.
pub(super) fn push_offer(headers: &mut Headers, request: &Request, offers: Offers) {
    headers.push(VERSION, b"13");
    push_list(headers, PROTOCOL, || request.subprotocols());
    push_list(headers, EXTENSIONS, || request.offered(offers));
    push_all(headers, request.extra_headers());
}

/// Adds the fields that a server sends with its acceptance in every version of HTTP.
pub(super) fn push_choice(headers: &mut Headers, accept: &AcceptConnection) {
    if let Some(subprotocol) = accept.subprotocol() {
        headers.push(PROTOCOL, subprotocol.as_bytes());
    }
    push_list(headers, EXTENSIONS, || accept.agreed().iter());
    push_all(headers, accept.extra_headers());
}

/// Adds a field that is a list, unless it has no elements.
fn push_list<I: Iterator<Item: fmt::Display>>(headers: &mut Headers, name: &str, elements: impl Fn() -> I) {
    if elements().next().is_none() {
        return;
    }
    headers.push_written(name, |value| {
        for (index, element) in elements().enumerate() {
            // Counting and adding bytes cannot fail.
            let _ = write!(value, "{}{element}", if index == 0 { "" } else { ", " });
        }
    });
}

pub(super) fn push_all<'f>(headers: &mut Headers, fields: impl Iterator<Item = (&'f str, &'f [u8])>) {
    for (name, value) in fields {
        headers.push(name, value);
    }
}
