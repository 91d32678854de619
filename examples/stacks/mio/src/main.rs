//! An echo server on mio: one thread, thousands of connections, and one read buffer for all of them.
//!
//! A connection keeps no bytes of its own while it is idle: its machines keep what a read cut off, such as half a header,
//! and output is kept only until the peer takes it. A peer that takes nothing is not read from. Deadlines are checked by
//! a sweep each second. Ctrl-C closes each connection with the code 1001.
//!
//! Run it: `cargo run -p wsproto-mio-example -- 127.0.0.1:9001`

use std::collections::VecDeque;
use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use wsproto::{
    AcceptConnection, CloseCode, CloseConnection, Connection, Event, HandshakeLimits, Keepalive,
    KeepaliveAction, Limits, LocalProtocolError, Outgoing, Ping, ReadBuffer, ServerHandshake, Timeouts,
    TransportAction,
};

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    println!("ws://{}/", listener.local_addr()?);
    let poll = Poll::new()?;
    let (waker, stop) = (Waker::new(poll.registry(), WAKER)?, Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let handler = move || {
        stopped.store(true, Ordering::Relaxed);
        _ = waker.wake();
    };
    ctrlc::set_handler(handler).map_err(io::Error::other)?;
    Server { poll, listener, peers: Slab::new(), ready: VecDeque::new(), start: Instant::now() }.run(&stop)
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    peers: Slab<Peer>,
    /// The connections that may have more to read: mio reports each readiness once.
    ready: VecDeque<usize>,
    start: Instant,
}

impl Server {
    fn run(mut self, stop: &AtomicBool) -> io::Result<()> {
        self.poll.registry().register(&mut self.listener, LISTENER, Interest::READABLE)?;
        let mut buffer = ReadBuffer::new().with_min_space(READ_LEN).with_max_len(READ_LEN);
        let mut events = Events::with_capacity(1024);
        let (mut swept, mut stopped_at) = (Duration::ZERO, None);
        loop {
            let wait = if self.ready.is_empty() { SWEEP } else { Duration::ZERO };
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = self.start.elapsed();
            for event in &events {
                match event.token() {
                    LISTENER if stopped_at.is_none() => self.accept(now),
                    LISTENER | WAKER => {}
                    Token(key) => {
                        if let Some(peer) = self.peers.get_mut(key).filter(|peer| !peer.is_ready) {
                            peer.is_ready = true;
                            self.ready.push_back(key);
                        }
                    }
                }
            }
            // One read for each: a flood from one peer does not hold up the others.
            for _ in 0..self.ready.len() {
                let Some(key) = self.ready.pop_front() else { break };
                let Some(peer) = self.peers.get_mut(key) else { continue };
                match peer.turn(&mut buffer, now) {
                    Ok(Turn::Again) => self.ready.push_back(key),
                    Ok(Turn::Wait) => peer.is_ready = false,
                    Ok(Turn::End) | Err(_) => _ = self.peers.remove(key),
                }
                buffer.read(|unread| *unread = &mut []); // it is the next peer's now
            }
            if stop.load(Ordering::Relaxed) && stopped_at.is_none() {
                stopped_at = Some(now);
                self.peers.retain(|_, peer| peer.send_close(CloseCode::GOING_AWAY, now).is_ok());
            }
            if stopped_at.is_some_and(|at| self.peers.is_empty() || now.saturating_sub(at) > WRITE_TIMEOUT) {
                return Ok(());
            }
            if now.saturating_sub(swept) >= SWEEP {
                swept = now;
                self.peers.retain(|_, peer| peer.check_deadlines(now).is_ok());
                if stopped_at.is_none() {
                    self.accept(now); // in case that the system had no room before
                }
            }
        }
    }

    fn accept(&mut self, now: Duration) {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => return eprintln!("cannot accept: {error}"),
            };
            if self.peers.len() >= MAX_CONNECTIONS {
                continue; // dropping it closes it
            }
            let entry = self.peers.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registered = self.poll.registry().register(&mut stream, Token(entry.key()), interest);
            if registered.is_ok() && stream.set_nodelay(true).is_ok() {
                entry.insert(Peer::new(stream, now));
            }
        }
    }
}

struct Peer {
    stream: TcpStream,
    phase: Phase,
    keepalive: Keepalive,
    /// What the system has not taken; it has no memory while nothing waits.
    output: Vec<u8>,
    waits_since: Option<Duration>,
    /// Whether the server's `ready` has it.
    is_ready: bool,
}

enum Phase {
    Handshake(Box<ServerHandshake>),
    Open(Box<Connection>),
    /// The request was refused.
    Refused,
}

enum Turn {
    /// There may be more to read.
    Again,
    /// Nothing can be done before the next readiness.
    Wait,
    End,
}

