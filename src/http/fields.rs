//! Fields that another HTTP stack has parsed, under the rules and limits of a head that comes as bytes.

use alloc::vec::Vec;

use crate::error::HandshakeError;
use crate::limits::HandshakeLimits;
use crate::token::is_token;

use super::headers::{Headers, Span};
use super::syntax;

/// Gathers fields one by one, each checked before it is kept.
pub(crate) struct FieldGatherer {
    headers: Headers,
    /// The pieces of `Cookie`, joined.
    cookie: Option<Vec<u8>>,
    max_headers: usize,
    max_head_len: usize,
    /// How many more bytes the head could have, were it written as in HTTP/1.1.
    room: usize,
}

impl FieldGatherer {
    pub(crate) fn new(limits: HandshakeLimits) -> Self {
        let HandshakeLimits { max_headers, max_head_len, .. } = limits;
        Self { headers: Headers::default(), cookie: None, max_headers, max_head_len, room: max_head_len }
    }

    /// Counts bytes that are kept elsewhere.
    pub(crate) fn count(&mut self, len: usize) -> Result<(), HandshakeError> {
        self.room = self.room.checked_sub(len).ok_or(HandshakeError::HeadTooLong)?;
        Ok(())
    }

    /// Adds a field after the others.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), HandshakeError> {
        self.count_header()?;
        self.count_field(name, value)?;
        match core::str::from_utf8(name) {
            Ok(name) if is_token(name.as_bytes()) && syntax::is_field_value(value) => {
                self.headers.reserve(name.as_bytes(), value, self.max_head_len);
                self.headers.push(name, value);
                Ok(())
            }
            _ => Err(HandshakeError::MalformedHead),
        }
    }

    /// Adds all `fields`, without the white space around their values.
    pub(crate) fn add_all<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), HandshakeError> {
        fields.into_iter().try_for_each(|(name, value)| self.add(name.as_ref(), syntax::trim(value.as_ref())))
    }

    /// Adds a piece of `Cookie`, which HTTP/2 and HTTP/3 may cut in pieces, to be joined again for callers
    /// that do not expect that (RFC 9113 §8.2.3, RFC 9114 §4.2.1).
    pub(crate) fn add_cookie(&mut self, crumb: &[u8]) -> Result<(), HandshakeError> {
        if self.cookie.is_none() {
            self.count_header()?;
        }
        self.count_field(COOKIE.as_bytes(), crumb)?;
        if !syntax::is_field_value(crumb) {
            return Err(HandshakeError::MalformedHead);
        }
        let cookie = self.cookie.get_or_insert_default();
        // A joint beside nothing would end, or begin, the value with white space.
        if !cookie.is_empty() && !crumb.is_empty() {
            cookie.extend_from_slice(b"; ");
        }
        cookie.extend_from_slice(crumb);
        Ok(())
    }

    /// Keeps a value that is no header's.
    pub(crate) fn keep(&mut self, name: &[u8], value: &[u8]) -> Result<Span, HandshakeError> {
        self.count_field(name, value)?;
        Ok(self.headers.add_bytes(value))
    }

    /// Whether there are no headers yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.cookie.is_none()
    }

    /// Makes sure that there may be one more header.
    fn count_header(&self) -> Result<(), HandshakeError> {
        let len = self.headers.len().saturating_add(usize::from(self.cookie.is_some()));
        if len < self.max_headers { Ok(()) } else { Err(HandshakeError::TooManyHeaders) }
    }

    fn count_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), HandshakeError> {
        self.count(name.len().saturating_add(value.len()).saturating_add(": \r\n".len()))
    }

    /// What was gathered.
    pub(crate) fn finish(mut self) -> Headers {
        if let Some(cookie) = self.cookie {
            self.headers.push(COOKIE, &cookie);
        }
        self.headers
    }
}

/// In lower case, as it stands where it may be cut.
const COOKIE: &str = "cookie";
