//! The handshake and the open connection in one type, with a read buffer, and with events that are borrowed or owned.
//!
//! It corresponds to Python wsproto's `WSConnection`. The crate's front page lists the differences and their reasons.
//!
//! A borrowed event may be in the buffer. So memory is freed by the call after the one that returned the event.

mod event;
mod inbox;
// Uses the types in this file.
mod outgoing;
mod receiving;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use thiserror::Error;

use crate::connection::{AutoReplies, CloseInfo, Connection, ConnectionState, ReplyPolicy, TransportAction};
use crate::entropy::{Entropy, NoEntropy};
use crate::error::{HandshakeError, LocalProtocolError, RemoteProtocolError};
use crate::extension::Extension;
use crate::handshake::{ClientHandshake, ServerHandshake, ServerUpgrade};
use crate::http::RequestHead;
use crate::limits::{HandshakeLimits, Limits};
use crate::output::Output;

use inbox::{End, Inbox};
use outgoing::After;

pub use event::{WsEvent, WsEventRef};
pub use outgoing::WsOutgoing;

/// A WebSocket connection from handshake to close, with its own read buffer; its events are owned or borrowed.
///
/// ```
/// use wsproto::{AcceptConnection, SeededEntropy, Request, TextMessage, WsConnection, WsEvent};
///
/// let mut client = WsConnection::client(SeededEntropy::new());
/// let mut server = WsConnection::server();
///
/// server.receive_data(&client.send(Request::new("localhost", "/"))?)?;
/// let Some(WsEvent::Request(_)) = server.next_event()? else { panic!("no request") };
/// client.receive_data(&server.send(AcceptConnection::new())?)?;
/// let Some(WsEvent::Accept(_)) = client.next_event()? else { panic!("no answer") };
///
/// server.receive_data(&client.send(TextMessage::from("hello"))?)?;
/// assert_eq!(server.next_event()?, Some(WsEvent::Text(TextMessage::new("hello".into()))));
/// assert_eq!(server.next_event()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Without allocations
///
/// Each method above has a form that allocates nothing for a message. A transport can read into the
/// [`space`](Self::space) of the connection, [`next_event_ref`](Self::next_event_ref) borrows the data from there, and
/// [`send_to`](Self::send_to) appends to an output of yours:
///
/// ```
/// use std::io::{self, Read, Write};
/// use wsproto::{AcceptConnection, ReceiveError, ReplyPolicy, TextMessage, TransportAction};
/// use wsproto::{WsConnection, WsEventRef};
///
/// /// Accepts every client, and sends its text messages back.
/// fn echo(mut socket: impl Read + Write) -> io::Result<()> {
///     let mut ws = WsConnection::server().with_reply_policy(ReplyPolicy::PongAndClose);
///     let (mut message, mut output) = (String::new(), Vec::new());
///     while ws.transport_action() == TransportAction::Keep {
///         let len = socket.read(ws.space())?;
///         ws.filled(len)?; // 0 is the end of the transport
///         loop {
///             match ws.next_event_ref() {
///                 Ok(Some(WsEventRef::Request(_))) => ws.send_to(AcceptConnection::new(), &mut output)?,
///                 Ok(Some(WsEventRef::Text(text))) => {
///                     message.push_str(text.data);
///                     if text.message_finished {
///                         ws.send_to(TextMessage::new(&message), &mut output)?;
///                         message.clear();
///                     }
///                 }
///                 Ok(Some(_)) => {}
///                 Ok(None) => break,
///                 Err(ReceiveError::Handshake(error)) => ws.send_to(error.response(), &mut output)?,
///                 Err(_) => {} // a close frame is among the replies
///             }
///         }
///         ws.send_replies(&mut output)?;
///         socket.write_all(&output)?;
///         output.clear();
///     }
///     Ok(())
/// }
/// # let input = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\
/// #     \x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80\0\0\0\0\x88\x80\0\0\0\0";
/// # struct Socket<'a>(&'a [u8], Vec<u8>);
/// # impl Read for Socket<'_> {
/// #     fn read(&mut self, space: &mut [u8]) -> io::Result<usize> { self.0.read(space) }
/// # }
/// # impl Write for Socket<'_> {
/// #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.1.write(bytes) }
/// #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
/// # }
/// # let mut socket = Socket(input, Vec::new());
/// # echo(&mut socket)?;
/// # assert!(socket.1.ends_with(b"\x81\x05Hello\x8a\x00\x88\x00"));
/// # Ok::<(), io::Error>(())
/// ```
///
/// # Memory
///
/// Received bytes are kept until their events are read: read all events before you pass more bytes. Once all bytes are
/// read, at most 64 KiB of memory are kept; after the end of the connection, none. Data that
/// [`next_event_ref`](Self::next_event_ref) returned is freed by the next call of a method that receives or sends.
#[doc(alias = "WSConnection")]
#[derive(Debug)]
pub struct WsConnection<E = NoEntropy> {
    limits: Limits,
    handshake_limits: HandshakeLimits,
    /// The extensions that may be negotiated.
    supported: Vec<Box<dyn Extension>>,
    /// A client's entropy, until it moves into the connection.
    entropy: Option<E>,
    phase: Phase<E>,
    inbox: Inbox,
    /// A pong that was encoded for an event that was then refused.
    outbox: Vec<u8>,
    replies: AutoReplies,
}

