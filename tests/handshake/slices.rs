//! The handshake over the caller's slices: what it writes, and what it refuses to write (RFC 6455 §4).
//!
//! What it reads is in `in_slices.rs`: every vector goes through it.

use proptest::prelude::*;
use wsproto::{
    AcceptConnection, ClientHandshake, ConnectionState, HandshakeError, HandshakeLimits,
    HandshakeResponseRef, LocalProtocolError, RejectConnection, Request, RequestRef, ResponseRef,
    SliceClientHandshake, SliceRequest, SliceServerHandshake,
};

use crate::in_slices::read_response;
use crate::properties::{cases, pairs};
use crate::support::{Fields, Head, KEY, Sample, TOKEN, TRAILING, deciding};

fn borrowed(headers: &Fields) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

/// The bytes of the request that both doors write, or the error of this one.
fn written(request: &SliceRequest<'_>) -> Result<Vec<u8>, LocalProtocolError> {
    let mut output = Vec::new();
    let mut entropy = Sample::default();
    let limits = HandshakeLimits::default();
    let handshake = SliceClientHandshake::new(request, limits, &mut entropy, &mut output);
    assert_eq!(handshake.is_ok(), !output.is_empty());
    assert_eq!(entropy.draws.len(), usize::from(handshake.is_ok()), "entropy is drawn once, if at all");
    handshake.map(|_| output)
}

const CHAT: SliceRequest<'static> = SliceRequest::new("server.example.com", "/chat");

/// The request of §1.3, with a subprotocol that can be chosen, and bytes after it.
fn chat() -> Vec<u8> {
    let head = Head::request().with("Sec-WebSocket-Protocol: mqtt, chat").with("Cookie: a=b");
    [Vec::from(head), TRAILING.to_vec()].concat()
}

#[test]
fn a_plain_request_has_the_lines_of_section_4_1() {
    let expected = format!(
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    assert_eq!(written(&CHAT), Ok(expected.into_bytes()));
}

#[test]
fn a_request_that_is_not_valid_is_not_written() {
    type Row<'r> = (SliceRequest<'r>, LocalProtocolError);
    let rows: [Row<'_>; 14] = [
        (SliceRequest::new("", "/"), LocalProtocolError::InvalidHost),
        (SliceRequest::new("a\r\nb", "/"), LocalProtocolError::InvalidHost),
        (SliceRequest::new("a", ""), LocalProtocolError::InvalidTarget),
        (SliceRequest::new("a", "/ b"), LocalProtocolError::InvalidTarget),
        (CHAT.with_subprotocols(&["a b"]), LocalProtocolError::InvalidSubprotocol),
        (CHAT.with_subprotocols(&[""]), LocalProtocolError::InvalidSubprotocol),
        (CHAT.with_subprotocols(&["a", "b", "a"]), LocalProtocolError::InvalidSubprotocol),
        (CHAT.with_headers(&[("a b", b"")]), LocalProtocolError::InvalidHeaderName),
        (CHAT.with_headers(&[("A", b"a\r\nB: c")]), LocalProtocolError::InvalidHeaderValue),
        (CHAT.with_headers(&[("hOST", b"a")]), LocalProtocolError::ReservedHeader),
        (CHAT.with_headers(&[("Sec-WebSocket-Extensions", b"a")]), LocalProtocolError::ReservedHeader),
        (CHAT.with_headers(&[("Content-Length", b"0")]), LocalProtocolError::ReservedHeader),
        (CHAT.with_headers(&[("Transfer-Encoding", b"chunked")]), LocalProtocolError::ReservedHeader),
        (CHAT.with_headers(&[("Origin", b"a"), ("origin", b"a")]), LocalProtocolError::RepeatedOrigin),
    ];
    for (request, error) in rows {
        assert_eq!(written(&request), Err(error), "{request:?}");
    }
}

#[test]
fn a_request_is_written_to_a_fixed_output_whole_or_not_at_all() {
    let len = written(&CHAT).unwrap().len();
    for room in [0, 1, len - 1] {
        let (mut memory, mut entropy) = (vec![0; room], Sample::default());
        let refused = SliceClientHandshake::new(
            &CHAT,
            HandshakeLimits::default(),
            &mut entropy,
            &mut memory.as_mut_slice(),
        );
        assert_eq!(refused.map(|_| ()), Err(LocalProtocolError::OutputFull(len)));
        assert_eq!((memory, entropy.draws.len()), (vec![0; room], 0));
    }
}

