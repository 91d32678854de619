//! The two halves of a connection: in one thread, in two threads, and cloned (RFC 6455 §5.5.1, §7.1).

use std::sync::mpsc;
use std::thread;

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, ClosedBy, Connection, ConnectionState, Event, Limits,
    LocalProtocolError, Role, Source, TextMessage, TransportAction,
};

use crate::support::{
    BINARY, BOTH, CLOSE, CONTINUATION, FIN, Fixed, PING, Reader, TEXT, feed, frames_to, masked, unmasked,
};

/// Frames of every kind, then one that breaks a rule.
fn conversation(role: Role) -> Vec<u8> {
    let mut bytes = frames_to(
        role,
        [
            (FIN | TEXT, &b"whole"[..]),
            (TEXT, b"caf\xc3"),
            (PING, b"in between"),
            (FIN | CONTINUATION, b"\xa9 \xf0\x9f\x98\x80"),
            (BINARY, &[0xFF; 130]),
            (FIN | CONTINUATION, b""),
        ],
    );
    bytes.extend(frames_to(role, [(FIN | TEXT, b"bad \xed\xa0\x80 end")]));
    bytes
}

#[test]
fn a_cloned_receiver_continues_like_the_original_at_any_byte() {
    for role in BOTH {
        let bytes = conversation(role);
        let whole = feed(role, Limits::default(), [&bytes[..]]);
        assert!(whole.failure.is_some());
        for len in 0..=bytes.len() {
            let mut original = Reader::new(role, Limits::default());
            original.read(&bytes[..len]);
            let mut clone = original.copy();
            clone.read(&bytes[len..]);
            assert_eq!(clone.seen(), whole, "cloned after {len} bytes");
            original.read(&bytes[len..]);
            assert_eq!(original.seen(), whole, "cloned after {len} bytes");
        }
    }
}

#[test]
fn a_cloned_sender_continues_like_the_original() {
    let mut connection = Connection::client(Limits::default(), Fixed);
    connection.send(BytesMessage::partial(b"a"), &mut Vec::new()).unwrap();
    let mut clone = connection.try_clone().unwrap();
    let mut outputs = [Vec::new(), Vec::new()];
    for (connection, output) in [&mut connection, &mut clone].into_iter().zip(&mut outputs) {
        connection.send(BytesMessage::new(b"b"), output).unwrap();
        connection.send(CloseConnection::EMPTY, output).unwrap();
        assert_eq!(connection.state(), ConnectionState::LocalClosing);
    }
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], [masked(FIN | CONTINUATION, b"b"), masked(CLOSE, b"")].concat());
}

#[test]
fn events_are_echoed_while_they_are_borrowed() {
    let mut connection = Connection::server(Limits::default());
    let mut bytes = frames_to(Role::Server, [(TEXT, b"a"), (PING, b"?"), (FIN, b"b"), (FIN | BINARY, b"c")]);
    let mut input = bytes.as_mut_slice();
    let mut output = Vec::new();
    let (receiver, sender) = connection.split();
    while let Some(event) = receiver.next_event(&mut input).unwrap() {
        match event {
            Event::Ping(ping) => sender.send(ping.response(), &mut output).unwrap(),
            event => sender.send(event, &mut output).unwrap(),
        }
    }
    let frames =
        [unmasked(TEXT, b"a"), unmasked(0x8A, b"?"), unmasked(FIN, b"b"), unmasked(FIN | BINARY, b"c")];
    assert_eq!(output, frames.concat());
}

#[test]
fn halves_work_in_two_threads() {
    let (mut receiver, mut sender) = Connection::client(Limits::default(), Fixed).into_parts();
    let (events_tx, events_rx) = mpsc::channel();
    let reading = thread::spawn(move || {
        for byte in frames_to(Role::Client, [(TEXT, b"ab"), (FIN, b"c"), (CLOSE, b"\x03\xe8bye")]) {
            let mut read = [byte];
            let mut input = read.as_mut_slice();
            while let Some(event) = receiver.next_event(&mut input).unwrap() {
                events_tx.send(event.into_owned()).unwrap();
            }
        }
        receiver
    });
    let writing = thread::spawn(move || {
        let mut output = Vec::new();
        for event in events_rx {
            match event {
                Event::Close(close) => sender.send(close.response(), &mut output).unwrap(),
                event => sender.send(event, &mut output).unwrap(),
            }
        }
        (sender, output)
    });
    let receiver = reading.join().unwrap();
    let (sender, output) = writing.join().unwrap();

    let frames = [masked(TEXT, b"a"), masked(0, b"b"), masked(FIN, b"c"), masked(CLOSE, b"\x03\xe8bye")];
    assert_eq!(output, frames.concat());
    let connection = Connection::from_parts(receiver, sender);
    assert_eq!(connection.transport_action(), TransportAction::AwaitClose);
    let close_info = connection.close_info().unwrap();
    assert_eq!((close_info.by, close_info.code), (ClosedBy::Remote, CloseCode::NORMAL_CLOSURE));
    assert_eq!((close_info.reason, close_info.was_clean), ("bye", true));
}

#[test]
fn joined_halves_follow_the_rules_that_need_both() {
    let (mut receiver, sender) = Connection::server(Limits::default()).into_parts();
    let mut bytes = masked(CLOSE, b"");
    receiver.next_event(&mut bytes.as_mut_slice()).unwrap();
    let mut connection = Connection::from_parts(receiver, sender);
    let refused = connection.send(TextMessage::new("new"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::CloseReceived));
    connection.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap();
    assert_eq!(connection.close_info().unwrap().by, ClosedBy::Remote);
}

#[test]
fn ranges_of_a_connection_are_in_its_input() {
    let mut connection = Connection::server(Limits::default());
    assert_eq!(connection.role(), Role::Server);
    let mut bytes = frames_to(Role::Server, [(FIN | TEXT, b"Hello"), (CLOSE, b"\x03\xe8")]);
    let mut input = bytes.as_mut_slice();
    let found = connection.next_range(&mut input).unwrap().unwrap();
    assert_eq!(found.consumed, 11);
    let Event::Text(TextMessage { data, .. }) = found.event else { panic!("{found:?}") };
    assert_eq!(data, Source::Input(6..11));
    assert_eq!(&bytes[6..11], b"Hello");
}

#[test]
fn what_ends_a_connection_is_reported_to_its_sender() {
    let close = masked(CLOSE, b"\x03\xe8");
    for (bytes, refused) in
        [(&close[..], LocalProtocolError::CloseReceived), (&[0x83][..], LocalProtocolError::PeerFailed)]
    {
        let text = TextMessage::new("late");
        let mut connection = Connection::server(Limits::default());
        _ = connection.next_range(&mut bytes.to_vec().as_mut_slice());
        assert_eq!(connection.into_parts().1.send(text, &mut Vec::new()), Err(refused));
        let mut connection = Connection::server(Limits::default());
        _ = connection.next_frame_event(&mut bytes.to_vec().as_mut_slice());
        assert_eq!(connection.into_parts().1.send(text, &mut Vec::new()), Err(refused));
    }
}
