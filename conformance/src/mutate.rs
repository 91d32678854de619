//! Changes of an input: of its frames or its lines, and of its bytes. A seed repeats them.

use crate::frame::{self, Frame};

/// SplitMix64: the same numbers for the same seed, on every machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = self.next().checked_rem(end as u64).unwrap_or(0);
        usize::try_from(number).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// An input of frames, of which the rest may be no whole frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    pub(crate) frames: Vec<Frame>,
    pub(crate) rest: Vec<u8>,
}

impl Frames {
    pub(crate) fn read(mut bytes: &[u8]) -> Self {
        let mut frames = Vec::new();
        while let Some((frame, len)) = Frame::read(bytes) {
            frames.push(frame);
            bytes = bytes.get(len..).unwrap_or_default();
        }
        Self { frames, rest: bytes.to_vec() }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.frames.iter().flat_map(Frame::to_bytes).chain(self.rest.iter().copied()).collect()
    }
}

/// Changes frames one to three times; `other` is another input, from which frames may come.
pub(crate) fn frames(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let mut input = Frames::read(&bytes);
        if input.frames.is_empty() || random.below(4) == 0 {
            self::bytes(&mut bytes, random);
            continue;
        }
        change_frames(&mut input, &Frames::read(other).frames, random);
        bytes = input.to_bytes();
    }
    bytes
}

fn change_frames(input: &mut Frames, other: &[Frame], random: &mut Random) {
    let at = random.below(input.frames.len());
    let Some(frame) = input.frames.get_mut(at) else { return };
    let mask = frame.mask;
    match random.below(14) {
        0 => frame.fin ^= true,
        1 => frame.rsv ^= 1 << random.below(3),
        2 => frame.opcode = random.byte() & 0xf,
        3 => {
            frame.mask = match frame.mask {
                Some(_) => None,
                None => Some([random.byte(), random.byte(), random.byte(), random.byte()]),
            }
        }
        4 => frame.length_form = if frame.length_form == 16 { 64 } else { 16 },
        5 | 6 => bytes(&mut frame.payload, random),
        7 => {
            let piece = random.choose(PIECES).copied().unwrap_or_default();
            let at = random.below(frame.payload.len().saturating_add(1));
            frame.payload.splice(at..at, piece.iter().copied());
            length_that_fits(frame);
        }
        8 => {
            let code = [999, 1000, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000];
            let code = random.choose(&code).copied().unwrap_or(0);
            let close = Frame::new(frame::CLOSE, &frame::close_payload(code, ""), mask);
            input.frames.insert(at, close);
        }
        9 => {
            let opcode = [frame::PING, frame::PONG, frame::CONTINUATION, frame::TEXT, frame::BINARY];
            let opcode = random.choose(&opcode).copied().unwrap_or(0);
            let len = [0, 1, 125, 126].get(random.below(4)).copied().unwrap_or(0);
            input.frames.insert(at, Frame::new(opcode, &vec![b'a'; len], mask));
        }
        10 => {
            let again = frame.clone();
            input.frames.insert(at, again);
        }
        11 => {
            input.frames.remove(at);
        }
        12 => split(input, at, random),
        _ => {
            if let Some(other) = random.choose(other) {
                // With the mask that this role expects.
                let other =
                    Frame { mask: if mask.is_some() { other.mask.or(mask) } else { None }, ..other.clone() };
                input.frames.insert(at, other);
            }
        }
    }
}

/// Makes two fragments of a frame.
fn split(input: &mut Frames, at: usize, random: &mut Random) {
    let Some(frame) = input.frames.get_mut(at) else { return };
    let middle = random.below(frame.payload.len().saturating_add(1));
    let second = Frame {
        fin: frame.fin,
        ..Frame::new(frame::CONTINUATION, &frame.payload.split_off(middle), frame.mask)
    };
    frame.fin = false;
    length_that_fits(frame);
    input.frames.insert(at.saturating_add(1), second);
}

/// Gives a frame the shortest length that fits.
pub(crate) fn length_that_fits(frame: &mut Frame) {
    frame.length_form = Frame::new(frame.opcode, &frame.payload, None).length_form;
}

