//! Python's aioquic against the server as a process: a WebSocket in a stream of HTTP/3, with compression.

use std::process::Command;

use wsproto_stacks_testing::{Server, python, usage_error};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-h3-example");

#[test]
fn aioquic_is_echoed_and_a_foreign_origin_is_refused() {
    let Some(python) = python("aioquic, wsproto") else { return };
    let mut server = Server::start(EXECUTABLE);
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let client = |origin: &str| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client.py");
        Command::new(python.get_program()).args([script, &port, origin]).output().unwrap()
    };
    let own = client(&format!("https://127.0.0.1:{port}"));
    let foreign = client("https://evil.example");
    server.program.interrupt();
    let ended = server.program.child.wait();
    assert_eq!(String::from_utf8_lossy(&own.stdout), SEEN, "{}", String::from_utf8_lossy(&own.stderr));
    assert_eq!(String::from_utf8_lossy(&foreign.stdout), "connect protocol: 1 status: 403\n");
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
fn clients_that_only_keep_their_connection_are_given_up() {
    let Some(mut python) = python("aioquic") else { return };
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
no_stream: less than 35 s
half_a_request: less than 35 s
refused_without_a_window: less than 35 s
flood_without_reading: less than 35 s
";

#[test]
fn a_wrong_argument_is_a_usage_error() {
    usage_error(EXECUTABLE);
}
