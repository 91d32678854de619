//! A server's acceptance, byte for byte (RFC 6455 §4.2.2, §11.3).

use wsproto::{
    AcceptConnection, ConnectionState, HandshakeLimits, LocalProtocolError, RejectConnection, RejectData,
    ServerHandshake,
};

use crate::support::{Head, deciding, fields, opened, plain};

const PLAIN: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn offering(subprotocols: &str) -> ServerHandshake {
    deciding(Head::request().with(format!("Sec-WebSocket-Protocol: {subprotocols}")))
}

/// What is written for `accept`.
fn written(mut handshake: ServerHandshake, accept: AcceptConnection) -> Vec<u8> {
    let mut output = Vec::new();
    handshake.accept(accept, &mut output).unwrap();
    assert_eq!(handshake.state(), ConnectionState::Open);
    output
}

#[test]
fn a_plain_acceptance_has_the_four_lines_of_section_4_2_2() {
    assert_eq!(written(deciding(Head::request()), AcceptConnection::new()), PLAIN);
}

#[test]
fn an_acceptance_is_appended_to_the_output() {
    let mut output = b"before".to_vec();
    deciding(Head::request()).accept(AcceptConnection::new(), &mut output).unwrap();
    assert_eq!(output, [b"before", PLAIN].concat());
}

#[test]
fn an_acceptance_names_the_subprotocol_and_keeps_order_and_case_of_headers() {
    let accept = AcceptConnection::new()
        .with_header("x-Server", "a b")
        .with_subprotocol("superchat")
        .with_header("Set-Cookie", "a=1")
        .with_header("X-Empty", "")
        .with_header("Set-Cookie", b"b=\xe9");
    assert_eq!(accept.subprotocol(), Some("superchat"));
    assert_eq!(
        written(offering("chat, superchat"), accept).escape_ascii().to_string(),
        b"HTTP/1.1 101 Switching Protocols\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: superchat\r\n\
        x-Server: a b\r\n\
        Set-Cookie: a=1\r\n\
        X-Empty: \r\n\
        Set-Cookie: b=\xe9\r\n\r\n"
            .escape_ascii()
            .to_string()
    );
}

#[test]
fn a_client_reads_the_same_acceptance() {
    let accept = AcceptConnection::new().with_subprotocol("chat").with_header("X-Server", "example");
    let output = written(offering("chat"), accept);
    let accept = opened(&plain().with_subprotocol("chat"), output);
    assert_eq!(accept.subprotocol(), Some("chat"));
    assert_eq!(fields(accept.headers()).last(), Some(&("X-Server".to_owned(), b"example".to_vec())));
}

#[test]
fn no_subprotocol_is_named_unless_one_is_chosen() {
    assert_eq!(written(offering("chat"), AcceptConnection::new()), PLAIN);
}

#[test]
fn subprotocol_is_one_that_the_client_offers() {
    for (offered, chosen) in [
        ("chat", "other"),
        ("chat", "Chat"),
        ("chat, superchat", "super"),
        ("chat, superchat", "chats"),
        ("x-chat", "chat"),
    ] {
        let mut handshake = offering(offered);
        let mut output = Vec::new();
        let accept = AcceptConnection::new().with_subprotocol(chosen);
        let refused = handshake.accept(accept, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::SubprotocolNotOffered), "{chosen} of {offered}");
        assert_eq!((output.len(), handshake.state()), (0, ConnectionState::Connecting));
        assert_eq!(written(handshake, AcceptConnection::new()), PLAIN);
    }
    let accept = AcceptConnection::new().with_subprotocol("chat");
    let refused = deciding(Head::request()).accept(accept, &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::SubprotocolNotOffered));
}

#[test]
fn any_of_the_offered_subprotocols_may_be_chosen() {
    let offer = Head::request()
        .with("Sec-WebSocket-Protocol: a,b")
        .with("X: 1")
        .with("sec-websocket-protocol: ,c , d");
    for chosen in ["a", "b", "c", "d"] {
        let output = written(deciding(offer.clone()), AcceptConnection::new().with_subprotocol(chosen));
        let line = format!("\r\nSec-WebSocket-Protocol: {chosen}\r\n");
        assert!(String::from_utf8(output).unwrap().contains(&line));
    }
}

