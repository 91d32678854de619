//! The whole life of a connection in one object, both roles (RFC 6455 §4, §5.5, §7.1).

use wsproto::{
    AcceptConnection, BytesMessage, CloseCode, CloseConnection, ClosedBy, ConnectionState, HandshakeError,
    LocalProtocolError, NoEntropy, Ping, Pong, ReceiveError, RejectConnection, RejectData,
    RemoteProtocolError, ReplyPolicy, TextMessage, TransportAction, WsConnection, WsEvent, WsEventRef,
};

use crate::support::{Head, Sample, plain};

pub(crate) type Client = WsConnection<Sample>;
pub(crate) type Server = WsConnection<NoEntropy>;

/// A client and a server, connected.
pub(crate) fn open_pair() -> (Client, Server) {
    open(WsConnection::client(Sample::default()), WsConnection::server())
}

fn open(mut client: Client, mut server: Server) -> (Client, Server) {
    server.receive_data(&client.send(plain()).unwrap()).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    client.receive_data(&server.send(AcceptConnection::new()).unwrap()).unwrap();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Accept(_)))));
    (client, server)
}

fn states(client: &Client, server: &Server) -> (ConnectionState, ConnectionState) {
    (client.state(), server.state())
}

fn text(data: &str) -> WsEvent {
    WsEvent::Text(TextMessage::new(data.to_owned()))
}

#[test]
fn the_end_of_the_transport_after_a_close_frame_counts_once_all_is_read() {
    let (mut client, mut server) = open_pair();
    server.receive_data(&client.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, "")).unwrap()).unwrap();
    server.receive_eof();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Close(_)))));
    assert_eq!((server.transport_action(), server.close_info()), (TransportAction::Keep, None));
    assert_eq!(server.next_event(), Ok(None));
    assert_eq!(server.transport_action(), TransportAction::Close);
    assert_eq!(server.close_info().map(|info| info.by), Some(ClosedBy::Remote));
}

#[test]
fn a_reply_to_a_close_frame_that_comes_too_late_writes_nothing() {
    let (mut client, mut server) = open_pair();
    server.receive_data(&client.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, "")).unwrap()).unwrap();
    let Ok(Some(WsEvent::Close(close))) = server.next_event() else { panic!("no close frame") };
    server.send(CloseConnection::EMPTY).unwrap();
    assert_eq!(server.send(close.response()), Ok(Vec::new()));
}

#[test]
fn states_change_when_the_event_is_taken() {
    use ConnectionState::{Closed, Connecting, LocalClosing, Open, RemoteClosing};
    let mut client = WsConnection::client(Sample::default());
    let mut server = WsConnection::server();
    assert_eq!(states(&client, &server), (Connecting, Connecting));

    let bytes = client.send(plain()).unwrap();
    assert_eq!(client.state(), Connecting);
    server.receive_data(&bytes).unwrap();
    let Ok(Some(WsEvent::Request(request))) = server.next_event() else { panic!("no request") };
    assert_eq!((request.host(), request.target()), ("server.example.com", "/chat"));
    assert_eq!(server.next_event(), Ok(None));
    assert_eq!(server.state(), Connecting);

    let bytes = server.send(AcceptConnection::new()).unwrap();
    assert_eq!(server.state(), Open);
    client.receive_data(&bytes).unwrap();
    assert_eq!(client.state(), Connecting, "bytes alone change nothing");
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Accept(_)))));
    assert_eq!(client.state(), Open);

    server.receive_data(&client.send(TextMessage::from("hello")).unwrap()).unwrap();
    assert_eq!(server.next_event(), Ok(Some(text("hello"))));
    client.receive_data(&server.send(BytesMessage::from([1, 2])).unwrap()).unwrap();
    let bytes = WsEvent::Bytes(BytesMessage::new(vec![1, 2]));
    assert_eq!(client.next_event(), Ok(Some(bytes)));

    let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "bye");
    server.receive_data(&client.send(close).unwrap()).unwrap();
    assert_eq!(states(&client, &server), (LocalClosing, Open), "bytes alone change nothing");
    let Ok(Some(WsEvent::Close(received))) = server.next_event() else { panic!("no close") };
    assert_eq!((received.code, received.reason.as_str()), (close.code, close.reason));
    assert_eq!(server.state(), RemoteClosing);
    client.receive_data(&server.send(received.response()).unwrap()).unwrap();
    assert_eq!((server.state(), server.transport_action()), (Closed, TransportAction::Close));
    assert_eq!((client.state(), client.transport_action()), (LocalClosing, TransportAction::Keep));
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Close(_)))));
    assert_eq!((client.state(), client.transport_action()), (Closed, TransportAction::AwaitClose));
    assert_eq!(
        client.close_info().map(|close_info| (close_info.by, close_info.was_clean)),
        Some((ClosedBy::Local, true))
    );
    assert_eq!(
        server.close_info().map(|close_info| (close_info.by, close_info.was_clean)),
        Some((ClosedBy::Remote, true))
    );

    client.receive_eof();
    server.receive_eof();
    assert_eq!(
        (client.next_event(), server.next_event()),
        (Ok(None), Ok(None)),
        "no 1006 after a clean close"
    );
}

