//! Messages to compressed payloads (RFC 7692 §6.1, §7.2.1).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

use crate::extension::OutboundExtension;
use crate::frame::Rsv;
use crate::opcode::MessageKind;

use super::Compression;
use super::params::Window;

/// Compresses one direction's messages.
pub(super) struct Deflater {
    window: Window,
    compression: Compression,
    /// Made for the first message, and kept for the next ones.
    stream: Option<Deflate>,
    /// Whether the stream begins anew with the next payload.
    is_over: bool,
    /// What a payload became, in front of what is left of others.
    buffer: Vec<u8>,
}

impl Deflater {
    pub(super) const fn new(window: Window, compression: Compression) -> Self {
        Self { window, compression, stream: None, is_over: false, buffer: Vec::new() }
    }

    /// Compresses `payload` up to the last byte, and returns how much of the buffer it takes.
    fn deflate(&mut self, payload: &[u8]) -> usize {
        let (first, rest) = payload.split_at_checked(LIFE).unwrap_or((payload, &[]));
        let filled = self.deflate_part(first, 0);
        rest.chunks(LIFE).fold(filled, |filled, part| self.deflate_part(part, filled))
    }

    /// Compresses a part of a payload after the `start` bytes that the buffer holds, and returns how many it holds then.
    fn deflate_part(&mut self, part: &[u8], start: usize) -> usize {
        let stream = self.stream.get_or_insert_with(|| stream(self.window, self.compression));
        // The peer sees no difference: after a flush, blocks that do not look back may follow.
        if core::mem::take(&mut self.is_over) || stream.total_in().max(stream.total_out()) >= LIFE as u64 {
            stream.reset();
        }
        let (start_in, start_out) = (stream.total_in(), stream.total_out());
        loop {
            let read = since(start_in, stream.total_in());
            let filled = since(start_out, stream.total_out()).saturating_add(start);
            if self.buffer.len().saturating_sub(filled) < SPARE {
                let more = part.len().saturating_sub(read) / 2;
                let more = more.max(SPARE * 4);
                self.buffer.reserve_exact(more);
                self.buffer.resize(self.buffer.len().saturating_add(more), 0);
            }
            let input = part.get(read..).unwrap_or_default();
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let len = room.len();
            // With room and lawful settings it cannot fail.
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
        // At worst each byte takes nine bits, or stored blocks add five bytes to a few hundred.
        len.saturating_add(len / 8).saturating_add(len / 64).saturating_add(64)
    }

    fn encode(&mut self, payload: &[u8], message_finished: bool) -> &[u8] {
        let mut len = self.deflate(payload);
        if message_finished {
            self.is_over = !self.window.takeover;
            let deflated = self.buffer.get(..len).unwrap_or_default();
            len = match deflated.strip_suffix(TAIL) {
                Some(stripped) => stripped.len(),
                // There was nothing to flush: the beginning of an empty block stands for it (§7.2.3.6).
                None => {
                    self.buffer.splice(..len, [0]);
                    1
                }
            };
        }
        self.buffer.get(..len).unwrap_or_default()
    }

    fn end_frame(&mut self) {
        if self.buffer.len() > KEPT {
            self.buffer = Vec::new();
        }
    }

    fn release_memory(&mut self) {
        self.buffer = Vec::new();
        if self.is_over {
            self.stream = None;
            self.is_over = false;
        }
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
        // Negative for data without a header. 8 becomes 9, and then looks back 250 bytes at most all the same.
        window_bits: i32::from(window.bits.max(9)).saturating_neg(),
        mem_level: compression.mem_level.into(),
        ..DeflateConfig::default()
    })
}

/// How many bytes have passed since a count was `start`.
fn since(start: u64, now: u64) -> usize {
    usize::try_from(now.wrapping_sub(start)).unwrap_or(usize::MAX)
}

/// How an empty stored block ends, which a message goes without (§7.2.1).
pub(super) const TAIL: &[u8] = &[0x00, 0x00, 0xFF, 0xFF];

/// How much of the buffer is kept for payloads that are smaller than the last.
const KEPT: usize = 64 << 10;

/// After how many bytes, read or written, a stream is begun anew.
///
/// zlib counts them in C's `unsigned long`, which must not overflow.
pub(super) const LIFE: usize = if cfg!(test) { 4 << 10 } else { 1 << 30 };

/// There is always room for a flush, so that a full buffer means that more comes.
const SPARE: usize = 64;
