use std::mem::take;

use bytes::BytesMut;
use soketto::connection::Builder;
use soketto::handshake::Server;
use soketto::handshake::server::Response;
use soketto::{Mode, Receiver, Sender};

use crate::engine::{BroadcastEngine, Engine, HandshakeEngine, Out, Outcome, Sink, Unfit, now};
use crate::heap::Idle;
use crate::transport::Transport;
use crate::workload::{Input, Outgoing};

pub(crate) struct Soketto {
    transport: Transport,
    receiver: Receiver<Transport>,
    client_receiver: Receiver<Transport>,
    server: Sender<Transport>,
    client: Sender<Transport>,
    message: Vec<u8>,
}

impl Engine for Soketto {
    const NAME: &'static str = "soketto";
    const DRIVEN: &'static str = "`Receiver::receive_data` into a vector of the caller's, `Sender::send_binary`; the handshake by a \
        `Server` that is given the last one's buffer";

    fn new() -> Self {
        let transport = Transport::new();
        let halves = |mode| {
            let mut builder = Builder::new(transport.clone(), mode);
            builder.set_max_frame_size(usize::MAX);
            builder.set_max_message_size(usize::MAX);
            builder.finish()
        };
        let (server, receiver) = halves(Mode::Server);
        let (client, client_receiver) = halves(Mode::Client);
        Self { transport, receiver, client_receiver, server, client, message: Vec::new() }
    }

    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.receiver, &self.transport, &mut self.message, input, sink)
    }

    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        decode(&mut self.client_receiver, &self.transport, &mut self.message, input, sink)
    }

    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.transport.gather();
        encode(&mut self.server, &self.transport, outgoing, out)
    }

    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        self.transport.see(out);
        encode(&mut self.server, &self.transport, outgoing, out)
    }

    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        self.transport.gather();
        encode(&mut self.client, &self.transport, outgoing, out)
    }

    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        self.transport.begin(input);
        self.transport.gather();
        now(async {
            for _ in 0..input.messages {
                self.message.clear();
                let received = self.receiver.receive_data(&mut self.message).await;
                received.map_err(|error| self.transport.unfit(error))?;
                let sent = self.server.send_binary_mut(&mut self.message).await;
                sent.map_err(|error| self.transport.unfit(error))?;
            }
            Ok(())
        })?;
        self.transport.finish(out);
        Ok(())
    }

    fn idle(input: &Input) -> Option<Idle> {
        let transport = Transport::with_input(input);
        let mut message = Vec::with_capacity(input.wire.len());
        Some(Idle::of(|| {
            let (sender, mut receiver) = Builder::new(transport, Mode::Server).finish();
            now(receiver.receive_data(&mut message)).map(drop).expect("the input is one valid message");
            (sender, receiver)
        }))
    }
}

impl BroadcastEngine for Soketto {
    type Message = &'static [u8];
    type Server = (Sender<Transport>, Transport);

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit> {
        Ok(payload)
    }

    fn open() -> Result<Self::Server, Unfit> {
        let transport = Transport::new();
        transport.gather();
        let (sender, _) = Builder::new(transport.clone(), Mode::Server).finish();
        Ok((sender, transport))
    }

    fn send((sender, transport): &mut Self::Server, payload: &mut Self::Message, out: &mut Out) -> Outcome {
        now(sender.send_binary(payload)).map_err(|error| transport.unfit(error))?;
        transport.finish(out);
        Ok(())
    }
}

fn decode(
    receiver: &mut Receiver<Transport>,
    transport: &Transport,
    message: &mut Vec<u8>,
    input: &Input,
    sink: &mut impl Sink,
) -> Outcome {
    transport.begin(input);
    now(async {
        for _ in 0..input.messages {
            message.clear();
            receiver.receive_data(message).await.map_err(|error| transport.unfit(error))?;
            sink.piece(message, true);
        }
        Ok(())
    })
}

fn encode(
    sender: &mut Sender<Transport>,
    transport: &Transport,
    outgoing: &Outgoing,
    out: &mut Out,
) -> Outcome {
    now(async {
        for payload in outgoing.each() {
            sender.send_binary(payload).await.map_err(|error| transport.unfit(error))?;
        }
        Ok(())
    })?;
    transport.finish(out);
    Ok(())
}

/// The opening handshake.
pub(crate) struct Handshake {
    transport: Transport,
    buffer: BytesMut,
}

impl HandshakeEngine for Handshake {
    fn new(deflates: bool) -> Result<Self, Unfit> {
        if deflates {
            return Err(Unfit::Missing(
                "its permessage-deflate comes with C's zlib, for every peer in the program",
            ));
        }
        Ok(Self { transport: Transport::new(), buffer: BytesMut::new() })
    }

    fn accept(&mut self, head: &'static [u8], out: &mut Out) -> Outcome {
        let transport = &self.transport;
        transport.begin(&Input::at(head, 1, head.len()));
        transport.see(out);
        let mut server = Server::new(transport.clone());
        server.set_buffer(take(&mut self.buffer));
        now(async {
            let key = server.receive_request().await.map_err(|error| transport.unfit(error))?.key();
            let response = Response::Accept { key, protocol: None };
            server.send_response(&response).await.map_err(|error| transport.unfit(error))
        })?;
        self.buffer = server.take_buffer();
        transport.finish(out);
        Ok(())
    }
}
