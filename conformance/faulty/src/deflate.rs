//! permessage-deflate: payloads to and from DEFLATE (RFC 7692 §7.2).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::fault::{Fault, Faults};

/// Compresses messages.
#[derive(Debug)]
pub(crate) struct Deflater {
    stream: Compress,
    keeps_context: bool,
    faults: Faults,
}

impl Deflater {
    /// `window_bits` is 8 to 15.
    pub(crate) fn new(window_bits: u8, no_context_takeover: bool, faults: Faults) -> Self {
        let bits = if faults.has(Fault::CompressesWithLargestWindow) { 15 } else { window_bits };
        // zlib has no window of 256 bytes: stored blocks need none.
        let level = if bits == 8 { Compression::none() } else { Compression::default() };
        let keeps_context = !no_context_takeover || faults.has(Fault::KeepsContextAgainstAgreement);
        Self { stream: Compress::new_with_window_bits(level, false, bits.max(9)), keeps_context, faults }
    }

    /// The compressed payload of a message.
    pub(crate) fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        if message.is_empty() {
            // An empty message is one empty block, without its last four bytes (§7.2.3.6).
            return if self.faults.has(Fault::SendsEmptyMessageWithoutBlock) { Vec::new() } else { vec![0] };
        }
        let mut output = Vec::new();
        let start = self.stream.total_in();
        loop {
            let used = usize::try_from(self.stream.total_in().wrapping_sub(start)).unwrap_or(usize::MAX);
            let rest = message.get(used..).unwrap_or_default();
            output.reserve(rest.len().saturating_add(64));
            let status = self.stream.compress_vec(rest, &mut output, FlushCompress::Sync);
            // A flush is complete when it leaves space.
            if status.is_err() || output.len() < output.capacity() {
                break;
            }
        }
        if !self.faults.has(Fault::SendsTrailer) {
            output.truncate(output.len().saturating_sub(TRAILER.len()));
        }
        if !self.keeps_context {
            self.stream.reset();
        }
        output
    }
}

/// Decompresses messages.
#[derive(Debug)]
pub(crate) struct Inflater {
    stream: Decompress,
    window_bits: u8,
    keeps_context: bool,
    /// The last bytes of the output: a final block ends the stream, but not the window.
    window: Vec<u8>,
    /// Whether nothing was read since the start, or since a final block.
    is_fresh: bool,
    faults: Faults,
}

/// Not a DEFLATE stream.
#[derive(Debug)]
pub(crate) struct NotDeflate;

impl Inflater {
    /// `window_bits` is 8 to 15.
    pub(crate) fn new(window_bits: u8, no_context_takeover: bool, faults: Faults) -> Self {
        let window_bits = window_bits.max(9);
        Self {
            stream: Decompress::new_with_window_bits(false, window_bits),
            window_bits,
            keeps_context: !no_context_takeover && !faults.has(Fault::ForgetsContext),
            window: Vec::new(),
            is_fresh: true,
            faults,
        }
    }

    /// Decompresses a part of a message. Each piece of output goes to `take`, which may stop with an error.
    pub(crate) fn inflate<E: From<NotDeflate>>(
        &mut self,
        mut input: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let (start_in, start_out) = (self.stream.total_in(), self.stream.total_out());
            let status =
                self.stream.decompress(input, &mut buffer, FlushDecompress::Sync).map_err(|_| NotDeflate)?;
            let used = usize::try_from(self.stream.total_in().wrapping_sub(start_in)).unwrap_or(usize::MAX);
            let made = usize::try_from(self.stream.total_out().wrapping_sub(start_out)).unwrap_or(usize::MAX);
            input = input.get(used..).unwrap_or_default();
            let output = buffer.get(..made).unwrap_or_default();
            self.remember(output);
            self.is_fresh &= used == 0;
            take(output)?;
            if status == Status::StreamEnd {
                if self.faults.has(Fault::StopsAtFinalBlock) {
                    return Ok(());
                }
                self.restart()?;
            }
            if input.is_empty() && made < buffer.len() {
                return Ok(());
            }
            if status == Status::BufError && made == 0 {
                return Err(NotDeflate.into());
            }
        }
    }

    /// Ends a message.
    pub(crate) fn finish<E: From<NotDeflate>>(
        &mut self,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // After a final block, and nothing else, there is no block to complete.
        if !self.is_fresh && !self.faults.has(Fault::AppendsNoTrailer) {
            self.inflate(TRAILER, take)?;
        }
        if !self.keeps_context {
            self.window.clear();
            self.restart()?;
        }
        Ok(())
    }

    fn remember(&mut self, output: &[u8]) {
        const SIZE: usize = 32 << 10;
        self.window.extend_from_slice(output);
        let excess = self.window.len().saturating_sub(SIZE);
        self.window.drain(..excess);
    }

    /// Starts a new stream at a byte boundary, with the same window.
    fn restart(&mut self) -> Result<(), NotDeflate> {
        self.stream = Decompress::new_with_window_bits(false, self.window_bits);
        self.is_fresh = true;
        let size = 1_usize << self.window_bits;
        let window = self.window.get(self.window.len().saturating_sub(size)..).unwrap_or_default();
        if !window.is_empty() {
            self.stream.set_dictionary(window).map_err(|_| NotDeflate)?;
        }
        Ok(())
    }
}

/// What a sender removes from the end of each message, and a receiver appends.
const TRAILER: &[u8] = &[0, 0, 0xFF, 0xFF];
