use std::hint::black_box;

use wsproto::{
    AcceptConnection, BytesMessage, Connection, DeflateParams, Entropy, Event, Extension, Extensions,
    FrameHeader, HandshakeLimits, Limits, MessageKind, Messages, Opcode, PermessageDeflate, PreparedMessage,
    ReadBuffer, Role, Rsv, SeededEntropy, ServerHandshake, TextMessage,
};

use crate::crowd::{Member, Shared};
use crate::engine::{
    BroadcastEngine, DeflateEngine, Engine, HandshakeEngine, Out, Outcome, Sink, Unfit, refused,
};
use crate::heap::Idle;
use crate::json::Texts;
use crate::workload::{Input, Outgoing, append_read, copy_read};

/// The longest read. Source and copy stay together in the first-level cache until the copy is decoded.
const READ: usize = 16 << 10;

/// The longest read of whole messages: a longer one would leave the first-level cache, and cut more messages.
const LONG_READ: usize = 32 << 10;

/// More than any batch needs.
const MEMORY: usize = 1 << 20;

/// Messages in pieces, as they arrive.
pub(crate) struct Wsproto {
    server: Connection,
    client: Connection<SeededEntropy>,
    input: Vec<u8>,
    buffer: Buffer,
    memory: Vec<u8>,
}

impl Engine for Wsproto {
    const NAME: &'static str = "wsproto";
    const DRIVEN: &'static str = "`Connection` without limits; `next_event` over a buffer of the caller's, in \
        reads of 16 KiB at most, so that longer messages come in pieces; the echo by `next_frame_event`; the \
        broadcast by a `PreparedMessage` and `send_prepared`; with permessage-deflate in longer reads; the handshake \
        by `ServerHandshake`";

    fn new() -> Self {
        Self {
            server: Connection::server(Limits::NONE),
            client: Connection::client(Limits::NONE, SeededEntropy::new()),
            input: Vec::new(),
            buffer: Buffer::new(),
            memory: vec![0; MEMORY],
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.server, &mut self.input, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.client, &mut self.input, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.server, &mut self.memory, outgoing, out)
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        let sender = self.server.sender_mut();
        for _ in 0..outgoing.messages {
            let payload = black_box(outgoing.in_place.as_mut_slice());
            let header = sender.frame_in_place(MessageKind::Binary, payload, true).map_err(refused)?;
            out.write(header.as_bytes());
            out.write(payload);
        }
        Ok(())
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.client, &mut self.memory, outgoing, out)
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        let (receiver, sender) = self.server.split();
        let mut room = self.memory.as_mut_slice();
        let mut wire = input.wire;
        while !wire.is_empty() {
            self.buffer.receive(&mut wire, READ);
            let mut rest = self.buffer.unread();
            while let Some(event) = receiver.next_frame_event(&mut rest).map_err(refused)? {
                match event {
                    Event::Text(text) => sender.send(text, &mut room),
                    Event::Bytes(bytes) => sender.send(bytes, &mut room),
                    Event::Ping(ping) => sender.send(ping.response(), &mut room),
                    Event::Close(close) => sender.send(close.response(), &mut room),
                    Event::Pong(_) => Ok(()),
                }
                .map_err(refused)?;
            }
            let left = rest.len();
            self.buffer.keep(left);
        }
        let left = room.len();
        out.write(&self.memory[..self.memory.len() - left]);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let mut buffer = input.wire.to_vec();
        Some(Idle::of(|| {
            let mut connection = Connection::server(Limits::default());
            let mut rest = buffer.as_mut_slice();
            while let Ok(Some(_)) = connection.next_event(&mut rest) {}
            connection
        }))
    }
}

impl Member for Wsproto {
    type Connection = Connection;

    fn connect(_: &Shared) -> Connection {
        Connection::server(Limits::default())
    }

    fn receive(connection: &mut Connection, input: &Input, shared: &mut Shared) -> usize {
        let mut rest = receive(&mut shared.buffer, input.wire);
        match connection.next_event(&mut rest) {
            Ok(Some(Event::Bytes(bytes))) => black_box(bytes.data).len(),
            _ => 0,
        }
    }
}

/// A client with the key generator of the fastest peers, which shows how much of the difference comes from the keys.
pub(crate) struct Keyed {
    client: Connection<Fastrand>,
    memory: Vec<u8>,
}

/// Fast, but predictable: not what RFC 6455 §10.3 requires.
struct Fastrand(fastrand::Rng);

impl Entropy for Fastrand {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    #[inline]
    fn masking_key(&mut self) -> [u8; 4] {
        self.0.u32(..).to_ne_bytes()
    }
}

impl Engine for Keyed {
    const NAME: &'static str = "wsproto, keys by fastrand";
    const DRIVEN: &'static str = "the same, but that the masking keys can be guessed, as those of sockudo-ws and \
        tokio-websockets";

    fn new() -> Self {
        let client = Connection::client(Limits::NONE, Fastrand(fastrand::Rng::new()));
        Self { client, memory: vec![0; MEMORY] }
    }

