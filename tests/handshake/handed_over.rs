//! The same verdicts through another door: each vector's head, taken apart by another HTTP stack.
//!
//! The stack here checks nothing, so that all checks are left to the crate.

use wsproto::{
    AcceptConnection, ClientUpgrade, HandshakeError, HandshakeLimits, HandshakeResponse, HttpVersion,
    Request, ServerHandshake, ServerUpgrade,
};

use crate::support::{Acceptable, Sample, fields};

/// A head's first line, by its spaces, and its fields.
struct Parsed {
    start: Vec<String>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Takes a head apart; `None` for what has no parts.
fn parse(head: &[u8]) -> Option<Parsed> {
    let text = head.iter().map(|byte| char::from(*byte)).collect::<String>();
    let (head, "") = text.trim_start_matches("\r\n").split_once("\r\n\r\n")? else { return None };
    let mut lines = head.split("\r\n");
    let start = lines.next()?.splitn(3, ' ').map(str::to_owned).collect();
    let bytes = |part: &str| part.chars().map(|char| char as u8).collect::<Vec<u8>>();
    let fields = lines.map(|line| line.split_once(':').map(|(name, value)| (bytes(name), bytes(value))));
    Some(Parsed { start, fields: fields.collect::<Option<_>>()? })
}

fn version(text: &str) -> Option<HttpVersion> {
    Some(match text {
        "HTTP/0.9" | "HTTP/1.0" => HttpVersion::Http10,
        // A stack reads a higher minor version as the highest that it knows (RFC 9110 §2.5).
        "HTTP/2.0" => HttpVersion::Http2,
        "HTTP/3.0" => HttpVersion::Http3,
        _ => match text.strip_prefix("HTTP/1.")?.as_bytes() {
            [b'1'..=b'9'] => HttpVersion::Http11,
            _ => return None,
        },
    })
}

/// What a server reads from a request's head; `None` where there is nothing to hand over.
fn request(limits: HandshakeLimits, head: &[u8]) -> Option<Result<ServerUpgrade, HandshakeError>> {
    let Parsed { start, fields } = parse(head)?;
    let [method, target, version_text] = &start[..] else { return None };
    Some(ServerUpgrade::parse(method, target, version(version_text)?, fields, limits))
}

/// Asserts that a server may accept the request in `head`, and sees in it what the bytes show.
pub(crate) fn acceptable(head: &[u8], seen: &Acceptable) {
    let Some(received) = request(HandshakeLimits::default(), head) else {
        panic!("{} cannot be taken apart", head.escape_ascii())
    };
    let upgrade = received.unwrap_or_else(|error| panic!("{error}: {}", head.escape_ascii()));
    let request = upgrade.request();
    assert_eq!((request.host(), request.target()), (seen.host.as_str(), seen.target.as_str()));
    assert_eq!(request.origin(), seen.origin.as_deref());
    assert!(request.subprotocols().eq(seen.subprotocols.iter()));
    assert_eq!(fields(request.headers()), seen.headers);
    let parts = upgrade.accept(AcceptConnection::new()).unwrap();
    assert_eq!(parts.status_code(), 101);
    assert_eq!(parts.headers().get("sec-websocket-accept"), Some(seen.token.as_bytes()));

    // The same answer in bytes.
    let mut output = Vec::new();
    ServerHandshake::from(upgrade).accept(AcceptConnection::new(), &mut output).unwrap();
    assert_eq!(fields(parts.headers()), fields_of(&output));
}

/// The fields of a head that the crate has written.
pub(crate) fn fields_of(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let fields = parse(head).expect("a head of ours").fields;
    let text = |name| String::from_utf8(name).unwrap();
    fields.into_iter().map(|(name, value)| (text(name), value.trim_ascii().to_vec())).collect()
}

/// Asserts that a server refuses the request in `head` by this error too, if that is not for the stack to do.
pub(crate) fn refused(limits: HandshakeLimits, head: &[u8], error: HandshakeError) {
    match (request(limits, head), error) {
        (None, _) | (_, HandshakeError::HeadTooLong) => {}
        // The stack and the crate differ in what is read first.
        (Some(received), HandshakeError::MalformedHead) => {
            assert!(received.is_err(), "{}", head.escape_ascii())
        }
        (Some(received), error) => {
            assert_eq!(received.map(|_| ()), Err(error), "{}", head.escape_ascii());
            _ = ServerUpgrade::reject(error.response()).expect("its response can be sent as it is");
        }
    }
}

/// Asserts that a server refuses the request in `head` by whatever error comes first, if that is not for the
/// stack to do.
pub(crate) fn refused_somehow(head: &[u8]) {
    if let Some(received) = request(HandshakeLimits::default(), head) {
        assert!(received.is_err(), "{}", head.escape_ascii());
    }
}

/// What a client that sent `request` reads from the response in `head`; `None` where there is nothing to hand
/// over.
fn response(
    request: &Request,
    head: &[u8],
) -> Option<Result<Option<HandshakeResponse<'static>>, HandshakeError>> {
    let Parsed { start, fields } = parse(head)?;
    let [version_text, status, ..] = &start[..] else { return None };
    // What people call a status is not handed over.
    let is_lawful = status.len() == 3 && !start.concat().contains(char::is_control);
    let status = status.parse().ok().filter(|_| is_lawful)?;
    let upgrade = ClientUpgrade::new(request.clone(), HandshakeLimits::default(), &mut Sample::default());
    Some(upgrade.expect("a lawful request").receive_response(status, version(version_text)?, fields))
}

/// Asserts that a client that sent `request` accepts the acceptance in `head`.
pub(crate) fn opened(request: &Request, head: &[u8], seen: &AcceptConnection) {
    let Some(answer) = response(request, head) else { return };
    let Ok(Some(HandshakeResponse::Accept(accept))) = answer else {
        panic!("{answer:?} from {}", head.escape_ascii())
    };
    assert_eq!(fields(accept.headers()), fields(seen.headers()));
    assert_eq!(accept.subprotocol(), seen.subprotocol());
}

/// Asserts that a client that sent `request` fails over `head` by this error too, if that is not for the stack
/// to do.
pub(crate) fn failed(request: &Request, head: &[u8], error: HandshakeError) {
    match (response(request, head), error) {
        (None, _) | (_, HandshakeError::HeadTooLong) => {}
        (Some(answer), HandshakeError::MalformedHead) => assert!(answer.is_err(), "{}", head.escape_ascii()),
        (Some(answer), error) => assert_eq!(answer, Err(error), "{}", head.escape_ascii()),
    }
}
