//! Messages in parts, over the buffers of `Messages`: for all cuts, mixed with whole messages, and with little memory.
#![cfg(feature = "bytes")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod counting;

use std::time::Duration;

use counting::measured;
use wsproto::{
    Connection, Entropy, Keepalive, Limits, Message, MessagePart, Messages, ReadBuffer, RemoteProtocolError,
    TextMessage, Timeouts, TransportAction,
};

struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

type Ws = Messages<Fixed>;
type Owned = Message<String, Vec<u8>>;

/// A client: its server's frames are easy to read, as they are not masked.
fn client() -> Ws {
    Messages::new(Connection::client(Limits::default(), Fixed), ReadBuffer::new())
}

fn feed(ws: &mut Ws, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = ws.space();
        let len = space.len().min(bytes.len());
        assert!(len > 0, "no space");
        space[..len].copy_from_slice(&bytes[..len]);
        ws.filled(len).unwrap();
        bytes = &bytes[len..];
    }
}

fn parts(ws: &mut Ws) -> Vec<MessagePart> {
    std::iter::from_fn(|| ws.next_part_bytes()).collect()
}

fn text(data: &str, is_last: bool) -> MessagePart {
    MessagePart { data: Message::Text(data.into()), is_last }
}

/// Puts parts together; only the last part of a message may be empty.
fn put_together(parts: Vec<MessagePart>) -> (Vec<Owned>, Option<Owned>) {
    let (mut messages, mut begun) = (Vec::new(), None::<Owned>);
    for MessagePart { data, is_last } in parts {
        assert!(is_last || !data.as_bytes().is_empty());
        begun = Some(match (begun, data) {
            (None, data) => data.map(|text| text.as_str().into(), |bytes| bytes.to_vec()),
            (Some(Message::Text(begun)), Message::Text(text)) => Message::Text(begun + &text),
            (Some(Message::Binary(begun)), Message::Binary(more)) => {
                Message::Binary([begun, more.to_vec()].concat())
            }
            (begun, data) => panic!("{data:?} after {begun:?}"),
        });
        if is_last {
            messages.extend(begun.take());
        }
    }
    (messages, begun)
}

/// A server's messages with fragments, empty frames, pings, and characters that are cut.
fn sample() -> (Vec<u8>, Vec<Owned>) {
    let mut bytes = Vec::new();
    bytes.extend(b"\x01\x03a\xe2\x82\x89\x01?\x00\x00\x80\x02\xacb"); // "a€b"
    bytes.extend(b"\x82\x03\x00\xff\x80\x81\x00\x02\x00\x80\x00"); // bytes, "", b""
    bytes.extend(b"\x02\x01x\x00\x00\x8a\x00\x80\x01y");
    bytes.extend(b"\x81\x04\xf0\x9f\x98\x80");
    let text = |text: &str| Message::Text(text.into());
    let messages = vec![
        text("a€b"),
        Message::Binary(b"\x00\xff\x80".to_vec()),
        text(""),
        Message::Binary(Vec::new()),
        Message::Binary(b"xy".to_vec()),
        text("😀"),
    ];
    (bytes, messages)
}

#[test]
fn the_parts_are_the_message_for_all_cuts() {
    let (bytes, messages) = sample();
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let mut ws = client();
            let mut received = Vec::new();
            for read in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                feed(&mut ws, read);
                received.extend(parts(&mut ws));
            }
            assert_eq!(put_together(received), (messages.clone(), None), "{first}, {second}");
            assert_eq!(ws.output().len(), 7, "a masked pong with one byte");
        }
    }
}

#[test]
fn a_part_is_returned_as_soon_as_it_arrives() {
    let mut ws = client();
    feed(&mut ws, b"\x81\x7f\0\0\0\0\x00\x10\0\0Hel");
    assert_eq!(parts(&mut ws), [text("Hel", false)]);
    feed(&mut ws, b"lo \xe2");
    assert_eq!(parts(&mut ws), [text("lo ", false)], "not a part of a character");
    feed(&mut ws, b"\x82\xac");
    assert_eq!(parts(&mut ws), [text("€", false)]);
}

#[test]
fn messages_can_be_sent_between_two_parts() {
    let mut ws = client();
    feed(&mut ws, b"\x01\x03Hel\x80\x02lo");
    let (mut incoming, mut outgoing) = ws.split();
    let mut received = Vec::new();
    while let Some(part) = incoming.next_part_bytes() {
        outgoing.send(TextMessage::new("part")).unwrap();
        received.push(part);
    }
    assert_eq!(received, [text("Hel", false), text("lo", true)]);
    assert_eq!(ws.output().len(), 2 * (6 + 4));
}

