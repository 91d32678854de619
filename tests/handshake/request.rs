//! What a server asks of a request (RFC 6455 §4.2.1, §4.3, §11.3; RFC 9112 §3.2, §6.3).

use wsproto::{AcceptConnection, ConnectionState, HandshakeError, HandshakeLimits, Request, ServerHandshake};

use crate::support::{
    Asked, Head, KEY, TOKEN, acceptable, ask, cuts, deciding, read_request, refused, refused_by,
};

/// The request of §1.3, with one line changed.
fn with(name: &str, line: &str) -> Head {
    Head::request().set(name, line)
}

#[test]
fn the_request_of_section_1_2_is_acceptable() {
    let head = Head::new("GET /chat HTTP/1.1")
        .with("Host: server.example.com")
        .with("Upgrade: websocket")
        .with("Connection: Upgrade")
        .with(format!("Sec-WebSocket-Key: {KEY}"))
        .with("Origin: http://example.com")
        .with("Sec-WebSocket-Protocol: chat, superchat")
        .with("Sec-WebSocket-Version: 13");
    let request = acceptable(head);
    assert_eq!(request.host, "server.example.com");
    assert_eq!(request.target, "/chat");
    assert_eq!(request.origin, Some(b"http://example.com".to_vec()));
    assert_eq!(request.subprotocols, ["chat", "superchat"]);
    assert_eq!(request.token, TOKEN);
}

#[test]
fn all_headers_are_returned_in_order_and_case() {
    let head = Head::request().with("x-LOWER: 1").with("X-Lower: 2").with("cookie: a=b; c=d");
    let headers = acceptable(head).headers;
    let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let handshake = ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"];
    assert_eq!(names, [&handshake[..], &["x-LOWER", "X-Lower", "cookie"]].concat());
    assert_eq!(
        headers[5..].iter().map(|(_, value)| &value[..]).collect::<Vec<_>>(),
        [&b"1"[..], b"2", b"a=b; c=d"]
    );
}

#[test]
fn order_is_not_important() {
    let request = acceptable(Head::request().with("Sec-WebSocket-Protocol: chat").reversed());
    assert_eq!((request.token.as_str(), request.subprotocols), (TOKEN, vec!["chat".to_owned()]));
}

