//! How long a compressed message may become (RFC 6455 §10.4): exact, and at the same byte for every cut.

use wsproto::{CloseCode, Connection, DeflateBlocks, Event, Limits, RemoteProtocolError, Role};

use crate::protocol::{BINARY, FIN, Fixed, PING, Said, TEXT, binary, frame_to, ping, text};
use crate::support::{RSV1, Seen, Setup, noise};

const WHOLE: u8 = FIN | RSV1 | TEXT;
const WHOLE_BINARY: u8 = FIN | RSV1 | BINARY;
const TOO_LONG: RemoteProtocolError = RemoteProtocolError::MessageTooLong;

/// `len` zeros, compressed: a literal, then copies of 258 bytes.
fn zeros(len: usize) -> Vec<u8> {
    assert_eq!(len % 258, 1);
    let block =
        (0..len / 258).fold(DeflateBlocks::new().begin(false, 1).symbol(0), |block, _| block.copy(258, 1));
    block.end().into_message()
}

#[test]
fn a_message_of_exactly_the_limit_is_accepted_and_one_more_byte_fails() {
    for len in [1, 5, 8191, 8192, 8193, 16_384] {
        let data = noise(len as u64, len);
        let payload = DeflateBlocks::new().stored(false, &data).into_message();
        for role in [Role::Server, Role::Client] {
            let setup = Setup::of(role);
            let seen = setup.clone().max_message_len(len as u64).check_frames([(WHOLE_BINARY, &payload)]);
            assert!((seen.failure, seen.said) == (None, vec![binary(&data)]), "{len}");
            let seen = setup.max_message_len(len as u64 - 1).check_frames([(WHOLE_BINARY, &payload)]);
            assert_eq!(seen.failure, Some(TOO_LONG));
            let before = Some(binary(&data[..len - 1])).filter(|_| len > 1);
            assert!(seen.unfinished == before, "the data within the limit is delivered first");
        }
    }
    assert_eq!(TOO_LONG.close_code(), CloseCode::MESSAGE_TOO_BIG);
}

#[test]
fn the_message_limit_counts_all_fragments() {
    let parts = [&b"abc"[..], b"defg", b"h"]
        .map(|part| DeflateBlocks::new().fixed(false, part).stored(false, b"").into_bytes());
    let frames: [(u8, &[u8]); 5] =
        [(RSV1 | TEXT, &parts[0]), (0, &parts[1]), (PING, b""), (0, &parts[2]), (FIN, &[0])];
    let seen = Setup::of(Role::Server).max_message_len(8).check_frames(frames);
    assert_eq!((seen.failure, seen.said), (None, vec![ping(""), text("abcdefgh")]));
    for limit in 0..8 {
        let seen = Setup::of(Role::Server).max_message_len(limit).check_frames(frames);
        assert_eq!(seen.failure, Some(TOO_LONG));
        assert_eq!(seen.unfinished.unwrap_or(text("")), text(&"abcdefgh"[..limit as usize]));
        let pinged: &[Said] = if limit == 7 { &[ping("")] } else { &[] };
        assert_eq!(seen.said, pinged);
    }
}

#[test]
fn the_message_limit_starts_again_for_each_message() {
    let payload = DeflateBlocks::new().fixed(false, b"Hello").into_message();
    let setup = Setup::of(Role::Server).max_message_len(5);
    let seen =
        setup.check_frames([(WHOLE, &payload), (WHOLE, &payload), (FIN | TEXT, b"plain"), (WHOLE, &payload)]);
    assert_eq!((seen.failure, seen.said.len()), (None, 4));
    let seen = setup.check_frames([(WHOLE, &payload), (FIN | TEXT, b"longer")]);
    assert_eq!(seen.failure, Some(TOO_LONG));
}

#[test]
fn a_message_limit_of_0_allows_empty_messages() {
    let setup = Setup::of(Role::Server).max_message_len(0);
    let seen = setup.check_frames([(WHOLE, &[0]), (WHOLE, b""), (FIN | TEXT, b"")]);
    assert_eq!((seen.failure, seen.said.len()), (None, 3));
    for blocks in [DeflateBlocks::new().fixed(false, b"a"), DeflateBlocks::new().stored(false, b"a")] {
        assert_eq!(setup.check_frames([(WHOLE, &blocks.into_message())]).failure, Some(TOO_LONG));
    }
}

