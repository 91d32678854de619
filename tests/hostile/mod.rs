//! What a peer can send to cost an endpoint much: one input for each way, of any length.
//!
//! `tests/hostile_memory.rs` counts the memory that they need, and `benches/bounds.sh` the instructions. Each input is
//! compared with an honest one of the same feature: short messages, such as those of a chat or of telemetry.

use wsproto::{
    Connection, DeflateBlocks, DeflateParams, Entropy, Extensions, Limits, PermessageDeflate, Role,
    TextMessage,
};

use Door::{Deflate, DeflateAlone, Early, Frames, Request, Response};

/// Something that a peer sends.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    /// For the guide.
    pub(crate) what: &'static str,
    pub(crate) door: Door,
    /// The most bytes of a read.
    pub(crate) read_len: usize,
    /// The name of the honest input with which this one is compared.
    pub(crate) honest: &'static str,
    /// The bytes: about this many, because a unit is never cut.
    pub(crate) bytes: fn(usize) -> Vec<u8>,
}

/// What receives an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// A server's connection, which answers pings and the close frame.
    Frames,
    /// The same with permessage-deflate and context takeover, after a message that fills the window.
    Deflate,
    /// The same without context takeover.
    DeflateAlone,
    /// A server's handshake. Each request has a new one.
    Request,
    /// A client's handshake. Each has a new one.
    Response,
    /// A server's connection from the handshake on, which has not accepted yet.
    Early,
}

/// All inputs, the honest ones first.
pub(crate) fn inputs() -> Vec<Input> {
    [honest(), frames(), reads(), blocks(), compressed_frames(), heads()].concat()
}

