//! Each future is dropped after each of its polls: nothing is lost, and nothing is sent twice.
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

use common::{CALM, Cut, open, poll_times};
use tokio::io::{DuplexStream, duplex};
use wsproto::{CloseCode, PreparedMessage, Role};
use wsproto_tokio::{Message, WebSocket};

type Ws = WebSocket<Cut<DuplexStream>>;

/// Two connections whose transports move a few bytes a call.
fn cut_pair() -> (Ws, Ws) {
    let (near, far) = duplex(50);
    (open(Cut::new(near, 9), Role::Server, CALM), open(Cut::new(far, 9), Role::Client, CALM))
}

/// A text of about so many bytes that begins with a number.
fn numbered(number: usize, len: usize) -> Message {
    Message::from(format!("{number} {}", "€".repeat(len / 3)))
}

fn number(message: &Message) -> usize {
    let text = message.as_text().unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Receives to the end; all messages are whole.
async fn receive_all(mut ws: Ws, len: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    while let Some(message) = ws.recv().await.unwrap() {
        let received = number(&message);
        assert_eq!(message, numbered(received, len));
        numbers.push(received);
    }
    numbers
}

#[tokio::test]
async fn recv_that_is_dropped_loses_no_message() {
    for times in 1..6 {
        let (mut sending, mut receiving) = cut_pair();
        let sent = tokio::spawn(async move {
            for n in 0..20 {
                sending.send(numbered(n, 100)).await.unwrap();
            }
            sending.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        });
        let mut received = Vec::new();
        loop {
            match poll_times(times, receiving.recv()).await {
                Some(Ok(Some(message))) => received.push(number(&message)),
                Some(end) => break assert!(matches!(end, Ok(None)), "{end:?}"),
                None => {}
            }
        }
        assert_eq!(received, (0..20).collect::<Vec<_>>());
        sent.await.unwrap();
    }
}

#[tokio::test]
async fn send_that_is_dropped_sends_a_message_once_and_to_its_end_or_not_at_all() {
    let settings = CALM.with_max_fragment_len(64);
    for (times, len) in (0..40).flat_map(|times| [(times, 10), (times, 300)]) {
        let (near, far) = duplex(50);
        let mut sending = open(Cut::new(near, 9), Role::Client, settings);
        let receiving = tokio::spawn(receive_all(open(Cut::new(far, 9), Role::Server, settings), len));
        let mut finished = Vec::new();
        for n in 0..5 {
            if let Some(sent) = poll_times(times, sending.send(numbered(n, len))).await {
                sent.unwrap();
                finished.push(n);
            }
        }
        sending.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        let received = receiving.await.unwrap();
        assert!(received.is_sorted_by(|one, other| one < other), "once, in order: {received:?}");
        assert!(finished.iter().all(|n| received.contains(n)), "{finished:?}, {received:?}");
        assert!(times > 0 || received.is_empty(), "what was not polled is not sent");
    }
}

#[tokio::test]
async fn what_start_send_has_accepted_is_sent_once_whatever_is_dropped() {
    for (times, len) in (0..10).flat_map(|times| [(times, 10), (times, 300)]) {
        let (mut sending, receiving) = cut_pair();
        let receiving = tokio::spawn(receive_all(receiving, len));
        for n in 0..5 {
            while poll_times(times + 1, sending.ready()).await.is_none() {}
            sending.start_send(numbered(n, len)).unwrap();
            _ = poll_times(times, sending.flush()).await;
            _ = poll_times(times, sending.recv()).await;
        }
        sending.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        assert_eq!(receiving.await.unwrap(), [0, 1, 2, 3, 4]);
    }
}

#[tokio::test]
async fn recv_finishes_what_a_dropped_send_has_begun() {
    let (mut sending, mut receiving) = cut_pair();
    let long = numbered(1, 500);
    assert!(poll_times(2, sending.send(long.clone())).await.is_none());
    let (received, end) = tokio::join!(
        async {
            let received = receiving.recv().await.unwrap();
            receiving.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
            received
        },
        sending.recv()
    );
    assert_eq!(received, Some(long));
    assert_eq!(end.unwrap(), None);
}

#[tokio::test]
async fn a_prepared_message_that_is_dropped_is_sent_once_and_to_its_end_or_not_at_all() {
    let Message::Text(text) = numbered(7, 300) else { panic!("it is text") };
    let prepared = PreparedMessage::text(&text).unwrap();
    for times in 0..40 {
        let (mut sending, receiving) = cut_pair();
        let receiving = tokio::spawn(receive_all(receiving, 300));
        let first = poll_times(times, sending.send_prepared(&prepared)).await;
        // The next message comes after it.
        sending.send(numbered(8, 300)).await.unwrap();
        sending.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        let received = receiving.await.unwrap();
        assert!(received == [7, 8] || (first.is_none() && received == [8]), "{times}: {received:?}");
    }
}

#[tokio::test]
async fn close_that_is_dropped_after_its_first_poll_has_closed() {
    for times in 1..30 {
        let (mut closing, receiving) = cut_pair();
        let receiving = tokio::spawn(receive_all(receiving, 100));
        closing.ready().await;
        closing.start_send(numbered(0, 100)).unwrap();
        _ = poll_times(times, closing.close(CloseCode::NORMAL_CLOSURE, "")).await;
        assert!(closing.send(numbered(1, 100)).await.is_err(), "{times}");
        closing.close(CloseCode::GOING_AWAY, "").await.unwrap();
        assert_eq!(receiving.await.unwrap(), [0], "{times}");
    }
}
