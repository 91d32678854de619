//! An upgrade whose bytes another HTTP stack reads and writes (RFC 6455 §4.1, §4.2).
//!
//! That the verdicts are those of the bytes is asserted with every vector of the other files; here is what
//! there is besides.

use wsproto::{
    AcceptConnection, ClientHandshake, ClientUpgrade, ConnectionState, HandshakeError, HandshakeLimits,
    HandshakeResponse, Headers, HttpVersion, LocalProtocolError, RejectConnection, RejectData, Request,
    ResponseParts, ServerHandshake, ServerUpgrade, TextMessage, WsConnection, WsEvent,
};

use crate::handed_over::fields_of;
use crate::support::{KEY, Sample, TOKEN, fields, plain};

const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT;

/// The headers of the request of §1.3, as HTTP libraries give them.
const HEADERS: [(&str, &str); 5] = [
    ("host", "server.example.com"),
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-key", KEY),
    ("sec-websocket-version", "13"),
];

fn receive(headers: &[(&str, &str)]) -> Result<ServerUpgrade, HandshakeError> {
    ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, headers.iter().copied(), LIMITS)
}

fn received() -> ServerUpgrade {
    receive(&HEADERS).unwrap()
}

/// An upgrade that asks for `request`.
fn started(request: Request) -> ClientUpgrade {
    ClientUpgrade::new(request, LIMITS, &mut Sample::default()).unwrap()
}

fn pairs(headers: &Headers) -> Vec<(String, String)> {
    let text = |value| String::from_utf8(value).unwrap();
    fields(headers).into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn respond(
    upgrade: &ClientUpgrade,
    parts: &ResponseParts,
) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
    upgrade.receive_response(parts.status_code(), HttpVersion::Http11, parts.headers().iter())
}

#[test]
fn names_and_values_may_be_anything_with_bytes() {
    let owned: Vec<(String, Vec<u8>)> =
        HEADERS.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    let upgrade = ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, owned, LIMITS).unwrap();
    assert_eq!((upgrade.request().host(), upgrade.request().target()), ("server.example.com", "/chat"));
    let headers = received().request().headers().clone();
    assert!(ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, headers.iter(), LIMITS).is_ok());
}

#[test]
fn versions_other_than_1_1_are_refused() {
    for version in [HttpVersion::Http10, HttpVersion::Http2, HttpVersion::Http3] {
        let received = ServerUpgrade::parse("GET", "/chat", version, HEADERS, LIMITS);
        assert_eq!(received.map(|_| ()), Err(HandshakeError::HttpVersion));
        let accept = [("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-accept", TOKEN)];
        assert_eq!(started(plain()).receive_response(101, version, accept), Err(HandshakeError::HttpVersion));
    }
}

#[test]
fn what_would_end_a_field_is_refused_from_a_stack_too() {
    for value in ["a\r\nX: 1", "a\nb", "a\rb", "a\0b", "a\x7f"] {
        let headers = [&HEADERS[..], &[("x", value)]].concat();
        assert_eq!(receive(&headers).map(|_| ()), Err(HandshakeError::MalformedHead), "{value:?}");
    }
    for name in ["", "a b", "a:", ":path", "a\r\n", "\u{e9}", "a\0"] {
        let headers = [&HEADERS[..], &[(name, "1")]].concat();
        assert_eq!(receive(&headers).map(|_| ()), Err(HandshakeError::MalformedHead), "{name:?}");
    }
    for target in ["/a b", "/\r\n", "/\0", "", "chat", "/#", "/\u{e9}"] {
        let received = ServerUpgrade::parse("GET", target, HttpVersion::Http11, HEADERS, LIMITS);
        assert_eq!(received.map(|_| ()), Err(HandshakeError::InvalidTarget), "{target:?}");
    }
    for method in ["", "get", "GET ", "G\r\nET", "\u{e9}"] {
        let received = ServerUpgrade::parse(method, "/", HttpVersion::Http11, HEADERS, LIMITS);
        assert_eq!(received.map(|_| ()), Err(HandshakeError::MethodNotGet), "{method:?}");
    }
}

