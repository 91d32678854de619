//! Python's wsproto as an oracle: both sides take the same steps, and must show the same results.
//!
//! Runs are generated from a seed: handshakes in both roles, open connections, and compressed messages. The bytes of a
//! peer, which are mostly valid, are cut into reads at random, with random calls of the user between them.
//! `driver.py` takes the steps with Python's wsproto, `ours` with this crate. `compare` compares what they show:
//! events, states, failures with their close codes, what is sent, and what is refused. They may differ only in what
//! `divergence` names.
//!
//! | variable | value | default |
//! |---|---|---|
//! | `WSPROTO_PYTHON` | a Python that has wsproto 1.3.2 | `python3` |
//! | `WSPROTO_REQUIRE_PEERS` | 1: the tests fail if there is no such Python | they are skipped, with a message |
//! | `WSPROTO_ORACLE_SEED` | a seed | a fixed one |
//! | `WSPROTO_ORACLE_RUNS` | the number of runs | some thousands |
//! | `WSPROTO_ORACLE_RUN` | the only run of the seed to play | all |
//!
//! A test that fails prints the seed and the run, and the fewest steps in which the two sides still differ.
#![cfg(all(feature = "std", feature = "handshake"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod hex;
mod dice;
// The steps of a run, and what is observed.
mod script;
mod frames;
mod heads;
// The two sides, and the comparison.
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
