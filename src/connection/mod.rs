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

use crate::close_code::CloseCode;
use crate::entropy::{Entropy, NoEntropy};
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::event::{CloseConnection, Event, EventRef, Outgoing};
#[cfg(feature = "alloc")]
use crate::extension::Extensions;
use crate::limits::Limits;
use crate::message::Found;
use crate::output::Output;
use crate::role::Role;

#[cfg(feature = "alloc")]
pub use prepared::PreparedMessage;
pub use receiver::{Receiver, ReceiverState};
pub use replies::{AutoReplies, ReplyPolicy};
pub use sender::Sender;
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
        if let (Event::Close(close), true) = (event.as_event(), self.echoes_mandatory_extension(&event)) {
            return self.sender.send_close(close, true, output);
        }
        self.sender.send(event, output)
    }

    /// Whether this is the reply to a close frame with the code 1010, which only a client can send first (§7.4.1).
    fn echoes_mandatory_extension(&self, event: &impl Outgoing) -> bool {
        let has_code = |close: CloseConnection<&str>| close.code == Some(CloseCode::MANDATORY_EXT);
        let Event::Close(close) = event.as_event() else { return false };
        has_code(close) && !event.is_reply() && self.receiver.received_close().is_some_and(has_code)
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

    /// Takes the connection apart into its halves, for example to move them to two tasks or threads.
    ///
    /// A half knows only its own side. So tell the sender what the receiver has found:
    /// [`close_received`](Sender::close_received) after the peer's close frame, [`peer_failed`](Sender::peer_failed)
    /// after an error, and [`transport_ended`](Sender::transport_ended) at the end of the transport.
    /// [`from_parts`](Self::from_parts) joins the halves again, for [`close_info`](Self::close_info).
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

    /// The state of the connection.
    pub const fn state(&self) -> ConnectionState {
        ConnectionState::of(&self.receiver, self.sender.is_close_sent())
    }

    /// What to do with the transport once the output is written.
    pub const fn transport_action(&self) -> TransportAction {
        TransportAction::of(&self.receiver, self.sender.is_close_sent(), self.sender.role())
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
        let by = match self.receiver.state() {
            ReceiverState::CloseReceived if self.sender.is_close_reply() => ClosedBy::Remote,
            ReceiverState::CloseReceived if self.sender.is_close_sent() => ClosedBy::Local,
            ReceiverState::CloseReceived if self.receiver.is_transport_ended() => ClosedBy::Remote,
            ReceiverState::Failed(error) => ClosedBy::Failure(error),
            ReceiverState::Ended => ClosedBy::Transport,
            ReceiverState::Open | ReceiverState::CloseReceived => return None,
        };
        Some(match self.receiver.received_close() {
            Some(CloseConnection { code, reason }) => CloseInfo {
                by,
                code: code.unwrap_or(CloseCode::NO_STATUS_RCVD),
                reason,
                was_clean: self.sender.is_close_sent(),
            },
            None => CloseInfo { by, code: CloseCode::ABNORMAL_CLOSURE, reason: "", was_clean: false },
        })
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
