//! Text is checked while it is inflated, wherever its characters are cut (RFC 7692 §6.2; RFC 6455 §8.1).

use wsproto::{DeflateBlocks, RemoteProtocolError, Role};

use crate::protocol::{FIN, PING, Reader, TEXT, frame_to, ping, text};
use crate::support::{RSV1, Seen, Setup, both, fails, says};

const WHOLE: u8 = FIN | RSV1 | TEXT;
const FIRST: u8 = RSV1 | TEXT;
const INVALID: RemoteProtocolError = RemoteProtocolError::InvalidUtf8;

/// A part of a message, with the tail of its flush.
fn flushed(bytes: &[u8]) -> Vec<u8> {
    DeflateBlocks::new().fixed(false, bytes).stored(false, b"").into_bytes()
}

fn message(bytes: &[u8]) -> Vec<u8> {
    DeflateBlocks::new().fixed(false, bytes).into_message()
}

#[test]
fn characters_may_be_cut_by_frames() {
    // RFC 7692 §6.1: a single frame need not be valid UTF-8, compressed or not.
    for word in ["é", "€", "😀", "aé€😀z"] {
        for cut in 0..=word.len() {
            let (head, tail) = word.as_bytes().split_at(cut);
            let frames = [(FIRST, &flushed(head)[..]), (PING, b"?"), (0, b""), (FIN, &message(tail))];
            says(frames, &[ping("?"), text(word)]);
        }
    }
    let [first, second, third, fourth] = "😀".as_bytes() else { panic!("four bytes") };
    let fragments = [*first, *second, *third].map(|byte| flushed(&[byte]));
    let last = message(&[*fourth]);
    let frames = [(FIRST, &fragments[0][..]), (0, &fragments[1]), (0, &fragments[2]), (FIN, &last)];
    says(frames, &[text("😀")]);
}

#[test]
fn characters_may_be_cut_at_the_end_of_an_inflated_piece() {
    // Inflated data is delivered 8 KiB at a time.
    for character in ["é", "€", "😀"] {
        for before in (8192 - 5)..8192 + 2 {
            let expected = "a".repeat(before) + &character.repeat(5000) + "z";
            let payload = DeflateBlocks::new().stored(false, expected.as_bytes()).into_message();
            let frame = frame_to(Role::Client, WHOLE, &payload);
            for reads in [usize::MAX, 8191, 4096, 1000] {
                let mut reader = Reader::of(Setup::of(Role::Client).receiver());
                frame.chunks(reads.min(frame.len())).for_each(|read| reader.read(read));
                let seen = Seen::by(&reader);
                assert_eq!(seen.failure, None);
                assert!(seen.said == [text(&expected)], "{character} after {before}");
            }
        }
    }
}

#[test]
fn bad_text_fails_after_the_valid_text_before_it() {
    for (bytes, before) in [
        (&b"abc\xff"[..], "abc"),
        (b"\xff", ""),
        (b"abc\xc3(", "abc"),
        (b"\xed\xa0\x80", ""),
        (b"a\xf4\x90\x80\x80", "a"),
        (b"\xc3\xa9\xe2\x82", "é"),
        (b"\xe2", ""),
    ] {
        let expected = (!before.is_empty()).then(|| text(before));
        let seen = fails([(WHOLE, &message(bytes))], INVALID);
        assert_eq!((seen.said, seen.unfinished.unwrap_or(text(""))), (vec![], text(before)), "{bytes:?}");
        for cut in 1..bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let seen = fails([(FIRST, &flushed(head)), (PING, b""), (FIN, &message(tail))], INVALID);
            assert_eq!(
                seen.unfinished.filter(|piece| *piece != text("")),
                expected,
                "{bytes:?} cut at {cut}"
            );
        }
    }
}

#[test]
fn text_without_a_valid_beginning_fails_at_once() {
    for bytes in [&b"\xff"[..], b"\xff!", b"\xed\xa0\x80", b"\x80abcdef"] {
        let mut receiver = Setup::of(Role::Client).receiver();
        let mut frame = frame_to(Role::Client, WHOLE, message(bytes));
        assert_eq!(receiver.next_event(&mut frame.as_mut_slice()), Err(INVALID), "{bytes:?}");
    }
}

#[test]
fn bytes_after_a_bad_one_are_not_counted_in_a_compressed_message() {
    let mut receiver = Setup::of(Role::Client).receiver();
    let mut first = frame_to(Role::Client, FIRST, flushed(b"a\xe2"));
    let mut input = first.as_mut_slice();
    while receiver.next_event(&mut input).unwrap().is_some() {}
    let mut second = frame_to(Role::Client, FIN, message(b"(rest"));
    assert_eq!(receiver.next_event(&mut second.as_mut_slice()), Err(INVALID));
    assert_eq!(receiver.bytes_after_error(), 0);
}

#[test]
fn a_message_must_not_end_inside_a_character() {
    for word in ["é", "€", "😀"] {
        for len in 1..word.len() {
            fails([(WHOLE, &message(&word.as_bytes()[..len]))], INVALID);
            let fragment = flushed(&word.as_bytes()[..len]);
            fails([(FIRST, &fragment), (FIN, &[0])], INVALID);
            fails([(FIRST, &fragment), (FIN, b"")], INVALID);
        }
    }
}

#[test]
fn bad_text_is_reported_before_bad_deflate_after_it() {
    let mut payload = DeflateBlocks::new().stored(false, b"ab\xff").into_bytes();
    payload.extend([0x06; 9]);
    let seen = fails([(WHOLE, &payload)], INVALID);
    assert_eq!(seen.unfinished, Some(text("ab")));
    let mut payload = DeflateBlocks::new().stored(false, b"ab\xe2").into_bytes();
    payload.extend([0x06; 9]);
    let seen = fails([(WHOLE, &payload)], RemoteProtocolError::InvalidDeflate);
    assert_eq!(seen.unfinished, Some(text("ab")));
}

#[test]
fn a_compressed_payload_need_not_be_text() {
    // RFC 7692 §6.1
    let payload = message("Grüße".as_bytes());
    assert!(std::str::from_utf8(&payload).is_err());
    says([(WHOLE, &payload)], &[text("Grüße")]);
}

#[test]
fn binary_messages_are_not_checked_for_utf8() {
    let seen = both([(FIN | RSV1 | 2, &message(b"\xff\xfe"))]);
    assert_eq!(seen.said, [crate::protocol::binary(b"\xff\xfe")]);
}
