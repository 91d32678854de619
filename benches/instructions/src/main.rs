//! Runs one workload a given number of times, so that `instructions.sh` can count its instructions.
//!
//! `list` prints the workloads, and how many messages each handles at a time. `bounds` lists the inputs of
//! `bounds.sh`, and `bound` reads one. Only functions whose name begins with `measured` are counted; the work around
//! them, such as filling the buffer again, is not.

mod bounds;
mod shared;
mod whole;

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use wsproto::{
    AcceptConnection, BytesMessage, Connection, DeflateParams, Entropy, Event, Extension, Extensions,
    HandshakeLimits, Limits, PermessageDeflate, Role, SeededEntropy, ServerHandshake, TextMessage,
    WsConnection,
};

type Failure = Box<dyn std::error::Error>;

struct Workload {
    name: &'static str,
    /// The divisor of a count: the number of messages, unless the name says something else.
    units: usize,
    run: fn(times: usize) -> Result<(), Failure>,
}

const WORKLOADS: [Workload; 63] = [
    messages("decode-binary-16", |times| decode(times, BINARY, 16, ALL)),
    messages("decode-binary-125", |times| decode(times, BINARY, 125, ALL)),
    messages("decode-binary-1024", |times| decode(times, BINARY, 1024, ALL)),
    messages("decode-ascii-16", |times| decode(times, ASCII, 16, ALL)),
    messages("decode-ascii-125", |times| decode(times, ASCII, 125, ALL)),
    messages("decode-ascii-1024", |times| decode(times, ASCII, 1024, ALL)),
    messages("decode-mixed-16", |times| decode(times, MIXED, 16, ALL)),
    messages("decode-mixed-125", |times| decode(times, MIXED, 125, ALL)),
    messages("decode-mixed-1024", |times| decode(times, MIXED, 1024, ALL)),
    messages("decode-binary-1024-reads-1460", |times| decode(times, BINARY, 1024, READ)),
    messages("decode-mixed-1024-reads-1460", |times| decode(times, MIXED, 1024, READ)),
    messages("decode-mixed-1024-whole-reads-1460", |times| decode_frame(times, MIXED, 1024, READ)),
    messages("decode-fragments-1024-reads-1460", |times| decode(times, FRAGMENTS, 1024, READ)),
    // Whole messages, over a buffer that the crate manages.
    messages("messages-binary-16", |times| whole::decode(times, BINARY, 16, ALL)),
    messages("messages-mixed-1024-reads-1460", |times| whole::decode(times, MIXED, 1024, READ)),
    messages("messages-fragments-1024-reads-1460", |times| whole::decode(times, FRAGMENTS, 1024, READ)),
    messages("messages-echo-16", |times| whole::echo(times, BINARY, 16)),
    // Messages that extensions leave alone.
    messages("decode-binary-16-beside-deflate", |times| decode_beside_deflate(times, BINARY, 16)),
    messages("decode-ascii-16-beside-deflate", |times| decode_beside_deflate(times, ASCII, 16)),
    messages("hello-in-3-reads", |times| hello(times, Connection::server(Limits::NONE))),
    messages("hello-in-3-reads-beside-deflate", |times| hello(times, deflating(TAKEOVER)?)),
    messages("encode-server-16", |times| encode(times, Connection::server(Limits::NONE), 16)),
    messages("encode-server-1024", |times| encode(times, Connection::server(Limits::NONE), 1024)),
    messages("encode-server-16-memory", |times| {
        encode_to_memory(times, Connection::server(Limits::NONE), 16)
    }),
    messages("encode-client-16", |times| encode(times, client(), 16)),
    messages("encode-client-1024-memory", |times| encode_to_memory(times, client(), 1024)),
    messages("encode-client-1024", |times| encode(times, client(), 1024)),
    messages("echo-16", |times| echo(times, BINARY, 16)),
    messages("pings", |times| echo(times, PINGS, 8)),
    // The same by halves that are apart; but pings that come in one read are answered by one pong.
    messages("echo-16-halves", |times| shared::echo_by_halves(times, BINARY, 16, MESSAGES * 18)),
    messages("echo-16-shared-halves", |times| {
        shared::echo_by_shared_halves(times, BINARY, 16, MESSAGES * 18)
    }),
    messages("pings-halves", |times| shared::echo_by_halves(times, PINGS, 8, 10)),
    messages("pings-shared-halves", |times| shared::echo_by_shared_halves(times, PINGS, 8, 10)),
    // A frame that is written without a copy; if they are equal, the length does not matter.
    messages("encode-server-125", |times| encode(times, Connection::server(Limits::NONE), 125)),
    messages("encode-server-65536", |times| encode(times, Connection::server(Limits::NONE), 65_536)),
    messages("share-frame-125", |times| shared::share_frame(times, 125)),
    messages("share-frame-65536", |times| shared::share_frame(times, 65_536)),
    messages("encode-header-125", |times| shared::header(times, 125)),
    messages("encode-header-65536", |times| shared::header(times, 65_536)),
    messages("encode-deflated-256-after-shared-frame", shared::encode_between_broadcasts),
    messages("decode-deflated-16", |times| decode_deflated(times, 16, TAKEOVER)),
    messages("decode-deflated-256", |times| decode_deflated(times, 256, TAKEOVER)),
    messages("decode-deflated-4096", |times| decode_deflated(times, 4096, TAKEOVER)),
    messages("decode-deflated-16-no-takeover", |times| decode_deflated(times, 16, NO_TAKEOVER)),
    messages("decode-deflated-256-no-takeover", |times| decode_deflated(times, 256, NO_TAKEOVER)),
    messages("decode-deflated-4096-no-takeover", |times| decode_deflated(times, 4096, NO_TAKEOVER)),
    // The same messages, each compressed alone, with context takeover: the workloads above should cost little more.
    messages("decode-deflated-16-alone", |times| decode_alone(times, 16)),
    messages("decode-deflated-256-alone", |times| decode_alone(times, 256)),
    messages("decode-deflated-4096-alone", |times| decode_alone(times, 4096)),
    messages("encode-deflated-256", |times| encode_deflated(times, TAKEOVER)),
    messages("encode-deflated-256-no-takeover", |times| encode_deflated(times, NO_TAKEOVER)),
    // The most work that a peer can cause with the fewest bytes; for each byte.
    flood("flood-deflated-byte", |times| flooded(times, &EMPTY, TAKEOVER)),
    flood("flood-deflated-no-takeover-byte", |times| flooded(times, &EMPTY, NO_TAKEOVER)),
    flood("flood-final-block-byte", |times| flooded(times, &FINAL_BLOCK, TAKEOVER)),
    Workload { name: "flood-full-message-byte", units: FULL_LEN, run: flooded_full },
    // If these two are equal, events cost the same when the caller takes them more slowly than they arrive.
    Workload { name: "ws-backlog-message", units: 512, run: |times| backlog(times, 512) },
    Workload { name: "ws-backlog-message-of-8-times", units: 4096, run: |times| backlog(times, 4096) },
    // The same bytes, read into the connection's space; the events borrow their data.
    Workload { name: "ws-backlog-message-borrowed", units: 512, run: |times| backlog_borrowed(times, 512) },
    handshakes("handshake", |times| accept(times, None)),
    handshakes("handshake-deflate", |times| accept(times, Some(PermessageDeflate::new()))),
    // If these three are equal, a byte of a head that arrives byte by byte costs the same for every length of the head.
    Workload { name: "handshake-drip-byte", units: dripping_len(0), run: |times| drip(times, 0) },
    Workload { name: "handshake-drip-byte-of-twice", units: dripping_len(14), run: |times| drip(times, 14) },
    Workload {
        name: "handshake-drip-byte-of-4-times",
        units: dripping_len(42),
        run: |times| drip(times, 42),
    },
];

