//! The receiving half: bytes to events, up to the end of the connection (RFC 6455 §5.5.1, §7.1).

use crate::close_code::CloseCode;
use crate::error::RemoteProtocolError;
#[cfg(all(feature = "alloc", feature = "handshake"))]
use crate::event::Event;
use crate::event::{CloseConnection, EventRef};
#[cfg(feature = "alloc")]
use crate::extension::{InUse, InboundExtensions};
use crate::limits::Limits;
use crate::message::{Broken, Found, Located, MessageDecoder, State};
use crate::role::Role;

/// The receiving half of a connection: decodes bytes to events, in the caller's buffer.
///
/// Payloads are unmasked in the buffer, and events borrow them from there. An event borrows the buffer and the
/// receiver, but not the [`Sender`](crate::Sender), so a reply can be sent while the event is held. How the bytes were
/// split into reads changes only where the pieces of a message begin and end.
///
/// ```
/// use wsproto::{Event, Limits, Receiver, Role, TextMessage};
///
/// let mut receiver = Receiver::new(Role::Server, Limits::default());
/// let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // §5.7
/// let mut input = bytes.as_mut_slice();
/// while let Some(event) = receiver.next_event(&mut input)? {
///     assert_eq!(event, Event::Text(TextMessage::new("Hello")));
/// }
/// assert!(input.is_empty());
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Receiver {
    messages: MessageDecoder,
    /// Whether the transport has ended, before the peer's close frame or after it.
    transport_ended: bool,
}

/// Whether a receiver expects more, or how receiving ended.
///
/// ```
/// use wsproto::{Limits, Receiver, ReceiverState, Role};
///
/// let mut receiver = Receiver::new(Role::Client, Limits::default());
/// assert_eq!(receiver.state(), ReceiverState::Open);
/// receiver.next_event(&mut &mut b"\x88\x00".to_owned()[..])?; // a close frame
/// assert_eq!(receiver.state(), ReceiverState::CloseReceived);
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReceiverState {
    /// More events may follow.
    Open,
    /// The peer's close frame was returned. Later input is dropped.
    CloseReceived,
    /// The peer broke a rule. Later input is dropped.
    Failed(RemoteProtocolError),
    /// The transport ended without a close frame.
    Ended,
}

