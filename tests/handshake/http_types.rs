//! The `http` crate's requests and responses, in and out, on both sides (RFC 6455 §4; RFC 8441 §5).

use http::{HeaderMap, Method, StatusCode, Version};
use wsproto::{
    AcceptConnection, ClientExtendedConnect, ClientUpgrade, HandshakeError, HandshakeLimits,
    HandshakeResponse, HttpVersion, RejectConnection, Request, Scheme, ServerExtendedConnect, ServerUpgrade,
};

use crate::support::{KEY, Sample, TOKEN, fields, plain};

const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT;

fn started(request: Request) -> ClientUpgrade {
    ClientUpgrade::new(request, LIMITS, &mut Sample::default()).unwrap()
}

fn connect(request: Request) -> ClientExtendedConnect {
    ClientExtendedConnect::new(request, Scheme::Wss, LIMITS).unwrap()
}

/// What a stack reads where this was sent.
fn sent(connect: &ClientExtendedConnect) -> http::Request<()> {
    http::Request::try_from(connect).unwrap()
}

#[test]
fn an_upgrade_makes_its_way_through_the_types() {
    let client = started(Request::new("a.example:8080", "/chat?x=1").with_subprotocol("a"));
    let request = http::Request::try_from(&client).unwrap();
    assert_eq!((request.method(), request.version()), (&Method::GET, Version::HTTP_11));
    assert_eq!(request.uri(), "/chat?x=1");
    assert_eq!(request.headers()["host"], "a.example:8080");
    assert_eq!(request.headers()["sec-websocket-key"], KEY);

    let server = ServerUpgrade::parse_http(&request.map(|()| "any body"), LIMITS).unwrap();
    assert_eq!((server.request().host(), server.request().target()), ("a.example:8080", "/chat?x=1"));
    let parts = server.accept(AcceptConnection::new().with_subprotocol("a")).unwrap();
    let response = http::Response::try_from(parts).unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-accept"], TOKEN);

    let answer = client.receive_http_response(&response.map(|()| 7)).unwrap();
    assert!(matches!(answer, Some(HandshakeResponse::Accept(accept)) if accept.subprotocol() == Some("a")));
}

#[test]
fn targets_are_checked_as_they_were_received() {
    for (uri, host, target) in [
        ("/", "server.example.com", "/"),
        ("//x?", "server.example.com", "//x?"),
        ("http://b.example", "b.example", "/"),
        ("http://b.example:81/x?y", "b.example:81", "/x?y"),
    ] {
        let mut request = http::Request::try_from(&started(plain())).unwrap();
        *request.uri_mut() = uri.parse().unwrap();
        let upgrade = ServerUpgrade::parse_http(&request, LIMITS).unwrap();
        assert_eq!((upgrade.request().host(), upgrade.request().target()), (host, target));
    }
    for uri in ["*", "b.example:80"] {
        let mut request = http::Request::try_from(&started(plain())).unwrap();
        *request.uri_mut() = uri.parse().unwrap();
        let refused = ServerUpgrade::parse_http(&request, LIMITS).map(|_| ());
        assert_eq!(refused, Err(HandshakeError::InvalidTarget));
    }
}

#[test]
fn rules_are_those_of_the_bytes() {
    let request = || http::Request::try_from(&started(plain())).unwrap();
    let refused =
        |request: &http::Request<()>| ServerUpgrade::parse_http(request, LIMITS).map(|_| ()).unwrap_err();
    let mut post = request();
    *post.method_mut() = Method::POST;
    assert_eq!(refused(&post), HandshakeError::MethodNotGet);
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
        let mut other = request();
        *other.version_mut() = version;
        assert_eq!(refused(&other), HandshakeError::HttpVersion);
    }
    let mut twice = request();
    twice.headers_mut().append("sec-websocket-key", KEY.parse().unwrap());
    assert_eq!(refused(&twice), HandshakeError::InvalidKey);
    let mut origins = request();
    for origin in ["https://a.example", "https://evil.example"] {
        origins.headers_mut().append("origin", origin.parse().unwrap());
    }
    assert_eq!(refused(&origins), HandshakeError::RepeatedOrigin);
    let mut many = request();
    for _ in 0..100 {
        many.headers_mut().append("x", "1".parse().unwrap());
    }
    assert_eq!(refused(&many), HandshakeError::TooManyHeaders);

    let mut response = http::Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    assert_eq!(started(plain()).receive_http_response(&response), Err(HandshakeError::MissingUpgrade));
    *response.version_mut() = Version::HTTP_2;
    assert_eq!(started(plain()).receive_http_response(&response), Err(HandshakeError::HttpVersion));
    for status in [600, 999] {
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.version_mut() = Version::HTTP_11;
        assert_eq!(started(plain()).receive_http_response(&response), Err(HandshakeError::InvalidStatus));
        *response.version_mut() = Version::HTTP_3;
        assert_eq!(connect(plain()).receive_http_response(&response), Err(HandshakeError::InvalidStatus));
    }
}

