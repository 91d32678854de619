//! The fields of a stream's request or response, in HTTP/2 and HTTP/3: pseudo-headers, then headers in lower case
//! (RFC 9113 §8.2, §8.3; RFC 9114 §4.2, §4.3).

use alloc::collections::BTreeSet;
use alloc::string::String;

use crate::error::HandshakeError;
use crate::http::{FieldGatherer, Headers, Span};
use crate::limits::HandshakeLimits;

/// Splits fields into pseudo-headers of these names, and headers (RFC 9113 §8.2, §8.3; RFC 9114 §4.2, §4.3).
pub(super) fn split_fields<const COUNT: usize, N: AsRef<[u8]>, V: AsRef<[u8]>>(
    names: [&str; COUNT],
    fields: impl IntoIterator<Item = (N, V)>,
    limits: HandshakeLimits,
) -> Result<([Option<Span>; COUNT], Headers), HandshakeError> {
    let mut gatherer = FieldGatherer::new(limits);
    let mut pseudo = [None; COUNT];
    for (name, value) in fields {
        let (name, value) = (name.as_ref(), value.as_ref());
        match name {
            [b':', ..] => {
                let known = names.iter().position(|known| known.as_bytes() == name);
                match known.and_then(|known| pseudo.get_mut(known)) {
                    // Each once, and none after a header.
                    Some(slot @ None) if gatherer.is_empty() => *slot = Some(gatherer.keep(name, value)?),
                    _ => return Err(HandshakeError::InvalidPseudoHeader),
                }
            }
            b"cookie" => gatherer.add_cookie(value)?,
            _ => {
                check_field(name, value)?;
                gatherer.add(name, value)?;
            }
        }
    }
    Ok((pseudo, gatherer.finish()))
}

/// What HTTP/2 and HTTP/3 ask of a header, besides what HTTP/1.1 does.
fn check_field(name: &[u8], value: &[u8]) -> Result<(), HandshakeError> {
    if name.iter().any(u8::is_ascii_uppercase) {
        return Err(HandshakeError::MalformedHead);
    }
    if is_connection_specific(name, value) {
        return Err(HandshakeError::ConnectionSpecificHeader);
    }
    Ok(())
}

/// Whether a header is about a connection of HTTP/1.1 (RFC 9113 §8.2.2, RFC 9114 §4.2).
fn is_connection_specific(name: &[u8], value: &[u8]) -> bool {
    CONNECTION_SPECIFIC.iter().any(|specific| specific.as_bytes().eq_ignore_ascii_case(name))
        || name.eq_ignore_ascii_case(b"te") && !value.eq_ignore_ascii_case(b"trailers")
}

const CONNECTION_SPECIFIC: [&str; 5] =
    ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];

/// Adds the fields that HTTP/2 and HTTP/3 allow, their names in lower case; not those that `all` lists in `Connection`.
pub(super) fn push_lower<'f, I: Iterator<Item = (&'f str, &'f [u8])>>(
    headers: &mut Headers,
    fields: impl Fn() -> I,
    all: &Headers,
) {
    let options = connection_options(&fields, all);
    for (name, value) in fields() {
        let name = name.to_ascii_lowercase();
        if !is_connection_specific(name.as_bytes(), value) && !options.contains(&name) {
            headers.push(&name, value);
        }
    }
}

/// The names of fields that `all` lists in `Connection` (RFC 9110 §7.6.1), in lower case.
///
/// It looks for each option among the fields, of which there is a limit, and keeps no other: so neither many options nor
/// many fields cost more than they are long.
fn connection_options<'f, I: Iterator<Item = (&'f str, &'f [u8])>>(
    fields: impl Fn() -> I,
    all: &Headers,
) -> BTreeSet<String> {
    let mut options =
        all.list("Connection").filter_map(|option| core::str::from_utf8(option).ok()).peekable();
    if options.peek().is_none() {
        return BTreeSet::new();
    }
    let names: BTreeSet<_> = fields().map(|(name, _)| name.to_ascii_lowercase()).collect();
    options.map(str::to_ascii_lowercase).filter(|option| names.contains(option)).collect()
}
