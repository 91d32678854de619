//! A WebSocket in a stream of HTTP/2 or HTTP/3 (RFC 8441 §4, §5; RFC 9220 §3; RFC 9113 §8.2, §8.3, §8.5, §8.6;
//! RFC 9114 §4.2, §4.3).

use wsproto::{
    AcceptConnection, ClientExtendedConnect, Excerpt, HandshakeError, HandshakeLimits, HandshakeResponse,
    Headers, LocalProtocolError, Request, ResponseParts, Scheme, ServerExtendedConnect,
};

use crate::support::plain;

pub(crate) const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT;

pub(crate) type Fields = Vec<(String, String)>;

/// The request of RFC 8441 §5.1, without what a client may leave out.
pub(crate) fn request() -> Fields {
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

/// With one more field after the others.
pub(crate) fn with(name: &str, value: &str) -> Fields {
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

pub(crate) fn acceptable(fields: Fields) -> ServerExtendedConnect {
    ServerExtendedConnect::parse(fields.clone(), LIMITS).unwrap_or_else(|error| panic!("{error}: {fields:?}"))
}

/// Asserts that a server refuses the request by this error, and that its response can be sent as it is.
fn refused(fields: Fields, error: HandshakeError) -> ResponseParts {
    assert_eq!(ServerExtendedConnect::parse(fields.clone(), LIMITS).map(|_| ()), Err(error), "{fields:?}");
    ServerExtendedConnect::reject(error.response()).unwrap()
}

pub(crate) fn started(request: Request) -> ClientExtendedConnect {
    ClientExtendedConnect::new(request, Scheme::Wss, LIMITS).unwrap()
}

pub(crate) fn pairs<'f>(fields: impl Iterator<Item = (&'f str, &'f [u8])>) -> Fields {
    fields.map(|(name, value)| (name.to_owned(), String::from_utf8(value.to_vec()).unwrap())).collect()
}

/// What a client reads from these fields as the response.
pub(crate) fn respond(
    request: Request,
    fields: &[(&str, &str)],
) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
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
fn method_is_connect() {
    for method in ["GET", "connect", "CONNEC", "", "CONNECT "] {
        let parts = refused(set(":method", method), HandshakeError::MethodNotConnect);
        assert_eq!((parts.status_code(), parts.headers().get("allow")), (405, Some(&b"CONNECT"[..])));
    }
    let get = vec![(":method".to_owned(), "GET".to_owned()), (":path".to_owned(), "/".to_owned())];
    _ = refused(get, HandshakeError::MethodNotConnect);
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
        _ = refused(fields, HandshakeError::InvalidPseudoHeader);
    }
    _ = refused(Vec::new(), HandshakeError::InvalidPseudoHeader);
}

#[test]
fn a_plain_connect_does_not_request_a_websocket() {
    let tunnel = [(":method", "CONNECT"), (":authority", "server.example.com:443")];
    let tunnel = tunnel.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    _ = refused(tunnel, HandshakeError::InvalidPseudoHeader);
}

#[test]
fn pseudo_headers_come_first_in_any_order() {
    let mut fields = request();
    fields[..5].reverse();
    acceptable(fields);
    let mut fields = request();
    fields.swap(4, 5);
    _ = refused(fields, HandshakeError::InvalidPseudoHeader);
}

#[test]
fn other_pseudo_headers_are_malformed() {
    for name in [":status", ":host", ":", ":Path", "::path", ":path "] {
        let mut fields = request();
        fields.insert(0, (name.to_owned(), "200".to_owned()));
        _ = refused(fields, HandshakeError::InvalidPseudoHeader);
    }
}

#[test]
fn scheme_is_that_of_http() {
    for (scheme, expected) in [("http", Scheme::Ws), ("https", Scheme::Wss), ("HTTPS", Scheme::Wss)] {
        assert_eq!(acceptable(set(":scheme", scheme)).scheme(), expected);
    }
    for scheme in ["", "ws", "wss", "ftp", "https:"] {
        _ = refused(set(":scheme", scheme), HandshakeError::InvalidPseudoHeader);
    }
}

#[test]
fn authority_is_a_host() {
    for authority in ["a", "a:443", "[::1]:8443", "127.0.0.1"] {
        assert_eq!(acceptable(set(":authority", authority)).request().host(), authority);
    }
    for authority in ["", "a b", "u@a", "a/b", "a:x", ":443", "[::1", "a\r\nb", "caf\u{e9}", "a\0"] {
        _ = refused(set(":authority", authority), HandshakeError::InvalidHost);
    }
}

#[test]
fn host_is_absent_or_equal_to_authority() {
    acceptable(with("host", "server.example.com"));
    acceptable(with("host", "Server.Example.com"));
    _ = refused(with("host", "evil.example"), HandshakeError::InvalidHost);
    // Two names of one place, by the default port of the scheme (RFC 9113 §8.3.1, RFC 3986 §6.2.3).
    let beside = |scheme, authority, host| {
        let mut fields = with("host", host);
        fields[2].1 = String::from(scheme);
        fields[4].1 = String::from(authority);
        fields
    };
    for (scheme, authority, host) in [
        ("https", "a.example", "A.example:443"),
        ("https", "a.example:443", "a.example"),
        ("http", "a.example:", "a.example:80"),
        ("http", "[::1]:80", "[0:0::1]"),
    ] {
        acceptable(beside(scheme, authority, host));
    }
    for (scheme, authority, host) in [
        ("https", "a.example", "a.example:80"),
        ("http", "a.example:443", "a.example"),
        ("http", "a.example", "a.example."),
        ("http", "a.example", ""),
        ("http", "a.example", "u@a.example"),
        ("http", "[::1]", "[::2]"),
    ] {
        _ = refused(beside(scheme, authority, host), HandshakeError::InvalidHost);
    }
    let mut fields = with("host", "server.example.com");
    fields.push(("host".to_owned(), "server.example.com".to_owned()));
    _ = refused(fields, HandshakeError::InvalidHost);
}

