//! A pair of connections in memory, driven by random calls, valid or not. What each refuses, what it writes and
//! its state must be what `model` says; and a clone must go on like its original.

use core::fmt::Debug;
use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Connection, Entropy, Event, EventRef, Limits,
    LocalProtocolError, MessageKind, NoEntropy, Outgoing, Ping, Pong, RemoteProtocolError, Role, TextMessage,
};

use crate::model::{Model, Peer, Sending};
use crate::support::{BOTH, Fixed, frame_to};

/// Something that happens at one end.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Send(Sending),
    /// The last ping received is answered.
    AnswerPing,
    /// The peer's close frame, or its failure, is answered.
    AnswerPeer,
    /// This many bytes are read from the transport.
    Receive(usize),
    /// Something other than the connection writes a frame with a reserved opcode to the transport.
    Disturb,
    /// The transport ends.
    End,
}

fn sending() -> impl Strategy<Value = Sending> {
    let text = ("\\PC{0,9}", any::<bool>()).prop_map(|(text, finished)| Sending::Data {
        kind: MessageKind::Text,
        payload: text.into_bytes(),
        finished,
    });
    let binary = (payload(), any::<bool>()).prop_map(|(payload, finished)| Sending::Data {
        kind: MessageKind::Binary,
        payload,
        finished,
    });
    let code = prop_oneof![
        4 => select(vec![1000, 1001, 1010, 1014, 3000, 4999]),
        1 => select(vec![0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000]),
    ];
    let close = (proptest::option::weighted(0.8, code), "\\PC{0,3}|x{120,125}")
        .prop_map(|(code, reason)| Sending::Close { code, reason, is_reply: false });
    prop_oneof![
        4 => text,
        3 => binary,
        2 => payload().prop_map(Sending::Ping),
        1 => payload().prop_map(|payload| Sending::Pong { payload, is_reply: false }),
        1 => close,
    ]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![6 => vec(any::<u8>(), 0..9), 1 => vec(any::<u8>(), 123..129)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        24 => sending().prop_map(Act::Send),
        6 => Just(Act::AnswerPing),
        4 => Just(Act::AnswerPeer),
        20 => (0..40_usize).prop_map(Act::Receive),
        10 => Just(Act::Receive(usize::MAX)),
        1 => Just(Act::Disturb),
        1 => Just(Act::End),
    ]
}

/// One end, and all that is known of it without asking it.
#[derive(Debug)]
pub(crate) struct End<E> {
    connection: Connection<E>,
    model: Model,
    pinged: Option<Vec<u8>>,
    /// The part of the unfinished frame that was received.
    received_part: Vec<u8>,
}

impl<E: Clone> Clone for End<E> {
    fn clone(&self) -> Self {
        Self {
            connection: self.connection.try_clone().expect("no extension is in use"),
            model: self.model.clone(),
            pinged: self.pinged.clone(),
            received_part: self.received_part.clone(),
        }
    }
}

/// What one end has written and the other has not read to its end.
pub(crate) type Unread = VecDeque<Frame>;

/// A frame that was written.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// What it means; `None` if its opcode is reserved.
    content: Option<Sending>,
    bytes: Vec<u8>,
    /// How many of its bytes the other end has read.
    read: usize,
}

impl<E: Entropy + Clone + Debug> End<E> {
    fn new(role: Role, connection: Connection<E>) -> Self {
        let peer = Peer::Open;
        let model = Model { role, in_message: None, close_sent: None, peer, transport_ended: false };
        Self { connection, model, pinged: None, received_part: Vec::new() }
    }

