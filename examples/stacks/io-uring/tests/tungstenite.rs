//! The server against tungstenite; skipped where io_uring is not permitted, unless WSPROTO_REQUIRE_PEERS is 1.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what goes wrong fails the test")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use wsproto_stacks_testing::{Server, echo, few_files, is_required};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-io-uring-example");

fn start(command: &mut Command) -> Option<Server> {
    let error = match Server::spawn(command.stderr(Stdio::piped())) {
        Ok(server) => return Some(server),
        Err(error) => error,
    };
    let refused = ["PermissionDenied", "Unsupported", "Function not implemented"];
    assert!(refused.iter().any(|reason| error.contains(reason)), "{error}");
    assert!(!is_required(), "{error}");
    eprintln!("SKIPPED: io_uring is not permitted here");
    None
}

#[test]
fn messages_are_echoed_and_pings_and_the_close_frame_are_answered() {
    let Some(server) = start(&mut Command::new(EXECUTABLE)) else { return };
    echo::messages_pings_and_close(&server);
}

#[test]
fn a_frame_that_comes_with_the_request_is_answered() {
    let Some(server) = start(&mut Command::new(EXECUTABLE)) else { return };
    echo::early_frame(&server);
}

#[test]
fn a_client_that_only_writes_is_given_up() {
    let Some(server) = start(&mut Command::new(EXECUTABLE)) else { return };
    echo::flood(&server);
}

#[test]
fn a_client_without_a_whole_request_is_dropped() {
    let Some(server) = start(&mut Command::new(EXECUTABLE)) else { return };
    echo::silence(&server);
}

#[test]
fn an_interrupt_closes_each_connection_and_ends_the_server() {
    let Some(server) = start(&mut Command::new(EXECUTABLE)) else { return };
    echo::interrupt(server);
}

#[test]
fn a_server_without_files_for_more_clients_reports_it_once_a_second_and_goes_on() {
    let Some(mut server) = start(&mut few_files(EXECUTABLE)) else { return };
    echo::crowd(&server);
    server.program.child.kill().unwrap();
    let reported = BufReader::new(server.program.child.stderr.take().unwrap()).lines().count();
    assert!((1..10).contains(&reported), "{reported}");
}
