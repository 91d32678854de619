//! What a connection keeps while its handshake lasts, and what its end means (RFC 6455 §7.1.5, §10.4).

use wsproto::{
    AcceptConnection, CloseCode, ClosedBy, ConnectionState, HandshakeError, HandshakeLimits, Limits,
    LocalProtocolError, ReceiveError, RejectConnection, RejectData, RemoteProtocolError, TextMessage,
    TransportAction, WsConnection, WsEvent,
};

use crate::support::{Head, Sample, plain};
use crate::ws_connection::{Client, Server, open_pair};

const EOF: ReceiveError = ReceiveError::Handshake(HandshakeError::UnexpectedEof);
const TOO_MUCH: ReceiveError = ReceiveError::Handshake(HandshakeError::TooMuchEarlyData);

fn client() -> Client {
    let mut client = WsConnection::client(Sample::default());
    client.send(plain()).unwrap();
    client
}

/// A server that has the request in hand.
fn asked() -> Server {
    let mut server = WsConnection::server();
    server.receive_data(&Vec::from(Head::request())).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    server
}

/// A ping of 125 bytes, from a client.
fn ping() -> Vec<u8> {
    [&b"\x89\xfd\0\0\0\0"[..], &[b'x'; 125]].concat()
}

/// Limits under which a server keeps as much as the request of §1.3 and `early` bytes.
fn small(early: usize) -> HandshakeLimits {
    let mut limits = HandshakeLimits::default();
    limits.max_head_len = Vec::from(Head::request()).len();
    limits.max_early_data = early;
    limits
}

#[test]
fn an_end_before_the_handshake_is_a_failure() {
    let request = Vec::from(Head::request());
    for len in 0..request.len() {
        let mut server = WsConnection::server();
        server.receive_data(&request[..len]).unwrap();
        server.receive_eof();
        assert_eq!(server.state(), ConnectionState::Connecting);
        assert_eq!((server.next_event(), server.state()), (Err(EOF), ConnectionState::Closed));
        assert_eq!((server.next_event(), server.transport_action()), (Ok(None), TransportAction::Close));
    }
    let response = Vec::from(Head::response());
    for len in 0..response.len() {
        let mut client = client();
        client.receive_data(&response[..len]).unwrap();
        client.receive_eof();
        assert_eq!((client.next_event(), client.state()), (Err(EOF), ConnectionState::Closed));
        assert_eq!((client.next_event(), client.transport_action()), (Ok(None), TransportAction::Close));
    }
}

#[test]
fn an_end_right_after_the_response_is_1006() {
    let mut client = client();
    client.receive_data(&Vec::from(Head::response())).unwrap();
    client.receive_eof();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Accept(_)))));
    let Ok(Some(WsEvent::Close(close))) = client.next_event() else { panic!("no close") };
    assert_eq!(close.code, Some(CloseCode::ABNORMAL_CLOSURE));
    assert_eq!((client.next_event(), client.state()), (Ok(None), ConnectionState::Closed));
    assert_eq!(client.close_info().map(|close_info| close_info.by), Some(ClosedBy::Transport));
}

#[test]
fn an_end_while_open_is_1006_once_all_is_read() {
    let (mut client, mut server) = open_pair();
    server.receive_data(&client.send(TextMessage::from("last")).unwrap()).unwrap();
    server.receive_eof();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Text(_)))));
    assert_eq!(server.state(), ConnectionState::Open);
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Close(_)))));
    assert_eq!((server.state(), server.next_event()), (ConnectionState::Closed, Ok(None)));
    assert_eq!(server.send(TextMessage::from("x")), Err(LocalProtocolError::Ended));
}

#[test]
fn an_end_before_the_servers_answer_is_not_forgotten() {
    // "The WebSocket Connection Close Code is considered to be 1006" (§7.1.5), whenever it is read.
    for looks in [0, 1, 3] {
        let mut server = asked();
        server.receive_eof();
        for _ in 0..looks {
            assert_eq!((server.next_event(), server.state()), (Ok(None), ConnectionState::Connecting));
        }
        server.send(AcceptConnection::new()).unwrap();
        let event = server.next_event();
        let Ok(Some(WsEvent::Close(close))) = event else { panic!("{event:?} after {looks} looks") };
        assert_eq!(close.code, Some(CloseCode::ABNORMAL_CLOSURE));
        assert_eq!(server.state(), ConnectionState::Closed);
    }
}

