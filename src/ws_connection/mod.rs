//! The handshake and the open connection in one type, with owned events, and output in a `Vec`.
//!
//! It corresponds to Python wsproto's `WSConnection`, and costs a copy of each payload. The crate's front page lists
//! the differences and their reasons.

mod inbox;
// Uses the types in this file.
mod outgoing;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use thiserror::Error;

use crate::connection::{
    AutoReplies, CloseInfo, Connection, ConnectionState, ReceiverState, ReplyPolicy, TransportAction,
};
use crate::entropy::{Entropy, NoEntropy};
use crate::error::{HandshakeError, LocalProtocolError, RemoteProtocolError};
use crate::event::{BytesMessage, CloseConnection, Event, EventRef, Ping, Pong, TextMessage};
use crate::extension::{Extension, Extensions};
use crate::handshake::{
    AcceptConnection, ClientHandshake, HandshakeResponse, RejectConnection, RejectData, Request,
    ServerHandshake, ServerUpgrade,
};
use crate::http::RequestHead;
use crate::limits::{HandshakeLimits, Limits};

use inbox::{End, Inbox};

pub use outgoing::WsOutgoing;

/// A WebSocket connection from handshake to close, with owned events and its own buffers.
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
/// # Memory
///
/// Received bytes are kept until their events are read: read all events before you pass more bytes. Once all bytes are
/// read, at most 64 KiB of memory are kept; after the end of the connection, none.
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
    outbox: Vec<u8>,
    replies: AutoReplies,
}

/// An event of a [`WsConnection`], from the handshake or the open connection; each can be sent as well.
///
/// ```
/// use wsproto::{SeededEntropy, Request, WsConnection, WsEvent};
///
/// let mut client = WsConnection::client(SeededEntropy::new());
/// let event = WsEvent::Request(Request::new("localhost", "/"));
/// assert!(client.send(event)?.starts_with(b"GET / HTTP/1.1\r\n"));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WsEvent {
    /// A client asks for a WebSocket connection.
    Request(Request),
    /// The server accepts the request.
    Accept(AcceptConnection),
    /// The server refuses the request.
    Reject(RejectConnection),
    /// A piece of the refusal's body.
    RejectData(RejectData<Vec<u8>>),
    /// A text message, or a piece of one.
    Text(TextMessage<String>),
    /// A binary message, or a piece of one.
    Bytes(BytesMessage<Vec<u8>>),
    /// A ping.
    Ping(Ping<Vec<u8>>),
    /// A pong.
    Pong(Pong<Vec<u8>>),
    /// The peer's close frame; or, with the code 1006, the end of the transport without one.
    Close(CloseConnection<String>),
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
    /// A server's connection, which waits for a [`Request`].
    pub fn server() -> Self {
        let handshake_limits = HandshakeLimits::DEFAULT;
        Self::new(Phase::Server(ServerHandshake::new(handshake_limits)), None)
    }
}

impl<E: Entropy> WsConnection<E> {
    /// A client's connection, which waits for a [`Request`] to send. The key and the masking keys are drawn from
    /// `entropy`.
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
            inbox: Inbox::default(),
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
        let HandshakeLimits { max_head_len, max_early_data, .. } = self.handshake_limits;
        let room = match (&self.phase, self.state()) {
            (Phase::Idle, _) => max_early_data,
            (Phase::Server(handshake), ConnectionState::Connecting) => match handshake.request() {
                Some(_) => max_early_data,
                None => max_head_len.saturating_add(max_early_data),
            },
            // No more input is needed.
            (Phase::Server(_) | Phase::Failed, _)
            | (Phase::Client(_), ConnectionState::Closed)
            | (Phase::Open(_), ConnectionState::RemoteClosing | ConnectionState::Closed) => {
                return self.inbox.discard();
            }
            // `next_event` checks the limits here.
            (Phase::Client(_) | Phase::Open(_), _) => usize::MAX,
        };
        self.inbox.add(data, room)
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

