//! Conversions of the data that events hold: mapped, borrowed, or owned.

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

use super::{BytesMessage, CloseConnection, Event, EventRef, Ping, Pong, TextMessage};

impl<T, B> Event<T, B> {
    /// The same event, with its text or its bytes converted by one of these functions.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use wsproto::{Event, EventRef, TextMessage};
    ///
    /// let event: EventRef = Event::Text(TextMessage::partial("Hel"));
    /// let shared: Event<Arc<str>, Arc<[u8]>> = event.map(Arc::from, Arc::from);
    /// assert_eq!(shared.as_ref(), event);
    /// ```
    #[inline]
    pub fn map<U, C>(self, text: impl FnOnce(T) -> U, bytes: impl FnOnce(B) -> C) -> Event<U, C> {
        match self {
            Self::Text(message) => Event::Text(message.map(text)),
            Self::Bytes(message) => Event::Bytes(message.map(bytes)),
            Self::Ping(ping) => Event::Ping(ping.map(bytes)),
            Self::Pong(pong) => Event::Pong(pong.map(bytes)),
            Self::Close(close) => Event::Close(close.map(text)),
        }
    }
}

impl<T: AsRef<str>, B: AsRef<[u8]>> Event<T, B> {
    /// The same event, with its data borrowed.
    ///
    /// ```
    /// use wsproto::{Event, EventRef, Ping};
    ///
    /// let event: Event<String, Vec<u8>> = Event::Ping(Ping::new(vec![7]));
    /// let borrowed: EventRef<'_> = event.as_ref();
    /// assert_eq!(borrowed, Event::Ping(Ping::new(&[7][..])));
    /// ```
    #[inline]
    pub fn as_ref(&self) -> EventRef<'_> {
        match self {
            Self::Text(message) => Event::Text(message.as_ref()),
            Self::Bytes(message) => Event::Bytes(message.as_ref()),
            Self::Ping(ping) => Event::Ping(ping.as_ref()),
            Self::Pong(pong) => Event::Pong(pong.as_ref()),
            Self::Close(close) => Event::Close(close.as_ref()),
        }
    }
}

#[cfg(feature = "alloc")]
impl<T: Into<String>, B: Into<Vec<u8>>> Event<T, B> {
    /// The same event, which owns its data. Nothing is copied if it owned the data already.
    ///
    /// To keep a received event, or to move it to another thread, it has to own its data. It can be sent by value or by
    /// reference:
    ///
    /// ```
    /// use wsproto::{Connection, Limits, Sender};
    ///
    /// let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    /// let mut connection = Connection::server(Limits::default());
    /// let event = connection.next_event(&mut bytes.as_mut_slice())?.unwrap().into_owned();
    ///
    /// bytes.fill(0); // the event no longer borrows it
    /// for mut peer in [Sender::server(), Sender::server()] {
    ///     let mut output = Vec::new();
    ///     peer.send(&event, &mut output)?;
    ///     assert_eq!(output, b"\x81\x05Hello");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_owned(self) -> Event<String, Vec<u8>> {
        self.map(Into::into, Into::into)
    }
}

impl<T> TextMessage<T> {
    /// The same message, with its data converted.
    ///
    /// ```
    /// use wsproto::TextMessage;
    ///
    /// let piece = TextMessage::partial("hel").map(str::to_uppercase);
    /// assert_eq!(piece, TextMessage::partial("HEL".to_owned()));
    /// ```
    #[inline]
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> TextMessage<U> {
        let Self { data, frame_finished, message_finished } = self;
        TextMessage { data: convert(data), frame_finished, message_finished }
    }
}

impl<T: AsRef<str>> TextMessage<T> {
    /// The same message, with its data borrowed.
    ///
    /// ```
    /// use wsproto::TextMessage;
    ///
    /// let message = TextMessage::from("hello".to_owned());
    /// let borrowed: TextMessage<&str> = message.as_ref();
    /// assert_eq!(borrowed.data, "hello");
    /// ```
    #[inline]
    pub fn as_ref(&self) -> TextMessage<&str> {
        let Self { data, frame_finished, message_finished } = self;
        TextMessage {
            data: data.as_ref(),
            frame_finished: *frame_finished,
            message_finished: *message_finished,
        }
    }
}

