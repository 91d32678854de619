//! The handshake has several doors: bytes, the values of another HTTP/1.1 stack, the `http` crate's types, and the fields
//! of a stream. The same request, or response, gets the same result at each.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    AcceptConnection, ClientExtendedConnect, ClientHandshake, ClientUpgrade, HandshakeError, HandshakeLimits,
    HandshakeResponse, HttpVersion, PermessageDeflate, Request, Scheme, ServerExtendedConnect,
    ServerHandshake, ServerUpgrade,
};
use wsproto_fuzz::{Head, REQUESTS, RESPONSES, Side, SplitHead, Zeros, wide_limits};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    head: Head<'a>,
    max_head_len: Option<u8>,
    max_headers: Option<u8>,
}

type Field<'b> = (&'b [u8], &'b [u8]);

fuzz_target!(|input: Input<'_>| {
    let mut limits = HandshakeLimits::default();
    limits.max_head_len = input.max_head_len.map_or(limits.max_head_len, usize::from);
    limits.max_headers = input.max_headers.map_or(limits.max_headers, usize::from);
    match input.side {
        Side::Server => server(&input.head.bytes(REQUESTS), limits),
        Side::Client => client(&input.head.bytes(RESPONSES), limits),
    }
});

fn server(bytes: &[u8], limits: HandshakeLimits) {
    let mut handshake = ServerHandshake::new(limits);
    let by_bytes = handshake.receive(&mut &*bytes).map(|request| request.cloned());
    let Some(head) = SplitHead::of(bytes) else {
        assert!(!matches!(by_bytes, Ok(Some(_))), "a request without an end");
        return;
    };
    let Some([method, target, version]) = head.words::<3>() else { return };
    let Some(version) = http_version(version) else { return };
    let upgrade = ServerUpgrade::parse(method, target, version, head.fields.iter().copied(), limits);
    let by_bytes = by_bytes.map(|request| request.expect("the head is complete"));
    let by_values = upgrade.as_ref().map(|upgrade| upgrade.request().clone()).map_err(|error| *error);
    same_request(&by_bytes, &by_values);

    if let Some(by_http) = by_http(method, target, version, &head.fields, limits) {
        same_request(&by_values, &by_http);
    }
    if let Some(fields) = stream_request(target, &head.fields) {
        by_stream(&by_values, &fields);
    }
    if let Ok(upgrade) = upgrade {
        // For bytes, the head can be too long where it is not for values.
        if by_bytes.is_ok() {
            same_acceptance(&mut handshake, &upgrade);
        }
        // What was accepted is sent on, and means the same.
        let client = ClientUpgrade::from(upgrade);
        let (target, headers) = (client.request().target(), client.headers());
        let again = ServerUpgrade::parse("GET", target, version, headers.iter(), wide_limits());
        let again = again.expect("what was received can be sent");
        same_choices(client.request(), again.request());
    }
}

/// The result by the types of the `http` crate; `None` if it has no such request.
fn by_http(
    method: &str,
    target: &str,
    version: HttpVersion,
    fields: &[Field<'_>],
    limits: HandshakeLimits,
) -> Option<Result<Request, HandshakeError>> {
    let version =
        if version == HttpVersion::Http11 { http::Version::HTTP_11 } else { http::Version::HTTP_10 };
    let request = http::Request::builder().method(method).uri(target).version(version);
    let add = |request: http::request::Builder, (name, value): &Field<'_>| request.header(*name, *value);
    let request = fields.iter().fold(request, add).body(()).ok()?;
    // Its `Uri` drops a fragment, and adds a slash to an empty path. As text, since `Uri` ignores the case of some parts.
    let printed = request.uri().to_string();
    if printed != target {
        return None;
    }
    Some(ServerUpgrade::parse_http(&request, limits).map(|upgrade| upgrade.request().clone()))
}

/// The same request in the fields of a stream; `None` if it is another one there.
fn stream_request<'b>(target: &'b str, fields: &[Field<'b>]) -> Option<Vec<(String, &'b [u8])>> {
    let mut hosts = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let (Some((_, host)), None, true) = (hosts.next(), hosts.next(), target.starts_with('/')) else {
        return None;
    };
    let pseudo = [
        (":method", &b"CONNECT"[..]),
        (":protocol", b"websocket"),
        (":scheme", b"https"),
        (":authority", host),
        (":path", target.as_bytes()),
    ];
    let mut all: Vec<_> = pseudo.map(|(name, value)| (name.to_owned(), value)).into();
    all.extend(stream_fields(fields)?);
    Some(all)
}

/// The headers that a stream has as well, with names in lower case; `None` if one of them is a body's framing, which
/// a stream does not have in this form.
fn stream_fields<'b>(fields: &[Field<'b>]) -> Option<Vec<(String, &'b [u8])>> {
    const OF_HTTP_1: [&str; 8] = [
        "host",
        "connection",
        "upgrade",
        "proxy-connection",
        "keep-alive",
        "te",
        "sec-websocket-key",
        "sec-websocket-accept",
    ];
    let mut kept = Vec::new();
    for (name, value) in fields {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        if name == "transfer-encoding" {
            return None;
        }
        if !OF_HTTP_1.contains(&name.as_str()) {
            kept.push((name, *value));
        }
    }
    Some(kept)
}

