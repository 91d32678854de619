//! A client's request, byte for byte (RFC 6455 §3, §4.1).

use wsproto::{
    ClientHandshake, ConnectionState, Entropy, HandshakeError, HandshakeLimits, LocalProtocolError, Request,
    SeededEntropy, UriError, WebSocketUri,
};

use crate::support::{Sample, acceptable, fields, plain};

/// What is written for `request`, with the nonce of §1.3.
fn written(request: Request) -> Vec<u8> {
    let mut entropy = Sample::default();
    let mut output = Vec::new();
    let start = ClientHandshake::new(request, HandshakeLimits::default(), &mut entropy, &mut output);
    assert_eq!(start.unwrap().state(), ConnectionState::Connecting);
    assert_eq!(entropy.draws, [16], "one nonce of sixteen bytes");
    output
}

#[test]
fn a_plain_request_has_the_lines_of_section_4_1() {
    let golden = "GET /chat HTTP/1.1\r\n\
        Host: server.example.com\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    assert_eq!(String::from_utf8(written(plain())).unwrap(), golden);
}

#[test]
fn a_full_request_keeps_order_and_case_of_headers() {
    let request = Request::new("server.example.com:8080", "/chat?x=1")
        .with_header("origin", "http://example.com")
        .with_subprotocol("superchat")
        .with_header("Cookie", "a=b; c=d")
        .with_subprotocol("chat")
        .with_header("cookie", b"e=\xe9")
        .with_header("X-Empty", "");
    let golden = b"GET /chat?x=1 HTTP/1.1\r\n\
        Host: server.example.com:8080\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: superchat, chat\r\n\
        origin: http://example.com\r\n\
        Cookie: a=b; c=d\r\n\
        cookie: e=\xe9\r\n\
        X-Empty: \r\n\r\n";
    let output = written(request.clone());
    assert_eq!(output.escape_ascii().to_string(), golden.escape_ascii().to_string());
    let read = acceptable(output);
    assert_eq!((read.host.as_str(), read.target.as_str()), (request.host(), request.target()));
    assert_eq!(read.origin.as_deref(), request.origin());
    assert_eq!(read.subprotocols, ["superchat", "chat"]);
}

#[test]
fn a_request_returns_what_it_was_built_from() {
    let request = plain().with_subprotocol("b").with_subprotocol("a").with_header("X-A", "1");
    assert_eq!((request.host(), request.target()), ("server.example.com", "/chat"));
    assert_eq!((request.origin(), request.subprotocols().collect::<Vec<_>>()), (None, vec!["b", "a"]));
    assert_eq!(request.headers().get("x-a"), Some(&b"1"[..]));
    assert_eq!(fields(request.headers()).last(), Some(&("X-A".to_owned(), b"1".to_vec())));
}

