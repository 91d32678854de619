//! Fragmentation: one message in several frames (RFC 6455 §5.4).

use wsproto::{BytesMessage, Event, Limits, Receiver, RemoteProtocolError, Role, TextMessage};

use crate::support::{
    BINARY, BOTH, CONTINUATION, FIN, PING, PONG, Said, TEXT, binary, check_everywhere, check_failure,
    check_said, frame_to, frames_to, header_len, ping, pong, text,
};

const LAST: u8 = FIN | CONTINUATION;

#[test]
fn fragments_are_joined_in_their_order() {
    for role in BOTH {
        let frames = frames_to(role, [(TEXT, b"one "), (CONTINUATION, b"two "), (LAST, b"three")]);
        check_said(role, &frames, &[text("one two three")]);
        let frames = frames_to(role, [(BINARY, b"\0\x01"), (CONTINUATION, b"\xff"), (LAST, b"\xfe")]);
        check_said(role, &frames, &[binary(b"\0\x01\xff\xfe")]);
    }
}

#[test]
fn a_fragment_may_hold_a_single_byte() {
    for role in BOTH {
        let mut frames = frame_to(role, TEXT, b"s");
        for byte in b"ingle byte" {
            frames.extend(frame_to(role, CONTINUATION, [*byte]));
        }
        frames.extend(frame_to(role, LAST, b"s"));
        check_said(role, &frames, &[text("single bytes")]);
    }
}

#[test]
fn any_fragment_may_be_empty() {
    for role in BOTH {
        for [first, middle, last] in
            [["", "b", "c"], ["a", "", "c"], ["a", "b", ""], ["", "", "c"], ["", "", ""]]
        {
            let whole = [first, middle, last].concat();
            let payloads = [first, middle, last].map(str::as_bytes);
            for (kind, said) in [(TEXT, text(&whole)), (BINARY, binary(&whole))] {
                let frames =
                    frames_to(role, [(kind, payloads[0]), (CONTINUATION, payloads[1]), (LAST, payloads[2])]);
                check_said(role, &frames, &[said]);
            }
        }
    }
}

#[test]
fn a_fragment_may_have_any_form_of_length() {
    for role in BOTH {
        let (short, middle, long) = ([1; 125], [2; 126], [3; 65536]);
        let frames = frames_to(role, [(BINARY, &short), (CONTINUATION, &middle), (LAST, &long)]);
        check_said(role, &frames, &[binary([&short[..], &middle, &long].concat())]);
    }
}

#[test]
fn control_frames_may_come_between_any_two_fragments() {
    for role in BOTH {
        let frames = [
            (PING, &b"before"[..]),
            (TEXT, b"a"),
            (PING, b""),
            (PONG, b"x"),
            (CONTINUATION, b""),
            (PING, &[b'p'; 125]),
            (LAST, b"b"),
            (PONG, b"after"),
        ];
        let said = [ping(b"before"), ping(b""), pong(b"x"), ping([b'p'; 125]), text("ab"), pong(b"after")];
        check_said(role, &frames_to(role, frames), &said);
    }
}

#[test]
fn a_message_without_its_last_fragment_is_unfinished() {
    for role in BOTH {
        for (kind, said) in [(TEXT, text("ab")), (BINARY, binary("ab"))] {
            let seen = check_everywhere(role, &frames_to(role, [(kind, b"a"), (CONTINUATION, b"b")]));
            assert_eq!(seen.said, []);
            assert_eq!(seen.unfinished, Some(said));
            assert_eq!(seen.in_progress, Some((false, 0)));
        }
    }
}

#[test]
fn the_first_frame_sets_the_kind_of_the_message() {
    for role in BOTH {
        let frames = [
            (TEXT, &b"t"[..]),
            (LAST, b"t"),
            (BINARY, b"b"),
            (LAST, b"\xff"),
            (FIN | TEXT, b"whole"),
            (TEXT, b"t"),
            (LAST, b"t"),
        ];
        let said = [text("tt"), binary(b"b\xff"), text("whole"), text("tt")];
        check_said(role, &frames_to(role, frames), &said);
    }
}

