//! Frames to events: text checked and lent as `&str`, control frames made whole (RFC 6455 §5.4, §5.6, §6.2).
//!
//! A chunk of data goes out as it comes, and nothing of it is kept but the beginning of a character that
//! was cut. A control frame goes out whole: lent where it lies if the input holds all of it, else put
//! together here.

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

use crate::error::RemoteProtocolError;
use crate::event::{BytesMessage, CloseConnection, Event, LentEvent, Ping, Pong, TextMessage};
use crate::frame::{BadClose, CloseBody, FrameChunk, FrameDecoder, FrameHeader};
use crate::limits::Limits;
use crate::opcode::{MessageKind, Opcode};
use crate::role::Role;
use crate::utf8::{Utf8Decoder, from_utf8};

/// Bytes to events, with no eye for the connection's state.
///
/// ```
/// use wsproto::{Event, Limits, MessageDecoder, Ping, Role, TextMessage};
///
/// let mut bytes = *b"\x01\x03\xe2\x82\xac\x89\x01?\x80\x01!"; // "€", a ping, "!"
/// let mut input = bytes.as_mut_slice();
/// let mut decoder = MessageDecoder::new(Role::Client, Limits::default());
/// assert_eq!(decoder.decode(&mut input)?, Some(Event::Text(TextMessage::partial("€"))));
/// assert_eq!(decoder.decode(&mut input)?, Some(Event::Ping(Ping::new(&b"?"[..]))));
/// assert_eq!(decoder.decode(&mut input)?, Some(Event::Text(TextMessage::new("!"))));
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageDecoder {
    frames: FrameDecoder,
    utf8: Utf8Decoder,
    control: ControlPayload,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Taking whatever comes.
    Reading,
    /// What was well-formed of a bad text is out; the next call tells the error.
    Failing { error: RemoteProtocolError, overread: usize },
    /// The error is told.
    Failed { overread: usize },
}

/// A control frame's payload, as far as it has come.
#[derive(Clone, Debug)]
struct ControlPayload {
    bytes: [u8; FrameHeader::MAX_CONTROL_LEN],
    len: u8,
    /// Whether more of it is to come.
    under_way: bool,
}

