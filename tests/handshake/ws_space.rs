//! The space of a connection to read into, events that borrow from it, and output of the caller's (RFC 6455 §10.4).

use wsproto::{
    AcceptConnection, BytesMessage, CloseCode, CloseConnection, Connection, ConnectionState, HandshakeError,
    HandshakeLimits, Limits, LocalProtocolError, Ping, ReceiveError, RejectConnection, RejectData,
    ReplyPolicy, TextMessage, WsConnection, WsEvent, WsEventRef,
};

use crate::support::{Head, Sample, plain};
use crate::ws_connection::{Client, Server, open_pair};

/// How bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ReceiveData,
    Space,
}

const WAYS: [Way; 2] = [Way::ReceiveData, Way::Space];

/// Passes bytes in reads of `cut` bytes, and returns all events, owned, up to the first error.
fn events<E: wsproto::Entropy>(
    ws: &mut WsConnection<E>,
    bytes: &[u8],
    cut: usize,
    way: Way,
    all_first: bool,
) -> Vec<Result<WsEvent, ReceiveError>> {
    let mut seen = Vec::new();
    for piece in bytes.chunks(cut) {
        receive(ws, piece, way);
        if !all_first {
            read(ws, way, &mut seen);
        }
    }
    read(ws, way, &mut seen);
    seen
}

fn receive<E: wsproto::Entropy>(ws: &mut WsConnection<E>, bytes: &[u8], way: Way) {
    match way {
        Way::ReceiveData => ws.receive_data(bytes).unwrap(),
        Way::Space => {
            let mut rest = bytes;
            while !rest.is_empty() {
                let space = ws.space();
                let len = rest.len().min(space.len());
                space[..len].copy_from_slice(&rest[..len]);
                ws.filled(len).unwrap();
                rest = &rest[len..];
            }
        }
    }
}

/// Reads all events; those of the space are borrowed first.
fn read<E: wsproto::Entropy>(
    ws: &mut WsConnection<E>,
    way: Way,
    seen: &mut Vec<Result<WsEvent, ReceiveError>>,
) {
    loop {
        let event = match way {
            Way::ReceiveData => ws.next_event(),
            Way::Space => ws.next_event_ref().map(|event| event.map(WsEventRef::into_owned)),
        };
        match event {
            Ok(Some(event)) => seen.push(Ok(event)),
            Ok(None) => return,
            Err(error) => seen.push(Err(error)),
        }
    }
}

fn small(early: usize) -> HandshakeLimits {
    let mut limits = HandshakeLimits::default();
    limits.max_head_len = Vec::from(Head::request()).len();
    limits.max_early_data = early;
    limits
}

fn frames() -> Vec<u8> {
    let mut client = Client::from(Connection::client(Limits::default(), Sample::default()));
    let mut bytes = client.send(TextMessage::partial("h\u{e9}")).unwrap();
    bytes.extend(client.send(Ping::new("p")).unwrap());
    bytes.extend(client.send(TextMessage::new("\u{20ac}")).unwrap());
    bytes.extend(client.send(BytesMessage::from([1, 2, 3])).unwrap());
    bytes.extend(client.send(CloseConnection::new(CloseCode::GOING_AWAY, "bye")).unwrap());
    bytes
}

#[test]
fn server_reads_the_same_events_from_its_space_at_every_cut() {
    let bytes = [Vec::from(Head::request()), frames()].concat();
    let all_early = bytes.len();
    for cut in 1..=bytes.len() {
        for all_first in [false, true] {
            let [given, read] = WAYS.map(|way| {
                let mut server =
                    Server::with_limits(WsConnection::server(), small(all_early), Limits::default());
                let mut seen = events(&mut server, &bytes, cut, way, all_first);
                server.send(AcceptConnection::new()).unwrap();
                seen.extend(events(&mut server, b"", 1, way, true));
                (seen, server.state(), server.bytes_to_send())
            });
            assert_eq!(given, read, "cut {cut}");
            assert_eq!(read.1, ConnectionState::RemoteClosing);
        }
    }
}

#[test]
fn client_reads_the_same_refusal_from_its_space_at_every_cut() {
    let bytes = b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 403 x\r\nContent-Length: 4\r\n\r\nbodyrest";
    for cut in 1..=bytes.len() {
        let [given, read] = WAYS.map(|way| {
            let mut client = WsConnection::client(Sample::default());
            client.send(plain()).unwrap();
            (events(&mut client, bytes, cut, way, false), client.state())
        });
        // Where a piece ends depends on the cut, which is the same.
        assert_eq!(given, read, "cut {cut}");
        assert_eq!(read.1, ConnectionState::Closed);
        assert!(matches!(
            read.0.last(),
            Some(Ok(WsEvent::RejectData(RejectData { body_finished: true, .. })))
        ));
    }
}