impl Input {
    /// In one read, unless [`in_reads`](Self::in_reads) says something else.
    const fn new(
        name: &'static str,
        what: &'static str,
        (door, honest): (Door, &'static str),
        bytes: fn(usize) -> Vec<u8>,
    ) -> Self {
        Self { name, what, door, read_len: usize::MAX, honest, bytes }
    }

    const fn in_reads(self, read_len: usize) -> Self {
        Self { read_len, ..self }
    }
}

fn honest() -> Vec<Input> {
    let new = |name, what, door, bytes| Input::new(name, what, (door, name), bytes);
    vec![
        new("binary", "binary messages of 16 bytes", Frames, |len| repeat(len, &frame(FIN | BINARY, SHORT))),
        new("text", "text messages of 16 bytes", Frames, |len| repeat(len, &frame(FIN | TEXT, SHORT))),
        new("fragments", "messages of 16 bytes in two fragments", Frames, |len| {
            repeat(len, &fragments(BINARY, SHORT, 8))
        }),
        new("text-fragments", "text of 16 bytes, not ASCII, in two fragments", Frames, |len| {
            repeat(len, &fragments(TEXT, "Größe 3 Äpfel".as_bytes(), 8))
        }),
        new("pings", "pings with 8 bytes", Frames, |len| repeat(len, &frame(FIN | PING, b"12345678"))),
        new("keys", "messages of one byte, each in a read of its own", Frames, |len| {
            repeat(len, &frame(FIN | TEXT, b"k"))
        })
        .in_reads(7),
        new("cut", "messages of 16 bytes in reads of 4 bytes", Frames, |len| {
            repeat(len, &frame(FIN | BINARY, SHORT))
        })
        .in_reads(4),
        new("deflate", "compressed messages of 16 bytes", Deflate, |len| deflated(len, TAKEOVER)),
        new(
            "deflate-alone",
            "compressed messages of 16 bytes, without context takeover",
            DeflateAlone,
            |len| deflated(len, ALONE),
        ),
        new("deflate-keys", "compressed messages of one byte, each in a read", Deflate, |len| {
            repeat(len, &compressed(&DeflateBlocks::new().fixed(false, b"k").into_message()))
        })
        .in_reads(9),
        new("request", "requests as browsers send them", Request, |len| repeat(len, &request(BROWSER))),
        new("offer", "requests that offer permessage-deflate", Request, |len| {
            repeat(
                len,
                &request(&[BROWSER, EXTENSIONS, b"permessage-deflate; client_max_window_bits\r\n"].concat()),
            )
        }),
        new("response", "responses that accept", Response, |len| repeat(len, &response(ACCEPT, b""))),
        new("refusal", "responses that refuse, with a page in chunks of 16 bytes", Response, |len| {
            let page = [b"10\r\n", SHORT, b"\r\n"].concat().repeat(30);
            repeat(len, &response(CHUNKED, &[&page[..], b"0\r\n\r\n"].concat()))
        }),
    ]
}

fn frames() -> Vec<Input> {
    let new = |name, what, honest, bytes| Input::new(name, what, (Frames, honest), bytes);
    vec![
        new("empty-messages", "messages without data", "binary", |len| {
            repeat(len, &frame(FIN | BINARY, b""))
        }),
        new("empty-fragments", "fragments without data", "fragments", |len| {
            after(&frame(BINARY, b""), len, &frame(MORE, b""))
        }),
        new("one-byte-fragments", "fragments of one byte", "fragments", |len| {
            after(&frame(BINARY, b"a"), len, &frame(MORE, b"a"))
        }),
        new("empty-text-fragments", "text in fragments without data", "text-fragments", |len| {
            after(&frame(TEXT, b""), len, &frame(MORE, b""))
        }),
        new("cut-characters", "characters of four bytes in fragments of one byte", "text-fragments", |len| {
            let character: Vec<u8> = "🦀".bytes().flat_map(|byte| frame(MORE, &[byte])).collect();
            after(&frame(TEXT, b""), len, &character)
        }),
        new("empty-pings", "pings without data", "pings", |len| repeat(len, &frame(FIN | PING, b""))),
        new("long-pings", "pings with 125 bytes", "pings", |len| {
            repeat(len, &frame(FIN | PING, &[b'p'; 125]))
        }),
        new("empty-pongs", "pongs that nobody has asked for", "pings", |len| {
            repeat(len, &frame(FIN | PONG, b""))
        }),
        new("pings-in-a-message", "pings between fragments, both without data", "pings", |len| {
            after(&frame(BINARY, b""), len, &[frame(FIN | PING, b""), frame(MORE, b"")].concat())
        }),
        new("after-close", "a close frame with a reason of 120 bytes, and then messages", "binary", |len| {
            let close = [b"\x03\xe8", "🦀".repeat(30).as_bytes()].concat();
            after(&frame(FIN | CLOSE, &close), len, &frame(FIN | BINARY, b""))
        }),
        new("longest-frame", "a header that announces 16 MiB, and then data", "binary", |len| {
            after(&header(FIN | BINARY, 16 << 20), len, b"a")
        }),
        new(
            "longest-text",
            "a header that announces 16 MiB, and then characters of four bytes",
            "text",
            |len| masked(&header(FIN | TEXT, 16 << 20), &repeat(len, "🦀".as_bytes())),
        ),
    ]
}

fn reads() -> Vec<Input> {
    let new = |name, what, bytes| Input::new(name, what, (Frames, "cut"), bytes).in_reads(1);
    vec![
        new("frames-in-reads", "messages without data, in reads of one byte", |len| {
            repeat(len, &frame(FIN | BINARY, b""))
        }),
        new("data-in-reads", "one long message in reads of one byte", |len| {
            masked(&header(FIN | BINARY, 16 << 20), &repeat(len, b"a"))
        }),
        new("characters-in-reads", "characters of four bytes in reads of one byte", |len| {
            masked(&header(FIN | TEXT, 16 << 20), &repeat(len, "🦀".as_bytes()))
        }),
        new("pings-in-reads", "pings in reads of one byte", |len| repeat(len, &frame(FIN | PING, b""))),
        Input::new(
            "deflate-in-reads",
            "a compressed message in reads of one byte",
            (Deflate, "deflate-keys"),
            |len| message_of(len, &DeflateBlocks::new().fixed(false, b"key").align().into_bytes()[..4]),
        )
        .in_reads(1),
        Input::new("head-in-reads", "a request in reads of one byte", (Request, "request"), |len| {
            request(&field(len, b"Cookie: a", b"a"))
        })
        .in_reads(1),
        Input::new(
            "early-data",
            "messages before the server has accepted, in reads of one byte",
            (Early, "cut"),
            |len| after(&request(b""), len, &frame(FIN | BINARY, b"k")),
        )
        .in_reads(1),
    ]
}

/// Blocks of one compressed message, unless they say something else.
fn blocks() -> Vec<Input> {
    let new = |name, what, bytes| Input::new(name, what, (Deflate, "deflate"), bytes);
    vec![
        new("stored-blocks", "stored blocks without data", |len| {
            message_of(len, &DeflateBlocks::new().stored(false, b"").into_bytes())
        }),
        new("fixed-blocks", "blocks of fixed codes without data", |len| {
            message_of(len, &eight(|all| all.fixed(false, b"")))
        }),
        new("dynamic-blocks", "blocks of dynamic codes without data", |len| {
            message_of(len, &eight(|all| dynamic(all, &[1])))
        }),
        new("deep-dynamic-blocks", "blocks of dynamic codes of up to 15 bits, without data", |len| {
            message_of(
                len,
                &eight(|all| dynamic(all, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15])),
            )
        }),
        new("final-blocks", "messages of one final block with one byte", |len| {
            repeat(len, &compressed(&DeflateBlocks::new().fixed(true, b"k").into_bytes()))
        }),
        Input::new(
            "final-blocks-alone",
            "messages of one final block, without context takeover",
            (DeflateAlone, "deflate-alone"),
            |len| repeat(len, &compressed(&DeflateBlocks::new().fixed(true, b"k").into_bytes())),
        ),
        new("final-blocks-of-copies", "final blocks, as many as their output allows", |len| {
            let copies = (0..32).fold(DeflateBlocks::new().begin(true, 1), |block, _| block.copy(258, 1));
            message_of(len, &copies.end().into_bytes())
        }),
        new("bomb", "a compression bomb, about 1000 bytes for each byte", |len| {
            message_of(len, &eight(|all| copies(all, 258, 1)))
        }),
        new("short-copies", "copies of 3 bytes from 32 KiB before", |len| {
            message_of(len, &eight(|all| copies(all, 3, 32_768)))
        }),
    ]
}

