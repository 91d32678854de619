//! What the tests of the examples share: programs that are started and killed, and clients that are not ours.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong fails the test")]

mod program;
mod peers;
pub mod echo;
pub mod pages;

pub use peers::{is_required, python};
pub use program::{Program, Server, few_files, usage_error};