#[test]
fn names_are_compared_without_case() {
    for change in [str::to_ascii_lowercase, str::to_ascii_uppercase] {
        let mut head = Head::new("GET /chat HTTP/1.1");
        for (name, value) in [
            ("Host", "server.example.com"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Protocol", "chat"),
            ("Origin", "null"),
        ] {
            head = head.with(format!("{}: {value}", change(name)));
        }
        let request = acceptable(head);
        assert_eq!((request.token.as_str(), request.host.as_str()), (TOKEN, "server.example.com"));
        assert_eq!((request.origin, request.subprotocols), (Some(b"null".to_vec()), vec!["chat".to_owned()]));
    }
}

#[test]
fn unknown_headers_are_ignored() {
    for line in ["X-Foo: bar", "Sec-WebSocket-Foo: bar", "Keep-Alive: 5", "X-Empty:", "X-Latin: caf\u{e9}"] {
        acceptable(Head::request().with(line));
    }
    acceptable(Head::request().with(b"X-Bytes: \x80\xff"));
}

#[test]
fn version_of_http_is_1_1() {
    for version in ["1.0", "2.0", "0.9", "3.0"] {
        let head = Head::request().start(format!("GET /chat HTTP/{version}"));
        refused(head, HandshakeError::HttpVersion);
    }
}

#[test]
fn a_higher_minor_version_of_http_is_read_as_1_1() {
    // As "the highest minor version within that major version to which the recipient is conformant" (RFC 9110 §2.5).
    for version in ["1.2", "1.3", "1.9"] {
        let request = acceptable(Head::request().start(format!("GET /chat HTTP/{version}")));
        assert_eq!((&request.target[..], &request.token[..]), ("/chat", TOKEN));
    }
    for version in ["1.10", "1.a", "1.", "1", "1.1.2", "2.2", "12"] {
        let head = Vec::from(Head::request().start(format!("GET /chat HTTP/{version}")));
        assert!(matches!(ask(HandshakeLimits::default(), &head).0, Asked::Refused { .. }), "{version}");
    }
}

#[test]
fn method_is_get() {
    for method in ["HEAD", "POST", "CONNECT", "OPTIONS", "PATCH", "get", "Get", "GETT", "G"] {
        refused(Head::request().start(format!("{method} /chat HTTP/1.1")), HandshakeError::MethodNotGet);
    }
}

#[test]
fn upgrade_lists_websocket_in_any_case() {
    for lines in [
        &["Upgrade: websocket"][..],
        &["Upgrade: WebSocket"],
        &["Upgrade: WEBSOCKET"],
        &["Upgrade:websocket"],
        &["Upgrade: \t websocket\t "],
        &["Upgrade: h2c, websocket"],
        &["Upgrade: websocket,h2c"],
        &["Upgrade: ,, websocket ,"],
        &["Upgrade: h2c", "Upgrade: websocket"],
        &["Upgrade: websocket", "upgrade: h2c, foo/1"],
    ] {
        let head = lines.iter().fold(Head::request().without("Upgrade"), |head, line| head.with(line));
        assert_eq!(acceptable(head).token, TOKEN, "{lines:?}");
    }
}

#[test]
fn upgrade_to_something_else_is_refused() {
    refused(Head::request().without("Upgrade"), HandshakeError::MissingUpgrade);
    for value in ["", ",", "h2c", "websockets", "web socket", "websocket/13", "\"websocket\"", "xwebsocket"] {
        refused(with("Upgrade", &format!("Upgrade: {value}")), HandshakeError::MissingUpgrade);
    }
}

#[test]
fn connection_lists_upgrade_in_any_case() {
    // "A recipient MUST parse and ignore a reasonable number of empty list elements" (RFC 9110 §5.6.1).
    for lines in [
        &["Connection: Upgrade"][..],
        &["Connection: upgrade"],
        &["Connection: UPGRADE"],
        &["Connection: keep-alive, Upgrade"],
        &["Connection: Upgrade,keep-alive"],
        &["Connection: keep-alive \t,\t upgrade , x"],
        &["Connection: , Upgrade,, "],
        &["Connection: keep-alive", "Connection: Upgrade"],
        &["Connection: close", "X-Between: 1", "connection: x", "CONNECTION: upgrade"],
    ] {
        let head = lines.iter().fold(Head::request().without("Connection"), |head, line| head.with(line));
        assert_eq!(acceptable(head).token, TOKEN, "{lines:?}");
    }
}

#[test]
fn connection_without_upgrade_is_refused() {
    refused(Head::request().without("Connection"), HandshakeError::MissingConnectionUpgrade);
    for value in
        ["", "close", "keep-alive", "Upgraded", "Up grade", "xUpgrade", "keep-alive; Upgrade", "Upgrade;x"]
    {
        let line = format!("Connection: {value}");
        refused(with("Connection", &line), HandshakeError::MissingConnectionUpgrade);
    }
}

#[test]
fn commas_between_quotes_separate_nothing() {
    // A "quoted-string" is one value (RFC 9110 §5.6.1, §5.6.4).
    for value in ["\"a, Upgrade, b\"", "a=\"x, Upgrade", "\"a\\\", Upgrade\"", "\"Upgrade\""] {
        let line = format!("Connection: {value}");
        refused(with("Connection", &line), HandshakeError::MissingConnectionUpgrade);
        let line = format!("Upgrade: {}", value.replace("Upgrade", "websocket"));
        refused(with("Upgrade", &line), HandshakeError::MissingUpgrade);
    }
    for value in ["\"a, b\", Upgrade", "\"a\\\", b\", Upgrade", "a\\\"\", Upgrade"] {
        acceptable(with("Connection", &format!("Connection: {value}")));
    }
    let offers = Head::request().with("Sec-WebSocket-Protocol: \"a, b\", c");
    assert_eq!(acceptable(offers).subprotocols, ["c"]);
}

#[test]
fn key_is_sixteen_bytes_in_base64() {
    for (key, token) in [
        ("AQIDBAUGBwgJCgsMDQ4PEA==", "C/0nmHhBztSRGR1CwL6Tf4ZjwpY="), // the example of §4.1
        ("/////////////////////w==", "XXpj4jYzLM2yUE0C7TIgMwTQh2g="),
        ("8PHy8/T19vf4+fr7/P3+/w==", "o1HBjBrgy9KLkiDEDur3dyqqLEs="),
    ] {
        assert_eq!(acceptable(with("Sec-WebSocket-Key", &format!("Sec-WebSocket-Key: {key}"))).token, token);
    }
    for key in [
        "",
        "AAAAAAAAAAAAAAAAAAAA",                         // 15 bytes
        "AAAAAAAAAAAAAAAAAAAAAAA=",                     // 17
        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", // 32
        "dGhlIHNhbXBsZSBub25jZQ",                       // no padding
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25j_Q==", // another alphabet
        "dGhlIHNhbXBs ZSBub25jZQ=",
        "=GhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
        "the sample nonce",
    ] {
        refused(with("Sec-WebSocket-Key", &format!("Sec-WebSocket-Key: {key}")), HandshakeError::InvalidKey);
    }
}

#[test]
fn key_is_there_once() {
    // It "MUST NOT appear more than once in an HTTP request" (§11.3.1).
    refused(Head::request().without("Sec-WebSocket-Key"), HandshakeError::InvalidKey);
    refused(Head::request().with(format!("sec-websocket-key: {KEY}")), HandshakeError::InvalidKey);
    let other = "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==";
    refused(Head::request().with(other), HandshakeError::InvalidKey);
}

#[test]
fn spaces_around_the_key_do_not_count() {
    let line = format!("Sec-WebSocket-Key: \t {KEY} \t");
    assert_eq!(acceptable(with("Sec-WebSocket-Key", &line)).token, TOKEN);
}

#[test]
fn version_is_13() {
    for version in ["0", "1", "7", "8", "12", "14", "130", "255"] {
        let line = format!("Sec-WebSocket-Version: {version}");
        refused(with("Sec-WebSocket-Version", &line), HandshakeError::UnsupportedVersion);
    }
}

#[test]
fn version_is_one_number_below_256_without_a_leading_zero() {
    // §4.3; it "MUST NOT appear more than once in an HTTP request" (§11.3.5).
    refused(Head::request().without("Sec-WebSocket-Version"), HandshakeError::InvalidVersion);
    refused(Head::request().with("Sec-WebSocket-Version: 13"), HandshakeError::InvalidVersion);
    refused(Head::request().with("Sec-WebSocket-Version: 8"), HandshakeError::InvalidVersion);
    for version in ["", "013", "00", "256", "1000", "99999999999999999999", "-13", "+13", "13.0", "0xd", "x"]
    {
        let line = format!("Sec-WebSocket-Version: {version}");
        refused(with("Sec-WebSocket-Version", &line), HandshakeError::InvalidVersion);
    }
    for version in ["8, 13", "13, 13", "13,", "1 3"] {
        let line = format!("Sec-WebSocket-Version: {version}");
        refused(with("Sec-WebSocket-Version", &line), HandshakeError::InvalidVersion);
    }
}

#[test]
fn subprotocols_are_a_list_of_tokens_over_any_number_of_headers() {
    for (lines, subprotocols) in [
        (&[][..], &[][..]),
        (&["chat"], &["chat"]),
        (&["chat, superchat"], &["chat", "superchat"]),
        (&["superchat,chat"], &["superchat", "chat"]),
        (&["a", "b,c", "d"], &["a", "b", "c", "d"]),
        (&[" ,a,, \tb\t,"], &["a", "b"]),
        (&["v1.chat!#$%&'*+-^_`|~"], &["v1.chat!#$%&'*+-^_`|~"]),
        (&["Chat, chat"], &["Chat", "chat"]),
    ] {
        let head = lines
            .iter()
            .fold(Head::request(), |head, line| head.with(format!("Sec-WebSocket-Protocol: {line}")));
        assert_eq!(acceptable(head).subprotocols, subprotocols);
    }
}

#[test]
fn subprotocols_that_are_not_tokens_are_not_offered() {
    // Subprotocols are tokens (§4.3). What is not can never be chosen, and says nothing about the rest of the request.
    for (list, subprotocols) in [
        ("a b", &[][..]),
        ("a;b", &[]),
        ("a, b/c", &["a"]),
        ("\"a\"", &[]),
        ("\"a\", b", &["b"]),
        ("a=b", &[]),
        ("chat, (x)", &["chat"]),
        ("caf\u{e9}, x", &["x"]),
        ("a@b", &[]),
    ] {
        let head = Head::request().with(format!("Sec-WebSocket-Protocol: {list}"));
        assert_eq!(acceptable(head).subprotocols, subprotocols, "{list}");
    }
    let mut handshake = deciding(Head::request().with("Sec-WebSocket-Protocol: a b"));
    for chosen in ["a b", "a", "b"] {
        let accept = AcceptConnection::new().with_subprotocol(chosen);
        assert!(handshake.accept(accept, &mut Vec::new()).is_err(), "{chosen}");
    }
}

#[test]
fn an_empty_list_is_an_absent_one() {
    // "A recipient MUST parse and ignore a reasonable number of empty list elements" (RFC 9110 §5.6.1).
    for name in ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"] {
        for value in ["", " ", ",", "\t, ,,"] {
            let request = acceptable(Head::request().with(format!("{name}:{value}")));
            assert!(request.subprotocols.is_empty(), "{name}:{value}");
        }
    }
    let head = Head::request().with("Sec-WebSocket-Protocol:").with("Sec-WebSocket-Protocol: chat");
    assert_eq!(acceptable(head).subprotocols, ["chat"]);
}

