use std::hint::black_box;

use bytes::Bytes;
use tungstenite::handshake::machine::TryParse as _;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use crate::crowd::{Member, Shared};
use crate::engine::{BroadcastEngine, Engine, HandshakeEngine, Out, Outcome, Sink, Unfit, refused};
use crate::heap::Idle;
use crate::transport::Transport;
use crate::workload::{Input, Outgoing};

pub(crate) struct Tungstenite {
    server: WebSocket<Transport>,
    client: WebSocket<Transport>,
}

impl Engine for Tungstenite {
    const NAME: &'static str = "tungstenite";
    const DRIVEN: &'static str = "`WebSocket::read`; `write` and one `flush` a batch, \
        its own write buffer being the one buffer; the handshake by `Request::try_parse`, `create_response` and \
        `write_response`, without the socket around them";

    fn new() -> Self {
        let config = WebSocketConfig::default()
            .max_frame_size(None)
            .max_message_size(None)
            .write_buffer_size(usize::MAX - 1);
        Self {
            server: WebSocket::from_raw_socket(Transport::new(), Role::Server, Some(config)),
            client: WebSocket::from_raw_socket(Transport::new(), Role::Client, Some(config)),
        }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.server, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.client, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.server, outgoing, out)
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        encode(&mut self.client, outgoing, out)
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        let transport = self.server.get_ref().clone();
        transport.begin(input);
        transport.see(out);
        for _ in 0..input.messages {
            let message = self.server.read().map_err(|error| transport.unfit(error))?;
            self.server.write(message).map_err(|error| transport.unfit(error))?;
        }
        self.server.flush().map_err(|error| transport.unfit(error))?;
        transport.finish(out);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let transport = Transport::with_input(input);
        Some(Idle::of(|| {
            let mut socket = WebSocket::from_raw_socket(transport, Role::Server, None);
            socket.read().map(drop).expect("the input is one valid message");
            socket
        }))
    }
}

impl Member for Tungstenite {
    type Connection = WebSocket<Transport>;

    fn connect(shared: &Shared) -> Self::Connection {
        let config = WebSocketConfig::default().read_buffer_size(4 << 10);
        WebSocket::from_raw_socket(shared.transport.clone(), Role::Server, Some(config))
    }

    fn receive(socket: &mut Self::Connection, input: &Input, shared: &mut Shared) -> usize {
        shared.transport.begin(input);
        socket.read().map_or(0, |message| black_box(message.into_data()).len())
    }
}

impl BroadcastEngine for Tungstenite {
    type Message = Message;
    type Server = WebSocket<Transport>;

    fn prepare(payload: &'static [u8]) -> Result<Message, Unfit> {
        Ok(Message::Binary(Bytes::copy_from_slice(payload)))
    }

    fn open() -> Result<Self::Server, Unfit> {
        let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(usize::MAX - 1);
        Ok(WebSocket::from_raw_socket(Transport::new(), Role::Server, Some(config)))
    }

    fn send(socket: &mut Self::Server, message: &mut Message, out: &mut Out) -> Outcome {
        socket.get_ref().see(out);
        socket.write(message.clone()).map_err(|error| socket.get_ref().unfit(error))?;
        socket.flush().map_err(|error| socket.get_ref().unfit(error))?;
        socket.get_ref().finish(out);
        Ok(())
    }
}

fn decode(socket: &mut WebSocket<Transport>, input: &Input, sink: &mut impl Sink) -> Outcome {
    socket.get_ref().begin(input);
    let mut missing = input.messages;
    while missing > 0 {
        match socket.read() {
            Ok(Message::Text(text)) => sink.piece(text.as_bytes(), true),
            Ok(Message::Binary(bytes)) => sink.piece(&bytes, true),
            Ok(_) => continue,
            Err(error) => return Err(socket.get_ref().unfit(error)),
        }
        missing -= 1;
    }
    Ok(())
}

fn encode(socket: &mut WebSocket<Transport>, outgoing: &Outgoing, out: &mut Out) -> Outcome {
    let transport = socket.get_ref().clone();
    transport.see(out);
    for payload in outgoing.each() {
        let message = Message::Binary(Bytes::from_static(payload));
        socket.write(message).map_err(|error| transport.unfit(error))?;
    }
    socket.flush().map_err(|error| transport.unfit(error))?;
    transport.finish(out);
    Ok(())
}

/// The parts of its opening handshake.
pub(crate) struct Handshake {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl HandshakeEngine for Handshake {
    fn new(deflates: bool) -> Result<Self, Unfit> {
        if deflates {
            return Err(Unfit::Missing("it has no extensions"));
        }
        Ok(Self { input: Vec::new(), output: Vec::new() })
    }

    fn accept(&mut self, head: &'static [u8], out: &mut Out) -> Outcome {
        self.input.clear();
        self.input.extend_from_slice(head);
        self.output.clear();
        let (_, request) = Request::try_parse(&self.input).map_err(refused)?.ok_or(Unfit::RanDry)?;
        let response = create_response(&request).map_err(refused)?;
        write_response(&mut self.output, &response).map_err(refused)?;
        out.write(&self.output);
        Ok(())
    }
}
