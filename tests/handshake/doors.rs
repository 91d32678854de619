//! Equalities between the doors: the same request through each of them (RFC 6455 §3, §4; RFC 8441 §5).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wsproto::{
    ClientExtendedConnect, ClientHandshake, ClientUpgrade, HandshakeLimits, HttpVersion, Request, Scheme,
    ServerExtendedConnect, ServerUpgrade, WebSocketUri,
};

use crate::handed_over;
use crate::properties::{cases, change, changed, pairs, token, with_fields};
use crate::support::{Acceptable, Asked, Fields, Head, Sample, fields, read_request};

const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT;

/// A request with these subprotocols and headers.
fn request(subprotocols: &[String], pairs: &[(String, Vec<u8>)]) -> Request {
    let request = Request::new("server.example.com:81", "/chat?x");
    let request = subprotocols.iter().fold(request, |request, name| request.with_subprotocol(name));
    pairs.iter().fold(request, |request, (name, value)| request.with_header(name, value))
}

/// What a server sees of a request.
fn seen(request: &Request) -> (String, String, Vec<String>, Fields) {
    let extra =
        fields(request.headers()).into_iter().filter(|(name, _)| name.to_ascii_lowercase().starts_with("x-"));
    (
        request.host().to_owned(),
        request.target().to_owned(),
        request.subprotocols().map(str::to_owned).collect(),
        extra.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
    )
}

/// What a server sees of bytes that we have written.
fn received(bytes: &[u8]) -> Acceptable {
    match read_request(LIMITS, &[bytes]).0 {
        Asked::Acceptable(request) => *request,
        other => panic!("{other:?}"),
    }
}

/// Fields of an extended CONNECT, lawful and not.
fn stream_fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let lawful = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", "a.example"),
        (":path", "/chat"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "a, b"),
        ("cookie", "a=b"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let names = lawful.clone().map(|(name, _)| name);
    let other = prop_oneof![select(names.to_vec()), "[:a-zA-Z \r\n-]{0,6}"];
    let field = (other, prop_oneof!["[ -~]{0,8}", "\\PC{0,4}", "[\\x00-\\x20]{0,2}"]);
    vec((any::<prop::sample::Index>(), field), 0..2).prop_map(move |others| {
        let mut fields = lawful.to_vec();
        for (at, field) in others {
            fields.insert(at.index(fields.len() + 1), field);
        }
        fields
    })
}

/// Texts that look like URIs.
fn uri() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        select(
            &["ws", "wss", "WS", "://", "/", "?", "#", "@", ":", "[::1]", "%20", "%", "h", "80", "65536"][..]
        )
        .prop_map(str::to_owned),
        "\\PC{0,2}",
        "[\\x00-\\x7f]{0,2}",
    ];
    (select(&["ws://h", "wss://h:443", "ws://[::1]:81", ""][..]), vec(part, 0..6))
        .prop_map(|(start, parts)| start.to_owned() + &parts.concat())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_head_gets_the_same_verdict_in_bytes_and_taken_apart(
        pairs in pairs(),
        changes in vec(change(), 0..3),
    ) {
        let head = changed(with_fields(Head::request().with("Sec-WebSocket-Protocol: a, b"), &pairs), &changes);
        match read_request(LIMITS, &[&head]) {
            (Asked::Acceptable(request), consumed) => handed_over::acceptable(&head[..consumed], &request),
            (Asked::Refused { .. }, _) => handed_over::refused_somehow(&head),
            (Asked::Pending, _) => {}
        }
    }

    #[test]
    fn a_server_sees_the_same_request_through_every_door(
        subprotocols in vec(token(), 0..4),
        pairs in pairs(),
    ) {
        let request = request(&subprotocols, &pairs);
        let mut output = Vec::new();
        let start = ClientHandshake::new(request.clone(), LIMITS, &mut Sample::default(), &mut output);
        let upgrade = ClientUpgrade::new(request.clone(), LIMITS, &mut Sample::default());
        let connect = ClientExtendedConnect::new(request.clone(), Scheme::Ws, LIMITS);
        let misuse = start.as_ref().err().copied();
        prop_assert_eq!(upgrade.as_ref().err().copied(), misuse);
        prop_assert_eq!(connect.as_ref().err().copied(), misuse);
        prop_assume!(misuse.is_none());

        let bytes = received(&output);
        prop_assert_eq!((&bytes.host[..], &bytes.target[..]), (request.host(), request.target()));
        let headers = upgrade.unwrap().headers();
        let received = ServerUpgrade::parse("GET", request.target(), HttpVersion::Http11, headers.iter(), LIMITS);
        prop_assert_eq!(seen(received.unwrap().request()), seen(&request));
        let received = ServerExtendedConnect::parse(connect.unwrap().fields().iter(), LIMITS).unwrap();
        prop_assert_eq!(seen(received.request()), seen(&request));
    }

    #[test]
    fn what_a_stream_may_ask_may_be_asked_in_another(fields in stream_fields()) {
        if let Ok(received) = ServerExtendedConnect::parse(fields, LIMITS) {
            let again = ClientExtendedConnect::new(received.request().clone(), received.scheme(), LIMITS).unwrap();
            let again = ServerExtendedConnect::parse(again.fields().iter(), LIMITS).unwrap();
            prop_assert_eq!(seen(again.request()), seen(received.request()));
            prop_assert_eq!(again.scheme(), received.scheme());
        }
    }

    #[test]
    fn a_uri_that_is_taken_can_be_shown_and_asked_for(uri in uri()) {
        if let Ok(parsed) = uri.parse::<WebSocketUri>() {
            prop_assert_eq!(parsed.to_string().parse(), Ok(parsed.clone()));
            let request = Request::from_uri(&parsed);
            let mut output = Vec::new();
            ClientHandshake::new(request, LIMITS, &mut Sample::default(), &mut output).unwrap();
            prop_assert_eq!(received(&output).host, parsed.host_header());
        }
    }
}

