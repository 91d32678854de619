//! How a client reads a refusal and its body (RFC 6455 §4.1; RFC 9112 §6.3, §7.1; RFC 9110 §15).

use wsproto::{ConnectionState, HandshakeError, HandshakeLimits, RejectConnection};

use crate::support::{
    Answered, Head, answer, answer_and_eof, answer_under, failed, fields, plain, whole_answer,
};

fn head(status: u16) -> Head {
    Head::new(format!("HTTP/1.1 {status} No"))
}

/// A refusal with this line in its head, and `body` after it.
fn message(line: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [&Vec::from(head(403).with(line))[..], body.as_ref()].concat()
}

fn chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    message("Transfer-Encoding: chunked", body)
}

/// The body of a refusal that ends by itself.
fn body(message: &[u8]) -> Vec<u8> {
    let seen = whole_answer(&plain(), message);
    assert!(seen.body_finished && seen.state == ConnectionState::Closed, "{seen:?}");
    assert_eq!(answer_and_eof(message).failure, None, "the end of the transport is no failure then");
    seen.body
}

/// The failure within the body of a refusal.
fn body_failure(message: &[u8]) -> (Option<HandshakeError>, ConnectionState) {
    let seen = answer(message);
    (seen.failure, seen.state)
}

const MALFORMED: (Option<HandshakeError>, ConnectionState) =
    (Some(HandshakeError::MalformedBody), ConnectionState::Closed);

const TOO_LONG: (Option<HandshakeError>, ConnectionState) =
    (Some(HandshakeError::BodyTooLong), ConnectionState::Closed);

fn under(max_body_len: u64, message: &[u8]) -> Answered {
    let mut limits = HandshakeLimits::default();
    limits.max_body_len = max_body_len;
    answer_under(&plain(), limits, message, false)
}

#[test]
fn every_final_status_but_101_refuses() {
    for status in [200, 201, 299, 300, 302, 400, 401, 404, 426, 499, 500, 503, 599] {
        let seen = whole_answer(&plain(), &Vec::from(head(status).with("Content-Length: 0")));
        assert_eq!(
            seen.reject.map(|reject| (reject.status_code(), reject.has_body())),
            Some((status, false))
        );
        assert_eq!(seen.state, ConnectionState::Closed);
    }
}

#[test]
fn a_refusal_with_the_headers_of_an_acceptance_is_a_refusal() {
    let seen = whole_answer(
        &plain(),
        &Vec::from(Head::response().start("HTTP/1.1 200 OK").with("Content-Length: 0")),
    );
    assert_eq!((seen.accept, seen.state), (None, ConnectionState::Closed));
}

#[test]
fn headers_of_a_refusal_are_returned() {
    let message = Vec::from(
        head(426)
            .with("Sec-WebSocket-Version: 13, 8")
            .with("content-length: 0")
            .with("sec-websocket-version: 7"),
    );
    let reject = whole_answer(&plain(), &message).reject.unwrap();
    let versions: Vec<_> = reject.headers().list("Sec-WebSocket-Version").collect();
    assert_eq!(versions, [b"13", &b"8"[..], b"7"], "as §4.3 and §4.4 have it");
    assert_eq!(fields(reject.headers())[1], ("content-length".to_owned(), b"0".to_vec()));
}

#[test]
fn a_body_may_have_a_known_length() {
    assert_eq!(body(&message("Content-Length: 5", "hello")), b"hello");
    assert_eq!(body(&message("content-length:\t0005 ", "hello")), b"hello");
    assert_eq!(body(&message("Content-Length: 5, 5", "hello")), b"hello", "equal values are one");
    assert_eq!(body(&Vec::from(head(403).with("Content-Length: 0"))), b"");
    let reject = whole_answer(&plain(), &message("Content-Length: 5", "hello")).reject.unwrap();
    assert!(reject.has_body());
}

#[test]
fn a_body_of_known_length_is_waited_for() {
    let whole = message("Content-Length: 5", "hello");
    for missing in 1..=5 {
        let part = &whole[..whole.len() - missing];
        let seen = answer(part);
        assert_eq!((seen.state, seen.body_finished), (ConnectionState::Rejecting, false));
        assert_eq!(seen.body, b"hello"[..5 - missing]);
        let seen = answer_and_eof(part);
        assert_eq!(
            (seen.failure, seen.state),
            (Some(HandshakeError::UnexpectedEof), ConnectionState::Closed)
        );
    }
}

