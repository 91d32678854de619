//! Connects to a `ws://` URL, sends each line of the standard input, and prints what comes back.
//!
//! ```sh
//! cargo run --example echo_client -- ws://127.0.0.1:9001/
//! ```
//!
//! The two halves of the connection are in different threads: one waits for lines, one for the server, and one
//! writes what both have to send, so that neither makes the other wait. At the end of the input, or at Ctrl-C, the
//! connection is closed; a server that answers that at once may leave the last lines unanswered. No wait is for
//! ever: `--help` names the timeouts.
//!
//! It ends with 0 if the connection was closed as it should be, with 1 if not, and with 2 if it was called wrongly.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use wsproto::{
    AutoReplies, ClientHandshake, CloseCode, CloseConnection, Connection, Event, EventRef, HandshakeLimits,
    HandshakeResponse, Limits, MessageAssembler, Outgoing, Ping, Receiver, ReplyPolicy, Request,
    SeededEntropy, Sender, TextMessage, WebSocketUri,
};

fn main() -> ExitCode {
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", Options::help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("echo_client: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line.
struct Options {
    url: WebSocketUri,
    /// How long the server may take to open, to read a piece of what is written, and to close.
    timeout: Duration,
    /// How long the server may be silent before it is pinged, and then before the connection is closed.
    idle_timeout: Duration,
}

impl Options {
    /// Reads the command line; `None` if it asks for help.
    fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let (mut url, mut timeout, mut idle_timeout) = (None, TIMEOUT, IDLE_TIMEOUT);
        while let Some(arg) = args.next()? {
            match arg {
                Long("timeout") => timeout = args.value()?.parse_with(seconds)?,
                Long("idle-timeout") => idle_timeout = args.value()?.parse_with(seconds)?,
                Short('h') | Long("help") => return Ok(None),
                Value(value) if url.is_none() => url = Some(value.parse_with(parse_url)?),
                _ => return Err(arg.unexpected()),
            }
        }
        let url = url.ok_or("one URL is needed")?;
        Ok(Some(Self { url, timeout, idle_timeout }))
    }

    fn help() -> String {
        format!(
            "{USAGE}

Sends each line of the standard input as a text message to a WebSocket server,
and prints the messages that come back. The end of the input, or Ctrl-C, closes
the connection.

  --timeout SECONDS       Give up if the server takes longer to accept the
                          connection, to read 64 KiB, or to close. [default: {}]
  --idle-timeout SECONDS  Ping a server that is silent for this long; if it is
                          silent as long again, close with 3008. [default: {}]
  -h, --help              Print this help.

SECONDS may have a fraction, such as 0.5.
",
            TIMEOUT.as_secs(),
            IDLE_TIMEOUT.as_secs(),
        )
    }
}

fn parse_url(text: &str) -> Result<WebSocketUri, String> {
    let url = text.parse::<WebSocketUri>().map_err(|error| error.to_string())?;
    if url.is_secure() { Err("this client has no TLS".to_owned()) } else { Ok(url) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(timeout)) if !timeout.is_zero() && timeout <= MAX_TIMEOUT => Ok(timeout),
        _ => Err(format!("not a number of seconds above 0 and up to {}", MAX_TIMEOUT.as_secs())),
    }
}

