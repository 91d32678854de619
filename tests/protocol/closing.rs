//! The closing handshake: who closed, the connection's state, how it ended (RFC 6455 §5.5.1, §7.1).

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, ClosedBy, Connection, ConnectionState, Entropy, EventRef,
    Limits, LocalProtocolError, MessageKind, Outgoing, Ping, RemoteProtocolError, TextMessage,
    TransportAction,
};

use crate::support::{BINARY, CLOSE, CONTINUATION, FIN, Fixed, PING, TEXT, masked, unmasked};

const BYE: CloseConnection<&str> = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "bye");

fn server() -> Connection {
    Connection::server(Limits::default())
}

fn client() -> Connection<Fixed> {
    Connection::client(Limits::default(), Fixed)
}

/// Reads every event of `bytes`; returns the failure, if there is one.
fn receive<E: Entropy>(connection: &mut Connection<E>, mut bytes: Vec<u8>) -> Option<RemoteProtocolError> {
    let mut input = bytes.as_mut_slice();
    loop {
        match connection.next_event(&mut input) {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

/// Sends an event that must be allowed.
fn send<E: Entropy>(connection: &mut Connection<E>, event: impl Outgoing) -> Vec<u8> {
    let mut output = Vec::new();
    connection.send(event, &mut output).unwrap();
    output
}

/// Who ended it, the code, the reason, and whether both close frames were sent.
type End<'a> = (ClosedBy, CloseCode, &'a str, bool);

fn end<E: Entropy>(connection: &Connection<E>) -> Option<End<'_>> {
    connection
        .close_info()
        .map(|close_info| (close_info.by, close_info.code, close_info.reason, close_info.was_clean))
}

fn closed(by: ClosedBy, code: u16, reason: &str) -> Option<End<'_>> {
    Some((by, code.into(), reason, true))
}

fn ended_uncleanly(by: ClosedBy) -> Option<End<'static>> {
    Some((by, CloseCode::ABNORMAL_CLOSURE, "", false))
}

#[test]
fn a_connection_is_open_from_the_start() {
    let connection = server();
    assert_eq!(connection.state(), ConnectionState::Open);
    assert_eq!(connection.transport_action(), TransportAction::Keep);
    assert_eq!(end(&connection), None);
}

#[test]
fn server_closes_first() {
    // CLOSING begins with the first close frame (§7.1.3); with the second, the server ends it (§7.1.1, §7.1.2).
    let mut server = server();
    send(&mut server, BYE);
    assert_eq!(server.state(), ConnectionState::LocalClosing);
    assert_eq!(server.transport_action(), TransportAction::Keep);
    assert_eq!(end(&server), None);
    receive(&mut server, masked(CLOSE, b"\x03\xe8"));
    assert_eq!(server.state(), ConnectionState::Closed);
    assert_eq!(server.transport_action(), TransportAction::Close);
    assert_eq!(end(&server), closed(ClosedBy::Local, 1000, ""));
}

#[test]
fn client_closes_first() {
    // A client waits for the server to end the transport (§7.1.1).
    let mut client = client();
    send(&mut client, BYE);
    assert_eq!(client.state(), ConnectionState::LocalClosing);
    receive(&mut client, unmasked(CLOSE, b"\x03\xe8"));
    assert_eq!(client.state(), ConnectionState::Closed);
    assert_eq!(client.transport_action(), TransportAction::AwaitClose);
    assert_eq!(end(&client), closed(ClosedBy::Local, 1000, ""));
}

#[test]
fn client_answers_the_close_of_a_server() {
    let mut client = client();
    receive(&mut client, unmasked(CLOSE, b"\x03\xe9restart"));
    assert_eq!(client.state(), ConnectionState::RemoteClosing);
    assert_eq!(client.transport_action(), TransportAction::Keep);
    assert_eq!(end(&client), None);
    let close = CloseConnection::new(CloseCode::GOING_AWAY, "restart");
    assert_eq!(send(&mut client, close.response()), masked(CLOSE, b"\x03\xe9restart"));
    assert_eq!(client.state(), ConnectionState::Closed);
    assert_eq!(client.transport_action(), TransportAction::AwaitClose);
    assert_eq!(end(&client), closed(ClosedBy::Remote, 1001, "restart"));
}

#[test]
fn server_answers_an_empty_close_which_counts_as_1005() {
    let mut server = server();
    receive(&mut server, masked(CLOSE, b""));
    assert_eq!(send(&mut server, CloseConnection::EMPTY.response()), b"\x88\x00");
    assert_eq!(server.transport_action(), TransportAction::Close);
    assert_eq!(end(&server), closed(ClosedBy::Remote, 1005, ""));
}

