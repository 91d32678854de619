//! The halves of a connection in two tasks: the caller carries what one has to know of the other (RFC 6455 §5.5.1,
//! §7.1).
//!
//! The receiving half makes a [`Notice`] of what concerns the sending half; the way back carries only the fact that our
//! close frame was sent.

use crate::entropy::{Entropy, NoEntropy};
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::event::{CloseConnection, Event, EventRef, Outgoing, Ping};
use crate::message::Found;
use crate::output::Output;
use crate::role::Role;

use super::notice::{News, Notice, PeerEnd};
use super::receiver::{Receiver, ReceiverState};
use super::replies::AutoReplies;
use super::sender::{CloseSent, Sender};
use super::state::{CloseInfo, ConnectionState, Facts, TransportAction};

/// The receiving half of a connection whose halves are in two tasks or threads.
///
/// [`Connection::into_halves`](crate::Connection::into_halves) makes it, together with a [`SenderHalf`], and has an
/// example with two threads. Nothing is shared: after each read, pass the [notice](Self::take_notice) to the sending
/// half. This half works without an allocator; with `std`, a [`SharedReceiver`] needs no notices.
///
/// ```
/// use wsproto::{AutoReplies, CloseCode, Connection, Limits, ReplyPolicy, TransportAction};
///
/// let replies = AutoReplies::new(ReplyPolicy::PongAndClose);
/// let (mut receiving, mut sending) = Connection::server(Limits::default()).into_halves(replies);
///
/// let mut bytes = *b"\x88\x82\0\0\0\0\x03\xe8"; // a client's close frame, code 1000
/// let mut input = bytes.as_mut_slice();
/// while let Some(_event) = receiving.next_event(&mut input)? {}
/// if let Some(notice) = receiving.take_notice() {
///     sending.on_notice(&notice);
/// }
///
/// let mut output = Vec::new();
/// sending.send_replies(&mut output)?;
/// assert_eq!(output, b"\x88\x02\x03\xe8");
/// if let Some(close_sent) = sending.take_close_sent() {
///     receiving.on_close_sent(close_sent);
/// }
///
/// // Now both halves know all.
/// assert_eq!(receiving.transport_action(), TransportAction::Close);
/// assert_eq!(sending.transport_action(), TransportAction::Close);
/// assert_eq!(receiving.close_info(), sending.close_info());
/// assert_eq!(sending.close_info().unwrap().code, CloseCode::NORMAL_CLOSURE);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
#[cfg_attr(feature = "std", doc = "[`SharedReceiver`]: crate::SharedReceiver")]
#[cfg_attr(not(feature = "std"), doc = "[`SharedReceiver`]: crate#features")]
#[derive(Debug)]
pub struct ReceiverHalf {
    receiver: Receiver,
    reports_pings: bool,
    notice: Notice,
    has_notice: bool,
    close_sent: Option<CloseSent>,
}

/// The sending half of a connection whose halves are in two tasks or threads.
///
/// [`ReceiverHalf`] has an example. This half prepares the replies to what the [notices](Self::on_notice) say, as
/// [`AutoReplies`] do: at most one pong and one close frame wait.
#[derive(Debug)]
pub struct SenderHalf<E = NoEntropy> {
    sender: Sender<E>,
    replies: AutoReplies,
    end: PeerEnd,
    /// Whether the other half knows that our close frame was sent.
    close_reported: bool,
}

impl ReceiverHalf {
    /// `close_sent` is what the sending half has sent.
    pub(super) fn new(receiver: Receiver, reports_pings: bool, close_sent: Option<CloseSent>) -> Self {
        let notice = Notice::new(&receiver);
        Self { receiver, reports_pings, notice, has_notice: false, close_sent }
    }