    /// Does it, and returns the frame that is written, if any.
    pub(crate) fn act(&mut self, act: &Act, unread: &mut Unread) -> Option<Frame> {
        let mut written = None;
        match act {
            Act::Send(sending) => written = self.send(sending),
            Act::AnswerPing => {
                if let Some(payload) = self.pinged.clone() {
                    written = self.send(&Sending::Pong { payload, is_reply: true });
                }
            }
            Act::AnswerPeer => match self.model.peer.clone() {
                Peer::Open => {}
                Peer::Closed { code, reason } => {
                    written = self.send(&Sending::Close { code, reason, is_reply: true });
                }
                Peer::Failed(error) => {
                    let (code, reason) = (Some(error.close_code().get()), error.reason().into());
                    written = self.send(&Sending::Close { code, reason, is_reply: true });
                }
            },
            Act::Receive(len) => self.receive(*len, unread),
            Act::Disturb => {
                let bytes = frame_to(self.model.role.peer(), RESERVED, b"");
                written = Some(Frame { content: None, bytes, read: 0 });
            }
            Act::End => {
                let end = self.connection.receive_eof().map(|close| close.code);
                let abnormal = self.model.receive_eof().then_some(Some(CloseCode::ABNORMAL_CLOSURE));
                assert_eq!(end, abnormal);
            }
        }
        self.check();
        written
    }

    /// Sends; a refused call must leave no trace.
    fn send(&mut self, sending: &Sending) -> Option<Frame> {
        let before = self.connection.try_clone().expect("no extension is in use");
        let mut written = Vec::new();
        let result = self.put(sending, &mut written);
        let expected = self.model.send(sending);
        assert_eq!(result, expected.clone().map(drop), "{sending:?}");
        if let Ok(Some((first, payload))) = expected {
            assert_eq!(written, frame_to(self.model.role.peer(), first, payload));
            return Some(Frame { content: Some(without_reply(sending)), bytes: written, read: 0 });
        }
        assert_eq!(written, b"");
        assert_eq!(format!("{:?}", self.connection), format!("{before:?}"));
        None
    }

    fn put(&mut self, sending: &Sending, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
        let mut put = |event: &dyn Outgoing| self.connection.send(event, output);
        match sending {
            Sending::Data { kind: MessageKind::Text, payload, finished } => {
                let data = core::str::from_utf8(payload).unwrap();
                put(&TextMessage { data, frame_finished: true, message_finished: *finished })
            }
            Sending::Data { kind: MessageKind::Binary, payload: data, finished } => {
                put(&BytesMessage { data, frame_finished: true, message_finished: *finished })
            }
            Sending::Ping(payload) => put(&Ping { payload }),
            Sending::Pong { payload, is_reply: true } => put(&Ping { payload }.response()),
            Sending::Pong { payload, is_reply: false } => put(&Pong { payload }),
            Sending::Close { code, reason, is_reply } => {
                let close = CloseConnection { code: code.map(CloseCode::new), reason };
                if *is_reply { put(&close.response()) } else { put(&close) }
            }
        }
    }

    /// Reads bytes from the transport, and checks that they deliver the frames that end in them, up to a close frame or
    /// a failure.
    fn receive(&mut self, len: usize, unread: &mut Unread) {
        let (mut read, mut expected) = (Vec::new(), Vec::new());
        while let Some(frame) = unread.front_mut().filter(|_| read.len() < len) {
            let rest = &frame.bytes[frame.read..];
            let taken = &rest[..rest.len().min(len - read.len())];
            read.extend(taken);
            // A reserved opcode fails at its first byte.
            let is_delivered = if frame.content.is_none() { frame.read == 0 } else { taken == rest };
            frame.read += taken.len();
            if is_delivered && self.model.is_receiving() {
                self.record(frame.content.as_ref());
                expected.push(frame.content.clone());
            }
            if frame.read == frame.bytes.len() {
                unread.pop_front();
            }
        }
        assert_eq!(self.delivered_from(&mut read), expected);
    }

    fn record(&mut self, content: Option<&Sending>) {
        match content {
            None => self.model.peer = Peer::Failed(RemoteProtocolError::ReservedOpcode(3)),
            Some(Sending::Ping(payload)) => self.pinged = Some(payload.clone()),
            Some(Sending::Close { code, reason, .. }) => {
                self.model.peer = Peer::Closed { code: *code, reason: reason.clone() };
            }
            Some(Sending::Data { .. } | Sending::Pong { .. }) => {}
        }
    }

