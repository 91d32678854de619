//! Text is UTF-8, and fails at its first bad byte (RFC 6455 §5.6, §8.1; RFC 3629 §4).

use wsproto::{CloseCode, Limits, RemoteProtocolError, Role};

use crate::support::{
    BINARY, BOTH, CONTINUATION, FIN, PING, PONG, Reader, TEXT, binary, check_everywhere, check_said, feed,
    frame_to, frames_to, header_len, ping, pong, text,
};

const LAST: u8 = FIN | CONTINUATION;

/// The first and last characters of each length, and those around the surrogates.
const CHARACTERS: [char; 14] = [
    '\0',
    '\u{7f}',
    '\u{80}',
    '\u{7ff}',
    '\u{800}',
    '\u{fff}',
    '\u{1000}',
    '\u{cfff}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{ffff}',
    '\u{10000}',
    '\u{fffff}',
    '\u{10ffff}',
];

/// Bytes that are not UTF-8, the length of their valid prefix, and the place of the first byte that no valid text
/// could have there (RFC 3629 §4).
const BAD: [(&[u8], usize, usize); 27] = [
    (b"\x80", 0, 0),
    (b"ok\xbf", 2, 2),
    (b"\xc0\x80", 0, 0),
    (b"\xc1\xbf", 0, 0),
    (b"\xc2\x28", 0, 1),
    (b"\xc3\xa9\xc3\xc3\xa9", 2, 3),
    (b"\xdf\xc0", 0, 1),
    (b"\xe0\x80\xaf", 0, 1),
    (b"\xe0\x9f\xbf", 0, 1),
    (b"\xe2\x28\xa1", 0, 1),
    (b"\xe2\x82\x28", 0, 2),
    (b"\xe2\x82\xe2\x82\xac", 0, 2),
    (b"\xed\xa0\x80", 0, 1),
    (b"\xed\xbf\xbf", 0, 1),
    (b"\xed\xa0\xbd\xed\xb8\x80", 0, 1),
    (b"\xef\xbf\xc0", 0, 2),
    (b"\xf0\x80\x80\xaf", 0, 1),
    (b"\xf0\x8f\xbf\xbf", 0, 1),
    (b"\xf0\x28\x8c\xbc", 0, 1),
    (b"\xf0\x90\x28\xbc", 0, 2),
    (b"\xf0\x9f\x98\x28", 0, 3),
    (b"\xf4\x90\x80\x80", 0, 1),
    (b"\xf5\x80\x80\x80", 0, 0),
    (b"\xf8\x88\x80\x80\x80", 0, 0),
    (b"\xfe", 0, 0),
    (b"\xff\xff", 0, 0),
    (b"caf\xc3\xa9 \xf0\x9f\x98\x80\xf0\x9f\xff", 10, 12),
];

/// Texts that end inside a character, and the length of their valid prefix.
const CUT: [(&[u8], usize); 8] = [
    (b"\xc2", 0),
    (b"\xe2", 0),
    (b"\xe2\x82", 0),
    (b"\xf0", 0),
    (b"\xf0\x9f", 0),
    (b"\xf0\x9f\x98", 0),
    (b"well \xf4\x8f\xbf", 5),
    ("é€\u{10ffff}".as_bytes().split_at(8).0, 5),
];

fn utf8(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap()
}

#[test]
fn characters_of_every_length_are_received() {
    for role in BOTH {
        for character in CHARACTERS {
            let message = format!("<{character}>");
            check_said(role, &frame_to(role, FIN | TEXT, &message), &[text(&message)]);
        }
        let all: String = CHARACTERS.iter().collect();
        check_said(role, &frame_to(role, FIN | TEXT, &all), &[text(&all)]);
    }
}

#[test]
fn characters_of_every_block_are_received_in_short_reads() {
    let all: String = (0..=0x10_FFFF).step_by(61).filter_map(char::from_u32).collect();
    let bytes = frame_to(Role::Server, FIN | TEXT, &all);
    for len in [1, 2, 3, 5, 7, 64, 1000] {
        let seen = feed(Role::Server, Limits::default(), bytes.chunks(len));
        assert_eq!(seen.said, [text(&all)]);
    }
}

#[test]
fn a_fragment_may_end_inside_a_character() {
    for role in BOTH {
        for character in CHARACTERS.map(String::from) {
            for cut in 0..=character.len() {
                let (head, tail) = character.as_bytes().split_at(cut);
                let frames = frames_to(role, [(TEXT, head), (CONTINUATION, b""), (LAST, tail)]);
                check_said(role, &frames, &[text(&character)]);
            }
        }
    }
}

#[test]
fn each_byte_of_a_character_may_have_a_fragment_and_a_ping_of_its_own() {
    for role in BOTH {
        let frames = frames_to(
            role,
            [
                (TEXT, b"\xf0"),
                (PING, b"longer than the missing bytes"),
                (CONTINUATION, b"\x9f"),
                (PING, b""),
                (CONTINUATION, b"\x98"),
                (PING, b"?"),
                (LAST, b"\x80!"),
            ],
        );
        let said = [ping(b"longer than the missing bytes"), ping(b""), ping(b"?"), text("😀!")];
        check_said(role, &frames, &said);
    }
}

/// Checks that the vector delivers its valid prefix and fails at the given byte.
#[track_caller]
fn check_bad(role: Role, bytes: &[u8], valid: &[u8], certain: usize) {
    let seen = check_everywhere(role, bytes);
    assert_eq!(seen.failure, Some((RemoteProtocolError::InvalidUtf8, certain)), "{bytes:x?}");
    assert_eq!(seen.said, []);
    let delivered = seen.unfinished.unwrap_or_else(|| text(""));
    assert_eq!(delivered, text(utf8(valid)), "{bytes:x?}");
}

