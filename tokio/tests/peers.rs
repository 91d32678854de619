//! tokio-tungstenite as the peer, in both roles; and many connections at once.
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

use std::sync::Arc;

use common::{CALM, open, read_exactly};
use futures_util::{SinkExt, StreamExt};
use tokio::io::duplex;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite;
use wsproto::{CloseCode, ClosedBy, PreparedMessage, Role};
use wsproto_tokio::{Client, Message, Server};

fn samples() -> Vec<Message> {
    vec![
        Message::from(""),
        Message::from("Hello, €"),
        Message::from(vec![7; 126]),
        Message::from("€".repeat(100_000)),
        Message::from(vec![0xFF; 3 << 20]),
    ]
}

fn theirs(message: &Message) -> tungstenite::Message {
    match message {
        Message::Text(text) => tungstenite::Message::text(text.as_str()),
        Message::Binary(bytes) => tungstenite::Message::binary(bytes.clone()),
    }
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(listener.local_addr().unwrap()));
    (near.unwrap().0, far.unwrap())
}

#[tokio::test]
async fn a_server_echoes_to_tungstenite() {
    let (near, far) = tcp_pair().await;
    let echo = tokio::spawn(async move {
        let mut ws = Server::new().accept(near).await.unwrap();
        while let Some(message) = ws.recv().await.unwrap() {
            ws.send(message).await.unwrap();
        }
        ws.close_info().unwrap()
    });
    let (mut client, _) = tokio_tungstenite::client_async("ws://example.com/", far).await.unwrap();
    for sample in samples() {
        client.send(theirs(&sample)).await.unwrap();
        client.send(tungstenite::Message::Ping("?".into())).await.unwrap();
        let mut received = Vec::new();
        while received.len() < 2 {
            received.push(client.next().await.unwrap().unwrap());
        }
        assert!(received.contains(&theirs(&sample)));
        assert!(received.contains(&tungstenite::Message::Pong("?".into())));
    }
    client.close(None).await.unwrap();
    while client.next().await.is_some() {}
    drop(client); // the server reads to the end
    let close = echo.await.unwrap();
    assert_eq!((close.by, close.was_clean), (ClosedBy::Remote, true));
}

#[tokio::test]
async fn a_client_talks_to_tungstenite() {
    let (near, far) = tcp_pair().await;
    let echo = tokio::spawn(async move {
        let mut ws = tokio_tungstenite::accept_async(near).await.unwrap();
        while let Some(Ok(message)) = ws.next().await {
            if message.is_text() || message.is_binary() {
                ws.send(message).await.unwrap();
            }
        }
    });
    let mut ws = Client::new().connect_over(far, "ws://example.com/").await.unwrap();
    for sample in samples() {
        ws.send(sample.clone()).await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some(sample));
    }
    ws.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
    assert!(ws.close_info().unwrap().was_clean);
    echo.await.unwrap();
}

#[tokio::test]
async fn a_prepared_message_reaches_a_thousand_connections() {
    let prepared = Arc::new(PreparedMessage::text(&"news ".repeat(1000)).unwrap());
    let mut tasks = Vec::new();
    let mut readers = Vec::new();
    for _ in 0..1000 {
        let (near, mut far) = duplex(1024);
        let prepared = Arc::clone(&prepared);
        let mut ws = open(near, Role::Server, CALM);
        tasks.push(tokio::spawn(async move {
            ws.send_prepared(&prepared).await.unwrap();
            ws.send("after").await.unwrap();
        }));
        readers.push(tokio::spawn(async move { read_exactly(&mut far, 5004 + 7).await }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for reader in readers {
        let received = reader.await.unwrap();
        assert_eq!(&received[4..5004], prepared.payload());
        assert_eq!(&received[5004..], b"\x81\x05after");
    }
}

#[tokio::test]
async fn a_client_sends_a_prepared_message_masked() {
    let (mut server, mut client) = common::pair(1000, CALM);
    client.send_prepared(&PreparedMessage::text("Hello").unwrap()).await.unwrap();
    assert_eq!(server.recv().await.unwrap(), Some("Hello".into()));
}
