//! A blocking WebSocket, in the shape of Python's simple-websocket: receive with a timeout, send, close.
//!
//! A handler has a [`Socket`]. Other threads have a [`SocketSender`], and send while the handler waits in
//! [`receive`](Socket::receive).
//!
//! ```no_run
//! use std::net::TcpListener;
//! use std::time::Duration;
//! use wsproto::{HandshakeLimits, Message, ReadBuffer, ServerHandshake};
//! use wsproto_chat::socket::{Options, Socket};
//!
//! let (stream, _) = TcpListener::bind("127.0.0.1:8080")?.accept()?;
//! let (mut handshake, mut buffer) = (ServerHandshake::new(HandshakeLimits::default()), ReadBuffer::new());
//! // … read until `handshake.receive` returns the request …
//! let mut socket = Socket::accept(stream, &mut handshake, buffer, &Options::default())?;
//! loop {
//!     match socket.receive(Some(Duration::from_secs(60)))? {
//!         Some(Message::Text(text)) => socket.send(text.as_str())?,
//!         Some(Message::Binary(bytes)) => socket.send(bytes.as_slice())?,
//!         None => socket.send("still there?")?,
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Threads
//!
//! Each socket has two threads of its own. One reads: so pings and close frames are answered while the handler does
//! something else. The other writes, sends pings, and keeps the deadlines: so nobody waits for a peer that does not
//! read. Both end before the drop of the [`Socket`] returns.
//!
//! # Memory
//!
//! [`Options`] bound it. A socket holds at most one message that is not complete, one `max_message_size` of messages
//! that the handler has not received, or 64 messages, and two of them more; and `max_queue_size` to write, and one
//! message more. When the handler does not receive, the socket stops reading, and the peer has to wait. When the peer
//! does not read, [`Socket::send`] waits, and [`SocketSender::send`] disconnects it.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wsproto::{
    AcceptConnection, CloseCode, CloseConnection, Connection, Keepalive, Limits, LocalProtocolError,
    MessageRef, Messages, PermessageDeflate, ReadBuffer, ServerHandshake, Timeout, Timeouts, TransportAction,
};

/// A whole message that owns its data.
pub type Message = wsproto::Message<String, Vec<u8>>;

/// What a socket waits for, and how much it holds.
#[derive(Clone, Debug)]
pub struct Options {
    /// After how long a ping is sent: 25 s unless set. A peer that answers nothing for as long again is disconnected.
    /// `None` sends no pings; then a peer that has vanished is found only by a failed write.
    pub ping_interval: Option<Duration>,
    /// The longest message, in bytes, that is received: 1 MiB unless set. A longer one closes with 1009.
    pub max_message_size: usize,
    /// How many bytes may wait to be written: 1 MiB unless set.
    pub max_queue_size: usize,
    /// For the peer to read 64 KiB of what is written: 10 s unless set.
    pub write_timeout: Duration,
    /// For the peer to answer a close frame, and to end the transport: 5 s unless set.
    pub close_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ping_interval: Some(Duration::from_secs(25)),
            max_message_size: 1 << 20,
            max_queue_size: 1 << 20,
            write_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
        }
    }
}

/// The connection has ended, or is about to: no message follows, and none can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionClosed {
    /// The code of the close frame that came first; 1006 if the connection ended without one.
    pub code: CloseCode,
    /// The reason in that close frame, or what went wrong; it may be empty.
    pub reason: String,
}

impl fmt::Display for ConnectionClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closed with code {}", self.code.get())?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

impl Error for ConnectionClosed {}

/// An open connection, for the one thread that receives.
///
/// Dropping it closes the connection with 1000, or with 1011 if the thread panics, and waits until the peer has closed
/// too, for at most [`close_timeout`](Options::close_timeout).
#[derive(Debug)]
pub struct Socket {
    sender: SocketSender,
    threads: Vec<JoinHandle<()>>,
}

/// Sends from any thread, and never waits; clone it as often as needed.
#[derive(Clone, Debug)]
pub struct SocketSender(Arc<Shared>);

impl Socket {
    /// Accepts the request that `handshake` has received, with permessage-deflate if the client offers it.
    ///
    /// `buffer` is the one that the handshake has read from: it may have the first messages already.
    ///
    /// # Errors
    ///
    /// No request waits for an answer, or the response cannot be written, or no thread can be started. Then the
    /// transport is closed.
    pub fn accept(
        stream: TcpStream,
        handshake: &mut ServerHandshake,
        buffer: ReadBuffer,
        options: &Options,
    ) -> io::Result<Self> {
        let request = handshake.request().ok_or(LocalProtocolError::NotInHandshake)?;
        let (accept, extensions) =
            AcceptConnection::new().with_extensions(&[&PermessageDeflate::new()], request);
        let mut response = Vec::new();
        handshake.accept(accept, &mut response)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(None)?;
        write_all(&stream, &response, options.write_timeout)?;
        let connection = Connection::server(limits(options)).with_extensions(extensions);
        Self::new(stream, Messages::new(connection, buffer), options)
    }

