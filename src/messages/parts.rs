//! Messages in parts: each part is returned as it arrives, so a message need not fit in memory.

use core::mem;
use core::ops::Range;

use bytes::Bytes;

use crate::connection::Receiver;
use crate::event::{Event, Message};
use crate::message::{Found, MessageDecoder, Source};
use crate::opcode::MessageKind;
use crate::utf8_bytes::Utf8Bytes;

use super::inbox::{Inbox, Progress};

/// A part of a message that owns its data: text or binary, and whether it is the last.
///
/// The data of all parts, up to the one that `is_last`, is one message. Parts are not the frames of the peer: their
/// length depends on how the bytes arrived. Text is not cut inside a character.
///
/// ```
/// use wsproto::{Connection, Limits, Message, MessagePart, Messages, ReadBuffer, SeededEntropy};
///
/// let connection = Connection::client(Limits::default(), SeededEntropy::new());
/// let mut ws = Messages::new(connection, ReadBuffer::new());
/// ws.receive_data(b"\x81\x05Hel")?; // the rest is still on the way
/// assert_eq!(ws.next_part_bytes(), Some(MessagePart { data: Message::Text("Hel".into()), is_last: false }));
/// ws.receive_data(b"lo")?;
/// assert_eq!(ws.next_part_bytes(), Some(MessagePart { data: Message::Text("lo".into()), is_last: true }));
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePart {
    /// The data. It is empty only in the last part, if the message ends without more data.
    pub data: Message<Utf8Bytes, Bytes>,
    /// Whether the message ends with this part.
    pub is_last: bool,
}

/// What was read.
enum Read {
    /// All bytes are used, or nothing more is read.
    Nothing,
    /// A control frame.
    Control,
    /// A part.
    Part(MessagePart),
}

/// A piece that was read.
struct Piece {
    kind: MessageKind,
    data: Data,
    is_last: bool,
}

/// Where the data of a piece is.
enum Data {
    /// In the buffer: so many bytes, and so many that were read after them.
    Buffer { len: usize, after: usize },
    /// In a copy, as it was in the decoder.
    Copied(Bytes),
}

impl Inbox {
    /// Returns the next part of a message, if there is one. An error is kept by the receiver.
    pub(super) fn next_part(&mut self, receiver: &mut Receiver) -> Option<MessagePart> {
        if self.progress == Progress::Returned {
            self.begin();
        }
        let decoder = receiver.decoder_mut();
        if let Some(begun) = self.take_begun(decoder) {
            return Some(begun);
        }
        loop {
            match self.read_part(decoder) {
                Read::Part(part) if part.is_last || !part.data.as_bytes().is_empty() => return Some(part),
                Read::Part(_) | Read::Control => {}
                Read::Nothing => break,
            }
        }
        self.end_of_bytes(receiver);
        None
    }

    /// Returns the beginning of a message that was to be returned whole.
    pub(super) fn take_begun(&mut self, decoder: &mut MessageDecoder) -> Option<MessagePart> {
        let (kind, mut bytes) = match self.progress {
            Progress::Held(kind) => (kind, self.buffer.take_held()),
            Progress::Decoded(kind) => (kind, mem::take(&mut self.decoded).into()),
            Progress::BetweenMessages | Progress::Returned | Progress::Parts => return None,
        };
        self.progress = Progress::BetweenMessages;
        if kind == MessageKind::Text {
            // It was not checked yet.
            let len = decoder.begin_text(&bytes).map_err(|error| self.replies.on_failure(error)).ok()?;
            bytes.truncate(len);
        }
        if bytes.is_empty() {
            return None;
        }
        self.progress = Progress::Parts;
        Some(MessagePart { data: message(kind, bytes), is_last: false })
    }

    /// Begins to read whole messages again. Returns false if the rest of a message is to be dropped that has not come.
    pub(super) fn leave_parts(&mut self, decoder: &mut MessageDecoder) -> bool {
        // No part was returned, but the first bytes of a character were read.
        if self.progress == Progress::BetweenMessages && decoder.take_character(&mut self.decoded) {
            self.progress = Progress::Decoded(MessageKind::Text);
        }
        while self.progress == Progress::Parts {
            if matches!(self.read_part(decoder), Read::Nothing) {
                return false;
            }
        }
        true
    }

    /// Reads one part of a message, or one control frame.
    fn read_part(&mut self, decoder: &mut MessageDecoder) -> Read {
        self.frame_len = 0;
        let Self { buffer, replies, observed, .. } = self;
        let read = buffer.read(|input| {
            let len = input.len();
            let Some(located) = decoder.locate(input)? else { return Ok(None) };
            if let control @ (Event::Ping(_) | Event::Pong(_) | Event::Close(_)) = located.event.as_ref() {
                replies.on_event(&control);
                observed.on_control(&control);
            }
            let consumed = len.saturating_sub(input.len());
            Ok(Some(Piece::found(located.found(consumed))))
        });
        match read {
            Ok(Some(Some(piece))) => Read::Part(self.part(piece)),
            Ok(Some(None)) => Read::Control,
            Ok(None) => Read::Nothing,
            Err(error) => {
                self.replies.on_failure(error);
                Read::Nothing
            }
        }
    }

    /// Takes the data out of the buffer.
    fn part(&mut self, piece: Piece) -> MessagePart {
        let Piece { kind, data, is_last } = piece;
        let data = match data {
            Data::Buffer { len, after } => self.buffer.take_read(len, after),
            Data::Copied(data) => data,
        };
        self.observed.message |= is_last;
        self.progress = match self.progress {
            _ if is_last => Progress::BetweenMessages,
            begun if data.is_empty() => begun,
            _ => Progress::Parts,
        };
        MessagePart { data: message(kind, data), is_last }
    }
}

impl Piece {
    /// `None` for a control frame.
    fn found(found: Found<'_>) -> Option<Self> {
        let consumed = found.consumed;
        let data = |source: Source<&[u8]>| match source {
            Source::Input(Range { start, end }) => {
                Data::Buffer { len: end.saturating_sub(start), after: consumed.saturating_sub(end) }
            }
            Source::Kept(data) => Data::Copied(Bytes::copy_from_slice(data)),
        };
        let (kind, data, is_last) = match found.event {
            Event::Text(text) => {
                (MessageKind::Text, data(text.data.map(str::as_bytes)), text.message_finished)
            }
            Event::Bytes(bytes) => (MessageKind::Binary, data(bytes.data), bytes.message_finished),
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => return None,
        };
        Some(Self { kind, data, is_last })
    }
}

fn message(kind: MessageKind, bytes: Bytes) -> Message<Utf8Bytes, Bytes> {
    match kind {
        MessageKind::Text => Message::Text(Utf8Bytes::checked(bytes)),
        MessageKind::Binary => Message::Binary(bytes),
    }
}
