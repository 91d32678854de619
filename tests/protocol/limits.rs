//! Limits: at the limit, one over it, and checked before a byte of payload is read (RFC 6455 §10.4).

use wsproto::{CloseCode, Limits, RemoteProtocolError, Role};

use crate::support::{
    BINARY, BOTH, CONTINUATION, FIN, KEY, PING, Said, TEXT, binary, check_with, feed, frame_to, frames_to,
    header_len, ping, text,
};

const LAST: u8 = FIN | CONTINUATION;

fn frame_limit(max_frame_len: u64) -> Limits {
    Limits::NONE.with_max_frame_len(max_frame_len)
}

fn message_limit(max_message_len: u64) -> Limits {
    Limits::NONE.with_max_message_len(max_message_len)
}

fn fragment_limit(max_fragments: u32) -> Limits {
    Limits::NONE.with_max_fragments(max_fragments)
}

/// A header with this length in its shortest form, without a payload.
fn header_to(role: Role, first: u8, len: u64) -> Vec<u8> {
    let (mask_bit, key): (u8, &[u8]) = if role == Role::Server { (0x80, &KEY) } else { (0, &[]) };
    let len = match len {
        0..=125 => vec![mask_bit | len as u8],
        126..=0xFFFF => [&[mask_bit | 126], &(len as u16).to_be_bytes()[..]].concat(),
        _ => [&[mask_bit | 127], &len.to_be_bytes()[..]].concat(),
    };
    [&[first], &len[..], key].concat()
}

/// Checks that `before` and `header` together fail at the last byte of the length in `header`.
#[track_caller]
fn check_over(role: Role, limits: Limits, before: &[u8], header: &[u8], error: RemoteProtocolError) {
    let extended_len = match header[1] & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let seen = check_with(role, limits, &[before, header].concat());
    assert_eq!(seen.failure, Some((error, before.len() + 2 + extended_len)));
}

#[track_caller]
fn check_within(role: Role, limits: Limits, bytes: &[u8], said: &[Said]) {
    let seen = check_with(role, limits, bytes);
    assert_eq!(seen.failure, None);
    assert_eq!(seen.said, said);
}

#[test]
fn each_limit_is_set_by_its_method_and_no_other_limit_changes() {
    const LIMITS: Limits = Limits::NONE
        .with_max_frame_len(1)
        .with_max_message_len(2)
        .with_max_encoded_len(3)
        .with_max_fragments(4);
    let mut limits = Limits::NONE;
    limits.max_frame_len = 1;
    limits.max_message_len = 2;
    limits.max_encoded_len = 3;
    limits.max_fragments = 4;
    assert_eq!(LIMITS, limits);
}

#[test]
fn a_frame_of_exactly_the_limit_is_accepted_and_one_more_byte_fails() {
    for role in BOTH {
        for limit in [0, 1, 125, 126, 1000, 65535, 65536] {
            let payload = vec![b'x'; limit as usize];
            let frame = frame_to(role, FIN | BINARY, &payload);
            check_within(role, frame_limit(limit), &frame, &[binary(&payload)]);
            let over = header_to(role, FIN | BINARY, limit + 1);
            check_over(role, frame_limit(limit), b"", &over, RemoteProtocolError::FrameTooLong);
        }
    }
}

#[test]
fn a_message_of_exactly_the_limit_is_accepted_and_one_more_byte_fails() {
    for role in BOTH {
        for limit in [0, 1, 125, 126, 1000, 65535, 65536] {
            let payload = "x".repeat(limit as usize);
            let frame = frame_to(role, FIN | TEXT, &payload);
            check_within(role, message_limit(limit), &frame, &[text(&payload)]);
            let over = header_to(role, FIN | TEXT, limit + 1);
            check_over(role, message_limit(limit), b"", &over, RemoteProtocolError::MessageTooLong);
        }
    }
}