#[cfg(feature = "deflate")]
mod extensions {
    use wsproto::{
        AcceptConnection, HandshakeError, HandshakeResponse, NegotiationError, NegotiationErrorKind,
        PermessageDeflate,
    };

    use super::*;

    const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

    fn offered() -> Request {
        Request::new("server.example.com", "/chat").with_extensions(&[&PermessageDeflate::new()])
    }

    fn accepted(request: &Request) -> AcceptConnection {
        AcceptConnection::new().with_extensions(&[&PermessageDeflate::new()], request).0
    }

    #[test]
    fn extensions_are_negotiated_over_http_1_1() {
        let client = ClientUpgrade::new(offered(), LIMITS, &mut Sample::default()).unwrap();
        let headers = client.headers();
        assert_eq!(headers.len(), headers.iter().count());
        let server =
            ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, headers.iter(), LIMITS).unwrap();
        assert_eq!(server.request().extensions(), client.request().extensions());
        let parts = server.accept(accepted(server.request())).unwrap();
        assert!(parts.headers().get(EXTENSIONS).unwrap().starts_with(b"permessage-deflate"));
        // A proxy that forwards the request sees the same response.
        for observer in [client, ClientUpgrade::from(server)] {
            let answer = observer.receive_response(101, HttpVersion::Http11, parts.headers().iter());
            let Ok(Some(HandshakeResponse::Accept(accept))) = answer else { panic!("{answer:?}") };
            assert_eq!(accept.extensions(&[&PermessageDeflate::new()]).unwrap().len(), 1);
        }
    }

    #[test]
    fn extensions_are_negotiated_over_streams() {
        let client = ClientExtendedConnect::new(offered(), Scheme::Wss, LIMITS).unwrap();
        let server = ServerExtendedConnect::parse(client.fields().iter(), LIMITS).unwrap();
        let parts = server.accept(accepted(server.request())).unwrap();
        for observer in [client, ClientExtendedConnect::from(server)] {
            let answer = observer.receive_response(parts.fields());
            let Ok(Some(HandshakeResponse::Accept(accept))) = answer else { panic!("{answer:?}") };
            assert_eq!(accept.extensions(&[&PermessageDeflate::new()]).unwrap().len(), 1);
        }
        let plain = ClientExtendedConnect::new(Request::new("a", "/"), Scheme::Wss, LIMITS).unwrap();
        let error = NegotiationError::new(NegotiationErrorKind::NotOffered, "permessage-deflate");
        assert_eq!(plain.receive_response(parts.fields()), Err(HandshakeError::UnexpectedExtension(error)));
    }

    #[test]
    fn an_offer_is_for_one_hop() {
        let headers = ClientUpgrade::new(offered(), LIMITS, &mut Sample::default()).unwrap().headers();
        let received =
            ServerUpgrade::parse("GET", "/chat", HttpVersion::Http11, headers.iter(), LIMITS).unwrap();
        let onward = ClientExtendedConnect::new(received.request().clone(), Scheme::Wss, LIMITS).unwrap();
        assert_eq!(onward.fields().get(EXTENSIONS), None);
    }

    #[test]
    fn malformed_extensions_are_refused_by_every_door() {
        let mut fields: Vec<_> = ClientExtendedConnect::new(offered(), Scheme::Wss, LIMITS)
            .unwrap()
            .fields()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .collect();
        fields.last_mut().unwrap().1 = b"permessage-deflate; =".to_vec();
        let received = ServerExtendedConnect::parse(fields, LIMITS);
        let Err(HandshakeError::InvalidExtension(error)) = received else { panic!("{received:?}") };
        assert_eq!(error.to_string(), "a parameter's name is missing at byte 20");
    }
}
