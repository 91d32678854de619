//! What a head is, byte by byte (RFC 9112 §2.2, §3, §5; RFC 9110 §5.5).

use wsproto::{HandshakeError, HandshakeLimits};

use crate::support::{Asked, Head, TOKEN, acceptable, ask, refused};

fn malformed(head: impl Into<Vec<u8>>) {
    refused(head, HandshakeError::MalformedHead);
}

/// Asserts that a server refuses `bytes`; a byte too many in the first line may be taken for another method,
/// target or version.
fn refused_somehow(bytes: &[u8]) {
    let (asked, _) = ask(HandshakeLimits::default(), bytes);
    let fits = matches!(asked, Asked::Refused { status: 400 | 405 | 505, .. });
    assert!(fits, "{asked:?} from {}", bytes.escape_ascii());
}

/// The request of §1.3, with `line` at each place after the first line.
fn with_line_anywhere(line: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8(Head::request().into()).unwrap();
    let ends = text.match_indices("\r\n").map(|(at, _)| at + 2).filter(|at| *at < text.len());
    ends.map(|at| [&text.as_bytes()[..at], line, b"\r\n", &text.as_bytes()[at..]].concat()).collect()
}

#[test]
fn lines_end_in_cr_lf() {
    // "A recipient MAY recognize a single LF as a line terminator" (§2.2); this one does not.
    let text = String::from_utf8(Head::request().into()).unwrap();
    malformed(text.replace("\r\n", "\n"));
    // Only the end is right.
    let lines = text.strip_suffix("\r\n\r\n").unwrap().replace("\r\n", "\n");
    malformed(format!("{lines}\r\n\r\n"));
    for (at, _) in text.match_indices("\r\n") {
        malformed([&text[..at], &text[at + 1..]].concat());
    }
}

#[test]
fn a_line_with_one_more_cr_is_malformed() {
    let text = String::from_utf8(Head::request().into()).unwrap();
    for (at, _) in text.match_indices("\r\n") {
        malformed([&text[..at], "\r", &text[at..]].concat());
    }
}

#[test]
fn a_bare_cr_is_malformed_everywhere() {
    // "A recipient of such a bare CR MUST consider that element to be invalid" (§2.2).
    let head = Vec::from(Head::request());
    for at in 0..head.len() - 2 {
        if head[at] != b'\r' && at.checked_sub(1).is_none_or(|before| head[before] != b'\r') {
            refused_somehow(&[&head[..at], b"\r", &head[at..]].concat());
        }
    }
}

#[test]
fn a_nul_is_refused_everywhere() {
    let head = Vec::from(Head::request());
    for at in 0..head.len() {
        refused_somehow(&[&head[..at], b"\0", &head[at..]].concat());
    }
}

#[test]
fn control_bytes_are_malformed_in_names_and_values() {
    for byte in (0..=0x1f).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
        for line in [&[b'X', byte, b':', b'1'][..], &[b'X', b':', b' ', b'1', byte, b'2']] {
            malformed(Head::request().with(line));
        }
    }
}

#[test]
fn a_tab_and_bytes_above_ascii_may_stand_in_a_value() {
    let request = acceptable(Head::request().with(b"X-Value: a\tb \xc3\xa9\xff"));
    assert_eq!(request.headers[5].1, b"a\tb \xc3\xa9\xff");
    assert_eq!(request.token, TOKEN);
}

#[test]
fn white_space_around_a_value_is_not_part_of_it() {
    for line in ["X:a b", "X: a b", "X:\ta b\t", "X:  \t a b \t  "] {
        assert_eq!(acceptable(Head::request().with(line)).headers[5], ("X".to_owned(), b"a b".to_vec()));
    }
    for line in ["X:", "X: ", "X: \t "] {
        assert_eq!(acceptable(Head::request().with(line)).headers[5], ("X".to_owned(), Vec::new()));
    }
}

#[test]
fn no_space_stands_before_the_colon() {
    // "A server MUST reject, with a response status code of 400 (Bad Request)" (§5.1).
    for line in [&b"X : 1"[..], b"X\t: 1", b"Host : server.example.com", b"Transfer-Encoding : chunked"] {
        with_line_anywhere(line).into_iter().for_each(malformed);
    }
}

#[test]
fn a_name_is_a_token() {
    for line in
        [&b": 1"[..], b":", b"X Y: 1", b"X(1): 1", b"X/1: 1", b"\"X\": 1", b"X@: 1", b"caf\xc3\xa9: 1"]
    {
        with_line_anywhere(line).into_iter().for_each(malformed);
    }
    for line in [&b"X"[..], b"no colon here"] {
        with_line_anywhere(line).into_iter().for_each(malformed);
    }
    acceptable(Head::request().with("!#$%&'*+-.^_`|~09azAZ: 1"));
}

