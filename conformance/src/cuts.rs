//! How the input of a case is cut into segments.
//!
//! A core can be run at every offset. On a connection each cut costs a connection, so a few are chosen: where
//! implementations have had bugs.

use crate::case::{Receive, Split};
use crate::layout::Layout;

/// One way to send an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) name: &'static str,
    /// One item for each segment; none is empty.
    pub(crate) segments: Vec<Vec<u8>>,
}

/// The cuts of the frames of a case.
pub(crate) fn of_receive(case: &Receive) -> Vec<Cut> {
    let chunks: Vec<_> = case.chunks.iter().map(|chunk| chunk.0.clone()).collect();
    of_frames(&chunks, case.split)
}

/// The cuts of frames that were given in these chunks.
fn of_frames(chunks: &[Vec<u8>], split: Split) -> Vec<Cut> {
    let given = Cut::new("given", chunks.iter().map(Vec::as_slice));
    if split == Split::Exact {
        return vec![given];
    }
    let input = chunks.concat();
    let layout = Layout::of(&input);
    let mut cuts = vec![Cut::new("whole", [input.as_slice()])];
    if chunks.len() > 1 {
        cuts.push(given);
    }
    if input.len() <= MAX_BYTES {
        cuts.push(Cut::new("bytes", input.chunks(1)));
    }
    let frames = layout.frames.get(..MAX_FRAMES).unwrap_or(&layout.frames);
    // The header alone, then the payload alone.
    let headers = frames.iter().flat_map(|[_, payload, end]| [*payload, *end]).collect();
    cuts.push(Cut::at("header ends", &input, headers));
    // Within each header, and within each payload: in the middle of a character, if there is one.
    let within = frames.iter().flat_map(|[start, payload, end]| {
        let text = input.get(*payload..*end).unwrap_or_default();
        let in_character = text.iter().position(|byte| *byte >= 0x80).map_or(1, |at| at.saturating_add(1));
        [start.saturating_add(1), payload.saturating_add(in_character).min(*end)]
    });
    cuts.push(Cut::at("within frames", &input, within.collect()));
    distinct(cuts)
}

/// The cuts of a head.
pub(crate) fn of_head(input: &[u8], split: Split) -> Vec<Cut> {
    let mut cuts = vec![Cut::new("whole", [input])];
    if split == Split::Every && input.len() <= MAX_HEAD_BYTES {
        cuts.push(Cut::new("bytes", input.chunks(1)));
    }
    if split != Split::Exact {
        // Within each of the first line ends: after CR.
        let ends = input.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n");
        let within = ends.map(|(at, _)| at.saturating_add(1)).take(MAX_FRAMES).collect();
        cuts.push(Cut::at("line ends", input, within));
    }
    distinct(cuts)
}

impl Cut {
    /// For a case that has no input to cut.
    pub(crate) fn none() -> Self {
        Self { name: "none", segments: Vec::new() }
    }

    fn new<'a>(name: &'static str, segments: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let segments = segments.into_iter().filter(|segment| !segment.is_empty());
        Self { name, segments: segments.map(<[u8]>::to_vec).collect() }
    }

    fn at(name: &'static str, input: &[u8], mut offsets: Vec<usize>) -> Self {
        offsets.sort_unstable();
        offsets.dedup();
        let mut segments = Vec::new();
        let mut start = 0;
        for offset in offsets.into_iter().chain([input.len()]) {
            segments.extend(input.get(start..offset));
            start = offset;
        }
        Self::new(name, segments)
    }
}

/// Leaves out a cut that has the segments of an earlier one.
fn distinct(cuts: Vec<Cut>) -> Vec<Cut> {
    let mut distinct: Vec<Cut> = Vec::new();
    for cut in cuts {
        if !distinct.iter().any(|other| other.segments == cut.segments) {
            distinct.push(cut);
        }
    }
    distinct
}

/// The longest input that is sent byte by byte.
const MAX_BYTES: usize = 128;
const MAX_HEAD_BYTES: usize = 220;

/// At how many frames or lines an input is cut.
const MAX_FRAMES: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_cut_where_implementations_have_had_bugs() {
        let cuts = of_frames(&[b"\x81\x04a\xc3\xa9b".to_vec()], Split::Every);
        let names: Vec<_> = cuts.iter().map(|cut| cut.name).collect();
        assert_eq!(names, ["whole", "bytes", "header ends", "within frames"]);
        assert_eq!(cuts[2].segments, [b"\x81\x04".as_slice(), b"a\xc3\xa9b"]);
        assert_eq!(cuts[3].segments, [b"\x81".as_slice(), b"\x04a\xc3", b"\xa9b"]);
        assert!(cuts.iter().all(|cut| cut.segments.concat() == b"\x81\x04a\xc3\xa9b"));
    }

    #[test]
    fn exact_input_is_sent_as_it_is_given() {
        let cuts = of_frames(&[b"\x81".to_vec(), Vec::new(), b"\x00".to_vec()], Split::Exact);
        assert_eq!(cuts.len(), 1);
        assert_eq!(cuts[0].segments, [b"\x81", b"\x00"]);
    }

    #[test]
    fn cut_that_changes_nothing_is_left_out() {
        assert_eq!(of_frames(&[Vec::new()], Split::Every).len(), 1);
        assert_eq!(of_head(b"G", Split::Every).len(), 1);
    }
}