const fn messages(name: &'static str, run: fn(usize) -> Result<(), Failure>) -> Workload {
    Workload { name, units: MESSAGES, run }
}

const fn handshakes(name: &'static str, run: fn(usize) -> Result<(), Failure>) -> Workload {
    Workload { name, units: 1, run }
}

const fn flood(name: &'static str, run: fn(usize) -> Result<(), Failure>) -> Workload {
    Workload { name, units: FLOOD_LEN, run }
}

/// Enough messages that the reads cut them at different places.
const MESSAGES: usize = 64;

const ALL: usize = usize::MAX;
const READ: usize = 1460;

/// The first bytes of a message's frames; the last frame ends the message.
#[derive(Clone, Copy)]
struct Shape {
    first_bytes: &'static [u8],
    sample: &'static str,
}

const ENGLISH: &str = "The quick brown fox jumps over the lazy dog, 0123456789 times. ";
const BINARY: Shape = Shape { first_bytes: &[0x82], sample: ENGLISH };
const ASCII: Shape = Shape { first_bytes: &[0x81], sample: ENGLISH };
const MIXED: Shape = Shape {
    first_bytes: &[0x81],
    sample: "Grüße aus Köln, привет, 你好世界, 🦀 and plain words. ",
};
const FRAGMENTS: Shape = Shape { first_bytes: &[0x01, 0x00, 0x00, 0x80], sample: ENGLISH };
const PINGS: Shape = Shape { first_bytes: &[0x89], sample: ENGLISH };

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => {
            for workload in &WORKLOADS {
                println!("{}\t{}", workload.name, workload.units);
            }
            ExitCode::SUCCESS
        }
        ["bounds"] => {
            bounds::list();
            ExitCode::SUCCESS
        }
        ["bound", name, len] => bound(name, len).unwrap_or_else(|failure| {
            eprintln!("{name}: {failure}");
            ExitCode::FAILURE
        }),
        [name, times] => run(name, times).unwrap_or_else(|failure| {
            eprintln!("{name}: {failure}");
            ExitCode::FAILURE
        }),
        _ => {
            eprintln!("Usage: instructions list | WORKLOAD TIMES | bounds | bound INPUT LEN");
            ExitCode::FAILURE
        }
    }
}

