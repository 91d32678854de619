//! The server against tungstenite.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

struct Server(Child, String);

impl Server {
    fn start() -> Self {
        Self::spawn(&mut Command::new(env!("CARGO_BIN_EXE_wsproto-tokio-halves-example")))
    }

    /// With so few files that some clients get none.
    #[cfg(unix)]
    fn start_with_few_files() -> Self {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "ulimit -n 40; exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_wsproto-tokio-halves-example"),
        ]);
        Self::spawn(&mut command)
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, line.trim().to_owned())
    }

    fn connect(&self) -> WebSocket<TcpStream> {
        let address = self.1.trim_start_matches("ws://").trim_end_matches('/');
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        tungstenite::client(self.1.as_str(), stream).unwrap().0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Reads to the end; returns the close frame.
fn ending(ws: &mut WebSocket<TcpStream>) -> Option<CloseFrame> {
    let mut close = None;
    loop {
        match ws.read() {
            Ok(Message::Close(frame)) => close = frame,
            Ok(message) => panic!("{message:?}"),
            Err(tungstenite::Error::ConnectionClosed) => return close,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn messages_are_echoed_and_pings_and_the_close_frame_are_answered() {
    let server = Server::start();
    let mut ws = server.connect();
    for len in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        for message in [Message::text("é".repeat(len)), Message::binary(vec![7; len])] {
            ws.send(message.clone()).unwrap();
            assert_eq!(ws.read().unwrap(), message);
        }
    }
    ws.send(Message::Ping("?".into())).unwrap();
    assert_eq!(ws.read().unwrap(), Message::Pong("?".into()));
    let frame = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    ws.close(Some(frame)).unwrap();
    assert_eq!(ending(&mut ws).unwrap().code, CloseCode::Normal);
}

#[cfg(unix)]
#[test]
fn an_interrupt_closes_each_connection_and_ends_the_server() {
    let mut server = Server::start();
    let mut peers = [server.connect(), server.connect()];
    // An answer shows that the handshake is complete for the server too.
    for ws in &mut peers {
        ws.send("?".into()).unwrap();
        assert_eq!(ws.read().unwrap(), Message::text("?"));
    }
    Command::new("kill").args(["-s", "INT", &server.0.id().to_string()]).status().unwrap();
    for ws in &mut peers {
        assert_eq!(ending(ws).unwrap().code, CloseCode::Away);
    }
    drop(peers); // the server waits for the end of each transport
    assert!(server.0.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_server_without_files_for_more_clients_goes_on() {
    let server = Server::start_with_few_files();
    let address = server.1.trim_start_matches("ws://").trim_end_matches('/');
    let crowd: Vec<_> = (0..60).map(|_| TcpStream::connect(address).unwrap()).collect();
    thread::sleep(Duration::from_millis(300));
    drop(crowd);
    let mut ws = server.connect();
    ws.send("?".into()).unwrap();
    assert_eq!(ws.read().unwrap(), Message::text("?"));
}
