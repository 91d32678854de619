//! The *pipe* door: a runner for a core without sockets.
//!
//! The runner reads cases from standard input, one a line, and prints for each what it observed, in the order of the
//! cases. It gets no expectation. `cases/README.md` describes both lines.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time;

use crate::case::{Ask, Case};
use crate::fit::{self, Fit};
use crate::h2_case::NEEDS_H2;
use crate::program;
use crate::verdict::{Answer, Verdict};

/// A runner under test: a program with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct PipeDoor {
    pub(crate) program: Vec<String>,
    /// How long the runner may take for one line.
    pub(crate) patience: Duration,
}

/// The answer to a case, how many cuts the runner tried, and the cut that the answer is for.
pub(crate) type Answered = (Answer, usize, String);

impl PipeDoor {
    /// Runs the cases in one process. If it ends or hangs on the way, the rest is run in halves, until it is clear which
    /// case is the reason: a runner may read many cases ahead.
    pub(crate) async fn ask(
        &self,
        cases: &[Case],
        done: &mut impl FnMut(usize),
    ) -> Result<Vec<Answered>, String> {
        self.each(cases, answer, stopped, done).await
    }

    /// As [`ask`](Self::ask), but the caller makes something of a line, and of a runner that stopped in a case.
    pub(crate) async fn each<T>(
        &self,
        cases: &[Case],
        of_line: impl Fn(&Case, &str) -> Result<T, String>,
        of_stop: impl Fn(&Case, Verdict, String) -> T,
        done: &mut impl FnMut(usize),
    ) -> Result<Vec<T>, String> {
        let mut answers = Vec::new();
        // The ranges that are still to be run, the first one last.
        let mut ranges = vec![(0, cases.len())];
        while let Some((start, end)) = ranges.pop() {
            let range = cases.get(start..end).unwrap_or_default();
            let stopped = self.run(range, &of_line, &mut answers, done).await?;
            let answered = answers.len();
            match (stopped, end.saturating_sub(answered)) {
                (None, _) | (_, 0) => {}
                (Some((verdict, why)), 1) => {
                    answers.extend(range.last().map(|case| of_stop(case, verdict, why)));
                    done(answers.len());
                }
                (Some(_), left) => {
                    let middle = answered.saturating_add(left / 2);
                    ranges.extend([(middle, end), (answered, middle)]);
                }
            }
        }
        Ok(answers)
    }

    /// Runs the cases in one process up to its end. Returns why it stopped, if it has not answered all.
    async fn run<T>(
        &self,
        cases: &[Case],
        of_line: &impl Fn(&Case, &str) -> Result<T, String>,
        answers: &mut Vec<T>,
        done: &mut impl FnMut(usize),
    ) -> Result<Option<(Verdict, String)>, String> {
        let Some((program, arguments)) = self.program.split_first() else {
            return Err("no program was given".to_owned());
        };
        let (mut child, mut stdin, stdout) = program::start(program, arguments)?;
        let lines: String = cases.iter().map(|case| question(&case.json) + "\n").collect();
        let write = tokio::spawn(async move {
            // An error means that the runner has ended; what it has printed says the rest.
            _ = stdin.write_all(lines.as_bytes()).await;
        });
        let mut stdout = BufReader::new(stdout).lines();
        let mut stopped = None;
        for case in cases {
            match self.line(&mut stdout).await {
                Ok(line) => match of_line(case, &line) {
                    Ok(answer) => answers.push(answer),
                    Err(why) => return Err(format!("{program}: {why}")),
                },
                Err(why) => {
                    stopped = Some(why);
                    break;
                }
            }
            done(answers.len());
        }
        write.abort();
        if let Some((Verdict::Crashed, why)) = &mut stopped {
            if let Ok(Ok(status)) = time::timeout(self.patience, child.wait()).await {
                why.push_str(&format!(" ({status})"));
            }
        }
        Ok(stopped)
    }

