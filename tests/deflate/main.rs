//! Extensions, mainly permessage-deflate, tested against the text of RFC 7692, one topic a file.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

#[path = "../protocol/support.rs"]
#[allow(dead_code, reason = "not every helper is needed here")]
mod protocol;
mod support;
// A DEFLATE reader that follows RFC 1951.
mod puff;
// A DEFLATE writer for blocks by hand.
mod blocks;
// Negotiation.
mod answers;
mod handshake;
mod offers;
// Receiving.
mod corrupt;
mod final_blocks;
mod frames;
mod limits;
#[cfg(target_pointer_width = "32")]
mod long_life;
mod rfc_examples;
mod text;
// Sending.
mod refused;
mod sending;
mod window;
// Round trips.
mod pool;
mod round_trips;
// Users' own extensions.
#[path = "../../examples/checksum_extension.rs"]
#[allow(dead_code, clippy::shadow_unrelated, reason = "it is an example with a `main` of its own")]
mod checksum;
mod own_extensions;
mod strange_extensions;
