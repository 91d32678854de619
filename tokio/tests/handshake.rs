//! Handshakes of both sides: what is agreed on, what is refused, and what takes too long.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod common;

use std::time::Duration;

use common::{read_exactly, read_to_end, write};
use tokio::io::duplex;
use tokio::time::Instant;
use wsproto::{HandshakeError, OriginPolicy, PermessageDeflate, RejectConnection, Scheme, Timeouts};
use wsproto_tokio::{AcceptError, Client, ConnectError, Server, Settings};

const REQUEST: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn request(headers: &str) -> Vec<u8> {
    [REQUEST, headers.as_bytes(), b"\r\n"].concat()
}

/// What the client of a refused request reads.
async fn refused(server: Server, request: Vec<u8>) -> (AcceptError, String) {
    let (near, mut far) = duplex(4096);
    let accepting = tokio::spawn(async move { server.accept(near).await });
    write(&mut far, &request).await;
    let response = String::from_utf8(read_to_end(&mut far).await).unwrap();
    drop(far);
    (accepting.await.unwrap().unwrap_err(), response)
}

#[tokio::test]
async fn both_sides_agree_on_a_subprotocol_and_on_compression() {
    let (near, far) = duplex(4096);
    let server = Server::new()
        .with_subprotocol("v2")
        .with_subprotocol("v1")
        .with_deflate(PermessageDeflate::new())
        .with_header("Server", "example");
    let accepting = tokio::spawn(async move { server.accept(near).await.unwrap() });
    let client = Client::new()
        .with_subprotocol("v1")
        .with_subprotocol("v2")
        .with_deflate(PermessageDeflate::new())
        .with_header("Origin", "http://example.com");
    let mut client = client.connect_over(far, "ws://example.com/chat?x=1").await.unwrap();
    let mut server = accepting.await.unwrap();
    assert_eq!((client.subprotocol(), server.subprotocol()), (Some("v2"), Some("v2")));
    let response = client.response().unwrap();
    assert_eq!(response.headers().get("Server"), Some(&b"example"[..]));
    assert_eq!(response.agreed_extensions()[0].name(), "permessage-deflate");
    client.send("Hello").await.unwrap();
    assert_eq!(server.recv().await.unwrap(), Some("Hello".into()));
}

#[tokio::test]
async fn frames_after_a_request_in_one_read_are_received() {
    let (near, mut far) = duplex(4096);
    let bytes = [request(""), common::masked(0x81, b"Hello")].concat();
    write(&mut far, &bytes).await;
    let mut ws = Server::new().accept(near).await.unwrap();
    assert_eq!(ws.recv().await.unwrap(), Some("Hello".into()));
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let server = Server::new().with_origin_policy(OriginPolicy::same_origin(Scheme::Ws));
    let (error, response) = refused(server.clone(), request("Origin: http://evil.example\r\n")).await;
    assert!(matches!(error, AcceptError::Refused(403)), "{error}");
    assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
    let (near, mut far) = duplex(4096);
    write(&mut far, &request("Origin: http://example.com\r\n")).await;
    drop(server.accept(near).await.unwrap());
}

#[tokio::test]
async fn a_request_that_is_not_valid_is_refused_with_the_reason() {
    let get = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".to_vec();
    let (error, response) = refused(Server::new(), get).await;
    assert!(matches!(error, AcceptError::Handshake(HandshakeError::MissingUpgrade)), "{error}");
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
}

#[tokio::test]
async fn a_response_that_is_not_valid_is_refused_with_status_500() {
    let server = Server::new().with_header("Bad name", "x");
    let (error, response) = refused(server, request("")).await;
    assert!(matches!(error, AcceptError::Local(_)), "{error}");
    assert!(response.starts_with("HTTP/1.1 500 "), "{response}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_is_refused_with_status_408() {
    let (near, mut far) = duplex(4096);
    let start = Instant::now();
    let accepting = tokio::spawn(async move { Server::new().accept(near).await });
    for byte in &REQUEST[..8] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        write(&mut far, &[*byte]).await;
    }
    let response = String::from_utf8(read_to_end(&mut far).await).unwrap();
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    drop(far);
    assert!(matches!(accepting.await.unwrap(), Err(AcceptError::Timeout)));
}

#[tokio::test]
async fn a_client_that_leaves_early_is_an_error_of_the_transport() {
    let (near, mut far) = duplex(4096);
    write(&mut far, &REQUEST[..20]).await;
    drop(far);
    assert!(matches!(Server::new().accept(near).await, Err(AcceptError::Io(_))));
}

