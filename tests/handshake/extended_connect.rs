//! A WebSocket in a stream of HTTP/2 or HTTP/3 (RFC 8441 §3 to §5; RFC 9220 §3; RFC 9113 §8.2, §8.3, §8.5, §8.6;
//! RFC 9114 §4.2, §4.3).

use wsproto::{
    AcceptConnection, Answer, ClientHandshake, CloseCode, CloseConnection, Connection, ConnectionState,
    Event, ExtendedConnect, HandshakeError, HandshakeLimits, Headers, HttpVersion, Limits,
    LocalProtocolError, RejectConnection, Request, ResponseParts, Scheme, ServerHandshake, TextMessage,
    Upgrade, WebSocketUri, WsConnection, WsEvent,
};

use crate::support::{Head, Sample, deciding, plain};

const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT;

type Fields = Vec<(String, String)>;

/// The request of RFC 8441 §5.1, without what a client may leave out.
fn request() -> Fields {
    [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/chat"),
        (":authority", "server.example.com"),
        ("sec-websocket-version", "13"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// With one more field behind the others.
fn with(name: &str, value: &str) -> Fields {
    let mut fields = request();
    fields.push((name.to_owned(), value.to_owned()));
    fields
}

/// With another value.
fn set(name: &str, value: &str) -> Fields {
    let mut fields = request();
    fields.iter_mut().find(|field| field.0 == name).unwrap().1 = value.to_owned();
    fields
}

fn without(name: &str) -> Fields {
    let mut fields = request();
    fields.retain(|field| field.0 != name);
    fields
}

fn acceptable(fields: Fields) -> ExtendedConnect {
    ExtendedConnect::receive(fields.clone(), LIMITS).unwrap_or_else(|error| panic!("{error}: {fields:?}"))
}

/// Asserts that a server refuses the request by this error, and that its response can be sent as it is.
fn refused(fields: Fields, error: HandshakeError) -> ResponseParts {
    assert_eq!(ExtendedConnect::receive(fields.clone(), LIMITS).map(|_| ()), Err(error), "{fields:?}");
    ExtendedConnect::reject(error.response()).unwrap()
}

fn started(request: Request) -> ExtendedConnect {
    ExtendedConnect::start(request, Scheme::Wss, LIMITS).unwrap()
}

fn pairs<'f>(fields: impl Iterator<Item = (&'f str, &'f [u8])>) -> Fields {
    fields.map(|(name, value)| (name.to_owned(), String::from_utf8(value.to_vec()).unwrap())).collect()
}

/// What a client makes of these fields as the response.
fn respond(request: Request, fields: &[(&str, &str)]) -> Result<Option<Answer<'static>>, HandshakeError> {
    started(request).receive_response(fields.iter().copied())
}

#[test]
fn the_request_of_rfc_8441_is_acceptable() {
    let mut fields = request();
    fields.push(("sec-websocket-protocol".to_owned(), "chat, superchat".to_owned()));
    fields.push(("sec-websocket-extensions".to_owned(), "permessage-deflate".to_owned()));
    fields.push(("origin".to_owned(), "http://www.example.com".to_owned()));
    let connect = acceptable(fields);
    let request = connect.request();
    assert_eq!(
        (request.host(), request.target(), connect.scheme()),
        ("server.example.com", "/chat", Scheme::Wss)
    );
    assert_eq!(request.origin(), Some(&b"http://www.example.com"[..]));
    assert!(request.subprotocols().eq(["chat", "superchat"]));
    assert!(request.headers().iter().all(|(name, _)| !name.starts_with(':')));
    let parts = connect.accept(AcceptConnection::new().with_subprotocol("chat")).unwrap();
    assert_eq!(
        pairs(parts.fields()),
        [(":status", "200"), ("sec-websocket-protocol", "chat")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
}

#[test]
fn a_client_asks_as_in_rfc_8441() {
    let uri: WebSocketUri = "wss://server.example.com/chat?x".parse().unwrap();
    let request = Request::to(&uri)
        .with_subprotocol("chat")
        .with_subprotocol("superchat")
        .with_header("Origin", "http://www.example.com");
    let connect = ExtendedConnect::start(request, uri.scheme(), LIMITS).unwrap();
    assert_eq!(
        pairs(connect.fields().iter()),
        [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":authority", "server.example.com"),
            (":path", "/chat?x"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "chat, superchat"),
            ("origin", "http://www.example.com"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let plain = ExtendedConnect::start(plain(), Scheme::Ws, LIMITS).unwrap();
    assert_eq!(plain.fields().get(":scheme"), Some(&b"http"[..]));
}

#[test]
fn both_ends_agree() {
    let request = plain().with_subprotocol("a").with_header("X-A", "1").with_subprotocol("b");
    let client = started(request);
    let server = ExtendedConnect::receive(client.fields().iter(), LIMITS).unwrap();
    assert_eq!((server.request().host(), server.request().target()), ("server.example.com", "/chat"));
    assert_eq!(server.request().headers().get("x-a"), Some(&b"1"[..]));
    let parts = server.accept(AcceptConnection::new().with_subprotocol("b").with_header("X-B", "2")).unwrap();
    let Ok(Some(Answer::Accept(accept))) = client.receive_response(parts.fields()) else { panic!() };
    assert_eq!((accept.subprotocol(), accept.headers().get("X-B")), (Some("b"), Some(&b"2"[..])));
}

#[test]
fn method_is_connect() {
    for method in ["GET", "connect", "CONNEC", "", "CONNECT "] {
        let parts = refused(set(":method", method), HandshakeError::MethodNotConnect);
        assert_eq!((parts.status_code(), parts.headers().get("allow")), (405, Some(&b"CONNECT"[..])));
    }
    let get = vec![(":method".to_owned(), "GET".to_owned()), (":path".to_owned(), "/".to_owned())];
    refused(get, HandshakeError::MethodNotConnect);
}

#[test]
fn protocol_is_websocket() {
    // An "unknown" or "not supported" one is answered by 501 (RFC 9220 §3).
    for protocol in
        ["", "WebSocket", "websocket2", "connect-udp", "webtransport", "websocket, h2c", " websocket"]
    {
        let parts = refused(set(":protocol", protocol), HandshakeError::UnsupportedProtocol);
        assert_eq!(parts.status_code(), 501);
    }
}

#[test]
fn every_pseudo_header_is_there_once() {
    for name in [":method", ":protocol", ":scheme", ":path", ":authority"] {
        let parts = refused(without(name), HandshakeError::InvalidPseudoHeader);
        assert_eq!(parts.status_code(), 400);
        let value = request().iter().find(|field| field.0 == name).unwrap().1.clone();
        let mut fields = request();
        fields.insert(0, (name.to_owned(), value));
        refused(fields, HandshakeError::InvalidPseudoHeader);
    }
    refused(Vec::new(), HandshakeError::InvalidPseudoHeader);
}

#[test]
fn a_plain_connect_is_no_request_for_a_websocket() {
    let tunnel = [(":method", "CONNECT"), (":authority", "server.example.com:443")];
    let tunnel = tunnel.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    refused(tunnel, HandshakeError::InvalidPseudoHeader);
}

#[test]
fn pseudo_headers_come_first_in_any_order() {
    let mut fields = request();
    fields[..5].reverse();
    acceptable(fields);
    let mut fields = request();
    fields.swap(4, 5);
    refused(fields, HandshakeError::InvalidPseudoHeader);
}

#[test]
fn other_pseudo_headers_are_malformed() {
    for name in [":status", ":host", ":", ":Path", "::path", ":path "] {
        let mut fields = request();
        fields.insert(0, (name.to_owned(), "200".to_owned()));
        refused(fields, HandshakeError::InvalidPseudoHeader);
    }
}

#[test]
fn scheme_is_that_of_http() {
    for (scheme, expected) in [("http", Scheme::Ws), ("https", Scheme::Wss), ("HTTPS", Scheme::Wss)] {
        assert_eq!(acceptable(set(":scheme", scheme)).scheme(), expected);
    }
    for scheme in ["", "ws", "wss", "ftp", "https:"] {
        refused(set(":scheme", scheme), HandshakeError::InvalidPseudoHeader);
    }
}

#[test]
fn authority_is_a_host() {
    for authority in ["a", "a:443", "[::1]:8443", "127.0.0.1"] {
        assert_eq!(acceptable(set(":authority", authority)).request().host(), authority);
    }
    for authority in ["", "a b", "u@a", "a/b", "a:x", ":443", "[::1", "a\r\nb", "caf\u{e9}", "a\0"] {
        refused(set(":authority", authority), HandshakeError::InvalidHost);
    }
}

#[test]
fn host_says_what_authority_says_if_anything() {
    acceptable(with("host", "server.example.com"));
    acceptable(with("host", "Server.Example.com"));
    refused(with("host", "evil.example"), HandshakeError::InvalidHost);
    let mut fields = with("host", "server.example.com");
    fields.push(("host".to_owned(), "server.example.com".to_owned()));
    refused(fields, HandshakeError::InvalidHost);
}

#[test]
fn path_is_a_resource_name() {
    for path in ["/", "/chat?x=1", "/?", "//x"] {
        assert_eq!(acceptable(set(":path", path)).request().target(), path);
    }
    for path in ["", "*", "chat", "https://a/", "/#x", "/a b", "/\u{e9}", "/\r\n", "/\0"] {
        refused(set(":path", path), HandshakeError::InvalidTarget);
    }
}

#[test]
fn headers_about_a_connection_of_http_1_1_are_malformed() {
    for (name, value) in [
        ("connection", "Upgrade"),
        ("connection", ""),
        ("upgrade", "websocket"),
        ("proxy-connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
    ] {
        let parts = refused(with(name, value), HandshakeError::ConnectionSpecificHeader);
        assert_eq!(parts.status_code(), 400);
        let response = [(":status", "200"), (name, value)];
        assert_eq!(respond(plain(), &response), Err(HandshakeError::ConnectionSpecificHeader));
    }
    acceptable(with("te", "trailers"));
}

#[test]
fn names_are_in_lower_case() {
    for name in ["Origin", "X", "sec-websocket-Protocol"] {
        refused(with(name, "a"), HandshakeError::MalformedHead);
        assert_eq!(respond(plain(), &[(":status", "200"), (name, "a")]), Err(HandshakeError::MalformedHead));
    }
}

#[test]
fn what_would_end_a_field_is_malformed() {
    for value in ["a\r\nb", "a\nb", "a\rb", "a\0", " a", "a ", "\ta"] {
        refused(with("x", value), HandshakeError::MalformedHead);
        assert_eq!(respond(plain(), &[(":status", "200"), ("x", value)]), Err(HandshakeError::MalformedHead));
    }
    for name in ["", "a b", "a:b", "a\r", "\u{e9}", "a\0"] {
        refused(with(name, "1"), HandshakeError::MalformedHead);
    }
}

#[test]
fn key_and_token_have_no_meaning() {
    acceptable(with("sec-websocket-key", "not a key"));
    let token = [(":status", "200"), ("sec-websocket-accept", "not a token")];
    assert!(matches!(respond(plain(), &token), Ok(Some(Answer::Accept(_)))));
    let fields = started(plain()).fields();
    assert_eq!((fields.get("sec-websocket-key"), fields.get("host")), (None, None));
    let parts =
        acceptable(with("sec-websocket-key", crate::support::KEY)).accept(AcceptConnection::new()).unwrap();
    assert!(parts.headers().is_empty());
}

#[test]
fn version_is_13() {
    for fields in [without("sec-websocket-version"), set("sec-websocket-version", "x")] {
        let parts = refused(fields, HandshakeError::InvalidVersion);
        assert_eq!(parts.headers().get("sec-websocket-version"), Some(&b"13"[..]));
    }
    let parts = refused(set("sec-websocket-version", "8"), HandshakeError::UnsupportedVersion);
    // 426 would need an Upgrade header (RFC 9110 §15.5.22).
    assert_eq!(
        pairs(parts.fields()),
        [(":status", "400"), ("sec-websocket-version", "13")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
}

#[test]
fn subprotocols_are_negotiated_as_in_http_1_1() {
    refused(with("sec-websocket-protocol", "a;b"), HandshakeError::InvalidSubprotocol);
    refused(with("sec-websocket-protocol", ""), HandshakeError::InvalidSubprotocol);
    let connect = acceptable(with("sec-websocket-protocol", "a, b"));
    let refused = connect.accept(AcceptConnection::new().with_subprotocol("c"));
    assert_eq!(refused, Err(LocalProtocolError::SubprotocolNotOffered));
    let offer = || plain().with_subprotocol("a").with_subprotocol("b");
    for (value, answer) in [("a", None), ("c", Some(())), ("a, b", Some(())), ("", Some(())), ("A", Some(()))]
    {
        let error = respond(offer(), &[(":status", "200"), ("sec-websocket-protocol", value)]).err();
        assert_eq!(error, answer.map(|()| HandshakeError::UnexpectedSubprotocol), "{value:?}");
    }
}

#[test]
fn extensions_that_were_not_offered_are_refused() {
    let answer = respond(plain(), &[(":status", "200"), ("sec-websocket-extensions", "permessage-deflate")]);
    assert_eq!(answer, Err(HandshakeError::UnexpectedExtension));
}

#[test]
fn request_has_no_body() {
    refused(with("content-length", "5"), HandshakeError::RequestBody);
    acceptable(with("content-length", "0"));
}

#[test]
fn any_2xx_opens_the_connection() {
    for status in ["200", "201", "204", "299"] {
        let answer = respond(plain(), &[(":status", status), ("content-length", "5")]);
        assert!(matches!(answer, Ok(Some(Answer::Accept(_)))), "{status}: {answer:?}");
    }
}

#[test]
fn informational_responses_are_no_answer() {
    for status in ["100", "103", "199"] {
        assert_eq!(respond(plain(), &[(":status", status)]), Ok(None));
    }
}

#[test]
fn any_other_status_is_told() {
    for status in ["301", "401", "403", "404", "500", "501", "503", "600"] {
        let answer = respond(plain(), &[(":status", status), ("retry-after", "5")]);
        let Ok(Some(Answer::Reject(reject))) = answer else { panic!("{answer:?}") };
        assert_eq!(reject.status_code().to_string(), status);
        assert_eq!(reject.headers().get("Retry-After"), Some(&b"5"[..]));
        assert_eq!(reject.headers().get(":status"), None);
    }
}

#[test]
fn status_is_three_digits_and_never_101() {
    for status in ["101", "", "20", "2000", "0200", "+20", "2x0", "099", "20\n", "200 OK"] {
        assert_eq!(
            respond(plain(), &[(":status", status)]),
            Err(HandshakeError::InvalidPseudoHeader),
            "{status}"
        );
    }
    for fields in
        [&[][..], &[("x", "1")], &[("x", "1"), (":status", "200")], &[(":status", "200"), (":status", "200")]]
    {
        assert_eq!(respond(plain(), fields), Err(HandshakeError::InvalidPseudoHeader), "{fields:?}");
    }
    assert_eq!(
        respond(plain(), &[(":status", "200"), (":path", "/")]),
        Err(HandshakeError::InvalidPseudoHeader)
    );
}

#[test]
fn a_refusal_has_no_more_than_http_2_allows() {
    let reject = RejectConnection::new(403)
        .with_body()
        .with_header("Content-Length", "2")
        .with_header("Upgrade", "x")
        .with_header("Keep-Alive", "x")
        .with_header("X-Why", "No");
    let parts = ExtendedConnect::reject(reject).unwrap();
    let expected = [(":status", "403"), ("content-length", "2"), ("x-why", "No")];
    assert_eq!(pairs(parts.fields()), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let parts = ExtendedConnect::reject(RejectConnection::new(404)).unwrap();
    assert_eq!(pairs(parts.fields()), [(":status".to_owned(), "404".to_owned())]);
}

#[test]
fn misuse_is_refused() {
    use LocalProtocolError as E;
    for (request, error) in [
        (Request::new("a\r\nb", "/"), E::InvalidHost),
        (Request::new("a", "/\0"), E::InvalidTarget),
        (plain().with_header(":path", "/"), E::InvalidHeaderName),
        (plain().with_header("x\n", "1"), E::InvalidHeaderName),
        (plain().with_header("x", "1\r\n"), E::InvalidHeaderValue),
        (plain().with_header("Host", "a"), E::ReservedHeader),
        (plain().with_subprotocol("\n"), E::InvalidSubprotocol),
    ] {
        assert_eq!(ExtendedConnect::start(request, Scheme::Ws, LIMITS).map(|_| ()), Err(error));
    }
    let connect = acceptable(request());
    for (accept, error) in [
        (AcceptConnection::new().with_header("x", "a\r\nb"), E::InvalidHeaderValue),
        (AcceptConnection::new().with_header(":status", "500"), E::InvalidHeaderName),
        (AcceptConnection::new().with_subprotocol("a\0"), E::InvalidSubprotocol),
    ] {
        assert_eq!(connect.accept(accept), Err(error));
    }
    for (reject, error) in [
        (RejectConnection::new(200), E::InvalidStatus(200)),
        (RejectConnection::new(403).with_header("x", "a\nb"), E::InvalidHeaderValue),
        (RejectConnection::new(403).with_header("content-length", "5"), E::InvalidBody),
    ] {
        assert_eq!(ExtendedConnect::reject(reject), Err(error));
    }
}

#[test]
fn fields_are_counted_before_they_are_kept() {
    let mut limits = LIMITS;
    let len = request().iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    limits.max_head_len = len;
    assert!(ExtendedConnect::receive(request(), limits).is_ok());
    for len in 0..len {
        limits.max_head_len = len;
        let received = ExtendedConnect::receive(request(), limits);
        assert_eq!(received.map(|_| ()), Err(HandshakeError::HeadTooLong), "{len}");
    }
    let endless = || request().into_iter().chain(std::iter::repeat(("x".to_owned(), "1".to_owned())));
    let received = ExtendedConnect::receive(endless(), LIMITS);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::TooManyHeaders));
    let mut limits = LIMITS;
    limits.max_headers = usize::MAX;
    let received = ExtendedConnect::receive(endless(), limits);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::HeadTooLong));
}

#[test]
fn a_cookie_in_pieces_is_joined() {
    let mut fields = request();
    for (name, value) in [("cookie", ""), ("cookie", "a=b"), ("x", "1"), ("cookie", "c=d; e"), ("cookie", "")]
    {
        fields.push((name.to_owned(), value.to_owned()));
    }
    let mut limits = LIMITS;
    limits.max_headers = 3;
    let connect = ExtendedConnect::receive(fields.clone(), limits).unwrap();
    let headers = connect.request().headers();
    assert_eq!(headers.get_all("Cookie").collect::<Vec<_>>(), [b"a=b; c=d; e"]);
    assert_eq!(connect.fields().get_all("cookie").count(), 1);
    limits.max_headers = 2;
    let received = ExtendedConnect::receive(fields.clone(), limits);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::TooManyHeaders));

    refused(with("cookie", "a\r\nb"), HandshakeError::MalformedHead);
    let mut first = request();
    first.insert(0, ("cookie".to_owned(), "a".to_owned()));
    refused(first, HandshakeError::InvalidPseudoHeader);
    let endless = request().into_iter().chain(std::iter::repeat(("cookie".to_owned(), String::new())));
    let received = ExtendedConnect::receive(endless, LIMITS);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::HeadTooLong));
}

#[test]
fn a_request_goes_on_from_http_1_1_to_http_2() {
    let head = Head::request()
        .set("Connection", "Connection: keep-alive, Upgrade, X-Hop")
        .with("Keep-Alive: timeout=5")
        .with("Proxy-Connection: x")
        .with("X-Hop: 1")
        .with("TE: gzip")
        .with("Cookie: a=b")
        .with("Sec-WebSocket-Protocol: a");
    let request = deciding(head).request().unwrap().clone();
    let connect = started(request);
    assert_eq!(
        pairs(connect.fields().iter()).split_off(5),
        [("sec-websocket-version", "13"), ("sec-websocket-protocol", "a"), ("cookie", "a=b")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_request_goes_on_from_http_2_to_http_1_1() {
    let mut fields = with("cookie", "a=b");
    fields.push(("sec-websocket-protocol".to_owned(), "a".to_owned()));
    let request = acceptable(fields).request().clone();
    let mut output = Vec::new();
    ClientHandshake::start(request, LIMITS, &mut Sample::default(), &mut output).unwrap();
    let mut server = ServerHandshake::new(LIMITS);
    let request = server.receive(&mut &output[..]).unwrap().unwrap();
    assert_eq!((request.host(), request.target()), ("server.example.com", "/chat"));
    assert_eq!(request.headers().get("Cookie"), Some(&b"a=b"[..]));
    assert!(request.subprotocols().eq(["a"]));
}

#[test]
fn an_answer_goes_on_from_http_1_1_to_http_2() {
    let client = Upgrade::start(plain(), LIMITS, &mut Sample::default()).unwrap();
    let parts = client.accept(AcceptConnection::new().with_header("Server", "x")).unwrap();
    let answer = client.receive_response(101, HttpVersion::Http11, parts.headers().iter());
    let Ok(Some(Answer::Accept(accept))) = answer else { panic!("{answer:?}") };
    let parts = acceptable(request()).accept(accept).unwrap();
    assert_eq!(pairs(parts.headers().iter()), [("server".to_owned(), "x".to_owned())]);
}

#[test]
fn versions_call_the_ends_of_a_stream_by_their_codes() {
    for (version, cancel, malformed, no_error) in [
        (HttpVersion::Http10, None, None, None),
        (HttpVersion::Http11, None, None, None),
        (HttpVersion::Http2, Some(0x8), Some(0x1), Some(0x0)),
        (HttpVersion::Http3, Some(0x10c), Some(0x10e), Some(0x100)),
    ] {
        assert_eq!(version.cancel_code(), cancel);
        assert_eq!(version.malformed_code(), malformed);
        assert_eq!(version.no_error_code(), no_error);
    }
    assert_eq!(ExtendedConnect::SETTINGS_ENABLE_CONNECT_PROTOCOL, 0x8);
}

#[test]
fn data_of_the_stream_is_what_a_transports_bytes_are() {
    let mut client = Connection::client(Limits::default(), Sample::default());
    let mut server = Connection::server(Limits::default());
    let mut stream = Vec::new();
    client.send(TextMessage::new("Hello"), &mut stream).unwrap();
    assert_eq!(stream[1], 0x85, "a client masks here too");
    let event = server.next_event(&mut &mut stream[..]).unwrap();
    assert_eq!(event, Some(Event::Text(TextMessage::new("Hello"))));
}

#[test]
fn a_connection_over_a_stream_may_be_the_familiar_one() {
    let mut client = WsConnection::from(Connection::client(Limits::default(), Sample::default()));
    let mut server = WsConnection::from(Connection::server(Limits::default()));
    assert_eq!((client.state(), server.state()), (ConnectionState::Open, ConnectionState::Open));
    assert_eq!(server.send(AcceptConnection::new()), Err(LocalProtocolError::NotInHandshake));
    let hello = TextMessage::new("Hello".to_owned());
    server.receive_data(&client.send(hello.clone()).unwrap()).unwrap();
    assert_eq!(server.next_event(), Ok(Some(WsEvent::TextMessage(hello))));
    let close = CloseConnection { code: Some(CloseCode::NORMAL_CLOSURE), reason: "" };
    client.receive_data(&server.send(close).unwrap()).unwrap();
    let Ok(Some(WsEvent::CloseConnection(close))) = client.next_event() else { panic!("no close") };
    server.receive_data(&client.send(close.response()).unwrap()).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::CloseConnection(_)))));
    assert_eq!((client.state(), server.state()), (ConnectionState::Closed, ConnectionState::Closed));
}

#[test]
fn headers_of_a_request_have_no_pseudo_headers() {
    let headers: Headers = acceptable(request()).request().headers().clone();
    assert_eq!(pairs(headers.iter()), [("sec-websocket-version".to_owned(), "13".to_owned())]);
}