    /// Reads the next event from the received bytes. Returns `None` if more bytes are needed.
    ///
    /// The state changes when an event is read, not when its bytes arrive.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once.
    pub fn next_event(&mut self) -> Result<Option<WsEvent>, ReceiveError> {
        match self.read_event() {
            Ok(None) => self.end_event(),
            other => other,
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
        if let Phase::Open(connection) = &mut self.phase {
            // A pong does not change the state, so it can stay in the outbox if the event is refused.
            let _ = self.replies.send_pong(connection.sender_mut(), &mut self.outbox);
        }
        event.write(self)?;
        Ok(self.bytes_to_send())
    }

    /// Returns the prepared replies, as bytes for the transport.
    #[must_use = "these bytes are returned once: write them to the transport"]
    pub fn bytes_to_send(&mut self) -> Vec<u8> {
        if let Phase::Open(connection) = &mut self.phase {
            // A `Vec` has room, and no frame is ever left incomplete here.
            let _ = self.replies.send(connection.sender_mut(), &mut self.outbox);
        }
        mem::take(&mut self.outbox)
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

    /// Reads the next event from the inbox.
    fn read_event(&mut self) -> Result<Option<WsEvent>, ReceiveError> {
        match &mut self.phase {
            Phase::Idle => Ok(None),
            Phase::Server(handshake) => {
                let request = self.inbox.read(|input| handshake.receive(input).map(Option::<&_>::cloned));
                match request {
                    Ok(Some(_)) => self.inbox.limit(self.handshake_limits.max_early_data),
                    Ok(None) => {}
                    Err(_) => self.inbox.free(),
                }
                Ok(request?.map(WsEvent::Request))
            }
            Phase::Client(handshake) => {
                let answer = self.inbox.read(|input| handshake.receive(input).map(own_answer));
                match (&answer, handshake.state()) {
                    (Ok(Some(WsEvent::Accept(accept))), _) => {
                        match accept.extensions(&supported(&self.supported)) {
                            Ok(extensions) => self.open(extensions),
                            Err(error) => {
                                self.inbox.free();
                                self.phase = Phase::Failed;
                                return Err(error.into());
                            }
                        }
                    }
                    (_, ConnectionState::Closed) => self.inbox.free(),
                    _ => {}
                }
                Ok(answer?)
            }
            Phase::Failed => Ok(None),
            Phase::Open(connection) => {
                let replies = &mut self.replies;
                let event = self.inbox.read_in_place(|input| {
                    let event =
                        connection.next_event(input).inspect_err(|error| replies.on_failure(*error))?;
                    Ok::<_, RemoteProtocolError>(event.map(|event| {
                        replies.on_event(&event);
                        own_event(event)
                    }))
                });
                // Further input would be dropped.
                match connection.receiver().state() {
                    ReceiverState::Open => self.inbox.forget_read(),
                    _ => self.inbox.free(),
                }
                Ok(event?)
            }
        }
    }

    /// Processes the end of the inbox, once all of its bytes are read.
    fn end_event(&mut self) -> Result<Option<WsEvent>, ReceiveError> {
        match (self.inbox.end, &mut self.phase) {
            (End::Open, _) => Ok(None),
            (End::Overflow, phase) => {
                self.inbox = Inbox::default();
                match phase {
                    Phase::Server(handshake) if handshake.state() == ConnectionState::Connecting => {
                        handshake.fail();
                    }
                    // The refusal was sent: the lost bytes are not needed.
                    Phase::Server(_) => return Ok(None),
                    phase => *phase = Phase::Failed,
                }
                Err(HandshakeError::TooMuchEarlyData.into())
            }
            // The client's request is not sent, or its handshake has failed: there is nothing to report.
            (End::Eof, Phase::Idle | Phase::Failed) => Ok(None),
            (End::Eof, Phase::Server(handshake)) => Ok(handshake.receive_eof().map(|()| None)?),
            (End::Eof, Phase::Client(handshake)) => Ok(own_answer(handshake.receive_eof()?)),
            (End::Eof, Phase::Open(connection)) => {
                Ok(connection.receive_eof().map(|close| own_event(Event::Close(close))))
            }
        }
    }

    /// Ends the handshake: the bytes that follow are frames.
    fn open(&mut self, extensions: Extensions) {
        let connection = Connection::new(self.limits, self.entropy.take());
        self.phase = Phase::Open(connection.with_extensions(extensions));
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

fn own_event(event: EventRef<'_>) -> WsEvent {
    match event.into_owned() {
        Event::Text(text) => WsEvent::Text(text),
        Event::Bytes(bytes) => WsEvent::Bytes(bytes),
        Event::Ping(ping) => WsEvent::Ping(ping),
        Event::Pong(pong) => WsEvent::Pong(pong),
        Event::Close(close) => WsEvent::Close(close),
    }
}

fn own_answer(answer: Option<HandshakeResponse<'_>>) -> Option<WsEvent> {
    answer.map(|answer| match answer {
        HandshakeResponse::Accept(accept) => WsEvent::Accept(accept),
        HandshakeResponse::Reject(reject) => WsEvent::Reject(reject),
        HandshakeResponse::RejectData(RejectData { data, body_finished }) => {
            WsEvent::RejectData(RejectData { data: data.to_owned(), body_finished })
        }
    })
}
