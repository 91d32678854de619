//! Which pages may connect (RFC 6454 §4 to §7; RFC 6455 §4.2.2, §10.2; RFC 8441 §8).

use wsproto::{
    HandshakeError, HandshakeLimits, Origin, OriginPolicy, Request, Scheme, ServerExtendedConnect, UriError,
    WebSocketUri, WsConnection,
};

use crate::extended_connect::{acceptable as acceptable_stream, with};
use crate::support::{Head, acceptable, deciding, plain, refused};

fn parse(origin: &str) -> Origin {
    origin.parse().unwrap_or_else(|error| panic!("{origin}: {error}"))
}

/// Whether a page of this origin may connect to `host`.
fn allows(policy: &OriginPolicy, host: &str, origin: impl AsRef<[u8]>) -> bool {
    let checked = policy.check(&Request::new(host, "/").with_header("Origin", origin));
    if let Err(reject) = &checked {
        assert_eq!((reject.status_code(), reject.has_body()), (403, false));
    }
    checked.is_ok()
}

#[test]
fn origins_are_the_same_by_scheme_host_and_port() {
    for (one, other) in [
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "HTTPS://EXAMPLE.com:443"),
        ("https://[::1]:8443", "https://[0:0::1]:8443"),
        ("http://a:", "http://a"),
        ("chrome-extension://abc", "Chrome-Extension://ABC"),
        ("null", "null"),
    ] {
        assert_eq!(parse(one), parse(other));
    }
    for (one, other) in [
        ("http://example.com", "https://example.com"),
        ("http://example.com:443", "https://example.com"),
        ("http://example.com", "http://example.com."),
        ("http://example.com", "http://www.example.com"),
        ("http://example.com", "http://example.com:8080"),
        ("foo://a", "foo://a:80"),
        ("null", "http://null"),
    ] {
        assert_ne!(parse(one), parse(other));
    }
}

#[test]
fn origins_are_shown_as_browsers_send_them() {
    for origin in
        ["null", "http://example.com", "https://example.com:8443", "http://[::1]:8080", "moz-extension://a-b"]
    {
        assert_eq!(parse(origin).to_string(), origin);
    }
    assert_eq!(parse("HTTPS://Example.COM:443").to_string(), "https://example.com");
    for (uri, origin) in [
        ("ws://h:80/x", "http://h"),
        ("wss://H/", "https://h"),
        ("wss://h:80", "https://h:80"),
        ("ws://[::1]:9001/", "http://[::1]:9001"),
    ] {
        assert_eq!(Origin::from(&uri.parse::<WebSocketUri>().unwrap()).to_string(), origin);
    }
}

#[test]
fn a_malformed_origin_is_refused() {
    for (origin, error) in [
        ("", UriError::Scheme),
        ("NULL", UriError::Scheme),
        ("example.com", UriError::Scheme),
        ("://example.com", UriError::Scheme),
        ("1x://example.com", UriError::Scheme),
        ("h ttp://a", UriError::Scheme),
        ("http://", UriError::Host),
        ("http://*.example.com\r\n", UriError::Host),
        ("http://a b", UriError::Host),
        ("http://a http://b", UriError::ResourceName),
        ("http://a/", UriError::ResourceName),
        ("http://a/b", UriError::ResourceName),
        ("http://a?b", UriError::ResourceName),
        ("http://a#b", UriError::Fragment),
        ("http://u@a", UriError::UserInfo),
        ("http://a:x", UriError::Port),
        ("http://a:65536", UriError::Port),
        ("http://a\0", UriError::Host),
        ("\nhttp://a", UriError::Scheme),
        ("http://caf\u{e9}", UriError::Host),
    ] {
        assert_eq!(origin.parse::<Origin>(), Err(error), "{origin:?}");
        assert_eq!(OriginPolicy::allow(["http://a", origin]), Err(error), "{origin:?}");
    }
}

#[test]
fn the_same_origin_may_connect() {
    let policy = OriginPolicy::same_origin(Scheme::Wss);
    for (host, origin) in [
        ("example.com", "https://example.com"),
        ("example.com", "https://example.com:443"),
        ("example.com:443", "https://example.com"),
        ("EXAMPLE.com:8443", "https://example.com:8443"),
        ("[::1]:8443", "https://[::1]:8443"),
        ("example.com:", "https://example.com"),
    ] {
        assert!(allows(&policy, host, origin), "{host} {origin}");
    }
    assert!(allows(&OriginPolicy::same_origin(Scheme::Ws), "localhost:8080", "http://localhost:8080"));
}

