//! A reference, and the runner or the server that is compared with it.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{Ask, Case};
use crate::door::WireDoor;
use crate::encoding::from_hex;
use crate::finding::{Finding, Reported, compare, expecting, short};
use crate::frame::{self, Frame, Header};
use crate::h2_door::H2Door;
use crate::mutate::Frames;
use crate::options::Fuzz;
use crate::pipe_door::{self, PipeDoor};
use crate::report;
use crate::run;
use crate::script::SENTINEL_PING;
use crate::server_door::ServerDoor;
use crate::session;
use crate::upgrade::Target;
use crate::verdict::{Outcome, Verdict};

#[derive(Debug)]
pub(crate) struct Pair {
    reference: PipeDoor,
    subject: Subject,
}

/// What is under test.
#[derive(Debug)]
enum Subject {
    Runner(PipeDoor),
    Server(ServerDoor),
    H2(H2Door),
}

impl Pair {
    /// Connects to the server, if one is under test.
    pub(crate) async fn new(options: &Fuzz) -> Result<Self, String> {
        let patience = Duration::from_secs(options.timeout);
        let reference = PipeDoor { program: program(&options.reference), patience };
        let clock = session::clock(patience);
        let subject = match &options.server {
            None => Subject::Runner(PipeDoor { program: options.program.clone(), patience }),
            Some(uri) if options.h2 => Subject::H2(H2Door::new(Target::parse(uri)?, clock).await?),
            Some(uri) => Subject::Server(ServerDoor::new(Target::parse(uri)?, clock).await?),
        };
        Ok(Self { reference, subject })
    }

    /// Whether changes of this case can be put to what is under test. A server gets frames, and has limits of its own.
    pub(crate) fn can_ask(&self, case: &Case) -> bool {
        let has_frames = matches!(&case.ask, Ask::Receive(receive) if receive.limits.is_none());
        match &self.subject {
            Subject::Runner(_) => true,
            Subject::Server(door) => has_frames && door.cuts(case).is_ok(),
            Subject::H2(door) => has_frames && door.cuts(case).is_ok(),
        }
    }

    /// How many cases are compared at once where the first difference is enough. A runner has to be started for them.
    pub(crate) fn at_a_time(&self) -> usize {
        match &self.subject {
            Subject::Runner(_) => usize::MAX,
            Subject::Server(_) | Subject::H2(_) => JOBS,
        }
    }

    /// Runs the cases through both, and returns where they differ.
    pub(crate) async fn compare(&self, cases: &[Case]) -> Result<Vec<Option<Finding>>, String> {
        let runner = match &self.subject {
            Subject::Runner(runner) => runner,
            Subject::Server(door) => {
                return of_server(door, cases, observe(&self.reference, cases).await?).await;
            }
            Subject::H2(door) => return of_server(door, cases, observe(&self.reference, cases).await?).await,
        };
        let (reference, subject) = tokio::join!(observe(&self.reference, cases), observe(runner, cases));
        let reports = reference?.into_iter().zip(subject?);
        let compared = cases.iter().zip(reports);
        Ok(compared.map(|(case, (reference, subject))| compare(case, &reference, &subject)).collect())
    }
}

async fn observe(runner: &PipeDoor, cases: &[Case]) -> Result<Vec<Reported>, String> {
    let of_line = |case: &Case, line: &str| pipe_door::line_of(case, line).map(Reported::Line);
    let of_stop = |_: &Case, verdict, why| Reported::Stopped(verdict, why);
    runner.each(cases, of_line, of_stop, &mut |_| {}).await
}

/// Puts the cases to a server, with what the reference observed as their expectation.
async fn of_server(
    door: &(impl WireDoor + Clone),
    cases: &[Case],
    reference: Vec<Reported>,
) -> Result<Vec<Option<Finding>>, String> {
    let mut findings = Vec::new();
    let mut asked = Vec::new();
    for (index, (case, reference)) in cases.iter().zip(&reference).enumerate() {
        match expecting(case, reference) {
            Ok(json) => {
                findings.push(None);
                if let Some(json) = for_server(json, reference) {
                    asked.push((index, Case::parse(&json.to_string())?));
                }
            }
            Err(finding) => findings.push(finding),
        }
    }
    let questions = asked.iter().map(|(_, case)| case.clone()).collect();
    let outcomes = run::wire(door.clone(), questions, JOBS, |_| {}).await;
    for ((index, case), outcome) in asked.into_iter().zip(outcomes) {
        if let (Some(slot), true) = (findings.get_mut(index), outcome.verdict.is_bad()) {
            let what = format!("{}, reference: {}", did(&case, &outcome), short(&case.json["expect"]));
            let observed = format!("{} (cut: {})", outcome.observed, outcome.cut);
            *slot = Some(Finding::new(case.json, &what, observed));
        }
    }
    Ok(findings)
}

