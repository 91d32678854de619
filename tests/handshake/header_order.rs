//! The order and the spelling of a request's headers, as the caller sets them (RFC 9110 §5.1, §5.3; RFC 6455 §4.1).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wsproto::{
    ClientHandshake, ClientUpgrade, HandshakeLimits, HttpVersion, LocalProtocolError, Request, ServerUpgrade,
    WsConnection,
};

use crate::support::{Sample, acceptable, plain};

fn written(request: Request) -> Vec<u8> {
    let mut entropy = Sample::default();
    let mut output = Vec::new();
    ClientHandshake::new(request, HandshakeLimits::default(), &mut entropy, &mut output).unwrap();
    assert_eq!(entropy.draws, [16]);
    output
}

/// The lines of a head after the first, without the empty one.
fn lines(head: &[u8]) -> Vec<String> {
    let head = head.strip_suffix(b"\r\n\r\n").expect("the end of a head");
    let text = String::from_utf8(head.to_vec()).unwrap();
    text.split("\r\n").skip(1).map(str::to_owned).collect()
}

/// The names of these lines.
fn names(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split_once(": ").expect("a field").0).collect()
}

/// A request with all that a client can send.
fn full() -> Request {
    plain()
        .with_subprotocol("chat")
        .with_subprotocol("superchat")
        .with_header("Origin", "http://example.com")
        .with_header("Cookie", "a=1")
        .with_header("User-Agent", "x/1")
        .with_header("cookie", "b=2")
}

/// The order of a browser, with headers that the request does not have.
const BROWSER: [&str; 14] = [
    "Host",
    "Connection",
    "Pragma",
    "Cache-Control",
    "User-Agent",
    "Upgrade",
    "Origin",
    "Sec-WebSocket-Version",
    "Accept-Encoding",
    "Accept-Language",
    "Cookie",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
];

#[test]
fn headers_are_sent_in_the_order_of_the_list() {
    let golden = "GET /chat HTTP/1.1\r\n\
        Host: server.example.com\r\n\
        Connection: Upgrade\r\n\
        User-Agent: x/1\r\n\
        Upgrade: websocket\r\n\
        Origin: http://example.com\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Cookie: a=1\r\n\
        Cookie: b=2\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\n\r\n";
    let output = written(full().with_header_order(BROWSER));
    assert_eq!(String::from_utf8(output.clone()).unwrap(), golden);
    assert_eq!(acceptable(output).subprotocols, ["chat", "superchat"]);
}

#[test]
fn names_are_spelled_as_in_the_list() {
    let lower = BROWSER.map(str::to_lowercase);
    let lines = lines(&written(full().with_header_order(&lower)));
    assert!(names(&lines).iter().all(|name| lower.iter().any(|listed| listed == name)));
    assert_eq!(names(&lines).len(), 10);
}

