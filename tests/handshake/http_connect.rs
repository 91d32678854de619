//! A tunnel through a proxy: the request byte for byte, and every response (RFC 6455 §4.1; RFC 9110 §9.3.6, §11.7, §15;
//! RFC 7617 §2).

use wsproto::{
    ClientHandshake, ConnectRequest, ConnectResponse, HandshakeError, HandshakeLimits, HandshakeResponse,
    HttpConnect, LocalProtocolError, ReadBuffer, RejectData, Request, WebSocketUri,
};

use crate::support::{Fields, Head, Sample, cuts, fields, plain};

/// What is written for `request`.
fn written(request: ConnectRequest) -> String {
    let mut output = Vec::new();
    let connect = HttpConnect::new(request, HandshakeLimits::default(), &mut output).unwrap();
    assert!(!connect.is_finished());
    String::from_utf8(output).unwrap()
}

fn refused(request: ConnectRequest) -> LocalProtocolError {
    let mut output = Vec::new();
    let refused = HttpConnect::new(request, HandshakeLimits::default(), &mut output);
    assert!(output.is_empty());
    refused.map(|_| ()).unwrap_err()
}

/// All that a client sees of a proxy's response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    tunnel: Option<Fields>,
    reject: Option<(u16, Fields, bool)>,
    body: Vec<u8>,
    body_finished: bool,
    failure: Option<HandshakeError>,
    finished: bool,
    consumed: usize,
}

fn read(limits: HandshakeLimits, pieces: &[&[u8]], eof: bool) -> Seen {
    let mut connect = HttpConnect::new(ConnectRequest::new("a:1"), limits, &mut Vec::new()).unwrap();
    let mut seen = Seen::default();
    for piece in pieces {
        let mut input = *piece;
        loop {
            match connect.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(response)) => note(&mut seen, response),
                Err(error) => assert_eq!(seen.failure.replace(error), None, "a failure is returned once"),
            }
        }
        assert!(connect.is_finished() || input.is_empty(), "it asks for more before it has read all");
        seen.consumed += piece.len() - input.len();
    }
    if eof {
        match connect.receive_eof() {
            Ok(None) => {}
            Ok(Some(response)) => note(&mut seen, response),
            Err(error) => assert_eq!(seen.failure.replace(error), None),
        }
        assert_eq!(connect.receive_eof(), Ok(None));
    }
    seen.finished = connect.is_finished();
    seen
}

fn note(seen: &mut Seen, response: ConnectResponse<'_>) {
    assert_eq!(seen.failure, None, "a failure is final");
    match response {
        ConnectResponse::Tunnel(headers) => assert_eq!(seen.tunnel.replace(fields(&headers)), None),
        ConnectResponse::Reject(reject) => {
            seen.body_finished = !reject.has_body();
            let reject = (reject.status_code(), fields(reject.headers()), reject.has_body());
            assert_eq!(seen.reject.replace(reject), None);
        }
        ConnectResponse::RejectData(RejectData { data, body_finished }) => {
            assert!(!seen.body_finished, "a body after the body");
            seen.body.extend_from_slice(data);
            seen.body_finished = body_finished;
        }
        response => panic!("{response:?}"),
    }
}

/// What is seen of `bytes`, the same however they are cut.
fn answer_under(limits: HandshakeLimits, bytes: &[u8], eof: bool) -> Seen {
    let seen = read(limits, &[bytes], eof);
    for pieces in cuts(bytes) {
        assert_eq!(read(limits, &pieces, eof), seen);
    }
    seen
}

fn answer(bytes: impl Into<Vec<u8>>) -> Seen {
    answer_under(HandshakeLimits::default(), &bytes.into(), false)
}

#[test]
fn request_has_the_authority_as_its_target_and_its_host() {
    assert_eq!(
        written(ConnectRequest::new("server.example.com:80")),
        "CONNECT server.example.com:80 HTTP/1.1\r\nHost: server.example.com:80\r\n\r\n"
    );
    let full = ConnectRequest::new("[2001:db8::1]:443")
        .with_header("User-Agent", "x/1")
        .with_basic_credentials("Aladdin", "open sesame")
        .with_header("proxy-connection", "keep-alive");
    assert_eq!(
        written(full),
        "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\nUser-Agent: x/1\r\n\
            Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nproxy-connection: keep-alive\r\n\r\n"
    );
}

