//! The load: the same for all engines, and no engine itself. It writes frames that were encoded before, and counts the
//! messages that come back; it answers pings. It blocks, so that nothing but system calls is between it and the engine.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

use crate::cells::{Cell, Work};
use crate::contender::Kind;
use crate::engines::{Role, Setup};
use crate::frames::{self, BINARY, FIN, Frame, PING, RSV1, TEXT};
use crate::serve::{Order, Usage};

const PONG: u8 = 10;
/// The bit in the opcode that control frames have.
const CONTROL: u8 = 8;

/// How long the load waits for an engine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The messages of a cell, and their frames.
pub(crate) struct Batch {
    payloads: Vec<Vec<u8>>,
    wire: Vec<u8>,
    /// Where each frame ends in `wire`.
    ends: Vec<usize>,
    /// The role of the engine.
    role: Role,
}

impl Batch {
    pub(crate) fn new(cell: &Cell) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        // Not one message again and again, and not more than the caches have room for.
        let count = if cell.len < 1024 { 256 } else { 16 };
        let payloads: Vec<Vec<u8>> = (0..count)
            .map(|_| if cell.deflates { random.json(cell.len) } else { random.bytes(cell.len) })
            .collect();
        let (mut wire, mut ends) = (Vec::new(), Vec::new());
        let mut deflate = Deflate::new(6, false, 15);
        for payload in &payloads {
            let masking_key =
                (cell.role == Role::Server).then(|| random.next().to_le_bytes()[..4].try_into().unwrap());
            if cell.deflates {
                let payload = &deflated(&mut deflate, payload);
                Frame { first_byte: FIN | RSV1 | TEXT, masking_key, payload }.write(&mut wire);
            } else {
                Frame { first_byte: FIN | BINARY, masking_key, payload }.write(&mut wire);
            }
            ends.push(wire.len());
        }
        Self { payloads, wire, ends, role: cell.role }
    }

    /// The frames of the messages from the one at `first` on; less than `count` if the batch ends before.
    fn frames(&self, first: usize, count: usize) -> (&[u8], usize) {
        let last = self.ends.len().min(first + count);
        let start = if first == 0 { 0 } else { self.ends[first - 1] };
        (&self.wire[start..self.ends[last - 1]], last - first)
    }
}

/// Compresses a message as in RFC 7692 §7.2.1.
fn deflated(deflate: &mut Deflate, payload: &[u8]) -> Vec<u8> {
    let mut output = vec![0; payload.len() + 64];
    let before = deflate.total_out();
    deflate.compress(payload, &mut output, DeflateFlush::SyncFlush).expect("the settings are valid");
    let len = usize::try_from(deflate.total_out() - before).expect("it is shorter than the output");
    assert!(len < output.len() && output[..len].ends_with(&TAIL), "the output has room for all");
    output.truncate(len - TAIL.len());
    output
}

/// What is left off at the end of each compressed message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Numbers that are the same in each run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[7]).collect()
    }

    /// Events as services send them, cut to the length.
    fn json(&mut self, len: usize) -> Vec<u8> {
        let mut text = String::from("[");
        while text.len() < len {
            let (id, user, price) = (self.next() >> 40, self.next() >> 54, self.next() >> 52);
            text += &format!(
                r#"{{"type":"trade","id":{id},"user":"user-{user}","price":{price}.25,"side":"buy"}},"#
            );
        }
        text.truncate(len);
        text.into_bytes()
    }
}

/// A connection to an engine.
struct Connection {
    stream: TcpStream,
    /// The next message that is sent, and the next that is expected, as places in the batch.
    sent: usize,
    expected: usize,
    counter: Counter,
    /// The engine's compression context.
    inflate: Inflate,
    /// Bytes that came with the message before, while messages are checked.
    unread: Vec<u8>,
}

