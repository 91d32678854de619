//! Whole messages: text is not checked in pieces, but by the caller, once the message is complete.

#[cfg(feature = "bytes")]
use alloc::vec::Vec;

use crate::error::RemoteProtocolError;
use crate::event::{EventRef, Message, MessageRef};
use crate::frame::{Ends, Piece, Source, WholeMessage};
use crate::message::control::control_event;
use crate::message::payloads::take_input;
use crate::opcode::{MessageKind, Opcode};
use crate::utf8::{Utf8Decoder, from_utf8};

use super::text::read_text;
use super::{Control, MessageDecoder};

/// A piece that was consumed; text is not checked yet.
pub(crate) enum Unchecked<'r> {
    /// Data in the input: the last `len` of the bytes that were consumed.
    Input { kind: MessageKind, len: usize, is_last: bool },
    /// Data that extensions have decoded.
    Decoded { kind: MessageKind, bytes: &'r [u8], is_last: bool },
    /// A control frame.
    Control(EventRef<'r>),
}

impl MessageDecoder {
    /// Consumes a message that was found, with its payload.
    #[inline(always)]
    pub(crate) fn take_message<'i>(
        &mut self,
        message: WholeMessage,
        payload: &'i mut [u8],
    ) -> Result<MessageRef<'i>, RemoteProtocolError> {
        message.unmask(self.payloads.frames.role(), payload);
        match message.kind {
            MessageKind::Binary => Ok(Message::Binary(payload)),
            MessageKind::Text => match from_utf8(payload) {
                Ok(text) => Ok(Message::Text(text)),
                Err(_) => Err(self.fail_text(payload)),
            },
        }
    }

    /// Finds the next piece, but leaves the check of text to the caller, who checks whole messages.
    #[inline(never)]
    pub(crate) fn next_unchecked<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Unchecked<'r>>, RemoteProtocolError> {
        if input.is_empty() {
            self.payloads.rest();
        }
        if !self.is_reading() {
            return self.stopped(input).map(|()| None);
        }
        loop {
            let piece = match self.payloads.find(input, usize::MAX) {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.fail(error, 0)),
            };
            let Piece { opcode, source, len, ends, .. } = piece;
            let kind = match opcode {
                Opcode::Text => MessageKind::Text,
                Opcode::Binary => MessageKind::Binary,
                Opcode::Close | Opcode::Ping | Opcode::Pong | Opcode::Continuation => {
                    let payload = match self.receive_control(&piece, input)? {
                        Control::Incomplete => continue,
                        Control::Whole(payload) => payload,
                        Control::Kept => self.control.filled(),
                    };
                    return Ok(Some(Unchecked::Control(control_event(
                        opcode,
                        payload,
                        |text| text,
                        |bytes| bytes,
                    ))));
                }
            };
            let is_last = ends.is_message_end();
            return Ok(Some(match source {
                Source::Input => {
                    take_input(input, len);
                    Unchecked::Input { kind, len, is_last }
                }
                Source::Extensions => {
                    Unchecked::Decoded { kind, bytes: self.payloads.take_decoded(len), is_last }
                }
            }));
        }
    }

    /// Fails because of a message that is not UTF-8; `len` of its bytes follow the one that broke the rule.
    #[cold]
    pub(crate) fn fail_text(&mut self, message: &[u8]) -> RemoteProtocolError {
        let (_, overread) = read_text(&mut Utf8Decoder::new(), message, Ends::Message);
        self.fail(RemoteProtocolError::InvalidUtf8, overread.unwrap_or_default())
    }

    /// Checks the beginning of a text that [`next_unchecked`](Self::next_unchecked) has returned, so that the rest can be
    /// [decoded](Self::decode). Returns the length of the whole characters.
    #[cfg(feature = "bytes")]
    pub(crate) fn begin_text(&mut self, text: &[u8]) -> Result<usize, RemoteProtocolError> {
        let (data, overread) = read_text(&mut self.utf8, text, Ends::Nothing);
        self.after_text(data, overread, Ends::Nothing)?;
        Ok(data.len())
    }

    /// Moves the first bytes of a character, which are kept until its last, to `output`. Returns whether there were any.
    #[cfg(feature = "bytes")]
    pub(crate) fn take_character(&mut self, output: &mut Vec<u8>) -> bool {
        let begun = core::mem::take(&mut self.utf8);
        output.extend_from_slice(begun.begun());
        !begun.is_complete()
    }

    /// Fails because of a rule that the caller checks.
    #[cold]
    pub(crate) fn fail_by_caller(&mut self, error: RemoteProtocolError) {
        self.fail(error, 0);
    }
}
