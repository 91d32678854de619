//! The head of an HTTP/1.1 message: bytes to a start line and fields (RFC 9112).
//!
//! Each line is checked when it ends, and each byte when it comes, so that a bad head is refused early.

use crate::fault::{Fault, Faults};

/// A whole head. Each byte of a line is one character, as in Latin-1.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) start: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    /// The values of all fields with a name, in order. The case of names does not matter (RFC 9110 §5.1).
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_named = move |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields.iter().filter(is_named).map(|(_, value)| value.as_str())
    }

    /// Whether a comma-separated field has a token; case does not matter.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(','))
            .any(|item| trim(item).eq_ignore_ascii_case(token))
    }
}

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadHead {
    /// The status that a server answers with.
    pub(crate) status: u16,
    pub(crate) rule: &'static str,
}

/// A bad head that a server answers with 400 (Bad Request).
pub(crate) const fn bad(rule: &'static str) -> BadHead {
    BadHead { status: 400, rule }
}

/// Checks a request line or a status line.
pub(crate) type CheckStart = fn(&str, Faults) -> Result<(), BadHead>;

/// Collects a head from pieces of any size.
#[derive(Debug)]
pub(crate) struct HeadReader {
    faults: Faults,
    check_start: CheckStart,
    /// Whether the start line may have bytes above 127: a reason phrase may.
    is_response: bool,
    head: Head,
    line: Vec<u8>,
    len: usize,
    after_cr: bool,
}

impl HeadReader {
    pub(crate) fn request(check_start: CheckStart, faults: Faults) -> Self {
        Self {
            faults,
            check_start,
            is_response: false,
            head: Head::default(),
            line: Vec::new(),
            len: 0,
            after_cr: false,
        }
    }

    pub(crate) fn response(check_start: CheckStart, faults: Faults) -> Self {
        Self { is_response: true, ..Self::request(check_start, faults) }
    }

    /// Reads more bytes. Returns the head once it is complete, with the number of bytes that it used of `input`.
    pub(crate) fn push(&mut self, input: &[u8]) -> Result<Option<(Head, usize)>, BadHead> {
        for (used, &byte) in (1..).zip(input) {
            if self.push_byte(byte)? {
                return Ok(Some((std::mem::take(&mut self.head), used)));
            }
        }
        Ok(None)
    }

    /// Reads one byte. Returns true after the empty line at the end of the head.
    fn push_byte(&mut self, byte: u8) -> Result<bool, BadHead> {
        self.len = self.len.saturating_add(1);
        if self.len > MAX_LEN && !self.faults.has(Fault::ReadsEndlessHead) {
            return Err(BadHead { status: 431, rule: "the head is too long" });
        }
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            // RFC 9112 §2.2: a bare CR makes the message invalid; a bare LF may.
            b'\n' if after_cr => self.end_line(),
            _ if after_cr && self.faults.has(Fault::EndsLineAtBareCr) => {
                let is_complete = self.end_line()?;
                self.line.push(byte);
                Ok(is_complete)
            }
            _ if after_cr => Err(bad("CR without LF")),
            b'\r' => Ok(false),
            b'\n' => Err(bad("LF without CR")),
            0..=31 | 127 if byte != b'\t' && !self.faults.has(Fault::AcceptsControlBytes) => {
                Err(bad("a control byte in the head"))
            }
            128.. if self.head.start.is_empty() && !self.is_response => {
                Err(bad("a byte above 127 in the request line"))
            }
            _ => {
                self.line.push(byte);
                Ok(false)
            }
        }
    }

    fn end_line(&mut self) -> Result<bool, BadHead> {
        let bytes = std::mem::take(&mut self.line);
        let line: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        if self.head.start.is_empty() {
            // Empty lines ahead of a request are ignored (§2.2); the limit of the head counts them.
            if line.is_empty() && !self.is_response {
                return Ok(false);
            }
            (self.check_start)(&line, self.faults)?;
            self.head.start = line;
            return Ok(false);
        }
        if line.is_empty() {
            return Ok(true);
        }
        let field = self.field(&line)?;
        self.head.fields.push(field);
        if self.head.fields.len() > MAX_FIELDS && !self.faults.has(Fault::ReadsEndlessHead) {
            return Err(BadHead { status: 431, rule: "too many fields" });
        }
        Ok(false)
    }

    fn field(&self, line: &str) -> Result<(String, String), BadHead> {
        let line = match line.strip_prefix([' ', '\t']) {
            None => line,
            Some(rest) if self.faults.has(Fault::ReadsFoldAsField) => trim(rest),
            // §5.2: a server answers a folded line with 400, or unfolds it.
            Some(_) => return Err(bad("a folded line")),
        };
        let (name, value) = line.split_once(':').ok_or(bad("a field without a colon"))?;
        // §5.1: no whitespace between the name and the colon.
        let name = if self.faults.has(Fault::AcceptsSpaceBeforeColon) { name.trim_end() } else { name };
        if !is_token(name) {
            return Err(bad("a field name that is not a token"));
        }
        Ok((name.to_owned(), trim(value).to_owned()))
    }
}

/// Removes optional whitespace: spaces and tabs, nothing else (RFC 9110 §5.6.3).
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Whether a text is a token of HTTP (RFC 9110 §5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The longest head, in bytes.
const MAX_LEN: usize = 16 << 10;

const MAX_FIELDS: usize = 64;
