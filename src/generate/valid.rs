//! Sequences of frames that break no rule.

use alloc::string::String;
use alloc::vec::Vec;

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::event::Event;
use crate::role::Role;

use super::writer::{FrameWriter, cuts};

/// A valid sequence of frames, as a peer may send it without extensions, with what it says (RFC 6455 §5).
///
/// Messages are whole or in fragments of any length, also empty, with pings and pongs between the fragments. Text is
/// UTF-8, and is cut anywhere, also inside characters. Lengths have every form. A close frame may be the last. Whole
/// frames are written: nothing is incomplete at the end. The bytes also come as reads, which cut them anywhere.
///
/// ```
/// use arbitrary::Unstructured;
/// use wsproto::{Limits, MessageAssembler, Receiver, Role, ValidFrames};
///
/// # fn main() -> arbitrary::Result<()> {
/// let fuzz: Vec<u8> = (0..200).map(|n: u8| n.wrapping_mul(91)).collect(); // from the fuzzer
/// let frames = ValidFrames::from_sender(Role::Client, &mut Unstructured::new(&fuzz))?;
///
/// let mut receiver = Receiver::new(Role::Server, Limits::default());
/// for read in frames.reads() {
///     let mut read = read.to_vec();
///     let mut input = read.as_mut_slice();
///     while let Some(event) = receiver.next_event(&mut input).expect("the frames are valid") {
///         // Join the pieces and compare the messages with `frames.events()`.
///     }
/// }
/// assert!(receiver.is_idle());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidFrames {
    pub(super) sender: Role,
    pub(super) bytes: Vec<u8>,
    pub(super) events: Vec<Event<String, Vec<u8>>>,
    pub(super) cuts: Vec<usize>,
}

impl ValidFrames {
    /// Frames that an endpoint in this role sends.
    ///
    /// # Errors
    ///
    /// What `u` returns.
    pub fn from_sender(sender: Role, u: &mut Unstructured<'_>) -> Result<Self> {
        let mut writer = FrameWriter::new(sender, u);
        writer.messages()?;
        if writer.u.arbitrary()? {
            writer.close()?;
        }
        writer.into_frames()
    }

    /// The role of the endpoint that sends the frames: a client's are masked.
    pub const fn sender(&self) -> Role {
        self.sender
    }

    /// The bytes of the frames.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes as reads return them: cut at some places, also inside headers and characters. Reads may be empty.
    pub fn reads(&self) -> impl Iterator<Item = &[u8]> {
        let begins = core::iter::once(0).chain(self.cuts.iter().copied());
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        begins.zip(ends).map(|(begin, end)| self.bytes.get(begin..end).unwrap_or_default())
    }

    /// The messages, joined, and the control frames, in the order in which they end.
    pub fn events(&self) -> &[Event<String, Vec<u8>>] {
        &self.events
    }
}

impl FrameWriter<'_, '_> {
    /// What was written, cut into reads.
    pub(super) fn into_frames(self) -> Result<ValidFrames> {
        let Self { u, sender, bytes, events, .. } = self;
        let cuts = cuts(u, bytes.len())?;
        Ok(ValidFrames { sender, bytes, events, cuts })
    }
}

/// Frames of a client or of a server.
impl<'a> Arbitrary<'a> for ValidFrames {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let sender = u.arbitrary()?;
        Self::from_sender(sender, u)
    }
}