#[test]
fn a_connection_that_receives_messages_in_parts_is_not_idle() {
    let at = Duration::from_secs;
    let mut keepalive = Keepalive::new(Timeouts::NONE.with_idle(Some(at(10))), at(0));
    keepalive.opened(at(0));
    let mut ws = client().with_keepalive(keepalive);
    feed(&mut ws, b"\x01\x01a");
    assert_eq!(parts(&mut ws), [text("a", false)]);
    assert_eq!(ws.poll(at(4)), Ok(Some(at(10))), "the message is not complete");
    feed(&mut ws, b"\x80\x01b");
    assert_eq!(parts(&mut ws), [text("b", true)]);
    assert_eq!(ws.poll(at(5)), Ok(Some(at(15))));
}

#[test]
fn text_that_is_not_valid_fails_the_connection_as_it_arrives() {
    let mut ws = client();
    feed(&mut ws, b"\x01\x03ok\xff");
    assert_eq!(parts(&mut ws), [text("ok", false)]);
    assert_eq!(ws.failure(), Some(RemoteProtocolError::InvalidUtf8));
    assert_eq!(ws.output()[..2], [0x88, 0x80 | 19]);
    assert_eq!(ws.transport_action(), TransportAction::Close);
    feed(&mut ws, b"\x80\x01!");
    assert!(ws.next_part_bytes().is_none() && ws.next_message().is_none());
}

#[test]
fn the_limit_counts_for_all_parts_together() {
    let limits = Limits::default().with_max_message_len(5);
    let mut ws = Messages::new(Connection::client(limits, Fixed), ReadBuffer::new());
    feed(&mut ws, b"\x01\x03Hel\x00\x02lo");
    assert_eq!(put_together(parts(&mut ws)), (vec![], Some(Message::Text("Hello".into()))));
    feed(&mut ws, b"\x00\x01!");
    assert!(parts(&mut ws).is_empty());
    assert_eq!(ws.failure(), Some(RemoteProtocolError::MessageTooLong));
}

#[test]
fn next_message_drops_the_rest_of_a_message_of_which_parts_were_returned() {
    let (bytes, messages) = sample();
    for cut in 0..=bytes.len() {
        for borrowed in [false, true] {
            let mut ws = client();
            feed(&mut ws, &bytes[..cut]);
            let (mut received, begun) = put_together(parts(&mut ws));
            feed(&mut ws, &bytes[cut..]);
            let next = |ws: &mut Ws| match borrowed {
                true => ws.next_message().map(Message::into_owned),
                false => ws.next_message_bytes().map(|message| message.as_ref().into_owned()),
            };
            received.extend(std::iter::from_fn(|| next(&mut ws)));
            let mut expected = messages.clone();
            if begun.is_some() {
                let before = put_together({
                    let mut ws = client();
                    feed(&mut ws, &bytes[..cut]);
                    parts(&mut ws)
                });
                expected.remove(before.0.len());
            }
            assert_eq!((received, ws.failure()), (expected, None), "{cut}");
            assert_eq!(ws.output().len(), 7, "the ping is answered");
            feed(&mut ws, b"\x81\x01!");
            assert_eq!(next(&mut ws), Some(Message::Text("!".into())));
        }
    }
}

#[test]
fn what_next_message_has_collected_is_the_first_part() {
    let (bytes, messages) = sample();
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let mut ws = client();
            feed(&mut ws, &bytes[..first]);
            let mut received: Vec<Owned> =
                std::iter::from_fn(|| ws.next_message().map(Message::into_owned)).collect();
            feed(&mut ws, &bytes[first..second]);
            let mut rest = parts(&mut ws);
            feed(&mut ws, &bytes[second..]);
            rest.extend(parts(&mut ws));
            received.extend(put_together(rest).0);
            assert_eq!(received, messages, "{first}, {second}");
        }
    }
}

