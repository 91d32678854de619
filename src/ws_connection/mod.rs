//! All as one: the handshake, then the connection, with owned events and a `Vec` in and out.
//!
//! This is the look-alike of Python wsproto's `WSConnection`, for whoever wants the protocol in one piece
//! and can spare a copy. Where it differs it mends, and the crate's front page says how.

mod inbox;
// What becomes of each event that is sent; it uses the machine below.
mod outgoing;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use thiserror::Error;

use crate::connection::{
    Closure, Connection, ConnectionState, ReceiverState, Replies, ReplyPolicy, Transport,
};
use crate::entropy::{Entropy, NoEntropy};
use crate::error::{HandshakeError, LocalProtocolError, RemoteProtocolError};
use crate::event::{BytesMessage, CloseConnection, Event, LentEvent, Ping, Pong, TextMessage};
use crate::extension::{Extension, Extensions};
use crate::handshake::{
    AcceptConnection, Answer, ClientHandshake, RejectConnection, RejectData, Request, ServerHandshake,
    Upgrade,
};
use crate::limits::{HandshakeLimits, Limits};

use inbox::{End, Inbox};

pub use outgoing::WsOutgoing;

/// A WebSocket connection from its first byte to its last.
///
/// ```
/// use wsproto::{AcceptConnection, OsEntropy, Request, TextMessage, WsConnection, WsEvent};
///
/// let mut client = WsConnection::client(OsEntropy::new());
/// let mut server = WsConnection::server();
///
/// server.receive_data(&client.send(Request::new("localhost", "/"))?)?;
/// let Some(WsEvent::Request(_)) = server.next_event()? else { panic!("no request") };
/// client.receive_data(&server.send(AcceptConnection::new())?)?;
/// let Some(WsEvent::AcceptConnection(_)) = client.next_event()? else { panic!("no answer") };
///
/// server.receive_data(&client.send(TextMessage::from("hello"))?)?;
/// assert_eq!(server.next_event()?, Some(WsEvent::TextMessage(TextMessage::new("hello".into()))));
/// assert_eq!(server.next_event()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Memory
///
/// What was received and is not read is kept: take all events before you hand in more. Of the memory that it took, at
/// most 64 KiB are kept once it is read, and nothing after the end.
#[doc(alias = "WSConnection")]
#[derive(Debug)]
pub struct WsConnection<E = NoEntropy> {
    limits: Limits,
    handshake_limits: HandshakeLimits,
    /// What may be used if the peer agrees.
    supported: Vec<Box<dyn Extension>>,
    /// A client's entropy, until the connection has it.
    entropy: Option<E>,
    phase: Phase<E>,
    inbox: Inbox,
    outbox: Vec<u8>,
    replies: Replies,
}

/// What a [`WsConnection`] receives; each can be sent as well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WsEvent {
    /// A client asks for a connection.
    Request(Request),
    /// The server agrees.
    AcceptConnection(AcceptConnection),
    /// The server refuses.
    RejectConnection(RejectConnection),
    /// A piece of the refusal's body.
    RejectData(RejectData<Vec<u8>>),
    /// A text message, or a piece of one.
    TextMessage(TextMessage<String>),
    /// A binary message, or a piece of one.
    BytesMessage(BytesMessage<Vec<u8>>),
    /// A ping.
    Ping(Ping<Vec<u8>>),
    /// A pong.
    Pong(Pong<Vec<u8>>),
    /// The end; its code is 1006 where the transport ended first.
    CloseConnection(CloseConnection<String>),
}

/// The peer broke a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// In the handshake. A server sends its [`response`](HandshakeError::response).
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// In the open connection. Send its [`response`](RemoteProtocolError::response).
    #[error(transparent)]
    Protocol(#[from] RemoteProtocolError),
}

#[derive(Debug)]
enum Phase<E> {
    /// A client that has asked for nothing yet.
    Idle,
    /// A client that waits for the answer.
    Client(ClientHandshake),
    /// A server that waits for the request, or for the caller's answer.
    Server(ServerHandshake),
    /// Messages go both ways.
    Open(Connection<E, Extensions>),
    /// A client that heard from the server before it asked.
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
    /// A client's connection, which waits for a [`Request`] to send; key and masks come from `entropy`.
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
            replies: Replies::new(ReplyPolicy::Nothing),
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

