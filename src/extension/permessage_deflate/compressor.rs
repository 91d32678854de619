//! A zlib stream that compresses, and its output (RFC 7692 §7.2.1).

use alloc::boxed::Box;
use alloc::vec::Vec;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use super::{TAIL, since};

/// A zlib stream, and the buffer for its output.
pub(super) struct Compressor {
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "only a pool compares them"))]
    settings: Settings,
    stream: Deflate,
    /// Begins with the last payload, compressed. The bytes after it are of earlier payloads.
    buffer: Vec<u8>,
}

/// The settings of a stream, which cannot be changed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) window_bits: u8,
    pub(super) level: u8,
    pub(super) mem_level: u8,
}

impl Compressor {
    pub(super) fn new(settings: Settings) -> Box<Self> {
        let stream = Deflate::new_with_config(DeflateConfig {
            level: settings.level.into(),
            // Negative for data without a zlib header. zlib does not support 8; with 9, it refers back at most 250 bytes.
            window_bits: i32::from(settings.window_bits.max(9)).saturating_neg(),
            mem_level: settings.mem_level.into(),
            ..DeflateConfig::default()
        });
        Box::new(Self { settings, stream, buffer: Vec::new() })
    }

    #[cfg(feature = "std")]
    pub(super) const fn settings(&self) -> Settings {
        self.settings
    }

    /// Begins a new stream, which can refer to `history`: the end of what the peer has received.
    pub(super) fn restart(&mut self, history: &[u8]) {
        self.stream.reset();
        if !history.is_empty() {
            // It fails only inside a payload. Without a history, the output is longer, but valid.
            let _ = self.stream.set_dictionary(history);
        }
    }

    /// Compresses all of `payload`, and returns its length in the buffer.
    ///
    /// After it, a full flush forgets what was read: that costs less than a [restart](Self::restart).
    pub(super) fn deflate(&mut self, payload: &[u8], flush: DeflateFlush) -> usize {
        let (first, rest) = payload.split_at_checked(RENEW_AFTER).unwrap_or((payload, &[]));
        let filled = self.deflate_part(first, flush, 0);
        rest.chunks(RENEW_AFTER).fold(filled, |filled, part| self.deflate_part(part, flush, filled))
    }

    /// Compresses a part of a payload into the buffer, from `start` on, and returns where it ends there.
    fn deflate_part(&mut self, part: &[u8], flush: DeflateFlush, start: usize) -> usize {
        let stream = &mut self.stream;
        // The peer need not know: after a flush, blocks may follow that do not refer to earlier data.
        if stream.total_in().max(stream.total_out()) >= RENEW_AFTER as u64 {
            stream.reset();
        }
        let (start_in, start_out) = (stream.total_in(), stream.total_out());
        loop {
            let read = since(start_in, stream.total_in());
            let filled = since(start_out, stream.total_out()).saturating_add(start);
            let more = more_room(self.buffer.len().saturating_sub(filled), part.len().saturating_sub(read));
            self.buffer.reserve_exact(more);
            self.buffer.resize(self.buffer.len().saturating_add(more), 0);
            let input = part.get(read..).unwrap_or_default();
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let len = room.len();
            // It cannot fail: there is room, and the settings are valid.
            let _ = stream.compress(input, room, flush);
            let end = since(start_out, stream.total_out()).saturating_add(start);
            if end.saturating_sub(filled) < len && since(start_in, stream.total_in()) == part.len() {
                return end;
            }
        }
    }

    /// Removes the tail of a message of `len` bytes, and returns the new length.
    pub(super) fn end_message(&mut self, len: usize) -> usize {
        let deflated = self.buffer.get(..len).unwrap_or_default();
        match deflated.strip_suffix(&TAIL) {
            Some(stripped) => stripped.len(),
            // Nothing was flushed: the message is the first byte of an empty block (§7.2.3.6).
            None => {
                self.buffer.splice(..len, [0]);
                1
            }
        }
    }

    /// The first bytes of the buffer.
    pub(super) fn output(&self, len: usize) -> &[u8] {
        self.buffer.get(..len).unwrap_or_default()
    }

    /// Frees a buffer that is too long to be kept.
    pub(super) fn shrink(&mut self) {
        if self.buffer.len() > MAX_KEPT {
            self.release_buffer();
        }
    }

    pub(super) fn release_buffer(&mut self) {
        self.buffer = Vec::new();
    }
}

/// How much to add to a buffer that has `room` for the output of `unread` bytes.
fn more_room(room: usize, unread: usize) -> usize {
    if room >= MIN_ROOM { 0 } else { (unread / 2).max(MIN_ROOM * 4) }
}

/// The longest buffer that is kept for the next payload, in bytes.
const MAX_KEPT: usize = 64 << 10;

/// After how many bytes, read or written, a new stream begins.
///
/// zlib counts them in C's `unsigned long`, which must not overflow.
pub(super) const RENEW_AFTER: usize = if cfg!(test) { 4 << 10 } else { 1 << 30 };

/// The least room that zlib is given, in bytes. A flush fits in it, so a full buffer means that there is more output.
const MIN_ROOM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_grows_by_half_of_the_input_if_it_is_nearly_full() {
        assert_eq!(more_room(MIN_ROOM, 100_000), 0);
        assert_eq!(more_room(MIN_ROOM - 1, 100_000), 50_000);
        assert_eq!(more_room(0, 10), 256);
    }
}
