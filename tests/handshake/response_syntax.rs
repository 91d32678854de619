//! What the head of a response is, byte by byte (RFC 9112 §2, §4, §5; RFC 9110 §5.5).

use wsproto::HandshakeError;

use crate::support::{Head, answer, answer_and_eof, failed, opened, plain, whole_answer};

fn malformed(head: impl Into<Vec<u8>>) {
    failed(&plain(), head, HandshakeError::MalformedHead);
}

/// The response of §1.3, with `line` at each place after the first line.
fn with_line_anywhere(line: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8(Head::response().into()).unwrap();
    let ends = text.match_indices("\r\n").map(|(at, _)| at + 2).filter(|at| *at < text.len());
    ends.map(|at| [&text.as_bytes()[..at], line, b"\r\n", &text.as_bytes()[at..]].concat()).collect()
}

#[test]
fn the_reason_phrase_does_not_count() {
    for line in [
        "HTTP/1.1 101 Switching Protocols",
        "HTTP/1.1 101 ",
        "HTTP/1.1 101 no",
        "HTTP/1.1 101 404 Not Found",
        "HTTP/1.1 101 a\tb  c",
        "HTTP/1.1 101 caf\u{e9}",
    ] {
        opened(&plain(), Head::response().start(line));
    }
}

#[test]
fn version_of_http_is_1_1() {
    for line in ["HTTP/1.0 101 x", "HTTP/2.0 101 x", "HTTP/0.9 101 x"] {
        failed(&plain(), Head::response().start(line), HandshakeError::HttpVersion);
    }
}

#[test]
fn a_higher_minor_version_of_http_is_read_as_1_1() {
    // "A recipient that receives a message with a major version number that it implements and a minor version number
    // higher than what it implements SHOULD process the message as if it was in the highest minor version within that
    // major version to which the recipient is conformant" (RFC 9110 §2.5).
    for version in ["1.2", "1.3", "1.9"] {
        opened(&plain(), Head::response().start(format!("HTTP/{version} 101 x")));
        opened(&plain(), Head::response().start(format!("HTTP/{version} 101")));
    }
    for line in ["HTTP/1.10 101 x", "HTTP/1.a 101 x", "HTTP/1. 101 x", "HTTP/1.1.2 101 x", "HTTP/2.2 101 x"] {
        let seen = whole_answer(&plain(), &Vec::from(Head::response().start(line)));
        assert!(seen.failure.is_some(), "{line}: {seen:?}");
    }
}

#[test]
fn a_status_has_three_digits() {
    for line in [
        "HTTP/1.1 abc x",
        "HTTP/1.1 10 x",
        "HTTP/1.1 1 x",
        "HTTP/1.1 1010 x",
        "HTTP/1.1 0101 x",
        "HTTP/1.1 -101 x",
        "HTTP/1.1 +101 x",
        "HTTP/1.1 10a x",
        "HTTP/1.1  101 x",
        "HTTP/1.1 101\tx",
        "HTTP/1.1 ",
    ] {
        malformed(Head::response().start(line));
    }
}

#[test]
fn a_status_starts_with_a_digit_from_1_to_5() {
    // "Values outside the range 100..599 are invalid." A client "SHOULD process the response as if it had a 5xx
    // (Server Error) status code" (RFC 9110 §15): the connection is not opened, and nothing is made of the rest.
    for status in ["000", "001", "010", "099", "600", "700", "999"] {
        let line = format!("HTTP/1.1 {status} x");
        let head = Head::response().start(&line).with("Content-Length: 0");
        failed(&plain(), head, HandshakeError::InvalidStatus);
        let seen = answer(format!("{line}\r\nX: "));
        assert_eq!((seen.failure, seen.consumed), (Some(HandshakeError::InvalidStatus), line.len() + 2));
    }
}

