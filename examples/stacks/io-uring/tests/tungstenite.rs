//! The server against tungstenite; skipped where io_uring is not permitted, unless WSPROTO_REQUIRE_PEERS is 1.

#![cfg(target_os = "linux")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

struct Server(Child, String);

impl Server {
    fn start() -> Option<Self> {
        Self::spawn(&mut Command::new(env!("CARGO_BIN_EXE_wsproto-io-uring-example")))
    }

    /// With so few files that some clients get none.
    fn start_with_few_files() -> Option<Self> {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "ulimit -n 40; exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_wsproto-io-uring-example"),
        ]);
        Self::spawn(&mut command)
    }

    fn spawn(command: &mut Command) -> Option<Self> {
        let mut child =
            command.arg("127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let output = child.wait_with_output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            let refused = ["PermissionDenied", "Unsupported", "Function not implemented"];
            assert!(refused.iter().any(|reason| error.contains(reason)), "{error}");
            assert_ne!(std::env::var("WSPROTO_REQUIRE_PEERS").as_deref(), Ok("1"), "{error}");
            println!("skipped: io_uring is not permitted here");
            return None;
        }
        Some(Self(child, line.trim().to_owned()))
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
    let Some(server) = Server::start() else { return };
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

#[test]
fn a_peer_that_writes_64_mib_before_it_reads_is_given_up_without_harm_to_others() {
    let Some(server) = Server::start() else { return };
    let flood = server.connect();
    let mut stream = flood.get_ref().try_clone().unwrap();
    let flooding = thread::spawn(move || {
        let mut frame = b"\x82\xfe\x40\x00\0\0\0\0".to_vec();
        frame.resize(8 + (16 << 10), 0);
        (0..4096).find_map(|_| stream.write_all(&frame).err())
    });
    let mut ws = server.connect();
    for _ in 0..100 {
        ws.send("?".into()).unwrap();
        assert_eq!(ws.read().unwrap(), Message::text("?"));
    }
    // The server takes no more than the sockets' buffers hold, and closes after its deadline.
    assert!(flooding.join().unwrap().is_some());
}

#[test]
fn an_interrupt_closes_each_connection_and_ends_the_server() {
    let Some(mut server) = Server::start() else { return };
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

#[test]
fn a_server_without_files_for_more_clients_reports_it_once_a_second_and_goes_on() {
    let Some(mut server) = Server::start_with_few_files() else { return };
    let address = server.1.trim_start_matches("ws://").trim_end_matches('/');
    let crowd: Vec<_> = (0..60).map(|_| TcpStream::connect(address).unwrap()).collect();
    thread::sleep(Duration::from_millis(300));
    drop(crowd);
    let mut ws = server.connect();
    ws.send("?".into()).unwrap();
    assert_eq!(ws.read().unwrap(), Message::text("?"));
    server.0.kill().unwrap();
    let reported = BufReader::new(server.0.stderr.take().unwrap()).lines().count();
    assert!((1..10).contains(&reported), "{reported}");
}
