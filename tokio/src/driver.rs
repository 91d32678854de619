//! The machine that moves bytes between a transport and [`Messages`], and ends the transport (RFC 6455 §7.1.1).
//!
//! Nothing runs in the background: whatever the caller waits for, each poll also writes what waits, answers pings, and
//! looks at the deadlines. What waits is kept here and not in the futures, so a future can be dropped at any time.

mod end;
pub use end::CloseInfo;
mod parts;
pub use parts::WebSocketParts;
mod receive;
mod send;
mod transport;

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use wsproto::{CloseConnection, Connection, Keepalive, Messages, ReadBuffer, Timeout, TransportAction};

use crate::entropy::MaskingKeys;
use crate::outgoing::Outgoing;
use crate::settings::Settings;
use crate::timer::Timer;
use crate::wakers::Wakers;

use receive::{InProgress, ReadAhead};

/// A connection and its transport.
#[derive(Debug)]
pub(crate) struct Driver<S> {
    stream: S,
    messages: Messages<MaskingKeys>,
    outgoing: Outgoing,
    ahead: ReadAhead,
    in_progress: InProgress,
    settings: Settings,
    timer: Timer,
    wakers: Wakers,
    facts: Facts,
    /// The close frame to send after the message in progress.
    closing: Option<CloseConnection<Box<str>>>,
    /// Why the transport has failed.
    io_error: Option<io::Error>,
}

/// What happened so far.
#[derive(Debug)]
struct Facts {
    /// The transport has ended: no more bytes are read.
    read_ended: bool,
    /// When that was seen.
    read_ended_at: Option<Duration>,
    /// Our direction of the transport is shut down, or has failed: no more bytes are written.
    shut_down: bool,
    /// Bytes were written, and the transport was not flushed since.
    needs_flush: bool,
    /// Something that waited to be written was dropped.
    cut_off: bool,
    /// The deadline that has passed.
    timeout: Option<Timeout>,
    /// The end was reported to the caller.
    reported: bool,
    /// A message that is sent in parts is not complete.
    in_parts: bool,
    /// A message was dropped before it was sent to its end.
    send_aborted: bool,
    /// The receiver has read since the sender last did: pings are answered.
    receiver_reads: bool,
    /// When pings were last answered for a caller that only sends.
    served: Option<Duration>,
    /// The receiving half was dropped, so messages that arrive are too.
    no_receiver: bool,
    /// Bytes were read or written since the deadlines were last checked.
    active: bool,
    /// When bytes were last read or written, as far as the deadlines have seen.
    last_active: Duration,
    /// The buffers were freed because nothing happened.
    released: bool,
}