impl MessageDecoder {
    /// A decoder for what an endpoint in this role receives.
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self {
            frames: FrameDecoder::new(role, limits),
            utf8: Utf8Decoder::new(),
            control: ControlPayload::EMPTY,
            state: State::Reading,
        }
    }

    /// Reads on in `input` up to the next piece of a message or the next control frame.
    ///
    /// Returns `None` when `input` is used up. A piece without data is returned only where a frame ends.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once; later calls drop their input and return `None`.
    #[inline(always)]
    pub fn decode<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<LentEvent<'r>>, RemoteProtocolError> {
        match self.frames.decode_whole_message(input) {
            Some((MessageKind::Binary, payload)) => Ok(Some(Event::Bytes(BytesMessage::new(payload)))),
            Some((MessageKind::Text, payload)) => match from_utf8(payload) {
                Ok(text) => Ok(Some(Event::Text(TextMessage::new(text)))),
                Err(_) => self.bad_message(payload),
            },
            None => self.decode_part(input),
        }
    }

    /// A whole message that is no text: what is well-formed of it is lent all the same.
    #[cold]
    fn bad_message<'i>(&mut self, payload: &'i [u8]) -> Result<Option<LentEvent<'i>>, RemoteProtocolError> {
        Ok(self.text(payload, true, true)?.map(Event::Text))
    }

    /// The long way, for whatever is not a whole message.
    #[inline(never)]
    fn decode_part<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<LentEvent<'r>>, RemoteProtocolError> {
        loop {
            if !matches!(self.state, State::Reading) {
                return self.stopped(input).map(|()| None);
            }
            // The rest of a cut character is taken by itself, to be lent from where it was begun.
            let missing = self.utf8.missing();
            let max_len = if missing == 0 { usize::MAX } else { missing };
            let Some(chunk) = self.frames.decode_at_most(input, max_len)? else { return Ok(None) };
            match chunk.opcode {
                Opcode::Binary => {
                    let FrameChunk { payload, frame_finished, message_finished, .. } = chunk;
                    return Ok(Some(Event::Bytes(BytesMessage {
                        data: payload,
                        frame_finished,
                        message_finished,
                    })));
                }
                Opcode::Text if missing == 0 => {
                    let FrameChunk { payload, frame_finished, message_finished, .. } = chunk;
                    if let Some(text) = self.text(payload, frame_finished, message_finished)? {
                        return Ok(Some(Event::Text(text)));
                    }
                }
                Opcode::Text => {
                    let FrameChunk { payload, frame_finished, message_finished, .. } = chunk;
                    if self.resume_character(payload, message_finished)? || frame_finished {
                        let data = if self.utf8.missing() == 0 { self.utf8.character() } else { "" };
                        return Ok(Some(Event::Text(TextMessage { data, frame_finished, message_finished })));
                    }
                }
                opcode => {
                    let payload: &'i [u8] = chunk.payload;
                    if chunk.frame_finished && !self.control.under_way {
                        if opcode == Opcode::Close {
                            self.resume_control(opcode, payload, true)?;
                        }
                        return Ok(Some(control_event(opcode, payload)));
                    }
                    self.resume_control(opcode, payload, chunk.frame_finished)?;
                    if chunk.frame_finished {
                        return Ok(Some(control_event(opcode, self.control.filled())));
                    }
                }
            }
        }
    }

    /// Whether nothing is under way: no header, no frame, no message has begun without its end.
    pub fn is_idle(&self) -> bool {
        self.frames.is_idle()
    }

    /// How many bytes of the frame under way are still to come: a hint for the size of the next read.
    pub fn payload_remaining(&self) -> u64 {
        self.frames.payload_remaining()
    }

    /// How many of the bytes taken from the input lie behind the one that broke a rule.
    ///
    /// A payload is taken as a whole before it is read, so this is 0 unless text or a close frame went
    /// wrong before its end.
    pub fn overread(&self) -> usize {
        match self.state {
            State::Reading => 0,
            State::Failing { overread, .. } | State::Failed { overread } => overread,
        }
    }

    /// The error that the next call tells, if one waits.
    pub(crate) fn waiting_error(&self) -> Option<RemoteProtocolError> {
        match self.state {
            State::Failing { error, .. } => Some(error),
            State::Reading | State::Failed { .. } => None,
        }
    }

    /// The close frame that was last received.
    pub(crate) fn kept_close(&self) -> CloseConnection<&str> {
        close(self.control.filled())
    }

    /// A piece of text that begins between two characters; `None` where there is nothing to tell.
    #[inline]
    fn text<'i>(
        &mut self,
        payload: &'i [u8],
        frame_finished: bool,
        message_finished: bool,
    ) -> Result<Option<TextMessage<&'i str>>, RemoteProtocolError> {
        let (data, overread) = match self.utf8.decode(payload) {
            Ok(data) if !message_finished || self.utf8.missing() == 0 => {
                let text = TextMessage { data, frame_finished, message_finished };
                return Ok((frame_finished || !data.is_empty()).then_some(text));
            }
            // The message ends inside a character.
            Ok(data) => (data, 0),
            Err(bad) => (bad.valid, behind(payload, bad.bad_byte)),
        };
        let error = RemoteProtocolError::InvalidUtf8;
        if data.is_empty() {
            return Err(self.fail(error, overread));
        }
        self.frames.stop();
        self.state = State::Failing { error, overread };
        Ok(Some(TextMessage { data, frame_finished: false, message_finished: false }))
    }

    /// Adds to a character that was cut; true once it is whole.
    #[cold]
    fn resume_character(
        &mut self,
        payload: &[u8],
        message_finished: bool,
    ) -> Result<bool, RemoteProtocolError> {
        let error = RemoteProtocolError::InvalidUtf8;
        if let Err(bad_byte) = self.utf8.resume(payload) {
            return Err(self.fail(error, behind(payload, bad_byte)));
        }
        let whole = self.utf8.missing() == 0;
        if message_finished && !whole {
            return Err(self.fail(error, 0));
        }
        Ok(whole)
    }

    /// Keeps what has come of a control frame; of a close frame, looks for the first byte that breaks a rule.
    #[cold]
    fn resume_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        frame_finished: bool,
    ) -> Result<(), RemoteProtocolError> {
        if !self.control.under_way {
            self.control.clear();
        }
        self.control.extend(payload);
        self.control.under_way = !frame_finished;
        if opcode != Opcode::Close {
            return Ok(());
        }
        match CloseBody::decode(self.control.filled(), frame_finished) {
            // "The application MUST NOT send any more data frames" after it (§5.5.1).
            Ok(_) if frame_finished => self.stop(),
            Ok(_) => {}
            Err(BadClose { error, bad_byte }) => {
                let overread = behind(self.control.filled(), bad_byte);
                return Err(self.fail(error, overread));
            }
        }
        Ok(())
    }

    #[cold]
    fn fail(&mut self, error: RemoteProtocolError, overread: usize) -> RemoteProtocolError {
        self.stop();
        self.state = State::Failed { overread };
        error
    }

    /// Reads nothing more: all input is dropped.
    pub(crate) fn stop(&mut self) {
        self.frames.stop();
    }

    /// What is left to do when nothing is read any more.
    #[cold]
    fn stopped(&mut self, input: &mut &mut [u8]) -> Result<(), RemoteProtocolError> {
        if let State::Failing { error, overread } = self.state {
            return Err(self.fail(error, overread));
        }
        *input = &mut [];
        Ok(())
    }
}

impl ControlPayload {
    const EMPTY: Self = Self { bytes: [0; FrameHeader::MAX_CONTROL_LEN], len: 0, under_way: false };

    fn filled(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds to the payload; the frame's header has made sure that it fits.
    fn extend(&mut self, bytes: &[u8]) {
        let free = self.bytes.get_mut(usize::from(self.len)..).unwrap_or_default();
        for (place, byte) in free.iter_mut().zip(bytes) {
            *place = *byte;
            self.len = self.len.saturating_add(1);
        }
    }
}

#[inline]
fn control_event(opcode: Opcode, payload: &[u8]) -> LentEvent<'_> {
    match opcode {
        Opcode::Ping => Event::Ping(Ping { payload }),
        Opcode::Pong => Event::Pong(Pong { payload }),
        _ => Event::Close(close(payload)),
    }
}

/// The event that a close frame's lawful payload makes.
fn close(payload: &[u8]) -> CloseConnection<&str> {
    match CloseBody::decode(payload, true) {
        Ok(CloseBody { code, reason }) => CloseConnection { code, reason },
        // `resume_control` lets no other payload through.
        Err(_) => CloseConnection::EMPTY,
    }
}

/// How many of `bytes` lie behind the one at `place`.
fn behind(bytes: &[u8], place: usize) -> usize {
    bytes.len().saturating_sub(place).saturating_sub(1)
}

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
#[cfg(feature = "alloc")]
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

#[cfg(feature = "alloc")]
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
