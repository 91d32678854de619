use std::hint::black_box;

use nexus_web::ws::{FrameReader, FrameWriter, Message, Role};

use crate::engine::{BroadcastEngine, Engine, Out, Outcome, Sink, Unfit, refused};
use crate::heap::Idle;
use crate::wire::{BINARY, FIN};
use crate::workload::{Input, Outgoing, copy_read};

pub(crate) struct NexusWeb {
    reader: FrameReader,
    client_reader: FrameReader,
    server: FrameWriter,
    client: FrameWriter,
    output: Vec<u8>,
}

/// Its buffer does not grow, so it must hold the longest batch.
const BUFFER: usize = 2 << 20;

impl Engine for NexusWeb {
    const NAME: &'static str = "nexus-web";
    const DRIVEN: &'static str =
        "`FrameReader::spare`, `filled` and `next`, `FrameWriter::encode_binary`, `build_header`";

    fn new() -> Self {
        Self {
            reader: reader(Role::Server),
            client_reader: reader(Role::Client),
            server: FrameWriter::new(Role::Server),
            client: FrameWriter::new(Role::Client),
            output: vec![0; BUFFER],
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.reader, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.client_reader, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.server, &mut self.output, outgoing, out)
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        for _ in 0..outgoing.messages {
            let payload = black_box(outgoing.in_place.as_slice());
            let (header, _) = self.server.build_header(FIN | BINARY, payload.len());
            out.write(header.as_bytes());
            out.write(payload);
        }
        Ok(())
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.client, &mut self.output, outgoing, out)
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        let mut len = 0;
        for read in input.reads() {
            receive(&mut self.reader, read);
            while let Some(message) = self.reader.next().map_err(refused)? {
                let room = &mut self.output[len..];
                len += match message {
                    Message::Text(text) => self.server.encode_text(text.as_bytes(), room),
                    Message::Binary(bytes) => self.server.encode_binary(bytes, room),
                    Message::Ping(_) | Message::Pong(_) | Message::Close(_) => 0,
                };
            }
        }
        out.write(&self.output[..len]);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        Some(Idle::of(|| {
            let mut reader = FrameReader::builder().role(Role::Server).build();
            reader.read(input.wire).expect("its buffer is long enough");
            while let Ok(Some(_)) = reader.next() {}
            (reader, FrameWriter::new(Role::Server))
        }))
    }
}

impl BroadcastEngine for NexusWeb {
    type Message = &'static [u8];
    type Server = (FrameWriter, Vec<u8>);

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit> {
        Ok(payload)
    }

    fn open() -> Result<Self::Server, Unfit> {
        Ok((FrameWriter::new(Role::Server), Vec::new()))
    }

    fn send((writer, output): &mut Self::Server, payload: &mut Self::Message, out: &mut Out) -> Outcome {
        output.resize(writer.max_encoded_len(payload.len()), 0);
        let len = writer.encode_binary(payload, output);
        out.write(&output[..len]);
        Ok(())
    }
}

fn reader(role: Role) -> FrameReader {
    FrameReader::builder()
        .role(role)
        .buffer_capacity(BUFFER)
        .max_frame_size(u64::MAX)
        .max_message_size(usize::MAX)
        .build()
}

/// The copy that a read from a socket makes, after what is left of a message: so it works in a part of its buffer only.
fn receive(reader: &mut FrameReader, read: &[u8]) {
    reader.compact();
    copy_read(reader.spare(), read);
    reader.filled(read.len());
}

fn decode(reader: &mut FrameReader, input: &Input, sink: &mut impl Sink) -> Outcome {
    for read in input.reads() {
        receive(reader, read);
        while let Some(message) = reader.next().map_err(refused)? {
            match message {
                Message::Text(text) => sink.piece(text.as_bytes(), true),
                Message::Binary(bytes) => sink.piece(bytes, true),
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {}
            }
        }
    }
    Ok(())
}

fn encode(writer: &mut FrameWriter, output: &mut [u8], outgoing: &Outgoing, out: &mut Out) -> Outcome {
    let mut len = 0;
    for payload in outgoing.each() {
        len += writer.encode_binary(payload, &mut output[len..]);
    }
    out.write(&output[..len]);
    Ok(())
}
