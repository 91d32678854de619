//! The fields of a handshake, for another HTTP stack to send (RFC 6455 §4, RFC 8441 §5).

use alloc::string::ToString;
use core::fmt;

use crate::http::{Headers, Span};

use super::accept::AcceptConnection;
use super::fields::{EXTENSIONS, PROTOCOL, VERSION};
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
