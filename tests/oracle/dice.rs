//! Reproducible random numbers: the same seed and run give the same numbers on every machine.

/// SplitMix64, by Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, run: u64) -> Self {
        let mut dice = Self(seed);
        dice.0 = dice.next() ^ run;
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end` - 1; `end` is at least 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True with a probability of `percent`.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    pub(crate) fn key(&mut self) -> [u8; 4] {
        (self.next() as u32).to_be_bytes()
    }

    /// Text of up to `max_chars` characters of every encoded length.
    pub(crate) fn text(&mut self, max_chars: usize) -> String {
        let len = self.below(max_chars + 1);
        (0..len).map(|_| self.pick(&CHARS)).collect()
    }

    /// `bytes` in a few pieces, some of which may be empty.
    pub(crate) fn cut<'b>(&mut self, bytes: &'b [u8], pieces: usize) -> Vec<&'b [u8]> {
        let mut places: Vec<usize> = (1..pieces).map(|_| self.below(bytes.len() + 1)).collect();
        places.sort_unstable();
        let mut rest = bytes;
        let mut cut = Vec::new();
        for place in places {
            let (piece, after) = rest.split_at(place + rest.len() - bytes.len());
            cut.push(piece);
            rest = after;
        }
        cut.push(rest);
        cut
    }
}

/// The first and last characters of each length in UTF-8, those around the surrogates, and plain ones.
const CHARS: [char; 14] = [
    '\0',
    'a',
    'z',
    '\u{7f}',
    '\u{80}',
    'é',
    '\u{7ff}',
    '\u{800}',
    '€',
    '\u{d7ff}',
    '\u{e000}',
    '\u{ffff}',
    '\u{10000}',
    '\u{10ffff}',
];
