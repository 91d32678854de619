//! Requests that do not ask for a WebSocket connection: their heads are kept, so that a server can answer them on the
//! same port (RFC 9112 §2, §3; RFC 6455 §4.2.1).

use wsproto::{
    AcceptConnection, HandshakeError, HandshakeLimits, HttpVersion, ServerHandshake, WsConnection,
};

use crate::support::{Head, TRAILING, cuts, fields};

/// What a server keeps of a request that it refuses.
#[derive(Debug, PartialEq)]
struct Refused {
    error: HandshakeError,
    head: Option<(String, String, HttpVersion, usize)>,
    unread: Vec<u8>,
}

fn refused(limits: HandshakeLimits, pieces: &[&[u8]]) -> Refused {
    let mut handshake = ServerHandshake::new(limits);
    assert_eq!(handshake.refused_head(), None);
    let mut failure = None;
    let mut unread = Vec::new();
    for mut piece in pieces.iter().copied() {
        if let Err(error) = handshake.receive(&mut piece) {
            failure = Some(error);
        }
        unread.extend_from_slice(piece);
    }
    let head = handshake.refused_head().map(|head| {
        (head.method().to_owned(), head.target().to_owned(), head.version(), fields(head.headers()).len())
    });
    Refused { error: failure.expect("it is refused"), head, unread }
}

/// What is kept of `head`, however the bytes are cut, with other bytes after it.
#[track_caller]
fn kept(head: Head, error: HandshakeError, method: &str, target: &str, version: HttpVersion, headers: usize) {
    let bytes = [&Vec::from(head)[..], TRAILING].concat();
    let head = Some((method.to_owned(), target.to_owned(), version, headers));
    let expected = Refused { error, head, unread: TRAILING.to_vec() };
    for pieces in cuts(&bytes) {
        assert_eq!(refused(HandshakeLimits::default(), &pieces), expected);
    }
}

#[test]
fn the_head_of_each_valid_http_request_is_kept() {
    let http11 = HttpVersion::Http11;
    let head = |line: &str| Head::new(line).with("Host: h").with("X-A: 1");
    kept(head("GET /health HTTP/1.1"), HandshakeError::MissingUpgrade, "GET", "/health", http11, 2);
    let post = head("POST /log?a=b HTTP/1.1").with("Content-Length: 15");
    kept(post, HandshakeError::MethodNotGet, "POST", "/log?a=b", http11, 3);
    kept(head("HEAD / HTTP/1.1"), HandshakeError::MethodNotGet, "HEAD", "/", http11, 2);
    kept(head("OPTIONS * HTTP/1.1"), HandshakeError::MethodNotGet, "OPTIONS", "*", http11, 2);
    kept(head("GET a:80 HTTP/1.1"), HandshakeError::InvalidTarget, "GET", "a:80", http11, 2);
    kept(head("GET / HTTP/1.0"), HandshakeError::HttpVersion, "GET", "/", HttpVersion::Http10, 2);
    kept(head("GET / HTTP/1.2"), HandshakeError::MissingUpgrade, "GET", "/", http11, 2);
    kept(Head::new("GET / HTTP/1.1"), HandshakeError::InvalidHost, "GET", "/", http11, 0);
    let version = Head::request().set("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8");
    kept(version, HandshakeError::UnsupportedVersion, "GET", "/chat", http11, 5);
}

#[test]
fn nothing_is_kept_of_what_is_not_an_http_head() {
    for line in ["GET / HTTP/2.0", "broken nonsense", "GET  / HTTP/1.1"] {
        let bytes = Vec::from(Head::new(line));
        assert_eq!(refused(HandshakeLimits::default(), &[&bytes]).head, None, "{line}");
    }
    let bytes = Vec::from(Head::request());
    let limits = HandshakeLimits::default().with_max_head_len(bytes.len() - 1);
    assert_eq!(refused(limits, &[&bytes]).head, None);
}

#[test]
fn the_head_is_kept_until_the_request_is_answered() {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let bytes = Vec::from(Head::request().without("Upgrade"));
    let error = handshake.receive(&mut bytes.as_slice()).unwrap_err();
    assert_eq!(handshake.receive(&mut &b"more"[..]), Ok(None));
    assert!(handshake.accept(AcceptConnection::new(), &mut Vec::new()).is_err());
    assert_eq!(handshake.refused_head().unwrap().target(), "/chat");
    handshake.reject(error.response(), &mut Vec::new()).unwrap();
    assert_eq!(handshake.refused_head(), None);
}

#[test]
fn a_request_that_can_be_accepted_is_not_refused() {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let bytes = Vec::from(Head::request());
    assert!(handshake.receive(&mut bytes.as_slice()).unwrap().is_some());
    assert_eq!(handshake.refused_head(), None);
}

#[test]
fn a_connection_of_both_layers_keeps_the_head_too() {
    let mut server = WsConnection::server();
    server.receive_data(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert_eq!(server.refused_head(), None, "the request is not read yet");
    server.next_event().unwrap_err();
    let head = server.refused_head().unwrap();
    assert_eq!((head.method(), head.target(), head.headers().len()), ("GET", "/health", 1));
    assert_eq!(
        format!("{head:?}"),
        r#"RequestHead { method: "GET", target: "/health", version: Http11, headers: {"Host": "h"} }"#
    );
}
