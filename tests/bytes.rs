//! Messages that own their bytes: without a copy, and the same as those that are borrowed.
#![cfg(feature = "bytes")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod counting;

use bytes::{BufMut, Bytes, BytesMut};
use counting::measured;
use proptest::prelude::*;
use wsproto::{
    BytesMessage, Connection, Entropy, Event, Limits, LocalProtocolError, Message, Messages, Output, Ping,
    PreparedMessage, ReadBuffer, Receiver, RemoteProtocolError, Role, TextMessage, TransportAction,
    Utf8Bytes,
};

struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn client() -> Messages<Fixed> {
    Messages::new(Connection::client(Limits::default(), Fixed), ReadBuffer::new())
}

/// What a server sends.
fn sent(send: impl FnOnce(&mut Connection, &mut Vec<u8>)) -> Vec<u8> {
    let mut output = Vec::new();
    send(&mut Connection::server(Limits::NONE), &mut output);
    output
}

fn fill(ws: &mut Messages<Fixed>, bytes: &[u8]) -> usize {
    let space = ws.space();
    let len = space.len().min(bytes.len());
    space[..len].copy_from_slice(&bytes[..len]);
    ws.filled(len).unwrap();
    len
}

#[test]
fn a_message_that_is_whole_is_where_it_was_read() {
    for len in [0, 1, 125, 126, 4000, 60_000, 70_000, 1 << 20] {
        let payload = vec![b'a'; len];
        for wire in [
            sent(|server, output| server.send(BytesMessage::new(&payload), output).unwrap()),
            sent(|server, output| server.send(TextMessage::new("a".repeat(len)), output).unwrap()),
        ] {
            let mut receiver = Receiver::new(Role::Client, Limits::default());
            let mut input = BytesMut::from(&wire[..]);
            let address = input.as_ptr() as usize + wire.len() - len;
            let (event, usage) = measured(|| receiver.next_event_bytes(&mut input).unwrap().unwrap());
            let data = match &event {
                Event::Text(text) => text.data.as_bytes(),
                Event::Bytes(bytes) => &bytes.data,
                _ => panic!("{event:?}"),
            };
            assert_eq!(data, &payload);
            // An empty part has no memory.
            assert!(len == 0 || data.as_ptr() as usize == address, "{len} bytes were moved");
            // Counting the owners of the buffer takes memory once; a copy would take as much as the message.
            assert!(usage.peak < 100, "{usage:?}");

            let mut ws = client();
            let buffer = ws.space().as_ptr() as usize;
            if wire.len() <= 4096 {
                fill(&mut ws, &wire);
                let message = ws.next_message_bytes().unwrap();
                assert_eq!(message.as_bytes(), payload);
                assert!(len == 0 || message.as_bytes().as_ptr() as usize == buffer + wire.len() - len);
            }
        }
    }
}

#[test]
fn the_memory_of_dropped_messages_is_used_again() {
    let wire = sent(|server, output| server.send(BytesMessage::new(vec![7; 1000]), output).unwrap());
    let mut ws = client();
    let mut receive = || {
        for read in wire.chunks(600) {
            assert_eq!(fill(&mut ws, read), read.len());
        }
        ws.next_message_bytes().unwrap()
    };
    for _ in 0..10 {
        receive();
    }
    let ((), usage) = measured(|| (0..100).for_each(|_| drop(receive())));
    assert!(usage.peak < 20_000, "{usage:?}");
    let (kept, usage) = measured(|| (0..100).map(|_| receive()).collect::<Vec<_>>());
    assert!(
        kept.iter().all(|message| message.as_bytes() == [7; 1000]),
        "messages that are kept do not change"
    );
    assert!(usage.kept > 100_000, "{usage:?}");
}

#[test]
fn fragments_and_control_frames_come_as_one_message() {
    let wire = b"\x01\x02\xe2\x82\x89\x01?\x00\x02\xac \x80\x01!\x82\x01x";
    for cut in 0..wire.len() {
        let mut ws = client();
        let (head, tail) = wire.split_at(cut);
        let mut messages = Vec::new();
        for read in [head, tail] {
            if !read.is_empty() {
                fill(&mut ws, read);
            }
            messages.extend(std::iter::from_fn(|| ws.next_message_bytes()));
        }
        assert_eq!(messages, [Message::Text("€ !".into()), Message::Binary("x".into())], "cut at {cut}");
        assert_eq!(ws.output().len(), 7, "the pong");
    }
}