#[test]
fn request_from_a_uri_names_its_port() {
    for (uri, authority) in [
        ("ws://example.com", "example.com:80"),
        ("wss://Example.COM/chat?x", "example.com:443"),
        ("ws://example.com:9001/", "example.com:9001"),
        ("wss://[::1]/", "[::1]:443"),
        ("ws://[0:0:0::1]:8080", "[::1]:8080"),
        ("ws://127.0.0.1", "127.0.0.1:80"),
    ] {
        let uri: WebSocketUri = uri.parse().unwrap();
        let request = ConnectRequest::from_uri(&uri);
        assert_eq!((uri.authority().as_str(), request.authority()), (authority, authority));
        let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        assert_eq!(written(request), head);
    }
}

#[test]
fn authority_has_a_host_and_a_valid_port() {
    for authority in [
        "",
        "a",
        "a:",
        ":1",
        "a:0",
        "a:65536",
        "a:x",
        "a:+1",
        "a:-1",
        "a:1:2",
        "::1",
        "[::1]",
        "[::1]:",
        "::1:80",
        "[x]:1",
        "user@a:1",
        "a:1/",
        "a:1?x",
        "a:1#x",
        "http://a:1",
        "a b:1",
        "caf\u{e9}:1",
        " a:1",
        "a:1 ",
    ] {
        assert_eq!(refused(ConnectRequest::new(authority)), LocalProtocolError::InvalidHost, "{authority}");
    }
    for authority in ["a:1", "a:65535", "a:080", "[::1]:80", "127.0.0.1:80", "EXAMPLE.com:443", "a_b~%41:1"] {
        assert!(written(ConnectRequest::new(authority)).starts_with(&format!("CONNECT {authority} HTTP")));
    }
}

