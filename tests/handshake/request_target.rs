//! What a request asks for, and whom (RFC 6455 §3, §4.2.1; RFC 9112 §3.2).

use wsproto::HandshakeError;

use crate::support::{Head, acceptable, refused};

#[test]
fn target_may_be_a_path_with_a_query() {
    for target in ["/", "/chat", "/chat?x=1&y=2", "/?", "//x", "/a%20b", "/:80/@;,=~!$'()*+", "/?a=/?"] {
        let request = acceptable(Head::request().start(format!("GET {target} HTTP/1.1")));
        assert_eq!(request.target, target);
    }
}

#[test]
fn target_may_be_an_absolute_uri() {
    for (uri, target) in [
        ("http://server.example.com/chat", "/chat"),
        ("https://server.example.com/chat?x=1", "/chat?x=1"),
        ("HTTP://server.example.com/", "/"),
        ("http://server.example.com", "/"),
        ("http://server.example.com:8080/a?b", "/a?b"),
        ("http://server.example.com?x=1", "/?x=1"),
        ("http://[::1]:80/chat", "/chat"),
    ] {
        assert_eq!(acceptable(Head::request().start(format!("GET {uri} HTTP/1.1"))).target, target);
    }
}

#[test]
fn host_is_that_of_an_absolute_uri() {
    // "The origin server MUST ignore the received Host header field (if any) and instead replace it with
    // the host information of the request-target" (RFC 9112 §3.2.2).
    let request = acceptable(Head::request().start("GET http://other.example:8080/chat HTTP/1.1"));
    assert_eq!(request.host, "other.example:8080");
}

#[test]
fn other_targets_are_malformed() {
    for target in [
        "*",
        "chat",
        "server.example.com:80",
        "ftp://server.example.com/chat",
        "http:/chat",
        "http://",
        "http:///chat",
        "http://user@server.example.com/",
        "http://server.example.com:x/",
        "http://server.example.com:65536/",
        "http://[::1/",
    ] {
        let start = format!("GET {target} HTTP/1.1");
        refused(Head::request().start(start), HandshakeError::InvalidTarget);
    }
}

#[test]
fn target_has_no_fragment() {
    for target in
        ["/chat#", "/chat#x", "/?a#b", "http://server.example.com/#x", "http://server.example.com#x"]
    {
        let start = format!("GET {target} HTTP/1.1");
        refused(Head::request().start(start), HandshakeError::InvalidTarget);
    }
}

#[test]
fn target_has_no_character_that_a_uri_cannot_have() {
    // RFC 3986 §3.3, §3.4.
    for wrong in ["\\", "\"", "<", ">", "^", "{", "}"] {
        for target in [
            format!("/{wrong}"),
            format!("/a?b={wrong}"),
            format!("http://a/{wrong}"),
            format!("ws://a?{wrong}"),
        ] {
            let start = format!("GET {target} HTTP/1.1");
            refused(Head::request().start(start), HandshakeError::InvalidTarget);
        }
    }
}

#[test]
fn target_may_have_what_browsers_leave_unescaped_in_queries() {
    // RFC 3986 §3.4 does not allow these either; but such requests are common, and nothing is read into them here.
    for target in ["/?a[]=1", "/?a|b", "/?a=`", "/?100%", "/a[0]?b"] {
        assert_eq!(acceptable(Head::request().start(format!("GET {target} HTTP/1.1"))).target, target);
    }
}

#[test]
fn host_is_there_once_and_well_formed() {
    for host in
        ["localhost", "127.0.0.1:80", "[::1]", "[2001:db8::1]:9001", "a.example:", "xn--caf-dma.example"]
    {
        assert_eq!(acceptable(Head::request().set("Host", format!("Host: {host}"))).host, host);
    }
    refused(Head::request().without("Host"), HandshakeError::InvalidHost);
    refused(Head::request().with("Host: server.example.com"), HandshakeError::InvalidHost);
    refused(Head::request().with("host: other.example"), HandshakeError::InvalidHost);
    for host in [
        "",
        "a b",
        "a/b",
        "a,b c",
        "[]",
        "[x]",
        "[1.2.3.4]",
        "[::1]x",
        "[::1",
        "::1",
        "host:999999",
        "host:8x",
        "user@host",
        "a?b",
        "a#b",
        ":80",
    ] {
        refused(Head::request().set("Host", format!("Host: {host}")), HandshakeError::InvalidHost);
    }
    refused(Head::request().set("Host", "Host: caf\u{e9}.example"), HandshakeError::InvalidHost);
}
