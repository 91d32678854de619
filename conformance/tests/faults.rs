//! The suite notices deliberate faults: `faulty` has one at a time, and a report must name the rule that it breaks.
//!
//! `faulty/noticed.tsv` says for each fault which case shows it at which door. An endpoint without a fault must pass
//! every case. With `WHOLE=1` all cases are run against each fault, and the table is printed with what goes red.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should"
)]

mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use programs::{Server, faulty, finished, folder};

/// A line of `faulty --list`.
#[derive(Clone, Debug)]
struct Fault {
    name: String,
    who: String,
    /// RFC and section: `6455 5.1`.
    rule: String,
    /// The row of the ledger.
    requirement: String,
    text: String,
}

/// A line of `noticed.tsv`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    fault: String,
    door: String,
    /// `failed`; or `allowed`, if the RFCs leave room for the fault, and the case prefers another outcome.
    how: String,
    case: String,
}

#[test]
fn endpoint_without_a_fault_passes_every_case_at_every_door() {
    for door in DOORS {
        let outcomes = ask(door, None, &[]);
        let bad: Vec<_> = outcomes.iter().filter(|outcome| is_bad(outcome)).collect();
        assert!(bad.is_empty(), "{door}: {bad:#?}");
        let passed = outcomes.iter().filter(|outcome| outcome["verdict"] == "pass").count();
        assert!(passed > 500, "{door}: only {passed} cases passed");
    }
}

