//! Connects to a `ws://` URL, sends each line of the standard input, and prints what comes back.
//!
//! ```sh
//! cargo run --example echo_client -- ws://127.0.0.1:9001/
//! ```
//!
//! The two halves of the connection live in different threads: one waits for lines, one for the server, and
//! one writes what both have to send, so that neither keeps the other waiting. At the end of the input the
//! connection is closed; a server that answers that at once may leave the last lines unanswered. It ends with
//! 0 if the connection was closed as it should be, with 1 if not, and with 2 if it was called wrongly.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wsproto::{
    Answer, ClientHandshake, CloseCode, CloseConnection, Connection, Event, HandshakeLimits, Limits,
    LocalProtocolError, MessageAssembler, OsEntropy, Outgoing, Receiver, Request, Sender, TextMessage,
    WebSocketUri,
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
    let url = match url.parse::<WebSocketUri>() {
        Ok(url) if !url.is_secure() => url,
        Ok(_) => return refuse(url, "this client does without TLS"),
        Err(error) => return refuse(url, error),
    };
    match run(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Says that this URL leads nowhere.
fn refuse(url: &str, why: impl std::fmt::Display) -> ExitCode {
    eprintln!("echo_client: {url}: {why}\n{USAGE}");
    ExitCode::from(2)
}

fn run(url: &WebSocketUri) -> io::Result<()> {
    let mut stream = TcpStream::connect((url.host(), url.port()))
        .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {url}: {error}")))?;
    stream.set_nodelay(true)?;
    let mut entropy = OsEntropy::new();
    let early = open(&mut stream, url, &mut entropy)?;
    eprintln!("connected to {url}");

    let (receiver, sender) = Connection::client(Limits::default(), entropy).into_parts();
    let outbox = Arc::new(Outbox::new(sender));
    let (listens, speaks, writes) = (Arc::clone(&outbox), Arc::clone(&outbox), outbox);
    let (writing_end, ours) = (stream.try_clone()?, stream.try_clone()?);
    thread::spawn(move || writes.write_to(writing_end));
    let lines = thread::spawn(move || speak(&speaks));
    let server = thread::spawn(move || listen(stream, receiver, &listens, early));
    // A line that is still to be typed does not keep a connection that is closed.
    while !server.is_finished() && !lines.is_finished() {
        thread::sleep(Duration::from_millis(10));
    }
    if !server.is_finished() {
        join(lines)?;
        let closing = Instant::now();
        while !server.is_finished() && closing.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        // A read that waits already heeds no timeout: this ends it, if the server has not.
        let _ = ours.shutdown(Shutdown::Both);
    }
    match join(server) {
        // Whoever reads our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn join(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread has panicked")))
}

/// The opening handshake; returns what came behind it.
fn open(stream: &mut TcpStream, url: &WebSocketUri, entropy: &mut OsEntropy) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    let request = Request::to(url);
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

/// What waits to be written.
struct Outbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    sender: Sender<OsEntropy>,
    bytes: Vec<u8>,
    /// Whether writing has failed: the server is gone.
    broken: bool,
}

impl Outbox {
    fn new(sender: Sender<OsEntropy>) -> Self {
        let queue = Queue { sender, bytes: Vec::new(), broken: false };
        Self { queue: Mutex::new(queue), changed: Condvar::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an event; it does not wait for the server to read.
    fn send(&self, event: impl Outgoing) -> io::Result<()> {
        let mut queue = self.queue();
        let Queue { sender, bytes, .. } = &mut *queue;
        match sender.send(event, bytes) {
            // The server was quicker to close.
            Ok(()) | Err(LocalProtocolError::CloseSent) => {}
            Err(error) => return Err(io::Error::other(error)),
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Waits until not much is queued.
    fn wait_for_room(&self) {
        let full = |queue: &mut Queue| queue.bytes.len() > MAX_QUEUED && !queue.broken;
        drop(self.changed.wait_while(self.queue(), full));
    }

    /// Writes what is queued, until the close frame is out.
    fn write_to(&self, mut stream: TcpStream) {
        loop {
            let nothing = |queue: &mut Queue| queue.bytes.is_empty() && !queue.sender.is_close_sent();
            let Ok(mut queue) = self.changed.wait_while(self.queue(), nothing) else { return };
            let bytes = std::mem::take(&mut queue.bytes);
            drop(queue);
            if bytes.is_empty() {
                return;
            }
            // Whether the server is gone is for the listening thread to tell.
            let broken = stream.write_all(&bytes).is_err();
            self.queue().broken = broken;
            self.changed.notify_all();
            if broken {
                return;
            }
        }
    }
}

/// Sends what is typed, and closes at its end.
fn speak(outbox: &Outbox) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) => outbox.send(TextMessage::from(line))?,
            Err(error) => {
                outbox.send(CloseConnection::new(CloseCode::GOING_AWAY, ""))?;
                return Err(io::Error::new(error.kind(), format!("standard input: {error}")));
            }
        }
        outbox.wait_for_room();
    }
    outbox.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""))
}

/// Prints what comes, `early` before all else, until the connection ends.
fn listen(
    mut stream: TcpStream,
    mut receiver: Receiver,
    outbox: &Outbox,
    mut early: Vec<u8>,
) -> io::Result<()> {
    let mut stdout = io::stdout();
    let mut assembler = MessageAssembler::new(MAX_MESSAGE_LEN);
    let mut buffer = vec![0; BUFFER_LEN];
    let mut input = early.as_mut_slice();
    loop {
        loop {
            let event = match receiver.next_event(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    outbox.send(error.response())?;
                    return Err(io::Error::other(format!("the server broke the protocol: {error}")));
                }
            };
            match event {
                Event::Text(piece) => {
                    if let Some(text) = assembler.text(piece).map_err(io::Error::other)? {
                        writeln!(stdout, "{text}")?;
                    }
                }
                Event::Bytes(piece) => {
                    if let Some(bytes) = assembler.bytes(piece).map_err(io::Error::other)? {
                        writeln!(stdout, "{} bytes: {}", bytes.len(), bytes.escape_ascii())?;
                    }
                }
                Event::Ping(ping) => outbox.send(ping.response())?,
                Event::Pong(_) => {}
                Event::Close(close) => {
                    outbox.send(close.response())?;
                    let code = close.code.unwrap_or(CloseCode::NO_STATUS_RCVD);
                    match close.reason {
                        "" => eprintln!("closed: {code}"),
                        reason => eprintln!("closed: {code}: {reason}"),
                    }
                    // The server closes the transport first (§7.1.1).
                    stream.set_read_timeout(Some(PATIENCE))?;
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

/// How much may wait to be written before the next line is read.
const MAX_QUEUED: usize = 1 << 20;

/// The longest message that is put together.
const MAX_MESSAGE_LEN: usize = 16 << 20;

const USAGE: &str = "usage: echo_client ws://HOST[:PORT][/PATH][?QUERY]";
