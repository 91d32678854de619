//! Compressed payloads to messages (RFC 7692 §6, §6.2, §7.2.2).
//!
//! What is inflated is lent from a ring that is longer than the window, so that the last 32 KiB are always
//! there: a block that says it is the last ends zlib's stream, and the next stream is given them to look back
//! on. zlib itself always has a window of 32 KiB, whatever was agreed on: with a smaller one, its verdict on a
//! distance beyond would depend on how the input is cut.

use alloc::boxed::Box;
use alloc::vec;
use core::ffi::c_ulong;
use core::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::error::RemoteProtocolError;
use crate::extension::{Decoded, InboundExtension};
use crate::frame::{Ends, FrameHeader, Rsv};
use crate::opcode::Opcode;

use super::params::Window;

/// Decompresses one direction's messages.
#[derive(Debug)]
pub(super) struct Inflater {
    window: Window,
    max_ratio: Option<u32>,
    /// Whether the message in progress is compressed.
    is_compressed: bool,
    /// Made for the first compressed message, and kept for the next ones.
    stream: Option<Box<Stream>>,
    /// That of the streams before.
    budget: Budget,
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
    budget: Budget,
    message: Message,
}

/// How many final blocks may come: counted over the whole connection.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// How many bytes were inflated in all.
    produced: u64,
    /// How many final blocks have come beyond one for each message.
    extra_final_blocks: u64,
}

/// What is known of the message in progress.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    /// How many of its bytes on the wire zlib has used: no more than it needed for what is written, so that the
    /// number does not depend on how the message is cut.
    read: u64,
    written: u64,
    /// The last four bytes that were read.
    last: u32,
    /// Whether a stream has ended since the last byte was read.
    is_after_final_block: bool,
    /// How many final blocks have come.
    final_blocks: u64,
    /// Whether what the sender has left off is put back.
    is_completed: bool,
}

impl Inflater {
    pub(super) const fn new(window: Window, max_ratio: Option<u32>) -> Self {
        Self { window, max_ratio, is_compressed: false, stream: None, budget: Budget::NEW }
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
                self.stream.get_or_insert_with(|| Stream::new(self.budget)).begin(self.window.takeover)?;
            }
        }
        Ok(self.is_compressed)
    }

    fn decode(
        &mut self,
        payload: &[u8],
        end: Ends,
        max_output: usize,
    ) -> Result<Decoded, RemoteProtocolError> {
        let bounds = Bounds { max_output, max_ratio: self.max_ratio };
        self.stream.get_or_insert_with(|| Stream::new(self.budget)).inflate(payload, end, bounds)
    }

    fn output(&self) -> &[u8] {
        self.stream.as_ref().and_then(|stream| stream.ring.get(stream.start..stream.end)).unwrap_or_default()
    }

    fn release_memory(&mut self) {
        let can_go = |stream: &mut Box<Stream>| !self.window.takeover && stream.message.is_completed;
        if let Some(stream) = self.stream.take_if(can_go) {
            self.budget = stream.budget;
        }
    }

    /// zlib's streams cannot be copied: this is possible until the first compressed message comes.
    fn try_clone(&self) -> Option<Box<dyn InboundExtension>> {
        let Self { window, max_ratio, is_compressed, stream: None, budget } = *self else { return None };
        Some(Box::new(Self { window, max_ratio, is_compressed, stream: None, budget }))
    }
}

/// What may come of one call.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    max_output: usize,
    max_ratio: Option<u32>,
}

impl Stream {
    fn new(budget: Budget) -> Box<Self> {
        Box::new(Self {
            inflate: Inflate::new(false, Window::MAX_BITS),
            ring: vec![0; RING + 1].into_boxed_slice(),
            start: 0,
            end: 0,
            older_end: 0,
            budget,
            message: Message::default(),
        })
    }

    /// Begins a message, which looks back on those before it if there is context takeover.
    fn begin(&mut self, takeover: bool) -> Result<(), RemoteProtocolError> {
        self.message = Message::default();
        if !takeover {
            (self.start, self.end, self.older_end) = (0, 0, 0);
        }
        // Nothing was read since the last reset: there is nothing to forget.
        let is_used = self.inflate.total_in() > 0;
        if is_used && !takeover || self.inflate.total_in() > RENEWAL {
            self.reset()?;
        }
        Ok(())
    }

    /// Inflates until there is no more room, or all that is there is used up.
    ///
    /// A message that is too long stops with one byte more than is allowed.
    fn inflate(&mut self, payload: &[u8], end: Ends, bounds: Bounds) -> Result<Decoded, RemoteProtocolError> {
        if RING.saturating_sub(self.end) < LEAST_ROOM {
            self.older_end = self.end;
            self.end = 0;
        }
        self.start = self.end;
        let mut read: usize = 0;
        while !self.message.is_completed {
            let input = payload.get(read..).unwrap_or_default();
            let room = self.room().min(self.allowed(bounds));
            let step = match room {
                0 => self.step_beyond(input)?,
                _ => self.step(input, InflateFlush::NoFlush, room)?,
            };
            read = read.saturating_add(step.read);
            self.check_ratio(bounds)?;
            if self.room() == 0 || self.end.saturating_sub(self.start) >= bounds.max_output {
                let is_read = read == payload.len() && end == Ends::Message;
                if is_read && self.is_all_written(bounds)? {
                    break;
                }
                return Ok(Decoded { read, done: false });
            }
            let is_full = step.written == room.max(1);
            if !is_full && !step.stream_ended && (step.read == 0 || read == payload.len()) {
                break;
            }
        }
        if read == payload.len() && !self.message.is_completed {
            match end {
                Ends::Message => self.complete()?,
                Ends::Frame => self.renew_after_flush()?,
                Ends::Nothing => {}
            }
        }
        Ok(Decoded { read, done: true })
    }

