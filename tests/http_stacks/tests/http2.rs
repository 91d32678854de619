//! WebSockets in the streams of a real HTTP/2 connection; client and server are ours (RFC 8441).

use bytes::Bytes;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Method, Request as HttpRequest, Response as HttpResponse, StatusCode, Version};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;
use wsproto::{
    AcceptConnection, BytesMessage, ClientExtendedConnect, CloseCode, CloseConnection, ClosedBy,
    HandshakeLimits, HandshakeResponse, HttpVersion, OriginPolicy, Ping, RejectConnection, Request, Role,
    Scheme, SeededEntropy, ServerExtendedConnect, StreamError, TextMessage, WsEvent, select_subprotocol,
};
use wsproto_http_stacks::Http2Socket;

type Sender = h2::client::SendRequest<Bytes>;

/// A client and a task with its server, which answers every stream; the server ends when the client does.
async fn connection() -> (Sender, JoinHandle<()>) {
    let (near, far) = duplex(1 << 14);
    let server = tokio::spawn(serve(far));
    let (sender, connection) = h2::client::handshake(near).await.unwrap();
    tokio::spawn(async move { connection.await.unwrap() });
    let mut sender = sender.ready().await.unwrap();
    // A client may use extended CONNECT only after the server has allowed it (§3).
    while !sender.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
        sender = sender.ready().await.unwrap();
    }
    (sender, server)
}

async fn serve(io: DuplexStream) {
    let mut connection = h2::server::Builder::new().enable_connect_protocol().handshake(io).await.unwrap();
    let mut streams = Vec::new();
    while let Some(stream) = connection.accept().await {
        let (request, respond) = stream.unwrap();
        streams.push(tokio::spawn(serve_stream(request, respond)));
    }
    for stream in streams {
        stream.await.unwrap();
    }
}

/// Echoes at `/echo` if the origin is allowed; resets the stream at `/reset` after a message.
async fn serve_stream(request: HttpRequest<RecvStream>, mut respond: SendResponse<Bytes>) {
    let connect = match check_request(&request) {
        Ok(connect) => connect,
        Err(reject) => return refuse(reject, &mut respond),
    };
    let chosen = select_subprotocol(&["superchat", "chat"], connect.request().subprotocols(), Role::Server);
    let accept = chosen.into_iter().fold(AcceptConnection::new(), AcceptConnection::with_subprotocol);
    let response = HttpResponse::try_from(connect.accept(accept).unwrap()).unwrap();
    let send = respond.send_response(response, false).unwrap();
    let path = request.uri().path().to_owned();
    let mut socket = Http2Socket::server(request.into_body(), send);
    match path.as_str() {
        "/reset" => {
            socket.next().await;
            socket.reset(HttpVersion::Http2.stream_error_code(StreamError::Cancel).unwrap());
        }
        _ => socket.echo().await,
    }
}

fn check_request(request: &HttpRequest<RecvStream>) -> Result<ServerExtendedConnect, RejectConnection> {
    let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    let connect = ServerExtendedConnect::parse_http(request, protocol, HandshakeLimits::default())
        .map_err(|error| error.response())?;
    OriginPolicy::same_origin(connect.scheme()).check(connect.request())?;
    match connect.request().target() {
        "/echo" | "/reset" => Ok(connect),
        _ => Err(RejectConnection::new(404).with_header("X-Why", "no such path").with_body()),
    }
}

fn refuse(reject: RejectConnection, respond: &mut SendResponse<Bytes>) {
    let has_body = reject.has_body();
    let response = HttpResponse::try_from(ServerExtendedConnect::reject(reject).unwrap()).unwrap();
    let mut send = respond.send_response(response, !has_body).unwrap();
    if has_body {
        send.send_data(Bytes::from_static(b"not here"), true).unwrap();
    }
}

fn connect_to(target: &str) -> Request {
    Request::new("server.example.com", target)
}