#[test]
fn end_of_the_transport_is_reported_once_after_every_prefix() {
    let bytes = frames();
    for len in 0..=bytes.len() {
        let [given, read] = WAYS.map(|way| {
            let mut server = Server::from(Connection::server(Limits::default()));
            receive(&mut server, &bytes[..len], way);
            match way {
                Way::ReceiveData => server.receive_eof(),
                Way::Space => server.filled(0).unwrap(),
            }
            let mut seen = Vec::new();
            read(&mut server, way, &mut seen);
            read(&mut server, way, &mut seen);
            let close = server.close_info().map(|close| (close.by, close.code, close.was_clean));
            (seen, server.state(), server.transport_action(), close, server.send(TextMessage::from("x")))
        });
        assert_eq!(given, read, "{len}");
        let closes = read.0.iter().filter(|event| matches!(event, Ok(WsEvent::Close(_)))).count();
        assert_eq!(closes, 1, "{len}");
    }
}

#[test]
fn end_of_the_transport_is_not_answered() {
    let mut server =
        Server::from(Connection::server(Limits::default())).with_reply_policy(ReplyPolicy::PongAndClose);
    receive(&mut server, b"\x81", Way::Space);
    server.filled(0).unwrap();
    let Ok(Some(WsEventRef::Close(close))) = server.next_event_ref() else { panic!("no close") };
    assert_eq!(close.code, Some(CloseCode::ABNORMAL_CLOSURE));
    assert_eq!(server.next_event_ref(), Ok(None));
    assert_eq!(server.bytes_to_send(), b"");
}

#[test]
fn early_data_in_the_space_has_the_same_limit() {
    let bytes = [Vec::from(Head::request()), frames()].concat();
    let early = frames().len();
    for (limit, is_kept) in [(early, true), (early - 1, false), (0, false)] {
        for cut in [1, 7, bytes.len() - early, bytes.len() - early + 1, bytes.len()] {
            for way in WAYS {
                let mut server = WsConnection::server().with_limits(small(limit), Limits::default());
                let seen = events(&mut server, &bytes, cut, way, true);
                assert!(matches!(seen[0], Ok(WsEvent::Request(_))), "{way:?} {cut}: {seen:?}");
                let failed = Err(ReceiveError::Handshake(HandshakeError::TooMuchEarlyData));
                assert_eq!(seen.get(1), (!is_kept).then_some(&failed), "{way:?} {cut}");
                let state = if is_kept { ConnectionState::Connecting } else { ConnectionState::Closed };
                assert_eq!((seen.len(), server.state()), (2 - usize::from(is_kept), state));
            }
        }
    }
}

#[test]
fn head_in_the_space_has_the_same_limit() {
    let request = Vec::from(Head::request());
    let mut limits = small(0);
    limits.max_head_len -= 1;
    for way in WAYS {
        for cut in [1, 100, request.len() - 1] {
            let mut server = WsConnection::server().with_limits(limits, Limits::default());
            let seen = events(&mut server, &request[..request.len() - 1], cut, way, false);
            assert_eq!(seen, [Err(ReceiveError::Handshake(HandshakeError::HeadTooLong))], "{way:?} {cut}");
        }
    }
}

#[test]
fn flood_in_the_space_is_not_kept() {
    let mut server = WsConnection::server();
    receive(&mut server, &Vec::from(Head::request()), Way::Space);
    server.next_event_ref().unwrap();
    for _ in 0..100 {
        receive(&mut server, &[0; 10_000], Way::Space);
    }
    let kept = format!("{server:?}").len();
    assert!(kept < 1_000_000, "{kept}");
    let error = ReceiveError::Handshake(HandshakeError::TooMuchEarlyData);
    assert_eq!(server.next_event_ref(), Err(error));
    assert_eq!(server.state(), ConnectionState::Closed);
    receive(&mut server, &[0; 10_000], Way::Space);
    assert_eq!(server.next_event_ref(), Ok(None));
    let kept = format!("{server:?}").len();
    assert!(kept < 10_000, "{kept}");
}

