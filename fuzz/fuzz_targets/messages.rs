//! Whole messages, and the parts of messages joined, are those of a receiver whose pieces are joined: for all cuts, borrowed
//! and owned, and after memory was released at any point. Only for whole messages may invalid text be reported later.
#![no_main]

use arbitrary::Arbitrary;
use bytes::BufMut;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    Connection, Message, MessagePart, Messages, ReadBuffer, Receiver, RemoteProtocolError, Role, Sender,
};
use wsproto_fuzz::{Counter, Joined, Kind, Received, Side, SmallLimits, Wire, ascending, encode, feed};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    limits: SmallLimits,
    min_space: u16,
    max_kept: u16,
    cuts: Vec<u16>,
    wires: Vec<Wire<'a>>,
}

type Whole = (Vec<Message<String, Vec<u8>>>, Option<RemoteProtocolError>);

fuzz_target!(|input: Input<'_>| {
    let bytes = encode(input.side, &input.wires);
    let pieces = feed(Receiver::new(input.side.into(), input.limits.into()), &bytes, []);
    let whole = input.receive(&bytes, &[], |_| Way::Borrowed);
    assert_eq!(whole.0, joined(pieces.received));
    let failure = pieces.failure.map(|failure| failure.error);
    if failure != Some(RemoteProtocolError::InvalidUtf8) {
        assert_eq!(whole.1, failure);
    }
    let cuts = ascending(&input.cuts, bytes.len());
    assert_eq!(input.receive(&bytes, &cuts, |_| Way::Borrowed), whole);
    assert_eq!(input.receive(&bytes, &cuts, |_| Way::Owned), whole);
    assert_eq!(
        input.receive(&bytes, &cuts, |turn| [Way::Owned, Way::Borrowed, Way::Released][turn % 3]),
        whole
    );
    assert_eq!(input.receive(&bytes, &cuts, |_| Way::Parts), (whole.0.clone(), failure));
    let every: Vec<usize> = (1..bytes.len().min(4096)).collect();
    assert_eq!(input.receive(&bytes, &every, |_| Way::Parts), (whole.0.clone(), failure));
    assert_eq!(input.receive(&bytes, &every, |turn| [Way::Borrowed, Way::Owned][turn % 2]), whole);
});

/// The messages that are complete, their frames joined.
fn joined(received: Received) -> Vec<Message<String, Vec<u8>>> {
    let (mut messages, mut message) = (Vec::new(), Vec::new());
    for joined in received.0 {
        let Joined::Data { kind, payload, message_finished, .. } = joined else { continue };
        message.extend(payload);
        if message_finished {
            let bytes = std::mem::take(&mut message);
            messages.push(match kind {
                Kind::Text => Message::Text(String::from_utf8(bytes).unwrap()),
                Kind::Binary => Message::Binary(bytes),
            });
        }
    }
    messages
}

/// The message of all these parts.
fn put_together(parts: &mut Vec<MessagePart>) -> Message<String, Vec<u8>> {
    let mut parts = parts.drain(..);
    let mut message = parts.next().unwrap().data.as_ref().into_owned();
    for part in parts {
        match (&mut message, &part.data) {
            (Message::Text(begun), Message::Text(text)) => begun.push_str(text),
            (Message::Binary(begun), Message::Binary(bytes)) => begun.extend_from_slice(bytes),
            (begun, part) => panic!("{part:?} after {begun:?}"),
        }
    }
    message
}

/// How the messages of a read are taken.
#[derive(Clone, Copy)]
enum Way {
    Borrowed,
    Owned,
    /// Borrowed, after memory was released.
    Released,
    /// In parts, all of them. The bytes are read into space that is not initialized.
    Parts,
}

impl Input<'_> {
    fn receive(&self, bytes: &[u8], cuts: &[usize], way: impl Fn(usize) -> Way) -> Whole {
        let role = Role::from(self.side);
        let receiver = Receiver::new(role, self.limits.into());
        let connection = Connection::from_parts(receiver, Sender::with_role(role, Counter(0)));
        let buffer = ReadBuffer::new()
            .with_min_space(usize::from(self.min_space))
            .with_max_kept(usize::from(self.max_kept));
        let mut ws = Messages::new(connection, buffer);
        let mut messages = Vec::new();
        // Owned messages do not change while later ones are read.
        let mut owned = Vec::new();
        let mut parts = Vec::new();
        let mut start = 0;
        for (turn, end) in cuts.iter().copied().chain([bytes.len()]).enumerate() {
            let mut read = &bytes[start..end];
            start = end;
            while !read.is_empty() {
                let way = way(turn);
                let len = match way {
                    Way::Parts => {
                        let mut space = ws.buf_mut();
                        let len = space.remaining_mut().min(read.len());
                        space.put_slice(&read[..len]);
                        len
                    }
                    _ => {
                        let space = ws.space();
                        let len = space.len().min(read.len());
                        space[..len].copy_from_slice(&read[..len]);
                        len
                    }
                };
                ws.filled(len).unwrap();
                read = &read[len..];
                if let Way::Released = way {
                    ws.release_memory();
                }
                if let Way::Owned = way {
                    while let Some(message) = ws.next_message_bytes() {
                        messages.push(message.as_ref().into_owned());
                        owned.push((messages.len() - 1, message));
                    }
                } else if let Way::Parts = way {
                    while let Some(part) = ws.next_part_bytes() {
                        let is_last = part.is_last;
                        parts.push(part);
                        if is_last {
                            messages.push(put_together(&mut parts));
                        }
                    }
                } else {
                    while let Some(message) = ws.next_message() {
                        messages.push(message.into_owned());
                    }
                }
            }
        }
        for (at, message) in owned {
            assert_eq!(message.as_ref(), messages[at].as_ref());
        }
        (messages, ws.failure())
    }
}
