//! Runs one workload a given number of times, for `instructions.sh` to count what it costs.
//!
//! `list` names the workloads and how many messages each handles at a time. The counting covers the functions
//! whose name begins with `measured`; what surrounds them, such as filling the buffer again, stays out of it.

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use wsproto::{BytesMessage, Connection, Entropy, Event, Limits, OsEntropy};

type Failure = Box<dyn std::error::Error>;

struct Workload {
    name: &'static str,
    run: fn(times: usize) -> Result<(), Failure>,
}

const WORKLOADS: [Workload; 18] = [
    Workload { name: "decode-binary-16", run: |times| decode(times, BINARY, 16, ALL) },
    Workload { name: "decode-binary-125", run: |times| decode(times, BINARY, 125, ALL) },
    Workload { name: "decode-binary-1024", run: |times| decode(times, BINARY, 1024, ALL) },
    Workload { name: "decode-ascii-16", run: |times| decode(times, ASCII, 16, ALL) },
    Workload { name: "decode-ascii-125", run: |times| decode(times, ASCII, 125, ALL) },
    Workload { name: "decode-ascii-1024", run: |times| decode(times, ASCII, 1024, ALL) },
    Workload { name: "decode-mixed-16", run: |times| decode(times, MIXED, 16, ALL) },
    Workload { name: "decode-mixed-125", run: |times| decode(times, MIXED, 125, ALL) },
    Workload { name: "decode-mixed-1024", run: |times| decode(times, MIXED, 1024, ALL) },
    Workload { name: "decode-binary-1024-reads-1460", run: |times| decode(times, BINARY, 1024, READ) },
    Workload { name: "decode-mixed-1024-reads-1460", run: |times| decode(times, MIXED, 1024, READ) },
    Workload { name: "decode-fragments-1024-reads-1460", run: |times| decode(times, FRAGMENTS, 1024, READ) },
    Workload { name: "encode-server-16", run: |times| encode(times, Connection::server(Limits::NONE), 16) },
    Workload {
        name: "encode-server-1024",
        run: |times| encode(times, Connection::server(Limits::NONE), 1024),
    },
    Workload { name: "encode-client-16", run: |times| encode(times, client(), 16) },
    Workload { name: "encode-client-1024", run: |times| encode(times, client(), 1024) },
    Workload { name: "echo-16", run: |times| echo(times, BINARY, 16) },
    Workload { name: "pings", run: |times| echo(times, PINGS, 8) },
];

/// So many that the reads cut them at different places.
const MESSAGES: usize = 64;

const ALL: usize = usize::MAX;
const READ: usize = 1460;

/// What the frames of a message begin with; the last ends it.
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
                println!("{}\t{MESSAGES}", workload.name);
            }
            ExitCode::SUCCESS
        }
        [name, times] => run(name, times).unwrap_or_else(|failure| {
            eprintln!("{name}: {failure}");
            ExitCode::FAILURE
        }),
        _ => {
            eprintln!("Usage: instructions list | instructions WORKLOAD TIMES");
            ExitCode::FAILURE
        }
    }
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

fn client() -> Connection<OsEntropy> {
    Connection::client(Limits::NONE, OsEntropy::new())
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

/// `len` bytes of a text; ASCII fills up where a character does not fit.
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