#[test]
fn a_life_cut_into_single_bytes_is_the_same_life() {
    let (mut client, mut server) = (WsConnection::client(Sample::default()), WsConnection::server());
    let bytes = client.send(plain()).unwrap();
    for (at, byte) in bytes.iter().enumerate() {
        assert_eq!(server.next_event(), Ok(None), "after {at} bytes");
        server.receive_data(&[*byte]).unwrap();
    }
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    let bytes = server.send(AcceptConnection::new()).unwrap();
    for (at, byte) in bytes.iter().enumerate() {
        assert_eq!(
            (client.next_event(), client.state()),
            (Ok(None), ConnectionState::Connecting),
            "{at} bytes"
        );
        client.receive_data(&[*byte]).unwrap();
    }
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Accept(_)))));
    let bytes = server.send(Ping::new("?")).unwrap();
    for byte in bytes {
        assert_eq!(client.next_event(), Ok(None));
        client.receive_data(&[byte]).unwrap();
    }
    assert_eq!(client.next_event(), Ok(Some(WsEvent::Ping(Ping::new(b"?".to_vec())))));
}

#[test]
fn frames_that_come_with_the_handshake_are_kept() {
    let (mut client, mut server) = (WsConnection::client(Sample::default()), WsConnection::server());
    let request = client.send(plain()).unwrap();
    // A client may not, but some do: bytes after the request, before its answer.
    let mut early = request;
    early.extend(b"\x81\x82\0\0\0\0hi\x81\x82\0");
    server.receive_data(&early).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    assert_eq!(server.next_event(), Ok(None), "they wait for the answer");
    server.receive_data(b"\0\0\0ho").unwrap();
    assert_eq!(server.next_event(), Ok(None));
    let mut answer = server.send(AcceptConnection::new()).unwrap();
    assert_eq!(server.next_event(), Ok(Some(text("hi"))));
    assert_eq!(server.next_event(), Ok(Some(text("ho"))));
    // A server may: bytes right after its answer.
    answer.extend(server.send(TextMessage::from("welcome")).unwrap());
    client.receive_data(&answer).unwrap();
    assert!(matches!(client.next_event(), Ok(Some(WsEvent::Accept(_)))));
    assert_eq!(client.next_event(), Ok(Some(text("welcome"))));
}

