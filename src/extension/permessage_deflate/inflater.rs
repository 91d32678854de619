//! Compressed payloads to messages (RFC 7692 §6, §6.2, §7.2.2).
//!
//! What is inflated is lent from a ring that is longer than the window, so that the last 32 KiB are always
//! there: a block that says it is the last ends zlib's stream, and the next stream is given them to look back
//! on. zlib itself always has a window of 32 KiB, whatever was agreed on: with a smaller one, its verdict on a
//! distance beyond would depend on how the input is cut.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::error::RemoteProtocolError;
use crate::extension::{Decoded, InboundExtension};
use crate::frame::{FrameHeader, PayloadEnd, Rsv};
use crate::opcode::Opcode;

use super::params::Window;

/// Decompresses one direction's messages.
#[derive(Debug)]
pub(super) struct Inflater {
    window: Window,
    max_ratio: Option<u32>,
    /// Whether the message under way is compressed.
    is_compressed: bool,
    /// Made for the first compressed message; without context takeover, for each.
    stream: Option<Box<Stream>>,
}

/// A stream of blocks, from the first message on.
struct Stream {
    inflate: Inflate,
    ring: Box<[u8]>,
    /// What was inflated last: from here
    start: usize,
    /// to here.
    end: usize,
    /// Where the bytes end that are older than those in front of `end`.
    older_end: usize,
    message: Message,
}

/// What is known of the message under way.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    /// How long the frames are that have begun: known before they have come, so that no cut matters.
    wire_len: u64,
    read: u64,
    written: u64,
    /// The last four bytes that were read.
    last: u32,
    /// Whether a stream has ended since the last byte was read.
    is_after_final_block: bool,
    /// How many final blocks have come.
    streams: u64,
    /// How many of them since the last byte was written.
    empty_streams: u32,
    /// Whether what the sender has left off is put back.
    is_completed: bool,
}

impl Inflater {
    pub(super) const fn new(window: Window, max_ratio: Option<u32>) -> Self {
        Self { window, max_ratio, is_compressed: false, stream: None }
    }
}

impl InboundExtension for Inflater {
    fn rsv(&self) -> Rsv {
        Rsv::RSV1
    }

    fn is_per_message(&self) -> bool {
        true
    }

    fn begin_frame(&mut self, header: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        if header.opcode != Opcode::Continuation {
            self.is_compressed = header.rsv.contains(Rsv::RSV1);
            if self.is_compressed {
                self.stream.get_or_insert_with(Stream::new).begin()?;
            }
        }
        if let Some(stream) = self.stream.as_mut().filter(|_| self.is_compressed) {
            stream.message.wire_len = stream.message.wire_len.saturating_add(header.payload_len);
        }
        Ok(self.is_compressed)
    }

    fn decode(&mut self, payload: &[u8], end: PayloadEnd) -> Result<Decoded, RemoteProtocolError> {
        let stream = self.stream.get_or_insert_with(Stream::new);
        let decoded = stream.inflate(payload, end);
        let Message { wire_len, written, .. } = stream.message;
        let max_len = self.max_ratio.map(|ratio| wire_len.saturating_mul(ratio.into()).saturating_add(FREE));
        match max_len.map(|max_len| written.saturating_sub(max_len)) {
            None | Some(0) => decoded,
            Some(excess) => {
                let excess = usize::try_from(excess).unwrap_or(usize::MAX);
                stream.end = stream.end.saturating_sub(excess).max(stream.start);
                Err(RemoteProtocolError::InflationRatio)
            }
        }
    }

    fn output(&self) -> &[u8] {
        self.stream.as_ref().and_then(|stream| stream.ring.get(stream.start..stream.end)).unwrap_or_default()
    }

    fn end_message(&mut self) {
        if !self.window.takeover {
            self.stream = None;
        }
    }
}

impl Stream {
    fn new() -> Box<Self> {
        Box::new(Self {
            inflate: Inflate::new(false, Window::MAX_BITS),
            ring: vec![0; RING].into_boxed_slice(),
            start: 0,
            end: 0,
            older_end: 0,
            message: Message::default(),
        })
    }

    /// Begins a message.
    fn begin(&mut self) -> Result<(), RemoteProtocolError> {
        // zlib counts in words of the machine, which should not overflow in a long life.
        if self.inflate.total_in().max(self.inflate.total_out()) > LIFE {
            self.restart()?;
        }
        self.message = Message::default();
        Ok(())
    }

    /// Inflates until there is no more room, or all that is there is used up.
    fn inflate(&mut self, payload: &[u8], end: PayloadEnd) -> Result<Decoded, RemoteProtocolError> {
        if self.ring.len().saturating_sub(self.end) < LEAST_ROOM {
            self.older_end = self.end;
            self.end = 0;
        }
        self.start = self.end;
        let mut read: usize = 0;
        while !self.message.is_completed {
            let input = payload.get(read..).unwrap_or_default();
            let streams = self.message.streams;
            let taken = self.step(input, InflateFlush::NoFlush)?;
            read = read.saturating_add(taken);
            if self.room() == 0 {
                return Ok(Decoded { read, done: false });
            }
            // A stream may end by what was read before, of this message or put back for the last.
            let has_gone_on = taken > 0 && read < payload.len() || self.message.streams != streams;
            if !has_gone_on {
                break;
            }
        }
        if end == PayloadEnd::Message && read == payload.len() && !self.message.is_completed {
            self.complete()?;
        }
        Ok(Decoded { read, done: true })
    }

