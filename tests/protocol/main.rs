//! The protocol after the handshake, tested against the text of RFC 6455, one topic a file.
#![cfg(feature = "alloc")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod support;
#[path = "../variants/mod.rs"]
mod variants;
// Receiving.
mod close;
#[cfg(feature = "deflate")]
mod compressed;
mod control_frames;
mod eof;
mod fragmentation;
mod frames;
mod limits;
mod masking;
mod raw_headers;
mod rfc_examples;
#[cfg(feature = "arbitrary")]
mod sequences;
// Whole worlds take seconds, and few features matter to them.
#[cfg(feature = "arbitrary")]
mod small_worlds;
mod utf8;
mod whole;
// Sending.
mod output;
mod sending;
mod shared_frames;
mod streaming;
// Both directions.
mod assembler;
mod closing;
mod conversions;
mod errors;
mod halves;
mod halves_model;
mod halves_apart;
mod pair;
mod model;
mod model_pair;
mod model_words;
mod properties;
mod replies;