#[test]
fn a_head_counts_as_many_bytes_as_in_http_1_1() {
    let mut limits = LIMITS;
    let head: Vec<u8> = [
        "GET /chat HTTP/1.1\r\n".to_owned(),
        HEADERS.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect(),
        "\r\n".to_owned(),
    ]
    .concat()
    .into();
    limits.max_head_len = head.len();
    assert!(ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, HEADERS, limits).is_ok());
    assert!(matches!(ServerHandshake::new(limits).receive(&mut &head[..]), Ok(Some(_))));
    for len in 0..head.len() {
        limits.max_head_len = len;
        let received = ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, HEADERS, limits);
        assert_eq!(received.map(|_| ()), Err(HandshakeError::HeadTooLong), "{len}");
        assert!(ServerHandshake::new(limits).receive(&mut &head[..]).is_err());
    }
}

#[test]
fn fields_are_counted_before_they_are_kept() {
    let mut limits = LIMITS;
    limits.max_headers = HEADERS.len();
    assert!(ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, HEADERS, limits).is_ok());
    let endless = HEADERS.into_iter().chain(std::iter::repeat(("x", "1")));
    let received = ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, endless.clone(), limits);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::TooManyHeaders));
    limits.max_headers = usize::MAX;
    let received = ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, endless.clone(), limits);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::HeadTooLong));
    let answer = started(plain()).receive_response(101, HttpVersion::Http11, endless);
    assert_eq!(answer, Err(HandshakeError::TooManyHeaders));
}

#[test]
fn a_request_is_the_same_in_fields_and_in_bytes() {
    let request = || {
        plain()
            .with_subprotocol("b")
            .with_header("X-A", "1")
            .with_subprotocol("a")
            .with_header("Origin", "null")
            .with_header("x-a", b"\xff")
    };
    for request in [plain(), request()] {
        let mut output = Vec::new();
        ClientHandshake::new(request.clone(), LIMITS, &mut Sample::default(), &mut output).unwrap();
        assert_eq!(fields(&started(request).headers()), fields_of(&output));
    }
}

#[test]
fn an_answer_is_the_same_in_fields_and_in_bytes() {
    let request = plain().with_subprotocol("b").with_subprotocol("a");
    let headers = started(request).headers();
    let upgrade = ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, headers.iter(), LIMITS).unwrap();
    let accept = AcceptConnection::new().with_header("Server", "x").with_subprotocol("a");
    let parts = upgrade.accept(accept.clone()).unwrap();
    let mut output = Vec::new();
    ServerHandshake::from(upgrade).accept(accept, &mut output).unwrap();
    assert_eq!((parts.status_code(), fields(parts.headers())), (101, fields_of(&output)));
}

#[test]
fn both_ends_agree_over_a_stack() {
    let client = started(plain().with_subprotocol("a").with_subprotocol("b"));
    let target = client.request().target();
    let headers = client.headers();
    let server = ServerUpgrade::parse("GET", target, HttpVersion::Http11, headers.iter(), LIMITS).unwrap();
    assert!(server.request().subprotocols().eq(["a", "b"]));
    let parts = server.accept(AcceptConnection::new().with_subprotocol("b")).unwrap();
    let answer = respond(&client, &parts);
    assert!(
        matches!(answer, Ok(Some(HandshakeResponse::Accept(accept))) if accept.subprotocol() == Some("b"))
    );
}

#[test]
fn a_proxy_forwards_a_request_and_checks_the_response() {
    let server = received();
    let upgrade = ClientUpgrade::from(server.clone());
    assert_eq!(upgrade.headers().get("Sec-WebSocket-Key"), Some(KEY.as_bytes()));
    let parts = server.accept(AcceptConnection::new()).unwrap();
    assert!(matches!(respond(&upgrade, &parts), Ok(Some(HandshakeResponse::Accept(_)))));
    let accept = [("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-accept", KEY)];
    let answer = upgrade.receive_response(101, HttpVersion::Http11, accept);
    assert_eq!(answer, Err(HandshakeError::WrongAccept));
}

