//! Whole messages: a buffer, a connection, and the replies that the protocol asks for, in one machine.

mod observed;
mod replies;
mod inbox;
mod outbox;
#[cfg(feature = "bytes")]
mod parts;
#[cfg(feature = "bytes")]
pub use parts::MessagePart;

use alloc::vec::Vec;
use core::time::Duration;

#[cfg(feature = "bytes")]
use bytes::{BufMut, Bytes};

use crate::close_code::CloseCode;
use crate::connection::{
    CloseInfo, Connection, ConnectionState, Receiver, ReceiverState, ReplyPolicy, Sender, TransportAction,
};
use crate::entropy::{Entropy, NoEntropy};
use crate::error::{LocalProtocolError, RemoteProtocolError};
#[cfg(feature = "bytes")]
use crate::event::Message;
use crate::event::{CloseConnection, Event, MessageRef, Outgoing, Ping};
use crate::keepalive::{Keepalive, KeepaliveAction, Timeout};
use crate::read_buffer::ReadBuffer;
#[cfg(feature = "bytes")]
use crate::utf8_bytes::Utf8Bytes;

use inbox::Inbox;
use outbox::Outbox;
use replies::Replies;

/// An open connection that receives whole messages, answers pings and close frames, and has its own buffers.
///
/// This is the easy way to use a connection, after a handshake of any kind. The loop is the same over every transport:
/// handle the messages, write the output, ask what to do with the transport, read.
///
/// ```
/// use std::io::{self, Read, Write};
/// use wsproto::{Connection, Limits, Messages, ReadBuffer, TransportAction};
///
/// /// Sends each message back to the client.
/// fn echo(mut socket: impl Read + Write, mut ws: Messages) -> io::Result<()> {
///     loop {
///         let (mut incoming, mut outgoing) = ws.split();
///         while let Some(message) = incoming.next_message() {
///             outgoing.send(message)?;
///         }
///         socket.write_all(ws.output())?;
///         ws.written(usize::MAX); // all of it
///         if ws.transport_action() != TransportAction::Keep {
///             return Ok(()); // `close_info` says how the connection ended
///         }
///         let len = socket.read(ws.space())?;
///         ws.filled(len)?;
///     }
/// }
///
/// // After the handshake, which has read from the same buffer:
/// let ws = Messages::new(Connection::server(Limits::default()), ReadBuffer::new());
/// # struct Socket(&'static [u8], Vec<u8>);
/// # impl Read for Socket {
/// #     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> { self.0.read(buffer) }
/// # }
/// # impl Write for Socket {
/// #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.1.write(bytes) }
/// #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
/// # }
/// # let mut socket = Socket(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80\0\0\0\0\x81\x05Hello", Vec::new());
/// # echo(&mut socket, ws)?;
/// # assert_eq!(socket.1, b"\x81\x05Hello\x8a\x00\x88\x1f\x03\xeaframe from client is unmasked");
/// # Ok::<(), io::Error>(())
/// ```
///
/// # If the peer breaks a rule
///
/// Then no message follows, the close frame that says why is in the output, and [`failure`](Self::failure) and
/// [`close_info`](Self::close_info) return the error. So a loop that only looks at messages does everything right.
///
/// Text is checked when its message is complete, so another error may come first. A [`Receiver`] reports invalid text as
/// soon as it arrives.
///
/// # Time
///
/// With [`with_keepalive`](Self::with_keepalive), call [`poll`](Self::poll) before you wait: it sends pings and says
/// until when to wait.
///
/// # Memory
///
/// A message in one frame is returned where it was read, without a copy. Later fragments are moved to the first, and
/// compressed messages are collected in a second buffer. So the buffer holds the longest message, which
/// [`Limits`](crate::Limits) bound. It grows as bytes arrive, whatever the peer announces. Between messages it keeps at
/// most what [`ReadBuffer::with_max_kept`] says, and nothing after [`release_memory`](Self::release_memory).
///
/// The output holds what you have sent and not written. Stop reading while it is long: then it grows only by a pong
/// and a close frame.
#[derive(Debug)]
pub struct Messages<E = NoEntropy> {
    connection: Connection<E>,
    inbox: Inbox,
    outbox: Outbox,
    keepalive: Option<Keepalive>,
    /// A ping that is due, and waits for the end of a streamed frame.
    ping: Option<[u8; 8]>,
    /// A close frame that is due, and waits for it.
    close: Option<CloseCode>,
    timeout: Option<Timeout>,
}