fn compressed_frames() -> Vec<Input> {
    let new = |name, what, bytes| Input::new(name, what, (Deflate, "deflate"), bytes);
    vec![
        new("empty-compressed", "compressed messages without data", |len| repeat(len, &compressed(&[0]))),
        Input::new(
            "empty-compressed-alone",
            "compressed messages without data, without context takeover",
            (DeflateAlone, "deflate-alone"),
            |len| repeat(len, &compressed(&[0])),
        ),
        new("compressed-fragments", "a compressed message in fragments of one byte", |len| {
            let stored = DeflateBlocks::new().stored(false, b"abc").into_bytes();
            let block: Vec<u8> = stored.iter().flat_map(|byte| frame(MORE, &[*byte])).collect();
            after(&frame(RSV1 | BINARY, b""), len, &block)
        }),
        new("empty-compressed-fragments", "fragments without data of a compressed message", |len| {
            after(&frame(RSV1 | BINARY, b""), len, &frame(MORE, b""))
        }),
        new("compressed-pings", "pings in a compressed message", |len| {
            after(&frame(RSV1 | BINARY, b"\0"), len, &frame(FIN | PING, b""))
        }),
    ]
}

fn heads() -> Vec<Input> {
    let new = |name, what, honest, bytes| Input::new(name, what, (Request, honest), bytes);
    vec![
        new("fields", "many fields with names of one byte", "request", |len| {
            request(&repeat(len, b"a:\r\n"))
        }),
        new("options", "many options in Connection", "request", |len| {
            request(&field(len, b"Connection: a", b",a"))
        }),
        new("subprotocols", "many subprotocols", "request", |len| {
            request(&field(len, b"Sec-WebSocket-Protocol: a", b",a"))
        }),
        new("commas", "a list of many empty elements", "offer", |len| request(&field(len, EXTENSIONS, b","))),
        new("extensions", "many extensions that nobody knows", "offer", |len| {
            request(&field(len, &[EXTENSIONS, b"a"].concat(), b",a"))
        }),
        new("offers", "many offers of permessage-deflate that are declined", "offer", |len| {
            request(&field(len, &[EXTENSIONS, b"a"].concat(), b",permessage-deflate;b"))
        }),
        new("parameters", "many parameters of an extension", "offer", |len| {
            request(&field(len, &[EXTENSIONS, b"permessage-deflate"].concat(), b";b=\"\\c\""))
        }),
        new("target", "a long target", "request", |len| {
            let request = request(b"");
            [b"GET /", &repeat(len, b"a")[..], &request[5..]].concat()
        }),
        Input::new("chunks", "a refusal with its body in chunks of one byte", (Response, "refusal"), |len| {
            let body = [&repeat(len, b"1\r\na\r\n")[..], b"0\r\n\r\n"].concat();
            response(CHUNKED, &body)
        }),
    ]
}

