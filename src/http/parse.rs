//! The lines of a head, each on its own: a request line, a status line, a field (RFC 9112 §3 to §5).
//!
//! Every line is whole, and ends in CRLF. No memory is needed.

use httparse::{EMPTY_HEADER, Status};

use crate::error::HandshakeError;
use crate::token::is_field_value_byte;

use super::syntax::trim;

/// What a request line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestLine<'l> {
    pub(crate) method: &'l str,
    pub(crate) target: &'l str,
    /// The minor version of HTTP/1.
    pub(crate) version: u8,
}

/// What a status line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusLine {
    pub(crate) status_code: u16,
    /// The minor version of HTTP/1.
    pub(crate) version: u8,
}

impl<'l> RequestLine<'l> {
    pub(crate) fn parse(line: &'l [u8]) -> Result<Self, HandshakeError> {
        let mut request = httparse::Request::new(&mut []);
        match request.parse(line) {
            // The line is whole; what would be missing is the rest of the head.
            Ok(_) => Ok(Self::of(&request, request.version.unwrap_or_default())),
            Err(httparse::Error::Version) => {
                let read = Self::of(&request, 1);
                match line.get(read.len()..) {
                    // A higher minor version is read as the highest that is known (RFC 9110 §2.5).
                    Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9', b'\r', b'\n']) => Ok(read),
                    _ => {
                        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
                        let version = line.rsplit(|byte| *byte == b' ').next();
                        Err(wrong_version(version.is_some_and(is_version)))
                    }
                }
            }
            Err(_) => Err(HandshakeError::MalformedHead),
        }
    }

    /// What `httparse` has read of it.
    pub(super) fn of(request: &httparse::Request<'_, 'l>, version: u8) -> Self {
        let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
        Self { method, target, version }
    }

    /// The length of the method and the target, with the space after each.
    fn len(&self) -> usize {
        self.method.len().saturating_add(self.target.len()).saturating_add(2)
    }
}

impl StatusLine {
    pub(crate) fn parse(line: &[u8]) -> Result<Self, HandshakeError> {
        let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9', b' ', rest @ ..] = line else {
            let version = line.split(|byte| *byte == b' ').next();
            return Err(wrong_version(version.is_some_and(is_version)));
        };
        let [hundreds @ b'0'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] = rest else {
            return Err(HandshakeError::MalformedHead);
        };
        // Servers leave out the reason, and some the space before it.
        match rest.strip_suffix(b"\r\n") {
            Some([]) => {}
            Some([b' ', reason @ ..]) if reason.iter().all(|byte| is_field_value_byte(*byte)) => {}
            _ => return Err(HandshakeError::MalformedHead),
        }
        let status_code = [hundreds, tens, ones]
            .into_iter()
            .fold(0_u16, |code, digit| code.saturating_mul(10).saturating_add(u16::from(digit & 0xf)));
        check_status(status_code)?;
        Ok(Self { status_code, version: u8::from(*minor != b'0') })
    }
}

/// Reads a field's line: its name, and its value without the white space around it.
pub(crate) fn parse_field(line: &[u8]) -> Result<(&str, &[u8]), HandshakeError> {
    // No space before the colon (§5.1), and no folded line (§5.2).
    match httparse::parse_headers(line, &mut [EMPTY_HEADER]) {
        // The line is whole; what is missing is the rest of the head.
        Ok(Status::Partial) => split_field(line).ok_or(HandshakeError::MalformedHead),
        _ => Err(HandshakeError::MalformedHead),
    }
}

/// The name and the value in a field's line that was checked.
pub(crate) fn split_field(line: &[u8]) -> Option<(&str, &[u8])> {
    let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
    let value = value.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
    Some((core::str::from_utf8(name).ok()?, trim(value)))
}

/// "Values outside the range 100..599 are invalid" (RFC 9110 §15).
///
/// A client should treat them as a 5xx, a refusal, and so it does: it opens nothing. But it hands out no such status as
/// if it had a meaning.
pub(crate) fn check_status(status_code: u16) -> Result<(), HandshakeError> {
    if matches!(status_code, 100..=599) { Ok(()) } else { Err(HandshakeError::InvalidStatus) }
}

/// `HTTP/`, a digit, a dot and a digit (RFC 9112 §2.3).
fn is_version(text: &[u8]) -> bool {
    matches!(text, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
}

/// The error of a line without HTTP/1 in it; `is_http` says whether it has an unknown version of HTTP.
fn wrong_version(is_http: bool) -> HandshakeError {
    if is_http { HandshakeError::HttpVersion } else { HandshakeError::MalformedHead }
}

/// A number in decimal digits alone.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(digits).ok()?.parse().ok()
}
