//! Many connections at once, with random cuts, deaths and closes: what is received is what was sent, in its order; what
//! was sent before an orderly close is received; and when all have ended, nothing is left.
//!
//! As a test it is short. Before a release: `SOAK_CONNECTIONS=2000 SOAK_SECONDS=600 cargo test --release --test soak`.
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
mod counting;

use std::time::{Duration, Instant};

use common::{CALM, Cut};
use counting::measured;
use tokio::io::{DuplexStream, duplex};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use wsproto::{CloseCode, Connection, DeflateParams, Extensions, Limits, PermessageDeflate, Role};
use wsproto_tokio::{Error, MaskingKeys, Message, WebSocket};

type Socket = WebSocket<Cut<DuplexStream>>;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client closes once every message has come back.
    Client,
    /// The client closes while messages are on their way back.
    ClientEarly,
    /// The server closes after this many messages.
    Server(u64),
    /// The client's transport ends without a close frame.
    ClientDies,
    /// The server's transport ends without a close frame after this many messages.
    ServerDies(u64),
}

/// What all connections did.
#[derive(Debug, Default)]
struct Total {
    connections: usize,
    messages: u64,
    bytes: u64,
    /// By [`End`], in its order.
    ends: [usize; 5],
}

/// What one side has seen.
struct Seen {
    /// How many messages it has sent.
    sent: u64,
    /// How many messages it has received.
    received: u64,
    bytes: u64,
    /// What ended it, if it was not a clean close.
    error: Option<Error>,
}

/// A small generator of numbers: the same seed gives the same connection.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ mixed >> 29
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// Whether the transport of this connection moves few bytes at a time. Then its messages are short, so that it does not
/// take thousands of turns among thousands of connections.
const fn is_narrow(seed: u64) -> bool {
    seed % 2 == 1
}

