//! Events: what is received, and what can be sent (RFC 6455 §5.5, §5.6).
//!
//! An event is generic over how it holds its data. Received events borrow it (`TextMessage<&str>`) or, from
//! `WsConnection::next_event`, own it (`TextMessage<String>`), and all of them can be sent. `map`, `as_ref` and `into_owned` are in
//! `event/conversions.rs`.

mod conversions;
mod message;

use core::ops::Deref;

use crate::close_code::CloseCode;

pub use message::{Message, MessageRef};

/// Anything that an open connection receives or sends: a message, a ping, a pong or a close frame.
///
/// `T` holds text and `B` holds bytes: `&str` and `&[u8]` in events from a [`Receiver`](crate::Receiver), `String` and
/// `Vec<u8>` in [owned] events.
///
/// The enum is exhaustive on purpose: a match without a `_` arm handles everything that can be received.
///
/// ```
/// use wsproto::{Event, EventRef, Ping, Sender};
///
/// let event: EventRef = Event::Ping(Ping::new(b"7"));
/// let mut output = Vec::new();
/// Sender::server().send(event, &mut output)?;
/// assert_eq!(output, b"\x89\x017");
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
///
#[cfg_attr(feature = "alloc", doc = "[owned]: Self::into_owned")]
#[cfg_attr(not(feature = "alloc"), doc = "[owned]: crate#features")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event<T, B> {
    /// A text message, or a piece of one.
    Text(TextMessage<T>),
    /// A binary message, or a piece of one.
    Bytes(BytesMessage<B>),
    /// A ping.
    Ping(Ping<B>),
    /// A pong.
    Pong(Pong<B>),
    /// A close frame, or the end of the transport without one (code 1006).
    Close(CloseConnection<T>),
}

/// An event that borrows its data.
pub type EventRef<'a> = Event<&'a str, &'a [u8]>;

/// A text message, or a piece of one (RFC 6455 §5.6).
///
/// A received piece ends where a frame ends, where the caller's input ends, or before a character that is split. Each
/// piece that is sent becomes one frame.
///
/// ```
/// use wsproto::TextMessage;
///
/// let whole = TextMessage::from("hello");
/// assert!(whole.frame_finished && whole.message_finished);
/// let first = TextMessage { message_finished: false, ..whole };
/// # let _ = first;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextMessage<T> {
    /// The text.
    pub data: T,
    /// Whether this is the end of a frame. Sending does not look at it.
    pub frame_finished: bool,
    /// Whether this is the end of the message.
    pub message_finished: bool,
}

/// A binary message, or a piece of one (RFC 6455 §5.6).
///
/// ```
/// use wsproto::BytesMessage;
///
/// assert_eq!(BytesMessage::from([1, 2]).data, [1, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BytesMessage<B> {
    /// The bytes.
    pub data: B,
    /// Whether this is the end of a frame. Sending does not look at it.
    pub frame_finished: bool,
    /// Whether this is the end of the message.
    pub message_finished: bool,
}

/// A ping, which asks whether the peer is still there (RFC 6455 §5.5.2).
///
/// ```
/// use wsproto::{Ping, Pong};
///
/// assert_eq!(*Ping::new(b"7").response(), Pong::new(&b"7"[..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ping<B> {
    /// The bytes that the pong has to repeat: at most 125.
    pub payload: B,
}

/// A pong: the reply to a ping, or an unsolicited sign that the sender is still there (RFC 6455 §5.5.3).
///
/// ```
/// use wsproto::{Pong, Sender};
///
/// let mut output = Vec::new();
/// Sender::server().send(Pong::new(b""), &mut output)?; // unsolicited
/// assert_eq!(output, b"\x8a\x00");
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pong<B> {
    /// The bytes of the ping: at most 125.
    pub payload: B,
}

/// A close frame, the last frame that an endpoint sends (RFC 6455 §5.5.1).
///
/// ```
/// use wsproto::{CloseCode, CloseConnection};
///
/// let close = CloseConnection::new(CloseCode::GOING_AWAY, "restart at 4");
/// assert_eq!(*close.response(), close); // the other side sends it
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseConnection<T> {
    /// The close code; `None` if the frame has none, for which the RFC reserves 1005.
    pub code: Option<CloseCode>,
    /// The reason, for humans: at most 123 bytes of UTF-8, empty if there is none.
    pub reason: T,
}

/// A reply that the protocol asks for, such as the pong to a ping.
///
/// It may come too late, such as a pong after our own close frame: sending it is then not an error, and writes nothing.
/// It dereferences to its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a reply has to be sent, by `send`"]
pub struct Reply<E>(E);

impl<T> TextMessage<T> {
    /// A whole message.
    pub const fn new(data: T) -> Self {
        Self { data, frame_finished: true, message_finished: true }
    }

    /// A piece of a message, with more to come.
    pub const fn partial(data: T) -> Self {
        Self { data, frame_finished: true, message_finished: false }
    }
}

impl<B> BytesMessage<B> {
    /// A whole message.
    pub const fn new(data: B) -> Self {
        Self { data, frame_finished: true, message_finished: true }
    }

    /// A piece of a message, with more to come.
    pub const fn partial(data: B) -> Self {
        Self { data, frame_finished: true, message_finished: false }
    }
}

impl<T> From<T> for TextMessage<T> {
    fn from(data: T) -> Self {
        Self::new(data)
    }
}

impl<B> From<B> for BytesMessage<B> {
    fn from(data: B) -> Self {
        Self::new(data)
    }
}

impl<B> Ping<B> {
    /// A ping with this payload.
    pub const fn new(payload: B) -> Self {
        Self { payload }
    }
}

