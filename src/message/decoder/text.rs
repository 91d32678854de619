//! Text that is checked as it arrives (RFC 6455 §5.6, §8.1).
//!
//! The valid prefix of a text that is not UTF-8 is returned before the error.

use crate::error::RemoteProtocolError;
use crate::event::EventRef;
use crate::frame::{Ends, Piece, Source};
use crate::message::payloads::{Payloads, take_input};
use crate::utf8::{InvalidText, Utf8Decoder};

use super::{Broken, MessageDecoder, State, text_event};

impl MessageDecoder {
    /// A whole message that is not UTF-8: its valid prefix is still returned.
    #[cold]
    pub(super) fn borrow_bad_message<'i>(
        &mut self,
        payload: &'i [u8],
    ) -> Result<Option<EventRef<'i>>, RemoteProtocolError> {
        let ends = Ends::Message;
        let (data, overread) = read_text(&mut self.utf8, payload, ends);
        let ends = self.after_text(data, overread, ends)?;
        Ok(Some(text_event(data, ends)))
    }

    /// Consumes a piece of text that is only a part of a character. Returns true once the character is complete.
    #[cold]
    pub(super) fn resume_character(
        &mut self,
        piece: &Piece,
        input: &mut &mut [u8],
    ) -> Result<bool, RemoteProtocolError> {
        let part = match piece.source {
            Source::Input => take_input(input, piece.len),
            Source::Extensions => self.payloads.take_decoded(piece.len),
        };
        let overread = match self.utf8.resume(part) {
            Err(at) if piece.source == Source::Input => Some(after(part, at)),
            Err(_) => Some(0),
            // The message ends inside a character.
            Ok(()) if piece.ends.is_message_end() && self.utf8.missing() > 0 => Some(0),
            Ok(()) => None,
        };
        if let Some(overread) = overread {
            return Err(self.fail(RemoteProtocolError::InvalidUtf8, overread));
        }
        Ok(self.utf8.missing() == 0)
    }

    /// Returns text that extensions have decoded, which has to be UTF-8 (RFC 7692 §6.2), and what ends with it.
    ///
    /// If it is not UTF-8, its valid prefix is returned, which is not empty: the caller has looked at the first
    /// character. It borrows from the extensions, so the next call frees these, and returns the error.
    pub(super) fn borrow_decoded_text(&mut self, len: usize, ends: Ends) -> (&str, Ends) {
        let Self { payloads: Payloads { frames, extensions }, utf8, state, .. } = self;
        let decoded = extensions.as_mut().map_or(&[][..], |extensions| extensions.take(len));
        let (data, overread) = read_text(utf8, decoded, ends);
        if overread.is_none() {
            return (data, ends);
        }
        frames.stop();
        *state = State::after_text(data, 0);
        (data, Ends::Nothing)
    }

    /// Records whether text from the input was UTF-8. Returns what ends with it.
    #[inline(always)]
    pub(super) fn after_text(
        &mut self,
        data: &str,
        overread: Option<u32>,
        ends: Ends,
    ) -> Result<Ends, RemoteProtocolError> {
        let Some(overread) = overread else { return Ok(ends) };
        self.end(State::after_text(data, overread));
        match self.state {
            State::Failed(Broken { error, .. }) => Err(error),
            _ => Ok(Ends::Nothing),
        }
    }
}

/// Reads a piece of text that begins between two characters.
///
/// Returns the text; if it is not UTF-8, its valid prefix, and how many bytes follow the first invalid one.
#[inline(always)]
pub(super) fn read_text<'a>(utf8: &mut Utf8Decoder, bytes: &'a [u8], ends: Ends) -> (&'a str, Option<u32>) {
    match utf8.decode_piece(bytes) {
        Ok(data) if !ends.is_message_end() || utf8.missing() == 0 => (data, None),
        // The message ends inside a character.
        Ok(valid) => (valid, Some(0)),
        Err(InvalidText { valid, at }) => (valid, Some(after(bytes, at))),
    }
}

/// How many of `bytes` follow the one at this offset; `u32::MAX` if more, as the count is stored in four bytes.
pub(super) fn after(bytes: &[u8], at: usize) -> u32 {
    u32::try_from(bytes.len().saturating_sub(at).saturating_sub(1)).unwrap_or(u32::MAX)
}