#[test]
fn an_acceptance_has_the_choice_and_the_headers() {
    let buffer = chat();
    let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
    let request = handshake.receive(&buffer).unwrap().unwrap();
    assert_eq!(&buffer[request.head_len()..], TRAILING);
    assert_eq!((request.header("COOKIE"), request.header("X")), (Some(&b"a=b"[..]), None));

    let mut output = Vec::new();
    handshake.accept(&request, Some("chat"), &[("Server", b"a"), ("X", b"")], &mut output).unwrap();
    let expected = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {TOKEN}\r\nSec-WebSocket-Protocol: chat\r\nServer: a\r\nX: \r\n\r\n"
    );
    assert_eq!(output, expected.as_bytes());
}

#[test]
fn an_acceptance_that_is_not_valid_changes_nothing() {
    let buffer = chat();
    let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
    let request = handshake.receive(&buffer).unwrap().unwrap();
    let mut output = Vec::new();
    for chosen in ["Chat", "", "mqtt, chat", "chat\r\nX: y"] {
        let refused = handshake.accept(&request, Some(chosen), &[], &mut output);
        assert_eq!(refused, Err(LocalProtocolError::SubprotocolNotOffered), "{chosen:?}");
    }
    for (name, value, error) in [
        ("", "", LocalProtocolError::InvalidHeaderName),
        ("a:", "", LocalProtocolError::InvalidHeaderName),
        ("a", "b\n", LocalProtocolError::InvalidHeaderValue),
        ("upgrade", "websocket", LocalProtocolError::ReservedHeader),
        ("Sec-WebSocket-Extensions", "x", LocalProtocolError::ReservedHeader),
        ("Sec-WebSocket-Protocol", "chat", LocalProtocolError::ReservedHeader),
        ("Content-Length", "0", LocalProtocolError::ReservedHeader),
    ] {
        let refused = handshake.accept(&request, None, &[(name, value.as_bytes())], &mut output);
        assert_eq!(refused, Err(error), "{name:?}");
    }
    let refused = handshake.accept(&request, None, &[], &mut [0; 128].as_mut_slice());
    assert_eq!(refused, Err(LocalProtocolError::OutputFull(129)));
    assert!(output.is_empty());
    assert_eq!(handshake.state(), ConnectionState::Connecting);
    handshake.accept(&request, None, &[], &mut output).unwrap();
}

