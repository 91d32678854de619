//! The server: sockets, deadlines and the core.

use std::io::{self, ErrorKind};
use std::mem;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use slab::Slab;
use wsproto::{
    AcceptConnection, CloseCode, CloseConnection, Connection, Event, HandshakeLimits, Keepalive,
    KeepaliveAction, Limits, LocalProtocolError, Outgoing, Ping, ServerHandshake, Timeouts, TransportAction,
};

use crate::ring::{Completion, MAX_IN_FLIGHT, Operation, Ring};

pub(crate) fn run(address: &str) -> io::Result<()> {
    let mut ring = Ring::new()?;
    let listener = Arc::new(TcpListener::bind(address)?);
    println!("ws://{}/", listener.local_addr()?);
    let stop = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&stop);
    ctrlc::set_handler(move || handler.store(true, Ordering::Relaxed)).map_err(io::Error::other)?;

    let (start, mut swept, mut stopped_at) = (Instant::now(), Duration::ZERO, None);
    let mut peers: Slab<Peer> = Slab::new();
    ring.start(Operation::Accept { listener: Arc::clone(&listener) })?;
    let mut is_accepting = true;
    loop {
        ring.wait(SWEEP)?;
        let now = start.elapsed();
        while let Some(completion) = ring.next() {
            let key = match completion {
                Completion::Accept(Err(error)) => {
                    eprintln!("cannot accept: {error}");
                    is_accepting = false; // the next sweep tries again: the system may have room by then
                    continue;
                }
                Completion::Accept(Ok(socket)) => {
                    ring.start(Operation::Accept { listener: Arc::clone(&listener) })?;
                    if peers.len() >= MAX_CONNECTIONS || stopped_at.is_some() {
                        continue; // dropping the socket closes it
                    }
                    let Ok(peer) = Peer::new(socket, now) else { continue };
                    peers.insert(peer)
                }
                Completion::Read { key, buffer, len } => {
                    let Some(peer) = peers.get_mut(key) else { continue };
                    peer.is_over |= peer.on_read(buffer, len, now).is_err();
                    key
                }
                Completion::Write { key, bytes, len } => {
                    let Some(peer) = peers.get_mut(key) else { continue };
                    peer.is_over |= peer.on_written(bytes, len).is_err();
                    key
                }
            };
            go_on(&mut peers, key, &mut ring, now)?;
        }
        if stop.load(Ordering::Relaxed) && stopped_at.is_none() {
            stopped_at = Some(now);
            swept = Duration::ZERO;
            for (_, peer) in &mut peers {
                peer.is_over |= peer.send_close(CloseCode::GOING_AWAY, now).is_err();
            }
        }
        if stopped_at.is_some_and(|at| peers.is_empty() || now.saturating_sub(at) > WRITE_TIMEOUT) {
            return Ok(());
        }
        if now.saturating_sub(swept) >= SWEEP {
            swept = now;
            if !is_accepting {
                is_accepting = true;
                ring.start(Operation::Accept { listener: Arc::clone(&listener) })?;
            }
            for key in peers.iter().map(|(key, _)| key).collect::<Vec<_>>() {
                if let Some(peer) = peers.get_mut(key) {
                    peer.is_over |= peer.check_deadlines(now).is_err();
                }
                go_on(&mut peers, key, &mut ring, now)?;
            }
        }
    }
}

/// Starts what is next for a connection, or removes it once it is over and the kernel has none of its operations.
fn go_on(peers: &mut Slab<Peer>, key: usize, ring: &mut Ring, now: Duration) -> io::Result<()> {
    let Some(peer) = peers.get_mut(key) else { return Ok(()) };
    if peer.is_over {
        _ = peer.socket.shutdown(Shutdown::Both); // what is in progress ends now
        if peer.buffer.is_some() && peer.writes_since.is_none() {
            _ = peers.remove(key);
        }
        return Ok(());
    }
    if !peer.output.is_empty() && peer.writes_since.is_none() {
        peer.writes_since = Some(now);
        let bytes = mem::take(&mut peer.output);
        ring.start(Operation::Write { key, socket: Arc::clone(&peer.socket), bytes })?;
    }
    if peer.writes_since.is_none() {
        if let Some(buffer) = peer.buffer.take() {
            ring.start(Operation::Read { key, socket: Arc::clone(&peer.socket), buffer })?;
        }
    }
    Ok(())
}

