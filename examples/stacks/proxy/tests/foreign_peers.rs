//! The proxy between two peers that are not ours: Python's `websockets` for fragments and compression, tungstenite for
//! the rest.

#![allow(clippy::panic, clippy::unwrap_used, reason = "what goes wrong fails the test")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, HandshakeError, Message, WebSocket};
use wsproto_stacks_testing::{Program, Server, echo, python, usage_error};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_wsproto-proxy-example");

fn proxy(args: &[&str]) -> Server {
    Server::spawn(Command::new(EXECUTABLE).args(args)).unwrap()
}

/// An upstream for one connection, and the proxy before it.
fn before<T: Send + 'static>(
    serve: impl FnOnce(WebSocket<TcpStream>) -> T + Send + 'static,
) -> (Server, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = proxy(&[&format!("ws://{}", listener.local_addr().unwrap())]);
    let upstream = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        serve(tungstenite::accept(stream).unwrap())
    });
    (proxy, upstream)
}

/// The same with a client.
fn between<T: Send + 'static>(
    serve: impl FnOnce(WebSocket<TcpStream>) -> T + Send + 'static,
) -> (Server, WebSocket<TcpStream>, JoinHandle<T>) {
    let (proxy, upstream) = before(serve);
    let client = proxy.connect();
    (proxy, client, upstream)
}

/// The close code that a client in Python receives, as tungstenite does not know 1014; `None` without Python.
fn closed(proxy: &Server, args: &[&str]) -> Option<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/closed.py");
    let client = python("websockets")?.args([script, &proxy.url]).args(args).output().unwrap();
    assert!(client.status.success(), "{client:?}");
    Some(String::from_utf8(client.stdout).unwrap())
}

/// The end of a connection as the peer sees it: the close frame's code and reason, if there is one.
fn ending(mut ws: WebSocket<TcpStream>) -> Option<(u16, String)> {
    echo::ending(&mut ws).map(|frame| (frame.code.into(), frame.reason.to_string()))
}

fn close(code: u16, reason: &str) -> CloseFrame {
    CloseFrame { code: code.into(), reason: reason.into() }
}

/// A client in Python with an upstream in Python: what both have seen.
fn fragments(args: &[&str]) -> Option<(String, String)> {
    let script = |name: &str| format!("{}/tests/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut upstream = Program::start(python("websockets")?.arg(script("upstream.py")));
    let url = upstream.line();
    let proxy = proxy(&[args, &[&url]].concat());
    let client = python("websockets")?.args([&script("client.py"), &proxy.url]).output().unwrap();
    assert!(client.status.success(), "{client:?}");
    Some((String::from_utf8(client.stdout).unwrap(), upstream.line()))
}

/// `websockets` ends each message that it sends in fragments with an empty one.
const FRAGMENTS: &str = "\
[5] True
[3, 0, 5, 1, 0, 0] True
[70, 60000, 1, 0, 0] True
a long frame in parts: True True
4001 bye
";
const FRAGMENTS_UPSTREAM: &str = "[5] [3, 0, 5, 1, 0] [70, 60000, 1, 0] 4001 bye";

#[test]
fn fragments_stay_fragments_and_the_client_s_side_is_compressed() {
    let Some((client, upstream)) = fragments(&[]) else { return };
    assert_eq!(client, format!("permessage-deflate chat\n{FRAGMENTS}"));
    assert_eq!(upstream, format!("plain chat {FRAGMENTS_UPSTREAM}"));
}

#[test]
fn the_upstream_s_side_is_compressed_instead_if_the_flag_asks_for_it() {
    let Some((client, upstream)) = fragments(&["--deflate-upstream"]) else { return };
    assert_eq!(client, format!("plain chat\n{FRAGMENTS}"));
    assert_eq!(upstream, format!("permessage-deflate chat {FRAGMENTS_UPSTREAM}"));
}

#[test]
fn the_client_s_close_frame_reaches_the_upstream_and_its_answer_the_client() {
    for frame in [Some(close(4000, "enough")), Some(close(1010, "")), None] {
        let (_proxy, mut client, upstream) = between(ending);
        client.close(frame.clone()).unwrap();
        let expected = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
        // tungstenite answers with the code that it has received.
        assert_eq!(ending(client).map(|(code, _)| code), expected.as_ref().map(|(code, _)| *code));
        assert_eq!(upstream.join().unwrap(), expected);
    }
}

#[test]
fn the_upstream_s_close_frame_reaches_the_client() {
    let (_proxy, client, upstream) = between(|mut ws| {
        ws.close(Some(close(1012, "restart"))).unwrap();
        ending(ws)
    });
    assert_eq!(ending(client), Some((1012, "restart".into())));
    assert_eq!(upstream.join().unwrap().unwrap().0, 1012);
}

#[test]
fn an_upstream_that_vanishes_closes_the_client_with_1014() {
    let (proxy, upstream) = before(drop);
    let Some(code) = closed(&proxy, &[]) else { return };
    assert_eq!(code, "1014\n");
    upstream.join().unwrap();
}

#[test]
fn a_client_that_vanishes_closes_the_upstream_with_1001() {
    let (_proxy, client, upstream) = between(ending);
    drop(client);
    assert_eq!(upstream.join().unwrap(), Some((1001, String::new())));
}

#[test]
fn a_peer_that_breaks_a_rule_is_told_so_and_the_other_end_is_not() {
    let (_proxy, mut client, upstream) = between(ending);
    client.get_mut().write_all(b"\x81\x01a").unwrap(); // not masked
    assert_eq!(ending(client).unwrap().0, 1002);
    assert_eq!(upstream.join().unwrap().unwrap().0, 1001);

    let (proxy, upstream) = before(|mut ws| {
        ws.get_mut().write_all(b"\x81\x81\0\0\0\0a").unwrap(); // masked
        ending(ws)
    });
    let Some(code) = closed(&proxy, &[]) else { return };
    assert_eq!(code, "1014\n");
    assert_eq!(upstream.join().unwrap().unwrap().0, 1002);
}

#[test]
fn pings_and_pongs_are_relayed_in_both_directions() {
    let (_proxy, mut client, upstream) = between(|mut ws| {
        let seen = [ws.read().unwrap(), ws.read().unwrap()];
        ws.send(Message::Ping("from upstream".into())).unwrap();
        (seen, ws.read().unwrap())
    });
    client.send(Message::Ping("from client".into())).unwrap();
    client.send(Message::Pong("unasked".into())).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong("from client".into()));
    assert_eq!(client.read().unwrap(), Message::Ping("from upstream".into()));
    _ = client.read(); // the answer is written, and the upstream has gone
    let (seen, answer) = upstream.join().unwrap();
    assert_eq!(seen, [Message::Ping("from client".into()), Message::Pong("unasked".into())]);
    assert_eq!(answer, Message::Pong("from upstream".into()));
}

