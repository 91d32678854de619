//! Frames to events where extensions are in use: data frames that they decode (RFC 6455 §9; RFC 7692 §6.2).
//!
//! Such a frame is read some kilobytes at a time, and no more of it is taken than the extensions have
//! decoded: what they make of it may be a thousand times as much, and goes out before more is read. So what
//! comes of a frame has its end after the frame has. Everything else goes the way of `decode_part`.

use crate::error::RemoteProtocolError;
use crate::event::{BytesMessage, Event, EventRef, TextMessage};
use crate::frame::{Ends, Entered};
use crate::opcode::MessageKind;

use crate::utf8::{InvalidText, is_begun};

use super::decoder::{MessageDecoder, State, decode_text};

impl MessageDecoder {
    /// The slow path of a connection that has extensions.
    ///
    /// `nothing_came` if the caller had no bytes at all.
    #[inline(never)]
    pub(super) fn decode_extended<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
        nothing_came: bool,
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        if nothing_came && self.frames.is_idle() {
            if let Some(extensions) = &mut self.extensions {
                extensions.rest();
            }
        }
        loop {
            if self.frames.is_stopped() {
                self.stop();
                return self.stopped(input).map(|()| None);
            }
            if !self.is_decoding() && !self.enter(input)? {
                return self.decode_part(input);
            }
            match self.decode_on(input)? {
                Next::Piece(piece) => return self.lend(piece).map(Some),
                Next::Character(end) => return Ok(Some(self.lend_character(end))),
                Next::InputUsedUp if input.is_empty() => return Ok(None),
                Next::InputUsedUp => {}
            }
        }
    }

    /// How the frame under way will fail, once what stands before the failure is lent.
    pub(super) fn extended_error(&self) -> Option<RemoteProtocolError> {
        let extensions = self.extensions.as_ref().filter(|extensions| extensions.frame().is_some())?;
        match extensions.is_done() {
            _ if self.room() == 0 && !extensions.output().is_empty() => {
                Some(RemoteProtocolError::MessageTooLong)
            }
            Err(error) if extensions.output().is_empty() => Some(error),
            _ => None,
        }
    }

    /// Whether something is to be told that needs no more input.
    pub(super) fn has_decoded(&self) -> bool {
        self.extensions.as_ref().is_some_and(|extensions| match extensions.frame() {
            Some(frame) if frame.end == Ends::Nothing => {
                extensions.is_done() != Ok(true) || !extensions.output().is_empty()
            }
            Some(_) => true,
            None => false,
        })
    }

    fn is_decoding(&self) -> bool {
        self.extensions.as_ref().is_some_and(|extensions| extensions.frame().is_some())
    }

    /// Reads on up to a payload; tells whether it is one for the extensions.
    fn enter(&mut self, input: &mut &mut [u8]) -> Result<bool, RemoteProtocolError> {
        let entered = self.frames.enter(input).inspect_err(|_| {
            self.extensions = None;
        })?;
        let (Entered::Begun(header), Some(kind)) = (entered, self.frames.message_kind()) else {
            return Ok(false);
        };
        let Some(extensions) = &mut self.extensions else { return Ok(false) };
        match extensions.begin_frame(&header, kind) {
            Ok(()) if extensions.frame().is_some() => Ok(true),
            // A bit may mean something else than that a message has another length than it seems.
            Ok(()) if extensions.message_len() > self.frames.max_message_len() => {
                Err(self.fail(RemoteProtocolError::MessageTooLong, 0))
            }
            Ok(()) => Ok(false),
            Err(error) => Err(self.fail(error, 0)),
        }
    }

    /// Decodes on until there is something to tell.
    fn decode_on(&mut self, input: &mut &mut [u8]) -> Result<Next, RemoteProtocolError> {
        loop {
            let room = self.room();
            let Some(extensions) = &mut self.extensions else { return Ok(Next::InputUsedUp) };
            let Some(frame) = extensions.frame() else { return Ok(Next::InputUsedUp) };
            let available = extensions.output().len();
            let status = extensions.is_done();
            let is_over = status == Ok(true) && frame.end != Ends::Nothing;
            match status {
                _ if available > 0 || is_over => {
                    let len = usize::try_from(room).unwrap_or(usize::MAX).min(available);
                    if len < available && len == 0 {
                        return Err(self.fail(RemoteProtocolError::MessageTooLong, 0));
                    }
                    let end = if is_over && len == available { frame.end } else { Ends::Nothing };
                    let piece = Piece { kind: frame.kind, len, end };
                    if let Some(next) = self.read_piece(piece)? {
                        return Ok(next);
                    }
                }
                Err(error) => return Err(self.fail(error, 0)),
                Ok(true) if input.is_empty() => return Ok(Next::InputUsedUp),
                Ok(_) if frame.end != Ends::Nothing => {
                    extensions.decode(&[], frame.end, room);
                }
                Ok(_) => {
                    self.frames
                        .decode_by(input, AT_ONCE, |payload, end| extensions.decode(payload, end, room));
                }
            }
        }
    }

    /// Reads a piece of text if it is no more than a part of a character.
    fn read_piece(&mut self, piece: Piece) -> Result<Option<Next>, RemoteProtocolError> {
        let missing = self.utf8.missing();
        let Some(extensions) = &mut self.extensions else { return Ok(None) };
        let output = extensions.output().get(..piece.len).unwrap_or_default();
        if piece.kind == MessageKind::Binary || missing == 0 && !is_begun(output) {
            return Ok(Some(Next::Piece(piece)));
        }
        let len = if missing == 0 { piece.len } else { piece.len.min(missing) };
        let end = if len == piece.len { piece.end } else { Ends::Nothing };
        let is_last = end == Ends::Message;
        let mut part = [0; 4];
        for (place, byte) in part.iter_mut().zip(extensions.take(len)) {
            *place = *byte;
        }
        let part = part.get(..len).unwrap_or_default();
        let is_whole = if missing > 0 {
            self.resume_character(part, is_last)?
        } else if decode_text(&mut self.utf8, part, false, is_last).is_err() {
            return Err(self.fail(RemoteProtocolError::InvalidUtf8, 0));
        } else {
            false
        };
        Ok((is_whole || end != Ends::Nothing).then_some(Next::Character(end)))
    }

    /// Lends a piece that the extensions have decoded.
    fn lend(&mut self, Piece { kind, len, end }: Piece) -> Result<EventRef<'_>, RemoteProtocolError> {
        let (frame_finished, message_finished) = (end != Ends::Nothing, end == Ends::Message);
        let data = match &mut self.extensions {
            Some(extensions) => {
                if frame_finished {
                    extensions.end_frame();
                }
                extensions.take(len)
            }
            None => &[],
        };
        if kind == MessageKind::Binary {
            return Ok(Event::Bytes(BytesMessage { data, frame_finished, message_finished }));
        }
        match decode_text(&mut self.utf8, data, frame_finished, message_finished) {
            Ok(text) => Ok(Event::Text(text)),
            Err(InvalidText { valid, .. }) => {
                let error = RemoteProtocolError::InvalidUtf8;
                self.frames.stop();
                if valid.is_empty() {
                    self.state = State::Failed { overread: 0 };
                    return Err(error);
                }
                self.state = State::Failing { error, overread: 0 };
                let (frame_finished, message_finished) = (false, false);
                Ok(Event::Text(TextMessage { data: valid, frame_finished, message_finished }))
            }
        }
    }

    /// Lends the character that was put together, if it is whole.
    fn lend_character(&mut self, end: Ends) -> EventRef<'_> {
        let (frame_finished, message_finished) = (end != Ends::Nothing, end == Ends::Message);
        if let (true, Some(extensions)) = (frame_finished, &mut self.extensions) {
            extensions.end_frame();
        }
        let data = if self.utf8.missing() == 0 { self.utf8.character() } else { "" };
        Event::Text(TextMessage { data, frame_finished, message_finished })
    }

    /// How much longer the message under way may become.
    fn room(&self) -> u64 {
        let len = self.extensions.as_ref().map_or(0, |extensions| extensions.message_len());
        self.frames.max_message_len().saturating_sub(len)
    }
}

/// What comes next.
enum Next {
    /// A piece of output to be lent.
    Piece(Piece),
    /// A character that was put together, or the end of a frame inside one.
    Character(Ends),
    /// Nothing before more comes.
    InputUsedUp,
}

/// A piece of the extensions' output, and what ends with it.
struct Piece {
    kind: MessageKind,
    len: usize,
    end: Ends,
}

/// How much of a payload is unmasked and looked at in one go.
///
/// What is not decoded is masked again, so it should not be much more than what gives one piece.
const AT_ONCE: usize = 16 << 10;
