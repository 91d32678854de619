//! Heads and chunks to bytes (RFC 9112 §2, §7.1).

use crate::accept_token::{AcceptToken, SecWebSocketKey};
use crate::error::LocalProtocolError;
use crate::output::Output;

use super::known::Known;

/// Takes the parts of a message one by one.
pub(crate) type Put<'a> = &'a mut dyn FnMut(&[u8]);

/// Makes sure that all `parts` can be written.
pub(crate) fn reserve(
    output: &mut (impl Output + ?Sized),
    parts: impl Fn(Put<'_>),
) -> Result<(), LocalProtocolError> {
    let mut len: usize = 0;
    parts(&mut |part| len = len.saturating_add(part.len()));
    output.ensure_room(len)
}

/// Writes all `parts`, or none where there is no room.
///
/// They are gone through twice, first for their length only, so that no memory but the output's is used.
pub(crate) fn write(
    output: &mut (impl Output + ?Sized),
    parts: impl Fn(Put<'_>),
) -> Result<(), LocalProtocolError> {
    reserve(output, &parts)?;
    let mut written = Ok(());
    // Not `written.and_then(…)`, which copies the error that there is not: the time of writing is then twice as long.
    parts(&mut |part| {
        if written.is_ok() {
            written = output.append_bytes(part);
        }
    });
    written
}

/// One field.
pub(crate) fn put_field(put: Put<'_>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        put(part);
    }
}

/// A field that is a list, where there are elements.
pub(crate) fn put_list<T>(
    put: Put<'_>,
    name: &str,
    elements: impl Iterator<Item = T>,
    put_element: impl Fn(T, Put<'_>),
) {
    let mut is_first = true;
    for element in elements {
        for part in if is_first { [name.as_bytes(), b": "] } else { [&b""[..], b", "] } {
            put(part);
        }
        put_element(element, put);
        is_first = false;
    }
    if !is_first {
        put(b"\r\n");
    }
}

/// The last fields of a head, in order, and its end.
pub(crate) fn put_last_fields<'a>(put: Put<'_>, fields: impl Iterator<Item = (&'a str, &'a [u8])>) {
    for (name, value) in fields {
        put_field(put, name, value);
    }
    put(b"\r\n");
}

/// The start of an acceptance (RFC 6455 §4.2.2).
pub(crate) fn put_acceptance(put: Put<'_>, accept_token: &AcceptToken, subprotocol: Option<&str>) {
    put(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    put_field(put, Known::Accept.name(), accept_token.as_bytes());
    if let Some(subprotocol) = subprotocol {
        put_field(put, Known::Protocol.name(), subprotocol.as_bytes());
    }
}

/// The start of a refusal, 100 to 999, which may have an `Upgrade` among its fields.
pub(crate) fn put_refusal(put: Put<'_>, status_code: u16, reason_phrase: &str, upgrades: bool) {
    let digit = |place: u16| {
        let [digit, _] = status_code
            .checked_div(place)
            .unwrap_or_default()
            .checked_rem(10)
            .unwrap_or_default()
            .to_le_bytes();
        digit | b'0'
    };
    for part in
        [b"HTTP/1.1 ", &[digit(100), digit(10), digit(1)][..], b" ", reason_phrase.as_bytes(), b"\r\n"]
    {
        put(part);
    }
    // A sender of Upgrade lists it in Connection as well (RFC 9110 §7.8).
    put_field(put, Known::Connection.name(), if upgrades { b"Upgrade, close" } else { b"close" });
}

/// The start of a request, in the order of the list in RFC 6455 §4.1.
pub(crate) fn put_request(put: Put<'_>, host: &str, target: &str, key: &SecWebSocketKey) {
    put_request_line(put, target);
    put_field(put, Known::Host.name(), host.as_bytes());
    put(b"Upgrade: websocket\r\nConnection: Upgrade\r\n");
    put_field(put, Known::Key.name(), key.as_bytes());
    put_field(put, Known::Version.name(), b"13");
}

/// A request's first line.
pub(crate) fn put_request_line(put: Put<'_>, target: &str) {
    for part in ["GET ", target, " HTTP/1.1\r\n"] {
        put(part.as_bytes());
    }
}

/// A chunk of a body, where there is data, and the end of the body, where it is finished.
#[cfg(feature = "alloc")]
pub(crate) fn put_chunk(put: Put<'_>, data: &[u8], body_finished: bool) {
    if !data.is_empty() {
        for part in [alloc::format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"] {
            put(part);
        }
    }
    if body_finished {
        put(b"0\r\n\r\n");
    }
}