#[test]
fn credentials_are_encoded_as_rfc_7617_shows() {
    for (user_id, password, encoded) in [
        ("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("test", "123£", "dGVzdDoxMjPCow=="),
        ("", "", "Og=="),
        ("a", "b:c", "YTpiOmM="),
        ("日本", "", "5pel5pysOg=="),
    ] {
        let request = ConnectRequest::new("a:1").with_basic_credentials(user_id, password);
        let line = format!("\r\nProxy-Authorization: Basic {encoded}\r\n");
        assert!(written(request).contains(&line), "{user_id}");
    }
}

#[test]
fn credentials_have_no_colon_in_the_user_id_and_no_control_characters() {
    let with =
        |user_id: &str, password: &str| ConnectRequest::new("a:1").with_basic_credentials(user_id, password);
    assert_eq!(refused(with("a:b", "c")), LocalProtocolError::InvalidCredentials);
    for control in (0..=0x1F_u8).chain([0x7F]).map(char::from) {
        let text = format!("a{control}b");
        assert_eq!(refused(with(&text, "c")), LocalProtocolError::InvalidCredentials);
        assert_eq!(refused(with("c", &text)), LocalProtocolError::InvalidCredentials);
    }
}

#[test]
fn credentials_are_sent_once() {
    let basic = || ConnectRequest::new("a:1").with_basic_credentials("a", "b");
    let bearer = |request: ConnectRequest| request.with_header("proxy-authorization", "Bearer x");
    for twice in [
        basic().with_basic_credentials("a", "b"),
        bearer(basic()),
        bearer(bearer(ConnectRequest::new("a:1"))),
    ] {
        assert_eq!(refused(twice), LocalProtocolError::InvalidCredentials);
    }
    assert!(written(bearer(ConnectRequest::new("a:1"))).ends_with("proxy-authorization: Bearer x\r\n\r\n"));
}

#[test]
fn credentials_are_not_shown_by_debug() {
    let request = ConnectRequest::new("a:1").with_basic_credentials("Aladdin", "open sesame");
    let shown = format!("{request:?}");
    assert!(shown.contains("a:1") && shown.contains("Proxy-Authorization"));
    assert!(
        !shown.contains("QWxhZGRp") && !shown.contains("Aladdin") && !shown.contains("sesame"),
        "{shown}"
    );
    let connect = HttpConnect::new(request, HandshakeLimits::default(), &mut Vec::new()).unwrap();
    assert!(!format!("{connect:?}").contains("QWxhZGRp"));
}

#[test]
fn request_is_written_whole_or_not_at_all() {
    let request = || ConnectRequest::new("a:1").with_basic_credentials("a", "b");
    let golden = written(request());
    for len in 0..golden.len() {
        let mut memory = vec![0xAA; len];
        let mut room = memory.as_mut_slice();
        let refused = HttpConnect::new(request(), HandshakeLimits::default(), &mut room);
        assert_eq!(refused.map(|_| ()), Err(LocalProtocolError::OutputFull(golden.len())));
        assert!(memory.iter().all(|byte| *byte == 0xAA));
    }
}

#[test]
fn every_status_of_200_to_299_opens_the_tunnel() {
    for status in [200, 201, 204, 206, 299] {
        for version in ["1.1", "1.0"] {
            let head = Vec::from(Head::new(format!("HTTP/{version} {status} OK")).with("Via: x"));
            let seen = answer(head.clone());
            assert_eq!(seen.tunnel, Some(vec![("Via".to_owned(), b"x".to_vec())]));
            assert!(seen.finished && seen.failure.is_none() && seen.reject.is_none());
            assert_eq!(seen.consumed, head.len());
        }
    }
}

#[test]
fn bytes_after_the_response_belong_to_the_tunnel_whatever_length_it_announces() {
    for line in [
        "X: 1",
        "Content-Length: 5",
        "Content-Length: x",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: x",
    ] {
        let head = Vec::from(Head::new("HTTP/1.1 200 OK").with(line));
        for more in [&b"hello"[..], b"5\r\nhello\r\n0\r\n\r\n", b"HTTP/1.1 101 x\r\n\r\n"] {
            let seen = answer([&head[..], more].concat());
            assert!(seen.tunnel.is_some() && seen.finished, "{line}");
            assert_eq!((seen.consumed, seen.body.len()), (head.len(), 0), "{line}");
        }
    }
}

#[test]
fn informational_responses_are_skipped_and_counted() {
    let informational = |count| b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n".repeat(count);
    let established = b"HTTP/1.1 200 OK\r\n\r\n";
    for count in [1, 8] {
        let bytes = [&informational(count)[..], established].concat();
        let seen = answer(bytes.clone());
        assert_eq!((seen.tunnel, seen.consumed), (Some(vec![]), bytes.len()));
    }
    let seen = answer([&informational(9)[..], established].concat());
    assert_eq!(seen.failure, Some(HandshakeError::TooManyInformational));
}

#[test]
fn every_other_final_status_refuses() {
    for status in [300, 301, 400, 403, 404, 407, 426, 500, 502, 503, 504, 599] {
        let head = Head::new(format!("HTTP/1.1 {status} No")).with("Content-Length: 0");
        let seen = answer(Vec::from(head));
        assert_eq!(seen.tunnel, None);
        assert_eq!(seen.reject.map(|(status, _, has_body)| (status, has_body)), Some((status, false)));
        assert!(seen.finished);
    }
}

#[test]
fn refusal_keeps_what_the_proxy_asks_for_and_its_body() {
    let head = Head::new("HTTP/1.1 407 Proxy Authentication Required")
        .with("Proxy-Authenticate: Basic realm=\"a\", Digest x=1")
        .with("proxy-authenticate: Negotiate");
    for (line, framed) in [
        ("Content-Length: 5", &b"hello"[..]),
        ("Transfer-Encoding: chunked", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    ] {
        let bytes = [&Vec::from(head.clone().with(line))[..], framed].concat();
        let seen = answer(bytes.clone());
        assert_eq!((&seen.body[..], seen.body_finished, seen.finished), (&b"hello"[..], true, true));
        let (status, headers, has_body) = seen.reject.unwrap();
        assert_eq!((status, has_body), (407, true));
        assert_eq!(headers[0], ("Proxy-Authenticate".to_owned(), b"Basic realm=\"a\", Digest x=1".to_vec()));
        assert_eq!(headers[1], ("proxy-authenticate".to_owned(), b"Negotiate".to_vec()));
        // The next response follows at once.
        let more = answer([&bytes[..], b"HTTP/1.1 200 OK\r\n\r\n"].concat());
        assert_eq!(more.consumed, bytes.len());
    }
    let bytes = [&Vec::from(head)[..], b"hello"].concat();
    let open = answer_under(HandshakeLimits::default(), &bytes, false);
    assert_eq!((open.body_finished, open.finished), (false, false));
    let seen = answer_under(HandshakeLimits::default(), &bytes, true);
    assert_eq!((&seen.body[..], seen.body_finished, seen.failure), (&b"hello"[..], true, None));
}

#[test]
fn limits_hold_for_the_head_and_the_body() {
    let limits = HandshakeLimits::default().with_max_head_len(100).with_max_headers(2).with_max_body_len(4);
    let under = |bytes: &[u8]| answer_under(limits, bytes, false).failure;
    let established = |len: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(len - 24));
    assert_eq!(under(established(100).as_bytes()), None);
    assert_eq!(under(established(101).as_bytes()), Some(HandshakeError::HeadTooLong));
    assert_eq!(under(&[b'a'; 100]), Some(HandshakeError::HeadTooLong));
    let head = Head::new("HTTP/1.1 200 OK").with("A: 1").with("B: 2");
    assert_eq!(under(&Vec::from(head.clone())), None);
    assert_eq!(under(&Vec::from(head.with("C: 3"))), Some(HandshakeError::TooManyHeaders));
    let refusal = Head::new("HTTP/1.1 403 No").with("Content-Length: 5");
    assert_eq!(under(&Vec::from(refusal)), Some(HandshakeError::BodyTooLong));
    let chunked = [&Vec::from(Head::new("HTTP/1.1 403 No").with("Transfer-Encoding: chunked"))[..], b"5\r\n"];
    assert_eq!(under(&chunked.concat()), Some(HandshakeError::BodyTooLong));
}

#[test]
fn what_is_not_a_response_is_a_failure() {
    for (bytes, error) in [
        (&b"SSH-2.0-OpenSSH\r\n"[..], HandshakeError::MalformedHead),
        (b"HTTP/2.0 200 OK\r\n", HandshakeError::HttpVersion),
        (b"HTTP/1.1 999 OK\r\n", HandshakeError::InvalidStatus),
        (b"HTTP/1.1 200 OK\r\nX : 1\r\n", HandshakeError::MalformedHead),
        (b"HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n", HandshakeError::MalformedHead),
        (b"HTTP/1.1 200 OK\n\n", HandshakeError::MalformedHead),
        (b"HTTP/1.1 403 No\r\nContent-Length: x\r\n\r\n", HandshakeError::MalformedBody),
    ] {
        let seen = answer(bytes);
        assert_eq!((seen.failure, seen.tunnel, seen.finished), (Some(error), None, true));
    }
}

#[test]
fn end_of_the_transport_before_the_end_of_the_response_is_a_failure() {
    for bytes in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 407 x\r\nContent-Length: 2\r\n\r\na"] {
        let seen = answer_under(HandshakeLimits::default(), bytes.as_bytes(), true);
        assert_eq!((seen.failure, seen.finished), (Some(HandshakeError::UnexpectedEof), true), "{bytes}");
    }
    for bytes in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n"] {
        assert_eq!(answer_under(HandshakeLimits::default(), bytes.as_bytes(), true).failure, None);
    }
}