#[test]
fn a_refusal_with_a_body_passes_through_rejecting() {
    // Who aborts the handshake closes the transport (§7.2.2).
    let (mut client, mut server) = (WsConnection::client(Sample::default()), WsConnection::server());
    server.receive_data(&client.send(plain()).unwrap()).unwrap();
    server.next_event().unwrap();
    client.receive_data(&server.send(RejectConnection::new(403).with_body()).unwrap()).unwrap();
    assert_eq!(states(&client, &server), (ConnectionState::Connecting, ConnectionState::Rejecting));
    let Ok(Some(WsEvent::Reject(reject))) = client.next_event() else { panic!("no refusal") };
    assert_eq!((reject.status_code(), reject.has_body()), (403, true));
    assert_eq!(
        (client.state(), client.transport_action()),
        (ConnectionState::Rejecting, TransportAction::Keep)
    );
    let piece = server.send(RejectData { data: "no", body_finished: false }).unwrap();
    assert_eq!(
        (server.state(), server.transport_action()),
        (ConnectionState::Rejecting, TransportAction::Keep)
    );
    client.receive_data(&piece).unwrap();
    let event = WsEvent::RejectData(RejectData { data: b"no".to_vec(), body_finished: false });
    assert_eq!(client.next_event(), Ok(Some(event)));
    client.receive_data(&server.send(RejectData { data: "", body_finished: true }).unwrap()).unwrap();
    assert_eq!(
        (server.state(), server.transport_action()),
        (ConnectionState::Closed, TransportAction::Close)
    );
    assert_eq!(client.state(), ConnectionState::Rejecting);
    let event = WsEvent::RejectData(RejectData { data: Vec::new(), body_finished: true });
    assert_eq!(client.next_event(), Ok(Some(event)));
    assert_eq!(
        (client.state(), client.transport_action()),
        (ConnectionState::Closed, TransportAction::Close)
    );
    assert_eq!((client.close_info(), server.close_info()), (None, None), "it never was open");
    client.receive_eof();
    assert_eq!(client.next_event(), Ok(None));
}

#[test]
fn a_broken_request_is_reported_once_and_can_be_answered() {
    let mut server = WsConnection::server();
    let request = Head::request().set("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8");
    server.receive_data(&Vec::from(request)).unwrap();
    assert_eq!(server.state(), ConnectionState::Connecting);
    let error = ReceiveError::Handshake(HandshakeError::UnsupportedVersion);
    assert_eq!(server.next_event(), Err(error));
    assert_eq!((server.state(), server.next_event()), (ConnectionState::Closed, Ok(None)));
    assert_eq!(error.to_string(), "Sec-WebSocket-Version is not 13 (RFC 6455 §4.4)");
    assert_eq!(server.send(AcceptConnection::new()), Err(LocalProtocolError::NotInHandshake));
    let bytes = server.send(HandshakeError::UnsupportedVersion.response()).unwrap();
    assert!(bytes.starts_with(b"HTTP/1.1 426 Upgrade Required\r\n"));
    assert_eq!(server.state(), ConnectionState::Closed);
}

#[test]
fn a_broken_response_is_reported_once_and_ends_the_connection() {
    // Who fails the connection closes the transport (§7.1.7).
    let mut client = WsConnection::client(Sample::default());
    client.send(plain()).unwrap();
    client.receive_data(&Vec::from(Head::response().without("Upgrade"))).unwrap();
    assert_eq!(client.next_event(), Err(ReceiveError::Handshake(HandshakeError::MissingUpgrade)));
    assert_eq!(
        (client.state(), client.transport_action()),
        (ConnectionState::Closed, TransportAction::Close)
    );
    assert_eq!(client.next_event(), Ok(None));
    assert_eq!(client.send(TextMessage::from("x")), Err(LocalProtocolError::NotInHandshake));
    assert_eq!(client.send(plain()), Err(LocalProtocolError::NotInHandshake));
}

#[test]
fn a_broken_frame_is_reported_once_and_can_be_answered() {
    // Who fails the connection closes the transport (§7.1.7).
    let (_, mut server) = open_pair();
    server.receive_data(b"\x81\x02hi").unwrap();
    let error = RemoteProtocolError::UnmaskedFrameFromClient;
    assert_eq!(server.next_event(), Err(ReceiveError::Protocol(error)));
    assert_eq!((server.state(), server.next_event()), (ConnectionState::RemoteClosing, Ok(None)));
    server.receive_data(b"\x81\x82\0\0\0\0hi").unwrap();
    assert_eq!(server.next_event(), Ok(None), "what follows is dropped");
    assert_eq!(server.send(error.response()).unwrap()[..4], *b"\x88\x1f\x03\xea");
    assert_eq!(
        (server.state(), server.transport_action()),
        (ConnectionState::Closed, TransportAction::Close)
    );
}

