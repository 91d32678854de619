//! A simple DEFLATE reader (RFC 1951 §3.2): the content of a stream, and how far it looks back.

/// The content of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Puffed {
    pub(crate) output: Vec<u8>,
    /// The largest distance of any copy.
    pub(crate) max_distance: usize,
    /// The number of blocks of each type: stored, fixed, dynamic.
    pub(crate) blocks: [usize; 3],
    /// The number of blocks with BFINAL set.
    pub(crate) final_blocks: usize,
}

/// Reads `stream`, which continues what `puffed` has and may look back on it.
pub(crate) fn puff(puffed: &mut Puffed, stream: &[u8]) {
    let mut bits = Bits { bytes: stream, place: 0 };
    while bits.place < stream.len() * 8 {
        let is_final = bits.take(1) == 1;
        let kind = bits.take(2);
        puffed.blocks[kind] += 1;
        match kind {
            0 => stored(&mut bits, &mut puffed.output),
            1 => {
                let lens = [(144, 8), (112, 9), (24, 7), (8, 8)];
                let lens: Vec<_> = lens.iter().flat_map(|&(count, len)| vec![len; count]).collect();
                codes(&mut bits, puffed, &Code::new(&lens), &Code::new(&[5; 30]));
            }
            _ => {
                let (literals, distances) = dynamic(&mut bits);
                codes(&mut bits, puffed, &literals, &distances);
            }
        }
        if is_final {
            puffed.final_blocks += 1;
            bits.align();
        }
    }
}

fn stored(bits: &mut Bits<'_>, output: &mut Vec<u8>) {
    bits.align();
    let len = bits.take(16);
    assert_eq!(bits.take(16), !len & 0xFFFF, "NLEN is the complement of LEN");
    output.extend((0..len).map(|_| bits.take(8) as u8));
}

fn codes(bits: &mut Bits<'_>, puffed: &mut Puffed, literals: &Code, distances: &Code) {
    loop {
        match literals.read(bits) {
            literal @ ..256 => puffed.output.push(literal as u8),
            256 => return,
            symbol => {
                let len = length(bits, symbol - 257);
                let code = distances.read(bits) as u32;
                let distance = base(code) as usize + bits.take(extra(code));
                assert!(distance <= puffed.output.len(), "a distance beyond the beginning");
                puffed.max_distance = puffed.max_distance.max(distance);
                for _ in 0..len {
                    puffed.output.push(puffed.output[puffed.output.len() - distance]);
                }
            }
        }
    }
}

fn length(bits: &mut Bits<'_>, code: usize) -> usize {
    match code {
        ..8 => code + 3,
        28 => 258,
        _ => {
            let extra = code / 4 - 1;
            3 + ((4 + code % 4) << extra) + bits.take(extra as u32)
        }
    }
}

fn dynamic(bits: &mut Bits<'_>) -> (Code, Code) {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances, count) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
    let mut lens = [0; 19];
    for place in &ORDER[..count] {
        lens[*place] = bits.take(3);
    }
    let code = Code::new(&lens);
    let mut lens = Vec::new();
    while lens.len() < literals + distances {
        let (len, times) = match code.read(bits) {
            16 => (*lens.last().unwrap(), 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            len => (len, 1),
        };
        lens.extend(vec![len; times]);
    }
    let (literals, distances) = lens.split_at(literals);
    (Code::new(literals), Code::new(distances))
}

/// A canonical code: for each length, the symbols that have it.
struct Code(Vec<Vec<usize>>);

impl Code {
    fn new(lens: &[usize]) -> Self {
        let of_len = |len| (0..lens.len()).filter(|symbol| lens[*symbol] == len).collect();
        Self((1..16).map(of_len).collect())
    }

    fn read(&self, bits: &mut Bits<'_>) -> usize {
        let (mut code, mut first) = (0, 0);
        for symbols in &self.0 {
            code |= bits.take(1);
            if let Some(symbol) = symbols.get(code - first) {
                return *symbol;
            }
            first = (first + symbols.len()) << 1;
            code <<= 1;
        }
        panic!("no such code")
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> usize {
        (0..count).fold(0, |value, place| {
            let bit = self.bytes[self.place / 8] >> (self.place % 8) & 1;
            self.place += 1;
            value | usize::from(bit) << place
        })
    }

    fn align(&mut self) {
        self.place = self.place.next_multiple_of(8);
    }
}

/// The shortest distance of a code.
fn base(code: u32) -> u32 {
    (0..code).map(|code| 1 << extra(code)).sum::<u32>() + 1
}

/// How many extra bits are added to it.
fn extra(code: u32) -> u32 {
    (code / 2).saturating_sub(1)
}
