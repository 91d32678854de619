//! Two ends of a connection do as they are told: what is lawful is sent and arrives, whatever the
//! transport cuts; what is not is refused and leaves no trace.
//!
//! `End` holds the rules as a plain reading of RFC 6455 has them, to hold the crate against.
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
    /// Sends bytes to where only this many find room.
    NoRoom {
        data: &'a [u8],
        room: u8,
    },
    /// Answers the ping received last.
    AnswerPing,
    /// Answers the close frame received.
    AnswerClose,
    /// Takes this many bytes off the transport.
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

/// A connection, and what is known of it without asking it.
struct End<E> {
    side: Side,
    connection: Connection<E>,
    /// What the transport holds for the other end.
    output: Vec<u8>,
    sent: Received,
    received: Received,
    in_message: Option<Kind>,
    /// What is still to come of a frame that was begun.
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
                    output.extend(header.iter().chain(&data));
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

    /// Sends a piece of a message, which must work if it is lawful and leave no trace if it is not.
    fn data(
        &mut self,
        kind: Kind,
        data: &[u8],
        finished: bool,
        send: impl FnOnce(&mut Connection<E>, &mut Vec<u8>) -> Result<(), LocalProtocolError>,
    ) {
        let lawful = self.may_send_data(kind) && self.streaming == 0;
        if self.attempt(lawful, send) {
            self.note_data(kind, data, finished);
        }
    }

    fn continuation(&mut self, data: &str, finished: bool) {
        let kind = self.in_message.unwrap_or(Kind::Binary);
        let lawful = self.in_message.is_some() && !self.close_sent && self.streaming == 0;
        if self.attempt(lawful, |connection, output| {
            connection.sender_mut().send_continuation(data.as_bytes(), finished, output)
        }) {
            self.note_data(kind, data.as_bytes(), finished);
        }
    }

    fn begin(&mut self, len: usize, finished: bool) {
        let lawful = self.may_send_data(Kind::Binary) && self.streaming == 0;
        if self.attempt(lawful, |connection, output| {
            let header = connection.sender_mut().begin_frame(Kind::Binary.into(), len as u64, finished)?;
            output.extend(&*header);
            Ok(())
        }) {
            self.note_data(Kind::Binary, b"", finished);
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

    /// Sends a control frame; true if it went out.
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
            assert!(memory[written..].iter().all(|byte| *byte == 0xA5), "what is written is told");
            output.extend(&memory[..written]);
            result
        }) {
            self.note_data(Kind::Binary, data, true);
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

    /// An answer that is no longer allowed is no error and does nothing.
    fn too_late(&mut self, reply: impl Outgoing) {
        let before = format!("{:?}", self.connection);
        let len = self.output.len();
        assert_eq!(self.connection.send(reply, &mut self.output), Ok(()));
        assert_eq!(self.output.len(), len);
        assert_eq!(format!("{:?}", self.connection), before);
    }

    /// Does what is lawful, and sees that anything else is refused without a trace; true if it was done.
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
            assert_eq!(self.output, written, "{result:?} has written");
            assert_eq!(format!("{:?}", self.connection), format!("{before:?}"), "{result:?} has changed");
        }
        lawful
    }

    /// Takes bytes off the transport.
    fn receive<F>(&mut self, peer: &mut End<F>, len: usize) {
        let mut read: Vec<u8> = peer.output.drain(..len.min(peer.output.len())).collect();
        let mut input = read.as_mut_slice();
        while let Some(event) = self.connection.next_event(&mut input).expect("what was sent is lawful") {
            self.received.push(event);
        }
    }

    /// Fills up a frame that was begun, as the other end waits for it.
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
        // A close frame that came before can still be answered.
        let state = match closed && !self.close_sent {
            true => ConnectionState::RemoteClosing,
            false => ConnectionState::Closed,
        };
        assert_eq!(self.connection.state(), state);
        assert_eq!(self.connection.transport_action(), TransportAction::Close);
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

    /// §5.4 and §5.5.1: a message is of one type, and none starts once either end has closed.
    fn may_send_data(&self, kind: Kind) -> bool {
        match self.in_message {
            _ if self.close_sent => false,
            Some(under_way) => under_way == kind,
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

    fn note_data(&mut self, kind: Kind, data: &[u8], finished: bool) {
        self.in_message = (!finished).then_some(kind);
        self.sent.0.push(Joined::Data {
            kind,
            payload: data.to_vec(),
            frame_finished: true,
            message_finished: finished,
        });
    }
}