#[test]
fn an_extended_connect_makes_its_way_through_the_types() {
    let client =
        connect(Request::new("a.example:8443", "/chat?x=1").with_subprotocol("a").with_header("X", "1"));
    let request = sent(&client);
    assert_eq!((request.method(), request.version()), (&Method::CONNECT, Version::HTTP_2));
    assert_eq!(request.uri(), "https://a.example:8443/chat?x=1");
    assert!(request.headers().get("host").is_none());

    for version in [Version::HTTP_2, Version::HTTP_3] {
        let mut request = request.clone().map(|()| "any body");
        *request.version_mut() = version;
        let server =
            ServerExtendedConnect::parse_http(&request, Some(ClientExtendedConnect::PROTOCOL), LIMITS)
                .unwrap();
        assert_eq!((server.request().host(), server.request().target()), ("a.example:8443", "/chat?x=1"));
        assert_eq!((server.scheme(), server.request().headers().get("x")), (Scheme::Wss, Some(&b"1"[..])));
        let parts = server.accept(AcceptConnection::new().with_subprotocol("a")).unwrap();
        let mut response = http::Response::try_from(parts).unwrap();
        *response.version_mut() = version;
        assert_eq!(response.status(), StatusCode::OK);
        let answer = client.receive_http_response(&response).unwrap();
        assert!(
            matches!(answer, Some(HandshakeResponse::Accept(accept)) if accept.subprotocol() == Some("a"))
        );
    }
}

#[test]
fn other_requests_than_extended_connect_are_refused() {
    let refused = |request: &http::Request<()>, protocol| {
        ServerExtendedConnect::parse_http(request, protocol, LIMITS).map(|_| ()).unwrap_err()
    };
    let request = sent(&connect(plain()));
    assert_eq!(refused(&request, None), HandshakeError::InvalidPseudoHeader);
    assert_eq!(refused(&request, Some("connect-udp")), HandshakeError::UnsupportedProtocol);
    let protocol = Some(ClientExtendedConnect::PROTOCOL);
    for version in [Version::HTTP_10, Version::HTTP_11] {
        let mut old = request.clone();
        *old.version_mut() = version;
        assert_eq!(refused(&old, protocol), HandshakeError::HttpVersion);
    }
    let mut origins = request.clone();
    for origin in ["https://a.example", "https://evil.example"] {
        origins.headers_mut().append("origin", origin.parse().unwrap());
    }
    assert_eq!(refused(&origins, protocol), HandshakeError::RepeatedOrigin);
    let mut get = request.clone();
    *get.method_mut() = Method::GET;
    assert_eq!(refused(&get, protocol), HandshakeError::MethodNotConnect);
    let mut upgrade = request.clone();
    upgrade.headers_mut().insert("upgrade", "websocket".parse().unwrap());
    assert_eq!(refused(&upgrade, protocol), HandshakeError::ConnectionSpecificHeader);
    let mut tunnel = request;
    *tunnel.uri_mut() = "server.example.com:443".parse().unwrap();
    assert_eq!(refused(&tunnel, protocol), HandshakeError::InvalidPseudoHeader);
    let old = http::Response::new(());
    assert_eq!(connect(plain()).receive_http_response(&old), Err(HandshakeError::HttpVersion));
}

#[test]
fn refusals_go_both_ways() {
    let reject = || RejectConnection::new(503).with_header("Retry-After", "5").with_body();
    let response = http::Response::try_from(ServerUpgrade::reject(reject()).unwrap()).unwrap();
    let Ok(Some(HandshakeResponse::Reject(seen))) = started(plain()).receive_http_response(&response) else {
        panic!()
    };
    assert_eq!((seen.status_code(), seen.headers().get("Retry-After")), (503, Some(&b"5"[..])));
    let mut response = http::Response::try_from(ServerExtendedConnect::reject(reject()).unwrap()).unwrap();
    *response.version_mut() = Version::HTTP_3;
    let Ok(Some(HandshakeResponse::Reject(seen))) = connect(plain()).receive_http_response(&response) else {
        panic!()
    };
    assert_eq!((seen.status_code(), seen.has_body()), (503, true));
}

#[test]
fn headers_become_a_map() {
    let request = plain().with_header("X-A", "1").with_header("x-a", b"\xff").with_header("Cookie", "");
    let map = HeaderMap::try_from(request.headers()).unwrap();
    let values: Vec<_> = map.get_all("X-A").iter().map(|value| value.as_bytes()).collect();
    assert_eq!((values, map.len()), (vec![&b"1"[..], b"\xff"], fields(request.headers()).len()));
}

#[test]
fn versions_are_known() {
    for (version, known) in [
        (Version::HTTP_09, HttpVersion::Http10),
        (Version::HTTP_10, HttpVersion::Http10),
        (Version::HTTP_11, HttpVersion::Http11),
        (Version::HTTP_2, HttpVersion::Http2),
        (Version::HTTP_3, HttpVersion::Http3),
    ] {
        assert_eq!(HttpVersion::from(version), known);
    }
}
