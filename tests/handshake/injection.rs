//! What a caller may not smuggle into a head (RFC 6455 §4.1, §11.3; RFC 9110 §5.5; RFC 9112 §2.2, §5.2).

use wsproto::{
    AcceptConnection, ClientExtendedConnect, ClientHandshake, ClientUpgrade, ConnectRequest, ConnectionState,
    HandshakeLimits, HttpConnect, HttpVersion, LocalProtocolError, Origin, OriginPolicy, RejectConnection,
    Request, Scheme, ServerExtendedConnect, ServerUpgrade, WebSocketUri, WsConnection,
};

use crate::support::{Head, Sample, deciding, plain};

/// What would end a line, a field or a head, go on in the next line, or be no text at all.
const SMUGGLED: [&str; 12] = [
    "a\r\nX-Smuggled: 1",
    "a\r\n\r\nGET / HTTP/1.1",
    "a\nX-Smuggled: 1",
    "a\rX-Smuggled: 1",
    "a\r\n folded",
    "a\n\tfolded",
    "a\0b",
    "a\r",
    "a\n",
    "\r\na",
    "a\x7fb",
    "a\x1bb",
];

/// Asserts that `request` is refused, by a machine and by a connection, and leaves no trace in either.
fn refused_request(request: &Request, error: LocalProtocolError) {
    let mut entropy = Sample::default();
    let mut output = Vec::new();
    let limits = HandshakeLimits::default();
    let start = ClientHandshake::new(request.clone(), limits, &mut entropy, &mut output);
    assert_eq!(start.map(|_| ()), Err(error), "{request:?}");
    assert_eq!((output.len(), entropy.draws.len()), (0, 0), "{request:?}");

    let upgrade = ClientUpgrade::new(request.clone(), limits, &mut entropy);
    assert_eq!((upgrade.map(|_| ()), entropy.draws.len()), (Err(error), 0), "{request:?}");
    let connect = ClientExtendedConnect::new(request.clone(), Scheme::Wss, limits);
    assert_eq!(connect.map(|_| ()), Err(error), "{request:?}");

    let mut connection = WsConnection::client(Sample::default());
    assert_eq!(connection.send(request.clone()), Err(error));
    assert_eq!((connection.bytes_to_send().len(), connection.state()), (0, ConnectionState::Connecting));
    ClientHandshake::new(plain(), limits, &mut entropy, &mut output).unwrap();
    assert_eq!(connection.send(plain()), Ok(output), "it is as if new");
}

/// Asserts that `accept` is refused and leaves no trace.
fn refused_accept(accept: &AcceptConnection, error: LocalProtocolError) {
    let offer = Head::request().with("Sec-WebSocket-Protocol: a, b");
    let mut handshake = deciding(offer.clone());
    let mut output = Vec::new();
    assert_eq!(handshake.accept(accept.clone(), &mut output), Err(error), "{accept:?}");
    assert_eq!((output.len(), handshake.state()), (0, ConnectionState::Connecting));
    assert!(handshake.request().is_some());
    handshake.accept(AcceptConnection::new().with_subprotocol("a"), &mut output).unwrap();

    let request = plain().with_subprotocol("a").with_subprotocol("b");
    let limits = HandshakeLimits::default();
    let headers = ClientUpgrade::new(request.clone(), limits, &mut Sample::default()).unwrap().headers();
    let upgrade = ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, headers.iter(), limits).unwrap();
    assert_eq!(upgrade.accept(accept.clone()), Err(error), "{accept:?}");
    let fields = ClientExtendedConnect::new(request, Scheme::Wss, limits).unwrap().fields();
    let connect = ServerExtendedConnect::parse(fields.iter(), limits).unwrap();
    assert_eq!(connect.accept(accept.clone()), Err(error), "{accept:?}");

    let mut connection = WsConnection::server();
    connection.receive_data(&Vec::from(offer)).unwrap();
    connection.next_event().unwrap();
    assert_eq!(connection.send(accept.clone()), Err(error));
    assert_eq!((connection.bytes_to_send().len(), connection.state()), (0, ConnectionState::Connecting));
    assert_eq!(connection.send(AcceptConnection::new().with_subprotocol("a")), Ok(output));
}

/// Asserts that `reject` is refused and leaves no trace.
fn refused_reject(reject: &RejectConnection, error: LocalProtocolError) {
    let mut handshake = deciding(Head::request());
    let mut output = Vec::new();
    assert_eq!(handshake.reject(reject.clone(), &mut output), Err(error), "{reject:?}");
    assert_eq!((output.len(), handshake.state()), (0, ConnectionState::Connecting));
    assert!(handshake.request().is_some());
    handshake.reject(RejectConnection::new(403), &mut output).unwrap();

    assert_eq!(ServerUpgrade::reject(reject.clone()), Err(error), "{reject:?}");
    assert_eq!(ServerExtendedConnect::reject(reject.clone()), Err(error), "{reject:?}");

    let mut connection = WsConnection::server();
    connection.receive_data(&Vec::from(Head::request())).unwrap();
    connection.next_event().unwrap();
    assert_eq!(connection.send(reject.clone()), Err(error));
    assert_eq!((connection.bytes_to_send().len(), connection.state()), (0, ConnectionState::Connecting));
    assert_eq!(connection.send(RejectConnection::new(403)), Ok(output));
}

