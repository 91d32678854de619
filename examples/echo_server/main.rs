//! Echoes every message, and serves a page to chat with it from a browser.
//!
//! ```sh
//! cargo run --release --example echo_server -- --addr 127.0.0.1:9001
//! ```
//!
//! A thread for each connection, a buffer of fixed size for what comes in, and pieces of messages echoed as
//! they come: nothing is ever put together, so the size of a message costs nothing.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use wsproto::{
    AcceptConnection, Connection, ConnectionState, Event, Extensions, HandshakeError, HandshakeLimits,
    Limits, LocalProtocolError, NoEntropy, PermessageDeflate, RejectConnection, RejectData, ServerHandshake,
    Transport,
};

fn main() -> ExitCode {
    let addr = match addr(std::env::args().skip(1)) {
        Ok(Some(addr)) => addr,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("echo_server: {wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let listener = match TcpListener::bind(&addr) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("echo_server: cannot listen on {addr}: {error}");
            return ExitCode::FAILURE;
        }
    };
    // With port 0, the system has chosen one.
    let addr = listener.local_addr().map_or(addr, |addr| addr.to_string());
    println!("echoing on ws://{addr}/, and a page to try it is at http://{addr}/");
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                thread::spawn(move || {
                    if let Err(error) = serve(stream) {
                        eprintln!("{peer}: {error}");
                    }
                });
            }
            Err(error) => {
                eprintln!("echo_server: cannot accept a connection: {error}");
                // Out of file descriptors, most likely: wait for some to come back.
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// The address to listen on; `None` where help is wanted.
fn addr(mut args: impl Iterator<Item = String>) -> Result<Option<String>, String> {
    let mut addr = "127.0.0.1:9001".to_owned();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--addr" => addr = args.next().ok_or("--addr needs an address")?,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown argument: {arg}")),
        }
    }
    Ok(Some(addr))
}

/// One connection, from its first byte to its last.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = vec![0; BUFFER_LEN];
    let opened = match open(&mut stream, &mut buffer) {
        // Browsers open connections that they may want later.
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => None,
        result => result?,
    };
    if let Some((early, extensions)) = opened {
        stream.set_read_timeout(None)?;
        let connection = Connection::server(Limits::default()).with_extensions(extensions);
        echo(&mut stream, connection, &mut buffer, early)?;
    }
    linger(&mut stream, &mut buffer)
}

/// The opening handshake.
///
/// Returns how many bytes that came behind it are at the front of `buffer`, and which extensions are in use;
/// `None` where no connection was opened.
fn open(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Option<(usize, Extensions)>> {
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let mut output = Vec::new();
    let mut start = Vec::new();
    let mut extensions = Extensions::none();
    loop {
        let received = read(stream, buffer)?;
        let mut input: &[u8] = received;
        let received_len = received.len();
        if start.len() < GET_PAGE.len() {
            start.extend(input.iter().take(GET_PAGE.len()));
        }
        let answer = match handshake.receive(&mut input) {
            Ok(None) if received_len == 0 => return Ok(None),
            Ok(None) => continue,
            Ok(Some(request)) => {
                let accept;
                (accept, extensions) =
                    AcceptConnection::new().with_extensions(&[&PermessageDeflate::new()], request);
                handshake.accept(accept, &mut output)
            }
            // A browser that wants to see something.
            Err(HandshakeError::MissingUpgrade) if start.starts_with(GET_PAGE) => {
                stream.write_all(page().as_bytes())?;
                return Ok(None);
            }
            Err(HandshakeError::MissingUpgrade) => not_found(&mut handshake, &mut output),
            Err(error) => handshake.reject(error.response(), &mut output),
        };
        answer.map_err(io::Error::other)?;
        let early = input.len();
        stream.write_all(&output)?;
        buffer.copy_within(received_len.saturating_sub(early)..received_len, 0);
        return Ok((handshake.state() == ConnectionState::Open).then_some((early, extensions)));
    }
}

/// Echoes what comes, the first `len` bytes of `buffer` before all else, until the connection is closed.
fn echo(
    stream: &mut TcpStream,
    mut connection: Connection<NoEntropy, Extensions>,
    buffer: &mut [u8],
    mut len: usize,
) -> io::Result<()> {
    let mut output = Vec::new();
    loop {
        let received = buffer.get_mut(..len).unwrap_or_default();
        answer(&mut connection, received, &mut output).map_err(io::Error::other)?;
        stream.write_all(&output)?;
        output.clear();
        if connection.transport() != Transport::Keep {
            return Ok(());
        }
        len = read(stream, buffer)?.len();
        if len == 0 {
            connection.receive_eof();
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "went away without a close frame"));
        }
    }
}

/// Answers all that was received.
fn answer(
    connection: &mut Connection<NoEntropy, Extensions>,
    mut received: &mut [u8],
    output: &mut Vec<u8>,
) -> Result<(), LocalProtocolError> {
    let (receiver, sender) = connection.split();
    loop {
        match receiver.next_event(&mut received) {
            Ok(Some(Event::Text(piece))) => sender.send(piece, output)?,
            Ok(Some(Event::Bytes(piece))) => sender.send(piece, output)?,
            Ok(Some(Event::Ping(ping))) => sender.send(ping.response(), output)?,
            Ok(Some(Event::Pong(_))) => {}
            Ok(Some(Event::Close(close))) => sender.send(close.response(), output)?,
            Ok(None) => return Ok(()),
            Err(error) => sender.send(error.response(), output)?,
        }
    }
}

/// Closes our side and waits for the peer's, so that it can read all that we have written.
fn linger(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    // A peer that is gone already has nothing left to read.
    if stream.shutdown(Shutdown::Write).is_err() {
        return Ok(());
    }
    stream.set_read_timeout(Some(PATIENCE))?;
    while matches!(stream.read(buffer), Ok(1..)) {}
    Ok(())
}

/// Reads once; nothing where the peer has closed.
fn read<'a>(stream: &mut TcpStream, buffer: &'a mut [u8]) -> io::Result<&'a mut [u8]> {
    let len = loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    Ok(buffer.get_mut(..len).unwrap_or_default())
}

fn not_found(handshake: &mut ServerHandshake, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
    let reject = RejectConnection::new(404).with_header("Content-Type", "text/plain").with_body();
    handshake.reject(reject, output)?;
    handshake.reject_data(RejectData { data: "There is only a page at /.\n", body_finished: true }, output)
}

fn page() -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
        PAGE.len()
    )
}

const PAGE: &str = include_str!("page.html");

const GET_PAGE: &[u8] = b"GET / ";

/// How long a peer may be silent in its handshake, and take to close after us.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one read may give.
const BUFFER_LEN: usize = 64 << 10;

const USAGE: &str = "usage: echo_server [--addr HOST:PORT]   (127.0.0.1:9001 unless given)";
