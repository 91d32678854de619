//! Halves in two tasks send and know what a connection in one piece sends and knows, for random steps of the tasks
//! (RFC 6455 §5.5.1, §7.1).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wsproto::{
    AutoReplies, BytesMessage, CloseCode, CloseConnection, Connection, ConnectionState, Event, Limits,
    LocalProtocolError, MessageKind, Outgoing, Ping, ReceiverHalf, ReplyPolicy, Role, Sender, SenderHalf,
    TextMessage, TransportAction,
};

use crate::support::{BINARY, BOTH, CLOSE, CONTINUATION, FIN, Fixed, PING, PONG, Said, TEXT, feed, frame_to};

/// What a half knows: the state, what to do with the transport, and how the connection ended.
pub(crate) type Known = (ConnectionState, TransportAction, Option<String>);

/// A connection, in one piece or not.
pub(crate) trait Subject {
    /// Receives bytes; none are the end of the transport.
    fn receive(&mut self, bytes: &[u8]);
    /// Carries what the halves have to know of each other.
    fn carry(&mut self) {}
    fn send(&mut self, event: &dyn Outgoing, output: &mut Vec<u8>) -> Result<(), LocalProtocolError>;
    fn send_replies(&mut self, output: &mut Vec<u8>) -> Result<(), LocalProtocolError>;
    fn with_sender<T>(&mut self, call: impl FnOnce(&mut Sender<Fixed>) -> T) -> T;
    /// What each half knows.
    fn known(&mut self) -> Vec<Known>;
}

struct OnePiece {
    connection: Connection<Fixed>,
    replies: AutoReplies,
    /// If what is received waits until it is carried, the reads that wait.
    waiting: Option<Vec<Vec<u8>>>,
}

impl OnePiece {
    fn receive_now(&mut self, mut bytes: Vec<u8>) {
        if bytes.is_empty() {
            _ = self.connection.receive_eof();
        }
        let mut input = bytes.as_mut_slice();
        loop {
            match self.connection.next_event(&mut input) {
                Ok(Some(event)) => self.replies.on_event(&event),
                Ok(None) => return,
                Err(error) => self.replies.on_failure(error),
            }
        }
    }
}

impl Subject for OnePiece {
    fn receive(&mut self, bytes: &[u8]) {
        match &mut self.waiting {
            Some(waiting) => waiting.push(bytes.to_vec()),
            None => self.receive_now(bytes.to_vec()),
        }
    }

    fn carry(&mut self) {
        for bytes in self.waiting.as_mut().map(std::mem::take).unwrap_or_default() {
            self.receive_now(bytes);
        }
    }

    fn send(&mut self, event: &dyn Outgoing, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
        self.connection.send(event, output)
    }

    fn send_replies(&mut self, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
        self.replies.send(self.connection.sender_mut(), output)
    }

    fn with_sender<T>(&mut self, call: impl FnOnce(&mut Sender<Fixed>) -> T) -> T {
        call(self.connection.sender_mut())
    }

    fn known(&mut self) -> Vec<Known> {
        let info = self.connection.close_info().map(|info| format!("{info:?}"));
        vec![(self.connection.state(), self.connection.transport_action(), info)]
    }
}

/// Reads by all three methods in turn.
macro_rules! receive {
    ($half:expr, $bytes:expr) => {{
        let mut bytes = $bytes.to_vec();
        if bytes.is_empty() {
            _ = $half.receive_eof();
        }
        let mut input = bytes.as_mut_slice();
        let mut by_range = input.len() % 2 == 0;
        loop {
            let more = match by_range {
                true => $half.next_range(&mut input).map(|found| found.is_some()),
                false => $half.next_event(&mut input).map(|event| event.is_some()),
            };
            if more == Ok(false) {
                break;
            }
            by_range = !by_range;
        }
    }};
}

pub(crate) struct Carried {
    pub(crate) receiving: ReceiverHalf,
    pub(crate) sending: SenderHalf<Fixed>,
}

impl Subject for Carried {
    fn receive(&mut self, bytes: &[u8]) {
        receive!(self.receiving, bytes);
    }

    fn carry(&mut self) {
        if let Some(notice) = self.receiving.take_notice() {
            self.sending.on_notice(&notice);
        }
        if let Some(close_sent) = self.sending.take_close_sent() {
            self.receiving.on_close_sent(close_sent);
        }
    }

    fn send(&mut self, event: &dyn Outgoing, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
        self.sending.send(event, output)
    }

    fn send_replies(&mut self, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
        self.sending.send_replies(output)
    }

    fn with_sender<T>(&mut self, call: impl FnOnce(&mut Sender<Fixed>) -> T) -> T {
        call(self.sending.sender_mut())
    }

    fn known(&mut self) -> Vec<Known> {
        let (receiving, sending) = (&self.receiving, &self.sending);
        let infos =
            [receiving.close_info(), sending.close_info()].map(|info| info.map(|info| format!("{info:?}")));
        let [info, same] = infos;
        vec![
            (receiving.state(), receiving.transport_action(), info),
            (sending.state(), sending.transport_action(), same),
        ]
    }
}

