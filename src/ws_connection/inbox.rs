//! The received bytes that are not read yet, up to the end of the transport.

use alloc::vec::Vec;

use crate::error::LocalProtocolError;

/// The received bytes that are not read yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    read: usize,
    pub(super) end: End,
}

/// How the inbox ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// More bytes may arrive.
    #[default]
    Open,
    /// More bytes arrived than are kept.
    Overflow,
    /// The transport has ended.
    Eof,
}

impl Inbox {
    /// Adds bytes. At most `room` unread bytes are kept.
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

    /// Frees the room of bytes that were read.
    ///
    /// The unread bytes are moved only if there are no more of them than bytes that were read. So each byte is moved at
    /// most once, whatever the order in which input is added and events are read.
    pub(super) fn forget_read(&mut self) {
        let unread = self.bytes.len().saturating_sub(self.read);
        if unread == 0 {
            self.clear();
        } else if unread <= self.read {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
    }

    /// Accepts input that is not needed, and drops it.
    pub(super) fn discard(&mut self) -> Result<(), LocalProtocolError> {
        self.free();
        if self.end == End::Eof { Err(LocalProtocolError::DataAfterEof) } else { Ok(()) }
    }

    /// Drops all unread bytes after the first `room` bytes.
    pub(super) fn limit(&mut self, room: usize) {
        let max_len = self.read.saturating_add(room);
        if self.bytes.len() > max_len {
            self.bytes.truncate(max_len);
            self.end = End::Overflow;
        }
    }

    /// Drops all bytes, and keeps the memory that the next reads are likely to need.
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(MAX_KEPT);
        self.read = 0;
    }

    /// Drops all bytes, and frees all memory.
    pub(super) fn free(&mut self) {
        self.bytes = Vec::new();
        self.read = 0;
    }

    /// Lets a handshake read from the front of the unread bytes.
    pub(super) fn read<'a, T>(&'a mut self, machine: impl FnOnce(&mut &'a [u8]) -> T) -> T {
        let unread = self.bytes.get(self.read..).unwrap_or_default();
        let mut input = unread;
        let result = machine(&mut input);
        self.read = self.bytes.len().saturating_sub(input.len());
        result
    }

    /// Lets a connection read from the front of the unread bytes, and unmask them in place.
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