    /// What the connection delivers from a read: the frames that end in it, and `None` for a failure.
    fn delivered_from(&mut self, read: &mut [u8]) -> Vec<Option<Sending>> {
        let mut input = read;
        let mut delivered = Vec::new();
        loop {
            let (kind, data, frame_finished, finished) = match self.connection.next_event(&mut input) {
                Ok(None) => return delivered,
                Ok(Some(Event::Text(TextMessage { data, frame_finished, message_finished }))) => {
                    (MessageKind::Text, data.as_bytes(), frame_finished, message_finished)
                }
                Ok(Some(Event::Bytes(BytesMessage { data, frame_finished, message_finished }))) => {
                    (MessageKind::Binary, data, frame_finished, message_finished)
                }
                control => {
                    delivered.push(control.ok().flatten().and_then(control_frame));
                    continue;
                }
            };
            self.received_part.extend(data);
            if frame_finished {
                let payload = core::mem::take(&mut self.received_part);
                delivered.push(Some(Sending::Data { kind, payload, finished }));
            }
        }
    }

    fn check(&self) {
        let close_info = self.connection.close_info();
        let close_info = close_info.as_ref().map(|close_info| {
            (close_info.by, close_info.code.get(), close_info.reason, close_info.was_clean)
        });
        assert_eq!(close_info, self.model.close_info());
        assert_eq!(self.connection.state(), self.model.state());
        assert_eq!(self.connection.transport_action(), self.model.transport_action());
    }
}

/// The content of a control frame.
fn control_frame(event: EventRef<'_>) -> Option<Sending> {
    match event {
        Event::Ping(ping) => Some(Sending::Ping(ping.payload.into())),
        Event::Pong(pong) => Some(Sending::Pong { payload: pong.payload.into(), is_reply: false }),
        Event::Close(CloseConnection { code, reason }) => {
            Some(Sending::Close { code: code.map(CloseCode::get), reason: reason.into(), is_reply: false })
        }
        Event::Text(_) | Event::Bytes(_) => None,
    }
}

/// The same as the other end receives it: a reply looks like any other frame.
fn without_reply(sending: &Sending) -> Sending {
    let mut sending = sending.clone();
    if let Sending::Pong { is_reply, .. } | Sending::Close { is_reply, .. } = &mut sending {
        *is_reply = false;
    }
    sending
}

/// A frame with a reserved opcode: the first byte.
const RESERVED: u8 = 0x83;

/// Two ends, and what each of them has not read.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) client: End<Fixed>,
    pub(crate) server: End<NoEntropy>,
    to_client: Unread,
    to_server: Unread,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self {
            client: End::new(Role::Client, Connection::client(Limits::NONE, Fixed)),
            server: End::new(Role::Server, Connection::server(Limits::NONE)),
            to_client: Unread::new(),
            to_server: Unread::new(),
        }
    }

    fn act(&mut self, (role, act): &(Role, Act)) {
        match role {
            Role::Client => self.to_server.extend(self.client.act(act, &mut self.to_client)),
            Role::Server => self.to_client.extend(self.server.act(act, &mut self.to_server)),
        }
    }
}

fn acts() -> impl Strategy<Value = Vec<(Role, Act)>> {
    vec((select(BOTH.to_vec()), act()), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pair_behaves_like_the_model(acts in acts()) {
        let mut pair = Pair::new();
        acts.iter().for_each(|act| pair.act(act));
        pair.act(&(Role::Client, Act::Receive(usize::MAX)));
        pair.act(&(Role::Server, Act::Receive(usize::MAX)));
    }

    #[test]
    fn a_pair_cloned_at_any_point_behaves_like_its_original(acts in acts(), place in any::<Index>()) {
        let (before, after) = acts.split_at(place.index(acts.len() + 1));
        let mut pair = Pair::new();
        before.iter().for_each(|act| pair.act(act));
        let mut clone = pair.clone();
        // The two act in turn, so that state shared between them would show.
        for act in after {
            pair.act(act);
            clone.act(act);
        }
        prop_assert_eq!(format!("{clone:?}"), format!("{pair:?}"));
    }
}
