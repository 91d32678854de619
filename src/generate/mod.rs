//! Values and sequences of frames from the bytes of a fuzzer: `arbitrary::Arbitrary`, by feature `arbitrary`.

mod values;
mod text;
// Sequences of frames.
mod writer;
mod valid;
mod broken;

pub use broken::BrokenFrames;
pub use valid::ValidFrames;