#[cfg(feature = "std")]
pub(crate) struct Shared {
    pub(crate) receiving: wsproto::SharedReceiver,
    pub(crate) sending: wsproto::SharedSender<Fixed>,
}

#[cfg(feature = "std")]
impl Subject for Shared {
    fn receive(&mut self, bytes: &[u8]) {
        receive!(self.receiving, bytes);
    }

    fn send(&mut self, event: &dyn Outgoing, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
        self.sending.send(event, output)
    }

    fn send_replies(&mut self, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
        self.sending.send_replies(output)
    }

    fn with_sender<T>(&mut self, call: impl FnOnce(&mut Sender<Fixed>) -> T) -> T {
        self.sending.with_sender(call)
    }

    fn known(&mut self) -> Vec<Known> {
        let info = self.receiving.close_info().map(|info| format!("{info:?}"));
        let receiving = (self.receiving.state(), self.receiving.transport_action(), info);
        let (state, action) = (self.sending.state(), self.sending.transport_action());
        vec![receiving, (state, action, self.sending.close_info().map(|info| format!("{info:?}")))]
    }
}

/// Something that happens in one of the two tasks, or between them.
#[derive(Clone, Debug)]
enum Step {
    Receive(usize),
    Carry,
    Replies,
    Send(Event<String, Vec<u8>>),
    /// A reply of the caller's own, possibly too late.
    Reply(Event<String, Vec<u8>>),
    BeginFrame(u8, bool),
    ContinueFrame(u8),
    End,
}

fn event() -> impl Strategy<Value = Event<String, Vec<u8>>> {
    let payload = || vec(any::<u8>(), 0..9);
    let close =
        (select(vec![None, Some(1000), Some(1010), Some(4000)]), any::<bool>()).prop_map(|(code, long)| {
            let reason = if long && code.is_some() { "x".repeat(123) } else { String::new() };
            CloseConnection { code: code.map(CloseCode::new), reason }
        });
    prop_oneof![
        5 => ("\\PC{0,9}", any::<bool>()).prop_map(|(data, message_finished)| {
            Event::Text(TextMessage { data, frame_finished: true, message_finished })
        }),
        4 => (payload(), any::<bool>()).prop_map(|(data, message_finished)| {
            Event::Bytes(BytesMessage { data, frame_finished: true, message_finished })
        }),
        3 => payload().prop_map(|payload| Event::Ping(Ping { payload })),
        1 => payload().prop_map(|payload| Event::Pong(wsproto::Pong { payload })),
        1 => close.prop_map(Event::Close),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..30_usize).prop_map(Step::Receive),
        6 => Just(Step::Carry),
        5 => Just(Step::Replies),
        10 => event().prop_map(Step::Send),
        1 => event().prop_map(Step::Reply),
        1 => (0..4_u8, any::<bool>()).prop_map(|(len, finished)| Step::BeginFrame(len, finished)),
        3 => (0..4_u8).prop_map(Step::ContinueFrame),
        1 => Just(Step::End),
    ]
}

/// What the peer sends: frames of every kind, and some that break a rule.
fn peer_frames() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let frame = prop_oneof![
        4 => vec(any::<u8>(), 0..9).prop_map(|payload| (FIN | BINARY, payload)),
        3 => Just((FIN | TEXT, b"text".to_vec())),
        5 => vec(any::<u8>(), 0..126).prop_map(|payload| (PING, payload)),
        1 => Just((PONG, b"".to_vec())),
        1 => select(vec![&b""[..], b"\x03\xe8", b"\x03\xe8bye", b"\x03\xf2", b"\x0f\xa0\xe2\x82\xac"])
            .prop_map(|payload| (CLOSE, payload.to_vec())),
        1 => select(vec![(FIN | TEXT, &b"ab\xff"[..]), (FIN | CONTINUATION, b""), (0x8F, b""), (CLOSE, b"\x03")])
            .prop_map(|(first, payload)| (first, payload.to_vec())),
    ];
    vec(frame, 0..12)
}

fn as_reply(event: &Event<String, Vec<u8>>) -> Box<dyn Outgoing + '_> {
    match event {
        Event::Ping(ping) => Box::new(ping.response()),
        Event::Close(close) => Box::new(close.response()),
        event => Box::new(event),
    }
}

