//! A client and a server connected in memory, with reads of random lengths (RFC 6455 §5, §7).

use proptest::prelude::*;
use wsproto::{
    AutoReplies, BytesMessage, CloseCode, CloseConnection, ClosedBy, Connection, ConnectionState, Entropy,
    Event, Limits, NoEntropy, Outgoing, Ping, ReplyPolicy, TextMessage, TransportAction,
};

use crate::support::Fixed;

type OwnedEvent = Event<String, Vec<u8>>;

/// One endpoint: a connection, its output, and what it has received.
struct End<E> {
    connection: Connection<E>,
    replies: AutoReplies,
    output: Vec<u8>,
    received: Vec<OwnedEvent>,
    /// Whether messages are sent back.
    echoes: bool,
}

impl<E: Entropy> End<E> {
    fn new(connection: Connection<E>, echoes: bool) -> Self {
        let replies = AutoReplies::new(ReplyPolicy::PongAndClose);
        Self { connection, replies, output: Vec::new(), received: Vec::new(), echoes }
    }

    fn send_event(&mut self, event: impl Outgoing) {
        self.connection.send(event, &mut self.output).unwrap();
    }

    fn receive(&mut self, read: &mut [u8]) {
        let mut input = read;
        while let Some(event) = self.connection.next_event(&mut input).unwrap() {
            self.replies.on_event(&event);
            let event = event.into_owned();
            if self.echoes && matches!(event, Event::Text(_) | Event::Bytes(_)) {
                self.connection.send(&event, &mut self.output).unwrap();
            }
            self.received.push(event);
        }
        self.replies.send(self.connection.sender_mut(), &mut self.output).unwrap();
    }

    /// The received messages, their pieces joined.
    fn messages(&self) -> Vec<Vec<u8>> {
        let mut messages = vec![Vec::new()];
        for event in &self.received {
            let (data, finished) = match event {
                Event::Text(text) => (text.data.as_bytes(), text.message_finished),
                Event::Bytes(bytes) => (&bytes.data[..], bytes.message_finished),
                _ => continue,
            };
            messages.last_mut().unwrap().extend(data);
            if finished {
                messages.push(Vec::new());
            }
        }
        assert_eq!(messages.pop(), Some(Vec::new()));
        messages
    }
}

struct Pair {
    client: End<Fixed>,
    server: End<NoEntropy>,
    /// The lengths of reads, used in turn.
    reads: Vec<usize>,
}

impl Pair {
    fn new(reads: &[usize]) -> Self {
        Self {
            client: End::new(Connection::client(Limits::default(), Fixed), false),
            server: End::new(Connection::server(Limits::default()), true),
            reads: reads.to_vec(),
        }
    }

    /// Carries bytes in both directions until neither endpoint has output.
    fn drive(&mut self) {
        while !(self.client.output.is_empty() && self.server.output.is_empty()) {
            carry(&mut self.client.output, &mut self.reads, |read| self.server.receive(read));
            carry(&mut self.server.output, &mut self.reads, |read| self.client.receive(read));
        }
    }
}

fn carry(output: &mut Vec<u8>, reads: &mut [usize], mut receive: impl FnMut(&mut [u8])) {
    let mut left = output.as_mut_slice();
    while !left.is_empty() {
        reads.rotate_left(1);
        let (read, rest) = left.split_at_mut(reads[0].min(left.len()));
        receive(read);
        left = rest;
    }
    output.clear();
}

const READS: [&[usize]; 4] = [&[1], &[3, 1, 4, 1, 5, 9, 2, 6], &[125, 1, 126], &[usize::MAX]];

#[test]
fn an_echo_server_returns_every_message() {
    for reads in READS {
        let mut pair = Pair::new(reads);
        pair.client.send_event(TextMessage::new("grüß dich 😀"));
        pair.client.send_event(BytesMessage::partial([0xFF; 200]));
        pair.client.send_event(BytesMessage::new([0xFE; 70]));
        pair.client.send_event(TextMessage::new(""));
        pair.drive();
        let binary = [vec![0xFF; 200], vec![0xFE; 70]].concat();
        assert_eq!(pair.client.messages(), ["grüß dich 😀".as_bytes(), &binary, b""]);
        assert_eq!(pair.client.messages(), pair.server.messages());
    }
}