/// Asserts that no head takes this header.
fn refused_header(name: &str, value: &[u8], error: LocalProtocolError) {
    refused_request(&plain().with_header(name, value), error);
    refused_accept(&AcceptConnection::new().with_header(name, value), error);
    refused_reject(&RejectConnection::new(403).with_header(name, value), error);
    refused_reject(&RejectConnection::new(403).with_header(name, value).with_body(), error);
}

/// Asserts that a request to a proxy is refused, and that nothing is written.
fn refused_connect(request: &ConnectRequest, error: LocalProtocolError) {
    let mut output = Vec::new();
    let connect = HttpConnect::new(request.clone(), HandshakeLimits::default(), &mut output);
    assert_eq!(connect.map(|_| ()), Err(error), "{request:?}");
    assert!(output.is_empty());
}

#[test]
fn nothing_is_smuggled_into_a_request_to_a_proxy() {
    let lawful = || ConnectRequest::new("a:1");
    for smuggled in SMUGGLED {
        for authority in
            [smuggled.to_owned(), format!("{smuggled}:1"), format!("a:{smuggled}"), format!("a:1{smuggled}")]
        {
            refused_connect(&ConnectRequest::new(&authority), LocalProtocolError::InvalidHost);
        }
        let error = LocalProtocolError::InvalidCredentials;
        refused_connect(&lawful().with_basic_credentials(smuggled, "b"), error);
        refused_connect(&lawful().with_basic_credentials("a", smuggled), error);
        refused_connect(&lawful().with_header(smuggled, "b"), LocalProtocolError::InvalidHeaderName);
        for name in ["X", "User-Agent", "Proxy-Authorization"] {
            refused_connect(&lawful().with_header(name, smuggled), LocalProtocolError::InvalidHeaderValue);
        }
    }
    for name in ["Host", "host", "UPGRADE", "Content-Length", "transfer-encoding"] {
        refused_connect(&lawful().with_header(name, "0"), LocalProtocolError::ReservedHeader);
    }
}

#[test]
fn nothing_is_smuggled_into_a_host() {
    for host in SMUGGLED {
        refused_request(&Request::new(host, "/"), LocalProtocolError::InvalidHost);
    }
    for host in [
        "",
        " ",
        "a b",
        "a\t",
        "a,b c",
        "a/b",
        "a?b",
        "a#b",
        "user@a",
        "caf\u{e9}",
        "a:b",
        "[::1",
        "[]",
        "[x]",
        "a%2",
    ] {
        refused_request(&Request::new(host, "/"), LocalProtocolError::InvalidHost);
    }
}

#[test]
fn nothing_is_smuggled_into_a_target() {
    for smuggled in SMUGGLED {
        refused_request(&Request::new("a", &format!("/{smuggled}")), LocalProtocolError::InvalidTarget);
        refused_request(&Request::new("a", &format!("/?{smuggled}")), LocalProtocolError::InvalidTarget);
    }
    for target in ["/ HTTP/1.1", "/a b", "/a\tb", "/\u{e9}", "/#", "", "a"] {
        refused_request(&Request::new("a", target), LocalProtocolError::InvalidTarget);
    }
}

#[test]
fn nothing_is_smuggled_into_a_uri_or_an_origin() {
    for smuggled in SMUGGLED {
        for uri in [
            format!("ws://{smuggled}/"),
            format!("ws://h:{smuggled}"),
            format!("ws://h/{smuggled}"),
            format!("ws://h/?{smuggled}"),
            format!("{smuggled}ws://h/"),
        ] {
            assert!(uri.parse::<WebSocketUri>().is_err(), "{uri:?}");
        }
        for origin in
            [format!("http://{smuggled}"), format!("http://a:{smuggled}"), format!("{smuggled}http://a")]
        {
            assert!(origin.parse::<Origin>().is_err(), "{origin:?}");
            assert!(OriginPolicy::allow([origin]).is_err());
        }
    }
}

#[test]
fn nothing_is_smuggled_into_a_header_name() {
    for name in
        SMUGGLED.into_iter().chain(["", " ", "X ", " X", "X:", ":", "X Y", "X\t", "X(", "X\u{e9}", "\"X\""])
    {
        refused_header(name, b"1", LocalProtocolError::InvalidHeaderName);
        for order in [vec![name], vec!["Host", name, "X"]] {
            refused_request(&plain().with_header_order(order), LocalProtocolError::InvalidHeaderName);
        }
    }
}

