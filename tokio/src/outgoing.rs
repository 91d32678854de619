//! What is being sent and is not in the output buffer yet: the rest of a long message, or a frame that is not copied.
//!
//! A long message is sent fragment by fragment, as the transport takes the bytes. So the output buffer has a bound, and
//! a pong can be sent between two fragments.

use bytes::{Buf, Bytes};
use wsproto::{
    BytesMessage, EncodedHeader, LocalProtocolError, MessageKind, Messages, PreparedFrame, PreparedMessage,
    TextMessage,
};

use crate::Message;
use crate::entropy::MaskingKeys;

/// What is being sent and is not in the output buffer yet.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Nothing.
    Idle,
    /// A message whose first fragment was encoded; here is the rest of its payload.
    Rest(Bytes),
    /// A message whose frames are written before the output buffer.
    InPlace(InPlace),
    /// A frame that is written before the output buffer.
    Prepared { frame: PreparedFrame, written: usize },
}

/// A message that is written from where it is.
#[derive(Debug)]
pub(crate) struct InPlace {
    kind: MessageKind,
    header: EncodedHeader,
    /// The payload of the frame, and after it the rest of the message.
    payload: Bytes,
    frame_len: usize,
    /// How many bytes of the header and the frame's payload are written.
    written: usize,
}

impl Outgoing {
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// Begins a message: all of it, or its first fragment, is in the output then.
    pub(crate) fn begin(
        message: &Message,
        max_len: usize,
        messages: &mut Messages<MaskingKeys>,
    ) -> Result<Self, LocalProtocolError> {
        let payload = payload(message);
        let len = fragment_len(payload, max_len);
        if len == payload.len() {
            messages.send(message)?;
            return Ok(Self::Idle);
        }
        let mut rest = payload.clone();
        let first = rest.split_to(len);
        match message {
            Message::Text(_) => {
                // It was cut between two characters, so it is UTF-8.
                let first = std::str::from_utf8(&first).map_err(|_| LocalProtocolError::InvalidUtf8)?;
                messages.send(TextMessage::partial(first))?;
            }
            Message::Binary(_) => messages.send(BytesMessage::partial(&*first))?,
        }
        Ok(Self::Rest(rest))
    }

    /// Begins a message that is not copied. Only a server without extensions can, and while no other bytes wait.
    pub(crate) fn begin_in_place(
        message: &Message,
        max_len: usize,
        messages: &mut Messages<MaskingKeys>,
    ) -> Result<Self, LocalProtocolError> {
        let kind = match message {
            Message::Text(_) => MessageKind::Text,
            Message::Binary(_) => MessageKind::Binary,
        };
        InPlace::new(kind, payload(message).clone(), max_len, messages).map(Self::InPlace)
    }

    /// Begins a message that was prepared for many connections.
    pub(crate) fn begin_prepared(
        message: &PreparedMessage,
        messages: &mut Messages<MaskingKeys>,
    ) -> Result<Self, LocalProtocolError> {
        let is_empty = messages.output().is_empty();
        let (_, mut outgoing) = messages.split();
        let (sender, output) = outgoing.parts();
        match sender.prepared_frame(message)? {
            Some(frame) if is_empty => return Ok(Self::Prepared { frame: frame.clone(), written: 0 }),
            // A frame would be written before what waits already.
            Some(frame) => output.extend_from_slice(frame.as_bytes()),
            None => sender.send_prepared(message, output)?,
        }
        Ok(Self::Idle)
    }

    /// The bytes to write before the output buffer: if there are any, the first slice has some.
    pub(crate) fn unwritten_frame(&self) -> Option<[&[u8]; 2]> {
        match self {
            Self::Prepared { frame, written } => Some([frame.as_bytes().get(*written..)?, &[]]),
            Self::InPlace(message) => message.unwritten(),
            Self::Idle | Self::Rest(_) => None,
        }
    }

