//! What was received in one handshake can be sent in another, as a proxy does (RFC 6455 §4; RFC 9110 §7.6).

use wsproto::{
    AcceptConnection, ConnectionState, LocalProtocolError, NoEntropy, RejectConnection, RejectData, Request,
    WsConnection, WsEvent,
};

use crate::support::{Head, Sample, fields, plain};

/// What `connection` reads from `bytes`, event by event.
fn events<E: wsproto::Entropy>(connection: &mut WsConnection<E>, bytes: &[u8]) -> Vec<WsEvent> {
    connection.receive_data(bytes).unwrap();
    let mut events = Vec::new();
    while let Some(event) = connection.next_event().unwrap() {
        events.push(event);
        assert!(events.len() < 100, "it returns the same again and again");
    }
    events
}

/// A server that has been asked `request` by a client of its own, and the request as it came.
fn asked(request: Request) -> (WsConnection<Sample>, WsConnection<NoEntropy>, WsEvent) {
    let mut client = WsConnection::client(Sample::default());
    let mut server = WsConnection::server();
    let mut events = events(&mut server, &client.send(request).unwrap());
    assert_eq!(events.len(), 1);
    (client, server, events.remove(0))
}

/// Client, proxy (a server and a client) and server; the request has come all the way.
struct Chain {
    client: WsConnection<Sample>,
    front: WsConnection<NoEntropy>,
    back: WsConnection<Sample>,
    server: WsConnection<NoEntropy>,
}

impl Chain {
    fn new(request: Request) -> Self {
        let (client, front, event) = asked(request);
        let WsEvent::Request(request) = event else { panic!("{event:?}") };
        let (back, server, event) = asked(request.clone());
        let WsEvent::Request(forwarded) = event else { panic!("{event:?}") };
        assert_eq!((forwarded.host(), forwarded.target()), (request.host(), request.target()));
        assert!(forwarded.subprotocols().eq(request.subprotocols()));
        Self { client, front, back, server }
    }

    /// Brings the server's bytes to the client, and returns what the client reads.
    fn answer(&mut self, bytes: &[u8]) -> Vec<WsEvent> {
        let mut seen = Vec::new();
        for event in events(&mut self.back, bytes) {
            let written =
                self.front.send(event.clone()).unwrap_or_else(|error| panic!("{error} over {event:?}"));
            seen.extend(events(&mut self.client, &written));
        }
        seen
    }
}

#[test]
fn a_request_is_forwarded_with_its_headers() {
    let request = plain()
        .with_subprotocol("b")
        .with_subprotocol("a")
        .with_header("cookie", "a=b")
        .with_header("Origin", "http://example.com")
        .with_header("COOKIE", "c");
    let (_, _, event) = asked(request);
    let WsEvent::Request(first) = event else { panic!("{event:?}") };
    let (_, _, event) = asked(first.clone());
    let WsEvent::Request(second) = event else { panic!("{event:?}") };
    assert_eq!(fields(second.headers()), fields(first.headers()));
}

