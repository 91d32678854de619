//! Python's aioquic against the server as a process: a WebSocket in a stream of HTTP/3, with compression.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-h3-example");

#[test]
fn aioquic_is_echoed_and_a_foreign_origin_is_refused() {
    let python = env::var_os("WSPROTO_PYTHON").unwrap_or_else(|| "python3".into());
    let installed = Command::new(&python).args(["-c", "import aioquic, wsproto"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        let required = env::var_os("WSPROTO_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "Python's aioquic or wsproto is not installed, and WSPROTO_REQUIRE_PEERS is 1");
        return eprintln!("SKIPPED: Python's aioquic or wsproto is not installed");
    }
    let mut server = Command::new(EXECUTABLE).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let port = url.trim().trim_end_matches("/echo").rsplit(':').next().unwrap().to_owned();
    let client = |origin: &str| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client.py");
        Command::new(&python).args([script, &port, origin]).output().unwrap()
    };
    let own = client(&format!("https://127.0.0.1:{port}"));
    let foreign = client("https://evil.example");
    let killed = Command::new("kill").args(["-s", "INT", &server.id().to_string()]).status();
    let ended = server.wait();
    assert_eq!(String::from_utf8_lossy(&own.stdout), SEEN, "{}", String::from_utf8_lossy(&own.stderr));
    assert_eq!(String::from_utf8_lossy(&foreign.stdout), "connect protocol: 1 status: 403\n");
    assert!(killed.unwrap().success());
    assert_eq!(ended.unwrap().code(), Some(0), "Ctrl+C ends the server");
}

const SEEN: &str = "\
connect protocol: 1 status: 200
streams: 8 bytes: 4194304
permessage-deflate
3 echoes
closed 1000
";

#[test]
fn a_wrong_argument_is_a_usage_error() {
    let output = Command::new(EXECUTABLE).arg("--help-me").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: "));
}