#[test]
fn what_does_not_fit_the_phase_is_refused_without_a_trace() {
    // A client waits for the response "before sending any further data" (§4.1); so does a server (§6.1).
    let not_now = Err(LocalProtocolError::NotInHandshake);
    let all = || -> Vec<WsEvent> {
        vec![
            WsEvent::Request(plain()),
            WsEvent::Accept(AcceptConnection::new()),
            WsEvent::Reject(RejectConnection::new(403)),
            WsEvent::RejectData(RejectData { data: b"x".to_vec(), body_finished: true }),
            text("x"),
            WsEvent::Bytes(BytesMessage::new(vec![1])),
            WsEvent::Ping(Ping::new(vec![])),
            WsEvent::Pong(Pong::new(vec![])),
            WsEvent::Close(CloseConnection { code: None, reason: String::new() }),
        ]
    };
    fn refuse<E: wsproto::Entropy>(
        connection: &mut WsConnection<E>,
        events: impl Iterator<Item = WsEvent>,
        error: &Result<Vec<u8>, LocalProtocolError>,
    ) {
        let (state, transport) = (connection.state(), connection.transport_action());
        for event in events {
            assert_eq!(connection.send(event.clone()), *error, "{event:?}");
            assert_eq!((connection.state(), connection.transport_action()), (state, transport));
            assert_eq!(connection.bytes_to_send(), b"", "{event:?}");
        }
    }
    let mut client = WsConnection::client(Sample::default());
    refuse(&mut client, all().into_iter().skip(1), &not_now);
    let request = client.send(plain()).unwrap();
    refuse(&mut client, all().into_iter(), &not_now);

    let mut server = WsConnection::server();
    refuse(&mut server, all().into_iter(), &not_now);
    server.receive_data(&request).unwrap();
    refuse(&mut server, all().into_iter(), &not_now); // the request is not taken yet
    server.next_event().unwrap();
    refuse(&mut server, all().into_iter().filter(|event| !decides(event)), &not_now);
    let mut rejecting = WsConnection::server();
    rejecting.receive_data(&request).unwrap();
    rejecting.next_event().unwrap();
    client.receive_data(&server.send(AcceptConnection::new()).unwrap()).unwrap();
    refuse(&mut client, all().into_iter(), &not_now); // nor is the answer
    client.next_event().unwrap();
    refuse(&mut client, all().into_iter().take(4), &not_now);
    refuse(&mut server, all().into_iter().take(4), &not_now);

    rejecting.send(RejectConnection::new(403).with_body()).unwrap();
    refuse(
        &mut rejecting,
        all().into_iter().filter(|event| !matches!(event, WsEvent::RejectData(_))),
        &not_now,
    );
    rejecting.send(RejectData { data: "x", body_finished: true }).unwrap();
    refuse(&mut rejecting, all().into_iter(), &not_now);
    assert!(server.send(TextMessage::from("x")).is_ok() && client.send(TextMessage::from("x")).is_ok());
}

fn decides(event: &WsEvent) -> bool {
    matches!(event, WsEvent::Accept(_) | WsEvent::Reject(_))
}

#[test]
fn nothing_is_answered_unless_asked_for() {
    for (policy, expected) in [
        (ReplyPolicy::Nothing, &b""[..]),
        (ReplyPolicy::Pong, b"\x8a\x01b"),
        (ReplyPolicy::PongAndClose, b"\x8a\x01b\x88\x02\x03\xe8"),
    ] {
        let server = WsConnection::server().with_reply_policy(policy);
        let (mut client, mut server) = open(WsConnection::client(Sample::default()), server);
        for payload in ["a", "b"] {
            server.receive_data(&client.send(Ping::new(payload)).unwrap()).unwrap();
        }
        let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "bye");
        server.receive_data(&client.send(close).unwrap()).unwrap();
        assert_eq!(server.bytes_to_send(), b"", "nothing is answered before it is taken");
        while server.next_event().unwrap().is_some() {}
        assert_eq!(server.bytes_to_send(), expected, "{policy:?}");
        assert_eq!(server.bytes_to_send(), b"", "and once");
    }
}

