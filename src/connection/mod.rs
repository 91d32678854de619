//! An open connection: its two halves, and the rules that need both (RFC 6455 §5.5.1, §7).

mod receiver;
#[cfg(feature = "alloc")]
mod prepared;
mod sender;
// These use the two halves.
#[cfg(feature = "bytes")]
mod owned;
mod replies;
mod state;
mod notice;
mod halves;
#[cfg(feature = "std")]
mod shared;

use crate::entropy::{Entropy, NoEntropy};
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::event::{CloseConnection, Event, EventRef, Outgoing};
#[cfg(feature = "alloc")]
use crate::extension::Extensions;
use crate::limits::Limits;
use crate::message::Found;
use crate::output::Output;
use crate::role::Role;

pub use halves::{ReceiverHalf, SenderHalf};
pub use notice::Notice;
#[cfg(feature = "alloc")]
pub use prepared::{PreparedFrame, PreparedMessage};
pub use receiver::{Receiver, ReceiverState};
pub use replies::{AutoReplies, ReplyPolicy};
pub use sender::{CloseSent, Sender};
#[cfg(feature = "std")]
pub use shared::{SharedReceiver, SharedSender};
use state::Facts;
pub use state::{CloseInfo, ClosedBy, ConnectionState, TransportAction};

/// An open connection, after the handshake: a [`Receiver`] and a [`Sender`].
///
/// It applies the rules that need both: once the peer's close frame was received, no new message starts.
/// [`split`](Self::split) borrows the halves separately, so that a reply can be sent while an event is held:
///
/// ```
/// use wsproto::{Connection, Event, Limits};
///
/// let mut connection = Connection::server(Limits::default());
/// let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80\0\0\0\0";
/// let mut input = bytes.as_mut_slice(); // read from the socket: "Hello" and a ping
/// let mut output = Vec::new(); // to be written to the socket
///
/// let (receiver, sender) = connection.split();
/// while let Some(event) = receiver.next_event(&mut input)? {
///     match event {
///         Event::Text(piece) => sender.send(piece, &mut output)?,
///         Event::Bytes(piece) => sender.send(piece, &mut output)?,
///         Event::Ping(ping) => sender.send(ping.response(), &mut output)?,
///         Event::Close(close) => sender.send(close.response(), &mut output)?,
///         Event::Pong(_) => {}
///     }
/// }
/// assert_eq!(output, b"\x81\x05Hello\x8a\x00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection<E = NoEntropy> {
    receiver: Receiver,
    sender: Sender<E>,
}

/// A server's connection, which does not mask and needs no entropy.
///
/// This name and [`ClientConnection`] show which side a connection is:
///
/// ```
/// use wsproto::{ClientConnection, Limits, SeededEntropy, Role, ServerConnection};
///
/// let server: ServerConnection = ServerConnection::server(Limits::default());
/// let client: ClientConnection<SeededEntropy> = ClientConnection::client(Limits::default(), SeededEntropy::new());
/// assert_eq!((server.role(), client.role()), (Role::Server, Role::Client));
/// ```
///
/// If the role is known only at run time, as in a proxy, use [`Connection::with_role`].
pub type ServerConnection = Connection<NoEntropy>;

/// A client's connection, which masks its frames with keys from an [`Entropy`]. [`ServerConnection`] has an example.
pub type ClientConnection<E> = Connection<E>;

impl Connection<NoEntropy> {
    /// A server's connection.
    pub const fn server(limits: Limits) -> Self {
        Self::new(limits, None)
    }
}

impl<E: Entropy> Connection<E> {
    /// A client's connection, which masks its frames with keys from `entropy`.
    pub const fn client(limits: Limits, entropy: E) -> Self {
        Self::new(limits, Some(entropy))
    }

    /// A connection whose role is known only at run time; a server draws nothing from `entropy`.
    ///
    /// The two connections of a proxy then have the same type:
    ///
    /// ```
    /// use wsproto::{Connection, Limits, Role, TextMessage};
    /// # struct Fixed;
    /// # impl wsproto::Entropy for Fixed {
    /// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(b"\x37\xfa\x21\x3d"); }
    /// # }
    ///
    /// let ends = [Role::Server, Role::Client].map(|role| Connection::with_role(role, Limits::default(), Fixed));
    /// let sent = ends.map(|mut end| {
    ///     let mut output = Vec::new();
    ///     end.send(TextMessage::from("Hello"), &mut output).map(|()| output)
    /// });
    /// assert_eq!(sent[0].as_ref().unwrap(), b"\x81\x05Hello");
    /// assert_eq!(sent[1].as_ref().unwrap(), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    /// ```
    pub fn with_role(role: Role, limits: Limits, entropy: E) -> Self {
        Self { receiver: Receiver::new(role, limits), sender: Sender::with_role(role, entropy) }
    }