/// A stream's request has no method GET, no version, no `Upgrade`, no `Connection` and no key; the other rules are one.
fn by_stream(by_values: &Result<Request, HandshakeError>, fields: &[(String, &[u8])]) {
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
    let connect = ServerExtendedConnect::parse(fields, wide_limits());
    match (by_values, connect) {
        (Ok(request), Ok(connect)) => {
            assert_eq!(connect.scheme(), Scheme::Wss);
            same_choices(request, connect.request());
            // What was accepted is sent on, and means the same.
            let client = ClientExtendedConnect::from(connect);
            let again = ServerExtendedConnect::parse(client.fields().iter(), wide_limits());
            same_choices(client.request(), again.expect("what was received can be sent").request());
        }
        (
            Err(
                HandshakeError::HttpVersion
                | HandshakeError::MethodNotGet
                | HandshakeError::MissingUpgrade
                | HandshakeError::MissingConnectionUpgrade
                | HandshakeError::InvalidKey,
            ),
            _,
        ) => {}
        (Err(error), _) if is_limit(*error) || *error == HandshakeError::MalformedHead => {}
        (Err(error), Err(seen)) => assert_eq!(*error, seen),
        (expected, seen) => panic!("{seen:?} in a stream, but {expected:?}"),
    }
}

/// Both doors write the same acceptance.
fn same_acceptance(handshake: &mut ServerHandshake, upgrade: &ServerUpgrade) {
    let accept = || {
        let accept = AcceptConnection::new().with_header("Server", "s");
        let accept = match upgrade.request().subprotocols().next() {
            Some(subprotocol) => accept.with_subprotocol(subprotocol),
            None => accept,
        };
        accept.with_extensions(&[&PermessageDeflate::new()], upgrade.request()).0
    };
    let mut output = Vec::new();
    handshake.accept(accept(), &mut output).expect("what was offered can be accepted");
    let head = SplitHead::of(&output).expect("the head is complete");
    assert_eq!((head.words(), head.rest), (Some(["HTTP/1.1", "101", "Switching Protocols"]), &b""[..]));
    let parts = upgrade.accept(accept()).expect("what was offered can be accepted");
    assert_eq!(parts.status_code(), 101);
    let written = head.fields.iter().map(|(name, value)| (std::str::from_utf8(name).unwrap(), *value));
    assert!(written.eq(parts.headers().iter()), "{output:?} but {parts:?}");
}

fn same_request(one: &Result<Request, HandshakeError>, other: &Result<Request, HandshakeError>) {
    match (one, other) {
        (Ok(one), Ok(other)) => {
            same_choices(one, other);
            assert_eq!(one.headers().len(), other.headers().len());
        }
        // Where it is malformed, and that it is too long, is found in another order.
        (Err(one), Err(other)) if is_limit(*one) || is_limit(*other) => {}
        (Err(HandshakeError::MalformedHead), Err(_)) => {}
        (Err(one), Err(other)) => assert_eq!(one, other),
        // White space around values counts only where there are bytes; values count with one space each.
        (Err(HandshakeError::HeadTooLong), Ok(_)) | (Ok(_), Err(HandshakeError::HeadTooLong)) => {}
        (one, other) => panic!("{one:?} but {other:?}"),
    }
}

fn same_choices(one: &Request, other: &Request) {
    assert_eq!((one.host(), one.target(), one.path()), (other.host(), other.target(), other.path()));
    assert!(one.subprotocols().eq(other.subprotocols()));
    assert_eq!(one.extensions(), other.extensions());
    assert_eq!(one.origin(), other.origin());
}