#[test]
fn replies_go_before_what_is_sent() {
    // "As soon as is practical" (§5.5.2).
    let server = WsConnection::server().with_reply_policy(ReplyPolicy::Pong);
    let (mut client, mut server) = open(WsConnection::client(Sample::default()), server);
    server.receive_data(&client.send(Ping::new("a")).unwrap()).unwrap();
    server.next_event().unwrap();
    assert_eq!(server.send(TextMessage::from("hi")).unwrap(), b"\x8a\x01a\x81\x02hi");
}

#[test]
fn a_breach_is_answered_by_a_close_if_asked_for() {
    for (policy, expected) in
        [(ReplyPolicy::Pong, &b""[..]), (ReplyPolicy::PongAndClose, b"\x88\x1f\x03\xea")]
    {
        let server = WsConnection::server().with_reply_policy(policy);
        let (_, mut server) = open(WsConnection::client(Sample::default()), server);
        server.receive_data(b"\x81\x02hi").unwrap();
        assert!(server.next_event().is_err());
        let written = server.bytes_to_send();
        assert_eq!(written[..expected.len()], *expected);
        assert_eq!(written.is_empty(), expected.is_empty());
    }
}

#[test]
fn a_reply_that_waits_does_not_close_when_another_call_is_refused() {
    let server = WsConnection::server().with_reply_policy(ReplyPolicy::PongAndClose);
    let (mut client, mut server) = open(WsConnection::client(Sample::default()), server);
    server.receive_data(&client.send(CloseConnection::EMPTY).unwrap()).unwrap();
    server.next_event().unwrap();
    assert_eq!(server.state(), ConnectionState::RemoteClosing);
    assert!(server.send(TextMessage::from("too late")).is_err());
    assert_eq!(server.state(), ConnectionState::RemoteClosing, "a refused call changes nothing");
    assert_eq!(server.bytes_to_send(), b"\x88\x00");
    assert_eq!(server.state(), ConnectionState::Closed);
}

#[test]
fn a_close_reason_is_cut_to_123_bytes_at_a_character_border() {
    for (reason, sent) in [
        ("x".repeat(123), "x".repeat(123)),
        ("x".repeat(124), "x".repeat(123)),
        ("x".repeat(100_000), "x".repeat(123)),
        ("\u{e9}".repeat(62), "\u{e9}".repeat(61)),
        (["x", &"\u{e9}".repeat(61), "y"].concat(), ["x", &"\u{e9}".repeat(61)].concat()),
        ("\u{20ac}".repeat(42), "\u{20ac}".repeat(41)),
        ("\u{1f600}".repeat(31), "\u{1f600}".repeat(30)),
        (["xx", &"\u{1f600}".repeat(31)].concat(), ["xx", &"\u{1f600}".repeat(30)].concat()),
        (String::new(), String::new()),
    ] {
        let (mut client, mut server) = open_pair();
        let close = CloseConnection::new(CloseCode::new(4000), reason.clone());
        client.receive_data(&server.send(WsEvent::Close(close.clone())).unwrap()).unwrap();
        let received = CloseConnection::new(CloseCode::new(4000), sent.clone());
        assert_eq!(client.next_event(), Ok(Some(WsEvent::Close(received.clone()))));
        let (mut client, mut server) = open_pair();
        server.receive_data(&client.send(close).unwrap()).unwrap();
        assert_eq!(server.next_event(), Ok(Some(WsEvent::Close(received))));
    }
}

