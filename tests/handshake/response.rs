//! What a client requires of an acceptance (RFC 6455 §4.1, §11.3; RFC 9110 §15.2).

use wsproto::{
    ConnectionState, Excerpt, ExtensionParams, HandshakeError, HandshakeLimits, NegotiationError,
    NegotiationErrorKind, Request,
};

use crate::support::{
    Head, TOKEN, answer, answer_and_eof, answer_under, failed, fields, opened, plain, whole_answer,
};

/// The response of §1.3, with one line changed.
fn with(name: &str, line: &str) -> Head {
    Head::response().set(name, line)
}

fn offering() -> Request {
    plain().with_subprotocol("chat").with_subprotocol("superchat")
}

#[test]
fn the_response_of_section_1_3_opens_the_connection() {
    let accept = opened(&plain(), Head::response());
    assert_eq!(accept.subprotocol(), None);
    assert_eq!(
        fields(accept.headers()),
        [
            ("Upgrade".to_owned(), b"websocket".to_vec()),
            ("Connection".to_owned(), b"Upgrade".to_vec()),
            ("Sec-WebSocket-Accept".to_owned(), TOKEN.as_bytes().to_vec()),
        ]
    );
}

#[test]
fn all_headers_are_returned_in_order_and_case() {
    let head = Head::response().with("x-b: 1").with("Set-Cookie: a=1").with("SET-COOKIE: b=\u{e9}");
    let headers = fields(opened(&plain(), head).headers());
    assert_eq!(
        headers[3..],
        [
            ("x-b".to_owned(), b"1".to_vec()),
            ("Set-Cookie".to_owned(), b"a=1".to_vec()),
            ("SET-COOKIE".to_owned(), "b=\u{e9}".as_bytes().to_vec()),
        ]
    );
}

#[test]
fn names_are_compared_without_case_and_order_is_not_important() {
    let lower = Head::new("HTTP/1.1 101 x")
        .with(format!("sec-websocket-accept: {TOKEN}"))
        .with("sec-websocket-protocol: chat")
        .with("connection: upgrade")
        .with("upgrade: websocket");
    assert_eq!(opened(&offering(), lower).subprotocol(), Some("chat"));
    opened(&plain(), Head::response().reversed());
}

#[test]
fn it_is_open_at_the_last_byte_and_not_before() {
    let head = Vec::from(Head::response());
    for len in 0..head.len() {
        let seen = answer(&head[..len]);
        assert_eq!((seen.state, seen.consumed), (ConnectionState::Connecting, len));
        assert_eq!((seen.accept, seen.failure), (None, None));
        let seen = answer_and_eof(&head[..len]);
        assert_eq!(
            (seen.state, seen.failure),
            (ConnectionState::Closed, Some(HandshakeError::UnexpectedEof))
        );
    }
    let seen = answer_and_eof(head);
    assert_eq!((seen.state, seen.failure), (ConnectionState::Open, None), "frames may have come with it");
}

#[test]
fn upgrade_is_websocket_in_any_case() {
    for value in ["websocket", "WebSocket", "WEBSOCKET", " \t websocket \t"] {
        opened(&plain(), with("Upgrade", &format!("Upgrade: {value}")));
    }
    failed(&plain(), Head::response().without("Upgrade"), HandshakeError::MissingUpgrade);
    for value in ["", "h2c", "websockets", "web socket", "\"websocket\"", "websocket/13"] {
        failed(&plain(), with("Upgrade", &format!("Upgrade: {value}")), HandshakeError::MissingUpgrade);
    }
    // The protocol is switched to one only (RFC 9110 §15.2.2).
    failed(&plain(), with("Upgrade", "Upgrade: websocket, h2c"), HandshakeError::MissingUpgrade);
    failed(&plain(), Head::response().with("Upgrade: h2c"), HandshakeError::MissingUpgrade);
}

#[test]
fn connection_lists_upgrade_in_any_case() {
    for lines in [
        &["Connection: Upgrade"][..],
        &["Connection: UPGRADE"],
        &["Connection: keep-alive, upgrade"],
        &["Connection: ,Upgrade ,"],
        &["Connection: keep-alive", "connection: Upgrade"],
    ] {
        let head = lines.iter().fold(Head::response().without("Connection"), |head, line| head.with(line));
        opened(&plain(), head);
    }
    failed(&plain(), Head::response().without("Connection"), HandshakeError::MissingConnectionUpgrade);
    for value in ["", "close", "keep-alive", "Upgraded", "Up grade", "Upgrade; x", "\"a, Upgrade, b\""] {
        let head = with("Connection", &format!("Connection: {value}"));
        failed(&plain(), head, HandshakeError::MissingConnectionUpgrade);
    }
}

