//! `next_frame_event`: frames are read once the caller's buffer holds them whole (RFC 6455 §5.2, §5.4).

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Connection, Event, Limits, Ping, Receiver, ReceiverState,
    RemoteProtocolError, Role, TextMessage,
};

use crate::support::{BINARY, BOTH, CLOSE, CONTINUATION, FIN, PING, TEXT, frame_to, frames_to};

#[test]
fn a_message_in_one_frame_is_one_event_for_all_cuts() {
    for role in BOTH {
        for len in [0, 1, 125, 126, 3000, 70_000] {
            let message = "é".repeat(len / 2) + &"e".repeat(len % 2);
            let mut bytes = frame_to(role, FIN | TEXT, &message);
            let mut receiver = Receiver::new(role, Limits::default());
            for come in (1..bytes.len()).filter(|come| come % 977 == 3 || *come < 20) {
                let mut input = &mut bytes[..come];
                assert_eq!(receiver.next_frame_event(&mut input), Ok(None));
                assert_eq!(input.len(), come, "nothing is consumed");
            }
            let mut input = bytes.as_mut_slice();
            let event = receiver.next_frame_event(&mut input);
            assert_eq!(event, Ok(Some(Event::Text(TextMessage::new(&*message)))));
            assert_eq!(receiver.next_frame_event(&mut input), Ok(None));
        }
    }
}

#[test]
fn each_fragment_and_each_control_frame_is_one_event() {
    let frames: [(u8, &[u8]); 4] =
        [(BINARY, b"one"), (PING, b"?"), (CONTINUATION, b""), (FIN | CONTINUATION, b"three")];
    let mut bytes = frames_to(Role::Server, frames);
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    let (mut start, mut seen) = (0, Vec::new());
    for end in 0..=bytes.len() {
        let mut input = &mut bytes[start..end];
        if let Some(event) = receiver.next_frame_event(&mut input).unwrap() {
            seen.push(event.into_owned());
        }
        start = end - input.len();
    }
    let expected = [
        Event::Bytes(BytesMessage::partial(&b"one"[..])),
        Event::Ping(Ping::new(&b"?"[..])),
        Event::Bytes(BytesMessage::partial(&b""[..])),
        Event::Bytes(BytesMessage::new(&b"three"[..])),
    ];
    assert_eq!(seen, expected.map(Event::<&str, _>::into_owned));
}

/// The receiver puts the character together in its own memory, so it is an event of its own. The message has no other
/// cut.
#[test]
fn a_fragment_that_begins_inside_a_character_is_two_events() {
    for role in BOTH {
        let frames: [(u8, &[u8]); 2] = [(TEXT, b"\xc3"), (FIN | CONTINUATION, b"\xa9abc")];
        let mut bytes = frames_to(role, frames);
        let mut input = bytes.as_mut_slice();
        let mut receiver = Receiver::new(role, Limits::default());
        let mut seen = Vec::new();
        while let Some(Event::Text(text)) = receiver.next_frame_event(&mut input).unwrap() {
            seen.push((text.data.to_owned(), text.frame_finished, text.message_finished));
        }
        let expected = [("", true, false), ("é", false, false), ("abc", true, true)];
        assert_eq!(seen, expected.map(|(data, frame, message)| (data.to_owned(), frame, message)));
    }
}

/// If the stream ends inside a frame, its first bytes can still be read and checked.
#[test]
fn an_incomplete_frame_is_checked_at_the_end_of_the_stream() {
    let mut bytes = *b"\x81\x85\0\0\0\0a\xff";
    let mut input = bytes.as_mut_slice();
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    assert_eq!(receiver.next_frame_event(&mut input), Ok(None));
    let begun = receiver.next_event(&mut input).unwrap().map(Event::into_owned);
    assert!(matches!(begun, Some(Event::Text(text)) if text.data == "a"));
    assert_eq!(receiver.next_event(&mut input), Err(RemoteProtocolError::InvalidUtf8));
    assert_eq!(receiver.receive_eof(), None);
}

