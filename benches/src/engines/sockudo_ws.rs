use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use sockudo_ws::deflate::{DeflateConfig, negotiate_server_deflate};
use sockudo_ws::frame::encode_frame_header;
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::protocol::{CompressedProtocol, Protocol};
use sockudo_ws::{Message, OpCode, Role};

use crate::crowd::{Member, Shared};
use crate::engine::{
    BroadcastEngine, DeflateEngine, Engine, HandshakeEngine, Out, Outcome, Sink, Unfit, refused,
};
use crate::heap::Idle;
use crate::json::Texts;
use crate::workload::{Input, Outgoing, append_read};

pub(crate) struct SockudoWs {
    server: Protocol,
    client: Protocol,
    input: BytesMut,
    messages: Vec<Message>,
    output: BytesMut,
}

impl Engine for SockudoWs {
    const NAME: &'static str = "sockudo-ws";
    const DRIVEN: &'static str = "`Protocol::process_into`, `encode_message`, \
        `encode_frame_header`; masking keys by `fastrand`, its default; with permessage-deflate \
        `CompressedProtocol`; the handshake by `parse_request`, `generate_accept_key`, `build_response` and \
        `negotiate_server_deflate`";

    fn new() -> Self {
        Self {
            server: Protocol::new(Role::Server, usize::MAX, usize::MAX),
            client: Protocol::new(Role::Client, usize::MAX, usize::MAX),
            input: BytesMut::new(),
            messages: Vec::new(),
            output: BytesMut::new(),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        let Self { server, input: buffer, messages, .. } = self;
        decode(server, buffer, messages, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        let Self { client, input: buffer, messages, .. } = self;
        decode(client, buffer, messages, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.server, &mut self.output, outgoing, out)
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        for _ in 0..outgoing.messages {
            self.output.clear();
            let payload = black_box(outgoing.in_place.as_slice());
            encode_frame_header(&mut self.output, OpCode::Binary, payload.len(), true, None);
            out.write(&self.output);
            out.write(payload);
        }
        Ok(())
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.client, &mut self.output, outgoing, out)
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.output.clear();
        for read in input.reads() {
            append_read(&mut self.input, read);
            self.server.process_into(&mut self.input, &mut self.messages).map_err(refused)?;
            for message in self.messages.drain(..) {
                self.server.encode_message(&message, &mut self.output).map_err(refused)?;
            }
        }
        out.write(&self.output);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let mut buffer = BytesMut::from(input.wire);
        Some(Idle::of(|| {
            let mut protocol = Protocol::new(Role::Server, usize::MAX, usize::MAX);
            protocol.process(&mut buffer).map(drop).expect("the input is one valid message");
            protocol
        }))
    }
}

impl Member for SockudoWs {
    /// The protocol, and the bytes that it has not decoded yet.
    type Connection = (Protocol, BytesMut);

    fn connect(_: &Shared) -> Self::Connection {
        (Protocol::new(Role::Server, usize::MAX, usize::MAX), BytesMut::new())
    }

    fn receive((protocol, buffer): &mut Self::Connection, input: &Input, _: &mut Shared) -> usize {
        append_read(buffer, input.wire);
        let messages = protocol.process(buffer).unwrap_or_default();
        messages.iter().map(|message| black_box(message.as_bytes()).len()).sum()
    }
}

impl BroadcastEngine for SockudoWs {
    type Message = Message;
    type Server = (Protocol, BytesMut);

    fn prepare(payload: &'static [u8]) -> Result<Message, Unfit> {
        Ok(Message::Binary(Bytes::copy_from_slice(payload)))
    }

    fn open() -> Result<Self::Server, Unfit> {
        Ok((Protocol::new(Role::Server, usize::MAX, usize::MAX), BytesMut::new()))
    }

