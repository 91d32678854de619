//! What stands for extensions in a build without an allocator, where there are none: types without a value.
//!
//! So what holds them takes no space, and what is done with them is compiled away.

use crate::entropy::Entropy;
use crate::error::LocalProtocolError;
use crate::frame::FrameEncoder;
use crate::opcode::Opcode;
use crate::output::Output;

/// The receiving halves of extensions.
#[derive(Debug)]
pub(crate) enum InboundExtensions {}

/// The sending halves of extensions.
#[derive(Debug)]
pub(crate) enum OutboundExtensions {}

impl InboundExtensions {
    pub(crate) const fn pass_whole_messages(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn try_clone(&self) -> Option<Self> {
        match *self {}
    }
}

impl OutboundExtensions {
    pub(crate) const fn try_clone(&self) -> Option<Self> {
        match *self {}
    }

    pub(crate) fn write<E: Entropy>(
        &mut self,
        _: &mut FrameEncoder<E>,
        _: Opcode,
        _: &[u8],
        _: bool,
        _: usize,
        _: &mut (impl Output + ?Sized),
    ) -> Result<bool, LocalProtocolError> {
        match *self {}
    }

    pub(crate) fn check_plain(&self, _: Opcode) -> Result<(), LocalProtocolError> {
        match *self {}
    }

    pub(crate) fn begin_plain(&mut self, _: Opcode) {
        match *self {}
    }

    pub(crate) fn rest(&mut self) {
        match *self {}
    }
}
