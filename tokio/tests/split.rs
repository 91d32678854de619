//! The two halves of a connection in two tasks, and what they share.
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

use common::{CALM, Cut, masked, open, pair, poll_times, read_exactly, scripted, write};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, duplex};
use tokio::time::timeout;
use wsproto::{CloseCode, Role};
use wsproto_tokio::{Error, Message};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn halves_work_in_two_tasks_over_a_narrow_transport() {
    let (near, far) = duplex(16);
    let mut echo = open(Cut::new(near, 5), Role::Server, CALM);
    let echo = tokio::spawn(async move {
        while let Some(message) = echo.recv().await.unwrap() {
            echo.send(message).await.unwrap();
        }
    });
    let (mut receiver, mut sender) = open(Cut::new(far, 5), Role::Client, CALM).split();
    let receiving = tokio::spawn(async move {
        let mut count = 0;
        while let Some(message) = receiver.recv().await.unwrap() {
            assert_eq!(message.as_bytes(), vec![count as u8; count]);
            count += 1;
        }
        count
    });
    for n in 0..100 {
        sender.send(vec![n as u8; n]).await.unwrap();
    }
    // The echoes are still on the way: after our close frame they arrive too.
    sender.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
    let count = receiving.await.unwrap();
    assert!(count <= 100);
    assert!(sender.close_info().unwrap().was_clean);
    echo.await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_writes_a_pong_does_not_take_the_wakeup_of_the_sender() {
    let (ws, mut client) = scripted(100, CALM);
    let (mut receiver, mut sender) = ws.split();
    let sending = tokio::spawn(async move { (sender.send(vec![0; 1000]).await, sender) });
    tokio::task::yield_now().await;
    write(&mut client, &masked(0x89, b"?")).await;
    // The receiver is polled last, by a task that then goes away.
    assert!(poll_times(1, receiver.recv()).await.is_none());
    read_exactly(&mut client, 1004).await;
    let (sent, _sender) = timeout(SECOND, sending).await.unwrap().unwrap();
    sent.unwrap();
    assert!(poll_times(1, receiver.recv()).await.is_none());
    assert_eq!(read_exactly(&mut client, 3).await, b"\x8a\x01?");
}

#[tokio::test]
async fn a_message_that_the_sender_has_read_wakes_the_receiver() {
    let (ws, mut client) = scripted(1000, CALM);
    let (mut receiver, mut sender) = ws.split();
    let receiving = tokio::spawn(async move { receiver.recv().await });
    tokio::task::yield_now().await;
    write(&mut client, &masked(0x81, b"Hello")).await;
    // In one turn of this task, the sender reads what has come.
    sender.send("a").await.unwrap();
    sender.send("b").await.unwrap();
    let received = timeout(SECOND, receiving).await.unwrap().unwrap().unwrap();
    assert_eq!(received, Some("Hello".into()));
}

#[tokio::test]
async fn without_a_receiver_messages_are_dropped_and_the_sender_goes_on() {
    let (mut server, client) = pair(1000, CALM);
    let (receiver, mut sender) = client.split();
    drop(receiver);
    let server = tokio::spawn(async move {
        let mut sent = 0;
        while server.send(vec![0; 100_000]).await.is_ok() {
            sent += 1;
        }
        (sent, server.recv().await.unwrap())
    });
    for _ in 0..5000 {
        sender.send("x").await.unwrap();
        tokio::task::yield_now().await;
    }
    sender.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
    let (sent, received) = server.await.unwrap();
    assert!(sent > 5, "{sent} messages");
    assert_eq!(received, Some("x".into()));
}

#[tokio::test]
async fn without_a_sender_pings_and_close_frames_are_answered() {
    let (ws, mut client) = scripted(1000, CALM);
    let (mut receiver, sender) = ws.split();
    drop(sender);
    let receiving = tokio::spawn(async move { receiver.recv().await });
    write(&mut client, &masked(0x89, b"1")).await;
    assert_eq!(read_exactly(&mut client, 3).await, b"\x8a\x011");
    write(&mut client, &masked(0x88, b"\x03\xe8")).await;
    assert_eq!(read_exactly(&mut client, 4).await, b"\x88\x02\x03\xe8");
    drop(client);
    assert_eq!(receiving.await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn both_halves_learn_of_the_end() {
    let (ws, mut client) = scripted(1000, CALM);
    let (mut receiver, mut sender) = ws.split();
    let receiving = tokio::spawn(async move { (receiver.recv().await, receiver) });
    let sending = tokio::spawn(async move { (sender.send(vec![0; 10_000]).await, sender) });
    tokio::time::sleep(Duration::from_millis(10)).await;
    write(&mut client, b"\x81\x02hi").await;
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    drop(client);
    let (received, receiver) = timeout(SECOND, receiving).await.unwrap().unwrap();
    assert!(matches!(received, Err(Error::Protocol(_))), "{received:?}");
    let (sent, sender) = timeout(SECOND, sending).await.unwrap().unwrap();
    assert_eq!(sent.is_ok(), rest.len() > 10_000, "{sent:?}");
    assert_eq!(receiver.close_info(), sender.close_info());
}

#[tokio::test]
async fn halves_of_one_connection_can_be_put_together_again() {
    let (one, other) = pair(1000, CALM);
    let (mut receiver, sender) = one.split();
    let (other_receiver, other_sender) = other.split();
    assert!(poll_times(1, receiver.recv()).await.is_none());
    let mut one = sender.reunite(receiver).unwrap();
    let mut other = other_sender.reunite(other_receiver).unwrap();
    one.send("Hello").await.unwrap();
    assert_eq!(other.recv().await.unwrap(), Some("Hello".into()));
    let ((receiver, sender), (other_receiver, _)) = (one.split(), other.split());
    assert!(sender.reunite(other_receiver).is_none());
    drop(receiver);
}

#[tokio::test]
async fn stream_and_sink_work_in_two_tasks_by_the_split_of_futures() {
    let (near, far) = duplex(16);
    let mut echo = open(near, Role::Server, CALM);
    let echo = tokio::spawn(async move {
        while let Some(message) = echo.next().await {
            SinkExt::send(&mut echo, message.unwrap()).await.unwrap();
        }
    });
    let (mut sink, mut stream) = StreamExt::split::<Message>(open(far, Role::Client, CALM));
    let receiving = tokio::spawn(async move {
        for n in 0..100 {
            assert_eq!(stream.next().await.unwrap().unwrap(), vec![n as u8; n].into());
        }
        stream
    });
    for n in 0..100 {
        sink.send(vec![n as u8; n].into()).await.unwrap();
    }
    let mut stream = timeout(5 * SECOND, receiving).await.unwrap().unwrap();
    let (closed, end) = tokio::join!(sink.close(), stream.next());
    closed.unwrap();
    assert!(end.is_none());
    echo.await.unwrap();
}

/// What two tasks share is polled, woken and dropped from several threads at once. A lost wakeup is a timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_halves_in_many_threads_lose_no_wakeup_and_no_message() {
    const MESSAGES: usize = 300;
    async fn exchange(seed: usize) {
        let room = 16 + seed * 37 % 400;
        let (one, other) = pair(room, CALM.with_max_fragment_len(50).with_read_ahead(200));
        let ends = [one, other].map(|ws| {
            let (mut receiver, mut sender) = ws.split();
            let sending = tokio::spawn(async move {
                for n in 0..MESSAGES {
                    sender.ready().await;
                    sender.start_send(vec![n as u8; n * seed % 300]).unwrap();
                    if (n + seed) % 3 > 0 {
                        _ = poll_times((n + seed) % 4, sender.flush()).await;
                    } else {
                        sender.flush().await.unwrap();
                    }
                    if n % 16 == 0 {
                        sender.ping(b"?").await.unwrap();
                    }
                }
                sender.flush().await.unwrap();
                sender
            });
            let receiving = tokio::spawn(async move {
                let mut n = 0;
                while n < MESSAGES {
                    let received = match (n + seed) % 5 {
                        0 => poll_times(1, receiver.recv()).await,
                        _ => Some(receiver.recv().await),
                    };
                    if let Some(received) = received {
                        assert_eq!(received.unwrap(), Some(vec![n as u8; n * seed % 300].into()));
                        n += 1;
                    }
                }
                receiver
            });
            (sending, receiving)
        });
        let [(sending, receiving), (other_sending, other_receiving)] = ends;
        let (sender, receiver) = (sending.await.unwrap(), receiving.await.unwrap());
        let (other_sender, mut other_receiver) =
            (other_sending.await.unwrap(), other_receiving.await.unwrap());
        let mut ws = sender.reunite(receiver).unwrap();
        drop(other_sender);
        let closing = tokio::spawn(async move { ws.close(CloseCode::NORMAL_CLOSURE, "").await });
        assert_eq!(other_receiver.recv().await.unwrap(), None);
        drop(other_receiver);
        closing.await.unwrap().unwrap();
    }
    let all: Vec<_> = (1..=40).map(|seed| tokio::spawn(exchange(seed))).collect();
    for one in all {
        timeout(20 * SECOND, one).await.expect("a wakeup was lost").unwrap();
    }
}