fn bound(name: &str, len: &str) -> Result<ExitCode, Failure> {
    bounds::run(name, len.parse()?)?;
    Ok(ExitCode::SUCCESS)
}

fn run(name: &str, times: &str) -> Result<ExitCode, Failure> {
    let workload = WORKLOADS.iter().find(|workload| workload.name == name).ok_or("no such workload")?;
    (workload.run)(times.parse()?)?;
    Ok(ExitCode::SUCCESS)
}

fn decode(times: usize, shape: Shape, len: usize, read_len: usize) -> Result<(), Failure> {
    let wire = wire(shape, len)?;
    let mut connection = Connection::server(Limits::NONE);
    let mut buffer = Vec::with_capacity(wire.len());
    let mut total = 0;
    for _ in 0..times {
        for read in wire.chunks(read_len) {
            buffer.clear();
            buffer.extend_from_slice(read);
            total += measured_decode(&mut connection, &mut buffer)?;
        }
    }
    expect(total, times * MESSAGES * len)
}

fn decode_beside_deflate(times: usize, shape: Shape, len: usize) -> Result<(), Failure> {
    let wire = wire(shape, len)?;
    let mut connection = deflating(TAKEOVER)?;
    let mut total = 0;
    for _ in 0..times {
        let mut buffer = wire.clone();
        total += measured_decode(&mut connection, &mut buffer)?;
    }
    expect(total, times * MESSAGES * len)
}

/// The example of RFC 6455 §5.7, its header cut by one read and its payload by another.
fn hello(times: usize, mut connection: Connection) -> Result<(), Failure> {
    let mut total = 0;
    for _ in 0..times * MESSAGES {
        let mut buffer = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        for read in buffer.chunks_mut(4) {
            total += measured_decode(&mut connection, read)?;
        }
    }
    expect(total, times * MESSAGES * 5)
}

#[inline(never)]
fn measured_decode(connection: &mut Connection, mut input: &mut [u8]) -> Result<usize, Failure> {
    let mut total = 0;
    while let Some(event) = connection.next_event(&mut input)? {
        total += match event {
            Event::Text(text) => black_box(text.data).len(),
            Event::Bytes(bytes) => black_box(bytes.data).len(),
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => 0,
        };
    }
    Ok(total)
}

