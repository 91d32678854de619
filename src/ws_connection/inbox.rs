//! What was received and is not yet read, and the end of it.

use alloc::vec::Vec;

use crate::error::LocalProtocolError;

/// What was received and is not yet read.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    read: usize,
    pub(super) end: End,
}

/// What is known of the end of the inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// More may come.
    #[default]
    Open,
    /// More came than is kept.
    Overflow,
    /// The transport has ended.
    Eof,
}

impl Inbox {
    /// Adds to what is not read, of which `room` bytes may be kept.
    pub(super) fn add(&mut self, data: &[u8], room: usize) -> Result<(), LocalProtocolError> {
        match self.end {
            End::Open => {}
            End::Overflow => return Ok(()),
            End::Eof => return Err(LocalProtocolError::DataAfterEof),
        }
        self.forget_read();
        let unread = self.bytes.len().saturating_sub(self.read);
        let kept = data.get(..room.saturating_sub(unread)).unwrap_or(data);
        self.bytes.extend_from_slice(kept);
        if kept.len() < data.len() {
            self.end = End::Overflow;
        }
        Ok(())
    }

    /// Makes room where bytes were read.
    ///
    /// What is not read is only moved if it is no longer than what was: so each byte is moved once at most, however
    /// the events are taken.
    pub(super) fn forget_read(&mut self) {
        let unread = self.bytes.len().saturating_sub(self.read);
        if unread == 0 {
            self.clear();
        } else if unread <= self.read {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
    }

    /// Takes what nobody waits for, and keeps nothing.
    pub(super) fn discard(&mut self) -> Result<(), LocalProtocolError> {
        self.free();
        if self.end == End::Eof { Err(LocalProtocolError::DataAfterEof) } else { Ok(()) }
    }

    /// Keeps no more than `room` bytes of what is not read.
    pub(super) fn limit(&mut self, room: usize) {
        let max_len = self.read.saturating_add(room);
        if self.bytes.len() > max_len {
            self.bytes.truncate(max_len);
            self.end = End::Overflow;
        }
    }

    /// Keeps nothing, and no more memory than one read is likely to need again.
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(MAX_KEPT);
        self.read = 0;
    }

    /// Keeps nothing, for good.
    pub(super) fn free(&mut self) {
        self.bytes = Vec::new();
        self.read = 0;
    }

    /// Lets a handshake take what it reads off the front.
    pub(super) fn read<'a, T>(&'a mut self, machine: impl FnOnce(&mut &'a [u8]) -> T) -> T {
        let unread = self.bytes.get(self.read..).unwrap_or_default();
        let mut input = unread;
        let result = machine(&mut input);
        self.read = self.bytes.len().saturating_sub(input.len());
        result
    }

    /// Lets a connection take what it reads off the front, and unmask it there.
    pub(super) fn read_in_place<T>(&mut self, machine: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let mut input = self.bytes.get_mut(self.read..).unwrap_or_default();
        let result = machine(&mut input);
        let left = input.len();
        self.read = self.bytes.len().saturating_sub(left);
        result
    }
}

/// How much memory an empty inbox keeps, for the next reads.
const MAX_KEPT: usize = 64 << 10;
