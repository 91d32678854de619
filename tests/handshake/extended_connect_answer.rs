//! What a client asks and hears in a stream of HTTP/2 or HTTP/3, and what goes on from there (RFC 8441 §3, §4, §5;
//! RFC 9220 §3; RFC 9113 §8.2.2, §8.6; RFC 9110 §9.3.6, §15.2).

use wsproto::{
    AcceptConnection, ClientExtendedConnect, ClientHandshake, ClientUpgrade, CloseCode, CloseConnection,
    Connection, ConnectionState, Event, HandshakeError, HandshakeResponse, HttpVersion, Limits,
    LocalProtocolError, NegotiationError, NegotiationErrorKind, RejectConnection, Request, Scheme,
    ServerExtendedConnect, ServerHandshake, ServerUpgrade, StreamError, TextMessage, TransportAction,
    WebSocketUri, WsConnection, WsEvent,
};

use crate::extended_connect::{LIMITS, acceptable, pairs, request, respond, started, with};
use crate::support::{Head, Sample, deciding, plain};

#[test]
fn a_client_asks_as_in_rfc_8441() {
    let uri: WebSocketUri = "wss://server.example.com/chat?x".parse().unwrap();
    let request = Request::from_uri(&uri)
        .with_subprotocol("chat")
        .with_subprotocol("superchat")
        .with_header("Origin", "http://www.example.com");
    let connect = ClientExtendedConnect::new(request, uri.scheme(), LIMITS).unwrap();
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
    let plain = ClientExtendedConnect::new(plain(), Scheme::Ws, LIMITS).unwrap();
    assert_eq!(plain.fields().get(":scheme"), Some(&b"http"[..]));
}

#[test]
fn both_ends_agree() {
    let request = plain().with_subprotocol("a").with_header("X-A", "1").with_subprotocol("b");
    let client = started(request);
    let server = ServerExtendedConnect::parse(client.fields().iter(), LIMITS).unwrap();
    assert_eq!((server.request().host(), server.request().target()), ("server.example.com", "/chat"));
    assert_eq!(server.request().headers().get("x-a"), Some(&b"1"[..]));
    let parts = server.accept(AcceptConnection::new().with_subprotocol("b").with_header("X-B", "2")).unwrap();
    let Ok(Some(HandshakeResponse::Accept(accept))) = client.receive_response(parts.fields()) else {
        panic!()
    };
    assert_eq!((accept.subprotocol(), accept.headers().get("X-B")), (Some("b"), Some(&b"2"[..])));
}

#[test]
fn extensions_that_were_not_offered_are_refused() {
    let answer = respond(plain(), &[(":status", "200"), ("sec-websocket-extensions", "permessage-deflate")]);
    let error = NegotiationError::new(NegotiationErrorKind::NotOffered, "permessage-deflate");
    assert_eq!(answer, Err(HandshakeError::UnexpectedExtension(error)));
}

#[test]
fn any_2xx_opens_the_connection() {
    for status in ["200", "201", "204", "299"] {
        let answer = respond(plain(), &[(":status", status), ("content-length", "5")]);
        assert!(matches!(answer, Ok(Some(HandshakeResponse::Accept(_)))), "{status}: {answer:?}");
    }
}

#[test]
fn informational_responses_are_skipped() {
    for status in ["100", "103", "199"] {
        assert_eq!(respond(plain(), &[(":status", status)]), Ok(None));
    }
}

#[test]
fn any_other_status_is_returned_as_a_refusal() {
    for status in ["301", "401", "403", "404", "500", "501", "503", "599"] {
        let answer = respond(plain(), &[(":status", status), ("retry-after", "5")]);
        let Ok(Some(HandshakeResponse::Reject(reject))) = answer else { panic!("{answer:?}") };
        assert_eq!(reject.status_code().to_string(), status);
        assert_eq!(reject.headers().get("Retry-After"), Some(&b"5"[..]));
        assert_eq!(reject.headers().get(":status"), None);
    }
}

