//! permessage-deflate with any parameters: what a receiver makes of compressed messages, valid or not, is what the
//! inflater of `miniz_oxide` makes of them.
//!
//! Allowed differences:
//!
//! - Each final block makes zlib begin anew, so a receiver takes a limited number of them, beyond the first of a message.
//!   Here the second inflater counts them too.
//! - A message that is empty, or ends with a final block, or whose last four bytes were not removed, is complete without
//!   them (RFC 7692 §7.2.3.4, §7.2.3.6). Here the second inflater gets the missing byte of the empty block.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, compress, create_comp_flags_from_zip_params};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use wsproto::{
    DeflateBlocks, DeflateParams, Event, Extensions, FrameEncoder, Limits, Opcode, PermessageDeflate,
    Receiver, RemoteProtocolError, Role, Rsv,
};
use wsproto_fuzz::{Counter, Side};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    no_context_takeover: bool,
    max_window_bits: u8,
    messages: Vec<Message<'a>>,
}

#[derive(Arbitrary, Debug)]
struct Message<'a> {
    source: Source<'a>,
    edits: Vec<Edit>,
    fragments: Vec<u8>,
}

/// Where the compressed bytes of a message come from.
#[derive(Arbitrary, Debug)]
enum Source<'a> {
    Bytes(&'a [u8]),
    Blocks(Vec<Block<'a>>),
    /// Compressed by the second implementation.
    Compressed {
        data: &'a [u8],
        times: u8,
        level: u8,
        is_final: bool,
    },
}

#[derive(Arbitrary, Debug)]
enum Block<'a> {
    Stored { is_final: bool, data: &'a [u8] },
    Fixed { is_final: bool, data: &'a [u8] },
    Copies { is_final: bool, copies: Vec<(u8, u16)> },
    Any { is_final: bool, block_type: u8, symbols: Vec<u16> },
}

/// Changes a byte, or drops what follows it.
#[derive(Arbitrary, Debug)]
struct Edit {
    at: u16,
    byte: Option<u8>,
}

fuzz_target!(|input: Input<'_>| {
    let role = Role::from(input.side);
    let mut encoder = FrameEncoder::with_role(role.peer(), Counter(0));
    let mut bytes = Vec::new();
    let mut second = Second::new(!input.no_context_takeover);
    for message in &input.messages {
        let compressed = message.bytes();
        second.message(&compressed);
        message.encode(&compressed, &mut encoder, &mut bytes);
    }
    let (output, failure) = receive(role, input.params(role), &bytes);
    match failure {
        None => {
            assert!(second.output == output && !second.has_failed, "only the second one fails: {second:?}")
        }
        Some(RemoteProtocolError::InvalidDeflate) => {
            assert!(
                second.output.starts_with(&output) || second.has_failed && output.starts_with(&second.output)
            );
            assert!(second.has_failed, "only the first one fails");
        }
        Some(error) => panic!("{error:?}"),
    }
});

impl Input<'_> {
    /// Those of the direction to this role.
    fn params(&self, role: Role) -> DeflateParams {
        let bits = 8 + self.max_window_bits % 8;
        match role {
            Role::Client => DeflateParams {
                server_no_context_takeover: self.no_context_takeover,
                server_max_window_bits: bits,
                ..DeflateParams::DEFAULT
            },
            Role::Server => DeflateParams {
                client_no_context_takeover: self.no_context_takeover,
                client_max_window_bits: bits,
                ..DeflateParams::DEFAULT
            },
        }
    }
}

impl Message<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = match &self.source {
            Source::Bytes(bytes) => bytes.to_vec(),
            Source::Blocks(blocks) => blocks.iter().fold(DeflateBlocks::new(), add_block).into_message(),
            Source::Compressed { data, times, level, is_final } => {
                compressed(&data.repeat((*times).into()), *level, *is_final)
            }
        };
        for edit in &self.edits {
            let at = usize::from(edit.at) % (bytes.len() + 1);
            match (edit.byte, bytes.get_mut(at)) {
                (Some(byte), Some(place)) => *place = byte,
                (Some(byte), None) => bytes.push(byte),
                (None, _) => bytes.truncate(at),
            }
        }
        bytes
    }

    fn encode(&self, mut payload: &[u8], encoder: &mut FrameEncoder<Counter>, output: &mut Vec<u8>) {
        let (mut opcode, mut rsv) = (Opcode::Binary, Rsv::RSV1);
        for len in &self.fragments {
            let (fragment, rest) = payload.split_at(payload.len().min((*len).into()));
            encoder.encode(false, rsv, opcode, fragment, output).expect("a `Vec` always has room");
            (opcode, rsv, payload) = (Opcode::Continuation, Rsv::NONE, rest);
        }
        encoder.encode(true, rsv, opcode, payload, output).expect("a `Vec` always has room");
    }
}

fn add_block(blocks: DeflateBlocks, block: &Block<'_>) -> DeflateBlocks {
    match block {
        Block::Stored { is_final, data } => blocks.stored(*is_final, data),
        Block::Fixed { is_final, data } => blocks.fixed(*is_final, data),
        Block::Copies { is_final, copies } => {
            let add = |blocks: DeflateBlocks, (len, distance): &(u8, u16)| {
                blocks.copy((*len).into(), (*distance).into())
            };
            copies.iter().fold(blocks.begin(*is_final, 1), add).end()
        }
        Block::Any { is_final, block_type, symbols } => {
            let add = |blocks: DeflateBlocks, symbol: &u16| blocks.symbol(symbol % 288);
            symbols.iter().fold(blocks.begin(*is_final, *block_type), add)
        }
    }
}

