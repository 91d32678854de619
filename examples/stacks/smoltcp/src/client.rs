//! One client over one socket of smoltcp, from its request to the end of TCP. Nothing here allocates or reads a clock.

use core::time::Duration;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp;
use wsproto::{
    CloseConnection, Event, HandshakeLimits, Keepalive, KeepaliveAction, Limits, LocalProtocolError,
    Outgoing, Ping, ServerConnection, SliceServerHandshake, Timeouts, TransportAction,
};

pub(crate) struct Client {
    socket: SocketHandle,
    phase: Phase,
    keepalive: Keepalive,
    /// Since when the client has not taken enough to be read from.
    waits_since: Option<Duration>,
}

#[allow(clippy::large_enum_variant, reason = "there is no allocator for a box")]
enum Phase {
    /// Nobody has connected yet.
    Listening,
    Handshake(SliceServerHandshake),
    Open(ServerConnection),
    /// The request was refused, or the client was given up: what still comes is dropped.
    Over {
        since: Duration,
    },
}

/// An end without a farewell.
struct Abort;

impl Client {
    pub(crate) const fn new(socket: SocketHandle) -> Self {
        let keepalive = Keepalive::new(Timeouts::DEFAULT, Duration::ZERO);
        Self { socket, phase: Phase::Listening, keepalive, waits_since: None }
    }

    /// Does what can be done now.
    pub(crate) fn turn(&mut self, sockets: &mut SocketSet<'_>, now: Duration) {
        let socket: &mut tcp::Socket<'_> = sockets.get_mut(self.socket);
        if !socket.is_open() {
            *self = Self::new(self.socket);
            socket.set_nagle_enabled(false);
            _ = socket.listen(PORT); // it is closed, and the port is not 0
        }
        if !socket.is_active() {
            return;
        }
        if let Phase::Listening = self.phase {
            self.phase = Phase::Handshake(SliceServerHandshake::new(HANDSHAKE_LIMITS));
            self.keepalive = Keepalive::new(Timeouts::DEFAULT, now);
        }
        if self.talk(socket, now).is_err() {
            socket.abort();
        }
    }

    fn talk(&mut self, socket: &mut tcp::Socket<'_>, now: Duration) -> Result<(), Abort> {
        self.read(socket, now)?;
        match self.waits_since {
            Some(since) if now.saturating_sub(since) > WRITE_TIMEOUT => return Err(Abort),
            Some(_) => {}
            None => self.check_deadlines(socket, now)?,
        }
        let is_over = match &self.phase {
            Phase::Listening | Phase::Handshake(_) => false,
            Phase::Open(connection) => connection.transport_action() != TransportAction::Keep,
            Phase::Over { .. } => true,
        };
        let has_left = socket.state() == tcp::State::CloseWait && !socket.can_recv();
        if is_over || has_left {
            socket.close(); // after what was sent; then the client is read to its end
        }
        Ok(())
    }

    /// Reads as long as there is room for the answers: a client that takes nothing is not read from.
    fn read(&mut self, socket: &mut tcp::Socket<'_>, now: Duration) -> Result<(), Abort> {
        loop {
            if room(socket) < OUTPUT_LEN && socket.may_send() {
                self.waits_since.get_or_insert(now);
                return Ok(());
            }
            self.waits_since = None;
            if !socket.can_recv() {
                return Ok(());
            }
            let mut output = [0; OUTPUT_LEN];
            let mut space = output.as_mut_slice();
            let read = socket.recv(|input| match self.receive(input, &mut space, now) {
                Ok(len) => (len, Ok(len)),
                Err(error) => (0, Err(error)),
            });
            let unused = space.len();
            write(socket, &output, unused)?;
            match read {
                Ok(Ok(0)) => return Ok(()), // the request is not complete
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return Err(Abort),
            }
        }
    }

