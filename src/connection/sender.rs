//! The sending half: events to bytes, in an order that the peer can read (RFC 6455 §5.4, §5.5.1, §6.1, §7.1.2).

#[cfg(feature = "alloc")]
mod prepared;
mod state;

use crate::close_code::CloseCode;
use crate::encoded_header::EncodedHeader;
use crate::entropy::{Entropy, NoEntropy};
use crate::error::LocalProtocolError;
use crate::event::{CloseConnection, Event, Outgoing};
use crate::extension::{InUse, OutboundExtensions};
use crate::frame::{CloseBody, FrameEncoder, Rsv};
use crate::message::Fragments;
use crate::opcode::{MessageKind, Opcode};
use crate::output::Output;
use crate::role::Role;

pub use state::CloseSent;
use state::{PeerEnd, State};

/// The sending half of a connection: encodes events to bytes, in an order that the protocol allows.
///
/// A refused call writes nothing and changes nothing. A [`Reply`](crate::Reply) that comes too late is not an error,
/// and writes nothing.
///
/// ```
/// use wsproto::{CloseCode, CloseConnection, LocalProtocolError, Sender, TextMessage};
///
/// let mut sender = Sender::server();
/// let mut output = Vec::new();
/// sender.send(TextMessage::from("Hello"), &mut output)?;
/// sender.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""), &mut output)?;
/// assert_eq!(output, b"\x81\x05Hello\x88\x02\x03\xe8");
///
/// let refused = sender.send(TextMessage::from("Wait!"), &mut output);
/// assert_eq!(refused, Err(LocalProtocolError::CloseSent));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Sender<E = NoEntropy> {
    frames: FrameEncoder<E>,
    extensions: InUse<OutboundExtensions>,
    state: State,
}

impl Sender<NoEntropy> {
    /// A sender for a server, which masks nothing.
    pub const fn server() -> Self {
        Self::new(None)
    }
}

impl<E: Entropy> Sender<E> {
    /// A sender for a client, which masks every frame with a new key from `entropy`.
    pub const fn client(entropy: E) -> Self {
        Self::new(Some(entropy))
    }

    /// A sender for a role that is known only at run time; a server draws nothing from `entropy`.
    ///
    /// ```
    /// use wsproto::{Role, Sender};
    /// # struct Fixed;
    /// # impl wsproto::Entropy for Fixed {
    /// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(b"\x37\xfa\x21\x3d"); }
    /// # }
    ///
    /// let senders = [Role::Server, Role::Client].map(|role| Sender::with_role(role, Fixed));
    /// assert_eq!(senders.map(|sender| sender.role()), [Role::Server, Role::Client]);
    /// ```
    pub fn with_role(role: Role, entropy: E) -> Self {
        Self::new(role.masks().then_some(entropy))
    }

    /// A sender for either role; `None` makes a server's.
    pub(crate) const fn new(entropy: Option<E>) -> Self {
        Self { frames: FrameEncoder::new(entropy), extensions: None, state: State::Open }
    }

    /// The same, with the sending halves of extensions.
    #[cfg(feature = "alloc")]
    pub(super) fn with_extensions(self, extensions: InUse<OutboundExtensions>) -> Self {
        Self { extensions, ..self }
    }

    /// Writes an event to `output`, as [`send`](Self::send), but a message that starts is not compressed.
    ///
    /// No extension sees the message. Later pieces of a message are sent as its first piece was, by any method.
    ///
    /// ```
    /// use wsproto::{Sender, TextMessage};
    ///
    /// let mut output = Vec::new();
    /// Sender::server().send_plain(TextMessage::from("Hello"), &mut output)?;
    /// assert_eq!(output, b"\x81\x05Hello"); // no RSV1, even if permessage-deflate is in use
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What [`send`](Self::send) refuses.
    pub fn send_plain(
        &mut self,
        event: impl Outgoing,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let starts = matches!(self.state, State::Open | State::PeerDone(_));
        let (kind, payload, message_finished) = match event.as_event() {
            Event::Text(text) if starts => (MessageKind::Text, text.data.as_bytes(), text.message_finished),
            Event::Bytes(bytes) if starts => (MessageKind::Binary, bytes.data, bytes.message_finished),
            _ => return self.send(event, output),
        };
        self.write_plain(kind, message_finished, |frames, opcode| {
            frames.encode(message_finished, Rsv::NONE, opcode, payload, output)
        })
    }

