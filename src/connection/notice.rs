//! What a sending half needs to know of the receiving half: pings, and the end (RFC 6455 §5.5.1, §5.5.2, §7.1.7).

use crate::close_code::CloseCode;
use crate::error::RemoteProtocolError;
use crate::event::{CloseConnection, Event};
use crate::message::ControlPayload;

use super::receiver::{Receiver, ReceiverState};

/// What the receiving half of a connection has found, for the sending half: a ping, a close frame, a failure, the end.
///
/// Pass it to [`SenderHalf::on_notice`](crate::SenderHalf::on_notice), through any channel.
/// [`ReceiverHalf::take_notice`](crate::ReceiverHalf::take_notice) returns it. Its size is fixed: it has the latest
/// ping, and all that is known of the peer's end. So a later notice replaces an earlier one.
#[derive(Clone, Debug)]
#[must_use = "without it, the sending half does not answer: pass it to `SenderHalf::on_notice`"]
pub struct Notice {
    pub(super) ping: Option<ControlPayload>,
    pub(super) end: PeerEnd,
}

/// How receiving has ended, if it has.
#[derive(Clone, Debug)]
pub(super) struct PeerEnd {
    pub(super) receiving: ReceiverState,
    pub(super) transport_ended: bool,
    code: Option<CloseCode>,
    reason: ControlPayload,
}

/// Something received that concerns the sending half.
#[derive(Clone, Copy)]
pub(super) enum News<'a> {
    Ping(&'a [u8]),
    Close(CloseConnection<&'a str>),
    Failure(RemoteProtocolError),
}

impl<'a> News<'a> {
    /// The news in what a receiver returned; `None` for data, for pongs and for nothing.
    #[inline(always)]
    pub(super) fn of<T: AsRef<str>, B: AsRef<[u8]>>(
        next: Result<Option<&'a Event<T, B>>, &RemoteProtocolError>,
    ) -> Option<Self> {
        match next {
            Ok(Some(Event::Text(_) | Event::Bytes(_) | Event::Pong(_)) | None) => None,
            Ok(Some(Event::Ping(ping))) => Some(Self::Ping(ping.payload.as_ref())),
            Ok(Some(Event::Close(close))) => Some(Self::Close(close.as_ref())),
            Err(error) => Some(Self::Failure(*error)),
        }
    }
}

impl Notice {
    /// Nothing new about a receiver in this state.
    pub(super) fn new(receiver: &Receiver) -> Self {
        Self { ping: None, end: PeerEnd::of(receiver) }
    }

    #[cold]
    pub(super) fn record(&mut self, news: News<'_>) {
        match news {
            News::Ping(payload) => self.ping = Some(ControlPayload::copy_of(payload)),
            News::Close(close) => self.end.record_close(close),
            News::Failure(error) => self.end.receiving = ReceiverState::Failed(error),
        }
    }

    /// Records that the transport has ended; the receiver is in this state then.
    pub(super) const fn record_eof(&mut self, receiving: ReceiverState) {
        self.end.receiving = receiving;
        self.end.transport_ended = true;
    }
}

impl PeerEnd {
    pub(super) fn of(receiver: &Receiver) -> Self {
        let mut end = Self {
            receiving: receiver.state(),
            transport_ended: receiver.is_transport_ended(),
            code: None,
            reason: ControlPayload::new(),
        };
        if let Some(close) = receiver.received_close() {
            end.record_close(close);
        }
        end
    }

    fn record_close(&mut self, close: CloseConnection<&str>) {
        self.receiving = ReceiverState::CloseReceived;
        self.code = close.code;
        self.reason = ControlPayload::copy_of(close.reason.as_bytes());
    }

    /// Whether the peer may still send.
    #[inline(always)]
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.receiving, ReceiverState::Open)
    }

    /// The peer's close frame, if it was received.
    pub(super) fn received_close(&self) -> Option<CloseConnection<&str>> {
        (self.receiving == ReceiverState::CloseReceived).then(|| CloseConnection {
            code: self.code,
            // It was received as valid UTF-8.
            reason: core::str::from_utf8(self.reason.filled()).unwrap_or_default(),
        })
    }

    /// Adds what is newly known. Returns whether it is now that receiving has ended.
    pub(super) fn update(&mut self, newer: &Self) -> bool {
        let ends_now = self.is_open() && !newer.is_open();
        let transport_ended = self.transport_ended || newer.transport_ended;
        if ends_now {
            *self = newer.clone();
        }
        self.transport_ended = transport_ended;
        ends_now
    }
}
