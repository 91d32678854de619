use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink as FuturesSink;
use tokio_websockets::{ClientBuilder, Config, Error, Limits, Message, ServerBuilder, WebSocketStream};

use crate::crowd::{Member, Shared};
use crate::engine::{BroadcastEngine, Engine, HandshakeEngine, Out, Outcome, Sink, Unfit, now};
use crate::heap::Idle;
use crate::transport::Transport;
use crate::workload::{Input, Outgoing};

pub(crate) struct TokioWebsockets {
    server: Socket,
    client: Socket,
}

pub(crate) struct Socket {
    transport: Transport,
    stream: WebSocketStream<Transport>,
}

impl Engine for TokioWebsockets {
    const NAME: &'static str = "tokio-websockets";
    const DRIVEN: &'static str = "`WebSocketStream` as `Stream` and `Sink`; payloads are shared `Bytes`, and a \
        vectored write gathers them where one buffer is asked for; masking keys by `fastrand`, as nothing is the default; the handshake by `ServerBuilder::accept`";

    fn new() -> Self {
        let transport = Transport::new();
        let stream = ServerBuilder::new().limits(Limits::unlimited()).serve(transport.clone());
        let server = Socket { transport, stream };
        let transport = Transport::new();
        let stream = ClientBuilder::new().limits(Limits::unlimited()).take_over(transport.clone());
        Self { server, client: Socket { transport, stream } }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        self.server.decode(input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        self.client.decode(input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.server.transport.gather();
        self.server.encode(outgoing, out)
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        self.server.transport.see(out);
        self.server.encode(outgoing, out)
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.client.transport.gather();
        self.client.encode(outgoing, out)
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        let Socket { transport, stream } = &mut self.server;
        transport.begin(input);
        transport.gather();
        for _ in 0..input.messages {
            let message = next(stream).map_err(|error| transport.unfit(error))?;
            send(stream, message).map_err(|error| transport.unfit(error))?;
        }
        flush(stream).map_err(|error| transport.unfit(error))?;
        transport.finish(out);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let transport = Transport::with_input(input);
        Some(Idle::of(|| {
            let mut stream = ServerBuilder::new().serve(transport);
            next(&mut stream).map(drop).expect("the input is one valid message");
            stream
        }))
    }
}

impl Member for TokioWebsockets {
    type Connection = WebSocketStream<Transport>;

    fn connect(shared: &Shared) -> Self::Connection {
        let config = Config::default().frame_size(4 << 10);
        ServerBuilder::new().config(config).serve(shared.transport.clone())
    }

    fn receive(stream: &mut Self::Connection, input: &Input, shared: &mut Shared) -> usize {
        shared.transport.begin(input);
        next(stream).map_or(0, |message| black_box(message.as_payload()).len())
    }
}

impl BroadcastEngine for TokioWebsockets {
    type Message = Message;
    type Server = Socket;

    fn prepare(payload: &'static [u8]) -> Result<Message, Unfit> {
        Ok(Message::binary(Bytes::copy_from_slice(payload)))
    }

    fn open() -> Result<Socket, Unfit> {
        let transport = Transport::new();
        transport.gather();
        let stream = ServerBuilder::new().serve(transport.clone());
        Ok(Socket { transport, stream })
    }

    fn send(Socket { transport, stream }: &mut Socket, message: &mut Message, out: &mut Out) -> Outcome {
        send(stream, message.clone()).map_err(|error| transport.unfit(error))?;
        flush(stream).map_err(|error| transport.unfit(error))?;
        transport.finish(out);
        Ok(())
    }
}

impl Socket {
    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        let Self { transport, stream } = self;
        transport.begin(input);
        let mut missing = input.messages;
        while missing > 0 {
            let message = next(stream).map_err(|error| transport.unfit(error))?;
            if message.is_text() || message.is_binary() {
                sink.piece(message.as_payload(), true);
                missing -= 1;
            }
        }
        Ok(())
    }

    fn encode(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        let Self { transport, stream } = self;
        for payload in outgoing.each() {
            send(stream, Message::binary(payload)).map_err(|error| transport.unfit(error))?;
        }
        flush(stream).map_err(|error| transport.unfit(error))?;
        transport.finish(out);
        Ok(())
    }
}

fn next(stream: &mut WebSocketStream<Transport>) -> Result<Message, Error> {
    match Pin::new(stream).poll_next(&mut context()) {
        Poll::Ready(Some(message)) => message,
        Poll::Ready(None) => Err(Error::AlreadyClosed),
        Poll::Pending => unreachable!("the transport is always ready"),
    }
}

fn send(stream: &mut WebSocketStream<Transport>, message: Message) -> Result<(), Error> {
    let mut stream = Pin::new(stream);
    match stream.as_mut().poll_ready(&mut context()) {
        Poll::Ready(Ok(())) => stream.start_send(message),
        Poll::Ready(error) => error,
        Poll::Pending => unreachable!("the transport is always ready"),
    }
}

fn flush(stream: &mut WebSocketStream<Transport>) -> Result<(), Error> {
    match Pin::new(stream).poll_flush(&mut context()) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("the transport is always ready"),
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// The opening handshake, which creates a stream.
pub(crate) struct Handshake(Transport);

impl HandshakeEngine for Handshake {
    fn new(deflates: bool) -> Result<Self, Unfit> {
        if deflates {
            return Err(Unfit::Missing("it has no extensions"));
        }
        Ok(Self(Transport::new()))
    }

    fn accept(&mut self, head: &'static [u8], out: &mut Out) -> Outcome {
        let Self(transport) = self;
        transport.begin(&Input::at(head, 1, head.len()));
        transport.see(out);
        now(ServerBuilder::new().accept(transport.clone())).map_err(|error| transport.unfit(error))?;
        transport.finish(out);
        Ok(())
    }
}