#[test]
fn status_is_three_digits_and_never_101() {
    for status in ["101", "", "20", "2000", "0200", "+20", "2x0", "20\n", "200 OK"] {
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
fn a_status_outside_100_to_599_fails() {
    // RFC 9110 §15.
    for status in ["000", "099", "600", "999"] {
        assert_eq!(respond(plain(), &[(":status", status)]), Err(HandshakeError::InvalidStatus), "{status}");
    }
}

#[test]
fn a_refusal_has_only_headers_that_http_2_allows() {
    let reject = RejectConnection::new(403)
        .with_body()
        .with_header("Content-Length", "2")
        .with_header("Upgrade", "x")
        .with_header("Keep-Alive", "x")
        .with_header("X-Why", "No");
    let parts = ServerExtendedConnect::reject(reject).unwrap();
    let expected = [(":status", "403"), ("content-length", "2"), ("x-why", "No")];
    assert_eq!(pairs(parts.fields()), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let parts = ServerExtendedConnect::reject(RejectConnection::new(404)).unwrap();
    assert_eq!(pairs(parts.fields()), [(":status".to_owned(), "404".to_owned())]);
}

#[test]
fn a_refusal_may_have_problem_details() {
    // "The server SHOULD respond with a 501", and "MAY" add details of the problem (RFC 9220 §3).
    let mut fields = request();
    fields[1].1 = "connect-udp".to_owned();
    let error = ServerExtendedConnect::parse(fields, LIMITS).map(|_| ()).unwrap_err();
    let reject = error.response().with_header("Content-Type", "application/problem+json").with_body();
    let parts = ServerExtendedConnect::reject(reject).unwrap();
    let expected = [(":status", "501"), ("content-type", "application/problem+json")];
    assert_eq!(pairs(parts.fields()), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
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
        assert_eq!(ClientExtendedConnect::new(request, Scheme::Ws, LIMITS).map(|_| ()), Err(error));
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
        assert_eq!(ServerExtendedConnect::reject(reject), Err(error));
    }
}

#[test]
fn a_request_is_forwarded_from_http_1_1_to_http_2() {
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
fn a_request_is_forwarded_from_http_2_to_http_1_1() {
    let mut fields = with("cookie", "a=b");
    fields.push(("sec-websocket-protocol".to_owned(), "a".to_owned()));
    let request = acceptable(fields).request().clone();
    let mut output = Vec::new();
    ClientHandshake::new(request, LIMITS, &mut Sample::default(), &mut output).unwrap();
    let mut server = ServerHandshake::new(LIMITS);
    let request = server.receive(&mut &output[..]).unwrap().unwrap();
    assert_eq!((request.host(), request.target()), ("server.example.com", "/chat"));
    assert_eq!(request.headers().get("Cookie"), Some(&b"a=b"[..]));
    assert!(request.subprotocols().eq(["a"]));
}

#[test]
fn a_response_is_forwarded_from_http_1_1_to_http_2() {
    let client = ClientUpgrade::new(plain(), LIMITS, &mut Sample::default()).unwrap();
    let headers = client.headers();
    let server = ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, headers.iter(), LIMITS).unwrap();
    let parts = server.accept(AcceptConnection::new().with_header("Server", "x")).unwrap();
    let answer = client.receive_response(101, HttpVersion::Http11, parts.headers().iter());
    let Ok(Some(HandshakeResponse::Accept(accept))) = answer else { panic!("{answer:?}") };
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
        assert_eq!(version.stream_error_code(StreamError::Cancel), cancel);
        assert_eq!(version.stream_error_code(StreamError::Malformed), malformed);
        assert_eq!(version.stream_error_code(StreamError::NoError), no_error);
    }
    assert_eq!(ServerExtendedConnect::SETTINGS_ENABLE_CONNECT_PROTOCOL, 0x8);
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
fn the_end_of_a_stream_is_the_end_of_a_transport() {
    // What would close a connection of TCP ends the stream; what would reset it resets the stream (§5).
    let ends = || {
        let client = Connection::client(Limits::default(), Sample::default());
        (client, Connection::server(Limits::default()))
    };
    let close = CloseConnection { code: None, reason: "" };
    let (mut client, mut server) = ends();
    let mut stream = Vec::new();
    client.send(close, &mut stream).unwrap();
    assert!(matches!(server.next_event(&mut &mut stream[..]), Ok(Some(Event::Close(_)))));
    stream.clear();
    server.send(close, &mut stream).unwrap();
    assert_eq!(server.transport_action(), TransportAction::Close, "the server ends its direction first");
    client.next_event(&mut &mut stream[..]).unwrap();
    assert_eq!(client.transport_action(), TransportAction::AwaitClose);
    assert_eq!(client.receive_eof(), None, "the end was to be expected");
    assert_eq!(client.transport_action(), TransportAction::Close);

    let (mut client, _) = ends();
    let end = client.receive_eof().map(|close| close.code);
    assert_eq!(end, Some(Some(CloseCode::ABNORMAL_CLOSURE)), "an end without a close, or a reset");
}

#[test]
fn a_connection_over_a_stream_may_be_the_familiar_one() {
    let mut client = WsConnection::from(Connection::client(Limits::default(), Sample::default()));
    let mut server = WsConnection::from(Connection::server(Limits::default()));
    assert_eq!((client.state(), server.state()), (ConnectionState::Open, ConnectionState::Open));
    assert_eq!(server.send(AcceptConnection::new()), Err(LocalProtocolError::NotInHandshake));
    let hello = TextMessage::new("Hello".to_owned());
    server.receive_data(&client.send(hello.clone()).unwrap()).unwrap();
    assert_eq!(server.next_event(), Ok(Some(WsEvent::Text(hello))));
    let close = CloseConnection { code: Some(CloseCode::NORMAL_CLOSURE), reason: "" };
    client.receive_data(&server.send(close).unwrap()).unwrap();
    let Ok(Some(WsEvent::Close(close))) = client.next_event() else { panic!("no close") };
    server.receive_data(&client.send(close.response()).unwrap()).unwrap();
    assert!(matches!(server.next_event(), Ok(Some(WsEvent::Close(_)))));
    assert_eq!((client.state(), server.state()), (ConnectionState::Closed, ConnectionState::Closed));
}
