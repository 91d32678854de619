//! Halves in two tasks send and know what a connection in one piece sends and knows (RFC 6455 §5.5.1, §7.1).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wsproto::{
    AutoReplies, BytesMessage, CloseCode, CloseConnection, ClosedBy, Connection, ConnectionState, Event,
    Limits, LocalProtocolError, MessageKind, Notice, Outgoing, Ping, ReceiverHalf, ReplyPolicy, Role, Sender,
    SenderHalf, TextMessage, TransportAction,
};

use crate::support::{
    BINARY, BOTH, CLOSE, CONTINUATION, FIN, Fixed, PING, PONG, Said, TEXT, cuts, feed, frame_to, frames_to,
    masked, unmasked,
};

/// What a half knows: the state, what to do with the transport, and how the connection ended.
type Known = (ConnectionState, TransportAction, Option<String>);

/// A connection, in one piece or not.
trait Subject {
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

struct Carried {
    receiving: ReceiverHalf,
    sending: SenderHalf<Fixed>,
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
struct Shared {
    receiving: wsproto::SharedReceiver,
    sending: wsproto::SharedSender<Fixed>,
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

fn carried(role: Role, policy: ReplyPolicy) -> Carried {
    let connection = Connection::with_role(role, Limits::default(), Fixed);
    let (receiving, sending) = connection.into_halves(AutoReplies::new(policy));
    Carried { receiving, sending }
}

#[cfg(feature = "std")]
fn shared(role: Role, policy: ReplyPolicy) -> Shared {
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

#[test]
fn a_ping_and_a_close_frame_cut_at_any_byte_are_answered_once() {
    for role in BOTH {
        let bytes = frames_to(role, [(PING, &b"?"[..]), (CLOSE, b"\x03\xe8bye")]);
        let expected = frames_to(role.peer(), [(PONG, &b"?"[..]), (CLOSE, b"\x03\xe8")]);
        for cut in cuts(bytes.len()) {
            let mut halves = carried(role, ReplyPolicy::PongAndClose);
            let mut output = Vec::new();
            for read in [&bytes[..cut], &bytes[cut..]] {
                if !read.is_empty() {
                    halves.receive(read);
                }
                halves.carry();
                halves.send_replies(&mut output).unwrap();
                assert!(!halves.sending.has_replies());
            }
            assert_eq!(output, expected, "cut at {cut}");
        }
    }
}

#[test]
fn frames_read_whole_are_answered_too() {
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    let mut bytes = masked(PING, b"?");
    assert!(halves.receiving.next_frame_event(&mut bytes.as_mut_slice()).unwrap().is_some());
    halves.carry();
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"?"));
}

#[test]
fn data_and_pongs_make_no_notice() {
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    halves.receive(&[masked(FIN | TEXT, b"text"), masked(FIN | BINARY, b"\xff"), masked(PONG, b"")].concat());
    assert!(halves.receiving.take_notice().is_none());
}

#[test]
fn pings_make_no_notice_if_they_are_not_answered() {
    let mut halves = carried(Role::Server, ReplyPolicy::Nothing);
    halves.receive(&masked(PING, b"?"));
    assert!(halves.receiving.take_notice().is_none());
    halves.receive(&masked(CLOSE, b""));
    let notice = halves.receiving.take_notice().unwrap();
    halves.sending.on_notice(&notice);
    assert!(!halves.sending.has_replies());
    let refused = halves.send(&TextMessage::new("late"), &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::CloseReceived));
}

#[test]
fn a_pong_is_not_put_into_a_streamed_frame() {
    let mut halves = carried(Role::Server, ReplyPolicy::Pong);
    _ = halves.sending.sender_mut().begin_frame(MessageKind::Binary, 1, true).unwrap();
    halves.receive(&masked(PING, b"?"));
    halves.carry();
    let mut output = Vec::new();
    assert_eq!(halves.send_replies(&mut output), Err(LocalProtocolError::FrameInProgress));
    assert!(output.is_empty() && halves.sending.has_replies());
    halves.sending.sender_mut().continue_frame(&mut [1]).unwrap();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"?"));
}

