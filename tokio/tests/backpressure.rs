//! Transports that take no more bytes: nothing grows without a bound, and nothing waits for ever.
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

use common::{CALM, masked, pair, poll_times, read_exactly, scripted, write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use wsproto::{CloseCode, Timeout};
use wsproto_tokio::{Error, Message, Settings};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_ping_is_answered_while_a_long_message_is_sent() {
    let (mut ws, mut client) = scripted(10_000, CALM);
    let sending = tokio::spawn(async move { ws.send(vec![0; 3 * MIB]).await });
    read_exactly(&mut client, 1000).await;
    write(&mut client, &masked(0x89, b"Are you there?")).await;
    let mut sent = Vec::new();
    while !sent.windows(16).any(|window| window == b"\x8a\x0eAre you there?") {
        sent.extend(read_exactly(&mut client, 10_000).await);
    }
    assert!(sent.len() < 200_000, "after two fragments, not after {} bytes", sent.len());
    // The rest, so that it is sent.
    while !sending.is_finished() {
        _ = timeout(Duration::from_millis(10), client.read(&mut [0; 10_000])).await;
    }
    sending.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_only_sends_answers_pings_and_sees_the_end() {
    let (mut ws, mut client) = scripted(10_000, CALM);
    write(&mut client, &masked(0x81, b"message")).await;
    write(&mut client, &masked(0x89, b"1")).await;
    ws.send("a").await.unwrap();
    ws.send("b").await.unwrap();
    assert_eq!(read_exactly(&mut client, 9).await, b"\x81\x01a\x8a\x011\x81\x01b");
    write(&mut client, &masked(0x88, b"\x03\xe8")).await;
    sleep(Duration::from_millis(100)).await;
    ws.send("c").await.unwrap();
    assert!(matches!(ws.send("d").await, Err(Error::Closed)));
    assert_eq!(ws.recv().await.unwrap(), Some("message".into()), "it was kept");
}

#[tokio::test]
async fn a_caller_that_only_receives_answers_pings() {
    let (ws, mut client) = scripted(10_000, CALM);
    let (mut receiver, _sender) = ws.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    write(&mut client, &masked(0x89, b"1")).await;
    assert_eq!(read_exactly(&mut client, 3).await, b"\x8a\x011");
    write(&mut client, &masked(0x81, b"!")).await;
    assert_eq!(receiving.await.unwrap().unwrap(), Some("!".into()));
}

/// Both sides send so much before they receive anything.
async fn both_write_first(total: usize, settings: Settings) -> [Result<usize, Error>; 2] {
    let (mut one, mut other) = pair(64 << 10, settings);
    let work = |ws: &mut wsproto_tokio::WebSocket<tokio::io::DuplexStream>| {
        let mut ws = std::mem::replace(ws, pair(1, CALM).0);
        async move {
            let message = Message::from(vec![7; MIB]);
            for _ in 0..total / MIB {
                ws.send(message.clone()).await?;
            }
            let mut received = 0;
            for _ in 0..total / MIB {
                received += ws.recv().await?.ok_or(Error::Closed)?.as_bytes().len();
            }
            Ok(received)
        }
    };
    let (one, other) = (work(&mut one), work(&mut other));
    let (one, other) = tokio::join!(one, other);
    [one, other]
}

#[tokio::test]
async fn both_sides_can_write_64_mib_before_they_read_if_that_is_allowed() {
    let settings = CALM.with_read_ahead(65 * MIB);
    for received in both_write_first(64 * MIB, settings).await {
        assert_eq!(received.unwrap(), 64 * MIB);
    }
}

#[tokio::test]
async fn both_sides_can_write_15_mib_before_they_read_by_default() {
    for received in both_write_first(15 * MIB, CALM).await {
        assert_eq!(received.unwrap(), 15 * MIB);
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_that_ends_by_the_pong_deadline_and_not_never() {
    let start = Instant::now();
    let settings = Settings::DEFAULT.with_read_ahead(2 * MIB);
    let results = both_write_first(64 * MIB, settings).await;
    assert!(results.iter().any(|result| matches!(result, Err(Error::Timeout(Timeout::Pong)))), "{results:?}");
    assert!(results.iter().all(Result::is_err), "{results:?}");
    assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());
}

#[tokio::test]
async fn halves_in_two_tasks_write_64_mib_each_and_need_no_room() {
    let settings = CALM.with_read_ahead(0);
    let (one, other) = pair(64 << 10, settings);
    let mut tasks = Vec::new();
    for ws in [one, other] {
        let (mut receiver, mut sender) = ws.split();
        tasks.push(tokio::spawn(async move {
            let mut received = 0;
            while received < 64 * MIB {
                received += receiver.recv().await.unwrap().unwrap().as_bytes().len();
            }
        }));
        tasks.push(tokio::spawn(async move {
            let message = Message::from(vec![7; MIB]);
            for _ in 0..64 {
                sender.send(message.clone()).await.unwrap();
            }
            std::future::pending::<()>().await; // dropped with its half
        }));
    }
    tasks.swap(1, 2);
    for task in tasks.into_iter().take(2) {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn read_ahead_has_a_bound() {
    let settings = CALM.with_read_ahead(100_000);
    let (mut ws, mut client) = scripted(1000, settings);
    let sending = tokio::spawn(async move { (ws.send(vec![0; MIB]).await, ws) });
    let mut written = 0;
    let small = masked(0x82, b"");
    while let Ok(result) = timeout(Duration::from_millis(50), client.write_all(&small)).await {
        result.unwrap();
        written += 1;
    }
    // Each empty message takes 6 bytes on the way and some more as a value.
    assert!((500..30_000).contains(&written), "{written} messages");
    while !sending.is_finished() {
        _ = timeout(Duration::from_millis(10), client.read(&mut [0; 10_000])).await;
    }
    let (sent, mut ws) = sending.await.unwrap();
    sent.unwrap();
    for _ in 0..written {
        assert_eq!(ws.recv().await.unwrap(), Some(Vec::new().into()));
    }
}

#[tokio::test]
async fn a_flood_of_pings_from_a_peer_that_reads_nothing_has_a_bound() {
    let (ws, mut client) = scripted(1000, CALM);
    let (mut receiver, _sender) = ws.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    let ping = masked(0x89, &[7; 125]);
    let mut written = 0;
    while let Ok(result) = timeout(Duration::from_millis(50), client.write_all(&ping)).await {
        result.unwrap();
        written += ping.len();
        assert!(written < MIB, "the pongs that wait are more than the bound");
    }
    assert!(!receiving.is_finished());
    // Once it reads, all goes on.
    let (mut reading, mut writing) = tokio::io::split(client);
    tokio::spawn(async move { while reading.read(&mut [0; 1000]).await.is_ok_and(|len| len > 0) {} });
    // The last ping may have been cut, so the connection fails or goes on; it does not hang.
    writing.shutdown().await.unwrap();
    assert!(timeout(Duration::from_secs(5), receiving).await.unwrap().unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_bytes_is_given_up() {
    let (mut ws, _client) = scripted(1000, Settings::DEFAULT);
    let start = Instant::now();
    let error = ws.send(vec![0; MIB]).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Pong)), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(40));
    assert!(matches!(ws.recv().await, Err(Error::Timeout(Timeout::Pong))));
    assert_eq!(ws.recv().await.unwrap(), None);
}

#[tokio::test]
async fn a_flood_of_small_messages_does_not_starve_other_tasks() {
    let (mut ws, mut client) = scripted(1 << 20, CALM);
    let flood: Vec<u8> = std::iter::repeat_n(masked(0x82, b""), 50_000).flatten().collect();
    write(&mut client, &flood).await;
    let receiving = tokio::spawn(async move {
        for _ in 0..50_000 {
            ws.recv().await.unwrap();
        }
    });
    let mut turns = 0;
    while !receiving.is_finished() {
        tokio::task::yield_now().await;
        turns += 1;
    }
    assert!(turns > 300, "other tasks had {turns} turns");
}

#[tokio::test]
async fn a_message_that_was_begun_is_finished_before_a_close_frame() {
    let (mut ws, mut other) = pair(1000, CALM);
    let long = Message::from(vec![7; 300_000]);
    assert!(poll_times(3, ws.send(long.clone())).await.is_none());
    let (closed, received) = tokio::join!(ws.close(CloseCode::NORMAL_CLOSURE, ""), async {
        let received = other.recv().await.unwrap();
        assert_eq!(other.recv().await.unwrap(), None);
        drop(other);
        received
    });
    closed.unwrap();
    assert_eq!(received, Some(long));
}