#[test]
fn next_message_loses_nothing_if_no_part_was_returned() {
    let (bytes, messages) = sample();
    for first in 0..=bytes.len() {
        for second in first..=(first + 3).min(bytes.len()) {
            let mut ws = client();
            let mut received = Vec::new();
            let mut begun = None;
            // One byte more each time: whole, in parts, whole.
            for (n, read) in
                [&bytes[..first], &bytes[first..second], &bytes[second..]].into_iter().enumerate()
            {
                feed(&mut ws, read);
                if n == 1 {
                    let (whole, rest) = put_together(parts(&mut ws));
                    received.extend(whole);
                    begun = rest;
                } else {
                    received.extend(std::iter::from_fn(|| ws.next_message().map(Message::into_owned)));
                }
            }
            assert_eq!(received.len() + usize::from(begun.is_some()), messages.len(), "{first}, {second}");
            assert!(received.iter().all(|message| messages.contains(message)), "{received:?}");
        }
    }
}

#[test]
fn collected_text_that_is_not_valid_fails_when_parts_are_asked_for() {
    let mut ws = client();
    feed(&mut ws, b"\x01\x03ok\xff\x00\x01!");
    assert!(ws.next_message().is_none() && ws.failure().is_none());
    assert_eq!(parts(&mut ws), [text("ok", false)]);
    assert_eq!(ws.failure(), Some(RemoteProtocolError::InvalidUtf8));

    let mut ws = client();
    feed(&mut ws, b"\x01\x01\xff");
    assert!(ws.next_message().is_none() && ws.failure().is_none());
    assert!(parts(&mut ws).is_empty());
    assert_eq!(ws.failure(), Some(RemoteProtocolError::InvalidUtf8));
}

#[test]
fn the_transport_ends_inside_a_message() {
    let mut ws = client();
    feed(&mut ws, b"\x82\x05He");
    ws.receive_eof();
    assert_eq!(put_together(parts(&mut ws)), (vec![], Some(Message::Binary(b"He".to_vec()))));
    assert!(!ws.close_info().unwrap().was_clean);
}

#[test]
fn a_close_frame_between_parts_is_answered() {
    let mut ws = client();
    feed(&mut ws, b"\x01\x01a\x88\x02\x03\xe8");
    assert_eq!(parts(&mut ws), [text("a", false)]);
    assert!(ws.output().starts_with(b"\x88\x82") && ws.close_info().unwrap().was_clean);
    assert!(ws.next_message().is_none());
}

#[test]
fn a_long_message_needs_only_the_memory_of_a_read() {
    let limits = Limits::NONE;
    let mut ws = Messages::new(Connection::client(limits, Fixed), ReadBuffer::new());
    let mut header = b"\x82\x7f".to_vec();
    header.extend((64_u64 << 20).to_be_bytes());
    let read = vec![b'x'; 16 << 10];
    let (len, memory) = measured(|| {
        feed(&mut ws, &header);
        let mut len = 0;
        while len < 64 << 20 {
            feed(&mut ws, &read);
            len += parts(&mut ws).iter().map(|part| part.data.as_bytes().len()).sum::<usize>();
        }
        len
    });
    assert_eq!(len, 64 << 20);
    assert!(memory.peak < 256 << 10, "{memory:?}");
    feed(&mut ws, b"\x81\x01!");
    assert_eq!(ws.next_message(), Some(Message::Text("!")));
}

#[test]
fn a_connection_that_was_taken_apart_goes_on_where_it_was() {
    let (bytes, messages) = sample();
    for cut in 0..=bytes.len() {
        let mut ws = client();
        feed(&mut ws, &bytes[..cut]);
        let mut received: Vec<Owned> = ws.next_message().map(Message::into_owned).into_iter().collect();
        let mut apart = ws.into_parts();
        apart.buffer.extend_from_slice(&bytes[cut..]).unwrap();
        let mut rest: Vec<MessagePart> = apart.begun.into_iter().collect();
        let mut again = Messages::new(apart.connection, apart.buffer);
        rest.extend(parts(&mut again));
        received.extend(put_together(rest).0);
        assert_eq!(received, messages, "{cut}");
        assert_eq!(apart.output.len() + again.output().len(), 7, "one pong: {cut}");
    }
}

#[test]
fn fail_ends_an_open_connection_once() {
    let mut ws = client();
    feed(&mut ws, b"\x81\x01a\x81\x01b");
    assert!(ws.next_message().is_some());
    ws.fail(RemoteProtocolError::MessageTooLong);
    assert!(ws.next_message().is_none() && ws.next_part_bytes().is_none());
    assert_eq!(ws.failure(), Some(RemoteProtocolError::MessageTooLong));
    ws.fail(RemoteProtocolError::InvalidUtf8);
    assert_eq!(ws.failure(), Some(RemoteProtocolError::MessageTooLong), "the first is kept");
    let len = ws.output().len();
    assert!(len > 4 && ws.output().starts_with(b"\x88"));
    assert_eq!(ws.transport_action(), TransportAction::Close);
    assert_eq!(ws.output().len(), len);
    assert!(ws.send(TextMessage::new("x")).is_err());
}