#[test]
fn received_messages_can_be_forwarded() {
    let (mut client, mut front) = open_pair();
    let (mut back, mut server) = open_pair();
    let mut bytes = client.send(TextMessage::partial("hel")).unwrap();
    bytes.extend(client.send(Ping::new("p")).unwrap());
    bytes.extend(client.send(TextMessage::new("lo")).unwrap());
    bytes.extend(client.send(BytesMessage::from([1, 2, 3])).unwrap());
    bytes.extend(client.send(Pong::new("q")).unwrap());
    bytes.extend(client.send(CloseConnection::new(CloseCode::GOING_AWAY, "bye")).unwrap());
    front.receive_data(&bytes).unwrap();
    let mut forwarded = Vec::new();
    while let Some(event) = front.next_event().unwrap() {
        server.receive_data(&back.send(event.clone()).unwrap()).unwrap();
        forwarded.push(event);
    }
    assert_eq!(forwarded.len(), 6);
    for event in forwarded {
        assert_eq!(server.next_event(), Ok(Some(event)));
    }
    assert_eq!(
        (front.state(), back.state()),
        (ConnectionState::RemoteClosing, ConnectionState::LocalClosing)
    );
}

#[cfg(feature = "deflate")]
#[test]
fn extensions_that_nobody_would_run_are_refused() {
    use wsproto::PermessageDeflate;

    let deflate = PermessageDeflate::new();
    let mut client = WsConnection::client(Sample::default());
    let refused = client.send(plain().with_extensions(&[&deflate]));
    assert_eq!(refused, Err(LocalProtocolError::InvalidExtension));

    let mut client = WsConnection::client(Sample::default()).with_extension(deflate.clone());
    let mut server = WsConnection::server();
    server.receive_data(&client.send(plain()).unwrap()).unwrap();
    let Ok(Some(WsEvent::Request(request))) = server.next_event() else { panic!("no request") };
    let (accept, _) = AcceptConnection::new().with_extensions(&[&deflate], &request);
    assert_eq!(accept.agreed_extensions().len(), 1);
    assert_eq!(server.send(accept), Err(LocalProtocolError::InvalidExtension));
    assert!(server.send(AcceptConnection::new()).is_ok());
}

#[test]
fn events_are_forwarded_as_they_are_borrowed() {
    let (request, accept, reject) =
        (plain(), AcceptConnection::new(), RejectConnection::new(404).with_body());
    let mut client = WsConnection::client(Sample::default());
    let asked = client.send(WsEventRef::Request(request.clone())).unwrap();
    let mut server = WsConnection::server();
    server.receive_data(&asked).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    let answer = server.send(WsEventRef::Reject(reject)).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 404 "));
    let data = RejectData { data: &b"no"[..], body_finished: true };
    assert_eq!(server.send(WsEventRef::RejectData(data)).unwrap(), b"2\r\nno\r\n0\r\n\r\n");

    let mut server = WsConnection::server();
    server.receive_data(&asked).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Request(_)))));
    assert!(server.send(WsEventRef::Accept(accept)).unwrap().starts_with(b"HTTP/1.1 101 "));
    let mut sent = Vec::new();
    for event in [
        WsEventRef::Text(TextMessage::new("a")),
        WsEventRef::Bytes(BytesMessage::new(b"b")),
        WsEventRef::Ping(Ping::new(b"c")),
        WsEventRef::Pong(Pong::new(b"d")),
        WsEventRef::Close(CloseConnection::EMPTY),
    ] {
        sent.extend(server.send(event).unwrap());
    }
    assert_eq!(sent, b"\x81\x01a\x82\x01b\x89\x01c\x8a\x01d\x88\x00");
}

#[test]
fn space_has_at_least_the_length_that_was_asked_for() {
    let mut server = WsConnection::server().with_min_space(10_000);
    assert!(server.space().len() >= 10_000);
    assert_eq!(server.refused_head().map(|_| ()), None);
    let (_, mut server) = open_pair();
    assert_eq!(server.refused_head().map(|_| ()), None);
    assert!(server.space().len() > 1);
}
