//! The assembler: pieces in, whole messages out (RFC 6455 §5.4, §6.2, §10.4).

use wsproto::{
    BytesMessage, Event, Limits, MessageAssembler, Receiver, RemoteProtocolError, Role, TextMessage,
};

use crate::support::{BINARY, CONTINUATION, FIN, TEXT, frames_to};

/// The whole messages of a stream that arrives in reads of this length.
fn assembled(bytes: &[u8], read_len: usize) -> Vec<Event<String, Vec<u8>>> {
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut assembler = MessageAssembler::new(1000);
    let mut messages = Vec::new();
    for read in bytes.to_vec().chunks_mut(read_len) {
        let mut input = read;
        while let Some(event) = receiver.next_event(&mut input).unwrap() {
            match event {
                Event::Text(piece) => {
                    let whole = assembler.text(piece).unwrap();
                    messages.extend(whole.map(|text| Event::Text(TextMessage::new(text.to_owned()))));
                }
                Event::Bytes(piece) => {
                    let whole = assembler.bytes(piece).unwrap();
                    messages.extend(whole.map(|bytes| Event::Bytes(BytesMessage::new(bytes.to_owned()))));
                }
                _ => panic!("no control frame was sent"),
            }
        }
    }
    messages
}

#[test]
fn assembled_messages_are_the_same_for_all_fragments_and_cuts() {
    let frames = [
        (FIN | TEXT, &b"whole"[..]),
        (TEXT, b"caf\xc3"),
        (CONTINUATION, b""),
        (FIN | CONTINUATION, b"\xa9"),
        (BINARY, b"\xff"),
        (FIN | CONTINUATION, b"\xfe"),
        (FIN | BINARY, b""),
        (FIN | TEXT, b"last"),
    ];
    let bytes = frames_to(Role::Client, frames);
    let expected = [
        Event::Text(TextMessage::new("whole".to_owned())),
        Event::Text(TextMessage::new("café".to_owned())),
        Event::Bytes(BytesMessage::new(vec![0xFF, 0xFE])),
        Event::Bytes(BytesMessage::new(vec![])),
        Event::Text(TextMessage::new("last".to_owned())),
    ];
    for read_len in 1..=bytes.len() {
        assert_eq!(assembled(&bytes, read_len), expected);
    }
}

#[test]
fn a_message_in_one_piece_is_not_copied() {
    let mut assembler = MessageAssembler::new(5);
    let text = "Hello";
    let whole = assembler.text(TextMessage::new(text)).unwrap().unwrap();
    assert_eq!(whole.as_ptr(), text.as_ptr());
    let bytes = [1, 2, 3];
    let whole = assembler.bytes(BytesMessage::new(&bytes[..])).unwrap().unwrap();
    assert_eq!(whole.as_ptr(), bytes.as_ptr());
}

#[test]
fn a_message_of_exactly_the_limit_is_accepted_and_one_more_byte_is_refused() {
    let mut assembler = MessageAssembler::new(4);
    assert_eq!(assembler.bytes(BytesMessage::partial(b"ab")), Ok(None));
    assert_eq!(assembler.bytes(BytesMessage::new(b"cd")), Ok(Some(&b"abcd"[..])));
    assert_eq!(assembler.bytes(BytesMessage::partial(b"ab")), Ok(None));
    let error = Err(RemoteProtocolError::MessageTooLong);
    assert_eq!(assembler.bytes(BytesMessage::new(b"cde")), error);
}

#[test]
fn the_limit_applies_to_a_message_in_one_piece_too() {
    let mut assembler = MessageAssembler::new(4);
    let error = RemoteProtocolError::MessageTooLong;
    assert_eq!(assembler.text(TextMessage::new("12345")), Err(error));
    assert_eq!(assembler.bytes(BytesMessage::new(b"12345")), Err(error));
    assert_eq!(assembler.text(TextMessage::new("1234")), Ok(Some("1234")));
}

#[test]
fn the_limit_starts_again_for_each_message() {
    let mut assembler = MessageAssembler::new(4);
    for _ in 0..3 {
        assert_eq!(assembler.text(TextMessage::partial("ab")), Ok(None));
        assert_eq!(assembler.text(TextMessage::new("cd")), Ok(Some("abcd")));
        assert_eq!(assembler.text(TextMessage::new("abcd")), Ok(Some("abcd")));
    }
}

#[test]
fn a_message_over_the_limit_is_dropped_as_a_whole() {
    let mut assembler = MessageAssembler::new(4);
    assert_eq!(assembler.text(TextMessage::partial("abc")), Ok(None));
    assert_eq!(assembler.text(TextMessage::partial("de")), Err(RemoteProtocolError::MessageTooLong));
    assert_eq!(assembler.text(TextMessage::partial("f")), Ok(None));
    assert_eq!(assembler.text(TextMessage::new("g")), Ok(None), "the rest of a refused message is dropped");
    assert_eq!(assembler.text(TextMessage::new("next")), Ok(Some("next")));
}

#[test]
fn empty_pieces_add_nothing() {
    let mut assembler = MessageAssembler::new(0);
    assert_eq!(assembler.text(TextMessage::partial("")), Ok(None));
    assert_eq!(assembler.text(TextMessage::new("")), Ok(Some("")));
}

#[test]
fn text_and_binary_messages_are_not_mixed() {
    let mut assembler = MessageAssembler::new(10);
    assert_eq!(assembler.bytes(BytesMessage::partial(b"12")), Ok(None));
    assert_eq!(assembler.bytes(BytesMessage::new(b"3")), Ok(Some(&b"123"[..])));
    assert_eq!(assembler.text(TextMessage::partial("a")), Ok(None));
    assert_eq!(assembler.text(TextMessage::new("b")), Ok(Some("ab")));
    assert_eq!(assembler.bytes(BytesMessage::partial(b"4")), Ok(None));
    assert_eq!(assembler.bytes(BytesMessage::new(b"5")), Ok(Some(&b"45"[..])));
}

#[test]
fn memory_of_a_message_in_progress_is_kept() {
    let mut assembler = MessageAssembler::new(10).with_max_kept(0);
    assert_eq!(assembler.bytes(BytesMessage::partial(b"ab")), Ok(None));
    assembler.release_memory();
    assert_eq!(assembler.bytes(BytesMessage::new(b"c")), Ok(Some(&b"abc"[..])));
}

#[test]
fn the_rest_of_a_binary_message_over_the_limit_is_dropped() {
    let mut assembler = MessageAssembler::new(1);
    assert!(assembler.bytes(BytesMessage::partial(b"ab")).is_err());
    assert_eq!(assembler.bytes(BytesMessage::new(b"c")), Ok(None));
    assert_eq!(assembler.bytes(BytesMessage::new(b"d")), Ok(Some(&b"d"[..])));
}
