//! The end of the transport: 1006 if no close frame came before it (RFC 6455 §7.1.4, §7.1.5, §7.2.1).

use wsproto::{
    AutoReplies, CloseCode, CloseConnection, ClosedBy, Connection, ConnectionState, EventRef, Limits,
    LocalProtocolError, Ping, ReceiverState, RemoteProtocolError, ReplyPolicy, TextMessage, TransportAction,
};

use crate::support::{
    BINARY, BOTH, CLOSE, FIN, Fixed, PING, Reader, TEXT, frame_to, frames_to, masked, unmasked,
};

const GOING_AWAY: CloseConnection<&str> = CloseConnection::new(CloseCode::GOING_AWAY, "");
const ABNORMAL: CloseConnection<&str> = CloseConnection::new(CloseCode::ABNORMAL_CLOSURE, "");

#[test]
fn an_end_before_the_last_byte_of_a_close_frame_is_abnormal() {
    for role in BOTH {
        let frames = frames_to(role, [(TEXT, b"ab"), (PING, b"p"), (FIN, b"c"), (CLOSE, b"\x03\xe8bye")]);
        for len in 0..frames.len() {
            let mut reader = Reader::new(role, Limits::default());
            reader.read(&frames[..len]);
            assert_eq!(reader.receiver.receive_eof(), Some(ABNORMAL), "after {len} bytes");
            assert_eq!(reader.receiver.state(), ReceiverState::Ended);
        }
    }
}

#[test]
fn an_end_after_the_close_is_not_reported() {
    for role in BOTH {
        let mut reader = Reader::new(role, Limits::default());
        reader.read(&frame_to(role, CLOSE, b"\x03\xe8bye"));
        assert_eq!(reader.receiver.receive_eof(), None);
        let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "bye");
        assert_eq!(reader.receiver.received_close(), Some(close));
    }
}

#[test]
fn an_end_is_reported_once() {
    let mut connection = Connection::server(Limits::default());
    assert_eq!(connection.receive_eof(), Some(ABNORMAL));
    assert_eq!(connection.receive_eof(), None);
}

#[test]
fn an_end_after_a_failure_is_not_reported() {
    let mut connection = Connection::server(Limits::default());
    let error = connection.next_event(&mut [0xFF].as_mut_slice()).unwrap_err();
    assert_eq!(connection.receive_eof(), None);
    assert_eq!(connection.close_info().unwrap().by, ClosedBy::Failure(error));
}

#[test]
fn data_after_the_end_is_dropped() {
    let mut connection = Connection::server(Limits::default());
    _ = connection.receive_eof();
    let mut bytes = masked(FIN | TEXT, b"late");
    let mut input = bytes.as_mut_slice();
    assert_eq!(connection.next_event(&mut input), Ok(None));
    assert!(input.is_empty());
}

#[test]
fn an_abnormal_end_closes_the_connection_uncleanly() {
    let mut connection = Connection::client(Limits::default(), Fixed);
    _ = connection.receive_eof();
    assert_eq!(connection.state(), ConnectionState::Closed);
    assert_eq!(connection.transport_action(), TransportAction::Close);
    let close_info = connection.close_info().unwrap();
    assert_eq!((close_info.by, close_info.code), (ClosedBy::Transport, CloseCode::ABNORMAL_CLOSURE));
    assert_eq!((close_info.reason, close_info.was_clean), ("", false));
}

#[test]
fn an_end_before_the_answer_to_our_close_is_unclean() {
    let mut connection = Connection::server(Limits::default());
    connection.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap();
    assert_eq!(connection.receive_eof(), Some(ABNORMAL));
    assert_eq!(connection.state(), ConnectionState::Closed);
    let close_info = connection.close_info().unwrap();
    assert_eq!((close_info.code, close_info.was_clean), (CloseCode::ABNORMAL_CLOSURE, false));
}