/// The error of [`WsConnection::next_event`]: the peer broke a rule, in the handshake or in the open connection.
///
/// ```
/// use wsproto::{HandshakeError, ReceiveError, WsConnection};
///
/// let mut server = WsConnection::server();
/// server.receive_data(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
/// assert_eq!(server.next_event(), Err(ReceiveError::Handshake(HandshakeError::MethodNotGet)));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// An error in the handshake. A server sends its [`response`](HandshakeError::response).
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// An error in the open connection. Send its [`response`](RemoteProtocolError::response).
    #[error(transparent)]
    Protocol(#[from] RemoteProtocolError),
}

/// `Idle` → `Client` → `Open` as a client, `Server` → `Open` as a server. A handshake that fails stays in its phase,
/// and its own state is then closed; it enters `Failed` if the handshake's own state does not know of the failure.
#[derive(Debug)]
enum Phase<E> {
    /// A client that has sent no request.
    Idle,
    /// A client that waits for the response.
    Client(ClientHandshake),
    /// A server that waits for the request, or for the caller's response to it.
    Server(ServerHandshake),
    /// Both sides can send messages.
    Open(Connection<E>),
    /// A client that received too much data before it sent its request, or extensions that it cannot run.
    Failed,
}

impl WsConnection<NoEntropy> {
    /// A server's connection, which waits for a [`Request`](crate::Request).
    pub fn server() -> Self {
        let handshake_limits = HandshakeLimits::DEFAULT;
        Self::new(Phase::Server(ServerHandshake::new(handshake_limits)), None)
    }
}

impl<E: Entropy> WsConnection<E> {
    /// A client's connection, which waits for a [`Request`](crate::Request) to send. The key and the masking keys are
    /// drawn from `entropy`.
    pub fn client(entropy: E) -> Self {
        Self::new(Phase::Idle, Some(entropy))
    }

    fn new(phase: Phase<E>, entropy: Option<E>) -> Self {
        Self {
            limits: Limits::DEFAULT,
            handshake_limits: HandshakeLimits::DEFAULT,
            supported: Vec::new(),
            entropy,
            phase,
            inbox: Inbox::new(),
            outbox: Vec::new(),
            replies: AutoReplies::new(ReplyPolicy::Nothing),
        }
    }

    /// Sets other limits, before anything is sent or received.
    #[must_use]
    pub fn with_limits(mut self, handshake_limits: HandshakeLimits, limits: Limits) -> Self {
        self.limits = limits;
        self.handshake_limits = handshake_limits;
        if let Phase::Server(handshake) = &mut self.phase {
            *handshake = ServerHandshake::new(handshake_limits);
        }
        self
    }

