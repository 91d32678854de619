//! Frames to events: text checked and lent as `&str`, control frames made whole (RFC 6455 §5.4, §5.6, §6.2).
//!
//! A chunk of data goes out as it comes, and nothing of it is kept but the beginning of a character that
//! was cut. A control frame goes out whole: lent where it lies if the input holds all of it, else put
//! together here.

use crate::error::{Failure, RemoteProtocolError};
use crate::event::{BytesMessage, CloseConnection, Event, EventRef, Ping, Pong, TextMessage};
use crate::extension::{InUse, InboundExtensions};
use crate::frame::{CloseBody, FrameChunk, FrameDecoder, FrameHeader, WholeMessage};
use crate::limits::Limits;
use crate::opcode::{MessageKind, Opcode};
use crate::role::Role;
use crate::utf8::{InvalidText, Utf8Decoder, from_utf8};

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
#[doc(alias = "FrameProtocol")]
#[derive(Debug)]
pub struct MessageDecoder {
    pub(super) frames: FrameDecoder,
    pub(super) extensions: InUse<InboundExtensions>,
    pub(super) utf8: Utf8Decoder,
    control: ControlPayload,
    pub(super) state: State,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// Taking whatever comes.
    Reading,
    /// What was well-formed of a bad text is out; the next call tells the error.
    Failing { error: RemoteProtocolError, overread: u32 },
    /// The error is told.
    Failed { overread: u32 },
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
            extensions: None,
            utf8: Utf8Decoder::new(),
            control: ControlPayload::EMPTY,
            state: State::Reading,
        }
    }

    /// The same, with the receiving halves of extensions.
    #[cfg(feature = "alloc")]
    pub(crate) fn with_extensions(self, extensions: InUse<InboundExtensions>) -> Self {
        let mut frames = self.frames;
        if let Some(extensions) = &extensions {
            frames.claim(extensions.claimed());
        }
        Self { frames, extensions, ..self }
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
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        let is_plain = self.extensions.is_none();
        if let Some(message) = self.whole_message(input) {
            if let Some(payload) = message.take(self.frames.role(), input) {
                return self.lend_message(message.kind, payload);
            }
            if is_plain {
                self.frames.begin_whole_message(message, input);
            }
        } else if is_plain && input.is_empty() && matches!(self.state, State::Reading) {
            // Without extensions, nothing waits but an error.
            return Ok(None);
        }
        self.decode_long(input)
    }

    /// The same, but a frame is read only once it lies in `input` whole; until then, `input` is left as it is.
    ///
    /// Returns `None` where bytes are [missing](Self::bytes_needed), and once nothing more is read.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once; later calls drop their input and return `None`.
    #[inline(always)]
    pub fn decode_frame<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        if let Some(message) = self.whole_message(input) {
            return match message.take(self.frames.role(), input) {
                Some(payload) => self.lend_message(message.kind, payload),
                None => self.decode_dry(input.is_empty()),
            };
        }
        if matches!(self.state, State::Reading) && self.frames.bytes_needed(input) > 0 {
            return self.decode_dry(input.is_empty());
        }
        self.decode_long(input)
    }

    /// The fast path, for a message in one frame.
    #[inline(always)]
    fn whole_message(&self, input: &[u8]) -> Option<WholeMessage> {
        if self.extensions.as_ref().is_some_and(|extensions| !extensions.pass_whole_messages()) {
            return None;
        }
        self.frames.whole_message(input)
    }

    #[inline(always)]
    fn lend_message<'i>(
        &mut self,
        kind: MessageKind,
        payload: &'i [u8],
    ) -> Result<Option<EventRef<'i>>, RemoteProtocolError> {
        match kind {
            MessageKind::Binary => Ok(Some(Event::Bytes(BytesMessage::new(payload)))),
            MessageKind::Text => match from_utf8(payload) {
                Ok(text) => Ok(Some(Event::Text(TextMessage::new(text)))),
                Err(_) => self.bad_message(payload),
            },
        }
    }

    /// What is to be told without more input: extensions may have something left.
    #[inline(always)]
    fn decode_dry(&mut self, nothing_came: bool) -> Result<Option<EventRef<'_>>, RemoteProtocolError> {
        #[cfg(feature = "alloc")]
        if self.extensions.is_some() {
            return self.decode_extended(&mut <&mut [u8]>::default(), nothing_came);
        }
        #[cfg(not(feature = "alloc"))]
        let _ = nothing_came;
        Ok(None)
    }

    /// The slow path.
    #[inline(always)]
    fn decode_long<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        #[cfg(feature = "alloc")]
        if self.extensions.is_some() {
            let nothing_came = input.is_empty();
            return self.decode_extended(input, nothing_came);
        }
        self.decode_part(input)
    }

    /// A whole message that is no text: what is well-formed of it is lent all the same.
    #[cold]
    fn bad_message<'i>(&mut self, payload: &'i [u8]) -> Result<Option<EventRef<'i>>, RemoteProtocolError> {
        self.lend_text(payload, true, true)
    }

    /// The slow path, for whatever is not a whole message.
    #[inline(never)]
    pub(super) fn decode_part<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
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
                    // If there is nothing to lend, that was all of the input.
                    return self.lend_text(payload, frame_finished, message_finished);
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
        #[cfg(feature = "alloc")]
        if self.extensions.as_ref().is_some_and(|extensions| extensions.frame().is_some()) {
            return self.frames.is_stopped();
        }
        self.frames.is_idle()
    }

    /// How many bytes are missing behind `input` before the frame that comes next lies in it whole.
    ///
    /// That is known once its header is whole; before, it is what the header lacks, at least. It is 0 where
    /// [`decode_frame`](Self::decode_frame) may still have something to tell, or is done for good.
    #[inline(never)]
    pub fn bytes_needed(&self, input: &[u8]) -> u64 {
        let State::Reading = self.state else { return 0 };
        #[cfg(feature = "alloc")]
        if self.has_decoded() {
            return 0;
        }
        self.frames.bytes_needed(input)
    }

    /// How many bytes of the frame under way are still to come: a hint for the size of the next read.
    pub fn payload_remaining(&self) -> u64 {
        self.frames.payload_remaining()
    }

    /// How many of the bytes taken from the input lie behind the one that broke a rule.
    ///
    /// A payload is taken as a whole before it is read, so this is 0 unless text or a close frame went
    /// wrong before its end. What extensions have decoded is not counted. More than `u32::MAX` count as that.
    pub fn bytes_after_error(&self) -> usize {
        match self.state {
            State::Reading => 0,
            State::Failing { overread, .. } | State::Failed { overread } => {
                usize::try_from(overread).unwrap_or(usize::MAX)
            }
        }
    }

    /// The error that the next call tells, if one waits.
    pub(crate) fn waiting_error(&self) -> Option<RemoteProtocolError> {
        match self.state {
            State::Failing { error, .. } => Some(error),
            #[cfg(feature = "alloc")]
            State::Reading => self.extended_error(),
            #[cfg(not(feature = "alloc"))]
            State::Reading => None,
            State::Failed { .. } => None,
        }
    }

    /// The close frame that was last received.
    pub(crate) fn kept_close(&self) -> CloseConnection<&str> {
        close(self.control.filled())
    }

    /// A piece of text that begins between two characters; `None` where there is nothing to tell.
    #[inline]
    fn lend_text<'i>(
        &mut self,
        payload: &'i [u8],
        frame_finished: bool,
        message_finished: bool,
    ) -> Result<Option<EventRef<'i>>, RemoteProtocolError> {
        match decode_text(&mut self.utf8, payload, frame_finished, message_finished) {
            Ok(text) if frame_finished || !text.data.is_empty() => Ok(Some(Event::Text(text))),
            Ok(_) => Ok(None),
            Err(InvalidText { valid, at }) => self.lend_valid_prefix(valid, after(payload, at)),
        }
    }

    /// Returns the valid prefix of a text that is not UTF-8; the next call reports the failure.
    #[cold]
    fn lend_valid_prefix<'i>(
        &mut self,
        valid: &'i str,
        overread: u32,
    ) -> Result<Option<EventRef<'i>>, RemoteProtocolError> {
        let error = RemoteProtocolError::InvalidUtf8;
        if valid.is_empty() {
            return Err(self.fail(error, overread));
        }
        self.frames.stop();
        self.state = State::Failing { error, overread };
        Ok(Some(Event::Text(TextMessage { data: valid, frame_finished: false, message_finished: false })))
    }

    /// Adds to a character that was cut; true once it is whole.
    #[cold]
    pub(super) fn resume_character(
        &mut self,
        payload: &[u8],
        message_finished: bool,
    ) -> Result<bool, RemoteProtocolError> {
        let error = RemoteProtocolError::InvalidUtf8;
        if let Err(at) = self.utf8.resume(payload) {
            return Err(self.fail(error, after(payload, at)));
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
            Err(Failure { error, at }) => {
                let overread = after(self.control.filled(), at);
                return Err(self.fail(error, overread));
            }
        }
        Ok(())
    }

    #[cold]
    pub(super) fn fail(&mut self, error: RemoteProtocolError, overread: u32) -> RemoteProtocolError {
        self.stop();
        self.state = State::Failed { overread };
        error
    }

    /// Frees memory that only saves time.
    #[cfg(feature = "alloc")]
    pub(crate) fn release_memory(&mut self) {
        if let Some(extensions) = &mut self.extensions {
            extensions.release_memory();
        }
    }

    /// A copy that decodes exactly what this decoder would; `None` while an extension is in use that cannot be copied.
    pub fn try_clone(&self) -> Option<Self> {
        let Self { frames, extensions, utf8, control, state } = self;
        let extensions = match extensions {
            Some(extensions) => Some(extensions.try_clone()?),
            None => None,
        };
        Some(Self {
            frames: frames.clone(),
            extensions,
            utf8: utf8.clone(),
            control: control.clone(),
            state: state.clone(),
        })
    }

    /// Reads nothing more: all input is dropped.
    pub(crate) fn stop(&mut self) {
        self.frames.stop();
        self.extensions = None;
    }

    /// What is left to do when nothing is read any more.
    #[cold]
    pub(super) fn stopped(&mut self, input: &mut &mut [u8]) -> Result<(), RemoteProtocolError> {
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
fn control_event(opcode: Opcode, payload: &[u8]) -> EventRef<'_> {
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

/// Reads a piece of text that begins between two characters.
#[inline]
pub(super) fn decode_text<'i>(
    utf8: &mut Utf8Decoder,
    payload: &'i [u8],
    frame_finished: bool,
    message_finished: bool,
) -> Result<TextMessage<&'i str>, InvalidText<'i>> {
    match utf8.decode(payload) {
        Ok(data) if !message_finished || utf8.missing() == 0 => {
            Ok(TextMessage { data, frame_finished, message_finished })
        }
        // The message ends inside a character.
        Ok(valid) => Err(InvalidText { valid, at: payload.len() }),
        Err(invalid) => Err(invalid),
    }
}

/// How many of `bytes` follow the one at this offset; `u32::MAX` stands for more, as few bytes hold it.
fn after(bytes: &[u8], at: usize) -> u32 {
    u32::try_from(bytes.len().saturating_sub(at).saturating_sub(1)).unwrap_or(u32::MAX)
}
