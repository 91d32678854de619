//! A server's refusal, byte for byte (RFC 6455 §4.2.2, §4.4; RFC 9110 §15; RFC 9112 §6, §7.1).

use wsproto::{
    AcceptConnection, ConnectionState, Excerpt, ExtensionParams, HandshakeError, HandshakeLimits,
    LocalProtocolError, NegotiationError, NegotiationErrorKind, RejectConnection, RejectData,
    ServerHandshake, ServerUpgrade,
};

use crate::support::{Head, deciding};
use crate::variants;

/// One row for each way in which a handshake fails: the status of its refusal (RFC 6455 §10.7), and its sentence.
fn errors() -> Vec<(HandshakeError, u16, &'static str)> {
    let malformed = ExtensionParams::parse_list(b"a; b=").unwrap_err();
    let unexpected = NegotiationError::new(NegotiationErrorKind::NotOffered, "x-a");
    vec![
        (HandshakeError::MalformedHead, 400, "head is malformed (RFC 9112 §2)"),
        (HandshakeError::HeadTooLong, 431, "head is too long"),
        (HandshakeError::TooManyHeaders, 431, "head has too many fields"),
        (HandshakeError::HttpVersion, 505, "HTTP version is not the one for this handshake (RFC 6455 §4.1)"),
        (HandshakeError::MethodNotGet, 405, "method is not GET (RFC 6455 §4.1)"),
        (HandshakeError::InvalidTarget, 400, "request target is malformed (RFC 9112 §3.2)"),
        (HandshakeError::InvalidHost, 400, "Host is missing, repeated or malformed (RFC 9112 §3.2)"),
        (HandshakeError::RequestBody, 400, "request has a body (RFC 6455 §4.1)"),
        (HandshakeError::MissingUpgrade, 400, "Upgrade does not contain websocket (RFC 6455 §4.1)"),
        (
            HandshakeError::MissingConnectionUpgrade,
            400,
            "Connection does not contain Upgrade (RFC 6455 §4.1)",
        ),
        (
            HandshakeError::InvalidKey,
            400,
            "Sec-WebSocket-Key is missing, repeated or malformed (RFC 6455 §11.3.1)",
        ),
        (
            HandshakeError::InvalidVersion,
            400,
            "Sec-WebSocket-Version is missing, repeated or malformed (RFC 6455 §11.3.5)",
        ),
        (HandshakeError::UnsupportedVersion, 426, "Sec-WebSocket-Version is not 13 (RFC 6455 §4.4)"),
        (HandshakeError::RepeatedOrigin, 400, "Origin is repeated (RFC 6454 §7.3)"),
        (
            HandshakeError::WrongAccept,
            400,
            "Sec-WebSocket-Accept is missing, repeated or wrong (RFC 6455 §4.1)",
        ),
        (
            HandshakeError::UnexpectedSubprotocol(Excerpt::new("chat")),
            400,
            "server chose a subprotocol that was not offered: chat (RFC 6455 §4.1)",
        ),
        (HandshakeError::RepeatedSubprotocol, 400, "Sec-WebSocket-Protocol is repeated (RFC 6455 §11.3.4)"),
        (
            HandshakeError::InvalidExtension(malformed),
            400,
            "Sec-WebSocket-Extensions is malformed: a value is missing at byte 5 (RFC 6455 §9.1)",
        ),
        (
            HandshakeError::UnexpectedExtension(unexpected),
            400,
            "server chose an extension that does not fit the offers: x-a: the extension was not offered (RFC 6455 §4.1)",
        ),
        (
            HandshakeError::InvalidPseudoHeader,
            400,
            "pseudo-header is missing, repeated, misplaced or malformed (RFC 8441 §4)",
        ),
        (HandshakeError::MethodNotConnect, 405, "method is not CONNECT (RFC 8441 §5)"),
        (HandshakeError::UnsupportedProtocol, 501, ":protocol is not websocket (RFC 8441 §5)"),
        (HandshakeError::ConnectionSpecificHeader, 400, "header is only for HTTP/1.1 (RFC 9113 §8.2.2)"),
        (HandshakeError::InvalidStatus, 400, "status is not from 100 to 599 (RFC 9110 §15)"),
        (HandshakeError::TooManyInformational, 400, "too many informational responses"),
        (HandshakeError::MalformedBody, 400, "body is malformed (RFC 9112 §6.3)"),
        (HandshakeError::BodyTooLong, 400, "body is too long"),
        (HandshakeError::TooMuchEarlyData, 413, "too much data before the handshake ended"),
        (HandshakeError::UnexpectedEof, 400, "transport ended during the handshake (RFC 6455 §4.1)"),
    ]
}