    /// Reads the next event from `input`, and removes the bytes it used: see [`Receiver::next_event`].
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once. The sending half answers it, if the policy asks for that.
    #[inline(always)]
    pub fn next_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        let next = self.receiver.next_event(input);
        if let Some(news) = News::of(next.as_ref().map(Option::as_ref)) {
            record(&mut self.notice, &mut self.has_notice, self.reports_pings, news);
        }
        next
    }

    /// As [`next_event`](Self::next_event), but returns where the data is in `input`: see [`Receiver::next_range`].
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    #[inline]
    pub fn next_range(&mut self, input: &mut &mut [u8]) -> Result<Option<Found<'_>>, RemoteProtocolError> {
        let len = input.len();
        let next = self.receiver.locate(input);
        if let Some(news) = News::of(next.as_ref().map(|located| located.as_ref().map(|found| &found.event)))
        {
            record(&mut self.notice, &mut self.has_notice, self.reports_pings, news);
        }
        Ok(next?.map(|located| located.found(len.saturating_sub(input.len()))))
    }

    /// As [`next_event`](Self::next_event), but reads a frame only once `input` holds all of it: see
    /// [`Receiver::next_frame_event`].
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    #[inline(always)]
    pub fn next_frame_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        let next = self.receiver.next_frame_event(input);
        if let Some(news) = News::of(next.as_ref().map(Option::as_ref)) {
            record(&mut self.notice, &mut self.has_notice, self.reports_pings, news);
        }
        next
    }

    /// Records that the transport has ended: see [`Receiver::receive_eof`].
    #[must_use = "it is the only event of a connection that ended without a close frame (1006)"]
    pub fn receive_eof(&mut self) -> Option<CloseConnection<&'static str>> {
        let close = self.receiver.receive_eof();
        self.notice.record_eof(self.receiver.state());
        self.has_notice = true;
        close
    }

    /// What the sending half has to know and was not taken yet.
    ///
    /// Call it after each read, or each event, and wake the sending task. Pings are reported unless the policy is
    /// [`ReplyPolicy::Nothing`](crate::ReplyPolicy::Nothing). If it cannot be sent now, [put it back](Self::put_back_notice).
    pub fn take_notice(&mut self) -> Option<Notice> {
        if !self.has_notice {
            return None;
        }
        self.has_notice = false;
        let notice = self.notice.clone();
        self.notice.ping = None;
        Some(notice)
    }

    /// Puts back a notice that could not be sent, as when a channel is full: the next one includes it.
    ///
    /// ```
    /// use std::sync::mpsc::{TrySendError, sync_channel};
    /// use wsproto::{AutoReplies, Connection, Limits, ReplyPolicy};
    ///
    /// let replies = AutoReplies::new(ReplyPolicy::Pong);
    /// let (mut receiving, _sending) = Connection::server(Limits::default()).into_halves(replies);
    /// let (channel, _receiver) = sync_channel(1);
    /// for _ in 0..3 {
    ///     let mut ping = *b"\x89\x80\0\0\0\0";
    ///     receiving.next_event(&mut ping.as_mut_slice())?;
    ///     if let Some(notice) = receiving.take_notice() {
    ///         if let Err(TrySendError::Full(notice)) = channel.try_send(notice) {
    ///             receiving.put_back_notice(notice); // nothing grows, and this thread does not wait
    ///         }
    ///     }
    /// }
    /// # Ok::<(), wsproto::RemoteProtocolError>(())
    /// ```
    pub fn put_back_notice(&mut self, notice: Notice) {
        // A newer ping replaces an older one. What is known of the end does not become less.
        if self.notice.ping.is_none() {
            self.notice.ping = notice.ping;
        }
        self.has_notice = true;
    }

    /// Records that the sending half has sent its close frame: see [`SenderHalf::take_close_sent`].
    pub const fn on_close_sent(&mut self, close_sent: CloseSent) {
        self.close_sent = Some(close_sent);
    }

    /// The receiver.
    pub const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Frees memory that is kept only for speed: see [`Receiver::release_memory`].
    #[cfg(feature = "alloc")]
    pub fn release_memory(&mut self) {
        self.receiver.release_memory();
    }

    const fn facts(&self) -> Facts {
        Facts::of(&self.receiver, self.close_sent)
    }

    /// The state of the connection, as far as this half knows.
    pub const fn state(&self) -> ConnectionState {
        self.facts().state()
    }

    /// What to do with the transport, as far as this half knows.
    pub const fn transport_action(&self) -> TransportAction {
        self.facts().transport_action()
    }

    /// How the connection ended, as far as this half knows; `None` if it has not ended.
    pub fn close_info(&self) -> Option<CloseInfo<'_>> {
        self.facts().close_info(self.receiver.received_close())
    }
}

/// Adds to a notice. It takes no `self`, because an event borrows the receiver.
#[cold]
#[inline(never)]
fn record(notice: &mut Notice, has_notice: &mut bool, reports_pings: bool, news: News<'_>) {
    if reports_pings || !matches!(news, News::Ping(_)) {
        notice.record(news);
        *has_notice = true;
    }
}

impl<E: Entropy> SenderHalf<E> {
    /// `receiver` is the other half.
    pub(super) fn new(receiver: &Receiver, sender: Sender<E>, replies: AutoReplies) -> Self {
        let close_reported = sender.is_close_sent();
        Self { sender, replies, end: PeerEnd::of(receiver), close_reported }
    }

