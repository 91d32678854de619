use zlib_rs::{Deflate, Inflate, InflateFlush};

use crate::engine::{DeflateEngine, Out, Outcome, Sink, Unfit, refused};
use crate::json::{SPARE, TAIL, Texts, deflate_message};
use crate::wire::{FIN, Frame, RSV1, TEXT, read};
use crate::workload::Input;

pub(crate) const NAME: &str = "zlib-rs";
pub(crate) const DRIVEN: &str = "raw: `Inflate` and `Deflate` over payloads that are in memory and unmasked, each into the \
    same buffer, with the four bytes put back and left off; no frames, no check of text";

pub(crate) struct ZlibRs {
    inflate: Inflate,
    deflate: Deflate,
    takes_context_over: bool,
    /// The payloads of the input, with the tail that their sender has left off.
    payloads: Vec<Vec<u8>>,
    buffer: Vec<u8>,
}

/// The longest message, and the most that compression can add to it.
const BUFFER: usize = (64 << 10) + SPARE;

impl DeflateEngine for ZlibRs {
    fn new(level: u8, takes_context_over: bool) -> Result<Self, Unfit> {
        Ok(Self {
            inflate: Inflate::new(false, 15),
            deflate: Deflate::new(level.into(), false, 15),
            takes_context_over,
            payloads: Vec::new(),
            buffer: vec![0; BUFFER],
        })
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        if self.payloads.is_empty() {
            self.payloads = payloads(input.wire);
        }
        for payload in &self.payloads {
            if !self.takes_context_over {
                self.inflate.reset(false);
            }
            let before = self.inflate.total_out();
            let flush = InflateFlush::SyncFlush;
            self.inflate.decompress(payload, &mut self.buffer, flush).map_err(refused)?;
            let len = (self.inflate.total_out() - before) as usize;
            sink.piece(&self.buffer[..len], true);
        }
        Ok(())
    }

    fn encode(&mut self, texts: &Texts, out: &mut Out) -> Outcome {
        for text in texts.each() {
            if !self.takes_context_over {
                self.deflate.reset();
            }
            let payload = deflate_message(&mut self.deflate, text, &mut self.buffer);
            match &mut out.kept {
                // Only a check needs the frame around the payload.
                Some(wire) => Frame { first_byte: FIN | RSV1 | TEXT, masking_key: None, payload }.write(wire),
                None => out.write(payload),
            }
        }
        Ok(())
    }
}

/// Extracts the payloads of frames, which is not measured.
fn payloads(mut wire: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while let Some(frame) = read(wire) {
        payloads.push([frame.payload.as_slice(), &TAIL].concat());
        wire = &wire[frame.rest_at..];
    }
    payloads
}