#[test]
fn an_end_before_the_clients_request_is_not_forgotten() {
    for looks in [0, 1] {
        let mut client = WsConnection::client(Sample::default());
        client.receive_eof();
        for _ in 0..looks {
            assert_eq!(client.next_event(), Ok(None));
        }
        if client.send(plain()).is_ok() {
            assert_eq!(
                (client.next_event(), client.state()),
                (Err(EOF), ConnectionState::Closed),
                "{looks} looks"
            );
        }
    }
}

#[test]
fn an_end_does_not_stop_a_refusal() {
    let mut server = asked();
    server.receive_eof();
    assert_eq!(server.next_event(), Ok(None));
    server.send(RejectConnection::new(403).with_body()).unwrap();
    assert_eq!(server.next_event(), Ok(None));
    server.send(RejectData { data: "no", body_finished: true }).unwrap();
    assert_eq!(server.next_event(), Ok(None));
}

#[test]
fn an_end_within_a_refusal_is_a_failure() {
    let mut client = client();
    client.receive_data(b"HTTP/1.1 403 x\r\nContent-Length: 5\r\n\r\nhel").unwrap();
    client.receive_eof();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Reject(_)))));
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::RejectData(_)))));
    assert_eq!((client.next_event(), client.state()), (Err(EOF), ConnectionState::Closed));
    assert_eq!(client.next_event(), Ok(None));
}

#[test]
fn an_end_may_end_a_refusal() {
    let mut client = client();
    client.receive_data(b"HTTP/1.1 403 x\r\n\r\n").unwrap();
    client.receive_eof();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Reject(_)))));
    assert_eq!(client.state(), ConnectionState::Rejecting);
    let end = WsEvent::RejectData(RejectData { data: Vec::new(), body_finished: true });
    assert_eq!(client.next_event(), Ok(Some(end)));
    assert_eq!((client.state(), client.next_event()), (ConnectionState::Closed, Ok(None)));
}

#[test]
fn nothing_comes_after_the_end() {
    for mut connection in [WsConnection::server(), asked(), open_pair().1] {
        connection.receive_eof();
        connection.receive_eof();
        assert_eq!(connection.receive_data(b"x"), Err(LocalProtocolError::DataAfterEof));
        let _ = connection.next_event();
        assert_eq!(connection.receive_data(b"x"), Err(LocalProtocolError::DataAfterEof));
        assert_eq!(connection.receive_data(b""), Err(LocalProtocolError::DataAfterEof));
    }
}

#[test]
fn early_data_may_be_as_long_as_the_limit() {
    let head = Vec::from(Head::request());
    let all = [&head[..], &ping(), &ping()].concat();
    for cut in [1, 50, head.len(), head.len() + 1, all.len()] {
        let limits = small(2 * ping().len());
        let mut server = WsConnection::server().with_limits(limits, Limits::default());
        all.chunks(cut).for_each(|piece| server.receive_data(piece).unwrap());
        assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))), "cut {cut}");
        assert_eq!(server.next_event(), Ok(None));
        server.send(AcceptConnection::new()).unwrap();
        for _ in 0..2 {
            assert!(matches!(server.next_event(), Ok(Some(WsEvent::Ping(_)))), "cut {cut}");
        }
        assert_eq!(server.next_event(), Ok(None));
    }
}