#[test]
fn a_length_that_is_not_a_number_is_malformed() {
    for line in [
        "Content-Length: x",
        "Content-Length: -1",
        "Content-Length: +5",
        "Content-Length: 5.0",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: 5, 6",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length:",
        "Content-Length: ,",
        "Content-Length: 18446744073709551616",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
    ] {
        failed(&plain(), message(line, "hello"), HandshakeError::MalformedBody);
    }
}

#[test]
fn a_body_may_come_in_chunks() {
    assert_eq!(body(&chunked("5\r\nhello\r\n0\r\n\r\n")), b"hello");
    assert_eq!(
        body(&chunked("1\r\na\r\n00a\r\n0123456789\r\nA\r\n9876543210\r\n000\r\n\r\n")),
        b"a01234567899876543210"
    );
    assert_eq!(body(&chunked("0\r\n\r\n")), b"");
    assert_eq!(body(&chunked("3;name=value;x\r\na\r\n\r\n0;x=\"y\"\r\n\r\n")), b"a\r\n");
    assert_eq!(body(&chunked("2\r\n\r\n\r\n0\r\nTrailer: 1\r\nX-Sum: 2\r\n\r\n")), b"\r\n");
    assert_eq!(body(&message("transfer-encoding: gzip, CHUNKED", "1\r\na\r\n0\r\n\r\n")), b"a");
}

#[test]
fn chunks_that_end_early_are_waited_for() {
    let whole = chunked("5\r\nhello\r\n0\r\nX: 1\r\n\r\n");
    let head = chunked("").len();
    for len in head..whole.len() {
        let seen = answer(&whole[..len]);
        assert_eq!((seen.state, seen.consumed), (ConnectionState::Rejecting, len));
        assert_eq!(answer_and_eof(&whole[..len]).failure, Some(HandshakeError::UnexpectedEof), "{len}");
    }
}

#[test]
fn chunks_are_held_to_their_syntax() {
    for bytes in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "0x5\r\nhello\r\n",
        " \r\n",
        " 5\r\nhello\r\n",
        ";x=1\r\n",
        "5\nhello\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\r\r\n",
        "5\r\nhello0\r\n\r\n",
        "fffffffffffffffffffffffff\r\n",
        "5 5\r\nhello",
        "0\r\nTrailer: 1\n\r\n",
        "0\r\nTrailer: 1\r\n\n",
    ] {
        assert_eq!(body_failure(&chunked(bytes)), MALFORMED, "{bytes:?}");
    }
}

#[test]
fn a_body_without_a_length_ends_with_the_transport() {
    for start in [head(403), head(403).with("Transfer-Encoding: gzip"), head(500).start("HTTP/1.0 500 No")] {
        let message = [&Vec::from(start)[..], b"hello"].concat();
        let seen = answer(message.as_slice());
        assert_eq!((seen.state, seen.body_finished), (ConnectionState::Rejecting, false));
        let seen = answer_and_eof(message);
        assert_eq!(
            (seen.state, seen.body_finished, &*seen.body),
            (ConnectionState::Closed, true, &b"hello"[..])
        );
    }
    let seen = answer_and_eof(head(403));
    assert_eq!((seen.state, seen.body_finished, seen.failure), (ConnectionState::Closed, true, None));
    assert!(seen.reject.is_some_and(|reject| reject.has_body()));
}

#[test]
fn statuses_without_content_have_no_body_whatever_their_headers_are() {
    for status in [204, 304] {
        for line in ["Content-Length: 5", "Transfer-Encoding: chunked", "X: 1"] {
            let message = Vec::from(head(status).with(line));
            assert_eq!(body(&message), b"");
            let seen = answer([&message[..], b"hello"].concat());
            assert_eq!(seen.consumed, message.len());
            assert_eq!(seen.reject.map(|reject| reject.has_body()), Some(false));
        }
    }
}

