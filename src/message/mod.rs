//! Frames to events, and pieces to whole messages (RFC 6455 §5.4 to §5.6).

mod decoder;
#[cfg(feature = "alloc")]
mod extended;
#[cfg(feature = "alloc")]
mod assembler;

#[cfg(feature = "alloc")]
pub use assembler::MessageAssembler;
pub use decoder::MessageDecoder;
