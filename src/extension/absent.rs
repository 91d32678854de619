//! Placeholders for extensions in a build without an allocator, which has no extensions: types without values.
//!
//! So a field for them takes no space, and the compiler removes the code that uses them.

use crate::entropy::Entropy;
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::frame::{Ends, FrameEncoder, FrameHeader, Rsv};
use crate::opcode::Opcode;
use crate::output::Output;

/// The receiving halves of extensions.
#[derive(Debug)]
pub(crate) enum InboundExtensions {}

/// The sending halves of extensions.
#[derive(Debug)]
pub(crate) enum OutboundExtensions {}

impl OutboundExtensions {
    pub(crate) const fn check_encoded(&self, _: Opcode) -> Result<(), LocalProtocolError> {
        match *self {}
    }

    pub(crate) const fn begin_encoded(&mut self, _: Opcode) {
        match *self {}
    }
}

impl InboundExtensions {
    pub(crate) const fn try_clone(&self) -> Option<Self> {
        match *self {}
    }

    pub(crate) const fn begin_frame(&mut self, _: &FrameHeader) -> Result<(), RemoteProtocolError> {
        match *self {}
    }

    pub(crate) const fn is_decoding(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn decode(&mut self, _: &[u8], _: Ends, _: u64) -> usize {
        match *self {}
    }

    pub(crate) const fn is_done(&self) -> Result<bool, RemoteProtocolError> {
        match *self {}
    }

    pub(crate) const fn output(&self) -> &[u8] {
        match *self {}
    }

    pub(crate) const fn take(&mut self, _: usize) -> &[u8] {
        match *self {}
    }

    pub(crate) const fn message_len(&self) -> u64 {
        match *self {}
    }

    pub(crate) const fn end_frame(&mut self) {
        match *self {}
    }

    pub(crate) const fn rest(&mut self) {
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

    pub(crate) const fn check_rsv(&self, _: Opcode, _: Rsv) -> Result<(), LocalProtocolError> {
        match *self {}
    }

    pub(crate) const fn check_plain(&self, _: Opcode) -> Result<(), LocalProtocolError> {
        match *self {}
    }

    pub(crate) const fn begin_plain(&mut self, _: Opcode) {
        match *self {}
    }

    pub(crate) const fn rest(&mut self) {
        match *self {}
    }
}
