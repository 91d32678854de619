//! A head is read the same however it is cut, and the same by the handshake over slices. A request or a response that was
//! accepted can be written and read again.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    AcceptConnection, ClientHandshake, HandshakeError, HandshakeLimits, HandshakeResponse,
    HandshakeResponseRef, Headers, RejectConnection, Request, ServerHandshake, SliceClientHandshake,
    SliceRequest, SliceServerHandshake,
};
use wsproto_fuzz::{Head, REQUESTS, RESPONSES, Side, Zeros, ascending, wide_limits};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    head: Head<'a>,
    max_head_len: Option<u8>,
    max_headers: Option<u8>,
    ends: bool,
    cuts: Vec<u16>,
}

fuzz_target!(|input: Input<'_>| {
    let mut limits = HandshakeLimits::default();
    limits.max_head_len = input.max_head_len.map_or(limits.max_head_len, usize::from);
    limits.max_headers = input.max_headers.map_or(limits.max_headers, usize::from);
    match input.side {
        Side::Server => server(&input, limits),
        Side::Client => client(&input, limits),
    }
});

fn server(input: &Input<'_>, limits: HandshakeLimits) {
    let bytes = input.head.bytes(REQUESTS);
    let whole = ask(limits, &bytes, []);
    assert_eq!(ask(limits, &bytes, ascending(&input.cuts, bytes.len())), whole);
    assert_eq!(ask(limits, &bytes, 1..bytes.len()), whole);

    let mut handshake = SliceServerHandshake::new(limits);
    match (handshake.receive(&bytes), whole) {
        (Ok(None), (Ok(None), _)) => {}
        (Err(error), (Err(expected), _)) => assert_eq!(error, expected),
        (Ok(Some(seen)), (Ok(Some(request)), consumed)) => {
            assert_eq!(seen.head_len(), consumed);
            assert_eq!((seen.host(), seen.path()), (request.host(), request.path()));
            assert!(seen.subprotocols().eq(request.subprotocols()));
            assert_eq!(seen.origin(), request.origin());
            assert!(seen.headers().eq(request.headers()));
            forward(&request, limits);
        }
        (seen, whole) => panic!("{seen:?} but {whole:?}"),
    }
}

/// What a server reads, and how many bytes it has taken.
fn ask(
    limits: HandshakeLimits,
    bytes: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> (Result<Option<Request>, HandshakeError>, usize) {
    let mut handshake = ServerHandshake::new(limits);
    let mut consumed = 0;
    for piece in pieces(bytes, cuts) {
        let mut unread = piece;
        let seen = handshake.receive(&mut unread).map(|request| request.cloned());
        consumed += piece.len() - unread.len();
        if seen != Ok(None) {
            let taken = if seen.is_ok() { consumed } else { 0 };
            return (seen, taken);
        }
    }
    (Ok(None), consumed)
}

/// A proxy sends what it has received: the next server reads the same.
fn forward(request: &Request, limits: HandshakeLimits) {
    let mut output = Vec::new();
    let client = ClientHandshake::new(request.clone(), limits, &mut Zeros, &mut output);
    client.expect("what was received can be sent");
    // It may be longer than what was received, as the lines have one form.
    let (forwarded, consumed) = ask(wide_limits(), &output, []);
    let forwarded = forwarded.expect("it is valid").expect("it is complete");
    assert_eq!(consumed, output.len());
    assert_eq!((forwarded.host(), forwarded.target()), (request.host(), request.target()));
    assert!(forwarded.subprotocols().eq(request.subprotocols()));
    assert_eq!(forwarded.origin(), request.origin());
    assert_eq!(others(forwarded.headers()), others(request.headers()));
}

/// The headers that neither role writes by itself.
fn others(headers: &Headers) -> Vec<(&str, &[u8])> {
    const WRITTEN: [&str; 5] = ["Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"];
    let is_written = |name: &str| {
        name.to_ascii_lowercase().starts_with("sec-websocket-")
            || WRITTEN.iter().any(|written| written.eq_ignore_ascii_case(name))
    };
    headers.iter().filter(|(name, _)| !is_written(name)).collect()
}

/// What a client reads.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    accept: Option<AcceptConnection>,
    reject: Option<RejectConnection>,
    body: Vec<u8>,
    body_finished: bool,
    failure: Option<HandshakeError>,
    /// How many bytes were taken, unless it has failed.
    consumed: Option<usize>,
}

