//! `wsconform`: a conformance suite for WebSocket implementations.

// The cases.
mod encoding;
mod value;
mod case;
mod corpus;
// What becomes of them.
mod verdict;

fn main() {}
