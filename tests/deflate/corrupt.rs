//! Payloads that are not valid DEFLATE, or end too early: 1007, after the valid part was delivered (RFC 7692 §7.2.2).

use wsproto::{
    CloseCode, Connection, ConnectionState, DeflateBlocks, Limits, ReceiverState, RemoteProtocolError, Role,
};

use crate::protocol::{BINARY, FIN, Fixed, PING, TEXT, binary, frame_to, ping, text};
use crate::support::{RSV1, Setup, fails, noise, says};

const WHOLE: u8 = FIN | RSV1 | TEXT;
const FIRST: u8 = RSV1 | TEXT;
const INVALID: RemoteProtocolError = RemoteProtocolError::InvalidDeflate;

const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

#[test]
fn corrupt_blocks_fail_with_1007() {
    assert_eq!(INVALID.close_code(), CloseCode::INVALID_FRAME_PAYLOAD_DATA);
    for (why, payload) in [
        ("a reserved block type", vec![0x06, 0x00]),
        (
            "a length that is not the complement",
            vec![0x00, 0x05, 0x00, 0xFA, 0xFE, b'H', b'e', b'l', b'l', b'o', 0],
        ),
        (
            "a distance beyond the beginning",
            DeflateBlocks::new().begin(false, 1).copy(3, 1).end().into_message(),
        ),
        ("too many length codes", DeflateBlocks::new().begin(false, 2).bits(30, 5).bits(0, 9).into_message()),
        (
            "too many distance codes",
            DeflateBlocks::new().begin(false, 2).bits(0, 5).bits(30, 5).bits(0, 4).into_message(),
        ),
        (
            "no code at all",
            DeflateBlocks::new().begin(false, 2).bits(0, 14).bits(0, 12).bits(0, 32).into_message(),
        ),
        ("noise", vec![0xFF; 20]),
    ] {
        let seen = fails([(WHOLE, &payload)], INVALID);
        assert_eq!((seen.said, seen.unfinished), (vec![], None), "{why}");
        let seen = fails([(WHOLE, &[0]), (FIRST, b""), (PING, b"?"), (FIN, &payload)], INVALID);
        assert_eq!(seen.said, [text(""), ping("?")], "{why}");
    }
}

#[test]
fn data_before_a_corrupt_block_is_delivered() {
    let setup = Setup::of(Role::Client);
    for len in [1, 100, 8191, 8192, 8193, 33_000] {
        let before = noise(7, len);
        let mut blocks = DeflateBlocks::new().stored(false, &before).into_bytes();
        blocks.extend([0x06; 9]);
        let seen = setup.check_frames([(FIN | RSV1 | BINARY, &blocks)]);
        assert_eq!(seen.failure, Some(INVALID), "{len}");
        assert!(seen.unfinished == Some(binary(&before)), "{len}");
    }
    // In a compressed block, everything up to the bad symbol.
    let payload = DeflateBlocks::new()
        .fixed(false, b"He")
        .begin(false, 1)
        .symbol(b'l'.into())
        .copy(3, 4)
        .end()
        .into_message();
    let seen = fails([(WHOLE, &payload)], INVALID);
    assert_eq!(seen.unfinished, Some(text("Hel")));
}

#[test]
fn a_message_that_ends_inside_a_block_fails() {
    let payload = DeflateBlocks::new().fixed(false, b"Hello, hello, hello").into_message();
    for len in 1..payload.len() {
        let seen = fails([(WHOLE, &payload[..len])], INVALID);
        assert_eq!(seen.said, []);
        let seen = fails([(FIRST, &payload[..len]), (PING, b""), (FIN, b"")], INVALID);
        assert_eq!(seen.said, [ping("")]);
    }
    let stored = DeflateBlocks::new().stored(false, b"Hello").into_message();
    for len in 2..stored.len() {
        // After the end of the block itself, only the tail is missing, which senders leave off.
        if len != 10 {
            let seen = fails([(WHOLE, &stored[..len])], INVALID);
            let begun = stored[..len].get(5..).filter(|begun| !begun.is_empty());
            assert_eq!(seen.unfinished, begun.map(|begun| text(std::str::from_utf8(begun).unwrap())));
        }
    }
}

#[test]
fn a_stored_block_does_not_use_the_removed_tail_as_data() {
    // The block's length says that more data follows. The four bytes of the tail are not that data.
    for (len, sent) in [(4_u16, 0), (6, 0), (9, 5), (10, 5), (65_535, 5)] {
        let mut payload = vec![0x00];
        payload.extend(len.to_le_bytes());
        payload.extend((!len).to_le_bytes());
        payload.extend(&b"Hello"[..sent]);
        let seen = fails([(WHOLE, &payload)], INVALID);
        let unfinished = seen.unfinished.unwrap_or(text(""));
        assert_eq!(unfinished, text(&"Hello"[..sent]), "{len}");
    }
}