    /// A connection in either role; `None` makes a server's.
    pub(crate) const fn new(limits: Limits, entropy: Option<E>) -> Self {
        let sender = Sender::new(entropy);
        Self { receiver: Receiver::new(sender.role(), limits), sender }
    }

    /// The same connection, with the extensions that were agreed on in the handshake. Call it before anything is sent
    /// or received.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn with_extensions(self, extensions: Extensions) -> Self {
        let (inbound, outbound) = extensions.split();
        let Self { receiver, sender } = self;
        Self { receiver: receiver.with_extensions(inbound), sender: sender.with_extensions(outbound) }
    }

    /// Reads the next event from `input`, and removes the bytes it used: see [`Receiver::next_event`].
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once.
    #[inline(always)]
    pub fn next_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        let next = self.receiver.next_event(input);
        match &next {
            Ok(Some(Event::Close(_))) => self.sender.close_received(),
            Ok(_) => {}
            Err(_) => self.sender.peer_failed(),
        }
        next
    }

    /// As [`next_event`](Self::next_event), but `input` is the last: see [`Receiver::last_event`].
    #[cfg(all(feature = "alloc", feature = "handshake"))]
    pub(crate) fn last_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        // The sender is informed of the end when it is next used.
        self.receiver.last_event(input)
    }

    /// As [`next_event`](Self::next_event), but returns where the data is in `input`: see [`Receiver::next_range`].
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once.
    #[inline]
    pub fn next_range(&mut self, input: &mut &mut [u8]) -> Result<Option<Found<'_>>, RemoteProtocolError> {
        let found = self.receiver.next_range(input).inspect_err(|_| self.sender.peer_failed())?;
        if let Some(Found { event: Event::Close(_), .. }) = found {
            self.sender.close_received();
        }
        Ok(found)
    }

    /// As [`next_event`](Self::next_event), but reads a frame only once `input` holds all of it: see
    /// [`Receiver::next_frame_event`].
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once.
    #[inline(always)]
    pub fn next_frame_event<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<EventRef<'r>>, RemoteProtocolError> {
        let next = self.receiver.next_frame_event(input);
        match &next {
            Ok(Some(Event::Close(_))) => self.sender.close_received(),
            Ok(_) => {}
            Err(_) => self.sender.peer_failed(),
        }
        next
    }

    /// How many more bytes `input` needs to hold the next frame completely: see [`Receiver::bytes_needed`].
    pub fn bytes_needed(&self, input: &[u8]) -> u64 {
        self.receiver.bytes_needed(input)
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
        if !self.receiver.is_reading() {
            return self.send_at_end(event, output);
        }
        self.sender.send(event, output)
    }

    /// [`send`](Self::send) once the peer or the transport may have ended.
    #[cold]
    #[inline(never)]
    fn send_at_end(
        &mut self,
        event: impl Outgoing,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if self.receiver.is_transport_ended() && !event.is_reply() {
            return Err(LocalProtocolError::Ended);
        }
        self.inform_sender_of_end();
        let received = self.receiver.received_close().and_then(|close| close.code);
        self.sender.send_at_end(event, received, output)
    }

    /// Records that the transport has ended: see [`Receiver::receive_eof`].
    ///
    /// The other direction may still be open: a close frame or an error from before the end can still be answered.
    #[must_use = "it is the only event of a connection that ended without a close frame (1006)"]
    pub fn receive_eof(&mut self) -> Option<CloseConnection<&'static str>> {
        let close = self.receiver.receive_eof();
        self.inform_sender();
        close
    }

    /// Frees memory that is kept only for speed, in both halves: see [`Receiver::release_memory`] and
    /// [`Sender::release_memory`].
    #[cfg(feature = "alloc")]
    pub fn release_memory(&mut self) {
        self.receiver.release_memory();
        self.sender.release_memory();
    }

    /// Borrows the two halves separately, so that the sender can be used while an event from the receiver is held.
    ///
    /// Each half knows only its own side. The sender learns that the peer has closed in one of three ways: the
    /// [`response`](CloseConnection::response) is sent, [`Sender::close_received`] is called, or the connection itself
    /// is used again.
    pub fn split(&mut self) -> (&mut Receiver, &mut Sender<E>) {
        self.inform_sender();
        (&mut self.receiver, &mut self.sender)
    }

    /// Takes the connection apart for two tasks or threads; the caller carries notices from one half to the other.
    ///
    /// The sending half then answers pings, the peer's close frame and its errors, as `replies` say; replies that already
    /// wait there are not lost. Both halves know what to do with the transport, and how the connection ended. Nothing is
    /// shared, so this needs neither a lock nor an allocator. A [`Notice`] wakes the sending task if it comes through the
    /// same channel as the messages to send:
    ///
    #[cfg_attr(feature = "std", doc = "```")]
    #[cfg_attr(not(feature = "std"), doc = "```ignore")]
    /// use std::io::{self, Read, Write};
    /// use std::sync::mpsc;
    /// use std::thread;
    /// use wsproto::{AutoReplies, Connection, Event, Limits, Notice, ReceiverHalf, ReplyPolicy, SenderHalf};
    /// use wsproto::{TextMessage, TransportAction};
    ///
    /// /// What the sending thread waits for.
    /// enum Job {
    ///     Text(String),
    ///     Notice(Notice),
    /// }
    ///
    /// fn receive(mut half: ReceiverHalf, mut socket: impl Read, jobs: mpsc::SyncSender<Job>) -> io::Result<()> {
    ///     let mut buffer = vec![0; 16 << 10];
    ///     loop {
    ///         let len = socket.read(&mut buffer)?;
    ///         if len == 0 {
    ///             _ = half.receive_eof();
    ///         }
    ///         let mut input = &mut buffer[..len];
    ///         loop {
    ///             match half.next_event(&mut input) {
    ///                 Ok(Some(Event::Text(piece))) => {
    ///                     let echo = Job::Text(piece.data.to_uppercase());
    ///                     _ = jobs.send(echo); // it waits while the sending thread is slow
    ///                 }
    ///                 Ok(Some(_)) => {}
    ///                 Ok(None) => break,
    ///                 Err(error) => eprintln!("{error}"), // it is answered
    ///             }
    ///         }
    ///         if let Some(notice) = half.take_notice() {
    ///             _ = jobs.send(Job::Notice(notice));
    ///         }
    ///         if len == 0 {
    ///             return Ok(()); // after our close frame too, read to the end
    ///         }
    ///     }
    /// }
    ///
    /// fn send(mut half: SenderHalf, mut socket: impl Write, jobs: mpsc::Receiver<Job>) -> io::Result<()> {
    ///     let mut output = Vec::new();
    ///     for job in jobs {
    ///         match job {
    ///             // It is refused once the connection closes.
    ///             Job::Text(text) => _ = half.send(TextMessage::from(text), &mut output),
    ///             Job::Notice(notice) => half.on_notice(&notice),
    ///         }
    ///         half.send_replies(&mut output)?;
    ///         socket.write_all(&output)?;
    ///         output.clear();
    ///         if half.transport_action() != TransportAction::Keep {
    ///             println!("{:?}", half.close_info());
    ///             return Ok(()); // shut down the writing direction here
    ///         }
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let connection = Connection::server(Limits::default());
    /// let (receiving, sending) = connection.into_halves(AutoReplies::new(ReplyPolicy::PongAndClose));
    /// # let reader = &b"\x81\x82\0\0\0\0hi\x89\x81\0\0\0\0?\x88\x82\0\0\0\0\x03\xe8"[..];
    /// # let mut writer = Vec::new();
    /// let (jobs, waiting) = mpsc::sync_channel(16);
    /// thread::scope(|scope| {
    ///     let receiver = scope.spawn(|| receive(receiving, reader, jobs));
    ///     send(sending, &mut writer, waiting)?;
    ///     receiver.join().unwrap()
    /// })?;
    /// # assert_eq!(writer, b"\x81\x02HI\x8a\x01?\x88\x02\x03\xe8");
    /// # Ok::<(), io::Error>(())
    /// ```
    ///
    /// In async code, the loops are the same, with the channels of your runtime. [`into_shared_halves`] needs no notices.
    ///
    #[cfg_attr(feature = "std", doc = "[`into_shared_halves`]: Self::into_shared_halves")]
    #[cfg_attr(not(feature = "std"), doc = "[`into_shared_halves`]: crate#features")]
    pub fn into_halves(mut self, replies: AutoReplies) -> (ReceiverHalf, SenderHalf<E>) {
        self.inform_sender();
        let Self { receiver, sender } = self;
        let (reports_pings, close_sent) = (replies.answers_pings(), sender.close_sent());
        let sending = SenderHalf::new(&receiver, sender, replies);
        (ReceiverHalf::new(receiver, reports_pings, close_sent), sending)
    }

    /// Takes the connection apart for two threads or tasks; its halves share what both have to know.
    ///
    /// As [`into_halves`](Self::into_halves), but without notices to carry: only waking the sending task is left to the
    /// caller, by something that it waits for. The halves share a lock, which data messages do not touch. These two
    /// tasks run on any async runtime, whose socket and channel the closures call:
    ///
    /// ```
    /// use std::io;
    /// use wsproto::{AutoReplies, Connection, Limits, ReplyPolicy, SharedReceiver, SharedSender};
    /// use wsproto::{TextMessage, TransportAction};
    ///
    /// async fn receive(
    ///     mut half: SharedReceiver,
    ///     mut read: impl AsyncFnMut(&mut [u8]) -> io::Result<usize>,
    ///     mut wake: impl AsyncFnMut(), // puts `None` into the channel, or calls a `Notify`
    /// ) -> io::Result<()> {
    ///     let mut buffer = vec![0; 16 << 10];
    ///     loop {
    ///         let len = read(&mut buffer).await?;
    ///         if len == 0 {
    ///             _ = half.receive_eof();
    ///         }
    ///         let mut input = &mut buffer[..len];
    ///         loop {
    ///             match half.next_event(&mut input) {
    ///                 Ok(Some(event)) => println!("{event:?}"),
    ///                 Ok(None) => break,
    ///                 Err(error) => println!("{error}"), // it is answered
    ///             }
    ///         }
    ///         if half.take_wake() {
    ///             wake().await;
    ///         }
    ///         if len == 0 {
    ///             return Ok(()); // after our close frame too, read to the end
    ///         }
    ///     }
    /// }
    ///
    /// async fn send(
    ///     mut half: SharedSender,
    ///     mut write: impl AsyncFnMut(&[u8]) -> io::Result<()>,
    ///     mut next: impl AsyncFnMut() -> Option<String>, // a text to send, or `None` after a wake
    /// ) -> io::Result<()> {
    ///     let mut output = Vec::new();
    ///     loop {
    ///         half.send_replies(&mut output)?;
    ///         write(&output).await?;
    ///         output.clear();
    ///         if half.transport_action() != TransportAction::Keep {
    ///             println!("{:?}", half.close_info());
    ///             return Ok(()); // shut down the writing direction here
    ///         }
    ///         if let Some(text) = next().await {
    ///             _ = half.send(TextMessage::from(text), &mut output); // refused once the connection closes
    ///         }
    ///     }
    /// }
    ///
    /// let connection = Connection::server(Limits::default());
    /// let (receiving, sending) = connection.into_shared_halves(AutoReplies::new(ReplyPolicy::PongAndClose));
    /// # let mut reader = &b"\x89\x81\0\0\0\0?\x88\x82\0\0\0\0\x03\xe8"[..];
    /// # let (mut written, mut texts) = (Vec::new(), vec![None, Some("Hello".to_owned())]);
    /// # let read = async |buffer: &mut [u8]| io::Read::read(&mut reader, buffer);
    /// # let write = async |bytes: &[u8]| { written.extend_from_slice(bytes); Ok(()) };
    /// # let next = async || texts.pop().flatten();
    /// # fn block_on<T>(task: impl Future<Output = T>) -> T {
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     match std::pin::pin!(task).poll(&mut context) {
    /// #         std::task::Poll::Ready(result) => result,
    /// #         std::task::Poll::Pending => unreachable!(),
    /// #     }
    /// # }
    /// # let wake = async || {};
    /// # _ = stringify!(
    /// spawn(receive(receiving, read, wake));
    /// spawn(send(sending, write, next));
    /// # );
    /// # block_on(receive(receiving, read, wake))?;
    /// # block_on(send(sending, write, next))?;
    /// # assert_eq!(written, b"\x8a\x01?\x88\x02\x03\xe8");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn into_shared_halves(mut self, replies: AutoReplies) -> (SharedReceiver, SharedSender<E>) {
        self.inform_sender();
        let Self { receiver, sender } = self;
        shared::shared_halves(receiver, sender, replies)
    }

    /// Takes the connection apart into its two machines, which know nothing of each other.
    ///
    /// This is for callers that use only one of them. To use both, in two tasks or threads, call
    /// [`into_halves`](Self::into_halves). [`from_parts`](Self::from_parts) joins the two again.
    pub fn into_parts(self) -> (Receiver, Sender<E>) {
        (self.receiver, self.sender)
    }

    /// Joins two halves again.
    pub const fn from_parts(receiver: Receiver, sender: Sender<E>) -> Self {
        Self { receiver, sender }
    }

    /// The receiving half.
    pub const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// The receiving half, mutably.
    pub const fn receiver_mut(&mut self) -> &mut Receiver {
        &mut self.receiver
    }

    /// The sending half.
    ///
    /// It may not know yet that the peer has closed or failed: [`sender_mut`](Self::sender_mut) updates it.
    pub const fn sender(&self) -> &Sender<E> {
        &self.sender
    }

    /// The sending half, mutably. Before, it is informed if the peer has closed or failed.
    #[inline(always)]
    pub fn sender_mut(&mut self) -> &mut Sender<E> {
        self.inform_sender();
        &mut self.sender
    }

    /// Informs the sender if the receiver has reached the end.
    #[inline(always)]
    fn inform_sender(&mut self) {
        if !self.receiver.is_reading() {
            self.inform_sender_of_end();
        }
    }

    #[cold]
    fn inform_sender_of_end(&mut self) {
        match self.receiver.state() {
            ReceiverState::Open => {}
            ReceiverState::CloseReceived => self.sender.close_received(),
            ReceiverState::Failed(_) => self.sender.peer_failed(),
            ReceiverState::Ended => self.sender.transport_ended(),
        }
    }

    /// Our own role.
    pub const fn role(&self) -> Role {
        self.sender.role()
    }

    const fn facts(&self) -> Facts {
        Facts::of(&self.receiver, self.sender.close_sent())
    }

    /// The state of the connection.
    pub const fn state(&self) -> ConnectionState {
        self.facts().state()
    }

    /// What to do with the transport once the output is written.
    pub const fn transport_action(&self) -> TransportAction {
        self.facts().transport_action()
    }

    /// How the connection ended; `None` if it has not ended.
    ///
    /// ```
    /// use wsproto::{CloseCode, CloseConnection, ClosedBy, Connection, Limits};
    ///
    /// let mut connection = Connection::server(Limits::default());
    /// assert_eq!(connection.close_info(), None);
    /// _ = connection.receive_eof();
    /// let close_info = connection.close_info().unwrap();
    /// assert_eq!(close_info.by, ClosedBy::Transport);
    /// assert_eq!(close_info.code, CloseCode::ABNORMAL_CLOSURE);
    /// assert!(!close_info.was_clean);
    /// ```
    pub fn close_info(&self) -> Option<CloseInfo<'_>> {
        self.facts().close_info(self.receiver.received_close())
    }
}

impl<E: Clone> Connection<E> {
    /// A copy that behaves exactly as this connection; `None` while an extension in use cannot be copied.
    ///
    /// Without extensions this always returns a copy. zlib's streams cannot be copied: with permessage-deflate it
    /// returns a copy only until the first message is compressed or decompressed. Your own extensions decide with
    /// `InboundExtension::try_clone` and `OutboundExtension::try_clone`.
    ///
    /// ```
    /// use wsproto::{Connection, Limits, TextMessage};
    ///
    /// let mut connection = Connection::server(Limits::default());
    /// let mut copy = connection.try_clone().unwrap();
    /// let mut outputs = [Vec::new(), Vec::new()];
    /// connection.send(TextMessage::from("Hello"), &mut outputs[0])?;
    /// copy.send(TextMessage::from("Hello"), &mut outputs[1])?;
    /// assert_eq!(outputs[0], outputs[1]);
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self { receiver: self.receiver.try_clone()?, sender: self.sender.try_clone()? })
    }
}