/// The same with `next_frame_event`.
fn decode_frame(times: usize, shape: Shape, len: usize, read_len: usize) -> Result<(), Failure> {
    let wire = wire(shape, len)?;
    let mut connection = Connection::server(Limits::NONE);
    let mut buffer = Vec::with_capacity(wire.len());
    let mut total = 0;
    for _ in 0..times {
        for read in wire.chunks(read_len) {
            buffer.extend_from_slice(read);
            let (len, unread) = measured_decode_whole(&mut connection, &mut buffer)?;
            total += len;
            buffer.drain(..buffer.len() - unread);
        }
    }
    expect(total, times * MESSAGES * len)
}

#[inline(never)]
fn measured_decode_whole(
    connection: &mut Connection,
    mut input: &mut [u8],
) -> Result<(usize, usize), Failure> {
    let mut total = 0;
    while let Some(event) = connection.next_frame_event(&mut input)? {
        total += match event {
            Event::Text(text) => black_box(text.data).len(),
            Event::Bytes(bytes) => black_box(bytes.data).len(),
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => 0,
        };
    }
    Ok((total, input.len()))
}

fn encode<E: Entropy>(times: usize, mut connection: Connection<E>, len: usize) -> Result<(), Failure> {
    let payload = payload(ENGLISH, len);
    let mut output = Vec::with_capacity(MESSAGES * (len + 14));
    let mut total = 0;
    for _ in 0..times {
        output.clear();
        measured_encode(&mut connection, &payload, &mut output)?;
        total += output.len() / MESSAGES;
    }
    let header_len = output.len() / MESSAGES - len;
    expect(total, times * (header_len + len))
}

#[inline(never)]
fn measured_encode<E: Entropy>(
    connection: &mut Connection<E>,
    payload: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    for _ in 0..MESSAGES {
        connection.send(BytesMessage::new(black_box(payload)), output)?;
    }
    Ok(())
}

/// The same into a buffer of fixed size.
fn encode_to_memory<E: Entropy>(
    times: usize,
    mut connection: Connection<E>,
    len: usize,
) -> Result<(), Failure> {
    let payload = payload(ENGLISH, len);
    let mut memory = vec![0; MESSAGES * (len + 14)];
    let mut total = 0;
    for _ in 0..times {
        let left = measured_encode_to_memory(&mut connection, &payload, &mut memory)?;
        total += (memory.len() - left) / MESSAGES;
    }
    let header_len = total / times - len;
    expect(total, times * (header_len + len))
}

#[inline(never)]
fn measured_encode_to_memory<E: Entropy>(
    connection: &mut Connection<E>,
    payload: &[u8],
    mut room: &mut [u8],
) -> Result<usize, Failure> {
    for _ in 0..MESSAGES {
        connection.send(BytesMessage::new(black_box(payload)), &mut room)?;
    }
    Ok(room.len())
}

fn echo(times: usize, shape: Shape, len: usize) -> Result<(), Failure> {
    let wire = wire(shape, len)?;
    let mut connection = Connection::server(Limits::NONE);
    let mut output = Vec::with_capacity(wire.len());
    let mut total = 0;
    for _ in 0..times {
        let mut buffer = wire.clone();
        output.clear();
        measured_echo(&mut connection, &mut buffer, &mut output)?;
        total += output.len();
    }
    expect(total, times * MESSAGES * (len + 2))
}

#[inline(never)]
fn measured_echo(
    connection: &mut Connection,
    mut input: &mut [u8],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    let (receiver, sender) = connection.split();
    while let Some(event) = receiver.next_event(&mut input)? {
        match event {
            Event::Text(text) => sender.send(text, output)?,
            Event::Bytes(bytes) => sender.send(bytes, output)?,
            Event::Ping(ping) => sender.send(ping.response(), output)?,
            Event::Close(close) => sender.send(close.response(), output)?,
            Event::Pong(_) => {}
        }
    }
    Ok(())
}