    /// Offers an extension as a client, and agrees to offers of it as a server, before anything is sent or
    /// received. Events with extensions of their own, which nobody would run, are refused.
    ///
    /// ```
    /// use wsproto::{AcceptConnection, OsEntropy, Request, WsConnection};
    /// # #[cfg(feature = "deflate")] {
    /// use wsproto::PermessageDeflate;
    ///
    /// let mut client = WsConnection::client(OsEntropy::new()).with_extension(PermessageDeflate::new());
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

    /// Sets which answers are prepared without being asked for: none unless set.
    ///
    /// They come out with the next [`send`](Self::send), or of [`bytes_to_send`](Self::bytes_to_send).
    #[must_use]
    pub fn with_replies(mut self, policy: ReplyPolicy) -> Self {
        self.replies = Replies::new(policy);
        self
    }

    /// Takes what the transport gave. What it says comes out of [`next_event`](Self::next_event).
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
            // Nothing is waited for any more.
            (Phase::Server(_) | Phase::Failed, _)
            | (Phase::Client(_), ConnectionState::Closed)
            | (Phase::Open(_), ConnectionState::RemoteClosing | ConnectionState::Closed) => {
                return self.inbox.discard();
            }
            // What comes here is taken by `next_event`, which keeps to the limits.
            (Phase::Client(_) | Phase::Open(_), _) => usize::MAX,
        };
        self.inbox.add(data, room)
    }

    /// Takes a request that another HTTP stack has parsed, in place of its bytes, and tells it as an event.
    ///
    /// The answer is written in bytes. What came behind the request goes to
    /// [`receive_data`](Self::receive_data).
    ///
    /// ```
    /// use wsproto::{AcceptConnection, HandshakeLimits, HttpVersion, Upgrade, WsConnection};
    ///
    /// let headers = [
    ///     ("host", "localhost"),
    ///     ("upgrade", "websocket"),
    ///     ("connection", "Upgrade"),
    ///     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ///     ("sec-websocket-version", "13"),
    /// ];
    /// let limits = HandshakeLimits::default();
    /// let upgrade = Upgrade::receive("GET", "/", HttpVersion::Http11, headers, limits)?;
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
    pub fn receive_request(&mut self, upgrade: Upgrade) -> Result<WsEvent, LocalProtocolError> {
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

    /// Takes note that the transport has ended. What follows comes out of [`next_event`](Self::next_event).
    pub fn receive_eof(&mut self) {
        if self.inbox.end == End::Open {
            self.inbox.end = End::Eof;
        }
    }

    /// Reads on up to the next event; `None` where more has to be received first.
    ///
    /// The state changes when the event is taken, not when its bytes arrive.
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

    /// Writes an event, and with it the replies that wait; returns the bytes for the transport.
    ///
    /// A close reason of more than 123 bytes is cut, at the end of a character.
    ///
    /// # Errors
    ///
    /// What the protocol does not allow now, or at all. Nothing has changed then.
    pub fn send(&mut self, event: impl WsOutgoing) -> Result<Vec<u8>, LocalProtocolError> {
        if let Phase::Open(connection) = &mut self.phase {
            // A pong changes nothing, so that it may stay in the outbox where the event is refused.
            let _ = self.replies.send_pong(connection.sender(), &mut self.outbox);
        }
        event.write(self)?;
        Ok(self.bytes_to_send())
    }

    /// The replies that wait, as bytes for the transport.
    #[must_use = "these bytes are returned once: write them to the transport"]
    pub fn bytes_to_send(&mut self) -> Vec<u8> {
        if let Phase::Open(connection) = &mut self.phase {
            // A `Vec` has room, and no frame is ever left incomplete here.
            let _ = self.replies.send(connection.sender(), &mut self.outbox);
        }
        mem::take(&mut self.outbox)
    }

    /// Where the connection stands.
    pub const fn state(&self) -> ConnectionState {
        match &self.phase {
            Phase::Open(connection) => connection.state(),
            Phase::Idle => ConnectionState::Connecting,
            Phase::Client(handshake) => handshake.state(),
            Phase::Server(handshake) => handshake.state(),
            Phase::Failed => ConnectionState::Closed,
        }
    }

    /// What to do with the transport, once what was sent is written to it.
    pub const fn transport(&self) -> Transport {
        match (&self.phase, self.state()) {
            (Phase::Open(connection), _) => connection.transport(),
            (_, ConnectionState::Closed) => Transport::Drop,
            _ => Transport::Keep,
        }
    }

    /// How the connection ended; `None` while it has not, or was never open.
    pub fn closure(&self) -> Option<Closure<'_>> {
        match &self.phase {
            Phase::Open(connection) => connection.closure(),
            Phase::Idle | Phase::Client(_) | Phase::Server(_) | Phase::Failed => None,
        }
    }

    /// Reads on in what was received.
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
                    (Ok(Some(WsEvent::AcceptConnection(accept))), _) => {
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
                        connection.next_event(input).inspect_err(|error| replies.note_failure(*error))?;
                    Ok::<_, RemoteProtocolError>(event.map(|event| {
                        replies.note(&event);
                        own_event(event)
                    }))
                });
                // What follows would be dropped.
                match connection.receiver().state() {
                    ReceiverState::Open => self.inbox.forget_read(),
                    _ => self.inbox.free(),
                }
                Ok(event?)
            }
        }
    }

    /// What the end of the inbox means, once all of it is read.
    fn end_event(&mut self) -> Result<Option<WsEvent>, ReceiveError> {
        match (self.inbox.end, &mut self.phase) {
            (End::Open, _) => Ok(None),
            (End::Overflow, phase) => {
                self.inbox = Inbox::default();
                match phase {
                    Phase::Server(handshake) if handshake.state() == ConnectionState::Connecting => {
                        handshake.fail();
                    }
                    // The refusal is out: nobody waits for what was lost.
                    Phase::Server(_) => return Ok(None),
                    phase => *phase = Phase::Failed,
                }
                Err(HandshakeError::TooMuchEarlyData.into())
            }
            // To be told by the connection, once the request is answered.
            (End::Eof, Phase::Idle | Phase::Failed) => Ok(None),
            (End::Eof, Phase::Server(handshake)) => Ok(handshake.receive_eof().map(|()| None)?),
            (End::Eof, Phase::Client(handshake)) => Ok(own_answer(handshake.receive_eof()?)),
            (End::Eof, Phase::Open(connection)) => {
                Ok(connection.receive_eof().map(|close| own_event(Event::Close(close))))
            }
        }
    }

    /// The handshake is over: what follows are frames.
    fn open(&mut self, extensions: Extensions) {
        let connection = Connection::new(self.limits, self.entropy.take());
        self.phase = Phase::Open(connection.with_extensions(extensions));
    }
}