    /// Whether zlib has nothing left to write, so that a message ends with this output and not with an empty one. If
    /// it has, it writes one byte of it.
    fn is_all_written(&mut self, bounds: Bounds) -> Result<bool, RemoteProtocolError> {
        if self.end.saturating_sub(self.start) >= bounds.max_output || self.end == self.ring.len() {
            return Ok(false);
        }
        let step = self.step(&[], InflateFlush::NoFlush, 1)?;
        self.check_ratio(bounds)?;
        Ok(step.written == 0 && !step.stream_ended)
    }

    /// Has zlib write one byte more than the bounds allow, if it can without more input or with the next byte.
    ///
    /// So a bound is found to be broken at the same byte however the message is cut.
    fn step_beyond(&mut self, input: &[u8]) -> Result<Step, RemoteProtocolError> {
        let step = self.step(&[], InflateFlush::NoFlush, 1)?;
        if step.written > 0 || step.stream_ended {
            return Ok(step);
        }
        self.step(input.get(..1).unwrap_or_default(), InflateFlush::NoFlush, 1)
    }

    /// Has zlib go on, up to the end of a stream at most.
    fn step(&mut self, input: &[u8], flush: InflateFlush, room: usize) -> Result<Step, RemoteProtocolError> {
        let (total_in, total_out) = (self.inflate.total_in(), self.inflate.total_out());
        let input = input.get(..MAX_STEP).unwrap_or(input);
        if total_in.saturating_add(input.len() as u64) > LIFE {
            return Err(RemoteProtocolError::EncodedMessageTooLong);
        }
        let limit = self.end.saturating_add(room).min(self.ring.len());
        let output = self.ring.get_mut(self.end..limit).unwrap_or_default();
        let status = self.inflate.decompress(input, output, flush);
        let read = since(total_in, self.inflate.total_in()).min(input.len());
        let written = since(total_out, self.inflate.total_out()).min(room);
        self.end = self.end.saturating_add(written);
        self.budget.produced = self.budget.produced.saturating_add(written as u64);
        self.message.read = self.message.read.saturating_add(read as u64);
        self.message.written = self.message.written.saturating_add(written as u64);
        for byte in input.get(read.saturating_sub(4)..read).unwrap_or_default() {
            self.message.last = self.message.last << 8 | u32::from(*byte);
            self.message.is_after_final_block = false;
        }
        match status {
            // A stream may end by what was read before, of this message or put back for the last.
            Ok(Status::StreamEnd) => {
                self.end_stream()?;
                Ok(Step { read, written, stream_ended: true })
            }
            Ok(Status::Ok | Status::BufError) => Ok(Step { read, written, stream_ended: false }),
            Err(_) => Err(RemoteProtocolError::InvalidDeflate),
        }
    }

    /// Begins a new stream after a final block (§7.2.3.4).
    fn end_stream(&mut self) -> Result<(), RemoteProtocolError> {
        self.message.is_after_final_block = true;
        self.message.final_blocks = self.message.final_blocks.saturating_add(1);
        if self.message.final_blocks > 1 {
            self.budget.extra_final_blocks = self.budget.extra_final_blocks.saturating_add(1);
        }
        if self.budget.is_exceeded() { Err(RemoteProtocolError::InvalidDeflate) } else { self.reset() }
    }

    /// Begins a new stream, which may look back on what came before it.
    fn reset(&mut self) -> Result<(), RemoteProtocolError> {
        self.inflate.reset(false);
        let newer = last(self.ring.get(..self.end).unwrap_or_default(), HISTORY);
        // After `end`, zlib may have written whatever it liked, as far as it had room.
        let older_start = self.end.saturating_add(self.room());
        let older = self.ring.get(older_start..self.older_end).unwrap_or_default();
        let older = last(older, HISTORY.saturating_sub(newer.len()));
        for history in [older, newer] {
            if !history.is_empty() {
                self.inflate.set_dictionary(history).map_err(|_| RemoteProtocolError::InvalidDeflate)?;
            }
        }
        Ok(())
    }

    /// Begins a new stream within a message, if the stream is old and the frame ends with what a flush writes.
    ///
    /// Such a frame ends between two blocks, and at the end of a byte. That its last bytes are those of a flush by
    /// chance, in the middle of something else, is a matter of one frame in 2³².
    fn renew_after_flush(&mut self) -> Result<(), RemoteProtocolError> {
        if self.inflate.total_in() > RENEWAL && self.message.last == u32::from_be_bytes(STRIPPED) {
            self.put_empty_block(&EMPTY_BLOCK)?;
            self.reset()?;
        }
        Ok(())
    }

