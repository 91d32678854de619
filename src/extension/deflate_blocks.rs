//! DEFLATE blocks that are written by hand, for fuzzers and conformance suites (RFC 1951 §3.2).

use alloc::vec::Vec;

/// A stream of DEFLATE blocks, written block by block or bit by bit, which may break every rule.
///
/// A compressor writes blocks of its own choice. This one writes the blocks that you ask for: stored, of fixed codes,
/// empty, final, with a wrong length or a reserved type. Use it to see what another implementation of
/// permessage-deflate (RFC 7692) does with them. Nothing is checked, and nothing fails.
///
/// ```
/// use wsproto::{DeflateBlocks, RawFrameHeader, Rsv};
///
/// // The example of RFC 7692 §7.2.3.1: one block of fixed codes.
/// let payload = DeflateBlocks::new().fixed(false, b"Hello").into_message();
/// let header = RawFrameHeader::new(1, payload.len() as u64).with_rsv(Rsv::RSV1);
/// assert_eq!(header.encode_frame(&payload), [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
///
/// // A stored block, whose length is not confirmed by its complement.
/// let wrong = DeflateBlocks::new().stored_with_len(true, 5, 5, b"Hello");
/// assert_eq!(wrong.into_bytes(), b"\x01\x05\0\x05\0Hello");
///
/// // The reserved block type.
/// assert_eq!(DeflateBlocks::new().begin(false, 0b11).into_bytes(), [0b110]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it returns the stream with more blocks"]
pub struct DeflateBlocks {
    bytes: Vec<u8>,
    /// How many bits of the last byte are written; 0 if all are.
    used_bits: u32,
}

impl DeflateBlocks {
    /// The last four bytes of a stream that was flushed, which a message leaves out (RFC 7692 §7.2.1).
    pub const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