/// The message of this number; its length and content follow from the seed.
fn message(seed: u64, number: u64) -> Message {
    let mut random = Random(seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let magnitude = random.below(if is_narrow(seed) { 6 } else { 13 });
    let len = random.below(1 << magnitude) as usize;
    if random.below(2) == 0 {
        let text: String = (0..len).map(|_| random.one_of(&['a', 'é', '水', '🦀', '\0'])).collect();
        return text.into();
    }
    let bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
    bytes.into()
}

fn open(stream: Cut<DuplexStream>, role: Role, is_compressed: bool) -> Socket {
    let mut extensions = Extensions::new();
    if is_compressed {
        // Small windows: the memory of thousands of connections would be most of the work.
        let params =
            DeflateParams { server_max_window_bits: 9, client_max_window_bits: 9, ..DeflateParams::DEFAULT };
        extensions.push(PermessageDeflate::new().negotiated(role, params)).unwrap();
    }
    let connection = Connection::with_role(role, Limits::DEFAULT, MaskingKeys::default());
    WebSocket::from_parts(stream, connection.with_extensions(extensions), b"", CALM)
}

/// Sends everything back until the connection ends, or until it is to end.
async fn serve(mut ws: Socket, seed: u64, end: End) -> Seen {
    let mut seen = Seen { sent: 0, received: 0, bytes: 0, error: None };
    loop {
        match end {
            End::Server(after) if seen.received >= after => {
                seen.error = ws.close(CloseCode::GOING_AWAY, "enough").await.err();
                return seen;
            }
            End::ServerDies(after) if seen.received >= after => return seen,
            _ => {}
        }
        match ws.recv().await {
            Ok(Some(received)) => {
                assert_eq!(
                    received,
                    message(seed, seen.received),
                    "{end:?}: the server's message {}",
                    seen.received
                );
                seen.received += 1;
                seen.bytes += received.as_bytes().len() as u64;
                match ws.send(received).await {
                    Ok(()) => seen.sent += 1,
                    // The client has closed; what it sent before can still be received.
                    Err(Error::Closed) => {}
                    Err(error) => {
                        seen.error = Some(error);
                        return seen;
                    }
                }
            }
            Ok(None) => return seen,
            Err(error) => {
                seen.error = Some(error);
                return seen;
            }
        }
    }
}

/// Sends messages in one task and checks their echoes in another.
async fn talk(ws: Socket, seed: u64, end: End, count: u64) -> Seen {
    let (mut receiver, mut sender) = ws.split();
    let receiving = tokio::spawn(async move {
        let mut received = 0;
        loop {
            match receiver.recv().await {
                Ok(Some(echo)) => {
                    assert_eq!(echo, message(seed, received), "{end:?}: the client's message {received}");
                    received += 1;
                    if end == End::Client && received == count {
                        return (received, None, receiver);
                    }
                }
                Ok(None) => return (received, None, receiver),
                Err(error) => return (received, Some(error), receiver),
            }
        }
    });
    let mut seen = Seen { sent: 0, received: 0, bytes: 0, error: None };
    while seen.sent < count {
        if let Err(error) = sender.send(message(seed, seen.sent)).await {
            seen.error = Some(error);
            break;
        }
        seen.sent += 1;
        yield_now().await;
    }
    match end {
        End::ClientDies => {
            receiving.abort();
            _ = receiving.await;
            return seen;
        }
        End::ClientEarly => seen.error = sender.close(CloseCode::NORMAL_CLOSURE, "").await.err(),
        End::Client | End::Server(_) | End::ServerDies(_) => {}
    }
    let (received, error, receiver) = receiving.await.unwrap();
    seen.received = received;
    seen.error = seen.error.or(error);
    if end == End::Client {
        let mut ws = sender.reunite(receiver).unwrap();
        seen.error = seen.error.or(ws.close(CloseCode::NORMAL_CLOSURE, "done").await.err());
    }
    seen
}

/// A connection from its beginning to its end, and the checks of what both sides have seen.
async fn live(seed: u64, total: &mut Total) {
    let mut random = Random(seed);
    let count = 1 + random.below(40);
    let after = random.below(count);
    let ends = [End::Client, End::ClientEarly, End::Server(after), End::ClientDies, End::ServerDies(after)];
    let which = random.below(ends.len() as u64) as usize;
    let end = ends[which];
    let is_compressed = random.below(3) == 0;
    let (rooms, reads) = if is_narrow(seed) {
        ([16, 64, 1000], [1, 7, 20])
    } else {
        ([1000, 4 << 10, 64 << 10], [100, 1460, 64 << 10])
    };
    let (near, far) = duplex(random.one_of(&rooms));
    let server = Cut::new(near, random.one_of(&reads));
    let client = Cut::new(far, random.one_of(&reads));
    let server = tokio::spawn(serve(open(server, Role::Server, is_compressed), seed, end));
    let client = tokio::spawn(talk(open(client, Role::Client, is_compressed), seed, end, count));
    let ended = timeout(PATIENCE, async { (server.await.unwrap(), client.await.unwrap()) }).await;
    let (server, client) = ended.unwrap_or_else(|_| panic!("{end:?}, seed {seed}: it hangs"));

    let told = format!(
        "{end:?}, seed {seed}: {count} messages, the server received {} ({:?}), the client {} of {} ({:?})",
        server.received, server.error, client.received, client.sent, client.error
    );
    assert!(server.received <= client.sent + 1 && client.received <= server.sent + 1, "{told}");
    let is_clean = server.error.is_none() && client.error.is_none();
    match end {
        End::Client => {
            assert!(is_clean && server.received == count && client.received == count, "{told}");
        }
        // The server may not send any more after the close frame, but it has received all that was sent before.
        End::ClientEarly => assert!(client.error.is_none() && server.received == count, "{told}"),
        // All that it has sent before its close frame is received.
        End::Server(_) => assert!(server.error.is_none() && client.received == server.sent, "{told}"),
        End::ClientDies => assert!(server.error.is_some(), "{told}"),
        End::ServerDies(_) => assert!(client.error.is_some(), "{told}"),
    }
    total.connections += 1;
    total.messages += server.received + client.received;
    total.bytes += server.bytes;
    total.ends[which] += 1;
}

/// Longer than any connection needs on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn many_connections_with_random_ends_lose_nothing_and_leave_nothing() {
    let (connections, seconds) = (setting("SOAK_CONNECTIONS", 200), setting("SOAK_SECONDS", 5));
    let (total, usage) = measured(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let until = Instant::now() + Duration::from_secs(seconds);
            let mut places = JoinSet::new();
            for place in 0..connections {
                // A new connection takes the place of one that has ended.
                places.spawn(async move {
                    let mut total = Total::default();
                    let mut seed = place;
                    while total.connections == 0 || Instant::now() < until {
                        live(seed, &mut total).await;
                        seed += connections;
                    }
                    total
                });
            }
            let mut sum = Total::default();
            for total in places.join_all().await {
                sum.connections += total.connections;
                sum.messages += total.messages;
                sum.bytes += total.bytes;
                for (sum, ends) in sum.ends.iter_mut().zip(total.ends) {
                    *sum += ends;
                }
            }
            sum
        })
    });
    println!("{connections} connections at a time for {seconds} s: {total:?}; {usage:?}");
    assert!(total.ends.iter().all(|&ends| ends > 0), "each way to end was tried");
    assert!(usage.kept < 10_000, "{usage:?}");
}