#[test]
fn subprotocol_is_one_token() {
    for accept in [
        AcceptConnection::new().with_subprotocol(""),
        AcceptConnection::new().with_subprotocol("a, b"),
        AcceptConnection::new().with_subprotocol("a b"),
        AcceptConnection::new().with_subprotocol("a").with_subprotocol("b"),
        AcceptConnection::new().with_subprotocol("a").with_subprotocol("a"),
    ] {
        let mut handshake = offering("a, b");
        let mut output = Vec::new();
        let refused = handshake.accept(accept, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::InvalidSubprotocol));
        assert_eq!((output.len(), handshake.state()), (0, ConnectionState::Connecting));
    }
}

#[test]
fn only_a_request_can_be_accepted_and_only_once() {
    let mut output = Vec::new();
    let mut waiting = ServerHandshake::new(HandshakeLimits::default());
    assert_eq!(waiting.request(), None);
    let refused = waiting.accept(AcceptConnection::new(), &mut output);
    assert_eq!(refused, Err(LocalProtocolError::NotInHandshake));
    assert_eq!(waiting.state(), ConnectionState::Connecting);
    assert!(waiting.receive(&mut &Vec::from(Head::request())[..]).unwrap().is_some(), "it still waits");

    let mut handshake = deciding(Head::request());
    handshake.accept(AcceptConnection::new(), &mut Vec::new()).unwrap();
    assert_eq!(handshake.request(), None);
    let again = handshake.accept(AcceptConnection::new(), &mut output);
    assert_eq!(again, Err(LocalProtocolError::NotInHandshake));
    let no = handshake.reject(RejectConnection::new(403), &mut output);
    assert_eq!(no, Err(LocalProtocolError::NotInHandshake));
    let body = handshake.reject_data(RejectData { data: "x", body_finished: true }, &mut output);
    assert_eq!(body, Err(LocalProtocolError::NotInHandshake));
    assert_eq!((output.len(), handshake.state()), (0, ConnectionState::Open));
    let mut frames = &b"\x81\x80\0\0\0\0"[..];
    assert_eq!(handshake.receive(&mut frames), Ok(None));
    assert_eq!(frames.len(), 6, "frames are not the handshake's to read");
    assert_eq!(handshake.receive_eof(), Ok(()));
}

#[test]
fn the_request_is_available_until_it_is_answered() {
    let mut handshake = deciding(Head::request());
    assert_eq!(handshake.request().map(|request| request.target()), Some("/chat"));
    assert_eq!(handshake.receive(&mut &b"\x81\x80"[..]), Ok(None));
    assert_eq!(handshake.request().map(|request| request.host()), Some("server.example.com"));
    handshake.accept(AcceptConnection::new(), &mut Vec::new()).unwrap();
    assert_eq!(handshake.request(), None);
}

#[test]
fn an_acceptance_is_written_to_a_fixed_output_whole_or_not_at_all() {
    for len in 0..PLAIN.len() {
        let mut handshake = deciding(Head::request());
        let mut memory = vec![0xaa; len];
        let mut room = memory.as_mut_slice();
        let refused = handshake.accept(AcceptConnection::new(), &mut room);
        assert_eq!(refused, Err(LocalProtocolError::OutputFull(PLAIN.len())));
        assert_eq!(room.len(), len);
        assert!(memory.iter().all(|byte| *byte == 0xaa), "it has written into {len} bytes");
        assert_eq!(handshake.state(), ConnectionState::Connecting);
        assert_eq!(written(handshake, AcceptConnection::new()), PLAIN);
    }
    let mut memory = vec![0xaa; PLAIN.len() + 1];
    let mut room = memory.as_mut_slice();
    deciding(Head::request()).accept(AcceptConnection::new(), &mut room).unwrap();
    assert_eq!(room, [0xaa]);
    assert_eq!(memory[..PLAIN.len()], *PLAIN);
}
