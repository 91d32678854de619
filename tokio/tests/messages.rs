//! Messages in both directions, however the transport cuts them.
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

use common::{CALM, Cut, open, pair};
use tokio::io::duplex;
use wsproto::{CloseCode, ClosedBy, Connection, PermessageDeflate, Role};
use wsproto_tokio::{Client, MaskingKeys, Message, Server, WebSocket};

fn samples() -> Vec<Message> {
    vec![
        Message::from(""),
        Message::from("Hello"),
        Message::from("€".repeat(50_000)),
        Message::from(Vec::new()),
        Message::from(vec![7; 125]),
        Message::from((0..200_000_u64).map(|n| ((n * n) >> 3) as u8).collect::<Vec<_>>()),
    ]
}

#[tokio::test]
async fn messages_arrive_as_they_were_however_the_transport_cuts_them() {
    for len in [1, 2, 3, 7, 4096, 100_000] {
        let (near, far) = duplex(64 << 10);
        let mut server = open(Cut::new(near, len), Role::Server, CALM);
        let echo = tokio::spawn(async move {
            while let Some(message) = server.recv().await.unwrap() {
                server.send(message).await.unwrap();
            }
            server
        });
        let mut client = open(Cut::new(far, len), Role::Client, CALM);
        for sample in samples() {
            // A byte a call takes long: the longest messages are for the longer cuts.
            if sample.as_bytes().len() < len * 20_000 {
                client.send(sample.clone()).await.unwrap();
                assert_eq!(client.recv().await.unwrap(), Some(sample));
            }
        }
        client.close(CloseCode::NORMAL_CLOSURE, "bye").await.unwrap();
        let mut server = echo.await.unwrap();
        let close = server.close_info().unwrap();
        assert_eq!(
            (close.by, close.code, &*close.reason, close.was_clean),
            (ClosedBy::Remote, CloseCode::NORMAL_CLOSURE, "bye", true)
        );
        assert_eq!(client.close_info().unwrap().by, ClosedBy::Local);
    }
}

#[tokio::test]
async fn compressed_messages_arrive_as_they_were() {
    let (near, far) = duplex(1000);
    let server = Server::new().with_deflate(PermessageDeflate::new());
    let echo = tokio::spawn(async move {
        let mut ws = server.accept(near).await.unwrap();
        while let Some(message) = ws.recv().await.unwrap() {
            ws.send(message).await.unwrap();
        }
    });
    let client = Client::new().with_deflate(PermessageDeflate::new());
    let mut ws = client.connect_over(far, "ws://example.com/").await.unwrap();
    assert_eq!(ws.response().unwrap().agreed_extensions().len(), 1);
    for sample in samples() {
        ws.send(sample.clone()).await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some(sample));
    }
    ws.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
    echo.await.unwrap();
}

#[tokio::test]
async fn parts_arrive_as_one_message() {
    let (mut server, mut client) = pair(4096, CALM);
    client.send_part("Hel", false).await.unwrap();
    assert!(client.send("other").await.is_err());
    assert!(client.send_part(vec![1], true).await.is_err());
    client.ping(b"between").await.unwrap();
    client.send_part("lo", true).await.unwrap();
    client.send("next").await.unwrap();
    assert_eq!(server.recv().await.unwrap(), Some("Hello".into()));
    assert_eq!(server.recv().await.unwrap(), Some("next".into()));
}

#[tokio::test]
async fn leftover_bytes_of_a_handshake_are_read_first() {
    let (near, _far) = duplex(64);
    let connection = Connection::with_role(Role::Client, CALM.limits, MaskingKeys::default());
    let mut ws = WebSocket::from_parts(near, connection, b"\x81\x05Hello\x81\x01!", CALM);
    assert_eq!(ws.recv().await.unwrap(), Some("Hello".into()));
    assert_eq!(ws.recv().await.unwrap(), Some("!".into()));
}

#[tokio::test]
async fn start_send_accepts_a_message_only_when_it_is_ready() {
    let (mut server, mut client) = pair(1000, CALM);
    let long = Message::from(vec![7; 300_000]);
    client.ready().await;
    client.start_send(long.clone()).unwrap();
    let refused = client.start_send("too early");
    assert!(matches!(refused, Err(wsproto_tokio::Error::Local(_))), "{refused:?}");
    let (sent, received) = tokio::join!(client.flush(), server.recv());
    sent.unwrap();
    assert_eq!(received.unwrap(), Some(long));
}

#[tokio::test]
async fn what_cannot_be_sent_changes_nothing() {
    let (mut server, mut client) = pair(1000, CALM);
    assert!(client.ping(&[0; 126]).await.is_err());
    assert!(client.close(CloseCode::NO_STATUS_RCVD, "").await.is_err());
    assert!(client.close(CloseCode::NORMAL_CLOSURE, &"x".repeat(124)).await.is_err());
    client.send("Hello").await.unwrap();
    assert_eq!(server.recv().await.unwrap(), Some("Hello".into()));
    assert_eq!(client.close_info(), None);
}

#[test]
fn futures_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let (near, _far) = duplex(64);
    let mut ws = open(near, Role::Server, CALM);
    is_send(ws.recv());
    is_send(ws.send("text"));
    is_send(ws.close(CloseCode::NORMAL_CLOSURE, ""));
    let (receiver, sender) = ws.split();
    is_send(receiver);
    is_send(sender);
    is_send(Server::new().accept(duplex(1).0));
    is_send(Client::new().connect_over(duplex(1).0, "ws://example.com"));
}
