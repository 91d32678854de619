//! The same verdicts through another door: each vector's bytes, in a buffer that grows, without an allocator.

use wsproto::{
    ConnectionState, HandshakeError, HandshakeLimits, HandshakeResponseRef, Request, RequestRef,
    ServerHandshake, SliceClientHandshake, SliceRequest, SliceServerHandshake,
};

use crate::support::{Acceptable, Answered, Asked, Fields, Sample, cuts, fields};

/// Where the reads end that cut a buffer so.
fn ends(pieces: &[&[u8]]) -> Vec<usize> {
    let mut end = 0;
    let mut ends = Vec::new();
    for piece in pieces {
        end += piece.len();
        ends.push(end);
    }
    ends
}

fn owned<'b>(headers: impl Iterator<Item = (&'b str, &'b [u8])>) -> Fields {
    headers.map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

/// Asserts that a server reads in a buffer what another one has `seen` in the same bytes, however they are cut.
pub(crate) fn ask(limits: HandshakeLimits, bytes: &[u8], seen: &(Asked, usize)) {
    for pieces in cuts(bytes) {
        let ends = ends(&pieces);
        let (asked, head_len) = read_request(limits, bytes, &ends);
        assert_eq!(asked, seen.0, "reads end at {ends:?} in {}", bytes.escape_ascii());
        if let Some(head_len) = head_len {
            assert_eq!(head_len, seen.1);
        }
    }
}

/// What a server reads in a buffer, and the length of the request.
fn read_request(limits: HandshakeLimits, bytes: &[u8], ends: &[usize]) -> (Asked, Option<usize>) {
    let mut handshake = SliceServerHandshake::new(limits);
    let mut seen = (Asked::Pending, None);
    for end in ends {
        let received = handshake.receive(&bytes[..*end]);
        if seen.0 != Asked::Pending {
            assert_eq!(received, Ok(None), "it has reported all there was");
            continue;
        }
        match received {
            Ok(None) => assert_eq!(handshake.state(), ConnectionState::Connecting),
            Ok(Some(request)) => {
                let request_seen = accept(&mut handshake.clone(), &request);
                seen = (Asked::Acceptable(Box::new(request_seen)), Some(request.head_len()));
            }
            Err(error) => {
                let status = refuse(&mut handshake.clone(), error);
                seen.0 = Asked::Refused { error, status };
            }
        }
    }
    seen
}

/// Accepts, and returns the token of the response.
fn accept(handshake: &mut SliceServerHandshake, request: &RequestRef<'_>) -> Acceptable {
    assert_eq!(handshake.state(), ConnectionState::Connecting);
    let mut output = Vec::new();
    handshake.accept(request, None, &[], &mut output).expect("it can be accepted");
    assert_eq!(handshake.state(), ConnectionState::Open);
    let output = String::from_utf8(output).expect("a head of ASCII");
    let token = output.split_once("Sec-WebSocket-Accept: ").expect("an answer to the key").1;
    let query = request.query().map(|query| format!("?{query}"));
    Acceptable {
        host: request.host().to_owned(),
        target: format!("{}{}", request.path(), query.unwrap_or_default()),
        origin: request.origin().map(<[u8]>::to_vec),
        subprotocols: request.subprotocols().map(str::to_owned).collect(),
        headers: owned(request.headers()),
        token: token.split_once("\r\n").expect("the end of its line").0.to_owned(),
    }
}

/// Refuses as the error asks, byte for byte as the other door does.
fn refuse(handshake: &mut SliceServerHandshake, error: HandshakeError) -> u16 {
    assert_eq!(handshake.state(), ConnectionState::Closed, "a failure is final");
    let mut output = Vec::new();
    handshake.reject(error.status(), error.response_headers(), &mut output).expect("it can be refused");
    assert_eq!(handshake.state(), ConnectionState::Closed);

    let mut other = ServerHandshake::new(HandshakeLimits::default());
    let mut expected = Vec::new();
    other.receive_eof().unwrap_err();
    other.reject(error.response(), &mut expected).unwrap();
    assert_eq!(output, expected);
    error.status()
}

/// Asserts that a client that sent `request` reads in a buffer what another one has `seen` in the same bytes, however
/// they are cut.
pub(crate) fn answer(request: &Request, limits: HandshakeLimits, bytes: &[u8], eof: bool, seen: &Answered) {
    // This door makes no offers.
    if !request.extensions().is_empty() {
        return;
    }
    let subprotocols: Vec<_> = request.subprotocols().collect();
    let request = SliceRequest::new(request.host(), request.target()).with_subprotocols(&subprotocols);
    for pieces in cuts(bytes) {
        let ends = ends(&pieces);
        let observed = read_response(&request, limits, bytes, &ends, eof);
        let context = || format!("reads end at {ends:?} in {}", bytes.escape_ascii());
        match (observed, &seen.accept, &seen.reject, seen.failure) {
            (Ok(Some(HandshakeResponseRef::Accept(response))), Some(accept), None, None) => {
                assert_eq!(response.status_code(), 101);
                assert_eq!(response.head_len(), seen.consumed, "{}", context());
                assert_eq!(response.subprotocol(), accept.subprotocol());
                assert_eq!(owned(response.headers()), fields(accept.headers()));
            }
            // This door leaves the body of a refusal to the caller.
            (Ok(Some(HandshakeResponseRef::Reject(response))), None, Some(reject), _) => {
                assert_eq!(response.status_code(), reject.status_code());
                assert_eq!(owned(response.headers()), fields(reject.headers()));
            }
            (
                Ok(Some(HandshakeResponseRef::Reject(_))),
                None,
                None,
                Some(HandshakeError::MalformedBody | HandshakeError::BodyTooLong),
            ) => {}
            (Err(error), None, None, Some(expected)) => assert_eq!(error, expected, "{}", context()),
            (Ok(None), None, None, None) => {}
            (observed, ..) => panic!("{observed:?} but {seen:?}: {}", context()),
        }
    }
}

/// What a client reads in a buffer.
pub(crate) fn read_response<'b>(
    request: &SliceRequest<'_>,
    limits: HandshakeLimits,
    bytes: &'b [u8],
    ends: &[usize],
    eof: bool,
) -> Result<Option<HandshakeResponseRef<'b>>, HandshakeError> {
    let start = SliceClientHandshake::new(request, limits, &mut Sample::default(), &mut Vec::new());
    let mut handshake = start.expect("a lawful request");
    let mut seen = Ok(None);
    for end in ends {
        assert_eq!(handshake.state(), client_state(&seen));
        let received = handshake.receive(&bytes[..*end]);
        if seen == Ok(None) {
            seen = received;
        } else {
            assert_eq!(received, Ok(None), "it has reported all there was");
        }
    }
    assert_eq!(handshake.state(), client_state(&seen));
    if eof {
        let ended = handshake.receive_eof();
        assert_eq!(ended.is_err(), seen == Ok(None), "an end is a failure only in the handshake");
        assert_eq!(handshake.receive_eof(), Ok(()), "a failure is reported once");
        seen = ended.and(seen);
    }
    seen
}

fn client_state(seen: &Result<Option<HandshakeResponseRef<'_>>, HandshakeError>) -> ConnectionState {
    match seen {
        Ok(None) => ConnectionState::Connecting,
        Ok(Some(HandshakeResponseRef::Accept(_))) => ConnectionState::Open,
        _ => ConnectionState::Closed,
    }
}
