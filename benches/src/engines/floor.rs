//! What every engine has to do with frames, and no more: how much could be gained.

use std::hint::black_box;
use std::ops::Range;

use multiversion::multiversion;
use wsproto::{Entropy, Mask, SeededEntropy};

use crate::engine::{BroadcastEngine, Engine, Out, Outcome, Sink, Unfit};
use crate::wire::{BINARY, FIN, TEXT};
use crate::workload::{COPY_LEN, Input, Outgoing, append_read, copy_read};

/// The bytes that were read, and the memory for encoded frames.
pub(crate) struct Floor {
    buffer: Vec<u8>,
    output: Vec<u8>,
    keys: SeededEntropy,
}

/// The longest read, as long as wsproto's.
const READ: usize = 16 << 10;

/// How much of a long message is unmasked and checked at once, at least.
const PART: usize = 8 << 10;

/// More than any batch needs.
const MEMORY: usize = 2 << 20;

impl Engine for Floor {
    const NAME: &'static str = "floor";
    const DRIVEN: &'static str = "a loop over the frames. To decode: one copy of the wire in reads of 16 KiB at most, \
the lengths and the keys of the headers, `Mask`, and `core`'s check of text, or `simdutf8`'s from 64 B on; \
        long messages are unmasked and checked while a read is in the cache. To encode: the header, and one pass \
        that copies and masks, or a copy in pieces of 2 KiB; masking keys by `SeededEntropy`. It has no state \
        between batches and checks nothing else";

    fn new() -> Self {
        Self { buffer: vec![0; MEMORY], output: vec![0; MEMORY], keys: SeededEntropy::new() }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.buffer, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.buffer, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        let mut frames = Frames::new(&mut self.output);
        outgoing.each().for_each(|payload| frames.copy(payload));
        out.write(frames.written());
        Ok(())
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        for _ in 0..outgoing.messages {
            let payload = black_box(outgoing.in_place.as_slice());
            let (header, len) = header(payload.len(), 0);
            out.write(&header[..len]);
            out.write(payload);
        }
        Ok(())
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        let mut frames = Frames::new(&mut self.output);
        outgoing.each().for_each(|payload| frames.mask(payload, self.keys.masking_key()));
        out.write(frames.written());
        Ok(())
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        let mut frames = Frames::new(&mut self.output);
        decode(&mut self.buffer, input, &mut frames)?;
        out.write(frames.written());
        Ok(())
    }
}

impl BroadcastEngine for Floor {
    /// The frame.
    type Message = Vec<u8>;
    type Server = Vec<u8>;

    fn prepare(payload: &'static [u8]) -> Result<Vec<u8>, Unfit> {
        let (header, len) = header(payload.len(), 0);
        Ok([&header[..len], payload].concat())
    }

    fn open() -> Result<Vec<u8>, Unfit> {
        Ok(Vec::new())
    }

    fn send(output: &mut Vec<u8>, frame: &mut Vec<u8>, out: &mut Out) -> Outcome {
        output.clear();
        append_read(output, frame);
        out.write(output);
        Ok(())
    }
}

/// A frame of which the header has arrived.
#[derive(Clone, Copy)]
struct Head {
    is_text: bool,
    key: Option<[u8; 4]>,
    header_len: usize,
    frame_len: usize,
}

impl Head {
    /// Reads a header; `None` if not all of it is there.
    #[inline(always)]
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[first, second], _) = bytes.split_first_chunk()?;
        let (len, len_end) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize, 10),
            len => (usize::from(len), 2),
        };
        let is_masked = second & 0x80 != 0;
        let key = if is_masked { Some(*bytes.get(len_end..)?.first_chunk()?) } else { None };
        let header_len = len_end + if is_masked { 4 } else { 0 };
        Some(Self { is_text: first & 0xf == TEXT, key, header_len, frame_len: header_len + len })
    }
}

/// Passes each payload on, whole.
#[inline(always)]
fn decode(buffer: &mut [u8], input: &Input, sink: &mut impl Sink) -> Outcome {
    let longest_read = READ.min(input.read_len);
    let mut wire = input.wire;
    let (mut start, mut end) = (0, 0);
    while !wire.is_empty() {
        if end + longest_read > 2 * READ {
            buffer.copy_within(start..end, 0);
            (start, end) = (0, end - start);
        }
        end += read(&mut buffer[end..], &mut wire, longest_read);
        while let Some(head) = Head::read(&buffer[start..end]) {
            let frame = &mut buffer[start..];
            if head.frame_len > READ {
                end = start + read_rest(frame, head, end - start, &mut wire, longest_read)?;
            } else if head.frame_len > end - start {
                break;
            } else {
                unmask(frame, head, head.header_len..head.frame_len);
                if head.is_text {
                    check(&frame[head.header_len..head.frame_len])?;
                }
            }
            sink.piece(&buffer[start + head.header_len..start + head.frame_len], true);
            start += head.frame_len;
        }
        if start == end {
            (start, end) = (0, 0);
        }
    }
    Ok(())
}

/// The copy that a read from a socket makes; returns its length.
#[inline(always)]
fn read(place: &mut [u8], wire: &mut &[u8], longest: usize) -> usize {
    let (read, rest) = wire.split_at(longest.min(wire.len()));
    *wire = rest;
    copy_read(&mut place[..read.len()], read);
    read.len()
}