#[test]
fn each_fault_is_noticed_by_a_case_of_its_rule() {
    let faults = faults();
    let missed = Mutex::new(Vec::new());
    each_in_parallel(&notices(), |notice| {
        let fault = faults.iter().find(|fault| fault.name == notice.fault).unwrap();
        let outcomes = ask(&notice.door, Some(&fault.name), &[&notice.case]);
        let noticed = outcomes.iter().any(|outcome| {
            let is_as_expected = match notice.how.as_str() {
                "failed" => is_bad(outcome),
                _ => outcome["verdict"] == "allowed",
            };
            is_as_expected && names_rule(outcome, fault)
        });
        if !noticed {
            missed.lock().unwrap().push(format!("{notice:?}: {outcomes:?}"));
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "{} not noticed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn every_fault_has_a_case() {
    let noticed: BTreeSet<_> = notices().into_iter().map(|notice| notice.fault).collect();
    let faults: BTreeSet<_> = faults().into_iter().map(|fault| fault.name).collect();
    assert_eq!(noticed, faults);
}

#[test]
fn table_of_the_readme_is_complete() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let table: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(table, table_of_readme(), "the table must be this one:\n{}", table_of_readme().join("\n"));
}

#[test]
fn whole_suite_is_run_against_each_fault_if_that_is_asked_for() {
    if std::env::var_os("WHOLE").is_none() {
        return;
    }
    let questions: Vec<(&str, Fault)> = DOORS
        .iter()
        .flat_map(|door| {
            faults().into_iter().filter(|fault| can_have(door, fault)).map(|fault| (*door, fault))
        })
        .collect();
    let passed: BTreeMap<&str, BTreeSet<String>> = DOORS
        .iter()
        .map(|door| {
            let passed = ask(door, None, &[]).into_iter().filter(|outcome| outcome["verdict"] == "pass");
            (*door, passed.map(|outcome| text(&outcome["case"])).collect())
        })
        .collect();
    each_in_parallel(&questions, |(door, fault)| {
        let outcomes = ask(door, Some(&fault.name), &[]);
        let of_rule = |wanted: &dyn Fn(&Value) -> bool| {
            let mut all = outcomes.iter().filter(|outcome| wanted(outcome));
            let count = all.clone().count();
            let named = all.find(|outcome| names_rule(outcome, fault)).map(|outcome| text(&outcome["case"]));
            (count, named.unwrap_or_else(|| "-".to_owned()))
        };
        let (red, case) = of_rule(&is_bad);
        let (allowed, other) = of_rule(&|outcome| {
            outcome["verdict"] == "allowed" && passed[door].contains(&text(&outcome["case"]))
        });
        println!("{}\t{door}\t{red} failed\t{case}\t{allowed} allowed\t{other}", fault.name);
    });
}

/// Whether a report names the rule of a fault: by the case's section, by its row of the ledger, or in words.
fn names_rule(outcome: &Value, fault: &Fault) -> bool {
    let (rfc, section) = fault.rule.split_once(' ').unwrap();
    let words = format!("RFC {rfc} §{section}");
    let rule = text(&outcome["rule"]);
    let is_in_words = rule.match_indices(&words).any(|(at, _)| {
        let rest = &rule[at + words.len()..];
        !rest.starts_with('.') || !rest[1..].starts_with(|next: char| next.is_ascii_digit())
    });
    text(&outcome["case"]).starts_with(&format!("{rfc}/{section}/"))
        || outcome["ledger"] == fault.requirement.as_str()
        || is_in_words
}

fn is_bad(outcome: &Value) -> bool {
    ["fail", "hung", "crashed"].iter().any(|verdict| outcome["verdict"] == *verdict)
}

fn can_have(door: &str, fault: &Fault) -> bool {
    match fault.who.as_str() {
        "both" => true,
        "user" => door == "shim",
        "h2" => door == "h2",
        "server" => door != "client",
        _ => door == "shim" || door == "client",
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The faults of `faulty --list`.
fn faults() -> Vec<Fault> {
    let output = finished(Command::new(faulty()).arg("--list"));
    let lines = String::from_utf8(output.stdout).unwrap();
    let fault = |line: &str| match line.split('\t').collect::<Vec<_>>().as_slice() {
        [name, who, rule, requirement, text] => Fault {
            name: (*name).to_owned(),
            who: (*who).to_owned(),
            rule: (*rule).to_owned(),
            requirement: (*requirement).to_owned(),
            text: (*text).to_owned(),
        },
        other => panic!("{other:?}"),
    };
    lines.lines().map(fault).collect()
}

/// The lines of `noticed.tsv`.
fn notices() -> Vec<Notice> {
    let table = fs::read_to_string(folder().join("noticed.tsv")).unwrap();
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let notice = |line: &str| match line.split('\t').collect::<Vec<_>>().as_slice() {
        [fault, door, how @ ("failed" | "allowed"), case] => Notice {
            fault: (*fault).to_owned(),
            door: (*door).to_owned(),
            how: (*how).to_owned(),
            case: (*case).to_owned(),
        },
        other => panic!("{other:?}"),
    };
    lines.map(notice).collect()
}

/// The lines of the table in `faulty/README.md`.
fn table_of_readme() -> Vec<String> {
    let notices = notices();
    let line = |fault: Fault| {
        let of_fault: Vec<&Notice> = notices.iter().filter(|notice| notice.fault == fault.name).collect();
        let doors: Vec<&str> = of_fault.iter().map(|notice| notice.door.as_str()).collect();
        let best = of_fault.iter().find(|notice| notice.how == "failed").or(of_fault.first());
        let case = best.map_or(String::new(), |notice| {
            let note = if notice.how == "allowed" { ", as *allowed*" } else { "" };
            format!("`{}`{note}", notice.case)
        });
        let Fault { name, who, rule, text, .. } = fault;
        format!("| `{name}` | {who} | {rule} | {text} | {} | {case} |", doors.join(", "))
    };
    faults().into_iter().map(line).collect()
}

/// Runs the suite at a door. Returns the outcomes of the cases that one of the patterns selects; of all without any.
fn ask(door: &str, fault: Option<&str>, only: &[&str]) -> Vec<Value> {
    let name = format!("{door}-{}-{}", fault.unwrap_or("none"), only.concat().replace('/', "-"));
    let json = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    let mut suite = Command::new(env!("CARGO_BIN_EXE_wsconform"));
    let http2 = (door == "h2").then_some("--h2");
    let command = if http2.is_some() { "server" } else { door };
    suite.arg(command).args(http2).args(["--timeout", "5", "--json"]).arg(&json);
    for pattern in only {
        suite.args(["--only", pattern]);
    }
    let options: Vec<&str> = fault.into_iter().flat_map(|fault| ["--fault", fault]).chain(http2).collect();
    let server = (command == "server").then(|| Server::start(&options));
    match &server {
        Some(server) => suite.arg(&server.url),
        None if door == "client" => suite
            .args(["--addr", "127.0.0.1:0", "--handshakes", "--"])
            .arg(faulty())
            .args(["client", "{url}", "faulty"]),
        None => suite.arg("--").arg(faulty()).arg("shim"),
    };
    if server.is_none() {
        suite.args(options);
    }
    let _ = fs::remove_file(&json);
    let output = finished(&mut suite);
    let lines = fs::read_to_string(&json).unwrap_or_else(|error| panic!("{name}: {error}: {output:?}"));
    let outcomes = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    fs::remove_file(&json).unwrap();
    outcomes
}

fn each_in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = Mutex::new(items.iter());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(item) = next.lock().unwrap().next() else { return };
                    work(item);
                }
            });
        }
    });
}

/// `h2` is the server door over HTTP/2.
const DOORS: [&str; 4] = ["server", "h2", "client", "shim"];