#[test]
fn nothing_is_smuggled_into_a_header_value() {
    for value in SMUGGLED {
        refused_header("X", value.as_bytes(), LocalProtocolError::InvalidHeaderValue);
        refused_header("Origin", value.as_bytes(), LocalProtocolError::InvalidHeaderValue);
    }
    for byte in (0..=0x1f).chain([0x7f]).filter(|byte| *byte != b'\t') {
        refused_header("X", &[b'a', byte, b'b'], LocalProtocolError::InvalidHeaderValue);
    }
    for value in [" a", "a ", "\ta", "a\t", " "] {
        refused_header("X", value.as_bytes(), LocalProtocolError::InvalidHeaderValue);
    }
}

#[test]
fn nothing_is_smuggled_into_a_subprotocol() {
    let others = ["", " ", "a,b", "a, b", "a b", "a;b", "a/b", "a=b", "\"a\"", "caf\u{e9}", "a\t"];
    for subprotocol in SMUGGLED.into_iter().chain(others) {
        let error = LocalProtocolError::InvalidSubprotocol;
        refused_request(&plain().with_subprotocol(subprotocol), error);
        refused_request(&plain().with_subprotocol("x").with_subprotocol(subprotocol), error);
        refused_accept(&AcceptConnection::new().with_subprotocol(subprotocol), error);
    }
}

#[test]
fn subprotocols_are_offered_once_each() {
    let twice = plain().with_subprotocol("a").with_subprotocol("b").with_subprotocol("a");
    refused_request(&twice, LocalProtocolError::InvalidSubprotocol);
    let twice = AcceptConnection::new().with_subprotocol("a").with_subprotocol("b");
    refused_accept(&twice, LocalProtocolError::InvalidSubprotocol);
}

#[test]
fn a_request_has_one_origin() {
    // RFC 6454 §7.3.
    let twice =
        plain().with_header("Origin", "http://a").with_header("X", "1").with_header("origin", "http://b");
    refused_request(&twice, LocalProtocolError::RepeatedOrigin);
}

#[test]
fn headers_that_the_handshake_writes_itself_are_reserved() {
    for name in [
        "Host",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Accept",
        "Content-Length",
        "Transfer-Encoding",
    ] {
        for name in [name.to_owned(), name.to_ascii_lowercase(), name.to_ascii_uppercase()] {
            refused_request(&plain().with_header(&name, "0"), LocalProtocolError::ReservedHeader);
        }
    }
    for name in [
        "Upgrade",
        "connection",
        "Sec-WebSocket-Key",
        "SEC-WEBSOCKET-ACCEPT",
        "Sec-WebSocket-Protocol",
        "sec-websocket-extensions",
        "Content-Length",
        "transfer-encoding",
    ] {
        let accept = AcceptConnection::new().with_header(name, "0");
        refused_accept(&accept, LocalProtocolError::ReservedHeader);
    }
    for name in ["connection", "Transfer-Encoding", "Sec-WebSocket-Accept"] {
        let reject = RejectConnection::new(403).with_header(name, "0");
        refused_reject(&reject, LocalProtocolError::ReservedHeader);
    }
}

#[test]
fn length_of_a_body_is_announced_once_and_in_digits() {
    let with_body = || RejectConnection::new(403).with_body();
    for len in ["", "x", "-1", "+1", "1.0", "0x1", "1, 1", "18446744073709551616"] {
        refused_reject(&with_body().with_header("Content-Length", len), LocalProtocolError::InvalidBody);
    }
    let twice = with_body().with_header("Content-Length", "1").with_header("content-length", "1");
    refused_reject(&twice, LocalProtocolError::InvalidBody);
    let zipped = with_body().with_header("Transfer-Encoding", "gzip, chunked");
    refused_reject(&zipped, LocalProtocolError::ReservedHeader);
}

#[test]
fn the_first_fault_is_reported_even_if_valid_values_follow() {
    let request = Request::new("a b", "#").with_header("\n", "\n").with_subprotocol("").with_header("X", "1");
    refused_request(&request, LocalProtocolError::InvalidHost);
    let request = plain().with_subprotocol("x").with_header("Host", "x").with_header("X", "\n");
    refused_request(&request, LocalProtocolError::ReservedHeader);
    let accept = AcceptConnection::new().with_header("X", "\n").with_header("\n", "").with_subprotocol("a");
    refused_accept(&accept, LocalProtocolError::InvalidHeaderValue);
    let reject = RejectConnection::new(200).with_header("\n", "").with_body();
    refused_reject(&reject, LocalProtocolError::InvalidStatus(200));
}

#[test]
fn what_is_allowed_is_written() {
    let request = plain().with_header("X!#$%&'*+-.^_`|~", b"a\tb \"\\,;=\x80\xff").with_header("X", "");
    let mut output = Vec::new();
    let limits = HandshakeLimits::default();
    ClientHandshake::new(request, limits, &mut Sample::default(), &mut output).unwrap();
    assert!(output.ends_with(b"13\r\nX!#$%&'*+-.^_`|~: a\tb \"\\,;=\x80\xff\r\nX: \r\n\r\n"));
}