#[test]
fn more_than_the_space_cannot_be_filled() {
    for mut ws in [WsConnection::server(), open_pair().1] {
        let len = ws.space().len();
        assert!(len >= 4096);
        for too_many in [len + 1, usize::MAX] {
            assert_eq!(ws.filled(too_many), Err(LocalProtocolError::BufferFull(too_many)));
        }
        assert_eq!(ws.next_event_ref(), Ok(None), "nothing has changed");
        ws.receive_eof();
        for too_late in [1, len + 1] {
            assert_eq!(ws.filled(too_late), Err(LocalProtocolError::DataAfterEof));
        }
        assert_eq!(ws.filled(0), Ok(()));
    }
    let mut closed = open_pair().1;
    receive(&mut closed, b"\x88\x80\0\0\0\0", Way::Space);
    assert!(matches!(closed.next_event_ref(), Ok(Some(WsEventRef::Close(_)))));
    let len = closed.space().len();
    assert_eq!(closed.filled(len + 1), Err(LocalProtocolError::BufferFull(len + 1)));
    closed.filled(len).unwrap();
    assert_eq!(closed.next_event_ref(), Ok(None), "what follows is dropped");
}

#[test]
fn refused_event_writes_nothing_and_its_pong_waits() {
    let mut server = Server::from(Connection::server(Limits::default())).with_reply_policy(ReplyPolicy::Pong);
    server.receive_data(b"\x89\x81\0\0\0\0?").unwrap();
    server.next_event_ref().unwrap();
    let mut output = b"before".to_vec();
    let refused = server.send_to(AcceptConnection::new(), &mut output);
    assert_eq!((refused, &output[..]), (Err(LocalProtocolError::NotInHandshake), &b"before"[..]));
    // The pong and the text are 3 and 4 bytes.
    for len in 0..7 {
        let mut memory = [0; 7];
        let mut room = &mut memory[..len];
        let refused = server.send_to(TextMessage::from("hi"), &mut room);
        assert_eq!((refused, room.len()), (Err(LocalProtocolError::OutputFull(7)), len));
        let mut room = &mut memory[..len.min(2)];
        assert_eq!(server.send_replies(&mut room), Err(LocalProtocolError::OutputFull(3)));
    }
    let mut memory = [0; 7];
    let mut room = &mut memory[..];
    server.send_to(TextMessage::from("hi"), &mut room).unwrap();
    assert_eq!(memory, *b"\x8a\x01?\x81\x02hi");
    assert_eq!(server.bytes_to_send(), b"");
}

#[test]
fn close_reply_that_has_no_room_waits() {
    let mut server =
        Server::from(Connection::server(Limits::default())).with_reply_policy(ReplyPolicy::PongAndClose);
    server.receive_data(b"\x89\x81\0\0\0\0?\x88\x80\0\0\0\0").unwrap();
    while server.next_event_ref().unwrap().is_some() {}
    let mut memory = [0; 4];
    let mut room = &mut memory[..];
    assert_eq!(server.send_replies(&mut room), Err(LocalProtocolError::OutputFull(2)));
    assert_eq!((room.len(), server.state()), (1, ConnectionState::RemoteClosing));
    let mut output = Vec::new();
    server.send_replies(&mut output).unwrap();
    assert_eq!((&memory[..3], &output[..]), (&b"\x8a\x01?"[..], &b"\x88\x00"[..]));
    assert_eq!(server.state(), ConnectionState::Closed);
    server.send_replies(&mut output).unwrap();
    assert_eq!(output.len(), 2);
}

#[test]
fn whole_life_through_an_output_of_the_caller() {
    let (mut client, mut server) = (WsConnection::client(Sample::default()), WsConnection::server());
    let (mut there, mut back) = (Vec::new(), Vec::new());
    client.send_to(plain(), &mut there).unwrap();
    receive(&mut server, &there, Way::Space);
    assert!(matches!(server.next_event_ref(), Ok(Some(WsEventRef::Request(_)))));
    server.send_to(AcceptConnection::new(), &mut back).unwrap();
    server.send_to(TextMessage::from("hello"), &mut back).unwrap();
    receive(&mut client, &back, Way::Space);
    assert!(matches!(client.next_event_ref(), Ok(Some(WsEventRef::Accept(_)))));
    let Ok(Some(event)) = client.next_event_ref() else { panic!("no message") };
    assert_eq!(event, WsEventRef::Text(TextMessage::new("hello")));
    assert_eq!(open_pair().1.send(event).unwrap(), b"\x81\x05hello", "it can be forwarded");

    let mut server = WsConnection::server();
    receive(&mut server, &there, Way::Space);
    server.next_event_ref().unwrap();
    back.clear();
    server.send_to(RejectConnection::new(403).with_body(), &mut back).unwrap();
    server.send_to(RejectData { data: "no", body_finished: true }, &mut back).unwrap();
    assert!(back.ends_with(b"2\r\nno\r\n0\r\n\r\n"));
}