#[test]
fn headers_that_are_not_listed_follow_in_their_usual_order() {
    let usual = lines(&written(full()));
    let some = lines(&written(full().with_header_order(["SEC-WEBSOCKET-KEY", "Origin"])));
    assert_eq!(some[0], "SEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(some[1], "Origin: http://example.com");
    let rest: Vec<&String> = usual
        .iter()
        .filter(|line| !line.starts_with("Sec-WebSocket-Key") && !line.starts_with("Origin"))
        .collect();
    assert!(some[2..].iter().eq(rest));
    let none: [&str; 0] = [];
    for order in [&none[..], &["X", "Y"]] {
        assert_eq!(lines(&written(full().with_header_order(order))), usual);
    }
}

#[test]
fn name_that_is_listed_twice_counts_once() {
    let twice = full().with_header_order(["cookie", "Host", "HOST", "Cookie", "host"]);
    let lines = lines(&written(twice));
    assert_eq!(names(&lines)[..4], ["cookie", "cookie", "Host", "Upgrade"]);
    assert_eq!((lines[0].as_str(), lines[1].as_str()), ("cookie: a=1", "cookie: b=2"));
}

#[test]
fn last_order_is_the_one_that_counts() {
    let request = plain().with_header_order(["Connection"]).with_header_order(["Upgrade"]);
    assert_eq!(names(&lines(&written(request)))[0], "Upgrade");
}

#[test]
fn headers_may_be_added_before_and_after_the_order_is_set() {
    let before = plain().with_header("X", "1").with_header_order(["X", "Host"]);
    let after = plain().with_header_order(["X", "Host"]).with_header("X", "1");
    assert_eq!(written(before), written(after));
}

#[test]
fn reserved_headers_stay_reserved_if_they_are_listed() {
    for name in ["Host", "Sec-WebSocket-Key", "Sec-WebSocket-Accept", "Content-Length"] {
        let request = plain().with_header_order([name]).with_header(name, "0");
        let mut output = Vec::new();
        let refused =
            ClientHandshake::new(request, HandshakeLimits::default(), &mut Sample::default(), &mut output);
        assert_eq!(refused.map(|_| ()), Err(LocalProtocolError::ReservedHeader));
        assert!(output.is_empty());
        // Listed alone, it adds nothing.
        let listed = lines(&written(plain().with_header_order([name])));
        assert_eq!(listed.len(), 5);
    }
}

#[test]
fn request_in_order_is_written_whole_or_not_at_all() {
    let request = || full().with_header_order(BROWSER);
    let golden = written(request());
    for len in 0..golden.len() {
        let mut memory = vec![0xAA; len];
        let mut room = memory.as_mut_slice();
        let mut entropy = Sample::default();
        let refused = ClientHandshake::new(request(), HandshakeLimits::default(), &mut entropy, &mut room);
        assert_eq!(refused.map(|_| ()), Err(LocalProtocolError::OutputFull(golden.len())));
        assert!(memory.iter().all(|byte| *byte == 0xAA) && entropy.draws.is_empty());
    }
}

#[test]
fn order_is_the_same_over_another_stack_and_in_a_connection() {
    let request = full().with_header_order(BROWSER);
    let output = written(request.clone());
    let upgrade =
        ClientUpgrade::new(request.clone(), HandshakeLimits::default(), &mut Sample::default()).unwrap();
    let headers = upgrade.headers();
    let fields: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    assert_eq!(fields, lines(&output));
    assert_eq!(WsConnection::client(Sample::default()).send(request), Ok(output));
}

#[test]
fn proxy_keeps_the_order_and_the_spelling_of_a_received_request() {
    let sent = [
        ("host", "a"),
        ("X-B", "1"),
        ("sec-websocket-KEY", crate::support::KEY),
        ("connection", "Upgrade"),
        ("x-a", "2"),
        ("UPGRADE", "websocket"),
        ("Sec-Websocket-Version", "13"),
    ];
    let limits = HandshakeLimits::default();
    let upgrade = ServerUpgrade::parse("GET", "/", HttpVersion::Http11, sent, limits).unwrap();
    let request = upgrade.request();
    let forwarded = request.clone().with_header_order(request.headers().iter().map(|(name, _)| name));
    let output = written(forwarded);
    let expected: Vec<String> = sent.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(lines(&output), expected);
}

/// Orders of names, each name in any case.
fn orders() -> impl Strategy<Value = Vec<String>> {
    vec((select(&BROWSER[..]), any::<u32>()), 0..20).prop_map(|order| {
        let spelled = order.iter().map(|(name, upper)| {
            let letters = name.chars().enumerate().map(|(place, letter)| match upper >> (place % 32) & 1 {
                1 => letter.to_ascii_uppercase(),
                _ => letter.to_ascii_lowercase(),
            });
            letters.collect()
        });
        spelled.collect()
    })
}

proptest! {
    #![proptest_config(crate::properties::cases(400))]

    #[test]
    fn no_order_leaves_out_repeats_or_changes_a_header(order in orders()) {
        let usual = written(full());
        let output = written(full().with_header_order(&order));
        prop_assert_eq!(output.len(), usual.len());
        let sorted = |head: &[u8]| {
            let mut lines = lines(head);
            for line in &mut lines {
                let (name, value) = line.split_once(": ").unwrap();
                *line = format!("{}: {value}", name.to_lowercase());
            }
            lines.sort();
            lines
        };
        prop_assert_eq!(sorted(&output), sorted(&usual));
    }
}

proptest! {
    // Each is read at every cut, and by every kind of server.
    #![proptest_config(crate::properties::cases(8))]

    #[test]
    fn a_request_in_any_order_is_accepted(order in orders()) {
        let (read, expected) = (acceptable(written(full().with_header_order(&order))), acceptable(written(full())));
        prop_assert_eq!((read.host, read.subprotocols, read.token), (expected.host, expected.subprotocols, expected.token));
    }
}
