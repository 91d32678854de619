//! Bytes to frames and back (RFC 6455 §5).

mod header;
// What is made of headers.
mod close_body;
mod whole;
mod decoder;
mod encoder;

pub(crate) use close_body::CloseBody;
#[cfg(feature = "alloc")]
pub use decoder::Ends;
#[cfg(feature = "alloc")]
pub(crate) use decoder::{ClaimedBits, Entered};
pub use decoder::{FrameChunk, FrameDecoder};
pub use encoder::FrameEncoder;
pub use header::{FrameHeader, Rsv};
pub(crate) use whole::WholeMessage;