#[cfg(feature = "alloc")]
impl<T: Into<String>> TextMessage<T> {
    /// The same message, which owns its data. Nothing is copied if it owned it already.
    ///
    /// ```
    /// use wsproto::TextMessage;
    ///
    /// let piece: TextMessage<String> = TextMessage::partial("hel").into_owned();
    /// assert_eq!(piece.as_ref(), TextMessage::partial("hel"));
    /// ```
    pub fn into_owned(self) -> TextMessage<String> {
        self.map(Into::into)
    }
}

impl<B> BytesMessage<B> {
    /// The same message, with its data converted.
    ///
    /// ```
    /// use wsproto::BytesMessage;
    ///
    /// let piece = BytesMessage::partial(b"hel").map(|data| data.len());
    /// assert_eq!(piece, BytesMessage::partial(3));
    /// ```
    #[inline]
    pub fn map<U>(self, convert: impl FnOnce(B) -> U) -> BytesMessage<U> {
        let Self { data, frame_finished, message_finished } = self;
        BytesMessage { data: convert(data), frame_finished, message_finished }
    }
}

impl<B: AsRef<[u8]>> BytesMessage<B> {
    /// The same message, with its data borrowed.
    ///
    /// ```
    /// use wsproto::BytesMessage;
    ///
    /// let message = BytesMessage::from(vec![1, 2]);
    /// let borrowed: BytesMessage<&[u8]> = message.as_ref();
    /// assert_eq!(borrowed.data, [1, 2]);
    /// ```
    #[inline]
    pub fn as_ref(&self) -> BytesMessage<&[u8]> {
        let Self { data, frame_finished, message_finished } = self;
        BytesMessage {
            data: data.as_ref(),
            frame_finished: *frame_finished,
            message_finished: *message_finished,
        }
    }
}

#[cfg(feature = "alloc")]
impl<B: Into<Vec<u8>>> BytesMessage<B> {
    /// The same message, which owns its data. Nothing is copied if it owned it already.
    ///
    /// ```
    /// use wsproto::BytesMessage;
    ///
    /// let piece: BytesMessage<Vec<u8>> = BytesMessage::partial(b"hel").into_owned();
    /// assert_eq!(piece, BytesMessage::partial(b"hel".to_vec()));
    /// ```
    pub fn into_owned(self) -> BytesMessage<Vec<u8>> {
        self.map(Into::into)
    }
}

impl<B> Ping<B> {
    /// The same ping, with its payload converted.
    ///
    /// ```
    /// use wsproto::Ping;
    ///
    /// let ping = Ping::new([0, 7]).map(u16::from_be_bytes);
    /// assert_eq!(ping, Ping::new(7));
    /// ```
    #[inline]
    pub fn map<U>(self, convert: impl FnOnce(B) -> U) -> Ping<U> {
        Ping { payload: convert(self.payload) }
    }
}

impl<B: AsRef<[u8]>> Ping<B> {
    /// The same ping, with its payload borrowed.
    ///
    /// ```
    /// use wsproto::Ping;
    ///
    /// let ping = Ping::new(vec![1, 2]);
    /// let borrowed: Ping<&[u8]> = ping.as_ref();
    /// assert_eq!(borrowed.payload, [1, 2]);
    /// ```
    #[inline]
    pub fn as_ref(&self) -> Ping<&[u8]> {
        Ping { payload: self.payload.as_ref() }
    }
}

#[cfg(feature = "alloc")]
impl<B: Into<Vec<u8>>> Ping<B> {
    /// The same ping, which owns its payload. Nothing is copied if it owned it already.
    ///
    /// ```
    /// use wsproto::Ping;
    ///
    /// let ping: Ping<Vec<u8>> = Ping::new(b"7").into_owned();
    /// assert_eq!(ping, Ping::new(vec![b'7']));
    /// ```
    pub fn into_owned(self) -> Ping<Vec<u8>> {
        self.map(Into::into)
    }
}

