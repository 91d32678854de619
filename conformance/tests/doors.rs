//! Runs `wsconform` against implementations: this repository's, and those of others.
//!
//! `tools` says how implementations of others are found.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should"
)]

mod tools;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tools::{assert_status, example, expectations, peer, wsconform};

/// A program that is ended with the test.
struct Program {
    child: Child,
    /// What it said where it listens.
    url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Program {
    /// Starts a program that prints a line with its URI.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let start = line.find("ws://").unwrap_or_else(|| panic!("no URI: {line:?}"));
        let url = line[start..].trim().split([',', ' ']).next().unwrap().to_owned();
        Self { child, url }
    }
}

#[test]
fn echo_server_of_this_repository_does_what_is_expected() {
    let Some(program) = example("..", "echo_server") else { return };
    let server = Program::start(Command::new(program).args(["--addr", "127.0.0.1:0"]));
    assert_status(&wsconform(&["server", &server.url, "--expect", &expectations("echo_server")]), 0);
}

#[test]
fn echo_server_over_http2_does_what_is_expected() {
    let Some(program) = example("../examples/stacks", "h2c") else { return };
    let server = Program::start(Command::new(program).arg("127.0.0.1:0"));
    let expect = expectations("h2_echo_server");
    assert_status(&wsconform(&["server", "--h2", &server.url, "--expect", &expect]), 0);
}

#[test]
fn client_of_this_repository_passes_handshakes_too() {
    let Some(program) = example("..", "autobahn_client") else { return };
    let program = program.to_str().unwrap();
    let arguments = ["client", "--handshakes", "--addr", "127.0.0.1:0", "--", program, "{url}", "wsproto"];
    assert_status(&wsconform(&arguments), 0);
}

#[test]
fn runner_of_this_repository_does_what_is_expected() {
    let Some(program) = example("..", "conformance") else { return };
    let program = program.to_str().unwrap();
    let expect = expectations("runner");
    assert_status(&wsconform(&["pipe", "--timeout", "60", "--expect", &expect, "--", program, "-"]), 0);
}

#[test]
fn runner_of_this_repository_does_not_differ_from_itself() {
    let Some(program) = example("..", "conformance") else { return };
    let program = program.to_str().unwrap();
    let reference = format!("{program} -");
    let arguments = ["fuzz", "--reference", &reference, "--mutants", "1000", "--timeout", "60"];
    assert_status(&wsconform(&[arguments.as_slice(), &["--", program, "-"]].concat()), 0);
}

#[test]
fn driver_for_tokio_does_what_is_expected() {
    let Some(program) = example("../tokio", "tokio_autobahn_server") else { return };
    let server = Program::start(Command::new(program).args(["--addr", "127.0.0.1:0"]));
    assert_status(&wsconform(&["server", &server.url, "--expect", &expectations("echo_server")]), 0);
    let Some(program) = example("../tokio", "tokio_autobahn_client") else { return };
    let program = program.to_str().unwrap();
    assert_status(&wsconform(&["client", "--addr", "127.0.0.1:0", "--", program, "{url}", "tokio"]), 0);
}

/// Every case comes to a verdict that is not a fault of the suite, and nearly all to a good one.
fn assert_mostly_good(url: &str) {
    let output = wsconform(&["server", url]);
    let out = String::from_utf8_lossy(&output.stdout);
    let last = out.lines().last().unwrap_or_default();
    let count = |word: &str| {
        let part = last.split(", ").find(|part| part.ends_with(word));
        part.map_or(0, |part| part.split(' ').next().unwrap().parse::<usize>().unwrap())
    };
    let (good, bad) = (count("passed") + count("allowed"), count("failed"));
    assert!(good > 650 && bad < 100 && count("hung") == 0, "{last}\n{out}");
}

#[test]
fn python_websockets_is_asked() {
    let Some(python) = peer("WSPROTO_PYTHON") else { return };
    let server = Program::start(Command::new(python).arg("tests/peers/echo_server.py"));
    assert_mostly_good(&server.url);
}

#[test]
fn node_ws_is_asked() {
    let Some(modules) = peer("WSPROTO_NODE_MODULES") else { return };
    let mut node = Command::new("node");
    let server = Program::start(node.arg("tests/peers/echo_server.js").env("NODE_PATH", modules));
    assert_mostly_good(&server.url);
}
