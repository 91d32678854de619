//! Compression: messages to compressed payloads (RFC 7692 §6.1, §7.2.1).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use crate::extension::OutboundExtension;
use crate::frame::Rsv;
use crate::opcode::MessageKind;

use super::Compression;
use super::params::Window;

/// Compresses the messages of one direction.
pub(super) struct Deflater {
    window: Window,
    compression: Compression,
    /// Made for the first message, and kept for the next ones.
    stream: Option<Deflate>,
    /// Whether the stream has to be reset before the next payload.
    needs_reset: bool,
    /// Begins with the last payload, compressed. The bytes after it are of earlier payloads.
    buffer: Vec<u8>,
}

impl Deflater {
    pub(super) const fn new(window: Window, compression: Compression) -> Self {
        Self { window, compression, stream: None, needs_reset: false, buffer: Vec::new() }
    }

    /// Compresses all of `payload`, and returns its length in the buffer.
    fn deflate(&mut self, payload: &[u8]) -> usize {
        let (first, rest) = payload.split_at_checked(RENEW_AFTER).unwrap_or((payload, &[]));
        let filled = self.deflate_part(first, 0);
        rest.chunks(RENEW_AFTER).fold(filled, |filled, part| self.deflate_part(part, filled))
    }

    /// Compresses a part of a payload into the buffer, from `start` on, and returns where it ends there.
    fn deflate_part(&mut self, part: &[u8], start: usize) -> usize {
        let stream = self.stream.get_or_insert_with(|| stream(self.window, self.compression));
        // The peer need not know: after a flush, blocks may follow that do not refer to earlier data.
        if core::mem::take(&mut self.needs_reset)
            || stream.total_in().max(stream.total_out()) >= RENEW_AFTER as u64
        {
            stream.reset();
        }
        let (start_in, start_out) = (stream.total_in(), stream.total_out());
        loop {
            let read = since(start_in, stream.total_in());
            let filled = since(start_out, stream.total_out()).saturating_add(start);
            if self.buffer.len().saturating_sub(filled) < MIN_ROOM {
                let more = part.len().saturating_sub(read) / 2;
                let more = more.max(MIN_ROOM * 4);
                self.buffer.reserve_exact(more);
                self.buffer.resize(self.buffer.len().saturating_add(more), 0);
            }
            let input = part.get(read..).unwrap_or_default();
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let len = room.len();
            // It cannot fail: there is room, and the settings are valid.
            let _ = stream.compress(input, room, DeflateFlush::SyncFlush);
            let end = since(start_out, stream.total_out()).saturating_add(start);
            if end.saturating_sub(filled) < len && since(start_in, stream.total_in()) == part.len() {
                return end;
            }
        }
    }
}

impl OutboundExtension for Deflater {
    fn rsv_for(&self, _: MessageKind, len: Option<usize>) -> Option<Rsv> {
        len.is_none_or(|len| len >= self.compression.threshold).then_some(Rsv::RSV1)
    }

    fn max_encoded_len(&self, len: usize) -> usize {
        // In the worst case each byte takes nine bits, or each stored block of some hundred bytes adds five.
        len.saturating_add(len / 8).saturating_add(len / 64).saturating_add(64)
    }

    fn encode(&mut self, payload: &[u8], message_finished: bool) -> &[u8] {
        let mut len = self.deflate(payload);
        if message_finished {
            self.needs_reset = !self.window.takeover;
            let deflated = self.buffer.get(..len).unwrap_or_default();
            len = match deflated.strip_suffix(TAIL) {
                Some(stripped) => stripped.len(),
                // Nothing was flushed: the message is the first byte of an empty block (§7.2.3.6).
                None => {
                    self.buffer.splice(..len, [0]);
                    1
                }
            };
        }
        self.buffer.get(..len).unwrap_or_default()
    }

    fn end_frame(&mut self) {
        if self.buffer.len() > MAX_KEPT {
            self.buffer = Vec::new();
        }
    }

    fn release_memory(&mut self) {
        self.buffer = Vec::new();
        if self.needs_reset {
            self.stream = None;
            self.needs_reset = false;
        }
    }

    fn restart(&mut self) {
        // It is done before the next payload: there may be none.
        self.needs_reset = self.stream.is_some();
    }

    /// zlib's streams cannot be copied: this is possible until the first message is compressed.
    fn try_clone(&self) -> Option<Box<dyn OutboundExtension>> {
        let is_fresh = self.stream.is_none();
        is_fresh.then(|| Box::new(Self::new(self.window, self.compression)) as Box<dyn OutboundExtension>)
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").field("window", &self.window).finish_non_exhaustive()
    }
}

fn stream(window: Window, compression: Compression) -> Deflate {
    Deflate::new_with_config(DeflateConfig {
        level: compression.level.into(),
        // Negative for data without a zlib header. zlib does not support 8; with 9, it refers back at most 250 bytes.
        window_bits: i32::from(window.bits.max(9)).saturating_neg(),
        mem_level: compression.mem_level.into(),
        ..DeflateConfig::default()
    })
}

/// The difference of two values of one of zlib's counters.
fn since(start: u64, now: u64) -> usize {
    usize::try_from(now.wrapping_sub(start)).unwrap_or(usize::MAX)
}

/// The end of an empty stored block, which a sender removes from a message (§7.2.1).
pub(super) const TAIL: &[u8] = &[0x00, 0x00, 0xFF, 0xFF];

/// The longest buffer that is kept for the next payload, in bytes.
const MAX_KEPT: usize = 64 << 10;

/// After how many bytes, read or written, a new stream begins.
///
/// zlib counts them in C's `unsigned long`, which must not overflow.
pub(super) const RENEW_AFTER: usize = if cfg!(test) { 4 << 10 } else { 1 << 30 };

/// The least room that zlib is given, in bytes. A flush fits in it, so a full buffer means that there is more output.
const MIN_ROOM: usize = 64;