impl<B: AsRef<[u8]>> Ping<B> {
    /// The pong that answers it.
    pub fn response(&self) -> Reply<Pong<&[u8]>> {
        Reply(Pong::new(self.payload.as_ref()))
    }
}

impl<B> Pong<B> {
    /// A pong with this payload.
    pub const fn new(payload: B) -> Self {
        Self { payload }
    }
}

impl<T> CloseConnection<T> {
    /// A close frame with this code and reason.
    pub const fn new(code: CloseCode, reason: T) -> Self {
        Self { code: Some(code), reason }
    }
}

impl<T: AsRef<str>> CloseConnection<T> {
    /// The close frame that answers this one: with the same code and reason. Automatic replies have only the code: see
    /// [`ReplyPolicy`](crate::ReplyPolicy).
    pub fn response(&self) -> Reply<CloseConnection<&str>> {
        Reply(self.as_ref())
    }
}

impl CloseConnection<&'static str> {
    /// A close frame without code and reason.
    pub const EMPTY: Self = Self { code: None, reason: "" };

    /// Truncates a reason to what a close frame holds: 123 bytes, or up to three fewer so that no character is split.
    ///
    /// ```
    /// use wsproto::{CloseCode, CloseConnection, Sender};
    ///
    /// let reason = "€".repeat(100); // 300 bytes
    /// let reason = CloseConnection::truncated_reason(&reason);
    /// assert_eq!(reason.len(), 123);
    /// assert_eq!(CloseConnection::truncated_reason("a€".repeat(40).as_str()).len(), 121);
    ///
    /// let close = CloseConnection::new(CloseCode::GOING_AWAY, reason);
    /// Sender::server().send(close, &mut Vec::new())?;
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    pub const fn truncated_reason(reason: &str) -> &str {
        let mut len = MAX_REASON_LEN;
        while let Some((start, _)) = reason.as_bytes().split_at_checked(len) {
            match core::str::from_utf8(start) {
                Ok(start) => return start,
                Err(_) => len = len.saturating_sub(1),
            }
        }
        reason
    }
}

/// A control frame holds 125 bytes, of which the close code takes two (§5.5, §5.5.1).
const MAX_REASON_LEN: usize = 123;

impl crate::error::RemoteProtocolError {
    /// The close frame to send: with the [close code](Self::close_code) and the [reason](Self::reason) of the error
    /// (§7.1.7, §10.7).
    pub const fn response(self) -> Reply<CloseConnection<&'static str>> {
        Reply(CloseConnection::new(self.close_code(), CloseConnection::truncated_reason(self.reason())))
    }
}

impl<E> Reply<E> {
    /// Marks an event as a reply.
    ///
    /// Each `response()` already returns a reply. This is for layers that build their own events, such as a binding to
    /// another language:
    ///
    /// ```
    /// use wsproto::{CloseConnection, Pong, Reply, Sender};
    ///
    /// let mut sender = Sender::server();
    /// let mut output = Vec::new();
    /// sender.send(CloseConnection::EMPTY, &mut output)?;
    /// sender.send(Reply::new(Pong::new(b"late")), &mut output)?; // writes nothing, and is not an error
    /// assert_eq!(output, b"\x88\x00");
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    pub const fn new(event: E) -> Self {
        Self(event)
    }

    /// The event, to be sent as an ordinary one that is not a reply.
    pub fn into_inner(self) -> E {
        self.0
    }
}

impl<E> Deref for Reply<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.0
    }
}

/// Everything that can be sent: each event, by value or by reference, and each reply.
///
/// Only this crate implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    note = "for a message, use `TextMessage::from(text)` or `BytesMessage::from(bytes)`"
)]
pub trait Outgoing: sealed::Sealed {
    /// The event, borrowed.
    fn as_event(&self) -> EventRef<'_>;

    /// Whether it is a [`Reply`], which may come too late.
    fn is_reply(&self) -> bool {
        false
    }
}

impl<T: AsRef<str>, B: AsRef<[u8]>> Outgoing for Event<T, B> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        self.as_ref()
    }
}

impl<T: AsRef<str>> Outgoing for TextMessage<T> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        Event::Text(self.as_ref())
    }
}

impl<B: AsRef<[u8]>> Outgoing for BytesMessage<B> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        Event::Bytes(self.as_ref())
    }
}

impl<B: AsRef<[u8]>> Outgoing for Ping<B> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        Event::Ping(self.as_ref())
    }
}

impl<B: AsRef<[u8]>> Outgoing for Pong<B> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        Event::Pong(self.as_ref())
    }
}

impl<T: AsRef<str>> Outgoing for CloseConnection<T> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        Event::Close(self.as_ref())
    }
}

impl<E: Outgoing> Outgoing for Reply<E> {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        self.0.as_event()
    }

    #[inline]
    fn is_reply(&self) -> bool {
        true
    }
}

impl<E: Outgoing + ?Sized> Outgoing for &E {
    #[inline]
    fn as_event(&self) -> EventRef<'_> {
        (**self).as_event()
    }

    #[inline]
    fn is_reply(&self) -> bool {
        (**self).is_reply()
    }
}

mod sealed {
    use super::{BytesMessage, CloseConnection, Event, Ping, Pong, Reply, TextMessage};

    #[expect(unnameable_types, reason = "it keeps the trait to this crate")]
    pub trait Sealed {}

    impl<T, B> Sealed for Event<T, B> {}
    impl<T> Sealed for TextMessage<T> {}
    impl<B> Sealed for BytesMessage<B> {}
    impl<B> Sealed for Ping<B> {}
    impl<B> Sealed for Pong<B> {}
    impl<T> Sealed for CloseConnection<T> {}
    impl<E> Sealed for Reply<E> {}
    impl<E: Sealed + ?Sized> Sealed for &E {}
}
