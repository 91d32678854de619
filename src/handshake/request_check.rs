//! A request whose head is stored: the check of it, and what it becomes (RFC 6455 §4.2.1).

use crate::accept_token::AcceptToken;
use crate::error::HandshakeError;
use crate::http::{Known, Place, RequestHead, Span};

use super::request::Request;
use super::rules;

/// Checks a request.
pub(super) fn check(head: &RequestHead) -> Result<ValidRequest, HandshakeError> {
    let RequestHead { method, target, version, ref headers } = *head;
    let fields = headers.known();
    let valid = rules::check_request(headers.bytes(method), headers.bytes(target), version, &fields)?;
    Ok(ValidRequest {
        host: headers.span_of(valid.host),
        path: headers.span_of(valid.path),
        lacks_slash: valid.lacks_slash,
        accept_token: valid.accept_token,
        extensions: fields.place(Known::Extensions),
    })
}

/// What the check of a request has found in its head.
pub(super) struct ValidRequest {
    host: Span,
    path: Span,
    lacks_slash: bool,
    accept_token: AcceptToken,
    extensions: Place,
}

impl ValidRequest {
    /// The request in the head that was checked, and the token that accepts it.
    pub(super) fn into_request(self, head: RequestHead) -> (Request, AcceptToken) {
        let Self { host, path, lacks_slash, accept_token, extensions } = self;
        let mut headers = head.headers;
        // "If the path component is empty", it is "/" (§3).
        let target = if lacks_slash { headers.add_prefixed(b"/", path) } else { path };
        (Request::received(headers, host, target, extensions), accept_token)
    }
}
