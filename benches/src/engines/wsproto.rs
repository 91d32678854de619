use std::hint::black_box;

use wsproto::{
    BytesMessage, Connection, Event, Limits, MessageAssembler, MessageKind, OsEntropy, RemoteProtocolError,
};

use crate::engine::{Engine, Out, Outcome, Sink, Unfit, refused};
use crate::heap::Idle;
use crate::workload::{Input, Outgoing};

/// What one read gives at most: it stays in the first cache, beside what it is copied from, until it is decoded.
const READ: usize = 16 << 10;

/// Pieces, as they come.
pub(crate) struct Wsproto {
    server: Connection,
    client: Connection<OsEntropy>,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Engine for Wsproto {
    const NAME: &'static str = "wsproto";
    const DRIVEN: &'static str = "`Connection` without limits; `next_event` over a buffer of the caller's, in \
        reads of 16 KiB at most, so that longer messages come in pieces; the echo in one read";

    fn new() -> Self {
        Self {
            server: Connection::server(Limits::NONE),
            client: Connection::client(Limits::NONE, OsEntropy::new()),
            input: Vec::new(),
            output: Vec::new(),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        for read in input.reads().flat_map(|read| read.chunks(READ)) {
            let mut rest = receive(&mut self.input, read);
            while let Some(event) = self.server.next_event(&mut rest).map_err(refused)? {
                match event {
                    Event::Text(text) => sink.piece(text.data.as_bytes(), text.message_finished),
                    Event::Bytes(bytes) => sink.piece(bytes.data, bytes.message_finished),
                    Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
                }
            }
        }
        Ok(())
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.output.clear();
        for payload in outgoing.each() {
            self.server.send(BytesMessage::new(payload), &mut self.output).map_err(refused)?;
        }
        out.write(&self.output);
        Ok(())
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        let sender = self.server.sender();
        for _ in 0..outgoing.messages {
            let payload = black_box(outgoing.in_place.as_mut_slice());
            let header = sender.send_in_place(MessageKind::Binary, payload, true).map_err(refused)?;
            out.write(&header);
            out.write(payload);
        }
        Ok(())
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.output.clear();
        for payload in outgoing.each() {
            self.client.send(BytesMessage::new(payload), &mut self.output).map_err(refused)?;
        }
        out.write(&self.output);
        Ok(())
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.output.clear();
        let (receiver, sender) = self.server.split();
        let mut rest = receive(&mut self.input, input.wire);
        while let Some(event) = receiver.next_event(&mut rest).map_err(refused)? {
            match event {
                Event::Text(text) => sender.send(text, &mut self.output),
                Event::Bytes(bytes) => sender.send(bytes, &mut self.output),
                Event::Ping(ping) => sender.send(ping.response(), &mut self.output),
                Event::Close(close) => sender.send(close.response(), &mut self.output),
                Event::Pong(_) => Ok(()),
            }
            .map_err(refused)?;
        }
        out.write(&self.output);
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

/// Whole messages, which are put together where reads cut them.
pub(crate) struct Whole {
    server: Connection,
    assembler: MessageAssembler,
    input: Vec<u8>,
}

impl Engine for Whole {
    const NAME: &'static str = "wsproto, whole messages";
    const DRIVEN: &'static str = "the same, each piece through a `MessageAssembler`; in reads only, as \
        messages that are there at once are whole anyway";

    fn new() -> Self {
        Self {
            server: Connection::server(Limits::NONE),
            assembler: MessageAssembler::new(usize::MAX),
            input: Vec::new(),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        if input.read_len >= input.wire.len() {
            return Err(Unfit::Missing("messages that are there at once are whole anyway"));
        }
        for read in input.reads() {
            let mut rest = receive(&mut self.input, read);
            while let Some(event) = self.server.next_event(&mut rest).map_err(refused)? {
                if let Some(message) = whole(&mut self.assembler, event).map_err(refused)? {
                    sink.piece(message, true);
                }
            }
        }
        Ok(())
    }
}

#[inline]
fn whole<'a>(
    assembler: &'a mut MessageAssembler,
    event: Event<&'a str, &'a [u8]>,
) -> Result<Option<&'a [u8]>, RemoteProtocolError> {
    match event {
        Event::Text(text) => Ok(assembler.text(text)?.map(str::as_bytes)),
        Event::Bytes(bytes) => assembler.bytes(bytes),
        Event::Ping(_) | Event::Pong(_) | Event::Close(_) => Ok(None),
    }
}

/// The copy that a read from a socket makes.
fn receive<'a>(buffer: &'a mut Vec<u8>, read: &[u8]) -> &'a mut [u8] {
    buffer.clear();
    buffer.extend_from_slice(read);
    buffer
}