#[test]
fn a_folded_line_is_malformed() {
    // "MUST either reject the message by sending a 400 (Bad Request) … or replace" (§5.2).
    for line in [&b" folded"[..], b"\tfolded", b" X: 1", b" ", b"\t", b" \t "] {
        with_line_anywhere(line).into_iter().for_each(malformed);
    }
}

#[test]
fn white_space_before_the_first_field_is_malformed() {
    // "MUST either reject the message as invalid or consume each whitespace-preceded line" (§2.2).
    malformed(Head::request().start("GET /chat HTTP/1.1\r\n Host: other.example"));
    malformed(Head::request().start("GET /chat HTTP/1.1\r\n\tHost: other.example"));
}

#[test]
fn empty_lines_before_the_request_are_ignored() {
    // "A server … SHOULD ignore at least one empty line (CRLF) received prior to the request-line" (§2.2).
    for lines in [1, 2, 10] {
        let head = ["\r\n".repeat(lines).into_bytes(), Head::request().into()].concat();
        let request = acceptable(head);
        assert_eq!((request.token.as_str(), request.target.as_str()), (TOKEN, "/chat"));
        assert_eq!(request.headers.len(), 5);
    }
    for start in ["\n", "\r", "\r\r\n", "\r\n\n", " \r\n", "\t\r\n"] {
        malformed([start.as_bytes(), &Vec::from(Head::request())].concat());
    }
}

#[test]
fn the_parts_of_the_request_line_are_one_space_apart() {
    for line in [
        "GET\t/chat\tHTTP/1.1",
        "GET\t/chat HTTP/1.1",
        "GET /chat\tHTTP/1.1",
        "GET  /chat HTTP/1.1",
        "GET /chat  HTTP/1.1",
        "GET /chat HTTP/1.1 ",
        "GET /chat HTTP/1.1\t",
        " GET /chat HTTP/1.1",
        "GET\x0b/chat HTTP/1.1",
        "GET HTTP/1.1",
        "GET  HTTP/1.1",
        "GET",
        "GET ",
        "GET /chat",
        "GET /chat ",
        "GET /a b HTTP/1.1",
        "GET /chat HTTP/11",
        "GET /chat HTTP/1.1.1",
        "GET /chat http/1.1",
        "GET /chat HTTPS/1.1",
        "GET /chat HTTP/1.1 HTTP/1.1",
        "/chat HTTP/1.1",
    ] {
        refused_somehow(&Vec::from(Head::request().start(line)));
    }
}

#[test]
fn a_method_is_a_token() {
    for line in ["G\"T /chat HTTP/1.1", "G(T /chat HTTP/1.1", "G,T /chat HTTP/1.1", "G\u{e9}T /chat HTTP/1.1"]
    {
        malformed(Head::request().start(line));
    }
}

#[test]
fn a_target_is_visible_ascii() {
    for target in [&b"/a\x7fb"[..], b"/\xc3\xa9", b"/a\xff", b"/a\x01", b"/a\tb", b"http://caf\xc3\xa9/"] {
        let line = [b"GET ", target, b" HTTP/1.1"].concat();
        let (asked, _) = ask(HandshakeLimits::default(), &Vec::from(Head::request().start(&line)));
        assert!(
            matches!(asked, Asked::Refused { status: 400, .. }),
            "{asked:?} from {}",
            line.escape_ascii()
        );
    }
}

#[test]
fn a_malformed_line_fails_before_the_head_is_complete() {
    for (bytes, error) in [
        (&b"GET / HTTP/1.1\n"[..], HandshakeError::MalformedHead),
        (b"GET / HTTP/1.1\r\nHost : a\r\n", HandshakeError::MalformedHead),
        (b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n", HandshakeError::MalformedHead),
        (b"GET / HTTP/3.0\r\n", HandshakeError::HttpVersion),
        (b"\0\r\n", HandshakeError::MalformedHead),
    ] {
        refused(bytes, error);
    }
}

#[test]
fn lines_that_merely_look_like_heads_are_values() {
    let request = acceptable(Head::request().with("X-Value: GET / HTTP/1.1\\r\\n\\r\\n"));
    assert_eq!(request.headers[5].1, b"GET / HTTP/1.1\\r\\n\\r\\n");
}
