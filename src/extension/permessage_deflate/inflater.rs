//! Decompression: compressed payloads to messages (RFC 7692 §6, §6.2, §7.2.2).
//!
//! Between two messages, the zlib stream can be given to a pool, or freed. Then the end of the earlier messages is kept,
//! and given to the next stream.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::RemoteProtocolError;
use crate::extension::{Decoded, InboundExtension};
use crate::frame::{Ends, FrameHeader, Rsv};
use crate::opcode::Opcode;

use super::params::Window;
use super::pool::DeflatePool;
use super::stream::{Bounds, Budget, Stream};

/// Decompresses the messages of one direction.
#[derive(Debug)]
pub(super) struct Inflater {
    window: Window,
    max_ratio: Option<u32>,
    /// Whether the message in progress is compressed.
    is_compressed: bool,
    /// Made or borrowed for the first compressed message. Without a pool, it is kept for the next ones.
    stream: Option<Box<Stream>>,
    /// The budget of earlier streams, while there is no stream.
    budget: Budget,
    /// The end of earlier messages, while there is no stream; empty without context takeover.
    history: Vec<u8>,
    pool: Option<DeflatePool>,
}

impl Inflater {
    pub(super) const fn new(window: Window, max_ratio: Option<u32>, pool: Option<DeflatePool>) -> Self {
        Self {
            window,
            max_ratio,
            is_compressed: false,
            stream: None,
            budget: Budget::NEW,
            history: Vec::new(),
            pool,
        }
    }

    /// The stream in use, or else one that continues after the history.
    fn stream(&mut self) -> Result<&mut Stream, RemoteProtocolError> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.restored()?,
        };
        Ok(self.stream.insert(stream))
    }

    fn restored(&mut self) -> Result<Box<Stream>, RemoteProtocolError> {
        let Some(pool) = &self.pool else {
            let mut stream = Stream::new();
            stream.restore(self.budget, &core::mem::take(&mut self.history))?;
            return Ok(stream);
        };
        let mut stream = pool.take_stream().unwrap_or_else(Stream::new);
        stream.restore(self.budget, &self.history)?;
        Ok(stream)
    }

    /// Begins a compressed message.
    fn begin(&mut self) -> Result<(), RemoteProtocolError> {
        // With a pool, only the agreed window is kept. So that it does not matter when the stream is given back, a message
        // that follows at once does not see more of the earlier messages either.
        let is_limited = self.pool.is_some() && self.window.takeover && self.window.bits < Window::MAX_BITS;
        if let Some(stream) = self.stream.as_mut().filter(|_| is_limited) {
            stream.copy_history(self.window.len(), &mut self.history);
            let budget = stream.budget();
            stream.restore(budget, &self.history)?;
        }
        let takeover = self.window.takeover;
        self.stream()?.begin(takeover)
    }

    /// Keeps what later messages may refer to, and gives the stream back to the pool, or frees it.
    fn give_back(&mut self) {
        let Some(mut stream) = self.stream.take_if(|stream| stream.is_between_messages()) else { return };
        self.budget = stream.budget();
        if self.window.takeover {
            let max_len = if self.pool.is_some() { self.window.len() } else { Window::MAX_LEN };
            stream.copy_history(max_len, &mut self.history);
        }
        if let Some(pool) = &self.pool {
            pool.put_stream(stream);
        }
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
                self.begin()?;
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
        self.stream()?.inflate(payload, end, bounds)
    }

    fn output(&self) -> &[u8] {
        self.stream.as_ref().map(|stream| stream.output()).unwrap_or_default()
    }

    fn pause(&mut self) {
        if self.pool.is_some() {
            self.give_back();
        }
    }

    fn release_memory(&mut self) {
        if !self.window.takeover {
            self.give_back();
        }
    }

    fn release_all_memory(&mut self) {
        self.give_back();
    }

    /// A stream of zlib cannot be copied, so a copy is possible only without one.
    fn try_clone(&self) -> Option<Box<dyn InboundExtension>> {
        let Self { window, max_ratio, is_compressed, stream: None, budget, ref history, ref pool } = *self
        else {
            return None;
        };
        let (history, pool) = (history.clone(), pool.clone());
        Some(Box::new(Self { window, max_ratio, is_compressed, stream: None, budget, history, pool }))
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // Inside a message, too: a stream is reset before it is used again.
        if let (Some(pool), Some(stream)) = (&self.pool, self.stream.take()) {
            pool.put_stream(stream);
        }
    }
}
