//! Messages in parts: long ones with little memory, mixed with whole messages, and read while something is sent.
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

use common::{CALM, Cut, masked, open, poll_times, read_exactly, read_to_end, scripted, write};
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use wsproto::{CloseCode, Connection, Limits, Messages, ReadBuffer, RemoteProtocolError, Role};
use wsproto_tokio::{Client, Error, MaskingKeys, Message, Server, Settings, WebSocket};

/// The rest of the message in progress, or all of the next one; and how many parts it had.
async fn receive_in_parts<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocket<S>) -> (String, usize) {
    let (mut text, mut count) = (String::new(), 0);
    loop {
        let part = ws.recv_part().await.unwrap().unwrap();
        text.push_str(part.data.as_text().unwrap());
        count += 1;
        if part.is_last {
            return (text, count);
        }
    }
}

/// Whole messages have at most 20 bytes, and those in parts as many as one likes.
const STREAMING: Settings =
    CALM.with_limits(Limits::DEFAULT.with_max_message_len(20)).with_max_streamed_len(u64::MAX);

/// A connection of a server over this transport, as a handshake with these settings makes it.
async fn accepted(
    room: usize,
    settings: Settings,
) -> (WebSocket<Cut<tokio::io::DuplexStream>>, tokio::io::DuplexStream) {
    let (near, mut far) = duplex(room);
    let request = b"GET / HTTP/1.1\r\nHost: a.b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let server = Server::new().with_settings(settings);
    let (ws, ()) = tokio::join!(server.accept(Cut::new(near, 1000)), async {
        write(&mut far, request).await;
        read_exactly(&mut far, 129).await;
    });
    (ws.unwrap(), far)
}

#[tokio::test]
async fn a_part_is_received_before_the_message_is_complete() {
    let (mut ws, mut client) = scripted(1000, CALM);
    write(&mut client, &masked(0x01, "Hel€".as_bytes())).await;
    let part = ws.recv_part().await.unwrap().unwrap();
    assert_eq!((part.data, part.is_last), (Message::from("Hel€"), false));
    write(&mut client, &masked(0x80, b"lo")).await;
    let part = ws.recv_part().await.unwrap().unwrap();
    assert_eq!((part.data, part.is_last), (Message::from("lo"), true));
}

#[tokio::test]
async fn recv_drops_the_rest_of_a_message_of_which_parts_were_returned() {
    for settings in [CALM, STREAMING] {
        let (mut ws, mut client) = accepted(1000, settings).await;
        write(&mut client, &masked(0x01, b"Hel")).await;
        assert!(!ws.recv_part().await.unwrap().unwrap().is_last);
        write(&mut client, &masked(0x00, b"lo")).await;
        write(&mut client, &masked(0x80, b"!")).await;
        write(&mut client, &masked(0x81, b"next")).await;
        assert_eq!(ws.recv().await.unwrap(), Some("next".into()));
    }
}

#[tokio::test]
async fn a_message_that_recv_has_begun_can_be_received_in_parts_from_its_beginning() {
    for settings in [CALM, STREAMING] {
        let (mut ws, mut client) = accepted(1000, settings).await;
        write(&mut client, &masked(0x01, b"He\xe2")).await;
        assert!(poll_times(5, ws.recv()).await.is_none());
        write(&mut client, &masked(0x80, b"\x82\xacllo")).await;
        assert_eq!(receive_in_parts(&mut ws).await.0, "He€llo");
        write(&mut client, &masked(0x81, b"next")).await;
        assert_eq!(ws.recv().await.unwrap(), Some("next".into()));
    }
}

#[tokio::test]
async fn recv_part_that_is_dropped_loses_no_part() {
    for times in 1..6 {
        let (near, far) = duplex(50);
        let mut sending = open(Cut::new(near, 9), Role::Server, CALM.with_max_fragment_len(20));
        let mut receiving = open(Cut::new(far, 9), Role::Client, CALM);
        let long = "€uro".repeat(50);
        let expected = long.clone();
        let sent = tokio::spawn(async move {
            for _ in 0..5 {
                sending.send(long.as_str()).await.unwrap();
            }
            sending.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        });
        let (mut texts, mut begun) = (Vec::new(), String::new());
        loop {
            match poll_times(times, receiving.recv_part()).await {
                Some(Ok(Some(part))) => {
                    begun.push_str(part.data.as_text().unwrap());
                    if part.is_last {
                        texts.push(std::mem::take(&mut begun));
                    }
                }
                Some(end) => break assert!(matches!(end, Ok(None)), "{end:?}"),
                None => {}
            }
        }
        assert_eq!(texts, vec![expected; 5]);
        sent.await.unwrap();
    }
}

