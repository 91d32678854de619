//! The example programs, run for real: against WebSocket peers that nobody here wrote, and from the command
//! line.
//!
//! The peers are Python's `websockets` and `wsproto`, Node's `ws`, and Chromium; `tools` says where they are
//! looked for. One that is not installed is skipped, loudly, unless `WSPROTO_REQUIRE_PEERS` is 1. All traffic
//! is on the loopback interface, on ports that the system chooses.
#![cfg(all(feature = "std", feature = "deflate"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics or overflows fails, as it should"
)]

mod program;
mod tools;
// Peers.
mod browser;
mod clients;
#[cfg(feature = "deflate")]
mod deflate;
mod servers;
// Peers of ours.
mod autobahn_client;
// No peer but the shell.
mod command_lines;
// No peer but the test, which misbehaves.
mod echo_client;
mod echo_server;
