//! Heads: bytes to request and response heads, under limits (RFC 9112 §2 to §5).
//!
//! A head that is there at once is read in one go. Else its lines are read one by one, each once, when it is
//! complete, and nothing is kept of a line but what it says; so a head that drips in costs what it costs in one
//! piece, and fails at the same line. `httparse` reads the lines; what it lets pass and we do not is a line that ends
//! in a bare LF, and whatever is beyond the limits.

use alloc::vec::Vec;
use core::fmt;
use core::mem::MaybeUninit;

use httparse::{Header, Status};

use crate::error::HandshakeError;
use crate::limits::HandshakeLimits;
use crate::token::text;

use super::headers::{Headers, Span};
use super::line;
use super::parse::{RequestLine, StatusLine, check_status, parse_field};
use super::version::HttpVersion;

/// A request's head or a response's.
pub(crate) trait Head: Sized {
    /// Reads a head from the front of `bytes`, and returns its length too.
    ///
    /// `None` for all that is not a whole head without a fault: that is for the lines to say.
    fn parse<'b>(bytes: &'b [u8], fields: &mut [MaybeUninit<Header<'b>>]) -> Option<(Self, usize)>;

    /// Reads a start line, with its line end.
    fn parse_start_line(line: &[u8]) -> Result<Self, HandshakeError>;

    fn headers(&mut self) -> &mut Headers;
}

/// The head of a request that is valid HTTP/1, whether or not it asks for a WebSocket connection.
///
/// [`ServerHandshake::refused_head`](crate::ServerHandshake::refused_head) returns it, so that a server can answer other
/// requests on the same port.
///
/// ```
/// use wsproto::{HandshakeLimits, HttpVersion, ServerHandshake};
///
/// let mut input = &b"POST /log HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"[..];
/// let mut handshake = ServerHandshake::new(HandshakeLimits::default());
/// handshake.receive(&mut input).unwrap_err();
///
/// let head = handshake.refused_head().unwrap();
/// assert_eq!((head.method(), head.target(), head.version()), ("POST", "/log", HttpVersion::Http10));
/// assert_eq!(head.headers().get("Content-Length"), Some(&b"5"[..]));
/// assert_eq!(input, b"hello"); // the body
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHead {
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
#[derive(Clone, Debug)]
pub(crate) struct HeadReader<H> {
    limits: HandshakeLimits,
    /// What the lines say that are finished.
    head: Option<H>,
    /// What has come of the line that is not.
    line: Vec<u8>,
    /// How many bytes have come of the head, empty lines before it too.
    len: usize,
}

impl<H: Head> HeadReader<H> {
    pub(crate) fn new(limits: HandshakeLimits) -> Self {
        Self { limits, head: None, line: Vec::new(), len: 0 }
    }

    /// Takes a head off `input`, or all of `input` if the head does not end there.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Option<H>, HandshakeError> {
        if self.len == 0 && !matches!(input.first(), Some(b'\r' | b'\n') | None) {
            let window = input.get(..self.limits.max_head_len).unwrap_or(input);
            let mut fields = [const { MaybeUninit::uninit() }; FEW];
            let max_headers = self.limits.max_headers.min(FEW);
            let parsed = fields.get_mut(..max_headers).and_then(|fields| H::parse(window, fields));
            if let Some((head, len)) = parsed {
                *input = input.get(len..).unwrap_or_default();
                return Ok(Some(head));
            }
        }
        while self.gather_line(input) {
            if self.read_line()? {
                return Ok(self.clear());
            }
        }
        if self.len >= self.limits.max_head_len {
            return Err(HandshakeError::HeadTooLong);
        }
        Ok(None)
    }

    /// Keeps nothing of what has come, and returns the head if all of it has.
    pub(crate) fn clear(&mut self) -> Option<H> {
        core::mem::replace(self, Self::new(self.limits)).head
    }

    /// Takes the rest of a line off `input`, or what there is of it; true once it is finished.
    fn gather_line(&mut self, input: &mut &[u8]) -> bool {
        let room = self.limits.max_head_len.saturating_sub(self.len);
        let piece = line::gather(input, &mut self.line, room);
        self.len = self.len.saturating_add(piece.len());
        piece.ends_with(b"\n")
    }

    /// Reads the line that is finished; true if it is the one that ends the head.
    fn read_line(&mut self) -> Result<bool, HandshakeError> {
        let Self { limits, head, line, .. } = self;
        match (line.as_slice(), &mut *head) {
            (b"\r\n", None) => {} // "at least one empty line … prior to the request-line" (RFC 9112 §2.2)
            (b"\r\n", Some(_)) => return Ok(true),
            (started, _) if !started.ends_with(b"\r\n") => return Err(HandshakeError::MalformedHead),
            (start_line, None) => *head = Some(H::parse_start_line(start_line)?),
            (field, Some(head)) => add_field(head.headers(), field, *limits)?,
        }
        line.clear();
        line.shrink_to(USUAL_LINE);
        Ok(false)
    }
}

/// Adds the field in `line`.
fn add_field(headers: &mut Headers, line: &[u8], limits: HandshakeLimits) -> Result<(), HandshakeError> {
    if headers.len() >= limits.max_headers {
        return Err(HandshakeError::TooManyHeaders);
    }
    let (name, value) = parse_field(line)?;
    headers.reserve(name.as_bytes(), value, limits.max_head_len);
    headers.push(name, value);
    Ok(())
}

/// As many fields as the stack has room for.
const FEW: usize = 128;

/// Longer lines are rare: for them memory is taken anew.
const USUAL_LINE: usize = 256;

impl Head for RequestHead {
    fn parse<'b>(bytes: &'b [u8], fields: &mut [MaybeUninit<Header<'b>>]) -> Option<(Self, usize)> {
        let mut request = httparse::Request::new(&mut []);
        let Ok(Status::Complete(len)) = request.parse_with_uninit_headers(bytes, fields) else { return None };
        let head = Self::of_start_line(RequestLine::of(&request, request.version?), len);
        Some((add_fields(head, bytes.get(..len)?, request.headers)?, len))
    }