#[tokio::test]
async fn a_message_longer_than_the_limit_can_be_streamed_and_ends_the_connection_if_it_is_received_whole() {
    let long = masked(0x81, "x".repeat(100_000).as_bytes());
    let (mut ws, mut client) = accepted(1 << 20, STREAMING).await;
    write(&mut client, &long).await;
    write(&mut client, &masked(0x81, b"short")).await;
    write(&mut client, &long).await;
    let (text, count) = receive_in_parts(&mut ws).await;
    assert_eq!(text.len(), 100_000);
    assert!(count > 1);
    assert_eq!(ws.recv().await.unwrap(), Some("short".into()));
    drop(tokio::spawn(async move { while !read_exactly(&mut client, 1).await.is_empty() {} }));
    let end = ws.recv().await;
    assert!(matches!(end, Err(Error::Protocol(RemoteProtocolError::MessageTooLong))), "{end:?}");
}

#[tokio::test]
async fn without_a_setting_a_long_message_ends_the_connection_in_parts_too() {
    let settings = CALM.with_limits(Limits::DEFAULT.with_max_message_len(20));
    let (mut ws, mut client) = accepted(1000, settings).await;
    write(&mut client, &masked(0x81, b"123456789012345678901")).await;
    drop(client);
    let end = ws.recv_part().await;
    assert!(matches!(end, Err(Error::Protocol(RemoteProtocolError::MessageTooLong))), "{end:?}");
}

#[tokio::test]
async fn parts_that_the_sender_has_read_are_kept_in_order_for_both_ways_to_receive() {
    for (settings, first_in_parts) in [(CALM, true), (STREAMING, true), (STREAMING, false)] {
        let (mut ws, mut client) = accepted(1000, settings).await;
        write(&mut client, &masked(0x01, b"one")).await;
        if first_in_parts {
            assert!(!ws.recv_part().await.unwrap().unwrap().is_last);
        }
        write(&mut client, &masked(0x00, b", ")).await;
        // The sender reads while it waits: for a transport that is full.
        assert!(poll_times(20, ws.send(vec![0; 5000])).await.is_none());
        write(&mut client, &masked(0x80, b"two")).await;
        write(&mut client, &masked(0x81, b"three")).await;
        assert!(poll_times(20, ws.flush()).await.is_none());
        if first_in_parts {
            assert_eq!(receive_in_parts(&mut ws).await.0, ", two");
        } else {
            assert_eq!(ws.recv().await.unwrap(), Some("one, two".into()));
        }
        assert_eq!(ws.recv().await.unwrap(), Some("three".into()));
    }
}

