//! Control frames: close, ping and pong, never fragmented and at most 125 bytes long (RFC 6455 §5.5, §5.5.2, §5.5.3).

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Connection, Event, Limits, LocalProtocolError, Ping, Pong,
    RemoteProtocolError, Role, Sender, TextMessage,
};

use crate::support::{
    BINARY, BOTH, CLOSE, CONTINUATION, FIN, Fixed, PING, PONG, check_failure, check_said, frame_to,
    frames_to, masked, ping, pong, unmasked,
};

#[test]
fn pings_and_pongs_hold_up_to_125_bytes_of_anything() {
    for role in BOTH {
        for payload in [&b""[..], b"\xff", b"Hello", &[0x80; 124], &[0; 125]] {
            check_said(role, &frame_to(role, PING, payload), &[ping(payload)]);
            check_said(role, &frame_to(role, PONG, payload), &[pong(payload)]);
        }
    }
}

#[test]
fn a_control_frame_longer_than_125_bytes_fails_on_its_second_byte() {
    for role in BOTH {
        for first in [CLOSE, PING, PONG] {
            for len in [126, 127, 1000] {
                let bytes = frame_to(role, first, vec![0; len]);
                check_failure(role, &bytes, RemoteProtocolError::ControlFrameTooLong, 2);
            }
        }
    }
}

#[test]
fn a_control_frame_with_an_extended_length_fails_on_its_second_byte() {
    let error = RemoteProtocolError::ControlFrameTooLong;
    for first in [CLOSE, PING, PONG] {
        check_failure(Role::Client, &[first, 126, 0, 2, 3, 0xE8], error, 2);
        check_failure(Role::Client, &[first, 127, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0xE8], error, 2);
        check_failure(Role::Server, &[first, 0x80 | 126, 0, 0, 0, 0, 0, 0], error, 2);
    }
}

#[test]
fn a_fragmented_control_frame_fails_on_its_first_byte() {
    // "Control frames themselves MUST NOT be fragmented" (§5.4).
    for role in BOTH {
        for first in [CLOSE, PING, PONG] {
            let bytes = frame_to(role, first & !FIN, b"");
            check_failure(role, &bytes, RemoteProtocolError::FragmentedControlFrame, 1);
        }
    }
}

#[test]
fn control_frames_are_delivered_in_order() {
    // Each is handled when it arrives (§6.2).
    for role in BOTH {
        let frames = [(PING, &b"1"[..]), (PONG, b"2"), (PING, b"3"), (PING, b""), (PONG, b"")];
        let said = [ping(b"1"), pong(b"2"), ping(b"3"), ping(b""), pong(b"")];
        check_said(role, &frames_to(role, frames), &said);
    }
}

#[test]
fn the_answer_to_a_ping_has_its_payload() {
    for payload in [&b""[..], b"Hello", b"\0\xff", &[7; 125]] {
        let mut connection = Connection::server(Limits::default());
        let mut bytes = masked(PING, payload);
        let mut output = Vec::new();
        let (receiver, sender) = connection.split();
        let Ok(Some(Event::Ping(ping))) = receiver.next_event(&mut bytes.as_mut_slice()) else { panic!() };
        sender.send(ping.response(), &mut output).unwrap();
        assert_eq!(ping.payload, payload); // still borrowed
        assert_eq!(output, unmasked(PONG, payload));
    }
}

#[test]
fn a_pong_from_a_client_is_masked() {
    let mut output = Vec::new();
    Sender::client(Fixed).send(Ping::new(b"Hello").response(), &mut output).unwrap();
    assert_eq!(output, masked(PONG, b"Hello"));
}

#[test]
fn a_pong_can_be_sent_between_our_own_fragments() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(BytesMessage::partial(b"a"), &mut output).unwrap();
    sender.send(Ping::new(b"?").response(), &mut output).unwrap();
    sender.send(BytesMessage::new(b"b"), &mut output).unwrap();
    let frames = [unmasked(BINARY, b"a"), unmasked(PONG, b"?"), unmasked(FIN | CONTINUATION, b"b")];
    assert_eq!(output, frames.concat());
}

#[test]
fn pings_and_pongs_longer_than_125_bytes_are_refused() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(Ping::new([1; 125]), &mut output).unwrap();
    sender.send(Pong::new([2; 125]), &mut output).unwrap();
    let frames = [unmasked(PING, [1; 125]), unmasked(PONG, [2; 125])].concat();
    assert_eq!(output, frames);
    for refused in [
        sender.send(Ping::new([1; 126]), &mut output),
        sender.send(Pong::new([2; 126]), &mut output),
        sender.send(Ping::new([2; 126]).response(), &mut output),
    ] {
        assert_eq!(refused, Err(LocalProtocolError::ControlFrameTooLong));
    }
    assert_eq!(output, frames);
}

#[test]
fn an_unsolicited_pong_may_be_sent() {
    let mut output = Vec::new();
    Sender::server().send(Pong::new(b"alive"), &mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"alive"));
}

#[test]
fn after_our_close_a_pong_is_refused_and_a_reply_writes_nothing() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(CloseConnection::EMPTY, &mut output).unwrap();
    output.clear();
    assert_eq!(sender.send(Ping::new(b"?"), &mut output), Err(LocalProtocolError::CloseSent));
    assert_eq!(sender.send(Pong::new(b"?"), &mut output), Err(LocalProtocolError::CloseSent));
    assert_eq!(sender.send(Ping::new(b"?").response(), &mut output), Ok(()));
    assert_eq!(output, b"");
}

#[test]
fn a_ping_can_be_answered_after_the_peers_close_and_before_ours() {
    let mut connection = Connection::server(Limits::default());
    let mut bytes = frames_to(Role::Server, [(CLOSE, b"")]);
    connection.next_event(&mut bytes.as_mut_slice()).unwrap();
    let mut output = Vec::new();
    connection.send(Ping::new(b"?").response(), &mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"?"));
}

#[test]
fn a_reply_can_be_converted_to_an_event() {
    let mut sender = Sender::server();
    sender.send(CloseConnection::new(CloseCode::GOING_AWAY, ""), &mut Vec::new()).unwrap();
    let ping = Ping::new(b"?");
    let pong = ping.response().into_inner();
    assert_eq!(sender.send(pong, &mut Vec::new()), Err(LocalProtocolError::CloseSent));
}

#[test]
fn a_received_event_can_be_forwarded() {
    let mut connection = Connection::server(Limits::default());
    let mut bytes = [masked(PING, b"p"), masked(FIN | 0x1, "é"), masked(CLOSE, b"\x03\xe9gone")].concat();
    let mut input = bytes.as_mut_slice();
    let mut output = Vec::new();
    let mut other = Sender::server();
    while let Some(event) = connection.next_event(&mut input).unwrap() {
        other.send(event, &mut output).unwrap();
    }
    let expected = [unmasked(PING, b"p"), unmasked(FIN | 0x1, "é"), unmasked(CLOSE, b"\x03\xe9gone")];
    assert_eq!(output, expected.concat());
}

#[test]
fn an_owned_event_is_the_same_event() {
    let text = Event::<_, &[u8]>::Text(TextMessage::partial("a"));
    let owned = text.into_owned();
    assert_eq!(owned, Event::Text(TextMessage::partial("a".into())));
    let mut output = Vec::new();
    Sender::server().send(owned, &mut output).unwrap();
    assert_eq!(output, b"\x01\x01a");
}