#[test]
fn request_has_no_body() {
    acceptable(Head::request().with("Content-Length: 0"));
    for line in [
        "Content-Length: 5",
        "Content-Length: -1",
        "Content-Length: x",
        "Content-Length: 0, 5",
        "Content-Length:",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
    ] {
        refused(Head::request().with(line), HandshakeError::RequestBody);
    }
    refused(Head::request().with("Content-Length: 0").with("content-length: 7"), HandshakeError::RequestBody);
}

#[test]
fn the_first_broken_rule_of_the_list_is_reported() {
    let head = || Head::new("GET /chat HTTP/1.1");
    refused(head(), HandshakeError::InvalidHost);
    refused(head().with("Host: a"), HandshakeError::MissingUpgrade);
    refused(head().with("Host: a").with("Upgrade: websocket"), HandshakeError::MissingConnectionUpgrade);
    refused(head().start("POST /chat HTTP/1.0"), HandshakeError::HttpVersion);
    refused(head().start("POST # HTTP/1.1"), HandshakeError::MethodNotGet);
}

#[test]
fn an_old_version_does_not_skip_the_other_rules() {
    let old = || with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8");
    refused(old().without("Upgrade"), HandshakeError::MissingUpgrade);
    refused(old().without("Connection"), HandshakeError::MissingConnectionUpgrade);
    refused(old().with("Transfer-Encoding: chunked"), HandshakeError::RequestBody);
}