    fn parse_start_line(line: &[u8]) -> Result<Self, HandshakeError> {
        Ok(Self::of_start_line(RequestLine::parse(line)?, line.len().saturating_add(2)))
    }

    fn headers(&mut self) -> &mut Headers {
        &mut self.headers
    }
}

impl RequestHead {
    /// The method, in the case that was received.
    pub fn method(&self) -> &str {
        text(self.headers.bytes(self.method))
    }

    /// The request target as it was received (RFC 9112 §3.2): usually a path and a query. It is not checked or decoded.
    pub fn target(&self) -> &str {
        text(self.headers.bytes(self.target))
    }

    /// The version: a higher minor version than 1.1 is read as 1.1.
    pub const fn version(&self) -> HttpVersion {
        if self.version == 0 { HttpVersion::Http10 } else { HttpVersion::Http11 }
    }

    /// All headers.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("headers", &self.headers)
            .finish()
    }
}

impl RequestHead {
    /// The start line, and room for the fields of a head of this length.
    fn of_start_line(line: RequestLine<'_>, head_len: usize) -> Self {
        let mut headers = Headers::with_capacity(head_len);
        let method = headers.add_bytes(line.method.as_bytes());
        let target = headers.add_bytes(line.target.as_bytes());
        Self { method, target, version: line.version, headers }
    }
}

impl Head for ResponseHead {
    fn parse<'b>(bytes: &'b [u8], fields: &mut [MaybeUninit<Header<'b>>]) -> Option<(Self, usize)> {
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_response_with_uninit_headers(&mut response, bytes, fields);
        let Ok(Status::Complete(len)) = status else { return None };
        check_status(response.code?).ok()?;
        let line = StatusLine { status_code: response.code?, version: response.version? };
        let head = Self::of_start_line(line, len);
        Some((add_fields(head, bytes.get(..len)?, response.headers)?, len))
    }

    fn parse_start_line(line: &[u8]) -> Result<Self, HandshakeError> {
        Ok(Self::of_start_line(StatusLine::parse(line)?, 0))
    }

    fn headers(&mut self) -> &mut Headers {
        &mut self.headers
    }
}

impl ResponseHead {
    /// The start line, and room for the fields of a head of this length.
    fn of_start_line(line: StatusLine, head_len: usize) -> Self {
        let StatusLine { status_code, version } = line;
        Self { status_code, version, headers: Headers::with_capacity(head_len) }
    }
}

/// Adds the fields that stand in `bytes`; `None` if a line of them ends in a bare LF.
fn add_fields<H: Head>(mut head: H, bytes: &[u8], fields: &[Header<'_>]) -> Option<H> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    for field in fields {
        if !Span::of(field.name.as_bytes(), bytes).is_after(bytes, b"\r\n") {
            return None;
        }
        head.headers().push(field.name, field.value);
    }
    Some(head)
}