    /// Writes an event to `output`.
    ///
    /// Each piece of a message becomes one frame; pings, pongs and the close frame may be sent between them.
    ///
    /// # Errors
    ///
    /// - an event after the close frame, except a reply, which writes nothing then;
    /// - text inside a binary message, or bytes inside a text message;
    /// - a control payload of more than 125 bytes;
    /// - a close reason of more than 123 bytes, or without a code;
    /// - a close code that must not be sent; for a server, also 1010, which only a client sends (§7.4.1);
    /// - a new message once the sender knows [that the peer has closed](Self::close_received);
    /// - no room in `output`, or a [streamed](Self::begin_frame) frame that is not complete.
    #[inline(always)]
    pub fn send(
        &mut self,
        event: impl Outgoing,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        match event.as_event() {
            Event::Text(text) => {
                self.send_data(MessageKind::Text, text.data.as_bytes(), text.message_finished, output)
            }
            Event::Bytes(bytes) => {
                self.send_data(MessageKind::Binary, bytes.data, bytes.message_finished, output)
            }
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) if event.is_reply() && self.is_over() => Ok(()),
            Event::Ping(ping) => self.send_control(Opcode::Ping, ping.payload, output),
            Event::Pong(pong) => self.send_control(Opcode::Pong, pong.payload, output),
            Event::Close(close) => self.send_close(close, event.is_reply(), output),
        }
    }

    /// Writes the next fragment of the message in progress, whatever its kind.
    ///
    /// ```
    /// use wsproto::{BytesMessage, LocalProtocolError, Sender};
    ///
    /// let mut sender = Sender::server();
    /// let mut output = Vec::new();
    /// let refused = sender.send_continuation(b"!", true, &mut output);
    /// assert_eq!(refused, Err(LocalProtocolError::NoMessageInProgress));
    ///
    /// sender.send(BytesMessage::partial(b"one"), &mut output)?;
    /// sender.send_continuation(b"two", true, &mut output)?;
    /// assert_eq!(output, b"\x02\x03one\x80\x03two");
    /// # Ok::<(), LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::NoMessageInProgress`]; [`LocalProtocolError::InvalidUtf8`] if a text would continue with
    /// bytes that are not UTF-8, or with half a character; and what [`send`](Self::send) refuses.
    pub fn send_continuation(
        &mut self,
        payload: &[u8],
        message_finished: bool,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let kind = match self.state {
            State::InMessage(kind) | State::PeerDoneInMessage(_, kind) => kind,
            State::Open | State::PeerDone(_) => return Err(LocalProtocolError::NoMessageInProgress),
            State::CloseSent(_) => return Err(LocalProtocolError::CloseSent),
            State::Ended => return Err(LocalProtocolError::Ended),
        };
        if kind == MessageKind::Text && core::str::from_utf8(payload).is_err() {
            return Err(LocalProtocolError::InvalidUtf8);
        }
        self.send_data(kind, payload, message_finished, output)
    }

    /// Writes a message in fragments of at most `max_fragment_len` bytes: all of them or, after an error, none.
    ///
    /// 0 counts as 1.
    ///
    /// A text is cut between characters, unless one character is longer than a fragment. Control frames are not
    /// fragmented.
    ///
    /// ```
    /// use wsproto::{Sender, TextMessage};
    ///
    /// let mut output = Vec::new();
    /// Sender::server().send_fragmented(TextMessage::from("Hello"), 3, &mut output)?;
    /// assert_eq!(output, b"\x01\x03Hel\x80\x02lo"); // §5.7
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What [`send`](Self::send) refuses.
    pub fn send_fragmented(
        &mut self,
        message: impl Outgoing,
        max_fragment_len: usize,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let (kind, payload, message_finished) = match message.as_event() {
            Event::Text(text) => (MessageKind::Text, text.data.as_bytes(), text.message_finished),
            Event::Bytes(bytes) => (MessageKind::Binary, bytes.data, bytes.message_finished),
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => return self.send(message, output),
        };
        self.write_data(kind, message_finished, |sender, first_opcode| {
            if sender.write_encoded(first_opcode, payload, message_finished, max_fragment_len, output)? {
                return Ok(());
            }
            let frames = &mut sender.frames;
            let mut opcode = first_opcode;
            let fragments = || Fragments::of(kind, payload, max_fragment_len);
            let lens = fragments().map(|(fragment, _)| frames.encoded_len(fragment.len()));
            output.ensure_room(lens.fold(0, usize::saturating_add))?;
            for (fragment, is_last) in fragments() {
                frames.encode(message_finished && is_last, Rsv::NONE, opcode, fragment, output)?;
                opcode = Opcode::Continuation;
            }
            sender.begin_plain(first_opcode);
            Ok(())
        })
    }

    /// Writes a piece of a message whose payload the caller has already encoded for an extension in use, with these RSV
    /// bits.
    ///
    /// Extensions do not see the payload, and it is not checked what it decodes to. An extension that remembers earlier
    /// messages, such as permessage-deflate with context takeover, no longer knows what the peer remembers then. On
    /// such a connection, encode all messages yourself, or none.
    ///
    #[cfg_attr(not(feature = "deflate"), doc = "```ignore")]
    #[cfg_attr(feature = "deflate", doc = "```")]
    /// use wsproto::{Connection, DeflateParams, Extensions, Limits, MessageKind, PermessageDeflate, Role, Rsv};
    ///
    /// let mut extensions = Extensions::new();
    /// extensions.push(PermessageDeflate::new().negotiated(Role::Server, DeflateParams::DEFAULT)).unwrap();
    /// let mut server = Connection::server(Limits::default()).with_extensions(extensions);
    ///
    /// let mut output = Vec::new();
    /// let deflated = b"\xf2\x48\xcd\xc9\xc9\x07\x00"; // "Hello", RFC 7692 §7.2.3.1
    /// server.sender_mut().send_encoded(MessageKind::Text, Rsv::RSV1, deflated, true, &mut output)?;
    /// assert_eq!(output, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::ReservedBits`] if no extension in use claims one of the bits for such a frame (§5.2);
    /// [`LocalProtocolError::EncodedMessageInProgress`]; and what [`send`](Self::send) refuses.
    pub fn send_encoded(
        &mut self,
        kind: MessageKind,
        rsv: Rsv,
        payload: &[u8],
        message_finished: bool,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        self.write_data(kind, message_finished, |sender, opcode| {
            match &sender.extensions {
                Some(extensions) => {
                    extensions.check_rsv(opcode, rsv)?;
                    extensions.check_encoded(opcode)?;
                }
                None if rsv.is_empty() => {}
                None => return Err(LocalProtocolError::ReservedBits),
            }
            sender.frames.encode(message_finished, rsv, opcode, payload, output)?;
            if let Some(extensions) = &mut sender.extensions {
                extensions.begin_encoded(opcode);
            }
            Ok(())
        })
    }

    /// Makes a frame of a payload in place: masks it if this is a client, and returns the header to write before it.
    ///
    /// The payload of a text message has to be UTF-8; this is not checked. Extensions do not see the payload: a message
    /// that starts with this method is not compressed.
    ///
    /// ```
    /// use wsproto::{MessageKind, Sender};
    ///
    /// let mut sender = Sender::server();
    /// let mut payload = vec![0; 300];
    /// let header = sender.frame_in_place(MessageKind::Binary, &mut payload, true)?;
    /// assert_eq!(header.as_bytes(), b"\x82\x7e\x01\x2c"); // write it, then the payload: no copy was made
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What [`send`](Self::send) refuses, and [`LocalProtocolError::EncodedMessageInProgress`]; the payload is then
    /// unchanged.
    #[inline(always)]
    pub fn frame_in_place(
        &mut self,
        kind: MessageKind,
        payload: &mut [u8],
        message_finished: bool,
    ) -> Result<EncodedHeader, LocalProtocolError> {
        self.write_plain(kind, message_finished, |frames, opcode| {
            frames.encode_in_place(message_finished, Rsv::NONE, opcode, payload)
        })
    }

    /// The header of a server's frame, to be written before a payload that the caller writes as it is.
    ///
    /// This is for payloads that are shared, such as `&[u8]` or `Bytes`, and for vectored writes. The frame counts as
    /// sent: write exactly `payload_len` bytes after the header. The payload of a text message has to be UTF-8; this is
    /// not checked. Extensions do not see the payload: a message that starts with this method is not compressed.
    ///
    /// ```
    /// use std::io::{IoSlice, Write};
    /// use wsproto::{MessageKind, Sender};
    ///
    /// let mut sender = Sender::server();
    /// let mut socket = Vec::new();
    /// let payload: &[u8] = b"Hello"; // in a cache, or in a file that is mapped
    /// let header = sender.frame_header(MessageKind::Text, payload.len() as u64, true)?;
    /// let slices = [IoSlice::new(header.as_bytes()), IoSlice::new(payload)];
    /// let len = socket.write_vectored(&slices)?; // of a socket, write the rest if it is less
    /// assert_eq!(socket, b"\x81\x05Hello");
    /// # assert_eq!(len, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::MaskingRequired`] for a client; what [`send`](Self::send) refuses; and
    /// [`LocalProtocolError::EncodedMessageInProgress`].
    #[inline(always)]
    pub fn frame_header(
        &mut self,
        kind: MessageKind,
        payload_len: u64,
        message_finished: bool,
    ) -> Result<EncodedHeader, LocalProtocolError> {
        self.write_plain(kind, message_finished, |frames, opcode| {
            frames.encode_header(message_finished, Rsv::NONE, opcode, payload_len)
        })
    }

    /// Starts a frame whose payload is passed in pieces to [`continue_frame`](Self::continue_frame), and returns the
    /// header to write before it.
    ///
    /// Nothing else can be sent until `payload_len` bytes were passed. The payload of a text message has to be UTF-8;
    /// this is not checked. As a client, do not show the header to the code that makes the payload, because the header
    /// contains the masking key (§10.3). Extensions do not see the payload: a message that starts with this method is
    /// not compressed.
    ///
    /// ```
    /// use wsproto::{LocalProtocolError, MessageKind, Ping, Sender};
    ///
    /// let mut sender = Sender::server();
    /// assert_eq!(sender.begin_frame(MessageKind::Binary, 2, true)?.as_bytes(), b"\x82\x02");
    /// sender.continue_frame(&mut [1])?;
    /// let refused = sender.send(Ping::new(b""), &mut Vec::new());
    /// assert_eq!(refused, Err(LocalProtocolError::FrameInProgress));
    /// sender.continue_frame(&mut [2])?;
    /// # Ok::<(), LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What [`send`](Self::send) refuses, and [`LocalProtocolError::EncodedMessageInProgress`].
    #[inline]
    pub fn begin_frame(
        &mut self,
        kind: MessageKind,
        payload_len: u64,
        message_finished: bool,
    ) -> Result<EncodedHeader, LocalProtocolError> {
        self.write_plain(kind, message_finished, |frames, opcode| {
            frames.begin_frame(message_finished, Rsv::NONE, opcode, payload_len)
        })
    }

    /// Processes the next piece of the payload that [`begin_frame`](Self::begin_frame) announced: a client's is masked in
    /// place.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::PayloadOverrun`] if `piece` is longer than the rest of the payload; it is then
    /// unchanged.
    #[inline]
    pub fn continue_frame(&mut self, piece: &mut [u8]) -> Result<(), LocalProtocolError> {
        self.frames.continue_frame(piece)
    }

    /// Records that the peer's close frame was received: a message in progress may be finished, but no new one may start
    /// (§5.5.1).
    ///
    /// [`Connection`](crate::Connection) calls this itself.
    pub const fn close_received(&mut self) {
        self.peer_done(PeerEnd::Closed);
    }

    /// Records that the peer broke a rule: a message in progress may be finished, but no new one may start.
    ///
    /// [`Connection`](crate::Connection) calls this itself.
    pub const fn peer_failed(&mut self) {
        self.peer_done(PeerEnd::Failed);
    }

    /// Records that the transport has ended without the peer's close frame: nothing more can be sent, and replies write
    /// nothing.
    ///
    /// [`Connection`](crate::Connection) calls this itself.
    pub fn transport_ended(&mut self) {
        if !self.is_close_sent() {
            self.end(State::Ended);
        }
    }

    const fn peer_done(&mut self, end: PeerEnd) {
        self.state = self.state.after_peer(end);
    }

    /// Frees memory that is kept only for speed, such as that of a compressor between two messages.
    ///
    /// With context takeover, the next message can then refer only to the last 1 KiB of the earlier ones, so it may be
    /// longer; the peer receives the same. Without context takeover, the memory is also freed after eight control frames in
    /// a row without a compressed message. If it had to be allocated again after that, more control frames are needed the
    /// next time. All of it is freed with the close frame.
    #[cfg(feature = "alloc")]
    pub fn release_memory(&mut self) {
        if let Some(extensions) = &mut self.extensions {
            extensions.release_memory();
        }
    }

    /// Whether extensions are in use, such as permessage-deflate: they change the messages that [`send`](Self::send) sends.
    pub const fn has_extensions(&self) -> bool {
        self.extensions.is_some()
    }

    /// Whether the close frame was sent.
    pub const fn is_close_sent(&self) -> bool {
        matches!(self.state, State::CloseSent(_))
    }

    /// Whether nothing more can be sent.
    const fn is_over(&self) -> bool {
        matches!(self.state, State::CloseSent(_) | State::Ended)
    }

    /// Enters a state in which nothing more is sent.
    fn end(&mut self, state: State) {
        self.state = state;
        self.extensions = None;
    }

    /// Our close frame, if it was sent.
    pub(super) const fn close_sent(&self) -> Option<CloseSent> {
        match self.state {
            State::CloseSent(close_sent) => Some(close_sent),
            _ => None,
        }
    }

    /// The role of this sender: a client masks its frames, and a server does not.
    pub const fn role(&self) -> Role {
        self.frames.role()
    }

    /// Writes a piece of a message.
    ///
    /// The fast path is for a whole message while no other one is in progress. Nearly all pieces are of this kind, and
    /// they do not change the state.
    #[inline(always)]
    fn send_data(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        message_finished: bool,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        match self.state {
            State::Open if message_finished && self.extensions.is_none() => {
                self.frames.encode(true, Rsv::NONE, kind.opcode(), payload, output)
            }
            _ => self.send_piece(kind, payload, message_finished, output),
        }
    }

    /// The slow path of [`send_data`](Self::send_data).
    #[inline(never)]
    fn send_piece(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        message_finished: bool,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        self.write_data(kind, message_finished, |sender, opcode| {
            if sender.write_encoded(opcode, payload, message_finished, usize::MAX, output)? {
                return Ok(());
            }
            sender.frames.encode(message_finished, Rsv::NONE, opcode, payload, output)?;
            sender.begin_plain(opcode);
            Ok(())
        })
    }

    /// Writes the payload of a data frame, encoded by extensions, in fragments. Returns false if no extension encodes the
    /// message; nothing was written then.
    fn write_encoded(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        message_finished: bool,
        max_fragment_len: usize,
        output: &mut (impl Output + ?Sized),
    ) -> Result<bool, LocalProtocolError> {
        let Some(extensions) = &mut self.extensions else { return Ok(false) };
        extensions.write(&mut self.frames, opcode, payload, message_finished, max_fragment_len, output)
    }

    /// Records a data frame that extensions do not see.
    fn begin_plain(&mut self, opcode: Opcode) {
        if let Some(extensions) = &mut self.extensions {
            extensions.begin_plain(opcode);
        }
    }

    /// Writes a data frame that extensions do not see, and so none of its message.
    #[inline(always)]
    fn write_plain<T>(
        &mut self,
        kind: MessageKind,
        message_finished: bool,
        write: impl FnOnce(&mut FrameEncoder<E>, Opcode) -> Result<T, LocalProtocolError>,
    ) -> Result<T, LocalProtocolError> {
        if matches!(self.state, State::Open) && message_finished && self.extensions.is_none() {
            return write(&mut self.frames, kind.opcode());
        }
        // Not a function of its own: a header that it returns would be copied, and that took three times as long.
        let (opcode, next) = self.state.after_data(kind, message_finished)?;
        if let Some(extensions) = &self.extensions {
            extensions.check_plain(opcode)?;
        }
        let written = write(&mut self.frames, opcode)?;
        self.begin_plain(opcode);
        self.state = next;
        Ok(written)
    }

    /// Writes a piece of a message, if the state allows it, and enters the state after it.
    #[inline]
    fn write_data<T>(
        &mut self,
        kind: MessageKind,
        message_finished: bool,
        write: impl FnOnce(&mut Self, Opcode) -> Result<T, LocalProtocolError>,
    ) -> Result<T, LocalProtocolError> {
        let (opcode, next) = self.state.after_data(kind, message_finished)?;
        let written = write(self, opcode)?;
        self.state = next;
        Ok(written)
    }

    #[inline(always)]
    fn send_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        match self.state {
            State::CloseSent(_) => return Err(LocalProtocolError::CloseSent),
            State::Ended => return Err(LocalProtocolError::Ended),
            _ => self.frames.encode(true, Rsv::NONE, opcode, payload, output)?,
        }
        if let Some(extensions) = &mut self.extensions {
            extensions.rest();
        }
        Ok(())
    }

    /// [`send`](Self::send) once the peer has closed or failed. `received` is the code of its close frame.
    pub(super) fn send_at_end(
        &mut self,
        event: impl Outgoing,
        received: Option<CloseCode>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        match event.as_event() {
            // A server sends 1010 only as the reply to a client's (§7.4.1).
            Event::Close(close)
                if close.code == Some(CloseCode::MANDATORY_EXT)
                    && received == close.code
                    && !event.is_reply() =>
            {
                self.send_close(close, true, output)
            }
            _ => self.send(event, output),
        }
    }

    #[inline(never)]
    fn send_close(
        &mut self,
        close: CloseConnection<&str>,
        is_reply: bool,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let CloseConnection { code, reason } = close;
        // 1010 "is not used by the server", except as the reply to a client's (§7.4.1).
        if code == Some(CloseCode::MANDATORY_EXT) && self.role() == Role::Server && !is_reply {
            return Err(LocalProtocolError::InvalidCloseCode(CloseCode::MANDATORY_EXT.get()));
        }
        let body = CloseBody { code, reason }.encode()?;
        self.send_control(Opcode::Close, &body, output)?;
        let as_reply = is_reply || matches!(self.state, State::PeerDone(_) | State::PeerDoneInMessage(..));
        self.end(State::CloseSent(CloseSent { as_reply }));
        Ok(())
    }
}

impl<E: Clone> Sender<E> {
    /// A copy that sends exactly what this sender would; `None` while an extension in use cannot be copied.
    ///
    /// See [`Connection::try_clone`](crate::Connection::try_clone).
    pub fn try_clone(&self) -> Option<Self> {
        let Self { frames, extensions, state } = self;
        let extensions = match extensions {
            Some(extensions) => Some(extensions.try_clone()?),
            None => None,
        };
        Some(Self { frames: frames.clone(), extensions, state: *state })
    }
}