fn client(bytes: &[u8], limits: HandshakeLimits) {
    let deflate = PermessageDeflate::new();
    let request = || {
        let request = Request::new("a", "/").with_subprotocol("chat").with_subprotocol("mqtt");
        request.with_extensions(&[&deflate])
    };
    let handshake = ClientHandshake::new(request(), limits, &mut Zeros, &mut Vec::new());
    let mut handshake = handshake.expect("a valid request");
    let mut input = bytes;
    let by_bytes = handshake.receive(&mut input);

    let upgrade = ClientUpgrade::new(request(), limits, &mut Zeros).expect("a valid request");
    let connect = ClientExtendedConnect::new(request(), Scheme::Wss, wide_limits());
    let connect = connect.expect("a valid request");
    let mut rest = bytes;
    while let Some(head) = SplitHead::of(rest) {
        rest = head.rest;
        let Some(status) = status(&head) else { return };
        let Some(version) = head.words::<2>().and_then(|[version, _]| http_version(version)) else { return };
        let by_values = upgrade.receive_response(status, version, head.fields.iter().copied());
        if by_values == Ok(None) {
            continue; // informational
        }
        same_response(&by_bytes, &by_values);
        if let (Some(fields), true) = (stream_fields(&head.fields), version == HttpVersion::Http11) {
            response_by_stream(&connect, status, &fields, &by_values);
        }
        return;
    }
    assert!(!matches!(by_bytes, Ok(Some(_))), "a response without an end");
}

/// The status of a response, if it has three digits, and if only bytes that are allowed follow it: no other door sees
/// these.
fn status(head: &SplitHead<'_>) -> Option<u16> {
    let [_, rest] = head.words()?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_valid = status.len() == 3 && !reason.contains(|c: char| c.is_ascii_control() && c != '\t');
    is_valid.then(|| status.parse().ok())?
}

type Answer<'a> = Result<Option<HandshakeResponse<'a>>, HandshakeError>;

fn same_response(by_bytes: &Answer<'_>, by_values: &Answer<'_>) {
    match (by_bytes, by_values) {
        (Err(one), Err(other)) if is_limit(*one) || is_limit(*other) => {}
        (Err(HandshakeError::MalformedHead), Err(_)) => {}
        // These are about bytes that the other door does not see.
        (Err(HandshakeError::HeadTooLong | HandshakeError::TooManyInformational), _) => {}
        // Values count with a reason and with one space each.
        (Ok(_), Err(HandshakeError::HeadTooLong)) => {}
        (one, other) => assert_eq!(one, other),
    }
}

/// The same response with a status of its own: in a stream, 200 accepts.
fn response_by_stream(
    connect: &ClientExtendedConnect,
    status: u16,
    fields: &[(String, &[u8])],
    by_values: &Answer<'_>,
) {
    let stream_status = if status == 101 { "200".to_owned() } else { status.to_string() };
    let all = [(":status", stream_status.as_bytes())].into_iter();
    let all = all.chain(fields.iter().map(|(name, value)| (name.as_str(), *value)));
    let by_stream = connect.receive_response(all);
    match (by_values, by_stream) {
        (Ok(Some(HandshakeResponse::Accept(one))), Ok(Some(HandshakeResponse::Accept(other)))) => {
            assert_eq!(one.subprotocol(), other.subprotocol());
            assert_eq!(one.agreed_extensions(), other.agreed_extensions());
        }
        // Any 2xx accepts there (RFC 9110 §9.3.6).
        (Ok(Some(HandshakeResponse::Reject(one))), other) if (200..=299).contains(&one.status_code()) => {
            assert!(!matches!(other, Ok(None | Some(HandshakeResponse::Reject(_)))), "{other:?}");
        }
        (Ok(Some(HandshakeResponse::Reject(one))), Ok(Some(HandshakeResponse::Reject(other)))) => {
            assert_eq!((one.status_code(), one.has_body()), (other.status_code(), other.has_body()));
        }
        (
            Err(
                HandshakeError::UnexpectedSubprotocol(_)
                | HandshakeError::RepeatedSubprotocol
                | HandshakeError::UnexpectedExtension(_)
                | HandshakeError::InvalidExtension(_),
            ),
            other,
        ) => assert_eq!(*by_values, other),
        // The others are about what only HTTP/1.1 has, or about limits, which are larger here.
        (Err(_), _) => {}
        (one, other) => panic!("{other:?} in a stream, but {one:?}"),
    }
}

fn http_version(version: &str) -> Option<HttpVersion> {
    match version.strip_prefix("HTTP/1.")?.as_bytes() {
        b"0" => Some(HttpVersion::Http10),
        // A higher minor version is read as the highest that is known (RFC 9110 §2.5).
        [b'1'..=b'9'] => Some(HttpVersion::Http11),
        _ => None,
    }
}

fn is_limit(error: HandshakeError) -> bool {
    matches!(error, HandshakeError::HeadTooLong | HandshakeError::TooManyHeaders)
}