/// The resident memory of a process at its peak, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.program.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap().saturating_mul(1024)
}

#[cfg(target_os = "linux")]
#[test]
fn both_ends_write_64_mib_before_they_read_and_nothing_is_kept() {
    const MIB: usize = 1 << 20;
    let (proxy, mut client, upstream) = between(|mut ws| {
        let messages: Vec<_> = (0..64).map(|_| ws.read().unwrap()).collect();
        messages.into_iter().for_each(|message| ws.send(message).unwrap());
        ending(ws)
    });
    let message = |index: u8| Message::binary(vec![index; MIB]);
    (0..64).for_each(|index| client.send(message(index)).unwrap());
    (0..64).for_each(|index| assert!(client.read().unwrap() == message(index), "message {index}"));
    client.close(None).unwrap();
    assert_eq!(ending(client), None);
    assert_eq!(upstream.join().unwrap(), None);
    let peak = peak_memory(&proxy);
    assert!(peak < 9 * MIB, "{peak} bytes");
}

#[cfg(target_os = "linux")]
#[test]
fn a_message_that_inflates_to_a_thousand_times_its_length_is_not_kept() {
    let (proxy, upstream) = before(|mut ws| ws.read().unwrap().len());
    let Some(code) = closed(&proxy, &["zeros"]) else { return };
    assert_eq!(code, "1014\n"); // the upstream has gone
    assert_eq!(upstream.join().unwrap(), 48 << 20);
    let peak = peak_memory(&proxy);
    assert!(peak < 9 << 20, "{peak} bytes");
}

#[test]
fn an_upstream_that_never_reads_is_given_up_and_the_client_is_closed_with_1014() {
    let (done, is_done) = mpsc::channel::<()>();
    let (proxy, upstream) = before(move |ws| {
        _ = is_done.recv();
        drop(ws);
    });
    let Some(code) = closed(&proxy, &["flood"]) else { return };
    assert_eq!(code, "1014\n");
    drop(done);
    upstream.join().unwrap();
}

fn status(proxy: &Server) -> u16 {
    let request = proxy.url.as_str().into_client_request().unwrap();
    match tungstenite::client(request, proxy.transport()) {
        Err(HandshakeError::Failure(Error::Http(response))) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_of_the_upstream_is_the_client_s_and_no_upstream_is_a_bad_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = proxy(&[&format!("ws://{}", listener.local_addr().unwrap())]);
    let upstream = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    assert_eq!(status(&proxy), 403);
    upstream.join().unwrap(); // and its listener is closed
    assert_eq!(status(&proxy), 502);
}

#[cfg(unix)]
#[test]
fn an_interrupt_closes_both_ends_with_1001_and_ends_the_proxy() {
    let (mut proxy, client, upstream) = between(ending);
    proxy.program.interrupt();
    assert_eq!(ending(client).unwrap().0, 1001);
    assert_eq!(upstream.join().unwrap().unwrap().0, 1001);
    assert!(proxy.program.child.wait().unwrap().success());
}

#[test]
fn a_wrong_argument_is_a_usage_error() {
    usage_error(EXECUTABLE);
}