#[test]
fn handshake_follows_in_the_same_buffer_however_reads_cut_both() {
    let bytes = [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"[..],
        &Vec::from(Head::response())[..],
        b"\x81\x05Hello",
    ]
    .concat();
    for pieces in cuts(&bytes) {
        let limits = HandshakeLimits::default();
        let mut connect = HttpConnect::new(ConnectRequest::new("a:1"), limits, &mut Vec::new()).unwrap();
        let mut handshake: Option<ClientHandshake> = None;
        let (mut buffer, mut is_open) = (ReadBuffer::new(), false);
        for piece in pieces {
            buffer.extend_from_slice(piece).unwrap();
            if handshake.is_none() {
                let response = buffer.read_shared(|input| connect.receive(input)).unwrap();
                let Some(ConnectResponse::Tunnel(_)) = response else { continue };
                let (mut entropy, mut output) = (Sample::default(), Vec::new());
                let new = ClientHandshake::new(plain(), limits, &mut entropy, &mut output);
                handshake = Some(new.unwrap());
            }
            let handshake = handshake.as_mut().expect("the tunnel is open");
            if let Some(response) = buffer.read_shared(|input| handshake.receive(input)).unwrap() {
                assert!(matches!(response, HandshakeResponse::Accept(_)));
                is_open = true;
            }
        }
        assert!(is_open);
        assert_eq!(buffer.unread(), b"\x81\x05Hello");
    }
}

#[test]
fn a_proxy_that_switches_to_another_protocol_refuses_the_tunnel() {
    let mut output = Vec::new();
    let request = ConnectRequest::new("server.example.com:80");
    let mut connect = HttpConnect::new(request, HandshakeLimits::default(), &mut output).unwrap();
    let mut input = &b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"[..];
    let Ok(Some(ConnectResponse::Reject(reject))) = connect.receive(&mut input) else { panic!() };
    assert_eq!(reject.status_code(), 101);
}

#[test]
fn no_credentials_are_shown() {
    let request =
        Request::new("h", "/").with_header("Authorization", "Bearer SECRET").with_header("X-A", "seen");
    for shown in [format!("{request:?}"), format!("{:?}", request.headers().iter())] {
        assert!(!shown.contains("SECRET") && shown.contains("seen"), "{shown}");
    }
    let shown = format!("{:?}", ConnectRequest::new("Aladdin:SECRET@h:80"));
    assert!(!shown.contains("SECRET"), "{shown}");
}
