//! Heads and chunks to bytes (RFC 9112 §2, §7.1).

use crate::error::LocalProtocolError;
use crate::output::Output;

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
    parts(&mut |part| written = written.and_then(|()| output.append_bytes(part)));
    written
}

/// One field.
pub(crate) fn put_field(put: Put<'_>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        put(part);
    }
}

/// A field that is a list, where there are elements.
pub(crate) fn put_list<T: AsRef<[u8]>>(put: Put<'_>, name: &str, elements: impl Iterator<Item = T>) {
    let mut is_first = true;
    for element in elements {
        for part in if is_first { [name.as_bytes(), b": "] } else { [&b""[..], b", "] } {
            put(part);
        }
        put(element.as_ref());
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

/// A chunk of a body, where there is data, and the end of the body, where it is finished.
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