#[test]
fn a_close_frame_with_another_reason_is_an_answer_too() {
    // The connection's code and reason are those of the first close frame received (§7.1.5, §7.1.6).
    let mut server = server();
    receive(&mut server, masked(CLOSE, b"\x0f\xa0theirs"));
    send(&mut server, CloseConnection::new(CloseCode::new(4001), "ours"));
    assert_eq!(end(&server), closed(ClosedBy::Remote, 4000, "theirs"));
}

#[test]
fn a_close_can_be_answered_while_it_is_borrowed() {
    let mut server = server();
    let mut bytes = masked(CLOSE, b"\x0f\xa0why");
    let (receiver, sender) = server.split();
    let Ok(Some(EventRef::Close(close))) = receiver.next_event(&mut bytes.as_mut_slice()) else { panic!() };
    let mut output = Vec::new();
    sender.send(close.response(), &mut output).unwrap();
    assert_eq!(close.reason, "why");
    assert_eq!(output, unmasked(CLOSE, b"\x0f\xa0why"));
    assert_eq!(end(&server), closed(ClosedBy::Remote, 4000, "why"));
}

#[test]
fn close_frames_that_cross_each_other_need_no_answer() {
    let mut server = server();
    let mut client = client();
    let from_server = send(&mut server, BYE);
    let from_client = send(&mut client, CloseConnection::new(CloseCode::GOING_AWAY, ""));
    receive(&mut server, from_client);
    receive(&mut client, from_server);
    assert_eq!(send(&mut server, BYE.response()), b"");
    assert_eq!(send(&mut client, BYE.response()), b"");
    assert_eq!(end(&server), closed(ClosedBy::Local, 1001, ""));
    assert_eq!(end(&client), closed(ClosedBy::Local, 1000, "bye"));
    assert_eq!(
        (server.transport_action(), client.transport_action()),
        (TransportAction::Close, TransportAction::AwaitClose)
    );
}

#[test]
fn nothing_is_sent_after_our_close() {
    // §5.1, §6.1: no data is sent after the close frame.
    let mut server = server();
    send(&mut server, TextMessage::partial("begun"));
    send(&mut server, BYE);
    let mut output = Vec::new();
    let refused = [
        server.send(TextMessage::new("end"), &mut output),
        server.send(BytesMessage::new(b"new"), &mut output),
        server.send(Ping::new(b""), &mut output),
        server.send(BYE, &mut output),
        server.sender_mut().send_continuation(b"end", true, &mut output),
        server.sender_mut().begin_frame(MessageKind::Text, 0, true).map(|_| ()),
        server.sender_mut().frame_in_place(MessageKind::Text, &mut [], true).map(|_| ()),
    ];
    assert_eq!(refused, [Err(LocalProtocolError::CloseSent); 7]);
    assert_eq!(output, b"");
    assert_eq!(server.state(), ConnectionState::LocalClosing);
}

#[test]
fn data_is_still_received_after_our_close() {
    let mut server = server();
    send(&mut server, BYE);
    let mut bytes = masked(FIN | TEXT, b"already on its way");
    let event = server.next_event(&mut bytes.as_mut_slice());
    assert_eq!(event, Ok(Some(EventRef::Text(TextMessage::new("already on its way")))));
}

#[test]
fn no_message_starts_after_the_peer_has_closed() {
    let mut server = server();
    receive(&mut server, masked(CLOSE, b"\x03\xe8"));
    let mut output = Vec::new();
    let refused = [
        server.send(TextMessage::new("new"), &mut output),
        server.send(BytesMessage::partial(b"new"), &mut output),
        server.sender_mut().begin_frame(MessageKind::Binary, 3, true).map(|_| ()),
        server.sender_mut().frame_in_place(MessageKind::Binary, &mut [1], true).map(|_| ()),
    ];
    assert_eq!(refused, [Err(LocalProtocolError::CloseReceived); 4]);
    assert_eq!(output, b"");
}

#[test]
fn the_sender_refuses_messages_once_a_close_was_received() {
    let mut server = server();
    receive(&mut server, masked(CLOSE, b"\x03\xe8"));
    let refused = server.sender_mut().send(TextMessage::new("new"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::CloseReceived));
}

#[test]
fn a_message_in_progress_may_be_finished_after_the_peer_has_closed() {
    let mut server = server();
    send(&mut server, BytesMessage::partial(b"1"));
    receive(&mut server, masked(CLOSE, b"\x03\xe8"));
    assert_eq!(send(&mut server, BytesMessage::partial(b"2")), unmasked(CONTINUATION, b"2"));
    assert_eq!(send(&mut server, BytesMessage::new(b"3")), unmasked(FIN | CONTINUATION, b"3"));
    let refused = server.send(BytesMessage::new(b"4"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::CloseReceived));
    assert_eq!(send(&mut server, BYE.response()), unmasked(CLOSE, b"\x03\xe8bye"));
    assert_eq!(end(&server), closed(ClosedBy::Remote, 1000, ""));
}

