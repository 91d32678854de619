//! How connections end: cleanly, by a hostile peer, by the transport, by a deadline.
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

use std::io::ErrorKind;
use std::time::Duration;

use common::{CALM, masked, pair, poll_times, read_exactly, read_to_end, scripted, scripted_server, write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use wsproto::{CloseCode, ClosedBy, Limits, RemoteProtocolError, Timeout, Timeouts};
use wsproto_tokio::{Error, Settings};

/// Only the end has a deadline.
const CLOSE_ONLY: Settings = CALM.with_timeouts(Timeouts::NONE.with_close(Some(Duration::from_secs(10))));

#[tokio::test]
async fn a_server_shuts_down_first_and_reads_to_the_end() {
    let (mut ws, mut client) = scripted(1000, CALM);
    let script = tokio::spawn(async move {
        write(&mut client, &masked(0x88, b"\x03\xe8bye")).await;
        assert_eq!(read_to_end(&mut client).await, b"\x88\x02\x03\xe8"); // the server has shut down
        write(&mut client, &masked(0x81, b"too late")).await; // and still reads
        client
    });
    let end = tokio::spawn(async move { (ws.recv().await, ws) });
    let client = script.await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(!end.is_finished(), "it reads to the end");
    drop(client);
    let (end, mut ws) = end.await.unwrap();
    assert!(matches!(end, Ok(None)), "{end:?}");
    assert!(matches!(ws.recv().await, Ok(None)), "and again");
    let close = ws.close_info().unwrap();
    assert_eq!((close.by, &*close.reason, close.was_clean), (ClosedBy::Remote, "bye", true));
    assert!(matches!(ws.send("no").await, Err(Error::Closed)));
}

#[tokio::test]
async fn a_client_waits_for_the_server_to_end_the_transport() {
    let (mut ws, mut server) = scripted_server(1000, CALM);
    let closing = tokio::spawn(async move { ws.close(CloseCode::NORMAL_CLOSURE, "").await });
    let close = read_exactly(&mut server, 8).await;
    assert_eq!(close[..2], [0x88, 0x82]);
    write(&mut server, b"\x81\x04late\x88\x02\x03\xe8").await;
    assert!(timeout(Duration::from_millis(10), server.read_u8()).await.is_err(), "it does not shut down yet");
    assert!(!closing.is_finished());
    server.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut server).await, b"");
    closing.await.unwrap().unwrap();
}

