//! Two endpoints of a connection: a call that the protocol allows is sent and arrives, for all cuts of the transport;
//! any other call is refused and leaves no trace.
//!
//! `End` has the rules of RFC 6455 in a simple form. The crate is compared with it.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Connection, ConnectionState, Entropy, Limits,
    LocalProtocolError, NoEntropy, Outgoing, Ping, Pong, TextMessage, TransportAction,
};
use wsproto_fuzz::{Counter, Joined, Kind, Received, Side};

#[derive(Arbitrary, Debug)]
struct Step<'a> {
    side: Side,
    action: Action<'a>,
}

#[derive(Arbitrary, Debug)]
enum Action<'a> {
    Text {
        data: &'a str,
        finished: bool,
    },
    Bytes {
        data: &'a [u8],
        finished: bool,
    },
    Continuation {
        data: &'a str,
        finished: bool,
    },
    InPlace {
        data: &'a [u8],
        finished: bool,
    },
    Begin {
        len: u8,
        finished: bool,
    },
    Payload {
        piece: &'a [u8],
    },
    Ping {
        payload: &'a [u8],
    },
    Pong {
        payload: &'a [u8],
    },
    Close {
        code: Option<u16>,
        reason: &'a str,
    },
    /// Sends bytes to an output with this much room.
    NoRoom {
        data: &'a [u8],
        room: u8,
    },
    /// Answers the last ping received.
    AnswerPing,
    /// Answers the close frame received.
    AnswerClose,
    /// Reads this many bytes from the transport.
    Receive {
        len: u8,
    },
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let mut client = End::new(Side::Client, Connection::client(Limits::NONE, Counter(0)));
    let mut server = End::new(Side::Server, Connection::<NoEntropy>::server(Limits::NONE));
    for step in &steps {
        match step.side {
            Side::Client => client.act(&step.action, &mut server),
            Side::Server => server.act(&step.action, &mut client),
        }
    }
    client.complete_frame();
    server.complete_frame();
    client.receive(&mut server, usize::MAX);
    server.receive(&mut client, usize::MAX);
    assert_eq!(client.received, server.sent);
    assert_eq!(server.received, client.sent);
    client.end();
    server.end();
});

/// A connection, and what the test knows about it without asking it.
struct End<E> {
    side: Side,
    connection: Connection<E>,
    /// The bytes in the transport to the other end.
    output: Vec<u8>,
    sent: Received,
    received: Received,
    in_message: Option<Kind>,
    /// How many bytes of the current frame's payload are still to be sent.
    streaming: usize,
    close_sent: bool,
}

impl<E: Entropy + Clone + std::fmt::Debug> End<E> {
    fn new(side: Side, connection: Connection<E>) -> Self {
        Self {
            side,
            connection,
            output: Vec::new(),
            sent: Received::default(),
            received: Received::default(),
            in_message: None,
            streaming: 0,
            close_sent: false,
        }
    }

    fn act<F: Entropy>(&mut self, action: &Action<'_>, peer: &mut End<F>) {
        match *action {
            Action::Text { data, finished } => {
                let event = TextMessage { data, frame_finished: true, message_finished: finished };
                self.data(Kind::Text, data.as_bytes(), finished, |connection, output| {
                    connection.send(event, output)
                });
            }
            Action::Bytes { data, finished } => {
                let event = BytesMessage { data, frame_finished: true, message_finished: finished };
                self.data(Kind::Binary, data, finished, |connection, output| connection.send(event, output));
            }
            Action::Continuation { data, finished } => self.continuation(data, finished),
            Action::InPlace { data, finished } => {
                self.data(Kind::Binary, data, finished, |connection, output| {
                    let mut data = data.to_vec();
                    let header =
                        connection.sender_mut().frame_in_place(Kind::Binary.into(), &mut data, finished)?;
                    output.extend(header.as_bytes().iter().chain(&data));
                    Ok(())
                });
            }
            Action::Begin { len, finished } => self.begin(len.into(), finished),
            Action::Payload { piece } => self.payload(piece),
            Action::Ping { payload } => {
                self.control(Ping { payload }, payload.len() <= 125, Joined::Ping(payload.to_vec()));
            }
            Action::Pong { payload } => {
                self.control(Pong { payload }, payload.len() <= 125, Joined::Pong(payload.to_vec()));
            }
            Action::Close { code, reason } => {
                let code = code.map(CloseCode::new);
                let lawful = self.may_close(code, reason);
                let closes = self.control(
                    CloseConnection { code, reason },
                    lawful,
                    Joined::Close(code, reason.to_owned()),
                );
                self.close_sent |= closes;
            }
            Action::NoRoom { data, room } => self.no_room(data, room.into()),
            Action::AnswerPing => self.answer_ping(),
            Action::AnswerClose => self.answer_close(),
            Action::Receive { len } => self.receive(peer, len.into()),
        }
        self.check_state();
    }

