//! Heads: bytes to request and response heads, under limits (RFC 9112 §2 to §5).
//!
//! A head that is there at once is parsed where it lies. One that comes in pieces is gathered, and each
//! of its lines is judged once, when it is complete; so a head that drips in costs what it costs in one
//! piece, and fails at the same line. `httparse` reads the lines; what it lets pass and we do not is a
//! line that ends in a bare LF, and whatever is beyond the limits.

use alloc::vec::Vec;
use core::mem::MaybeUninit;

use httparse::{EMPTY_HEADER, Header, Status};

use crate::error::HandshakeError;
use crate::limits::HandshakeLimits;

use super::headers::{Headers, Span};
use super::line;

/// A request's head or a response's.
pub(crate) trait Head: Sized {
    /// Reads a head from the front of `bytes`, and tells its length; `None` until all of it is there.
    fn parse<'b>(bytes: &'b [u8], fields: &mut [MaybeUninit<Header<'b>>]) -> Parsed<Self>;

    /// Judges a start line with its line end.
    fn judge_start_line(line: &[u8]) -> Result<(), httparse::Error>;
}

type Parsed<H> = Result<Option<(H, usize)>, httparse::Error>;

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    pub(crate) method: Span,
    pub(crate) target: Span,
    /// The minor version of HTTP/1.
    pub(crate) version: u8,
    pub(crate) headers: Headers,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status_code: u16,
    /// The minor version of HTTP/1.
    pub(crate) version: u8,
    pub(crate) headers: Headers,
}

/// Gathers the bytes of a head.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadReader {
    limits: HandshakeLimits,
    /// What has come of a head that comes in pieces.
    gathered: Vec<u8>,
    /// Where its unfinished line starts.
    line_start: usize,
    /// How many of its lines are finished, empty ones before the first not counted.
    lines: usize,
}

impl HeadReader {
    pub(crate) fn new(limits: HandshakeLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a head off `input`, or all of `input` if the head does not end there.
    pub(crate) fn read<H: Head>(&mut self, input: &mut &[u8]) -> Result<Option<H>, HandshakeError> {
        if self.gathered.is_empty() && !matches!(input.first(), Some(b'\r' | b'\n') | None) {
            let window = input.get(..self.limits.max_head_len).unwrap_or(input);
            // Whatever is wrong or missing is for the lines to tell.
            if let Ok(Some((head, len))) = self.parse(window) {
                *input = input.get(len..).unwrap_or_default();
                return Ok(Some(head));
            }
        }
        while self.gather_line(input) {
            let line = self.gathered.get(self.line_start..).unwrap_or_default();
            match (line, self.lines) {
                (b"\r\n", 0) => {} // "at least one empty line … prior to the request-line" (RFC 9112 §2.2)
                (b"\r\n", _) => {
                    let parsed = self.parse(&self.gathered).map_err(broken)?;
                    self.clear();
                    return Ok(parsed.map(|(head, _)| head));
                }
                (_, lines) => {
                    self.judge_line::<H>(line)?;
                    self.lines = lines.saturating_add(1);
                }
            }
            self.line_start = self.gathered.len();
        }
        if self.gathered.len() >= self.limits.max_head_len {
            return Err(HandshakeError::HeadTooLong);
        }
        Ok(None)
    }

    /// Keeps nothing of what has come.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.limits);
    }

    /// Takes the rest of a line off `input`, or what there is of it; true once it is finished.
    fn gather_line(&mut self, input: &mut &[u8]) -> bool {
        let room = self.limits.max_head_len.saturating_sub(self.gathered.len());
        line::gather(input, &mut self.gathered, room).ends_with(b"\n")
    }

    fn judge_line<H: Head>(&self, line: &[u8]) -> Result<(), HandshakeError> {
        if !line.ends_with(b"\r\n") {
            return Err(HandshakeError::MalformedHead);
        }
        if self.lines == 0 {
            return H::judge_start_line(line).map_err(broken);
        }
        if self.lines > self.limits.max_headers {
            return Err(HandshakeError::TooManyHeaders);
        }
        // No space before the colon (§5.1), and no folded line (§5.2).
        httparse::parse_headers(line, &mut [EMPTY_HEADER]).map(drop).map_err(broken)
    }

    fn parse<H: Head>(&self, bytes: &[u8]) -> Parsed<H> {
        let mut few = [const { MaybeUninit::uninit() }; FEW];
        if let Some(fields) = few.get_mut(..self.limits.max_headers) {
            return H::parse(bytes, fields);
        }
        let mut many = Vec::new();
        many.resize_with(self.limits.max_headers, MaybeUninit::uninit);
        H::parse(bytes, &mut many)
    }
}

/// As many fields as the stack has room for.
const FEW: usize = 128;

impl Head for RequestHead {
    fn parse<'b>(bytes: &'b [u8], fields: &mut [MaybeUninit<Header<'b>>]) -> Parsed<Self> {
        let mut request = httparse::Request::new(&mut []);
        let Status::Complete(len) = request.parse_with_uninit_headers(bytes, fields)? else {
            return Ok(None);
        };
        let Some(headers) = place_headers(bytes, len, request.headers) else { return Ok(None) };
        let method = Span::of(request.method.unwrap_or_default().as_bytes(), bytes);
        let target = Span::of(request.path.unwrap_or_default().as_bytes(), bytes);
        let version = request.version.unwrap_or_default();
        Ok(Some((Self { method, target, version, headers }, len)))
    }

    fn judge_start_line(line: &[u8]) -> Result<(), httparse::Error> {
        httparse::Request::new(&mut []).parse(line).map(drop)
    }
}

impl Head for ResponseHead {
    fn parse<'b>(bytes: &'b [u8], fields: &mut [MaybeUninit<Header<'b>>]) -> Parsed<Self> {
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_response_with_uninit_headers(&mut response, bytes, fields)?;
        let Status::Complete(len) = status else { return Ok(None) };
        let Some(headers) = place_headers(bytes, len, response.headers) else { return Ok(None) };
        let status_code = response.code.unwrap_or_default();
        let version = response.version.unwrap_or_default();
        Ok(Some((Self { status_code, version, headers }, len)))
    }

    fn judge_start_line(line: &[u8]) -> Result<(), httparse::Error> {
        httparse::Response::new(&mut []).parse(line).map(drop)
    }
}

/// The fields of the head that is the first `len` bytes; `None` if a line of it ends in a bare LF.
fn place_headers(bytes: &[u8], len: usize, fields: &[Header<'_>]) -> Option<Headers> {
    let head = bytes.get(..len)?;
    if !head.ends_with(b"\r\n\r\n") {
        return None;
    }
    let mut headers = Headers::of_head(head, fields.len());
    for field in fields {
        let name = Span::of(field.name.as_bytes(), bytes);
        if !name.is_after(head, b"\r\n") {
            return None;
        }
        headers.place(name, Span::of(field.value, bytes));
    }
    Some(headers)
}

fn broken(error: httparse::Error) -> HandshakeError {
    match error {
        httparse::Error::Version => HandshakeError::HttpVersion,
        httparse::Error::TooManyHeaders => HandshakeError::TooManyHeaders,
        _ => HandshakeError::MalformedHead,
    }
}
