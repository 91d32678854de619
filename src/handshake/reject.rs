//! A server's refusal, as one side builds it and the other receives it (RFC 6455 §4.1, §4.2.2; RFC 9110 §15).

use crate::error::{HandshakeError, LocalProtocolError};
use crate::http::{Headers, split_list};

use super::fields::{CONTENT_LENGTH, NOT_MODIFIED, REJECT_OWNED, is_empty_list};
use super::headers::{add_header, extra_headers};

/// A server's refusal: a status from 300 to 599 when it is sent, any final one except 101 when it is received.
///
/// A value that is not valid is recorded, and refused when the refusal is sent, before a byte is written.
///
/// ```
/// use wsproto::RejectConnection;
///
/// let reject = RejectConnection::new(401).with_header("WWW-Authenticate", "Basic");
/// assert_eq!(reject.status_code(), 401);
/// assert!(!reject.has_body());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectConnection {
    status_code: u16,
    headers: Headers,
    has_body: bool,
    misuse: Option<LocalProtocolError>,
}

impl RejectConnection {
    /// A refusal with this status, 300 to 599, and no body.
    pub fn new(status_code: u16) -> Self {
        Self { status_code, headers: Headers::default(), has_body: false, misuse: None }
    }

    /// What a client has received.
    pub(super) const fn received(status_code: u16, headers: Headers, has_body: bool) -> Self {
        Self { status_code, headers, has_body, misuse: None }
    }

    /// Adds a header after those that were added already.
    ///
    /// The handshake writes `Connection` and `Transfer-Encoding` itself. They can be added with what it would write, and
    /// are then written once: `Connection` with `close` and `Upgrade`, `Transfer-Encoding` with `chunked`.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let reserved = if is_written_anyway(name, value) { &[][..] } else { REJECT_OWNED };
        add_header(&mut self.headers, &mut self.misuse, name, value, reserved);
        self
    }

    /// Announces a body, which follows as [`RejectData`].
    ///
    /// It is sent in chunks, unless a `Content-Length` is among the headers.
    #[must_use]
    pub const fn with_body(mut self) -> Self {
        self.has_body = true;
        self
    }

    /// The status.
    pub const fn status_code(&self) -> u16 {
        self.status_code
    }

    /// Whether a body follows.
    pub const fn has_body(&self) -> bool {
        self.has_body
    }

    /// All headers; a 426 lists in them the versions that the server understands (RFC 6455 §4.3, §4.4).
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers that the handshake does not write itself, without the length of a body that is not sent.
    pub(super) fn extra_headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let has_len = self.has_body || self.status_code == NOT_MODIFIED;
        extra_headers(&self.headers, REJECT_OWNED)
            .filter(move |(name, _)| has_len || !name.eq_ignore_ascii_case(CONTENT_LENGTH))
    }

    /// The first value that is not valid.
    pub(super) fn check(&self) -> Result<(), LocalProtocolError> {
        match self.status_code {
            300..=599 => self.misuse.map_or(Ok(()), Err),
            // For example one that was received and is forwarded.
            status_code => Err(LocalProtocolError::InvalidStatus(status_code)),
        }
    }
}

impl HandshakeError {
    /// The refusal to answer with, as a server.
    ///
    /// ```
    /// use wsproto::HandshakeError;
    ///
    /// let reject = HandshakeError::UnsupportedVersion.response();
    /// assert_eq!(reject.status_code(), 426);
    /// assert_eq!(reject.headers().get("Sec-WebSocket-Version"), Some(&b"13"[..]));
    /// ```
    #[doc(alias = "event_hint")]
    pub fn response(self) -> RejectConnection {
        let reject = RejectConnection::new(self.status());
        self.response_headers().iter().fold(reject, |reject, (name, value)| reject.with_header(name, value))
    }
}

/// A piece of the body of a refusal.
///
/// ```
/// use wsproto::RejectData;
///
/// let data = RejectData { data: "not here", body_finished: true };
/// # let _ = data;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectData<B> {
    /// The bytes.
    pub data: B,
    /// Whether they are the last.
    pub body_finished: bool,
}

/// Whether a refusal would write this header itself.
fn is_written_anyway(name: &str, value: &[u8]) -> bool {
    if name.eq_ignore_ascii_case("Connection") {
        let is_usual = |option: &[u8]| is_one_of(option, &["close", "Upgrade"]);
        !is_empty_list(value) && split_list(value).all(is_usual)
    } else {
        name.eq_ignore_ascii_case("Transfer-Encoding") && value.eq_ignore_ascii_case(b"chunked")
    }
}

fn is_one_of(text: &[u8], known: &[&str]) -> bool {
    known.iter().any(|known| text.eq_ignore_ascii_case(known.as_bytes()))
}
