//! Sends one text to `echo_server` and prints the reply, in 1 KiB of static memory: from the request to the close.
//!
//! ```sh
//! cargo run --example static_client -- Hello 127.0.0.1:9001
//! ```
//!
//! All that the protocol needs is in `CLIENT`: no allocator is used, as on a system that has none. Here the transport and
//! the random numbers are those of the standard library; on a microcontroller, they would be those of the board.
//!
//! The exit status is 0 if the reply has come and the connection was closed, 1 if not, and 2 if the arguments are wrong.

use std::env;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use wsproto::{
    ClientConnection, CloseCode, CloseConnection, Entropy, Event, HandshakeLimits, HandshakeResponseRef,
    Limits, SeededEntropy, SliceClientHandshake, SliceRequest, TextMessage, TransportAction,
};

/// The server, if no other is named: `echo_server` listens there unless it is asked for another address.
const HOST: &str = "127.0.0.1:9001";

/// Those of the command line, which the system keeps for the whole run; a microcontroller has them in its program.
static ARGS: OnceLock<Vec<String>> = OnceLock::new();

/// All memory of the client.
static CLIENT: Mutex<Client> =
    Mutex::new(Client { phase: Phase::Start, input: [0; INPUT_LEN], output: [0; OUTPUT_LEN] });

struct Client {
    phase: Phase,
    /// What was received.
    input: [u8; INPUT_LEN],
    /// What is to be sent.
    output: [u8; OUTPUT_LEN],
}

enum Phase {
    Start,
    Handshake(SliceClientHandshake<'static>),
    Open(ClientConnection<Random>),
}

/// The longest head of a response.
const INPUT_LEN: usize = 384;

/// The longest request, and the longest frame.
const OUTPUT_LEN: usize = 256;

const _: () = assert!(size_of::<Client>() <= 1024);

/// Random numbers, which take no memory between calls.
struct Random;

impl Entropy for Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        SeededEntropy::new().fill(bytes);
    }
}

fn main() -> ExitCode {
    let args = ARGS.get_or_init(|| env::args().skip(1).collect());
    let (text, host) = match args.as_slice() {
        [] => ("Hello", HOST),
        [text] => (text.as_str(), HOST),
        [text, host] => (text.as_str(), host.as_str()),
        _ => {
            eprintln!("usage: static_client [TEXT [HOST:PORT]]");
            return ExitCode::from(2);
        }
    };
    match run(&mut CLIENT.lock().unwrap_or_else(PoisonError::into_inner), text, host) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("static_client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(client: &mut Client, text: &str, host: &'static str) -> io::Result<()> {
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut received = 0;
    loop {
        let Client { phase, input, output } = &mut *client;
        let mut space = output.as_mut_slice();
        match phase {
            Phase::Start => {
                let limits = HandshakeLimits::DEFAULT.with_max_head_len(INPUT_LEN);
                let request = SliceRequest::new(host, "/");
                *phase =
                    Phase::Handshake(SliceClientHandshake::new(&request, limits, &mut Random, &mut space)?);
            }
            Phase::Handshake(handshake) => {
                match handshake.receive(input.get(..received).unwrap_or_default())? {
                    None => {}
                    Some(HandshakeResponseRef::Accept(response)) => {
                        let head_len = response.head_len();
                        input.copy_within(head_len..received, 0);
                        received = received.saturating_sub(head_len);
                        let mut connection = ClientConnection::client(Limits::DEFAULT, Random);
                        connection.send(TextMessage::new(text), &mut space)?;
                        *phase = Phase::Open(connection);
                    }
                    Some(_) => return Err(io::Error::other("the server has refused the request")),
                }
            }
            Phase::Open(connection) => {
                let mut unread = input.get_mut(..received).unwrap_or_default();
                let (receiver, sender) = connection.split();
                while let Some(event) = receiver.next_event(&mut unread)? {
                    match event {
                        Event::Text(reply) => {
                            print!("{}", reply.data);
                            if reply.message_finished {
                                println!();
                                let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "");
                                sender.send(close, &mut space)?;
                            }
                        }
                        Event::Ping(ping) => sender.send(ping.response(), &mut space)?,
                        Event::Close(close) => sender.send(close.response(), &mut space)?,
                        _ => {}
                    }
                }
                received = 0;
            }
        }

        let unused = space.len();
        let written = OUTPUT_LEN.saturating_sub(unused);
        socket.write_all(output.get(..written).unwrap_or_default())?;
        if let Phase::Open(connection) = phase {
            if connection.transport_action() != TransportAction::Keep {
                return Ok(());
            }
            if received > 0 {
                continue; // what came with the response is read first
            }
        }
        match socket.read(input.get_mut(received..).unwrap_or_default())? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => received = received.saturating_add(len),
        }
    }
}
