//! Cuts: the same input in different pieces, which must give the same observation.
//!
//! Each cut is run from the start, by a new endpoint that gets just these pieces. Cutting at every offset therefore
//! takes time quadratic in the length of the input, but little: one or two seconds for the longest input. An input
//! longer than [`MAX_EVERY`] is cut at every offset near both ends, and at evenly spaced ones between; `splits` counts
//! them.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::cases::Split;

/// What was observed in one run of a case.
pub(crate) trait Observation: Serialize {
    /// Whether a cut gave the same.
    fn agrees_with(&self, cut: &Self) -> bool;
}

/// What was observed in all runs of a case.
#[derive(Serialize)]
pub(crate) struct Report<O> {
    splits: usize,
    observed: O,
    differs: Option<Difference<O>>,
}

/// The first cut that gave something else.
#[derive(Serialize)]
struct Difference<O> {
    cut: Cut,
    observed: O,
}

/// A way of cutting the input.
#[derive(Clone, Copy)]
enum Cut {
    /// In one piece, although the case has several.
    Whole,
    /// Byte by byte.
    Bytes,
    /// In two, at this offset.
    At(usize),
}

impl<O: Observation> Report<O> {
    /// The report of a case without input to cut.
    pub(crate) fn of_one_run(observed: O) -> Self {
        Self { splits: 1, observed, differs: None }
    }

    /// Runs a case with its input as given, then with each cut that it asks for, up to the first that gives something
    /// else.
    pub(crate) fn of_cuts(
        given: &[&[u8]],
        split: Split,
        run: impl Fn(&[&[u8]]) -> Result<O, String>,
    ) -> Result<Self, String> {
        let mut report = Self::of_one_run(run(given)?);
        let input = given.concat();
        for cut in cuts(given.len(), input.len(), split) {
            let observed = run(&cut.pieces(&input))?;
            report.splits = report.splits.saturating_add(1);
            if !report.observed.agrees_with(&observed) {
                report.differs = Some(Difference { cut, observed });
                break;
            }
        }
        Ok(report)
    }
}

/// The cuts to run after the input as given.
fn cuts(given_pieces: usize, len: usize, split: Split) -> Vec<Cut> {
    let offsets = match split {
        Split::Exact => return Vec::new(),
        Split::Every if len <= MAX_EVERY => (1..len).collect(),
        Split::Every => spread(len, 1024),
        Split::Sample => spread(len, 16),
    };
    let whole = (given_pieces != 1).then_some(Cut::Whole);
    whole.into_iter().chain([Cut::Bytes]).chain(offsets.into_iter().map(Cut::At)).collect()
}

/// About `count` offsets at either end, and as many between.
fn spread(len: usize, count: usize) -> BTreeSet<usize> {
    let stride = len.div_ceil(count).max(1);
    let last = len.saturating_sub(count).max(1);
    (1..len.min(count)).chain((1..len).step_by(stride)).chain(last..len).collect()
}

/// The longest input that is cut at every offset, in bytes: a payload of 64 KiB, and some bytes around it.
const MAX_EVERY: usize = 68 << 10;

impl Cut {
    fn pieces(self, input: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![input],
            Self::Bytes => input.chunks(1).collect(),
            Self::At(offset) => match input.split_at_checked(offset) {
                Some((first, second)) => vec![first, second],
                None => vec![input],
            },
        }
    }
}

impl Serialize for Cut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole => serializer.serialize_u64(0),
            Self::Bytes => serializer.serialize_str("bytes"),
            Self::At(offset) => offset.serialize(serializer),
        }
    }
}
