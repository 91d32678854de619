//! Heads that look like those of a handshake: valid ones with edits, or any bytes.

use arbitrary::Arbitrary;

/// A request or a response, and what follows it.
#[derive(Arbitrary, Debug)]
pub struct Head<'a> {
    base: Option<u8>,
    edits: Vec<Edit<'a>>,
    rest: &'a [u8],
}

/// Replaces some bytes by others.
#[derive(Arbitrary, Debug)]
struct Edit<'a> {
    at: u16,
    removed: u8,
    inserted: Inserted<'a>,
}

#[derive(Arbitrary, Debug)]
enum Inserted<'a> {
    Word(u8),
    /// A field, between two lines; nothing is removed.
    Field(u8),
    Bytes(&'a [u8]),
}

impl Head<'_> {
    /// The bytes: one of the `bases` with the edits, or without a base what the edits insert, and then the rest.
    pub fn bytes(&self, bases: &[&str]) -> Vec<u8> {
        let base = self.base.map_or("", |base| bases[usize::from(base) % bases.len()]);
        let mut bytes = base.as_bytes().to_vec();
        for edit in &self.edits {
            let mut at = usize::from(edit.at) % (bytes.len() + 1);
            // Most edits keep the length of what was there.
            let mut removed = usize::from(edit.removed % 32).min(bytes.len() - at);
            let inserted = match edit.inserted {
                Inserted::Word(word) => WORDS[usize::from(word) % WORDS.len()].as_bytes(),
                Inserted::Field(field) => {
                    let next_line = bytes[at..].windows(2).position(|window| window == b"\r\n");
                    (at, removed) = (next_line.map_or(at, |next| at + next + 2), 0);
                    FIELDS[usize::from(field) % FIELDS.len()].as_bytes()
                }
                Inserted::Bytes(bytes) => bytes,
            };
            bytes.splice(at..at + removed, inserted.iter().copied());
        }
        bytes.extend_from_slice(self.rest);
        bytes
    }
}

/// A head that was split without any check: another HTTP stack in its simplest form.
pub struct SplitHead<'b> {
    /// The first line.
    pub start: &'b [u8],
    /// What stands before and after the first colon of each other line, without the white space around the latter.
    pub fields: Vec<(&'b [u8], &'b [u8])>,
    /// What follows the head.
    pub rest: &'b [u8],
}

impl<'b> SplitHead<'b> {
    /// Splits a head off the front; `None` if it has no end, or a line without a colon.
    pub fn of(mut bytes: &'b [u8]) -> Option<Self> {
        // "at least one empty line … prior to the request-line" (RFC 9112 §2.2)
        while let Some(rest) = bytes.strip_prefix(b"\r\n") {
            bytes = rest;
        }
        let (start, mut bytes) = split_at(bytes, b"\r\n")?;
        let mut fields = Vec::new();
        loop {
            let (line, rest) = split_at(bytes, b"\r\n")?;
            if line.is_empty() {
                return Some(Self { start, fields, rest });
            }
            let (name, value) = split_at(line, b":")?;
            fields.push((name, trim(value)));
            bytes = rest;
        }
    }

    /// The parts of the first line between its single spaces, up to `COUNT`.
    pub fn words<const COUNT: usize>(&self) -> Option<[&'b str; COUNT]> {
        let mut words = std::str::from_utf8(self.start).ok()?.splitn(COUNT, ' ');
        let found = [(); COUNT].map(|()| words.next());
        found.iter().all(Option::is_some).then(|| found.map(Option::unwrap_or_default))
    }
}

/// Without spaces and tabs around it.
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// What stands before and after the first `separator`.
fn split_at<'b>(bytes: &'b [u8], separator: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

/// Responses to a request with the key of [`Zeros`](crate::Zeros): 16 zeros in Base64.
pub const RESPONSES: &[&str] = &[
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
     ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: chat\r\nUpgrade: WebSocket\r\nServer: b\r\n\
     Connection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
     ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\nSec-WebSocket-Extensions: permessage-deflate; \
     server_no_context_takeover\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
    "HTTP/1.0 302 Found\r\nLocation: /b\r\n\r\nuntil the end",
];

/// Valid requests, for [`Head::bytes`].
pub const REQUESTS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: \
     dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "GET /chat?room=1 HTTP/1.1\r\nHost: server.example.com:8080\r\nConnection: keep-alive, Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat, mqtt\r\n\
     Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nOrigin: http://example.com\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: a=b\r\n\r\n",
];

const FIELDS: &[&str] = &[
    "Host: a\r\n",
    "host: b:80\r\n",
    "Upgrade: websocket\r\n",
    "Connection: keep-alive, Upgrade\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Sec-WebSocket-Version: 8\r\n",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n",
    "Sec-WebSocket-Protocol: mqtt\r\n",
    "Sec-WebSocket-Protocol: \r\n",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    "Sec-WebSocket-Extensions: a; b=\"c\\\"d\", e\r\n",
    "Origin: http://a\r\n",
    "Cookie: a=b\r\n",
    "Cookie:\r\n",
    "TE: trailers\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "X-Empty:\r\n",
];

const WORDS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "=",
    "\"",
    "\\",
    "\0",
    "é",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/1.5",
    "Host: a\r\n",
    "Upgrade: websocket\r\n",
    "Upgrade: h2c, WebSocket/13\r\n",
    "Connection: keep-alive, Upgrade\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Sec-WebSocket-Version: 8\r\n",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    "Sec-WebSocket-Protocol: chat, mqtt\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    "Sec-WebSocket-Extensions: a; b=\"c\\\"d\", e\r\n",
    "Origin: http://a\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0, 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "3;a=b\r\nabc\r\n0\r\n\r\n",
    "X: folded\r\n over\r\n",
];

/// Limits that are wide enough for each head that the limits of an input let pass.
pub fn wide_limits() -> wsproto::HandshakeLimits {
    wsproto::HandshakeLimits::default().with_max_headers(1000).with_max_head_len(1 << 20)
}