    /// A stream without blocks.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), used_bits: 0 }
    }

    /// Adds a stored block (RFC 1951 §3.2.4). It is valid with up to 65,535 bytes of data.
    ///
    /// Its length has 16 bits; those of more data are the lowest 16.
    pub fn stored(self, is_final: bool, data: &[u8]) -> Self {
        let [low, high, ..] = data.len().to_le_bytes();
        let len = u16::from_le_bytes([low, high]);
        self.stored_with_len(is_final, len, !len, data)
    }

    /// Adds a stored block with these values of LEN and NLEN, whatever the length of `data` is.
    pub fn stored_with_len(self, is_final: bool, len: u16, complement: u16, data: &[u8]) -> Self {
        let mut blocks = self.begin(is_final, STORED).align();
        blocks.bytes.extend_from_slice(&len.to_le_bytes());
        blocks.bytes.extend_from_slice(&complement.to_le_bytes());
        blocks.bytes.extend_from_slice(data);
        blocks
    }

    /// Adds a block of fixed codes, with these literals and its end (§3.2.6).
    pub fn fixed(self, is_final: bool, literals: &[u8]) -> Self {
        let blocks = self.begin(is_final, FIXED);
        literals.iter().fold(blocks, |blocks, byte| blocks.symbol((*byte).into())).end()
    }

    /// Begins a block: adds BFINAL, and the lowest two bits of `block_type` as BTYPE (§3.2.3).
    ///
    /// The types are 0 for stored, 1 for fixed codes, 2 for dynamic codes, and 3, which is reserved. What belongs to the
    /// block is to follow.
    pub fn begin(self, is_final: bool, block_type: u8) -> Self {
        self.bits(is_final.into(), 1).bits(block_type.into(), 2)
    }

    /// Adds the fixed code of a symbol: 0 to 255 is a literal, 256 the end of the block, 257 to 285 a length (§3.2.6).
    ///
    /// 286 and 287 have codes, but are never valid. A greater number counts as 287.
    pub fn symbol(self, symbol: u16) -> Self {
        let symbol = u32::from(symbol);
        match symbol {
            ..=143 => self.code(symbol.saturating_add(0b0011_0000), 8),
            144..=255 => self.code(symbol.saturating_add(0b1_1001_0000 - 144), 9),
            256..=279 => self.code(symbol.saturating_sub(256), 7),
            280.. => self.code(symbol.min(287).saturating_sub(280).saturating_add(0b1100_0000), 8),
        }
    }

    /// Adds a copy of `len` bytes from `distance` bytes before, with fixed codes (§3.2.5).
    ///
    /// The distance may reach beyond the data that was written. There are codes for lengths of 3 to 258 and for distances
    /// of 1 to 32,768: other values count as the nearest of these.
    ///
    /// ```
    /// use wsproto::DeflateBlocks;
    ///
    /// // "aaaaaaaa": a literal, and a copy that overlaps itself.
    /// let blocks = DeflateBlocks::new().begin(true, 1).symbol(b'a'.into()).copy(7, 1).end();
    /// assert_eq!(blocks.into_bytes(), b"\x4b\x84\x02\x00");
    /// ```
    pub fn copy(self, len: u32, distance: u32) -> Self {
        let (len, distance) = (len.clamp(3, MAX_LEN), distance.clamp(1, MAX_DISTANCE));
        let blocks = match len {
            MAX_LEN => self.symbol(285),
            _ => {
                let (code, base) = code_of(len, 3, len_extra);
                self.symbol(code.saturating_add(257)).bits(len.saturating_sub(base), len_extra(code))
            }
        };
        let (code, base) = code_of(distance, 1, distance_extra);
        blocks.distance_code(code).bits(distance.saturating_sub(base), distance_extra(code))
    }

    /// Adds the lowest five bits of `code` as the fixed code of a distance, without its extra bits (§3.2.6).
    ///
    /// 30 and 31 are never valid.
    pub fn distance_code(self, code: u16) -> Self {
        self.code(code.into(), 5)
    }

    /// Adds the end of a block of fixed codes.
    pub fn end(self) -> Self {
        self.symbol(END)
    }

    /// Adds the lowest `count` bits of `value`, 32 at most, the lowest one first (§3.1.1).
    pub fn bits(mut self, value: u32, count: u32) -> Self {
        for place in 0..count.min(u32::BITS) {
            if self.used_bits == 0 {
                self.bytes.push(0);
            }
            let bit = u8::from(value.wrapping_shr(place) & 1 == 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit.wrapping_shl(self.used_bits);
            }
            self.used_bits = self.used_bits.wrapping_add(1) % 8;
        }
        self
    }

    /// Continues at the next byte, as after a final block.
    pub const fn align(mut self) -> Self {
        self.used_bits = 0;
        self
    }

    /// The stream as it is.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The stream as the payload of a message: with an empty stored block at its end, without the [`TAIL`](Self::TAIL).
    ///
    /// A stream that ends with a final block is sent as it is, by [`into_bytes`](Self::into_bytes) (RFC 7692 §7.2.3.5 has
    /// an example, with one more byte of 0).
    pub fn into_message(self) -> Vec<u8> {
        let mut bytes = self.stored(false, b"").bytes;
        bytes.truncate(bytes.len().saturating_sub(Self::TAIL.len()));
        bytes
    }

    /// Adds a code, its highest bit first (RFC 1951 §3.1.1).
    fn code(self, code: u32, len: u32) -> Self {
        (0..len).rev().fold(self, |blocks, place| blocks.bits(code.wrapping_shr(place), 1))
    }
}

/// The code for a value, and the least value of that code; `least` is that of code 0.
fn code_of(value: u32, least: u32, extra: impl Fn(u16) -> u32) -> (u16, u32) {
    let (mut code, mut base) = (0, least);
    loop {
        let next = base.saturating_add(1_u32.wrapping_shl(extra(code)));
        if next > value {
            return (code, base);
        }
        (code, base) = (code.saturating_add(1), next);
    }
}

/// How many extra bits follow the code of a length: none for eight codes, then one more for every four.
fn len_extra(code: u16) -> u32 {
    u32::from(code / 4).saturating_sub(1)
}

/// How many extra bits follow the code of a distance: none for four codes, then one more for every two.
fn distance_extra(code: u16) -> u32 {
    u32::from(code / 2).saturating_sub(1)
}

const STORED: u8 = 0b00;
const FIXED: u8 = 0b01;

/// The symbol at the end of a block (§3.2.5).
const END: u16 = 256;

/// The greatest length of a copy, which has a code of its own (§3.2.5).
const MAX_LEN: u32 = 258;

/// The greatest distance of a copy (§3.2.5).
const MAX_DISTANCE: u32 = 32_768;
