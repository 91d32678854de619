//! Sending: a message is accepted, and then written to its end by whichever poll comes next.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use wsproto::{
    BytesMessage, LocalProtocolError, Messages, Outgoing as OutgoingEvent, PreparedMessage, Role, TextMessage,
};

use crate::entropy::MaskingKeys;
use crate::outgoing::Outgoing;
use crate::wakers::Side;
use crate::{Error, Message};

use super::{Driver, Facts, MAX_WAITING, Phase, Wanted};

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Waits until a message can be accepted.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.outgoing.is_idle() && self.messages.output().len() < MAX_WAITING {
            return Poll::Ready(());
        }
        let waker = self.wakers.register(Side::Sending, cx.waker());
        self.poll_progress(Wanted::Written, &mut Context::from_waker(&waker))
    }

    /// Accepts a message: from now on it is sent, whatever future is dropped.
    ///
    /// With others that are accepted after it, it can be written at once.
    pub(crate) fn start_send(&mut self, message: &Message) -> Result<(), Error> {
        self.start_send_by(Outgoing::begin, message)
    }

    /// Accepts a message that is written before another is accepted. A long one is not copied.
    pub(crate) fn start_send_alone(&mut self, message: &Message) -> Result<(), Error> {
        let is_long = message.as_bytes().len() >= LONG;
        if is_long && self.can_write_in_place() {
            self.start_send_by(Outgoing::begin_in_place, message)
        } else {
            self.start_send(message)
        }
    }

    fn start_send_by(&mut self, begin: Begin, message: &Message) -> Result<(), Error> {
        self.check_send()?;
        if self.facts.in_parts {
            return Err(Error::Local(LocalProtocolError::MessageInProgress));
        }
        self.outgoing = begin(message, self.settings.max_fragment_len, &mut self.messages)?;
        self.record_sent();
        Ok(())
    }

    /// Whether a message can be written from where it is: it is neither masked nor compressed, and nothing else waits.
    fn can_write_in_place(&mut self) -> bool {
        let sender = self.messages.connection().sender();
        sender.role() == Role::Server
            && !sender.has_extensions()
            && self.stream.is_write_vectored()
            && self.messages.output().is_empty()
    }

    pub(crate) fn start_send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.check_send()?;
        self.outgoing = Outgoing::begin_prepared(message, &mut self.messages)?;
        self.record_sent();
        Ok(())
    }

    /// Accepts a part of a message.
    pub(crate) fn start_send_part(&mut self, part: &Message, is_last: bool) -> Result<(), Error> {
        self.check_send()?;
        match part {
            Message::Text(text) => self
                .messages
                .send(TextMessage { message_finished: is_last, ..TextMessage::new(text.as_str()) }),
            Message::Binary(bytes) => {
                self.messages.send(BytesMessage { message_finished: is_last, ..BytesMessage::new(&**bytes) })
            }
        }?;
        self.facts.in_parts = !is_last;
        self.record_sent();
        Ok(())
    }

    /// Accepts a ping.
    pub(crate) fn start_send_control(&mut self, event: impl OutgoingEvent) -> Result<(), Error> {
        self.check_send()?;
        Ok(self.messages.send(event)?)
    }

    /// Waits until all that was accepted is written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Most often, the transport takes all at once: then nothing waits.
        let is_served = self.is_served();
        if !is_served || self.poll_write(cx).is_pending() || self.phase() != Phase::Open {
            let waker = self.wakers.register(Side::Sending, cx.waker());
            let cx = &mut Context::from_waker(&waker);
            ready!(self.poll_progress(Wanted::Written, cx));
            if !is_served && self.phase() == Phase::Open {
                self.serve(cx);
            }
        }
        self.facts.receiver_reads = false;
        Poll::Ready(self.sent())
    }

    /// Whether the receiver has read since the last flush, or a flush has done its work a short time ago.
    fn is_served(&self) -> bool {
        let is_recent = |served| self.timer.now().saturating_sub(served) < SERVE_EVERY;
        let Facts { receiver_reads, no_receiver, served, .. } = &self.facts;
        *receiver_reads || (!no_receiver && served.is_some_and(is_recent))
    }

    /// Answers pings and looks at the deadlines for a caller that only sends.
    fn serve(&mut self, cx: &mut Context<'_>) {
        self.facts.served = Some(self.timer.now());
        if self.may_read(Wanted::Written, true) {
            if let Poll::Ready(len) = self.poll_read(cx) {
                self.keep_messages(len);
            }
        }
        let written = self.poll_write(cx);
        if self.poll_deadlines(written.is_pending(), cx).is_ready() {
            _ = self.poll_write(cx);
        }
    }

    /// Whether a message can be accepted.
    fn check_send(&self) -> Result<(), Error> {
        self.check_alive()?;
        if self.closing.is_some() {
            return Err(Error::Closed);
        }
        match self.outgoing.is_idle() {
            true => Ok(()),
            false => Err(Error::Local(LocalProtocolError::MessageInProgress)),
        }
    }

    fn check_alive(&self) -> Result<(), Error> {
        match (self.facts.timeout, &self.io_error) {
            (Some(timeout), _) => Err(Error::Timeout(timeout)),
            (None, Some(error)) if self.facts.shut_down => Err(Error::Io(copy_of(error))),
            _ if self.facts.shut_down => Err(Error::Closed),
            _ => Ok(()),
        }
    }

    /// What became of the message that was sent last.
    fn sent(&mut self) -> Result<(), Error> {
        match std::mem::take(&mut self.facts.send_aborted) {
            true => self.check_alive().and(Err(Error::Closed)),
            false if self.io_error.is_some() || self.facts.timeout.is_some() => self.check_alive(),
            false => Ok(()),
        }
    }

    /// A message counts as activity for the idle timeout.
    fn record_sent(&mut self) {
        if self.settings.timeouts.idle.is_some() {
            let now = self.timer.now();
            if let Some(keepalive) = self.messages.keepalive_mut() {
                keepalive.message_sent(now);
            }
        }
    }
}

/// How often a caller that only sends looks for pings and at the deadlines, at most.
const SERVE_EVERY: Duration = Duration::from_millis(100);

/// How a message begins.
type Begin = fn(&Message, usize, &mut Messages<MaskingKeys>) -> Result<Outgoing, LocalProtocolError>;

/// The length in bytes of a message that is not copied: a copy costs more than a write of two slices.
const LONG: usize = 4 << 10;

/// The same error, as `io::Error` cannot be cloned.
pub(super) fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