impl Receiver {
    /// A receiver for an endpoint in this role.
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self { messages: MessageDecoder::new(role, limits), transport_ended: false }
    }

    /// The same, with the receiving halves of extensions.
    #[cfg(feature = "alloc")]
    pub(super) fn with_extensions(self, extensions: InUse<InboundExtensions>) -> Self {
        Self { messages: self.messages.with_extensions(extensions), ..self }
    }

    /// Reads the next event from `input`, and removes the bytes it used.
    ///
    /// Returns `None` when `input` is used up: read more from the transport and call again. Consumed bytes may be
    /// overwritten once the event is dropped; the others are unchanged. After a close frame, an error or the end of the
    /// transport, all input is dropped.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once. Send its [`response`](RemoteProtocolError::response) and close the transport
    /// (§7.1.7).
    #[inline(always)]
    pub fn next_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        self.messages.decode(input)
    }

    /// As [`next_event`](Self::next_event), but `input` is the last: once it is used up, this records the end of the
    /// transport, and returns what [`receive_eof`](Self::receive_eof) does.
    #[cfg(all(feature = "alloc", feature = "handshake"))]
    pub(super) fn last_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        let event = self.messages.decode_last(input);
        // A peer cannot send the code 1006.
        self.transport_ended |= match &event {
            Ok(None) => true,
            Ok(Some(Event::Close(close))) => close.code == Some(CloseCode::ABNORMAL_CLOSURE),
            Ok(Some(_)) | Err(_) => false,
        };
        event
    }

    /// As [`next_event`](Self::next_event), but returns where the data is instead of borrowing it from `input`.
    ///
    /// This is for callers that split their buffers and hand over the parts, as with `BytesMut` or the provided buffers
    /// of io_uring, and for bindings to other languages. Payloads are unmasked in `input`. Rules, errors and pieces are
    /// the same as those of [`next_event`](Self::next_event), and calls of the two can be mixed.
    ///
    /// It consumes the front of `input`, as [`next_event`](Self::next_event) does. With `None`, all of `input` is used:
    /// do not pass these bytes again.
    ///
    /// ```
    /// use wsproto::{Event, Limits, Receiver, Role, Source};
    ///
    /// let mut receiver = Receiver::new(Role::Server, Limits::default());
    /// let mut buffer = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80\0\0\0\0".to_vec();
    /// let mut messages: Vec<Vec<u8>> = Vec::new();
    /// while let Some(found) = receiver.next_range(&mut &mut buffer[..])? {
    ///     let data = match found.event {
    ///         Event::Text(text) => text.data.map(str::as_bytes),
    ///         Event::Bytes(bytes) => bytes.data,
    ///         Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {
    ///             buffer.drain(..found.consumed);
    ///             continue;
    ///         }
    ///     };
    ///     match data {
    ///         // The first part of the buffer goes to its next owner, and the rest stays.
    ///         Source::Input(range) => {
    ///             let rest = buffer.split_off(found.consumed);
    ///             buffer.truncate(range.end);
    ///             messages.push(buffer.split_off(range.start));
    ///             buffer = rest;
    ///         }
    ///         Source::Kept(bytes) => {
    ///             messages.push(bytes.to_vec());
    ///             buffer.drain(..found.consumed);
    ///         }
    ///     }
    /// }
    /// buffer.clear(); // all of it is used, even if it ends inside a header
    /// assert_eq!(messages, [b"Hello"]);
    /// # Ok::<(), wsproto::RemoteProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    #[inline]
    pub fn next_range(&mut self, input: &mut &mut [u8]) -> Result<Option<Found<'_>>, RemoteProtocolError> {
        let len = input.len();
        let located = self.locate(input)?;
        Ok(located.map(|located| located.found(len.saturating_sub(input.len()))))
    }

    /// As [`next_range`](Self::next_range), but borrows the data too.
    #[inline(always)]
    pub(super) fn locate<'r, 'i>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Located<'r, 'i>>, RemoteProtocolError> {
        self.messages.locate(input)
    }

    /// As [`next_event`](Self::next_event), but reads a frame only once `input` holds all of it; until then `input` is
    /// unchanged.
    ///
    /// This is for callers that want whole messages: a message in one frame is one event, without a copy, even if it
    /// arrives in several reads. A fragment of text that begins inside a character is two events, and compressed
    /// messages still come in pieces.
    ///
    /// Returns `None` while bytes are [missing](Self::bytes_needed): append more bytes to `input` and call again. Once
    /// the receiver [is finished](Self::is_finished), it also returns `None`.
    ///
    /// The buffer must have room for the longest frame that the [limits](Limits) allow. Let it grow as bytes arrive,
    /// and not by the length that a header announces. If the transport ends inside a frame, pass the incomplete frame
    /// to [`next_event`](Self::next_event), which reads the part that was received.
    ///
    /// ```
    /// use wsproto::{Event, Limits, Receiver, Role, TextMessage};
    ///
    /// let mut receiver = Receiver::new(Role::Client, Limits::default());
    /// let mut buffer = *b"\x81\x05Hello"; // §5.7
    /// let mut input = &mut buffer[..4]; // the first read
    /// assert_eq!(receiver.next_frame_event(&mut input)?, None);
    /// assert_eq!((input.len(), receiver.bytes_needed(input)), (4, 3));
    ///
    /// let mut input = &mut buffer[..];
    /// let event = receiver.next_frame_event(&mut input)?;
    /// assert_eq!(event, Some(Event::Text(TextMessage::new("Hello"))));
    /// # Ok::<(), wsproto::RemoteProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event). A bad header is reported at the byte that proves it; a bad payload, or one
    /// that extensions refuse, once the whole frame is there.
    #[inline(always)]
    pub fn next_frame_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        self.messages.decode_frame(input)
    }

    /// The length of the longest message that is received, in bytes: [`Limits::max_message_len`].
    pub const fn max_message_len(&self) -> u64 {
        self.messages.max_message_len()
    }

    /// The decoder, for whole messages.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) const fn decoder_mut(&mut self) -> &mut MessageDecoder {
        &mut self.messages
    }

    /// How many more bytes `input` needs to hold the next frame completely.
    ///
    /// Use it as a hint for the size of the next read. Until the header is complete, this is at least what the header
    /// still needs. It is 0 if [`next_frame_event`](Self::next_frame_event) may return something without more input;
    /// and after a close frame or an error, when nothing more is read.
    pub fn bytes_needed(&self, input: &[u8]) -> u64 {
        self.messages.bytes_needed(input)
    }

    /// Records that the transport has ended.
    ///
    /// If no close frame and no error came before, returns the event for such an end, with the code 1006
    /// (§7.1.5, §7.2.1).
    #[must_use = "it is the only event of a connection that ended without a close frame (1006)"]
    pub fn receive_eof(&mut self) -> Option<CloseConnection<&'static str>> {
        let was_open = self.state() == ReceiverState::Open;
        self.transport_ended = true;
        self.messages.receive_eof();
        let is_abnormal = was_open && self.state() == ReceiverState::Ended;
        is_abnormal.then(|| CloseConnection::new(CloseCode::ABNORMAL_CLOSURE, ""))
    }

    /// Frees memory that is kept only for speed, such as that of a decompressor between two messages.
    ///
    /// With context takeover, the end of the messages is kept, at most 32 KiB. Without it, the memory is also freed after
    /// eight calls in a row with empty input between two messages. If it had to be allocated again after that, more such
    /// calls are needed the next time. All of it is freed at the end of the connection.
    #[cfg(feature = "alloc")]
    pub fn release_memory(&mut self) {
        self.messages.release_memory();
    }

    /// A copy that receives exactly what this receiver would; `None` while an extension in use cannot be copied.
    ///
    /// See [`Connection::try_clone`](crate::Connection::try_clone).
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self { messages: self.messages.try_clone()?, ..*self })
    }

    /// Whether no more events follow: the peer's close frame or an error was returned, or the transport has ended.
    ///
    /// If so, `None` from [`next_event`](Self::next_event) no longer means that more bytes are needed.
    ///
    /// ```
    /// use wsproto::{Limits, Receiver, Role};
    ///
    /// let mut receiver = Receiver::new(Role::Client, Limits::default());
    /// assert_eq!(receiver.next_event(&mut &mut [][..]), Ok(None)); // it needs more bytes
    /// assert!(!receiver.is_finished());
    /// assert!(receiver.next_event(&mut &mut b"\x88\x00".to_owned()[..]).is_ok_and(|event| event.is_some()));
    /// assert_eq!(receiver.next_event(&mut &mut [][..]), Ok(None)); // nothing more follows
    /// assert!(receiver.is_finished());
    /// ```
    pub const fn is_finished(&self) -> bool {
        match *self.messages.state() {
            // After the transport's end too: the error is still to be returned.
            State::Reading | State::Failing(_) => false,
            State::Failed(_) | State::Closed | State::Ended => true,
        }
    }

    /// Whether more may be received, or how receiving ended.
    pub const fn state(&self) -> ReceiverState {
        match (*self.messages.state(), self.transport_ended) {
            (State::Reading, _) | (State::Failing(_), false) => ReceiverState::Open,
            (State::Ended, _) => ReceiverState::Ended,
            (State::Failing(Broken { error, .. }), true) | (State::Failed(Broken { error, .. }), _) => {
                ReceiverState::Failed(error)
            }
            (State::Closed, _) => ReceiverState::CloseReceived,
        }
    }

    /// Whether more bytes are read. If not, an error may still wait to be returned, and the state may still be `Open`.
    #[inline(always)]
    pub(super) const fn is_reading(&self) -> bool {
        self.messages.is_reading()
    }

    /// The role of this endpoint.
    pub(super) const fn role(&self) -> Role {
        self.messages.role()
    }

    /// Whether the transport has ended, before the peer's close frame or after it.
    pub const fn is_transport_ended(&self) -> bool {
        self.transport_ended
    }

    /// The close frame that was received, if one was.
    pub fn received_close(&self) -> Option<CloseConnection<&str>> {
        (self.state() == ReceiverState::CloseReceived).then(|| self.messages.kept_close())
    }

    /// Whether nothing is in progress: no header, frame or message is incomplete.
    pub fn is_idle(&self) -> bool {
        self.messages.is_idle()
    }

    /// How many bytes of the frame in progress are still to come; 0 between frames.
    ///
    /// Use it as a hint for the size of the next read.
    pub fn payload_remaining(&self) -> u64 {
        self.messages.payload_remaining()
    }

    /// After an error, how many of the consumed bytes follow the byte that broke the rule.
    ///
    /// In a compressed message these bytes are not counted, and this is 0.
    pub fn bytes_after_error(&self) -> usize {
        self.messages.bytes_after_error()
    }
}