#[test]
fn a_notice_that_was_put_back_is_part_of_the_next_one() {
    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    halves.receive(&masked(PING, b"first"));
    let notice = halves.receiving.take_notice().unwrap();
    halves.receiving.put_back_notice(notice);
    halves.receive(&masked(CLOSE, b""));
    halves.carry();
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, [unmasked(PONG, b"first"), unmasked(CLOSE, b"")].concat());

    let mut halves = carried(Role::Server, ReplyPolicy::PongAndClose);
    halves.receive(&masked(PING, b"first"));
    let notice = halves.receiving.take_notice().unwrap();
    halves.receive(&masked(PING, b"second"));
    halves.receiving.put_back_notice(notice);
    halves.carry();
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, unmasked(PONG, b"second"));
}

#[test]
fn an_older_notice_that_comes_later_takes_nothing_back() {
    let mut halves = carried(Role::Client, ReplyPolicy::PongAndClose);
    halves.receive(&unmasked(PING, b"?"));
    let older = halves.receiving.take_notice().unwrap();
    halves.receive(&unmasked(CLOSE, b"\x03\xe8"));
    halves.receive(b"");
    halves.carry();
    halves.sending.on_notice(&older);
    let mut output = Vec::new();
    halves.send_replies(&mut output).unwrap();
    assert_eq!(output, [masked(PONG, b"?"), masked(CLOSE, b"\x03\xe8")].concat());
    assert_eq!(halves.sending.transport_action(), TransportAction::Close);
    assert!(halves.sending.close_info().unwrap().was_clean);
}

#[test]
fn replies_that_waited_before_are_sent_by_the_sending_half() {
    let mut connection = Connection::server(Limits::default());
    let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
    let mut bytes = [masked(PING, b"?"), masked(CLOSE, b"\x03\xe8bye")].concat();
    let mut input = bytes.as_mut_slice();
    while let Some(event) = connection.next_event(&mut input).unwrap() {
        replies.on_event(&event);
    }
    let (mut receiving, mut sending) = connection.into_halves(replies);
    assert!(receiving.take_notice().is_none());
    assert_eq!(sending.state(), ConnectionState::RemoteClosing);
    let mut output = Vec::new();
    sending.send_replies(&mut output).unwrap();
    assert_eq!(output, [unmasked(PONG, b"?"), unmasked(CLOSE, b"\x03\xe8")].concat());
    let close_info = sending.close_info().unwrap();
    assert_eq!((close_info.by, close_info.reason), (ClosedBy::Remote, "bye"));
}

#[test]
fn a_close_frame_sent_before_is_known_to_both_halves() {
    let mut connection = Connection::server(Limits::default());
    connection.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap();
    let (receiving, mut sending) = connection.into_halves(AutoReplies::new(ReplyPolicy::Nothing));
    assert_eq!(receiving.state(), ConnectionState::LocalClosing);
    assert_eq!(sending.state(), ConnectionState::LocalClosing);
    assert_eq!(sending.take_close_sent(), None);
}

#[test]
fn a_server_may_send_1010_only_after_a_client_did() {
    // §7.4.1: the code is "not used by the server", except in the answer.
    let close = CloseConnection::new(CloseCode::MANDATORY_EXT, "");
    let mut halves = carried(Role::Server, ReplyPolicy::Nothing);
    let mut output = Vec::new();
    let refused = halves.send(&close, &mut output);
    assert_eq!(refused, Err(LocalProtocolError::InvalidCloseCode(1010)));
    halves.receive(&masked(CLOSE, b"\x03\xf2"));
    assert!(halves.send(&close, &mut output).is_err(), "it does not know yet");
    halves.carry();
    halves.send(&close, &mut output).unwrap();
    assert_eq!(output, unmasked(CLOSE, b"\x03\xf2"));
}

#[test]
fn a_notice_has_a_fixed_and_small_size() {
    assert!(size_of::<Notice>() <= 320, "{}", size_of::<Notice>());
}

#[cfg(feature = "std")]
mod threads {
    use std::sync::mpsc;
    use std::thread;

    use wsproto::{SharedReceiver, SharedSender};

    use super::*;