    /// Puts back what the sender has left off, and makes sure that it ends a block.
    fn complete(&mut self) -> Result<(), RemoteProtocolError> {
        let Message { read, last, is_after_final_block, .. } = self.message;
        // Nothing begins the block where the sender has left off nothing, or all of it. The last byte of a
        // payload that was stripped has its top bit clear, so this is no other's end.
        let is_between_blocks = is_after_final_block || read == 0 || last == u32::from_be_bytes(STRIPPED);
        let block =
            if is_between_blocks { &EMPTY_BLOCK[..] } else { EMPTY_BLOCK.get(1..).unwrap_or_default() };
        self.put_empty_block(block)?;
        self.message.is_completed = true;
        Ok(())
    }

    /// Has zlib read an empty block, or the rest of one.
    ///
    /// One byte more than that is offered, and must be left: between two blocks `InflateFlush::Block` stops.
    fn put_empty_block(&mut self, block: &[u8]) -> Result<(), RemoteProtocolError> {
        let Step { read, written, .. } = self.step(block, InflateFlush::Block, 1)?;
        if read.saturating_add(1) == block.len() && written == 0 {
            return Ok(());
        }
        self.end = self.end.saturating_sub(written);
        Err(RemoteProtocolError::InvalidDeflate)
    }

    /// How much room there is for what comes of one call.
    fn room(&self) -> usize {
        self.start.saturating_add(ROOM).min(RING).saturating_sub(self.end)
    }

    /// How much more may be written before a bound is broken.
    fn allowed(&self, bounds: Bounds) -> usize {
        let written = self.end.saturating_sub(self.start);
        let by_len = bounds.max_output.saturating_sub(1).saturating_sub(written);
        let by_ratio = self.max_written(bounds).saturating_sub(self.message.written);
        by_len.min(usize::try_from(by_ratio).unwrap_or(usize::MAX))
    }

    /// How much may be written of the message, by the ratio and what was read.
    fn max_written(&self, bounds: Bounds) -> u64 {
        bounds
            .max_ratio
            .map_or(u64::MAX, |ratio| self.message.read.saturating_mul(ratio.into()).saturating_add(FREE))
    }

    /// Fails where the last byte breaks the ratio, and takes it back.
    fn check_ratio(&mut self, bounds: Bounds) -> Result<(), RemoteProtocolError> {
        if self.message.written <= self.max_written(bounds) {
            return Ok(());
        }
        self.end = self.end.saturating_sub(1);
        Err(RemoteProtocolError::InflationRatio)
    }
}

/// How far zlib has come in one step.
struct Step {
    read: usize,
    written: usize,
    /// Whether a final block has ended.
    stream_ended: bool,
}

/// The last `len` bytes, or all there are.
fn last(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(len)..).unwrap_or_default()
}

/// How many bytes have passed since a count was `start`.
fn since(start: u64, now: u64) -> usize {
    usize::try_from(now.wrapping_sub(start)).unwrap_or(usize::MAX)
}

impl Budget {
    const NEW: Self = Self { produced: 0, extra_final_blocks: 0 };

    const fn is_exceeded(self) -> bool {
        let earned = self.produced.div_ceil(OUTPUT_PER_FINAL_BLOCK);
        self.extra_final_blocks > earned.saturating_add(FREE_FINAL_BLOCKS)
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

/// Behind the room, and in front of it, there is always the whole history. After the ring there is one byte more, to
/// see whether zlib has something left to write.
const RING: usize = HISTORY + ROOM + LEAST_ROOM;

/// How much output is not held to the ratio.
const FREE: u64 = 64 << 10;

/// How much zlib takes of the input at a time.
const MAX_STEP: usize = 1 << 20;

/// After how many bytes a stream is begun anew, wherever one can.
///
/// zlib counts what it reads in C's `unsigned long`, which must not overflow.
const RENEWAL: u64 = if cfg!(test) { 1 << 10 } else { 1 << 30 };

/// How many bytes a stream can read at most.
///
/// A message that is longer, and has no place where a new stream can begin, is refused.
pub(super) const LIFE: u64 = match c_ulong::BITS {
    _ if cfg!(test) => 4 << 10,
    32 => 3 << 30,
    _ => 3 << 62,
};

/// How many final blocks there may be beyond one for each message, and those that the output has
/// [earned](OUTPUT_PER_FINAL_BLOCK).
const FREE_FINAL_BLOCKS: u64 = 15;

/// How much output allows for one more final block. Each costs a copy of the window, 32 KiB: with this, the copies cost
/// about as much as it takes to inflate the output.
const OUTPUT_PER_FINAL_BLOCK: u64 = 8 << 10;

/// An empty stored block that begins between two others, and a byte behind it.
const EMPTY_BLOCK: [u8; 6] = [0x00, 0x00, 0x00, 0xFF, 0xFF, 0x00];

/// What a sender is to leave off.
const STRIPPED: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
