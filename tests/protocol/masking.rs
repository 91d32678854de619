//! Masking: who masks, with which key, and what it does to a payload (RFC 6455 §5.1, §5.3, §6.2, §10.3).

use core::cell::Cell;

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Entropy, LocalProtocolError, Mask, MessageKind, Ping, Pong,
    RemoteProtocolError, Role, Sender, TextMessage,
};

use crate::support::{
    BINARY, CLOSE, CONTINUATION, Counting, FIN, Fixed, PING, PONG, TEXT, binary, check_failure, check_said,
    frames_to, header_len, masked, masked_by, ping, sent, unmasked,
};

const ALONE: [u8; 5] = [FIN | TEXT, BINARY, CLOSE, PING, PONG];

#[test]
fn server_fails_on_the_mask_bit_of_an_unmasked_frame() {
    for first in ALONE {
        for payload in ["", "hi", &"x".repeat(125)] {
            let bytes = unmasked(first, payload);
            check_failure(Role::Server, &bytes, RemoteProtocolError::UnmaskedFrameFromClient, 2);
        }
    }
}

#[test]
fn client_fails_on_the_mask_bit_of_a_masked_frame() {
    for first in ALONE {
        for payload in ["", "hi", &"x".repeat(125)] {
            let bytes = masked(first, payload);
            check_failure(Role::Client, &bytes, RemoteProtocolError::MaskedFrameFromServer, 2);
        }
        let bytes = masked_by([0; 4], first, b"hi");
        check_failure(Role::Client, &bytes, RemoteProtocolError::MaskedFrameFromServer, 2);
    }
}

#[test]
fn the_mask_bit_is_checked_on_every_frame() {
    let server = [masked(TEXT, b"a"), unmasked(FIN | CONTINUATION, b"b")].concat();
    let certain = header_len(Role::Server, 1) + 1 + 2;
    check_failure(Role::Server, &server, RemoteProtocolError::UnmaskedFrameFromClient, certain);
    let client = [unmasked(TEXT, b"a"), masked(FIN | CONTINUATION, b"b")].concat();
    let certain = header_len(Role::Client, 1) + 1 + 2;
    check_failure(Role::Client, &client, RemoteProtocolError::MaskedFrameFromServer, certain);
}

#[test]
fn the_mask_bit_of_a_long_frame_fails_before_its_length() {
    let bytes = unmasked(FIN | BINARY, [0; 70_000]);
    check_failure(Role::Server, &bytes[..2], RemoteProtocolError::UnmaskedFrameFromClient, 2);
}

#[test]
fn both_failures_of_masking_are_protocol_errors() {
    for error in [RemoteProtocolError::UnmaskedFrameFromClient, RemoteProtocolError::MaskedFrameFromServer] {
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn payloads_of_every_short_length_are_unmasked() {
    for len in 0..70 {
        let payload: Vec<u8> = (0..len).map(|i| i ^ 0xC3).collect();
        for key in [[0; 4], [0xFF; 4], [1, 2, 3, 4], [0x80, 0, 0, 1]] {
            check_said(Role::Server, &masked_by(key, FIN | BINARY, &payload), &[binary(&payload)]);
        }
    }
}

#[test]
fn each_frame_starts_at_the_first_byte_of_its_key() {
    let frames = [(BINARY, &b"a"[..]), (PING, b"bc"), (CONTINUATION, b"def"), (FIN | CONTINUATION, b"ghijk")];
    let said = [ping(b"bc"), binary(b"adefghijk")];
    check_said(Role::Server, &frames_to(Role::Server, frames), &said);
}

#[test]
fn each_frame_has_its_own_key() {
    let frames = [
        masked_by(*b"abcd", BINARY, b"one"),
        masked_by(*b"efgh", PING, b"two"),
        masked_by(*b"ijkl", FIN | CONTINUATION, b"three"),
    ];
    check_said(Role::Server, &frames.concat(), &[ping(b"two"), binary(b"onethree")]);
}

#[test]
fn client_masks_every_frame_with_a_new_key() {
    let drawn = Cell::new(0);
    let mut sender = Sender::client(Counting { drawn: &drawn });
    let mut output = Vec::new();
    sender.send(TextMessage::partial("a"), &mut output).unwrap();
    sender.send(Ping::new(b"b"), &mut output).unwrap();
    sender.send_continuation(b"c", true, &mut output).unwrap();
    sender.send(BytesMessage::new(b""), &mut output).unwrap();
    sender.send(Pong::new(b"d"), &mut output).unwrap();
    let mut payload = *b"e";
    output.extend_from_slice(
        sender.frame_in_place(MessageKind::Binary, &mut payload, true).unwrap().as_bytes(),
    );
    output.extend_from_slice(&payload);
    let mut payload = *b"f";
    output.extend_from_slice(sender.begin_frame(MessageKind::Binary, 1, true).unwrap().as_bytes());
    sender.continue_frame(&mut payload).unwrap();
    output.extend_from_slice(&payload);
    sender.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""), &mut output).unwrap();

    let frames = sent(&output);
    let keys: Vec<_> = frames.iter().map(|frame| frame.key.unwrap()).collect();
    let fresh: Vec<_> = (0..8).map(|n| [1, 2, 3, 4].map(|i| 4 * n + i)).collect();
    assert_eq!(keys, fresh);
    assert_eq!(drawn.get(), 4 * 8);
    let payloads: Vec<u8> = frames.iter().flat_map(|frame| frame.payload.clone()).collect();
    assert_eq!(payloads, b"abcdef\x03\xe8");
}

