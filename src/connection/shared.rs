//! The halves of a connection in two threads, with a shared notice: nothing is left to carry (RFC 6455 §5.5.1, §7.1).
//!
//! The lock is taken when a control frame, an error or the end of the transport is found, and when the sending half
//! reads that. A data message costs the sending half one relaxed load, and the receiving half nothing.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::entropy::{Entropy, NoEntropy};
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::event::{CloseConnection, Event, EventRef, Outgoing};
use crate::message::Found;
use crate::output::Output;
use crate::role::Role;

use super::halves::SenderHalf;
use super::notice::{News, Notice};
use super::receiver::Receiver;
use super::replies::AutoReplies;
use super::sender::{CloseSent, Sender};
use super::state::{CloseInfo, ConnectionState, Facts, TransportAction};

/// The receiving half of a connection that shares with its [`SharedSender`] what both have to know.
///
/// [`Connection::into_shared_halves`](crate::Connection::into_shared_halves) makes the two, and has an example with two
/// threads. Only waking the sending task is left to the caller: [`take_wake`](Self::take_wake).
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
#[derive(Debug)]
pub struct SharedReceiver {
    receiver: Receiver,
    reports_pings: bool,
    wake: bool,
    link: Arc<Link>,
}

/// The sending half of a connection that shares with its [`SharedReceiver`] what both have to know.
///
/// Before each call, it reads what the receiving half has found. Replies are prepared then, as by [`AutoReplies`]: at
/// most one pong and one close frame wait for [`send_replies`](Self::send_replies).
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
#[derive(Debug)]
pub struct SharedSender<E = NoEntropy> {
    half: SenderHalf<E>,
    link: Arc<Link>,
}

/// What the two halves share.
#[derive(Debug)]
struct Link {
    /// Whether the notice has something that the sending half has not read. It is changed only under the lock.
    has_news: AtomicBool,
    notice: Mutex<Notice>,
    /// Our close frame: one of the three constants.
    close_sent: AtomicU8,
}

const NOT_SENT: u8 = 0;
const SENT_FIRST: u8 = 1;
const SENT_AS_REPLY: u8 = 2;

/// Takes a connection apart.
pub(super) fn shared_halves<E: Entropy>(
    receiver: Receiver,
    sender: Sender<E>,
    replies: AutoReplies,
) -> (SharedReceiver, SharedSender<E>) {
    let link = Arc::new(Link {
        has_news: AtomicBool::new(false),
        notice: Mutex::new(Notice::new(&receiver)),
        close_sent: AtomicU8::new(NOT_SENT),
    });
    link.report_close(sender.close_sent());
    let reports_pings = replies.answers_pings();
    let half = SenderHalf::new(&receiver, sender, replies);
    let receiving = SharedReceiver { receiver, reports_pings, wake: false, link: Arc::clone(&link) };
    (receiving, SharedSender { half, link })
}

impl SharedReceiver {
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
            self.wake |= self.link.record(self.reports_pings, news);
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
            self.wake |= self.link.record(self.reports_pings, news);
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
            self.wake |= self.link.record(self.reports_pings, news);
        }
        next
    }

    /// Records that the transport has ended: see [`Receiver::receive_eof`].
    #[must_use = "it is the only event of a connection that ended without a close frame (1006)"]
    pub fn receive_eof(&mut self) -> Option<CloseConnection<&'static str>> {
        let close = self.receiver.receive_eof();
        let mut notice = self.link.lock();
        notice.record_eof(self.receiver.state());
        self.link.has_news.store(true, Ordering::Relaxed);
        drop(notice);
        self.wake = true;
        close
    }

    /// Whether to wake the sending task, because it may have a reply to send, or has to learn of the end; once.
    ///
    /// Call it after each read, or each event.
    #[must_use = "otherwise the sending task does not learn that it has to answer"]
    pub const fn take_wake(&mut self) -> bool {
        core::mem::replace(&mut self.wake, false)
    }

    /// The receiver.
    pub const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Frees memory that is kept only for speed: see [`Receiver::release_memory`].
    pub fn release_memory(&mut self) {
        self.receiver.release_memory();
    }

    fn facts(&self) -> Facts {
        Facts::of(&self.receiver, self.link.close_sent())
    }

    /// The state of the connection.
    pub fn state(&self) -> ConnectionState {
        self.facts().state()
    }

    /// What to do with the transport once the output is written.
    pub fn transport_action(&self) -> TransportAction {
        self.facts().transport_action()
    }

    /// How the connection ended; `None` if it has not ended.
    pub fn close_info(&self) -> Option<CloseInfo<'_>> {
        self.facts().close_info(self.receiver.received_close())
    }
}