/// The case with the room that a server has, and a core has not; `None` if its limits decide.
fn for_server(mut json: Value, reference: &Reported) -> Option<Value> {
    if json["expect"]["code"] == 1009 {
        return None;
    }
    let input = json["chunks"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let input: Vec<u8> = input.filter_map(|hex| from_hex(hex).ok()).flatten().collect();
    let rest = Frames::read(&input).rest;
    let whole = input.len().saturating_sub(rest.len());
    let mut allowed = Vec::new();
    // A frame longer than the input may be longer than the limit of the server.
    if Header::read(&rest).is_some_and(|header| header.payload_len > MAX_LEN) {
        allowed.push(json!({"outcome": "fail", "events": "any", "codes": [1009]}));
    }
    // A violation within a frame that does not end may be found only when it ends.
    let found_at = match reference {
        Reported::Line(line) => line["observed"]["at"].as_u64().and_then(|at| usize::try_from(at).ok()),
        Reported::Stopped(..) => None,
    };
    if json["expect"]["outcome"] == "fail" && !rest.is_empty() && found_at.is_none_or(|at| at > whole) {
        allowed.push(json!({"outcome": "pending", "events": "any"}));
    }
    if !allowed.is_empty() {
        json["allowed"] = allowed.into();
    }
    Some(json)
}

/// What a server did, in a few words: the same for the same fault.
fn did(case: &Case, outcome: &Outcome) -> String {
    if outcome.verdict != Verdict::Fail {
        return report::word(outcome.verdict).to_owned();
    }
    if outcome.rule != case.rule() {
        return outcome.rule.clone();
    }
    let received = Frames::read(&from_hex(&outcome.received).unwrap_or_default()).frames;
    let close = received.iter().find(|frame| frame.opcode == frame::CLOSE);
    let is_open = received.iter().any(|frame| frame.opcode == frame::PONG && frame.payload == SENTINEL_PING);
    match close.map(code) {
        // A close frame after it is the answer to that of the suite.
        _ if is_open => "open".to_owned(),
        Some(Some(code)) => format!("close {code}"),
        Some(None) => "close".to_owned(),
        None => "no close".to_owned(),
    }
}

fn code(close: &Frame) -> Option<u16> {
    close.payload.first_chunk().map(|code| u16::from_be_bytes(*code))
}

/// A command line with its arguments between spaces, or a program whose path has spaces.
fn program(command: &str) -> Vec<String> {
    if Path::new(command).is_file() {
        return vec![command.to_owned()];
    }
    command.split_whitespace().map(str::to_owned).collect()
}

/// How many connections are used side by side.
const JOBS: usize = 16;

/// A server is expected to take frames of this length, in bytes.
const MAX_LEN: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    fn changed(input: &str, observed: &str) -> Option<Value> {
        let hello = corpus::built_in().unwrap();
        let hello = hello.into_iter().find(|case| case.id.0 == "6455/5.7/text-hello/server").unwrap();
        let mut json = hello.json;
        json["chunks"] = json!([input]);
        let line: Value =
            serde_json::from_str(&format!(r#"{{"observed":{observed},"differs":null}}"#)).unwrap();
        json["expect"] = line["observed"].clone();
        json["expect"].as_object_mut().unwrap().remove("at");
        for_server(json, &Reported::Line(line))
    }

    #[test]
    fn server_has_limits_of_its_own_and_may_read_a_frame_to_its_end() {
        let allowed = |input, observed| changed(input, observed).unwrap()["allowed"].clone();
        let fail = r#"{"outcome":"fail","events":[],"code":1007,"at":7}"#;
        assert_eq!(allowed("818100000000ff", fail), Value::Null);
        // The frame has 2 bytes, of which one came.
        assert_eq!(allowed("818200000000ff", fail)[0]["outcome"], "pending");
        // The frame ahead of it is the violation.
        assert_eq!(allowed("818100000000ff8182", fail), Value::Null);
        let long = "82ff000000000100000000000000";
        let codes = &allowed(long, r#"{"outcome":"pending","events":[],"code":null}"#)[0]["codes"];
        assert_eq!(*codes, json!([1009]));
        assert_eq!(changed(long, r#"{"outcome":"fail","events":[],"code":1009}"#), None);
    }
}
