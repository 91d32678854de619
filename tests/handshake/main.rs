//! The opening handshake, tested from the words of RFC 6455, 9110 and 9112, one topic a file.
#![cfg(all(feature = "std", feature = "handshake"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics or overflows fails, as it should"
)]

mod support;
mod handed_over;
mod in_slices;
#[path = "../variants/mod.rs"]
mod variants;
// What a server reads.
mod head_limits;
mod work;
mod request;
mod request_syntax;
mod request_target;
mod plain_http;
// What a server writes.
mod accept;
mod reject;
// What a client writes and reads.
mod client_request;
mod header_order;
mod refusal;
mod response;
mod response_syntax;
mod uri;
mod http_connect;
// Where another stack reads and writes.
mod upgrade;
mod extended_connect;
mod extended_connect_answer;
#[cfg(feature = "http")]
mod http_types;
// What a server chooses by.
mod origin;
mod subprotocol;
// Without an allocator.
mod slices;
// What nobody may write.
mod injection;
// What follows from all of it.
mod accept_token;
mod forwarding;
mod properties;
mod doors;
mod ws_connection;
mod ws_limits;
mod ws_space;