#[test]
fn a_failure_is_answered_by_a_close_frame_with_its_code() {
    let mut server = server();
    let error = receive(&mut server, unmasked(FIN | BINARY, b"x")).unwrap();
    assert_eq!(server.state(), ConnectionState::RemoteClosing);
    assert_eq!(server.transport_action(), TransportAction::Close);
    assert_eq!(end(&server), ended_uncleanly(ClosedBy::Failure(error)));
    let answer = send(&mut server, error.response());
    assert_eq!(answer, unmasked(CLOSE, b"\x03\xeaframe from client is unmasked"));
    assert_eq!(server.state(), ConnectionState::Closed);
    assert_eq!(end(&server), ended_uncleanly(ClosedBy::Failure(error)));
}

#[test]
fn a_client_that_fails_the_connection_closes_the_transport_at_once() {
    // It does not wait for the server, as it does after a closing handshake (§7.1.7).
    let mut client = client();
    let error = receive(&mut client, masked(FIN | BINARY, b"x")).unwrap();
    assert_eq!(client.transport_action(), TransportAction::Close);
    let answer = send(&mut client, error.response());
    assert_eq!(answer, masked(CLOSE, b"\x03\xeaframe from server is masked"));
    assert_eq!(client.transport_action(), TransportAction::Close);
    assert_eq!(end(&client), ended_uncleanly(ClosedBy::Failure(error)));
}

/// Closes, then receives a frame that breaks a rule (§7.1.7).
#[track_caller]
fn check_failure_after_our_close<E: Entropy>(mut connection: Connection<E>, bytes: Vec<u8>) {
    send(&mut connection, BYE);
    let error = receive(&mut connection, bytes).unwrap();
    assert_eq!(connection.state(), ConnectionState::Closed);
    assert_eq!(connection.transport_action(), TransportAction::Close);
    assert_eq!(end(&connection), ended_uncleanly(ClosedBy::Failure(error)));
    assert_eq!(send(&mut connection, error.response()), b"");
}

#[test]
fn a_failure_after_our_close_is_not_answered() {
    check_failure_after_our_close(server(), masked(0x83, b""));
    check_failure_after_our_close(client(), unmasked(0x83, b""));
}

#[test]
fn no_message_starts_after_a_failure() {
    let mut server = server();
    receive(&mut server, b"\xff".to_vec()).unwrap();
    let refused = server.send(TextMessage::new("new"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::PeerFailed));
}

#[test]
fn a_message_in_progress_may_be_finished_after_a_failure_of_the_peer() {
    let mut server = server();
    assert_eq!(send(&mut server, TextMessage::partial("a")), unmasked(TEXT, b"a"));
    let error = receive(&mut server, b"\xff".to_vec()).unwrap();
    assert_eq!(send(&mut server, TextMessage::new("b")), unmasked(FIN | CONTINUATION, b"b"));
    let refused = server.send(TextMessage::new("new"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::PeerFailed));
    assert_eq!(send(&mut server, error.response())[0], CLOSE);
}

#[test]
fn a_separate_sender_can_be_notified_of_a_failure_and_of_the_end() {
    let (_, mut sender) = client().into_parts();
    sender.peer_failed();
    let refused = sender.send(TextMessage::new("new"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::PeerFailed));
    sender.transport_ended();
    assert_eq!(sender.send(BYE, &mut Vec::new()), Err(LocalProtocolError::Ended));
    let mut output = Vec::new();
    sender.send(BYE.response(), &mut output).unwrap();
    assert_eq!(output, b"", "nobody would read it");
    assert!(!sender.is_close_sent());
}

#[test]
fn a_close_after_a_failure_is_not_processed() {
    // "MUST NOT continue to attempt to process data (including a responding Close frame)" (§7.1.7).
    let mut server = server();
    let error = receive(&mut server, b"\xff".to_vec()).unwrap();
    assert_eq!(receive(&mut server, masked(CLOSE, b"\x03\xe8")), None);
    assert_eq!(end(&server), ended_uncleanly(ClosedBy::Failure(error)));
    assert_eq!(server.receiver().received_close(), None);
}

#[test]
fn the_state_changes_when_the_close_event_is_taken() {
    let mut server = server();
    let mut bytes = [masked(PING, b""), masked(CLOSE, b"")].concat();
    let mut input = bytes.as_mut_slice();
    server.next_event(&mut input).unwrap();
    assert_eq!(server.state(), ConnectionState::Open);
    server.next_event(&mut input).unwrap();
    assert_eq!(server.state(), ConnectionState::RemoteClosing);
}

#[test]
fn a_separate_sender_can_be_notified_of_a_close() {
    let (_, mut sender) = client().into_parts();
    sender.close_received();
    let refused = sender.send(TextMessage::new("new"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::CloseReceived));
    sender.send(BYE, &mut Vec::new()).unwrap();
    sender.close_received();
    assert!(sender.is_close_sent());
}
