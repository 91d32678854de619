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

use common::{CALM, Cut, open, poll_times, read_to_end};
use tokio::io::{DuplexStream, duplex};
use wsproto::{CloseCode, PreparedMessage, Role};
use wsproto_tokio::{Message, WebSocket};

type Ws = WebSocket<Cut<DuplexStream>>;

/// Two connections whose transports move a few bytes a call.
fn cut_pair() -> (Ws, Ws) {
    let (near, far) = duplex(50);
    (open(Cut::new(near, 9), Role::Server, CALM), open(Cut::new(far, 9), Role::Client, CALM))
}

/// Two connections whose transports move one byte a call.
fn bytewise_pair() -> (Ws, Ws) {
    let (near, far) = duplex(50);
    (open(Cut::new(near, 1), Role::Server, CALM), open(Cut::new(far, 1), Role::Client, CALM))
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
    // A client's messages are masked; the long ones of a server are written from where they are.
    let kinds = [(Role::Client, 10, 9, 64), (Role::Client, 300, 9, 64), (Role::Server, 6000, 450, 2048)];
    for (times, (role, len, cut, max_fragment_len)) in
        (0..40).flat_map(|times| kinds.map(|kind| (times, kind)))
    {
        let settings = CALM.with_max_fragment_len(max_fragment_len);
        let (near, far) = duplex(cut * 6);
        let mut sending = open(Cut::new(near, cut), role, settings);
        let receiving = tokio::spawn(receive_all(open(Cut::new(far, cut), role.peer(), settings), len));
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

/// The text of a message that was sent in parts.
async fn receive_parts(mut ws: Ws) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(message) = ws.recv().await.unwrap() {
        texts.push(message.as_text().unwrap().to_owned());
    }
    texts
}

#[tokio::test]
async fn send_part_that_is_dropped_sends_a_part_once_and_to_its_end_or_not_at_all() {
    for times in 0..60 {
        let (mut sending, receiving) = bytewise_pair();
        let receiving = tokio::spawn(receive_parts(receiving));
        let mut finished = Vec::new();
        for n in 0..4 {
            if let Some(sent) = poll_times(times, sending.send_part(format!("{n}€€€."), false)).await {
                sent.unwrap();
                finished.push(n);
            }
        }
        sending.send_part("end", true).await.unwrap();
        sending.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        let texts = receiving.await.unwrap();
        let parts = texts[0].strip_suffix("end").unwrap().split_terminator('.');
        let received: Vec<usize> =
            parts.map(|part| part.strip_suffix("€€€").unwrap().parse().unwrap()).collect();
        assert_eq!(texts.len(), 1);
        assert!(received.is_sorted_by(|one, other| one < other), "once, in order: {received:?}");
        assert!(finished.iter().all(|n| received.contains(n)), "{finished:?}, {received:?}");
        assert!(times > 0 || received.is_empty(), "what was not polled is not sent");
    }
}

#[tokio::test]
async fn what_start_send_part_has_accepted_is_sent_once_whatever_is_dropped() {
    for times in 0..20 {
        let (mut sending, receiving) = bytewise_pair();
        let receiving = tokio::spawn(receive_parts(receiving));
        for (part, is_last) in [("Hel", false), ("lo", true)] {
            while poll_times(times + 1, sending.ready()).await.is_none() {}
            sending.start_send_part(part, is_last).unwrap();
            _ = poll_times(times, sending.flush()).await;
        }
        sending.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        assert_eq!(receiving.await.unwrap(), ["Hello"]);
    }
}

#[tokio::test]
async fn ping_that_is_dropped_sends_a_ping_once_or_not_at_all() {
    for times in 0..40 {
        let (near, mut client) = duplex(4096);
        let mut sending = open(Cut::new(near, 1), Role::Server, CALM);
        let mut expected = Vec::new();
        let mut finished = 0;
        for n in b'0'..b'4' {
            let sent = poll_times(times, sending.ping(&[n; 3])).await;
            finished += usize::from(sent.is_some());
            expected.push([0x89, 3, n, n, n]);
        }
        _ = sending.flush().await;
        drop(sending);
        let received = read_to_end(&mut client).await;
        let pings: Vec<[u8; 5]> = received.chunks(5).map(|ping| ping.try_into().unwrap()).collect();
        assert!(pings.is_sorted_by(|one, other| one < other), "{times}: once, in order: {pings:?}");
        assert!(pings.iter().all(|ping| expected.contains(ping)), "{times}: {pings:?}");
        assert!(pings.len() >= finished && (times > 0 || pings.is_empty()), "{times}: {pings:?}");
    }
}

#[tokio::test]
async fn the_halves_lose_nothing_and_send_nothing_twice_if_their_futures_are_dropped() {
    for times in 1..12 {
        let (one, other) = bytewise_pair();
        let ends = [one, other].map(|ws| {
            let (mut receiver, mut sender) = ws.split();
            let receiving = tokio::spawn(async move {
                let mut received = Vec::new();
                loop {
                    match poll_times(times, receiver.recv()).await {
                        Some(Ok(Some(message))) => received.push(number(&message)),
                        Some(Ok(None)) => return received,
                        Some(Err(error)) => panic!("{error}"),
                        None => {}
                    }
                }
            });
            let sending = tokio::spawn(async move {
                let mut finished = Vec::new();
                for n in 0..12 {
                    let sent = match n % 3 {
                        0 => poll_times(times, sender.send(numbered(n, 30))).await,
                        1 => poll_times(times, sender.send_part(numbered(n, 30), true)).await,
                        _ => {
                            _ = poll_times(times, sender.ping(b"?")).await;
                            let prepared = PreparedMessage::text(numbered(n, 30).as_text().unwrap()).unwrap();
                            poll_times(times, sender.send_prepared(&prepared)).await
                        }
                    };
                    if let Some(sent) = sent {
                        sent.unwrap();
                        finished.push(n);
                    }
                }
                (sender, finished)
            });
            (receiving, sending)
        });
        let [(receiving, sending), (other_receiving, other_sending)] = ends;
        let (mut sender, finished) = sending.await.unwrap();
        let (mut other_sender, other_finished) = other_sending.await.unwrap();
        // Each call goes on where the one before was dropped.
        while poll_times(times, sender.close(CloseCode::NORMAL_CLOSURE, "")).await.is_none() {}
        other_sender.close(CloseCode::NORMAL_CLOSURE, "").await.unwrap();
        for (received, finished) in [(other_receiving, finished), (receiving, other_finished)] {
            let received = received.await.unwrap();
            assert!(received.is_sorted_by(|one, other| one < other), "once, in order: {received:?}");
            assert!(finished.iter().all(|n| received.contains(n)), "{times}: {finished:?}, {received:?}");
        }
        assert!(sender.close_info().unwrap().was_clean);
    }
}