    /// A socket over `messages`, whose handshake has ended, and two threads for it.
    ///
    /// # Errors
    ///
    /// No thread can be started. Then the transport is closed.
    pub fn new(stream: TcpStream, messages: Messages, options: &Options) -> io::Result<Self> {
        let timeouts = Timeouts::default()
            .with_ping_interval(options.ping_interval)
            .with_pong(options.ping_interval)
            .with_close(Some(options.close_timeout));
        let state = State {
            messages: messages.with_keepalive(Keepalive::new(timeouts, Duration::ZERO)),
            inbox: VecDeque::new(),
            inbox_len: 0,
            writing_len: 0,
            closed: None,
            reader_ended: false,
            clock: Clock { since: Instant::now(), stopped: Duration::ZERO, stopped_since: None },
        };
        let shared = Arc::new(Shared {
            stream,
            options: options.clone(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let mut socket = Self { sender: SocketSender(Arc::clone(&shared)), threads: Vec::new() };
        for run in [Shared::read, Shared::write] {
            let shared = Arc::clone(&shared);
            match thread::Builder::new().spawn(move || run(&shared)) {
                Ok(thread) => socket.threads.push(thread),
                Err(error) => {
                    drop(socket.sender.0.abort(socket.sender.0.lock(), "no thread can be started"));
                    return Err(error);
                }
            }
        }
        Ok(socket)
    }

    /// Waits for the next message, for at most `timeout`; `None` waits as long as the connection lasts.
    ///
    /// Returns `None` if no message has come in that time. A timeout of zero only looks.
    ///
    /// # Errors
    ///
    /// The connection is closed, by either side, and all messages that came before were received.
    pub fn receive(&mut self, timeout: Option<Duration>) -> Result<Option<Message>, ConnectionClosed> {
        let shared = &*self.sender.0;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = shared.lock();
        loop {
            if let Some(message) = state.inbox.pop_front() {
                state.inbox_len = state.inbox_len.saturating_sub(len(&message));
                shared.changed.notify_all();
                return Ok(Some(message));
            }
            if let Some(closed) = &state.closed {
                return Err(closed.clone());
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            state = shared.wait(state, left);
        }
    }

    /// Sends a message: a `&str` as text, a `&[u8]` as binary.
    ///
    /// It waits while more than half of [`max_queue_size`](Options::max_queue_size) waits to be written. To send
    /// without ever waiting, take a [`sender`](Self::sender).
    ///
    /// # Errors
    ///
    /// The connection is closed. Success does not mean that the message has arrived.
    pub fn send<'a>(&self, message: impl Into<MessageRef<'a>>) -> Result<(), ConnectionClosed> {
        let shared = &*self.sender.0;
        let half = shared.options.max_queue_size / 2;
        let mut state = shared.lock();
        while state.closed.is_none() && state.queue_len() > half {
            state = shared.wait(state, None);
        }
        shared.send(state, message.into())
    }

    /// Closes the connection; see [`SocketSender::close`].
    ///
    /// # Errors
    ///
    /// As [`SocketSender::close`].
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), LocalProtocolError> {
        self.sender.close(code, reason)
    }

    /// Whether messages can be sent.
    pub fn is_connected(&self) -> bool {
        self.sender.0.lock().closed.is_none()
    }

    /// A handle for other threads.
    pub fn sender(&self) -> SocketSender {
        self.sender.clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let code = if thread::panicking() { CloseCode::INTERNAL_ERROR } else { CloseCode::NORMAL_CLOSURE };
        // The code can be sent, so that nothing is left to fail.
        let _ = self.close(code, "");
        for thread in self.threads.drain(..) {
            // Its panic was reported on standard error.
            let _ = thread.join();
        }
    }
}

impl SocketSender {
    /// Sends a message, as [`Socket::send`], but does not wait.
    ///
    /// # Errors
    ///
    /// The connection is closed. It is also closed now, if more than [`max_queue_size`](Options::max_queue_size) waits
    /// to be written: the peer does not read.
    pub fn send<'a>(&self, message: impl Into<MessageRef<'a>>) -> Result<(), ConnectionClosed> {
        let mut state = self.0.lock();
        if state.closed.is_none() && state.queue_len() > self.0.options.max_queue_size {
            state = self.0.abort(state, "the peer does not read what is sent to it");
        }
        self.0.send(state, message.into())
    }

    /// Closes the connection: messages that were sent before are still written, and the thread in
    /// [`Socket::receive`] gets [`ConnectionClosed`]. It does not wait for the peer.
    ///
    /// If the connection is closed already, only messages that were not received are dropped.
    ///
    /// # Errors
    ///
    /// The code cannot be sent, or the reason has more than 123 bytes. Then nothing has changed.
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), LocalProtocolError> {
        let mut state = self.0.lock();
        let sent = state.messages.send(CloseConnection::new(code, reason));
        if state.closed.is_none() {
            sent?;
        }
        // Nobody receives these any more, and the reading thread may wait for room.
        (state.inbox, state.inbox_len) = (VecDeque::new(), 0);
        state.closed.get_or_insert_with(|| ConnectionClosed { code, reason: reason.to_owned() });
        self.0.changed.notify_all();
        Ok(())
    }
}

