//! What is printed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::verdict::{Outcome, Verdict};

/// Writes each outcome as a line of JSON.
pub(crate) fn write_json(path: &Path, outcomes: &[Outcome]) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for outcome in outcomes {
        serde_json::to_writer(&mut file, outcome)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// Prints the cases that failed, and how many cases had each verdict.
pub(crate) fn print(outcomes: &[Outcome], out: &mut impl Write) -> io::Result<()> {
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict.is_bad()) {
        writeln!(
            out,
            "{} {} [{:?}, cut: {}]",
            word(outcome.verdict),
            outcome.case,
            outcome.tier,
            outcome.cut
        )?;
        writeln!(out, "    rule:     {}", outcome.rule)?;
        writeln!(out, "    expected: {}", outcome.expected)?;
        writeln!(out, "    observed: {}", outcome.observed)?;
    }
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for outcome in outcomes {
        let count = counts.entry(outcome.verdict).or_default();
        *count = count.saturating_add(1);
    }
    let counts: Vec<_> =
        counts.iter().map(|(verdict, count)| format!("{count} {}", word(*verdict))).collect();
    writeln!(out, "{}", counts.join(", "))
}

pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotAsked => "not asked",
        Verdict::Pass => "passed",
        Verdict::Allowed => "allowed",
        Verdict::Fail => "failed",
        Verdict::Hung => "hung",
        Verdict::Crashed => "crashed",
    }
}