#[test]
fn a_ping_comes_back_as_a_pong_from_either_side() {
    for reads in READS {
        let mut pair = Pair::new(reads);
        pair.client.send_event(Ping::new(b"from the client"));
        pair.server.send_event(Ping::new(b"from the server"));
        pair.drive();
        let pong = |payload: &[u8]| Event::Pong(wsproto::Pong::new(payload.to_vec()));
        assert!(pair.client.received.contains(&pong(b"from the client")));
        assert!(pair.server.received.contains(&pong(b"from the server")));
    }
}

#[test]
fn a_client_that_closes_is_answered() {
    for reads in READS {
        let mut pair = Pair::new(reads);
        pair.client.send_event(TextMessage::new("last words"));
        pair.client.send_event(CloseConnection::new(CloseCode::new(3000), "done"));
        pair.drive();
        check_closed(&pair, [ClosedBy::Local, ClosedBy::Remote], CloseCode::new(3000));
        assert_eq!(pair.server.connection.close_info().unwrap().reason, "done");
        assert_eq!(pair.server.messages(), [b"last words"]);
    }
}

#[test]
fn a_server_that_closes_is_answered() {
    for reads in READS {
        let mut pair = Pair::new(reads);
        pair.server.send_event(CloseConnection::new(CloseCode::GOING_AWAY, "restart"));
        pair.drive();
        check_closed(&pair, [ClosedBy::Remote, ClosedBy::Local], CloseCode::GOING_AWAY);
        assert_eq!(pair.client.connection.close_info().unwrap().reason, "restart");
    }
}

#[test]
fn both_sides_may_close_at_once() {
    for reads in READS {
        let mut pair = Pair::new(reads);
        pair.client.send_event(CloseConnection::new(CloseCode::NORMAL_CLOSURE, "c"));
        pair.server.send_event(CloseConnection::new(CloseCode::NORMAL_CLOSURE, "s"));
        pair.drive();
        check_closed(&pair, [ClosedBy::Local; 2], CloseCode::NORMAL_CLOSURE);
        assert_eq!((pair.client.received.len(), pair.server.received.len()), (1, 1));
    }
}

#[track_caller]
fn check_closed(pair: &Pair, by: [ClosedBy; 2], code: CloseCode) {
    let (client, server) = (&pair.client.connection, &pair.server.connection);
    assert_eq!([client.state(), server.state()], [ConnectionState::Closed; 2]);
    let close_infos = [client.close_info().unwrap(), server.close_info().unwrap()];
    assert_eq!(close_infos.map(|close_info| close_info.by), by);
    assert_eq!(close_infos.map(|close_info| (close_info.code, close_info.was_clean)), [(code, true); 2]);
    assert_eq!(
        [client.transport_action(), server.transport_action()],
        [TransportAction::AwaitClose, TransportAction::Close]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_messages_are_echoed_for_all_lengths_of_reads(
        messages in prop::collection::vec(prop::collection::vec(".{0,40}", 1..4), 0..6),
        reads in prop::collection::vec(1_usize..40, 1..9),
    ) {
        let mut pair = Pair::new(&reads);
        for (i, pieces) in messages.iter().enumerate() {
            for (j, piece) in pieces.iter().enumerate() {
                let message_finished = j + 1 == pieces.len();
                pair.client.send_event(TextMessage { data: piece, frame_finished: true, message_finished });
                pair.server.send_event(Ping::new([i as u8, j as u8]));
            }
            pair.drive();
        }
        pair.client.send_event(CloseConnection::new(CloseCode::NORMAL_CLOSURE, ""));
        pair.drive();
        let said: Vec<Vec<u8>> = messages.iter().map(|pieces| pieces.concat().into_bytes()).collect();
        prop_assert_eq!(pair.server.messages(), said.clone());
        prop_assert_eq!(pair.client.messages(), said);
        check_closed(&pair, [ClosedBy::Local, ClosedBy::Remote], CloseCode::NORMAL_CLOSURE);
    }
}