#[test]
fn bytes_that_are_not_http_are_malformed() {
    // Only `HTTP/` with two digits is a version (RFC 9112 §2.3): nothing else is a wrong one.
    for bytes in [
        &b"broken nonsense\r\n\r\n"[..],
        b"\x81\x05Hello\r\n",
        b"\x15\x03\x03\0\x02\x02\x28\r\n",
        b"SSH-2.0-x\r\n",
        b"ICY 200 OK\r\n",
        b"http/1.1 101 x\r\n",
        b"HTTP/11 101 x\r\n",
        b"HTTP/1.1\t101 x\r\n",
    ] {
        let seen = answer(bytes);
        assert_eq!(seen.failure, Some(HandshakeError::MalformedHead), "{}", bytes.escape_ascii());
    }
}

#[test]
fn lines_end_in_cr_lf() {
    let text = String::from_utf8(Head::response().into()).unwrap();
    malformed(text.replace("\r\n", "\n"));
    // Only the end is right.
    let lines = text.strip_suffix("\r\n\r\n").unwrap().replace("\r\n", "\n");
    malformed(format!("{lines}\r\n\r\n"));
    for (at, _) in text.match_indices("\r\n") {
        malformed([&text[..at], &text[at + 1..]].concat());
        malformed([&text[..at], "\r", &text[at..]].concat());
    }
}

#[test]
fn a_bare_cr_or_a_nul_is_malformed_in_every_field() {
    let head = Vec::from(Head::response());
    let fields = "HTTP/1.1 101 Switching Protocols\r\n".len();
    for at in fields..head.len() {
        let split = head[at] == b'\n';
        if !split && head[at] != b'\r' && head[at - 1] != b'\r' {
            malformed([&head[..at], b"\r", &head[at..]].concat());
        }
        let seen = answer([&head[..at], b"\0", &head[at..]].concat());
        assert_eq!(seen.failure, Some(HandshakeError::MalformedHead), "NUL at {at}");
    }
}

#[test]
fn control_bytes_are_malformed_everywhere() {
    for byte in (0..=0x1f).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
        malformed(Head::response().with([b'X', byte, b':', b'1']));
        malformed(Head::response().with([b'X', b':', b'1', byte, b'2']));
        malformed(Head::response().start([b"HTTP/1.1 101 a", &[byte][..], b"b"].concat()));
    }
}

#[test]
fn a_name_is_a_token_without_a_space_after_it() {
    // "A proxy MUST remove any such whitespace from a response" (§5.1); a client does not expect it.
    for line in [
        &b"X : 1"[..],
        b"X\t: 1",
        b": 1",
        b"X Y: 1",
        b"X(: 1",
        b"caf\xc3\xa9: 1",
        b"X",
        b"Upgrade : websocket",
    ] {
        with_line_anywhere(line).into_iter().for_each(malformed);
    }
}

#[test]
fn a_folded_line_is_malformed() {
    for line in [&b" folded"[..], b"\tfolded", b" ", b"\t", b" X: 1"] {
        with_line_anywhere(line).into_iter().for_each(malformed);
    }
}

#[test]
fn a_refusal_is_held_to_the_same_syntax() {
    let head = Head::new("HTTP/1.1 404 Not Found").with("Content-Length: 0");
    malformed(head.clone().with("X : 1"));
    malformed(head.clone().with(" folded"));
    malformed(head.with("X: a\0b"));
}

#[test]
fn a_second_response_after_the_first_is_not_read() {
    for first in [Head::response(), Head::new("HTTP/1.1 403 Forbidden").with("Content-Length: 0")] {
        let first = Vec::from(first);
        let both = [&first[..], b"HTTP/1.1 200 OK\r\n\r\n"].concat();
        assert_eq!(answer(both).consumed, first.len());
    }
}

#[test]
fn a_malformed_line_fails_before_the_head_is_complete() {
    for bytes in [
        &b"HTTP/1.1 101 x\n"[..],
        b"HTTP/1.1 101 x\r\nX : 1\r\n",
        b"HTTP/1.1 101 x\r\nX: 1\n",
        b"HTTP/1.1 101 x\r\n folded\r\n",
        b"HTTP/1.1 1 x\r\n",
    ] {
        malformed(bytes);
        assert_eq!(answer_and_eof(bytes).failure, Some(HandshakeError::MalformedHead));
    }
}
