//! Receiving: the next message, whether it was read now or while something was sent.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop::poll_proceed;

use crate::wakers::Side;
use crate::{Error, Message};

use super::{Driver, MAX_TURNS, Phase, Wanted};

/// Messages that were read while the sender waited.
#[derive(Debug)]
pub(super) struct ReadAhead {
    messages: VecDeque<Message>,
    /// The bytes in them, and their places in the queue.
    held: usize,
    /// The bytes that were read since the first of them: a short message may be a part of a long buffer.
    read: usize,
    max_len: usize,
}

impl ReadAhead {
    pub(super) const fn new(max_len: usize) -> Self {
        Self { messages: VecDeque::new(), held: 0, read: 0, max_len }
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.held.max(self.read) < self.max_len
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn push(&mut self, message: Message) {
        let len = message.as_bytes().len().saturating_add(size_of::<Message>());
        self.held = self.held.saturating_add(len);
        self.messages.push_back(message);
    }

    /// Records that so many bytes were read.
    fn count_read(&mut self, len: usize) {
        if !self.messages.is_empty() {
            self.read = self.read.saturating_add(len);
        }
    }

    fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        let len = message.as_bytes().len().saturating_add(size_of::<Message>());
        self.held = self.held.saturating_sub(len);
        if self.messages.is_empty() {
            self.read = 0;
        }
        Some(message)
    }

    pub(super) fn release_memory(&mut self) {
        self.messages.shrink_to_fit();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// The next message; `None` once the connection has ended, after one error if it did not end cleanly.
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        // One of the turns that tokio gives to a task: a flood of small messages does not starve others.
        let turn = ready!(poll_proceed(cx));
        let received = self.poll_next(cx);
        if received.is_ready() {
            turn.made_progress();
        }
        received
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        self.facts.receiver_reads = true;
        if let Some(message) = self.next_message() {
            return Poll::Ready(Ok(Some(message)));
        }
        let waker = self.wakers.register(Side::Receiving, cx.waker());
        let cx = &mut Context::from_waker(&waker);
        for _ in 0..MAX_TURNS {
            ready!(self.poll_progress(Wanted::Bytes, cx));
            if let Some(message) = self.next_message() {
                return Poll::Ready(Ok(Some(message)));
            }
            if self.phase() == Phase::Done {
                return Poll::Ready(self.report_end().map(|()| None));
            }
        }
        // Other tasks of this thread shall run too.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next message that was read.
    pub(super) fn next_message(&mut self) -> Option<Message> {
        self.ahead.pop().or_else(|| self.messages.next_message_bytes())
    }

    /// Takes messages out of the buffer, so that a ping or a close frame after them is read.
    pub(super) fn keep_messages(&mut self, read: usize) {
        self.ahead.count_read(read);
        while self.ahead.has_room() || self.facts.no_receiver {
            let Some(message) = self.messages.next_message_bytes() else { break };
            if !self.facts.no_receiver {
                self.ahead.push(message);
            }
        }
        if !self.ahead.is_empty() {
            self.wakers.wake_receiver();
        }
    }
}

impl<S> Driver<S> {
    /// Records that nobody receives any more.
    pub(crate) fn drop_receiver(&mut self) {
        self.facts.no_receiver = true;
        self.ahead = ReadAhead::new(0);
        self.wakers.wake();
    }
}