#[test]
fn the_message_limit_counts_all_fragments() {
    for role in BOTH {
        let before = frames_to(role, [(BINARY, &[1; 600]), (CONTINUATION, &[2; 300]), (CONTINUATION, b"")]);
        let within = [before.clone(), frame_to(role, LAST, [3; 100])].concat();
        let whole = [vec![1; 600], vec![2; 300], vec![3; 100]].concat();
        check_within(role, message_limit(1000), &within, &[binary(whole)]);
        let over = header_to(role, LAST, 101);
        check_over(role, message_limit(1000), &before, &over, RemoteProtocolError::MessageTooLong);
    }
}

#[test]
fn an_unfinished_message_over_the_limit_fails_too() {
    for role in BOTH {
        let before = frame_to(role, TEXT, "x".repeat(10));
        let over = header_to(role, CONTINUATION, 1);
        check_over(role, message_limit(10), &before, &over, RemoteProtocolError::MessageTooLong);
    }
}

#[test]
fn the_frame_limit_counts_each_frame_by_itself() {
    for role in BOTH {
        let before = frames_to(role, [(BINARY, &[1; 10]), (CONTINUATION, &[2; 10])]);
        let within = [before.clone(), frame_to(role, LAST, [3; 10])].concat();
        let whole = [[1; 10], [2; 10], [3; 10]].concat();
        check_within(role, frame_limit(10), &within, &[binary(whole)]);
        let over = header_to(role, LAST, 11);
        check_over(role, frame_limit(10), &before, &over, RemoteProtocolError::FrameTooLong);
    }
}

#[test]
fn limits_start_again_for_each_message() {
    for role in BOTH {
        let mut limits = message_limit(10);
        limits.max_fragments = 2;
        let frames =
            [(BINARY, &[1; 5][..]), (LAST, &[2; 5]), (FIN | BINARY, &[3; 10]), (TEXT, b""), (LAST, b"")];
        let said = [binary([[1; 5], [2; 5]].concat()), binary([3; 10]), text("")];
        check_within(role, limits, &frames_to(role, frames), &said);
    }
}

#[test]
fn a_fragment_over_the_limit_fails_on_its_first_byte() {
    for role in BOTH {
        for payload in [&b""[..], b"x"] {
            let three = frames_to(role, [(BINARY, payload), (CONTINUATION, payload), (LAST, payload)]);
            check_within(role, fragment_limit(3), &three, &[binary(payload.repeat(3))]);
            let open = [(BINARY, payload), (CONTINUATION, payload), (CONTINUATION, payload)];
            let mut over = frames_to(role, open);
            let certain = over.len() + 1;
            for last in [CONTINUATION, LAST] {
                over.truncate(certain - 1);
                over.extend(frame_to(role, last, payload));
                let seen = check_with(role, fragment_limit(3), &over);
                assert_eq!(seen.failure, Some((RemoteProtocolError::TooManyFragments, certain)));
            }
        }
    }
}

#[test]
fn endless_empty_fragments_fail_with_the_default_limits() {
    for role in BOTH {
        let max = Limits::default().max_fragments as usize;
        let empty = frame_to(role, CONTINUATION, b"");
        let mut bytes = frame_to(role, BINARY, b"");
        let certain = bytes.len() + empty.len() * (max - 1) + 1;
        bytes.extend(empty.repeat(max + 10));
        let seen = feed(role, Limits::default(), bytes.chunks(4096));
        assert_eq!(seen.failure, Some((RemoteProtocolError::TooManyFragments, certain)));
    }
}

