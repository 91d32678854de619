//! Which frames may have the Per-Message Compressed bit, and which may come between compressed ones (RFC 7692 §6).

use wsproto::{
    CloseCode, Connection, DeflateBlocks, Event, EventRef, Extensions, Limits, Ping, RemoteProtocolError,
    Role, TextMessage,
};

use crate::protocol::{
    BINARY, CLOSE, FIN, Fixed, PING, PONG, TEXT, binary, close, frame_to, ping, pong, text,
};
use crate::support::{RSV1, Setup, both, fails, says};

const WHOLE: u8 = FIN | RSV1 | TEXT;
const FIRST: u8 = RSV1 | TEXT;

const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
const HELLO_AGAIN: &[u8] = &[0xF2, 0x00, 0x11, 0x00, 0x00];

#[test]
fn the_compressed_bit_on_a_continuation_fails_the_connection() {
    // RFC 7692 §6.1
    for (first, last) in [(FIRST, FIN | RSV1), (TEXT, FIN | RSV1), (FIRST, RSV1)] {
        let seen = fails([(first, b""), (last, HELLO)], RemoteProtocolError::ReservedBits);
        assert_eq!(RemoteProtocolError::ReservedBits.close_code(), CloseCode::PROTOCOL_ERROR);
        assert_eq!(seen.said, []);
    }
}

#[test]
fn the_compressed_bit_on_a_control_frame_fails_the_connection() {
    // §6.1
    for opcode in [PING, PONG, CLOSE] {
        fails([(opcode | RSV1, b"")], RemoteProtocolError::ReservedBits);
        fails([(FIRST, &HELLO[..3]), (opcode | RSV1, b"")], RemoteProtocolError::ReservedBits);
    }
}

#[test]
fn rsv2_and_rsv3_stay_reserved() {
    for bits in [0x10, 0x20, 0x30, 0x50, 0x60, 0x70] {
        fails([(FIN | TEXT | bits, HELLO)], RemoteProtocolError::ReservedBits);
        fails([(FIRST, HELLO), (FIN | bits, b"")], RemoteProtocolError::ReservedBits);
    }
}

#[test]
fn a_message_without_the_compressed_bit_is_delivered_unchanged() {
    // §6, §6.2
    says([(FIN | TEXT, b"plain")], &[text("plain")]);
    says([(FIN | BINARY, HELLO)], &[binary(HELLO)]);
    says([(TEXT, b"in"), (0, b""), (FIN, b" pieces")], &[text("in pieces")]);
}

#[test]
fn messages_without_the_compressed_bit_do_not_change_the_window() {
    // §7.2.2: the window is that of "the last compressed message".
    says(
        [(WHOLE, HELLO), (FIN | TEXT, b"plain"), (TEXT, b"a"), (FIN, b"b"), (WHOLE, HELLO_AGAIN)],
        &[text("Hello"), text("plain"), text("ab"), text("Hello")],
    );
}

#[test]
fn control_frames_between_compressed_fragments_change_nothing() {
    // §6.2
    says(
        [
            (FIRST, &HELLO[..2]),
            (PING, b"?"),
            (0, &HELLO[2..5]),
            (PONG, b""),
            (PING, &[0; 125]),
            (FIN, &HELLO[5..]),
        ],
        &[ping("?"), pong(""), ping([0; 125]), text("Hello")],
    );
}

#[test]
fn a_close_frame_between_compressed_fragments_ends_the_message() {
    let seen = both([(FIRST, HELLO), (CLOSE, b"\x03\xe8"), (FIN, b"\x00")]);
    assert_eq!((seen.failure, seen.said), (None, vec![close(1000, "")]));
    assert_eq!(seen.unfinished, Some(text("Hello")));
}

#[test]
fn a_message_may_be_cut_into_frames_anywhere() {
    // §6.1
    let words = "The quick brown fox jumps over the lazy dog. ".repeat(5);
    let payload = DeflateBlocks::new().fixed(false, words.as_bytes()).into_message();
    for len in [1, 2, 3, 7, 64] {
        let mut bytes = Vec::new();
        for (place, fragment) in payload.chunks(len).enumerate() {
            let first = if place == 0 { FIRST } else { 0 };
            bytes.extend(frame_to(Role::Client, first, fragment));
        }
        bytes.extend(frame_to(Role::Client, FIN, b""));
        let seen = Setup::of(Role::Client).check(&bytes);
        assert_eq!((seen.failure, seen.said), (None, vec![text(&words)]));
        assert_eq!(seen.frame_ends.len(), payload.chunks(len).len() + 1);
    }
}