impl<E: Entropy> SharedSender<E> {
    /// Whether a reply waits to be sent.
    pub fn has_replies(&mut self) -> bool {
        self.read_news();
        self.half.has_replies()
    }

    /// Writes the replies that wait, the pong first. Replies that come too late are dropped.
    ///
    /// # Errors
    ///
    /// No room in `output`, or a streamed frame that is not complete: call it again then. The replies still wait.
    pub fn send_replies(&mut self, output: &mut (impl Output + ?Sized)) -> Result<(), LocalProtocolError> {
        self.read_news();
        let sent = self.half.send_replies(output);
        self.report_close();
        sent
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
        self.read_news();
        let is_close = matches!(event.as_event(), Event::Close(_));
        let sent = self.half.send(event, output);
        if is_close {
            self.report_close();
        }
        sent
    }

    /// Uses the sender, for everything that [`send`](Self::send) does not do.
    ///
    /// ```
    /// use wsproto::{AutoReplies, Connection, Limits, ReplyPolicy, TextMessage};
    ///
    /// let replies = AutoReplies::new(ReplyPolicy::PongAndClose);
    /// let (_receiving, mut sending) = Connection::server(Limits::default()).into_shared_halves(replies);
    /// let mut output = Vec::new();
    /// sending.with_sender(|sender| sender.send_fragmented(TextMessage::from("Hello"), 3, &mut output))?;
    /// assert_eq!(output, b"\x01\x03Hel\x80\x02lo");
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    #[inline]
    pub fn with_sender<T>(&mut self, call: impl FnOnce(&mut Sender<E>) -> T) -> T {
        self.read_news();
        let result = call(self.half.sender_mut());
        self.report_close();
        result
    }

    /// The sender. It may not know yet what the receiving half has found.
    pub const fn sender(&self) -> &Sender<E> {
        self.half.sender()
    }

    /// Our own role.
    pub const fn role(&self) -> Role {
        self.half.role()
    }

    /// The state of the connection.
    pub fn state(&mut self) -> ConnectionState {
        self.read_news();
        self.half.state()
    }

    /// What to do with the transport once the output is written: see [`SenderHalf::transport_action`].
    pub fn transport_action(&mut self) -> TransportAction {
        self.read_news();
        self.half.transport_action()
    }

    /// How the connection ended; `None` if it has not ended.
    pub fn close_info(&mut self) -> Option<CloseInfo<'_>> {
        self.read_news();
        self.half.close_info()
    }

    /// Reads what the receiving half has found.
    #[inline(always)]
    fn read_news(&mut self) {
        // The lock orders the notice; this says only whether to take it.
        if self.link.has_news.load(Ordering::Relaxed) {
            self.half.on_notice(&self.link.take());
        }
    }

    /// Reports our close frame to the receiving half, once it was sent.
    #[inline]
    fn report_close(&mut self) {
        self.link.report_close(self.half.take_close_sent());
    }
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, Notice> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the notice. Returns whether it is of interest to the sending half.
    #[cold]
    #[inline(never)]
    fn record(&self, reports_pings: bool, news: News<'_>) -> bool {
        let counts = reports_pings || !matches!(news, News::Ping(_));
        if counts {
            let mut notice = self.lock();
            notice.record(news);
            self.has_news.store(true, Ordering::Relaxed);
        }
        counts
    }

    /// The notice; its ping is taken out.
    #[cold]
    #[inline(never)]
    fn take(&self) -> Notice {
        let mut notice = self.lock();
        self.has_news.store(false, Ordering::Relaxed);
        let taken = notice.clone();
        notice.ping = None;
        taken
    }

    fn report_close(&self, close_sent: Option<CloseSent>) {
        let value = match close_sent {
            None => return,
            Some(CloseSent { as_reply: false }) => SENT_FIRST,
            Some(CloseSent { as_reply: true }) => SENT_AS_REPLY,
        };
        self.close_sent.store(value, Ordering::Release);
    }

    fn close_sent(&self) -> Option<CloseSent> {
        match self.close_sent.load(Ordering::Acquire) {
            NOT_SENT => None,
            value => Some(CloseSent { as_reply: value == SENT_AS_REPLY }),
        }
    }
}