#[test]
fn data_that_looks_like_the_tail_does_not_end_a_message() {
    // A stored block that ends with these bytes, and one that is cut inside them.
    let tail = [0x00, 0x00, 0xFF, 0xFF];
    let payload = DeflateBlocks::new().stored(false, &tail).into_message();
    says([(FIN | RSV1 | BINARY, &payload)], &[binary(tail)]);
    let mut cut = vec![0x00, 0x05, 0x00, 0xFA, 0xFF];
    cut.extend(tail);
    fails([(FIN | RSV1 | BINARY, &cut)], INVALID);
    for short in [&[0xFF, 0xFF][..], &[0x00, 0xFF, 0xFF], &[0xFF], &[0x00, 0x00]] {
        fails([(FIN | RSV1 | BINARY, short)], INVALID);
    }
}

#[test]
fn a_peer_without_context_takeover_must_not_look_back() {
    // RFC 7692 §7.1.1.1, §7.1.1.2, §7.2.2
    for role in [Role::Server, Role::Client] {
        let again = &[0xF2, 0x00, 0x11, 0x00, 0x00];
        let seen = Setup::of(role).peer_resets().check_frames([(WHOLE, HELLO), (WHOLE, again)]);
        assert_eq!((seen.failure, seen.said), (Some(INVALID), vec![text("Hello")]));
        assert_eq!(seen.unfinished, Some(text("H")));
        // Within a message it may look back, across frames too.
        let frames = [(FIRST, &[HELLO, &[0, 0, 0xFF, 0xFF]].concat()[..]), (FIN, again)];
        let seen = Setup::of(role).peer_resets().check_frames(frames);
        assert_eq!((seen.failure, seen.said), (None, vec![text("HelloHello")]));
    }
}

#[test]
fn a_flipped_bit_gives_the_same_result_for_every_cut() {
    // The result may be the message, another one, or a failure: it must be the same for every cut.
    let payload = DeflateBlocks::new()
        .fixed(false, b"abcabc")
        .stored(true, b"x")
        .begin(false, 1)
        .copy(4, 3)
        .end()
        .into_message();
    let setup = Setup::of(Role::Client);
    for bit in 0..payload.len() * 8 {
        let mut flipped = payload.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        setup.check_frames([(FIN | RSV1 | BINARY, &flipped), (FIN | BINARY, b"behind")]);
    }
}

#[test]
fn nothing_is_read_after_a_failure_and_its_answer_can_be_sent() {
    let mut client =
        Connection::client(Limits::default(), Fixed).with_extensions(Setup::of(Role::Client).extensions());
    let mut bytes = [frame_to(Role::Client, WHOLE, [0x06; 9]), vec![0x81; 9]].concat();
    let mut input = bytes.as_mut_slice();
    assert_eq!(client.next_event(&mut input), Err(INVALID));
    assert_eq!(client.next_event(&mut input), Ok(None));
    assert_eq!(*input, [0_u8; 0]);
    assert_eq!(client.receiver().state(), ReceiverState::Failed(INVALID));
    assert!(client.receiver().is_idle(), "nothing is in progress any more");
    assert_eq!(client.receiver().payload_remaining(), 0);
    let mut output = Vec::new();
    client.send(INVALID.response(), &mut output).unwrap();
    assert_eq!((output[0], client.state()), (0x88, ConnectionState::Closed));
    assert_eq!(client.receive_eof(), None);
}

#[test]
fn a_pending_failure_is_reported_instead_of_the_transports_end() {
    let mut setup = Setup::of(Role::Client);
    for max_message_len in [3, 100] {
        setup.limits.max_message_len = max_message_len;
        let mut client = Connection::client(setup.limits, Fixed).with_extensions(setup.extensions());
        let payload = [DeflateBlocks::new().stored(false, b"Hello").into_bytes(), vec![0x06; 9]].concat();
        let mut bytes = frame_to(Role::Client, WHOLE, &payload);
        let mut input = bytes.as_mut_slice();
        assert!(matches!(client.next_event(&mut input), Ok(Some(_))));
        let error = if max_message_len == 3 { RemoteProtocolError::MessageTooLong } else { INVALID };
        assert_eq!(client.receive_eof(), None, "it has already failed");
        assert_eq!(client.receiver().state(), ReceiverState::Failed(error));
    }
}

#[test]
fn a_transport_that_ends_inside_a_message_closes_with_1006() {
    for bytes in [frame_to(Role::Client, FIRST, HELLO), frame_to(Role::Client, WHOLE, HELLO)[..5].to_vec()] {
        let mut client = Connection::client(Limits::default(), Fixed)
            .with_extensions(Setup::of(Role::Client).extensions());
        let mut bytes = bytes;
        let mut input = bytes.as_mut_slice();
        while client.next_event(&mut input).unwrap().is_some() {}
        let close = client.receive_eof().expect("an end");
        assert_eq!(close.code, Some(CloseCode::ABNORMAL_CLOSURE));
        assert!(client.receiver().is_idle());
    }
}
