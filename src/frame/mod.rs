//! Bytes to frames and back (RFC 6455 §5).

mod header;
mod raw;
// What is made of headers.
mod close_body;
mod piece;
mod whole;
mod decoder;
mod encoder;

pub(crate) use close_body::CloseBody;
pub(crate) use decoder::take;
pub use decoder::{FrameChunk, FrameDecoder};
pub use encoder::FrameEncoder;
pub use header::{FrameHeader, Rsv};
pub use piece::Ends;
pub(crate) use piece::{Piece, Source};
pub use raw::{LengthForm, RawClosePayload, RawFrameHeader};
pub(crate) use whole::WholeMessage;
