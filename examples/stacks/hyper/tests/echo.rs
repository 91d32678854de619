//! Clients that are not ours against the server as a process: tungstenite, and Python's `websockets` with compression.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong fails the test")]

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tungstenite::client::IntoClientRequest;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-hyper-example");

/// The server; it is killed at the end of the test.
struct Server {
    child: Child,
    addr: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(EXECUTABLE).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        Self { child, addr }
    }

    fn transport(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// A connection, or the refusal.
    fn connect(&self, origin: &str) -> Result<WebSocket<TcpStream>, Error> {
        let mut request = format!("ws://{}/echo", self.addr).into_client_request().unwrap();
        request.headers_mut().insert("Origin", origin.parse().unwrap());
        match tungstenite::client(request, self.transport()) {
            Ok((ws, _)) => Ok(ws),
            Err(HandshakeError::Failure(error)) => Err(error),
            Err(HandshakeError::Interrupted(_)) => panic!("the stream blocks"),
        }
    }

    fn own_origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    fn get(&self, path: &str) -> String {
        let mut stream = self.transport();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.addr).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn tungstenite_is_echoed_and_closes_cleanly() {
    let server = Server::start();
    let mut ws = server.connect(&server.own_origin()).unwrap();
    for message in [Message::text("Hello"), Message::text(""), Message::binary(vec![7; 1_000_000])] {
        ws.send(message.clone()).unwrap();
        assert_eq!(ws.read().unwrap(), message);
    }
    ws.close(None).unwrap();
    assert!(ws.read().unwrap().is_close());
    assert!(matches!(ws.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn pages_are_served_and_others_are_refused() {
    let server = Server::start();
    let page = server.get("/");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("new WebSocket"), "{page}");
    assert!(server.get("/nothing").starts_with("HTTP/1.1 404 "));
    assert!(server.get("/echo").starts_with("HTTP/1.1 400 "), "no WebSocket request");
    let Err(Error::Http(response)) = server.connect("http://evil.example") else { panic!("not refused") };
    assert_eq!(response.status(), 403);
}

#[test]
fn ctrl_c_closes_with_1001_and_ends() {
    let mut server = Server::start();
    let mut ws = server.connect(&server.own_origin()).unwrap();
    ws.send(Message::text("Hello")).unwrap();
    ws.read().unwrap();
    assert!(
        Command::new("kill").args(["-s", "INT", &server.child.id().to_string()]).status().unwrap().success()
    );
    let Message::Close(Some(frame)) = ws.read().unwrap() else { panic!("no close frame") };
    assert_eq!(u16::from(frame.code), 1001);
    assert!(matches!(ws.read(), Err(Error::ConnectionClosed)));
    drop(ws); // only now does the server see the end of the transport
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_wrong_argument_is_a_usage_error() {
    let output = Command::new(EXECUTABLE).arg("--help-me").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: "));
}

#[test]
fn python_is_echoed_with_permessage_deflate() {
    let python = env::var_os("WSPROTO_PYTHON").unwrap_or_else(|| "python3".into());
    let installed = Command::new(&python).args(["-c", "import websockets"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        let required = env::var_os("WSPROTO_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "Python's websockets is not installed, and WSPROTO_REQUIRE_PEERS is 1");
        return eprintln!("SKIPPED: Python's websockets is not installed");
    }
    let server = Server::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client.py");
    let output = Command::new(python).args([script, &format!("ws://{}/echo", server.addr)]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "permessage-deflate\n3 echoes\nclosed 1000\n");
}
