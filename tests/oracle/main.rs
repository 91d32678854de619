//! Python's wsproto as oracle: the same steps on both sides, and the same shown of each.
//!
//! Runs are drawn from a seed: handshakes in both roles, open connections, and compressed messages. Bytes of
//! a peer, which are mostly lawful, are cut into reads at random, between random calls of the user.
//! `driver.py` takes the steps with Python's wsproto, `ours` with this crate, and `compare` holds what they
//! show against each other: events, states, failures with their close codes, what is sent, and what is
//! refused. They may differ in what `divergence` names, and in nothing else.
//!
//! | variable | | otherwise |
//! |---|---|---|
//! | `WSPROTO_PYTHON` | a Python that has wsproto 1.3.2 | `python3` |
//! | `WSPROTO_REQUIRE_PEERS` | 1: without it the tests fail | they are skipped, loudly |
//! | `WSPROTO_ORACLE_SEED` | a seed | always the same |
//! | `WSPROTO_ORACLE_RUNS` | how many runs | some thousands |
//! | `WSPROTO_ORACLE_RUN` | one run of the seed, alone | all |
//!
//! A test that fails names seed and run, and shows the fewest steps in which the two still differ.
#![cfg(feature = "std")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics or overflows fails, as it should"
)]

mod hex;
mod dice;
// What happens, and what is seen of it.
mod script;
mod frames;
mod heads;
// Who sees it.
mod ours;
mod python;
mod divergence;
mod compare;
// The tests.
mod connections;
#[cfg(feature = "deflate")]
mod deflate;
mod handshakes;
mod both;
mod both_handshake;
mod both_open;