#[test]
fn accept_is_the_answer_to_the_key() {
    opened(&plain(), with("Sec-WebSocket-Accept", &format!("Sec-WebSocket-Accept:\t {TOKEN} ")));
    failed(&plain(), Head::response().without("Sec-WebSocket-Accept"), HandshakeError::WrongAccept);
    for value in [
        "",
        "dGhlIHNhbXBsZSBub25jZQ==",      // the key
        "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",  // in another case
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",   // cut
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==", // and more
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=",  // the same bytes
        "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=",  // to another key
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo= x",
        "s3pPLMBi TxaQ9kYGzzhZRbK+xOo=",
    ] {
        let head = with("Sec-WebSocket-Accept", &format!("Sec-WebSocket-Accept: {value}"));
        failed(&plain(), head, HandshakeError::WrongAccept);
    }
}

#[test]
fn every_character_of_accept_counts() {
    for at in 0..TOKEN.len() {
        let mut token = TOKEN.to_owned().into_bytes();
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        let head = Vec::from(Head::response());
        let head = String::from_utf8(head).unwrap().replace(TOKEN, core::str::from_utf8(&token).unwrap());
        failed(&plain(), head, HandshakeError::WrongAccept);
    }
}

#[test]
fn accept_is_there_once() {
    // It "MUST NOT appear more than once in an HTTP response" (§11.3.3).
    let again = format!("Sec-WebSocket-Accept: {TOKEN}");
    failed(&plain(), Head::response().with(&again), HandshakeError::WrongAccept);
    let other = "sec-websocket-accept: C/0nmHhBztSRGR1CwL6Tf4ZjwpY=";
    failed(&plain(), Head::response().with(other), HandshakeError::WrongAccept);
    failed(&plain(), Head::response().with(other).reversed(), HandshakeError::WrongAccept);
}

#[test]
fn subprotocol_is_one_that_was_offered() {
    for chosen in ["chat", "superchat"] {
        let head = Head::response().with(format!("Sec-WebSocket-Protocol:  {chosen} "));
        assert_eq!(opened(&offering(), head).subprotocol(), Some(chosen));
    }
    assert_eq!(opened(&offering(), Head::response()).subprotocol(), None, "the server may choose none");
    for chosen in ["other", "Chat", "cha", "chats", "chat, superchat", "chat,", "\"chat\"", "ch\u{e4}t"] {
        let head = Head::response().with(format!("Sec-WebSocket-Protocol: {chosen}"));
        failed(&offering(), head, HandshakeError::UnexpectedSubprotocol(Excerpt::new(chosen)));
    }
    let head = Head::response().with("Sec-WebSocket-Protocol: chat");
    failed(&plain(), head, HandshakeError::UnexpectedSubprotocol(Excerpt::new("chat")));
    // However long the name is, the error has a bounded copy of it.
    let head = Head::response().with(format!("Sec-WebSocket-Protocol: {}", "x".repeat(999)));
    failed(&plain(), head, HandshakeError::UnexpectedSubprotocol(Excerpt::new("x".repeat(31))));
}

#[test]
fn subprotocol_is_there_once() {
    // "Sec-WebSocket-Protocol-Server = token" (§4.3), not "more than once in an HTTP response" (§11.3.4).
    let chosen = Head::response().with("Sec-WebSocket-Protocol: chat");
    for again in ["Sec-WebSocket-Protocol: chat", "sec-websocket-protocol: superchat"] {
        failed(&offering(), chosen.clone().with(again), HandshakeError::RepeatedSubprotocol);
    }
}

#[test]
fn an_empty_choice_counts_as_absent() {
    // Empty elements of a list are ignored (RFC 9110 §5.6.1); where nothing else is there, nothing was chosen.
    for name in ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"] {
        for value in ["", " ", ",", "\t, ,,"] {
            let accept = opened(&offering(), Head::response().with(format!("{name}:{value}")));
            assert_eq!(accept.subprotocol(), None, "{name}:{value}");
            assert!(accept.agreed_extensions().is_empty());
        }
    }
    for lines in [["", "chat"], ["chat", ""]] {
        let head = lines
            .iter()
            .fold(Head::response(), |head, value| head.with(format!("Sec-WebSocket-Protocol: {value}")));
        assert_eq!(opened(&offering(), head).subprotocol(), Some("chat"));
    }
}