    fn decode(&mut self, _: &Input, _: &mut impl Sink) -> Outcome {
        Err(Unfit::Missing("it is the same"))
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.client, &mut self.memory, outgoing, out)
    }
}

/// Only a header, as most peers build it: nothing checks whether the frame may be sent now.
pub(crate) struct HeaderAlone;

impl Engine for HeaderAlone {
    const NAME: &'static str = "wsproto, header alone";
    const DRIVEN: &'static str = "`FrameHeader::encode`, which knows of no connection";

    fn new() -> Self {
        Self
    }

    fn decode(&mut self, _: &Input, _: &mut impl Sink) -> Outcome {
        Err(Unfit::Missing("it is the same"))
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        for _ in 0..outgoing.messages {
            let payload = black_box(outgoing.in_place.as_slice());
            let header = FrameHeader {
                fin: true,
                rsv: Rsv::NONE,
                opcode: Opcode::Binary,
                masking_key: None,
                payload_len: payload.len() as u64,
            };
            out.write(header.encode().map_err(refused)?.as_bytes());
            out.write(payload);
        }
        Ok(())
    }
}

/// Whole messages.
pub(crate) struct Whole {
    server: Messages,
    client: Messages<SeededEntropy>,
}

impl Engine for Whole {
    const NAME: &'static str = "wsproto, whole messages";
    const DRIVEN: &'static str = "`Messages`, in reads of 32 KiB at most; its buffer keeps up to 4 MiB of memory, \
        so that it does not grow for each long message";

