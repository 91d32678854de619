//! What a handshake costs in work: no more than its bytes, however many parts they are made of (RFC 6455 §10.4).
//!
//! Nothing here looks at a clock. Each head has so many parts that the test would not end if each part were held
//! against all others.

use wsproto::{
    AcceptConnection, ClientExtendedConnect, ClientUpgrade, HandshakeError, HandshakeLimits,
    HandshakeResponse, HttpVersion, NegotiationErrorKind, Request, Role, Scheme, ServerExtendedConnect,
    ServerUpgrade, select_subprotocol,
};

use crate::support::{Head, Sample, deciding, plain};

/// How many parts a head has.
const MANY: usize = 150_000;

fn limits() -> HandshakeLimits {
    let mut limits = HandshakeLimits::default();
    limits.max_head_len = usize::MAX;
    limits.max_headers = usize::MAX;
    limits
}

/// Names that differ.
fn names() -> impl Iterator<Item = String> {
    (0..MANY).map(|number| format!("x{number:x}"))
}

fn list() -> String {
    names().collect::<Vec<_>>().join(",")
}

/// The request of §1.3 with more fields, through another stack's HTTP/1.1.
fn received(fields: impl Iterator<Item = (String, String)>) -> ServerUpgrade {
    let own = [
        ("host", "a"),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", crate::support::KEY),
        ("sec-websocket-version", "13"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ServerUpgrade::parse("GET", "/", HttpVersion::Http11, own.into_iter().chain(fields), limits()).unwrap()
}

#[test]
fn many_fields_are_read_and_sent_on() {
    let mut head = Vec::from(names().fold(Head::request(), |head, name| head.with(format!("{name}: "))));
    let mut handshake = wsproto::ServerHandshake::new(limits());
    assert!(handshake.receive(&mut head.as_slice()).unwrap().is_some());
    head.clear();

    let upgrade = received(names().map(|name| (name, String::new())));
    assert_eq!(ClientUpgrade::from(upgrade.clone()).headers().len(), MANY + 5);
    let connect = ClientExtendedConnect::new(upgrade.request().clone(), Scheme::Ws, limits()).unwrap();
    let fields = connect.fields();
    assert_eq!(fields.len(), MANY + 6);
    let received = ServerExtendedConnect::parse(fields.iter(), limits()).unwrap();
    assert_eq!(ClientExtendedConnect::from(received.clone()).fields(), fields);
    let accept = names().fold(AcceptConnection::new(), |accept, name| accept.with_header(&name, ""));
    assert_eq!(received.accept(accept).unwrap().headers().len(), MANY);
}

#[test]
fn many_fields_are_put_in_order() {
    let request = names().fold(plain(), |request, name| request.with_header(&name, ""));
    let names: Vec<String> = names().collect();
    let request = request.with_header_order(names.iter().rev());
    let headers = ClientUpgrade::new(request, limits(), &mut Sample::default()).unwrap().headers();
    assert_eq!(headers.len(), MANY + 5);
    assert_eq!(headers.iter().next(), Some((names[MANY - 1].as_str(), &b""[..])));
}

#[test]
fn many_connection_options_leave_out_as_many_fields() {
    let fields = names().map(|name| (name, String::new()));
    let options = [("connection".to_owned(), list()), ("y".to_owned(), String::new())];
    let upgrade = received(fields.chain(options));
    let connect = ClientExtendedConnect::new(upgrade.request().clone(), Scheme::Ws, limits()).unwrap();
    assert!(connect.fields().iter().skip(5).eq([("sec-websocket-version", &b"13"[..]), ("y", b"")]));
}

#[test]
fn many_subprotocols_are_offered_and_chosen_from() {
    let upgrade = received([("sec-websocket-protocol".to_owned(), list())].into_iter());
    let supported = ["y", "x0", "z"];
    let chosen = select_subprotocol(&supported, upgrade.request().subprotocols(), Role::Server);
    assert_eq!(chosen, Some("x0"));
    _ = upgrade.accept(AcceptConnection::new().with_subprotocol("x0")).unwrap();
    let onward = upgrade.request().subprotocols().fold(plain(), Request::with_subprotocol);
    assert_eq!(onward.subprotocols().count(), MANY);
    let again = ClientUpgrade::new(onward.clone().with_subprotocol("x7"), limits(), &mut Sample::default());
    assert!(again.is_err(), "one is repeated");
    let client = ClientUpgrade::new(onward, limits(), &mut Sample::default()).unwrap();
    assert_eq!(client.request().subprotocols().count(), MANY);
}

#[test]
fn many_extensions_are_offered_and_answered() {
    let extensions = || ("sec-websocket-extensions".to_owned(), list());
    let upgrade = received([extensions()].into_iter());
    let (accept, chosen) = AcceptConnection::new().with_extensions(&[], upgrade.request());
    assert!(chosen.is_empty());
    _ = upgrade.accept(accept).unwrap();
    // Both peers of a proxy may be of one mind.
    let answer = [
        ("upgrade".to_owned(), "websocket".to_owned()),
        ("connection".to_owned(), "Upgrade".to_owned()),
        ("sec-websocket-accept".to_owned(), crate::support::TOKEN.to_owned()),
        extensions(),
    ];
    let answered = ClientUpgrade::from(upgrade.clone()).receive_response(101, HttpVersion::Http11, answer);
    let Err(HandshakeError::UnexpectedExtension(error)) = answered else { panic!("{answered:?}") };
    assert_eq!(error.kind(), NegotiationErrorKind::TooMany);
}

#[test]
fn as_many_extensions_as_anyone_uses_are_answered() {
    let list = |len| names().take(len).collect::<Vec<_>>().join(",");
    let upgrade = received([("sec-websocket-extensions".to_owned(), list(100))].into_iter());
    let respond = |len| {
        let answer = [
            ("upgrade".to_owned(), "websocket".to_owned()),
            ("connection".to_owned(), "Upgrade".to_owned()),
            ("sec-websocket-accept".to_owned(), crate::support::TOKEN.to_owned()),
            ("sec-websocket-extensions".to_owned(), list(len)),
        ];
        ClientUpgrade::from(upgrade.clone()).receive_response(101, HttpVersion::Http11, answer)
    };
    let Ok(Some(HandshakeResponse::Accept(accept))) = respond(64) else { panic!("64 are refused") };
    assert_eq!(accept.agreed_extensions().len(), 64);
    let Err(HandshakeError::UnexpectedExtension(error)) = respond(65) else { panic!("65 are accepted") };
    assert_eq!(error.kind(), NegotiationErrorKind::TooMany);
}

#[test]
fn many_empty_elements_are_passed_over() {
    let commas = ",".repeat(MANY);
    let head = ["Connection", "Upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]
        .iter()
        .fold(Head::request(), |head, name| head.with(format!("{name}: {}", &commas[..3000])));
    assert!(deciding(head).request().is_some());
}
