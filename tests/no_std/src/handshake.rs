//! A client and a server from the request to the closing handshake, each in 1 KiB of memory and without an allocator.

use wsproto::{
    ClientConnection, CloseCode, CloseConnection, ConnectionState, Event, HandshakeLimits,
    HandshakeResponseRef, Limits, ServerConnection, SliceClientHandshake, SliceRequest, SliceServerHandshake,
    TextMessage, TransportAction, select_subprotocol,
};

use crate::without_alloc::Fixed;

pub fn check() {
    a_client_and_a_server_meet();
    a_request_that_is_not_valid_is_refused();
}

/// All that a client needs in memory.
struct Client {
    phase: ClientPhase,
    input: Input,
    output: Output,
}

enum ClientPhase {
    Handshake(SliceClientHandshake<'static>),
    Open(ClientConnection<Fixed>),
}

/// All that a server needs in memory for one client.
struct Server {
    phase: ServerPhase,
    input: Input,
    output: Output,
}

enum ServerPhase {
    Handshake(SliceServerHandshake),
    Open(ServerConnection),
}

const _: () = assert!(size_of::<Client>() <= 1024 && size_of::<Server>() <= 1024);

/// What was received and is not read yet.
struct Input {
    buffer: [u8; 448],
    len: usize,
}

/// What is to be sent.
struct Output {
    buffer: [u8; 192],
    len: usize,
}

const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT.with_max_head_len(448);

impl Input {
    fn receive(&mut self, bytes: &[u8]) {
        self.buffer[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn received(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Removes what was read.
    fn consume(&mut self, len: usize) {
        self.buffer.copy_within(len..self.len, 0);
        self.len -= len;
    }
}

impl Output {
    /// Appends what `write` writes.
    fn write<R>(&mut self, write: impl FnOnce(&mut &mut [u8]) -> R) -> R {
        let mut space = &mut self.buffer[self.len..];
        let room = space.len();
        let result = write(&mut space);
        self.len += room - space.len();
        result
    }

    /// Moves the next bytes to the peer, as a transport that cuts them anywhere.
    fn send(&mut self, input: &mut Input) {
        let len = self.len.min(7);
        input.receive(&self.buffer[..len]);
        self.buffer.copy_within(len..self.len, 0);
        self.len -= len;
    }
}

impl Client {
    fn new() -> Self {
        let request = SliceRequest::new("server.example.com", "/chat").with_subprotocols(&["chat"]);
        let mut output = Output { buffer: [0; 192], len: 0 };
        let handshake =
            output.write(|space| SliceClientHandshake::new(&request, LIMITS, &mut Fixed, space)).unwrap();
        let input = Input { buffer: [0; 448], len: 0 };
        Self { phase: ClientPhase::Handshake(handshake), input, output }
    }

    fn run(&mut self) {
        if let ClientPhase::Handshake(handshake) = &mut self.phase {
            let head_len = match handshake.receive(self.input.received()).unwrap() {
                Some(HandshakeResponseRef::Accept(response)) => {
                    assert_eq!(response.subprotocol(), Some("chat"));
                    response.head_len()
                }
                None => return,
                response => panic!("{response:?}"),
            };
            self.input.consume(head_len);
            let mut connection = ClientConnection::client(Limits::DEFAULT, Fixed);
            self.output.write(|space| connection.send(TextMessage::new("Hello"), space)).unwrap();
            self.phase = ClientPhase::Open(connection);
        }
        let ClientPhase::Open(connection) = &mut self.phase else { return };
        let mut unread = &mut self.input.buffer[..self.input.len];
        while let Some(event) = connection.next_event(&mut unread).unwrap() {
            let Event::Text(text) = event else { continue };
            if text.message_finished {
                let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "bye");
                self.output.write(|space| connection.send(close, space)).unwrap();
            }
        }
        self.input.len = 0;
    }
}

impl Server {
    fn new() -> Self {
        Self {
            phase: ServerPhase::Handshake(SliceServerHandshake::new(LIMITS)),
            input: Input { buffer: [0; 448], len: 0 },
            output: Output { buffer: [0; 192], len: 0 },
        }
    }

    fn run(&mut self) {
        if let ServerPhase::Handshake(handshake) = &mut self.phase {
            let head_len = match handshake.receive(self.input.received()) {
                Ok(Some(request)) => {
                    assert_eq!((request.host(), request.path()), ("server.example.com", "/chat"));
                    let chosen = select_subprotocol(&["chat"], request.subprotocols(), wsproto::Role::Server);
                    let headers = [("Server", &b"no_std"[..])];
                    self.output.write(|space| handshake.accept(&request, chosen, &headers, space)).unwrap();
                    request.head_len()
                }
                Ok(None) => return,
                Err(error) => {
                    let headers = error.response_headers();
                    self.output.write(|space| handshake.reject(error.status(), headers, space)).unwrap();
                    return;
                }
            };
            self.input.consume(head_len);
            self.phase = ServerPhase::Open(ServerConnection::server(Limits::DEFAULT));
        }
        let ServerPhase::Open(connection) = &mut self.phase else { return };
        let mut unread = &mut self.input.buffer[..self.input.len];
        let (receiver, sender) = connection.split();
        while let Some(event) = receiver.next_event(&mut unread).unwrap() {
            match event {
                Event::Text(text) => self.output.write(|space| sender.send(text, space)).unwrap(),
                Event::Close(close) => {
                    self.output.write(|space| sender.send(close.response(), space)).unwrap()
                }
                event => panic!("{event:?}"),
            }
        }
        self.input.len = 0;
    }
}

fn a_client_and_a_server_meet() {
    let mut client = Client::new();
    let mut server = Server::new();
    while client.output.len + server.output.len > 0 {
        client.output.send(&mut server.input);
        server.run();
        server.output.send(&mut client.input);
        client.run();
    }
    let (ClientPhase::Open(client), ServerPhase::Open(server)) = (client.phase, server.phase) else {
        panic!("a handshake is not complete")
    };
    for info in [client.close_info(), server.close_info()] {
        assert_eq!(info.map(|info| info.code), Some(CloseCode::NORMAL_CLOSURE));
    }
    assert_eq!((client.state(), server.state()), (ConnectionState::Closed, ConnectionState::Closed));
    assert_eq!(server.transport_action(), TransportAction::Close);
}

fn a_request_that_is_not_valid_is_refused() {
    let mut server = Server::new();
    server.input.receive(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.run();
    let refusal = &server.output.buffer[..server.output.len];
    assert_eq!(
        refusal,
        b"HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\nAllow: GET\r\n\r\n"
    );
}
