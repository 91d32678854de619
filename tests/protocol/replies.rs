//! Automatic replies, which are off by default (RFC 6455 §5.5.1 to §5.5.3, §7.1.7).

use wsproto::{
    AutoReplies, CloseCode, CloseConnection, Connection, Entropy, Limits, LocalProtocolError, ReplyPolicy,
};

use crate::support::{CLOSE, Fixed, PING, PONG, masked, unmasked};

const POLICIES: [ReplyPolicy; 3] = [ReplyPolicy::Nothing, ReplyPolicy::Pong, ReplyPolicy::PongAndClose];

/// Passes everything that a connection receives to `replies`.
fn receive<E: Entropy>(connection: &mut Connection<E>, replies: &mut AutoReplies, mut bytes: Vec<u8>) {
    let mut input = bytes.as_mut_slice();
    loop {
        match connection.next_event(&mut input) {
            Ok(Some(event)) => replies.on_event(&event),
            Ok(None) => return,
            Err(error) => replies.on_failure(error),
        }
    }
}

/// What a server with this policy answers to these bytes.
fn answer(policy: ReplyPolicy, bytes: Vec<u8>) -> Vec<u8> {
    let mut server = Connection::server(Limits::default());
    let mut replies = AutoReplies::new(policy);
    receive(&mut server, &mut replies, bytes);
    let mut output = Vec::new();
    replies.send(server.sender_mut(), &mut output).unwrap();
    assert!(!replies.is_pending());
    output
}

#[test]
fn nothing_is_answered_by_default() {
    assert_eq!(ReplyPolicy::default(), ReplyPolicy::Nothing);
    let bytes = [masked(PING, b"?"), masked(CLOSE, b"")].concat();
    assert_eq!(answer(ReplyPolicy::Nothing, bytes), b"");
    assert_eq!(answer(ReplyPolicy::Nothing, b"\xff".to_vec()), b"");
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    for payload in [&b""[..], b"?", &[0xFF; 125]] {
        for policy in [ReplyPolicy::Pong, ReplyPolicy::PongAndClose] {
            assert_eq!(answer(policy, masked(PING, payload)), unmasked(PONG, payload));
        }
    }
}

#[test]
fn a_thousand_pings_are_answered_by_one_pong_for_the_last() {
    let pings: Vec<u8> = (0..1000_u16).flat_map(|i| masked(PING, i.to_be_bytes())).collect();
    assert_eq!(answer(ReplyPolicy::Pong, pings), unmasked(PONG, 999_u16.to_be_bytes()));
}

#[test]
fn a_shorter_ping_replaces_a_longer_one() {
    let bytes = [masked(PING, b"a longer one"), masked(PING, b"short")].concat();
    assert_eq!(answer(ReplyPolicy::Pong, bytes), unmasked(PONG, b"short"));
}

#[test]
fn a_pong_is_not_answered() {
    for policy in POLICIES {
        assert_eq!(answer(policy, masked(PONG, b"unasked")), b"");
    }
}

#[test]
fn a_close_is_answered_only_if_the_policy_says_so() {
    let close = masked(CLOSE, b"\x03\xe9going");
    assert_eq!(answer(ReplyPolicy::Pong, close.clone()), b"");
    assert_eq!(answer(ReplyPolicy::PongAndClose, close), unmasked(CLOSE, b"\x03\xe9"));
    assert_eq!(answer(ReplyPolicy::PongAndClose, masked(CLOSE, b"")), unmasked(CLOSE, b""));
}

#[test]
fn a_failure_is_answered_by_its_close_frame() {
    let bytes = vec![0x83];
    assert_eq!(answer(ReplyPolicy::Pong, bytes.clone()), b"");
    let close = unmasked(CLOSE, b"\x03\xeaopcode is reserved");
    assert_eq!(answer(ReplyPolicy::PongAndClose, bytes), close);
    let text = masked(0x81, b"\xff");
    let close = unmasked(CLOSE, b"\x03\xeftext is not UTF-8");
    assert_eq!(answer(ReplyPolicy::PongAndClose, text), close);
}

#[test]
fn the_pong_is_sent_before_the_close() {
    let bytes = [masked(PING, b"?"), masked(CLOSE, b"\x03\xe8")].concat();
    let frames = [unmasked(PONG, b"?"), unmasked(CLOSE, b"\x03\xe8")].concat();
    assert_eq!(answer(ReplyPolicy::PongAndClose, bytes), frames);
}

#[test]
fn a_ping_after_a_close_is_not_answered() {
    let bytes = [masked(CLOSE, b""), masked(PING, b"?")].concat();
    assert_eq!(answer(ReplyPolicy::PongAndClose, bytes), unmasked(CLOSE, b""));
}

#[test]
fn a_client_masks_its_replies() {
    let mut client = Connection::client(Limits::default(), Fixed);
    let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
    let bytes = [unmasked(PING, b"?"), unmasked(CLOSE, b"\x03\xe8")].concat();
    receive(&mut client, &mut replies, bytes);
    let mut output = Vec::new();
    replies.send(client.sender_mut(), &mut output).unwrap();
    assert_eq!(output, [masked(PONG, b"?"), masked(CLOSE, b"\x03\xe8")].concat());
}

#[test]
fn replies_that_come_too_late_write_nothing() {
    let mut server = Connection::server(Limits::default());
    let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
    server.send(CloseConnection::new(CloseCode::GOING_AWAY, ""), &mut Vec::new()).unwrap();
    receive(&mut server, &mut replies, [masked(PING, b"?"), masked(CLOSE, b"")].concat());
    let mut output = Vec::new();
    replies.send(server.sender_mut(), &mut output).unwrap();
    assert_eq!(output, b"");
    assert!(!replies.is_pending());
}

#[test]
fn a_reply_without_room_is_kept_until_there_is_room() {
    let mut server = Connection::server(Limits::default());
    let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
    receive(&mut server, &mut replies, [masked(PING, b"?"), masked(CLOSE, b"\x03\xe8")].concat());
    let mut memory = [0; 3 + 4];
    let full = replies.send(server.sender_mut(), &mut &mut memory[..2]);
    assert_eq!(full, Err(LocalProtocolError::OutputFull(3)));
    let full = replies.send(server.sender_mut(), &mut &mut memory[..5]);
    assert_eq!(full, Err(LocalProtocolError::OutputFull(4)));
    assert!(replies.is_pending());
    replies.send(server.sender_mut(), &mut &mut memory[3..]).unwrap();
    assert!(!replies.is_pending());
    assert_eq!(memory, *b"\x8a\x01?\x88\x02\x03\xe8");
}

#[test]
fn a_reply_is_sent_once() {
    let mut server = Connection::server(Limits::default());
    let mut replies = AutoReplies::new(ReplyPolicy::Pong);
    receive(&mut server, &mut replies, masked(PING, b"?"));
    let mut output = Vec::new();
    replies.send(server.sender_mut(), &mut output).unwrap();
    replies.send(server.sender_mut(), &mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"?"));
}