    /// Sends a piece of a message.
    fn data(
        &mut self,
        kind: Kind,
        data: &[u8],
        finished: bool,
        send: impl FnOnce(&mut Connection<E>, &mut Vec<u8>) -> Result<(), LocalProtocolError>,
    ) {
        let lawful = self.may_send_data(kind) && self.streaming == 0;
        if self.attempt(lawful, send) {
            self.record_data(kind, data, finished);
        }
    }

    fn continuation(&mut self, data: &str, finished: bool) {
        let kind = self.in_message.unwrap_or(Kind::Binary);
        let lawful = self.in_message.is_some() && !self.close_sent && self.streaming == 0;
        if self.attempt(lawful, |connection, output| {
            connection.sender_mut().send_continuation(data.as_bytes(), finished, output)
        }) {
            self.record_data(kind, data.as_bytes(), finished);
        }
    }

    fn begin(&mut self, len: usize, finished: bool) {
        let lawful = self.may_send_data(Kind::Binary) && self.streaming == 0;
        if self.attempt(lawful, |connection, output| {
            let header = connection.sender_mut().begin_frame(Kind::Binary.into(), len as u64, finished)?;
            output.extend(header.as_bytes());
            Ok(())
        }) {
            self.record_data(Kind::Binary, b"", finished);
            self.streaming = len;
        }
    }

    fn payload(&mut self, piece: &[u8]) {
        let lawful = piece.len() <= self.streaming;
        if self.attempt(lawful, |connection, output| {
            let mut piece = piece.to_vec();
            connection.sender_mut().continue_frame(&mut piece)?;
            output.extend(piece);
            Ok(())
        }) {
            self.streaming -= piece.len();
            if let Some(Joined::Data { payload, .. }) = self.sent.0.last_mut() {
                payload.extend(piece);
            }
        }
    }

    /// Sends a control frame; returns whether it was sent.
    fn control(&mut self, event: impl Outgoing, lawful: bool, sent: Joined) -> bool {
        let lawful = lawful && !self.close_sent && self.streaming == 0;
        let sends = self.attempt(lawful, |connection, output| connection.send(event, output));
        if sends {
            self.sent.0.push(sent);
        }
        sends
    }

    fn no_room(&mut self, data: &[u8], room: usize) {
        let needed = data.len() + 2 + if data.len() > 125 { 2 } else { 0 } + self.mask_len();
        let lawful = self.may_send_data(Kind::Binary) && self.streaming == 0 && needed <= room;
        if self.attempt(lawful, |connection, output| {
            let mut memory = [0xA5; u8::MAX as usize];
            let mut free = &mut memory[..room];
            let result = connection.send(BytesMessage::new(data), &mut free);
            let written = room - free.len();
            assert!(memory[written..].iter().all(|byte| *byte == 0xA5), "it wrote more than it reported");
            output.extend(&memory[..written]);
            result
        }) {
            self.record_data(Kind::Binary, data, true);
        }
    }

    fn answer_ping(&mut self) {
        let Some(Joined::Ping(payload)) =
            self.received.0.iter().rev().find(|frame| matches!(frame, Joined::Ping(_))).cloned()
        else {
            return;
        };
        let ping = Ping { payload: &payload };
        if self.close_sent {
            self.too_late(ping.response());
        } else {
            self.control(ping.response(), true, Joined::Pong(payload.clone()));
        }
    }

    fn answer_close(&mut self) {
        let Some(Joined::Close(code, reason)) = self.received.0.last().cloned() else { return };
        let close = CloseConnection { code, reason: reason.as_str() };
        if self.close_sent {
            self.too_late(close.response());
        } else {
            self.close_sent = self.control(close.response(), true, Joined::Close(code, reason.clone()));
        }
    }