#[test]
fn early_data_beyond_the_limit_fails_the_handshake_however_it_is_cut() {
    let head = Vec::from(Head::request());
    let all = [&head[..], &ping(), &ping(), b"\x89"].concat();
    for cut in [1, 50, head.len(), head.len() + 1, all.len()] {
        let limits = small(2 * ping().len());
        let mut server = WsConnection::server().with_limits(limits, Limits::default());
        all.chunks(cut).for_each(|piece| server.receive_data(piece).unwrap());
        let mut seen = Vec::new();
        let error = loop {
            match server.next_event() {
                Ok(Some(event)) => seen.push(event),
                Ok(None) => panic!("it goes on, cut {cut}"),
                Err(error) => break error,
            }
        };
        assert_eq!((error, server.state()), (TOO_MUCH, ConnectionState::Closed), "cut {cut}");
        assert!(matches!(seen[..], [WsEvent::Request(_)]), "cut {cut}: {seen:?}");
        let bytes = server.send(HandshakeError::TooMuchEarlyData.response()).unwrap();
        assert!(bytes.starts_with(b"HTTP/1.1 413 "));
        assert_eq!(server.next_event(), Ok(None));
    }
}

#[test]
fn a_flood_before_the_servers_answer_is_not_kept() {
    let mut server = asked();
    for _ in 0..2000 {
        server.receive_data(&ping()).unwrap();
    }
    assert_eq!((server.next_event(), server.state()), (Err(TOO_MUCH), ConnectionState::Closed));
    assert_eq!(server.send(AcceptConnection::new()), Err(LocalProtocolError::NotInHandshake));
    assert_eq!(server.next_event(), Ok(None));
}

#[test]
fn a_flood_that_is_accepted_unread_does_not_stay_open() {
    let mut server = asked();
    for _ in 0..2000 {
        server.receive_data(&ping()).unwrap();
    }
    // The caller accepts before it reads again.
    if server.send(AcceptConnection::new()).is_ok() {
        let error = loop {
            match server.next_event() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("bytes are lost, and nobody is told"),
                Err(error) => break error,
            }
        };
        assert_ne!(server.state(), ConnectionState::Open, "bytes are lost: {error}");
    }
}

#[test]
fn an_end_after_a_flood_does_not_hide_it() {
    let mut server = asked();
    for _ in 0..2000 {
        server.receive_data(&ping()).unwrap();
    }
    server.receive_eof();
    assert_eq!((server.next_event(), server.state()), (Err(TOO_MUCH), ConnectionState::Closed));
    assert_eq!(server.next_event(), Ok(None));
}

#[test]
fn what_is_taken_makes_room() {
    let mut client = WsConnection::client(Sample::default()).with_limits(small(0), Limits::default());
    client.send(plain()).unwrap();
    client.receive_data(b"HTTP/1.1 403 x\r\nContent-Length: 10000\r\n\r\n").unwrap();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Reject(_)))));
    for at in 1..=100 {
        client.receive_data(&[b'x'; 100]).unwrap();
        let piece = WsEvent::RejectData(RejectData { data: vec![b'x'; 100], body_finished: at == 100 });
        assert_eq!(client.next_event(), Ok(Some(piece)));
        assert_eq!(client.next_event(), Ok(None));
    }
    assert_eq!(client.state(), ConnectionState::Closed);
}

#[test]
fn a_flood_at_a_client_ends_it() {
    let mut client = client();
    for _ in 0..2000 {
        client.receive_data(&ping()).unwrap();
    }
    assert!(client.next_event().is_err());
    assert_eq!(
        (client.state(), client.transport_action()),
        (ConnectionState::Closed, TransportAction::Close)
    );
    assert_eq!(client.next_event(), Ok(None));
    let mut client = WsConnection::client(Sample::default());
    for _ in 0..2000 {
        client.receive_data(&Vec::from(Head::response())).unwrap();
    }
    assert_eq!((client.next_event(), client.state()), (Err(TOO_MUCH), ConnectionState::Closed));
}

#[test]
fn after_a_failure_what_arrives_is_dropped() {
    // A failure "is returned once", and what follows it is nobody's.
    let mut server = WsConnection::server();
    server.receive_data(b"POST / HTTP/1.1\r\n\r\n").unwrap();
    assert!(server.next_event().is_err());
    let mut client = client();
    client.receive_data(b"HTTP/1.1 101 x\r\n\r\n").unwrap();
    assert!(client.next_event().is_err());
    for at in 0..2000 {
        server.receive_data(&ping()).unwrap();
        client.receive_data(&ping()).unwrap();
        assert_eq!((server.next_event(), client.next_event()), (Ok(None), Ok(None)), "read {at}");
    }
    assert!(server.send(HandshakeError::MethodNotGet.response()).is_ok());
}

