//! Heads of HTTP/1.1: mostly valid for a handshake, but some lines are missing, repeated or wrong.

use crate::dice::Dice;

/// A request to a server.
pub(crate) fn request(dice: &mut Dice) -> Vec<u8> {
    let mut head = Head { dice, lines: Vec::new() };
    head.start(&["GET /chat HTTP/1.1", "GET / HTTP/1.1", "GET /a?b=%20&c HTTP/1.1"], &REQUEST_LINES);
    head.field("Host", &["h", "h:80", "[::1]:9", "example.com"], &HOSTS);
    head.field("Upgrade", &["websocket", "WebSocket"], &UPGRADES);
    head.field("Connection", &["Upgrade", "upgrade", "keep-alive, Upgrade", "Upgrade, close"], &CONNECTIONS);
    head.field("Sec-WebSocket-Key", &[KEY], &KEYS);
    head.field("Sec-WebSocket-Version", &["13"], &VERSIONS);
    head.may("Sec-WebSocket-Protocol", 25, &["chat", "chat, superchat"], &SUBPROTOCOLS);
    head.may("Sec-WebSocket-Extensions", 15, &["x-test", "a; b=1, c"], &EXTENSIONS);
    head.may("Content-Length", 4, &["0"], &LENGTHS);
    head.may("Transfer-Encoding", 2, &["chunked"], &["gzip, chunked"]);
    head.may("Origin", 10, &["http://h"], &["null"]);
    head.may("X-Test", 15, &["1", "a b", ""], &["\u{e9}", "a\tb"]);
    head.bytes()
}

/// A response to a client, with a body if it refuses; `token` is the right one.
pub(crate) fn response(dice: &mut Dice, token: &str) -> Vec<u8> {
    if dice.chance(30) {
        return refusal(dice);
    }
    let mut head = Head { dice, lines: Vec::new() };
    head.start(&["HTTP/1.1 101 Switching Protocols", "HTTP/1.1 101 x"], &STATUS_LINES);
    head.field("Upgrade", &["websocket", "WebSocket"], &UPGRADES);
    head.field("Connection", &["Upgrade", "upgrade", "keep-alive, Upgrade", "Upgrade, close"], &CONNECTIONS);
    head.field("Sec-WebSocket-Accept", &[token], &["", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "\u{e9}"]);
    head.may("Sec-WebSocket-Protocol", 30, &["chat", "superchat"], &SUBPROTOCOLS);
    head.may("Sec-WebSocket-Extensions", 6, &["x-test"], &EXTENSIONS);
    head.may("X-Test", 15, &["1", "a b", ""], &["\u{e9}", "a\tb"]);
    let mut bytes = head.bytes();
    if dice.chance(8) {
        let early = dice
            .pick(&[&b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"[..], b"HTTP/1.1 100 Continue\r\n\r\n"]);
        bytes.splice(0..0, early.iter().copied());
    }
    bytes
}

/// A refusal whose body is announced in one of several ways.
fn refusal(dice: &mut Dice) -> Vec<u8> {
    let status = dice.pick(&[
        "200 OK",
        "301 Moved",
        "400 Bad",
        "403 No",
        "404 x",
        "426 Upgrade",
        "500 x",
        "599 x",
        "600 x",
    ]);
    let mut head = Head { dice, lines: vec![format!("HTTP/1.1 {status}")] };
    head.may("X-Test", 30, &["1", "a b", ""], &["a\tb"]);
    let body: &[u8] = match head.dice.below(5) {
        0 => {
            head.lines.push("Content-Length: 0".into());
            b""
        }
        1 => {
            head.lines.push("Content-Length: 5".into());
            b"hello"
        }
        2 => {
            head.lines.push("Transfer-Encoding: chunked".into());
            b"3\r\nabc\r\n0\r\n\r\n"
        }
        3 => {
            head.lines.push("Content-Length: 9".into());
            b"half"
        }
        _ => b"until the end",
    };
    [&head.bytes()[..], body].concat()
}

struct Head<'d> {
    dice: &'d mut Dice,
    lines: Vec<String>,
}

impl Head<'_> {
    fn start(&mut self, right: &[&str], wrong: &[&str]) {
        let line = if self.dice.chance(90) { self.dice.pick(right) } else { self.dice.pick(wrong) };
        self.lines.push(line.into());
    }

    /// A field that must be here once, and mostly is.
    fn field(&mut self, name: &str, right: &[&str], wrong: &[&str]) {
        match self.dice.below(40) {
            0 => {}
            1 | 2 => {
                self.line(name, right, wrong, 70);
                self.line(name, right, wrong, 70);
            }
            _ => self.line(name, right, wrong, 94),
        }
    }

    /// A field that may be here.
    fn may(&mut self, name: &str, percent: usize, right: &[&str], wrong: &[&str]) {
        if self.dice.chance(percent) {
            self.line(name, right, wrong, 75);
            if self.dice.chance(15) {
                self.line(name, right, wrong, 75);
            }
        }
    }

    fn line(&mut self, name: &str, right: &[&str], wrong: &[&str], percent: usize) {
        let value = if self.dice.chance(percent) { self.dice.pick(right) } else { self.dice.pick(wrong) };
        let name = match self.dice.below(8) {
            0 => name.to_lowercase(),
            1 => name.to_uppercase(),
            _ => name.to_owned(),
        };
        let (before, after) = self.dice.pick(&[(" ", ""), (" ", ""), ("", ""), ("\t ", " ")]);
        self.lines.push(format!("{name}:{before}{value}{after}"));
    }

    /// The lines, one byte for each character; rarely with bytes that only some parsers accept.
    fn bytes(mut self) -> Vec<u8> {
        if self.dice.chance(5) {
            let odd = self.dice.pick(&ODD_LINES);
            let place = 1 + self.dice.below(self.lines.len());
            self.lines.insert(place, odd.into());
        }
        if self.dice.chance(2) {
            self.lines.insert(0, String::new());
        }
        let text = self.lines.iter().map(|line| format!("{line}\r\n")).collect::<String>() + "\r\n";
        text.chars().map(|char| char as u8).collect()
    }
}

pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

const REQUEST_LINES: [&str; 13] = [
    "POST /chat HTTP/1.1",
    "get /chat HTTP/1.1",
    "HEAD / HTTP/1.1",
    "GET /chat HTTP/1.0",
    "GET /chat HTTP/1.2",
    "GET /chat HTTP/2.0",
    "GET /chat",
    "GET * HTTP/1.1",
    "GET chat HTTP/1.1",
    "GET /a#b HTTP/1.1",
    "GET http://other/x HTTP/1.1",
    "GET ws://other?y HTTP/1.1",
    "GET ftp://other/x HTTP/1.1",
];

const HOSTS: [&str; 8] = ["", "a b", "h:99999", "[::1", "\u{e9}", "a..b", "xn--caf-dma.fr", "u@h"];

const UPGRADES: [&str; 6] = ["h2c", "h2c, websocket", "websocket, h2c", "websocket/13", "", "\u{e9}"];

const CONNECTIONS: [&str; 7] =
    ["close", "keep-alive", "Upgrade,", "upgraded", "", "\u{e9}, Upgrade", "\"a, Upgrade, b\""];

const KEYS: [&str; 7] = [
    "",
    "AAAA",
    "dGhlIHNhbXBsZSBub25jZQ",
    "dGhlIHNhbXBsZSBub25jZR==",
    "dGhlIHNhbXBsZSBub25jZSBhbmQgbW9yZQ==",
    "???hlIHNhbXBsZSBub25jZQ==",
    "\u{e9}",
];

const VERSIONS: [&str; 9] = ["12", "8", "0", "14", "256", "013", "13, 8", "abc", ""];

const SUBPROTOCOLS: [&str; 6] = ["", ",", "chat, ", "a b", "chat,,superchat", "\u{e9}"];

const EXTENSIONS: [&str; 6] = ["", "x; y=", "a, ;", "x; a=\"b,c\"", ",", "\u{e9}"];

const LENGTHS: [&str; 4] = ["5", "a", "0, 0", "-1"];

/// Lines that no head should have (RFC 9112 §5).
const ODD_LINES: [&str; 9] = [
    "X-Test : 1",
    "X Test: 1",
    ": 1",
    "no colon",
    " folded",
    "X-Test: \0",
    "X-Test: \x01",
    "X-Test: a\rb",
    "X-Test: 1\nX-Two: 2",
];

const STATUS_LINES: [&str; 7] = [
    "HTTP/1.1 101",
    "HTTP/1.1 101 ",
    "HTTP/1.0 101 x",
    "HTTP/2.0 101 x",
    "HTTP/1.1 1O1 x",
    "HTTP/1.1 099 x",
    "HTTP/1.1 600 x",
];
