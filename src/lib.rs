//! wip
#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "a test that overflows fails, as it should"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;

// Facts.
mod close_code;
mod entropy;
mod limits;
mod mask;
mod opcode;
mod role;
mod utf8;
// Failure.
mod error;
// Bytes to frames, and back.
mod frame;
mod output;
// Frames to messages, messages to events.
mod connection;
mod event;
mod message;

pub use close_code::CloseCode;
pub use connection::*;
pub use entropy::*;
pub use error::*;
pub use event::*;
pub use frame::*;
pub use limits::*;
pub use mask::Mask;
pub use message::*;
pub use opcode::*;
pub use output::Output;
pub use role::Role;
