use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder as _, Encoder as _};
use yawc::codec::{Decoder, Encoder};
use yawc::{Frame, OpCode, Options, Role, WebSocket};

use crate::engine::{Engine, Out, Outcome, Sink, refused};
use crate::heap::Idle;
use crate::transport::Transport;
use crate::workload::{Input, Outgoing};

pub(crate) struct Yawc {
    decoder: Decoder,
    server: Encoder,
    client: Encoder,
    input: BytesMut,
    output: BytesMut,
}

impl Engine for Yawc {
    const NAME: &'static str = "yawc";
    const DRIVEN: &'static str = "`codec::Decoder` and `Encoder`, with text checked by `simdutf8` as its \
        `WebSocket` does, which also keeps the order of fragments; idle: `WebSocket`";

    fn new() -> Self {
        Self {
            decoder: Decoder::new(Role::Server, usize::MAX),
            server: Encoder::new(Role::Server),
            client: Encoder::new(Role::Client),
            input: BytesMut::new(),
            output: BytesMut::new(),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        for read in input.reads() {
            self.input.extend_from_slice(read);
            while let Some(frame) = self.decoder.decode(&mut self.input).map_err(refused)? {
                if frame.opcode() == OpCode::Text {
                    simdutf8::basic::from_utf8(frame.payload()).map_err(refused)?;
                }
                sink.piece(frame.payload(), frame.is_fin());
            }
        }
        Ok(())
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.server, &mut self.output, outgoing, out)
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.client, &mut self.output, outgoing, out)
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.output.clear();
        self.input.extend_from_slice(input.wire);
        while let Some(frame) = self.decoder.decode(&mut self.input).map_err(refused)? {
            let frame = Frame::binary(frame.into_payload());
            self.server.encode(frame, &mut self.output).map_err(refused)?;
        }
        out.write(&self.output);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let transport = Transport::with_input(input);
        Some(Idle::of(|| {
            let mut socket = WebSocket::from_stream(transport, Role::Server, Options::default())
                .expect("nothing is to be negotiated");
            let read = socket.poll_next_frame(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(read, Poll::Ready(Ok(_))), "it is one lawful message");
            drop(read);
            socket
        }))
    }
}

fn encode(encoder: &mut Encoder, output: &mut BytesMut, outgoing: &Outgoing, out: &mut Out) -> Outcome {
    output.clear();
    for payload in outgoing.each() {
        let frame = Frame::binary(Bytes::from_static(payload));
        encoder.encode(frame, output).map_err(refused)?;
    }
    out.write(output);
    Ok(())
}
