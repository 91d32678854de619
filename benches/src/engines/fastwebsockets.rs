use std::hint::black_box;

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket};

use crate::crowd::{Member, Shared};
use crate::engine::{BroadcastEngine, Engine, Out, Outcome, Sink, Unfit, now};
use crate::heap::Idle;
use crate::transport::Transport;
use crate::workload::{Input, Outgoing};

pub(crate) struct Fastwebsockets {
    transport: Transport,
    socket: FragmentCollector<Transport>,
    client: FragmentCollector<Transport>,
    output: Vec<u8>,
}

/// The length of the longest header.
const HEAD: usize = 14;

impl Engine for Fastwebsockets {
    const NAME: &'static str = "fastwebsockets";
    const DRIVEN: &'static str = "`FragmentCollector::read_frame` and, for the echo, `write_frame` with vectored \
        writes; `Frame::fmt_head` and `Frame::mask` to encode";

    fn new() -> Self {
        let transport = Transport::new();
        let socket = |role| {
            let mut socket = WebSocket::after_handshake(transport.clone(), role);
            socket.set_max_message_size(usize::MAX);
            // A vectored write of a payload costs one copy; a plain write would cost two.
            socket.set_writev_threshold(0);
            FragmentCollector::new(socket)
        };
        let (socket, client) = (socket(Role::Server), socket(Role::Client));
        Self { transport, socket, client, output: Vec::new() }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.socket, &self.transport, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.client, &self.transport, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.output.clear();
        let mut head = [0; HEAD];
        for payload in outgoing.each() {
            let head_len = Frame::binary(Payload::Borrowed(payload)).fmt_head(&mut head);
            self.output.extend_from_slice(&head[..head_len]);
            self.output.extend_from_slice(payload);
        }
        out.write(&self.output);
        Ok(())
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        let mut head = [0; HEAD];
        for _ in 0..outgoing.messages {
            let payload = black_box(outgoing.in_place.as_slice());
            let head_len = Frame::binary(Payload::Borrowed(payload)).fmt_head(&mut head);
            out.write(&head[..head_len]);
            out.write(payload);
        }
        Ok(())
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.output.clear();
        for payload in outgoing.each() {
            let head_len = 4 + Frame::binary(Payload::Borrowed(payload)).fmt_head(&mut [0; HEAD]);
            let at = self.output.len();
            self.output.extend_from_slice(&[0; HEAD][..head_len]);
            self.output.extend_from_slice(payload);
            let (head, payload) = self.output[at..].split_at_mut(head_len);
            let mut frame = Frame::binary(Payload::BorrowedMut(payload));
            frame.mask();
            frame.fmt_head(head);
        }
        out.write(&self.output);
        Ok(())
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.transport.begin(input);
        self.transport.gather();
        now(async {
            for _ in 0..input.messages {
                let frame = self.socket.read_frame().await.map_err(|error| self.transport.unfit(error))?;
                let frame = Frame::new(true, OpCode::Binary, None, frame.payload);
                self.socket.write_frame(frame).await.map_err(|error| self.transport.unfit(error))?;
            }
            Ok(())
        })?;
        self.transport.finish(out);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let transport = Transport::with_input(input);
        Some(Idle::of(|| {
            let mut socket = FragmentCollector::new(WebSocket::after_handshake(transport, Role::Server));
            now(socket.read_frame()).map(drop).expect("the input is one valid message");
            socket
        }))
    }
}

impl Member for Fastwebsockets {
    type Connection = FragmentCollector<Transport>;

    fn connect(shared: &Shared) -> Self::Connection {
        FragmentCollector::new(WebSocket::after_handshake(shared.transport.clone(), Role::Server))
    }

    fn receive(socket: &mut Self::Connection, input: &Input, shared: &mut Shared) -> usize {
        shared.transport.begin(input);
        now(socket.read_frame()).map_or(0, |frame| black_box(&frame.payload).len())
    }
}

impl BroadcastEngine for Fastwebsockets {
    type Message = &'static [u8];
    type Server = Vec<u8>;

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit> {
        Ok(payload)
    }

    fn open() -> Result<Self::Server, Unfit> {
        Ok(Vec::new())
    }

    fn send(output: &mut Self::Server, payload: &mut Self::Message, out: &mut Out) -> Outcome {
        output.clear();
        let mut head = [0; HEAD];
        let head_len = Frame::binary(Payload::Borrowed(payload)).fmt_head(&mut head);
        output.extend_from_slice(&head[..head_len]);
        output.extend_from_slice(payload);
        out.write(output);
        Ok(())
    }
}

fn decode(
    socket: &mut FragmentCollector<Transport>,
    transport: &Transport,
    input: &Input,
    sink: &mut impl Sink,
) -> Outcome {
    transport.begin(input);
    now(async {
        for _ in 0..input.messages {
            let frame = socket.read_frame().await.map_err(|error| transport.unfit(error))?;
            sink.piece(&frame.payload, true);
        }
        Ok(())
    })
}
