//! How far back the matches of a DEFLATE stream reach (RFC 1951).
//!
//! A decompressor with a large window reads what a smaller one must not have written, so an agreed window is checked
//! here: the stream is decoded without its text.

/// Returns the longest distance of a message: its payload, without the end that RFC 7692 §7.2.2 appends.
pub(crate) fn longest(payload: &[u8]) -> Option<usize> {
    let stream = [payload, &[0, 0, 0xff, 0xff]].concat();
    let mut bits = Bits { bytes: &stream, at: 0 };
    let mut longest = 0;
    while bits.at.div_ceil(8) < stream.len() {
        let is_final = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => bits.skip_stored()?,
            1 => longest = longest.max(bits.block(&fixed_literals(), &Code::new(&[5; 30]))?),
            2 => {
                let (literals, distances) = bits.dynamic_codes()?;
                longest = longest.max(bits.block(&literals, &distances)?);
            }
            _ => return None,
        }
        if is_final {
            // The next block begins at the next byte.
            bits.align();
        }
    }
    Some(longest)
}

/// Bits, from the least significant of each byte.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<usize> {
        let mut value = 0;
        for shift in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value |= usize::from(byte >> (self.at % 8) & 1) << shift;
            self.at = self.at.saturating_add(1);
        }
        Some(value)
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    fn skip_stored(&mut self) -> Option<()> {
        self.align();
        let len = self.take(16)?;
        self.take(16)?;
        self.at = self.at.checked_add(len.checked_mul(8)?)?;
        (self.at / 8 <= self.bytes.len()).then_some(())
    }

    fn dynamic_codes(&mut self) -> Option<(Code, Code)> {
        let literals = self.take(5)?.saturating_add(257);
        let distances = self.take(5)?.saturating_add(1);
        let mut order = [0; 19];
        for place in ORDER.iter().take(self.take(4)?.saturating_add(4)) {
            *order.get_mut(*place)? = self.take(3)?;
        }
        let lengths_code = Code::new(&order);
        let mut lengths = Vec::new();
        while lengths.len() < literals.saturating_add(distances) {
            let (value, times) = match lengths_code.read(self)? {
                16 => (*lengths.last()?, self.take(2)?.saturating_add(3)),
                17 => (0, self.take(3)?.saturating_add(3)),
                18 => (0, self.take(7)?.saturating_add(11)),
                length => (length, 1),
            };
            lengths.extend(std::iter::repeat_n(value, times));
        }
        let (literals, rest) = lengths.split_at_checked(literals)?;
        Some((Code::new(literals), Code::new(rest.get(..distances)?)))
    }

    /// Reads the symbols of a block; returns the longest distance.
    fn block(&mut self, literals: &Code, distances: &Code) -> Option<usize> {
        let mut longest = 0;
        loop {
            match literals.read(self)? {
                0..=255 => {}
                256 => return Some(longest),
                symbol => {
                    let extra_bits = match symbol {
                        257..=264 | 285 => 0,
                        265..=284 => symbol.saturating_sub(261) / 4,
                        _ => return None,
                    };
                    self.take(extra_bits)?;
                    let symbol = distances.read(self)?;
                    let extra_bits = (symbol / 2).saturating_sub(1);
                    let base = if symbol < 4 { symbol } else { (symbol % 2).saturating_add(2) << extra_bits };
                    let distance = base.saturating_add(self.take(extra_bits)?).saturating_add(1);
                    longest = longest.max(distance);
                }
            }
        }
    }
}

/// A canonical Huffman code (RFC 1951 §3.2.2).
struct Code {
    /// How many symbols have each length.
    counts: [usize; 16],
    /// Symbols by length, then by value.
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0_usize; 16];
        let mut symbols: Vec<usize> = (0..lengths.len()).collect();
        for length in lengths {
            if let Some(count) = counts.get_mut(*length) {
                *count = count.saturating_add(1);
            }
        }
        counts[0] = 0;
        symbols.retain(|symbol| lengths.get(*symbol) != Some(&0));
        symbols.sort_by_key(|symbol| lengths.get(*symbol));
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let (mut code, mut first, mut index) = (0_usize, 0_usize, 0_usize);
        for count in self.counts.iter().skip(1) {
            code |= bits.take(1)?;
            if let Some(offset) = code.checked_sub(first).filter(|offset| offset < count) {
                return self.symbols.get(index.saturating_add(offset)).copied();
            }
            index = index.saturating_add(*count);
            first = first.saturating_add(*count) << 1;
            code <<= 1;
        }
        None
    }
}

fn fixed_literals() -> Code {
    let length = |symbol| match symbol {
        0..=143 => 8,
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    };
    Code::new(&(0..288).map(length).collect::<Vec<_>>())
}

/// The order of the lengths of the code for lengths.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    #[test]
    fn distances_are_read_from_blocks_of_every_kind() {
        let noise =
            std::iter::successors(Some(1_u32), |x| Some(x.wrapping_mul(1_103_515_245).wrapping_add(12_345)));
        for (len, level) in [(700, 9), (3000, 1), (20, 9), (700, 0)] {
            let mut data: Vec<u8> =
                noise.clone().take(len).map(|x| (x >> 16).to_be_bytes()[3] % 64).collect();
            data.extend(data.clone());
            let mut packed = Vec::with_capacity(data.len() * 2 + 100);
            let mut writer = Compress::new(Compression::new(level), false);
            writer.compress_vec(&data, &mut packed, FlushCompress::Sync).unwrap();
            packed.truncate(packed.len() - 4);
            assert_eq!(longest(&packed), Some(if level == 0 { 0 } else { len }), "{len} {level}");
        }
        assert_eq!(longest(b"\xf2\x48\xcd\xc9\xc9\x07\x00"), Some(0));
        assert_eq!(longest(b"\xf2\x00\x11\x00\x00"), Some(5));
        assert_eq!(longest(b"\xff\xff"), None);
    }
}