#[tokio::test]
async fn the_caller_decides_about_a_request() {
    let decide = |path: &'static str| async move {
        let (near, mut far) = duplex(4096);
        write(&mut far, &request("")).await;
        let accepting = tokio::spawn(async move {
            Server::new()
                .accept_with(near, |request, response| match request.path() == path {
                    true => Ok(response.with_header("X-Room", "1")),
                    false => Err(RejectConnection::new(404)),
                })
                .await
        });
        let response = read_exactly(&mut far, 40).await;
        drop(far);
        (accepting.await.unwrap().map(drop), String::from_utf8(response).unwrap())
    };
    let (accepted, response) = decide("/chat").await;
    accepted.unwrap();
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    let (refused, response) = decide("/other").await;
    assert!(matches!(refused, Err(AcceptError::Refused(404))));
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
}

#[tokio::test]
async fn a_client_gets_the_refusal_with_its_body() {
    let (near, far) = duplex(4096);
    let server = tokio::spawn(async move {
        let incoming = Server::new().receive(near).await.unwrap();
        assert_eq!(incoming.request().target(), "/private?x");
        let reject = RejectConnection::new(401).with_header("WWW-Authenticate", "Basic");
        incoming.refuse(reject, b"Log in first.\n").await
    });
    let error = Client::new().connect_over(far, "ws://example.com/private?x").await.unwrap_err();
    let ConnectError::Refused(refusal) = error else { panic!("{error}") };
    assert_eq!((refusal.status_code(), refusal.body()), (401, &b"Log in first.\n"[..]));
    assert_eq!(refusal.response().headers().get("WWW-Authenticate"), Some(&b"Basic"[..]));
    assert!(matches!(server.await.unwrap(), AcceptError::Refused(401)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_respond_is_given_up() {
    let (_near, far) = duplex(4096);
    let start = Instant::now();
    let settings =
        Settings::DEFAULT.with_timeouts(Timeouts::DEFAULT.with_handshake(Some(Duration::from_secs(3))));
    let error = Client::new().with_settings(settings).connect_over(far, "ws://example.com").await;
    assert!(matches!(error, Err(ConnectError::Timeout)));
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn what_a_client_cannot_use_is_an_error() {
    let connect = |uri: &'static str| async move {
        Client::new().connect_over(duplex(1).0, uri).await.map(drop).unwrap_err()
    };
    assert!(matches!(connect("http://example.com/").await, ConnectError::Uri(_)));
    let client = Client::new().with_header("Upgrade", "x");
    let error = client.connect_over(duplex(1).0, "ws://example.com").await.map(drop).unwrap_err();
    assert!(matches!(error, ConnectError::Local(_)), "{error}");
}

#[cfg(feature = "net")]
mod net {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use wsproto::CloseCode;
    use wsproto_tokio::Proxy;

    async fn echo_server() -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut ws = Server::new().accept(stream).await.unwrap();
            while let Some(message) = ws.recv().await.unwrap() {
                ws.send(message).await.unwrap();
            }
        });
        (address, task)
    }

    #[tokio::test]
    async fn a_client_connects_by_a_uri() {
        let (address, server) = echo_server().await;
        let mut ws = Client::new().connect(&format!("ws://{address}/")).await.unwrap();
        ws.send("Hello").await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some("Hello".into()));
        ws.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        server.await.unwrap();
    }

    #[cfg(not(feature = "rustls"))]
    #[tokio::test]
    async fn wss_without_tls_is_an_error() {
        assert!(matches!(
            Client::new().connect("wss://example.com").await,
            Err(ConnectError::TlsUnavailable)
        ));
    }

    /// A proxy that demands credentials, and serves one connection.
    async fn proxy() -> (std::net::SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            if !head.contains("Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==") {
                let refusal = b"HTTP/1.1 407 Who are you?\r\nContent-Length: 3\r\n\r\nno\n";
                stream.write_all(refusal).await.unwrap();
                return head;
            }
            let authority = head.split(' ').nth(1).unwrap();
            let mut server = TcpStream::connect(authority).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
            head
        });
        (address, task)
    }

    #[tokio::test]
    async fn a_client_connects_through_a_proxy() {
        let ((server, serving), (address, proxying)) = (echo_server().await, proxy().await);
        let proxy = Proxy::new(&address.to_string())
            .with_basic_credentials("Aladdin", "open sesame")
            .with_header("User-Agent", "example");
        assert!(!format!("{proxy:?}").contains("sesame"));
        let client = Client::new().with_proxy(proxy);
        let mut ws = client.connect(&format!("ws://{server}/")).await.unwrap();
        ws.send("Hello").await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some("Hello".into()));
        ws.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        serving.await.unwrap();
        assert!(proxying.await.unwrap().contains("\r\nUser-Agent: example\r\n"));
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_an_error_with_its_response() {
        let (address, proxying) = proxy().await;
        let client = Client::new().with_proxy(Proxy::new(&address.to_string()));
        let error = client.connect("ws://example.com/").await.unwrap_err();
        let ConnectError::ProxyRefused(refusal) = error else { panic!("{error}") };
        assert_eq!((refusal.status_code(), refusal.body()), (407, &b"no\n"[..]));
        assert!(proxying.await.unwrap().starts_with("CONNECT example.com:80 HTTP/1.1\r\n"));
    }
}
