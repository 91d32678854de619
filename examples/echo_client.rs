//! Connects to a `ws://` URL, sends each line of the standard input, and prints what comes back.
//!
//! ```sh
//! cargo run --example echo_client -- ws://127.0.0.1:9001/
//! ```
//!
//! The two halves of the connection live in two threads: one waits for lines, the other for the server. It
//! ends with 0 if the connection was closed as it should be, with 1 if not, and with 2 if it was called
//! wrongly.

use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wsproto::{
    Answer, ClientHandshake, CloseCode, CloseConnection, Connection, Event, HandshakeLimits, Limits,
    LocalProtocolError, MessageAssembler, OsEntropy, Outgoing, Receiver, Request, Sender, TextMessage,
};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let url = match args.as_slice() {
        [help] if help == "--help" || help == "-h" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [url] => url,
        _ => {
            eprintln!("echo_client: one URL is needed\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Some(url) = Url::parse(url) else {
        eprintln!("echo_client: not a ws:// URL: {url}\n{USAGE}");
        return ExitCode::from(2);
    };
    match run(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where to connect, and what to ask for.
struct Url {
    authority: String,
    target: String,
}

impl Url {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("ws://")?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let slash = if target.starts_with('/') { "" } else { "/" };
        (!authority.is_empty())
            .then(|| Self { authority: authority.to_owned(), target: format!("{slash}{target}") })
    }

    /// What to connect to: port 80 unless another is named.
    fn addr(&self) -> String {
        let port = self.authority.rsplit(']').next().and_then(|rest| rest.split_once(':'));
        match port {
            Some((_, port)) if !port.is_empty() => self.authority.clone(),
            _ => format!("{}:80", self.authority.trim_end_matches(':')),
        }
    }
}

fn run(url: &Url) -> io::Result<()> {
    let addr = url.addr();
    let mut stream = TcpStream::connect(&addr)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {addr}: {error}")))?;
    stream.set_nodelay(true)?;
    let mut entropy = OsEntropy::new();
    let early = open(&mut stream, url, &mut entropy)?;
    eprintln!("connected to ws://{}{}", url.authority, url.target);

    let (receiver, sender) = Connection::client(Limits::default(), entropy).into_parts();
    let outgoing = Arc::new(Outbound::new(sender, stream.try_clone()?));
    let replies = Arc::clone(&outgoing);
    let server = thread::spawn(move || listen(&stream, receiver, &replies, early));
    let lines = thread::spawn(move || speak(&outgoing));
    // A line that is still to be typed does not keep a connection that is closed.
    while !server.is_finished() && !lines.is_finished() {
        thread::sleep(Duration::from_millis(10));
    }
    if !server.is_finished() {
        join(lines)?;
    }
    join(server)
}

fn join(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread has panicked")))
}

/// The opening handshake; returns what came behind it.
fn open(stream: &mut TcpStream, url: &Url, entropy: &mut OsEntropy) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    let request = Request::new(&url.authority, &url.target);
    let mut handshake = ClientHandshake::start(request, HandshakeLimits::default(), entropy, &mut output)
        .map_err(io::Error::other)?;
    stream.write_all(&output)?;

    let mut buffer = vec![0; BUFFER_LEN];
    let mut refusal = None;
    loop {
        let len = stream.read(&mut buffer)?;
        let mut input = buffer.get(..len).unwrap_or_default();
        loop {
            let answer = if len == 0 { handshake.receive_eof() } else { handshake.receive(&mut input) };
            match answer.map_err(io::Error::other)? {
                Some(Answer::Accept(_)) => return Ok(input.to_vec()),
                Some(Answer::Reject(reject)) => {
                    let status = format!("the server refused: {}\n", reject.status_code());
                    if !reject.has_body() {
                        return Err(io::Error::other(status));
                    }
                    refusal = Some(status);
                }
                Some(Answer::RejectData(data)) => {
                    let refusal = refusal.get_or_insert_default();
                    refusal.push_str(&String::from_utf8_lossy(data.data));
                    if data.body_finished {
                        return Err(io::Error::other(refusal.trim_end()));
                    }
                }
                None => break,
            }
        }
    }
}

/// What both threads write to.
struct Outbound {
    half: Mutex<(Sender<OsEntropy>, TcpStream)>,
}

impl Outbound {
    fn new(sender: Sender<OsEntropy>, stream: TcpStream) -> Self {
        Self { half: Mutex::new((sender, stream)) }
    }

    fn send(&self, event: impl Outgoing) -> io::Result<()> {
        let mut half = self.half.lock().map_err(|_| io::Error::other("the other thread has panicked"))?;
        let (sender, stream) = &mut *half;
        let mut output = Vec::new();
        match sender.send(event, &mut output) {
            // The server was quicker to close.
            Err(LocalProtocolError::CloseSent) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
            Ok(()) => stream.write_all(&output),
        }
    }

    /// From now on, waits for the server only so long.
    fn lose_patience(&self) -> io::Result<()> {
        let half = self.half.lock().map_err(|_| io::Error::other("the other thread has panicked"))?;
        half.1.set_read_timeout(Some(PATIENCE))
    }
}

/// Sends what is typed, and closes at its end.
fn speak(outgoing: &Outbound) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        outgoing.send(TextMessage::from(line?))?;
    }
    outgoing.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""))?;
    outgoing.lose_patience()
}

/// Prints what comes, `early` before all else, until the connection ends.
fn listen(
    mut stream: &TcpStream,
    mut receiver: Receiver,
    outgoing: &Outbound,
    mut early: Vec<u8>,
) -> io::Result<()> {
    let mut assembler = MessageAssembler::new(MAX_MESSAGE_LEN);
    let mut buffer = vec![0; BUFFER_LEN];
    let mut input = early.as_mut_slice();
    loop {
        loop {
            let event = match receiver.next_event(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    outgoing.send(error.response())?;
                    return Err(io::Error::other(format!("the server broke the protocol: {error}")));
                }
            };
            match event {
                Event::Text(piece) => {
                    if let Some(text) = assembler.text(piece).map_err(io::Error::other)? {
                        println!("{text}");
                    }
                }
                Event::Bytes(piece) => {
                    if let Some(bytes) = assembler.bytes(piece).map_err(io::Error::other)? {
                        println!("{} bytes: {}", bytes.len(), bytes.escape_ascii());
                    }
                }
                Event::Ping(ping) => outgoing.send(ping.response())?,
                Event::Pong(_) => {}
                Event::Close(close) => {
                    outgoing.send(close.response())?;
                    let code = close.code.unwrap_or(CloseCode::NO_STATUS_RCVD);
                    eprintln!("closed: {code} {}", close.reason);
                    // The server closes the transport first (§7.1.1).
                    outgoing.lose_patience()?;
                    while matches!(stream.read(&mut buffer), Ok(1..)) {}
                    return Ok(());
                }
            }
        }
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            receiver.receive_eof();
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server went away without closing"));
        }
        input = buffer.get_mut(..len).unwrap_or_default();
    }
}

/// How long the server may take to close.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one read may give.
const BUFFER_LEN: usize = 16 << 10;

/// The longest message that is put together.
const MAX_MESSAGE_LEN: usize = 16 << 20;

const USAGE: &str = "usage: echo_client ws://HOST[:PORT][/PATH][?QUERY]";