/// What the handler, the other senders and the two threads share.
#[derive(Debug)]
struct Shared {
    stream: TcpStream,
    options: Options,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    messages: Messages,
    /// What was received for the handler, and its length in bytes.
    inbox: VecDeque<Message>,
    inbox_len: usize,
    /// How many bytes the writer has taken from the output and not yet written.
    writing_len: usize,
    closed: Option<ConnectionClosed>,
    /// Whether the transport has ended for reading.
    reader_ended: bool,
    clock: Clock,
}

/// The time for the deadlines. It stands still while the handler is what the connection waits for.
#[derive(Debug)]
struct Clock {
    since: Instant,
    stopped: Duration,
    stopped_since: Option<Instant>,
}

impl Shared {
    /// The thread that reads, until the transport ends.
    fn read(&self) {
        let mut buffer = vec![0; READ_LEN];
        let mut state = self.lock();
        loop {
            // The handshake may have read messages already.
            while !state.take_messages(self.options.max_message_size) {
                self.changed.notify_all();
                state.clock.stop();
                state = self.wait(state, None);
            }
            state.clock.go_on();
            self.changed.notify_all();
            if state.reader_ended {
                return;
            }
            drop(state);
            let len = read(&self.stream, &mut buffer);
            state = self.lock();
            let received = buffer.get(..len).unwrap_or_default();
            // After the end of the connection, bytes are read only so that the peer can write.
            let is_open = state.messages.transport_action() == TransportAction::Keep;
            // The buffer has room: all messages were taken out of it.
            if received.is_empty() || (is_open && state.messages.receive_data(received).is_err()) {
                state.reader_ended = true;
                state.messages.receive_eof();
            }
        }
    }

    /// The thread that writes, sends pings and keeps the deadlines, until the connection is closed.
    fn write(&self) {
        let clean = self.write_until_closed();
        if clean {
            // An error means that the transport has ended already.
            let _ = self.stream.shutdown(Shutdown::Write);
            self.await_end();
        }
        drop(self.abort(self.lock(), "the transport has failed"));
    }

    /// Returns whether everything was written, and the peer may still end the transport.
    fn write_until_closed(&self) -> bool {
        let mut state = self.lock();
        loop {
            let now = state.clock.now();
            let due = state.messages.poll(now);
            let output = state.take_output();
            if !output.is_empty() {
                state.writing_len = output.len();
                drop(state);
                if write_all(&self.stream, &output, self.options.write_timeout).is_err() {
                    return false;
                }
                state = self.lock();
                state.writing_len = 0;
                self.changed.notify_all();
                continue;
            }
            match due {
                Err(timeout) => {
                    drop(self.abort(state, reason(timeout)));
                    return false;
                }
                Ok(_) if state.messages.transport_action() != TransportAction::Keep => return true,
                Ok(until) => state = self.wait(state, until.map(|until| until.saturating_sub(now))),
            }
        }
    }

    /// Waits until the peer has ended the transport. If a socket is closed with unread bytes in it, the peer may lose
    /// what was written last: the close frame.
    fn await_end(&self) {
        let reads = |state: &mut State| !state.reader_ended;
        drop(self.changed.wait_timeout_while(self.lock(), self.options.close_timeout, reads));
    }

    /// Ends the connection and the transport at once, which wakes both threads from their reads and writes.
    fn abort<'a>(&'a self, mut state: MutexGuard<'a, State>, reason: &str) -> MutexGuard<'a, State> {
        state.closed.get_or_insert_with(|| ConnectionClosed {
            code: CloseCode::ABNORMAL_CLOSURE,
            reason: reason.to_owned(),
        });
        state.messages.receive_eof();
        // An error means that the transport has ended already.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.changed.notify_all();
        state
    }

