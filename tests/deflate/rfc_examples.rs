//! Every example of RFC 7692 §7.2.3: read by both roles, and written if our compressor writes the same bytes.

use wsproto::{BytesMessage, DeflateParams, PermessageDeflate, Role, TextMessage};

use crate::protocol::{FIN, TEXT, binary, masked, sent, text};
use crate::support::{RSV1, Setup, client_sender, says, server_sender};

const WHOLE: u8 = FIN | RSV1 | TEXT;

/// "Hello", in fixed codes.
const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

#[test]
fn a_message_compressed_using_one_compressed_deflate_block_is_read() {
    // RFC 7692 §7.2.3.1
    says([(WHOLE, HELLO)], &[text("Hello")]);
}

#[test]
fn a_fragmented_compressed_message_is_read() {
    // §7.2.3.1: "The first octet of each fragment" differs, the payload does not.
    says([(RSV1 | TEXT, &HELLO[..3]), (FIN, &HELLO[3..])], &[text("Hello")]);
    for cut in 0..=HELLO.len() {
        let (head, tail) = HELLO.split_at(cut);
        says([(RSV1 | TEXT, head), (FIN, tail)], &[text("Hello")]);
        says([(RSV1 | TEXT, head), (0, b""), (FIN, tail)], &[text("Hello")]);
    }
}

#[test]
fn a_message_is_written_as_one_compressed_block() {
    // §7.2.3.1
    let deflate = PermessageDeflate::new().with_threshold(0);
    for level in 1..=9 {
        let mut output = Vec::new();
        let mut server = server_sender(&deflate.clone().with_level(level), DeflateParams::DEFAULT);
        server.send(TextMessage::from("Hello"), &mut output).unwrap();
        assert_eq!(output, [&[0xC1, 0x07], HELLO].concat(), "level {level}");
    }

    let mut output = Vec::new();
    client_sender(&deflate, DeflateParams::DEFAULT).send(TextMessage::from("Hello"), &mut output).unwrap();
    assert_eq!(output, masked(WHOLE, HELLO));

    let mut output = Vec::new();
    let mut server = server_sender(&deflate, DeflateParams::DEFAULT);
    server.send_fragmented(TextMessage::from("Hello"), 3, &mut output).unwrap();
    assert_eq!(output, b"\x41\x03\xf2\x48\xcd\x00\x03\xc9\xc9\x07\x80\x01\x00");
}

#[test]
fn lz77_sliding_window_is_shared() {
    // §7.2.3.2: the second "Hello" refers to the first.
    let again = &[0xF2, 0x00, 0x11, 0x00, 0x00];
    says([(WHOLE, HELLO), (WHOLE, again)], &[text("Hello"), text("Hello")]);

    let deflate = PermessageDeflate::new().with_threshold(0);
    let mut server = server_sender(&deflate.with_level(6), DeflateParams::DEFAULT);
    let mut output = Vec::new();
    server.send(TextMessage::from("Hello"), &mut output).unwrap();
    output.clear();
    server.send(TextMessage::from("Hello"), &mut output).unwrap();
    assert_eq!(output, [&[0xC1, 0x05], &again[..]].concat());
}

#[test]
fn the_window_is_not_shared_without_context_takeover() {
    // §7.2.3.2: otherwise the second message has the same payload as the first.
    let both = DeflateParams {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        ..DeflateParams::DEFAULT
    };
    let deflate = PermessageDeflate::new().with_threshold(0);
    let (mut server, mut client) = (server_sender(&deflate, both), client_sender(&deflate, both));
    for _ in 0..3 {
        let (mut from_server, mut from_client) = (Vec::new(), Vec::new());
        server.send(TextMessage::from("Hello"), &mut from_server).unwrap();
        client.send(TextMessage::from("Hello"), &mut from_client).unwrap();
        assert_eq!(from_server, [&[0xC1, 0x07], HELLO].concat());
        assert_eq!(from_client, masked(WHOLE, HELLO));
    }
}