#[test]
fn frames_wait_until_they_are_whole_and_failures_are_the_same() {
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut input = BytesMut::from(&b"\x81\x05Hel"[..]);
    assert_eq!(receiver.next_frame_event_bytes(&mut input), Ok(None));
    assert_eq!(input, b"\x81\x05Hel"[..]);
    input.extend_from_slice(b"lo\x83");
    let hello = Event::Text(TextMessage::new(Utf8Bytes::from_static("Hello")));
    assert_eq!(receiver.next_frame_event_bytes(&mut input), Ok(Some(hello)));
    let error = RemoteProtocolError::ReservedOpcode(3);
    assert_eq!(receiver.next_frame_event_bytes(&mut input), Err(error));

    let mut connection = Connection::client(Limits::default(), Fixed);
    assert_eq!(connection.next_event_bytes(&mut BytesMut::from(&b"\x83"[..])), Err(error));
    assert!(
        connection.sender().is_close_sent()
            || connection.send(TextMessage::from("x"), &mut Vec::new()).is_err()
    );
}

#[test]
fn output_can_be_written_to_bytes_mut() {
    let mut outputs = (Vec::new(), BytesMut::new());
    let mut connections = [(); 2].map(|()| Connection::client(Limits::default(), Fixed));
    for len in [0, 5, 125, 126, 70_000] {
        let payload = vec![b'a'; len];
        connections[0].send(BytesMessage::new(&payload), &mut outputs.0).unwrap();
        connections[1].send(BytesMessage::new(&payload), &mut outputs.1).unwrap();
    }
    connections[0].send(Ping::new(b"7"), &mut outputs.0).unwrap();
    let output: &mut dyn Output = &mut outputs.1;
    connections[1].send(Ping::new(b"7"), output).unwrap();
    assert_eq!(outputs.0, outputs.1);
}

#[test]
fn text_in_bytes_is_checked_and_compares_as_text() {
    let text = Utf8Bytes::try_from(Bytes::from("grüß")).unwrap();
    assert_eq!((text.as_str(), &*text, text.to_string().as_str()), ("grüß", "grüß", "grüß"));
    assert_eq!(format!("{text:?}"), "\"grüß\"");
    assert_eq!(text, Utf8Bytes::from(String::from("grüß")));
    assert!(text == *"grüß" && text != *"Gruß" && text == "grüß" && text != "Gruß");
    assert_eq!(Bytes::from(text.clone()), Bytes::from("grüß"));
    assert_eq!(std::collections::HashMap::from([(text, 1)]).get("grüß"), Some(&1));
    for (bytes, at) in [(&b"\xff"[..], 0), (b"ab\xc3(", 3), (b"ab\xe2\x82", 4)] {
        assert_eq!(Utf8Bytes::try_from(Bytes::from_static(bytes)).unwrap_err().at, at, "{bytes:x?}");
    }
}

proptest! {
    #[test]
    fn owned_messages_are_those_that_are_borrowed(
        messages in prop::collection::vec((any::<bool>(), 0..3000_usize, 1..4_usize), 0..8),
        reads in prop::collection::vec(1..4000_usize, 1..20),
        keep in any::<bool>(),
    ) {
        let wire = sent(|server, output| {
            for (at, (is_text, len, fragments)) in messages.iter().enumerate() {
                let payload = ["a", "b", "c"][at % 3].repeat(*len);
                let step = len.div_ceil(*fragments).max(1);
                let pieces: Vec<_> = payload.as_bytes().chunks(step).collect();
                for (n, piece) in pieces.iter().enumerate() {
                    let message_finished = n + 1 == pieces.len();
                    let text = std::str::from_utf8(piece).unwrap();
                    if *is_text {
                        server.send(TextMessage { message_finished, ..TextMessage::new(text) }, output).unwrap();
                    } else {
                        server.send(BytesMessage { message_finished, ..BytesMessage::new(piece) }, output).unwrap();
                    }
                }
            }
        });
        let (mut borrowed, mut owned) = (client(), client());
        let (mut all_borrowed, mut all_owned) = (Vec::new(), Vec::new());
        for (ws, is_owned) in [(&mut borrowed, false), (&mut owned, true)] {
            let mut rest = &wire[..];
            for len in reads.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let len = fill(ws, &rest[..rest.len().min(*len)]);
                rest = &rest[len..];
                if is_owned {
                    while let Some(message) = ws.next_message_bytes() {
                        let copy = message.as_ref().into_owned();
                        all_owned.push((copy, keep.then_some(message)));
                    }
                } else {
                    while let Some(message) = ws.next_message() {
                        all_borrowed.push(message.into_owned());
                    }
                }
            }
        }
        prop_assert_eq!(&all_borrowed, &all_owned.iter().map(|(copy, _)| copy.clone()).collect::<Vec<_>>());
        for (copy, message) in &all_owned {
            if let Some(message) = message {
                prop_assert_eq!(copy.as_ref(), message.as_ref());
            }
        }
    }
}