/// Counts the messages in a stream of frames, whose headers it reads.
#[derive(Default)]
struct Counter {
    /// The bytes of the payload that are to come.
    rest: usize,
    header: [u8; 14],
    header_len: usize,
    /// The payload of a ping, as far as it has come, and those that are to be answered.
    ping: Vec<u8>,
    pings: Vec<Vec<u8>>,
}

impl Counter {
    /// How many messages end in these bytes.
    fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut messages = 0;
        loop {
            let (payload, rest) = bytes.split_at(self.rest.min(bytes.len()));
            self.rest -= payload.len();
            bytes = rest;
            let is_ping = self.header[0] & 0x0f == PING;
            if is_ping {
                self.ping.extend_from_slice(payload);
            }
            if self.rest == 0 && self.is_complete() {
                messages += usize::from(self.header[0] & FIN != 0 && self.header[0] & CONTROL == 0);
                self.header_len = 0;
                if is_ping {
                    let payload = self.unmasked_ping();
                    self.pings.push(payload);
                }
            }
            if bytes.is_empty() {
                return messages;
            }
            if self.rest == 0 {
                self.header[self.header_len] = bytes[0];
                self.header_len += 1;
                bytes = &bytes[1..];
                if self.is_complete() {
                    self.rest = self.payload_len();
                }
            }
        }
    }

    /// The payload of a ping; its key, if it has one, is at the end of the header.
    fn unmasked_ping(&mut self) -> Vec<u8> {
        let has_key = self.header[1] & 0x80 != 0;
        let key = if has_key { &self.header[2..6] } else { &[0; 4] };
        let masked = std::mem::take(&mut self.ping);
        masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    /// Whether the header is.
    fn is_complete(&self) -> bool {
        let len = match self.header[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let key = if self.header[1] & 0x80 != 0 { 4 } else { 0 };
        self.header_len >= 2 && self.header_len == len + key
    }

    fn payload_len(&self) -> usize {
        let header = &self.header;
        match header[1] & 0x7f {
            126 => usize::from(u16::from_be_bytes([header[2], header[3]])),
            127 => header[2..10].iter().fold(0, |len, &byte| len << 8 | usize::from(byte)),
            len => usize::from(len),
        }
    }
}

impl Connection {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let inflate = Inflate::new(false, 15);
        Ok(Self { stream, sent: 0, expected: 0, counter: Counter::default(), inflate, unread: Vec::new() })
    }

    /// Sends the next messages.
    fn send(&mut self, batch: &Batch, mut count: usize) -> io::Result<()> {
        while count > 0 {
            let (frames, sent) = batch.frames(self.sent, count);
            self.stream.write_all(frames)?;
            self.sent = (self.sent + sent) % batch.ends.len();
            count -= sent;
        }
        Ok(())
    }

    /// Reads once, and returns how many messages ended. Pings are answered.
    fn receive(&mut self, role: Role, room: &mut [u8]) -> io::Result<usize> {
        let len = self.stream.read(room)?;
        if len == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let messages = self.counter.count(&room[..len]);
        for payload in std::mem::take(&mut self.counter.pings) {
            self.answer(role, &payload)?;
        }
        Ok(messages)
    }

    /// Answers a ping of an engine in this role.
    fn answer(&mut self, role: Role, payload: &[u8]) -> io::Result<()> {
        let mut wire = Vec::new();
        let masking_key = (role == Role::Server).then_some([1, 2, 3, 4]);
        Frame { first_byte: FIN | PONG, masking_key, payload }.write(&mut wire);
        self.stream.write_all(&wire)
    }

    /// Reads until so many messages have ended.
    fn receive_all(&mut self, batch: &Batch, count: usize, room: &mut [u8]) -> io::Result<()> {
        let mut received = 0;
        while received < count {
            received += self.receive(batch.role, room)?;
        }
        self.expected = (self.expected + count) % batch.ends.len();
        if received == count { Ok(()) } else { Err(invalid("more messages than were sent")) }
    }

    /// Reads a message, and compares it with what is expected.
    fn check(&mut self, batch: &Batch, cell: &Cell, room: &mut [u8]) -> io::Result<()> {
        let mut message = Vec::new();
        let mut compressed = false;
        loop {
            let Some(frame) = frames::read(&self.unread) else {
                match self.stream.read(room)? {
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    len => self.unread.extend_from_slice(&room[..len]),
                }
                continue;
            };
            self.unread.drain(..frame.rest_at);
            if frame.masking_key.is_some() != (cell.role == Role::Client) {
                return Err(invalid("a frame with a mask of the other role"));
            }
            match frame.first_byte & 0x0f {
                PING => {
                    self.answer(cell.role, &frame.payload)?;
                    continue;
                }
                opcode if opcode & CONTROL != 0 => return Err(invalid("a pong or a close frame")),
                _ => {
                    compressed |= frame.first_byte & RSV1 != 0;
                    message.extend_from_slice(&frame.payload);
                }
            }
            if frame.first_byte & FIN != 0 {
                break;
            }
        }
        if compressed {
            message = self.inflated(&mut message, cell.len)?;
        }
        if compressed != cell.deflates {
            return Err(invalid("compressed against the agreement, or not compressed"));
        }
        if message != batch.payloads[self.expected] {
            return Err(invalid("another message than was sent"));
        }
        self.expected = (self.expected + 1) % batch.ends.len();
        Ok(())
    }

    fn inflated(&mut self, message: &mut Vec<u8>, len: usize) -> io::Result<Vec<u8>> {
        message.extend_from_slice(&TAIL);
        let mut output = vec![0; len + 64];
        let before = self.inflate.total_out();
        self.inflate
            .decompress(message, &mut output, InflateFlush::SyncFlush)
            .map_err(|_| invalid("not valid DEFLATE"))?;
        output.truncate(usize::try_from(self.inflate.total_out() - before).unwrap_or(0));
        Ok(output)
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason)
}