/// The extensions as negotiation takes them.
fn supported(extensions: &[Box<dyn Extension>]) -> Vec<&dyn Extension> {
    extensions.iter().map(|extension| &**extension).collect()
}

/// A connection that is open already, after a handshake over somebody else's HTTP, or in a stream of HTTP/2.
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
        connection.with_extensions(Extensions::default()).into()
    }
}

/// A connection that is open already, with the extensions that were negotiated for it.
impl<E: Entropy> From<Connection<E, Extensions>> for WsConnection<E> {
    fn from(connection: Connection<E, Extensions>) -> Self {
        Self::new(Phase::Open(connection), None)
    }
}

fn own_event(event: LentEvent<'_>) -> WsEvent {
    match event.into_owned() {
        Event::Text(text) => WsEvent::TextMessage(text),
        Event::Bytes(bytes) => WsEvent::BytesMessage(bytes),
        Event::Ping(ping) => WsEvent::Ping(ping),
        Event::Pong(pong) => WsEvent::Pong(pong),
        Event::Close(close) => WsEvent::CloseConnection(close),
    }
}

fn own_answer(answer: Option<Answer<'_>>) -> Option<WsEvent> {
    answer.map(|answer| match answer {
        Answer::Accept(accept) => WsEvent::AcceptConnection(accept),
        Answer::Reject(reject) => WsEvent::RejectConnection(reject),
        Answer::RejectData(RejectData { data, body_finished }) => {
            WsEvent::RejectData(RejectData { data: data.to_owned(), body_finished })
        }
    })
}