#[tokio::test]
async fn the_sender_keeps_no_more_parts_than_it_has_room_for() {
    let (mut ws, mut client) = accepted(1000, STREAMING.with_read_ahead(10_000)).await;
    let writing = tokio::spawn(async move {
        let payload = vec![b'x'; 1 << 20];
        _ = tokio::io::AsyncWriteExt::write_all(&mut client, &masked(0x82, &payload)).await;
        client
    });
    assert!(poll_times(10_000, ws.send(vec![0; 5000])).await.is_none());
    assert!(!writing.is_finished(), "the peer has to wait");
    let mut len = 0;
    while len < 1 << 20 {
        len += ws.recv_part().await.unwrap().unwrap().data.as_bytes().len();
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn text_in_parts_is_refused_as_it_arrives() {
    let (mut ws, mut client) = scripted(1000, CALM);
    write(&mut client, &masked(0x01, b"ok\xff")).await;
    assert_eq!(ws.recv_part().await.unwrap().unwrap().data, "ok".into());
    let end = tokio::join!(ws.recv_part(), async {
        assert_eq!(read_exactly(&mut client, 2).await[0], 0x88);
        drop(client);
    });
    assert!(matches!(end.0, Err(Error::Protocol(RemoteProtocolError::InvalidUtf8))), "{end:?}");
}

#[tokio::test]
async fn the_receiving_half_receives_parts() {
    let (near, far) = duplex(100);
    let server = tokio::spawn(async move {
        let mut ws = Server::new().accept(far).await.unwrap();
        ws.send("x".repeat(100_000)).await.unwrap();
        ws.recv().await.unwrap()
    });
    let ws = Client::new().connect_over(near, "ws://a.b/").await.unwrap();
    let (mut receiver, mut sender) = ws.split();
    let mut len = 0;
    loop {
        let part = receiver.recv_part().await.unwrap().unwrap();
        len += part.data.as_bytes().len();
        if part.is_last {
            break;
        }
    }
    assert_eq!(len, 100_000);
    sender.send("done").await.unwrap();
    assert_eq!(server.await.unwrap(), Some("done".into()));
}

#[tokio::test]
async fn a_connection_that_was_taken_apart_loses_nothing() {
    for settings in [CALM, STREAMING] {
        for times in 0..40 {
            let (mut ws, mut client) = accepted(300, settings).await;
            write(&mut client, &masked(0x81, b"one")).await;
            write(&mut client, &masked(0x01, b"tw")).await;
            _ = poll_times(times, ws.send("y".repeat(1000))).await;
            write(&mut client, &masked(0x89, b"?")).await;
            _ = poll_times(times, ws.flush()).await;
            let apart = ws.into_parts();
            let mut texts: Vec<String> =
                apart.received.iter().map(|part| part.data.as_text().unwrap().to_owned()).collect();
            let mut again = WebSocket::from_parts(apart.stream, apart.connection, &apart.unread, settings);
            write(&mut client, &masked(0x80, b"o")).await;
            write(&mut client, &masked(0x88, b"\x03\xe8")).await;
            let rest = tokio::spawn(async move {
                let mut bytes = Vec::new();
                _ = tokio::io::AsyncReadExt::read_to_end(&mut client, &mut bytes).await;
                bytes
            });
            while let Some(part) = again.recv_part().await.unwrap_or(None) {
                texts.push(part.data.as_text().unwrap().to_owned());
                if texts.concat() == "onetwo" {
                    break;
                }
            }
            assert_eq!(texts.concat(), "onetwo", "{times}");
            let unwritten = apart.unwritten.len();
            drop(again);
            let written = rest.await.unwrap();
            // All of the message, or nothing; and a pong, where that was written or is still to be written.
            let sent = written.iter().chain(&apart.unwritten).filter(|byte| **byte == b'y').count();
            assert_eq!(sent, if times == 0 { 0 } else { 1000 }, "{times}: {unwritten}");
        }
    }
}

/// A pong between two fragments, of which the transport has taken a part.
#[tokio::test]
async fn what_a_connection_that_was_taken_apart_has_to_write_is_in_order() {
    // Two frames have 8200 bytes.
    for room in 8195..8210 {
        let (mut ws, mut client) = scripted(5000, CALM.with_max_fragment_len(4096));
        write(&mut client, &masked(0x89, b"abcd")).await;
        _ = poll_times(3, ws.send(vec![7; 10_000])).await;
        let mut sent = read_exactly(&mut client, room - 5000).await;
        _ = poll_times(3, ws.flush()).await;
        let apart = ws.into_parts();
        drop(apart.stream);
        sent.extend(read_to_end(&mut client).await);
        sent.extend(apart.unwritten);
        let mut receiver =
            Messages::new(Connection::client(Limits::NONE, MaskingKeys::default()), ReadBuffer::new());
        receiver.receive_data(&sent).unwrap();
        let message = receiver.next_message_bytes();
        assert_eq!(message, Some(vec![7; 10_000].into()), "{room}: {:?}", receiver.failure());
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_is_reported_though_the_sender_has_read_the_close_frame_after_it() {
    let (mut ws, mut client) = accepted(1 << 20, STREAMING).await;
    write(&mut client, &masked(0x81, b"short")).await;
    write(&mut client, &masked(0x81, b"123456789012345678901")).await;
    write(&mut client, &masked(0x81, b"after")).await;
    write(&mut client, &masked(0x88, b"\x03\xe8")).await;
    // The sender reads all of it.
    while ws.close_info().is_none() {
        _ = ws.send("").await;
    }
    drop(client);
    assert_eq!(ws.recv().await.unwrap(), Some("short".into()));
    let end = ws.recv().await;
    assert!(matches!(end, Err(Error::Protocol(RemoteProtocolError::MessageTooLong))), "{end:?}");
    assert_eq!(ws.recv().await.unwrap(), None);
}

#[tokio::test]
async fn no_part_follows_the_end() {
    for settings in [CALM, STREAMING] {
        let (mut ws, mut client) = accepted(1000, settings).await;
        write(&mut client, &masked(0x01, b"Hel")).await;
        assert!(poll_times(20, ws.recv()).await.is_none());
        drop(client);
        assert!(matches!(ws.recv().await, Err(Error::ConnectionLost)));
        assert_eq!(ws.recv_part().await.unwrap(), None);
    }
}
