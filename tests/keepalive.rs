//! Deadlines, in simulated time.
#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects, reason = "tests")]

use std::time::Duration;

use proptest::prelude::*;
use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Event, EventRef, Keepalive, KeepaliveAction, Ping, Pong,
    Timeout, Timeouts,
};

use KeepaliveAction::{GiveUp, SendClose, SendPing, Wait};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn opened(timeouts: Timeouts) -> Keepalive {
    let mut keepalive = Keepalive::new(timeouts, at(0));
    keepalive.opened(at(0));
    keepalive
}

fn only_pings() -> Timeouts {
    Timeouts::NONE.with_ping_interval(Some(at(20))).with_pong(Some(at(5)))
}

fn pong(payload: &[u8]) -> EventRef<'_> {
    Event::Pong(Pong::new(payload))
}

fn piece(message_finished: bool) -> EventRef<'static> {
    Event::Bytes(BytesMessage { data: b"x", frame_finished: message_finished, message_finished })
}

#[test]
fn without_timeouts_nothing_is_ever_due() {
    let mut keepalive = Keepalive::new(Timeouts::NONE, at(0));
    assert_eq!(keepalive.poll(Duration::MAX), Wait(None));
    keepalive.opened(at(1));
    assert_eq!(keepalive.poll(Duration::MAX), Wait(None));
    keepalive.received(at(1), false);
    keepalive.close_sent(at(2));
    assert_eq!(keepalive.poll(Duration::MAX), Wait(None));
}

#[test]
fn handshake_timeout_does_not_depend_on_bytes() {
    let mut keepalive = Keepalive::new(Timeouts::NONE.with_handshake(Some(at(11))), at(4));
    keepalive.received(at(14), false);
    assert_eq!(keepalive.poll(at(14)), Wait(Some(at(15))));
    assert_eq!(keepalive.poll(at(15)), GiveUp(Timeout::Handshake));
    keepalive.opened(at(15));
    assert_eq!(keepalive.poll(at(16)), GiveUp(Timeout::Handshake), "it is final");
}

#[test]
fn ping_is_sent_each_interval_while_pongs_come() {
    let mut keepalive = opened(only_pings());
    for round in 1..100 {
        let now = at(20 * round);
        assert_eq!(keepalive.poll(now - Duration::from_nanos(1)), Wait(Some(now)));
        let SendPing(payload) = keepalive.poll(now) else { panic!("no ping in round {round}") };
        assert_eq!(keepalive.poll(now), Wait(Some(now + at(5))), "one ping at a time");
        keepalive.on_event(&pong(&payload), now + at(1));
        keepalive.received(now + at(1), true);
        assert_eq!(keepalive.round_trip(), Some(at(1)));
    }
}

#[test]
fn only_the_pong_to_the_last_ping_answers_it() {
    let mut keepalive = opened(only_pings());
    keepalive.on_event(&pong(&1_u64.to_be_bytes()), at(1));
    assert_eq!(keepalive.round_trip(), None, "no ping was sent");
    let SendPing(payload) = keepalive.poll(at(20)) else { panic!() };
    keepalive.on_event(&pong(b""), at(21));
    keepalive.on_event(&pong(&0_u64.to_be_bytes()), at(21));
    assert_eq!((keepalive.round_trip(), keepalive.poll(at(21))), (None, Wait(Some(at(25)))));
    keepalive.on_event(&pong(&payload), at(22));
    assert_eq!((keepalive.round_trip(), keepalive.poll(at(22))), (Some(at(2)), Wait(Some(at(40)))));
    let SendPing(_) = keepalive.poll(at(40)) else { panic!() };
    keepalive.on_event(&pong(&payload), at(43));
    assert_eq!(keepalive.round_trip(), Some(at(2)), "a pong to the ping before");
}

#[test]
fn bytes_of_a_large_frame_count_as_life() {
    let mut keepalive = opened(only_pings());
    let SendPing(_) = keepalive.poll(at(20)) else { panic!() };
    for second in 21..1000 {
        keepalive.on_event(&piece(false), at(second));
        keepalive.received(at(second), false);
        assert_eq!(keepalive.poll(at(second)), Wait(Some(at(second + 5))));
    }
    assert_eq!(keepalive.poll(at(1004)), GiveUp(Timeout::Pong));
}

