//! Outputs as trait objects, and next to traits of other crates.

use std::io::Write;

use wsproto::*;

#[test]
fn every_method_that_writes_takes_a_trait_object() {
    let mut vector = Vec::new();
    let output: &mut dyn Output = &mut vector;

    let mut connection = Connection::server(Limits::default());
    connection.send(TextMessage::new("a"), output).unwrap();
    connection.split().1.send(Ping::new(b"b"), output).unwrap();
    FrameEncoder::server().encode(true, Rsv::NONE, Opcode::Binary, b"c", output).unwrap();
    let prepared = PreparedMessage::text("d").unwrap();
    let sender = connection.sender_mut();
    sender.send_prepared(&prepared, output).unwrap();
    sender.send_fragmented(TextMessage::new("ef"), 1, output).unwrap();
    sender.send(BytesMessage::partial(b"g"), output).unwrap();
    sender.send_continuation(b"h", true, output).unwrap();
    let mut replies = AutoReplies::new(ReplyPolicy::Pong);
    replies.on_event(&Event::Ping(Ping::new(b"i")));
    replies.send(sender, output).unwrap();

    let frames = b"\x81\x01a\x89\x01b\x82\x01c\x81\x01d\x01\x01e\x80\x01f\x02\x01g\x80\x01h\x8a\x01i";
    assert_eq!(vector, frames);
}

#[cfg(feature = "handshake")]
#[test]
fn handshakes_take_a_trait_object() {
    let mut bytes = Vec::new();
    let output: &mut dyn Output = &mut bytes;
    ClientHandshake::new(
        Request::new("h", "/"),
        HandshakeLimits::default(),
        &mut super::support::Fixed,
        output,
    )
    .unwrap();

    let mut input = bytes.as_slice();
    let mut server = ServerHandshake::new(HandshakeLimits::default());
    server.receive(&mut input).unwrap().unwrap();
    let mut answer = Vec::new();
    let output: &mut dyn Output = &mut answer;
    server.accept(AcceptConnection::new(), output).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 101 "));

    let mut input = bytes.as_slice();
    let mut server = ServerHandshake::new(HandshakeLimits::default());
    server.receive(&mut input).unwrap().unwrap();
    let mut answer = Vec::new();
    let output: &mut dyn Output = &mut answer;
    server.reject(RejectConnection::new(404).with_body(), output).unwrap();
    server.reject_data(RejectData { data: b"no", body_finished: true }, output).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 404 "));
}

#[test]
fn room_that_was_ensured_is_reserved() {
    let mut vector = Vec::new();
    vector.ensure_room(1000).unwrap();
    assert!(vector.is_empty() && vector.capacity() >= 1000);
    #[cfg(feature = "bytes")]
    {
        let mut bytes = bytes::BytesMut::new();
        bytes.ensure_room(1000).unwrap();
        assert!(bytes.is_empty() && bytes.capacity() >= 1000);
    }
}

#[test]
fn a_boxed_output_can_be_written_to() {
    let mut output: Box<dyn Output> = Box::new(Vec::new());
    Sender::server().send(TextMessage::new("x"), &mut *output).unwrap();
}

#[test]
fn io_write_methods_can_be_called_with_all_of_wsproto_imported() {
    let mut vector = Vec::new();
    assert_eq!(vector.write(b"x").unwrap(), 1);
    vector.write_all(b"y").unwrap();
    vector.reserve(10);
    vector.flush().unwrap();
    vector.append_bytes(b"z").unwrap();
    assert_eq!(vector, b"xyz");

    let mut memory = [0; 4];
    let mut room = memory.as_mut_slice();
    assert_eq!(room.write(b"ab").unwrap(), 2);
    room.append_bytes(b"cd").unwrap();
    assert_eq!(memory, *b"abcd");
}
