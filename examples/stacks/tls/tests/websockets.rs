//! Both sides against Python's `websockets`, which is found by `WSPROTO_PYTHON`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use wsproto_stacks_testing::{Program, few_files};

fn example() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wsproto-tls-example"))
}

/// A script in this directory; `None` if `websockets` is not installed.
fn python(script: &str) -> Option<Command> {
    let mut command = wsproto_stacks_testing::python("websockets")?;
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script));
    Some(command)
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn both_sides_in_one_program() {
    let output = example().output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().lines().any(|line| line == "Hello"));
}

#[test]
fn our_server_and_a_client_in_python() {
    let Some(mut client) = python("client.py") else { return };
    let certificate = file("server.pem");
    let mut server = Program::start(example().args(["serve", "127.0.0.1:0"]).arg(&certificate));
    let output = client.arg(server.line()).arg(&certificate).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"1000\n");
    let closed = server.line();
    assert!(closed.contains("was_clean: true"), "{closed}");
}

#[test]
fn early_frames_are_answered_and_hostile_clients_are_given_up() {
    let Some(mut client) = python("hostile.py") else { return };
    let certificate = file("hostile.pem");
    let mut server = Program::start(example().args(["serve", "127.0.0.1:0"]).arg(&certificate));
    let uri = server.line();
    let port = uri.trim_end_matches('/').rsplit(':').next().unwrap();
    let output = client.arg(port).arg(&certificate).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        GIVEN_UP,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const GIVEN_UP: &str = "\
early b'\\x81\\x02Hi\\x88\\x00'
flood given up
silent_tcp given up
silent_tls given up
";

#[test]
fn our_client_and_a_server_in_python() {
    let Some(mut server) = python("server.py") else { return };
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let (certificate, key) = (file("peer.pem"), file("peer.key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut server = Program::start(server.arg(&certificate).arg(&key));
    let output = example().args(["ask", &server.line()]).arg(&certificate).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("was_clean: true") && stdout.contains("Hello\n"), "{stdout}");
    assert_eq!(server.line(), "closed 1000");
}

#[test]
fn a_client_refuses_a_certificate_that_it_does_not_trust() {
    let [mut server, mut other] = ["one.pem", "other.pem"]
        .map(|name| Program::start(example().args(["serve", "127.0.0.1:0"]).arg(file(name))));
    other.line(); // its certificate is written
    let output = example().args(["ask", &server.line()]).arg(file("other.pem")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("InvalidCertificate"));
}

#[cfg(unix)]
#[test]
fn a_server_without_files_for_more_clients_goes_on() {
    let certificate = file("few.pem");
    let mut command = few_files(env!("CARGO_BIN_EXE_wsproto-tls-example"));
    let mut server = Program::start(command.args(["serve", "127.0.0.1:0"]).arg(&certificate));
    let uri = server.line();
    let address = uri.trim_start_matches("wss://").trim_end_matches('/').replace("localhost", "127.0.0.1");
    let crowd: Vec<_> = (0..60).map(|_| TcpStream::connect(&address).unwrap()).collect();
    thread::sleep(Duration::from_millis(300));
    drop(crowd);
    let output = example().args(["ask", &uri]).arg(&certificate).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