fn data(data: &str, body_finished: bool) -> RejectData<&str> {
    RejectData { data, body_finished }
}

/// What is written for `reject` and the pieces of its body.
fn written(reject: RejectConnection, body: &[RejectData<&str>]) -> String {
    let mut handshake = deciding(Head::request());
    let mut output = Vec::new();
    handshake.reject(reject, &mut output).unwrap();
    assert_eq!(handshake.request(), None);
    for (at, piece) in body.iter().enumerate() {
        assert_eq!(handshake.state(), ConnectionState::Rejecting, "before piece {at}");
        handshake.reject_data(*piece, &mut output).unwrap();
    }
    assert_eq!(handshake.state(), ConnectionState::Closed);
    String::from_utf8(output).unwrap()
}

/// The error for `reject`, and that it leaves no trace.
fn refusal(reject: RejectConnection) -> LocalProtocolError {
    let mut handshake = deciding(Head::request());
    let mut output = Vec::new();
    let error = handshake.reject(reject.clone(), &mut output).expect_err(&format!("{reject:?}"));
    assert_eq!((output.len(), handshake.state()), (0, ConnectionState::Connecting));
    handshake.accept(AcceptConnection::new(), &mut output).expect("it can still accept");
    error
}

#[test]
fn a_refusal_without_a_body_has_length_zero_and_closes() {
    let golden = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(written(RejectConnection::new(404), &[]), golden);
}