#[test]
fn an_end_after_both_closes_is_clean() {
    let mut connection = Connection::client(Limits::default(), Fixed);
    let mut bytes = unmasked(CLOSE, b"\x03\xe9");
    connection.next_event(&mut bytes.as_mut_slice()).unwrap();
    connection.send(GOING_AWAY.response(), &mut Vec::new()).unwrap();
    assert_eq!(connection.receive_eof(), None);
    assert_eq!(connection.state(), ConnectionState::Closed);
    let close_info = connection.close_info().unwrap();
    assert_eq!(
        (close_info.by, close_info.code, close_info.was_clean),
        (ClosedBy::Remote, CloseCode::GOING_AWAY, true)
    );
}

#[test]
fn a_close_frame_that_is_not_answered_is_unclean() {
    // "Cleanly" means that the closing handshake was completed (§7.1.4); the code is that of the peer's frame.
    let mut connection = Connection::server(Limits::default());
    let mut bytes = masked(CLOSE, b"\x03\xe9going");
    connection.next_event(&mut bytes.as_mut_slice()).unwrap();
    _ = connection.receive_eof();
    assert_eq!(connection.state(), ConnectionState::RemoteClosing, "the close frame can still be answered");
    assert_eq!(connection.transport_action(), TransportAction::Close, "nothing more will arrive");
    let close_info = connection.close_info().unwrap();
    assert_eq!((close_info.by, close_info.code), (ClosedBy::Remote, CloseCode::GOING_AWAY));
    assert_eq!((close_info.reason, close_info.was_clean), ("going", false));
    let refused = connection.send(TextMessage::new("late"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::Ended));
}

/// A way to send a reply.
type Way = fn(&mut Connection, &mut AutoReplies, CloseConnection<&str>) -> Vec<u8>;

const WAYS: [Way; 4] = [
    |connection, _, close| {
        let mut output = Vec::new();
        connection.send(close.response(), &mut output).unwrap();
        output
    },
    |connection, _, close| {
        let mut output = Vec::new();
        connection.split().1.send(close.response(), &mut output).unwrap();
        output
    },
    |connection, replies, _| {
        let mut output = Vec::new();
        replies.send(connection.sender_mut(), &mut output).unwrap();
        output
    },
    |connection, replies, _| {
        let mut output = Vec::new();
        replies.send(connection.split().1, &mut output).unwrap();
        output
    },
];

#[test]
fn a_peer_that_closes_and_ends_its_direction_gets_an_answer() {
    for way in WAYS {
        let mut connection = Connection::server(Limits::default());
        let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
        let mut bytes = masked(CLOSE, b"\x03\xe8");
        let event = connection.next_event(&mut bytes.as_mut_slice()).unwrap().unwrap();
        replies.on_event(&event);
        assert_eq!(connection.receive_eof(), None);
        let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "");
        assert_eq!(way(&mut connection, &mut replies, close), b"\x88\x02\x03\xe8");
        assert_eq!(connection.state(), ConnectionState::Closed);
        let close_info = connection.close_info().unwrap();
        assert_eq!((close_info.by, close_info.was_clean), (ClosedBy::Remote, true));
        assert_eq!(way(&mut connection, &mut replies, close), b"", "a close frame is answered only once");
    }
}

#[test]
fn a_peer_that_fails_and_ends_its_direction_gets_an_answer() {
    for way in WAYS {
        let mut connection = Connection::server(Limits::default());
        let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
        let error = connection.next_event(&mut [0xFF].as_mut_slice()).unwrap_err();
        replies.on_failure(error);
        assert_eq!(connection.receive_eof(), None);
        assert_eq!(connection.state(), ConnectionState::RemoteClosing);
        let close = error.response().into_inner();
        assert_eq!(way(&mut connection, &mut replies, close)[..4], b"\x88\x14\x03\xea"[..]);
        assert_eq!(connection.state(), ConnectionState::Closed);
        assert!(!connection.close_info().unwrap().was_clean);
    }
}

