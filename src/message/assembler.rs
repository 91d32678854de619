//! Pieces to whole messages, for whoever would rather have those.

use alloc::{string::String, vec::Vec};

use crate::error::RemoteProtocolError;
use crate::event::{BytesMessage, TextMessage};
use crate::opcode::MessageKind;

/// Pieces to whole messages, for whoever would rather have those.
///
/// A message that comes in one piece is handed on as it is lent; the others are put together in a buffer,
/// one for text and one for bytes, which is used again for the next.
///
/// ```
/// use wsproto::{MessageAssembler, TextMessage};
///
/// let mut assembler = MessageAssembler::new(1024);
/// assert_eq!(assembler.text(TextMessage::partial("Hel"))?, None);
/// assert_eq!(assembler.text(TextMessage::new("lo"))?, Some("Hello"));
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageAssembler {
    text: String,
    bytes: Vec<u8>,
    max_message_len: usize,
    /// What the pieces that are kept belong to.
    under_way: Option<MessageKind>,
    /// Whether the rest of a message that was too long is still to come.
    skipping: bool,
}

impl MessageAssembler {
    /// An assembler of messages of at most `max_message_len` bytes.
    pub const fn new(max_message_len: usize) -> Self {
        Self { text: String::new(), bytes: Vec::new(), max_message_len, under_way: None, skipping: false }
    }

    /// Adds a piece of text; returns the message if it is the last.
    ///
    /// # Errors
    ///
    /// [`RemoteProtocolError::MessageTooLong`] where the message would become too long. The piece is then
    /// dropped, with it what was kept, and after it the rest of the message.
    pub fn text<'a>(
        &'a mut self,
        piece: TextMessage<&'a str>,
    ) -> Result<Option<&'a str>, RemoteProtocolError> {
        if self.skipping {
            self.skipping = !piece.message_finished;
            return Ok(None);
        }
        let is_first = self.under_way != Some(MessageKind::Text);
        if is_first {
            self.text.clear();
        }
        self.check(self.text.len(), piece.data.len(), piece.message_finished)?;
        self.under_way = (!piece.message_finished).then_some(MessageKind::Text);
        if is_first && piece.message_finished {
            return Ok(Some(piece.data));
        }
        self.text.push_str(piece.data);
        Ok(piece.message_finished.then_some(&self.text))
    }

    /// Adds a piece of a binary message; returns the message if it is the last.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn bytes<'a>(
        &'a mut self,
        piece: BytesMessage<&'a [u8]>,
    ) -> Result<Option<&'a [u8]>, RemoteProtocolError> {
        if self.skipping {
            self.skipping = !piece.message_finished;
            return Ok(None);
        }
        let is_first = self.under_way != Some(MessageKind::Binary);
        if is_first {
            self.bytes.clear();
        }
        self.check(self.bytes.len(), piece.data.len(), piece.message_finished)?;
        self.under_way = (!piece.message_finished).then_some(MessageKind::Binary);
        if is_first && piece.message_finished {
            return Ok(Some(piece.data));
        }
        self.bytes.extend_from_slice(piece.data);
        Ok(piece.message_finished.then_some(&self.bytes))
    }

    /// Compares with what is left, before anything is stored.
    fn check(&mut self, have: usize, more: usize, message_finished: bool) -> Result<(), RemoteProtocolError> {
        if more > self.max_message_len.saturating_sub(have) {
            *self = Self { skipping: !message_finished, ..Self::new(self.max_message_len) };
            return Err(RemoteProtocolError::MessageTooLong);
        }
        Ok(())
    }
}
