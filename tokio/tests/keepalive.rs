//! Deadlines by tokio's clock, which the tests pause.
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

use common::{CALM, masked, pair, poll_times, read_exactly, read_to_end, scripted, write};
use tokio::time::{Instant, sleep, timeout};
use wsproto::{CloseCode, Timeout, Timeouts};
use wsproto_tokio::{Error, Settings};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_then_given_up() {
    let (mut ws, mut client) = scripted(1000, Settings::DEFAULT);
    let start = Instant::now();
    let receiving = tokio::spawn(async move { (ws.recv().await, ws) });
    let ping = read_exactly(&mut client, 10).await;
    assert_eq!((start.elapsed(), &ping[..2]), (secs(20), &b"\x89\x08"[..]));
    let sent = read_to_end(&mut client).await;
    assert_eq!((start.elapsed(), &sent[..]), (secs(40), &b"\x88\x02\x03\xf3"[..]));
    let (received, mut ws) = receiving.await.unwrap();
    assert!(matches!(received, Err(Error::Timeout(Timeout::Pong))), "{received:?}");
    let close = ws.close_info().unwrap();
    assert_eq!((close.code, close.timeout), (CloseCode::ABNORMAL_CLOSURE, Some(Timeout::Pong)));
}

#[tokio::test(start_paused = true)]
async fn two_live_peers_stay_connected_and_measure_the_round_trip() {
    let (mut server, mut client) = pair(1000, Settings::DEFAULT);
    let answering = tokio::spawn(async move { client.recv().await });
    assert!(timeout(secs(600), server.recv()).await.is_err());
    assert_eq!(server.round_trip(), Some(Duration::ZERO));
    server.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
    assert_eq!(answering.await.unwrap().unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_never_ends_is_given_up() {
    let settings = CALM.with_timeouts(Timeouts::NONE.with_message(Some(secs(30))));
    let (mut ws, mut client) = scripted(1000, settings);
    let start = Instant::now();
    let slow = tokio::spawn(async move {
        let frame = masked(0x82, &[0; 1000]);
        for byte in &frame {
            sleep(secs(3)).await;
            if tokio::io::AsyncWriteExt::write_all(&mut client, &[*byte]).await.is_err() {
                break;
            }
        }
    });
    assert!(matches!(ws.recv().await, Err(Error::Timeout(Timeout::Message))));
    assert_eq!(start.elapsed(), secs(33)); // the first byte came after 3 s
    drop(ws);
    slow.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let timeouts = Timeouts::NONE.with_idle(Some(secs(60)));
    let (mut server, mut client) = pair(1000, CALM.with_timeouts(timeouts));
    let client = tokio::spawn(async move {
        sleep(secs(50)).await;
        client.send("not idle").await.unwrap();
        (client.recv().await, client)
    });
    let start = Instant::now();
    assert!(server.recv().await.unwrap().is_some());
    assert_eq!(start.elapsed(), secs(50));
    assert_eq!(server.recv().await.unwrap(), None);
    assert_eq!(start.elapsed(), secs(110));
    let (end, mut client) = client.await.unwrap();
    assert_eq!(end.unwrap(), None);
    assert_eq!(client.close_info().unwrap().code, CloseCode::GOING_AWAY);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_keeps_a_connection_from_being_idle() {
    let timeouts = Timeouts::NONE.with_idle(Some(secs(60)));
    let (mut server, mut client) = scripted(1000, CALM.with_timeouts(timeouts));
    for _ in 0..5 {
        assert!(timeout(secs(50), server.recv()).await.is_err());
        server.send("x").await.unwrap();
        read_exactly(&mut client, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_only_sends_pings_and_gives_up_too() {
    let (mut ws, mut client) = scripted(100_000, Settings::DEFAULT);
    let start = Instant::now();
    let error = loop {
        sleep(secs(1)).await;
        if let Err(error) = ws.send("x").await {
            break error;
        }
    };
    assert!(matches!(error, Error::Timeout(Timeout::Pong)), "{error}");
    assert_eq!(start.elapsed(), secs(40));
    let sent = read_to_end(&mut client).await;
    assert!(sent.windows(2).any(|window| window == b"\x89\x08"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_recv_does_not_move_deadlines() {
    let (mut ws, mut client) = scripted(1000, Settings::DEFAULT);
    let start = Instant::now();
    let end = loop {
        if let Ok(end) = timeout(Duration::from_millis(700), ws.recv()).await {
            break end;
        }
        assert!(poll_times(1, ws.recv()).await.is_none());
    };
    assert!(matches!(end, Err(Error::Timeout(Timeout::Pong))));
    assert_eq!(start.elapsed(), secs(40));
    write(&mut client, b"too late").await;
}

/// Each task has a budget: once it is used up, nothing is ready until other tasks have run.
#[tokio::test(start_paused = true)]
async fn deadlines_are_kept_in_a_task_whose_turn_is_over() {
    for used in [0, 127, 128, 129] {
        let timeouts = Timeouts::NONE.with_idle(Some(secs(5))).with_close(Some(secs(5)));
        let (mut ws, _client) = scripted(1000, Settings::DEFAULT.with_timeouts(timeouts));
        let start = Instant::now();
        let task = tokio::spawn(async move {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            for n in 0..used {
                sender.send(n).unwrap();
                receiver.recv().await;
            }
            while let Ok(Some(_)) = ws.recv().await {}
        });
        timeout(secs(500), task).await.expect("the connection ends").unwrap();
        assert!(start.elapsed() < secs(60), "{used}: {:?}", start.elapsed());
    }
}