fn decode_deflated(times: usize, len: usize, params: DeflateParams) -> Result<(), Failure> {
    decode_between(times, len, params, params)
}

fn decode_alone(times: usize, len: usize) -> Result<(), Failure> {
    decode_between(times, len, NO_TAKEOVER, TAKEOVER)
}

/// A client compresses with its parameters, and a server inflates with matching ones.
fn decode_between(
    times: usize,
    len: usize,
    ours: DeflateParams,
    theirs: DeflateParams,
) -> Result<(), Failure> {
    let mut server = deflating(theirs)?;
    let client = Connection::client(Limits::NONE, Counter(0));
    let mut client = client.with_extensions(extensions(Role::Client, ours)?);
    let mut wire = Vec::new();
    for message in json(len) {
        client.send(TextMessage::new(&message), &mut wire)?;
    }
    let mut total = 0;
    for _ in 0..times {
        let mut buffer = wire.clone();
        total += measured_decode(&mut server, &mut buffer)?;
    }
    expect(total, times * MESSAGES * len)
}

fn encode_deflated(times: usize, params: DeflateParams) -> Result<(), Failure> {
    let mut server = deflating(params)?;
    let messages: Vec<String> = json(256).collect();
    let mut output = Vec::new();
    for _ in 0..times {
        output.clear();
        measured_encode_deflated(&mut server, &messages, &mut output)?;
    }
    // Each frame is marked as compressed.
    expect(usize::from(output.first() == Some(&0xc1)), 1)
}

/// An empty message, as short as possible on the wire.
const EMPTY: [u8; 7] = [0xc2, 0x81, 0, 0, 0, 0, 0];

/// A message of one final block of fixed codes, with one literal.
const FINAL_BLOCK: [u8; 9] = [0xc2, 0x83, 0, 0, 0, 0, 0x4b, 0x04, 0x00];

/// A multiple of the length of each.
const FLOOD_LEN: usize = 7 * 9 * 64;

fn flooded(times: usize, message: &[u8], params: DeflateParams) -> Result<(), Failure> {
    let mut server = deflating(params)?;
    // The window is full.
    let client = Connection::client(Limits::NONE, Counter(0));
    let mut client = client.with_extensions(extensions(Role::Client, params)?);
    let mut filling = Vec::new();
    client.send(BytesMessage::new(vec![0; 80_000]), &mut filling)?;
    let mut input = filling.as_mut_slice();
    while server.next_event(&mut input)?.is_some() {}
    let wire = message.repeat(FLOOD_LEN / message.len());
    let mut total = 0;
    for _ in 0..times {
        let mut buffer = wire.clone();
        total += measured_decode(&mut server, &mut buffer)?;
    }
    expect(total, if message == EMPTY { 0 } else { times * FLOOD_LEN / message.len() })
}

/// A fragment of 125 bytes: stored blocks without data, 5 bytes each.
const FULL_FRAGMENT: &[u8] = &[0x00, 0xFD, 0, 0, 0, 0];
const NO_DATA: &[u8] = &[0x00, 0x00, 0x00, 0xFF, 0xFF];

/// The bytes of 30 such fragments.
const FULL_LEN: usize = 30 * (6 + 125);

/// A message that is as long as the limit allows, and goes on with blocks that add nothing to it.
fn flooded_full(times: usize) -> Result<(), Failure> {
    const MESSAGE_LEN: usize = 65_000;
    let limits = Limits::NONE.with_max_message_len(MESSAGE_LEN as u64);
    let mut server = Connection::server(limits).with_extensions(extensions(Role::Server, TAKEOVER)?);
    let client = Connection::client(Limits::NONE, Counter(0));
    let mut client = client.with_extensions(extensions(Role::Client, TAKEOVER)?);
    let mut filling = Vec::new();
    client.send(BytesMessage::partial(vec![0; MESSAGE_LEN]), &mut filling)?;
    let mut input = filling.as_mut_slice();
    while server.next_event(&mut input)?.is_some() {}
    let wire = [FULL_FRAGMENT, &NO_DATA.repeat(25)].concat().repeat(30);
    let mut total = 0;
    for _ in 0..times {
        let mut buffer = wire.clone();
        total += measured_decode(&mut server, &mut buffer)?;
    }
    expect(total, 0)
}