impl<B> Pong<B> {
    /// The same pong, with its payload converted.
    ///
    /// ```
    /// use wsproto::Pong;
    ///
    /// let pong = Pong::new([0, 7]).map(u16::from_be_bytes);
    /// assert_eq!(pong, Pong::new(7));
    /// ```
    #[inline]
    pub fn map<U>(self, convert: impl FnOnce(B) -> U) -> Pong<U> {
        Pong { payload: convert(self.payload) }
    }
}

impl<B: AsRef<[u8]>> Pong<B> {
    /// The same pong, with its payload borrowed.
    ///
    /// ```
    /// use wsproto::Pong;
    ///
    /// let pong = Pong::new(vec![1, 2]);
    /// let borrowed: Pong<&[u8]> = pong.as_ref();
    /// assert_eq!(borrowed.payload, [1, 2]);
    /// ```
    #[inline]
    pub fn as_ref(&self) -> Pong<&[u8]> {
        Pong { payload: self.payload.as_ref() }
    }
}

#[cfg(feature = "alloc")]
impl<B: Into<Vec<u8>>> Pong<B> {
    /// The same pong, which owns its payload. Nothing is copied if it owned it already.
    ///
    /// ```
    /// use wsproto::Pong;
    ///
    /// let pong: Pong<Vec<u8>> = Pong::new(b"7").into_owned();
    /// assert_eq!(pong, Pong::new(vec![b'7']));
    /// ```
    pub fn into_owned(self) -> Pong<Vec<u8>> {
        self.map(Into::into)
    }
}

impl<T> CloseConnection<T> {
    /// The same close frame, with its reason converted.
    ///
    /// ```
    /// use wsproto::{CloseCode, CloseConnection};
    ///
    /// let close = CloseConnection::new(CloseCode::GOING_AWAY, "restart").map(str::len);
    /// assert_eq!(close, CloseConnection::new(CloseCode::GOING_AWAY, 7));
    /// ```
    #[inline]
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> CloseConnection<U> {
        CloseConnection { code: self.code, reason: convert(self.reason) }
    }
}

impl<T: AsRef<str>> CloseConnection<T> {
    /// The same close frame, with its reason borrowed.
    ///
    /// ```
    /// use wsproto::{CloseCode, CloseConnection};
    ///
    /// let close = CloseConnection::new(CloseCode::GOING_AWAY, "restart".to_owned());
    /// let borrowed: CloseConnection<&str> = close.as_ref();
    /// assert_eq!(borrowed.reason, "restart");
    /// ```
    #[inline]
    pub fn as_ref(&self) -> CloseConnection<&str> {
        CloseConnection { code: self.code, reason: self.reason.as_ref() }
    }
}

#[cfg(feature = "alloc")]
impl<T: Into<String>> CloseConnection<T> {
    /// The same close frame, which owns its reason. Nothing is copied if it owned it already.
    ///
    /// ```
    /// use wsproto::{CloseCode, CloseConnection};
    ///
    /// let close: CloseConnection<String> = CloseConnection::EMPTY.into_owned();
    /// assert_eq!(close.as_ref(), CloseConnection::EMPTY);
    /// ```
    pub fn into_owned(self) -> CloseConnection<String> {
        self.map(Into::into)
    }
}

impl<T, B> From<TextMessage<T>> for Event<T, B> {
    fn from(message: TextMessage<T>) -> Self {
        Self::Text(message)
    }
}

impl<T, B> From<BytesMessage<B>> for Event<T, B> {
    fn from(message: BytesMessage<B>) -> Self {
        Self::Bytes(message)
    }
}

impl<T, B> From<Ping<B>> for Event<T, B> {
    fn from(ping: Ping<B>) -> Self {
        Self::Ping(ping)
    }
}

impl<T, B> From<Pong<B>> for Event<T, B> {
    fn from(pong: Pong<B>) -> Self {
        Self::Pong(pong)
    }
}

impl<T, B> From<CloseConnection<T>> for Event<T, B> {
    fn from(close: CloseConnection<T>) -> Self {
        Self::Close(close)
    }
}
