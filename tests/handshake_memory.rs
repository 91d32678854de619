//! The memory that a handshake needs, counted by an allocator: at most four times its head limit, whatever the peer
//! sends (RFC 6455 §10.4).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_wrap,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod counting;

use counting::{Usage, measured};
use wsproto::{
    AcceptConnection, ClientHandshake, ClientUpgrade, Entropy, HandshakeLimits, HandshakeResponse,
    HttpVersion, PermessageDeflate, Request, ServerExtendedConnect, ServerHandshake, ServerUpgrade,
};

/// The head limits that are tested.
const LENGTHS: [usize; 3] = [1 << 10, 16 << 10, 256 << 10];

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const TOKEN: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Limits that allow a head of this length, with as many fields as fit.
fn limits(max_head_len: usize) -> HandshakeLimits {
    let mut limits = HandshakeLimits::default();
    limits.max_head_len = max_head_len;
    limits.max_headers = max_head_len;
    limits
}

type Field = (String, String);

/// Sets of fields that fill a head up to `room` bytes, each in its own way.
fn fillings(room: usize) -> Vec<(&'static str, Vec<Field>)> {
    let field = |name: &str, value: String| vec![(name.to_owned(), value)];
    let filled = |name: &str, start: &str, part: &str| {
        let parts = (room - name.len() - start.len() - 4) / part.len();
        field(name, format!("{start}{}", part.repeat(parts)))
    };
    let many = |name: &str, value: &str| {
        let len = name.len() + value.len() + 4;
        vec![(name.to_owned(), value.to_owned()); room / len]
    };
    const EXTENSIONS: &str = "sec-websocket-extensions";
    vec![
        ("extensions", filled(EXTENSIONS, "a", ",a")),
        ("extensions with a parameter", filled(EXTENSIONS, "a", ",a;b")),
        ("parameters", filled(EXTENSIONS, "a", ";b")),
        ("parameters with values", filled(EXTENSIONS, "a", ";b=c")),
        ("parameters of an extension that is known", filled(EXTENSIONS, "permessage-deflate", ";b")),
        ("a parameter that is escaped", filled(EXTENSIONS, "permessage-deflate;b=\"\"", ";b=\"\\b\"")),
        ("offers that are declined", filled(EXTENSIONS, "permessage-deflate", ", permessage-deflate;b")),
        ("offers that are accepted", filled(EXTENSIONS, "permessage-deflate", ",permessage-deflate")),
        ("fields of extensions", many(EXTENSIONS, "a")),
        ("subprotocols", filled("sec-websocket-protocol", "a", ",a")),
        ("subprotocols that are not tokens", filled("sec-websocket-protocol", "a", ",?")),
        ("fields of subprotocols", many("sec-websocket-protocol", "a")),
        ("fields", many("a", "")),
        ("a long value", filled("a", "", "a")),
        ("a long name", field(&"a".repeat(room - 4), String::new())),
        ("a long value and fields", {
            let mut fields = filled("a", "", "a");
            fields[0].1.truncate(room / 2);
            fields.extend(many("b", "").into_iter().take(room / 10 - 10));
            fields
        }),
        ("cookies", many("cookie", "a")),
        ("a long cookie", filled("cookie", "a=", "b")),
    ]
}

fn lines(start: &[&str], fields: &[Field]) -> Vec<u8> {
    let mut head = start.concat().into_bytes();
    for (name, value) in fields {
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Requests whose heads fill the limit.
fn requests(max_len: usize) -> Vec<(&'static str, Vec<u8>)> {
    let fixed = format!(
        "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n\
         Sec-WebSocket-Version: 13\r\n"
    );
    let room = max_len - fixed.len() - "GET / HTTP/1.1\r\n\r\n".len();
    let mut heads: Vec<_> = fillings(room)
        .into_iter()
        .map(|(what, fields)| (what, lines(&["GET / HTTP/1.1\r\n", &fixed], &fields)))
        .collect();
    let long = "x".repeat(room - "http://h?".len());
    for (what, target) in
        [("a long target", format!("/{long}")), ("a long absolute target", format!("http://h?{long}"))]
    {
        heads.push((what, lines(&["GET ", &target, " HTTP/1.1\r\n", &fixed], &[])));
    }
    let options = [",a".repeat(room / 2)];
    heads.push((
        "options",
        lines(&["GET / HTTP/1.1\r\n", &fixed, "Connection: a", &options[0][..room - 20], "\r\n"], &[]),
    ));
    for (what, head) in &heads {
        assert!(head.len() <= max_len && head.len() > max_len / 2, "{what}: {} bytes", head.len());
    }
    heads
}

#[track_caller]
fn within(max_len: usize, usage: Usage, what: &str) {
    let bound = 4 * max_len as isize;
    assert!(usage.peak <= bound, "{what}, limit {max_len}: a peak of {}, more than {bound}", usage.peak);
}

/// The largest peak so far, as a multiple of the limit.
#[derive(Default)]
struct Worst(f64, String);

impl Worst {
    fn see(&mut self, max_len: usize, usage: Usage, what: &str) {
        within(max_len, usage, what);
        let ratio = usage.peak as f64 / max_len as f64;
        if ratio > self.0 {
            *self = Self(ratio, format!("{what}, limit {max_len}: peak {}, kept {}", usage.peak, usage.kept));
        }
    }
}

impl Drop for Worst {
    fn drop(&mut self) {
        println!("worst: {:.2} times the limit ({})", self.0, self.1);
    }
}

/// Splits a head as an HTTP stack does.
fn parts(head: &[u8]) -> (String, Vec<Field>) {
    let head = std::str::from_utf8(head).unwrap();
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let start = lines.next().unwrap().to_owned();
    let fields = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_owned(), value.trim().to_owned())
    });
    (start, fields.collect())
}

