//! `autobahn_client` against servers that break the protocol: it sends its echoes, then it closes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use wsproto::{AcceptConnection, CloseCode, CloseConnection, TextMessage, WsConnection, WsEvent};

use crate::program::{Ending, Program};
use crate::tools::example;

/// How long the client may stay connected to such a server.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message and a frame with a reserved opcode after it, in one write.
const MESSAGE_THEN_BROKEN: &[u8] = b"\x81\x02hi\x83\x00";

#[test]
fn client_echoes_messages_before_a_broken_rule_and_answers_the_failure() {
    let (received, ending) = run(|mut stream, mut ws| {
        stream.write_all(MESSAGE_THEN_BROKEN).unwrap();
        receive_all(&mut stream, &mut ws)
    });
    assert_eq!(received, ["hi", "close 1002: opcode is reserved"]);
    assert_eq!(ending, Ending { code: Some(0), stdout: String::new(), stderr: String::new() });
}

#[test]
fn client_leaves_a_server_that_keeps_sending_after_its_failure() {
    let start = Instant::now();
    let (received, ending) = run(|mut stream, mut ws| {
        stream.write_all(MESSAGE_THEN_BROKEN).unwrap();
        let received = receive_all(&mut stream, &mut ws);
        while start.elapsed() < PATIENCE && stream.write_all(&[0; 100]).is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
        received
    });
    assert_eq!(received, ["hi", "close 1002: opcode is reserved"]);
    assert_eq!(ending.code, Some(0), "{ending:?}");
    assert!(start.elapsed() < PATIENCE, "it stayed connected");
}

/// Serves one case, in which `case` is the server; returns what the server received, and how the client ended.
fn run(case: impl FnOnce(TcpStream, WsConnection) -> Vec<String> + Send) -> (Vec<String>, Ending) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let client = Program::start(example("autobahn_client").args([&url, "wsproto"]));
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let (mut stream, mut ws) = accept(&listener, "/getCaseCount");
            stream.write_all(&ws.send(TextMessage::from("1")).unwrap()).unwrap();
            let close = CloseConnection { code: Some(CloseCode::NORMAL_CLOSURE), reason: String::new() };
            stream.write_all(&ws.send(close).unwrap()).unwrap();
            drop(stream);
            let (stream, ws) = accept(&listener, "/runCase?case=1&agent=wsproto");
            let received = case(stream, ws);
            drop(accept(&listener, "/updateReports?agent=wsproto"));
            received
        });
        (server.join().unwrap(), client.finish())
    })
}

fn accept(listener: &TcpListener, target: &str) -> (TcpStream, WsConnection) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut ws = WsConnection::server();
    let mut buffer = [0; 4096];
    loop {
        let len = stream.read(&mut buffer).unwrap();
        ws.receive_data(&buffer[..len]).unwrap();
        if let Some(event) = ws.next_event().unwrap() {
            let WsEvent::Request(request) = event else { panic!("not a request: {event:?}") };
            assert_eq!(request.target(), target);
            stream.write_all(&ws.send(AcceptConnection::new()).unwrap()).unwrap();
            return (stream, ws);
        }
    }
}

/// Everything that the client sends, up to the end of its direction.
fn receive_all(stream: &mut TcpStream, ws: &mut WsConnection) -> Vec<String> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    ws.receive_data(&bytes).unwrap();
    let mut received = Vec::new();
    while let Some(event) = ws.next_event().unwrap() {
        received.push(match event {
            WsEvent::Text(text) => text.data,
            WsEvent::Close(close) => {
                format!("close {}: {}", close.code.unwrap().get(), close.reason)
            }
            other => format!("{other:?}"),
        });
    }
    received
}
