//! The body of a response, for as long as it lasts (RFC 9112 §6, §7.1).

use alloc::vec::Vec;

use crate::error::HandshakeError;

use super::head::ResponseHead;
use super::line;
use super::parse::decimal;
use super::syntax;

/// How long a body is (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLen {
    /// This many bytes.
    Known(u64),
    /// As long as its chunks say.
    Chunked,
    /// Until the transport ends.
    UntilEof,
}

impl BodyLen {
    /// Reads it from a final response's head.
    pub(crate) fn of(head: &ResponseHead) -> Result<Self, HandshakeError> {
        if matches!(head.status_code, 204 | 304) {
            return Ok(Self::Known(0));
        }
        let mut content_len = None;
        for element in head.headers.list("Content-Length") {
            let len = decimal(element).ok_or(HandshakeError::MalformedBody)?;
            // "Multiple … values" that agree may be taken as one (§6.3).
            if content_len.replace(len).is_some_and(|before| before != len) {
                return Err(HandshakeError::MalformedBody);
            }
        }
        match (head.headers.list("Transfer-Encoding").last(), content_len) {
            (Some(_), Some(_)) => Err(HandshakeError::MalformedBody),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Self::Chunked),
            (Some(_), None) => Ok(Self::UntilEof),
            (None, Some(len)) => Ok(Self::Known(len)),
            (None, None) if head.headers.get("Content-Length").is_some() => {
                Err(HandshakeError::MalformedBody)
            }
            (None, None) => Ok(Self::UntilEof),
        }
    }
}

/// Takes a body out of its framing.
#[derive(Clone, Debug)]
pub(crate) struct BodyDecoder {
    state: State,
    /// What has come of a line between chunks.
    line: Vec<u8>,
    /// How many more bytes of body are taken.
    allowance: u64,
    /// How many more bytes are taken of what stands between chunks.
    framing_allowance: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// This many bytes are to come.
    Known { remaining: u64 },
    /// All that comes is body.
    UntilEof,
    /// A line with the size of a chunk.
    ChunkSize,
    /// This many bytes of a chunk are to come.
    Chunk { remaining: u64 },
    /// The line end after a chunk.
    ChunkEnd,
    /// The lines after the last chunk, up to an empty one.
    Trailer,
    /// Nothing more.
    Finished,
}

impl BodyDecoder {
    /// A decoder that takes at most `max_len` bytes of body.
    pub(crate) fn new(len: BodyLen, max_len: u64) -> Result<Self, HandshakeError> {
        let state = match len {
            BodyLen::Known(len) if len > max_len => return Err(HandshakeError::BodyTooLong),
            BodyLen::Known(0) => State::Finished,
            BodyLen::Known(remaining) => State::Known { remaining },
            BodyLen::Chunked => State::ChunkSize,
            BodyLen::UntilEof => State::UntilEof,
        };
        let framing_allowance = max_len.saturating_add(MAX_LINE as u64);
        Ok(Self { state, line: Vec::new(), allowance: max_len, framing_allowance })
    }

    /// Whether the body has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    /// Whether the end of the transport is the end of the body.
    pub(crate) fn ends_with_transport(&self) -> bool {
        self.state == State::UntilEof
    }