/// What [`Messages::into_parts`] returns: the connection, and the bytes around it.
#[derive(Debug)]
#[non_exhaustive]
pub struct MessagesParts<E = NoEntropy> {
    /// The connection; a message may be in progress in each direction.
    pub connection: Connection<E>,
    /// The bytes that were received and are not read yet.
    pub buffer: ReadBuffer,
    /// The bytes that are not written yet, replies included.
    pub output: Vec<u8>,
    /// What was collected of a message that is not complete; the connection has read it.
    #[cfg(feature = "bytes")]
    pub begun: Option<MessagePart>,
}

/// The receiving side of [`Messages`], from [`Messages::split`].
#[derive(Debug)]
pub struct IncomingMessages<'a> {
    receiver: &'a mut Receiver,
    inbox: &'a mut Inbox,
}

/// The sending side of [`Messages`], from [`Messages::split`].
#[derive(Debug)]
pub struct OutgoingMessages<'a, E = NoEntropy> {
    sender: &'a mut Sender<E>,
    outbox: &'a mut Outbox,
}

impl<E: Entropy> Messages<E> {
    /// The messages of `connection`, which has no message in progress.
    ///
    /// Pass the `buffer` that the handshake has read from: it may have the first messages already.
    pub fn new(connection: Connection<E>, buffer: ReadBuffer) -> Self {
        let limit = usize::try_from(connection.receiver().max_message_len()).unwrap_or(usize::MAX);
        let this = Self {
            connection,
            inbox: Inbox::new(buffer.with_max_len(limit.saturating_add(ROOM))),
            outbox: Outbox::new(),
            keepalive: None,
            ping: None,
            close: None,
            timeout: None,
        };
        this.with_reply_policy(ReplyPolicy::PongAndClose)
    }

    /// Sets which replies are prepared automatically: [`ReplyPolicy::PongAndClose`] unless set.
    ///
    /// With less, the connection never closes of itself: send a close frame once the state is
    /// [`RemoteClosing`](ConnectionState::RemoteClosing).
    #[must_use = "it returns the machine with this setting"]
    pub fn with_reply_policy(mut self, policy: ReplyPolicy) -> Self {
        let receiver = self.connection.receiver();
        self.inbox.replies = Replies::new(policy);
        // What the connection has received before.
        if let Some(close) = receiver.received_close() {
            self.inbox.replies.on_event(&Event::Close(close));
        } else if let ReceiverState::Failed(error) = receiver.state() {
            self.inbox.replies.on_failure(error);
        }
        self
    }

    /// Sends pings, and gives up a connection that is dead or too slow: see [`poll`](Self::poll).
    ///
    /// The first call of [`poll`](Self::poll) reports that the handshake has [ended](Keepalive::opened).
    #[must_use = "it returns the machine with this setting"]
    pub const fn with_keepalive(mut self, keepalive: Keepalive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// The space to read into; report by [`filled`](Self::filled) how much was read.
    ///
    /// It ends where a message of more than 16 KiB ends, so that the next one begins at the front of the buffer. It is
    /// empty only if more is unread than the longest message needs: take the messages before you read more.
    pub fn space(&mut self) -> &mut [u8] {
        self.inbox.space()
    }

    /// The same space, not initialized: for transports that read into a [`BufMut`], such as by tokio's `read_buf`.
    ///
    /// Report by [`filled`](Self::filled) how much was read.
    #[cfg(feature = "bytes")]
    pub fn buf_mut(&mut self) -> impl BufMut + '_ {
        self.inbox.buf_mut()
    }

    /// Records that `len` bytes were read into the [`space`](Self::space). 0 means that the transport has ended, as in
    /// [`std::io::Read`](https://doc.rust-lang.org/std/io/trait.Read.html), unless the space was empty.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::BufferFull`] if the space is shorter; then nothing has changed.
    pub fn filled(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.inbox.filled(len)
    }