#[test]
fn path_is_a_resource_name() {
    for path in ["/", "/chat?x=1", "/?", "//x"] {
        assert_eq!(acceptable(set(":path", path)).request().target(), path);
    }
    for path in [
        "",
        "*",
        "chat",
        "https://a/",
        "/#x",
        "/a b",
        "/\u{e9}",
        "/\r\n",
        "/\0",
        "/\\",
        "/\"",
        "/?<",
        "/>",
        "/^",
        "/{",
        "/?}",
    ] {
        _ = refused(set(":path", path), HandshakeError::InvalidTarget);
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
        _ = refused(with(name, "a"), HandshakeError::MalformedHead);
        assert_eq!(respond(plain(), &[(":status", "200"), (name, "a")]), Err(HandshakeError::MalformedHead));
    }
}

#[test]
fn what_would_end_a_field_is_malformed() {
    for value in ["a\r\nb", "a\nb", "a\rb", "a\0", " a", "a ", "\ta"] {
        _ = refused(with("x", value), HandshakeError::MalformedHead);
        assert_eq!(respond(plain(), &[(":status", "200"), ("x", value)]), Err(HandshakeError::MalformedHead));
    }
    for name in ["", "a b", "a:b", "a\r", "\u{e9}", "a\0"] {
        _ = refused(with(name, "1"), HandshakeError::MalformedHead);
    }
}

#[test]
fn key_and_token_have_no_meaning() {
    acceptable(with("sec-websocket-key", "not a key"));
    let token = [(":status", "200"), ("sec-websocket-accept", "not a token")];
    assert!(matches!(respond(plain(), &token), Ok(Some(HandshakeResponse::Accept(_)))));
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
    for (value, offered) in [("a;b", &[][..]), ("", &[]), (",", &[]), ("a;b, c", &["c"])] {
        let connect = acceptable(with("sec-websocket-protocol", value));
        assert!(connect.request().subprotocols().eq(offered.iter().copied()), "{value:?}");
    }
    acceptable(with("sec-websocket-extensions", ""));
    let connect = acceptable(with("sec-websocket-protocol", "a, b"));
    let refused = connect.accept(AcceptConnection::new().with_subprotocol("c"));
    assert_eq!(refused, Err(LocalProtocolError::SubprotocolNotOffered));
    let offer = || plain().with_subprotocol("a").with_subprotocol("b");
    for (value, answer) in [("a", None), ("c", Some(())), ("a, b", Some(())), ("", None), ("A", Some(()))] {
        let error = respond(offer(), &[(":status", "200"), ("sec-websocket-protocol", value)]).err();
        assert_eq!(
            error,
            answer.map(|()| HandshakeError::UnexpectedSubprotocol(Excerpt::new(value))),
            "{value:?}"
        );
    }
}

#[test]
fn request_has_no_body() {
    _ = refused(with("content-length", "5"), HandshakeError::RequestBody);
    acceptable(with("content-length", "0"));
}

#[test]
fn fields_are_counted_before_they_are_kept() {
    let mut limits = LIMITS;
    let len = request().iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    limits.max_head_len = len;
    assert!(ServerExtendedConnect::parse(request(), limits).is_ok());
    for len in 0..len {
        limits.max_head_len = len;
        let received = ServerExtendedConnect::parse(request(), limits);
        assert_eq!(received.map(|_| ()), Err(HandshakeError::HeadTooLong), "{len}");
    }
    let endless = || request().into_iter().chain(std::iter::repeat(("x".to_owned(), "1".to_owned())));
    let received = ServerExtendedConnect::parse(endless(), LIMITS);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::TooManyHeaders));
    let mut limits = LIMITS;
    limits.max_headers = usize::MAX;
    let received = ServerExtendedConnect::parse(endless(), limits);
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
    let connect = ServerExtendedConnect::parse(fields.clone(), limits).unwrap();
    let headers = connect.request().headers();
    assert_eq!(headers.get_all("Cookie").collect::<Vec<_>>(), [b"a=b; c=d; e"]);
    assert_eq!(ClientExtendedConnect::from(connect).fields().get_all("cookie").count(), 1);
    limits.max_headers = 2;
    let received = ServerExtendedConnect::parse(fields.clone(), limits);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::TooManyHeaders));

    _ = refused(with("cookie", "a\r\nb"), HandshakeError::MalformedHead);
    let mut first = request();
    first.insert(0, ("cookie".to_owned(), "a".to_owned()));
    _ = refused(first, HandshakeError::InvalidPseudoHeader);
    let endless = request().into_iter().chain(std::iter::repeat(("cookie".to_owned(), String::new())));
    let received = ServerExtendedConnect::parse(endless, LIMITS);
    assert_eq!(received.map(|_| ()), Err(HandshakeError::HeadTooLong));
}

#[test]
fn headers_of_a_request_have_no_pseudo_headers() {
    let headers: Headers = acceptable(request()).request().headers().clone();
    assert_eq!(pairs(headers.iter()), [("sec-websocket-version".to_owned(), "13".to_owned())]);
}
