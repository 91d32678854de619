//! A simple DEFLATE writer (RFC 1951 §3.2): stored blocks, and blocks of fixed codes.

/// A stream of blocks, written bit by bit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    bytes: Vec<u8>,
    /// How many bits of the last byte are used; 0 if all are.
    used: u32,
}

impl Blocks {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A block of literals.
    pub(crate) fn fixed(self, is_final: bool, literals: &[u8]) -> Self {
        let block = self.begin(is_final);
        literals.iter().fold(block, |block, byte| block.literal(*byte)).end()
    }

    /// The header of a block of fixed codes.
    pub(crate) fn begin(self, is_final: bool) -> Self {
        self.bits(u32::from(is_final), 1).bits(0b01, 2)
    }

    pub(crate) fn literal(self, byte: u8) -> Self {
        match u32::from(byte) {
            low @ ..144 => self.code(0b0011_0000 + low, 8),
            high => self.code(0b1_1001_0000 + high - 144, 9),
        }
    }

    /// A copy of `len` bytes (258, or 3 to 10) from `distance` bytes back.
    pub(crate) fn copy(self, len: u32, distance: u32) -> Self {
        let block = match len {
            258 => self.code(0b1100_0101, 8),
            3..=10 => self.code(len - 2, 7),
            _ => panic!("no code for {len}"),
        };
        // From code 4 on, each pair of codes has one extra bit more.
        let code = (0..30).rev().find(|code| base(*code) <= distance).expect("a distance");
        block.code(code, 5).bits(distance - base(code), extra(code))
    }

    /// The end of a block of fixed codes.
    pub(crate) fn end(self) -> Self {
        self.code(0, 7)
    }

    /// A stored block.
    pub(crate) fn stored(self, is_final: bool, bytes: &[u8]) -> Self {
        let mut block = self.bits(u32::from(is_final), 1).bits(0b00, 2).aligned();
        let len = bytes.len() as u16;
        block.bytes.extend(len.to_le_bytes());
        block.bytes.extend((!len).to_le_bytes());
        block.bytes.extend(bytes);
        block
    }

    /// Continues at the next byte, as after a final block.
    pub(crate) fn aligned(mut self) -> Self {
        self.used = 0;
        self
    }

    /// The stream as a message: with an empty stored block at the end, without its last four bytes (RFC 7692 §7.2.1).
    pub(crate) fn message(self) -> Vec<u8> {
        let mut bytes = self.stored(false, b"").bytes;
        bytes.truncate(bytes.len() - 4);
        bytes
    }

    /// The stream as it is.
    pub(crate) fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes the low `count` bits of `value`, the lowest first.
    pub(crate) fn bits(mut self, value: u32, count: u32) -> Self {
        for place in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> place & 1) as u8) << self.used;
            self.used = (self.used + 1) % 8;
        }
        self
    }

    /// Writes a code, its highest bit first.
    fn code(self, code: u32, len: u32) -> Self {
        (0..len).rev().fold(self, |block, place| block.bits(code >> place, 1))
    }
}

/// The shortest distance of a code.
pub(crate) fn base(code: u32) -> u32 {
    (0..code).map(|code| 1 << extra(code)).sum::<u32>() + 1
}

/// How many extra bits are added to it.
pub(crate) fn extra(code: u32) -> u32 {
    (code / 2).saturating_sub(1)
}