#[test]
fn another_origin_gets_403() {
    let policy = OriginPolicy::same_origin(Scheme::Wss);
    for origin in [
        "http://example.com",
        "https://example.com:8443",
        "https://example.com.evil.example",
        "https://evil.example/example.com",
        "https://example.com@evil.example",
        "https://www.example.com",
        "https://example.co",
        "null",
        "",
        "https://",
        "example.com",
        "https://example.com https://evil.example",
        "https://example.com/",
    ] {
        assert!(!allows(&policy, "example.com", origin), "{origin}");
    }
    assert!(!allows(&policy, "example.com", b"https://example.com\xff"));
}

#[test]
fn listed_origins_may_connect() {
    let policy = OriginPolicy::allow(["https://a.example", "http://b.example:8080"]).unwrap();
    for origin in ["https://a.example", "https://A.example:443", "http://b.example:8080"] {
        assert!(allows(&policy, "x.example", origin), "{origin}");
    }
    for origin in ["http://a.example", "http://b.example", "https://x.example", "null", "*"] {
        assert!(!allows(&policy, "x.example", origin), "{origin}");
    }
    let nobody = OriginPolicy::allow([""; 0]).unwrap();
    assert!(!allows(&nobody, "a", "http://a"));
    assert!(allows(&OriginPolicy::allow(["null"]).unwrap(), "a", "null"));
}

#[test]
fn a_request_without_an_origin_is_not_from_a_browser() {
    // "The client need not be a browser": without the header there is nothing to go by (§4.2.2).
    for policy in [OriginPolicy::same_origin(Scheme::Ws), OriginPolicy::allow(["http://a"]).unwrap()] {
        assert_eq!(policy.check(&plain()), Ok(()));
        let reject = policy.require_origin().check(&plain()).unwrap_err();
        assert_eq!(reject.status_code(), 403);
    }
}

#[test]
fn several_origins_are_refused() {
    let request = plain().with_header("Origin", "http://a").with_header("origin", "http://a");
    assert!(OriginPolicy::allow(["http://a"]).unwrap().check(&request).is_err());
}

#[test]
fn a_request_with_two_origins_is_refused_by_every_door() {
    // "The user agent MUST NOT include more than one Origin header field in any HTTP request" (RFC 6454 §7.3).
    let head = Head::request().with("Origin: http://a");
    for again in ["Origin: http://a", "origin: http://evil.example", "ORIGIN:"] {
        refused(head.clone().with(again), HandshakeError::RepeatedOrigin);

        let mut connection = WsConnection::server();
        connection.receive_data(&Vec::from(head.clone().with(again))).unwrap();
        assert_eq!(connection.next_event(), Err(HandshakeError::RepeatedOrigin.into()));
    }
    let mut fields = with("origin", "http://a");
    fields.push(("origin".to_owned(), "http://evil.example".to_owned()));
    let received = ServerExtendedConnect::parse(fields, HandshakeLimits::default());
    assert_eq!(received.map(|_| ()), Err(HandshakeError::RepeatedOrigin));
    assert_eq!(HandshakeError::RepeatedOrigin.status(), 400);
}

#[test]
fn nothing_is_checked_unless_asked() {
    let head = Head::request().with("Origin: https://evil.example");
    assert_eq!(acceptable(head).origin, Some(b"https://evil.example".to_vec()));
}

#[test]
fn the_refusal_can_be_sent_as_it_is() {
    let mut handshake = deciding(Head::request().with("Origin: https://evil.example"));
    let policy = OriginPolicy::same_origin(Scheme::Ws);
    let reject = policy.check(handshake.request().unwrap()).unwrap_err();
    let mut output = Vec::new();
    handshake.reject(reject, &mut output).unwrap();
    assert!(output.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
}

#[test]
fn origins_are_checked_in_streams_too() {
    let status = |origin| {
        let connect = acceptable_stream(with("origin", origin));
        let checked = OriginPolicy::same_origin(connect.scheme()).check(connect.request());
        checked.err().map(|reject| ServerExtendedConnect::reject(reject).unwrap().status_code())
    };
    assert_eq!(status("https://server.example.com"), None);
    assert_eq!(status("https://evil.example"), Some(403));
    assert_eq!(status("http://server.example.com"), Some(403));
}

#[test]
fn only_the_null_origin_is_null() {
    // RFC 6454 §6.2.
    assert!(Origin::NULL.is_null() && "null".parse::<Origin>().unwrap().is_null());
    assert!(!"https://example.com".parse::<Origin>().unwrap().is_null());
}