    fn new() -> Self {
        Self {
            server: messages(Connection::server(Limits::NONE)),
            client: messages(Connection::client(Limits::NONE, SeededEntropy::new())),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode_whole(&mut self.server, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode_whole(&mut self.client, input, sink)
    }
}

fn decode_whole<E: Entropy>(ws: &mut Messages<E>, input: &Input, sink: &mut impl Sink) -> Outcome {
    let mut wire = input.wire;
    while !wire.is_empty() {
        read(ws, &mut wire, input.read_len.min(LONG_READ))?;
        while let Some(message) = ws.next_message() {
            sink.piece(message.as_bytes(), true);
        }
        ws.failure().map_or(Ok(()), |error| Err(refused(error)))?;
    }
    Ok(())
}

fn messages<E: Entropy>(connection: Connection<E>) -> Messages<E> {
    Messages::new(connection, ReadBuffer::new().with_min_space(READ).with_max_kept(4 << 20))
}

/// The copy that a read from a socket makes.
fn read<E: Entropy>(ws: &mut Messages<E>, wire: &mut &[u8], len: usize) -> Outcome {
    let space = ws.space();
    let (read, rest) = wire.split_at(len.min(wire.len()).min(space.len()));
    copy_read(space, read);
    *wire = rest;
    ws.filled(read.len()).map_err(refused)
}

/// A buffer that keeps an incomplete frame.
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    fn new() -> Self {
        Self { bytes: vec![0; READ + READ / 2], start: 0, end: 0 }
    }

    /// The copy that a read from a socket makes, after the bytes that are there.
    fn receive(&mut self, wire: &mut &[u8], len: usize) {
        let (read, rest) = wire.split_at(len.min(wire.len()));
        *wire = rest;
        if read.len() > self.bytes.len() - self.end {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if read.len() > self.bytes.len() - self.end {
                self.bytes.resize(self.end + read.len(), 0);
            }
        }
        copy_read(&mut self.bytes[self.end..], read);
        self.end += read.len();
    }

    fn unread(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Keeps only the last `left` bytes, which are not read yet.
    fn keep(&mut self, left: usize) {
        self.start = self.end - left;
        if left == 0 {
            (self.start, self.end) = (0, 0);
        }
    }
}

/// One message for many servers, which is encoded once; with permessage-deflate if `DEFLATES`.
pub(crate) struct Prepared<const DEFLATES: bool>;

impl<const DEFLATES: bool> BroadcastEngine for Prepared<DEFLATES> {
    type Message = PreparedMessage;
    type Server = (Connection, Vec<u8>);

    fn prepare(payload: &'static [u8]) -> Result<PreparedMessage, Unfit> {
        let message = PreparedMessage::bytes(payload).map_err(refused)?;
        Ok(if DEFLATES { message.deflated(&PermessageDeflate::new().with_level(1)) } else { message })
    }

    fn open() -> Result<Self::Server, Unfit> {
        let server = if DEFLATES { deflating(1, false)? } else { Connection::server(Limits::default()) };
        Ok((server, Vec::new()))
    }

    fn send((server, output): &mut Self::Server, message: &mut PreparedMessage, out: &mut Out) -> Outcome {
        output.clear();
        server.sender_mut().send_prepared(message, output).map_err(refused)?;
        out.write(output);
        Ok(())
    }
}

/// The same, but each server encodes the message again.
pub(crate) struct Unprepared<const DEFLATES: bool>;

impl Unprepared<false> {
    pub(crate) const NAME: &str = "wsproto, by `send`";
    pub(crate) const DRIVEN: &str = "the same message, which each connection encodes again";
}

impl<const DEFLATES: bool> BroadcastEngine for Unprepared<DEFLATES> {
    type Message = &'static [u8];
    type Server = (Connection, Vec<u8>);

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit> {
        Ok(payload)
    }

    fn open() -> Result<Self::Server, Unfit> {
        Prepared::<DEFLATES>::open()
    }

    fn send((server, output): &mut Self::Server, payload: &mut Self::Message, out: &mut Out) -> Outcome {
        output.clear();
        server.send(BytesMessage::new(payload), output).map_err(refused)?;
        out.write(output);
        Ok(())
    }
}

/// Messages in pieces, as they are inflated.
pub(crate) struct Deflated {
    server: Connection,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl DeflateEngine for Deflated {
    fn new(level: u8, takes_context_over: bool) -> Result<Self, Unfit> {
        Ok(Self { server: deflating(level, takes_context_over)?, input: Vec::new(), output: Vec::new() })
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        for read in input.reads() {
            let mut rest = receive(&mut self.input, read);
            while let Some(event) = self.server.next_event(&mut rest).map_err(refused)? {
                if let Event::Text(text) = event {
                    sink.piece(text.data.as_bytes(), text.message_finished);
                }
            }
        }
        Ok(())
    }

    fn encode(&mut self, texts: &Texts, out: &mut Out) -> Outcome {
        self.output.clear();
        for text in texts.each() {
            self.server.send(TextMessage::new(text), &mut self.output).map_err(refused)?;
        }
        out.write(&self.output);
        Ok(())
    }
}

/// A server that has agreed to permessage-deflate.
fn deflating(level: u8, takes_context_over: bool) -> Result<Connection, Unfit> {
    let settings = PermessageDeflate::new().with_level(level);
    let params = DeflateParams {
        server_no_context_takeover: !takes_context_over,
        client_no_context_takeover: !takes_context_over,
        ..DeflateParams::DEFAULT
    };
    let mut extensions = Extensions::new();
    extensions.push(settings.negotiated(Role::Server, params)).map_err(refused)?;
    Ok(Connection::server(Limits::NONE).with_extensions(extensions))
}

/// Whole messages, inflated.
pub(crate) struct DeflatedWhole {
    server: Messages,
}

impl DeflateEngine for DeflatedWhole {
    fn new(level: u8, takes_context_over: bool) -> Result<Self, Unfit> {
        Ok(Self { server: messages(Deflated::new(level, takes_context_over)?.server) })
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode_whole(&mut self.server, input, sink)
    }

    fn encode(&mut self, _: &Texts, _: &mut Out) -> Outcome {
        Err(Unfit::Missing("it is the same"))
    }
}

/// The opening handshake.
pub(crate) struct Handshake {
    deflate: Option<PermessageDeflate>,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl HandshakeEngine for Handshake {
    fn new(deflates: bool) -> Result<Self, Unfit> {
        let deflate = deflates.then(PermessageDeflate::new);
        Ok(Self { deflate, input: Vec::new(), output: Vec::new() })
    }

    fn accept(&mut self, head: &'static [u8], out: &mut Out) -> Outcome {
        self.output.clear();
        let mut rest = &*receive(&mut self.input, head);
        let mut handshake = ServerHandshake::new(HandshakeLimits::default());
        let request = handshake.receive(&mut rest).map_err(refused)?.ok_or(Unfit::RanDry)?;
        let mut accept = AcceptConnection::new();
        if let Some(deflate) = &self.deflate {
            let supported: [&dyn Extension; 1] = [deflate];
            let (agreeing, extensions) = accept.with_extensions(&supported, request);
            _ = black_box(extensions);
            accept = agreeing;
        }
        handshake.accept(accept, &mut self.output).map_err(refused)?;
        out.write(&self.output);
        Ok(())
    }
}

/// Messages in pieces, from the caller's buffer.
fn decode<E: Entropy>(
    connection: &mut Connection<E>,
    buffer: &mut Vec<u8>,
    input: &Input,
    sink: &mut impl Sink,
) -> Outcome {
    for read in input.reads().flat_map(|read| read.chunks(READ)) {
        let mut rest = receive(buffer, read);
        while let Some(event) = connection.next_event(&mut rest).map_err(refused)? {
            match event {
                Event::Text(text) => sink.piece(text.data.as_bytes(), text.message_finished),
                Event::Bytes(bytes) => sink.piece(bytes.data, bytes.message_finished),
                Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
            }
        }
    }
    Ok(())
}

/// Encodes messages back to back into the caller's memory.
fn encode<E: Entropy>(
    connection: &mut Connection<E>,
    memory: &mut [u8],
    outgoing: &Outgoing,
    out: &mut Out,
) -> Outcome {
    let mut room: &mut [u8] = memory;
    for payload in outgoing.each() {
        connection.send(BytesMessage::new(payload), &mut room).map_err(refused)?;
    }
    let left = room.len();
    out.write(&memory[..memory.len() - left]);
    Ok(())
}

/// The copy that a read from a socket makes.
fn receive<'a>(buffer: &'a mut Vec<u8>, read: &[u8]) -> &'a mut [u8] {
    buffer.clear();
    append_read(buffer, read);
    buffer
}