    fn send((protocol, output): &mut Self::Server, message: &mut Message, out: &mut Out) -> Outcome {
        output.clear();
        protocol.encode_message(message, output).map_err(refused)?;
        out.write(output);
        Ok(())
    }
}

fn decode(
    protocol: &mut Protocol,
    buffer: &mut BytesMut,
    messages: &mut Vec<Message>,
    input: &Input,
    sink: &mut impl Sink,
) -> Outcome {
    for read in input.reads() {
        append_read(buffer, read);
        protocol.process_into(buffer, messages).map_err(refused)?;
        for message in messages.drain(..) {
            if !message.is_control() {
                sink.piece(message.as_bytes(), true);
            }
        }
    }
    Ok(())
}

fn encode(protocol: &mut Protocol, output: &mut BytesMut, outgoing: &Outgoing, out: &mut Out) -> Outcome {
    output.clear();
    for payload in outgoing.each() {
        let message = Message::Binary(Bytes::from_static(payload));
        protocol.encode_message(&message, output).map_err(refused)?;
    }
    out.write(output);
    Ok(())
}

/// With permessage-deflate, its protocol is another type.
pub(crate) struct Deflated {
    server: CompressedProtocol,
    input: BytesMut,
    messages: Vec<Message>,
    output: BytesMut,
}

impl DeflateEngine for Deflated {
    fn new(level: u8, takes_context_over: bool) -> Result<Self, Unfit> {
        let config = DeflateConfig {
            compression_level: level.into(),
            server_no_context_takeover: !takes_context_over,
            client_no_context_takeover: !takes_context_over,
            ..DeflateConfig::default()
        };
        Ok(Self {
            server: CompressedProtocol::server(usize::MAX, LIMIT, config),
            input: BytesMut::new(),
            messages: Vec::new(),
            output: BytesMut::new(),
        })
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        for read in input.reads() {
            append_read(&mut self.input, read);
            self.server.process_into(&mut self.input, &mut self.messages).map_err(refused)?;
            for message in self.messages.drain(..) {
                sink.piece(message.as_bytes(), true);
            }
        }
        Ok(())
    }

    fn encode(&mut self, texts: &Texts, out: &mut Out) -> Outcome {
        self.output.clear();
        for text in texts.each() {
            let message = Message::Text(Bytes::from_static(text.as_bytes()));
            self.server.encode_message(&message, &mut self.output).map_err(refused)?;
        }
        out.write(&self.output);
        Ok(())
    }
}

impl BroadcastEngine for Deflated {
    type Message = Message;
    type Server = Self;

    fn prepare(payload: &'static [u8]) -> Result<Message, Unfit> {
        SockudoWs::prepare(payload)
    }

    fn open() -> Result<Self, Unfit> {
        <Self as DeflateEngine>::new(1, false)
    }

    fn send(Self { server, output, .. }: &mut Self, message: &mut Message, out: &mut Out) -> Outcome {
        output.clear();
        server.encode_message(message, output).map_err(refused)?;
        out.write(output);
        Ok(())
    }
}

/// More than the length of any message.
const LIMIT: usize = 1 << 30;

/// Its handshake is a set of functions; each response is a new buffer.
pub(crate) struct Handshake {
    deflate: Option<DeflateConfig>,
    input: BytesMut,
}

impl HandshakeEngine for Handshake {
    fn new(deflates: bool) -> Result<Self, Unfit> {
        Ok(Self { deflate: deflates.then(DeflateConfig::default), input: BytesMut::new() })
    }

    fn accept(&mut self, head: &'static [u8], out: &mut Out) -> Outcome {
        self.input.clear();
        self.input.extend_from_slice(head);
        let (request, _) = parse_request(&self.input).map_err(refused)?.ok_or(Unfit::RanDry)?;
        let agreed = match (&self.deflate, request.extensions) {
            (Some(config), Some(offers)) => negotiate_server_deflate(offers, config),
            _ => None,
        };
        let extensions = agreed.map(|agreed| agreed.to_response_header());
        let response = build_response(&generate_accept_key(request.key), None, extensions.as_deref());
        out.write(&response);
        Ok(())
    }
}