    fn send(
        &self,
        mut state: MutexGuard<'_, State>,
        message: MessageRef<'_>,
    ) -> Result<(), ConnectionClosed> {
        if let Some(closed) = &state.closed {
            return Err(closed.clone());
        }
        let sent = state.messages.send(message);
        self.changed.notify_all();
        // Messages are refused only after a close frame or a failure, which the reading thread is about to report.
        sent.map_err(|error| ConnectionClosed {
            code: CloseCode::ABNORMAL_CLOSURE,
            reason: error.to_string(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, for at most `timeout`.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Option<Duration>) -> MutexGuard<'a, State> {
        match timeout {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}

impl State {
    /// Takes messages until all are taken, or the inbox is full; returns whether all are taken.
    fn take_messages(&mut self, max_len: usize) -> bool {
        loop {
            if self.inbox_len >= max_len || self.inbox.len() >= MAX_INBOX {
                return false;
            }
            let Some(message) = self.messages.next_message() else { break };
            if self.closed.is_none() {
                let message: Message = message.map(str::to_owned, <[u8]>::to_vec);
                self.inbox_len = self.inbox_len.saturating_add(len(&message));
                self.inbox.push_back(message);
            }
        }
        if self.closed.is_none() {
            let failure = self.messages.failure();
            self.closed = self.messages.close_info().map(|info| match failure {
                Some(error) => ConnectionClosed { code: error.close_code(), reason: error.to_string() },
                None => ConnectionClosed { code: info.code, reason: info.reason.to_owned() },
            });
        }
        true
    }

    /// How many bytes wait to be written.
    fn queue_len(&mut self) -> usize {
        let (_, mut outgoing) = self.messages.split();
        outgoing.parts().1.len().saturating_add(self.writing_len)
    }

    /// Takes what is to be written.
    fn take_output(&mut self) -> Vec<u8> {
        // This adds the replies that wait.
        if self.messages.output().is_empty() {
            return Vec::new();
        }
        let (_, mut outgoing) = self.messages.split();
        mem::take(outgoing.parts().1)
    }
}

impl Clock {
    fn now(&self) -> Duration {
        let stopped = self.stopped_since.map_or(Duration::ZERO, |since| since.elapsed());
        self.since.elapsed().saturating_sub(self.stopped).saturating_sub(stopped)
    }

    fn stop(&mut self) {
        self.stopped_since.get_or_insert_with(Instant::now);
    }

    fn go_on(&mut self) {
        if let Some(since) = self.stopped_since.take() {
            self.stopped = self.stopped.saturating_add(since.elapsed());
        }
    }
}

fn limits(options: &Options) -> Limits {
    let max_len = u64::try_from(options.max_message_size).unwrap_or(u64::MAX);
    // Data that does not compress takes at most an eighth more on the wire.
    let max_encoded_len = max_len.saturating_add(max_len / 8).saturating_add(64);
    Limits::DEFAULT
        .with_max_message_len(max_len)
        .with_max_frame_len(max_encoded_len)
        .with_max_encoded_len(max_encoded_len)
}

fn len(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
    }
}

fn reason(timeout: Timeout) -> &'static str {
    match timeout {
        Timeout::Pong => "the peer does not answer a ping",
        Timeout::Message => "the peer takes too long to send a message",
        Timeout::Close => "the peer does not answer the close frame",
        _ => "the peer is silent",
    }
}

/// Reads once; returns 0 if the transport has ended.
fn read(mut stream: &TcpStream, buffer: &mut [u8]) -> usize {
    loop {
        match stream.read(buffer) {
            Ok(len) => return len,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return 0,
        }
    }
}

/// Writes all of `bytes`. Each 64 KiB have `timeout`: the timeout of a socket is for one call, so that a peer could
/// read one byte before each ends.
fn write_all(mut stream: &TcpStream, bytes: &[u8], timeout: Duration) -> io::Result<()> {
    for mut piece in bytes.chunks(WRITE_LEN) {
        let start = Instant::now();
        while !piece.is_empty() {
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            stream.set_write_timeout(Some(left))?;
            match stream.write(piece) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => piece = piece.get(len..).unwrap_or_default(),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                    _ => return Err(error),
                },
            }
        }
    }
    Ok(())
}

/// The most bytes that one read returns.
const READ_LEN: usize = 16 << 10;

/// How many bytes have to be written within the write timeout.
const WRITE_LEN: usize = 64 << 10;

/// How many messages wait for the handler at most; each takes memory of its own, however short it is.
const MAX_INBOX: usize = 64;