#[test]
fn informational_responses_are_skipped() {
    for status in [100, 102, 103, 199] {
        let answer = started(plain()).receive_response(status, HttpVersion::Http11, [("link", "</a>")]);
        assert_eq!(answer, Ok(None), "{status}");
    }
}

#[test]
fn any_other_status_is_returned_as_a_refusal() {
    for (status, headers, has_body) in [
        (200, &[][..], true),
        (302, &[("location", "/b")][..], true),
        (401, &[("content-length", "0")], false),
        (503, &[("retry-after", "5"), ("content-length", "7")], true),
        (503, &[("transfer-encoding", "chunked")], true),
        (204, &[], false),
        (304, &[("content-length", "7")], false),
    ] {
        let answer = started(plain()).receive_response(status, HttpVersion::Http11, headers.iter().copied());
        let Ok(Some(HandshakeResponse::Reject(reject))) = answer else { panic!("{answer:?}") };
        assert_eq!((reject.status_code(), reject.has_body()), (status, has_body), "{headers:?}");
        assert!(
            pairs(reject.headers())
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .eq(headers.iter().copied())
        );
    }
    for (headers, error) in [
        (&[("content-length", "x")][..], HandshakeError::MalformedBody),
        (&[("content-length", "1"), ("content-length", "2")], HandshakeError::MalformedBody),
        (&[("content-length", "65537")], HandshakeError::BodyTooLong),
    ] {
        let answer = started(plain()).receive_response(403, HttpVersion::Http11, headers.iter().copied());
        assert_eq!(answer, Err(error), "{headers:?}");
    }
}

#[test]
fn a_refusal_says_what_the_stack_cannot_know() {
    let parts =
        |reject| ServerUpgrade::reject(reject).map(|parts| (parts.status_code(), pairs(parts.headers())));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (reject, expected) in [
        (RejectConnection::new(403), vec![pair("Content-Length", "0")]),
        (RejectConnection::new(403).with_header("Content-Length", "0"), vec![pair("Content-Length", "0")]),
        (RejectConnection::new(304).with_header("Content-Length", "9"), vec![pair("Content-Length", "9")]),
        (RejectConnection::new(404).with_body(), vec![]),
        (
            RejectConnection::new(404).with_body().with_header("Content-Length", "9"),
            vec![pair("Content-Length", "9")],
        ),
        (
            HandshakeError::UnsupportedVersion.response(),
            vec![
                pair("Connection", "Upgrade"),
                pair("Content-Length", "0"),
                pair("Upgrade", "websocket"),
                pair("Sec-WebSocket-Version", "13"),
            ],
        ),
    ] {
        assert_eq!(parts(reject.clone()), Ok((reject.status_code(), expected)), "{reject:?}");
    }
}

#[test]
fn misuse_is_refused_in_fields_as_in_bytes() {
    use LocalProtocolError as E;
    for (request, error) in [
        (Request::new("a\r\nb", "/"), E::InvalidHost),
        (Request::new("a", "/\n"), E::InvalidTarget),
        (plain().with_header("X\r\n", "1"), E::InvalidHeaderName),
        (plain().with_header("X", "1\0"), E::InvalidHeaderValue),
        (plain().with_header("Connection", "x"), E::ReservedHeader),
        (plain().with_subprotocol("a\r\n"), E::InvalidSubprotocol),
    ] {
        let mut entropy = Sample::default();
        assert_eq!(ClientUpgrade::new(request, LIMITS, &mut entropy).map(|_| ()), Err(error));
        assert_eq!(entropy.draws, [], "nothing is drawn for nothing");
    }
    for (accept, error) in [
        (AcceptConnection::new().with_subprotocol("a"), E::SubprotocolNotOffered),
        (AcceptConnection::new().with_subprotocol("a\r\n"), E::InvalidSubprotocol),
        (AcceptConnection::new().with_header("X", "a\r\nb"), E::InvalidHeaderValue),
        (AcceptConnection::new().with_header("Upgrade", "x"), E::ReservedHeader),
    ] {
        assert_eq!(received().accept(accept), Err(error));
    }
    for (reject, error) in [
        (RejectConnection::new(200), E::InvalidStatus(200)),
        (RejectConnection::new(101), E::InvalidStatus(101)),
        (RejectConnection::new(403).with_header("X", "a\nb"), E::InvalidHeaderValue),
        (RejectConnection::new(403).with_header("Connection", "x"), E::ReservedHeader),
        (RejectConnection::new(403).with_header("Content-Length", "5"), E::InvalidBody),
        (RejectConnection::new(304).with_body(), E::InvalidBody),
        (RejectConnection::new(403).with_body().with_header("Content-Length", "x"), E::InvalidBody),
    ] {
        assert_eq!(ServerUpgrade::reject(reject), Err(error));
    }
}