/// As many units as there is room for, at least one.
fn repeat(len: usize, unit: &[u8]) -> Vec<u8> {
    unit.repeat((len / unit.len()).max(1))
}

fn after(start: &[u8], len: usize, unit: &[u8]) -> Vec<u8> {
    [start, &repeat(len, unit)].concat()
}

/// A header of a client's frame.
fn header(first: u8, len: usize) -> Vec<u8> {
    let bytes = (len as u64).to_be_bytes();
    let (short, long) = match len {
        ..126 => (bytes[7], &[][..]),
        126..=0xFFFF => (126, &bytes[6..]),
        _ => (127, &bytes[..]),
    };
    [&[first, 0x80 | short], long, &KEY].concat()
}

/// A frame of a client's; shorter than its header says, if this is to be only its start.
fn masked(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let payload = payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key);
    header.iter().copied().chain(payload).collect()
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(&header(first, payload.len()), payload)
}

/// A message in fragments of this length.
fn fragments(opcode: u8, payload: &[u8], len: usize) -> Vec<u8> {
    let pieces = payload.chunks(len).count();
    let fragment = |(index, piece): (usize, &[u8])| {
        let fin = if index + 1 == pieces { FIN } else { 0 };
        frame(fin | if index == 0 { opcode } else { MORE }, piece)
    };
    payload.chunks(len).enumerate().flat_map(fragment).collect()
}

fn compressed(payload: &[u8]) -> Vec<u8> {
    frame(FIN | RSV1 | BINARY, payload)
}

/// A compressed message of these bytes again and again, in frames of up to 4000 bytes; it does not end.
fn message_of(len: usize, blocks: &[u8]) -> Vec<u8> {
    let payload = repeat(len, blocks);
    let frames = payload.chunks(4000).enumerate();
    frames.flat_map(|(index, piece)| frame(if index == 0 { RSV1 | BINARY } else { MORE }, piece)).collect()
}

/// Eight times the same, so that it ends at a byte.
fn eight(more: impl Fn(DeflateBlocks) -> DeflateBlocks) -> Vec<u8> {
    (0..8).fold(DeflateBlocks::new(), |all, _| more(all)).into_bytes()
}

/// A block of 64 copies.
fn copies(blocks: DeflateBlocks, len: u32, distance: u32) -> DeflateBlocks {
    (0..64).fold(blocks.begin(false, 1), |block, _| block.copy(len, distance)).end()
}

