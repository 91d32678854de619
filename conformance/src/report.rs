//! What is printed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::case::Tier;
use crate::escape;
use crate::expectations::Comparison;
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

/// Prints the cases that failed, a table of the sections, and how many cases had each verdict.
pub(crate) fn print(outcomes: &[Outcome], comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict.is_bad() && outcome.known.is_none()) {
        let (verdict, tier) = (word(outcome.verdict), tier(outcome.tier));
        writeln!(out, "{verdict} {} [{tier}, cut: {}]", outcome.case, escape::terminal(&outcome.cut))?;
        writeln!(out, "    rule:     {}", outcome.rule)?;
        writeln!(out, "    expected: {}", outcome.expected)?;
        // An implementation can send what moves the cursor.
        writeln!(out, "    observed: {}", escape::terminal(&outcome.observed))?;
    }
    for case in &comparison.unexpected_passes {
        writeln!(out, "passed, but is expected to fail: {case}")?;
    }
    print_sections(outcomes, out)?;
    let known = match comparison.known_failures {
        0 => String::new(),
        known => format!(" ({known} of the failures are known)"),
    };
    writeln!(out, "{}{known}", counts(outcomes.iter()))
}

fn print_sections(outcomes: &[Outcome], out: &mut impl Write) -> io::Result<()> {
    let mut sections: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict != Verdict::NotAsked) {
        sections.entry(outcome.case.section()).or_default().push(outcome);
    }
    for (section, outcomes) in sections {
        writeln!(out, "{section:14} {}", counts(outcomes.into_iter()))?;
    }
    Ok(())
}

fn counts<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for outcome in outcomes {
        let count = counts.entry(outcome.verdict).or_default();
        *count = count.saturating_add(1);
    }
    let counts: Vec<_> =
        counts.iter().map(|(verdict, count)| format!("{count} {}", word(*verdict))).collect();
    counts.join(", ")
}

pub(crate) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Must => "must",
        Tier::Should => "should",
        Tier::Interop => "interop",
    }
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
