//! What a WebSocket URI leads to (RFC 6455 §3; RFC 3986 §3).

use std::collections::HashSet;

use wsproto::{ClientHandshake, HandshakeLimits, Request, Scheme, UriError, WebSocketUri};

use crate::support::Sample;
use crate::variants;

fn parse(uri: &str) -> WebSocketUri {
    uri.parse().unwrap_or_else(|error| panic!("{uri}: {error}"))
}

fn refused(uri: &str, error: UriError) {
    assert_eq!(uri.parse::<WebSocketUri>(), Err(error), "{uri:?}");
}

#[test]
fn ports_have_a_default() {
    for (uri, port) in [
        ("ws://h", 80),
        ("ws://h:80", 80),
        ("ws://h:443", 443),
        ("wss://h", 443),
        ("wss://h:443/", 443),
        ("wss://h:80", 80),
        ("ws://h:", 80),
        ("ws://h:0", 0),
        ("ws://h:00081", 81),
        ("ws://[::1]", 80),
        ("wss://[::1]:9001/", 9001),
        ("ws://h:65535", 65535),
    ] {
        assert_eq!(parse(uri).port(), port, "{uri}");
    }
    assert_eq!(parse("ws://h"), parse("ws://h:80/"));
    assert_eq!(parse("wss://h"), parse("wss://h:443"));
    assert_ne!(parse("wss://h"), parse("ws://h:443"));
    assert_eq!(HashSet::from([parse("ws://h"), parse("WS://H:80/")]).len(), 1);
}

#[test]
fn scheme_is_compared_without_case() {
    for (uri, scheme) in [
        ("ws://h/", Scheme::Ws),
        ("WS://h/", Scheme::Ws),
        ("Wss://h/", Scheme::Wss),
        ("WSS://H/", Scheme::Wss),
    ] {
        assert_eq!(parse(uri).scheme(), scheme, "{uri}");
        assert_eq!(parse(uri).is_secure(), scheme == Scheme::Wss, "{uri}");
    }
    for uri in ["", "h", "//h/", "http://h/", "https://h/", "wsss://h/", " ws://h/", "ws:/h", "ws:h", "://h"]
    {
        refused(uri, UriError::Scheme);
    }
}

#[test]
fn resource_name_is_path_and_query() {
    for (rest, resource_name) in [
        ("", "/"),
        ("/", "/"),
        ("?", "/"),
        ("/?", "/"),
        ("?x=1", "/?x=1"),
        ("/chat", "/chat"),
        ("/chat?", "/chat"),
        ("/chat?x=1&y=/?:@", "/chat?x=1&y=/?:@"),
        ("//x", "//x"),
        ("/a%20b%23", "/a%20b%23"),
        ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"),
        ("/ws://h", "/ws://h"),
    ] {
        let request = Request::from_uri(&parse(&format!("ws://h{rest}")));
        assert_eq!(request.target(), resource_name, "{rest}");
        let mut output = Vec::new();
        ClientHandshake::new(request, HandshakeLimits::default(), &mut Sample::default(), &mut output)
            .unwrap();
        assert!(output.starts_with(format!("GET {resource_name} HTTP/1.1\r\nHost: h\r\n").as_bytes()));
    }
}

#[test]
fn path_and_query_are_well_formed() {
    for rest in [
        "/a b",
        "/%",
        "/%2",
        "/%zz",
        "/\u{e9}",
        "/\"",
        "/<",
        "/a\\b",
        "/^",
        "/`",
        "/{x}",
        "/|",
        "/[",
        "/?[",
        "/?a b",
        "/?%1",
        "/\0",
        "/a\r\nX: 1",
        "/?\n",
        "/?\u{7f}",
        "\r\n/",
    ] {
        let error = if rest.starts_with('\r') { UriError::Host } else { UriError::ResourceName };
        refused(&format!("ws://h{rest}"), error);
    }
}

#[test]
fn fragment_is_refused() {
    // "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used" (§3).
    for uri in ["ws://h/#", "ws://h/#x", "ws://h#x", "ws://h/?a#b", "ws://h:80#", "ws://#"] {
        refused(uri, UriError::Fragment);
    }
}