    #[test]
    fn a_wake_is_asked_for_once() {
        let mut halves = shared(Role::Server, ReplyPolicy::PongAndClose);
        halves.receive(&masked(FIN | TEXT, b"text"));
        assert!(!halves.receiving.take_wake());
        for bytes in [masked(PING, b"?"), masked(CLOSE, b""), Vec::new()] {
            halves.receive(&bytes);
            assert!(halves.receiving.take_wake());
            assert!(!halves.receiving.take_wake());
        }
    }

    #[test]
    fn a_wake_is_not_asked_for_if_pings_are_not_answered() {
        let mut halves = shared(Role::Server, ReplyPolicy::Nothing);
        halves.receive(&masked(PING, b"?"));
        assert!(!halves.receiving.take_wake() && !halves.sending.has_replies());
    }

    #[test]
    fn a_close_frame_sent_before_is_known_to_both_shared_halves() {
        let mut connection = Connection::server(Limits::default());
        connection.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap();
        let (receiving, mut sending) = connection.into_shared_halves(AutoReplies::new(ReplyPolicy::Nothing));
        assert_eq!(
            (receiving.state(), sending.state()),
            (ConnectionState::LocalClosing, ConnectionState::LocalClosing)
        );
    }

    #[test]
    fn a_close_frame_sent_by_any_method_is_known_to_the_receiving_half() {
        let sends: [fn(&mut SharedSender<Fixed>); 2] = [
            |sending| sending.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap(),
            |sending| {
                sending.with_sender(|sender| sender.send(CloseConnection::EMPTY, &mut Vec::new())).unwrap()
            },
        ];
        for send in sends {
            let Shared { receiving, mut sending } = shared(Role::Client, ReplyPolicy::Nothing);
            send(&mut sending);
            assert_eq!(receiving.state(), ConnectionState::LocalClosing);
        }
    }

    /// The receiving thread: it reads byte by byte, and says `None` to wake the other.
    fn receive(mut half: SharedReceiver, bytes: Vec<u8>, wakes: mpsc::Sender<Option<u32>>) -> SharedReceiver {
        for byte in bytes {
            let mut read = [byte];
            let mut input = read.as_mut_slice();
            while let Some(_event) = half.next_event(&mut input).unwrap() {}
            if half.take_wake() {
                wakes.send(None).unwrap();
            }
        }
        half
    }

    #[test]
    fn two_threads_answer_pings_and_the_close_frame_between_messages() {
        for round in 0..50 {
            let Shared { receiving, mut sending } = shared(Role::Server, ReplyPolicy::PongAndClose);
            let pings = (0..100_u16).flat_map(|i| masked(PING, i.to_be_bytes()));
            let incoming: Vec<u8> = pings.chain(masked(CLOSE, b"\x03\xe8bye")).collect();
            let (jobs, waiting) = mpsc::channel();
            let wakes = jobs.clone();
            let reading = thread::spawn(move || receive(receiving, incoming, wakes));
            let talking = thread::spawn(move || (0..100 + round).for_each(|i| jobs.send(Some(i)).unwrap()));
            let mut output = Vec::new();
            let mut refused = None;
            for job in waiting {
                if let Some(number) = job {
                    let sent = sending.send(BytesMessage::new(number.to_be_bytes()), &mut output);
                    refused = refused.or(sent.err());
                }
                sending.send_replies(&mut output).unwrap();
            }
            let receiving = reading.join().unwrap();
            talking.join().unwrap();

            assert!(matches!(
                refused,
                None | Some(LocalProtocolError::CloseReceived | LocalProtocolError::CloseSent)
            ));
            let seen = feed(Role::Client, Limits::default(), [&output[..]]);
            assert_eq!(
                (seen.failure, seen.said.last()),
                (None, Some(&Said::Close(Some(1000), String::new())))
            );
            let mut pongs = seen.said.iter().filter(|said| matches!(said, Said::Pong(_)));
            assert_eq!(pongs.next_back(), Some(&Said::Pong(99_u16.to_be_bytes().into())));
            for info in [receiving.close_info().unwrap(), sending.close_info().unwrap()] {
                assert_eq!((info.by, info.reason, info.was_clean), (ClosedBy::Remote, "bye", true));
            }
            assert_eq!(receiving.transport_action(), TransportAction::Close);
            assert_eq!(sending.transport_action(), TransportAction::Close);
        }
    }
}
