//! A connection over a blocking socket: its events in order, with the answers that the RFC asks for.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::deflate::{Deflater, Inflater};
use crate::fault::{Fault, Faults};
use crate::frame::{PONG, TEXT};
use crate::negotiation::Agreed;
use crate::receiver::Receiver;
use crate::rules::{Event, Failure, Role};
use crate::sender::Sender;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Session {
    stream: TcpStream,
    role: Role,
    faults: Faults,
    receiver: Receiver,
    pub(crate) sender: Sender,
    events: VecDeque<Event>,
    state: State,
    /// The pings that wait for the end of a message: for one of the faults.
    deferred: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Both close frames were exchanged: the server ends the transport (§7.1.1).
    Closed,
    /// The peer broke a rule.
    Failed,
    /// The transport ended, or is dropped.
    Over,
}

impl Session {
    /// `leftover` is what came after the head of the handshake.
    pub(crate) fn new(
        stream: TcpStream,
        role: Role,
        deflate: Option<Agreed>,
        max_message: u64,
        leftover: &[u8],
        faults: Faults,
    ) -> Self {
        let (inflater, deflater) = match deflate {
            Some(agreed) => codecs(role, agreed, faults),
            None => (None, None),
        };
        let mut session = Self {
            stream,
            role,
            faults,
            receiver: Receiver::new(role, inflater, max_message, faults),
            sender: Sender::new(role, deflater, faults),
            events: VecDeque::new(),
            state: State::Open,
            deferred: Vec::new(),
        };
        if !faults.has(Fault::LosesBytesAfterHead) {
            session.received(leftover);
        }
        session
    }

