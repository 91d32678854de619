//! Heads in the caller's slice: nothing of them is stored (RFC 9112 §2 to §5).

use core::fmt;

use crate::error::HandshakeError;
use crate::limits::HandshakeLimits;

use super::known::Fields;
use super::parse::{RequestLine, StatusLine, parse_field, split_field};
use super::shown::Shown;

/// A request line or a status line.
pub(crate) trait StartLine<'b>: Sized {
    fn parse(line: &'b [u8]) -> Result<Self, HandshakeError>;
}

impl<'b> StartLine<'b> for RequestLine<'b> {
    fn parse(line: &'b [u8]) -> Result<Self, HandshakeError> {
        RequestLine::parse(line)
    }
}

impl<'b> StartLine<'b> for StatusLine {
    fn parse(line: &'b [u8]) -> Result<Self, HandshakeError> {
        Self::parse(line)
    }
}

/// A head that is whole and well-formed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadRef<'b, L> {
    pub(crate) start_line: L,
    pub(crate) fields: FieldLines<'b>,
    /// Where it ends in the buffer.
    pub(crate) end: usize,
}

/// Finds a head in a buffer that grows, and checks each line once: when it is whole.
#[derive(Clone, Debug)]
pub(crate) struct HeadScanner {
    limits: HandshakeLimits,
    /// Where the head begins: empty lines may be before its start line.
    start: usize,
    /// Where the start line and the first field begin, once the start line has come.
    found: Option<(usize, usize)>,
    /// How many fields have come.
    fields: usize,
    /// Where the line begins that is not whole.
    line: usize,
    /// Where the search for its end continues.
    searched: usize,
}

impl HeadScanner {
    pub(crate) const fn new(limits: HandshakeLimits) -> Self {
        Self { limits, start: 0, found: None, fields: 0, line: 0, searched: 0 }
    }

    pub(crate) const fn limits(&self) -> HandshakeLimits {
        self.limits
    }

    /// Expects another head, after one that ends here.
    pub(crate) const fn restart(&mut self, end: usize) {
        *self = Self { start: end, line: end, searched: end, ..Self::new(self.limits) };
    }

    /// Reads what has come since the last call; `buffer` has all bytes from the first one on.
    pub(crate) fn read<'b, L: StartLine<'b>>(
        &mut self,
        buffer: &'b [u8],
    ) -> Result<Option<HeadRef<'b, L>>, HandshakeError> {
        let max_end = self.start.saturating_add(self.limits.max_head_len);
        let window = buffer.get(..max_end).unwrap_or(buffer);
        loop {
            let begin = self.line;
            let Some(line) = self.next_line(window) else { break };
            match (line, self.found) {
                (b"\r\n", None) => {} // "at least one empty line … prior to the request-line" (RFC 9112 §2.2)
                (b"\r\n", Some((start_line, first_field))) => {
                    let start_line = window.get(start_line..first_field).unwrap_or_default();
                    let fields = FieldLines(window.get(first_field..begin).unwrap_or_default());
                    return Ok(Some(HeadRef { start_line: L::parse(start_line)?, fields, end: self.line }));
                }
                (line, _) if !line.ends_with(b"\r\n") => return Err(HandshakeError::MalformedHead),
                (line, None) => {
                    L::parse(line)?;
                    self.found = Some((begin, self.line));
                }
                (_, Some(_)) if self.fields >= self.limits.max_headers => {
                    return Err(HandshakeError::TooManyHeaders);
                }
                (line, Some(_)) => {
                    parse_field(line)?;
                    self.fields = self.fields.saturating_add(1);
                }
            }
        }
        if window.len() >= max_end { Err(HandshakeError::HeadTooLong) } else { Ok(None) }
    }

    /// The next line that is whole.
    fn next_line<'b>(&mut self, window: &'b [u8]) -> Option<&'b [u8]> {
        let unsearched = window.get(self.searched..)?;
        let Some(len) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = window.len();
            return None;
        };
        let begin = self.line;
        self.searched = self.searched.saturating_add(len).saturating_add(1);
        self.line = self.searched;
        window.get(begin..self.line)
    }
}

/// The fields of a head, as lines that were checked.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FieldLines<'b>(&'b [u8]);

impl<'b> FieldLines<'b> {
    /// Names and values, in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'b str, &'b [u8])> {
        self.0.split_inclusive(|byte| *byte == b'\n').filter_map(split_field)
    }
}

impl<'b> Fields<'b> for FieldLines<'b> {
    fn fields(self) -> impl Iterator<Item = (&'b [u8], &'b [u8])> {
        self.iter().map(|(name, value)| (name.as_bytes(), value))
    }
}

impl fmt::Debug for FieldLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, Shown { name, value }))).finish()
    }
}
