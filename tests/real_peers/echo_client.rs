//! `echo_client` with servers that are slow, silent, do not read or break the protocol, and with Ctrl-C.
//!
//! Timeouts are short here, and are not measured: a test only checks that the client ends, and how.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use wsproto::{AcceptConnection, CloseCode, CloseConnection, WsConnection, WsEvent};

use crate::program::Program;
use crate::tools::example;

#[test]
fn server_that_breaks_a_rule_gets_a_close_frame_before_the_client_ends() {
    let (client, mut server) = connected(&[]);
    server.stream.write_all(b"\x81\x05hello\x81\x82\0\0\0\0hi").unwrap();
    assert_eq!(client.line(), "hello\n");
    assert_eq!(server.close(), (Some(CloseCode::PROTOCOL_ERROR), "frame from server is masked".to_owned()));
    drop(server);
    let ending = client.finish();
    let error = "echo_client: the server broke the protocol: frame from server is masked (RFC 6455 §5.1)\n";
    assert!(ending.code == Some(1) && ending.stderr.ends_with(error), "{ending:?}");
}

#[test]
fn server_that_closes_because_of_an_error_makes_the_client_fail() {
    for (code, exit) in [(1000_u16, 0), (1001, 0), (1009, 1), (1011, 1)] {
        let (client, mut server) = connected(&[]);
        server.stream.write_all(&[&[0x88, 2][..], &code.to_be_bytes()].concat()).unwrap();
        server.close();
        drop(server);
        let ending = client.finish();
        assert_eq!(ending.code, Some(exit), "{code}: {ending:?}");
        assert!(ending.stderr.contains(&format!("closed: {code} ")), "{ending:?}");
    }
}

#[test]
fn server_that_answers_the_handshake_too_slowly_is_dropped_at_the_deadline() {
    let (client, mut stream) = accepted(&["--timeout", "1"]);
    let drip = thread::spawn(move || {
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n".iter().cycle() {
            thread::sleep(Duration::from_millis(100));
            if stream.write_all(&[*byte]).is_err() {
                break;
            }
        }
    });
    let ending = client.finish();
    let error = "echo_client: the server does not answer the handshake\n";
    assert_eq!((ending.code, ending.stderr.as_str()), (Some(1), error));
    drip.join().unwrap();
}

#[test]
fn silent_server_is_pinged_and_dropped_if_it_does_not_answer() {
    let (client, mut server) = connected(&["--idle-timeout", "1", "--timeout", "2"]);
    assert!(matches!(server.event(), WsEvent::Ping(_)));
    assert_eq!(server.close(), (Some(CloseCode::TIMEOUT), "no answer to a ping".to_owned()));
    let ending = client.finish();
    let error = "echo_client: the server does not answer a ping\n";
    assert!(ending.code == Some(1) && ending.stderr.ends_with(error), "{ending:?}");
}

#[test]
fn server_that_does_not_read_is_dropped() {
    let (client, server) = connected(&["--timeout", "2"]);
    let lines = "0123456789\n".repeat(4 << 20);
    let ending = client.with_input(lines).finish();
    let error = "echo_client: the server does not read\n";
    assert!(ending.code == Some(1) && ending.stderr.ends_with(error), "{ending:?}");
    drop(server);
}

#[test]
fn server_that_does_not_close_is_dropped() {
    let (client, mut server) = connected(&["--timeout", "2"]);
    let client = client.with_input("");
    assert_eq!(server.close(), (Some(CloseCode::NORMAL_CLOSURE), "".to_owned()));
    let ending = client.finish();
    let error = "echo_client: the server does not close\n";
    assert!(ending.code == Some(1) && ending.stderr.ends_with(error), "{ending:?}");
}

#[cfg(unix)]
#[test]
fn interrupt_closes_with_1001() {
    let (client, mut server) = connected(&[]);
    server.stream.write_all(b"\x81\x05hello").unwrap();
    assert_eq!(client.line(), "hello\n");
    client.signal("INT");
    assert_eq!(server.close(), (Some(CloseCode::GOING_AWAY), String::new()));
    let reply = server.connection.send(CloseConnection::new(CloseCode::GOING_AWAY, "")).unwrap();
    server.stream.write_all(&reply).unwrap();
    drop(server);
    let ending = client.finish();
    assert!(ending.code == Some(0) && ending.stderr.ends_with("closed: 1001 (Going Away)\n"), "{ending:?}");
}

/// The server of an open connection.
struct Server {
    stream: TcpStream,
    connection: WsConnection,
}

/// A client, and a new connection from it, without any data so far.
fn accepted(options: &[&str]) -> (Program, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let client = Program::start(example("echo_client").args(options).arg(url));
    listener.set_nonblocking(true).unwrap();
    let accept = |_| {
        thread::sleep(Duration::from_millis(10));
        listener.accept().ok()
    };
    let (stream, _) = (0..1000).find_map(accept).expect("the client does not connect");
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    (client, stream)
}

/// A client, and a server with an open connection to it.
fn connected(options: &[&str]) -> (Program, Server) {
    let (client, stream) = accepted(options);
    let mut server = Server { stream, connection: WsConnection::server() };
    assert!(matches!(server.event(), WsEvent::Request(_)));
    let accept = server.connection.send(AcceptConnection::new()).unwrap();
    server.stream.write_all(&accept).unwrap();
    (client, server)
}

impl Server {
    /// The next event from the client.
    #[track_caller]
    fn event(&mut self) -> WsEvent {
        let mut buffer = [0; 1024];
        loop {
            if let Some(event) = self.connection.next_event().unwrap() {
                return event;
            }
            let len = self.stream.read(&mut buffer).unwrap();
            assert_ne!(len, 0, "the client ended the transport");
            self.connection.receive_data(&buffer[..len]).unwrap();
        }
    }

    /// The code and the reason of the client's close frame, which is the next event from it.
    #[track_caller]
    fn close(&mut self) -> (Option<CloseCode>, String) {
        match self.event() {
            WsEvent::Close(close) => (close.code, close.reason),
            event => panic!("{event:?}"),
        }
    }
}

/// How long a test waits for what it expects: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
