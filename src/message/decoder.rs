//! Pieces of payload to events: text checked and returned as `&str`, control frames made whole (RFC 6455 §5.4, §5.6,
//! §6.2).
//!
//! Data is returned as it arrives; only the beginning of a split character is kept. A control frame is returned whole:
//! borrowed from the input if the input holds all of it, else put together here.
//!
//! For the next maintainer: `Payloads::find` borrows nothing. So one loop, [`MessageDecoder::step`], can examine each
//! piece before it makes an event from it or continues with the next piece.

mod text;
#[cfg(feature = "alloc")]
mod whole;

use crate::close_code::CloseCode;
use crate::error::{Failure, RemoteProtocolError};
use crate::event::{BytesMessage, CloseConnection, Event, EventRef, TextMessage};
#[cfg(feature = "alloc")]
use crate::extension::{InUse, InboundExtensions};
use crate::frame::{CloseBody, Ends, FrameDecoder, Piece, Source, WholeMessage};
use crate::limits::Limits;
use crate::opcode::{MessageKind, Opcode};
use crate::role::Role;
use crate::utf8::{Utf8Decoder, begins_invalid, from_utf8, is_begun};

use super::control::{ControlPayload, close, control_event};
use super::payloads::{Payloads, take_input};
use super::place::{Borrowed, Holds, InPlace, Located, Place};
use text::{after, read_text};
#[cfg(feature = "alloc")]
pub(crate) use whole::Unchecked;

/// Decodes received bytes to events, whatever the state of the connection.
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
    payloads: Payloads,
    utf8: Utf8Decoder,
    control: ControlPayload,
    state: State,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// Reading.
    Reading,
    /// The valid prefix of a text that is not UTF-8 was returned; the next call returns the error.
    Failing(Broken),
    /// The error was returned.
    Failed(Broken),
    /// The close frame was returned.
    Closed,
    /// The transport has ended without a close frame.
    Ended,
}

/// A rule that was broken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken {
    pub(crate) error: RemoteProtocolError,
    /// How many of the consumed bytes follow the byte that broke the rule; `u32::MAX` if there are more.
    overread: u32,
}

/// What was received of a control frame.
enum Control<'i> {
    /// A part.
    Incomplete,
    /// All of it, in the input.
    Whole(&'i [u8]),
    /// All of it, in the decoder.
    Kept,
}

