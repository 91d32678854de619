//! The headers of requests and responses: which the handshake writes itself, and how the extensions among them are read
//! (RFC 6455 §9.1, §11.3).

use crate::error::{HandshakeError, LocalProtocolError};
use crate::extension::read_list;
use crate::http::{Fields, Known, KnownFields, split_list, syntax};
use crate::token::{is_token, token_len};

/// Checks a header that the caller adds: it cannot be one of those that the handshake owns.
pub(super) fn check_header(name: &str, value: &[u8], owned: &[&str]) -> Result<(), LocalProtocolError> {
    if !is_token(name.as_bytes()) {
        Err(LocalProtocolError::InvalidHeaderName)
    } else if !syntax::is_field_value(value) {
        Err(LocalProtocolError::InvalidHeaderValue)
    } else if is_owned(name, owned) {
        Err(LocalProtocolError::ReservedHeader)
    } else {
        Ok(())
    }
}

pub(super) fn is_owned(name: &str, owned: &[&str]) -> bool {
    owned.iter().any(|owned| owned.eq_ignore_ascii_case(name))
}

/// The name of the extension in an element of a list that was checked.
pub(super) fn extension_name(element: &[u8]) -> &[u8] {
    element.get(..token_len(element)).unwrap_or_default()
}

/// A value that "does not conform to the ABNF" fails the connection (RFC 6455 §4.3, §9.1).
pub(super) fn check_extensions<'h>(fields: &KnownFields<'h, impl Fields<'h>>) -> Result<(), HandshakeError> {
    let mut values = fields.values(Known::Extensions);
    values.try_for_each(|value| read_list(value, &mut |_| {})).map_err(HandshakeError::InvalidExtension)
}

/// Whether a list has no elements, as if its field were not there (RFC 9110 §5.6.1).
pub(super) fn is_empty_list(value: &[u8]) -> bool {
    split_list(value).next().is_none()
}

pub(super) const PROTOCOL: &str = "Sec-WebSocket-Protocol";

/// Any number of times in a request, at most once in a response (RFC 6455 §11.3.2).
pub(super) const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// At most once (RFC 6454 §7.3).
pub(super) const ORIGIN: &str = "Origin";

#[cfg(feature = "alloc")]
pub(super) const KEY: &str = "Sec-WebSocket-Key";

pub(super) const CONTENT_LENGTH: &str = "Content-Length";

/// The refusal that never has a body, though it may have the length that one would have (RFC 9110 §15.4.5).
pub(super) const NOT_MODIFIED: u16 = 304;

pub(super) const VERSION: &str = "Sec-WebSocket-Version";

/// Headers that a request writes itself or must not have.
pub(super) const REQUEST_OWNED: &[&str] = &[
    "Host",
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    VERSION,
    PROTOCOL,
    EXTENSIONS,
    "Sec-WebSocket-Accept",
    CONTENT_LENGTH,
    "Transfer-Encoding",
];

/// Headers that an acceptance writes itself or must not have (RFC 9110 §8.6, RFC 9112 §6.1).
pub(super) const ACCEPT_OWNED: &[&str] = &[
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Accept",
    PROTOCOL,
    EXTENSIONS,
    CONTENT_LENGTH,
    "Transfer-Encoding",
];

/// Headers that a refusal writes itself.
pub(super) const REJECT_OWNED: &[&str] = &["Connection", "Transfer-Encoding", "Sec-WebSocket-Accept"];