    /// Appends bytes that were read elsewhere. They are copied once; [`space`](Self::space) saves that.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::BufferFull`] if they are more than a message may have; then nothing has changed.
    pub fn receive_data(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError> {
        self.inbox.buffer.extend_from_slice(bytes)?;
        self.inbox.observed.bytes |= !bytes.is_empty();
        Ok(())
    }

    /// Records that the transport has ended. Messages that were received before can still be read: the connection ends
    /// when [`next_message`](Self::next_message) returns `None`.
    pub fn receive_eof(&mut self) {
        self.inbox.receive_eof();
    }

    /// Returns the next message, if all of it was received.
    ///
    /// `None` means that more bytes are needed, or that no more messages follow: [`transport_action`] says
    /// which. To answer a message while it is borrowed, [`split`](Self::split) the two sides.
    ///
    /// [`transport_action`]: Self::transport_action
    #[inline(always)]
    pub fn next_message(&mut self) -> Option<MessageRef<'_>> {
        self.inbox.next_message(self.connection.receiver_mut())
    }

    /// Returns the next message as bytes of its own: without a copy, it is taken out of the buffer.
    ///
    /// It can be kept, cloned and moved to another thread. Its memory is a part of the buffer's, which is freed, or used
    /// for further reads, once all messages in it are dropped. A compressed message has memory of its own.
    ///
    /// ```
    /// use wsproto::{Connection, Limits, Message, Messages, ReadBuffer, SeededEntropy};
    ///
    /// let connection = Connection::client(Limits::default(), SeededEntropy::new());
    /// let mut ws = Messages::new(connection, ReadBuffer::new());
    /// ws.receive_data(b"\x81\x05Hello\x82\x01!")?;
    /// let messages: Vec<_> = std::iter::from_fn(|| ws.next_message_bytes()).collect();
    /// assert_eq!(messages, [Message::Text("Hello".into()), Message::Binary("!".into())]);
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    #[cfg(feature = "bytes")]
    pub fn next_message_bytes(&mut self) -> Option<Message<Utf8Bytes, Bytes>> {
        self.inbox.next_message_bytes(self.connection.receiver_mut())
    }

    /// Returns the next part of a message: as much of it as was received, and not returned yet.
    ///
    /// It is for messages that are longer than you want to store; [`Limits::max_message_len`](crate::Limits) counts for
    /// their whole length. Memory is needed only for what is read at a time. Text is checked as it arrives.
    ///
    /// It can be mixed with [`next_message`](Self::next_message) and
    /// [`next_message_bytes`](Self::next_message_bytes). If some parts of a message were returned, these drop its rest, and
    /// return the message after it. What they have collected of a message that is not complete is its first part.
    #[cfg(feature = "bytes")]
    pub fn next_part_bytes(&mut self) -> Option<MessagePart> {
        self.inbox.next_part(self.connection.receiver_mut())
    }

    /// Fails the connection, as if the peer had broken this rule: for rules and limits of the caller's own.
    ///
    /// The close frame that says so is in the output then, and no message follows. If the peer has closed, or if the
    /// connection has failed or ended, it does nothing.
    ///
    /// ```
    /// use wsproto::{Connection, Limits, Messages, ReadBuffer, RemoteProtocolError};
    ///
    /// let mut ws = Messages::new(Connection::server(Limits::default()), ReadBuffer::new());
    /// ws.fail(RemoteProtocolError::MessageTooLong);
    /// assert_eq!(ws.failure(), Some(RemoteProtocolError::MessageTooLong));
    /// assert!(ws.output().starts_with(b"\x88")); // a close frame
    /// ```
    pub fn fail(&mut self, error: RemoteProtocolError) {
        if self.connection.receiver().state() == ReceiverState::Open {
            self.connection.receiver_mut().decoder_mut().fail_by_caller(error);
            self.inbox.replies.on_failure(error);
            self.inbox.free();
        }
    }

    /// Adds a message, a ping or a close frame to the output.
    ///
    /// # Errors
    ///
    /// What [`Connection::send`] refuses; then nothing has changed.
    #[inline(always)]
    pub fn send(&mut self, event: impl Outgoing) -> Result<(), LocalProtocolError> {
        self.connection.send(event, &mut self.outbox.bytes)
    }

