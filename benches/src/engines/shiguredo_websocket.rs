use shiguredo_websocket::{
    ConnectionEvent, ConnectionOutput, PerMessageDeflateConfig, ServerConnectionOptions,
    WebSocketServerConnection,
};

use crate::engine::{
    BroadcastEngine, DeflateEngine, Engine, HandshakeEngine, Out, Outcome, Sink, Unfit, refused,
};
use crate::heap::Idle;
use crate::json::Texts;
use crate::request::REQUEST;
use crate::workload::{Input, Outgoing};

pub(crate) struct Shiguredo {
    server: WebSocketServerConnection,
    output: Vec<u8>,
}

/// The longest read. The engine moves the bytes that are not decoded after each frame, so that longer reads cost more.
const READ: usize = 4 << 10;

impl Engine for Shiguredo {
    const NAME: &'static str = "shiguredo_websocket";
    const DRIVEN: &'static str = "`WebSocketServerConnection` after a handshake of its own: `feed_recv_buf` in reads of \
        4 KiB at most, `send_binary` and `send_text`, what `poll_output` gives put into one buffer; \
        its compressor has no level";

    fn new() -> Self {
        Self { server: open(options()).expect("the request is valid"), output: Vec::new() }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        for read in input.reads().flat_map(|read| read.chunks(READ)) {
            self.server.feed_recv_buf(read).map_err(refused)?;
            while let Some(event) = self.server.poll_event() {
                match event {
                    ConnectionEvent::TextMessage(text) => sink.piece(text.as_bytes(), true),
                    ConnectionEvent::BinaryMessage(bytes) => sink.piece(&bytes, true),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.output.clear();
        for payload in outgoing.each() {
            self.server.send_binary(payload).map_err(refused)?;
            gather(&mut self.server, &mut self.output);
        }
        out.write(&self.output);
        Ok(())
    }

    fn encode_client(&mut self, _: &Outgoing, _: &mut Out) -> Outcome {
        Err(Unfit::Missing("masking keys are for its caller to draw"))
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.output.clear();
        for read in input.wire.chunks(READ) {
            self.server.feed_recv_buf(read).map_err(refused)?;
            while let Some(event) = self.server.poll_event() {
                if let ConnectionEvent::BinaryMessage(bytes) = event {
                    self.server.send_binary(&bytes).map_err(refused)?;
                    gather(&mut self.server, &mut self.output);
                }
            }
        }
        out.write(&self.output);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        Some(Idle::of(|| {
            let mut server = open(ServerConnectionOptions::new()).expect("the request is valid");
            server.feed_recv_buf(input.wire).expect("the input is one valid message");
            while server.poll_event().is_some() {}
            server
        }))
    }
}

impl BroadcastEngine for Shiguredo {
    type Message = &'static [u8];
    type Server = Self;

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit> {
        Ok(payload)
    }

    fn open() -> Result<Self, Unfit> {
        Ok(<Self as Engine>::new())
    }

    fn send(Self { server, output }: &mut Self, payload: &mut Self::Message, out: &mut Out) -> Outcome {
        output.clear();
        server.send_binary(payload).map_err(refused)?;
        gather(server, output);
        out.write(output);
        Ok(())
    }
}

/// With permessage-deflate.
pub(crate) struct Deflated(Shiguredo);

impl DeflateEngine for Deflated {
    fn new(_: u8, takes_context_over: bool) -> Result<Self, Unfit> {
        let mut config = PerMessageDeflateConfig::new();
        if !takes_context_over {
            config = config.server_no_context_takeover().client_no_context_takeover();
        }
        let server = open(options().deflate(config))?;
        Ok(Self(Shiguredo { server, output: Vec::new() }))
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        self.0.decode(input, sink)
    }

    fn encode(&mut self, texts: &Texts, out: &mut Out) -> Outcome {
        let Self(Shiguredo { server, output }) = self;
        output.clear();
        for text in texts.each() {
            server.send_text(text).map_err(refused)?;
            gather(server, output);
        }
        out.write(output);
        Ok(())
    }
}

impl BroadcastEngine for Deflated {
    type Message = &'static [u8];
    type Server = Self;

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit> {
        Ok(payload)
    }

    fn open() -> Result<Self, Unfit> {
        <Self as DeflateEngine>::new(1, false)
    }

    fn send(Self(server): &mut Self, payload: &mut Self::Message, out: &mut Out) -> Outcome {
        Shiguredo::send(server, payload, out)
    }
}

/// The opening handshake, with a new connection each time.
pub(crate) struct Handshake {
    options: ServerConnectionOptions,
    output: Vec<u8>,
}

impl HandshakeEngine for Handshake {
    fn new(deflates: bool) -> Result<Self, Unfit> {
        let options = ServerConnectionOptions::new();
        let options = if deflates { options.deflate(PerMessageDeflateConfig::new()) } else { options };
        Ok(Self { options, output: Vec::new() })
    }

    fn accept(&mut self, head: &'static [u8], out: &mut Out) -> Outcome {
        let mut server = WebSocketServerConnection::new(self.options.clone());
        server.feed_recv_buf(head).map_err(refused)?;
        server.accept_handshake_auto().map_err(refused)?;
        self.output.clear();
        gather(&mut server, &mut self.output);
        out.write(&self.output);
        Ok(())
    }
}

fn options() -> ServerConnectionOptions {
    ServerConnectionOptions::new().max_frame_size(usize::MAX).max_message_size(usize::MAX)
}

/// A connection begins with its handshake.
fn open(options: ServerConnectionOptions) -> Result<WebSocketServerConnection, Unfit> {
    let mut server = WebSocketServerConnection::new(options);
    server.feed_recv_buf(REQUEST).map_err(refused)?;
    server.accept_handshake_auto().map_err(refused)?;
    while server.poll_event().is_some() {}
    while server.poll_output().is_some() {}
    Ok(server)
}

fn gather(server: &mut WebSocketServerConnection, output: &mut Vec<u8>) {
    while let Some(action) = server.poll_output() {
        if let ConnectionOutput::SendData(bytes) = action {
            output.extend_from_slice(&bytes);
        }
    }
}
