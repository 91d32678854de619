//! What is being sent and is not in the output buffer yet: the rest of a long message, or a shared frame.
//!
//! A long message is encoded fragment by fragment, as the transport takes the bytes. So the output buffer has a bound,
//! and a pong can be sent between two fragments.

use bytes::Bytes;
use wsproto::{BytesMessage, LocalProtocolError, Messages, PreparedFrame, PreparedMessage, TextMessage};

use crate::Message;
use crate::entropy::MaskingKeys;

/// What is being sent and is not in the output buffer yet.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Nothing.
    Idle,
    /// A message whose first fragment was encoded; here is the rest of its payload.
    Rest(Bytes),
    /// A frame that is written before the output buffer.
    Frame { frame: PreparedFrame, written: usize },
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
        let payload = match message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        };
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

    /// Begins a message that was prepared for many connections.
    pub(crate) fn begin_prepared(
        message: &PreparedMessage,
        messages: &mut Messages<MaskingKeys>,
    ) -> Result<Self, LocalProtocolError> {
        let is_empty = messages.output().is_empty();
        let (_, mut outgoing) = messages.split();
        let (sender, output) = outgoing.parts();
        match sender.prepared_frame(message)? {
            Some(frame) if is_empty => return Ok(Self::Frame { frame: frame.clone(), written: 0 }),
            // A frame would be written before what waits already.
            Some(frame) => output.extend_from_slice(frame.as_bytes()),
            None => sender.send_prepared(message, output)?,
        }
        Ok(Self::Idle)
    }

    /// The bytes to write before the output buffer.
    pub(crate) fn unwritten_frame(&self) -> Option<&[u8]> {
        match self {
            Self::Frame { frame, written } => frame.as_bytes().get(*written..),
            Self::Idle | Self::Rest(_) => None,
        }
    }

    /// Records that so many bytes of the frame are written.
    pub(crate) fn frame_written(&mut self, len: usize) {
        if let Self::Frame { frame, written } = self {
            *written = written.saturating_add(len);
            if *written >= frame.as_bytes().len() {
                *self = Self::Idle;
            }
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
        let Self::Rest(rest) = self else { return Ok(false) };
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
        assert_eq!(outgoing.unwritten_frame(), Some(&b"\x81\x05Hello"[..]));
        assert!(messages.output().is_empty());
        messages.send(wsproto::Ping::new(b"")).unwrap();
        assert!(Outgoing::begin_prepared(&prepared, &mut messages).unwrap().is_idle());
        assert_eq!(messages.output(), b"\x89\x00\x81\x05Hello");
    }
}
