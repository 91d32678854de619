use std::hint::black_box;
use std::mem::take;

use wtx::collection::Vector;
use wtx::rng::{Xorshift64, simple_seed};
use wtx::web_socket::{Frame, OpCode, WebSocketBuffer, WebSocketOwned, WebSocketPayloadOrigin};

use crate::engine::{BroadcastEngine, Engine, Out, Outcome, Sink, Unfit, now};
use crate::heap::Idle;
use crate::transport::Transport;
use crate::workload::{Input, Outgoing};

pub(crate) struct Wtx {
    transport: Transport,
    server: Socket<false>,
    client: Socket<true>,
    message: Vector<u8>,
    scratch: Vec<u8>,
}

/// Its own acceptor and connector draw masking keys from this generator too.
type Socket<const IS_CLIENT: bool> = WebSocketOwned<(), Xorshift64, Transport, IS_CLIENT>;

/// Room for a batch, so that one read takes all of it.
const BUFFER: usize = 512 << 10;

impl Engine for Wtx {
    const NAME: &'static str = "wtx";
    const DRIVEN: &'static str = "`WebSocket::read_frame` with `Adaptive` payloads, `write_frame`; as a client, \
        the payload is copied, masked there and copied by the transport; \
        masking keys by xorshift, its default";

    fn new() -> Self {
        let transport = Transport::new();
        Self {
            server: socket(transport.clone(), BUFFER),
            client: socket(transport.clone(), BUFFER),
            transport,
            message: Vector::new(),
            scratch: Vec::new(),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.server, &self.transport, &mut self.message, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.client, &self.transport, &mut self.message, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.transport.gather();
        // It needs a mutable payload, though it changes it only as a client.
        let mut payload = take(&mut self.scratch);
        payload.clear();
        payload.extend_from_slice(outgoing.payload);
        let outcome = self.send(&mut payload, outgoing.messages, out);
        self.scratch = payload;
        outcome
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        self.transport.see(out);
        self.send(&mut outgoing.in_place, outgoing.messages, out)
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.transport.gather();
        now(async {
            for payload in outgoing.each() {
                self.scratch.clear();
                self.scratch.extend_from_slice(payload);
                let mut frame = Frame::new_fin(OpCode::Binary, self.scratch.as_mut_slice());
                self.client.write_frame(&mut frame).await.map_err(|error| self.transport.unfit(error))?;
            }
            Ok(())
        })?;
        self.transport.finish(out);
        Ok(())
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.transport.begin(input);
        self.transport.gather();
        let (mut common, mut reader, mut writer) = self.server.split_mut();
        now(async {
            for _ in 0..input.messages {
                self.message.clear();
                let read =
                    reader.read_frame(&mut self.message, &mut common, WebSocketPayloadOrigin::Adaptive).await;
                let mut frame = read.map_err(|error| self.transport.unfit(error))?;
                let mut answer = Frame::new_fin(frame.op_code(), &mut **frame.payload_mut());
                let written = writer.write_frame(&mut common, &mut answer).await;
                written.map_err(|error| self.transport.unfit(error))?;
            }
            Ok(())
        })?;
        self.transport.finish(out);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let transport = Transport::with_input(input);
        Some(Idle::of(|| {
            let mut server: Socket<false> = socket(transport, 0);
            let mut message = Vector::new();
            now(server.read_frame(&mut message, WebSocketPayloadOrigin::Adaptive))
                .map(drop)
                .expect("the input is one valid message");
            server
        }))
    }
}

impl BroadcastEngine for Wtx {
    /// A frame has its header from the beginning.
    type Message = Frame<Vec<u8>, false>;
    type Server = (Socket<false>, Transport);

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit> {
        Ok(Frame::new_fin(OpCode::Binary, payload.to_vec()))
    }

    fn open() -> Result<Self::Server, Unfit> {
        let transport = Transport::new();
        transport.gather();
        Ok((socket(transport.clone(), 0), transport))
    }

    fn send((server, transport): &mut Self::Server, frame: &mut Self::Message, out: &mut Out) -> Outcome {
        now(server.write_frame(frame)).map_err(|error| transport.unfit(error))?;
        transport.finish(out);
        Ok(())
    }
}

impl Wtx {
    fn send(&mut self, payload: &mut [u8], messages: usize, out: &mut Out) -> Outcome {
        now(async {
            for _ in 0..messages {
                let mut frame = Frame::new_fin(OpCode::Binary, black_box(&mut *payload));
                self.server.write_frame(&mut frame).await.map_err(|error| self.transport.unfit(error))?;
            }
            Ok(())
        })?;
        self.transport.finish(out);
        Ok(())
    }
}

fn decode<const IS_CLIENT: bool>(
    socket: &mut Socket<IS_CLIENT>,
    transport: &Transport,
    message: &mut Vector<u8>,
    input: &Input,
    sink: &mut impl Sink,
) -> Outcome {
    transport.begin(input);
    let mut missing = input.messages;
    now(async {
        while missing > 0 {
            message.clear();
            let read = socket.read_frame(message, WebSocketPayloadOrigin::Adaptive).await;
            let frame = read.map_err(|error| transport.unfit(error))?;
            if matches!(frame.op_code(), OpCode::Text | OpCode::Binary) {
                sink.piece(frame.payload(), true);
                missing -= 1;
            }
        }
        Ok(())
    })
}

fn socket<const IS_CLIENT: bool>(transport: Transport, buffer: usize) -> Socket<IS_CLIENT> {
    let buffer = WebSocketBuffer::with_capacity(buffer, 0, 0).expect("there is enough memory");
    let mut socket = Socket::new((), false, Xorshift64::from(simple_seed()), transport, buffer);
    socket.set_max_payload_len(usize::MAX);
    socket
}