#[test]
fn a_payload_may_be_longer_on_the_wire_than_the_message() {
    // "Hello" takes eleven bytes if it is stored.
    let payload = DeflateBlocks::new().stored(false, b"Hello").into_message();
    let seen = Setup::of(Role::Server).max_message_len(5).check_frames([(WHOLE, &payload)]);
    assert_eq!((seen.failure, seen.said), (None, vec![text("Hello")]));
}

#[test]
fn the_message_limit_may_cut_a_character() {
    let payload = DeflateBlocks::new().fixed(false, "a€".as_bytes()).into_message();
    for limit in 1..4 {
        let seen = Setup::of(Role::Server).max_message_len(limit).check_frames([(WHOLE, &payload)]);
        assert_eq!((seen.failure, seen.unfinished), (Some(TOO_LONG), Some(text("a"))), "{limit}");
    }
}

#[test]
fn the_first_of_a_limit_and_an_error_is_reported() {
    let bad =
        |before: &[u8]| [DeflateBlocks::new().stored(false, before).into_bytes(), vec![0x06; 9]].concat();
    let check = |limit, payload: &[u8]| -> Seen {
        Setup::of(Role::Server).max_message_len(limit).check_frames([(WHOLE, payload)])
    };
    let invalid = RemoteProtocolError::InvalidDeflate;
    assert_eq!(check(5, &bad(b"Hello")).failure, Some(invalid));
    assert_eq!(check(4, &bad(b"Hello")).failure, Some(TOO_LONG));
    assert_eq!(check(4, &bad(b"H\xffllo")).failure, Some(RemoteProtocolError::InvalidUtf8));
}

/// How many zeros of [`zeros`] a ratio allows; the next one fails.
///
/// In the payload, the block's header takes three bits, the literal eight, and each copy thirteen.
fn allowed_zeros(ratio: usize) -> usize {
    let allowed = |copies: usize| (64 << 10) + ratio * (11 + 13 * copies).div_ceil(8);
    (0..).find(|copies| 1 + 258 * copies > allowed(*copies)).map(allowed).unwrap()
}

#[test]
fn a_message_within_the_ratio_is_accepted_and_one_more_byte_fails() {
    let ratio = RemoteProtocolError::InflationRatio;
    assert_eq!(ratio.close_code(), CloseCode::MESSAGE_TOO_BIG);
    for count in [254, 255, 400] {
        let len = count * 258 + 1;
        let payload = zeros(len);
        // The first 64 KiB of a message are free.
        let grown = len.saturating_sub(64 << 10);
        let enough = grown.div_ceil(payload.len()) as u32;
        let setup = Setup::of(Role::Client);
        let seen = setup.clone().max_ratio(enough).check_frames([(WHOLE_BINARY, &payload)]);
        assert!((seen.failure, seen.said) == (None, vec![binary(vec![0; len])]), "{len} by {enough}");
        if enough > 0 {
            let seen = setup.max_ratio(enough - 1).check_frames([(WHOLE_BINARY, &payload)]);
            assert_eq!(seen.failure, Some(ratio), "{len} by {enough}");
            let allowed = allowed_zeros(enough as usize - 1);
            assert!(
                seen.unfinished == Some(binary(vec![0; allowed])),
                "the data within the ratio is delivered first"
            );
        }
    }
}