    /// Records that so many bytes of the frame are written.
    pub(crate) fn frame_written(&mut self, len: usize) {
        let is_done = match self {
            Self::Prepared { frame, written } => {
                *written = written.saturating_add(len);
                *written >= frame.as_bytes().len()
            }
            Self::InPlace(message) => message.record_written(len),
            Self::Idle | Self::Rest(_) => false,
        };
        if is_done {
            *self = Self::Idle;
        }
    }

    /// Encodes the next fragment of a long message. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// The connection is closed, so the rest of the message is dropped.
    pub(crate) fn encode_next(
        &mut self,
        max_len: usize,
        messages: &mut Messages<MaskingKeys>,
    ) -> Result<bool, LocalProtocolError> {
        let rest = match self {
            Self::Idle | Self::Prepared { .. } => return Ok(false),
            Self::InPlace(message) => {
                let InPlace { kind, payload, .. } = message;
                let next = InPlace::new(*kind, std::mem::take(payload), max_len, messages).map(Self::InPlace);
                *self = Self::Idle;
                *self = next?;
                return Ok(true);
            }
            Self::Rest(rest) => rest,
        };
        let (_, mut outgoing) = messages.split();
        let (sender, output) = outgoing.parts();
        let fragment = rest.split_to(fragment_len(rest, max_len));
        let is_last = rest.is_empty();
        let sent = sender.send_continuation(&fragment, is_last, output);
        if is_last || sent.is_err() {
            *self = Self::Idle;
        }
        sent.map(|()| true)
    }
}

impl InPlace {
    /// The next frame of a message, or its only one.
    fn new(
        kind: MessageKind,
        payload: Bytes,
        max_len: usize,
        messages: &mut Messages<MaskingKeys>,
    ) -> Result<Self, LocalProtocolError> {
        let frame_len = fragment_len(&payload, max_len);
        let (_, mut outgoing) = messages.split();
        let (sender, _) = outgoing.parts();
        let len = u64::try_from(frame_len).unwrap_or(u64::MAX);
        let header = sender.frame_header(kind, len, frame_len == payload.len())?;
        Ok(Self { kind, header, payload, frame_len, written: 0 })
    }

    fn unwritten(&self) -> Option<[&[u8]; 2]> {
        let header = self.header.as_bytes();
        let payload = self.payload.get(..self.frame_len)?;
        match header.get(self.written..) {
            Some(header) if !header.is_empty() => Some([header, payload]),
            _ => Some([payload.get(self.written.checked_sub(header.len())?..)?, &[]])
                .filter(|rest| !rest[0].is_empty()),
        }
    }

    /// Records that so many bytes are written. Returns whether they were the last of the message.
    fn record_written(&mut self, len: usize) -> bool {
        self.written = self.written.saturating_add(len);
        let is_written = self.written >= self.header.as_bytes().len().saturating_add(self.frame_len);
        if is_written {
            self.payload.advance(self.frame_len);
            self.frame_len = 0;
        }
        is_written && self.payload.is_empty()
    }
}

const fn payload(message: &Message) -> &Bytes {
    match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
    }
}