#[test]
fn the_memory_of_a_long_message_is_not_kept() {
    let wire = sent(|server, output| {
        server.send(BytesMessage::new(vec![7; 8 << 20]), output).unwrap();
        for _ in 0..10 {
            server.send(TextMessage::from("0123456789"), output).unwrap();
        }
    });
    let mut ws = client();
    let ((), usage) = measured(|| {
        let mut rest = &wire[..];
        while !rest.is_empty() {
            let len = fill(&mut ws, rest);
            rest = &rest[len..];
            while ws.next_message_bytes().is_some() {}
        }
        ws.space();
    });
    assert!(usage.kept <= 140 << 10, "{usage:?}");
}

#[test]
fn an_error_consumes_as_much_as_with_borrowed_events() {
    for bytes in [&b"\x88\x01\x00abc"[..], b"\x83abc", b"\x82\x7f\xff\x00\x00\x00\x00\x00\x00\x00abc"] {
        let mut receiver = Receiver::new(Role::Client, Limits::default());
        let mut borrowed = bytes.to_vec();
        let mut input = borrowed.as_mut_slice();
        let error = receiver.next_event(&mut input).unwrap_err();
        let mut owned = BytesMut::from(bytes);
        let mut receiver = Receiver::new(Role::Client, Limits::default());
        assert_eq!(receiver.next_event_bytes(&mut owned), Err(error));
        assert_eq!(owned, *input);
    }
}

#[test]
fn messages_that_own_their_bytes_are_made_from_text_and_bytes() {
    type Owned = Message<Utf8Bytes, Bytes>;
    let text = Utf8Bytes::from_static("Hello");
    assert_eq!(Owned::from("Hello"), Message::Text(text.clone()));
    assert_eq!(Owned::from(String::from("Hello")), Message::Text(text.clone()));
    assert_eq!(Owned::from(text.clone()), Message::Text(text));
    let bytes = Bytes::from(vec![1, 2]);
    assert_eq!(Owned::from(vec![1, 2]), Message::Binary(bytes.clone()));
    let Message::Binary(shared) = Owned::from(bytes.clone()) else { panic!("it is not binary") };
    assert_eq!(shared.as_ptr(), bytes.as_ptr(), "it is not copied");
}

#[test]
fn what_is_split_across_reads_is_owned_too() {
    let mut connection = Connection::client(Limits::default(), Fixed);
    let (mut text, mut pings) = (String::new(), Vec::new());
    for read in [&b"\x01\x02\xe2\x82"[..], b"\x80\x01\xac\x89\x02a", b"b"] {
        let mut input = BytesMut::from(read);
        while let Some(event) = connection.next_event_bytes(&mut input).unwrap() {
            match event {
                Event::Text(piece) => text.push_str(piece.data.as_str()),
                Event::Ping(ping) => pings.push(ping.payload),
                _ => panic!("{event:?}"),
            }
        }
    }
    assert_eq!((text.as_str(), &pings[..]), ("€", &[Bytes::from("ab")][..]));
}

#[test]
fn a_close_frame_that_is_read_whole_is_reported_to_the_sender() {
    let mut connection = Connection::client(Limits::default(), Fixed);
    let mut input = BytesMut::from(&b"\x88"[..]);
    assert_eq!(connection.next_frame_event_bytes(&mut input), Ok(None));
    input.extend_from_slice(b"\0");
    assert!(matches!(connection.next_frame_event_bytes(&mut input), Ok(Some(Event::Close(_)))));
    let refused = connection.into_parts().1.send(TextMessage::from("x"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::CloseReceived));
}