impl MessageDecoder {
    /// A decoder for an endpoint in this role.
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self {
            payloads: Payloads::new(FrameDecoder::new(role, limits)),
            utf8: Utf8Decoder::new(),
            control: ControlPayload::new(),
            state: State::Reading,
        }
    }

    /// The same, with the receiving halves of extensions.
    #[cfg(feature = "alloc")]
    pub(crate) fn with_extensions(self, extensions: InUse<InboundExtensions>) -> Self {
        Self { payloads: self.payloads.with_extensions(extensions), ..self }
    }

    /// Reads the next piece of a message or the next control frame from `input`, and removes the bytes it used.
    ///
    /// Returns `None` when `input` is used up. A piece without data is returned only at the end of a frame.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once; later calls drop their input and return `None`.
    #[inline(always)]
    pub fn decode<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        if let Some(message) = self.whole_message(input) {
            if let Some(payload) = message.take(self.payloads.frames.role(), input) {
                return self.borrow_message(message.kind, payload);
            }
            self.payloads.frames.begin_whole_message(message, input);
        } else if input.is_empty() && self.payloads.extensions.is_none() && self.is_reading() {
            // Without extensions, only an error can be waiting to be returned.
            return Ok(None);
        }
        self.decode_slowly(input)
    }

    /// As [`decode`](Self::decode), but reads a frame only once `input` holds all of it; until then `input` is
    /// unchanged.
    ///
    /// Returns `None` while bytes are [missing](Self::bytes_needed), and when nothing more is read.
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
            return match message.take(self.payloads.frames.role(), input) {
                Some(payload) => self.borrow_message(message.kind, payload),
                None => self.decode_kept(false),
            };
        }
        if self.is_reading() && self.payloads.frames.bytes_needed(input) > 0 {
            return self.decode_kept(input.is_empty());
        }
        self.decode_slowly(input)
    }

    /// As [`decode`](Self::decode), but `input` is the last: the event after it is the end of the transport.
    ///
    /// It returns a close event with the code 1006 where [`receive_eof`](Self::receive_eof) ends an open connection.
    #[cfg(all(feature = "alloc", feature = "handshake"))]
    #[cold]
    #[inline(never)]
    pub(crate) fn decode_last<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        self.step::<Borrowed, true>(input)
    }

    /// As [`decode`](Self::decode), but says where the data is.
    #[inline(always)]
    pub(crate) fn locate<'r, 'i>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Located<'r, 'i>>, RemoteProtocolError> {
        if let Some(message) = self.whole_message(input) {
            let role = self.payloads.frames.role();
            if let Some(payload) = message.take(role, input) {
                let len = payload.len();
                let event = self.borrow_message(message.kind, payload)?;
                let place = |event: EventRef<'i>| {
                    event.map(|text| Place::Input(text, len), |bytes| Place::Input(bytes, len))
                };
                let header = message.header(role);
                return Ok(event.map(|event| Located { header, event: place(event) }));
            }
        }
        self.locate_slowly(input)
    }

    /// The fast path, for a message in one frame.
    #[inline(always)]
    pub(crate) fn whole_message(&self, input: &[u8]) -> Option<WholeMessage> {
        self.payloads.frames.whole_message(input)
    }

    /// Always an event or an error, in the type that the callers return: another would be copied.
    #[inline(always)]
    fn borrow_message<'i>(
        &mut self,
        kind: MessageKind,
        payload: &'i [u8],
    ) -> Result<Option<EventRef<'i>>, RemoteProtocolError> {
        match kind {
            MessageKind::Binary => Ok(Some(Event::Bytes(BytesMessage::new(payload)))),
            MessageKind::Text => match from_utf8(payload) {
                Ok(text) => Ok(Some(Event::Text(TextMessage::new(text)))),
                Err(_) => self.borrow_bad_message(payload),
            },
        }
    }

    /// The slow path.
    #[inline(never)]
    fn decode_slowly<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        if input.is_empty() {
            self.payloads.rest();
        }
        self.step::<Borrowed, false>(input)
    }

    /// The slow path of [`locate`](Self::locate).
    #[inline(never)]
    fn locate_slowly<'r, 'i>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Located<'r, 'i>>, RemoteProtocolError> {
        if input.is_empty() {
            self.payloads.rest();
        }
        self.step::<InPlace, false>(input)
    }

    /// Returns what needs no more input: extensions may have output left.
    #[inline(always)]
    fn decode_kept(&mut self, nothing_came: bool) -> Result<Option<EventRef<'_>>, RemoteProtocolError> {
        if self.payloads.extensions.is_none() {
            return Ok(None);
        }
        if nothing_came {
            self.payloads.rest();
        }
        self.decode_output()
    }

    #[inline(never)]
    fn decode_output(&mut self) -> Result<Option<EventRef<'_>>, RemoteProtocolError> {
        self.step::<Borrowed, false>(&mut <&mut [u8]>::default())
    }

    /// Reads pieces until there is an event; after the last input, the end of the transport is one.
    #[inline(always)]
    fn step<'r, 'i, H: Holds<'r, 'i>, const IS_LAST: bool>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<H::Event>, RemoteProtocolError> {
        if !self.is_reading() {
            return self.stopped(input).map(|()| None);
        }
        loop {
            // The rest of a split character is read separately, as the character is put together in `self.utf8`.
            let missing = self.utf8.missing();
            let max_text_len = if missing == 0 { usize::MAX } else { missing };
            let piece = match self.payloads.find(input, max_text_len) {
                Ok(Some(piece)) => piece,
                Ok(None) if IS_LAST => {
                    let header = self.payloads.frames.header();
                    self.receive_eof();
                    let close = CloseConnection::new(CloseCode::ABNORMAL_CLOSURE, H::kept(""));
                    let is_abnormal = matches!(self.state, State::Ended);
                    return Ok(is_abnormal.then(|| H::event(header, Event::Close(close))));
                }
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.fail(error, 0)),
            };
            let header = self.payloads.frames.header();
            let Piece { opcode, source, len, ends, .. } = piece;
            match opcode {
                Opcode::Binary => {
                    let data = match source {
                        Source::Input => H::input(take_input(input, len), len),
                        Source::Extensions => H::kept(self.payloads.take_decoded(len)),
                    };
                    return Ok(Some(H::event(header, bytes_event(data, ends))));
                }
                // Found here, as the memory of extensions cannot be freed while an event borrows it.
                Opcode::Text
                    if missing == 0
                        && piece.source == Source::Extensions
                        && begins_invalid(self.payloads.peek(&piece, input)) =>
                {
                    return Err(self.fail(RemoteProtocolError::InvalidUtf8, 0));
                }
                Opcode::Text if missing == 0 && !is_begun(self.payloads.peek(&piece, input)) => {
                    let (data, ends) = match source {
                        Source::Input => {
                            let (data, overread) = read_text(&mut self.utf8, take_input(input, len), ends);
                            let ends = self.after_text(data, overread, ends)?;
                            (H::input(data, len), ends)
                        }
                        Source::Extensions => {
                            let (data, ends) = self.borrow_decoded_text(len, ends);
                            (H::kept(data), ends)
                        }
                    };
                    return Ok(Some(H::event(header, text_event(data, ends))));
                }
                Opcode::Text => {
                    if self.resume_character(&piece, input)? || ends.is_frame_end() {
                        let data = if self.utf8.missing() == 0 { self.utf8.character() } else { "" };
                        return Ok(Some(H::event(header, text_event(H::kept(data), ends))));
                    }
                }
                Opcode::Close | Opcode::Ping | Opcode::Pong | Opcode::Continuation => {
                    match self.receive_control(&piece, input)? {
                        Control::Incomplete => {}
                        Control::Whole(payload) => {
                            let reason = |reason: &'i str| H::input(reason, reason.len());
                            let event =
                                control_event(opcode, payload, reason, |payload| H::input(payload, len));
                            return Ok(Some(H::event(header, event)));
                        }
                        Control::Kept => {
                            let event = control_event(opcode, self.control.filled(), H::kept, H::kept);
                            return Ok(Some(H::event(header, event)));
                        }
                    }
                }
            }
        }
    }

    /// Consumes a piece of a control frame.
    #[inline(always)]
    fn receive_control<'i>(
        &mut self,
        piece: &Piece,
        input: &mut &'i mut [u8],
    ) -> Result<Control<'i>, RemoteProtocolError> {
        let is_whole = piece.is_first && piece.ends.is_frame_end();
        if piece.opcode == Opcode::Close || !is_whole {
            self.keep_control(piece, input)?;
        }
        let payload = take_input(input, piece.len);
        Ok(match piece.ends.is_frame_end() {
            true if is_whole => Control::Whole(payload),
            true => Control::Kept,
            false => Control::Incomplete,
        })
    }

    /// Keeps the received part of a control frame. For a close frame, checks each byte as it arrives.
    #[cold]
    fn keep_control(&mut self, piece: &Piece, input: &mut &mut [u8]) -> Result<(), RemoteProtocolError> {
        if piece.is_first {
            self.control.clear();
        }
        self.control.extend(input.get(..piece.len).unwrap_or_default());
        if piece.opcode != Opcode::Close {
            return Ok(());
        }
        match CloseBody::decode(self.control.filled(), piece.ends.is_frame_end()) {
            // "The application MUST NOT send any more data frames" after it (§5.5.1).
            Ok(_) if piece.ends.is_frame_end() => self.end(State::Closed),
            Ok(_) => {}
            Err(Failure { error, at }) => {
                let overread = after(self.control.filled(), at);
                take_input(input, piece.len);
                return Err(self.fail(error, overread));
            }
        }
        Ok(())
    }

    /// Whether no header and no frame is incomplete; a message may be.
    #[cfg(feature = "alloc")]
    pub(crate) const fn is_between_frames(&self) -> bool {
        self.payloads.frames.is_between_frames()
    }

    /// Whether the payload of a data frame is in progress.
    #[cfg(feature = "alloc")]
    pub(crate) const fn is_in_data_frame(&self) -> bool {
        self.payloads.frames.is_in_data_frame()
    }

    /// The length of the longest message that is decoded.
    pub(crate) const fn max_message_len(&self) -> u64 {
        self.payloads.frames.max_message_len()
    }

    /// Whether more events can follow.
    #[inline(always)]
    pub(crate) const fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading)
    }

    /// Whether nothing is in progress: no header, frame or message is incomplete.
    pub fn is_idle(&self) -> bool {
        self.payloads.frames.is_idle()
    }

    /// How many more bytes `input` needs to hold the next frame completely.
    ///
    /// Until the header is complete, this is at least what the header still needs. It is 0 if
    /// [`decode_frame`](Self::decode_frame) may return something without more input, and when nothing more is read.
    #[inline(never)]
    pub fn bytes_needed(&self, input: &[u8]) -> u64 {
        if !self.is_reading() || self.payloads.has_decoded() {
            return 0;
        }
        self.payloads.frames.bytes_needed(input)
    }

    /// How many bytes of the frame in progress are still to come; 0 between frames. Use it as a hint for the size of
    /// the next read.
    pub fn payload_remaining(&self) -> u64 {
        self.payloads.frames.payload_remaining()
    }

    /// After an error, how many of the consumed bytes follow the byte that broke the rule.
    ///
    /// A payload is consumed before it is checked. So this is 0 unless text or a close frame has a bad byte before its
    /// end. It is also 0 for text that extensions have decoded. The greatest value is `u32::MAX`.
    pub fn bytes_after_error(&self) -> usize {
        match self.state {
            State::Reading | State::Closed | State::Ended => 0,
            State::Failing(Broken { overread, .. }) | State::Failed(Broken { overread, .. }) => {
                usize::try_from(overread).unwrap_or(usize::MAX)
            }
        }
    }

    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    /// Records that the transport has ended: what the extensions hold is not decoded any more.
    pub(crate) fn receive_eof(&mut self) {
        if self.is_reading() {
            self.end(match self.payloads.waiting_error() {
                Some(error) => State::Failing(Broken { error, overread: 0 }),
                None => State::Ended,
            });
        } else {
            self.payloads.stop();
        }
    }

    /// The close frame that was received.
    pub(crate) fn kept_close(&self) -> CloseConnection<&str> {
        close(self.control.filled())
    }

    /// Stops reading, and frees what was kept.
    fn end(&mut self, state: State) {
        self.payloads.stop();
        self.state = state;
    }

    #[cold]
    fn fail(&mut self, error: RemoteProtocolError, overread: u32) -> RemoteProtocolError {
        self.end(State::Failed(Broken { error, overread }));
        error
    }

    /// What a call does when nothing more is read: it returns the error that waits, if any, and drops the input.
    #[cold]
    fn stopped(&mut self, input: &mut &mut [u8]) -> Result<(), RemoteProtocolError> {
        if let State::Failing(broken) = self.state {
            self.end(State::Failed(broken));
            return Err(broken.error);
        }
        self.payloads.stop();
        *input = &mut [];
        Ok(())
    }

    /// The role of this endpoint.
    pub(crate) const fn role(&self) -> Role {
        self.payloads.frames.role()
    }

    /// Frees memory that is kept only for speed.
    #[cfg(feature = "alloc")]
    pub(crate) fn release_memory(&mut self) {
        if let Some(extensions) = &mut self.payloads.extensions {
            extensions.release_memory();
        }
    }

    /// A copy that decodes exactly as this decoder would; `None` while an extension in use cannot be copied.
    pub fn try_clone(&self) -> Option<Self> {
        let Self { payloads, utf8, control, state } = self;
        let (payloads, utf8, control) = (payloads.try_clone()?, utf8.clone(), control.clone());
        Some(Self { payloads, utf8, control, state: *state })
    }
}

impl State {
    /// After text that is not UTF-8: its valid prefix is returned before the error.
    const fn after_text(valid: &str, overread: u32) -> Self {
        let broken = Broken { error: RemoteProtocolError::InvalidUtf8, overread };
        if valid.is_empty() { Self::Failed(broken) } else { Self::Failing(broken) }
    }
}

#[inline(always)]
fn text_event<T, B>(data: T, ends: Ends) -> Event<T, B> {
    let (frame_finished, message_finished) = (ends.is_frame_end(), ends.is_message_end());
    Event::Text(TextMessage { data, frame_finished, message_finished })
}

#[inline(always)]
fn bytes_event<T, B>(data: B, ends: Ends) -> Event<T, B> {
    let (frame_finished, message_finished) = (ends.is_frame_end(), ends.is_message_end());
    Event::Bytes(BytesMessage { data, frame_finished, message_finished })
}
