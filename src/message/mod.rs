//! Frames to events, pieces to whole messages, and messages to fragments (RFC 6455 §5.4 to §5.6).

mod place;
mod control;
mod payloads;
mod decoder;
#[cfg(feature = "alloc")]
mod assembler;
// For sending.
mod fragments;

#[cfg(feature = "alloc")]
pub use assembler::MessageAssembler;
pub(crate) use control::ControlPayload;
pub use decoder::MessageDecoder;
#[cfg(feature = "alloc")]
pub(crate) use decoder::Unchecked;
pub(crate) use decoder::{Broken, State};
pub(crate) use fragments::Fragments;
pub(crate) use place::Located;
pub use place::{Found, Source};
