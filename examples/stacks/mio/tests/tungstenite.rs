//! The server against tungstenite: a thousand connections at once.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

struct Server(Child, String);

impl Server {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wsproto-mio-example"));
        let mut child = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, line.trim().trim_start_matches("ws://").trim_end_matches('/').to_owned())
    }

    fn connect(&self) -> WebSocket<TcpStream> {
        let stream = TcpStream::connect(&self.1).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        tungstenite::client(format!("ws://{}/", self.1), stream).unwrap().0
    }

    /// Its resident memory, in bytes.
    #[cfg(target_os = "linux")]
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_connections_are_echoed_at_once_and_take_little_memory() {
    let server = Server::start();
    drop(server.connect()); // the read buffer is there from the first connection on
    let before = server.memory();
    let mut peers: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    for round in 0..3 {
        for (index, ws) in peers.iter_mut().enumerate() {
            ws.send(Message::text(format!("{round} {index}"))).unwrap();
        }
        for (index, ws) in peers.iter_mut().enumerate() {
            assert_eq!(ws.read().unwrap(), Message::text(format!("{round} {index}")));
        }
    }
    let each = server.memory().saturating_sub(before) / peers.len();
    println!("memory per idle connection: {each} bytes");
    assert!(each < 4096, "{each} bytes per idle connection");
}

#[test]
fn bytes_that_come_one_by_one_on_two_connections_are_not_mixed_up() {
    let server = Server::start();
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
    let server = Server::start();
    let mut ws = server.connect();
    for len in [0, 125, 126, 65_536, 1 << 20] {
        let message = Message::binary(vec![7; len]);
        ws.send(message.clone()).unwrap();
        assert_eq!(ws.read().unwrap(), message);
    }
    let frame = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    ws.close(Some(frame)).unwrap();
    let Message::Close(Some(answer)) = ws.read().unwrap() else { panic!() };
    assert_eq!(answer.code, CloseCode::Normal);
    assert!(matches!(ws.read(), Err(tungstenite::Error::ConnectionClosed)));
}

#[test]
fn a_request_that_is_not_for_a_websocket_is_refused() {
    let server = Server::start();
    let mut stream = TcpStream::connect(&server.1).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_closes_each_connection_and_ends_the_server() {
    let mut server = Server::start();
    let mut ws = server.connect();
    Command::new("kill").args(["-s", "INT", &server.0.id().to_string()]).status().unwrap();
    let Message::Close(Some(frame)) = ws.read().unwrap() else { panic!() };
    assert_eq!(frame.code, CloseCode::Away);
    assert!(matches!(ws.read(), Err(tungstenite::Error::ConnectionClosed)));
    drop(ws);
    assert!(server.0.wait().unwrap().success());
}