#[test]
fn an_extension_that_was_not_offered_fails() {
    for (value, name) in [("permessage-deflate", "permessage-deflate"), ("x", "x"), ("a; b=\"c, d\"", "a")] {
        let head = Head::response().with(format!("Sec-WebSocket-Extensions: {value}"));
        let error = NegotiationError::new(NegotiationErrorKind::NotOffered, name);
        failed(&plain(), head, HandshakeError::UnexpectedExtension(error));
    }
}

#[test]
fn extensions_that_break_the_grammar_fail() {
    for value in ["x y", "x;", "x; y=", "x; y=\"z"] {
        let head = Head::response().with(format!("Sec-WebSocket-Extensions: {value}"));
        let error = ExtensionParams::parse_list(value.as_bytes()).unwrap_err();
        failed(&plain(), head, HandshakeError::InvalidExtension(error));
    }
}

#[test]
fn the_first_broken_rule_of_the_list_is_reported() {
    let head = Head::new("HTTP/1.1 101 x");
    failed(&plain(), head.clone(), HandshakeError::MissingUpgrade);
    let head = head.with("Upgrade: websocket");
    failed(&plain(), head.clone(), HandshakeError::MissingConnectionUpgrade);
    failed(&plain(), head.with("Connection: Upgrade"), HandshakeError::WrongAccept);
}

#[test]
fn an_acceptance_has_no_body_whatever_its_headers_are() {
    // "A server MUST NOT send" either; what follows a 101 is the new protocol (RFC 9110 §15.2.2).
    for line in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let head = Vec::from(Head::response().with(line));
        let seen = whole_answer(&plain(), &head);
        assert_eq!((seen.state, seen.consumed), (ConnectionState::Open, head.len()));
    }
}

#[test]
fn frames_after_an_acceptance_are_left_in_the_input() {
    for frames in [&b"\x81\x05Hello"[..], b"\x81", b"HTTP/1.1 404 x\r\n\r\n", b"\r\n\r\n", b"\n"] {
        let head = Vec::from(Head::response());
        let seen = answer([&head[..], frames].concat());
        assert_eq!((seen.state, seen.consumed), (ConnectionState::Open, head.len()));
    }
}

#[test]
fn informational_responses_are_passed_over() {
    for first in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nLink: </b>\r\n\r\n",
        "HTTP/1.1 199 \r\nUpgrade: h2c\r\nSec-WebSocket-Accept: x\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let seen = answer(first);
        assert_eq!((seen.state, seen.consumed), (ConnectionState::Connecting, first.len()));
        opened(&plain(), [first.as_bytes(), &Vec::from(Head::response())].concat());
        let seen = answer([first, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"].concat());
        assert_eq!(seen.reject.map(|reject| reject.status_code()), Some(404));
        assert_eq!(answer_and_eof(first).failure, Some(HandshakeError::UnexpectedEof));
    }
}

#[test]
fn informational_responses_are_counted() {
    let hint = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    let head = Vec::from(Head::response());
    opened(&plain(), [&hint.repeat(8)[..], &head].concat());
    failed(&plain(), [&hint.repeat(9)[..], &head].concat(), HandshakeError::TooManyInformational);
    for allowed in [0, 1, 2] {
        let mut limits = HandshakeLimits::default();
        limits.max_informational = allowed;
        let few = [&hint.repeat(allowed as usize)[..], &head].concat();
        assert!(answer_under(&plain(), limits, &few, false).accept.is_some());
        let seen = answer_under(&plain(), limits, &hint.repeat(allowed as usize + 1), false);
        assert_eq!(seen.failure, Some(HandshakeError::TooManyInformational));
    }
}

#[test]
fn an_endless_row_of_informational_responses_ends() {
    let hints = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    let mut reader = crate::support::Reader::new(&plain(), HandshakeLimits::default());
    reader.read(&hints);
    let seen = reader.end();
    assert_eq!(seen.failure, Some(HandshakeError::TooManyInformational));
    assert_eq!(seen.consumed, 9 * hints.len() / 10_000);
}
