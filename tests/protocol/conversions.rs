//! Conversions between events that borrow their data and events that own it: kind and flags stay the same.

use std::collections::VecDeque;
use std::sync::Arc;

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Connection, Event, EventRef, Limits, MessageRef, Ping, Pong,
    Receiver, Reply, Role, Sender, TextMessage,
};

use super::support::{BINARY, CLOSE, FIN, PING, PONG, TEXT, frames_to, unmasked};

type Owned = Event<String, Vec<u8>>;
type Boxed = Event<Box<str>, Box<[u8]>>;

/// Every kind of event, and a piece of each kind of message.
const EVENTS: [EventRef<'static>; 7] = [
    Event::Text(TextMessage::new("whole")),
    Event::Text(TextMessage { data: "piece", frame_finished: false, message_finished: false }),
    Event::Bytes(BytesMessage::new(b"whole")),
    Event::Bytes(BytesMessage { data: b"piece", frame_finished: true, message_finished: false }),
    Event::Ping(Ping::new(b"ping")),
    Event::Pong(Pong::new(b"pong")),
    Event::Close(CloseConnection::new(CloseCode::GOING_AWAY, "bye")),
];

#[test]
fn an_owned_event_borrows_as_the_original_event() {
    for event in EVENTS {
        let owned: Owned = event.into_owned();
        assert_eq!(owned.as_ref(), event);
    }
}

#[test]
fn a_mapped_event_keeps_its_kind_and_its_flags() {
    for event in EVENTS {
        let shared: Event<Arc<str>, Arc<[u8]>> = event.map(Arc::from, Arc::from);
        assert_eq!(shared.as_ref(), event);
    }
}

#[test]
fn into_owned_does_not_copy_data_that_is_already_owned() {
    let data = "text".to_owned();
    let place = data.as_ptr();
    let event = Event::<_, Vec<u8>>::Text(TextMessage::new(data)).into_owned();
    let Event::Text(TextMessage { data, .. }) = event else { panic!("{event:?}") };
    assert_eq!(data.as_ptr(), place);
}

#[test]
fn each_kind_of_event_converts_alone_and_into_an_event() {
    for event in EVENTS {
        let (owned, mapped): (Owned, Boxed) = match event {
            Event::Text(text) => (text.into_owned().into(), text.map(Box::from).into()),
            Event::Bytes(bytes) => (bytes.into_owned().into(), bytes.map(Box::from).into()),
            Event::Ping(ping) => (ping.into_owned().into(), ping.map(Box::from).into()),
            Event::Pong(pong) => (pong.into_owned().into(), pong.map(Box::from).into()),
            Event::Close(close) => (close.into_owned().into(), close.map(Box::from).into()),
        };
        assert_eq!(owned.as_ref(), event);
        assert_eq!(mapped.as_ref(), event);
        let borrowed: EventRef<'_> = match &owned {
            Event::Text(text) => text.as_ref().into(),
            Event::Bytes(bytes) => bytes.as_ref().into(),
            Event::Ping(ping) => ping.as_ref().into(),
            Event::Pong(pong) => pong.as_ref().into(),
            Event::Close(close) => close.as_ref().into(),
        };
        assert_eq!(borrowed, event);
    }
}

#[test]
fn received_events_are_queued_and_sent_to_several_connections() {
    let sent: [(u8, &[u8]); 5] =
        [(FIN | TEXT, b"a"), (PING, b"b"), (PONG, b"c"), (FIN | BINARY, b"d"), (CLOSE, b"\x03\xe8e")];
    let mut bytes = frames_to(Role::Server, sent);
    let mut input = bytes.as_mut_slice();
    let mut receiver = Receiver::new(Role::Server, Limits::DEFAULT);
    let mut queue = VecDeque::new();
    while let Some(event) = receiver.next_event(&mut input).unwrap() {
        queue.push_back(event.into_owned());
    }
    let mut senders = [Sender::server(), Connection::server(Limits::DEFAULT).into_parts().1];
    let mut outputs = [Vec::new(), Vec::new()];
    for event in &queue {
        for (sender, output) in senders.iter_mut().zip(&mut outputs) {
            sender.send(event, output).unwrap();
            if let Event::Text(text) = event {
                // The same message again, with its text mapped.
                sender.send(text.as_ref().map(str::to_uppercase), output).unwrap();
            }
        }
    }
    let frames = sent.map(|(first_byte, payload)| unmasked(first_byte, payload));
    let [text, rest @ ..] = &frames;
    let expected = [text.clone(), unmasked(FIN | TEXT, b"A"), rest.concat()].concat();
    assert_eq!(outputs, [expected.clone(), expected]);
}

#[test]
fn a_whole_message_is_sent_as_the_kind_that_it_is() {
    let (text, binary) = (MessageRef::from("a"), MessageRef::from(&b"b"[..]));
    assert_eq!((text.as_text(), binary.as_text()), (Some("a"), None));
    let (mut sender, mut output) = (Sender::server(), Vec::new());
    sender.send(text, &mut output).unwrap();
    sender.send(binary, &mut output).unwrap();
    assert_eq!(output, b"\x81\x01a\x82\x01b");
}

#[test]
fn an_event_marked_as_a_reply_is_dropped_after_the_close_frame() {
    let (mut sender, mut output) = (Sender::server(), Vec::new());
    sender.send(Reply::new(Pong::new(b"1")), &mut output).unwrap();
    sender.send(CloseConnection::EMPTY, &mut output).unwrap();
    sender.send(Reply::new(Pong::new(b"2")), &mut output).unwrap();
    assert_eq!(output, b"\x8a\x011\x88\x00");
}