/// Takes the same steps with both, and compares what they return and write.
fn compare(
    role: Role,
    incoming: &[u8],
    steps: &[Step],
    subject: &mut impl Subject,
    reference: &mut OnePiece,
) {
    let (mut incoming, mut written) = (incoming, [Vec::new(), Vec::new()]);
    let [ours, theirs] = &mut written;
    let mut left = 0; // of a streamed frame
    let mut has_ended = false;
    for step in steps {
        match step {
            Step::Receive(len) if !has_ended => {
                let (read, rest) = incoming.split_at(incoming.len().min(*len));
                incoming = rest;
                if !read.is_empty() {
                    subject.receive(read);
                    reference.receive(read);
                }
            }
            Step::End if !has_ended => {
                has_ended = true;
                subject.receive(b"");
                reference.receive(b"");
            }
            Step::Receive(_) | Step::End => {}
            Step::Carry => {
                subject.carry();
                reference.carry();
            }
            Step::Replies => assert_eq!(subject.send_replies(ours), reference.send_replies(theirs)),
            Step::Send(event) => {
                assert_eq!(subject.send(event, ours), reference.send(event, theirs), "{event:?}")
            }
            Step::Reply(event) => {
                let event = as_reply(event);
                assert_eq!(subject.send(&*event, ours), reference.send(&*event, theirs));
            }
            Step::BeginFrame(len, finished) => {
                let begin = |sender: &mut Sender<Fixed>| {
                    sender.begin_frame(MessageKind::Binary, u64::from(*len), *finished)
                };
                let headers = (subject.with_sender(begin), reference.with_sender(begin));
                assert_eq!(headers.0, headers.1);
                if let (Ok(header), Ok(_)) = headers {
                    ours.extend(header.as_bytes());
                    theirs.extend(header.as_bytes());
                    left = usize::from(*len);
                }
            }
            Step::ContinueFrame(len) => {
                let len = left.min(usize::from(*len));
                left -= len;
                continue_frame(len, subject, ours);
                continue_frame(len, reference, theirs);
            }
        }
        assert_eq!(ours, theirs, "{step:?}");
    }
    // The end: the frame in progress is completed, the rest is read, and all is carried and answered.
    continue_frame(left, subject, ours);
    continue_frame(left, reference, theirs);
    if !has_ended && !incoming.is_empty() {
        subject.receive(incoming);
        reference.receive(incoming);
    }
    for _ in 0..2 {
        subject.carry();
        reference.carry();
        assert_eq!(subject.send_replies(ours), reference.send_replies(theirs));
    }
    assert_eq!(ours, theirs);
    let expected = reference.known();
    for known in subject.known() {
        assert_eq!(known, expected[0]);
    }
    // Every frame is lawful: the peer's receiver accepts all of them, and nothing follows a close frame.
    let seen = feed(role.peer(), Limits::NONE, [&ours[..]]);
    assert_eq!(seen.failure, None);
    if let Some(Said::Close(..)) = seen.said.last() {
        assert!(ours.ends_with(&last_close(role, &seen.said)), "bytes follow the close frame");
    }
}

fn last_close(role: Role, said: &[Said]) -> Vec<u8> {
    let Some(Said::Close(code, reason)) = said.last() else { panic!() };
    let code = code.map(u16::to_be_bytes);
    frame_to(role.peer(), CLOSE, [code.as_ref().map_or(&b""[..], |code| code), reason.as_bytes()].concat())
}

fn continue_frame(len: usize, subject: &mut impl Subject, output: &mut Vec<u8>) {
    let mut piece = vec![7; len];
    subject.with_sender(|sender| sender.continue_frame(&mut piece)).unwrap();
    output.extend(piece);
}

fn one_piece(role: Role, policy: ReplyPolicy, waits: bool) -> OnePiece {
    let connection = Connection::with_role(role, Limits::default(), Fixed);
    OnePiece { connection, replies: AutoReplies::new(policy), waiting: waits.then(Vec::new) }
}

pub(crate) fn carried(role: Role, policy: ReplyPolicy) -> Carried {
    let connection = Connection::with_role(role, Limits::default(), Fixed);
    let (receiving, sending) = connection.into_halves(AutoReplies::new(policy));
    Carried { receiving, sending }
}

#[cfg(feature = "std")]
pub(crate) fn shared(role: Role, policy: ReplyPolicy) -> Shared {
    let connection = Connection::with_role(role, Limits::default(), Fixed);
    let (receiving, sending) = connection.into_shared_halves(AutoReplies::new(policy));
    Shared { receiving, sending }
}

const POLICIES: [ReplyPolicy; 3] = [ReplyPolicy::Nothing, ReplyPolicy::Pong, ReplyPolicy::PongAndClose];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn halves_apart_send_and_know_what_a_connection_in_one_piece_does(
        role in select(BOTH.to_vec()),
        policy in select(POLICIES.to_vec()),
        frames in peer_frames(),
        steps in vec(step(), 0..50),
    ) {
        let frames = frames.iter().map(|(first, payload)| (*first, &payload[..]));
        let incoming: Vec<u8> = frames.flat_map(|(first, payload)| frame_to(role, first, payload)).collect();
        compare(role, &incoming, &steps, &mut carried(role, policy), &mut one_piece(role, policy, true));
        #[cfg(feature = "std")]
        compare(role, &incoming, &steps, &mut shared(role, policy), &mut one_piece(role, policy, false));
    }
}
