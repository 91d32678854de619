//! The examples of RFC 6455 §5.7, read and written.

use wsproto::{BytesMessage, Ping, Pong, Role, Sender, TextMessage};

use crate::support::{Fixed, binary, check_said, ping, pong, text};

/// "A 256-byte binary message in a single unmasked frame", "A 64KiB binary message …".
fn large(header: &[u8], len: usize) -> (Vec<u8>, Vec<u8>) {
    let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
    ([header, &payload].concat(), payload)
}

#[test]
fn a_single_frame_unmasked_text_message() {
    let bytes = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    check_said(Role::Client, &bytes, &[text("Hello")]);
    let mut output = Vec::new();
    Sender::server().send(TextMessage::new("Hello"), &mut output).unwrap();
    assert_eq!(output, bytes);
}

#[test]
fn a_single_frame_masked_text_message() {
    let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    check_said(Role::Server, &bytes, &[text("Hello")]);
    let mut output = Vec::new();
    Sender::client(Fixed).send(TextMessage::new("Hello"), &mut output).unwrap();
    assert_eq!(output, bytes);
}

#[test]
fn a_fragmented_unmasked_text_message() {
    let bytes = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    check_said(Role::Client, &bytes, &[text("Hello")]);
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(TextMessage::partial("Hel"), &mut output).unwrap();
    sender.send(TextMessage::new("lo"), &mut output).unwrap();
    assert_eq!(output, bytes);
}

#[test]
fn an_unmasked_ping_request() {
    let bytes = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    check_said(Role::Client, &bytes, &[ping("Hello")]);
    let mut output = Vec::new();
    Sender::server().send(Ping::new("Hello"), &mut output).unwrap();
    assert_eq!(output, bytes);
}

#[test]
fn a_masked_ping_response() {
    let bytes = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    check_said(Role::Server, &bytes, &[pong("Hello")]);
    let mut output = Vec::new();
    Sender::client(Fixed).send(Pong::new("Hello"), &mut output).unwrap();
    assert_eq!(output, bytes);
}

#[test]
fn a_binary_message_of_256_bytes_in_a_single_unmasked_frame() {
    let (bytes, payload) = large(&[0x82, 0x7E, 0x01, 0x00], 256);
    check_said(Role::Client, &bytes, &[binary(&payload)]);
    let mut output = Vec::new();
    Sender::server().send(BytesMessage::new(&payload), &mut output).unwrap();
    assert_eq!(output, bytes);
}

#[test]
fn a_binary_message_of_64_kib_in_a_single_unmasked_frame() {
    let header = [0x82, 0x7F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00];
    let (bytes, payload) = large(&header, 65536);
    check_said(Role::Client, &bytes, &[binary(&payload)]);
    let mut output = Vec::new();
    Sender::server().send(BytesMessage::new(&payload), &mut output).unwrap();
    assert_eq!(output, bytes);
}
