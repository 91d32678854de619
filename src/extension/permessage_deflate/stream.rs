//! A zlib stream that decompresses, its output, and the message in progress (RFC 7692 §7.2.2).
//!
//! The output is in a ring buffer that is longer than the window, so that the last 32 KiB are always there. They are
//! needed when a final block ends zlib's stream: the next stream gets them as its dictionary. zlib always has a window
//! of 32 KiB, whatever was negotiated. With a smaller window, whether zlib refuses a distance beyond it would depend on
//! how the input is cut.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ffi::c_ulong;
use core::fmt;
use core::ops::Range;

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::copy;
use crate::error::RemoteProtocolError;
use crate::extension::Decoded;
use crate::frame::Ends;

use super::params::Window;
use super::{TAIL, since};

/// A zlib stream, its output, and the message in progress.
pub(super) struct Stream {
    inflate: Inflate,
    ring: Box<[u8]>,
    /// Where the output of the last call begins in the ring.
    start: usize,
    /// Where it ends.
    end: usize,
    /// Where the output ended before the ring was last filled from its front again: bytes from `end` to here are older
    /// than those before `end`.
    older_end: usize,
    budget: Budget,
    message: Message,
}

/// Limits the number of final blocks, over the whole connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// How many bytes were inflated in all.
    produced: u64,
    /// How many final blocks were received beyond one for each message.
    extra_final_blocks: u64,
    /// Whether the removed tail has ended a final block: it counts as one of the next message, where zlib returns it.
    owes_final_block: bool,
}

/// The state of the message in progress.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    /// How many compressed bytes zlib has read. It reads no more than it needs for its output, so that the number does
    /// not depend on the cuts of the input.
    read: u64,
    /// How many decompressed bytes zlib has written.
    written: u64,
    /// The last four bytes that were read, big-endian.
    last: u32,
    /// Whether a stream has ended since the last byte was read.
    is_after_final_block: bool,
    /// How many final blocks were received.
    final_blocks: u64,
    /// Whether zlib was given the four bytes that the sender has removed from the end.
    has_tail: bool,
}

/// Limits on the output of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max_output: usize,
    pub(super) max_ratio: Option<u32>,
}

