//! The rules for a request and for a response, each a function, wherever their fields are kept (RFC 6455 §4.1, §4.2.1).

use crate::accept_token::{AcceptToken, SecWebSocketKey, generate_accept_token};
use crate::error::{HandshakeError, NegotiationError, NegotiationErrorKind};
use crate::excerpt::Excerpt;
use crate::http::{Fields, Known, KnownFields, decimal, split_list, syntax};
use crate::token::text;

use super::fields::{check_extensions, extension_name, is_empty_list};

/// What the check of a request has found in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValidRequest<'h> {
    pub(super) host: &'h [u8],
    /// The path and the query.
    pub(super) path: &'h [u8],
    /// Whether the path is empty, so that a slash precedes the query.
    pub(super) lacks_slash: bool,
    pub(super) accept_token: AcceptToken,
}

/// Checks a request against §4.2.1, in the order of its list; nothing that the peer sends is trusted (§10.1, §10.7).
///
/// `version` is the minor version of HTTP/1.
pub(super) fn check_request<'h>(
    method: &[u8],
    target: &'h [u8],
    version: u8,
    fields: &KnownFields<'h, impl Fields<'h>>,
) -> Result<ValidRequest<'h>, HandshakeError> {
    if version != 1 {
        return Err(HandshakeError::HttpVersion);
    }
    if method != b"GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    let host = check_host(fields)?;
    let resource = check_target(target)?;
    check_no_body(fields)?;
    if !fields.list_contains(Known::Upgrade, "websocket") {
        return Err(HandshakeError::MissingUpgrade);
    }
    if !fields.list_contains(Known::Connection, "Upgrade") {
        return Err(HandshakeError::MissingConnectionUpgrade);
    }
    check_version(fields)?;
    let accept_token = match fields.single(Known::Key) {
        Ok(Some(key)) if SecWebSocketKey::is_key(key) => generate_accept_token(key),
        _ => return Err(HandshakeError::InvalidKey),
    };
    check_origin(fields)?;
    check_extensions(fields)?;
    let Resource { host: authority, path, lacks_slash } = resource;
    Ok(ValidRequest { host: authority.unwrap_or(host), path, lacks_slash, accept_token })
}

/// What a request target names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resource<'h> {
    /// The host, if the target is an absolute URI.
    host: Option<&'h [u8]>,
    /// The path and the query.
    path: &'h [u8],
    /// Whether the path is empty, so that a slash precedes the query.
    lacks_slash: bool,
}

/// Checks a request target: an absolute path, or an absolute URI that has a host as well (RFC 9112 §3.2.2).
fn check_target(target: &[u8]) -> Result<Resource<'_>, HandshakeError> {
    let Some(rest) = after_scheme(target) else {
        return match target {
            [b'/', ..] if syntax::is_received_uri_text(target) => {
                Ok(Resource { host: None, path: target, lacks_slash: false })
            }
            _ => Err(HandshakeError::InvalidTarget),
        };
    };
    let host_len = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_len);
    if syntax::is_host(host) && syntax::is_received_uri_text(path) {
        Ok(Resource { host: Some(host), path, lacks_slash: !path.starts_with(b"/") })
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
fn check_host<'h>(fields: &KnownFields<'h, impl Fields<'h>>) -> Result<&'h [u8], HandshakeError> {
    match fields.single(Known::Host) {
        Ok(Some(host)) if syntax::is_host(host) => Ok(host),
        _ => Err(HandshakeError::InvalidHost),
    }
}

/// What follows the head would be the body, not frames (RFC 9112 §6.3).
pub(super) fn check_no_body<'h>(fields: &KnownFields<'h, impl Fields<'h>>) -> Result<(), HandshakeError> {
    let has_len = fields.values(Known::ContentLength).any(|len| len != b"0");
    if has_len || fields.first(Known::TransferEncoding).is_some() {
        return Err(HandshakeError::RequestBody);
    }
    Ok(())
}

/// "A |Sec-WebSocket-Version| header field, with a value of 13"; a number below 256 else (§4.3).
pub(super) fn check_version<'h>(fields: &KnownFields<'h, impl Fields<'h>>) -> Result<(), HandshakeError> {
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
pub(super) fn check_origin<'h>(fields: &KnownFields<'h, impl Fields<'h>>) -> Result<(), HandshakeError> {
    fields.single(Known::Origin).map(drop).map_err(|_| HandshakeError::RepeatedOrigin)
}

/// Checks a 101 response against the list of §4.1, in its order; `Upgrade` and the token are there once (§4.3,
/// §11.3.3).
///
/// `version` is the minor version of HTTP/1. What the server has chosen is for [`check_extension_names`] and
/// [`check_subprotocol`] to check, in this order.
pub(super) fn check_acceptance<'h>(
    version: u8,
    accept_token: &AcceptToken,
    fields: &KnownFields<'h, impl Fields<'h>>,
) -> Result<(), HandshakeError> {
    if version != 1 {
        return Err(HandshakeError::HttpVersion);
    }
    match fields.single(Known::Upgrade) {
        Ok(Some(protocol)) if protocol.eq_ignore_ascii_case(b"websocket") => {}
        _ => return Err(HandshakeError::MissingUpgrade),
    }
    if !fields.list_contains(Known::Connection, "Upgrade") {
        return Err(HandshakeError::MissingConnectionUpgrade);
    }
    match fields.single(Known::Accept) {
        Ok(Some(token)) if token == accept_token.as_bytes() => Ok(()),
        _ => Err(HandshakeError::WrongAccept),
    }
}

/// "A subprotocol that was not present in the client's handshake" fails the connection (§4.1), and so do several
/// (§11.3.4). An empty value chooses none.
pub(super) fn check_subprotocol<'h>(
    fields: &KnownFields<'h, impl Fields<'h>>,
    is_offered: impl Fn(&[u8]) -> bool,
) -> Result<(), HandshakeError> {
    let mut chosen = fields.values(Known::Protocol).filter(|value| !is_empty_list(value));
    match (chosen.next(), chosen.next()) {
        (None, _) => Ok(()),
        (Some(chosen), None) if is_offered(chosen) => Ok(()),
        (Some(chosen), None) => Err(HandshakeError::UnexpectedSubprotocol(Excerpt::new(chosen))),
        (Some(_), Some(_)) => Err(HandshakeError::RepeatedSubprotocol),
    }
}

/// "An extension that was not present in the client's handshake" fails the connection (§4.1); so does one
/// that is answered twice. The parameters are checked elsewhere.
pub(super) fn check_extension_names<'h>(
    fields: &KnownFields<'h, impl Fields<'h>>,
    is_offered: impl Fn(&[u8]) -> bool,
) -> Result<(), HandshakeError> {
    check_extensions(fields)?;
    let names = || fields.values(Known::Extensions).flat_map(split_list).map(extension_name);
    for (index, name) in names().enumerate() {
        let kind = if index >= MAX_ANSWERED {
            NegotiationErrorKind::TooMany
        } else if names().take(index).any(|other| other == name) {
            NegotiationErrorKind::Repeated
        } else if !is_offered(name) {
            NegotiationErrorKind::NotOffered
        } else {
            continue;
        };
        return Err(HandshakeError::UnexpectedExtension(NegotiationError::new(kind, text(name))));
    }
    Ok(())
}

/// No connection uses more extensions than this. Each in a response is compared with all that were offered, and two peers
/// of a proxy could choose how many these are.
const MAX_ANSWERED: usize = 64;