#[inline(never)]
fn measured_encode_deflated(
    connection: &mut Deflating,
    messages: &[String],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    for message in messages {
        connection.send(TextMessage::new(black_box(message)), output)?;
    }
    Ok(())
}

type Deflating = Connection;

/// The caller takes one event for every two that arrive, then the rest.
fn backlog(times: usize, messages: usize) -> Result<(), Failure> {
    let two = [0x82, 0x84, 0, 0, 0, 0, b'a', b'b', b'c', b'd'].repeat(2);
    let mut total = 0;
    for _ in 0..times {
        let mut connection = WsConnection::from(Connection::server(Limits::NONE));
        total += measured_backlog(&mut connection, &two, messages / 2)?;
    }
    expect(total, times * messages)
}

#[inline(never)]
fn measured_backlog(connection: &mut WsConnection, two: &[u8], reads: usize) -> Result<usize, Failure> {
    let mut total = 0;
    for _ in 0..reads {
        connection.receive_data(two)?;
        total += usize::from(connection.next_event()?.is_some());
    }
    while connection.next_event()?.is_some() {
        total += 1;
    }
    Ok(total)
}

fn backlog_borrowed(times: usize, messages: usize) -> Result<(), Failure> {
    let two = [0x82, 0x84, 0, 0, 0, 0, b'a', b'b', b'c', b'd'].repeat(2);
    let mut total = 0;
    for _ in 0..times {
        let mut connection = WsConnection::from(Connection::server(Limits::NONE));
        total += measured_borrowed_backlog(&mut connection, &two, messages / 2)?;
    }
    expect(total, times * messages)
}

#[inline(never)]
fn measured_borrowed_backlog(
    connection: &mut WsConnection,
    two: &[u8],
    reads: usize,
) -> Result<usize, Failure> {
    let mut total = 0;
    for _ in 0..reads {
        connection.space().get_mut(..two.len()).ok_or("no space")?.copy_from_slice(two);
        connection.filled(two.len())?;
        total += usize::from(connection.next_event_ref()?.is_some());
    }
    while connection.next_event_ref()?.is_some() {
        total += 1;
    }
    Ok(total)
}

const TAKEOVER: DeflateParams = DeflateParams::DEFAULT;
const NO_TAKEOVER: DeflateParams = DeflateParams {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    ..DeflateParams::DEFAULT
};

fn deflating(params: DeflateParams) -> Result<Deflating, Failure> {
    Ok(Connection::server(Limits::NONE).with_extensions(extensions(Role::Server, params)?))
}

fn extensions(role: Role, params: DeflateParams) -> Result<Extensions, Failure> {
    let mut extensions = Extensions::new();
    extensions
        .push(PermessageDeflate::new().with_threshold(0).negotiated(role, params))
        .map_err(|_| "two extensions use the same bit")?;
    Ok(extensions)
}

/// Messages of `len` bytes, no two the same.
fn json(len: usize) -> impl Iterator<Item = String> {
    (1..=MESSAGES as u64).map(move |n| {
        let events = (0..).map(|part| event(n.wrapping_add(part << 16)));
        let mut text = String::new();
        events
            .take_while(|event| {
                text.push_str(event);
                text.len() < len
            })
            .for_each(drop);
        text.truncate(len);
        text
    })
}

/// A little less than 256 bytes of JSON.
fn event(n: u64) -> String {
    let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (price, id) = (random >> 40, random & 0xffff_ffff);
    let event = format!(
        "{{\"seq\":{n},\"event\":{{\"id\":\"{id:08x}\",\"type\":\"trade\",\"symbol\":\"EUR-USD\",\
         \"price\":{price},\"side\":\"buy\",\"time\":\"2026-03-14T09:{:02}:{:02}Z\"}},\"note\":\"",
        random >> 20 & 31,
        random >> 26 & 31,
    );
    format!("{event}{:.<width$}\"}}", "", width = 254_usize.saturating_sub(event.len()))
}

