//! The events of the handshake and of the open connection in one type: owned, or borrowed from the connection.

use alloc::string::String;
use alloc::vec::Vec;

use crate::event::{BytesMessage, CloseConnection, Event, EventRef, Ping, Pong, TextMessage};
use crate::handshake::{AcceptConnection, HandshakeResponse, RejectConnection, RejectData, Request};

/// An event of a [`WsConnection`](crate::WsConnection), from the handshake or the open connection; each can be sent as
/// well.
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

/// A [`WsEvent`] that borrows its data from the connection: what
/// [`next_event_ref`](crate::WsConnection::next_event_ref) returns.
///
/// It can be sent by another connection, as it is.
///
/// ```
/// use wsproto::{Connection, Limits, WsConnection, WsEventRef};
///
/// let mut ws = WsConnection::from(Connection::server(Limits::default()));
/// let mut next = WsConnection::from(Connection::server(Limits::default()));
/// ws.receive_data(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")?;
/// let event = ws.next_event_ref()?.unwrap();
/// assert!(matches!(&event, WsEventRef::Text(text) if text.data == "Hello"));
/// assert_eq!(next.send(event)?, b"\x81\x05Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WsEventRef<'a> {
    /// A client asks for a WebSocket connection.
    Request(Request),
    /// The server accepts the request.
    Accept(AcceptConnection),
    /// The server refuses the request.
    Reject(RejectConnection),
    /// A piece of the refusal's body.
    RejectData(RejectData<&'a [u8]>),
    /// A text message, or a piece of one.
    Text(TextMessage<&'a str>),
    /// A binary message, or a piece of one.
    Bytes(BytesMessage<&'a [u8]>),
    /// A ping.
    Ping(Ping<&'a [u8]>),
    /// A pong.
    Pong(Pong<&'a [u8]>),
    /// The peer's close frame; or, with the code 1006, the end of the transport without one.
    Close(CloseConnection<&'a str>),
}

impl WsEventRef<'_> {
    /// The same event, which owns its data.
    ///
    /// ```
    /// use wsproto::{TextMessage, WsEvent, WsEventRef};
    ///
    /// let event = WsEventRef::Text(TextMessage::partial("Hel"));
    /// assert_eq!(event.into_owned(), WsEvent::Text(TextMessage::partial("Hel".to_owned())));
    /// ```
    #[inline]
    pub fn into_owned(self) -> WsEvent {
        match self {
            Self::Request(request) => WsEvent::Request(request),
            Self::Accept(accept) => WsEvent::Accept(accept),
            Self::Reject(reject) => WsEvent::Reject(reject),
            Self::RejectData(RejectData { data, body_finished }) => {
                WsEvent::RejectData(RejectData { data: data.into(), body_finished })
            }
            Self::Text(text) => WsEvent::Text(text.into_owned()),
            Self::Bytes(bytes) => WsEvent::Bytes(bytes.into_owned()),
            Self::Ping(ping) => WsEvent::Ping(ping.into_owned()),
            Self::Pong(pong) => WsEvent::Pong(pong.into_owned()),
            Self::Close(close) => WsEvent::Close(close.into_owned()),
        }
    }
}

impl From<Event<String, Vec<u8>>> for WsEvent {
    #[inline]
    fn from(event: Event<String, Vec<u8>>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text),
            Event::Bytes(bytes) => Self::Bytes(bytes),
            Event::Ping(ping) => Self::Ping(ping),
            Event::Pong(pong) => Self::Pong(pong),
            Event::Close(close) => Self::Close(close),
        }
    }
}

impl<'a> From<EventRef<'a>> for WsEventRef<'a> {
    #[inline]
    fn from(event: EventRef<'a>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text),
            Event::Bytes(bytes) => Self::Bytes(bytes),
            Event::Ping(ping) => Self::Ping(ping),
            Event::Pong(pong) => Self::Pong(pong),
            Event::Close(close) => Self::Close(close),
        }
    }
}

impl<'a> From<HandshakeResponse<'a>> for WsEventRef<'a> {
    fn from(answer: HandshakeResponse<'a>) -> Self {
        match answer {
            HandshakeResponse::Accept(accept) => Self::Accept(accept),
            HandshakeResponse::Reject(reject) => Self::Reject(reject),
            HandshakeResponse::RejectData(data) => Self::RejectData(data),
        }
    }
}