#[test]
fn messages_read_into_memory_that_is_not_initialized_are_the_same() {
    let text = "€".repeat(30_000);
    let wire = sent(|server, output| {
        server.send(TextMessage::from(text.as_str()), output).unwrap();
        server.send(BytesMessage::from(b"b"), output).unwrap();
    });
    let (mut ws, mut rest, mut messages) = (client(), &wire[..], Vec::new());
    while !rest.is_empty() {
        let mut space = ws.buf_mut();
        let len = space.chunk_mut().len().min(rest.len());
        space.put_slice(&rest[..len]);
        drop(space);
        ws.filled(len).unwrap();
        rest = &rest[len..];
        let (mut incoming, _) = ws.split();
        messages.extend(std::iter::from_fn(|| incoming.next_message_bytes()));
    }
    assert_eq!(messages, [Message::Text(text.into()), Message::Binary("b".into())]);
    assert_eq!(ws.connection().role(), Role::Client);
}

#[test]
fn a_read_of_no_bytes_into_memory_that_is_not_initialized_is_the_end_of_the_transport() {
    let mut ws = client();
    assert!(ws.buf_mut().has_remaining_mut());
    ws.filled(0).unwrap();
    assert_eq!(ws.next_message_bytes(), None);
    assert_eq!(ws.transport_action(), TransportAction::Close);
}

#[test]
fn a_prepared_message_is_appended_to_bytes() {
    let mut output = BytesMut::new();
    output.check_room(1000).unwrap();
    let message = PreparedMessage::text("a").unwrap();
    Connection::server(Limits::default()).sender_mut().send_prepared(&message, &mut output).unwrap();
    assert_eq!(output, b"\x81\x01a"[..]);
}

#[test]
fn owned_text_is_text_and_bytes() {
    let text = Utf8Bytes::from("é");
    let bytes: &[u8] = text.as_ref();
    assert_eq!(bytes, "é".as_bytes());
    assert!(text == "é" && text != "e");
    assert_eq!(String::from(text), "é");
}

/// A server that compresses, and its client.
#[cfg(feature = "deflate")]
fn compressing_pair() -> (Connection, Messages<Fixed>) {
    use wsproto::{DeflateParams, Extensions, PermessageDeflate};

    let extensions = |role| {
        let mut extensions = Extensions::new();
        extensions.push(PermessageDeflate::new().negotiated(role, DeflateParams::DEFAULT)).unwrap();
        extensions
    };
    let server = Connection::server(Limits::NONE).with_extensions(extensions(Role::Server));
    let client = Connection::client(Limits::default(), Fixed).with_extensions(extensions(Role::Client));
    (server, Messages::new(client, ReadBuffer::new()))
}

#[cfg(feature = "deflate")]
#[test]
fn a_decompressed_message_that_fills_its_memory_is_not_copied() {
    let (mut server, mut ws) = compressing_pair();
    let message = vec![7; 50_000];
    let mut wire = Vec::new();
    server.send(BytesMessage::new(&message), &mut wire).unwrap();
    server.send(BytesMessage::new(&message), &mut wire).unwrap();
    assert_eq!(fill(&mut ws, &wire), wire.len());
    assert_eq!(ws.next_message().unwrap().as_bytes(), message);
    let (second, usage) = measured(|| ws.next_message_bytes().unwrap());
    assert_eq!(second.as_bytes(), message);
    assert!(usage.peak < 1000, "{usage:?}");
}

/// A short message after a long one is decompressed into the memory of the long one, which is not given away.
#[cfg(feature = "deflate")]
#[test]
fn a_decompressed_message_does_not_keep_much_more_memory_than_it_needs() {
    let (mut server, mut ws) = compressing_pair();
    let (long, short) = (vec![7; 50_000], vec![7; 100]);
    let mut wire = Vec::new();
    server.send(BytesMessage::new(&long), &mut wire).unwrap();
    server.send(BytesMessage::new(&short), &mut wire).unwrap();
    let mut receive = || {
        assert_eq!(fill(&mut ws, &wire), wire.len());
        assert_eq!(ws.next_message().unwrap().as_bytes(), long);
        let message = ws.next_message_bytes().unwrap();
        assert_eq!(message.as_bytes(), short);
        message
    };
    receive();
    let (messages, usage) = measured(|| [receive(), receive(), receive()]);
    assert!(usage.kept < 1000, "{usage:?}");
    drop(messages);
}