fn run(options: &Options) -> io::Result<()> {
    let Options { url, timeout, idle_timeout } = options;
    let mut stream = connect(url, *timeout)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {url}: {error}")))?;
    stream.set_nodelay(true)?;
    let mut entropy = SeededEntropy::new();
    let early = open(&mut stream, url, &mut entropy, *timeout)?;
    eprintln!("connected to {url}");

    let (receiver, sender) = Connection::client(Limits::default(), entropy).into_parts();
    let outbox = Arc::new(Outbox::new(sender));
    let (speaks, writes, interrupts) = (Arc::clone(&outbox), Arc::clone(&outbox), Arc::clone(&outbox));
    let (writing_end, timeout) = (stream.try_clone()?, *timeout);
    ctrlc::set_handler(move || interrupts.send(CloseConnection::new(CloseCode::GOING_AWAY, "")))
        .map_err(io::Error::other)?;
    thread::spawn(move || writes.write_to(&writing_end, timeout));
    let lines = thread::spawn(move || speak(&speaks));
    stream.set_read_timeout(Some(*idle_timeout))?;
    match listen(stream, receiver, &outbox, early) {
        // A line that is still to be typed does not keep a connection that is closed.
        Ok(()) if lines.is_finished() => {
            lines.join().unwrap_or_else(|_| Err(io::Error::other("a thread has panicked")))
        }
        // The program that reads our output has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Connects to the first address of the host that answers.
fn connect(url: &WebSocketUri, timeout: Duration) -> io::Result<TcpStream> {
    let mut last_error = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for addr in (url.host(), url.port()).to_socket_addrs()? {
        match TcpStream::connect_timeout(&addr, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

/// The opening handshake; returns what came after it.
fn open(
    stream: &mut TcpStream,
    url: &WebSocketUri,
    entropy: &mut SeededEntropy,
    timeout: Duration,
) -> io::Result<Vec<u8>> {
    let start = Instant::now();
    let mut output = Vec::new();
    let request = Request::from_uri(url);
    let mut handshake = ClientHandshake::new(request, HandshakeLimits::default(), entropy, &mut output)
        .map_err(io::Error::other)?;
    stream.write_all(&output)?;

    let mut buffer = vec![0; BUFFER_LEN];
    let mut refusal = None;
    loop {
        // One deadline for all reads: a server that sends a byte now and then does not move it.
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, "the server does not answer the handshake"));
        }
        stream.set_read_timeout(Some(left))?;
        let len = match stream.read(&mut buffer) {
            Err(error) if is_timeout(&error) => continue,
            result => result?,
        };
        let mut input = buffer.get(..len).unwrap_or_default();
        loop {
            let answer = if len == 0 { handshake.receive_eof() } else { handshake.receive(&mut input) };
            match answer.map_err(io::Error::other)? {
                Some(HandshakeResponse::Accept(_)) => return Ok(input.to_vec()),
                Some(HandshakeResponse::Reject(reject)) => {
                    let status = format!("the server refused: {}\n", reject.status_code());
                    if !reject.has_body() {
                        return Err(io::Error::other(status));
                    }
                    refusal = Some(status);
                }
                Some(HandshakeResponse::RejectData(data)) => {
                    let refusal = refusal.get_or_insert_default();
                    refusal.push_str(&String::from_utf8_lossy(data.data));
                    if data.body_finished {
                        return Err(io::Error::other(refusal.trim_end()));
                    }
                }
                Some(_) => {} // later versions may return other answers
                None => break,
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// What waits to be written.
struct Outbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    sender: Sender<SeededEntropy>,
    /// At most one pong, however many pings come.
    replies: AutoReplies,
    bytes: Vec<u8>,
    is_writing: bool,
    /// Why the writer has ended the transport.
    given_up: Option<&'static str>,
}

impl Outbox {
    fn new(sender: Sender<SeededEntropy>) -> Self {
        let replies = AutoReplies::new(ReplyPolicy::Pong);
        let queue = Queue { sender, replies, bytes: Vec::new(), is_writing: false, given_up: None };
        Self { queue: Mutex::new(queue), changed: Condvar::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an event; it does not wait for the server to read.
    fn send(&self, event: impl Outgoing) {
        let mut queue = self.queue();
        let Queue { sender, bytes, .. } = &mut *queue;
        // It is refused if the connection was closed in the meantime: then it is too late for it.
        let _ = sender.send(event, bytes);
        self.changed.notify_all();
    }

    /// Lets a ping be answered.
    fn note(&self, event: &EventRef<'_>) {
        self.queue().replies.on_event(event);
        self.changed.notify_all();
    }

    /// Waits until not much is queued.
    fn wait_for_room(&self) {
        let full = |queue: &mut Queue| queue.bytes.len() > MAX_QUEUED && queue.given_up.is_none();
        drop(self.changed.wait_while(self.queue(), full));
    }

    /// Whether something waits to be written.
    fn is_writing(&self) -> bool {
        self.queue().is_writing
    }

    /// Writes what is queued, until the close frame is written; then gives the server `timeout` to close.
    fn write_to(&self, stream: &TcpStream, timeout: Duration) {
        let given_up = match self.write_queue(stream, timeout) {
            Ok(()) => {
                thread::sleep(timeout);
                "the server does not close"
            }
            Err(error) if is_timeout(&error) => "the server does not read",
            Err(_) => "the server went away without closing",
        };
        self.queue().given_up = Some(given_up);
        self.changed.notify_all();
        // This ends the wait of the thread that reads. An error means that the server has ended the transport.
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn write_queue(&self, stream: &TcpStream, timeout: Duration) -> io::Result<()> {
        let has_nothing = |queue: &mut Queue| {
            queue.bytes.is_empty() && !queue.replies.is_pending() && !queue.sender.is_close_sent()
        };
        loop {
            let queue = self.changed.wait_while(self.queue(), has_nothing);
            let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
            let Queue { sender, replies, bytes, .. } = &mut *queue;
            replies.send(sender, bytes).map_err(io::Error::other)?;
            let bytes = std::mem::take(bytes);
            queue.is_writing = !bytes.is_empty();
            drop(queue);
            self.changed.notify_all();
            if bytes.is_empty() {
                return Ok(());
            }
            for piece in bytes.chunks(WRITE_LEN) {
                write(stream, piece, timeout)?;
            }
            self.queue().is_writing = false;
        }
    }
}

/// Writes all of `bytes` within `timeout`, in however many calls.
fn write(mut stream: &TcpStream, mut bytes: &[u8], timeout: Duration) -> io::Result<()> {
    let start = Instant::now();
    while !bytes.is_empty() {
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left))?;
        match stream.write(bytes) {
            Err(error) if is_timeout(&error) => {}
            len => bytes = bytes.get(len?..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// Sends what is typed, and closes at its end.
fn speak(outbox: &Outbox) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) => outbox.send(TextMessage::from(line)),
            Err(error) => {
                outbox.send(CloseConnection::new(CloseCode::GOING_AWAY, ""));
                return Err(io::Error::new(error.kind(), format!("standard input: {error}")));
            }
        }
        outbox.wait_for_room();
    }
    outbox.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""));
    Ok(())
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
                    outbox.send(error.response());
                    await_end(&mut stream, &mut buffer);
                    return Err(io::Error::other(format!("the server broke the protocol: {error}")));
                }
            };
            outbox.note(&event);
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
                Event::Ping(_) | Event::Pong(_) => {}
                Event::Close(close) => {
                    outbox.send(close.response());
                    let code = close.code.unwrap_or(CloseCode::NO_STATUS_RCVD);
                    match close.reason {
                        "" => eprintln!("closed: {code}"),
                        reason => eprintln!("closed: {code}: {reason}"),
                    }
                    await_end(&mut stream, &mut buffer);
                    return match code.get() {
                        // What libraries and applications mean by theirs, from 3000 on, is not known.
                        1002..=1004 | 1006..=2999 => {
                            Err(io::Error::other("the server closed because of an error"))
                        }
                        _ => Ok(()),
                    };
                }
            }
        }
        let len = read(&mut stream, outbox, &mut buffer)?;
        if len == 0 {
            _ = receiver.receive_eof();
            let why = outbox.queue().given_up.unwrap_or("the server went away without closing");
            return Err(io::Error::new(ErrorKind::UnexpectedEof, why));
        }
        input = buffer.get_mut(..len).unwrap_or_default();
    }
}

