//! Chromium against the server as a process: its WebSocket goes over the HTTP/2 connection that the page came from.

use std::env;
use std::io::Read;
use std::process::Command;

use wsproto_stacks_testing::{Server, is_required, python, usage_error};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-h2-example");

#[test]
fn chromium_is_echoed_over_http_2_and_closes_cleanly() {
    let modules =
        env::var_os("WSPROTO_NODE_MODULES").or_else(|| env::var_os("NODE_PATH")).unwrap_or_default();
    let chromium = env::var_os("WSPROTO_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    let probe =
        Command::new("node").env("NODE_PATH", &modules).args(["-e", "require('playwright-core')"]).output();
    if !probe.is_ok_and(|output| output.status.success()) || !std::path::Path::new(&chromium).exists() {
        assert!(
            !is_required(),
            "playwright-core or Chromium is not installed, and WSPROTO_REQUIRE_PEERS is 1"
        );
        return eprintln!("SKIPPED: playwright-core or Chromium is not installed");
    }
    let mut server = Server::start(EXECUTABLE);
    let browser = Command::new("node")
        .env("NODE_PATH", &modules)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chromium.cjs"))
        .arg(chromium)
        .arg(&server.url)
        .output();
    server.program.interrupt();
    let ended = server.program.child.wait();
    let browser = browser.unwrap();
    assert_eq!(
        String::from_utf8_lossy(&browser.stdout),
        SEEN,
        "{}",
        String::from_utf8_lossy(&browser.stderr)
    );
    assert_eq!(ended.unwrap().code(), Some(0), "Ctrl+C ends the server");
    // Each request of the browser, as the server got it: not one by HTTP/1.1.
    let mut requests = String::new();
    server.program.stdout.read_to_string(&mut requests).unwrap();
    let requests: Vec<&str> = requests.lines().filter(|line| !line.contains("/favicon.ico")).collect();
    assert_eq!(
        requests,
        ["GET / HTTP/2.0 -", "CONNECT /echo HTTP/2.0 websocket", "CONNECT /echo HTTP/2.0 websocket"]
    );
}

/// The page's own socket, and one of the test's.
const SEEN: &str = "\
page: 200, h2
page's socket: open permessage-deflate
page received: Hello
socket: wss permessage-deflate, 3 echoes
socket: closed 1000, clean: true
";

#[test]
fn hostile_clients_are_given_up() {
    let Some(mut python) = python("ssl") else { return };
    let server = Server::start(EXECUTABLE);
    let port = server.address().rsplit(':').next().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile.py");
    let output = python.args([script, port]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        GIVEN_UP,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const GIVEN_UP: &str = "\
closed_window given up
flood_of_empty_frames given up
flood_of_resets given up
silent_tcp given up
silent_tls given up
";

#[test]
fn a_wrong_argument_is_a_usage_error() {
    usage_error(EXECUTABLE);
}
