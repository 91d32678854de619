//! The headers of requests and responses: which the handshake writes itself, and how the extensions among them are read
//! (RFC 6455 §9.1, §11.3).

use crate::error::{HandshakeError, LocalProtocolError};
use crate::extension::{ExtensionParams, check_list};
use crate::http::{Headers, Known, KnownFields, Place, split_list, syntax};

/// Adds a header as it is, and records what is not valid.
pub(super) fn add_header(
    headers: &mut Headers,
    misuse: &mut Option<LocalProtocolError>,
    name: &str,
    value: &[u8],
    owned: &[&str],
) {
    let wrong = if !syntax::is_token(name.as_bytes()) {
        Some(LocalProtocolError::InvalidHeaderName)
    } else if !syntax::is_field_value(value) {
        Some(LocalProtocolError::InvalidHeaderValue)
    } else if is_owned(name, owned) {
        Some(LocalProtocolError::ReservedHeader)
    } else {
        None
    };
    *misuse = misuse.or(wrong);
    headers.push(name, value);
}

pub(super) fn extra_headers<'a>(
    headers: &'a Headers,
    owned: &'static [&'static str],
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    headers.iter().filter(|(name, _)| !is_owned(name, owned))
}

pub(super) fn is_owned(name: &str, owned: &[&str]) -> bool {
    owned.iter().any(|owned| owned.eq_ignore_ascii_case(name))
}

/// The name of the extension in an element of a list that was checked.
pub(super) fn extension_name(element: &[u8]) -> &str {
    element.get(..syntax::token_len(element)).map(text).unwrap_or_default()
}

/// The extensions that a head names over any number of fields, parsed one by one; what is malformed is left out (§9.1).
pub(super) fn named_extensions(headers: &Headers, place: Place) -> impl Iterator<Item = ExtensionParams> {
    extension_elements(headers, place).filter_map(ExtensionParams::parse_one)
}

/// The extensions that a head names, as they are written.
pub(super) fn extension_elements(headers: &Headers, place: Place) -> impl Iterator<Item = &[u8]> {
    headers.values_at(place, Known::Extensions).flat_map(split_list)
}

/// A value that "does not conform to the ABNF" fails the connection (RFC 6455 §4.3, §9.1).
pub(super) fn check_extensions(fields: &KnownFields<'_>) -> Result<(), HandshakeError> {
    let mut values = fields.values(Known::Extensions);
    values.try_for_each(check_list).map_err(HandshakeError::InvalidExtension)
}

/// Whether a list has no elements, as if its field were not there (RFC 9110 §5.6.1).
pub(super) fn is_empty_list(value: &[u8]) -> bool {
    split_list(value).next().is_none()
}

/// What has been checked to be ASCII.
pub(super) fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

pub(super) const PROTOCOL: &str = "Sec-WebSocket-Protocol";

/// Any number of times in a request, at most once in a response (RFC 6455 §11.3.2).
pub(super) const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// At most once (RFC 6454 §7.3).
pub(super) const ORIGIN: &str = "Origin";

pub(super) const KEY: &str = "Sec-WebSocket-Key";

pub(super) const CONTENT_LENGTH: &str = "Content-Length";

/// The refusal that never has a body, though it may have the length that one would have (RFC 9110 §15.4.5).
pub(super) const NOT_MODIFIED: u16 = 304;

pub(super) const VERSION: &str = "Sec-WebSocket-Version";