/// Reads what a long frame lacks: each piece is unmasked and checked while it is in the cache. Of the frame, `end` bytes
/// are there; returns how many there are at the end.
#[inline(never)]
fn read_rest(
    frame: &mut [u8],
    head: Head,
    mut end: usize,
    wire: &mut &[u8],
    longest_read: usize,
) -> Result<usize, Unfit> {
    let (mut clean, mut valid) = (head.header_len, head.header_len);
    loop {
        let arrived = end.min(head.frame_len);
        let is_whole = arrived == head.frame_len;
        if is_whole || arrived >= clean + PART {
            unmask(frame, head, clean..arrived);
            clean = arrived;
            if head.is_text {
                let text = &frame[valid..arrived];
                let len = if is_whole { text.len() } else { last_character(text) };
                check(&text[..len])?;
                valid += len;
            }
        }
        if is_whole {
            return Ok(end);
        }
        let lacking = longest_read.min(head.frame_len - end);
        match read(&mut frame[end..], wire, lacking) {
            0 => return Err(Unfit::RanDry),
            len => end += len,
        }
    }
}

#[inline(always)]
fn unmask(frame: &mut [u8], head: Head, part: Range<usize>) {
    if let Some(key) = head.key {
        Mask::at(key, (part.start - head.header_len) as u64).apply(&mut frame[part]);
    }
}

/// The fastest check that wsproto may use: a `&str` needs `core` or `simdutf8`, unless `unsafe` is allowed.
#[inline(never)]
fn check(text: &[u8]) -> Outcome {
    let may_skip = cfg!(feature = "unsafe-text") && text.len() < 256;
    let is_valid = may_skip && text.iter().fold(0, |all, byte| all | byte) < 0x80
        || if text.len() < 64 {
            str::from_utf8(text).is_ok()
        } else {
            simdutf8::basic::from_utf8(text).is_ok()
        };
    if is_valid { Ok(()) } else { Err(Unfit::Refused) }
}

/// Where the last character begins, which may be cut.
fn last_character(text: &[u8]) -> usize {
    text.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or_default()
}

/// Frames back to back.
struct Frames<'a> {
    memory: &'a mut [u8],
    len: usize,
}

impl<'a> Frames<'a> {
    fn new(memory: &'a mut [u8]) -> Self {
        Self { memory, len: 0 }
    }

    fn written(&self) -> &[u8] {
        &self.memory[..self.len]
    }

    /// Room for a frame; its header is written.
    #[inline(always)]
    fn begin(&mut self, payload_len: usize, mask_bit: u8) -> &mut [u8] {
        let (header, header_len) = header(payload_len, mask_bit);
        let room = &mut self.memory[self.len..];
        *room.first_chunk_mut().expect("there is memory for all frames") = header;
        self.len += header_len;
        &mut room[header_len..]
    }

    #[inline(always)]
    fn copy(&mut self, payload: &[u8]) {
        let target = &mut self.begin(payload.len(), 0)[..payload.len()];
        for (piece, target) in payload.chunks(COPY_LEN).zip(target.chunks_mut(COPY_LEN)) {
            target.copy_from_slice(piece);
        }
        self.len += payload.len();
    }

    #[inline(always)]
    fn mask(&mut self, payload: &[u8], key: [u8; 4]) {
        let room = self.begin(payload.len(), 0x80);
        room[..4].copy_from_slice(&key);
        copy_masked(key, payload, &mut room[4..][..payload.len()]);
        self.len += 4 + payload.len();
    }
}

impl Sink for Frames<'_> {
    #[inline(always)]
    fn piece(&mut self, bytes: &[u8], _: bool) {
        self.copy(bytes);
    }
}

/// The header of a whole binary message, without the key, and its length.
#[inline(always)]
fn header(payload_len: usize, mask_bit: u8) -> ([u8; 10], usize) {
    let mut header = [0; 10];
    header[0] = FIN | BINARY;
    let len = match payload_len {
        0..126 => {
            header[1] = mask_bit | payload_len as u8;
            2
        }
        126..0x1_0000 => {
            header[1] = mask_bit | 126;
            header[2..4].copy_from_slice(&(payload_len as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = mask_bit | 127;
            header[2..].copy_from_slice(&(payload_len as u64).to_be_bytes());
            10
        }
    };
    (header, len)
}

/// Copies and masks in one pass.
#[inline(always)]
fn copy_masked(key: [u8; 4], payload: &[u8], target: &mut [u8]) {
    if payload.len() < WIDE { copy_words(key, payload, target) } else { copy_wide(key, payload, target) }
}

/// From this length on, in bytes, a call of a function for wider vectors is worth its price.
const WIDE: usize = 64;

#[multiversion(targets("x86_64+avx2"))]
fn copy_wide(mut key: [u8; 4], payload: &[u8], target: &mut [u8]) {
    let mut unaligned = 0;
    if payload.len() >= 256 {
        // A vector across two cache lines would cost two memory accesses.
        unaligned = target.as_ptr().align_offset(32);
        copy_words(key, &payload[..32], &mut target[..32]);
        key.rotate_left(unaligned % 4);
    }
    copy_words(key, &payload[unaligned..], &mut target[unaligned..]);
}

/// Eight bytes at a time; the last word may overlap the one before.
#[inline(always)]
fn copy_words(key: [u8; 4], payload: &[u8], target: &mut [u8]) {
    let doubled = u64::from(u32::from_le_bytes(key)) * 0x1_0000_0001;
    let masked = |word: [u8; 8], key: u64| (u64::from_le_bytes(word) ^ key).to_le_bytes();
    let (Some(last), Some(last_target)) = (payload.last_chunk(), target.last_chunk_mut()) else {
        for ((byte, target), key) in payload.iter().zip(target).zip(key.iter().cycle()) {
            *target = byte ^ key;
        }
        return;
    };
    *last_target = masked(*last, doubled.rotate_right(payload.len() as u32 % 4 * 8));
    for (word, target) in payload.as_chunks().0.iter().zip(target.as_chunks_mut().0) {
        *target = masked(*word, doubled);
    }
}
