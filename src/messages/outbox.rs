//! The sending side: the bytes that wait to be written.

use alloc::vec::Vec;

/// The bytes that wait to be written.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) bytes: Vec<u8>,
    /// How many of them are written.
    written: usize,
}

impl Outbox {
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new(), written: 0 }
    }

    pub(super) fn unwritten(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// Records that the first `len` bytes are written; more than there are counts as all.
    ///
    /// Bytes are moved to the front only if at least as many are before them, so each is moved once at most.
    pub(super) fn written(&mut self, len: usize) {
        self.written = self.written.saturating_add(len).min(self.bytes.len());
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(MAX_KEPT);
            self.written = 0;
        } else if self.written >= self.unwritten().len() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    /// The bytes alone: those that are written are removed.
    pub(super) fn unwritten_mut(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.written);
        self.written = 0;
        &mut self.bytes
    }

    /// The bytes that are not written.
    pub(super) fn into_unwritten(mut self) -> Vec<u8> {
        self.bytes.drain(..self.written);
        self.bytes
    }

    pub(super) fn release_memory(&mut self) {
        self.unwritten_mut().shrink_to_fit();
    }
}

/// How much memory is kept when all is written.
const MAX_KEPT: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_moved_if_at_least_as_many_are_before_them() {
        let mut outbox = Outbox { bytes: (0..10).collect(), written: 0 };
        outbox.written(4);
        assert_eq!((outbox.bytes.len(), outbox.unwritten()), (10, &[4, 5, 6, 7, 8, 9][..]));
        outbox.written(1);
        assert_eq!((outbox.bytes.len(), outbox.unwritten()), (5, &[5, 6, 7, 8, 9][..]));
    }
}