#[test]
fn bad_text_fails_at_its_first_bad_byte_and_is_delivered_up_to_the_character() {
    for role in BOTH {
        for (bad, valid, place) in BAD {
            let certain = header_len(role, bad.len()) + place + 1;
            check_bad(role, &frame_to(role, FIN | TEXT, bad), &bad[..valid], certain);
            check_bad(role, &frame_to(role, TEXT, bad), &bad[..valid], certain);
        }
    }
}

#[test]
fn bad_text_fails_at_the_same_byte_with_good_text_around_it() {
    for role in BOTH {
        for (bad, valid, place) in BAD {
            let payload = ["größe ".as_bytes(), bad, b" and more"].concat();
            let certain = header_len(role, payload.len()) + 8 + place + 1;
            check_bad(role, &frame_to(role, FIN | TEXT, &payload), &payload[..8 + valid], certain);
        }
    }
}

#[test]
fn bad_text_fails_at_the_same_byte_for_all_fragments() {
    for role in BOTH {
        for (bad, valid, place) in BAD {
            for cut in 0..bad.len() {
                let (head, tail) = bad.split_at(cut);
                let frames = frames_to(role, [(TEXT, head), (LAST, tail)]);
                let headers = if place < cut { 1 } else { 2 } * header_len(role, 0);
                check_bad(role, &frames, &bad[..valid], headers + place + 1);
            }
        }
    }
}

#[test]
fn long_text_fails_at_a_bad_byte_in_any_position() {
    for place in [0, 1, 31, 32, 63, 64, 65, 126, 127] {
        let mut payload = [b'a'; 128];
        payload[place] = 0xC0;
        let certain = header_len(Role::Client, 128) + place + 1;
        check_bad(Role::Client, &frame_to(Role::Client, FIN | TEXT, payload), &payload[..place], certain);
    }
}

#[test]
fn a_message_that_ends_inside_a_character_fails_with_its_last_byte() {
    for role in BOTH {
        for (cut, valid) in CUT {
            let bytes = frame_to(role, FIN | TEXT, cut);
            check_bad(role, &bytes, &cut[..valid], bytes.len());
            let bytes = frames_to(role, [(TEXT, cut), (LAST, b"")]);
            check_bad(role, &bytes, &cut[..valid], bytes.len());
        }
    }
}

#[test]
fn an_unfinished_message_may_stop_inside_a_character() {
    for role in BOTH {
        for (cut, valid) in CUT {
            let seen = check_everywhere(role, &frame_to(role, TEXT, cut));
            assert_eq!(seen.failure, None);
            assert_eq!(seen.unfinished, Some(text(utf8(&cut[..valid]))));
        }
    }
}

#[test]
fn a_character_does_not_continue_in_the_next_message() {
    for role in BOTH {
        let bytes = frames_to(role, [(FIN | TEXT, b"\xf0\x9f\x98"), (FIN | TEXT, b"\x80")]);
        check_bad(role, &bytes, b"", header_len(role, 3) + 3);
    }
}

#[test]
fn each_message_is_checked_separately() {
    for role in BOTH {
        let frames = [(FIN | TEXT, "é".as_bytes()), (BINARY, b"\xff"), (LAST, b"\xc3"), (FIN | TEXT, b"ok")];
        check_said(role, &frames_to(role, frames), &[text("é"), binary(b"\xff\xc3"), text("ok")]);
    }
}

#[test]
fn binary_messages_pings_and_pongs_hold_any_bytes() {
    for role in BOTH {
        for (bad, ..) in BAD {
            let frames = [(FIN | BINARY, bad), (PING, bad), (PONG, bad)];
            let said = [binary(bad), ping(bad), pong(bad)];
            check_said(role, &frames_to(role, frames), &said);
        }
    }
}

#[test]
fn bad_text_closes_with_1007() {
    let code = CloseCode::INVALID_FRAME_PAYLOAD_DATA;
    assert_eq!(RemoteProtocolError::InvalidUtf8.close_code(), code);
    assert_eq!(RemoteProtocolError::InvalidCloseReason.close_code(), code);
}

#[test]
fn after_bad_text_the_receiver_has_the_same_state_for_all_cuts() {
    let bytes = frame_to(Role::Client, FIN | TEXT, b"a\xffb");
    let in_progress = |reads: &mut dyn Iterator<Item = &[u8]>| {
        let mut reader = Reader::new(Role::Client, Limits::default());
        reads.for_each(|read| reader.read(read));
        (reader.receiver.is_idle(), reader.receiver.payload_remaining())
    };
    let whole = in_progress(&mut [&bytes[..]].into_iter());
    assert_eq!(in_progress(&mut bytes.chunks(1)), whole);
}

#[test]
fn decoder_is_unchanged_by_an_error() {
    let mut decoder = wsproto::Utf8Decoder::new();
    assert_eq!(decoder.decode(&mut &b"\xf0"[..]), Ok(""));
    for bad in [&b"\x9f\xff"[..], b"\xff", b"\x9f\x9f\x28"] {
        let mut input = bad;
        assert!(decoder.decode(&mut input).is_err());
        assert_eq!(input, bad);
    }
    assert_eq!(decoder.decode(&mut &b"\x9f\x98\x80"[..]), Ok("\u{1f600}"));
    assert!(decoder.is_complete());
}