#[cfg(feature = "std")]
#[test]
fn client_draws_different_keys_from_the_systems_entropy() {
    let mut sender = Sender::client(wsproto::SeededEntropy::new());
    let mut output = Vec::new();
    for _ in 0..1000 {
        sender.send(BytesMessage::new(b"same"), &mut output).unwrap();
    }
    let keys: std::collections::HashSet<_> = sent(&output).iter().map(|frame| frame.key.unwrap()).collect();
    assert!(keys.len() > 998);
}

#[test]
fn server_masks_nothing() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(TextMessage::partial("a"), &mut output).unwrap();
    sender.send(Ping::new(b"b"), &mut output).unwrap();
    sender.send_continuation(b"c", true, &mut output).unwrap();
    sender.send(CloseConnection::EMPTY, &mut output).unwrap();
    assert_eq!(output, b"\x01\x01a\x89\x01b\x80\x01c\x88\x00");
}

#[test]
fn a_refused_call_draws_no_key() {
    let drawn = Cell::new(0);
    let mut sender = Sender::client(Counting { drawn: &drawn });
    let mut none = [0; 5];
    let mut output = none.as_mut_slice();
    let full = sender.send(TextMessage::new(""), &mut output);
    assert_eq!(full, Err(LocalProtocolError::OutputFull(6)));
    let long = sender.send(Ping::new([0; 126]), &mut Vec::new());
    assert_eq!(long, Err(LocalProtocolError::ControlFrameTooLong));
    let code = sender.send(CloseConnection::new(CloseCode::ABNORMAL_CLOSURE, ""), &mut Vec::new());
    assert_eq!(code, Err(LocalProtocolError::InvalidCloseCode(1006)));
    let nothing = sender.send_continuation(b"", true, &mut Vec::new());
    assert_eq!(nothing, Err(LocalProtocolError::NoMessageInProgress));
    let top_bit = sender.begin_frame(MessageKind::Binary, 1 << 63, true);
    assert_eq!(top_bit, Err(LocalProtocolError::PayloadTooLong));
    assert_eq!(drawn.get(), 0);
}

#[test]
fn a_call_refused_while_a_payload_streams_draws_no_key() {
    let drawn = Cell::new(0);
    let mut sender = Sender::client(Counting { drawn: &drawn });
    _ = sender.begin_frame(MessageKind::Binary, 2, false).unwrap();
    let mut payload = *b"kept";
    let refused = sender.frame_in_place(MessageKind::Binary, &mut payload, true);
    assert_eq!(refused, Err(LocalProtocolError::FrameInProgress));
    assert_eq!(payload, *b"kept");
    assert_eq!(drawn.get(), 4);
}

#[test]
fn masking_does_not_change_the_length() {
    for len in [0, 1, 3, 125, 126, 65536] {
        let mut output = Vec::new();
        Sender::client(Fixed).send(BytesMessage::new(vec![9; len]), &mut output).unwrap();
        assert_eq!(output, masked(FIN | BINARY, vec![9; len]));
    }
}

#[test]
fn masking_twice_gives_the_payload_back() {
    let mut payload = *b"any payload of any length, longer than a block or two of the loop";
    let before = payload;
    Mask::new(*b"key!").apply(&mut payload);
    assert_ne!(payload, before);
    Mask::new(*b"key!").apply(&mut payload);
    assert_eq!(payload, before);
}

#[test]
fn a_mask_continues_where_the_last_piece_ended() {
    let mut whole = [0x5A; 41];
    Mask::new(*b"wxyz").apply(&mut whole);
    for cut in 0..=whole.len() {
        let mut pieces = [0x5A; 41];
        let (head, tail) = pieces.split_at_mut(cut);
        let mut mask = Mask::new(*b"wxyz");
        mask.apply(head);
        assert_eq!(mask, Mask::at(*b"wxyz", cut as u64));
        mask.apply(tail);
        assert_eq!(pieces, whole);
    }
}

#[test]
fn entropy_that_is_borrowed_or_boxed_gives_the_same_bytes() {
    fn drawn(mut entropy: impl Entropy) -> ([u8; 4], [u8; 3]) {
        let (key, mut bytes) = (entropy.masking_key(), [0; 3]);
        entropy.fill(&mut bytes);
        (key, bytes)
    }
    assert_eq!(drawn(&mut Fixed), drawn(Fixed));
    assert_eq!(drawn(Box::new(Fixed) as Box<dyn Entropy>), drawn(Fixed));
}

#[test]
#[cfg(feature = "std")]
fn seeded_entropy_does_not_show_its_state() {
    assert_eq!(format!("{:?}", wsproto::SeededEntropy::default()), "SeededEntropy { .. }");
}
