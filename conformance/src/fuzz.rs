//! Changes cases at random, and compares what two runners observe: a reference, and the one under test.
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
use crate::judge::{self, Fit};
use crate::minimize::{self, Shape};
use crate::mutate::{self, Random};
use crate::options::Fuzz;
use crate::pipe_door::PipeDoor;
use crate::session;
use crate::verdict::Verdict;

/// A case from which others are made.
#[derive(Debug)]
struct Seed {
    case: Case,
    bytes: Vec<u8>,
    shape: Shape,
}

/// What a runner did with a case.
#[derive(Clone, Debug)]
enum Reported {
    Line(Value),
    /// It ended or hung.
    Stopped(Verdict, String),
}

/// A case in which the two differ.
#[derive(Debug)]
struct Finding {
    /// With the reference's observation as its expectation.
    case: Value,
    /// What differs: findings with the same one are reported once.
    signature: String,
    observed: String,
}

/// The two runners.
#[derive(Debug)]
struct Pair {
    reference: PipeDoor,
    subject: PipeDoor,
}

/// Performs `wsconform fuzz`.
pub(crate) async fn run(options: Fuzz) -> Result<ExitCode, String> {
    let seeds: Vec<_> = session::selected(&options.select)?.into_iter().filter_map(Seed::of).collect();
    if seeds.is_empty() {
        return Err("no selected case has an input that can be changed".to_owned());
    }
    let patience = Duration::from_secs(options.timeout);
    let reference = program(&options.reference);
    let pair = Pair {
        reference: PipeDoor { program: reference, patience },
        subject: PipeDoor { program: options.program.clone(), patience },
    };
    let end = options.time.map(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
    let bar = progress(options.mutants);
    let mut random = Random::new(options.seed);
    let (mut findings, mut known, mut made) = (Vec::new(), HashSet::new(), 0_u64);
    while made < options.mutants
        && findings.len() < MAX_FINDINGS
        && end.flatten().is_none_or(|end| Instant::now() < end)
    {
        let batch =
            usize::try_from(options.mutants.saturating_sub(made)).map_or(BATCH, |left| left.min(BATCH));
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
            let finding = pair.minimized(finding, seed).await?;
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

fn progress(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// A command line with its arguments between spaces, or a program whose path has spaces.
fn program(command: &str) -> Vec<String> {
    if Path::new(command).is_file() {
        return vec![command.to_owned()];
    }
    command.split_whitespace().map(str::to_owned).collect()
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

impl Pair {
    /// Runs the cases through both, and returns where they differ.
    async fn compare(&self, cases: &[Case]) -> Result<Vec<Option<Finding>>, String> {
        let (reference, subject) =
            tokio::join!(observe(&self.reference, cases), observe(&self.subject, cases));
        let reports = reference?.into_iter().zip(subject?);
        Ok(cases
            .iter()
            .zip(reports)
            .map(|(case, (reference, subject))| compare(case, &reference, &subject))
            .collect())
    }

    /// The smallest input that was found with the same difference.
    async fn minimized(&self, mut finding: Finding, mut seed: Seed) -> Result<Finding, String> {
        for _ in 0..MAX_ROUNDS {
            let inputs = minimize::candidates(&seed.bytes, seed.shape);
            let cases =
                inputs.iter().map(|input| seed.with_input(input, None)).collect::<Result<Vec<_>, _>>()?;
            let found = self.compare(&cases).await?.into_iter().zip(cases).find_map(|(found, case)| {
                let found = found.filter(|found| found.signature == finding.signature)?;
                Some((found, Seed::of(case)?))
            });
            match found {
                Some(smaller) => (finding, seed) = smaller,
                None => break,
            }
        }
        Ok(finding)
    }
}

async fn observe(runner: &PipeDoor, cases: &[Case]) -> Result<Vec<Reported>, String> {
    let of_line = |case: &Case, line: &str| crate::pipe_door::line_of(case, line).map(Reported::Line);
    let of_stop = |_: &Case, verdict, why| Reported::Stopped(verdict, why);
    runner.each(cases, of_line, of_stop, &mut |_| {}).await
}

/// What differs, if anything does.
fn compare(case: &Case, reference: &Reported, subject: &Reported) -> Option<Finding> {
    let finding = |case: &Value, what: String, observed: String| {
        let (kind, role) = (text(&case["kind"]), text(&case["role"]));
        Some(Finding { case: case.clone(), signature: format!("{kind}, {role}: {what}"), observed })
    };
    let reference = match reference {
        Reported::Line(line) => line,
        Reported::Stopped(verdict, why) => {
            return finding(
                &case.json,
                format!("the reference {}", crate::report::word(*verdict)),
                why.clone(),
            );
        }
    };
    // The reference cannot run it.
    let expected = reference["observed"].as_object().map(|_| &reference["observed"])?;
    let mut json = case.json.clone();
    for (name, value) in expectation(text(&json["kind"]), expected) {
        json[name] = value;
    }
    if judge::judge(&json, reference) == Fit::Wrong {
        return finding(&json, "the reference depends on the cut".to_owned(), reference.to_string());
    }
    let line = match subject {
        Reported::Line(line) => line,
        Reported::Stopped(verdict, why) => {
            return finding(&json, crate::report::word(*verdict).to_owned(), why.clone());
        }
    };
    let what = match line["error"].as_str() {
        Some(error) if error.starts_with("unsupported") => return None,
        Some(_) => "error".to_owned(),
        None if judge::judge(&json, line) != Fit::Wrong => return None,
        None if !line["differs"].is_null() => "depends on the cut".to_owned(),
        None => difference(expected, &line["observed"]),
    };
    finding(&json, what, line.to_string())
}

/// Names what differs between two observations.
fn difference(expected: &Value, observed: &Value) -> String {
    let short = |of: &Value| {
        let number = ["code", "status"].into_iter().find_map(|name| of[name].as_u64());
        number.map_or_else(
            || text(&of["outcome"]).to_owned(),
            |number| format!("{} {number}", text(&of["outcome"])),
        )
    };
    let (reference, subject) = (short(expected), short(observed));
    if reference != subject {
        return format!("{subject}, reference: {reference}");
    }
    let members = expected.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let mut differ = members.filter(|name| COMPARED.contains(name) && expected[name] != observed[name]);
    format!("{subject}, other {}", differ.next().unwrap_or("members"))
}

/// The members of a case that expect what the reference observed.
fn expectation(kind: &str, observed: &Value) -> Vec<(&'static str, Value)> {
    let members: &[&str] = match kind {
        "receive" => &["outcome", "events", "code"],
        "request" => &["outcome", "accept", "resource", "subprotocol", "leftover", "status"],
        _ => &["outcome", "subprotocol", "deflate", "leftover", "status", "body"],
    };
    let of = |from: &Value, members: &[&str]| {
        let there = members.iter().filter(|name| from.get(**name).is_some());
        Value::Object(there.map(|name| ((*name).to_owned(), from[*name].clone())).collect())
    };
    let mut expect = of(observed, members);
    let mut all = Vec::new();
    if kind == "receive" {
        if expect["code"].is_null() {
            expect.as_object_mut().and_then(|members| members.remove("code"));
        }
        let replies = observed["replies"].as_array().into_iter().flatten();
        let replies = replies.map(|reply| match text(&reply["type"]) {
            "pong" => of(reply, &["type", "hex"]),
            _ => of(reply, &["type", "code"]),
        });
        all.push(("replies", Value::Array(replies.collect())));
    } else if kind == "request" && observed["deflate"].is_object() {
        expect["deflate"] = json!({});
    }
    all.push(("expect", expect));
    all
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
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
    let failed = |error| format!("{}: {error}", directory.display());
    fs::create_dir_all(directory).map_err(failed)?;
    let lines: String = findings.iter().map(|finding| finding.case.to_string() + "\n").collect();
    fs::write(directory.join(format!("fuzz-{seed}.jsonl")), lines).map_err(failed)
}

/// How many cases a process of a runner gets.
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

/// Members of an observation that name a difference.
const COMPARED: &[&str] =
    &["events", "replies", "accept", "resource", "subprotocol", "leftover", "deflate", "body"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    fn hello() -> Case {
        let all = corpus::built_in().unwrap();
        all.into_iter().find(|case| case.id.0 == "6455/5.7/text-hello/server").unwrap()
    }

    fn line(observed: &str) -> Reported {
        let line = format!(r#"{{"id":"x","splits":1,"observed":{observed},"differs":null}}"#);
        Reported::Line(serde_json::from_str(&line).unwrap())
    }

    #[test]
    fn difference_is_found_and_named() {
        let open =
            line(r#"{"outcome":"open","events":[{"type":"text","text":"a"}],"code":null,"replies":[]}"#);
        let fail = |code| {
            line(&format!(
                r#"{{"outcome":"fail","events":[],"code":{code},"replies":[{{"type":"close","code":{code}}}]}}"#
            ))
        };
        let empty = line(r#"{"outcome":"open","events":[],"code":null,"replies":[]}"#);
        let unsupported = Reported::Line(json!({"id": "x", "error": "unsupported: deflate"}));
        let stopped = Reported::Stopped(Verdict::Crashed, "the runner ended".to_owned());
        for (reference, subject, wanted) in [
            (&open, &open, None),
            (&fail(1002), &fail(1002), None),
            (&open, &fail(1002), Some("receive, server: fail 1002, reference: open")),
            (&fail(1002), &fail(1007), Some("receive, server: fail 1007, reference: fail 1002")),
            (&open, &empty, Some("receive, server: open, other events")),
            (&open, &stopped, Some("receive, server: crashed")),
            (&open, &unsupported, None),
            (&unsupported, &open, None),
            (&stopped, &open, Some("receive, server: the reference crashed")),
        ] {
            let found = compare(&hello(), reference, subject);
            assert_eq!(found.map(|found| found.signature).as_deref(), wanted);
        }
    }

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