#[test]
fn control_frames_count_towards_no_limit() {
    for role in BOTH {
        let mut limits = message_limit(0);
        limits.max_frame_len = 0;
        limits.max_fragments = 1;
        let frames = frames_to(role, [(PING, &[b'p'; 125]), (FIN | TEXT, b""), (PING, b"p")]);
        check_within(role, limits, &frames, &[ping([b'p'; 125]), text(""), ping(b"p")]);

        let frames = [(BINARY, &[1; 10][..]), (PING, &[2; 125]), (PING, b""), (LAST, &[3; 10])];
        let said = [ping([2; 125]), ping(b""), binary([[1; 10], [3; 10]].concat())];
        let mut limits = message_limit(20);
        limits.max_frame_len = 10;
        limits.max_fragments = 2;
        check_within(role, limits, &frames_to(role, frames), &said);
    }
}

#[test]
fn lengths_near_the_maximum_do_not_overflow_the_sum() {
    let near = [i64::MAX as u64, i64::MAX as u64 - 1, 1 << 62, u64::from(u32::MAX), 1 << 32];
    for role in BOTH {
        for len in near {
            let before = frame_to(role, BINARY, b"x");
            let over = header_to(role, LAST, len);
            for limit in [1, 10, 1 << 20] {
                let error = RemoteProtocolError::MessageTooLong;
                check_over(role, message_limit(limit), &before, &over, error);
                let error = RemoteProtocolError::FrameTooLong;
                check_over(role, frame_limit(limit), &before, &over, error);
            }
        }
    }
}

#[test]
fn a_sum_of_exactly_the_limit_is_accepted_near_the_maximum() {
    for role in BOTH {
        let largest = i64::MAX as u64;
        let before = frame_to(role, BINARY, b"x");
        let last = header_to(role, LAST, largest);
        check_over(role, message_limit(largest), &before, &last, RemoteProtocolError::MessageTooLong);
        for limits in [message_limit(largest + 1), Limits::NONE] {
            let seen = check_with(role, limits, &[&before[..], &last].concat());
            assert_eq!(seen.failure, None);
            assert_eq!(seen.in_progress, Some((false, largest)));
        }
    }
}

#[test]
fn limits_are_on_by_default() {
    let max = 16 << 20;
    for role in BOTH {
        let within = header_to(role, FIN | BINARY, max);
        let seen = check_with(role, Limits::default(), &within);
        assert_eq!((seen.failure, seen.in_progress), (None, Some((false, max))));
        let over = header_to(role, FIN | BINARY, max + 1);
        check_over(role, Limits::default(), b"", &over, RemoteProtocolError::FrameTooLong);
        let over = header_to(role, LAST, max);
        let before = frame_to(role, BINARY, b"x");
        check_over(role, Limits::default(), &before, &over, RemoteProtocolError::MessageTooLong);
    }
}

#[test]
fn a_limit_is_checked_before_the_masking_key_and_the_payload() {
    for role in BOTH {
        let bytes = [header_to(role, FIN | TEXT, 1001), vec![0xFF; 50]].concat();
        let seen = check_with(role, message_limit(1000), &bytes);
        assert_eq!(seen.failure, Some((RemoteProtocolError::MessageTooLong, 4)));
        assert_eq!(seen.unfinished, None);
    }
}

#[test]
fn bad_text_within_the_limit_fails_as_bad_text() {
    for role in BOTH {
        let seen = check_with(role, message_limit(2), &frame_to(role, FIN | TEXT, b"a\xff"));
        let certain = header_len(role, 2) + 2;
        assert_eq!(seen.failure, Some((RemoteProtocolError::InvalidUtf8, certain)));
    }
}

#[test]
fn every_limit_closes_with_1009() {
    for error in [
        RemoteProtocolError::FrameTooLong,
        RemoteProtocolError::MessageTooLong,
        RemoteProtocolError::TooManyFragments,
    ] {
        assert_eq!(error.close_code(), CloseCode::MESSAGE_TOO_BIG);
    }
}

#[test]
fn each_limit_can_be_set_alone() {
    let limits = Limits::NONE.with_max_encoded_len(5);
    assert_eq!(limits.max_encoded_len, 5);
    assert_eq!(limits.max_message_len, Limits::NONE.max_message_len);
}