fn client(input: &Input<'_>, limits: HandshakeLimits) {
    let bytes = input.head.bytes(RESPONSES);
    let whole = answer(limits, &bytes, [], input.ends);
    assert_eq!(answer(limits, &bytes, ascending(&input.cuts, bytes.len()), input.ends), whole);
    assert_eq!(answer(limits, &bytes, 1..bytes.len(), input.ends), whole);

    let request = SliceRequest::new("a", "/").with_subprotocols(&["chat", "mqtt"]);
    let start = SliceClientHandshake::new(&request, limits, &mut Zeros, &mut Vec::new());
    let mut handshake = start.expect("a valid request");
    let seen = handshake.receive(&bytes);
    match (seen, &whole.accept, &whole.reject, whole.failure) {
        (Ok(Some(HandshakeResponseRef::Accept(seen))), Some(accept), None, None) => {
            assert_eq!(Some(seen.head_len()), whole.consumed);
            assert_eq!(seen.subprotocol(), accept.subprotocol());
            assert!(seen.headers().eq(accept.headers()));
            forward_response(accept);
        }
        (Ok(Some(HandshakeResponseRef::Reject(seen))), None, Some(reject), _) => {
            assert_eq!(seen.status_code(), reject.status_code());
            assert!(seen.headers().eq(reject.headers()));
        }
        // This one leaves the body of a refusal to the caller.
        (Ok(Some(HandshakeResponseRef::Reject(_))), None, None, Some(HandshakeError::MalformedBody)) => {}
        (Ok(Some(HandshakeResponseRef::Reject(_))), None, None, Some(HandshakeError::BodyTooLong)) => {}
        (Err(error), None, None, Some(expected)) => assert_eq!(error, expected),
        (Ok(None), None, None, None) => {}
        (Ok(None), None, None, Some(HandshakeError::UnexpectedEof)) => assert!(input.ends),
        (seen, ..) => panic!("{seen:?} but {whole:?}"),
    }
}

/// A proxy sends what it has received: the client reads the same.
fn forward_response(accept: &AcceptConnection) {
    let (limits, mut output) = (wide_limits(), Vec::new());
    let client = ClientHandshake::new(request(), limits, &mut Zeros, &mut output);
    let mut server = ServerHandshake::new(limits);
    assert!(matches!(server.receive(&mut output.as_slice()), Ok(Some(_))));
    output.clear();
    server.accept(accept.clone(), &mut output).expect("what was received can be sent");
    let mut client = client.expect("a valid request");
    let mut input = output.as_slice();
    let Ok(Some(HandshakeResponse::Accept(forwarded))) = client.receive(&mut input) else {
        panic!("{output:?} is not accepted");
    };
    assert!(input.is_empty());
    assert_eq!(forwarded.subprotocol(), accept.subprotocol());
    assert_eq!(others(forwarded.headers()), others(accept.headers()));
}

fn request() -> Request {
    Request::new("a", "/").with_subprotocol("chat").with_subprotocol("mqtt")
}

fn answer(
    limits: HandshakeLimits,
    bytes: &[u8],
    cuts: impl IntoIterator<Item = usize>,
    ends: bool,
) -> Answer {
    let start = ClientHandshake::new(request(), limits, &mut Zeros, &mut Vec::new());
    let mut handshake = start.expect("a valid request");
    let mut answer = Answer::default();
    let mut consumed = 0;
    for piece in pieces(bytes, cuts) {
        let mut unread = piece;
        loop {
            let left = unread.len();
            let seen = handshake.receive(&mut unread);
            consumed += left - unread.len();
            if !answer.add(seen) {
                break;
            }
        }
    }
    if ends {
        answer.add(handshake.receive_eof());
    }
    answer.consumed = answer.failure.is_none().then_some(consumed);
    answer
}

impl Answer {
    /// Adds what was read. Returns whether there may be more.
    fn add(&mut self, seen: Result<Option<HandshakeResponse<'_>>, HandshakeError>) -> bool {
        match seen {
            Ok(None) => return false,
            Ok(Some(HandshakeResponse::Accept(accept))) => assert!(self.accept.replace(accept).is_none()),
            Ok(Some(HandshakeResponse::Reject(reject))) => assert!(self.reject.replace(reject).is_none()),
            Ok(Some(HandshakeResponse::RejectData(data))) => {
                assert!(!self.body_finished);
                self.body.extend_from_slice(data.data);
                self.body_finished = data.body_finished;
            }
            Ok(Some(other)) => panic!("{other:?}"),
            Err(error) => assert!(self.failure.replace(error).is_none(), "a failure is reported once"),
        }
        true
    }
}

fn pieces(bytes: &[u8], cuts: impl IntoIterator<Item = usize>) -> Vec<&[u8]> {
    let mut start = 0;
    cuts.into_iter()
        .chain([bytes.len()])
        .filter(|end| *end <= bytes.len())
        .map(|end| &bytes[std::mem::replace(&mut start, end)..end])
        .collect()
}
