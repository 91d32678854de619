//! Changes cases at random, and compares what a reference observes with what a runner or a server does.
//!
//! The reference's observation becomes what the changed case expects, so a finding is a case like any other: the suite
//! reads it again with `--cases`.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::case::{Ask, Case, Role};
use crate::encoding::{to_hex, to_latin1};
use crate::escape::terminal;
use crate::finding::{Finding, text};
use crate::minimize::{self, Shape};
use crate::mutate::{self, Random};
use crate::options::Fuzz;
use crate::pair::Pair;
use crate::session;

/// A case from which others are made.
#[derive(Debug)]
struct Seed {
    case: Case,
    bytes: Vec<u8>,
    shape: Shape,
}

/// Performs `wsconform fuzz`.
pub(crate) async fn run(options: Fuzz) -> Result<ExitCode, String> {
    options.save.as_deref().map_or(Ok(()), session::can_be_saved_in)?;
    let pair = Pair::new(&options).await?;
    let cases = session::selected(&options.select)?.into_iter().filter(|case| pair.can_ask(case));
    let seeds: Vec<_> = cases.filter_map(Seed::of).collect();
    if seeds.is_empty() {
        return Err("no selected case has an input that can be changed".to_owned());
    }
    let end = options.time.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
    let bar = progress(options.mutants);
    let mut random = Random::new(options.seed);
    let (mut findings, mut known, mut made) = (Vec::new(), HashSet::new(), 0_u64);
    while made < options.mutants && findings.len() < MAX_FINDINGS && !is_past(end) {
        // A server that hangs takes long for each: the end of the time is looked at after a few.
        let most = BATCH.min(pair.at_a_time());
        let batch = usize::try_from(options.mutants.saturating_sub(made)).map_or(most, |left| left.min(most));
        let mutants = (0..batch).map(|_| {
            made = made.saturating_add(1);
            mutant(&seeds, made, options.seed, &mut random)
        });
        let mutants = mutants.collect::<Result<Vec<_>, String>>()?;
        for (finding, shape) in pair.compare(&mutants).await?.into_iter().zip(&mutants) {
            let (Some(finding), Some(seed)) = (finding, Seed::of(shape.clone())) else { continue };
            if findings.len() >= MAX_FINDINGS || !known.insert(finding.signature.clone()) {
                continue;
            }
            let finding = minimized(&pair, finding, seed, end).await?;
            bar.suspend(|| print(&finding)).map_err(|error| format!("standard output: {error}"))?;
            findings.push(finding);
            if let Some(directory) = &options.save {
                save(directory, options.seed, &findings)?;
            }
        }
        bar.set_position(made);
        bar.set_message(format!("{} findings", findings.len()));
    }
    bar.finish_and_clear();
    println!("{} findings in {made} cases with --seed {}", findings.len(), options.seed);
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| Instant::now() >= end)
}

fn progress(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}

impl Seed {
    fn of(case: Case) -> Option<Self> {
        let (bytes, shape) = match &case.ask {
            Ask::Receive(receive) => (
                receive.chunks.iter().flat_map(|chunk| chunk.0.iter().copied()).collect::<Vec<_>>(),
                Shape::Frames,
            ),
            Ask::Request(request) => (request.bytes.0.clone(), Shape::Head),
            Ask::Response(response) => (response.bytes.0.clone(), Shape::Head),
            _ => return None,
        };
        (1..=MAX_INPUT).contains(&bytes.len()).then_some(Self { case, bytes, shape })
    }

    /// The same case with another input, and without its expectations.
    fn with_input(&self, bytes: &[u8], name: Option<&str>) -> Result<Case, String> {
        let members = self.case.json.as_object().into_iter().flatten();
        let kept = members.filter(|(name, _)| !DROPPED.contains(&name.as_str()));
        let mut json: Map<_, _> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut set = |name: &str, value: Value| json.insert(name.to_owned(), value);
        match self.shape {
            Shape::Frames => set("chunks", json!([to_hex(bytes)])),
            Shape::Head => set("bytes", json!(to_latin1(bytes))),
        };
        set("split", json!(if bytes.len() <= MAX_EVERY { "every" } else { "sample" }));
        set("expect", json!({"outcome": "pending"}));
        if let Some(name) = name {
            set("id", json!(name));
            set("title", json!(format!("a change of {}", self.case.id)));
            set("why", json!("found by fuzzing; the expectation is what the reference did"));
            set("tier", json!("interop"));
        }
        Case::parse(&Value::Object(json).to_string())
    }
}