#[test]
fn message_that_comes_byte_by_byte_has_a_deadline() {
    let timeouts = Timeouts::NONE.with_message(Some(at(60)));
    for events in [false, true] {
        let mut keepalive = opened(timeouts);
        for second in (10..70).step_by(3) {
            if events {
                keepalive.on_event(&piece(false), at(second));
                keepalive.on_event(&Event::Ping(Ping::new(b"")), at(second));
            }
            keepalive.received(at(second), false);
            assert_eq!(keepalive.poll(at(second)), Wait(Some(at(70))), "events: {events}");
        }
        assert_eq!(keepalive.poll(at(70)), GiveUp(Timeout::Message));
    }
    assert_eq!(Timeout::Message.close_code(), Some(CloseCode::POLICY_VIOLATION));
}

#[test]
fn peer_that_completes_what_it_begins_may_send_for_ever() {
    let mut keepalive = opened(Timeouts::NONE.with_message(Some(at(60))));
    for second in 1..1000 {
        // Each read completes a frame, and ends inside the next one.
        let event = if second % 2 == 0 { piece(true) } else { Event::Ping(Ping::new(&b""[..])) };
        keepalive.on_event(&event, at(second));
        keepalive.received(at(second), false);
        assert_eq!(keepalive.poll(at(second)), Wait(Some(at(second + 60))));
    }
    keepalive.received(at(1000), true);
    assert_eq!(keepalive.poll(at(1000)), Wait(None));
}

#[test]
fn idle_connection_is_closed_and_then_given_up() {
    let timeouts = Timeouts::NONE.with_idle(Some(at(100))).with_close(Some(at(10)));
    let mut keepalive = opened(timeouts);
    keepalive.on_event(&piece(true), at(10));
    keepalive.on_event(&Event::Ping(Ping::new(b"")), at(50)); // no message
    assert_eq!(keepalive.poll(at(50)), Wait(Some(at(110))));
    keepalive.message_sent(at(60));
    assert_eq!(keepalive.poll(at(110)), Wait(Some(at(160))));
    assert_eq!(keepalive.poll(at(160)), SendClose(CloseCode::GOING_AWAY));
    assert_eq!(keepalive.poll(at(160)), Wait(Some(at(170))), "once");
    assert_eq!(keepalive.poll(at(170)), GiveUp(Timeout::Close));
}

#[test]
fn close_timeout_runs_from_the_first_close_frame() {
    for received_first in [false, true] {
        let mut keepalive = opened(Timeouts::default());
        let close = CloseConnection::EMPTY;
        if received_first {
            keepalive.on_event(&Event::Close(close), at(3));
            keepalive.close_sent(at(9));
        } else {
            keepalive.close_sent(at(3));
            keepalive.received(at(9), false);
            keepalive.on_event(&Event::Close(close), at(9));
        }
        assert_eq!(keepalive.poll(at(9)), Wait(Some(at(13))));
        assert_eq!(keepalive.poll(at(13)), GiveUp(Timeout::Close));
        assert_eq!(keepalive.poll(at(14)), GiveUp(Timeout::Close));
    }
}

#[test]
fn time_that_goes_back_or_ends_breaks_nothing() {
    let mut keepalive = Keepalive::new(Timeouts::default(), Duration::MAX);
    assert_eq!(keepalive.poll(Duration::ZERO), Wait(None), "no time is left for this deadline");
    keepalive.opened(at(50));
    let SendPing(payload) = keepalive.poll(at(70)) else { panic!() };
    keepalive.on_event(&pong(&payload), at(60));
    assert_eq!(keepalive.round_trip(), Some(Duration::ZERO));
}