    /// Borrows the two sides separately, so that a message can be sent while another is borrowed.
    pub fn split(&mut self) -> (IncomingMessages<'_>, OutgoingMessages<'_, E>) {
        let (receiver, sender) = self.connection.split();
        (
            IncomingMessages { receiver, inbox: &mut self.inbox },
            OutgoingMessages { sender, outbox: &mut self.outbox },
        )
    }

    /// The bytes to write to the transport, replies included. Report by [`written`](Self::written) how many were
    /// written.
    pub fn output(&mut self) -> &[u8] {
        self.send_replies();
        self.outbox.unwritten()
    }

    /// Removes the first `len` bytes from the [`output`](Self::output), which were written; all if it has fewer.
    pub fn written(&mut self, len: usize) {
        self.outbox.written(len);
    }

    /// Checks the deadlines, adds a ping to the output if one is due, and returns until when to wait at the latest.
    ///
    /// Call it before you wait, after the messages that were received have been handled; then write the
    /// [`output`](Self::output). `now` is explained at [`Keepalive`].
    ///
    /// After the end of the transport there is no deadline. The peer may still not take what waits to be written: limit
    /// the time for that.
    ///
    /// # Errors
    ///
    /// The deadline that has passed. The output then has a close frame, if one can be sent, and
    /// [`transport_action`](Self::transport_action) says to close the transport.
    pub fn poll(&mut self, now: Duration) -> Result<Option<Duration>, Timeout> {
        self.send_replies();
        let Some(keepalive) = &mut self.keepalive else { return Ok(None) };
        if self.timeout.is_none() && self.connection.receiver().is_transport_ended() {
            return Ok(None);
        }
        keepalive.opened(now);
        let is_idle = self.connection.receiver().is_idle() && self.inbox.buffer.unread().is_empty();
        self.inbox.observed.report(keepalive, now, is_idle);
        if self.connection.sender().is_close_sent() {
            keepalive.close_sent(now);
        }
        let due = loop {
            match keepalive.poll(now) {
                KeepaliveAction::Wait(until) => break Ok(until),
                KeepaliveAction::SendPing(payload) => self.ping = Some(payload),
                KeepaliveAction::SendClose(code) => self.close = Some(code),
                KeepaliveAction::GiveUp(timeout) => {
                    if self.timeout.is_none() {
                        self.close = timeout.close_code();
                    }
                    break Err(timeout);
                }
            }
        };
        self.send_due();
        if let (Err(timeout), None) = (due, self.timeout) {
            self.timeout = Some(timeout);
            // Nothing more is read: `close_info` says 1006.
            _ = self.connection.receive_eof();
            self.inbox.free();
        }
        due
    }

    /// Adds the ping and the close frame that are due to the output, unless a streamed frame is not complete.
    fn send_due(&mut self) {
        let Self { connection, outbox, .. } = self;
        // Another error means that the event is not allowed any more, and so not needed.
        let mut send = |event: Event<&str, &[u8]>| {
            matches!(connection.send(event, &mut outbox.bytes), Err(LocalProtocolError::FrameInProgress))
        };
        self.ping = self.ping.filter(|payload| send(Event::Ping(Ping::new(payload))));
        self.close = self.close.filter(|code| send(Event::Close(CloseConnection::new(*code, ""))));
    }

    /// The deadlines, for example to report what was sent, or to read the [round-trip time](Keepalive::round_trip).
    pub const fn keepalive_mut(&mut self) -> Option<&mut Keepalive> {
        self.keepalive.as_mut()
    }

    /// What to do with the transport once the [`output`](Self::output) is written.
    pub fn transport_action(&mut self) -> TransportAction {
        self.send_replies();
        match self.timeout {
            Some(_) => TransportAction::Close,
            None => self.connection.transport_action(),
        }
    }