    /// Takes the next piece of body off `input`; empty when `input` is used up or the body has ended.
    pub(crate) fn decode<'i>(&mut self, input: &mut &'i [u8]) -> Result<&'i [u8], HandshakeError> {
        while !input.is_empty() {
            match self.state {
                State::Finished => break,
                State::UntilEof => return self.take(input, u64::MAX),
                State::Known { remaining } => {
                    let piece = self.take(input, remaining)?;
                    self.state = match remaining.saturating_sub(piece.len() as u64) {
                        0 => State::Finished,
                        remaining => State::Known { remaining },
                    };
                    return Ok(piece);
                }
                State::Chunk { remaining } => {
                    let piece = self.take(input, remaining)?;
                    self.state = match remaining.saturating_sub(piece.len() as u64) {
                        0 => State::ChunkEnd,
                        remaining => State::Chunk { remaining },
                    };
                    return Ok(piece);
                }
                State::ChunkSize | State::ChunkEnd | State::Trailer => {
                    if let Some(line) = self.whole_line(input) {
                        self.state = self.after_line(line)?;
                    } else if self.gather_line(input)? {
                        self.state = self.after_line(&self.line)?;
                        self.line.clear();
                    }
                }
            }
        }
        Ok(&[])
    }

    /// What follows this line.
    fn after_line(&self, line: &[u8]) -> Result<State, HandshakeError> {
        match (self.state, line) {
            (State::ChunkEnd, b"\r\n") => Ok(State::ChunkSize),
            (State::Trailer, b"\r\n") => Ok(State::Finished),
            (State::Trailer, line) if line.ends_with(b"\r\n") => Ok(State::Trailer),
            (State::ChunkSize, line) => match chunk_size(line) {
                Some(0) => Ok(State::Trailer),
                Some(size) if size > self.allowance => Err(HandshakeError::BodyTooLong),
                Some(remaining) => Ok(State::Chunk { remaining }),
                None => Err(HandshakeError::MalformedBody),
            },
            _ => Err(HandshakeError::MalformedBody),
        }
    }

    /// Takes a line off `input`, if all of it is there: short chunks are mostly lines.
    fn whole_line<'i>(&mut self, input: &mut &'i [u8]) -> Option<&'i [u8]> {
        if !self.line.is_empty() {
            return None;
        }
        let room = usize::try_from(self.framing_allowance).unwrap_or(usize::MAX).min(MAX_LINE);
        let end = input.iter().take(room).position(|byte| *byte == b'\n')?;
        let (line, rest) = input.split_at_checked(end.saturating_add(1))?;
        self.framing_allowance = self.framing_allowance.saturating_sub(line.len() as u64);
        *input = rest;
        Some(line)
    }

    /// Takes the rest of a line off `input`, or what there is of it; true once it is finished.
    fn gather_line(&mut self, input: &mut &[u8]) -> Result<bool, HandshakeError> {
        let room = MAX_LINE.saturating_sub(self.line.len());
        if room == 0 {
            return Err(HandshakeError::MalformedBody);
        }
        if self.framing_allowance == 0 {
            return Err(HandshakeError::BodyTooLong);
        }
        let allowance = usize::try_from(self.framing_allowance).unwrap_or(usize::MAX);
        let piece = line::gather(input, &mut self.line, room.min(allowance));
        self.framing_allowance = self.framing_allowance.saturating_sub(piece.len() as u64);
        Ok(piece.ends_with(b"\n"))
    }

    /// Takes up to `len` bytes of body off `input`, as many as are allowed.
    fn take<'i>(&mut self, input: &mut &'i [u8], len: u64) -> Result<&'i [u8], HandshakeError> {
        if self.allowance == 0 {
            return Err(HandshakeError::BodyTooLong);
        }
        let len = usize::try_from(len.min(self.allowance)).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at(len);
        self.allowance = self.allowance.saturating_sub(len as u64);
        *input = rest;
        Ok(piece)
    }
}

/// Reads the line before a chunk: digits, and extensions that are passed over (RFC 9112 §7.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n")?;
    let digits_len = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, extensions) = line.split_at(digits_len);
    let is_extension = matches!(syntax::trim(extensions), [] | [b';', ..]) && !extensions.contains(&b'\r');
    if digits.is_empty() || !is_extension {
        return None;
    }
    digits.iter().try_fold(0_u64, |size, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        size.checked_mul(16)?.checked_add(digit.into())
    })
}

/// The longest line between chunks, with its line end: sizes are short, and nothing else is read.
const MAX_LINE: usize = 1024;
