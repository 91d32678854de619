//! Handshakes by the types of the `http` crate, as hyper and axum have them.
#![cfg(feature = "http")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should"
)]

mod common;

use common::{masked, read_exactly, write};
use http::{Request, StatusCode};
use tokio::io::duplex;
use wsproto::{Limits, OriginPolicy, PermessageDeflate, RejectConnection, Scheme};
use wsproto_tokio::{AcceptError, Error, Server, Settings};

fn request() -> http::request::Builder {
    Request::get("/chat")
        .header("Host", "a.b")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13")
}

#[tokio::test]
async fn a_request_is_accepted_with_what_the_server_has() {
    let settings = Settings::default().with_limits(Limits::default().with_max_message_len(5));
    let server = Server::new()
        .with_settings(settings)
        .with_subprotocol("chat")
        .with_header("Server", "x")
        .with_deflate(PermessageDeflate::new());
    let request = request()
        .header("Sec-WebSocket-Protocol", "other, chat")
        .header("Sec-WebSocket-Extensions", "permessage-deflate")
        .body(())
        .unwrap();
    let (response, upgrade) = server.accept_http(&request).unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let header = |name| response.headers().get(name).unwrap().to_str().unwrap();
    assert_eq!(header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!((header("Sec-WebSocket-Protocol"), header("Server")), ("chat", "x"));
    assert!(header("Sec-WebSocket-Extensions").starts_with("permessage-deflate"));
    assert_eq!(upgrade.subprotocol(), Some("chat"));

    let (near, mut client) = duplex(1000);
    let mut ws = upgrade.open(near);
    assert_eq!(ws.subprotocol(), Some("chat"));
    // "Hello", compressed (RFC 7692 §7.2.3.1): the extension is in use.
    write(&mut client, &masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00")).await;
    assert_eq!(ws.recv().await.unwrap(), Some("Hello".into()));
    write(&mut client, &masked(0x81, b"123456")).await;
    drop(client);
    assert!(matches!(ws.recv().await, Err(Error::Protocol(_))), "the limit of the settings");
}

#[test]
fn a_request_that_is_not_valid_is_refused() {
    let refused = Server::new().accept_http(&Request::get("/").body(()).unwrap()).unwrap_err();
    assert!(refused.response.status().is_client_error());
    assert!(matches!(refused.error, AcceptError::Handshake(_)));

    let old = request().header("Sec-WebSocket-Version", "12").body(()).unwrap();
    let refused = Server::new().accept_http(&old).unwrap_err();
    assert!(refused.response.status().is_client_error());
}

#[test]
fn a_request_of_another_origin_is_refused() {
    let server = Server::new().with_origin_policy(OriginPolicy::same_origin(Scheme::Ws));
    let request = request().header("Origin", "http://evil.example").body(()).unwrap();
    let refused = server.accept_http(&request).unwrap_err();
    assert_eq!(refused.response.status(), StatusCode::FORBIDDEN);
    assert!(matches!(refused.error, AcceptError::Refused(403)));
}

#[test]
fn the_caller_decides_and_adds_headers() {
    let request = request().body(()).unwrap();
    let server = Server::new();
    let (response, _) = server
        .accept_http_with(&request, |request, response| {
            assert_eq!(request.path(), "/chat");
            Ok(response.with_header("X-Room", "1"))
        })
        .unwrap();
    assert_eq!(response.headers()["X-Room"], "1");
    let refused = server
        .accept_http_with(&request, |_, _| Err(RejectConnection::new(401).with_header("X-Why", "no")))
        .unwrap_err();
    assert_eq!(
        (refused.response.status().as_u16(), &refused.response.headers()["X-Why"]),
        (401, &"no".parse().unwrap())
    );
    let refused = server
        .accept_http_with(&request, |_, response| Ok(response.with_subprotocol("not offered")))
        .unwrap_err();
    assert_eq!(refused.response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(matches!(refused.error, AcceptError::Local(_)));
    let refused = server.accept_http_with(&request, |_, _| Err(RejectConnection::new(200))).unwrap_err();
    assert_eq!(refused.response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn bytes_that_follow_the_request_are_messages() {
    let (_, upgrade) = Server::new().accept_http(&request().body(()).unwrap()).unwrap();
    let (near, mut client) = duplex(1000);
    write(&mut client, &masked(0x81, b"early")).await;
    let mut ws = upgrade.open(near);
    let message = ws.recv().await.unwrap().unwrap();
    ws.send(message).await.unwrap();
    assert_eq!(read_exactly(&mut client, 7).await, b"\x81\x05early");
}

#[test]
fn the_stack_says_how_long_the_body_of_a_refusal_is() {
    let reject = RejectConnection::new(401);
    let invalid = Server::new().accept_http(&Request::new("")).unwrap_err();
    let refused =
        Server::new().accept_http_with(&request().body(()).unwrap(), |_, _| Err(reject)).unwrap_err();
    for response in [invalid.response, refused.response] {
        // hyper writes the header that is there, whatever the length of the body is.
        assert_eq!(response.headers().get("Content-Length"), None);
    }
}