#[test]
fn user_information_is_refused() {
    for uri in ["ws://u@h/", "ws://u:p@h/", "ws://@h/", "ws://:@h:80/", "ws://a@b@c/"] {
        refused(uri, UriError::UserInfo);
    }
    assert_eq!(parse("ws://h/@").host(), "h");
}

#[test]
fn host_is_there_and_well_formed() {
    for (uri, host, header) in [
        ("ws://localhost/", "localhost", "localhost"),
        ("ws://Server.Example.COM:8080/A", "server.example.com", "server.example.com:8080"),
        ("ws://127.0.0.1:80/", "127.0.0.1", "127.0.0.1"),
        ("wss://127.0.0.1:80/", "127.0.0.1", "127.0.0.1:80"),
        ("ws://[::1]/", "::1", "[::1]"),
        ("ws://[::1]:80/", "::1", "[::1]"),
        ("ws://[2001:DB8:0:0::1]:9001/", "2001:db8::1", "[2001:db8::1]:9001"),
        ("ws://xn--caf-dma.example?x", "xn--caf-dma.example", "xn--caf-dma.example"),
        ("ws://a_b.c-d~e/", "a_b.c-d~e", "a_b.c-d~e"),
        ("ws://a%20b/", "a%20b", "a%20b"),
    ] {
        let uri = parse(uri);
        assert_eq!((uri.host(), uri.host_header()), (host, header.to_owned()), "{uri}");
        assert_eq!(Request::from_uri(&uri).host(), header);
    }
    for authority in [
        "",
        ":80",
        "[",
        "]",
        "[]",
        "[]:80",
        "[::1",
        "::1]",
        "[x]",
        "[1.2.3.4]",
        "[::1]x",
        "[v1.x]",
        "[fe80::1%25e]",
        "a b",
        "a%2",
        "caf\u{e9}",
        "a\\b",
        "a\r\nb",
        "a\0",
        "[::1]]",
        "x[::1]",
    ] {
        refused(&format!("ws://{authority}/"), UriError::Host);
    }
    refused("ws:///chat", UriError::Host);
    refused("ws://?x", UriError::Host);
}

#[test]
fn port_is_a_number_of_16_bits() {
    for port in ["65536", "99999999999999999999", "x", "-1", "+1", "8 0", "80:80", "\u{661}", "8\n"] {
        refused(&format!("ws://h:{port}/"), UriError::Port);
        refused(&format!("ws://[::1]:{port}"), UriError::Port);
    }
    refused("ws://::1/", UriError::Host);
}

#[test]
fn what_is_shown_can_be_parsed() {
    for uri in ["ws://H", "wss://[::1]:443/?x", "ws://h:8080/a?b=c", "WSS://h:80/%20"] {
        let uri = parse(uri);
        assert_eq!(parse(&uri.to_string()), uri);
    }
    assert_eq!(parse("WS://H:80").to_string(), "ws://h/");
    assert_eq!(parse("wss://h:80?a").to_string(), "wss://h:80/?a");
}

/// One row for each way in which a URI is refused, with its sentence.
const ERRORS: [(UriError, &str); 6] = [
    (UriError::Scheme, "scheme of the URI is missing or not expected (RFC 6455 §3)"),
    (UriError::Fragment, "URI has a fragment (RFC 6455 §3)"),
    (UriError::UserInfo, "URI has user information (RFC 6455 §3)"),
    (UriError::Host, "host of the URI is missing or malformed (RFC 3986 §3.2.2)"),
    (UriError::Port, "port of the URI is malformed (RFC 3986 §3.2.3)"),
    (UriError::ResourceName, "path or query of the URI is malformed (RFC 3986 §3.3)"),
];

#[test]
fn each_error_has_its_variants_name_and_a_sentence() {
    variants::assert_complete("UriError", ERRORS.iter().map(|(error, _)| error));
    for (error, message) in ERRORS {
        variants::assert_named(error, error.name());
        assert_eq!(error.to_string(), message);
    }
}