#[test]
fn a_peer_that_ends_without_a_close_frame_gets_no_answer() {
    for way in WAYS {
        let mut connection = Connection::server(Limits::default());
        let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
        let mut bytes = masked(PING, b"?");
        let event = connection.next_event(&mut bytes.as_mut_slice()).unwrap().unwrap();
        replies.on_event(&event);
        assert_eq!(connection.receive_eof(), Some(ABNORMAL));
        assert_eq!(way(&mut connection, &mut replies, GOING_AWAY), b"");
        assert_eq!(connection.state(), ConnectionState::Closed);
        assert!(!connection.close_info().unwrap().was_clean);
    }
}

#[test]
fn a_client_that_waits_for_the_servers_end_closes_the_transport_after_it() {
    let mut connection = Connection::client(Limits::default(), Fixed);
    let mut bytes = unmasked(CLOSE, b"\x03\xe9");
    connection.next_event(&mut bytes.as_mut_slice()).unwrap();
    connection.send(GOING_AWAY.response(), &mut Vec::new()).unwrap();
    assert_eq!(connection.transport_action(), TransportAction::AwaitClose);
    _ = connection.receive_eof();
    assert_eq!(connection.transport_action(), TransportAction::Close);
}

#[test]
fn after_the_end_events_are_refused_and_replies_write_nothing() {
    let mut connection = Connection::server(Limits::default());
    _ = connection.receive_eof();
    let mut output = Vec::new();
    let refused = [
        connection.send(TextMessage::new("late"), &mut output),
        connection.send(Ping::new(b""), &mut output),
        connection.send(CloseConnection::EMPTY, &mut output),
    ];
    assert_eq!(refused, [Err(LocalProtocolError::Ended); 3]);
    assert_eq!(connection.send(Ping::new(b"?").response(), &mut output), Ok(()));
    assert_eq!(connection.send(CloseConnection::EMPTY.response(), &mut output), Ok(()));
    assert_eq!(connection.send(RemoteProtocolError::InvalidUtf8.response(), &mut output), Ok(()));
    assert_eq!(output, b"");
}

#[test]
fn an_idle_receiver_ends_between_messages() {
    for role in BOTH {
        let mut reader = Reader::new(role, Limits::default());
        assert!(reader.receiver.is_idle());
        let bytes = frames_to(role, [(BINARY, b"a"), (PING, b"b"), (FIN, b"c")]);
        for byte in &bytes[..bytes.len() - 1] {
            reader.read(&[*byte]);
            assert!(!reader.receiver.is_idle());
        }
        reader.read(&bytes[bytes.len() - 1..]);
        assert!(reader.receiver.is_idle());
    }
}

#[test]
fn an_end_directly_after_bad_text_does_not_hide_the_failure() {
    let mut server = Connection::server(Limits::default());
    let mut bytes = masked(FIN | TEXT, b"ab\xff");
    let mut input = bytes.as_mut_slice();
    assert_eq!(
        server.next_event(&mut input),
        Ok(Some(EventRef::Text(TextMessage { data: "ab", frame_finished: false, message_finished: false })))
    );
    assert_eq!(server.receive_eof(), None);
    assert_eq!(server.next_event(&mut input), Err(RemoteProtocolError::InvalidUtf8));
    let close_info = server.close_info().unwrap();
    assert_eq!(close_info.by, ClosedBy::Failure(RemoteProtocolError::InvalidUtf8));
    assert_eq!(server.next_event(&mut input), Ok(None));
}

#[test]
fn receiver_is_not_finished_while_an_error_waits() {
    for role in BOTH {
        let mut reader = Reader::new(role, Limits::default());
        let mut bytes = frame_to(role, TEXT | FIN, b"a\xff");
        let mut input = bytes.as_mut_slice();
        assert!(
            reader.receiver.next_event(&mut input).is_ok_and(|event| event.is_some()),
            "the valid prefix"
        );
        assert_eq!(reader.receiver.receive_eof(), None);
        assert!(!reader.receiver.is_finished());
        let error = reader.receiver.next_event(&mut &mut [][..]).map(|_| ());
        assert_eq!(error, Err(RemoteProtocolError::InvalidUtf8));
        assert!(reader.receiver.is_finished());
    }
}
