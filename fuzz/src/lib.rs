//! Shared code of the fuzz targets: inputs that look like a peer's, and the results of a receiver.

mod head;
mod received;
mod wire;

use arbitrary::Arbitrary;
use wsproto::{Entropy, Limits, MessageKind, Role};

pub use head::{Head, REQUESTS, RESPONSES, SplitHead, trim, wide_limits};
pub use received::{Failure, Joined, Outcome, Received, feed, feed_frames};
pub use wire::{Wire, encode};

/// An endpoint's role, chosen by the input.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

impl From<Side> for Role {
    fn from(side: Side) -> Self {
        match side {
            Side::Client => Self::Client,
            Side::Server => Self::Server,
        }
    }
}

/// The kind of a message, chosen by the input.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Binary,
}

impl From<Kind> for MessageKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Binary => Self::Binary,
        }
    }
}

/// The places at which to cut `len` bytes, from an input's numbers.
pub fn ascending(cuts: &[u16], len: usize) -> Vec<usize> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| usize::from(*cut) % (len + 1)).collect();
    cuts.sort_unstable();
    cuts
}

/// Limits that are small enough to be reached; `None` is the default.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct SmallLimits {
    max_frame_len: Option<u8>,
    max_message_len: Option<u8>,
    max_fragments: Option<u8>,
}

impl From<SmallLimits> for Limits {
    fn from(small: SmallLimits) -> Self {
        let mut limits = Self::default();
        if let Some(len) = small.max_frame_len {
            limits.max_frame_len = len.into();
        }
        if let Some(len) = small.max_message_len {
            limits.max_message_len = len.into();
        }
        if let Some(fragments) = small.max_fragments {
            limits.max_fragments = fragments.into();
        }
        limits
    }
}

/// Entropy with different keys, which are the same in every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter(pub u32);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(4) {
            self.0 = self.0.wrapping_mul(0x9E37_79B1).wrapping_add(1);
            chunk.copy_from_slice(&self.0.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Entropy that is all zeros, so that the key of a handshake is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}