#[test]
fn a_tail_inside_a_message_may_be_cut_by_frames() {
    // If a sender flushes each fragment, `00 00 ff ff` is at its end, or partly in the next fragment.
    let payload =
        DeflateBlocks::new().fixed(false, b"He").stored(false, b"").fixed(false, b"llo").into_message();
    let tail = payload.windows(4).position(|four| four == [0, 0, 0xFF, 0xFF]).unwrap();
    for cut in tail..=tail + 4 {
        let (head, rest) = payload.split_at(cut);
        says([(FIRST, head), (PING, b""), (FIN, rest)], &[ping(""), text("Hello")]);
    }
}

#[test]
fn a_compressed_message_of_zero_bytes_is_empty() {
    // No sender should write one, but with the tail put back it is a complete empty block.
    says([(WHOLE, b"")], &[text("")]);
    says([(WHOLE, HELLO), (WHOLE, b""), (WHOLE, HELLO_AGAIN)], &[text("Hello"), text(""), text("Hello")]);
    says([(FIRST, b""), (0, b""), (FIN, b"")], &[text("")]);
    says([(FIRST, HELLO), (FIN, b"")], &[text("Hello")]);
}

#[test]
fn a_tail_that_was_not_removed_is_accepted() {
    let unstripped = [HELLO, &[0x00, 0x00, 0xFF, 0xFF]].concat();
    says([(WHOLE, &unstripped), (WHOLE, HELLO_AGAIN)], &[text("Hello"), text("Hello")]);
    says([(FIRST, HELLO), (FIN, &[0x00, 0x00, 0xFF, 0xFF])], &[text("Hello")]);
    says([(WHOLE, &[0x00, 0x00, 0x00, 0xFF, 0xFF])], &[text("")]);
    // A part of the tail does not end a block.
    for len in 1..4 {
        fails([(WHOLE, &unstripped[..HELLO.len() + len])], RemoteProtocolError::InvalidDeflate);
    }
}

#[test]
fn the_end_of_a_frame_is_reported_after_its_inflated_data() {
    let payload = DeflateBlocks::new().fixed(false, &[b'a'; 20_000]).into_message();
    let (head, tail) = payload.split_at(payload.len() / 2);
    let seen = both([(RSV1 | BINARY, head), (FIN, tail)]);
    assert_eq!(seen.said, [binary([b'a'; 20_000])]);
    let [(0, before), (0, 20_000)] = seen.frame_ends[..] else { panic!("{:?}", seen.frame_ends) };
    assert!((9_000..11_000).contains(&before), "{before}");
}

#[test]
fn inflated_data_is_delivered_in_the_read_that_completes_it() {
    let mut client =
        Connection::client(Limits::default(), Fixed).with_extensions(Setup::of(Role::Client).extensions());
    let mut bytes =
        frame_to(Role::Client, WHOLE, DeflateBlocks::new().stored(false, b"Hello").into_message());
    // The last byte of the stored block was received, but not the end of the message.
    let (mut head, mut tail) = bytes.split_at_mut(12);
    let Ok(Some(Event::Text(piece))) = client.next_event(&mut head) else { panic!("no piece") };
    assert_eq!((piece.data, piece.frame_finished), ("Hello", false));
    assert_eq!(client.next_event(&mut head), Ok(None));
    assert_eq!(client.receiver().payload_remaining(), 1);
    assert!(!client.receiver().is_idle());
    let Ok(Some(Event::Text(piece))) = client.next_event(&mut tail) else { panic!("no end") };
    assert_eq!((piece.data, piece.message_finished), ("", true));
    assert!(client.receiver().is_idle());
}

#[test]
fn the_rules_for_plain_frames_hold_for_compressed_frames() {
    fails([(WHOLE, HELLO), (FIN, b"")], RemoteProtocolError::UnexpectedContinuation);
    fails([(FIRST, HELLO), (WHOLE, HELLO)], RemoteProtocolError::ExpectedContinuation);
    fails([(FIRST, HELLO), (FIN | TEXT, b"a")], RemoteProtocolError::ExpectedContinuation);
    let mut setup = Setup::of(Role::Server);
    setup.limits.max_fragments = 3;
    let seen = setup.check_frames([(FIRST, b""), (0, b""), (0, b""), (FIN, HELLO)]);
    assert_eq!(seen.failure, Some(RemoteProtocolError::TooManyFragments));
    setup.limits.max_frame_len = 6;
    let seen = setup.check_frames([(WHOLE, HELLO_AGAIN), (WHOLE, HELLO)]);
    assert_eq!(seen.failure, Some(RemoteProtocolError::InvalidDeflate), "there is no window to look back on");
    let seen = setup.check_frames([(WHOLE, &[0]), (WHOLE, HELLO)]);
    assert_eq!(seen.failure, Some(RemoteProtocolError::FrameTooLong));
}