#[tokio::test]
async fn messages_after_start_close_are_received_until_the_end() {
    let (mut server, mut client) = pair(1000, CALM);
    server.send("one").await.unwrap();
    client.start_close(CloseCode::GOING_AWAY, "").unwrap();
    assert!(matches!(client.send("no").await, Err(Error::Closed)));
    client.flush().await.unwrap();
    server.send("two").await.unwrap();
    let server = tokio::spawn(async move { server.recv().await });
    assert_eq!(client.recv().await.unwrap(), Some("one".into()));
    assert_eq!(client.recv().await.unwrap(), Some("two".into()));
    assert_eq!(client.recv().await.unwrap(), None);
    assert_eq!(server.await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn both_sides_can_close_at_once() {
    let (mut server, mut client) = pair(1000, CALM);
    let (one, other) = tokio::join!(
        server.close(CloseCode::NORMAL_CLOSURE, ""),
        client.close(CloseCode::NORMAL_CLOSURE, "")
    );
    one.unwrap();
    other.unwrap();
    server.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap(); // again, which does nothing
}

#[tokio::test]
async fn a_peer_that_breaks_a_rule_is_sent_the_reason() {
    let (mut ws, mut client) = scripted(1000, CALM);
    write(&mut client, &masked(0x81, b"before")).await;
    write(&mut client, b"\x81\x02hi").await;
    let script = tokio::spawn(async move { read_to_end(&mut client).await });
    assert_eq!(ws.recv().await.unwrap(), Some("before".into()));
    let error = ws.recv().await.unwrap_err();
    assert!(matches!(error, Error::Protocol(RemoteProtocolError::UnmaskedFrameFromClient)), "{error}");
    assert_eq!(ws.recv().await.unwrap(), None, "an error is returned once");
    assert_eq!(script.await.unwrap(), b"\x88\x1f\x03\xeaframe from client is unmasked");
    let close = ws.close_info().unwrap();
    assert_eq!(close.by, ClosedBy::Failure(RemoteProtocolError::UnmaskedFrameFromClient));
    assert_eq!(close.code, CloseCode::ABNORMAL_CLOSURE);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_before_it_is_read() {
    let limits = Limits::DEFAULT.with_max_message_len(1000).with_max_frame_len(1000);
    let (mut ws, mut client) = scripted(4000, CALM.with_limits(limits));
    write(&mut client, &masked(0x82, &[0; 2000])[..20]).await;
    let script = tokio::spawn(async move { read_to_end(&mut client).await });
    assert!(matches!(ws.recv().await, Err(Error::Protocol(RemoteProtocolError::FrameTooLong))));
    assert!(script.await.unwrap().starts_with(b"\x88\x13\x03\xf1"));
}

#[tokio::test(start_paused = true)]
async fn a_hostile_peer_cannot_hold_the_connection_after_the_end() {
    let (mut ws, mut client) = scripted(1000, CLOSE_ONLY);
    write(&mut client, b"\x81\x02hi").await;
    // It sends for ever, and never ends the transport.
    let flood = tokio::spawn(async move {
        while client.write_all(&[0; 100]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let start = Instant::now();
    assert!(matches!(ws.recv().await, Err(Error::Protocol(_))));
    assert_eq!(start.elapsed().as_secs(), 10);
    drop(ws);
    flood.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_a_close_frame_is_given_up() {
    let (mut ws, mut client) = scripted(1000, CLOSE_ONLY);
    let start = Instant::now();
    let error = ws.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Close)), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(read_to_end(&mut client).await, b"\x88\x02\x03\xe8");
    let close = ws.close_info().unwrap();
    assert_eq!((close.was_clean, close.timeout), (false, Some(Timeout::Close)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_end_the_transport_is_given_up_after_a_clean_close() {
    let (mut ws, mut server) = scripted_server(1000, CLOSE_ONLY);
    write(&mut server, b"\x88\x02\x03\xe8").await;
    let start = Instant::now();
    assert_eq!(ws.recv().await.unwrap(), None);
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(read_to_end(&mut server).await.len(), 8, "the close frame, and the end");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_bytes_cannot_delay_close() {
    let (mut ws, _client) = scripted(1000, CLOSE_ONLY);
    let sent = poll_times(3, ws.send(vec![0; 100_000])).await;
    assert!(sent.is_none());
    let start = Instant::now();
    assert!(matches!(ws.close(CloseCode::NORMAL_CLOSURE, "").await, Err(Error::Timeout(Timeout::Close))));
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test]
async fn the_end_without_a_close_frame_is_an_error_after_the_messages() {
    let (mut ws, mut client) = scripted(1000, CALM);
    write(&mut client, &masked(0x81, b"one")).await;
    write(&mut client, &masked(0x81, b"two")).await;
    write(&mut client, &masked(0x81, b"three")[..7]).await;
    drop(client);
    assert_eq!(ws.recv().await.unwrap(), Some("one".into()));
    assert_eq!(ws.recv().await.unwrap(), Some("two".into()));
    assert!(matches!(ws.recv().await, Err(Error::ConnectionLost)));
    assert_eq!(ws.recv().await.unwrap(), None);
    let close = ws.close_info().unwrap();
    assert_eq!((close.by, close.code), (ClosedBy::Transport, CloseCode::ABNORMAL_CLOSURE));
}

#[tokio::test]
async fn messages_are_received_though_nothing_can_be_written_any_more() {
    let (mut ws, mut client) = scripted(1000, CALM);
    write(&mut client, &masked(0x81, b"one")).await;
    write(&mut client, &masked(0x89, b"ping")).await;
    write(&mut client, &masked(0x81, b"two")).await;
    write(&mut client, &masked(0x88, b"\x03\xe8")).await;
    drop(client);
    // Writing fails: the peer is gone. What it has sent is still there.
    let error = ws.send("lost").await.unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::BrokenPipe), "{error:?}");
    assert_eq!(ws.recv().await.unwrap(), Some("one".into()));
    assert_eq!(ws.recv().await.unwrap(), Some("two".into()));
    assert_eq!(ws.recv().await.unwrap(), None, "the peer has closed: all that it sent was received");
    assert!(!ws.close_info().unwrap().was_clean, "our close frame was not sent");
    let closed = ws.close(CloseCode::NORMAL_CLOSURE, "").await;
    assert!(matches!(&closed, Err(Error::Io(error)) if error.kind() == ErrorKind::BrokenPipe), "{closed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_close_that_the_peer_does_not_let_us_answer_is_not_clean() {
    let (mut ws, mut client) = scripted(16, CLOSE_ONLY);
    write(&mut client, &masked(0x88, b"\x03\xe8")).await;
    ws.ready().await;
    ws.start_send("longer than the room").unwrap();
    assert!(poll_times(3, ws.recv()).await.is_none());
    assert!(!ws.close_info().unwrap().was_clean, "our close frame waits");
    let closed = ws.close(CloseCode::NORMAL_CLOSURE, "").await;
    assert!(matches!(closed, Err(Error::Timeout(Timeout::Close))), "{closed:?}");
    let close = ws.close_info().unwrap();
    assert_eq!((close.by, close.was_clean), (ClosedBy::Remote, false));
    assert_eq!(ws.recv().await.unwrap(), None, "the peer has closed: all that it sent was received");
}

#[tokio::test]
async fn a_peer_that_has_only_ended_its_direction_gets_what_was_accepted() {
    let (mut ws, mut client) = scripted(4, CALM);
    client.shutdown().await.unwrap();
    ws.ready().await;
    ws.start_send("answer").unwrap();
    let script = tokio::spawn(async move { read_to_end(&mut client).await });
    assert!(matches!(ws.recv().await, Err(Error::ConnectionLost)));
    assert_eq!(script.await.unwrap(), b"\x81\x06answer");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_ends_its_direction_and_takes_no_bytes_is_given_up() {
    let (mut ws, mut client) = scripted(4, CLOSE_ONLY);
    client.shutdown().await.unwrap();
    ws.ready().await;
    ws.start_send("answer").unwrap();
    let received = timeout(Duration::from_secs(11), ws.recv()).await.expect("the close timeout has passed");
    assert!(matches!(received, Err(Error::Timeout(Timeout::Close))), "{received:?}");
    assert_eq!(ws.recv().await.unwrap(), None);
}

#[tokio::test]
async fn a_message_that_was_accepted_and_is_interrupted_by_the_peer_makes_close_an_error() {
    let (mut ws, mut client) = scripted(1000, CALM);
    ws.ready().await;
    ws.start_send(vec![0; 300_000]).unwrap();
    write(&mut client, &masked(0x88, b"\x03\xe8")).await;
    let sent = async move { read_to_end(&mut client).await };
    let (sent, closed) = tokio::join!(sent, ws.close(CloseCode::NORMAL_CLOSURE, "not sent"));
    assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
    assert!(sent.ends_with(b"\x88\x02\x03\xe8"));
    assert!(sent.len() < 300_000);
}

#[tokio::test]
async fn a_send_that_the_peer_interrupts_by_closing_is_an_error() {
    let (mut ws, mut client) = scripted(1000, CALM);
    let sending = tokio::spawn(async move { (ws.send(vec![0; 300_000]).await, ws) });
    write(&mut client, &masked(0x88, b"\x03\xe8")).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let sent = async move { read_to_end(&mut client).await };
    let (sent, result) = tokio::join!(sent, async {
        let (result, mut ws) = sending.await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), None);
        result
    });
    assert!(matches!(result, Err(Error::Closed)), "{result:?}");
    assert!(sent.ends_with(b"\x88\x02\x03\xe8"));
    assert!(sent.len() < 300_000);
}
