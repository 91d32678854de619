use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use futures_sink::Sink as _;
use tokio_util::codec::{Decoder as _, Encoder as _};
use yawc::codec::{Decoder, Encoder};
use yawc::{CompressionLevel, Frame, OpCode, Options, Role, WebSocket};

use crate::engine::{BroadcastEngine, DeflateEngine, Engine, Out, Outcome, Sink, Unfit, refused};
use crate::heap::Idle;
use crate::json::Texts;
use crate::transport::Transport;
use crate::workload::{Input, Outgoing, append_read};

pub(crate) struct Yawc {
    decoder: Decoder,
    client_decoder: Decoder,
    server: Encoder,
    client: Encoder,
    input: BytesMut,
    output: BytesMut,
}

impl Engine for Yawc {
    const NAME: &'static str = "yawc";
    const DRIVEN: &'static str = "`codec::Decoder` and `Encoder`, with text checked by `simdutf8` as its \
        `WebSocket` does, which also keeps the order of fragments; idle: `WebSocket`; with permessage-deflate \
        `WebSocket::poll_next_frame` with its check of text, and `start_send` with one flush a batch";

    fn new() -> Self {
        Self {
            decoder: Decoder::new(Role::Server, usize::MAX),
            client_decoder: Decoder::new(Role::Client, usize::MAX),
            server: Encoder::new(Role::Server),
            client: Encoder::new(Role::Client),
            input: BytesMut::new(),
            output: BytesMut::new(),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.decoder, &mut self.input, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.client_decoder, &mut self.input, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.server, &mut self.output, outgoing, out)
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.client, &mut self.output, outgoing, out)
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.output.clear();
        for read in input.reads() {
            append_read(&mut self.input, read);
            while let Some(frame) = self.decoder.decode(&mut self.input).map_err(refused)? {
                let frame = Frame::binary(frame.into_payload());
                self.server.encode(frame, &mut self.output).map_err(refused)?;
            }
        }
        out.write(&self.output);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let transport = Transport::with_input(input);
        Some(Idle::of(|| {
            let mut socket = WebSocket::from_stream(transport, Role::Server, Options::default())
                .expect("there is nothing to negotiate");
            let read = socket.poll_next_frame(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(read, Poll::Ready(Ok(_))), "the input is one valid message");
            drop(read);
            socket
        }))
    }
}

impl BroadcastEngine for Yawc {
    type Message = Frame;
    type Server = (Encoder, BytesMut);

    fn prepare(payload: &'static [u8]) -> Result<Frame, Unfit> {
        Ok(Frame::binary(Bytes::copy_from_slice(payload)))
    }

    fn open() -> Result<Self::Server, Unfit> {
        Ok((Encoder::new(Role::Server), BytesMut::new()))
    }

    fn send((encoder, output): &mut Self::Server, frame: &mut Frame, out: &mut Out) -> Outcome {
        output.clear();
        encoder.encode(frame.clone(), output).map_err(refused)?;
        out.write(output);
        Ok(())
    }
}

fn decode(decoder: &mut Decoder, buffer: &mut BytesMut, input: &Input, sink: &mut impl Sink) -> Outcome {
    for read in input.reads() {
        append_read(buffer, read);
        while let Some(frame) = decoder.decode(buffer).map_err(refused)? {
            if frame.opcode() == OpCode::Text {
                simdutf8::basic::from_utf8(frame.payload()).map_err(refused)?;
            }
            sink.piece(frame.payload(), frame.is_fin());
        }
    }
    Ok(())
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

/// Only its socket can compress.
pub(crate) struct Deflated {
    transport: Transport,
    socket: WebSocket<Transport>,
}

impl DeflateEngine for Deflated {
    fn new(level: u8, takes_context_over: bool) -> Result<Self, Unfit> {
        let transport = Transport::new();
        let options = Options::default()
            .with_limits(LIMIT, LIMIT)
            .with_read_buffer_capacity(READ)
            .with_write_buffer_capacity(BATCH)
            .with_backpressure_boundary(LIMIT)
            .with_compression_level(CompressionLevel::new(level.into()))
            .with_utf8();
        let agreed = if takes_context_over {
            "permessage-deflate"
        } else {
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        };
        let socket =
            WebSocket::from_stream_with_extensions(transport.clone(), Role::Server, Some(agreed), options)
                .map_err(refused)?;
        Ok(Self { transport, socket })
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        self.transport.begin(input);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..input.messages {
            match self.socket.poll_next_frame(&mut context) {
                Poll::Ready(Ok(frame)) => sink.piece(frame.payload(), frame.is_fin()),
                Poll::Ready(Err(error)) => return Err(self.transport.unfit(error)),
                Poll::Pending => return Err(Unfit::RanDry),
            }
        }
        Ok(())
    }

    fn encode(&mut self, texts: &Texts, out: &mut Out) -> Outcome {
        self.transport.see(out);
        let mut context = Context::from_waker(Waker::noop());
        for text in texts.each() {
            let frame = Frame::text(Bytes::from_static(text.as_bytes()));
            Pin::new(&mut self.socket).start_send(frame).map_err(refused)?;
        }
        let flushed = Pin::new(&mut self.socket).poll_flush(&mut context);
        assert!(matches!(flushed, Poll::Ready(Ok(()))), "the transport in memory is always ready");
        self.transport.finish(out);
        Ok(())
    }
}

impl BroadcastEngine for Deflated {
    type Message = Frame;
    type Server = Self;

    fn prepare(payload: &'static [u8]) -> Result<Frame, Unfit> {
        Yawc::prepare(payload)
    }

    fn open() -> Result<Self, Unfit> {
        <Self as DeflateEngine>::new(1, false)
    }

    fn send(Self { transport, socket }: &mut Self, frame: &mut Frame, out: &mut Out) -> Outcome {
        transport.see(out);
        Pin::new(&mut *socket).start_send(frame.clone()).map_err(refused)?;
        let flushed = Pin::new(socket).poll_flush(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(flushed, Poll::Ready(Ok(()))), "the transport in memory is always ready");
        transport.finish(out);
        Ok(())
    }
}

/// More than the length of any message or batch.
const LIMIT: usize = 1 << 30;

/// The length of its reads.
const READ: usize = 64 << 10;

/// Room for the frames of a batch, so that it keeps the buffer.
const BATCH: usize = 1 << 20;