#[test]
fn half_a_request_is_waited_for() {
    let head = Vec::from(Head::request());
    for len in 0..head.len() {
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let mut input = &head[..len];
        assert_eq!(handshake.receive(&mut input), Ok(None));
        assert_eq!((input, handshake.state()), (&b""[..], ConnectionState::Connecting));
        assert_eq!(handshake.receive_eof(), Err(HandshakeError::UnexpectedEof), "after {len} bytes");
        assert_eq!(handshake.receive_eof(), Ok(()), "the end is told once");
        assert_eq!(handshake.state(), ConnectionState::Closed);
        assert_eq!(handshake.receive(&mut &head[len..]), Ok(None), "nothing follows the end");
    }
    for pieces in cuts(&head[..head.len() - 1]) {
        assert_eq!(read_request(HandshakeLimits::default(), &pieces), (Asked::Pending, head.len() - 1));
    }
    assert_eq!(deciding(head).receive_eof(), Ok(()), "the request is complete");
}

#[test]
fn a_second_request_is_not_read() {
    let head = Vec::from(Head::request());
    let pair = [head.as_slice(), &head].concat();
    let (asked, consumed) = ask(HandshakeLimits::default(), &pair);
    assert!(matches!(asked, Asked::Acceptable(_)));
    assert_eq!(consumed, head.len());
}

#[test]
fn an_empty_input_is_not_a_request() {
    assert_eq!(ask(HandshakeLimits::default(), b""), (Asked::Pending, 0));
    refused_by(HandshakeLimits::default(), b"\x16\x03\x01\x02\0\r\n", HandshakeError::MalformedHead);
}

#[test]
fn header_fields_are_iterated_in_order_by_a_loop_over_a_reference() {
    let request =
        Request::new("h", "/").with_header("X-One", "1").with_header("Y", "").with_header("x-one", "2");
    let headers = request.headers();
    let mut seen = Vec::new();
    for (name, value) in headers {
        seen.push((name, value));
    }
    assert_eq!(seen, [("Host", &b"h"[..]), ("X-One", b"1"), ("Y", b""), ("x-one", b"2")]);
    assert_eq!(seen.len(), headers.len());
    assert!(headers.iter().eq(seen));
    assert_eq!(headers.into_iter().fuse().clone().count(), 4);
}