    /// Waits for the next event, and answers it. `None` once the connection is over and its socket is closed.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.answer(&event);
                return Some(event);
            }
            if self.flush().is_err() {
                self.state = State::Over;
            }
            match self.state {
                State::Open => self.read(),
                State::Closed => self.finish(),
                State::Failed => self.drop_transport(),
                State::Over => return None,
            }
        }
    }

    fn read(&mut self) {
        let mut buffer = vec![0; 64 << 10];
        match self.stream.read(&mut buffer) {
            Ok(len @ 1..) => self.received(buffer.get(..len).unwrap_or_default()),
            // The end without a close frame, or an error of the transport.
            _ => {
                if !self.sender.is_closed() || self.role == Role::Client {
                    self.events.push_back(Event::Lost);
                }
                self.state = State::Over;
            }
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        let mut events = Vec::new();
        self.receiver.push(bytes, &mut events);
        self.events.extend(events);
    }

    fn answer(&mut self, event: &Event) {
        match event {
            Event::Ping(payload) => self.answer_ping(payload),
            Event::Pong(payload) if self.faults.has(Fault::AnswersPong) => {
                let _refused_after_close = self.sender.control(PONG, payload);
            }
            Event::Message { .. } => {
                for payload in std::mem::take(&mut self.deferred) {
                    let _refused_after_close = self.sender.control(PONG, &payload);
                }
            }
            Event::Close { code, reason } => self.answer_close(*code, reason),
            Event::Failed(failure) => self.fail(*failure),
            Event::Pong(_) | Event::Lost => {}
        }
    }

    /// A pong has the payload of its ping (§5.5.3).
    fn answer_ping(&mut self, payload: &[u8]) {
        let payload = match self.faults {
            faults if faults.has(Fault::NeverAnswersPing) => return,
            faults if faults.has(Fault::AnswersPingWithoutPayload) => b"",
            faults if faults.has(Fault::TruncatesPong) => {
                payload.get(..payload.len().min(64)).unwrap_or_default()
            }
            faults if faults.has(Fault::IgnoresEmptyPing) && payload.is_empty() => return,
            faults if faults.has(Fault::AnswersPingAfterMessage) && self.receiver.is_in_message() => {
                self.deferred.push(payload.to_vec());
                return;
            }
            _ => payload,
        };
        // After a close frame nothing is sent.
        let _refused_after_close = self.sender.control(PONG, payload);
        if self.sender.output.len() > MAX_OUTPUT && self.flush().is_err() {
            self.state = State::Over;
        }
    }

    fn answer_close(&mut self, code: Option<u16>, reason: &[u8]) {
        let faults = self.faults;
        self.state = if faults.has(Fault::ReadsAfterClose) || faults.has(Fault::WaitsAfterClose) {
            State::Open
        } else {
            State::Closed
        };
        if faults.has(Fault::NeverAnswersClose) {
            self.state = State::Open;
            return;
        }
        if faults.has(Fault::DropsTransportAtClose) {
            self.state = State::Over;
            return;
        }
        if !self.sender.is_closed() {
            let code = if faults.has(Fault::SendsReservedCode) { code.or(Some(1005)) } else { code };
            let reason = if code.is_some() { reason } else { b"" };
            self.sender.write_close(code, reason);
            if faults.has(Fault::SendsCloseTwice) {
                self.sender.write_close(code, reason);
            }
            if faults.has(Fault::SendsDataAfterClose) {
                self.sender.frame(0x80 | TEXT, b"late");
            }
        }
    }

    /// Sends a close frame with the failure's code (§7.1.7).
    fn fail(&mut self, failure: Failure) {
        let faults = self.faults;
        self.state = if faults.has(Fault::ReadsAfterFailure) { State::Open } else { State::Failed };
        let code = match failure.code {
            1002 if faults.has(Fault::FailsWithWrongProtocolCode) => 1011,
            1007 if faults.has(Fault::FailsWithWrongTextCode) => 1002,
            1009 if faults.has(Fault::FailsWithWrongSizeCode) => 1002,
            _ if faults.has(Fault::FailsWithNormalCode) => 1000,
            _ if faults.has(Fault::FailsWithReservedCode) => 1006,
            code => code,
        };
        if !self.sender.is_closed() {
            self.sender.write_close(Some(code), failure.rule.as_bytes());
        }
    }

    /// After the closing handshake the server closes the transport, and the client waits for that, with a deadline.
    fn finish(&mut self) {
        match self.role {
            Role::Server => self.drop_transport(),
            Role::Client => {
                self.drain(CLIENT_WAIT);
                self.state = State::Over;
            }
        }
    }

    /// Ends the own direction, so that the peer can read all of it, and then the transport.
    fn drop_transport(&mut self) {
        self.state = State::Over;
        if self.faults.has(Fault::NeverStopsReading) {
            let mut buffer = vec![0; 64 << 10];
            while matches!(self.stream.read(&mut buffer), Ok(1..)) {}
            return;
        }
        if self.stream.shutdown(Shutdown::Write).is_ok() {
            self.drain(LINGER);
        }
        let _already_closed = self.stream.shutdown(Shutdown::Both);
    }

    /// Reads to the end of the transport, but not for long, and not much.
    fn drain(&mut self, time: Duration) {
        let deadline = Instant::now().checked_add(time);
        let mut buffer = vec![0; 16 << 10];
        for _ in 0..MAX_DRAINING_READS {
            let left = deadline
                .map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
            let is_over = left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err();
            if is_over || !matches!(self.stream.read(&mut buffer), Ok(1..)) {
                return;
            }
        }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&std::mem::take(&mut self.sender.output))
    }
}

fn codecs(role: Role, agreed: Agreed, faults: Faults) -> (Option<Inflater>, Option<Deflater>) {
    let server = (agreed.server_max_window_bits, agreed.server_no_context_takeover);
    let client = (agreed.client_max_window_bits, agreed.client_no_context_takeover);
    let (own, peer) = match role {
        Role::Server => (server, client),
        Role::Client => (client, server),
    };
    (Some(Inflater::new(peer.0, peer.1, faults)), Some(Deflater::new(own.0, own.1, faults)))
}

/// Output that is written before more is answered.
const MAX_OUTPUT: usize = 64 << 10;

/// How long a failed connection is read to its end, so that the peer can read the close frame.
const LINGER: Duration = Duration::from_secs(1);

/// How many reads, of at most 16 KiB, that takes.
const MAX_DRAINING_READS: usize = 16;

/// How long the server may take to close the transport.
const CLIENT_WAIT: Duration = Duration::from_secs(2);
