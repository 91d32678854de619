//! WebSockets over `hyper`: it reads and writes the heads, the crate checks and builds them (RFC 6455 §4).

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request as HttpRequest, Response as HttpResponse};
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use wsproto::{
    AcceptConnection, ClientExtendedConnect, ClientUpgrade, CloseCode, CloseConnection, Connection,
    ConnectionState, Entropy, HandshakeLimits, HandshakeResponse, Limits, OriginPolicy, RejectConnection,
    Request, ResponseParts, Scheme, SeededEntropy, ServerExtendedConnect, ServerUpgrade, TextMessage,
    TransportAction, WsConnection, WsEvent,
};
use wsproto_http_stacks::echo_over;

const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT;

/// Starts an echo server over HTTP/1.1 or HTTP/2; returns the client's end of the pipe to it.
fn server(http2: bool) -> DuplexStream {
    let (near, far) = duplex(1 << 14);
    let io = TokioIo::new(far);
    if http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.enable_connect_protocol();
        tokio::spawn(builder.serve_connection(io, service_fn(handle)));
    } else {
        let builder = hyper::server::conn::http1::Builder::new();
        tokio::spawn(builder.serve_connection(io, service_fn(handle)).with_upgrades());
    }
    near
}

async fn handle(mut request: HttpRequest<Incoming>) -> Result<HttpResponse<Full<Bytes>>, Infallible> {
    let parts = check_request(&request).unwrap_or_else(|parts| parts);
    if matches!(parts.status_code(), 101 | 200) {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move { echo_over(TokioIo::new(upgrade.await.unwrap())).await.unwrap() });
    }
    Ok(HttpResponse::try_from(parts).unwrap().map(|()| Full::default()))
}

/// The head of the answer: accepted, or refused.
fn check_request(request: &HttpRequest<Incoming>) -> Result<ResponseParts, ResponseParts> {
    let policy = OriginPolicy::allow(["https://page.example"]).unwrap();
    if request.version() == http::Version::HTTP_2 {
        let refuse = |reject: RejectConnection| ServerExtendedConnect::reject(reject).unwrap();
        let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
        let connect = ServerExtendedConnect::parse_http(request, protocol, LIMITS)
            .map_err(|error| refuse(error.response()))?;
        policy.check(connect.request()).map_err(refuse)?;
        return Ok(connect.accept(AcceptConnection::new()).unwrap());
    }
    let refuse = |reject: RejectConnection| ServerUpgrade::reject(reject).unwrap();
    let upgrade = ServerUpgrade::parse_http(request, LIMITS).map_err(|error| refuse(error.response()))?;
    policy.check(upgrade.request()).map_err(refuse)?;
    Ok(upgrade.accept(AcceptConnection::new()).unwrap())
}

fn request() -> Request {
    Request::new("server.example.com", "/chat").with_header("Origin", "https://page.example")
}

/// Receives up to the next event; `None` if the transport ends first.
async fn next<E: Entropy>(ws: &mut WsConnection<E>, io: &mut (impl AsyncRead + Unpin)) -> Option<WsEvent> {
    let mut buffer = [0; 1000];
    loop {
        if let Some(event) = ws.next_event().unwrap() {
            return Some(event);
        }
        match io.read(&mut buffer).await.unwrap() {
            0 => return None,
            len => ws.receive_data(&buffer[..len]).unwrap(),
        }
    }
}

/// Sends a message, receives its echo, and closes.
async fn converse<E: Entropy>(ws: &mut WsConnection<E>, io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    for message in ["Hello", "", &"long ".repeat(5000)] {
        io.write_all(&ws.send(TextMessage::new(message)).unwrap()).await.unwrap();
        let mut echoed = String::new();
        loop {
            let Some(WsEvent::Text(piece)) = next(ws, io).await else { panic!("no echo") };
            echoed += &piece.data;
            if piece.message_finished {
                break;
            }
        }
        assert_eq!(echoed, message);
    }
    io.write_all(&ws.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, "")).unwrap()).await.unwrap();
    assert!(matches!(next(ws, io).await, Some(WsEvent::Close(_))));
    assert_eq!((ws.state(), ws.transport_action()), (ConnectionState::Closed, TransportAction::AwaitClose));
    assert_eq!(next(ws, io).await, None, "the server ends the transport");
    assert!(ws.close_info().unwrap().was_clean);
}

#[tokio::test]
async fn a_client_without_hyper_is_echoed() {
    let mut io = server(false);
    let mut ws = WsConnection::client(SeededEntropy::new());
    io.write_all(&ws.send(request()).unwrap()).await.unwrap();
    assert!(matches!(next(&mut ws, &mut io).await, Some(WsEvent::Accept(_))));
    converse(&mut ws, &mut io).await;
}

#[tokio::test]
async fn a_client_over_hyper_is_echoed() {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(server(false))).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let upgrade = ClientUpgrade::new(request(), LIMITS, &mut SeededEntropy::new()).unwrap();
    let request = HttpRequest::try_from(&upgrade).unwrap().map(|()| Empty::new());
    let response = sender.send_request(request).await.unwrap();
    let answer = upgrade.receive_http_response(&response).unwrap();
    assert!(matches!(answer, Some(HandshakeResponse::Accept(_))), "{answer:?}");
    let mut io = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut ws = WsConnection::from(Connection::client(Limits::default(), SeededEntropy::new()));
    converse(&mut ws, &mut io).await;
}

#[tokio::test]
async fn a_client_over_http_2_of_hyper_is_echoed() {
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake::<_, Empty<Bytes>>(TokioIo::new(server(true)))
        .await
        .unwrap();
    // A client may use extended CONNECT only after the server has allowed it (RFC 8441 §3).
    while !connection.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    tokio::spawn(connection);
    let connect = ClientExtendedConnect::new(request(), Scheme::Wss, LIMITS).unwrap();
    let mut request = HttpRequest::try_from(&connect).unwrap().map(|()| Empty::new());
    request.extensions_mut().insert(Protocol::from_static(ClientExtendedConnect::PROTOCOL));
    let response = sender.send_request(request).await.unwrap();
    let answer = connect.receive_http_response(&response).unwrap();
    assert!(matches!(answer, Some(HandshakeResponse::Accept(_))), "{answer:?}");
    let mut io = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut ws = WsConnection::from(Connection::client(Limits::default(), SeededEntropy::new()));
    converse(&mut ws, &mut io).await;
}

/// The head of the server's answer to these bytes.
async fn answer_to(head: &str) -> String {
    let mut io = server(false);
    io.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(io.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn refusals_are_sent_through_hyper() {
    let head = |origin: &str, version: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {origin}\r\n\
             Sec-WebSocket-Version: {version}\r\n\r\n"
        )
    };
    let answer = answer_to(&head("https://page.example", "13")).await;
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("\r\nsec-websocket-accept: s3ppl"), "{answer}");

    let answer = answer_to(&head("https://evil.example", "13")).await;
    assert!(answer.starts_with("http/1.1 403 ") && answer.contains("\r\ncontent-length: 0\r\n"), "{answer}");

    let answer = answer_to(&head("https://page.example", "8")).await;
    assert!(answer.starts_with("http/1.1 426 "), "{answer}");
    for line in ["upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13"] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{answer}");
    }

    let answer = answer_to("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert!(answer.starts_with("http/1.1 405 ") && answer.contains("\r\nallow: get\r\n"), "{answer}");
}