/// Changes the head of a request or a response one to three times; `other` is another head.
pub(crate) fn head(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        if random.below(3) == 0 {
            self::bytes(&mut bytes, random);
            continue;
        }
        let mut lines = lines(&bytes);
        let at = random.below(lines.len());
        let Some(line) = lines.get_mut(at) else { continue };
        match random.below(8) {
            0 => {
                lines.remove(at);
            }
            1 => {
                let again = line.clone();
                lines.insert(at, again);
            }
            2 => {
                let last = lines.len().saturating_sub(1);
                lines.swap(at, random.below(last));
            }
            3 => line.iter_mut().for_each(|byte| {
                *byte = if byte.is_ascii_lowercase() {
                    byte.to_ascii_uppercase()
                } else {
                    byte.to_ascii_lowercase()
                }
            }),
            4 => {
                let piece = random.choose(HEAD_PIECES).copied().unwrap_or_default();
                let at = random.below(line.len());
                line.splice(at..at, piece.iter().copied());
            }
            5 => {
                // A bare LF.
                if line.ends_with(b"\r\n") {
                    line.truncate(line.len().saturating_sub(2));
                    line.push(b'\n');
                }
            }
            6 => line.truncate(random.below(line.len())),
            _ => {
                let others = self::lines(other);
                if let Some(other) = random.choose(&others) {
                    lines.insert(at.max(1), other.clone());
                }
            }
        }
        bytes = lines.concat();
    }
    bytes
}

/// The lines of a head, each with its end.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// Changes some bytes, without regard to what they mean.
fn bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match (random.below(6), bytes.get_mut(at)) {
        (0, Some(byte)) => *byte ^= 1 << random.below(8),
        (1, Some(byte)) => *byte = random.byte(),
        (2, Some(byte)) => {
            *byte = random.choose(&[0, 0x7e, 0x7f, 0x80, 0xfe, 0xff, b'\r', b'\n']).copied().unwrap_or(0);
        }
        (3, Some(_)) => {
            let end = at.saturating_add(random.below(8)).saturating_add(1).min(bytes.len());
            bytes.drain(at..end);
        }
        (4, Some(_)) => bytes.truncate(at),
        _ => {
            let piece = random.choose(PIECES).copied().unwrap_or_default();
            bytes.splice(at..at, piece.iter().copied());
        }
    }
}

/// What text and close frames are often wrong about.
const PIECES: &[&[u8]] = &[
    b"\x00",
    b"\xff",
    b"\x80",
    b"\xc0\x80",
    b"\xc3\xa9",
    b"\xe2\x82",
    b"\xe2\x82\xac",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80",
    b"\xf4\x90\x80\x80",
    b"\x03\xe8",
    b"\x03\xed",
    b"\x00\x00\xff\xff",
    b"aaaaaaaaaaaaaaaa",
];

const HEAD_PIECES: &[&[u8]] = &[
    b" ",
    b"\t",
    b",",
    b", ",
    b";",
    b"=",
    b"\"",
    b":",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n ",
    b"\x00",
    b"\x80",
    b"\xff",
    b"websocket",
    b"Upgrade",
    b"keep-alive, ",
    b"13",
    b"; server_max_window_bits=8",
    b"; client_max_window_bits",
    b"permessage-deflate, ",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_repeats_and_another_seed_differs() {
        let input = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80\x01\x02\x03\x04";
        let all = |seed| {
            let mut random = Random::new(seed);
            (0..200).map(|_| frames(input, input, &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
        let distinct: std::collections::HashSet<_> = all(1).into_iter().collect();
        assert!(distinct.len() > 150, "{}", distinct.len());
    }

    #[test]
    fn frames_are_read_and_written_and_the_rest_is_kept() {
        let input = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89";
        let read = Frames::read(input);
        assert_eq!((read.frames.len(), read.rest.as_slice()), (1, b"\x89".as_slice()));
        assert_eq!(read.frames[0].payload, b"Hello");
        assert_eq!(read.to_bytes(), input);
    }

    #[test]
    fn heads_change_and_no_input_makes_it_panic() {
        let mut random = Random::new(7);
        let input = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(lines(input).len(), 3);
        let changed = (0..200).filter(|_| head(input, input, &mut random) != input).count();
        assert!(changed > 150, "{changed}");
        for _ in 0..200 {
            let made = head(b"", b"", &mut random);
            frames(&made, b"", &mut random);
        }
    }
}