#[test]
fn the_ratio_counts_received_bytes_and_not_the_length_in_the_header() {
    let payload = zeros(1 + 258 * 65_000);
    let mut frame = frame_to(Role::Client, WHOLE_BINARY, vec![0; 2 << 20]);
    let header_len = frame.len() - (2 << 20);
    frame[header_len..][..payload.len()].copy_from_slice(&payload);
    frame.truncate(header_len + 16_325);
    let mut receiver = Setup::of(Role::Client).max_ratio(10).receiver();
    let mut input = frame.as_mut_slice();
    let mut total = 0;
    let failure = loop {
        match receiver.next_event(&mut input) {
            Ok(Some(Event::Bytes(piece))) => total += piece.data.len(),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!((total, failure), (allowed_zeros(10), RemoteProtocolError::InflationRatio));
}

#[test]
fn the_ratio_is_checked_at_each_byte_for_every_cut() {
    // One part grows much, the other does not. Bytes received before count for the ratio; later ones do not.
    let grows =
        (0..280).fold(DeflateBlocks::new().begin(false, 1).symbol(0), |block, _| block.copy(258, 1)).end();
    let zeros = vec![0; 280 * 258 + 1];
    let plain = noise(1, 20_000);
    let setup = Setup::of(Role::Client).max_ratio(2);
    let later = grows.clone().stored(false, &plain).into_message();
    let seen = setup.check_frames([(WHOLE_BINARY, &later)]);
    assert_eq!(seen.failure, Some(RemoteProtocolError::InflationRatio));
    assert!(seen.unfinished == Some(binary(vec![0; allowed_zeros(2)])));

    let earlier = DeflateBlocks::new().stored(false, &plain).begin(false, 1).symbol(0);
    let earlier = (0..280).fold(earlier, |block, _| block.copy(258, 1)).end().into_message();
    let seen = setup.check_frames([(WHOLE_BINARY, &earlier)]);
    assert!((seen.failure, seen.said) == (None, vec![binary([plain, zeros].concat())]));
}

#[test]
fn a_ratio_exceeded_at_the_end_of_a_read_is_reported_by_that_read() {
    // The ratio is broken inside the last copy that a read contains.
    for count in 254..270 {
        let zeros = (0..count)
            .fold(DeflateBlocks::new().begin(false, 1).symbol(0), |block, _| block.copy(258, 1))
            .end();
        let short = (0..11).fold(zeros.begin(false, 1), |block, _| block.copy(5, 1)).end().into_message();
        for ratio in [0, 1, 2, 10] {
            Setup::of(Role::Client).max_ratio(ratio).check_frames([(WHOLE_BINARY, &short)]);
        }
    }
}

#[test]
fn a_message_has_a_limit_for_its_compressed_length_too() {
    // Empty stored blocks give no data, so that no other limit stops them.
    assert_eq!(RemoteProtocolError::EncodedMessageTooLong.close_code(), CloseCode::MESSAGE_TOO_BIG);
    let mut setup = Setup::of(Role::Server);
    setup.limits.max_encoded_len = 25;
    let empty = [0x00, 0x00, 0x00, 0xFF, 0xFF];
    let (ten, eleven) = (empty.repeat(2), [&empty.repeat(2)[..], &[0]].concat());
    let within = [(RSV1 | TEXT, &ten[..]), (0, &empty), (FIN, &ten)];
    assert_eq!(setup.check_frames(within).failure, None);
    for beyond in [[(RSV1 | TEXT, &ten[..]), (0, &empty), (FIN, &eleven)], [(RSV1 | TEXT, &[0; 26][..]); 3]] {
        let seen = setup.check_frames(beyond);
        assert_eq!(seen.failure, Some(RemoteProtocolError::EncodedMessageTooLong));
    }
    // A message that extensions do not decode has the other limit.
    assert_eq!(setup.check_frames([(FIN | TEXT, &[b'a'; 100])]).failure, None);
    assert_eq!(Limits::default().max_encoded_len, 24 << 20);
}

#[test]
fn small_messages_and_plain_messages_have_no_ratio() {
    let setup = Setup::of(Role::Client).max_ratio(1);
    let payload = zeros(254 * 258 + 1);
    let frames = [(WHOLE_BINARY, &payload[..]), (WHOLE_BINARY, &payload), (FIN | BINARY, &[0; 100])];
    let seen = setup.check_frames(frames);
    assert_eq!((seen.failure, seen.said.len()), (None, 3));
}

#[test]
fn inflated_pieces_have_at_most_32_kib() {
    let mut client =
        Connection::client(Limits::default(), Fixed).with_extensions(Setup::of(Role::Client).extensions());
    let mut bytes = frame_to(Role::Client, WHOLE_BINARY, zeros(1 + 258 * 4000));
    let mut input = bytes.as_mut_slice();
    let mut total = 0;
    while let Some(Event::Bytes(piece)) = client.next_event(&mut input).unwrap() {
        assert!(piece.data.len() <= 32 << 10, "{}", piece.data.len());
        total += piece.data.len();
    }
    assert_eq!(total, 1 + 258 * 4000);
}
