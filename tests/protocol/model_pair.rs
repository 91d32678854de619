//! A pair of connections in memory, driven by random calls, valid or not. What each refuses, what it writes and
//! its state must be what `model` says; and a clone must go on like its original.

use core::fmt::Debug;
use core::ops::Range;
use std::collections::HashSet;

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
enum Act {
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
struct End<E> {
    connection: Connection<E>,
    model: Model,
    /// What it has written. The other end has read `taken` bytes of it.
    output: Vec<u8>,
    taken: usize,
    frames: Vec<Frame>,
    pinged: Option<Vec<u8>>,
    /// The part of the unfinished frame that was received.
    received_part: Vec<u8>,
}

impl<E: Clone> Clone for End<E> {
    fn clone(&self) -> Self {
        Self {
            connection: self.connection.try_clone().expect("no extension is in use"),
            model: self.model.clone(),
            output: self.output.clone(),
            taken: self.taken,
            frames: self.frames.clone(),
            pinged: self.pinged.clone(),
            received_part: self.received_part.clone(),
        }
    }
}

/// A frame that was written.
#[derive(Clone, Debug)]
struct Frame {
    /// What it means; `None` if its opcode is reserved.
    content: Option<Sending>,
    /// Its place in the output.
    place: Range<usize>,
}

impl<E: Entropy + Clone + Debug> End<E> {
    fn new(role: Role, connection: Connection<E>) -> Self {
        let peer = Peer::Open;
        let model = Model { role, in_message: None, close_sent: None, peer, transport_ended: false };
        let (output, frames, received_part) = (Vec::new(), Vec::new(), Vec::new());
        Self { connection, model, output, taken: 0, frames, pinged: None, received_part }
    }

    fn act<F>(&mut self, act: &Act, peer: &mut End<F>) {
        match act {
            Act::Send(sending) => self.send(sending),
            Act::AnswerPing => {
                if let Some(payload) = self.pinged.clone() {
                    self.send(&Sending::Pong { payload, is_reply: true });
                }
            }
            Act::AnswerPeer => match self.model.peer.clone() {
                Peer::Open => {}
                Peer::Closed { code, reason } => self.send(&Sending::Close { code, reason, is_reply: true }),
                Peer::Failed(error) => {
                    let (code, reason) = (Some(error.close_code().get()), error.reason().into());
                    self.send(&Sending::Close { code, reason, is_reply: true });
                }
            },
            Act::Receive(len) => self.receive(*len, peer),
            Act::Disturb => self.write(None, &frame_to(self.model.role.peer(), RESERVED, b"")),
            Act::End => {
                let end = self.connection.receive_eof().map(|close| close.code);
                let abnormal = self.model.receive_eof().then_some(Some(CloseCode::ABNORMAL_CLOSURE));
                assert_eq!(end, abnormal);
            }
        }
        self.check();
    }

    /// Sends; a refused call must leave no trace.
    fn send(&mut self, sending: &Sending) {
        let before = self.connection.try_clone().expect("no extension is in use");
        let mut written = Vec::new();
        let result = self.put(sending, &mut written);
        let expected = self.model.send(sending);
        assert_eq!(result, expected.clone().map(drop), "{sending:?}");
        if let Ok(Some((first, payload))) = expected {
            assert_eq!(written, frame_to(self.model.role.peer(), first, payload));
            self.write(Some(sending.clone()), &written);
            return;
        }
        assert_eq!(written, b"");
        assert_eq!(format!("{:?}", self.connection), format!("{before:?}"));
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

    fn write(&mut self, content: Option<Sending>, bytes: &[u8]) {
        let start = self.output.len();
        self.output.extend(bytes);
        self.frames.push(Frame { content, place: start..self.output.len() });
    }

    /// Reads bytes from the transport, and checks that they deliver the frames that end in them, up to a close frame or
    /// a failure.
    fn receive<F>(&mut self, len: usize, peer: &mut End<F>) {
        let start = peer.taken;
        peer.taken = peer.output.len().min(start.saturating_add(len));
        let mut read = peer.output[start..peer.taken].to_vec();
        let delivered = self.delivered_from(&mut read);
        let frames = peer.frames.iter().filter(|frame| match frame.content {
            // It fails at its first byte.
            None => (start..peer.taken).contains(&frame.place.start),
            Some(_) => (start + 1..=peer.taken).contains(&frame.place.end),
        });
        let mut expected = Vec::new();
        for frame in frames {
            if self.model.is_receiving() {
                expected.push(frame.content.as_ref().map(without_reply));
                self.record(frame.content.as_ref());
            }
        }
        assert_eq!(delivered, expected);
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

    /// All that decides what this end does next. What was read before is not a part of it.
    fn future(&self) -> String {
        let Self { connection, model, output, taken, pinged, received_part, .. } = self;
        format!("{connection:?} {model:?} {:?} {pinged:?} {received_part:?}", &output[*taken..])
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

#[derive(Clone, Debug)]
struct Pair {
    client: End<Fixed>,
    server: End<NoEntropy>,
}

impl Pair {
    fn new() -> Self {
        Self {
            client: End::new(Role::Client, Connection::client(Limits::NONE, Fixed)),
            server: End::new(Role::Server, Connection::server(Limits::NONE)),
        }
    }

    fn future(&self) -> String {
        self.client.future() + &self.server.future()
    }

    fn act(&mut self, (role, act): &(Role, Act)) {
        match role {
            Role::Client => self.client.act(act, &mut self.server),
            Role::Server => self.server.act(act, &mut self.client),
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

/// What may happen at one end in a small world: a frame of each kind, answers, reads, and what breaks a connection.
fn every_act() -> Vec<Act> {
    let data = |kind, finished| Sending::Data { kind, payload: b"a".to_vec(), finished };
    let sent = [
        data(MessageKind::Text, true),
        data(MessageKind::Text, false),
        data(MessageKind::Binary, true),
        data(MessageKind::Binary, false),
        Sending::Ping(b"p".to_vec()),
        Sending::Pong { payload: b"p".to_vec(), is_reply: false },
        Sending::Close { code: Some(1000), reason: String::new(), is_reply: false },
    ];
    let others =
        [Act::AnswerPing, Act::AnswerPeer, Act::Receive(1), Act::Receive(usize::MAX), Act::Disturb, Act::End];
    sent.map(Act::Send).into_iter().chain(others).collect()
}

/// There are 26 acts, so 475,254 words of at most four, and 24,465 futures that they lead to. Where two words lead to the
/// same future, only one of them goes on. `WORD_LEN` sets another length: with 5 it takes minutes.
#[test]
fn every_word_of_acts_behaves_like_the_model() {
    let word_len = std::env::var("WORD_LEN").map_or(4, |len| len.parse().unwrap());
    let acts: Vec<(Role, Act)> =
        BOTH.into_iter().flat_map(|role| every_act().into_iter().map(move |act| (role, act))).collect();
    assert_eq!(acts.len(), 26);
    let mut pairs = vec![Pair::new()];
    let mut futures = HashSet::from([pairs[0].future()]);
    for _ in 0..word_len {
        let words = pairs.iter().flat_map(|pair| acts.iter().map(move |act| (pair, act)));
        let after = words.map(|(pair, act)| {
            let mut pair = pair.clone();
            pair.act(act);
            pair
        });
        pairs = after.filter(|pair| futures.insert(pair.future())).collect();
    }
    assert!(futures.len() >= 24_465 || word_len < 4, "{}", futures.len());
}
