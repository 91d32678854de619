//! The receiving half: messages and control frames to events, up to the end (RFC 6455 §5.5.1, §7.1).

use crate::close_code::CloseCode;
use crate::error::RemoteProtocolError;
use crate::event::{CloseConnection, EventRef};
#[cfg(feature = "alloc")]
use crate::extension::{InUse, InboundExtensions};
use crate::limits::Limits;
use crate::message::{Broken, Found, MessageDecoder, State};
use crate::role::Role;

/// Bytes to events.
///
/// The receiver works in the caller's buffer: it unmasks payloads there and lends them from there. An
/// event borrows the buffer and the receiver, never the [`Sender`](crate::Sender), so it can be answered
/// while it is held. Nothing a receiver does depends on how the bytes were cut into reads, but for where
/// the pieces of a message begin and end.
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

/// What the receiver knows of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReceiverState {
    /// More may come.
    Open,
    /// The peer's close frame was taken: what comes after it is dropped.
    CloseReceived,
    /// The peer broke a rule: what comes after it is dropped.
    Failed(RemoteProtocolError),
    /// The transport ended before a close frame came.
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

    /// Reads on in `input` up to the next event, and takes off what it has read.
    ///
    /// Returns `None` when `input` is used up: then read more from the transport. What was taken off may
    /// be overwritten once the event is dropped; what was not is as it came. After a close frame, a
    /// failure or the transport's end, all input is dropped.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once. Send its [`response`](RemoteProtocolError::response) and close
    /// the transport (§7.1.7).
    #[inline(always)]
    pub fn next_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        self.messages.decode(input)
    }

    /// As [`next_event`](Self::next_event), but returns where the data is instead of borrowing it from `input`.
    ///
    /// This is for callers that split their buffers and pass the parts on, such as `BytesMut` or the provided buffers of
    /// io_uring, and for bindings to other languages. Payloads are unmasked in `input`. Rules, errors and pieces are
    /// the same as those of [`next_event`](Self::next_event), and the two can be used in turn.
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
        let located = self.messages.locate(input)?;
        Ok(located.map(|located| located.found(len.saturating_sub(input.len()))))
    }

    /// The same, but a frame is read only once it lies in `input` whole; until then, `input` is left as it is.
    ///
    /// For whoever wants messages whole: a message in one frame is one event, with no copy, however it came. A
    /// fragment of text that begins inside a character is two, and compressed messages still come in pieces.
    ///
    /// Returns `None` where bytes are [missing](Self::bytes_needed): then read more behind `input`; or, with nothing
    /// missing, once the end has come. The buffer must have room for the longest frame that the [limits](Limits)
    /// allow; let it grow as the bytes come, and not by the length that a header announces. If the transport ends
    /// inside a frame, what came of it is for [`next_event`](Self::next_event) to judge.
    ///
    /// ```
    /// use wsproto::{Event, Limits, Receiver, Role, TextMessage};
    ///
    /// let mut receiver = Receiver::new(Role::Client, Limits::default());
    /// let mut buffer = *b"\x81\x05Hello"; // §5.7
    /// let mut input = &mut buffer[..4]; // what came first
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
    /// As [`next_event`](Self::next_event): of a header as soon as it is certain, of a payload once it is whole,
    /// and so of what extensions refuse.
    #[inline(always)]
    pub fn next_frame_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        self.messages.decode_frame(input)
    }

    /// How many bytes are missing behind `input` before the frame that comes next lies in it whole: a hint for
    /// the size of the next read.
    ///
    /// That is known once its header is whole; before, it is what the header lacks, at least. It is 0 where
    /// [`next_frame_event`](Self::next_frame_event) may still have something to tell; and after a close frame or a
    /// failure, when nothing is waited for any more.
    pub fn bytes_needed(&self, input: &[u8]) -> u64 {
        self.messages.bytes_needed(input)
    }

    /// Takes note that the transport has ended: nothing more will come.
    ///
    /// Where neither a close frame nor a failure came before, returns the event that stands for it, with
    /// code 1006 (§7.1.5, §7.2.1).
    #[must_use = "it is the only event of a connection that ended without a close frame (1006)"]
    pub fn receive_eof(&mut self) -> Option<CloseConnection<&'static str>> {
        let was_open = self.state() == ReceiverState::Open;
        self.transport_ended = true;
        self.messages.receive_eof();
        let is_abnormal = was_open && self.state() == ReceiverState::Ended;
        is_abnormal.then(|| CloseConnection::new(CloseCode::ABNORMAL_CLOSURE, ""))
    }

    /// Frees memory that only saves time, such as that of a decompressor that begins each message anew.
    ///
    /// It is also freed after eight calls in a row that found nothing to read, between two messages, or more if it had
    /// to be allocated again before; and at the end.
    #[cfg(feature = "alloc")]
    pub fn release_memory(&mut self) {
        self.messages.release_memory();
    }

    /// A copy that receives exactly what this receiver would; `None` while an extension is in use that cannot be
    /// copied.
    ///
    /// See [`Connection::try_clone`](crate::Connection::try_clone).
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self { messages: self.messages.try_clone()?, ..*self })
    }

    /// Whether no more events will come: the peer's close frame or an error was returned, or the transport has ended.
    ///
    /// Then `None` of [`next_event`](Self::next_event) no longer asks for more bytes.
    ///
    /// ```
    /// use wsproto::{Limits, Receiver, Role};
    ///
    /// let mut receiver = Receiver::new(Role::Client, Limits::default());
    /// assert_eq!(receiver.next_event(&mut &mut [][..]), Ok(None)); // it needs more bytes
    /// assert!(!receiver.is_finished());
    /// assert!(receiver.next_event(&mut &mut b"\x88\x00".to_owned()[..]).is_ok_and(|event| event.is_some()));
    /// assert_eq!(receiver.next_event(&mut &mut [][..]), Ok(None)); // nothing more will come
    /// assert!(receiver.is_finished());
    /// ```
    pub const fn is_finished(&self) -> bool {
        !matches!(self.state(), ReceiverState::Open)
    }

    /// What the receiver knows of the end.
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

    /// Whether more can come. If not, an error may still wait to be returned, and the state be open.
    #[inline(always)]
    pub(super) const fn is_reading(&self) -> bool {
        self.messages.is_reading()
    }

    /// Whether the transport has ended, before the peer's close frame or after it.
    pub const fn is_transport_ended(&self) -> bool {
        self.transport_ended
    }

    /// The close frame that was received, if one was.
    pub fn received_close(&self) -> Option<CloseConnection<&str>> {
        (self.state() == ReceiverState::CloseReceived).then(|| self.messages.kept_close())
    }

    /// Whether nothing is under way: no header, no frame, no message has begun without its end.
    pub fn is_idle(&self) -> bool {
        self.messages.is_idle()
    }

    /// How many bytes of the frame under way are still to come: a hint for the size of the next read.
    pub fn payload_remaining(&self) -> u64 {
        self.messages.payload_remaining()
    }

    /// After a failure, how many of the bytes taken off the input lie behind the one that broke the rule.
    pub fn bytes_after_error(&self) -> usize {
        self.messages.bytes_after_error()
    }
}