/// How many bytes the next fragment has. A text is cut between two characters, and binary data by the same rule.
fn fragment_len(payload: &[u8], max_len: usize) -> usize {
    let max_len = max_len.max(1);
    if payload.len() <= max_len {
        return payload.len();
    }
    let begins = |place: &usize| payload.get(*place).is_some_and(|byte| byte & 0xC0 != 0x80);
    // A character has at most four bytes. One that is longer than a fragment is sent whole.
    let before = (1..=max_len).rev().take(4).find(begins);
    let after = || (max_len..payload.len()).take(4).find(begins);
    before.or_else(after).unwrap_or(match payload.len().saturating_sub(max_len) {
        0..4 => payload.len(),
        _ => max_len,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wsproto::{Connection, Limits, ReadBuffer, Role};

    fn server() -> Messages<MaskingKeys> {
        let connection = Connection::with_role(Role::Server, Limits::default(), MaskingKeys::default());
        Messages::new(connection, ReadBuffer::new())
    }

    fn client() -> Messages<MaskingKeys> {
        Messages::new(Connection::client(Limits::default(), MaskingKeys::default()), ReadBuffer::new())
    }

    fn sent_in_fragments(message: &Message, max_len: usize) -> (Message, usize) {
        let (mut sending, mut receiving) = (server(), client());
        let mut outgoing = Outgoing::begin(message, max_len, &mut sending).unwrap();
        let mut count = 1;
        while outgoing.encode_next(max_len, &mut sending).unwrap() {
            count += 1;
        }
        receiving.receive_data(sending.output()).unwrap();
        (receiving.next_message_bytes().unwrap(), count)
    }

    /// Writes so many bytes at a time. Returns the message and how many frames it has.
    fn written_in_place(message: &Message, max_len: usize, step: usize) -> (Message, usize) {
        let (mut sending, mut receiving) = (server(), client());
        let mut outgoing = Outgoing::begin_in_place(message, max_len, &mut sending).unwrap();
        let mut count = 1;
        loop {
            if let Some(slices) = outgoing.unwritten_frame() {
                assert!(!slices[0].is_empty());
                let bytes = slices.concat();
                let len = step.min(bytes.len());
                receiving.receive_data(&bytes[..len]).unwrap();
                outgoing.frame_written(len);
            } else if outgoing.encode_next(max_len, &mut sending).unwrap() {
                count += 1;
            } else {
                break;
            }
        }
        assert!(outgoing.is_idle() && sending.output().is_empty());
        (receiving.next_message_bytes().unwrap(), count)
    }

    #[test]
    fn message_that_is_written_in_place_arrives_as_it_was() {
        for message in
            [Message::from("a€😀bßc€€€".repeat(20)), Message::from(vec![0x80; 300]), Message::from("")]
        {
            for (max_len, step) in [(1000, 1), (1000, 7), (1000, 1000), (100, 1), (64, 50), (150, 1000)] {
                let (arrived, count) = written_in_place(&message, max_len, step);
                assert_eq!(arrived, message, "{max_len}, {step}");
                assert!(count >= message.as_bytes().len().div_ceil(max_len.max(1)));
                assert_eq!(count == 1, message.as_bytes().len() <= max_len);
            }
        }
    }

    #[test]
    fn client_cannot_write_in_place() {
        let begun = Outgoing::begin_in_place(&Message::from("a"), 100, &mut client());
        assert!(matches!(begun, Err(LocalProtocolError::MaskingRequired)));
    }

    #[test]
    fn a_text_is_cut_between_characters_and_arrives_as_it_was() {
        let message = Message::from("a€😀bßc€€€");
        for max_len in 0..20 {
            assert_eq!(sent_in_fragments(&message, max_len).0, message, "{max_len}");
        }
    }

    #[test]
    fn binary_data_without_a_place_to_cut_arrives_as_it_was() {
        let message = Message::from(vec![0x80; 100]);
        for max_len in [0, 1, 7, 50, 99] {
            assert_eq!(sent_in_fragments(&message, max_len).0, message, "{max_len}");
        }
        assert_eq!(sent_in_fragments(&message, 100).1, 1);
        assert_eq!(sent_in_fragments(&message, 50).1, 2);
    }

    #[test]
    fn a_prepared_frame_is_not_copied_unless_other_bytes_wait() {
        let prepared = PreparedMessage::text("Hello").unwrap();
        let mut messages = server();
        let outgoing = Outgoing::begin_prepared(&prepared, &mut messages).unwrap();
        assert_eq!(outgoing.unwritten_frame(), Some([&b"\x81\x05Hello"[..], b""]));
        assert!(messages.output().is_empty());
        messages.send(wsproto::Ping::new(b"")).unwrap();
        assert!(Outgoing::begin_prepared(&prepared, &mut messages).unwrap().is_idle());
        assert_eq!(messages.output(), b"\x89\x00\x81\x05Hello");
    }
}