#[test]
fn a_continuation_with_nothing_to_continue_fails_on_its_first_byte() {
    for role in BOTH {
        for first in [CONTINUATION, LAST] {
            let bytes = frame_to(role, first, b"x");
            check_failure(role, &bytes, RemoteProtocolError::UnexpectedContinuation, 1);
        }
    }
}

/// Checks that `before` delivers `said`, and that the first byte after it fails.
#[track_caller]
fn check_failure_after(role: Role, before: &[u8], first: u8, error: RemoteProtocolError, said: &[Said]) {
    let bytes = [before, &frame_to(role, first, b"x")].concat();
    let seen = check_everywhere(role, &bytes);
    assert_eq!(seen.failure, Some((error, before.len() + 1)));
    assert_eq!(seen.said, said);
}

#[test]
fn a_continuation_fails_after_a_message_or_a_ping_too() {
    let error = RemoteProtocolError::UnexpectedContinuation;
    for role in BOTH {
        for first in [CONTINUATION, LAST] {
            let whole = frame_to(role, FIN | TEXT, b"whole");
            check_failure_after(role, &whole, first, error, &[text("whole")]);
            let fragments = frames_to(role, [(BINARY, b"a"), (LAST, b"b")]);
            check_failure_after(role, &fragments, first, error, &[binary("ab")]);
            let control = frames_to(role, [(PING, b""), (PONG, b"")]);
            check_failure_after(role, &control, first, error, &[ping(b""), pong(b"")]);
        }
    }
}

#[test]
fn a_new_message_inside_a_message_fails_on_its_first_byte() {
    let error = RemoteProtocolError::ExpectedContinuation;
    for role in BOTH {
        for in_progress in [TEXT, BINARY] {
            for new in [TEXT, BINARY, FIN | TEXT, FIN | BINARY] {
                let first = frame_to(role, in_progress, b"a");
                check_failure_after(role, &first, new, error, &[]);
                let second = frames_to(role, [(in_progress, b"a"), (CONTINUATION, b"b")]);
                check_failure_after(role, &second, new, error, &[]);
                let control = frames_to(role, [(in_progress, b""), (PING, b"!")]);
                check_failure_after(role, &control, new, error, &[ping(b"!")]);
            }
        }
    }
}

#[test]
fn data_before_a_failure_is_delivered() {
    for role in BOTH {
        let bytes = frames_to(role, [(FIN | TEXT, b"whole"), (TEXT, b"part"), (FIN | TEXT, b"new")]);
        let seen = check_everywhere(role, &bytes);
        assert_eq!(seen.said, [text("whole")]);
        assert_eq!(seen.unfinished, Some(text("part")));
        let certain = 2 * header_len(role, 5) + 5 + 4 + 1;
        assert_eq!(seen.failure, Some((RemoteProtocolError::ExpectedContinuation, certain)));
    }
}

#[test]
fn a_whole_message_in_one_read_is_one_event() {
    let mut bytes = *b"\x81\x05Hello";
    let mut input = bytes.as_mut_slice();
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let event = receiver.next_event(&mut input).unwrap();
    assert_eq!(event, Some(Event::Text(TextMessage::new("Hello"))));
    assert_eq!(receiver.next_event(&mut input), Ok(None));
}

#[test]
fn pieces_say_where_frames_and_messages_end() {
    let piece = |data: &'static [u8], frame_finished, message_finished| {
        Some(Event::Bytes(BytesMessage { data, frame_finished, message_finished }))
    };
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut first = *b"\x02\x04ab";
    let mut input = first.as_mut_slice();
    assert_eq!(receiver.next_event(&mut input), Ok(piece(b"ab", false, false)));
    assert_eq!(receiver.next_event(&mut input), Ok(None));
    let mut second = *b"cd\x80\x01e";
    let mut input = second.as_mut_slice();
    assert_eq!(receiver.next_event(&mut input), Ok(piece(b"cd", true, false)));
    assert_eq!(receiver.next_event(&mut input), Ok(piece(b"e", true, true)));
    assert_eq!(receiver.next_event(&mut input), Ok(None));
}
