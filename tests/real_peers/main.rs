//! The example programs as processes: against WebSocket peers by other authors, and from the command line.
//!
//! The peers are Python's `websockets` and `wsproto`, Node's `ws`, and Chromium; `tools` says how they are found. A
//! peer that is not installed is skipped with a message, or is a failure if `WSPROTO_REQUIRE_PEERS` is 1. All traffic
//! is on the loopback interface, on ports that the system chooses.
#![cfg(all(feature = "std", feature = "deflate", feature = "handshake"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod program;
mod tools;
// Peers by others.
mod browser;
mod clients;
#[cfg(feature = "deflate")]
mod deflate;
mod servers;
// Our own peers.
mod autobahn_client;
// No peer, only the command line.
mod command_lines;
// The test itself is a peer that misbehaves.
mod echo_client;
mod echo_server;