/// A block of dynamic codes that has only its end (RFC 1951 §3.2.7).
///
/// The last code lengths of literals are these; the very last one is that of the end.
fn dynamic(blocks: DeflateBlocks, lens: &[u32]) -> DeflateBlocks {
    // All code lengths are coded with 5 bits: 1 to 15, and 18 for zeros; so is 0, of which there are none.
    let block = blocks.begin(false, 2).bits(0, 5).bits(0, 5).bits(15, 4);
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let used = |len: u32| len == 18 || lens.contains(&len);
    let bits_of_code = if lens.len() == 1 { 1 } else { 4 };
    let block =
        order.iter().fold(block, |block, len| block.bits(if used(*len) { bits_of_code } else { 0 }, 3));
    // Codes are numbered by the code length that they stand for. The first bit of a code is its highest.
    let code = |block: DeflateBlocks, len: u32| {
        let number = (0..len).filter(|other| used(*other)).count() as u32;
        (0..bits_of_code).rev().fold(block, |block, bit| block.bits(number >> bit, 1))
    };
    let zeros = 257 - lens.len() as u32;
    let block = code(block, 18).bits(138 - 11, 7);
    let block = code(block, 18).bits(zeros - 138 - 11, 7);
    let block = lens.iter().fold(block, |block, len| code(block, *len));
    // One code of a distance. Then the end: its code has only ones, as it is the last one of the longest.
    let end = *lens.last().unwrap_or(&1);
    code(block, 1).bits(if lens.len() == 1 { 0 } else { u32::MAX }, end)
}

/// What a client sends that compresses short messages.
fn deflated(len: usize, params: DeflateParams) -> Vec<u8> {
    let client = Connection::client(Limits::NONE, Fixed);
    let mut client = client.with_extensions(extensions(Role::Client, params));
    let mut wire = Vec::new();
    for number in 10.. {
        let message = format!("{{\"x\":{},\"y\":-{}}}", number % 100, number * 7 % 90 + 10);
        client.send(TextMessage::new(&message), &mut wire).unwrap_or_default();
        if wire.len() >= len {
            break;
        }
    }
    wire
}

pub(crate) fn extensions(role: Role, params: DeflateParams) -> Extensions {
    let mut extensions = Extensions::new();
    let deflate = PermessageDeflate::new().with_threshold(0);
    assert!(extensions.push(deflate.negotiated(role, params)).is_ok(), "it is the only one");
    extensions
}

pub(crate) const TAKEOVER: DeflateParams = DeflateParams::DEFAULT;
pub(crate) const ALONE: DeflateParams = DeflateParams {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    ..DeflateParams::DEFAULT
};

/// Always the same key.
pub(crate) struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().zip(KEY.iter().cycle()).for_each(|(byte, key)| *byte = *key);
    }
}

/// A request with more fields.
fn request(fields: &[u8]) -> Vec<u8> {
    [
        b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        fields,
        b"\r\n",
    ]
    .concat()
}

/// A field whose value is repeated.
fn field(len: usize, start: &[u8], unit: &[u8]) -> Vec<u8> {
    [start, &repeat(len, unit), b"\r\n"].concat()
}

fn response(head: &[u8], body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 ", head, b"\r\n", body].concat()
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const MORE: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const SHORT: &[u8] = b"{\"x\":17,\"y\":-40}";

const EXTENSIONS: &[u8] = b"Sec-WebSocket-Extensions: ";
const BROWSER: &[u8] = b"Pragma: no-cache\r\nCache-Control: no-cache\r\nOrigin: https://www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,de-DE;q=0.8,de;q=0.7\r\n\
    Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; _ga=GA1.1.1203456789.1763800000\r\n";
/// The answer to the key of [`Fixed`].
const ACCEPT: &[u8] =
    b"101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nServer: nginx\r\n\
    Date: Sat, 14 Mar 2026 09:26:53 GMT\r\nSec-WebSocket-Accept: 7Ubo2JRe6fIuZAdGHq7kDA4XEQ0=\r\n";
const CHUNKED: &[u8] = b"403 Forbidden\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n";
