//! What needs an allocator: the handshake, output that grows, whole messages, owned events.

mod bump;

extern crate alloc;

use alloc::vec::Vec;

use wsproto::{
    AcceptConnection, BytesMessage, ClientHandshake, Connection, Event, HandshakeLimits, HandshakeResponse,
    Limits, MessageAssembler, Receiver, RemoteProtocolError, Request, Role, ServerHandshake, TextMessage,
    WsConnection, WsEvent,
};

use crate::without_alloc::Fixed;

pub fn check() {
    a_handshake_succeeds();
    a_ws_connection_sends_a_message();
    output_grows();
    fragments_make_a_message();
    an_event_outlives_its_input();
}

fn a_handshake_succeeds() {
    let limits = HandshakeLimits::default();
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    let mut client =
        ClientHandshake::new(Request::new("localhost", "/"), limits, &mut Fixed, &mut request).unwrap();
    let mut server = ServerHandshake::new(limits);
    assert_eq!(server.receive(&mut &*request).unwrap().unwrap().target(), "/");
    server.accept(AcceptConnection::new(), &mut answer).unwrap();
    assert!(matches!(client.receive(&mut &*answer), Ok(Some(HandshakeResponse::Accept(_)))));
}

fn a_ws_connection_sends_a_message() {
    let mut ws = WsConnection::server();
    ws.receive_data(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    .unwrap();
    assert!(matches!(ws.next_event(), Ok(Some(WsEvent::Request(_)))));
    assert!(ws.send(AcceptConnection::new()).unwrap().starts_with(b"HTTP/1.1 101 "));
    assert_eq!(ws.send(TextMessage::from("Hello")).unwrap(), b"\x81\x05Hello");
}

fn output_grows() {
    let mut client = Connection::client(Limits::default(), Fixed);
    let mut output = Vec::new();
    client.send(TextMessage::new("Hello"), &mut output).unwrap();
    client.send(BytesMessage::new([0; 300]), &mut output).unwrap();
    assert_eq!(output.len(), 11 + 308);
}

fn fragments_make_a_message() {
    let mut assembler = MessageAssembler::new(5);
    assert_eq!(assembler.text(TextMessage::partial("Hel")), Ok(None));
    assert_eq!(assembler.text(TextMessage::new("lo")), Ok(Some("Hello")));
    assert_eq!(assembler.bytes(BytesMessage::partial(&[0; 3])), Ok(None));
    assert_eq!(assembler.bytes(BytesMessage::new(&[0; 3])), Err(RemoteProtocolError::MessageTooLong));
}

fn an_event_outlives_its_input() {
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let event = {
        let mut bytes = *b"\x89\x01?";
        receiver.next_event(&mut bytes.as_mut_slice()).unwrap().unwrap().into_owned()
    };
    assert!(matches!(event, Event::Ping(ping) if ping.payload == b"?"));
}