/// Requests a WebSocket; returns the answer and the stream.
async fn ask(
    sender: &mut Sender,
    request: Request,
) -> (HandshakeResponse<'static>, RecvStream, h2::SendStream<Bytes>) {
    let connect = ClientExtendedConnect::new(request, Scheme::Wss, HandshakeLimits::default()).unwrap();
    let mut request = HttpRequest::try_from(&connect).unwrap();
    request.extensions_mut().insert(Protocol::from_static(ClientExtendedConnect::PROTOCOL));
    let (response, send) = sender.send_request(request, false).unwrap();
    let response = response.await.unwrap();
    let answer = connect.receive_http_response(&response).unwrap().expect("a final response");
    (answer, response.into_body(), send)
}

/// Requests a WebSocket, which must be accepted.
async fn open(sender: &mut Sender, request: Request) -> (AcceptConnection, Http2Socket<SeededEntropy>) {
    match ask(sender, request).await {
        (HandshakeResponse::Accept(accept), recv, send) => (accept, Http2Socket::client(recv, send)),
        (answer, ..) => panic!("{answer:?}"),
    }
}

/// The next binary message, with its pieces joined.
async fn bytes_message(socket: &mut Http2Socket<SeededEntropy>) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        match socket.next().await {
            Some(WsEvent::Bytes(piece)) => {
                data.extend(piece.data);
                if piece.message_finished {
                    return data;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Sends a close frame, and waits for the end of the stream.
async fn close(mut socket: Http2Socket<SeededEntropy>) {
    socket.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, "bye"));
    let Some(WsEvent::Close(close)) = socket.next().await else { panic!("no close") };
    assert_eq!((close.code, &*close.reason), (Some(CloseCode::NORMAL_CLOSURE), "bye"));
    assert_eq!(socket.next().await, None, "the server ends the stream");
    let close_info = socket.ws.close_info().unwrap();
    assert_eq!((close_info.by, close_info.was_clean), (ClosedBy::Local, true));
    socket.end();
}

#[tokio::test]
async fn messages_are_echoed_and_the_connection_is_closed() {
    let (mut sender, server) = connection().await;
    let (accept, mut socket) =
        open(&mut sender, connect_to("/echo").with_subprotocol("chat").with_subprotocol("superchat")).await;
    assert_eq!(accept.subprotocol(), Some("superchat"));

    socket.send(TextMessage::new("Hello"));
    assert_eq!(socket.next().await, Some(WsEvent::Text(TextMessage::new("Hello".to_owned()))));
    socket.send(Ping::new("?"));
    assert!(matches!(socket.next().await, Some(WsEvent::Pong(pong)) if pong.payload == b"?"));
    // More than the stream, the connection and the pipe can hold at once.
    let long: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    socket.send(BytesMessage::new(&long[..]));
    assert!(bytes_message(&mut socket).await == long);

    close(socket).await;
    drop(sender);
    server.await.unwrap();
}

#[tokio::test]
async fn websockets_share_a_connection() {
    let (mut sender, server) = connection().await;
    let mut sockets = Vec::new();
    for _ in 0..8 {
        sockets.push(open(&mut sender, connect_to("/echo")).await.1);
    }
    for round in 0..4 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            socket.send(TextMessage::new(format!("{number} {round}").as_str()));
        }
        for (number, socket) in sockets.iter_mut().enumerate().rev() {
            let expected = TextMessage::new(format!("{number} {round}"));
            assert_eq!(socket.next().await, Some(WsEvent::Text(expected)));
        }
    }
    for socket in sockets {
        close(socket).await;
    }
    drop(sender);
    server.await.unwrap();
}

#[tokio::test]
async fn a_refusal_comes_with_status_headers_and_body() {
    let (mut sender, server) = connection().await;
    let (answer, mut recv, send) = ask(&mut sender, connect_to("/elsewhere")).await;
    let HandshakeResponse::Reject(reject) = answer else { panic!("{answer:?}") };
    assert_eq!((reject.status_code(), reject.has_body()), (404, true));
    assert_eq!(reject.headers().get("X-Why"), Some(&b"no such path"[..]));
    assert_eq!(&recv.data().await.unwrap().unwrap()[..], b"not here");
    assert!(recv.data().await.is_none());

    let foreign = connect_to("/echo").with_header("Origin", "https://evil.example");
    let (answer, ..) = ask(&mut sender, foreign).await;
    assert!(matches!(answer, HandshakeResponse::Reject(reject) if reject.status_code() == 403));
    let own = connect_to("/echo").with_header("Origin", "https://server.example.com");
    close(open(&mut sender, own).await.1).await;
    drop((sender, recv, send));
    server.await.unwrap();
}

