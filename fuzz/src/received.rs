//! The results of a receiver, in a form that does not depend on the cuts of the input.

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Event, EventRef, Receiver, ReceiverState, RemoteProtocolError,
    Source, TextMessage,
};

use crate::Kind;

/// What was received: one entry for each frame, its pieces joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received(pub Vec<Joined>);

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    Data { kind: Kind, payload: Vec<u8>, frame_finished: bool, message_finished: bool },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, String),
}

impl Received {
    /// Adds an event.
    pub fn push(&mut self, event: EventRef<'_>) {
        match event {
            Event::Text(TextMessage { data, frame_finished, message_finished }) => {
                self.push_data(Kind::Text, data.as_bytes(), frame_finished, message_finished);
            }
            Event::Bytes(BytesMessage { data, frame_finished, message_finished }) => {
                self.push_data(Kind::Binary, data, frame_finished, message_finished);
            }
            Event::Ping(ping) => self.0.push(Joined::Ping(ping.payload.to_vec())),
            Event::Pong(pong) => self.0.push(Joined::Pong(pong.payload.to_vec())),
            Event::Close(close) => self.0.push(Joined::Close(close.code, close.reason.to_owned())),
        }
    }

    fn push_data(&mut self, new_kind: Kind, data: &[u8], frame_end: bool, message_end: bool) {
        assert!(frame_end || !message_end, "a message ends inside a frame");
        assert!(frame_end || !data.is_empty(), "a piece is empty, but ends no frame");
        if let Some(Joined::Data { kind, payload, frame_finished, message_finished }) = self.0.last_mut()
            && !*frame_finished
        {
            assert_eq!(*kind, new_kind);
            payload.extend(data);
            (*frame_finished, *message_finished) = (frame_end, message_end);
            return;
        }
        self.0.push(Joined::Data {
            kind: new_kind,
            payload: data.to_vec(),
            frame_finished: frame_end,
            message_finished: message_end,
        });
    }
}

/// The result of one way to feed a receiver.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub received: Received,
    pub failure: Option<Failure>,
    pub state: ReceiverState,
    pub close: Option<(Option<CloseCode>, String)>,
    pub is_idle: bool,
    pub payload_remaining: u64,
    pub eof: Option<CloseConnection<&'static str>>,
}

/// Checks that `next_range` finds what `next_event` does, and where it is.
fn check_range(receiver: &Receiver, input: &[u8]) {
    let copy = || receiver.try_clone().expect("no extension is in use");
    let (mut borrowing, mut locating) = (copy(), copy());
    let (mut one, mut other) = (input.to_vec(), input.to_vec());
    let (mut one_input, mut other_input) = (one.as_mut_slice(), other.as_mut_slice());
    let event = borrowing.next_event(&mut one_input);
    let found = locating.next_range(&mut other_input);
    assert_eq!(one_input, other_input);
    let consumed = input.len() - other_input.len();
    let found = found.map(|found| {
        found.map(|found| {
            assert_eq!(found.consumed, consumed);
            found.event.map(
                |text| match text {
                    Source::Input(range) => {
                        std::str::from_utf8(&other[range]).expect("it is text").to_owned()
                    }
                    Source::Kept(text) => text.to_owned(),
                },
                |bytes| match bytes {
                    Source::Input(range) => other[range].to_vec(),
                    Source::Kept(bytes) => bytes.to_vec(),
                },
            )
        })
    });
    assert_eq!(event.map(|event| event.map(Event::into_owned)), found);
    assert_eq!(format!("{borrowing:?}"), format!("{locating:?}"));
}

/// An error, and how many bytes of the whole input led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub error: RemoteProtocolError,
    pub certain_after: usize,
}

/// Feeds a receiver with `bytes` in reads that end at `cuts`, which are in ascending order.
///
/// # Panics
///
/// If the receiver breaks a rule that a single run can show.
pub fn feed(receiver: Receiver, bytes: &[u8], cuts: impl IntoIterator<Item = usize>) -> Outcome {
    feed_by(receiver, bytes, cuts, false)
}

/// The same with `next_frame_event`, which waits for whole frames; at the end, the start of one is read too.
///
/// # Panics
///
/// As [`feed`].
pub fn feed_frames(receiver: Receiver, bytes: &[u8], cuts: impl IntoIterator<Item = usize>) -> Outcome {
    feed_by(receiver, bytes, cuts, true)
}

fn feed_by(
    mut receiver: Receiver,
    bytes: &[u8],
    cuts: impl IntoIterator<Item = usize>,
    waits: bool,
) -> Outcome {
    let mut received = Received::default();
    let mut failure = None;
    let mut start = 0;
    for end in cuts.into_iter().chain([bytes.len()]) {
        let mut read = bytes[start..end].to_vec();
        let mut input = read.as_mut_slice();
        loop {
            let waits = waits && end < bytes.len();
            if !waits {
                check_range(&receiver, input);
            }
            let event =
                if waits { receiver.next_frame_event(&mut input) } else { receiver.next_event(&mut input) };
            let over = event == Ok(None);
            match event {
                Ok(Some(event)) => {
                    assert_eq!(failure, None, "a failure is final");
                    received.push(event);
                }
                Ok(None) if waits => {
                    let is_open = receiver.state() == ReceiverState::Open;
                    assert_eq!(receiver.bytes_needed(input) > 0, is_open, "`bytes_needed` is wrong");
                }
                Ok(None) => assert!(input.is_empty(), "it returned `None` before it consumed all bytes"),
                Err(error) => {
                    assert_eq!(failure, None, "a failure is reported once");
                    let certain_after = end - input.len() - receiver.bytes_after_error();
                    failure = Some(Failure { error, certain_after });
                }
            }
            assert_eq!(*input, bytes[end - input.len()..end], "bytes that were not consumed have changed");
            if over {
                break;
            }
        }
        start = end - input.len();
    }
    Outcome {
        received,
        failure,
        state: receiver.state(),
        close: receiver.received_close().map(|close| (close.code, close.reason.to_owned())),
        is_idle: receiver.is_idle(),
        payload_remaining: receiver.payload_remaining(),
        eof: receiver.receive_eof(),
    }
}