impl Peer {
    fn new(stream: TcpStream, now: Duration) -> Self {
        let phase = Phase::Handshake(Box::new(ServerHandshake::new(HandshakeLimits::default())));
        let keepalive = Keepalive::new(Timeouts::default(), now);
        Self { stream, phase, keepalive, output: Vec::new(), waits_since: None, is_ready: false }
    }

    /// Writes what waits; if all is written, reads once and answers.
    fn turn(&mut self, buffer: &mut ReadBuffer, now: Duration) -> io::Result<Turn> {
        self.flush(now)?;
        if !self.output.is_empty() {
            return Ok(Turn::Wait);
        }
        let len = match self.stream.read(buffer.space()) {
            Ok(0) => return Ok(Turn::End),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Turn::Wait),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Turn::Again),
            Err(error) => return Err(error),
        };
        buffer.filled(len)?;
        self.receive(buffer, now)?;
        self.flush(now)?;
        Ok(Turn::Again)
    }

    fn receive(&mut self, buffer: &mut ReadBuffer, now: Duration) -> io::Result<()> {
        if let Phase::Handshake(handshake) = &mut self.phase {
            match buffer.read_shared(|input| handshake.receive(input)) {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => {
                    handshake.accept(AcceptConnection::new(), &mut self.output)?;
                    let limits = Limits::default().with_max_message_len(MAX_MESSAGE_LEN);
                    self.phase = Phase::Open(Box::new(Connection::server(limits)));
                    self.keepalive.opened(now);
                }
                Err(error) => {
                    handshake.reject(error.response(), &mut self.output)?;
                    self.phase = Phase::Refused;
                }
            }
        }
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        let (receiver, sender) = connection.split();
        while let Some(next) = buffer.read(|input| receiver.next_event(input)).transpose() {
            let sent = match next {
                Ok(event) => {
                    self.keepalive.on_event(&event, now);
                    match event {
                        Event::Text(_) | Event::Bytes(_) => sender.send(event, &mut self.output),
                        Event::Ping(ping) => sender.send(ping.response(), &mut self.output),
                        Event::Pong(_) => Ok(()),
                        Event::Close(close) => sender.send(close.response(), &mut self.output),
                    }
                }
                Err(error) => sender.send(error.response(), &mut self.output),
            };
            match sent {
                Ok(()) | Err(LocalProtocolError::CloseSent) => {} // after a close frame, nothing is echoed
                Err(error) => return Err(error.into()),
            }
        }
        self.keepalive.received(now, receiver.is_idle());
        if sender.is_close_sent() {
            self.keepalive.close_sent(now);
        }
        Ok(())
    }

    /// Writes as much as the system takes; after the last byte of all, ends the writing direction.
    fn flush(&mut self, now: Duration) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => {
                    _ = self.output.drain(..len);
                    self.waits_since = None;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.waits_since.get_or_insert(now);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.waits_since = None;
        mem::take(&mut self.output);
        let is_over = match &self.phase {
            Phase::Handshake(_) => false,
            Phase::Open(connection) => connection.transport_action() != TransportAction::Keep,
            Phase::Refused => true,
        };
        if is_over {
            _ = self.stream.shutdown(Shutdown::Write); // then it is read to the end
        }
        Ok(())
    }

    /// Sends pings; an error means that the connection is to be dropped.
    fn check_deadlines(&mut self, now: Duration) -> io::Result<()> {
        if self.waits_since.is_some_and(|since| now.saturating_sub(since) > WRITE_TIMEOUT) {
            return Err(ErrorKind::TimedOut.into());
        }
        loop {
            match self.keepalive.poll(now) {
                KeepaliveAction::SendPing(payload) => self.send(Ping::new(payload), now)?,
                KeepaliveAction::SendClose(code) => self.send_close(code, now)?,
                KeepaliveAction::GiveUp(timeout) => {
                    if let Some(code) = timeout.close_code() {
                        self.send_close(code, now)?;
                    }
                    return Err(ErrorKind::TimedOut.into());
                }
                _ => return Ok(()),
            }
        }
    }

    fn send_close(&mut self, code: CloseCode, now: Duration) -> io::Result<()> {
        self.keepalive.close_sent(now);
        self.send(CloseConnection::new(code, ""), now)
    }

    fn send(&mut self, event: impl Outgoing, now: Duration) -> io::Result<()> {
        let Phase::Open(connection) = &mut self.phase else { return Err(ErrorKind::NotConnected.into()) };
        _ = connection.send(event, &mut self.output); // it is refused once the connection closes
        self.flush(now)
    }
}

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
const MAX_CONNECTIONS: usize = 10_000;
const MAX_MESSAGE_LEN: u64 = 64 << 20;
const READ_LEN: usize = 64 << 10;
const SWEEP: Duration = Duration::from_secs(1);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