    /// Has zlib go on, up to the end of a stream at most; tells how much of `input` it took.
    fn step(&mut self, input: &[u8], flush: InflateFlush) -> Result<usize, RemoteProtocolError> {
        let (total_in, total_out) = (self.inflate.total_in(), self.inflate.total_out());
        let limit = self.room_end();
        let room = self.ring.get_mut(self.end..limit).unwrap_or_default();
        let status = self.inflate.decompress(input, room, flush);
        let read = self.inflate.total_in().wrapping_sub(total_in);
        let written = self.inflate.total_out().wrapping_sub(total_out);
        self.end = self.end.saturating_add(usize::try_from(written).unwrap_or_default()).min(limit);
        self.message.read = self.message.read.saturating_add(read);
        self.message.written = self.message.written.saturating_add(written);
        let read = usize::try_from(read).unwrap_or_default().min(input.len());
        for byte in input.get(read.saturating_sub(4)..read).unwrap_or_default() {
            self.message.last = self.message.last << 8 | u32::from(*byte);
            self.message.is_after_final_block = false;
        }
        if written > 0 {
            self.message.empty_streams = 0;
        }
        match status {
            Ok(Status::StreamEnd) => self.restart().map(|()| read),
            Ok(Status::Ok | Status::BufError) => Ok(read),
            Err(_) => Err(RemoteProtocolError::InvalidDeflate),
        }
    }

    /// Begins a new stream behind a final block, which may look back on what came before it (§7.2.3.4).
    fn restart(&mut self) -> Result<(), RemoteProtocolError> {
        self.message.streams = self.message.streams.saturating_add(1);
        self.message.empty_streams = self.message.empty_streams.saturating_add(1);
        if self.message.empty_streams > MAX_EMPTY_STREAMS {
            return Err(RemoteProtocolError::InvalidDeflate);
        }
        self.message.is_after_final_block = true;
        self.inflate.reset(false);
        let newer = self.ring.get(..self.end).unwrap_or_default();
        // Behind `end`, zlib may have written whatever it liked, as far as it had room.
        let older = self.ring.get(self.room_end()..self.older_end).unwrap_or_default();
        for history in [older, newer] {
            self.inflate.set_dictionary(history).map_err(|_| RemoteProtocolError::InvalidDeflate)?;
        }
        Ok(())
    }

    /// Puts back what the sender has left off, and makes sure that it ends a block.
    ///
    /// One byte more than that is offered, and must be left: between two blocks `InflateFlush::Block` stops.
    fn complete(&mut self) -> Result<(), RemoteProtocolError> {
        let Message { read, last, is_after_final_block, .. } = self.message;
        // Nothing begins the block where the sender has left off nothing, or all of it. The last byte of a
        // payload that was stripped has its top bit clear, so this is no other's end.
        let is_between_blocks = is_after_final_block || read == 0 || last == u32::from_be_bytes(STRIPPED);
        let block =
            if is_between_blocks { &EMPTY_BLOCK[..] } else { EMPTY_BLOCK.get(1..).unwrap_or_default() };
        let before = self.end;
        let taken = self.step(block, InflateFlush::Block)?;
        if taken.saturating_add(1) != block.len() || self.end != before {
            self.end = before;
            return Err(RemoteProtocolError::InvalidDeflate);
        }
        self.message.is_completed = true;
        Ok(())
    }

    /// Where the room ends for what comes of one call.
    fn room_end(&self) -> usize {
        self.start.saturating_add(ROOM).min(self.ring.len())
    }

    fn room(&self) -> usize {
        self.room_end().saturating_sub(self.end)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("message", &self.message).finish_non_exhaustive()
    }
}

/// How far back DEFLATE can look.
const HISTORY: usize = 1 << Window::MAX_BITS;

/// What there is room for at most, each time that zlib goes on.
///
/// Where a match reaches back to what zlib made in the same go, it is copied straight from there, and else more
/// slowly from its window: with a quarter of this, long messages take a quarter longer.
const ROOM: usize = 32 << 10;

/// What there is room for at least, so that a shorter message comes in one piece.
const LEAST_ROOM: usize = 8 << 10;

/// Behind the room, and in front of it, there is always the whole history.
const RING: usize = HISTORY + ROOM + LEAST_ROOM;

/// What a ratio is not looked at for.
const FREE: u64 = 64 << 10;

/// After how many bytes a stream is begun anew.
const LIFE: u64 = 1 << 30;

/// Each stream that a final block begins costs a copy of the window.
const MAX_EMPTY_STREAMS: u32 = 16;

/// An empty stored block that begins between two others, and a byte behind it.
const EMPTY_BLOCK: [u8; 6] = [0x00, 0x00, 0x00, 0xFF, 0xFF, 0x00];

/// What a sender is to leave off.
const STRIPPED: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
