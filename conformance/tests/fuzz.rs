//! Fuzzing over the wire: deliberate faults of a server are found, and nothing is found without one.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should"
)]

mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use programs::{Server, example};

/// Fuzzes a server that has these options, with the runner of this repository as the reference.
fn fuzz(server: &Server, more: &[&str]) -> Option<Output> {
    let runner = example("..", "conformance")?;
    let mut suite = Command::new(env!("CARGO_BIN_EXE_wsconform"));
    suite.args(["fuzz", "--server", &server.url, "--timeout", "4", "--reference"]);
    suite.arg(format!("{} -", runner.display())).args(more);
    Some(suite.output().unwrap())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = fs::remove_dir_all(&path);
    path
}

/// The fault is found within so many changed cases, the same again with the same seed, and by the saved case alone.
#[track_caller]
fn assert_found(fault: &str, mutants: &str, wanted: &str) {
    let server = Server::start(&["--fault", fault]);
    let saved = scratch(fault);
    let directory = saved.to_str().unwrap();
    let options = ["--only", "6455/5.*", "--mutants", mutants, "--seed", "1", "--save", directory];
    let Some(first) = fuzz(&server, &options) else { return };
    assert_eq!(first.status.code(), Some(1), "{}", text(&first));
    assert!(text(&first).contains(wanted), "{}", text(&first));
    assert_eq!(text(&fuzz(&server, &options).unwrap()), text(&first), "a seed repeats");
    let again = |url: &str| {
        let mut suite = Command::new(env!("CARGO_BIN_EXE_wsconform"));
        suite.args(["server", url, "--timeout", "4", "--cases", directory]).output().unwrap()
    };
    let output = again(&server.url);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let output = again(&Server::start(&[]).url);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn server_that_accepts_unmasked_frames_is_found() {
    assert_found("accepts-unmasked", "200", "receive, server: open, reference: fail 1002");
}

#[test]
fn server_that_ignores_reserved_bits_is_found() {
    assert_found("ignores-reserved-bits", "200", "receive, server: open, reference: fail 1002");
}

#[test]
fn nothing_is_found_without_a_fault() {
    for options in [[].as_slice(), &["--h2"]] {
        let server = Server::start(options);
        // Without compression: data that ends within a block has more than one outcome.
        let only = ["--only", "6455/5.[1256]*", "--only", "6455/[78]*", "--mutants", "1000"];
        let arguments = [options, &only].concat();
        let Some(output) = fuzz(&server, &arguments) else { return };
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
}