fn compressed(data: &[u8], level: u8, is_final: bool) -> Vec<u8> {
    let flags = create_comp_flags_from_zip_params((level % 11).into(), -15, 0);
    let mut compressor = CompressorOxide::new(flags);
    let mut output = vec![0; data.len() + data.len() / 8 + 1024];
    let flush = if is_final { TDEFLFlush::Finish } else { TDEFLFlush::Sync };
    let (_, read, written) = compress(&mut compressor, data, &mut output, flush);
    assert_eq!(read, data.len());
    output.truncate(written);
    if !is_final {
        output.truncate(written - 4);
    }
    output
}

/// What the receiver returns, and why it has failed.
fn receive(role: Role, params: DeflateParams, bytes: &[u8]) -> (Vec<u8>, Option<RemoteProtocolError>) {
    let mut extensions = Extensions::new();
    let negotiated = PermessageDeflate::new().negotiated(role, params);
    extensions.push(negotiated).expect("no other extension uses its bit");
    let connection =
        wsproto::Connection::with_role(role, Limits::NONE, Counter(0)).with_extensions(extensions);
    let (mut receiver, _): (Receiver, _) = connection.into_parts();
    let mut bytes = bytes.to_vec();
    let mut input = bytes.as_mut_slice();
    let mut output = Vec::new();
    loop {
        match receiver.next_event(&mut input) {
            Ok(Some(Event::Bytes(piece))) => {
                output.extend_from_slice(piece.data);
                // So that messages can be told apart.
                if piece.message_finished {
                    output.extend_from_slice(END);
                }
            }
            Ok(None) => return (output, None),
            Ok(Some(event)) => panic!("{event:?} was not sent"),
            Err(error) => return (output, Some(error)),
        }
    }
}

/// Marks the end of a message in the output.
const END: &[u8] = b"(end of message)";

/// How many final blocks are allowed beyond the first of each message, besides those that the output allows.
const FREE_FINAL_BLOCKS: usize = 15;

/// How many bytes of output allow one more.
const OUTPUT_PER_FINAL_BLOCK: usize = 8 << 10;

/// The second inflater.
#[derive(Debug)]
struct Second {
    takeover: bool,
    output: Vec<u8>,
    /// The content of the earlier messages, as far as later ones refer to it.
    window: Vec<u8>,
    /// The length of the content of all messages.
    produced: usize,
    /// How many final blocks there were beyond the first of each message.
    extra_final_blocks: usize,
    /// Whether the tail has ended a final block: with context takeover, it counts as the first of the next message.
    owes_final_block: bool,
    has_failed: bool,
}

impl Second {
    fn new(takeover: bool) -> Self {
        let (output, window) = (Vec::new(), Vec::new());
        Self {
            takeover,
            output,
            window,
            produced: 0,
            extra_final_blocks: 0,
            owes_final_block: false,
            has_failed: false,
        }
    }

    fn message(&mut self, compressed: &[u8]) {
        if self.has_failed {
            return;
        }
        if !self.takeover {
            self.window.clear();
        }
        let before = self.window.len();
        self.has_failed = !self.inflate(compressed);
        self.output.extend_from_slice(&self.window[before..]);
        if !self.has_failed {
            self.output.extend_from_slice(END);
        }
        self.window.drain(..self.window.len().saturating_sub(32 << 10));
    }

    /// Adds the content to the window. Returns whether the message is valid and complete.
    fn inflate(&mut self, compressed: &[u8]) -> bool {
        let mut rest = compressed;
        let mut stream = DecompressorOxide::new();
        let mut is_after_final_block = true;
        let mut is_first = !std::mem::take(&mut self.owes_final_block);
        while !rest.is_empty() {
            let before = self.window.len();
            let (status, read) = self.step(&mut stream, rest);
            rest = &rest[read..];
            self.produced += self.window.len() - before;
            is_after_final_block = status == TINFLStatus::Done;
            match status {
                TINFLStatus::Done => {
                    self.extra_final_blocks += usize::from(!is_first);
                    if self.extra_final_blocks
                        > FREE_FINAL_BLOCKS + self.produced.div_ceil(OUTPUT_PER_FINAL_BLOCK)
                    {
                        return false;
                    }
                    is_first = false;
                    stream = DecompressorOxide::new();
                }
                TINFLStatus::NeedsMoreInput => {}
                _ => return false,
            }
        }
        // The four bytes that the sender has removed, which end a block.
        let tail: &[u8] = match is_after_final_block || compressed.ends_with(&[0, 0, 0xFF, 0xFF]) {
            true => &[0, 0, 0, 0xFF, 0xFF],
            false => &[0, 0, 0xFF, 0xFF],
        };
        let len = self.window.len();
        let is_complete = match self.step(&mut stream, tail) {
            (TINFLStatus::Done, read) => {
                self.owes_final_block = self.takeover;
                read == tail.len()
            }
            // A final block is valid only between two blocks.
            (TINFLStatus::NeedsMoreInput, _) => {
                self.step(&mut stream, &[1, 0, 0, 0xFF, 0xFF]) == (TINFLStatus::Done, 5)
            }
            _ => false,
        };
        let has_no_output = self.window.len() == len;
        self.window.truncate(len);
        is_complete && has_no_output
    }

    /// Inflates up to the end of a stream, or of the input.
    fn step(&mut self, stream: &mut DecompressorOxide, input: &[u8]) -> (TINFLStatus, usize) {
        let flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let mut consumed = 0;
        loop {
            let len = self.window.len();
            self.window.resize(len + (64 << 10), 0);
            let (status, read, written) =
                decompress(stream, &input[consumed..], &mut self.window, len, flags);
            consumed += read;
            self.window.truncate(len + written);
            if status != TINFLStatus::HasMoreOutput {
                return (status, consumed);
            }
        }
    }
}