/// Reads once. Pings a server that is silent, and closes if it stays so.
fn read(stream: &mut TcpStream, outbox: &Outbox, buffer: &mut [u8]) -> io::Result<usize> {
    let mut pinged = false;
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A server that still reads what is written may be silent; one that does not is for the writer to cut.
            Err(error) if is_timeout(&error) && outbox.is_writing() => {}
            Err(error) if is_timeout(&error) && !pinged => {
                outbox.send(Ping::new(b""));
                pinged = true;
            }
            Err(error) if is_timeout(&error) => {
                outbox.send(CloseConnection::new(CloseCode::TIMEOUT, "no answer to a ping"));
                await_end(stream, buffer);
                return Err(io::Error::new(ErrorKind::TimedOut, "the server does not answer a ping"));
            }
            received => return received,
        }
    }
}

/// Waits until the server closes the transport, which it does first (§7.1.1), or until the writer gives up.
fn await_end(stream: &mut TcpStream, buffer: &mut [u8]) {
    loop {
        match stream.read(buffer) {
            Err(error) if is_timeout(&error) => {}
            Ok(1..) => {}
            _ => return,
        }
    }
}

/// A server answers at once; the rest is for slow networks.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Less than the minute after which many proxies cut a silent connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A day: long enough to switch a timeout off, and short enough for any clock to count.
const MAX_TIMEOUT: Duration = Duration::from_secs(86_400);

/// What one read may give.
const BUFFER_LEN: usize = 16 << 10;

/// What is written at a time.
const WRITE_LEN: usize = 64 << 10;

/// How much may wait to be written before the next line is read.
const MAX_QUEUED: usize = 1 << 20;

/// The longest message that is put together: the longest that the limits allow.
const MAX_MESSAGE_LEN: usize = 16 << 20;

const USAGE: &str = "usage: echo_client [OPTION]... ws://HOST[:PORT][/PATH][?QUERY]";
