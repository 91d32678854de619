//! The input of the engines: messages, and frames with them.

use std::hint::black_box;

use bytes::BufMut;

use crate::wire::{BINARY, FIN, Frame, TEXT};

/// The content of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Binary,
    Ascii,
    /// Text of one to four bytes a character.
    Mixed,
}

/// Frames back to back.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    pub(crate) wire: &'static [u8],
    /// The same bytes at other positions in a cache line.
    pub(crate) places: [&'static [u8]; PLACES],
    pub(crate) messages: usize,
    /// The length of the longest read.
    pub(crate) read_len: usize,
}

/// One message, to be sent many times.
pub(crate) struct Outgoing {
    pub(crate) payload: &'static [u8],
    /// The same bytes, for engines that work in place.
    pub(crate) in_place: Vec<u8>,
    pub(crate) messages: usize,
}

/// The approximate length of a batch, which has at least one message.
const BATCH_LEN: usize = 384 << 10;

/// The length of the longest read, in bytes: more is seldom in a socket at once.
pub(crate) const LONGEST_READ: usize = 64 << 10;

/// The number of different messages in a batch.
const VARIANTS: usize = 61;

/// The number of copies of an input at different positions.
const PLACES: usize = 4;

/// The length of a cache line.
const CACHE_LINE: usize = 64;

/// The copy that a read from a socket makes.
///
/// It is made in pieces. On some processors, a long `memcpy` takes up to thirty times as long if the place begins a few
/// bytes further in its page than the source. Then the time would depend on where buffers are, and not on the engine.
pub(crate) fn copy_read(mut place: &mut [u8], read: &[u8]) {
    append_read(&mut place, read);
}

/// The same, after the bytes that are in the buffer.
pub(crate) fn append_read(buffer: &mut impl BufMut, read: &[u8]) {
    pieces(read).for_each(|piece| buffer.put_slice(piece));
}

/// The pieces in which a read is copied.
pub(crate) fn pieces(read: &[u8]) -> impl Iterator<Item = &[u8]> {
    read.chunks(COPY_LEN)
}

/// The length of the pieces in which a read is copied: shorter than what the C library copies in one instruction.
pub(crate) const COPY_LEN: usize = 2 << 10;

impl Input {
    /// Messages of `len` bytes, in reads of `read_len`, as a server receives them if they are masked; and all their
    /// payloads in a row.
    ///
    /// They live as long as the program, because some engines need `'static` input.
    pub(crate) fn new(kind: Kind, len: usize, read_len: usize, is_masked: bool) -> (Self, Vec<u8>) {
        let first_byte = FIN | if kind == Kind::Binary { BINARY } else { TEXT };
        let messages = messages(len);
        let variants: Vec<Vec<u8>> = (0..VARIANTS.min(messages)).map(|n| payload(kind, len, n)).collect();
        let mut random = Random::new();
        let (mut wire, mut payloads) = (Vec::new(), Vec::new());
        for payload in variants.iter().cycle().take(messages) {
            let masking_key = is_masked.then(|| random.next().to_le_bytes());
            Frame { first_byte, masking_key, payload }.write(&mut wire);
            payloads.extend_from_slice(payload);
        }
        (Self::of(&wire, messages, read_len), payloads)
    }

    /// An input without copies at other positions.
    pub(crate) const fn at(wire: &'static [u8], messages: usize, read_len: usize) -> Self {
        Self { wire, places: [wire; PLACES], messages, read_len }
    }

    /// An input with copies of these bytes at each position.
    fn of(wire: &[u8], messages: usize, read_len: usize) -> Self {
        let places = std::array::from_fn(|place| copy_at(wire, place * CACHE_LINE / PLACES));
        Self { wire: places[0], places, messages, read_len }
    }

    /// The same input at another position in each turn: the speed of a copy depends on it, and on the position of the
    /// engine's buffer.
    pub(crate) fn turned(&self, turn: usize) -> Self {
        Self { wire: self.places[turn % PLACES], ..*self }
    }

    /// One binary message of 125 bytes, the longest of the short ones.
    pub(crate) fn one() -> Self {
        let mut wire = Vec::new();
        let payload = payload(Kind::Binary, 125, 0);
        Frame { first_byte: FIN | BINARY, masking_key: Some([1, 2, 3, 4]), payload: &payload }
            .write(&mut wire);
        Self::at(wire.leak(), 1, LONGEST_READ)
    }

    /// The reads.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &'static [u8]> + use<> {
        self.wire.chunks(self.read_len)
    }
}

impl Outgoing {
    /// The message, repeated; the compiler must not know that it is always the same.
    pub(crate) fn each(&self) -> impl Iterator<Item = &'static [u8]> + use<> {
        let payload = self.payload;
        (0..self.messages).map(move |_| black_box(payload))
    }

    pub(crate) fn new(len: usize) -> Self {
        let payload = payload(Kind::Binary, len, 0);
        Self { in_place: payload.clone(), payload: payload.leak(), messages: messages(len) }
    }
}

/// A permanent copy of the bytes, this many bytes after the start of a cache line.
fn copy_at(bytes: &[u8], offset: usize) -> &'static [u8] {
    let memory = vec![0; bytes.len() + 2 * CACHE_LINE].leak();
    let start = memory.as_ptr().align_offset(CACHE_LINE) + offset;
    let place = &mut memory[start..][..bytes.len()];
    place.copy_from_slice(bytes);
    place
}

/// The number of messages of `len` bytes in a batch of masked frames.
fn messages(len: usize) -> usize {
    let header_len = match len {
        0..=125 => 6,
        126..=0xffff => 8,
        _ => 14,
    };
    (BATCH_LEN / (header_len + len)).max(1)
}

fn payload(kind: Kind, len: usize, variant: usize) -> Vec<u8> {
    match kind {
        Kind::Binary => {
            let mut random = Random(variant as u64 + 1);
            (0..len).map(|_| random.next() as u8).collect()
        }
        Kind::Ascii => text("The quick brown fox jumps over the lazy dog, 0123456789 times. ", len, variant),
        Kind::Mixed => {
            text("Grüße aus Köln, привет из Москвы, 你好世界, γειά σου, 🦀 and plain words. ", len, variant)
        }
    }
}

/// `len` bytes of a text from its character `start`; ASCII fills the end if the last character does not fit.
fn text(sample: &str, len: usize, start: usize) -> Vec<u8> {
    let mut text = String::with_capacity(len);
    for character in sample.chars().cycle().skip(start) {
        match len - text.len() {
            0 => break,
            room if room < character.len_utf8() => text.push('.'),
            _ => text.push(character),
        }
    }
    text.into_bytes()
}

/// Xorshift: the same numbers in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }

    pub(crate) fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.next() as usize % choices.len()]
    }
}