/// What is to be done with the transport now. It follows from the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Read messages.
    Open,
    /// Write what waits, then end our direction.
    ShutDown,
    /// Read to the end of the transport, and drop what arrives.
    ///
    /// A server waits so that what it wrote last arrives: to close a socket that has unread bytes resets it. A client
    /// waits for the server to end the transport.
    Drain,
    /// Nothing is left to do.
    Done,
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Bytes were read, or the transport has ended.
    Bytes,
    /// All bytes are written, or none will be.
    Written,
    /// Nothing is left to do.
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(crate) fn new(
        stream: S,
        connection: Connection<MaskingKeys>,
        buffer: ReadBuffer,
        settings: Settings,
    ) -> Self {
        let streams = connection.receiver().max_message_len() > settings.limits.max_message_len;
        let timer = Timer::new(Instant::now());
        let now = Duration::ZERO;
        let mut keepalive = Keepalive::new(settings.timeouts, now);
        keepalive.opened(now);
        Self {
            stream,
            messages: Messages::new(connection, buffer).with_keepalive(keepalive),
            outgoing: Outgoing::Idle,
            ahead: ReadAhead::new(settings.read_ahead),
            in_progress: InProgress::new(streams),
            settings,
            timer,
            wakers: Wakers::new(),
            facts: Facts {
                read_ended: false,
                read_ended_at: None,
                shut_down: false,
                needs_flush: false,
                cut_off: false,
                timeout: None,
                reported: false,
                in_parts: false,
                send_aborted: false,
                receiver_reads: false,
                served: None,
                no_receiver: false,
                active: false,
                last_active: now,
                released: false,
            },
            closing: None,
            io_error: None,
        }
    }

    /// What is to be done with the transport now.
    fn phase(&mut self) -> Phase {
        let Facts { read_ended, shut_down, timeout, .. } = self.facts;
        let has_failed = self.io_error.is_some();
        match (self.messages.transport_action(), read_ended, shut_down) {
            _ if timeout.is_some() => Phase::Done,
            (_, true, true) => Phase::Done,
            (TransportAction::Keep, _, _) => Phase::Open,
            (TransportAction::AwaitClose, false, false) => Phase::Drain,
            // The transport has failed: nobody waits for what was written.
            (_, false, true) if has_failed => Phase::Done,
            (_, false, true) => Phase::Drain,
            (_, _, false) => Phase::ShutDown,
        }
    }

    /// Does what can be done now, until what is `wanted` has happened.
    fn poll_progress(&mut self, wanted: Wanted, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..MAX_TURNS {
            let written = self.poll_write(cx);
            let phase = self.phase();
            let progress = match phase {
                Phase::Done => return Poll::Ready(()),
                _ if written.is_ready() && wanted == Wanted::Written => return Poll::Ready(()),
                Phase::Open if self.may_read(wanted, written.is_ready()) => match self.poll_read(cx) {
                    Poll::Ready(_) if wanted == Wanted::Bytes => return Poll::Ready(()),
                    Poll::Ready(len) => {
                        self.keep_messages(len);
                        Poll::Ready(())
                    }
                    Poll::Pending => Poll::Pending,
                },
                Phase::Open => Poll::Pending,
                Phase::Drain => self.poll_drain(cx),
                Phase::ShutDown if written.is_ready() => self.poll_shutdown(cx),
                Phase::ShutDown => Poll::Pending,
            };
            if progress.is_pending() && self.poll_deadlines(written.is_pending(), cx).is_pending() {
                return Poll::Pending;
            }
        }
        // Other tasks of this thread shall run too.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether to read on. Otherwise, bytes wait in the transport, and the peer has to wait too.
    fn may_read(&mut self, wanted: Wanted, all_written: bool) -> bool {
        let has_room = wanted == Wanted::Bytes || self.ahead.has_room() || self.facts.no_receiver;
        // Each read can add a pong to what waits.
        !self.facts.read_ended && has_room && (all_written || self.messages.output().len() < MAX_WAITING)
    }

    /// Checks the deadlines, and waits for the next. It is ready if something is to be done.
    fn poll_deadlines(&mut self, is_writing: bool, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.timer.now();
        if std::mem::take(&mut self.facts.active) {
            self.facts.last_active = now;
            self.facts.released = false;
        }
        let until = match self.messages.poll(now) {
            Ok(until) => until,
            Err(timeout) => {
                self.give_up(timeout, cx);
                return Poll::Ready(());
            }
        };
        if !is_writing && !self.messages.output().is_empty() {
            return Poll::Ready(()); // a ping is to be written
        }
        let ending = self.ending_until(now);
        if ending.is_some_and(|until| until <= now) {
            self.give_up(Timeout::Close, cx);
            return Poll::Ready(());
        }
        let until = until.into_iter().chain(ending).chain(self.poll_memory(now)).min();
        self.timer.poll(until, now, cx)
    }

    /// Until when what waits may be written after the transport has ended: a peer need not take it.
    fn ending_until(&mut self, now: Duration) -> Option<Duration> {
        if !self.facts.read_ended {
            return None;
        }
        let since = *self.facts.read_ended_at.get_or_insert(now);
        since.checked_add(self.settings.timeouts.close?)
    }

    /// Frees the buffers of a connection that is idle. Otherwise, returns when to look again.
    fn poll_memory(&mut self, now: Duration) -> Option<Duration> {
        let after = self.settings.release_memory_after.filter(|_| !self.facts.released)?;
        let at = self.facts.last_active.checked_add(after)?;
        if at > now {
            return Some(at);
        }
        self.release_memory();
        None
    }

    pub(crate) fn release_memory(&mut self) {
        self.messages.release_memory();
        self.ahead.release_memory();
        self.facts.released = true;
    }

    pub(crate) const fn stream(&self) -> &S {
        &self.stream
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    pub(crate) fn round_trip(&mut self) -> Option<Duration> {
        self.messages.keepalive_mut().and_then(|keepalive| keepalive.round_trip())
    }

    /// Whether compression and the like change data messages.
    pub(crate) const fn connection(&self) -> &Connection<MaskingKeys> {
        self.messages.connection()
    }
}

/// How often the transport is used in one poll.
const MAX_TURNS: usize = 128;

/// How many bytes may wait to be written while bytes are read.
const MAX_WAITING: usize = 64 << 10;
