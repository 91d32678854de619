//! Connects to a `ws://` URL, sends each line of the standard input, and prints what comes back.
//!
//! ```sh
//! cargo run --example echo_client -- ws://127.0.0.1:9001/
//! ```
//!
//! Three threads share the two halves of the connection: one waits for lines, one waits for the server, and one writes
//! what the other two send, so that neither has to wait for the other. At the end of the input, or at Ctrl-C, the
//! connection is closed; a server that closes at once may leave the last lines unanswered. A second Ctrl-C ends the
//! program at once. Each wait for the server has a timeout: see `--help`.
//!
//! The exit status is 0 if the connection was closed without an error, 1 if not, and 2 if the arguments are wrong.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::process::{self, ExitCode};
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
    /// How long the server may take to accept the connection, to read 64 KiB, or to close.
    timeout: Duration,
    /// How long the server may be silent before it gets a ping, and then how long before it gets a close frame.
    idle_timeout: Duration,
}

impl Options {
    /// Reads the command line; `None` if it asks for help.
    fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let (mut url, mut timeout, mut idle_timeout) = (None, TIMEOUT, IDLE_TIMEOUT);
        while let Some(arg) = args.next()? {
            match arg {
                Long("timeout") => timeout = seconds("timeout", &mut args)?,
                Long("idle-timeout") => idle_timeout = seconds("idle-timeout", &mut args)?,
                Short('h') | Long("help") => return Ok(None),
                Value(value) if url.is_none() => url = Some(parse_url(&value.string()?)?),
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
the connection; a second Ctrl-C ends the program at once, with status 1.

  --timeout SECONDS       Give up if the server takes longer to accept the
                          connection, to read 64 KiB, or to close. [default: {}]
  --idle-timeout SECONDS  Ping a server that is silent for this long; if it is
                          silent as long again, close with 3008. [default: {}]
  -h, --help              Print this help.

SECONDS is above 0, at most 86400 (a day), and may have a fraction, such as 0.5.
The exit status is 0 if the connection was closed without an error, 1 if not,
and 2 if the arguments are wrong.
",
            TIMEOUT.as_secs(),
            IDLE_TIMEOUT.as_secs(),
        )
    }
}

fn parse_url(text: &str) -> Result<WebSocketUri, String> {
    let url = text.parse::<WebSocketUri>().map_err(|error| format!("{text}: {error}"))?;
    if url.is_secure() { Err(format!("{text}: this client has no TLS")) } else { Ok(url) }
}

/// Reads the value of an option that is a time in seconds.
fn seconds(option: &str, args: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let value = args.value()?;
    let seconds = value.to_str().and_then(|text| text.parse().ok());
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout.filter(|timeout| !timeout.is_zero() && *timeout <= MAX_TIMEOUT).ok_or_else(|| {
        let max = MAX_TIMEOUT.as_secs();
        format!("--{option} takes a number of seconds above 0 and up to {max}, not {value:?}").into()
    })
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
    let (for_lines, for_writing, for_signals) =
        (Arc::clone(&outbox), Arc::clone(&outbox), Arc::clone(&outbox));
    let (writing_end, timeout) = (stream.try_clone()?, *timeout);
    let mut is_closing = false;
    let on_signal = move || {
        if std::mem::replace(&mut is_closing, true) {
            process::exit(1);
        }
        for_signals.send(CloseConnection::new(CloseCode::GOING_AWAY, ""));
    };
    ctrlc::set_handler(on_signal).map_err(io::Error::other)?;
    thread::spawn(move || for_writing.write_to(&writing_end, timeout));
    let lines = thread::spawn(move || send_lines(&for_lines));
    stream.set_read_timeout(Some(*idle_timeout))?;
    match print_messages(stream, receiver, &outbox, early) {
        // If the connection is closed while the user still types, do not wait for the line.
        Ok(()) if lines.is_finished() => {
            lines.join().unwrap_or_else(|_| Err(io::Error::other("a thread has panicked")))
        }
        // The program that reads our output has ended: that is no failure.
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

/// Does the opening handshake; returns the bytes that were received after it.
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
        // One deadline for all reads: a server that sends byte by byte does not extend it.
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
                Some(_) => {} // the enum is non-exhaustive
                None => break,
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// What is to be written, shared by the threads.
struct Outbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    sender: Sender<SeededEntropy>,
    /// Answers pings, with at most one pong waiting, however many pings are received.
    replies: AutoReplies,
    bytes: Vec<u8>,
    is_writing: bool,
    /// Why the writer has given up and ended the transport.
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
        // An error means that the connection was closed in the meantime. Then the event is not needed.
        let _ = sender.send(event, bytes);
        self.changed.notify_all();
    }

    /// Queues the pong if the event is a ping.
    fn answer_ping(&self, event: &EventRef<'_>) {
        self.queue().replies.on_event(event);
        self.changed.notify_all();
    }

    /// Waits until at most `MAX_QUEUED` bytes are queued.
    fn wait_for_room(&self) {
        let full = |queue: &mut Queue| queue.bytes.len() > MAX_QUEUED && queue.given_up.is_none();
        drop(self.changed.wait_while(self.queue(), full));
    }

    /// Whether bytes are being written.
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
            Err(_) => "the server disconnected without a close frame",
        };
        self.queue().given_up = Some(given_up);
        self.changed.notify_all();
        // This ends a read that the other thread waits in. An error means that the transport has ended already.
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

/// Writes all of `bytes` within `timeout`, which is for all calls together.
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

/// Sends each line of the standard input, and closes at its end.
fn send_lines(outbox: &Outbox) -> io::Result<()> {
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

/// Prints what is received, `early` first, until the connection ends.
fn print_messages(
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
            outbox.answer_ping(&event);
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
                        // Codes from 3000 on are of libraries and applications, and need not mean an error.
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
            let why = outbox.queue().given_up.unwrap_or("the server disconnected without a close frame");
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
            // While the server still has something to read, only the timeout for writing counts.
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

/// A server answers at once. The rest of the time is for slow networks.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Many proxies close a connection that is silent for a minute: ping before that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest timeout, a day: it is as good as none, and every clock can count it.
const MAX_TIMEOUT: Duration = Duration::from_secs(86_400);

/// The most bytes that one read returns.
const BUFFER_LEN: usize = 16 << 10;

/// How many bytes have to be written within the timeout.
const WRITE_LEN: usize = 64 << 10;

/// How many bytes may wait to be written before the client stops reading lines.
const MAX_QUEUED: usize = 1 << 20;

/// The longest message that is assembled, in bytes: the default of `Limits::max_message_len`.
const MAX_MESSAGE_LEN: usize = 16 << 20;

const USAGE: &str = "usage: echo_client [OPTION]... ws://HOST[:PORT][/PATH][?QUERY]";