#[test]
fn a_deflate_block_with_no_compression_is_read_and_written() {
    // §7.2.3.3
    let stored = [&[0x00, 0x05, 0x00, 0xFA, 0xFF][..], b"Hello", &[0x00]].concat();
    says([(WHOLE, &stored)], &[text("Hello")]);

    let deflate = PermessageDeflate::new().with_threshold(0).with_level(0);
    let mut output = Vec::new();
    server_sender(&deflate, DeflateParams::DEFAULT).send(TextMessage::from("Hello"), &mut output).unwrap();
    assert_eq!(output, [&[0xC1, 0x0B], &stored[..]].concat());
}

#[test]
fn a_deflate_block_with_bfinal_set_to_1_is_read() {
    // §7.2.3.4: the octet 0x00 after it begins an empty block.
    let last = &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
    says([(WHOLE, last)], &[text("Hello")]);
    // The stream continues with the same window.
    let again = &[0xF2, 0x00, 0x11, 0x00, 0x00];
    says([(WHOLE, last), (WHOLE, again), (WHOLE, last)], &[text("Hello"), text("Hello"), text("Hello")]);
}

#[test]
fn two_deflate_blocks_in_one_message_are_read_and_written() {
    // §7.2.3.5
    let (first, second) = ([0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF], [0xCA, 0xC9, 0xC9, 0x07, 0x00]);
    says([(WHOLE, &[&first[..], &second].concat())], &[text("Hello")]);

    let mut server = server_sender(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    let mut output = Vec::new();
    server.send(TextMessage::partial("He"), &mut output).unwrap();
    server.send(TextMessage::from("llo"), &mut output).unwrap();
    let frames = sent(&output);
    assert_eq!((frames[0].first, &frames[0].payload[..]), (RSV1 | TEXT, &first[..]));
    assert_eq!((frames[1].first, &frames[1].payload[..]), (FIN, &second[..]));
}

#[test]
fn an_empty_message_is_the_octet_0() {
    // §7.2.3.6
    says([(WHOLE, &[0x00])], &[text("")]);
    says(
        [(WHOLE, HELLO), (WHOLE, &[0x00]), (WHOLE, &[0xF2, 0x00, 0x11, 0x00, 0x00])],
        &[text("Hello"), text(""), text("Hello")],
    );

    let deflate = PermessageDeflate::new().with_threshold(0);
    let mut server = server_sender(&deflate, DeflateParams::DEFAULT);
    let mut output = Vec::new();
    for _ in 0..3 {
        server.send(TextMessage::from(""), &mut output).unwrap();
        server.send(BytesMessage::from(b""), &mut output).unwrap();
    }
    assert_eq!(output, b"\xc1\x01\x00\xc2\x01\x00".repeat(3));
}

#[test]
fn an_empty_last_fragment_of_a_message_is_the_octet_0() {
    // §7.2.3.6: "an empty fragment" is the same.
    let mut server = server_sender(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    let mut output = Vec::new();
    server.send(TextMessage::partial("Hello"), &mut output).unwrap();
    server.send(TextMessage::partial(""), &mut output).unwrap();
    server.send(TextMessage::from(""), &mut output).unwrap();
    let frames = sent(&output);
    assert_eq!(frames[0].payload, [HELLO, &[0x00, 0x00, 0xFF, 0xFF]].concat());
    assert_eq!((frames[1].first, &frames[1].payload[..]), (0, &b""[..]));
    assert_eq!((frames[2].first, &frames[2].payload[..]), (FIN, &[0x00][..]));
    let seen = Setup::of(Role::Client).check(&output);
    assert_eq!((seen.failure, seen.said), (None, vec![text("Hello")]));
    assert_eq!(seen.frame_ends, [(0, 5), (0, 5), (0, 5)]);
}

#[test]
fn any_kind_of_message_can_be_compressed() {
    // RFC 7692 §6.1: "the opcode" stays that of the message.
    says([(FIN | RSV1 | 2, HELLO), (WHOLE, HELLO)], &[binary("Hello"), text("Hello")]);
}