#[test]
fn fail_after_the_peer_has_closed_does_nothing() {
    let mut ws = client();
    feed(&mut ws, b"\x88\x00");
    assert!(ws.next_message().is_none());
    ws.fail(RemoteProtocolError::MessageTooLong);
    assert_eq!(ws.failure(), None);
    assert!(ws.close_info().unwrap().was_clean);
}

#[cfg(feature = "deflate")]
mod compressed {
    use super::*;
    use wsproto::{BytesMessage, CloseConnection, DeflateParams, Extensions, PermessageDeflate, Ping, Role};

    /// A server, and a client to which it sends compressed messages.
    fn pair() -> (Connection<Fixed>, Ws) {
        let extensions = |role| {
            let mut extensions = Extensions::new();
            let deflate = PermessageDeflate::new().with_threshold(0);
            extensions.push(deflate.negotiated(role, DeflateParams::DEFAULT)).unwrap();
            extensions
        };
        let limits = Limits::default();
        let server =
            Connection::with_role(Role::Server, limits, Fixed).with_extensions(extensions(Role::Server));
        let client = Connection::client(limits, Fixed).with_extensions(extensions(Role::Client));
        (server, Messages::new(client, ReadBuffer::new()))
    }

    /// A long text, a short one in fragments with a ping between, and bytes; and what they are on the wire.
    fn sample() -> (Vec<u8>, Vec<Owned>) {
        let (mut server, _) = pair();
        let long: String = (0..3000).map(|n| format!("{n}€")).collect();
        let mut bytes = Vec::new();
        server.send(TextMessage::new(&*long), &mut bytes).unwrap();
        server.send(TextMessage::partial("He€"), &mut bytes).unwrap();
        server.send(Ping::new(b"?"), &mut bytes).unwrap();
        server.send(TextMessage::new("llo"), &mut bytes).unwrap();
        server.send(BytesMessage::new(b"\xff\x00"), &mut bytes).unwrap();
        let messages =
            vec![Message::Text(long), Message::Text("He€llo".into()), Message::Binary(b"\xff\x00".to_vec())];
        (bytes, messages)
    }

    #[test]
    fn compressed_parts_are_the_message_for_all_cuts_and_mixtures() {
        let (bytes, messages) = sample();
        let cuts = (0..bytes.len()).step_by(97).chain(bytes.len() - 40..=bytes.len());
        for cut in cuts {
            let (_, mut ws) = pair();
            feed(&mut ws, &bytes[..cut]);
            let mut received = parts(&mut ws);
            feed(&mut ws, &bytes[cut..]);
            received.extend(parts(&mut ws));
            assert_eq!(ws.failure(), None, "{cut}");
            assert!(put_together(received).0 == messages, "{cut}");

            let (_, mut ws) = pair();
            feed(&mut ws, &bytes[..cut]);
            let mut received: Vec<Owned> =
                std::iter::from_fn(|| ws.next_message().map(Message::into_owned)).collect();
            feed(&mut ws, &bytes[cut..]);
            received.extend(put_together(parts(&mut ws)).0);
            assert!(received == messages, "{cut}, collected");

            let (_, mut ws) = pair();
            feed(&mut ws, &bytes[..cut]);
            let (before, begun) = put_together(parts(&mut ws));
            feed(&mut ws, &bytes[cut..]);
            let mut expected = messages.clone();
            expected.drain(..before.len() + usize::from(begun.is_some()));
            let after: Vec<Owned> =
                std::iter::from_fn(|| ws.next_message().map(Message::into_owned)).collect();
            assert!(after == expected, "{cut}, dropped");
        }
    }

    #[test]
    fn a_close_frame_follows_compressed_parts() {
        let (mut server, mut ws) = pair();
        let mut bytes = Vec::new();
        server.send(TextMessage::new("Hello"), &mut bytes).unwrap();
        server.send(CloseConnection::EMPTY, &mut bytes).unwrap();
        feed(&mut ws, &bytes);
        assert_eq!(put_together(parts(&mut ws)).0, [Message::Text("Hello".into())]);
        assert!(ws.close_info().is_some());
    }
}