#[test]
fn host_is_written_as_it_is_given() {
    for host in ["localhost", "localhost:9001", "127.0.0.1", "[::1]", "[::1]:9001", "EXAMPLE.com"] {
        let output = String::from_utf8(written(Request::new(host, "/"))).unwrap();
        assert!(output.starts_with(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: ")));
        assert_eq!(acceptable(output).host, host);
    }
}

#[test]
fn target_is_written_as_it_is_given() {
    for target in ["/", "/?", "/a/b?c=/d?e", "/a%23b", "//", "/:@!$&'()*+,;="] {
        let output = String::from_utf8(written(Request::new("a", target))).unwrap();
        assert!(output.starts_with(&format!("GET {target} HTTP/1.1\r\n")));
        assert_eq!(acceptable(output).target, target);
    }
}

#[test]
fn target_is_a_path_without_a_fragment() {
    for target in ["", "chat", "?x", "*", "/#", "/a#b", "/a b", "/a\tb", "/\u{e9}", "/\x7f", "http://a/b"] {
        let start = ClientHandshake::new(
            Request::new("a", target),
            HandshakeLimits::default(),
            &mut Sample::default(),
            &mut Vec::new(),
        );
        assert_eq!(start.map(|_| ()), Err(LocalProtocolError::InvalidTarget), "{target}");
    }
}

#[test]
fn target_has_only_what_a_uri_may_have() {
    // RFC 3986 §3.3, §3.4: the rule of `WebSocketUri`; all else is to be percent-encoded (§2.1).
    for wrong in ["\\", "\"", "<", ">", "^", "{", "}", "`", "|", "[", "]", "%", "%2", "%2g"] {
        for target in [format!("/{wrong}"), format!("/a?b={wrong}")] {
            let start = ClientHandshake::new(
                Request::new("a", &target),
                HandshakeLimits::default(),
                &mut Sample::default(),
                &mut Vec::new(),
            );
            assert_eq!(start.map(|_| ()), Err(LocalProtocolError::InvalidTarget), "{target}");
            let uri = format!("ws://a{target}").parse::<WebSocketUri>();
            assert_eq!(uri, Err(UriError::ResourceName), "{target}");
        }
    }
}

#[test]
fn key_is_sixteen_bytes_drawn_for_each_connection() {
    /// Gives other bytes each time.
    struct Counter(u8);
    impl Entropy for Counter {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0;
                self.0 += 1;
            }
        }
    }
    let mut entropy = Counter(1);
    let mut key = || {
        let mut output = Vec::new();
        ClientHandshake::new(plain(), HandshakeLimits::default(), &mut entropy, &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        text.split("\r\n").find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap().to_owned()
    };
    assert_eq!(key(), "AQIDBAUGBwgJCgsMDQ4PEA=="); // bytes 1 to 16, as in §4.1
    assert_eq!(key(), "ERITFBUWFxgZGhscHR4fIA=="); // 17 to 32
}

#[test]
fn keys_of_the_operating_system_differ() {
    let mut entropy = SeededEntropy::new();
    let mut request = || {
        let mut output = Vec::new();
        ClientHandshake::new(plain(), HandshakeLimits::default(), &mut entropy, &mut output).unwrap();
        acceptable(output).token
    };
    assert_ne!(request(), request());
}

#[test]
fn a_request_is_appended_to_the_output() {
    let mut output = b"before".to_vec();
    let limits = HandshakeLimits::default();
    ClientHandshake::new(plain(), limits, &mut Sample::default(), &mut output).unwrap();
    assert_eq!(output, [&b"before"[..], &written(plain())].concat());
}

#[test]
fn a_request_is_written_to_a_fixed_output_whole_or_not_at_all() {
    let request = || plain().with_subprotocol("chat").with_header("X-A", "1");
    let limits = HandshakeLimits::default();
    let golden = written(request());
    for len in 0..golden.len() {
        let mut memory = vec![0xaa; len];
        let mut room = memory.as_mut_slice();
        let mut entropy = Sample::default();
        let refused = ClientHandshake::new(request(), limits, &mut entropy, &mut room);
        assert_eq!(refused.map(|_| ()), Err(LocalProtocolError::OutputFull(golden.len())));
        assert_eq!((room.len(), entropy.draws.len()), (len, 0), "no entropy is drawn");
        assert!(memory.iter().all(|byte| *byte == 0xaa));
    }
    let mut memory = vec![0xaa; golden.len()];
    let mut room = memory.as_mut_slice();
    ClientHandshake::new(request(), limits, &mut Sample::default(), &mut room).unwrap();
    assert!(room.is_empty());
    assert_eq!(memory, golden);
}

#[test]
fn a_client_waits_until_the_end_is_reported() {
    let limits = HandshakeLimits::default();
    let mut handshake =
        ClientHandshake::new(plain(), limits, &mut Sample::default(), &mut Vec::new()).unwrap();
    assert_eq!(handshake.receive(&mut &b""[..]), Ok(None));
    assert_eq!(handshake.state(), ConnectionState::Connecting);
    assert_eq!(handshake.receive_eof(), Err(HandshakeError::UnexpectedEof));
    assert_eq!(handshake.state(), ConnectionState::Closed);
    assert_eq!(handshake.receive(&mut &b"HTTP/1.1 101 x\r\n\r\n"[..]), Ok(None));
}
