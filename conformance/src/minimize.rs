//! Smaller inputs, from which the smallest that still shows a difference is chosen.

use crate::mutate::{self, Frames};

/// Whether an input is frames or the head of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Frames,
    Head,
}

/// Inputs that are simpler than `input`, the simplest first; at most a few hundred.
pub(crate) fn candidates(input: &[u8], shape: Shape) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let units = match shape {
        Shape::Frames => {
            let frames = Frames::read(input);
            found.extend(simpler_frames(&frames));
            let mut units: Vec<_> = frames.frames.iter().map(crate::frame::Frame::to_bytes).collect();
            units.push(frames.rest);
            units
        }
        Shape::Head => mutate::lines(input),
    };
    without_runs(&units, &mut found);
    let single: Vec<_> = input.iter().map(|byte| vec![*byte]).collect();
    without_runs(&single, &mut found);
    found.retain(|candidate| is_simpler(candidate, input));
    found.sort_by_cached_key(|candidate| cost(candidate));
    found.dedup();
    found.truncate(MAX_CANDIDATES);
    found
}

/// All without one run of units, which is half of them, a quarter, and so on.
fn without_runs(units: &[Vec<u8>], found: &mut Vec<Vec<u8>>) {
    let mut run = units.len().div_ceil(2);
    while run > 0 {
        for (number, _) in units.chunks(run).enumerate().take(MAX_RUNS) {
            let kept = units.chunks(run).enumerate().filter(|(index, _)| *index != number);
            found.push(kept.flat_map(|(_, units)| units.concat()).collect());
        }
        run /= 2;
    }
}

/// The same frames, one of them with half its payload, or one byte less, or zeros as its mask.
fn simpler_frames(input: &Frames) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (at, frame) in input.frames.iter().enumerate().take(MAX_RUNS) {
        let len = frame.payload.len();
        let mut change = |payload: Vec<u8>, mask| {
            let mut changed = input.clone();
            if let Some(frame) = changed.frames.get_mut(at) {
                frame.payload = payload;
                frame.mask = mask;
                mutate::length_that_fits(frame);
            }
            found.push(changed.to_bytes());
        };
        let (first, second) = frame.payload.split_at_checked(len / 2).unwrap_or_default();
        change(first.to_vec(), frame.mask);
        change(second.to_vec(), frame.mask);
        change(frame.payload.iter().take(len.saturating_sub(1)).copied().collect(), frame.mask);
        change(frame.payload.iter().skip(1).copied().collect(), frame.mask);
        change(frame.payload.clone(), frame.mask.map(|_| [0; 4]));
    }
    found
}

fn is_simpler(candidate: &[u8], input: &[u8]) -> bool {
    cost(candidate) < cost(input)
}

/// Fewer bytes are simpler; of as many, those with more zeros.
fn cost(input: &[u8]) -> (usize, usize) {
    (input.len(), input.iter().filter(|byte| **byte != 0).count())
}

const MAX_CANDIDATES: usize = 200;
const MAX_RUNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies the first candidate that `shows` accepts, until there is none.
    fn smallest(input: &[u8], shape: Shape, shows: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut input = input.to_vec();
        while let Some(smaller) = candidates(&input, shape).into_iter().find(|candidate| shows(candidate)) {
            input = smaller;
        }
        input
    }

    #[test]
    fn one_frame_of_many_is_found_and_its_payload_shrinks() {
        let mut input = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".repeat(20);
        input.extend(b"\x89\x84\x01\x02\x03\x04wxyz");
        input.extend(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".repeat(20));
        let has_masked_ping = |input: &[u8]| {
            Frames::read(input).frames.iter().any(|frame| frame.opcode == 9 && frame.mask.is_some())
        };
        assert_eq!(
            smallest(&input, Shape::Frames, has_masked_ping),
            b"\x09\x80\0\0\0\0".map(|byte| if byte == 9 { 0x89 } else { byte })
        );
    }

    #[test]
    fn one_line_of_a_head_is_found() {
        let input = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
        let has_upgrade = |input: &[u8]| input.windows(7).any(|window| window == b"Upgrade");
        assert_eq!(smallest(input, Shape::Head, has_upgrade), b"Upgrade");
    }

    #[test]
    fn candidates_are_bounded_and_every_one_is_simpler() {
        let input = vec![b'a'; 5000];
        let found = candidates(&input, Shape::Head);
        assert!(found.len() <= MAX_CANDIDATES && !found.is_empty());
        assert!(found.iter().all(|candidate| is_simpler(candidate, &input)));
        assert!(candidates(b"", Shape::Frames).is_empty());
    }
}