/// What a simulated peer does at its next turn.
#[derive(Clone, Debug)]
struct Turn {
    /// After how many milliseconds.
    pause: u64,
    /// Whether it completes a message, or sends a part of one.
    finishes: bool,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = (0..4000_u64, any::<bool>()).prop_map(|(pause, finishes)| Turn { pause, finishes });
    prop::collection::vec(turn, 0..60)
}

/// A run: the peer sends by its turns, and answers each ping after `answer` milliseconds, until its last turn.
///
/// Returns when it was given up, and when its last byte came.
fn run(
    timeouts: Timeouts,
    turns: &[Turn],
    answer: u64,
    until: Duration,
) -> (Option<(Duration, Timeout)>, Duration) {
    let mut keepalive = opened(timeouts);
    let (mut now, mut last, mut owed) = (at(0), at(0), None::<(Duration, [u8; 8])>);
    let mut turns = turns.iter();
    let mut turn = turns.next().map(|turn| (now + Duration::from_millis(turn.pause), turn.finishes));
    let mut is_idle = true;
    loop {
        let deadline = match keepalive.poll(now) {
            GiveUp(timeout) => return (Some((now, timeout)), last),
            SendPing(payload) => {
                if turn.is_some() {
                    owed = Some((now + Duration::from_millis(answer), payload));
                }
                continue;
            }
            Wait(deadline) => {
                assert!(deadline.is_none_or(|deadline| deadline > now), "a wait has an end in the future");
                deadline
            }
            action => panic!("{action:?}"),
        };
        let next = [deadline, owed.map(|owed| owed.0), turn.map(|turn| turn.0)].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= until) else { return (None, last) };
        now = next;
        if let Some((_, payload)) = owed.filter(|owed| owed.0 == now) {
            owed = None;
            keepalive.on_event(&pong(&payload), now);
            keepalive.received(now, is_idle);
            last = now;
        } else if let Some((_, finishes)) = turn.filter(|turn| turn.0 == now) {
            keepalive.on_event(&piece(finishes), now);
            is_idle = finishes;
            keepalive.received(now, is_idle);
            last = now;
            turn = turns.next().map(|turn| (now + Duration::from_millis(turn.pause), turn.finishes));
        }
    }
}

proptest! {
    #[test]
    fn dead_peer_does_not_live_longer_than_stated(turns in turns(), answer in 0..5000_u64, ping in 1..30_u64, wait in 1..30_u64) {
        let timeouts = Timeouts::NONE.with_ping_interval(Some(at(ping))).with_pong(Some(at(wait)));
        let (end, last) = run(timeouts, &turns, answer, at(100_000));
        let (end, timeout) = end.expect("the peer has stopped");
        prop_assert_eq!(timeout, Timeout::Pong);
        prop_assert!(end <= last + at(ping) + at(wait), "{end:?} {last:?}");
    }

    #[test]
    fn peer_that_answers_in_time_is_never_given_up(mut turns in turns(), answer in 0..4999_u64, ping in 1..30_u64) {
        // It stays until the end of the simulation, and completes its message before.
        turns.push(Turn { pause: 1, finishes: true });
        turns.push(Turn { pause: 200_000, finishes: true });
        let timeouts = Timeouts::NONE
            .with_ping_interval(Some(at(ping)))
            .with_pong(Some(at(5)))
            .with_message(Some(at(60 * 4)))
            .with_handshake(Some(at(1)))
            .with_close(Some(at(1)));
        let (end, _) = run(timeouts, &turns, answer, at(150));
        prop_assert_eq!(end, None);
    }

    #[test]
    fn message_never_takes_longer_than_stated(turns in turns(), answer in 0..5000_u64) {
        // A peer that completes nothing.
        let turns: Vec<_> = turns.into_iter().map(|turn| Turn { finishes: false, ..turn }).collect();
        let timeouts = only_pings().with_message(Some(at(10)));
        let (end, _) = run(timeouts, &turns, answer, at(100_000));
        let first = turns.first().map_or(at(0), |turn| Duration::from_millis(turn.pause));
        prop_assert!(end.is_some_and(|(end, timeout)| timeout == Timeout::Pong || end == first + at(10)));
    }
}