    /// Reads from smoltcp's buffer, and writes the answers to `space`. Returns how many bytes are used.
    fn receive(
        &mut self,
        input: &mut [u8],
        space: &mut &mut [u8],
        now: Duration,
    ) -> Result<usize, LocalProtocolError> {
        match &mut self.phase {
            Phase::Handshake(handshake) => match handshake.receive(input) {
                Ok(None) => Ok(0), // it stays in smoltcp's buffer
                Ok(Some(request)) => {
                    let len = request.head_len();
                    handshake.accept(&request, None, &[], space)?;
                    self.phase = Phase::Open(ServerConnection::server(Limits::DEFAULT));
                    self.keepalive.opened(now);
                    Ok(len)
                }
                Err(error) => {
                    handshake.reject(error.status(), error.response_headers(), space)?;
                    self.phase = Phase::Over { since: now };
                    Ok(input.len())
                }
            },
            Phase::Open(connection) => {
                let len = input.len().min(INPUT_LEN);
                let mut unread = input.get_mut(..len).unwrap_or_default();
                let (receiver, sender) = connection.split();
                while let Some(next) = receiver.next_event(&mut unread).transpose() {
                    let sent = match next {
                        Ok(event) => {
                            self.keepalive.on_event(&event, now);
                            match event {
                                Event::Text(_) | Event::Bytes(_) => sender.send(event, space),
                                Event::Ping(ping) => sender.send(ping.response(), space),
                                Event::Pong(_) => Ok(()),
                                Event::Close(close) => sender.send(close.response(), space),
                            }
                        }
                        Err(error) => sender.send(error.response(), space),
                    };
                    match sent {
                        Ok(()) | Err(LocalProtocolError::CloseSent) => {} // after a close frame, nothing is echoed
                        Err(error) => return Err(error),
                    }
                }
                self.keepalive.received(now, receiver.is_idle());
                if sender.is_close_sent() {
                    self.keepalive.close_sent(now);
                }
                Ok(len)
            }
            Phase::Listening | Phase::Over { .. } => Ok(input.len()),
        }
    }

    fn check_deadlines(&mut self, socket: &mut tcp::Socket<'_>, now: Duration) -> Result<(), Abort> {
        if let Phase::Over { since } = self.phase {
            return if now.saturating_sub(since) > WRITE_TIMEOUT { Err(Abort) } else { Ok(()) };
        }
        match self.keepalive.poll(now) {
            KeepaliveAction::SendPing(payload) => self.send(Ping::new(payload), socket),
            KeepaliveAction::SendClose(code) => self.send(CloseConnection::new(code, ""), socket),
            KeepaliveAction::GiveUp(timeout) => {
                let code = timeout.close_code().ok_or(Abort)?;
                self.send(CloseConnection::new(code, ""), socket)?;
                self.phase = Phase::Over { since: now };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn send(&mut self, event: impl Outgoing, socket: &mut tcp::Socket<'_>) -> Result<(), Abort> {
        let Phase::Open(connection) = &mut self.phase else { return Err(Abort) };
        let mut output = [0; OUTPUT_LEN];
        let mut space = output.as_mut_slice();
        _ = connection.send(event, &mut space); // it is refused once the connection closes
        let unused = space.len();
        write(socket, &output, unused)
    }
}

/// How many bytes smoltcp takes.
fn room(socket: &tcp::Socket<'_>) -> usize {
    socket.send_capacity().saturating_sub(socket.send_queue())
}

/// Hands the used part of `output` to smoltcp, which has room for it.
fn write(socket: &mut tcp::Socket<'_>, output: &[u8; OUTPUT_LEN], unused: usize) -> Result<(), Abort> {
    let bytes = output.get(..OUTPUT_LEN.saturating_sub(unused)).unwrap_or_default();
    match socket.send_slice(bytes) {
        Ok(len) if len == bytes.len() => Ok(()),
        _ if bytes.is_empty() => Ok(()), // our direction may have ended
        _ => Err(Abort),
    }
}

pub(crate) const PORT: u16 = 9001;
/// The longest request: it is read where smoltcp has received it.
pub(crate) const RECEIVE_LEN: usize = 2048;
pub(crate) const SEND_LEN: usize = 2048;
/// How much is read at once, and how long its answers can be: a header more, and a close frame or a pong whose ping
/// began in an earlier read.
const INPUT_LEN: usize = 512;
const OUTPUT_LEN: usize = INPUT_LEN + 256;
const HANDSHAKE_LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT.with_max_head_len(RECEIVE_LEN);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