#[test]
fn a_refusal_that_is_not_valid_changes_nothing() {
    let buffer = chat();
    let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
    handshake.receive(&buffer).unwrap().unwrap();
    let mut output = Vec::new();
    for status in [0, 101, 200, 299, 600, u16::MAX] {
        let refused = handshake.reject(status, &[], &mut output);
        assert_eq!(refused, Err(LocalProtocolError::InvalidStatus(status)));
    }
    for (name, error) in [
        ("a b", LocalProtocolError::InvalidHeaderName),
        ("Connection", LocalProtocolError::ReservedHeader),
        ("content-length", LocalProtocolError::ReservedHeader),
        ("Transfer-Encoding", LocalProtocolError::ReservedHeader),
    ] {
        assert_eq!(handshake.reject(404, &[(name, b"0")], &mut output), Err(error), "{name:?}");
    }
    let refused = handshake.reject(404, &[], &mut [0; 8].as_mut_slice());
    assert!(matches!(refused, Err(LocalProtocolError::OutputFull(_))));
    assert!(output.is_empty());
    assert_eq!(handshake.state(), ConnectionState::Connecting);
    handshake.reject(404, &[], &mut output).unwrap();
    assert_eq!(output, b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn a_request_is_answered_once() {
    let buffer = chat();
    let limits = HandshakeLimits::default();
    let request = SliceServerHandshake::new(limits).receive(&buffer).unwrap().unwrap();
    let mut output = Vec::new();

    let mut waiting = SliceServerHandshake::new(limits);
    let mut failed = waiting.clone();
    let mut accepted = waiting.clone();
    let mut rejected = waiting.clone();
    failed.receive(b"no request\r\n").unwrap_err();
    accepted.receive(&buffer).unwrap();
    accepted.accept(&request, None, &[], &mut output).unwrap();
    rejected.receive(&buffer).unwrap();
    rejected.reject(404, &[], &mut output).unwrap();

    output.clear();
    let none = Err(LocalProtocolError::NotInHandshake);
    for handshake in [&mut waiting, &mut failed, &mut accepted, &mut rejected] {
        assert_eq!(handshake.accept(&request, None, &[], &mut output), none);
    }
    for handshake in [&mut waiting, &mut accepted, &mut rejected] {
        assert_eq!(handshake.reject(404, &[], &mut output), none);
    }
    assert!(output.is_empty());
}

#[test]
fn an_end_before_the_request_is_a_failure() {
    let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
    assert_eq!(handshake.receive(b"GET"), Ok(None));
    assert_eq!(handshake.receive_eof(), Err(HandshakeError::UnexpectedEof));
    assert_eq!((handshake.receive_eof(), handshake.state()), (Ok(()), ConnectionState::Closed));
    assert_eq!(handshake.receive(&chat()), Ok(None));
}

#[test]
fn an_absolute_target_has_a_path_and_a_host() {
    for (target, path, query) in [
        ("http://a.example", "/", None),
        ("http://a.example?x=1", "/", Some("x=1")),
        ("ws://a.example/?", "/", Some("")),
        ("wss://a.example/b/c?d?e", "/b/c", Some("d?e")),
    ] {
        let head = Vec::from(Head::request().start(format!("GET {target} HTTP/1.1")));
        let request = SliceServerHandshake::new(HandshakeLimits::default()).receive(&head).unwrap().unwrap();
        assert_eq!((request.host(), request.path(), request.query()), ("a.example", path, query));
    }
}

#[test]
fn offers_of_extensions_are_left_unanswered_but_checked() {
    let head = |offer| Vec::from(Head::request().with(format!("Sec-WebSocket-Extensions: {offer}")));
    let limits = HandshakeLimits::default();
    assert!(SliceServerHandshake::new(limits).receive(&head("permessage-deflate")).unwrap().is_some());
    let error = SliceServerHandshake::new(limits).receive(&head("a;")).unwrap_err();
    assert_eq!(error.name(), "invalid_extension");
}

#[test]
fn a_response_shows_its_headers() {
    let buffer = Vec::from(Head::response().with("Sec-WebSocket-Protocol: chat").with("X: y"));
    let request = CHAT.with_subprotocols(&["mqtt", "chat"]);
    let seen = read_response(&request, HandshakeLimits::default(), &buffer, &[buffer.len()], false);
    let Ok(Some(HandshakeResponseRef::Accept(response))) = seen else { panic!("{seen:?}") };
    assert_eq!((response.subprotocol(), response.header("x")), (Some("chat"), Some(&b"y"[..])));
    assert!(format!("{response:?}").contains(r#""X": "y""#));
}

#[test]
fn no_credentials_are_shown() {
    let secrets =
        ["Cookie: SECRET", "authorization: SECRET", "Proxy-Authorization: SECRET", "Set-Cookie: SECRET"];
    let head = |head: Head| {
        Vec::from(secrets.into_iter().fold(head.with("X-A: seen"), |head, line| head.with(line)))
    };
    let request = head(Head::request());
    let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
    let request = format!("{:?}", handshake.receive(&request).unwrap().unwrap());
    let response = head(Head::response());
    let response = read_response(&CHAT, HandshakeLimits::default(), &response, &[response.len()], false);
    for shown in [request, format!("{response:?}")] {
        assert!(!shown.contains("SECRET") && shown.contains("seen"), "{shown}");
    }
}

/// Misuse: it is not the same buffer, or has become shorter.
#[test]
fn other_bytes_than_before_do_no_harm() {
    let buffer = chat();
    for len in 0..buffer.len() {
        for other in [&b""[..], b"\n", &[0xff; 400], b"\r\n\r\n\r\n\r\n", &buffer[len / 2..]] {
            let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
            _ = handshake.receive(&buffer[..len]);
            if let Ok(Some(request)) = handshake.receive(other) {
                _ = (request.path(), request.query(), request.headers().count(), format!("{request:?}"));
            }
            _ = handshake.receive(&buffer);
        }
    }
}

/// Were a head read anew with each byte, this would not end.
#[test]
fn a_head_that_drips_in_is_read_once() {
    let mut limits = HandshakeLimits::default();
    limits.max_head_len = usize::MAX;
    limits.max_headers = usize::MAX;
    let head = (0..150_000).fold(Head::request(), |head, number| head.with(format!("x{number:x}: ")));
    let buffer = Vec::from(head);
    let mut handshake = SliceServerHandshake::new(limits);
    for end in 0..buffer.len() {
        assert_eq!(handshake.receive(&buffer[..end]), Ok(None));
    }
    assert!(handshake.receive(&buffer).unwrap().is_some());
}

#[test]
fn machines_are_small() {
    // In bytes; less with 32-bit addresses.
    assert!(size_of::<SliceServerHandshake>() <= 128);
    assert!(size_of::<SliceClientHandshake<'_>>() <= 176);
    assert!(size_of::<RequestRef<'_>>() <= 96);
    assert!(size_of::<ResponseRef<'_>>() <= 32);
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn both_doors_write_the_same_request(
        host in "[a-z.:\r\n ]{0,6}|[a-z]{1,6}",
        target in "[/a-z?# \r]{0,6}|/[a-z?]{0,6}",
        subprotocols in proptest::collection::vec("[ab, ]{0,2}|[a-z]{3}", 0..3),
        headers in pairs(),
        other in proptest::option::of(("[A-C \r:]{0,3}|Origin|Host|Upgrade", "[ -~\r\n]{0,6}")),
    ) {
        let mut headers = headers;
        headers.extend(other.map(|(name, value)| (name, value.into_bytes())));
        let request = subprotocols.iter().fold(Request::new(&host, &target), |request, name| request.with_subprotocol(name));
        let request = headers.iter().fold(request, |request, (name, value)| request.with_header(name, value));
        let mut expected = Vec::new();
        let handshake =
            ClientHandshake::new(request, HandshakeLimits::default(), &mut Sample::default(), &mut expected);

        let names: Vec<_> = subprotocols.iter().map(String::as_str).collect();
        let headers = borrowed(&headers);
        let request = SliceRequest::new(&host, &target).with_subprotocols(&names).with_headers(&headers);
        prop_assert_eq!(written(&request), handshake.map(|_| expected));
    }

    #[test]
    fn both_doors_write_the_same_responses(
        chosen in proptest::option::of("chat|mqtt|x|"),
        status in 298..602_u16,
        headers in pairs(),
        other in proptest::option::of(("[A-C \r:]{0,3}|Server|Upgrade|Host", "[ -~\r\n]{0,6}")),
    ) {
        let mut headers = headers;
        headers.extend(other.map(|(name, value)| (name, value.into_bytes())));
        let buffer = chat();
        let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
        let request = handshake.receive(&buffer).unwrap().unwrap();

        let accept = chosen.iter().fold(AcceptConnection::new(), |accept, name| accept.with_subprotocol(name));
        let accept = headers.iter().fold(accept, |accept, (name, value)| accept.with_header(name, value));
        let (mut output, mut expected) = (Vec::new(), Vec::new());
        let written = handshake.clone().accept(&request, chosen.as_deref(), &borrowed(&headers), &mut output);
        let other = deciding(buffer.clone()).accept(accept, &mut expected);
        prop_assert_eq!((written.is_ok(), &output), (other.is_ok(), &expected));

        let reject = RejectConnection::new(status);
        let reject = headers.iter().fold(reject, |reject, (name, value)| reject.with_header(name, value));
        let written = handshake.reject(status, &borrowed(&headers), &mut output);
        let other = deciding(buffer).reject(reject, &mut expected);
        prop_assert_eq!((written, output), (other, expected));
    }
}

#[test]
fn a_304_without_an_allocator_has_no_length() {
    // A Content-Length would be that of another response (RFC 9110 §8.6, §15.4.5).
    let buffer = chat();
    let mut handshake = SliceServerHandshake::new(HandshakeLimits::default());
    handshake.receive(&buffer).unwrap().unwrap();
    let mut output = Vec::new();
    handshake.reject(304, &[], &mut output).unwrap();
    assert!(output.starts_with(b"HTTP/1.1 304 "));
    assert!(!output.windows(14).any(|name| name == b"Content-Length"));
}