#[test]
fn a_handed_over_request_can_be_answered_in_bytes() {
    let mut handshake = ServerHandshake::from(received());
    assert_eq!(handshake.request().map(Request::target), Some("/chat"));
    let mut early: &[u8] = b"\x81\x80\0\0\0\0";
    assert_eq!(handshake.receive(&mut early), Ok(None));
    assert_eq!(early.len(), 6, "what is behind the request is left alone");
    let mut output = Vec::new();
    let reject = RejectConnection::new(403).with_body();
    handshake.reject(reject, &mut output).unwrap();
    handshake.reject_data(RejectData { data: "no", body_finished: true }, &mut output).unwrap();
    assert!(output.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
}

#[test]
fn a_connection_takes_a_handed_over_request() {
    let mut ws = WsConnection::server();
    let event = ws.receive_request(received()).unwrap();
    assert!(matches!(&event, WsEvent::Request(request) if request.target() == "/chat"));
    ws.receive_data(b"\x81\x82\0\0\0\0hi").unwrap();
    assert_eq!(ws.next_event(), Ok(None), "it was told");
    let output = ws.send(AcceptConnection::new()).unwrap();
    assert!(output.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    let hi = TextMessage::new("hi".to_owned());
    assert_eq!(ws.next_event(), Ok(Some(WsEvent::Text(hi))));
}

#[test]
fn a_connection_takes_one_request_only() {
    let refused = Err(LocalProtocolError::NotInHandshake);
    let mut ws = WsConnection::server();
    ws.receive_request(received()).unwrap();
    assert_eq!(ws.receive_request(received()), refused);
    ws.send(AcceptConnection::new()).unwrap();
    assert_eq!(ws.receive_request(received()), refused);
    assert_eq!(ws.state(), ConnectionState::Open);
    assert_eq!(WsConnection::client(Sample::default()).receive_request(received()), refused);
    let mut failed = WsConnection::server();
    failed.receive_data(b"\n").unwrap();
    assert!(failed.next_event().is_err());
    assert_eq!(failed.receive_request(received()), refused);
}

#[test]
fn a_refusal_may_upgrade_and_close() {
    // RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
    let reject =
        RejectConnection::new(426).with_header("Upgrade", "websocket").with_header("Connection", "close");
    let headers = pairs(ServerUpgrade::reject(reject).unwrap().headers());
    assert!(headers.contains(&("Connection".into(), "Upgrade, close".into())), "{headers:?}");
}

#[test]
#[cfg(feature = "deflate")]
fn server_refuses_to_accept_an_extension_that_this_client_has_not_offered() {
    // "…the server may only use extensions that the client has requested" (§4.2.2, §9.1).
    let deflate = wsproto::PermessageDeflate::new();
    let other = plain().with_extensions(&[&deflate]);
    assert_eq!((other.path(), other.target()), ("/chat", "/chat"));
    let (accept, _) = AcceptConnection::new().with_extensions(&[&deflate], &other);
    assert_eq!(received().accept(accept), Err(LocalProtocolError::ExtensionNotOffered));
}
