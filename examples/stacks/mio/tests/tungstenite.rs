//! The server against tungstenite: a thousand connections at once.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::io::{Read, Write};
use std::time::Duration;

use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use wsproto_stacks_testing::{Server, echo};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-mio-example");

/// The resident memory of a server, in bytes.
#[cfg(target_os = "linux")]
fn memory(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.program.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_connections_are_echoed_at_once_and_take_little_memory() {
    let server = Server::start(EXECUTABLE);
    drop(server.connect()); // the read buffer is there from the first connection on
    let before = memory(&server);
    let mut peers: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    for round in 0..3 {
        for (index, ws) in peers.iter_mut().enumerate() {
            ws.send(Message::text(format!("{round} {index}"))).unwrap();
        }
        for (index, ws) in peers.iter_mut().enumerate() {
            assert_eq!(echo::message(ws), Message::text(format!("{round} {index}")));
        }
    }
    let each = memory(&server).saturating_sub(before) / peers.len();
    println!("memory per idle connection: {each} bytes");
    assert!(each < 4096, "{each} bytes per idle connection");
}

#[test]
fn bytes_that_come_one_by_one_on_two_connections_are_not_mixed_up() {
    let server = Server::start(EXECUTABLE);
    let mut peers = [server.connect(), server.connect()];
    let frames = [b"\x81\x82\0\0\0\0ab", b"\x81\x82\0\0\0\0cd"];
    for at in 0..frames[0].len() {
        for (ws, frame) in peers.iter_mut().zip(frames) {
            ws.get_mut().write_all(&frame[at..=at]).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    for (ws, text) in peers.iter_mut().zip(["ab", "cd"]) {
        assert_eq!(ws.read().unwrap(), Message::text(text));
    }
}

#[test]
fn long_messages_come_back_and_the_close_frame_is_answered() {
    let server = Server::start(EXECUTABLE);
    let mut ws = server.connect();
    for len in [0, 125, 126, 65_536, 1 << 20] {
        let message = Message::binary(vec![7; len]);
        ws.send(message.clone()).unwrap();
        assert_eq!(ws.read().unwrap(), message);
    }
    let frame = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    ws.close(Some(frame)).unwrap();
    assert_eq!(echo::ending(&mut ws).unwrap().code, CloseCode::Normal);
}

#[test]
fn a_request_that_is_not_for_a_websocket_is_refused() {
    let server = Server::start(EXECUTABLE);
    let mut stream = server.transport();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
}

#[test]
fn bytes_after_a_refused_request_do_not_reach_the_next_client() {
    let server = Server::start(EXECUTABLE);
    let mut refused = server.transport();
    refused.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\n").unwrap();
    refused.read_to_end(&mut Vec::new()).unwrap();
    echo::is_echoed(&mut server.connect());
}

#[cfg(unix)]
#[test]
fn an_interrupt_closes_each_connection_and_ends_the_server() {
    let mut server = Server::start(EXECUTABLE);
    let mut ws = server.connect();
    server.program.interrupt();
    assert_eq!(echo::ending(&mut ws).unwrap().code, CloseCode::Away);
    drop(ws);
    assert!(server.program.child.wait().unwrap().success());
}

#[test]
fn a_frame_that_comes_with_the_request_is_answered() {
    echo::early_frame(&Server::start(EXECUTABLE));
}

#[test]
fn a_client_that_only_writes_is_given_up() {
    echo::flood(&Server::start(EXECUTABLE));
}

#[test]
fn a_client_without_a_whole_request_is_dropped() {
    echo::silence(&Server::start(EXECUTABLE));
}
