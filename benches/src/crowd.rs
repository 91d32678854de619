//! Many connections, which get their messages in random order: what a connection costs if it is not in the cache.

use std::hint::black_box;
use std::time::Instant;

use crate::engine::Engine;
use crate::engines::fastwebsockets::Fastwebsockets;
use crate::engines::sockudo_ws::SockudoWs;
use crate::engines::tokio_websockets::TokioWebsockets;
use crate::engines::tungstenite::Tungstenite;
use crate::engines::wsproto::Wsproto;
use crate::heap;
use crate::measure::{Effort, Time};
use crate::transport::Transport;
use crate::workload::{Input, Random};

pub(crate) const TITLE: &str = "many connections, in random order";

/// What connections of one engine share, because only one of them works at a time.
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) buffer: Vec<u8>,
}

/// An engine of which there can be many connections, all of them servers.
pub(crate) trait Member: Engine {
    /// One connection.
    type Connection;

    fn connect(shared: &Shared) -> Self::Connection;

    /// Receives one message; returns the length of its payload.
    fn receive(connection: &mut Self::Connection, input: &Input, shared: &mut Shared) -> usize;
}

/// The measurement of one engine.
pub(crate) struct Crowd {
    pub(crate) name: &'static str,
    /// Bytes a connection, with its state.
    pub(crate) memory: usize,
    /// Nanoseconds a message.
    pub(crate) time: Time,
}

/// How many connections there are.
pub(crate) const fn connections(effort: Effort) -> usize {
    if effort.is_quick() { 1_000 } else { 100_000 }
}

/// Measures the engines one after the other, since together they would not fit in memory.
pub(crate) fn measure(effort: Effort) -> Vec<Crowd> {
    vec![
        measure_one::<Wsproto>(effort),
        measure_one::<Fastwebsockets>(effort),
        measure_one::<SockudoWs>(effort),
        measure_one::<TokioWebsockets>(effort),
        measure_one::<Tungstenite>(effort),
    ]
}

fn measure_one<M: Member>(effort: Effort) -> Crowd {
    eprintln!("{TITLE}: {}", M::NAME);
    let count = connections(effort);
    let input = Input::one();
    let mut shared = Shared { transport: Transport::new(), buffer: Vec::new() };
    let mut connections = Vec::with_capacity(count);
    let ((), heap) = heap::kept(|| connections.extend((0..count).map(|_| M::connect(&shared))));
    let mut receive = |connection: &mut M::Connection| {
        assert_eq!(M::receive(connection, black_box(&input), &mut shared), PAYLOAD_LEN, "{}", M::NAME);
    };
    // The first message, for which an engine may allocate.
    let ((), grown) = heap::kept(|| connections.iter_mut().for_each(&mut receive));
    let mut random = Random::new();
    let mut order: Vec<usize> = (0..count).collect();
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            shuffle(&mut order, &mut random);
            let start = Instant::now();
            order.iter().for_each(|&index| receive(&mut connections[index]));
            start.elapsed().as_secs_f64() * 1e9 / count as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    Crowd {
        name: M::NAME,
        memory: size_of::<M::Connection>() + (heap + grown) / count,
        time: Time { best: times[0], median: times[times.len() / 2] },
    }
}

/// The length of the message's payload.
const PAYLOAD_LEN: usize = 125;

/// How often each connection receives a message with the clock.
const ROUNDS: usize = 7;

fn shuffle(order: &mut [usize], random: &mut Random) {
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last as u32 + 1) as usize);
    }
}
