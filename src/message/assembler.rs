//! Pieces of messages to whole messages (RFC 6455 §5.4).

use alloc::{string::String, vec::Vec};
use core::mem;

use crate::copy::append;
use crate::error::RemoteProtocolError;
use crate::event::{BytesMessage, TextMessage};
use crate::opcode::MessageKind;

/// Puts pieces together to whole messages.
///
/// A message in one piece is returned without a copy. Other messages are put together in a buffer, which is used again
/// for the next one.
///
/// Pass the limit that the connection has, [`Limits::max_message_len`](crate::Limits::max_message_len): the connection
/// then fails before a message is too long for the buffer. An error of the assembler does not end the connection.
///
/// ```
/// use wsproto::{MessageAssembler, TextMessage};
///
/// let mut assembler = MessageAssembler::new(1024);
/// assert_eq!(assembler.text(TextMessage::partial("Hel"))?, None);
/// assert_eq!(assembler.text(TextMessage::new("lo"))?, Some("Hello"));
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
///
/// # Memory
///
/// The buffer takes at most `max_message_len` bytes, and twice as many for the moment in which it grows. It is kept
/// until the next message begins, and then shrinks to at most 64 KiB, or as
/// [`with_max_kept`](Self::with_max_kept) says. [`release_memory`](Self::release_memory) frees it at once.
#[derive(Clone, Debug)]
pub struct MessageAssembler {
    /// The buffer, if it was last used for text.
    text: String,
    /// The buffer, if it was last used for bytes.
    bytes: Vec<u8>,
    max_message_len: usize,
    max_kept: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next piece begins a message.
    BetweenMessages,
    /// The buffer holds the beginning of a message.
    InMessage(MessageKind),
    /// The rest of a message that was too long is still to come.
    Skipping,
}

/// What happens to a piece.
enum Piece {
    /// It is the whole message.
    Whole,
    /// It is added to the buffer.
    Part,
    /// It is dropped, with the rest of its message.
    Skipped,
}

impl MessageAssembler {
    /// An assembler of messages of at most `max_message_len` bytes.
    pub const fn new(max_message_len: usize) -> Self {
        Self {
            text: String::new(),
            bytes: Vec::new(),
            max_message_len,
            max_kept: 64 << 10,
            state: State::BetweenMessages,
        }
    }

    /// Sets how many bytes of memory are kept between two messages: at most 64 KiB unless set.
    #[must_use]
    pub const fn with_max_kept(mut self, max_kept: usize) -> Self {
        self.max_kept = max_kept;
        self
    }

    /// Adds a piece of a text message; returns the whole message if this piece is the last.
    ///
    /// # Errors
    ///
    /// [`RemoteProtocolError::MessageTooLong`] if the message would become too long. The whole message is then dropped:
    /// what was kept, this piece, and the pieces that follow.
    pub fn text<'a>(
        &'a mut self,
        piece: TextMessage<&'a str>,
    ) -> Result<Option<&'a str>, RemoteProtocolError> {
        let TextMessage { data, message_finished, .. } = piece;
        match self.receive(MessageKind::Text, data.len(), message_finished)? {
            Piece::Whole => Ok(Some(data)),
            Piece::Skipped => Ok(None),
            Piece::Part => {
                let more = more(self.text.len(), self.text.capacity(), data.len(), self.max_message_len);
                self.text.reserve_exact(more);
                self.text.push_str(data);
                Ok(message_finished.then_some(&self.text))
            }
        }
    }

    /// Adds a piece of a binary message; returns the whole message if this piece is the last.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn bytes<'a>(
        &'a mut self,
        piece: BytesMessage<&'a [u8]>,
    ) -> Result<Option<&'a [u8]>, RemoteProtocolError> {
        let BytesMessage { data, message_finished, .. } = piece;
        match self.receive(MessageKind::Binary, data.len(), message_finished)? {
            Piece::Whole => Ok(Some(data)),
            Piece::Skipped => Ok(None),
            Piece::Part => {
                let more = more(self.bytes.len(), self.bytes.capacity(), data.len(), self.max_message_len);
                self.bytes.reserve_exact(more);
                append(&mut self.bytes, data);
                Ok(message_finished.then_some(&self.bytes))
            }
        }
    }

    /// Frees the memory of the buffer, unless a message is in progress.
    pub fn release_memory(&mut self) {
        if !matches!(self.state, State::InMessage(_)) {
            *self = Self { state: self.state, max_kept: self.max_kept, ..Self::new(self.max_message_len) };
        }
    }

    /// Decides what happens to a piece of `len` bytes. Its length is checked before anything is stored.
    fn receive(
        &mut self,
        kind: MessageKind,
        len: usize,
        message_finished: bool,
    ) -> Result<Piece, RemoteProtocolError> {
        let is_first = match self.state {
            State::BetweenMessages => true,
            State::InMessage(begun) => begun != kind,
            State::Skipping => {
                if message_finished {
                    self.state = State::BetweenMessages;
                }
                return Ok(Piece::Skipped);
            }
        };
        if is_first {
            self.begin(kind);
        }
        let held = self.text.len().max(self.bytes.len());
        if len > self.max_message_len.saturating_sub(held) {
            self.state = if message_finished { State::BetweenMessages } else { State::Skipping };
            self.release_memory();
            return Err(RemoteProtocolError::MessageTooLong);
        }
        self.state = if message_finished { State::BetweenMessages } else { State::InMessage(kind) };
        Ok(if is_first && message_finished { Piece::Whole } else { Piece::Part })
    }

    /// Empties the buffer for a message of this kind, and frees what a long message needed.
    fn begin(&mut self, kind: MessageKind) {
        let mut buffer = match self.text.capacity() {
            0 => mem::take(&mut self.bytes),
            _ => mem::take(&mut self.text).into_bytes(),
        };
        buffer.clear();
        buffer.shrink_to(self.max_kept);
        match kind {
            // An empty buffer is always valid UTF-8.
            MessageKind::Text => self.text = String::from_utf8(buffer).unwrap_or_default(),
            MessageKind::Binary => self.bytes = buffer,
        }
    }
}

/// How much to reserve after `len` bytes for `needed` more: up to twice the capacity, but no more than `max_len` in
/// total.
fn more(len: usize, capacity: usize, needed: usize, max_len: usize) -> usize {
    if needed <= capacity.saturating_sub(len) {
        return 0;
    }
    capacity.saturating_mul(2).min(max_len).saturating_sub(len).max(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_doubled_up_to_the_limit_if_it_does_not_suffice() {
        assert_eq!(more(100, 128, 28, 1000), 0);
        assert_eq!(more(100, 128, 29, 1000), 156);
        assert_eq!(more(100, 128, 29, 200), 100);
        assert_eq!(more(100, 128, 500, 1000), 500);
    }
}
