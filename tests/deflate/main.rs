//! Extensions, and permessage-deflate above all, tested from the words of RFC 7692, one topic a file.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics or overflows fails, as it should"
)]

#[path = "../protocol/support.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod protocol;
mod support;
// DEFLATE, written and read by the book.
mod blocks;
mod puff;
// Who agrees to what.
mod answers;
mod handshake;
mod offers;
// What arrives.
mod corrupt;
mod final_blocks;
mod frames;
mod limits;
#[cfg(target_pointer_width = "32")]
mod long_life;
mod rfc_examples;
mod text;
// What is sent.
mod refused;
mod sending;
mod window;
// There and back.
mod round_trips;
// Extensions of one's own.
#[path = "../../examples/checksum_extension.rs"]
#[allow(dead_code, clippy::shadow_unrelated, reason = "it is an example with a `main` of its own")]
mod checksum;
mod own_extensions;
mod strange_extensions;
