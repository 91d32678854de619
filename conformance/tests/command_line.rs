//! Runs `wsconform` with good and bad arguments, and against servers that misbehave.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

fn wsconform(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wsconform")).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn assert_status(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", text(output));
}

fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = fs::remove_file(&path);
    _ = fs::remove_dir_all(&path);
    path
}

/// A server that does the opening handshake, and then what the test says.
fn server(then: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                if accept(&mut stream).is_some() {
                    then(stream);
                }
            });
        }
    });
    url
}

/// Answers the suite's own opening handshake, whose key is always the same.
fn accept(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: YPbcEITubCnutONl9qJ7xPCg5tw=\r\n\r\n";
    stream.write_all(response).ok()
}

#[test]
fn nothing_selected_is_an_error() {
    for arguments in [
        ["list", "--only", "6455/99/*"].as_slice(),
        &["server", "ws://127.0.0.1:1/", "--only", "no such case"],
        &["server", "http://127.0.0.1/"],
        &["server", "ws://127.0.0.1:1/"],
        &["server"],
        &["shim", "--", "no-such-program"],
        &["pipe", "--", "no-such-program"],
        &["server", "ws://127.0.0.1:1/", "--update"],
        &["dance"],
    ] {
        assert_status(&wsconform(arguments), 2);
    }
}

#[test]
fn cases_are_listed() {
    let output = wsconform(&["list", "--only", "6455/5.2/reserved-opcode-0x3/*"]);
    assert_status(&output, 0);
    assert_eq!(
        text(&output),
        "6455/5.2/reserved-opcode-0x3/server [must] reserved opcode 0x3\n\
         6455/5.2/reserved-opcode-0x3/client [must] reserved opcode 0x3\n"
    );
    let output = wsconform(&["list", "--json", "--only", "6455/5.2/reserved-opcode-0x3/server"]);
    assert!(text(&output).starts_with('{'));
}

#[test]
fn server_that_never_answers_is_hung() {
    let url =
        server(|stream| thread::sleep(Duration::from_secs(60 + u64::from(stream.peer_addr().is_err()))));
    let start = Instant::now();
    let output = wsconform(&["server", &url, "--timeout", "1", "--only", "6455/5.7/text-hello/server"]);
    assert_status(&output, 1);
    assert!(text(&output).contains("hung 6455/5.7/text-hello/server"), "{}", text(&output));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn server_that_vanishes_fails_and_one_that_trickles_for_ever_is_hung() {
    let vanishes = server(drop);
    let trickles = server(|mut stream| {
        for byte in b"\x81\x05Hello".iter().cycle() {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    for (url, verdict) in [(vanishes, "failed"), (trickles, "hung")] {
        let only = ["server", &url, "--timeout", "2", "--only", "6455/5.7/text-hello/server"];
        let output = wsconform(&only);
        assert_status(&output, 1);
        let line = format!("{verdict} 6455/5.7/text-hello/server");
        assert!(text(&output).contains(&line), "{}", text(&output));
    }
}

#[test]
fn server_that_writes_without_reading_is_not_waited_for() {
    let url = server(|mut stream| {
        let mut frame = vec![0x82, 127, 0, 0, 0, 0, 4, 0, 0, 0];
        frame.resize(frame.len() + (64 << 20), 0);
        // The suite does not keep it, and may end the connection.
        _ = stream.write_all(&frame);
    });
    let start = Instant::now();
    let output = wsconform(&["server", &url, "--timeout", "5", "--only", "6455/5.7/text-hello/server"]);
    assert_status(&output, 1);
    assert!(text(&output).contains("longer than anything that it was sent"), "{}", text(&output));
    assert!(start.elapsed() < Duration::from_secs(40));
}

#[test]
fn failures_are_a_ratchet_and_leave_their_bytes() {
    let url = server(drop);
    let (file, saved, json) = (scratch("expect.toml"), scratch("saved"), scratch("outcomes.jsonl"));
    let (file, only) = (file.to_str().unwrap(), "6455/5.7/text-hello/server");
    let run = |more: &[&str]| {
        let mut arguments = vec!["server", &url, "--only", only, "--expect", file];
        arguments.extend(more);
        wsconform(&arguments)
    };
    // A file that is not there is an error, unless it is to be written.
    assert_status(&run(&[]), 2);
    assert_status(&run(&["--update"]), 0);
    let written = fs::read_to_string(file).unwrap();
    assert!(written.contains(only), "{written}");
    assert_status(&run(&["--save", saved.to_str().unwrap(), "--json", json.to_str().unwrap()]), 0);
    let bytes = fs::read(saved.join("6455_5.7_text-hello_server.sent.bin")).unwrap();
    assert!(bytes.starts_with(b"\x81\x85"));
    let outcomes = fs::read_to_string(json).unwrap();
    assert!(outcomes.contains("\"verdict\":\"fail\"") && outcomes.contains("\"known\""), "{outcomes}");
    // A new failure, and a name that is no case.
    fs::write(file, "").unwrap();
    assert_status(&run(&[]), 1);
    fs::write(file, "[failures]\n\"6455/5.7/no-such-case/server\" = \"\"\n").unwrap();
    assert_status(&run(&[]), 2);
    // A case that is disabled is not asked; if no other is selected, nothing can be run.
    fs::write(file, "[disabled]\n\"6455/5.7/*\" = \"slow\"\n").unwrap();
    assert_status(&run(&[]), 2);
    let output = run(&["--only", "6455/5.6/empty-text/server"]);
    assert!(text(&output).contains("1 not asked, 1 failed"), "{}", text(&output));
}

#[test]
fn shim_and_runner_that_end_are_crashed() {
    let hello = r#"echo '{"shim":1,"name":"x","roles":["server"]}'; read line; exit 3"#;
    let only = ["--only", "6455/5.7/text-hello/server", "--jobs", "1", "--", "sh", "-c"];
    let output = wsconform(&[["shim"].as_slice(), &only, &[hello]].concat());
    assert_status(&output, 1);
    assert!(text(&output).contains("crashed 6455/5.7/text-hello/server"), "{}", text(&output));
    let cannot = wsconform(&[["shim"].as_slice(), &only, &["exit 89"]].concat());
    assert_status(&cannot, 2);
    assert!(text(&cannot).contains("cannot run"), "{}", text(&cannot));
    let only = ["--only", "6455/5.7/text-hello/*", "--", "sh", "-c"];
    let output = wsconform(&[["pipe"].as_slice(), &only, &["exit 3"]].concat());
    assert_status(&output, 1);
    assert!(text(&output).contains("2 crashed"), "{}", text(&output));
}

#[test]
fn client_that_does_not_run_the_cases_is_not_passed() {
    let only = "6455/5.7/text-hello/client";
    let arguments = ["client", "--addr", "127.0.0.1:0", "--only", only, "--", "true", "{url}"];
    let output = wsconform(&arguments);
    assert_status(&output, 1);
    assert!(text(&output).contains("crashed"), "{}", text(&output));
}