struct Peer {
    socket: Arc<TcpStream>,
    phase: Phase,
    keepalive: Keepalive,
    /// `None` while a read is in progress: the operation has it.
    buffer: Option<Vec<u8>>,
    /// What is to be written next.
    output: Vec<u8>,
    /// Since when a write is in progress.
    writes_since: Option<Duration>,
    /// It is removed when its operations have ended.
    is_over: bool,
}

enum Phase {
    Handshake(Box<ServerHandshake>),
    Open(Box<Connection>),
    /// The request was refused, or the client was given up.
    Over,
}

impl Peer {
    fn new(socket: TcpStream, now: Duration) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self {
            socket: Arc::new(socket),
            phase: Phase::Handshake(Box::new(ServerHandshake::new(HandshakeLimits::default()))),
            keepalive: Keepalive::new(Timeouts::default(), now),
            buffer: Some(vec![0; READ_LEN]),
            output: Vec::new(),
            writes_since: None,
            is_over: false,
        })
    }

    fn on_read(&mut self, mut buffer: Vec<u8>, len: io::Result<usize>, now: Duration) -> io::Result<()> {
        let received = match &len {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => self.receive(buffer.get_mut(..*len).unwrap_or_default(), now),
            Err(error) => Err(error.kind().into()),
        };
        self.buffer = Some(buffer);
        received
    }

    fn on_written(&mut self, mut bytes: Vec<u8>, len: io::Result<usize>) -> io::Result<()> {
        self.writes_since = None;
        let len = len?;
        if len < bytes.len() {
            // The rest comes before what was added in the meantime.
            bytes.drain(..len);
            bytes.append(&mut self.output);
            self.output = bytes;
        }
        let ends = match &self.phase {
            Phase::Handshake(_) => false,
            Phase::Open(connection) => connection.transport_action() != TransportAction::Keep,
            Phase::Over => true,
        };
        if ends && self.output.is_empty() {
            _ = self.socket.shutdown(Shutdown::Write); // then it is read to the end
        }
        Ok(())
    }

    /// Reads what the kernel has put into `input`, and puts the answers into `output`.
    fn receive(&mut self, mut input: &mut [u8], now: Duration) -> io::Result<()> {
        if let Phase::Handshake(handshake) = &mut self.phase {
            let (mut rest, len) = (&*input, input.len());
            match handshake.receive(&mut rest) {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => {
                    handshake.accept(AcceptConnection::new(), &mut self.output)?;
                    let limits = Limits::default().with_max_message_len(MAX_MESSAGE_LEN);
                    self.phase = Phase::Open(Box::new(Connection::server(limits)));
                    self.keepalive.opened(now);
                    let used = len.saturating_sub(rest.len());
                    input = input.get_mut(used..).unwrap_or_default();
                }
                Err(error) => {
                    handshake.reject(error.response(), &mut self.output)?;
                    self.phase = Phase::Over;
                }
            }
        }
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        let (receiver, sender) = connection.split();
        while let Some(next) = receiver.next_event(&mut input).transpose() {
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

    /// Sends pings; an error means that the connection is over.
    fn check_deadlines(&mut self, now: Duration) -> io::Result<()> {
        if self.writes_since.is_some_and(|since| now.saturating_sub(since) > WRITE_TIMEOUT) {
            return Err(ErrorKind::TimedOut.into());
        }
        loop {
            match self.keepalive.poll(now) {
                KeepaliveAction::SendPing(payload) => self.send(Ping::new(payload))?,
                KeepaliveAction::SendClose(code) => self.send_close(code, now)?,
                KeepaliveAction::GiveUp(timeout) => {
                    // Once the close frame is written, our direction ends; the next sweep ends the rest.
                    let code = timeout.close_code().ok_or(ErrorKind::TimedOut)?;
                    self.send_close(code, now)?;
                    self.phase = Phase::Over;
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
    }

    fn send_close(&mut self, code: CloseCode, now: Duration) -> io::Result<()> {
        self.keepalive.close_sent(now);
        self.send(CloseConnection::new(code, ""))
    }

    fn send(&mut self, event: impl Outgoing) -> io::Result<()> {
        let Phase::Open(connection) = &mut self.phase else { return Err(ErrorKind::NotConnected.into()) };
        _ = connection.send(event, &mut self.output); // it is refused once the connection closes
        Ok(())
    }
}

const MAX_CONNECTIONS: usize = 1000;
/// A read and a write of each connection, and an accept.
const _: () = assert!(2 * MAX_CONNECTIONS < MAX_IN_FLIGHT as usize);
const MAX_MESSAGE_LEN: u64 = 64 << 20;
const READ_LEN: usize = 4 << 10;
const SWEEP: Duration = Duration::from_secs(1);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
