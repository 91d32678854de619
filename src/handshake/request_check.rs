//! The rules for a request, each a function (RFC 6455 §4.2.1).

use crate::accept_token::{AcceptToken, SecWebSocketKey, generate_accept_token};
use crate::error::HandshakeError;
use crate::http::{Headers, Known, KnownFields, Place, RequestHead, Span, decimal, syntax};

use super::fields::check_extensions;
use super::request::Request;

/// Checks a request against §4.2.1, in the order of its list; nothing that the peer sends is trusted (§10.1, §10.7).
pub(super) fn check(head: &RequestHead) -> Result<ValidRequest, HandshakeError> {
    let RequestHead { method, target, version, ref headers } = *head;
    if version != 1 {
        return Err(HandshakeError::HttpVersion);
    }
    if headers.bytes(method) != b"GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    let fields = headers.known();
    let host = check_host(&fields)?;
    let resource = check_target(headers, target)?;
    check_no_body(&fields)?;
    if !fields.list_contains(Known::Upgrade, "websocket") {
        return Err(HandshakeError::MissingUpgrade);
    }
    if !fields.list_contains(Known::Connection, "Upgrade") {
        return Err(HandshakeError::MissingConnectionUpgrade);
    }
    check_version(&fields)?;
    let accept_token = match fields.single(Known::Key) {
        Ok(Some(key)) if SecWebSocketKey::is_key(key) => generate_accept_token(key),
        _ => return Err(HandshakeError::InvalidKey),
    };
    check_origin(&fields)?;
    check_extensions(&fields)?;
    let host = resource.host.unwrap_or(headers.span_of(host));
    Ok(ValidRequest { host, resource, accept_token, extensions: fields.place(Known::Extensions) })
}

/// What the check of a request has found in its head.
pub(super) struct ValidRequest {
    host: Span,
    resource: Resource,
    accept_token: AcceptToken,
    extensions: Place,
}

impl ValidRequest {
    /// The request in the head that was checked, and the token that accepts it.
    pub(super) fn into_request(self, head: RequestHead) -> (Request, AcceptToken) {
        let Self { host, resource: Resource { path, lacks_slash, .. }, accept_token, extensions } = self;
        let mut headers = head.headers;
        // "If the path component is empty", it is "/" (§3).
        let target = if lacks_slash { headers.add_prefixed(b"/", path) } else { path };
        (Request::received(headers, host, target, extensions), accept_token)
    }
}

/// What a request target names.
struct Resource {
    /// The host, if the target is an absolute URI.
    host: Option<Span>,
    /// The path and the query.
    path: Span,
    /// Whether the path is empty, so that a slash precedes the query.
    lacks_slash: bool,
}

/// Checks a request target: an absolute path, or an absolute URI that has a host as well (RFC 9112 §3.2.2).
fn check_target(headers: &Headers, target: Span) -> Result<Resource, HandshakeError> {
    let bytes = headers.bytes(target);
    let Some(rest) = after_scheme(bytes) else {
        return match bytes {
            [b'/', ..] if syntax::is_received_uri_text(bytes) => {
                Ok(Resource { host: None, path: target, lacks_slash: false })
            }
            _ => Err(HandshakeError::InvalidTarget),
        };
    };
    let scheme_len = bytes.len().saturating_sub(rest.len());
    let host_len = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let host = target.part(scheme_len, host_len);
    let path = target.part(scheme_len.saturating_add(host_len), usize::MAX);
    let lacks_slash = !headers.bytes(path).starts_with(b"/");
    if syntax::is_host(headers.bytes(host)) && syntax::is_received_uri_text(headers.bytes(path)) {
        Ok(Resource { host: Some(host), path, lacks_slash })
    } else {
        Err(HandshakeError::InvalidTarget)
    }
}

/// What follows the scheme of an absolute URI.
fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    if target.starts_with(b"/") {
        return None;
    }
    [&b"http://"[..], b"https://", b"ws://", b"wss://"].into_iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// "A |Host| header field containing the server's authority"; one, and well-formed (RFC 9112 §3.2).
fn check_host<'h>(fields: &KnownFields<'h>) -> Result<&'h [u8], HandshakeError> {
    match fields.single(Known::Host) {
        Ok(Some(host)) if syntax::is_host(host) => Ok(host),
        _ => Err(HandshakeError::InvalidHost),
    }
}

/// What follows the head would be the body, not frames (RFC 9112 §6.3).
pub(super) fn check_no_body(fields: &KnownFields<'_>) -> Result<(), HandshakeError> {
    let has_len = fields.values(Known::ContentLength).any(|len| len != b"0");
    if has_len || fields.first(Known::TransferEncoding).is_some() {
        return Err(HandshakeError::RequestBody);
    }
    Ok(())
}

/// "A |Sec-WebSocket-Version| header field, with a value of 13"; a number below 256 else (§4.3).
pub(super) fn check_version(fields: &KnownFields<'_>) -> Result<(), HandshakeError> {
    match fields.single(Known::Version) {
        Ok(Some(b"13")) => Ok(()),
        Ok(Some([b'0', _, ..])) => Err(HandshakeError::InvalidVersion),
        Ok(Some(version)) if decimal(version).is_some_and(|version| version < 256) => {
            Err(HandshakeError::UnsupportedVersion)
        }
        _ => Err(HandshakeError::InvalidVersion),
    }
}

/// Not "more than one Origin header field": a reader of only one of two could be misled (RFC 6454 §7.3).
pub(super) fn check_origin(fields: &KnownFields<'_>) -> Result<(), HandshakeError> {
    fields.single(Known::Origin).map(drop).map_err(|_| HandshakeError::RepeatedOrigin)
}