#[test]
fn a_flood_does_not_break_a_refusal_that_is_under_way() {
    let mut server = asked();
    server.send(RejectConnection::new(403).with_body()).unwrap();
    for at in 0..2000 {
        server.receive_data(&ping()).unwrap();
        assert_eq!(
            (server.next_event(), server.state()),
            (Ok(None), ConnectionState::Rejecting),
            "read {at}"
        );
    }
    let second = server.send(RejectConnection::new(404));
    assert_eq!(second, Err(LocalProtocolError::NotInHandshake), "one request has one answer");
    assert_eq!(server.send(RejectData { data: "no", body_finished: true }).unwrap(), b"2\r\nno\r\n0\r\n\r\n");
    assert_eq!(server.state(), ConnectionState::Closed);
}

#[test]
fn a_flood_after_a_refusal_does_not_ask_for_another() {
    let mut server = asked();
    server.send(RejectConnection::new(403)).unwrap();
    for at in 0..2000 {
        server.receive_data(&ping()).unwrap();
        assert_eq!(server.next_event(), Ok(None), "read {at}");
    }
    assert_eq!(server.send(RejectConnection::new(404)), Err(LocalProtocolError::NotInHandshake));
}

#[test]
fn a_flood_after_a_whole_refusal_is_dropped() {
    let mut client = client();
    client.receive_data(b"HTTP/1.1 403 x\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Reject(_)))));
    for at in 0..2000 {
        client.receive_data(&ping()).unwrap();
        assert_eq!((client.next_event(), client.state()), (Ok(None), ConnectionState::Closed), "read {at}");
    }
}

#[test]
fn limits_hold_for_head_and_messages() {
    let mut limits = Limits::default();
    limits.max_message_len = 4;
    let too_short = {
        let mut limits = small(0);
        limits.max_head_len -= 1;
        limits
    };
    let request = Vec::from(Head::request());
    let mut server = WsConnection::server().with_limits(too_short, limits);
    server.receive_data(&request[..request.len() - 1]).unwrap();
    assert_eq!(server.next_event(), Err(ReceiveError::Handshake(HandshakeError::HeadTooLong)));
    let mut server = WsConnection::server().with_limits(small(0), limits);
    server.receive_data(&request).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    server.send(AcceptConnection::new()).unwrap();
    server.receive_data(b"\x81\x84\0\0\0\0four\x81\x85\0\0\0\0fiver").unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Text(_)))));
    assert_eq!(server.next_event(), Err(ReceiveError::Protocol(RemoteProtocolError::MessageTooLong)));
}

#[test]
fn a_flood_that_came_with_the_request_does_not_break_a_refusal() {
    let mut server = WsConnection::server();
    let flood = vec![0; 100_000];
    server.receive_data(&[&Vec::from(Head::request())[..], &flood].concat()).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    server.send(RejectConnection::new(403).with_body()).unwrap();
    assert_eq!((server.next_event(), server.state()), (Ok(None), ConnectionState::Rejecting));
    let end = server.send(RejectData { data: "no", body_finished: true }).unwrap();
    assert_eq!(end, b"2\r\nno\r\n0\r\n\r\n");
    assert_eq!(server.send(RejectConnection::new(413)), Err(LocalProtocolError::NotInHandshake));
}

#[test]
fn nothing_is_kept_of_what_comes_after_a_failure_or_a_close() {
    for last in [&b"\x81\x00"[..], b"\x88\x80\0\0\0\0"] {
        let (_, mut server) = open_pair();
        server.receive_data(last).unwrap();
        let _ = server.next_event();
        for _ in 0..100 {
            server.receive_data(&[0; 10_000]).unwrap();
        }
        let kept = format!("{server:?}").len();
        assert!(kept < 10_000, "{kept}");
        assert_eq!(server.next_event(), Ok(None));
    }
}