#[test]
fn bytes_needed_is_known_as_far_as_the_header_was_received() {
    let receiver = Receiver::new(Role::Server, Limits::NONE);
    let known: [(&[u8], u64); 7] = [
        (b"", 6),
        (b"\x82", 5),
        (b"\x82\x83", 7 - 3),
        (b"\x82\xfe", 8 - 2),
        (b"\x82\xfe\x01\x00\0\0\0\0", 256),
        (b"\x82\xff", 14 - 2),
        (b"\x82\xff\0\0\0\0\0\x01\0\0\0\0\0", 1),
    ];
    for (input, missing) in known {
        assert_eq!(receiver.bytes_needed(input), missing, "{input:x?}");
    }
    let longest = b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
    assert_eq!(receiver.bytes_needed(longest), u64::MAX >> 1);
    assert_eq!(receiver.bytes_needed(b"\x82\x83\0\0\0\0abc+"), 0, "the input has more than one frame");
}

/// A limit is checked once the length was received, not when the payload was (§10.4).
#[test]
fn a_header_that_breaks_a_rule_fails_before_its_payload_arrives() {
    let mut limits = Limits::default();
    limits.max_frame_len = 1000;
    for (header, error) in [
        (&b"\x82\xfe\x03\xe9"[..], RemoteProtocolError::FrameTooLong),
        (b"\x83", RemoteProtocolError::ReservedOpcode(3)),
        (b"\x81\x01", RemoteProtocolError::UnmaskedFrameFromClient),
    ] {
        let mut receiver = Receiver::new(Role::Server, limits);
        let mut header = header.to_vec();
        let (_, before) = header.split_last().unwrap();
        let before = before.to_vec();
        assert_eq!(receiver.next_frame_event(&mut &mut before.clone()[..]), Ok(None));
        assert!(receiver.bytes_needed(&before) > 0);
        assert_eq!(receiver.bytes_needed(&header), 0);
        let mut input = header.as_mut_slice();
        assert_eq!(receiver.next_frame_event(&mut input), Err(error));
        assert_eq!(receiver.bytes_after_error(), 0);
        assert_eq!(receiver.bytes_needed(b""), 0, "after a failure it waits for nothing");
    }
}

#[test]
fn next_frame_event_waits_for_a_frame_begun_in_pieces() {
    let mut bytes = frame_to(Role::Server, FIN | TEXT, "Hello, world");
    for cut in 1..bytes.len() {
        let mut receiver = Receiver::new(Role::Server, Limits::default());
        let mut bytes = bytes.clone();
        let (head, tail) = bytes.split_at_mut(cut);
        let begun = match receiver.next_event(&mut &mut head[..]).unwrap() {
            Some(Event::Text(text)) => text.data.len(),
            _ => 0,
        };
        let len = tail.len();
        for come in 0..len {
            let mut input = &mut tail[..come];
            let known = if cut + come < 6 { 6 } else { 18 };
            assert_eq!(receiver.bytes_needed(input), known - (cut + come) as u64);
            assert_eq!(receiver.next_frame_event(&mut input), Ok(None));
            assert_eq!(input.len(), come);
        }
        let event = receiver.next_frame_event(&mut &mut tail[..]).unwrap();
        assert_eq!(event, Some(Event::Text(TextMessage::new(&"Hello, world"[begun..]))), "cut at {cut}");
    }
    bytes.truncate(8);
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    assert!(receiver.next_event(&mut &mut bytes[..]).unwrap().is_some());
    assert_eq!(receiver.bytes_needed(b"more than enough, so that it is the next frame"), 0);
}

#[test]
fn a_close_frame_is_reported_to_both_halves() {
    let mut connection = Connection::server(Limits::default());
    let mut bytes = frame_to(Role::Server, CLOSE, b"\x03\xe8");
    let (head, _) = bytes.split_at(7);
    assert_eq!(connection.bytes_needed(head), 1);
    let event = connection.next_frame_event(&mut &mut bytes[..]).unwrap();
    assert_eq!(event, Some(Event::Close(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""))));
    assert!(connection.send(TextMessage::new("late"), &mut Vec::new()).is_err());
    assert_eq!(connection.receiver().state(), ReceiverState::CloseReceived);
    assert_eq!(connection.bytes_needed(b"\x81"), 0, "it is dropped");
    let mut late = *b"\x81";
    let mut input = late.as_mut_slice();
    assert_eq!(connection.next_frame_event(&mut input), Ok(None));
    assert!(input.is_empty());
}