    async fn line(&self, stdout: &mut Lines<BufReader<ChildStdout>>) -> Result<String, (Verdict, String)> {
        match time::timeout(self.patience, stdout.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(_) => Err((Verdict::Crashed, "the runner ended".to_owned())),
            Err(_) => Err((Verdict::Hung, format!("no line for {} s", self.patience.as_secs()))),
        }
    }
}

/// Why a case is not given to a runner.
pub(crate) fn cannot_ask(case: &Case) -> Option<&'static str> {
    match case.ask {
        Ask::Flood(_) => Some("a core has no connection to flood"),
        Ask::H2(_) => Some(NEEDS_H2),
        _ => None,
    }
}

/// A case without what a runner must not or need not know.
fn question(case: &Value) -> String {
    let members = case.as_object().into_iter().flatten();
    let asked = members.filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
    Value::Object(asked.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()).to_string()
}

/// Reads the line for a case.
pub(crate) fn line_of(case: &Case, line: &str) -> Result<Value, String> {
    let reported: Value = serde_json::from_str(line).map_err(|_| format!("not a line of JSON: {line}"))?;
    if reported["id"] != case.id.0.as_str() {
        return Err(format!("a line for {} was due, not {}", case.id, reported["id"]));
    }
    if reported["observed"].is_null() && reported["error"].is_null() {
        return Err(format!("the line for {} has neither \"observed\" nor \"error\"", case.id));
    }
    Ok(reported)
}

/// The answer for a case in which the runner stopped.
fn stopped(case: &Case, verdict: Verdict, why: String) -> Answered {
    let (expected, sent) = ("a line of output".to_owned(), input(Some(case)));
    let answer = Answer { verdict, rule: None, expected, observed: why, sent, received: Vec::new() };
    (answer, 1, "every".to_owned())
}

fn answer(case: &Case, line: &str) -> Result<Answered, String> {
    let reported = line_of(case, line)?;
    let (verdict, observed, cut) = match (&reported["error"], &reported["differs"]) {
        (Value::String(error), _) if error.starts_with("unsupported") => {
            (Verdict::NotAsked, error.clone(), "none".to_owned())
        }
        (Value::String(error), _) => (Verdict::Fail, error.clone(), "none".to_owned()),
        (_, Value::Null) => {
            let verdict = match fit::fit(&case.json, &reported) {
                Fit::Preferred => Verdict::Pass,
                Fit::Allowed => Verdict::Allowed,
                Fit::Wrong => Verdict::Fail,
            };
            (verdict, reported["observed"].to_string(), "given".to_owned())
        }
        (_, differs) => {
            let observed = format!("{}; with this cut {}", reported["observed"], differs["observed"]);
            (Verdict::Fail, observed, differs["cut"].to_string())
        }
    };
    let mut expected = case.json["expect"].to_string();
    for allowed in case.json["allowed"].as_array().into_iter().flatten() {
        expected.push_str(&format!(" or {allowed}"));
    }
    let (expected, observed) = (shortened(expected), shortened(observed));
    let splits = reported["splits"].as_u64().and_then(|splits| usize::try_from(splits).ok()).unwrap_or(0);
    let sent = input(Some(case));
    Ok((Answer { verdict, rule: None, expected, observed, sent, received: Vec::new() }, splits, cut))
}

/// The bytes of a case that has some.
fn input(case: Option<&Case>) -> Vec<Vec<u8>> {
    match case.map(|case| &case.ask) {
        Some(Ask::Receive(case)) => case.chunks.iter().map(|chunk| chunk.0.clone()).collect(),
        Some(Ask::Request(case)) => vec![case.bytes.0.clone()],
        Some(Ask::Response(case)) => vec![case.bytes.0.clone()],
        _ => Vec::new(),
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

const MAX_SHOWN: usize = 400;

/// What a runner must not look at, and what is for people.
const HIDDEN: &[&str] =
    &["expect", "allowed", "replies", "fail_by", "tier", "ledger", "rfc", "title", "why", "cve", "perf"];