#[test]
fn a_request_may_be_added_to_on_its_way() {
    let (_, _, event) = asked(plain().with_subprotocol("a"));
    let WsEvent::Request(request) = event else { panic!("{event:?}") };
    let (_, _, event) = asked(request.with_header("Via", "1.1 example").with_subprotocol("b"));
    let WsEvent::Request(request) = event else { panic!("{event:?}") };
    assert_eq!(request.headers().get("via"), Some(&b"1.1 example"[..]));
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_request_with_lists_over_several_lines_is_forwarded() {
    let head = Head::request()
        .set("Connection", "connection: keep-alive, upgrade")
        .set("Upgrade", "UPGRADE: h2c, WebSocket")
        .with("Sec-WebSocket-Protocol: a")
        .with("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
        .with("sec-websocket-protocol: b, c")
        .with("Content-Length: 0")
        .reversed();
    let mut server = WsConnection::server();
    let received = events(&mut server, &Vec::from(head)).remove(0);
    let WsEvent::Request(request) = received else { panic!("{received:?}") };
    let (_, _, event) = asked(request);
    let WsEvent::Request(request) = event else { panic!("{event:?}") };
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["b", "c", "a"]);
    let extensions = request.headers().get("Sec-WebSocket-Extensions");
    assert_eq!(extensions, None, "what one hop agrees on is not the next one's");
}

#[test]
fn an_acceptance_is_forwarded_with_its_subprotocol_and_headers() {
    let mut chain = Chain::new(plain().with_subprotocol("a").with_subprotocol("b"));
    let accept = AcceptConnection::new().with_header("x-A", "1").with_subprotocol("b");
    let written = chain.server.send(accept).unwrap();
    let seen = chain.answer(&written);
    let [WsEvent::Accept(accept)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((accept.subprotocol(), accept.headers().get("X-A")), (Some("b"), Some(&b"1"[..])));
    for state in [chain.client.state(), chain.front.state(), chain.back.state(), chain.server.state()] {
        assert_eq!(state, ConnectionState::Open);
    }
}

#[test]
fn an_acceptance_of_something_else_is_not_forwarded() {
    let (_, mut front, _) = asked(plain());
    let (mut back, mut server, _) = asked(plain().with_subprotocol("a"));
    let written = server.send(AcceptConnection::new().with_subprotocol("a")).unwrap();
    let accept = events(&mut back, &written).remove(0);
    assert_eq!(front.send(accept), Err(LocalProtocolError::SubprotocolNotOffered));
    assert_eq!(front.state(), ConnectionState::Connecting);
}

/// A refusal that came through a proxy, and its body.
fn refusal(bytes: &[u8]) -> (RejectConnection, Vec<u8>) {
    let mut chain = Chain::new(plain());
    let seen = chain.answer(bytes);
    assert_eq!(chain.client.state(), ConnectionState::Closed);
    assert_eq!(chain.front.state(), ConnectionState::Closed);
    let mut seen = seen.into_iter();
    let Some(WsEvent::Reject(reject)) = seen.next() else { panic!("no refusal") };
    let mut body = Vec::new();
    for event in seen {
        let WsEvent::RejectData(RejectData { data, .. }) = event else { panic!("{event:?}") };
        body.extend(data);
    }
    (reject, body)
}

#[test]
fn a_refusal_without_a_body_is_forwarded() {
    let (_, mut server, _) = asked(plain());
    let reject = RejectConnection::new(401).with_header("WWW-Authenticate", "Basic");
    let (reject, body) = refusal(&server.send(reject).unwrap());
    assert_eq!((reject.status_code(), reject.has_body(), &*body), (401, false, &b""[..]));
    assert_eq!(reject.headers().get("WWW-Authenticate"), Some(&b"Basic"[..]));
}

#[test]
fn a_refusal_of_known_length_is_forwarded() {
    let (reject, body) = refusal(b"HTTP/1.1 403 x\r\ncontent-length: 5\r\nX-A: 1\r\n\r\nhello");
    assert_eq!((reject.status_code(), &*body), (403, &b"hello"[..]));
    assert_eq!(reject.headers().get("X-A"), Some(&b"1"[..]));
}

#[test]
fn a_refusal_in_chunks_is_forwarded() {
    let bytes = b"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\nConnection: x\r\n\r\n\
        5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let (reject, body) = refusal(bytes);
    assert_eq!((reject.status_code(), &*body), (503, &b"hello world"[..]));
}

#[test]
fn a_refusal_that_ends_with_the_transport_is_forwarded() {
    let mut chain = Chain::new(plain());
    let mut seen = chain.answer(b"HTTP/1.1 404 x\r\nX-A: 1\r\n\r\nhello");
    chain.back.receive_eof();
    seen.extend(chain.answer_after_eof());
    assert_eq!(chain.client.state(), ConnectionState::Closed);
    let [WsEvent::Reject(reject), body @ ..] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(reject.status_code(), 404);
    let data = |event: &WsEvent| match event {
        WsEvent::RejectData(RejectData { data, .. }) => data.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(body.iter().flat_map(data).collect::<Vec<u8>>(), b"hello");
}

impl Chain {
    fn answer_after_eof(&mut self) -> Vec<WsEvent> {
        let mut seen = Vec::new();
        while let Some(event) = self.back.next_event().unwrap() {
            let written = self.front.send(event).unwrap();
            seen.extend(events(&mut self.client, &written));
        }
        seen
    }
}

#[test]
fn a_refusal_with_an_empty_body_is_forwarded() {
    let (reject, body) = refusal(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((reject.status_code(), reject.has_body(), &*body), (404, false, &b""[..]));
}

#[test]
fn a_status_without_content_is_forwarded() {
    let (reject, body) = refusal(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n");
    assert_eq!((reject.status_code(), reject.has_body(), &*body), (304, false, &b""[..]));
    assert_eq!(reject.headers().get("ETag"), Some(&b"\"a\""[..]));
}