/// Data that is already inflated is delivered first, but no more bytes are consumed before the frame is whole.
#[test]
fn next_frame_event_waits_for_a_compressed_frame_begun_in_pieces() {
    let message = "é€😀 Grüße ".repeat(40);
    let mut bytes = Vec::new();
    let mut server =
        Connection::server(Limits::default()).with_extensions(Setup::of(Role::Server).extensions());
    server.send(TextMessage::new(&*message), &mut bytes).unwrap();
    for cut in 1..bytes.len() {
        for asked in 0..6 {
            let mut receiver = Setup::of(Role::Client).receiver();
            let mut text = String::new();
            let mut said = |event: Option<EventRef<'_>>| match event {
                Some(Event::Text(piece)) => text.push_str(piece.data),
                other => assert_eq!(other, None),
            };
            let mut begun = bytes[..cut].to_vec();
            let mut input = begun.as_mut_slice();
            for _ in 0..asked {
                said(receiver.next_event(&mut input).unwrap());
            }
            let mut rest = [input, &bytes[cut..]].concat();
            let (_, most) = rest.split_last_mut().unwrap();
            let came = most.to_vec();
            let mut input = &mut *most;
            while let Some(event) = receiver.next_frame_event(&mut input).unwrap() {
                said(Some(event));
            }
            assert_eq!(*input, came, "cut at {cut}, asked {asked} times");
            assert_eq!(receiver.bytes_needed(input), 1, "cut at {cut}, asked {asked} times");
            let mut input = rest.as_mut_slice();
            while let Some(event) = receiver.next_frame_event(&mut input).unwrap() {
                said(Some(event));
            }
            assert_eq!(text, message);
        }
    }
}

/// After the last event these bytes give no more data, though the decompressor has not said so.
#[test]
fn next_frame_event_waits_if_no_inflated_data_is_left() {
    let mut receiver = Setup::of(Role::Client).receiver();
    let mut bytes = *b"\xc1\x30\x7a\xd4\xb4\xe6\xf0\x4a\x14\xe2\x51\xd3\x9a\x0f\xf3";
    let (begun, next) = bytes.split_at_mut(14);
    let mut start = 0;
    for end in [2, 7, 12, 14] {
        let mut input = &mut begun[start..end];
        while !input.is_empty() {
            receiver.next_event(&mut input).unwrap();
        }
        start = end;
    }
    let mut input = &mut *next;
    while receiver.next_frame_event(&mut input).unwrap().is_some() {}
    assert_eq!(*input, [0xf3], "it is consumed though the frame is not whole");
    assert_eq!(receiver.bytes_needed(input), 35);
}

#[test]
fn extensions_that_are_set_again_replace_those_that_were_set_before() {
    let mut client = Connection::client(Limits::default(), Fixed)
        .with_extensions(Setup::of(Role::Client).extensions())
        .with_extensions(Extensions::new());
    let mut compressed = *b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let refused = client.next_event(&mut &mut compressed[..]);
    assert_eq!(refused.map(|_| ()), Err(RemoteProtocolError::ReservedBits));
    let mut output = Vec::new();
    let mut client =
        Connection::client(Limits::default(), Fixed).with_extensions(Setup::of(Role::Client).extensions());
    let mut compressed = *b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    assert!(client.next_event(&mut &mut compressed[..]).unwrap().is_some());
    client.send(Ping::new(b""), &mut output).unwrap();
}

/// Two compressed fragments, whose blocks are stored as they are: a character is split between them.
fn split_character() -> [Vec<u8>; 2] {
    [
        frame_to(Role::Client, RSV1 | TEXT, b"\x00\x01\x00\xfe\xff\xe2"),
        frame_to(Role::Client, FIN, b"\x00\x03\x00\xfc\xff\x82\xac!\x00"),
    ]
}

#[test]
fn nothing_is_needed_while_inflated_text_waits_after_a_character() {
    let [mut first, mut second] = split_character();
    let mut receiver = Setup::of(Role::Client).receiver();
    let mut input = first.as_mut_slice();
    while receiver.next_event(&mut input).unwrap().is_some() {}
    let mut input = second.as_mut_slice();
    let Some(Event::Text(piece)) = receiver.next_event(&mut input).unwrap() else { panic!("no text") };
    assert_eq!((piece.data, piece.message_finished), ("€", false));
    assert!(input.is_empty());
    assert_eq!(receiver.bytes_needed(input), 0);
    let Some(Event::Text(piece)) = receiver.next_event(&mut input).unwrap() else { panic!("no text") };
    assert_eq!((piece.data, piece.message_finished), ("!", true));
}

#[test]
fn inflated_text_that_waits_when_the_transport_ends_is_not_an_error() {
    // §7.1.5: 1006, as no close frame was received.
    let [mut first, mut second] = split_character();
    let mut receiver = Setup::of(Role::Client).receiver();
    let mut input = first.as_mut_slice();
    while receiver.next_event(&mut input).unwrap().is_some() {}
    assert!(receiver.next_event(&mut second.as_mut_slice()).unwrap().is_some());
    let close = receiver.receive_eof().map(|close| close.code);
    assert_eq!(close, Some(Some(CloseCode::ABNORMAL_CLOSURE)));
}