    /// Records what the receiving half has found, and prepares the reply, if the policy asks for one.
    ///
    /// After this, [`send_replies`](Self::send_replies).
    pub fn on_notice(&mut self, notice: &Notice) {
        if let Some(ping) = &notice.ping {
            self.replies.on_event(&Event::Ping(Ping::new(ping.filled())));
        }
        if !self.end.update(&notice.end) {
            return;
        }
        if let Some(close) = self.end.received_close() {
            self.sender.close_received();
            self.replies.on_event(&Event::Close(close));
        }
        match self.end.receiving {
            ReceiverState::Open | ReceiverState::CloseReceived => {}
            ReceiverState::Failed(error) => {
                self.sender.peer_failed();
                self.replies.on_failure(error);
            }
            ReceiverState::Ended => self.sender.transport_ended(),
        }
    }

    /// Whether a reply waits to be sent.
    pub const fn has_replies(&self) -> bool {
        self.replies.is_pending()
    }

    /// Writes the replies that wait, the pong first. Replies that come too late are dropped.
    ///
    /// # Errors
    ///
    /// No room in `output`, or a streamed frame that is not complete: call it again then. The replies still wait.
    pub fn send_replies(&mut self, output: &mut (impl Output + ?Sized)) -> Result<(), LocalProtocolError> {
        self.replies.send(&mut self.sender, output)
    }

    /// Writes an event to `output`: see [`Sender::send`].
    ///
    /// # Errors
    ///
    /// What [`Sender::send`] refuses; a new message after the peer's close frame or error; and, once the transport has
    /// ended, everything except a reply.
    #[inline(always)]
    pub fn send(
        &mut self,
        event: impl Outgoing,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if self.end.is_open() {
            return self.sender.send(event, output);
        }
        self.send_at_end(event, output)
    }

    #[cold]
    #[inline(never)]
    fn send_at_end(
        &mut self,
        event: impl Outgoing,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if self.end.transport_ended && !event.is_reply() {
            return Err(LocalProtocolError::Ended);
        }
        let received = self.end.received_close().and_then(|close| close.code);
        self.sender.send_at_end(event, received, output)
    }

    /// The fact that the close frame was sent, once, for [`ReceiverHalf::on_close_sent`].
    ///
    /// The receiving half needs it to report how the connection ended and what to do with the transport. If only the
    /// sending half does this, it need not be passed.
    ///
    /// ```
    /// use wsproto::{AutoReplies, CloseConnection, Connection, ConnectionState, Limits, ReplyPolicy};
    ///
    /// let connection = Connection::server(Limits::default());
    /// let (mut receiving, mut sending) = connection.into_halves(AutoReplies::new(ReplyPolicy::Pong));
    /// sending.send(CloseConnection::EMPTY, &mut Vec::new())?;
    /// if let Some(close_sent) = sending.take_close_sent() {
    ///     receiving.on_close_sent(close_sent);
    /// }
    /// assert_eq!(receiving.state(), ConnectionState::LocalClosing);
    /// assert_eq!(sending.take_close_sent(), None);
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    pub const fn take_close_sent(&mut self) -> Option<CloseSent> {
        if self.close_reported {
            return None;
        }
        let close_sent = self.sender.close_sent();
        self.close_reported = close_sent.is_some();
        close_sent
    }

    /// The sender.
    pub const fn sender(&self) -> &Sender<E> {
        &self.sender
    }

    /// The sender, mutably, for everything that [`send`](Self::send) does not do.
    pub const fn sender_mut(&mut self) -> &mut Sender<E> {
        &mut self.sender
    }

    const fn facts(&self) -> Facts {
        Facts {
            receiving: self.end.receiving,
            transport_ended: self.end.transport_ended,
            close_sent: self.sender.close_sent(),
            role: self.sender.role(),
        }
    }

    /// Our own role.
    pub const fn role(&self) -> Role {
        self.sender.role()
    }

    /// The state of the connection, as far as this half knows.
    pub const fn state(&self) -> ConnectionState {
        self.facts().state()
    }

    /// What to do with the transport once the output is written, as far as this half knows.
    ///
    /// It is `Keep` while a close frame waits for [`send_replies`](Self::send_replies): the other half may have found the
    /// peer's close frame and the end of the transport since.
    pub const fn transport_action(&self) -> TransportAction {
        if self.replies.is_close_pending() && !self.sender.is_close_sent() {
            return TransportAction::Keep;
        }
        self.facts().transport_action()
    }

    /// How the connection ended, as far as this half knows; `None` if it has not ended.
    pub fn close_info(&self) -> Option<CloseInfo<'_>> {
        self.facts().close_info(self.end.received_close())
    }
}
