//! The server as a process, with tungstenite and plain TCP as its clients.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a helper is the failure of its test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

mod directory;

use directory::Directory;

struct Server {
    child: Child,
    address: String,
    directory: Directory,
}

impl Server {
    fn start() -> Self {
        Self::start_in(Directory::new())
    }

    fn start_in(directory: Directory) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wsproto-chat"))
            .args(["--listen", "127.0.0.1:0", "--database"])
            .arg(directory.0.join("chat.db"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("chat: open http://").unwrap().trim_end_matches('/').to_owned();
        Self { child, address, directory }
    }

    fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// The whole response to a request; `HOST` is replaced.
    fn http(&self, request: &str) -> String {
        let mut stream = self.tcp();
        stream.write_all(request.replace("HOST", &self.address).as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    fn page(&self) -> Page {
        let request = format!("ws://{}/chat", self.address).into_client_request().unwrap();
        Page(tungstenite::client(request, self.tcp()).unwrap().0)
    }

    /// A page that has caught up, and what it got.
    fn enter(&self, name: &str, last_event: i64) -> (Page, Vec<Value>) {
        let mut page = self.page();
        page.send(json!({ "type": "hello", "name": name, "token": TOKEN, "last_event": last_event }));
        assert_eq!(page.next(), json!({ "type": "welcome", "name": name }));
        let events = page.until("ready");
        page.until("person");
        (page, events)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Page(WebSocket<TcpStream>);

impl Page {
    fn send(&mut self, request: Value) {
        self.0.send(Message::text(request.to_string())).unwrap();
    }

    fn next(&mut self) -> Value {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// What comes before the next message of a type.
    fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut before = Vec::new();
        loop {
            let next = self.next();
            if next["type"] == kind {
                return before;
            }
            before.push(next);
        }
    }

    fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.0.read().unwrap() {
                let _ = self.0.read();
                return frame.unwrap().code.into();
            }
        }
    }
}

const TOKEN: &str = "0123456789abcdef";

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn files_are_served_and_other_requests_are_refused() {
    let server = Server::start();
    let page = server.http("GET /?from=mail HTTP/1.1\r\nHost: HOST\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("\r\nContent-Security-Policy: default-src 'none'; script-src 'self';"), "{page}");
    let head = server.http("HEAD /chat.js HTTP/1.1\r\nHost: HOST\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    for (request, status) in [
        ("GET /secret HTTP/1.1\r\nHost: HOST\r\n\r\n", "404"),
        ("GET /chat HTTP/1.1\r\nHost: HOST\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n\r\nhi", "405"),
        ("no request\r\n\r\n", "400"),
        (&format!("GET /elsewhere HTTP/1.1\r\nHost: HOST\r\n{UPGRADE}"), "404"),
        (&format!("GET /chat HTTP/1.1\r\nHost: HOST\r\nOrigin: http://evil.example\r\n{UPGRADE}"), "403"),
    ] {
        let response = server.http(request);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{response}");
    }
}

#[test]
fn client_that_sends_its_request_byte_by_byte_is_disconnected() {
    let server = Server::start();
    let mut stream = server.tcp();
    let request = "GET / HTTP/1.1\r\nHost: a-host-with-a-name-that-is-long-enough.example\r\n\r\n";
    let sent = request.bytes().take_while(|byte| {
        thread::sleep(Duration::from_millis(400));
        stream.write_all(&[*byte]).is_ok()
    });
    // At most ten seconds: the limit is for the whole request.
    assert!(sent.count() < request.len() / 2);
}

#[test]
fn connections_have_a_bound_and_make_room_when_they_end() {
    let server = Server::start();
    let mut open: Vec<TcpStream> = (0..256).map(|_| server.tcp()).collect();
    // The server has accepted all of them once it closes one more.
    let mut one_more = server.tcp();
    assert_eq!(one_more.read(&mut [0; 1]).unwrap_or(0), 0);
    open.clear();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut stream = server.tcp();
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
        let mut response = String::new();
        if stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut response).is_ok()
            && !response.is_empty()
        {
            break;
        }
        assert!(Instant::now() < deadline, "the server has no room");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_sent_twice_is_stored_once() {
    let server = Server::start();
    let (mut page, events) = server.enter("Anna", 0);
    assert_eq!(events, [] as [Value; 0]);
    for _ in 0..2 {
        page.send(json!({ "type": "post", "id": "one", "text": " a post " }));
        let event = page.next();
        assert_eq!(
            (&event["event"], &event["what"], &event["text"]),
            (&json!(1), &json!("post"), &json!("a post"))
        );
    }
    for _ in 0..2 {
        page.send(json!({ "type": "message", "id": "one", "to": "Anna", "text": "a note" }));
        let event = page.next();
        assert_eq!(
            (&event["event"], &event["what"], &event["to"]),
            (&json!(2), &json!("message"), &json!("Anna"))
        );
    }
    for (up, event, votes) in [(true, 3, 1), (true, 4, 1), (false, 5, 0)] {
        page.send(json!({ "type": "vote", "post": 1, "up": up }));
        let expected = json!({ "type": "event", "event": event, "what": "votes", "post": 1, "votes": votes, "mine": up });
        assert_eq!(page.next(), expected);
    }
}

#[test]
fn page_that_comes_back_gets_what_it_has_missed_and_no_more() {
    let mut server = Server::start();
    let (mut anna, _) = server.enter("Anna", 0);
    let (mut bela, _) = server.enter("Béla", 0);
    anna.until("person");
    for i in 0..120 {
        anna.send(json!({ "type": "message", "id": format!("m{i}"), "to": "Béla", "text": format!("{i}") }));
        bela.next();
        anna.next();
    }
    bela.send(json!({ "type": "message", "id": "secret", "to": "Béla", "text": "a note to myself" }));
    assert_eq!(bela.next()["event"], 121);
    // Nothing that was acknowledged is lost, even if the server is killed.
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let directory = std::mem::replace(&mut server.directory, Directory::new());
    let server = Server::start_in(directory);
    let numbers = |events: Vec<Value>| -> Vec<i64> {
        events.iter().map(|event| event["event"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers(server.enter("Anna", 0).1), (1..=120).collect::<Vec<_>>());
    assert_eq!(numbers(server.enter("Béla", 100).1), (101..=121).collect::<Vec<_>>());
    assert_eq!(numbers(server.enter("Cleo", 0).1), [0; 0]);
}

#[test]
fn requests_that_are_not_valid_change_nothing() {
    let server = Server::start();
    let (mut page, _) = server.enter("Anna", 0);
    for (request, reason) in [
        (json!({ "type": "message", "id": "a", "to": "Nobody", "text": "hi" }), "Nobody has this name."),
        (json!({ "type": "post", "id": "a", "text": "  " }), "The text is empty."),
        (
            json!({ "type": "post", "id": "a", "text": "é".repeat(4001) }),
            "The text has more than 4000 characters.",
        ),
        (json!({ "type": "post", "id": "", "text": "hi" }), "The id is not valid."),
        (json!({ "type": "vote", "post": 7, "up": true }), "There is no such post."),
    ] {
        let id = &request["id"].clone();
        page.send(request);
        assert_eq!(page.next(), json!({ "type": "failed", "id": id, "reason": reason }));
    }
    page.send(json!({ "type": "post", "id": "a", "text": "é".repeat(4000) }));
    assert_eq!(page.next()["event"], 1);
    page.send(json!({ "type": "nonsense" }));
    assert_eq!(page.close_code(), 1007);
}

#[test]
fn names_are_checked_and_belong_to_their_token() {
    let server = Server::start();
    let (_anna, _) = server.enter("Anna", 0);
    let taken = "Somebody else has this name.";
    let letters = "A name has only letters, digits, spaces and . _ - '";
    for (name, token, reason) in [
        ("Anna", "another-token-of-anna", taken),
        (" ANNA ", "another-token-of-anna", taken),
        ("", TOKEN, "Please choose a name."),
        ("<b>", TOKEN, letters),
        ("right\u{202e}left", TOKEN, letters),
        (&"x".repeat(41), TOKEN, "A name has at most 40 characters."),
        ("Béla", "short", "The token is too short."),
    ] {
        let mut page = server.page();
        page.send(json!({ "type": "hello", "name": name, "token": token, "last_event": 0 }));
        assert_eq!(page.next(), json!({ "type": "refused", "reason": reason }));
        assert_eq!(page.close_code(), 1008);
    }
    let mut page = server.page();
    page.send(json!({ "type": "post", "id": "a", "text": "no hello" }));
    assert_eq!(page.close_code(), 1008);
}

#[test]
fn page_that_does_not_read_keeps_nobody_waiting_and_is_disconnected() {
    let server = Server::start();
    let (_deaf, _) = server.enter("Deaf", 0);
    let (mut anna, _) = server.enter("Anna", 0);
    let (mut page, _) = server.enter("Béla", 0);
    anna.until("person");
    let text: String = (0..4000_u32).filter_map(|i| char::from_u32(0x4e00 + (i * 7919) % 20000)).collect();
    let mut count = 0;
    // The system holds some megabytes, and the server two more. Then the server says that somebody has left.
    let left = loop {
        page.send(json!({ "type": "post", "id": format!("{count}"), "text": text }));
        page.until("event");
        let events = anna.until("event");
        if let Some(left) = events.into_iter().next() {
            break left;
        }
        count += 1;
        assert!(count < 4000, "the page that does not read is still here");
    };
    assert_eq!(left, json!({ "type": "person", "name": "Deaf", "online": false }));
}

#[cfg(unix)]
#[test]
fn sigterm_closes_each_connection_with_1001() {
    let mut server = Server::start();
    let (mut anna, _) = server.enter("Anna", 0);
    let mut silent = server.page();
    // A browser opens connections that it may use later.
    let _unused = server.tcp();
    let killed = Command::new("kill").args(["-s", "TERM", &server.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!((anna.close_code(), silent.close_code()), (1001, 1001));
    drop((anna, silent));
    // If the server does not see that they have left, it waits for them for 5 s; and for the unused one for 10 s.
    let start = Instant::now();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn unknown_option_is_reported() {
    let output = Command::new(env!("CARGO_BIN_EXE_wsproto-chat")).arg("--prot").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(error.starts_with("wsproto-chat: invalid option '--prot'\nusage: "), "{error}");
}
