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
    Bytes(&'a [u8]),
}

impl Head<'_> {
    /// The bytes: one of the `bases` with the edits, or without a base what the edits insert, and then the rest.
    pub fn bytes(&self, bases: &[&str]) -> Vec<u8> {
        let base = self.base.map_or("", |base| bases[usize::from(base) % bases.len()]);
        let mut bytes = base.as_bytes().to_vec();
        for edit in &self.edits {
            let at = usize::from(edit.at) % (bytes.len() + 1);
            // Most edits keep the length of what was there.
            let removed = usize::from(edit.removed % 32).min(bytes.len() - at);
            let inserted = match edit.inserted {
                Inserted::Word(word) => WORDS[usize::from(word) % WORDS.len()].as_bytes(),
                Inserted::Bytes(bytes) => bytes,
            };
            bytes.splice(at..at + removed, inserted.iter().copied());
        }
        bytes.extend_from_slice(self.rest);
        bytes
    }
}

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
