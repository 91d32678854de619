//! Receiving: the next message or part, whether it was read now or while something was sent.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop::poll_proceed;
use wsproto::{Message as AnyMessage, MessagePart, RemoteProtocolError};

use crate::wakers::Side;
use crate::{Error, Message};

use super::{Driver, MAX_TURNS, Phase, Wanted};

/// Messages, and parts of messages, that were read while the sender waited.
#[derive(Debug)]
pub(super) struct ReadAhead {
    parts: VecDeque<MessagePart>,
    /// The bytes in them, and their places in the queue.
    held: usize,
    /// The bytes that were read since the first of them: a short message may be a part of a long buffer.
    read: usize,
    max_len: usize,
}

/// What was received of the message in progress, and by whom it is read.
#[derive(Debug)]
pub(super) struct InProgress {
    /// Messages may be longer than one that is received whole, so all are read in parts.
    streams: bool,
    /// A part was read that is not the last.
    is_read: bool,
    /// A part was returned to the caller that is not the last.
    is_returned: bool,
    /// The parts of a message that is to be returned whole.
    collected: Option<AnyMessage<String, Vec<u8>>>,
    /// Why a message was not returned. The connection fails too, unless the peer has closed it already.
    refused: Option<RemoteProtocolError>,
}

impl ReadAhead {
    pub(super) const fn new(max_len: usize) -> Self {
        Self { parts: VecDeque::new(), held: 0, read: 0, max_len }
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.held.max(self.read) < self.max_len
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn push(&mut self, part: MessagePart) {
        self.held = self.held.saturating_add(len_in_queue(&part));
        self.parts.push_back(part);
    }

    /// Records that so many bytes were read.
    fn count_read(&mut self, len: usize) {
        if !self.parts.is_empty() {
            self.read = self.read.saturating_add(len);
        }
    }

    fn pop(&mut self) -> Option<MessagePart> {
        let part = self.parts.pop_front()?;
        self.held = self.held.saturating_sub(len_in_queue(&part));
        if self.parts.is_empty() {
            self.read = 0;
        }
        Some(part)
    }

    pub(super) fn release_memory(&mut self) {
        self.parts.shrink_to_fit();
    }
}

/// The same message, without a copy.
fn owned(message: AnyMessage<String, Vec<u8>>) -> Message {
    message.map(Into::into, Into::into)
}

fn len_in_queue(part: &MessagePart) -> usize {
    part.data.as_bytes().len().saturating_add(size_of::<MessagePart>())
}

impl InProgress {
    pub(super) const fn new(streams: bool) -> Self {
        Self { streams, is_read: false, is_returned: false, collected: None, refused: None }
    }

    /// Why a message was not returned.
    pub(super) const fn refused(&self) -> Option<RemoteProtocolError> {
        self.refused
    }

    /// Drops what was collected: its end does not come any more.
    pub(super) fn drop_collected(&mut self) {
        self.collected = None;
    }

    /// Takes what was collected of a message that was to be returned whole: its first part.
    fn take_begun(&mut self) -> Option<MessagePart> {
        self.collected.take().map(|begun| MessagePart { data: owned(begun), is_last: false })
    }

    /// Takes a part of a message that is to be returned whole. Returns it after its last part.
    ///
    /// # Errors
    ///
    /// The message is longer than `max_len`.
    fn collect(&mut self, part: MessagePart, max_len: u64) -> Result<Option<Message>, RemoteProtocolError> {
        let len = self.collected.as_ref().map_or(0, |begun| begun.as_bytes().len());
        let len = len.saturating_add(part.data.as_bytes().len());
        if u64::try_from(len).is_ok_and(|len| len > max_len) {
            self.collected = None;
            return Err(RemoteProtocolError::MessageTooLong);
        }
        if part.is_last && self.collected.is_none() {
            return Ok(Some(part.data));
        }
        match (&mut self.collected, &part.data) {
            (Some(AnyMessage::Text(begun)), Message::Text(text)) => begun.push_str(text),
            (Some(AnyMessage::Binary(begun)), Message::Binary(bytes)) => begun.extend_from_slice(bytes),
            (begun, part) => *begun = Some(part.as_ref().into_owned()),
        }
        Ok(self.collected.take_if(|_| part.is_last).map(owned))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// The next message; `None` once the connection has ended, after one error if the peer has not closed.
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        self.poll_next(Self::next_message, cx)
    }

    /// The next part of a message; `None` as for [`poll_recv`](Self::poll_recv).
    pub(crate) fn poll_recv_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<MessagePart>, Error>> {
        self.poll_next(Self::next_part, cx)
    }

    fn poll_next<T>(
        &mut self,
        next: impl Fn(&mut Self) -> Option<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<T>, Error>> {
        // One of the turns that tokio gives to a task: a flood of small messages does not starve others.
        let turn = ready!(poll_proceed(cx));
        self.facts.receiver_reads = true;
        if let Some(received) = next(self) {
            turn.made_progress();
            return Poll::Ready(Ok(Some(received)));
        }
        let waker = self.wakers.register(Side::Receiving, cx.waker());
        let cx = &mut Context::from_waker(&waker);
        for _ in 0..MAX_TURNS {
            ready!(self.poll_progress(Wanted::Bytes, cx));
            if let Some(received) = next(self) {
                turn.made_progress();
                return Poll::Ready(Ok(Some(received)));
            }
            if self.phase() == Phase::Done {
                turn.made_progress();
                return Poll::Ready(self.report_end().map(|()| None));
            }
        }
        // Other tasks of this thread shall run too.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next message that was read. The rest of a message of which parts were returned is dropped.
    fn next_message(&mut self) -> Option<Message> {
        while let Some(part) = self.ahead.pop().or_else(|| self.read_next()) {
            if self.in_progress.is_returned {
                self.in_progress.is_returned = !part.is_last;
                continue;
            }
            match self.in_progress.collect(part, self.settings.limits.max_message_len) {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(error) => {
                    self.in_progress.refused = Some(error);
                    self.messages.fail(error);
                    self.ahead = ReadAhead::new(self.settings.read_ahead);
                }
            }
        }
        None
    }

    /// The next part that was read.
    fn next_part(&mut self) -> Option<MessagePart> {
        let part =
            self.in_progress.take_begun().or_else(|| self.ahead.pop()).or_else(|| self.read_next_part())?;
        self.in_progress.is_returned = !part.is_last;
        Some(part)
    }

    /// Reads the next message from the buffer; or its next part, if it is read in parts.
    fn read_next(&mut self) -> Option<MessagePart> {
        if self.in_progress.streams || self.in_progress.is_read {
            return self.read_next_part();
        }
        let data = self.messages.next_message_bytes()?;
        Some(MessagePart { data, is_last: true })
    }

    fn read_next_part(&mut self) -> Option<MessagePart> {
        let part = self.messages.next_part_bytes()?;
        self.in_progress.is_read = !part.is_last;
        Some(part)
    }

    /// Takes all parts that were read and not returned.
    pub(super) fn take_received(&mut self) -> Vec<MessagePart> {
        std::iter::from_fn(|| self.in_progress.take_begun().or_else(|| self.ahead.pop())).collect()
    }

    /// Takes messages out of the buffer, so that a ping or a close frame after them is read.
    pub(super) fn keep_messages(&mut self, read: usize) {
        self.ahead.count_read(read);
        while self.ahead.has_room() || self.facts.no_receiver {
            let Some(part) = self.read_next() else { break };
            if !self.facts.no_receiver {
                self.ahead.push(part);
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
        self.in_progress.drop_collected();
        self.wakers.wake();
    }
}