    /// A reply that is too late is not an error and does nothing.
    fn too_late(&mut self, reply: impl Outgoing) {
        let before = format!("{:?}", self.connection);
        let len = self.output.len();
        assert_eq!(self.connection.send(reply, &mut self.output), Ok(()));
        assert_eq!(self.output.len(), len);
        assert_eq!(format!("{:?}", self.connection), before);
    }

    /// Makes a call. It must succeed if it is `lawful`; otherwise it must be refused and leave no trace. Returns
    /// whether it succeeded.
    fn attempt(
        &mut self,
        lawful: bool,
        send: impl FnOnce(&mut Connection<E>, &mut Vec<u8>) -> Result<(), LocalProtocolError>,
    ) -> bool {
        let before = self.connection.try_clone().expect("no extension is in use");
        let written = self.output.clone();
        let result = send(&mut self.connection, &mut self.output);
        assert_eq!(result.is_ok(), lawful, "{result:?} from {before:?}");
        if result.is_err() {
            assert_eq!(self.output, written, "{result:?}, but it has written");
            assert_eq!(
                format!("{:?}", self.connection),
                format!("{before:?}"),
                "{result:?}, but the connection has changed"
            );
        }
        lawful
    }

    /// Reads bytes from the transport.
    fn receive<F>(&mut self, peer: &mut End<F>, len: usize) {
        let mut read: Vec<u8> = peer.output.drain(..len.min(peer.output.len())).collect();
        let mut input = read.as_mut_slice();
        while let Some(event) =
            self.connection.next_event(&mut input).expect("the other end sends valid frames")
        {
            self.received.push(event);
        }
    }

    /// Completes the current frame, because the other end waits for it.
    fn complete_frame(&mut self) {
        self.payload(&vec![0; self.streaming]);
    }

    /// The transport ends.
    fn end(&mut self) {
        let closed = self.close_received();
        assert_eq!(self.connection.receive_eof().is_none(), closed);
        let close_info = self.connection.close_info().expect("the transport has ended");
        let (code, reason) = match self.received.0.last() {
            Some(Joined::Close(code, reason)) => (code.unwrap_or(CloseCode::NO_STATUS_RCVD), reason.as_str()),
            _ => (CloseCode::ABNORMAL_CLOSURE, ""),
        };
        assert_eq!((close_info.code, close_info.reason), (code, reason));
        assert_eq!(close_info.was_clean, closed && self.close_sent);
        // A close frame received before the end can still be answered.
        let state = match closed && !self.close_sent {
            true => ConnectionState::RemoteClosing,
            false => ConnectionState::Closed,
        };
        assert_eq!(self.connection.state(), state);
        assert_eq!(self.connection.transport_action(), TransportAction::Close);
        if state == ConnectionState::Closed {
            let ping = self.connection.sender_mut().send(Ping::new(b""), &mut self.output);
            assert!(ping.is_err(), "nobody can read it");
        }
    }

    fn check_state(&self) {
        let expected = match (self.close_sent, self.close_received()) {
            (false, false) => ConnectionState::Open,
            (false, true) => ConnectionState::RemoteClosing,
            (true, false) => ConnectionState::LocalClosing,
            (true, true) => ConnectionState::Closed,
        };
        assert_eq!(self.connection.state(), expected);
    }

    fn close_received(&self) -> bool {
        matches!(self.received.0.last(), Some(Joined::Close(..)))
    }

    /// §5.4 and §5.5.1: a message has one type, and none starts after either end has closed.
    fn may_send_data(&self, kind: Kind) -> bool {
        match self.in_message {
            _ if self.close_sent => false,
            Some(in_progress) => in_progress == kind,
            None => !self.close_received(),
        }
    }

    /// §5.5.1 and §7.4.
    fn may_close(&self, code: Option<CloseCode>, reason: &str) -> bool {
        match code.map(CloseCode::get) {
            None => reason.is_empty(),
            Some(1010) if self.side == Side::Server => false,
            Some(1000..=1003 | 1007..=1014 | 3000..=4999) => reason.len() <= 123,
            Some(_) => false,
        }
    }

    fn mask_len(&self) -> usize {
        match self.side {
            Side::Client => 4,
            Side::Server => 0,
        }
    }

    fn record_data(&mut self, kind: Kind, data: &[u8], finished: bool) {
        self.in_message = (!finished).then_some(kind);
        self.sent.0.push(Joined::Data {
            kind,
            payload: data.to_vec(),
            frame_finished: true,
            message_finished: finished,
        });
    }
}
