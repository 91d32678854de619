//! The received bytes that are not read yet, up to the end of the transport.

use crate::error::LocalProtocolError;
use crate::read_buffer::ReadBuffer;

/// The received bytes that are not read yet.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    pub(super) buffer: ReadBuffer,
    pub(super) end: End,
}

/// How the inbox ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// More bytes may arrive.
    Open,
    /// More bytes arrived than are kept.
    Overflow,
    /// The transport has ended.
    Eof,
}

impl Inbox {
    /// An empty inbox. Its length is limited by what `add` and `filled` are called with.
    pub(super) fn new() -> Self {
        let buffer = ReadBuffer::new().with_max_len(usize::MAX).with_max_kept(MAX_KEPT);
        Self { buffer, end: End::Open }
    }

    /// Adds bytes. At most `room` unread bytes are kept.
    pub(super) fn add(&mut self, data: &[u8], room: usize) -> Result<(), LocalProtocolError> {
        match self.end {
            End::Open => {}
            End::Overflow => return Ok(()),
            End::Eof => return Err(LocalProtocolError::DataAfterEof),
        }
        let room = room.saturating_sub(self.buffer.unread().len());
        let kept = data.get(..room).unwrap_or(data);
        self.buffer.extend_from_slice(kept)?;
        if kept.len() < data.len() {
            self.end = End::Overflow;
        }
        Ok(())
    }

    /// Adds bytes that were read into the buffer's space. At most `room` unread bytes are kept.
    pub(super) fn filled(&mut self, len: usize, room: usize) -> Result<(), LocalProtocolError> {
        let unread = self.buffer.unread().len();
        self.buffer.filled(len)?;
        match self.end {
            End::Open => self.limit(room),
            // Bytes before these were lost.
            End::Overflow | End::Eof => _ = self.buffer.truncate_unread(unread),
        }
        Ok(())
    }

    /// Drops all unread bytes after the first `room` bytes.
    pub(super) fn limit(&mut self, room: usize) {
        if self.buffer.truncate_unread(room) {
            self.end = End::Overflow;
        }
    }
}

/// How much memory an empty inbox keeps, for the next reads.
const MAX_KEPT: usize = 64 << 10;