/// The same keys in each run.
struct Counter(u32);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        bytes.iter_mut().zip(self.0.to_be_bytes().iter().cycle()).for_each(|(byte, random)| *byte = *random);
    }
}

fn accept(times: usize, deflate: Option<PermessageDeflate>) -> Result<(), Failure> {
    let mut output = Vec::with_capacity(512);
    for _ in 0..times {
        output.clear();
        let mut input = REQUEST;
        measured_accept(&mut input, deflate.as_ref(), &mut output)?;
    }
    expect(usize::from(output.starts_with(b"HTTP/1.1 101 ")), 1)
}

#[inline(never)]
fn measured_accept(
    input: &mut &[u8],
    deflate: Option<&PermessageDeflate>,
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let request = handshake.receive(black_box(input))?.ok_or("the request is whole")?;
    let mut accept = AcceptConnection::new();
    if let Some(deflate) = deflate {
        let supported: [&dyn Extension; 1] = [deflate];
        let (agreeing, extensions) = accept.with_extensions(&supported, request);
        _ = black_box(extensions);
        accept = agreeing;
    }
    handshake.accept(accept, output)?;
    Ok(())
}

/// A head that arrives byte by byte: that of the request, with this many more fields.
fn drip(times: usize, more_fields: usize) -> Result<(), Failure> {
    let (fields, end) = REQUEST.split_at(REQUEST.len() - 2);
    let head = [fields, &FIELD.repeat(more_fields), end].concat();
    for _ in 0..times {
        expect(measured_drip(&head)?, dripping_len(more_fields))?;
    }
    Ok(())
}

#[inline(never)]
fn measured_drip(head: &[u8]) -> Result<usize, Failure> {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    for (at, byte) in head.iter().enumerate() {
        if handshake.receive(&mut std::slice::from_ref(black_box(byte)))?.is_some() {
            return Ok(at + 1);
        }
    }
    Err("the request is whole".into())
}

const fn dripping_len(more_fields: usize) -> usize {
    REQUEST.len() + more_fields * FIELD.len()
}

/// As Chrome sends it.
const REQUEST: &[u8] = b"GET /feed?v=4 HTTP/1.1\r\n\
    Host: stream.example.com\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: https://www.example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de-DE;q=0.8,de;q=0.7\r\n\
    Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; _ga=GA1.1.1203456789.1763800000\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// One more, to make a head longer.
const FIELD: &[u8] = b"X-Trace: 4bf92f3577b34da6a3ce929d0e0e4736\r\n";

fn client() -> Connection<SeededEntropy> {
    Connection::client(Limits::NONE, SeededEntropy::new())
}

/// Masked frames back to back.
fn wire(shape: Shape, len: usize) -> Result<Vec<u8>, Failure> {
    let payload = payload(shape.sample, len);
    let mut wire = Vec::new();
    for key in 1..=MESSAGES {
        let key = u32::try_from(key)?.wrapping_mul(0x9e37_79b9).to_be_bytes();
        let parts = payload.chunks(len.div_ceil(shape.first_bytes.len()));
        for (first_byte, part) in shape.first_bytes.iter().zip(parts) {
            wire.push(*first_byte);
            match u8::try_from(part.len()) {
                Ok(short @ 0..=125) => wire.push(0x80 | short),
                _ => {
                    wire.push(0x80 | 126);
                    wire.extend_from_slice(&u16::try_from(part.len())?.to_be_bytes());
                }
            }
            wire.extend_from_slice(&key);
            wire.extend(part.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
    Ok(wire)
}

/// `len` bytes of a text; ASCII fills the end if the last character does not fit.
fn payload(sample: &str, len: usize) -> Vec<u8> {
    let mut text = String::with_capacity(len);
    for character in sample.chars().cycle() {
        match len - text.len() {
            0 => break,
            room if room < character.len_utf8() => text.push('.'),
            _ => text.push(character),
        }
    }
    text.into_bytes()
}

fn expect(total: usize, expected: usize) -> Result<(), Failure> {
    if total != expected {
        return Err(format!("{total} bytes instead of {expected}").into());
    }
    Ok(())
}
