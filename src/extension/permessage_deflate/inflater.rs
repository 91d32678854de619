//! Decompression: compressed payloads to messages (RFC 7692 §6, §6.2, §7.2.2).

use alloc::boxed::Box;

use crate::error::RemoteProtocolError;
use crate::extension::{Decoded, InboundExtension};
use crate::frame::{Ends, FrameHeader, Rsv};
use crate::opcode::Opcode;

use super::params::Window;
use super::stream::{Bounds, Budget, Stream};

/// Decompresses the messages of one direction.
#[derive(Debug)]
pub(super) struct Inflater {
    window: Window,
    max_ratio: Option<u32>,
    /// Whether the message in progress is compressed.
    is_compressed: bool,
    /// Made for the first compressed message, and kept for the next ones.
    stream: Option<Box<Stream>>,
    /// The budget of earlier streams, while there is no stream.
    budget: Budget,
}

impl Inflater {
    pub(super) const fn new(window: Window, max_ratio: Option<u32>) -> Self {
        Self { window, max_ratio, is_compressed: false, stream: None, budget: Budget::NEW }
    }
}

impl InboundExtension for Inflater {
    fn rsv(&self) -> Rsv {
        Rsv::RSV1
    }

    fn is_per_message(&self) -> bool {
        true
    }

    fn begin_frame(&mut self, header: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        if header.opcode != Opcode::Continuation {
            self.is_compressed = header.rsv.contains(Rsv::RSV1);
            if self.is_compressed {
                self.stream.get_or_insert_with(|| Stream::new(self.budget)).begin(self.window.takeover)?;
            }
        }
        Ok(self.is_compressed)
    }

    fn decode(
        &mut self,
        payload: &[u8],
        end: Ends,
        max_output: usize,
    ) -> Result<Decoded, RemoteProtocolError> {
        let bounds = Bounds { max_output, max_ratio: self.max_ratio };
        self.stream.get_or_insert_with(|| Stream::new(self.budget)).inflate(payload, end, bounds)
    }

    fn output(&self) -> &[u8] {
        self.stream.as_ref().map(|stream| stream.output()).unwrap_or_default()
    }

    fn release_memory(&mut self) {
        let is_unused = |stream: &mut Box<Stream>| !self.window.takeover && stream.is_between_messages();
        if let Some(stream) = self.stream.take_if(is_unused) {
            self.budget = stream.budget;
        }
    }

    /// zlib's streams cannot be copied: this is possible until the first compressed message comes.
    fn try_clone(&self) -> Option<Box<dyn InboundExtension>> {
        let Self { window, max_ratio, is_compressed, stream: None, budget } = *self else { return None };
        Some(Box::new(Self { window, max_ratio, is_compressed, stream: None, budget }))
    }
}
