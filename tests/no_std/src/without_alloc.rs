//! Frames, masks, receiving and sending, with arrays only.

use wsproto::{
    AutoReplies, BytesMessage, CloseCode, CloseConnection, Connection, Entropy, Event, FrameHeader, Limits,
    LocalProtocolError, Mask, Opcode, Ping, Receiver, RemoteProtocolError, ReplyPolicy, Role, Rsv,
    TextMessage, TransportAction, generate_accept_token,
};

pub fn check() {
    headers_are_read_and_written();
    a_mask_continues_between_pieces();
    client_and_server_exchange_messages();
    halves_that_are_apart_answer();
    a_cut_character_is_joined();
    a_failure_is_reported();
    a_full_array_is_refused();
    a_key_has_its_accept_token();
}

/// Entropy that always returns the key of RFC 6455 §5.7.
pub struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        for (byte, key) in bytes.iter_mut().zip(KEY.iter().cycle()) {
            *byte = *key;
        }
    }
}

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn headers_are_read_and_written() {
    let header = FrameHeader {
        fin: true,
        rsv: Rsv::NONE,
        opcode: Opcode::Binary,
        masking_key: Some(KEY),
        payload_len: 70_000,
    };
    let encoded = header.encode().unwrap();
    assert_eq!(FrameHeader::decode(encoded.as_bytes()), Ok(Some((header, encoded.as_bytes().len()))));
}

fn a_mask_continues_between_pieces() {
    let mut payload = *b"\x7f\x9f\x4d\x51\x58";
    let (head, tail) = payload.split_at_mut(3);
    let mut mask = Mask::new(KEY);
    mask.apply(head);
    mask.apply(tail);
    assert_eq!(payload, *b"Hello");
}

fn client_and_server_exchange_messages() {
    let mut client = Connection::client(Limits::default(), Fixed);
    let mut server = Connection::server(Limits::default());

    let mut wire = [0; 64];
    let mut room = wire.as_mut_slice();
    client.send(TextMessage::new("Hello"), &mut room).unwrap();
    client.send(Ping::new(b"?"), &mut room).unwrap();
    client.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, "bye"), &mut room).unwrap();
    let unused = room.len();
    let written = wire.len() - unused;

    let mut answers = [0; 64];
    let mut room = answers.as_mut_slice();
    let mut input = &mut wire[..written];
    let (receiver, sender) = server.split();
    while let Some(event) = receiver.next_event(&mut input).unwrap() {
        match event {
            Event::Text(text) => sender.send(text, &mut room).unwrap(),
            Event::Ping(ping) => sender.send(ping.response(), &mut room).unwrap(),
            Event::Close(close) => sender.send(close.response(), &mut room).unwrap(),
            Event::Bytes(_) | Event::Pong(_) => unreachable!(),
        }
    }
    let unused = room.len();
    assert_eq!(answers[..64 - unused], *b"\x81\x05Hello\x8a\x01?\x88\x05\x03\xe8bye");
}

fn halves_that_are_apart_answer() {
    let replies = AutoReplies::new(ReplyPolicy::PongAndClose);
    let (mut receiving, mut sending) = Connection::server(Limits::default()).into_halves(replies);
    let mut wire = *b"\x89\x81\0\0\0\0?\x88\x82\0\0\0\0\x03\xe8";
    let mut input = wire.as_mut_slice();
    while receiving.next_event(&mut input).unwrap().is_some() {}
    sending.on_notice(&receiving.take_notice().unwrap());

    let mut answers = [0; 16];
    sending.send_replies(&mut answers.as_mut_slice()).unwrap();
    assert_eq!(answers[..7], *b"\x8a\x01?\x88\x02\x03\xe8");
    receiving.on_close_sent(sending.take_close_sent().unwrap());
    assert_eq!(receiving.close_info(), sending.close_info());
    assert_eq!(receiving.transport_action(), TransportAction::Close);
}

fn a_cut_character_is_joined() {
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut bytes = *b"\x81\x03\xe2\x82\xac";
    let (head, tail) = bytes.split_at_mut(3);
    assert_eq!(receiver.next_event(&mut &mut *head), Ok(None));
    assert_eq!(receiver.next_event(&mut &mut *tail), Ok(Some(Event::Text(TextMessage::new("€")))));
}

fn a_failure_is_reported() {
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    let mut bytes = *b"\x81\x02hi";
    let error = receiver.next_event(&mut bytes.as_mut_slice()).unwrap_err();
    assert_eq!(error, RemoteProtocolError::UnmaskedFrameFromClient);
    assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
}

fn a_full_array_is_refused() {
    let mut connection = Connection::server(Limits::default());
    let mut memory = [0; 4];
    let refused = connection.send(BytesMessage::new(b"four"), &mut memory.as_mut_slice());
    assert_eq!(refused, Err(LocalProtocolError::OutputFull(6)));
    assert_eq!(memory, [0; 4]);
}

fn a_key_has_its_accept_token() {
    let accept_token = generate_accept_token(b"dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(accept_token.as_bytes(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