#[test]
fn a_server_peaks_at_four_times_its_head_limit() {
    let deflate = PermessageDeflate::new();
    let mut output = Vec::with_capacity(4096);
    let mut worst = Worst::default();
    for max_len in LENGTHS {
        for (what, head) in requests(max_len) {
            for cut in [head.len(), 1, head.len() / 2 + 1, 1000] {
                output.clear();
                let (handshake, usage) = measured(|| {
                    let mut handshake = ServerHandshake::new(limits(max_len));
                    for mut piece in head.chunks(cut) {
                        handshake.receive(&mut piece).unwrap();
                    }
                    let request = handshake.request().expect("the head is whole");
                    let (accept, _) = AcceptConnection::new().with_extensions(&[&deflate], request);
                    handshake.accept(accept, &mut output).unwrap();
                    handshake
                });
                worst.see(max_len, usage, &format!("{what}, cut at {cut}"));
                assert!(usage.kept <= 1024, "{what}: memory is kept after the answer: {usage:?}");
                drop(handshake);
            }
        }
    }
}

#[test]
fn a_server_over_another_stack_peaks_at_four_times_its_head_limit() {
    let deflate = PermessageDeflate::new();
    let mut worst = Worst::default();
    for max_len in LENGTHS {
        for (what, head) in requests(max_len) {
            let (start, fields) = parts(&head);
            let target = start.split(' ').nth(1).unwrap();
            let (upgrade, usage) = measured(|| {
                let limits = limits(max_len);
                let fields = fields.iter().map(|(name, value)| (name, value));
                let upgrade =
                    ServerUpgrade::parse("GET", target, HttpVersion::Http11, fields, limits).unwrap();
                let (accept, _) = AcceptConnection::new().with_extensions(&[&deflate], upgrade.request());
                _ = upgrade.accept(accept).unwrap();
                upgrade
            });
            worst.see(max_len, usage, what);
            assert!(usage.kept <= 2 * max_len as isize, "{what}, limit {max_len}: {usage:?}");
            // A proxy that sees both sides, and a server with a long answer.
            let mut answered = Vec::new();
            for (name, value) in
                [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", TOKEN)]
            {
                answered.push((name.to_owned(), value.to_owned()));
            }
            answered.extend(fields.into_iter().filter(|(name, _)| {
                !["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]
                    .contains(&&name[..])
            }));
            let upgrade = ClientUpgrade::from(upgrade);
            let (_, seen) = measured(|| {
                let fields = answered.iter().map(|(name, value)| (name, value));
                upgrade.receive_response(101, HttpVersion::Http11, fields).map(drop)
            });
            let both = Usage { peak: usage.kept + seen.peak, ..seen };
            worst.see(max_len, both, &format!("{what}, both sides"));
        }
    }
}

#[test]
fn a_server_in_a_stream_peaks_at_four_times_its_head_limit() {
    let deflate = PermessageDeflate::new();
    let mut worst = Worst::default();
    for max_len in LENGTHS {
        let pseudo = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":authority", "h"),
            (":path", "/"),
            ("sec-websocket-version", "13"),
        ];
        let taken: usize = pseudo.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        for (what, fields) in fillings(max_len - taken) {
            let (connect, usage) = measured(|| {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let connect =
                    ServerExtendedConnect::parse(pseudo.into_iter().chain(fields), limits(max_len)).unwrap();
                let (accept, _) = AcceptConnection::new().with_extensions(&[&deflate], connect.request());
                _ = connect.accept(accept).unwrap();
                connect
            });
            worst.see(max_len, usage, what);
            assert!(usage.kept <= 2 * max_len as isize, "{what}, limit {max_len}: {usage:?}");
            drop(connect);
        }
    }
}

/// Entropy that returns the nonce of RFC 6455 §1.3.
struct Sample;

impl Entropy for Sample {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(b"the sample nonce");
    }
}

#[test]
fn a_client_peaks_at_four_times_its_head_limit() {
    let deflate = PermessageDeflate::new();
    let mut output = Vec::with_capacity(4096);
    let mut worst = Worst::default();
    for max_len in LENGTHS {
        let accepted = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {TOKEN}\r\n"
        );
        let refused = "HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n";
        let body = format!("1;{}\r\nx\r\n0\r\nX: {}\r\n\r\n", "e".repeat(1000), "x".repeat(900));
        for (what, fields) in fillings(max_len - accepted.len() - 2) {
            for (start, body) in [(accepted.as_str(), ""), (refused, body.as_str())] {
                let bytes = [&lines(&[start], &fields)[..], body.as_bytes()].concat();
                for cut in [bytes.len(), 1, bytes.len() / 2 + 1, 1000] {
                    output.clear();
                    let request = Request::new("h", "/").with_extensions(&[&deflate]);
                    let (_, usage) = measured(|| {
                        let mut client =
                            ClientHandshake::new(request, limits(max_len), &mut Sample, &mut output).unwrap();
                        for mut piece in bytes.chunks(cut) {
                            while let Ok(Some(answer)) = client.receive(&mut piece) {
                                if let HandshakeResponse::Accept(accept) = answer {
                                    let _ = accept.extensions(&[&deflate]);
                                }
                            }
                        }
                        client
                    });
                    worst.see(max_len, usage, &format!("{what}, cut at {cut}, {}", &start[9..12]));
                }
            }
        }
    }
}