#[test]
fn an_unwanted_origin_is_refused() {
    // To an origin that is "unacceptable to the server" the answer is 403 (§10.2, §4.2.2).
    let mut handshake = deciding(Head::request().with("Origin: https://evil.example"));
    let origin = handshake.request().and_then(|request| request.origin());
    assert_eq!(origin, Some(&b"https://evil.example"[..]));
    let mut output = Vec::new();
    handshake.reject(RejectConnection::new(403), &mut output).unwrap();
    assert_eq!(output, b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(handshake.state(), ConnectionState::Closed);
}

#[test]
fn headers_keep_order_and_case() {
    let reject = RejectConnection::new(401)
        .with_header("www-Authenticate", "Basic realm=\"a, b\"")
        .with_header("X-A", "1")
        .with_header("WWW-Authenticate", "Digest");
    let golden = "HTTP/1.1 401 Unauthorized\r\n\
        Connection: close\r\n\
        Content-Length: 0\r\n\
        www-Authenticate: Basic realm=\"a, b\"\r\n\
        X-A: 1\r\n\
        WWW-Authenticate: Digest\r\n\r\n";
    assert_eq!(written(reject, &[]), golden);
    let moved = RejectConnection::new(302).with_header("Location", "https://other.example/chat");
    let golden = "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n\
        Location: https://other.example/chat\r\n\r\n";
    assert_eq!(written(moved, &[]), golden);
}

#[test]
fn a_body_of_known_length_is_sent_as_it_is() {
    let reject = || {
        let reject = RejectConnection::new(403).with_header("Content-Type", "text/plain");
        reject.with_header("Content-Length", "11").with_body()
    };
    let golden = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\n\
        Content-Length: 11\r\n\r\nnot for you";
    assert_eq!(written(reject(), &[data("not for you", true)]), golden);
    assert_eq!(written(reject(), &[data("not", false), data("", false), data(" for you", true)]), golden);
    let empty = RejectConnection::new(403).with_header("content-length", "0").with_body();
    let golden = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(written(empty, &[data("", true)]), golden);
}

#[test]
fn what_a_refusal_writes_itself_may_be_among_its_headers() {
    let golden = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for value in ["close", "Close", "close, close", " close".trim()] {
        let reject = RejectConnection::new(403).with_header("connection", value);
        assert_eq!(written(reject, &[]), golden, "{value}");
    }
    let upgrade = RejectConnection::new(426)
        .with_header("Connection", "upgrade, close")
        .with_header("Upgrade", "websocket");
    let golden = "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade, close\r\nContent-Length: 0\r\n\
        Upgrade: websocket\r\n\r\n";
    assert_eq!(written(upgrade, &[]), golden);
    let chunked = RejectConnection::new(403).with_header("Transfer-Encoding", "Chunked").with_body();
    let golden = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(written(chunked, &[data("", true)]), golden);
    // Another stack gets the header as well.
    let parts = ServerUpgrade::reject(RejectConnection::new(403).with_header("Connection", "close")).unwrap();
    assert_eq!(parts.headers().get("Connection"), Some(&b"close"[..]));
    let parts = ServerUpgrade::reject(RejectConnection::new(403)).unwrap();
    assert_eq!(parts.headers().get("Connection"), None);
}

#[test]
fn what_a_refusal_would_not_write_itself_is_reserved() {
    for value in ["keep-alive", "close, x-a", "", "X-A"] {
        let reject = RejectConnection::new(403).with_header("Connection", value);
        assert_eq!(refusal(reject), LocalProtocolError::ReservedHeader, "{value}");
    }
    for value in ["gzip", "gzip, chunked", "chunked, chunked", ""] {
        let reject = RejectConnection::new(403).with_header("Transfer-Encoding", value).with_body();
        assert_eq!(refusal(reject), LocalProtocolError::ReservedHeader, "{value}");
    }
    // There are no chunks without a body, or with a length (RFC 9112 §6.1, §6.2).
    let chunked = || RejectConnection::new(403).with_header("Transfer-Encoding", "chunked");
    assert_eq!(refusal(chunked()), LocalProtocolError::InvalidBody);
    assert_eq!(
        refusal(chunked().with_header("Content-Length", "3").with_body()),
        LocalProtocolError::InvalidBody
    );
}

#[test]
fn a_body_has_the_length_that_was_announced() {
    let announced = || {
        let mut handshake = deciding(Head::request());
        let reject = RejectConnection::new(403).with_header("Content-Length", "3").with_body();
        handshake.reject(reject, &mut Vec::new()).unwrap();
        handshake
    };
    for piece in [data("four", true), data("four", false), data("no", true), data("", true)] {
        let mut handshake = announced();
        let mut output = Vec::new();
        assert_eq!(handshake.reject_data(piece, &mut output), Err(LocalProtocolError::InvalidBody));
        assert_eq!((output.len(), handshake.state()), (0, ConnectionState::Rejecting), "{piece:?}");
        handshake.reject_data(data("yes", true), &mut output).unwrap();
        assert_eq!((output.as_slice(), handshake.state()), (&b"yes"[..], ConnectionState::Closed));
    }
}

#[test]
fn a_body_of_unknown_length_is_sent_in_chunks() {
    let start = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let reject = || RejectConnection::new(503).with_body();
    let golden = format!("{start}5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(written(reject(), &[data("hello", true)]), golden);
    let golden = format!("{start}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    assert_eq!(written(reject(), &[data("hello", false), data("", false), data(" world", true)]), golden);
    assert_eq!(written(reject(), &[data("hello", false), data(" world", false), data("", true)]), golden);
    assert_eq!(written(reject(), &[data("", true)]), format!("{start}0\r\n\r\n"));
    let long = "x".repeat(4096);
    assert_eq!(written(reject(), &[data(&long, true)]), format!("{start}1000\r\n{long}\r\n0\r\n\r\n"));
}

#[test]
fn a_body_follows_only_where_it_is_announced() {
    let mut output = Vec::new();
    let mut handshake = deciding(Head::request());
    let early = handshake.reject_data(data("x", true), &mut output);
    assert_eq!(early, Err(LocalProtocolError::NotInHandshake));
    handshake.reject(RejectConnection::new(404), &mut Vec::new()).unwrap();
    let late = handshake.reject_data(data("x", true), &mut output);
    assert_eq!(late, Err(LocalProtocolError::NotInHandshake));
    let mut handshake = deciding(Head::request());
    handshake.reject(RejectConnection::new(404).with_body(), &mut Vec::new()).unwrap();
    handshake.reject_data(data("x", true), &mut Vec::new()).unwrap();
    let more = handshake.reject_data(data("x", true), &mut output);
    assert_eq!(more, Err(LocalProtocolError::NotInHandshake));
    assert!(output.is_empty());
}

#[test]
fn a_status_that_has_no_content_has_no_body() {
    // "A 304 response is terminated by the end of the header section; it cannot contain content or
    // trailers" (RFC 9110 §15.4.5).
    assert_eq!(refusal(RejectConnection::new(304).with_body()), LocalProtocolError::InvalidBody);
}

#[test]
fn a_status_that_has_no_content_announces_no_length() {
    // "A server MUST NOT send Content-Length in such a response unless its field value equals the decimal
    // number of octets that would have been sent in the content of a 200 (OK) response" (RFC 9110 §8.6).
    let text = written(RejectConnection::new(304).with_header("ETag", "\"a\""), &[]);
    assert!(text.ends_with("Connection: close\r\nETag: \"a\"\r\n\r\n"), "{text}");
}

#[test]
fn statuses_from_300_to_599_refuse() {
    for status in [300, 301, 308, 399, 400, 418, 426, 499, 500, 511, 599] {
        let text = written(RejectConnection::new(status), &[]);
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
    }
    for status in [0, 1, 99, 100, 101, 103, 199, 200, 204, 299, 600, 999, 1000, u16::MAX] {
        assert_eq!(refusal(RejectConnection::new(status)), LocalProtocolError::InvalidStatus(status));
    }
}

#[test]
fn the_table_has_every_variant() {
    variants::assert_complete("HandshakeError", errors().iter().map(|(error, ..)| error));
}

#[test]
fn each_error_has_a_sentence_that_names_the_rule() {
    for (error, _, message) in errors() {
        assert_eq!(error.to_string(), *message);
    }
}

#[test]
fn each_error_has_its_variants_name() {
    for (error, ..) in errors() {
        variants::assert_named(error, error.name());
    }
}

#[test]
fn every_error_has_a_response_that_can_be_sent_as_it_is() {
    for (error, status, _) in errors() {
        let text = written(error.response(), &[]);
        assert_eq!(error.response().status_code(), status);
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{error:?}: {text}");
        assert!(!text.starts_with(&format!("HTTP/1.1 {status} \r")), "{error:?} has a phrase");
        assert!(text.contains("close\r\nContent-Length: 0\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    }
}

#[test]
fn each_error_has_its_status() {
    // The status is an appropriate one (§10.7).
    for (error, status, _) in errors() {
        assert_eq!(error.status(), status, "{error:?}");
    }
}

#[test]
fn the_response_to_another_method_names_the_one_that_is_allowed() {
    // "The origin server MUST generate an Allow header field in a 405 response" (RFC 9110 §15.5.6).
    let golden =
        "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\nAllow: GET\r\n\r\n";
    assert_eq!(written(HandshakeError::MethodNotGet.response(), &[]), golden);
}

#[test]
fn the_response_to_another_version_names_the_one_that_is_supported() {
    // §4.4, and "the server MUST send an Upgrade header field in a 426 response" (RFC 9110 §15.5.22);
    // "A sender of Upgrade MUST also send an 'Upgrade' connection option" (§7.8).
    let golden = "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade, close\r\nContent-Length: 0\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n";
    assert_eq!(written(HandshakeError::UnsupportedVersion.response(), &[]), golden);
    let malformed = written(HandshakeError::InvalidVersion.response(), &[]);
    assert!(
        malformed.starts_with("HTTP/1.1 400 ") && malformed.contains("\r\nSec-WebSocket-Version: 13\r\n")
    );
}

#[test]
fn only_a_request_can_be_refused_and_only_once() {
    let mut output = Vec::new();
    let mut waiting = ServerHandshake::new(HandshakeLimits::default());
    let refused = waiting.reject(RejectConnection::new(403), &mut output);
    assert_eq!(refused, Err(LocalProtocolError::NotInHandshake));
    for body in [false, true] {
        let mut handshake = deciding(Head::request());
        let reject = RejectConnection::new(403);
        handshake.reject(if body { reject.with_body() } else { reject }, &mut Vec::new()).unwrap();
        let state = handshake.state();
        let again = handshake.reject(RejectConnection::new(404), &mut output);
        assert_eq!(again, Err(LocalProtocolError::NotInHandshake));
        let yes = handshake.accept(AcceptConnection::new(), &mut output);
        assert_eq!(yes, Err(LocalProtocolError::NotInHandshake));
        assert_eq!(handshake.state(), state);
        let mut more = &b"GET / HTTP/1.1\r\n\r\n"[..];
        assert_eq!(handshake.receive(&mut more), Ok(None), "there is one request on a connection");
    }
    assert!(output.is_empty());
}

#[test]
fn a_failure_may_be_answered_by_another_refusal() {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let error = handshake.receive(&mut &b"POST / HTTP/1.1\r\n\r\n"[..]).unwrap_err();
    assert_eq!(error, HandshakeError::MethodNotGet);
    let mut output = Vec::new();
    handshake.reject(RejectConnection::new(501).with_body(), &mut output).unwrap();
    assert_eq!(handshake.state(), ConnectionState::Rejecting);
    handshake.reject_data(data("no", true), &mut output).unwrap();
    assert_eq!(handshake.state(), ConnectionState::Closed);
    assert!(output.ends_with(b"\r\n\r\n2\r\nno\r\n0\r\n\r\n"));
}

#[test]
fn a_refusal_is_written_to_a_fixed_output_whole_or_not_at_all() {
    let reject = || RejectConnection::new(404).with_header("X-A", "1").with_body();
    let head = written(reject(), &[data("", true)]).len() - "0\r\n\r\n".len();
    let piece = "5\r\nhello\r\n0\r\n\r\n".len();
    for len in 0..=head + piece {
        let mut handshake = deciding(Head::request());
        let mut memory = vec![0xaa; len];
        let mut room = memory.as_mut_slice();
        let rejected = handshake.reject(reject(), &mut room);
        if len < head {
            assert_eq!(rejected, Err(LocalProtocolError::OutputFull(head)));
            assert_eq!((room.len(), handshake.state()), (len, ConnectionState::Connecting));
            assert!(memory.iter().all(|byte| *byte == 0xaa));
            continue;
        }
        assert_eq!((rejected, room.len()), (Ok(()), len - head));
        let sent = handshake.reject_data(data("hello", true), &mut room);
        if len < head + piece {
            assert_eq!(sent, Err(LocalProtocolError::OutputFull(piece)));
            assert_eq!((room.len(), handshake.state()), (len - head, ConnectionState::Rejecting));
            assert!(memory[head..].iter().all(|byte| *byte == 0xaa));
            handshake.reject_data(data("hello", true), &mut Vec::new()).unwrap();
        }
        assert_eq!(handshake.state(), ConnectionState::Closed);
    }
}

#[test]
fn an_empty_piece_may_end_a_body_of_known_length() {
    let mut handshake = deciding(Head::request());
    let mut output = Vec::new();
    let reject = RejectConnection::new(403).with_header("Content-Length", "2").with_body();
    handshake.reject(reject, &mut output).unwrap();
    output.clear();
    handshake.reject_data(RejectData { data: "no", body_finished: false }, &mut output).unwrap();
    handshake.reject_data(RejectData { data: "", body_finished: true }, &mut output).unwrap();
    assert_eq!((output.as_slice(), handshake.state()), (&b"no"[..], ConnectionState::Closed));
}

#[test]
fn each_status_has_its_reason_phrase() {
    // RFC 9110 §15, and RFC 6585 for 429 and 431.
    for (status_code, phrase) in [
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (410, "Gone"),
        (413, "Content Too Large"),
        (421, "Misdirected Request"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
        (599, ""),
    ] {
        let response = written(RejectConnection::new(status_code), &[]);
        assert_eq!(response.lines().next(), Some(&*format!("HTTP/1.1 {status_code} {phrase}")));
    }
}