/// The mutant with this number.
fn mutant(seeds: &[Seed], number: u64, seed: u64, random: &mut Random) -> Result<Case, String> {
    let (at, other) = (random.below(seeds.len()), random.below(seeds.len()));
    let Some(from) = seeds.get(at) else { return Err("no case to change".to_owned()) };
    // Frames go into frames, and lines into heads.
    let other = seeds.get(other).filter(|other| other.shape == from.shape).unwrap_or(from);
    let mut bytes = match from.shape {
        Shape::Frames => mutate::frames(&from.bytes, &other.bytes, random),
        Shape::Head => mutate::head(&from.bytes, &other.bytes, random),
    };
    bytes.truncate(MAX_INPUT);
    let role = match from.case.role {
        Role::Client => "client",
        Role::Server => "server",
    };
    let name = format!("{}/fuzz-{seed}-{number}/{role}", from.case.id.section());
    from.with_input(&bytes, Some(&name))
}

/// The smallest input that was found with the same difference, up to the end of the time.
async fn minimized(
    pair: &Pair,
    mut finding: Finding,
    mut seed: Seed,
    end: Option<Instant>,
) -> Result<Finding, String> {
    for _ in 0..MAX_ROUNDS {
        if is_past(end) {
            break;
        }
        let inputs = minimize::candidates(&seed.bytes, seed.shape);
        let cases = inputs.iter().map(|input| seed.with_input(input, None)).collect::<Result<Vec<_>, _>>()?;
        match smaller(pair, &finding, &cases).await? {
            Some(smaller) => (finding, seed) = smaller,
            None => break,
        }
    }
    Ok(finding)
}

/// The first of the cases that shows the same difference.
async fn smaller(pair: &Pair, finding: &Finding, cases: &[Case]) -> Result<Option<(Finding, Seed)>, String> {
    for cases in cases.chunks(pair.at_a_time()) {
        let found = pair.compare(cases).await?.into_iter().zip(cases).find_map(|(found, case)| {
            let found = found.filter(|found| found.signature == finding.signature)?;
            Some((found, Seed::of(case.clone())?))
        });
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn print(finding: &Finding) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let input =
        if finding.case["chunks"].is_null() { &finding.case["bytes"] } else { &finding.case["chunks"] };
    writeln!(out, "{} ({})", terminal(&finding.signature), text(&finding.case["id"]))?;
    writeln!(out, "    from:     {}", text(&finding.case["title"]))?;
    writeln!(out, "    input:    {input}")?;
    writeln!(out, "    expected: {} {}", finding.case["expect"], finding.case["replies"])?;
    writeln!(out, "    observed: {}", terminal(&finding.observed))
}

/// Writes all findings so far, as cases.
fn save(directory: &Path, seed: u64, findings: &[Finding]) -> Result<(), String> {
    let failed = |error| format!("--save {}: {error}", directory.display());
    fs::create_dir_all(directory).map_err(failed)?;
    let lines: String = findings.iter().map(|finding| finding.case.to_string() + "\n").collect();
    fs::write(directory.join(format!("fuzz-{seed}.jsonl")), lines).map_err(failed)
}

/// How many cases a process of a runner gets at most.
const BATCH: usize = 256;

/// The longest input, in bytes.
const MAX_INPUT: usize = 4096;

/// The longest input that is cut at every byte.
const MAX_EVERY: usize = 256;

/// How often a finding is made smaller.
const MAX_ROUNDS: usize = 200;

/// A run ends after as many: a runner that differs everywhere needs no more.
const MAX_FINDINGS: usize = 100;

/// Members that are of the case that is changed, and that its mutants cannot have.
const DROPPED: &[&str] = &["expect", "allowed", "replies", "fail_by", "cve", "perf"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    #[test]
    fn mutant_is_a_case_and_the_same_seed_makes_the_same() {
        let seeds: Vec<_> = corpus::built_in().unwrap().into_iter().filter_map(Seed::of).collect();
        let make = || {
            let mut random = Random::new(3);
            (1..300).map(|number| mutant(&seeds, number, 3, &mut random).unwrap().json).collect::<Vec<_>>()
        };
        assert_eq!(make(), make());
        assert!(make().iter().all(|case| case["id"].as_str().unwrap().contains("/fuzz-3-")));
    }
}