    /// How the connection ended; `None` if it has not ended.
    pub fn close_info(&mut self) -> Option<CloseInfo<'_>> {
        self.send_replies();
        self.connection.close_info()
    }

    /// The rule that the peer broke, if it did. The close frame that says so is in the output.
    pub const fn failure(&self) -> Option<RemoteProtocolError> {
        match self.connection.receiver().state() {
            ReceiverState::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The state of the connection.
    pub fn state(&mut self) -> ConnectionState {
        self.send_replies();
        self.connection.state()
    }

    /// The connection, for what this type has no method for.
    pub const fn connection(&self) -> &Connection<E> {
        &self.connection
    }

    /// Takes this apart, to go on with the connection in another way. The deadlines are dropped.
    ///
    /// Replies that could not be written yet, because a [streamed](Sender::begin_frame) frame is not complete, are dropped.
    /// Without the feature `bytes`, what was collected of a message that is not complete is dropped too.
    ///
    /// ```
    /// use wsproto::{Connection, Event, Limits, Messages, ReadBuffer, SeededEntropy, TextMessage};
    ///
    /// let connection = Connection::client(Limits::default(), SeededEntropy::new());
    /// let mut ws = Messages::new(connection, ReadBuffer::new());
    /// ws.receive_data(b"\x81\x01a\x81\x01b")?;
    /// assert!(ws.next_message().is_some());
    ///
    /// let mut parts = ws.into_parts();
    /// let event = parts.buffer.read(|input| parts.connection.next_event(input))?;
    /// assert_eq!(event, Some(Event::Text(TextMessage::new("b"))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_parts(mut self) -> MessagesParts<E> {
        self.send_replies();
        #[cfg(feature = "bytes")]
        let begun = self.inbox.take_begun(self.connection.receiver_mut().decoder_mut());
        self.send_replies(); // for text that is not valid
        MessagesParts {
            connection: self.connection,
            buffer: self.inbox.into_buffer(),
            output: self.outbox.into_unwritten(),
            #[cfg(feature = "bytes")]
            begun,
        }
    }

    /// Frees the memory that is kept only for speed: all of the buffers', if all is read and written.
    ///
    /// Call it when the connection has been idle for a while.
    pub fn release_memory(&mut self) {
        self.connection.release_memory();
        self.inbox.release_memory();
        self.outbox.release_memory();
    }

    /// Adds the prepared replies to the output, and frees memory once nothing more is read.
    #[inline(always)]
    fn send_replies(&mut self) {
        let is_due = self.inbox.replies.is_pending() || self.ping.is_some() || self.close.is_some();
        if is_due || self.connection.receiver().is_finished() {
            self.send_pending();
        }
    }

    #[cold]
    #[inline(never)]
    fn send_pending(&mut self) {
        let sender = self.connection.sender_mut();
        // A `Vec` has room. Inside a streamed frame, the replies wait.
        _ = self.inbox.replies.send(sender, &mut self.outbox.bytes);
        if self.ping.is_some() || self.close.is_some() {
            self.send_due();
        }
        if self.connection.receiver().is_finished() {
            self.inbox.free();
        }
    }
}

impl IncomingMessages<'_> {
    /// Returns the next message, if all of it was received: see [`Messages::next_message`].
    #[inline(always)]
    pub fn next_message(&mut self) -> Option<MessageRef<'_>> {
        self.inbox.next_message(self.receiver)
    }

    /// Returns the next message as bytes of its own: see [`Messages::next_message_bytes`].
    #[cfg(feature = "bytes")]
    pub fn next_message_bytes(&mut self) -> Option<Message<Utf8Bytes, Bytes>> {
        self.inbox.next_message_bytes(self.receiver)
    }

    /// Returns the next part of a message: see [`Messages::next_part_bytes`].
    #[cfg(feature = "bytes")]
    pub fn next_part_bytes(&mut self) -> Option<MessagePart> {
        self.inbox.next_part(self.receiver)
    }
}

impl<E: Entropy> OutgoingMessages<'_, E> {
    /// Adds a message, a ping or a close frame to the output: see [`Messages::send`].
    ///
    /// # Errors
    ///
    /// What [`Sender::send`] refuses; then nothing has changed.
    #[inline(always)]
    pub fn send(&mut self, event: impl Outgoing) -> Result<(), LocalProtocolError> {
        self.sender.send(event, &mut self.outbox.bytes)
    }

    /// The sending half of the connection, and the output that is not written yet, for what this type has no method for.
    pub fn parts(&mut self) -> (&mut Sender<E>, &mut Vec<u8>) {
        (self.sender, self.outbox.unwritten_mut())
    }
}

/// How much the buffer holds besides the longest message: the frames that follow it in one read.
const ROOM: usize = 128 << 10;