#[test]
fn a_body_is_never_taken_for_frames_or_a_head() {
    for bytes in [&b"\x81\x05Hello\x88\0"[..], &Vec::from(Head::response())] {
        let known = message(&format!("Content-Length: {}", bytes.len()), bytes);
        assert_eq!(body(&known), bytes);
        let in_chunks = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n0\r\n\r\n"].concat();
        assert_eq!(body(&chunked(in_chunks)), bytes);
        let until_eof = answer_and_eof([&Vec::from(head(403))[..], bytes].concat());
        assert_eq!((until_eof.accept, &*until_eof.body), (None, bytes));
    }
}

#[test]
fn a_body_may_be_as_long_as_the_limit() {
    let long = "x".repeat(100);
    let seen = under(100, &message("Content-Length: 100", &long));
    assert_eq!((seen.failure, seen.body_finished, seen.body.len()), (None, true, 100));
    let seen = under(100, &message("X: 1", &long));
    assert_eq!((seen.failure, seen.body.len()), (None, 100));
    let seen = under(0, &message("Content-Length: 0", ""));
    assert_eq!((seen.failure, seen.body_finished), (None, true));
    let seen = under(0, &message("X: 1", ""));
    assert_eq!(seen.failure, None);
}

#[test]
fn a_body_in_chunks_may_be_as_long_as_the_limit() {
    // The content is what the chunks hold; their sizes are framing (RFC 9112 §7.1).
    let seen = under(100, &chunked(format!("64\r\n{}\r\n0\r\n\r\n", "x".repeat(100))));
    assert_eq!((seen.failure, seen.body_finished, seen.body.len()), (None, true, 100));
}

#[test]
fn a_body_that_is_longer_is_refused() {
    let longer = "x".repeat(101);
    failed_by_length(&under(100, &message("Content-Length: 101", &longer)), 0);
    failed_by_length(&under(100, &message("Content-Length: 18446744073709551615", "")), 0);
    failed_by_length(&under(0, &message("X: 1", "x")), 0);
    failed_by_length(&under(100, &chunked(format!("65\r\n{longer}\r\n"))), 0);
    failed_by_length(&under(100, &chunked("ffffffffffffff\r\n")), 0);
    failed_by_length(&under(100, &chunked(format!("32\r\n{}\r\n33\r\n", "x".repeat(50)))), 50);
    assert_eq!(body_failure(&message("Content-Length: 65537", "")), TOO_LONG);
}

#[test]
fn a_body_that_is_too_long_is_returned_up_to_the_limit() {
    failed_by_length(&under(100, &message("X: 1", "x".repeat(101))), 100);
}

fn failed_by_length(seen: &Answered, body_len: usize) {
    assert_eq!((seen.failure, seen.state), TOO_LONG, "{seen:?}");
    assert_eq!(seen.body.len(), body_len, "all that is allowed is told, however it comes");
}

#[test]
fn what_stands_between_chunks_is_bounded_too() {
    let tiny = chunked("1\r\nx\r\n".repeat(20_000));
    let extensions = chunked(format!("1;{}\r\nx\r\n", "e".repeat(900)).repeat(200));
    let trailers = chunked(["0\r\n", &"X: 1\r\n".repeat(20_000)].concat());
    for message in [tiny, extensions, trailers] {
        for cut in [1, 4096, message.len()] {
            let mut reader = crate::support::Reader::new(&plain(), HandshakeLimits::default());
            message.chunks(cut).for_each(|piece| reader.read(piece));
            let seen = reader.end();
            assert!(seen.failure.is_some(), "{} bytes were read", seen.consumed);
            assert!(
                seen.failure != Some(HandshakeError::UnexpectedEof),
                "all {} bytes were read",
                seen.consumed
            );
        }
    }
}

#[test]
fn a_line_between_chunks_does_not_go_on_for_ever() {
    for endless in [["0".repeat(2000), String::new()], ["0\r\nX: ".into(), "x".repeat(2000)]] {
        let message = chunked(endless.concat());
        assert_eq!(body_failure(&message), MALFORMED);
        // Whichever limit is reached first.
        assert!(under(500, &message).failure.is_some());
    }
}

#[test]
fn a_received_refusal_equals_one_that_is_built_alike() {
    let seen = whole_answer(&plain(), &message("Content-Length: 0", ""));
    let built = RejectConnection::new(403).with_header("Content-Length", "0");
    let reject = seen.reject.unwrap();
    assert_eq!((reject.status_code(), reject.has_body()), (built.status_code(), built.has_body()));
    assert_eq!(fields(reject.headers()), fields(built.headers()));
}