    /// Adds an extension, which a client offers and a server accepts. Call it before anything is sent or received.
    ///
    /// Handshake events that contain other extensions are refused, because nothing would run these.
    ///
    /// ```
    /// use wsproto::{AcceptConnection, SeededEntropy, Request, WsConnection};
    /// # #[cfg(feature = "deflate")] {
    /// use wsproto::PermessageDeflate;
    ///
    /// let mut client = WsConnection::client(SeededEntropy::new()).with_extension(PermessageDeflate::new());
    /// let mut server = WsConnection::server().with_extension(PermessageDeflate::new());
    ///
    /// server.receive_data(&client.send(Request::new("localhost", "/"))?)?;
    /// server.next_event()?;
    /// let answer = server.send(AcceptConnection::new())?;
    /// let agreed = b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    /// assert!(answer.windows(agreed.len()).any(|part| part == agreed));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_extension(mut self, extension: impl Extension + 'static) -> Self {
        self.supported.push(Box::new(extension));
        self
    }

    /// Offers at least `min_space` bytes of [`space`](Self::space), 1 or more; 4096 unless set.
    ///
    /// ```
    /// use wsproto::WsConnection;
    ///
    /// let mut ws = WsConnection::server().with_min_space(64 << 10);
    /// assert_eq!(ws.space().len(), 64 << 10);
    /// ```
    #[must_use]
    pub fn with_min_space(mut self, min_space: usize) -> Self {
        self.inbox.buffer = self.inbox.buffer.with_min_space(min_space);
        self
    }

    /// Sets which replies are prepared automatically: none by default.
    ///
    /// The next [`send`](Self::send) or [`bytes_to_send`](Self::bytes_to_send) returns them. A refusal of the handshake
    /// is not prepared: send the [`response`](HandshakeError::response) of its error.
    #[must_use]
    pub fn with_reply_policy(mut self, policy: ReplyPolicy) -> Self {
        self.replies = AutoReplies::new(policy);
        self
    }

    /// Adds bytes that the transport received. [`next_event`](Self::next_event) returns the events in them.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::DataAfterEof`], after [`receive_eof`](Self::receive_eof).
    pub fn receive_data(&mut self, data: &[u8]) -> Result<(), LocalProtocolError> {
        self.forget_read();
        match self.room() {
            Some(room) => self.inbox.add(data, room),
            None if self.inbox.end == End::Eof => Err(LocalProtocolError::DataAfterEof),
            None => Ok(()),
        }
    }

    /// The space to read into, of 4096 bytes or more; report by [`filled`](Self::filled) how much was read.
    ///
    /// It saves the copy that [`receive_data`](Self::receive_data) makes; the two can be mixed.
    /// [`with_min_space`](Self::with_min_space) sets the least length.
    pub fn space(&mut self) -> &mut [u8] {
        self.forget_read();
        self.inbox.buffer.space()
    }

    /// Records that `len` bytes were read into the [`space`](Self::space). 0 means that the transport has ended, as in
    /// [`std::io::Read`](https://doc.rust-lang.org/std/io/trait.Read.html).
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::BufferFull`] if the space is shorter, and [`LocalProtocolError::DataAfterEof`] after
    /// [`receive_eof`](Self::receive_eof), unless `len` is 0. Then nothing has changed.
    pub fn filled(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        if len == 0 {
            self.receive_eof();
            return Ok(());
        }
        if self.inbox.end == End::Eof {
            return Err(LocalProtocolError::DataAfterEof);
        }
        match self.room() {
            Some(room) => self.inbox.filled(len, room),
            None => {
                self.inbox.buffer.filled(len)?;
                self.free();
                Ok(())
            }
        }
    }

    /// How many unread bytes are kept; `None` if no more input is needed.
    #[inline]
    fn room(&self) -> Option<usize> {
        let HandshakeLimits { max_head_len, max_early_data, .. } = self.handshake_limits;
        match &self.phase {
            // `next_event` checks the limits here.
            Phase::Open(connection) => (!connection.receiver().is_finished()).then_some(usize::MAX),
            Phase::Client(handshake) => (handshake.state() != ConnectionState::Closed).then_some(usize::MAX),
            Phase::Idle => Some(max_early_data),
            Phase::Server(handshake) if handshake.state() != ConnectionState::Connecting => None,
            Phase::Server(handshake) => Some(match handshake.request() {
                Some(_) => max_early_data,
                None => max_head_len.saturating_add(max_early_data),
            }),
            Phase::Failed => None,
        }
    }

    /// Frees the memory of what was read, which an event may have borrowed until now.
    #[inline]
    fn forget_read(&mut self) {
        if self.room().is_some() {
            self.inbox.buffer.shrink_to_kept();
        } else {
            self.free();
        }
    }

    /// Frees all memory: nothing more is read.
    #[cold]
    fn free(&mut self) {
        self.inbox.buffer.clear();
        if self.outbox.is_empty() {
            self.outbox = Vec::new();
        }
    }

    /// Uses a request that another HTTP stack has parsed, instead of its bytes, and returns it as an event.
    ///
    /// The response is written as bytes. Pass bytes that came after the request to
    /// [`receive_data`](Self::receive_data).
    ///
    /// ```
    /// use wsproto::{AcceptConnection, HandshakeLimits, HttpVersion, ServerUpgrade, WsConnection};
    ///
    /// let headers = [
    ///     ("host", "localhost"),
    ///     ("upgrade", "websocket"),
    ///     ("connection", "Upgrade"),
    ///     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ///     ("sec-websocket-version", "13"),
    /// ];
    /// let limits = HandshakeLimits::default();
    /// let upgrade = ServerUpgrade::parse("GET", "/", HttpVersion::Http11, headers, limits)?;
    /// let mut ws = WsConnection::server();
    /// ws.receive_request(upgrade)?;
    /// assert!(ws.send(AcceptConnection::new())?.starts_with(b"HTTP/1.1 101 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::NotInHandshake`], unless this is a server that waits for a request.
    #[doc(alias = "initiate_upgrade_connection")]
    pub fn receive_request(&mut self, upgrade: ServerUpgrade) -> Result<WsEvent, LocalProtocolError> {
        match &mut self.phase {
            Phase::Server(handshake)
                if handshake.state() == ConnectionState::Connecting && handshake.request().is_none() =>
            {
                let event = WsEvent::Request(upgrade.request().clone());
                *handshake = upgrade.into();
                Ok(event)
            }
            _ => Err(LocalProtocolError::NotInHandshake),
        }
    }

    /// The head of the request that [`next_event`](Self::next_event) refused, if it is valid HTTP/1, for a server that
    /// answers other requests on the same port: see [`ServerHandshake::refused_head`].
    ///
    /// Bytes that were received after the head are dropped: use a [`ServerHandshake`] if a body may follow.
    pub const fn refused_head(&self) -> Option<&RequestHead> {
        match &self.phase {
            Phase::Server(handshake) => handshake.refused_head(),
            _ => None,
        }
    }

    /// Records that the transport has ended. [`next_event`](Self::next_event) reports what follows from it.
    pub fn receive_eof(&mut self) {
        if self.inbox.end == End::Open {
            self.inbox.end = End::Eof;
        }
    }

    /// Encodes an event together with the prepared replies, and returns the bytes for the transport.
    ///
    /// A close reason of more than 123 bytes is truncated between two characters.
    ///
    /// # Errors
    ///
    /// An event that the protocol does not allow now, or never allows. Nothing has changed then.
    pub fn send(&mut self, event: impl WsOutgoing) -> Result<Vec<u8>, LocalProtocolError> {
        let mut bytes = Vec::new();
        self.send_to(event, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`send`](Self::send), but appends the bytes to `output`.
    ///
    /// ```
    /// use wsproto::{Connection, Limits, TextMessage, WsConnection};
    ///
    /// let mut ws = WsConnection::from(Connection::server(Limits::default()));
    /// let mut output = Vec::new();
    /// ws.send_to(TextMessage::from("hel"), &mut output)?;
    /// ws.send_to(TextMessage::from("lo"), &mut output)?;
    /// assert_eq!(output, b"\x81\x03hel\x81\x02lo");
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); or `output` has no room for the event and the pong ahead of it. Nothing was written
    /// then. A close frame that is a reply, and has no room, waits for the next call.
    pub fn send_to(
        &mut self,
        event: impl WsOutgoing,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        self.forget_read();
        if let Phase::Open(connection) = &mut self.phase {
            // A pong does not change the state, so it can stay in the outbox if the event is refused.
            let _ = self.replies.send_pong(connection.sender_mut(), &mut self.outbox);
        }
        let mut waiting = mem::take(&mut self.outbox);
        let result = event.write(self, &mut After { waiting: &mut waiting, output });
        self.outbox = waiting;
        result?;
        // What had no room still waits.
        let _ = self.send_replies(output);
        Ok(())
    }

    /// Returns the prepared replies, as bytes for the transport.
    #[must_use = "these bytes are returned once: write them to the transport"]
    pub fn bytes_to_send(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A `Vec` has room, and no frame is ever left incomplete here.
        let _ = self.send_replies(&mut bytes);
        bytes
    }

    /// As [`bytes_to_send`](Self::bytes_to_send), but appends the replies to `output`.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::OutputFull`] if `output` has no room. Replies that were not written still wait.
    pub fn send_replies(&mut self, output: &mut (impl Output + ?Sized)) -> Result<(), LocalProtocolError> {
        self.forget_read();
        if !self.outbox.is_empty() {
            output.append_bytes(&self.outbox)?;
            self.outbox.clear();
        }
        match &mut self.phase {
            Phase::Open(connection) => self.replies.send(connection.sender_mut(), output),
            _ => Ok(()),
        }
    }

    /// The state of the connection.
    pub const fn state(&self) -> ConnectionState {
        match &self.phase {
            Phase::Open(connection) => connection.state(),
            Phase::Idle => ConnectionState::Connecting,
            Phase::Client(handshake) => handshake.state(),
            Phase::Server(handshake) => handshake.state(),
            Phase::Failed => ConnectionState::Closed,
        }
    }

    /// What to do with the transport once the output is written.
    pub const fn transport_action(&self) -> TransportAction {
        match (&self.phase, self.state()) {
            (Phase::Open(connection), _) => connection.transport_action(),
            (_, ConnectionState::Closed) => TransportAction::Close,
            _ => TransportAction::Keep,
        }
    }

    /// How the connection ended; `None` if it has not ended, or was never open.
    pub fn close_info(&self) -> Option<CloseInfo<'_>> {
        match &self.phase {
            Phase::Open(connection) => connection.close_info(),
            Phase::Idle | Phase::Client(_) | Phase::Server(_) | Phase::Failed => None,
        }
    }
}

/// The extensions as negotiation takes them.
fn supported(extensions: &[Box<dyn Extension>]) -> Vec<&dyn Extension> {
    extensions.iter().map(|extension| &**extension).collect()
}

/// Makes a connection that is already open, after a handshake in another HTTP stack or in a stream of HTTP/2.
///
/// ```
/// use wsproto::{Connection, Limits, TextMessage, WsConnection};
///
/// let mut ws = WsConnection::from(Connection::server(Limits::default()));
/// assert_eq!(ws.send(TextMessage::from("hello"))?, b"\x81\x05hello");
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
impl<E: Entropy> From<Connection<E>> for WsConnection<E> {
    fn from(connection: Connection<E>) -> Self {
        Self::new(Phase::Open(connection), None)
    }
}
