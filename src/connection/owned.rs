//! Events that own their data: parts of the caller's `BytesMut`, split off where `next_range` finds them.

use bytes::{Buf, Bytes, BytesMut};

use crate::entropy::Entropy;
use crate::error::RemoteProtocolError;
use crate::event::Event;
use crate::message::{Found, Source};
use crate::utf8_bytes::Utf8Bytes;

use super::Connection;
use super::receiver::Receiver;

/// An event that owns its data.
type EventBytes = Event<Utf8Bytes, Bytes>;

impl Receiver {
    /// As [`next_event`](Self::next_event), but the data is split off the front of `input`, without a copy.
    ///
    /// What is not in the input is copied: a control frame or a character that is split across reads, and the
    /// output of extensions. `input` is empty when `None` is returned.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use wsproto::{Event, Limits, Receiver, Role, TextMessage};
    ///
    /// let mut receiver = Receiver::new(Role::Client, Limits::default());
    /// let mut input = BytesMut::from(&b"\x81\x05Hello\x82\x00"[..]);
    /// let event = receiver.next_event_bytes(&mut input)?;
    /// assert_eq!(event, Some(Event::Text(TextMessage::new("Hello".into()))));
    /// assert_eq!(input, b"\x82\x00"[..]);
    /// # Ok::<(), wsproto::RemoteProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    pub fn next_event_bytes(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<EventBytes>, RemoteProtocolError> {
        let len = input.len();
        let mut rest = &mut input[..];
        let found = self.next_range(&mut rest);
        let consumed = len.saturating_sub(rest.len());
        let Ok(Some(Found { event, .. })) = found else {
            let error = found.err();
            input.advance(consumed);
            return error.map_or(Ok(None), Err);
        };
        let read = input.split_to(consumed).freeze();
        Ok(Some(event.map(
            |text| match text {
                Source::Input(range) => Utf8Bytes::checked(read.slice(range)),
                Source::Kept(text) => text.into(),
            },
            |bytes| match bytes {
                Source::Input(range) => read.slice(range),
                Source::Kept(bytes) => Bytes::copy_from_slice(bytes),
            },
        )))
    }

    /// As [`next_event_bytes`](Self::next_event_bytes), but reads a frame only once `input` holds all of it: see
    /// [`next_frame_event`](Self::next_frame_event). Until then `input` is unchanged.
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    pub fn next_frame_event_bytes(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<EventBytes>, RemoteProtocolError> {
        if self.bytes_needed(input) > 0 {
            return Ok(None);
        }
        self.next_event_bytes(input)
    }
}

impl<E: Entropy> Connection<E> {
    /// As [`next_event`](Self::next_event), but the data is split off the front of `input`: see
    /// [`Receiver::next_event_bytes`].
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once.
    pub fn next_event_bytes(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<EventBytes>, RemoteProtocolError> {
        let event = self.receiver.next_event_bytes(input);
        self.inform_sender();
        event
    }

    /// As [`next_frame_event`](Self::next_frame_event), but the data is split off the front of `input`: see
    /// [`Receiver::next_frame_event_bytes`].
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once.
    pub fn next_frame_event_bytes(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<EventBytes>, RemoteProtocolError> {
        let event = self.receiver.next_frame_event_bytes(input);
        self.inform_sender();
        event
    }
}