/// The answer to a request that is not for a WebSocket.
async fn status_of(sender: &mut Sender, request: HttpRequest<()>) -> HttpResponse<()> {
    sender.send_request(request, true).unwrap().0.await.unwrap().map(drop)
}

#[tokio::test]
async fn other_requests_are_refused_by_their_status() {
    let (mut sender, server) = connection().await;
    let connect =
        ClientExtendedConnect::new(connect_to("/echo"), Scheme::Wss, HandshakeLimits::default()).unwrap();
    let request = || HttpRequest::try_from(&connect).unwrap();

    let mut other = request();
    other.extensions_mut().insert(Protocol::from_static("connect-udp"));
    assert_eq!(status_of(&mut sender, other).await.status(), StatusCode::NOT_IMPLEMENTED);

    let mut get = request();
    *get.method_mut() = Method::GET;
    let response = status_of(&mut sender, get).await;
    assert_eq!(
        (response.status(), &response.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"CONNECT".parse().unwrap())
    );

    let mut old = request();
    old.extensions_mut().insert(Protocol::from_static("websocket"));
    old.headers_mut().insert("sec-websocket-version", "8".parse().unwrap());
    let response = status_of(&mut sender, old).await;
    assert_eq!((response.status(), response.version()), (StatusCode::BAD_REQUEST, Version::HTTP_2));
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    drop(sender);
    server.await.unwrap();
}

#[tokio::test]
async fn a_reset_of_the_stream_is_an_abnormal_closure() {
    let (mut sender, server) = connection().await;
    let (_, mut socket) = open(&mut sender, connect_to("/reset")).await;
    socket.send(TextMessage::new("Hello"));
    let Some(WsEvent::Close(close)) = socket.next().await else { panic!("no close") };
    assert_eq!(close.code, Some(CloseCode::ABNORMAL_CLOSURE));
    assert_eq!(socket.ws.close_info().map(|close_info| close_info.was_clean), Some(false));
    drop((sender, socket));
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_whose_client_resets_the_stream_gets_an_abnormal_closure() {
    let (near, far) = duplex(1 << 14);
    let server = tokio::spawn(async move {
        let mut connection =
            h2::server::Builder::new().enable_connect_protocol().handshake(far).await.unwrap();
        let (request, mut respond) = connection.accept().await.unwrap().unwrap();
        let connect = check_request(&request).unwrap();
        let response = HttpResponse::try_from(connect.accept(AcceptConnection::new()).unwrap()).unwrap();
        let send = respond.send_response(response, false).unwrap();
        let mut socket = Http2Socket::server(request.into_body(), send);
        let seen = tokio::spawn(async move {
            let event = socket.next().await;
            (event, socket.ws.close_info().map(|close_info| close_info.by))
        });
        assert!(connection.accept().await.is_none());
        seen.await.unwrap()
    });
    let (sender, connection) = h2::client::handshake(near).await.unwrap();
    tokio::spawn(async move { connection.await.unwrap() });
    let mut sender = sender.ready().await.unwrap();
    while !sender.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
        sender = sender.ready().await.unwrap();
    }
    let (_, mut socket) = open(&mut sender, connect_to("/echo")).await;
    socket.reset(HttpVersion::Http2.stream_error_code(StreamError::Cancel).unwrap());
    drop((sender, socket));
    let (event, by) = server.await.unwrap();
    assert!(matches!(event, Some(WsEvent::Close(close)) if close.code == Some(CloseCode::ABNORMAL_CLOSURE)));
    assert_eq!(by, Some(ClosedBy::Transport));
    assert_eq!(
        Reason::from(HttpVersion::Http2.stream_error_code(StreamError::Malformed).unwrap()),
        Reason::PROTOCOL_ERROR
    );
    assert_eq!(
        Reason::from(HttpVersion::Http2.stream_error_code(StreamError::NoError).unwrap()),
        Reason::NO_ERROR
    );
}