impl Stream {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            inflate: Inflate::new(false, Window::MAX_BITS),
            ring: vec![0; RING + 1].into_boxed_slice(),
            start: 0,
            end: 0,
            older_end: 0,
            budget: Budget::NEW,
            message: Message::default(),
        })
    }

    /// Continues for a connection, after `history`: the end of its earlier messages, at most 32 KiB.
    ///
    /// Nothing is left of what the stream has done before, for this connection or for another.
    pub(super) fn restore(&mut self, budget: Budget, history: &[u8]) -> Result<(), RemoteProtocolError> {
        (self.start, self.end, self.older_end) = (0, 0, 0);
        (self.budget, self.message) = (budget, Message::default());
        if let Some(front) = self.ring.get_mut(..history.len()) {
            copy::copy(history, front);
            (self.start, self.end) = (history.len(), history.len());
        }
        self.reset()
    }

    /// Copies the end of the output, at most `max_len` bytes, to `history`.
    pub(super) fn copy_history(&self, max_len: usize, history: &mut Vec<u8>) {
        let parts = end_of_output(&self.ring, self.end, self.older(), max_len);
        history.clear();
        let len = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
        history.reserve_exact(len);
        parts.into_iter().for_each(|part| copy::append(history, part));
    }

    /// Where the older output is in the ring. zlib may have overwritten the room after `end`.
    fn older(&self) -> Range<usize> {
        self.end.saturating_add(self.room())..self.older_end
    }

    /// The output of the last call.
    pub(super) fn output(&self) -> &[u8] {
        self.ring.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether the last message is complete. No other has begun then.
    pub(super) const fn is_between_messages(&self) -> bool {
        self.message.has_tail
    }

    /// Begins a message. With context takeover, it may refer to earlier messages.
    pub(super) fn begin(&mut self, takeover: bool) -> Result<(), RemoteProtocolError> {
        if !takeover {
            (self.start, self.end, self.older_end) = (0, 0, 0);
        }
        // If nothing was read since the last reset, another one is not needed.
        let is_used = self.inflate.total_in() > 0;
        if is_used && !takeover || self.inflate.total_in() > RENEW_AFTER {
            if takeover {
                self.settle();
            }
            self.reset()?;
        }
        self.message = Message::default();
        let owes_final_block = core::mem::take(&mut self.budget.owes_final_block);
        self.message.final_blocks = u64::from(takeover && owes_final_block);
        Ok(())
    }

    /// The budget for a stream that continues after this one.
    pub(super) fn budget(&mut self) -> Budget {
        self.settle();
        self.budget
    }

    /// Has zlib return the end of a final block that the removed tail has ended, before a reset hides it.
    fn settle(&mut self) {
        if self.inflate.total_in() > 0 && self.message.has_tail {
            let status = self.inflate.decompress(&[], &mut [], InflateFlush::NoFlush);
            self.budget.owes_final_block |= status == Ok(Status::StreamEnd);
        }
    }

    /// Decompresses until there is no more room, or all input is used.
    ///
    /// For a message that is too long, it stops one byte beyond the limit.
    pub(super) fn inflate(
        &mut self,
        payload: &[u8],
        end: Ends,
        bounds: Bounds,
    ) -> Result<Decoded, RemoteProtocolError> {
        if RING.saturating_sub(self.end) <= MIN_ROOM {
            self.older_end = self.end;
            self.end = 0;
        }
        self.start = self.end;
        let mut read: usize = 0;
        while !self.message.has_tail {
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
            if step.has_used_up(input, room) {
                break;
            }
        }
        if !self.message.has_tail {
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
        if self.end.saturating_sub(self.start) >= bounds.max_output {
            return Ok(false);
        }
        let step = self.step(&[], InflateFlush::NoFlush, 1)?;
        self.check_ratio(bounds)?;
        Ok(step.written == 0 && !step.stream_ended)
    }

    /// Has zlib write one byte more than the limits allow, with no more input or with the next byte.
    ///
    /// So a limit is exceeded at the same byte of the input, however it is cut.
    fn step_beyond(&mut self, input: &[u8]) -> Result<Step, RemoteProtocolError> {
        // Without room, zlib reads up to the byte that would give output: not one call for each byte.
        let before = self.step(input, InflateFlush::NoFlush, 0)?;
        if before.stream_ended {
            return Ok(before);
        }
        let step = self.step(&[], InflateFlush::NoFlush, 1)?;
        if step.written > 0 || step.stream_ended || before.read > 0 {
            return Ok(Step { read: before.read, ..step });
        }
        self.step(input.get(..1).unwrap_or_default(), InflateFlush::NoFlush, 1)
    }

    /// Runs zlib once, at most up to the end of its stream.
    fn step(&mut self, input: &[u8], flush: InflateFlush, room: usize) -> Result<Step, RemoteProtocolError> {
        let (total_in, total_out) = (self.inflate.total_in(), self.inflate.total_out());
        let input = input.get(..MAX_STEP).unwrap_or(input);
        if total_in.saturating_add(input.len() as u64) > MAX_STREAM_LEN {
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
            // Also without new input: a final block may end in bytes that were read before.
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

    /// Begins a new stream, with the last output as its dictionary.
    fn reset(&mut self) -> Result<(), RemoteProtocolError> {
        self.inflate.reset(false);
        for history in end_of_output(&self.ring, self.end, self.older(), MAX_DISTANCE) {
            // A long copy costs more than many short ones, and a peer decides how often this is done.
            for piece in history.chunks(copy::PIECE_LEN) {
                self.inflate.set_dictionary(piece).map_err(|_| RemoteProtocolError::InvalidDeflate)?;
            }
        }
        Ok(())
    }

    /// Begins a new stream within a message, if the stream is old and the frame ends with the bytes of a flush.
    ///
    /// Such a frame ends between two blocks, at the end of a byte. By chance, one frame in 2³² ends with these bytes
    /// inside a block.
    fn renew_after_flush(&mut self) -> Result<(), RemoteProtocolError> {
        if self.inflate.total_in() > RENEW_AFTER && self.message.last == u32::from_be_bytes(TAIL) {
            self.put_empty_block(&EMPTY_BLOCK)?;
            self.reset()?;
        }
        Ok(())
    }

    /// Gives zlib the four bytes that the sender has removed, and checks that they end a block (§7.2.2).
    fn complete(&mut self) -> Result<(), RemoteProtocolError> {
        let Message { read, last, is_after_final_block, .. } = self.message;
        // Usually the message ends with the start of an empty block, and zlib needs the rest. If it ends between two
        // blocks, zlib needs a whole block. After a sender has removed the four bytes, the last byte is below 0x80: so
        // if the message ends with these four bytes, the sender has not removed them.
        let is_between_blocks = is_after_final_block || read == 0 || last == u32::from_be_bytes(TAIL);
        let block =
            if is_between_blocks { &EMPTY_BLOCK[..] } else { EMPTY_BLOCK.get(1..).unwrap_or_default() };
        self.put_empty_block(block)?;
        self.message.has_tail = true;
        Ok(())
    }

    /// Gives zlib an empty block, or the rest of one.
    ///
    /// `block` has one byte more. zlib must not read it: with `InflateFlush::Block`, it stops between two blocks.
    fn put_empty_block(&mut self, block: &[u8]) -> Result<(), RemoteProtocolError> {
        let Step { read, written, .. } = self.step(block, InflateFlush::Block, 1)?;
        if read.saturating_add(1) == block.len() && written == 0 {
            return Ok(());
        }
        self.end = self.end.saturating_sub(written);
        Err(RemoteProtocolError::InvalidDeflate)
    }

    /// How many more bytes this call may write.
    fn room(&self) -> usize {
        self.start.saturating_add(MAX_ROOM).min(RING).saturating_sub(self.end)
    }

    /// How many more bytes may be written before a limit is exceeded.
    fn allowed(&self, bounds: Bounds) -> usize {
        let written = self.end.saturating_sub(self.start);
        let by_len = bounds.max_output.saturating_sub(1).saturating_sub(written);
        let by_ratio = self.max_written(bounds).saturating_sub(self.message.written);
        by_len.min(usize::try_from(by_ratio).unwrap_or(usize::MAX))
    }

    /// How many bytes the message may have in all, by the ratio and the bytes read so far.
    fn max_written(&self, bounds: Bounds) -> u64 {
        bounds.max_ratio.map_or(u64::MAX, |ratio| {
            self.message.read.saturating_mul(ratio.into()).saturating_add(FREE_OUTPUT)
        })
    }

    /// Fails if the last byte exceeds the ratio, and removes that byte from the output.
    fn check_ratio(&mut self, bounds: Bounds) -> Result<(), RemoteProtocolError> {
        if self.message.written <= self.max_written(bounds) {
            return Ok(());
        }
        self.end = self.end.saturating_sub(1);
        Err(RemoteProtocolError::InflationRatio)
    }
}

/// What zlib did in one step.
struct Step {
    read: usize,
    written: usize,
    /// Whether a final block has ended the stream.
    stream_ended: bool,
}

impl Step {
    /// Whether zlib has used all of `input`, with room left. If it has read nothing, it can do nothing.
    fn has_used_up(&self, input: &[u8], room: usize) -> bool {
        let is_full = self.written == room.max(1);
        !is_full && !self.stream_ended && (self.read == 0 || self.read == input.len())
    }
}

/// The end of the output in the ring, at most `max_len` bytes: the older part, and the newer one.
fn end_of_output(ring: &[u8], end: usize, older: Range<usize>, max_len: usize) -> [&[u8]; 2] {
    let newer = last(ring.get(..end).unwrap_or_default(), max_len);
    let older = ring.get(older).unwrap_or_default();
    [last(older, max_len.saturating_sub(newer.len())), newer]
}

/// The last `len` bytes, or all if there are fewer.
fn last(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(len)..).unwrap_or_default()
}

impl Budget {
    pub(super) const NEW: Self = Self { produced: 0, extra_final_blocks: 0, owes_final_block: false };

    const fn is_exceeded(self) -> bool {
        let by_output = self.produced.div_ceil(OUTPUT_PER_FINAL_BLOCK);
        self.extra_final_blocks > by_output.saturating_add(FREE_FINAL_BLOCKS)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("message", &self.message).finish_non_exhaustive()
    }
}

/// How far back DEFLATE can refer, in bytes.
const MAX_DISTANCE: usize = Window::MAX_LEN;

/// The most output of one call, in bytes.
///
/// zlib copies a match from its output if it is there, and more slowly from its window if not: with a quarter of this
/// length, long messages take a quarter longer.
const MAX_ROOM: usize = 32 << 10;

/// A call begins with more room than this, in bytes, so that a shorter message is one piece.
const MIN_ROOM: usize = 8 << 10;

/// The length of the ring: besides the room of a call, it always has the whole history. After the ring there is one byte
/// more, to see whether zlib has something left to write.
const RING: usize = MAX_DISTANCE + MAX_ROOM + MIN_ROOM;

/// How many bytes of a message the ratio does not limit.
const FREE_OUTPUT: u64 = 64 << 10;

/// The most input that zlib is given at a time, in bytes.
const MAX_STEP: usize = 1 << 20;

/// After how many bytes a new stream begins, as soon as one can.
///
/// zlib counts what it reads in C's `unsigned long`, which must not overflow.
const RENEW_AFTER: u64 = if cfg!(test) { 1 << 10 } else { 1 << 30 };

/// The most bytes that a stream reads.
///
/// A longer message is refused if it has no place where a new stream can begin.
pub(super) const MAX_STREAM_LEN: u64 = match c_ulong::BITS {
    _ if cfg!(test) => 4 << 10,
    32 => 3 << 30,
    _ => 3 << 62,
};

/// How many final blocks are allowed beyond one for each message, besides those that the [length of the
/// output](OUTPUT_PER_FINAL_BLOCK) allows.
const FREE_FINAL_BLOCKS: u64 = 15;

/// How many bytes of output allow one more final block. A final block costs a copy of the window, 32 KiB. With this
/// number, the copies cost about as much as the decompression.
const OUTPUT_PER_FINAL_BLOCK: u64 = 8 << 10;

/// An empty stored block at the start of a byte, and one more byte after it.
const EMPTY_BLOCK: [u8; 6] = [0x00, 0x00, 0x00, 0xFF, 0xFF, 0x00];
