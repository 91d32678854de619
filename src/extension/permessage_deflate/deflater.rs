//! Compression: messages to compressed payloads (RFC 7692 §6.1, §7.2.1).
//!
//! Between two messages, the zlib stream can be given to a pool, or freed. Then the end of the earlier messages is all
//! that the next message can refer to. The peer inflates the same message, from other bytes.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::extension::OutboundExtension;
use crate::frame::Rsv;
use crate::opcode::MessageKind;

use zlib_rs::DeflateFlush;

use super::Compression;
use super::compressor::{Compressor, Settings};
use super::params::Window;
use super::pool::DeflatePool;

/// Compresses the messages of one direction.
pub(super) struct Deflater {
    window: Window,
    compression: Compression,
    /// Made or borrowed for the first message. Without a pool, it is kept for the next ones.
    compressor: Option<Box<Compressor>>,
    /// Whether the next payload must not refer to what the compressor has read.
    needs_reset: bool,
    is_in_message: bool,
    /// The last bytes of the messages, for the next compressor; empty without context takeover.
    history: Vec<u8>,
    pool: Option<DeflatePool>,
}

impl Deflater {
    pub(super) const fn new(window: Window, compression: Compression, pool: Option<DeflatePool>) -> Self {
        let history = Vec::new();
        Self {
            window,
            compression,
            compressor: None,
            needs_reset: false,
            is_in_message: false,
            history,
            pool,
        }
    }

    /// The compressor in use, or else one that continues after the history.
    fn compressor(&mut self) -> Box<Compressor> {
        let needs_reset = core::mem::take(&mut self.needs_reset);
        if let Some(mut compressor) = self.compressor.take() {
            if needs_reset {
                compressor.restart(&[]);
            }
            return compressor;
        }
        let Compression { level, mem_level, .. } = self.compression;
        let settings = Settings { window_bits: self.window.bits, level, mem_level };
        let pooled = self.pool.as_ref().and_then(|pool| pool.take_compressor(settings));
        let is_new = pooled.is_none();
        let mut compressor = pooled.unwrap_or_else(|| Compressor::new(settings));
        if !is_new || !self.history.is_empty() {
            compressor.restart(&self.history);
        }
        compressor
    }

    /// Keeps the end of what the peer has received.
    fn keep_history(&mut self, payload: &[u8]) {
        if !self.window.takeover {
            return;
        }
        let max_len = MAX_HISTORY.min(self.window.len());
        let newest = payload.get(payload.len().saturating_sub(max_len)..).unwrap_or_default();
        let excess = self.history.len().saturating_add(newest.len()).saturating_sub(max_len);
        self.history.drain(..excess.min(self.history.len()));
        self.history.reserve_exact(max_len.saturating_sub(self.history.len()));
        self.history.extend_from_slice(newest);
    }

    /// Gives the compressor back to the pool, or frees it.
    fn give_back(&mut self) {
        let Some(mut compressor) = self.compressor.take() else { return };
        self.needs_reset = false;
        if let Some(pool) = &self.pool {
            compressor.shrink();
            pool.put_compressor(compressor);
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
        let mut compressor = self.compressor();
        let forgets = message_finished && !self.window.takeover;
        let flush = if forgets { DeflateFlush::FullFlush } else { DeflateFlush::SyncFlush };
        let mut len = compressor.deflate(payload, flush);
        if message_finished {
            len = compressor.end_message(len);
        }
        self.is_in_message = !message_finished;
        self.keep_history(payload);
        self.compressor.insert(compressor).output(len)
    }

    fn end_frame(&mut self) {
        if self.pool.is_some() && !self.is_in_message {
            self.give_back();
        } else if let Some(compressor) = &mut self.compressor {
            compressor.shrink();
        }
    }

    fn release_memory(&mut self) {
        let is_fresh = !self.window.takeover && !self.is_in_message;
        if is_fresh || self.needs_reset {
            self.give_back();
        } else if let Some(compressor) = &mut self.compressor {
            compressor.release_buffer();
        }
    }

    fn release_all_memory(&mut self) {
        if !self.is_in_message {
            self.give_back();
        }
        self.release_memory();
    }

    fn restart(&mut self) {
        self.history.clear();
        // It is done before the next payload: there may be none.
        self.needs_reset = self.window.takeover && self.compressor.is_some();
    }

    /// A stream of zlib cannot be copied, so a copy is possible only without one.
    fn try_clone(&self) -> Option<Box<dyn OutboundExtension>> {
        if self.compressor.is_some() {
            return None;
        }
        let mut copy = Self::new(self.window, self.compression, self.pool.clone());
        copy.history.clone_from(&self.history);
        Some(Box::new(copy))
    }
}

impl Drop for Deflater {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").field("window", &self.window).finish_non_exhaustive()
    }
}

/// How many bytes of earlier messages a new compressor can refer to.
///
/// zlib takes time for each of them. Messages of 100 bytes of JSON are 4 % longer with these than with 4 KiB, and
/// those of 4 KiB no longer.
const MAX_HISTORY: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn deflater(takeover: bool) -> Deflater {
        let compression = Compression { level: 1, mem_level: 8, threshold: 0 };
        Deflater::new(Window { bits: 15, takeover }, compression, None)
    }

    #[test]
    fn longest_output_is_nine_bits_a_byte_and_some_blocks() {
        assert_eq!(deflater(true).max_encoded_len(0), 64);
        assert_eq!(deflater(true).max_encoded_len(64_000), 64_000 + 8_000 + 1_000 + 64);
    }

    #[test]
    fn compressor_is_freed_if_no_message_needs_what_it_has_read() {
        for (takeover, message_finished, is_kept) in
            [(false, true, false), (false, false, true), (true, true, true), (true, false, true)]
        {
            let mut deflater = deflater(takeover);
            deflater.encode(b"what it has read", message_finished);
            deflater.release_memory();
            assert_eq!(deflater.compressor.is_some(), is_kept, "{takeover}, {message_finished}");
        }
        let mut deflater = deflater(true);
        deflater.encode(b"what it has read", true);
        deflater.restart();
        deflater.release_memory();
        assert!(deflater.compressor.is_none());
    }

    #[test]
    fn compressor_is_reset_after_a_restart_if_the_next_message_could_refer_to_what_it_has_read() {
        for (takeover, is_used, needs_reset) in
            [(false, true, false), (true, false, false), (true, true, true)]
        {
            let mut deflater = deflater(takeover);
            if is_used {
                deflater.encode(b"what it has read", true);
            }
            deflater.restart();
            assert_eq!(deflater.needs_reset, needs_reset, "{takeover}, {is_used}");
        }
    }
}