/// An engine in its process, with its connections.
pub(crate) struct Running {
    process: Child,
    control: TcpStream,
    /// What it had used before it opened connections.
    at_start: Usage,
    connections: Vec<Connection>,
}

/// What a round has cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Nanoseconds a message.
    pub(crate) time: f64,
    /// Nanoseconds a message on the engine's processor.
    pub(crate) cpu: f64,
}

impl Running {
    /// Starts the process of an engine.
    pub(crate) fn start(kind: Kind, cell: &Cell) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let order = Order {
            kind,
            service: cell.service(),
            setup: Setup { role: cell.role, deflates: cell.deflates },
            connections: cell.connections(),
            load: listener.local_addr()?,
        };
        let program = std::env::current_exe()?;
        let process = Command::new(program).arg("serve").args(order.arguments()).spawn()?;
        let control = listener.accept()?.0;
        control.set_read_timeout(Some(PATIENCE))?;
        let mut running = Self { process, control, at_start: Usage::default(), connections: Vec::new() };
        running.at_start = running.read_usage()?;
        for _ in 0..cell.connections() {
            running.connections.push(Connection::new(listener.accept()?.0)?);
        }
        // The answer comes when all are open.
        running.usage()?;
        Ok(running)
    }

    fn read_usage(&mut self) -> io::Result<Usage> {
        let mut bytes = [0; Usage::LEN];
        self.control.read_exact(&mut bytes)?;
        Ok(Usage::from_bytes(&bytes))
    }

    fn usage(&mut self) -> io::Result<Usage> {
        self.control.write_all(b"?")?;
        self.read_usage()
    }

    /// The memory of all connections.
    pub(crate) fn memory(&mut self) -> io::Result<Usage> {
        Ok(self.usage()?.since(self.at_start))
    }

    /// Sends each message of the batch, and compares each message that comes back.
    pub(crate) fn check(&mut self, cell: &Cell, batch: &Batch, room: &mut [u8]) -> io::Result<()> {
        match cell.work {
            Work::Broadcast { .. } => {
                let (speaker, audience) = self.connections.split_first_mut().ok_or(ErrorKind::NotFound)?;
                // Each message is for a thousand: not as many.
                for _ in 0..8 {
                    speaker.send(batch, 1)?;
                    audience.iter_mut().try_for_each(|listener| listener.check(batch, cell, room))?;
                }
            }
            Work::Pipelined { in_flight } => {
                let [connection] = self.connections.as_mut_slice() else { return Ok(()) };
                for _ in 0..batch.ends.len() / in_flight {
                    connection.send(batch, in_flight)?;
                    (0..in_flight).try_for_each(|_| connection.check(batch, cell, room))?;
                }
            }
            Work::PingPong { .. } => {
                for _ in 0..8 {
                    self.connections.iter_mut().try_for_each(|connection| connection.send(batch, 1))?;
                    self.connections
                        .iter_mut()
                        .try_for_each(|connection| connection.check(batch, cell, room))?;
                }
            }
            Work::Idle { .. } => {
                for connection in &mut self.connections {
                    connection.send(batch, 1)?;
                    connection.check(batch, cell, room)?;
                }
            }
        }
        Ok(())
    }

    /// Sends messages for about this long, all of which come back.
    pub(crate) fn round(
        &mut self,
        cell: &Cell,
        batch: &Batch,
        long: Duration,
        room: &mut [u8],
    ) -> io::Result<Cost> {
        let before = self.usage()?;
        let start = Instant::now();
        let mut messages = 0;
        while start.elapsed() < long {
            messages += self.some(cell, batch, room)?;
        }
        let time = start.elapsed().as_nanos() as f64;
        let used = self.usage()?.since(before);
        Ok(Cost { time: time / messages as f64, cpu: used.cpu as f64 / messages as f64 })
    }

    /// Sends some messages, and returns how many have come back.
    fn some(&mut self, cell: &Cell, batch: &Batch, room: &mut [u8]) -> io::Result<usize> {
        match cell.work {
            Work::Broadcast { audience } => {
                let (speaker, listeners) = self.connections.split_first_mut().ok_or(ErrorKind::NotFound)?;
                speaker.send(batch, 1)?;
                listeners.iter_mut().try_for_each(|listener| listener.receive_all(batch, 1, room))?;
                Ok(audience)
            }
            Work::Pipelined { in_flight } => {
                let [connection] = self.connections.as_mut_slice() else { return Ok(0) };
                pipeline(connection, batch, in_flight, room)
            }
            Work::PingPong { connections: 1 } => {
                let [connection] = self.connections.as_mut_slice() else { return Ok(0) };
                for _ in 0..32 {
                    connection.send(batch, 1)?;
                    connection.receive_all(batch, 1, room)?;
                }
                Ok(32)
            }
            Work::PingPong { connections } | Work::Idle { connections } => {
                self.connections.iter_mut().try_for_each(|connection| connection.send(batch, 1))?;
                self.connections
                    .iter_mut()
                    .try_for_each(|connection| connection.receive_all(batch, 1, room))?;
                Ok(connections)
            }
        }
    }
}

/// Keeps so many messages on the way: for each that comes back, another is sent.
fn pipeline(
    connection: &mut Connection,
    batch: &Batch,
    in_flight: usize,
    room: &mut [u8],
) -> io::Result<usize> {
    let total = 32 * in_flight;
    let (mut sent, mut received) = (in_flight, 0);
    connection.send(batch, in_flight)?;
    while received < total {
        let now = connection.receive(batch.role, room)?;
        received += now;
        let next = now.min(total - sent);
        connection.send(batch, next)?;
        sent += next;
    }
    connection.expected = (connection.expected + total) % batch.ends.len();
    if received == total { Ok(total) } else { Err(invalid("more messages than were sent")) }
}

impl Drop for Running {
    /// Ends the process.
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
