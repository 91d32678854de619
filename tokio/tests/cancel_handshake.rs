//! Each future of a handshake is dropped after each of its polls: the peer gets the beginning of one message, and then
//! the end of the transport.
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

use common::{Cut, poll_times, read_to_end, write};
use tokio::io::duplex;
use wsproto::RejectConnection;
use wsproto_tokio::{AcceptError, Client, Server};

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// What a client gets from a handshake whose future is dropped after so many polls, and whether it was done before.
async fn answer_after(times: usize, refuse: bool) -> (Vec<u8>, bool) {
    let (near, mut client) = duplex(4096);
    write(&mut client, REQUEST).await;
    let server = Server::new();
    let stream = Cut::new(near, 1);
    let decide = |_: &_, response| if refuse { Err(RejectConnection::new(404)) } else { Ok(response) };
    let accepted = poll_times(times, server.accept_with(stream, decide)).await;
    let is_done = match &accepted {
        Some(Err(AcceptError::Refused(404))) => refuse,
        Some(result) => result.is_ok() && !refuse,
        None => false,
    };
    assert!(is_done || accepted.is_none(), "{accepted:?}");
    drop(accepted);
    (read_to_end(&mut client).await, is_done)
}

#[tokio::test]
async fn accept_that_is_dropped_sends_the_beginning_of_one_response_and_ends() {
    let mut times = 0;
    let (mut before, mut answers) = (Vec::new(), 0);
    loop {
        let (answer, is_done) = answer_after(times, false).await;
        assert!(answer.starts_with(&before), "{times}");
        answers += usize::from(answer.len() > before.len());
        before = answer;
        if is_done {
            break;
        }
        times += 1;
    }
    assert!(before.starts_with(b"HTTP/1.1 101 ") && before.ends_with(b"\r\n\r\n"));
    assert_eq!(before.windows(4).filter(|part| part == b"\r\n\r\n").count(), 1);
    assert_eq!(answers, before.len(), "dropped before and after each byte");
}

#[tokio::test]
async fn a_refusal_that_is_dropped_sends_the_beginning_of_one_response_and_ends() {
    let mut before = Vec::new();
    for times in (0..600).step_by(3) {
        let (near, mut client) = duplex(4096);
        write(&mut client, REQUEST).await;
        let incoming = Server::new().receive(Cut::new(near, 1)).await.unwrap();
        _ = poll_times(times, incoming.refuse(RejectConnection::new(404), b"no")).await;
        let answer = read_to_end(&mut client).await;
        assert!(answer.starts_with(&before), "{times}");
        before = answer;
    }
    let answer = String::from_utf8(before).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.matches("\r\nno").count() == 1, "{answer:?}");
}

#[tokio::test]
async fn connect_over_that_is_dropped_sends_the_beginning_of_one_request_and_ends() {
    let request_at = async |times: usize| {
        let (near, mut server) = duplex(4096);
        let connected = poll_times(times, Client::new().connect_over(Cut::new(near, 1), "ws://a.b/")).await;
        assert!(connected.is_none(), "no response has come");
        read_to_end(&mut server).await
    };
    let mut answers = 0;
    let mut len = 0;
    for times in 0..600 {
        let request = request_at(times).await;
        // The key is another one each time.
        assert!(request.len() == len || request.len() == len + 1, "{times}");
        answers += usize::from(request.len() > len);
        len = request.len();
    }
    assert_eq!(answers, len);
    let request = request_at(600).await;
    assert!(request.starts_with(b"GET / HTTP/1.1\r\n") && request.ends_with(b"\r\n\r\n"));
}

#[tokio::test]
async fn connect_over_that_is_dropped_while_the_response_arrives_ends_the_transport() {
    for times in (0..2000).step_by(37) {
        let (near, far) = duplex(4096);
        let server = tokio::spawn(async move {
            let mut ws = Server::new().accept(Cut::new(far, 1)).await?;
            Ok::<_, AcceptError>(ws.recv().await)
        });
        let client = Client::new();
        let connected = poll_times(times, client.connect_over(Cut::new(near, 1), "ws://a.b/")).await;
        assert!(connected.is_none_or(|result| result.is_ok()));
        match server.await.unwrap() {
            Ok(received) => assert!(received.is_err(), "{times}: {received:?}"),
            Err(error) => assert!(matches!(error, AcceptError::Io(_)), "{times}: {error:?}"),
        }
    }
}
