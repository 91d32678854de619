//! A receiver accepts what is valid and returns its messages, and refuses what is broken by its rule, at its byte.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    BrokenFrames, BytesMessage, CloseConnection, Event, Limits, Ping, Pong, Receiver, ReceiverState,
    TextMessage, ValidFrames,
};
use wsproto_fuzz::{Failure, Joined, Kind, Outcome, Received, feed, feed_frames};

#[derive(Arbitrary, Debug)]
enum Input {
    Valid(ValidFrames),
    Broken(BrokenFrames),
}

fuzz_target!(|input: Input| {
    match input {
        Input::Valid(frames) => {
            let receiver = || Receiver::new(frames.sender().peer(), Limits::default());
            let outcome = fed(receiver, frames.bytes(), frames.reads());
            assert_eq!(outcome.failure, None);
            assert!(outcome.is_idle);
            assert_eq!(messages(&outcome.received), frames.events());
        }
        Input::Broken(broken) => {
            let receiver = || Receiver::new(broken.sender().peer(), broken.limits());
            let outcome = fed(receiver, broken.bytes(), broken.reads());
            let failure = Failure { error: broken.rule(), certain_after: broken.broken_at() + 1 };
            assert_eq!(outcome.failure, Some(failure));
            assert_eq!(outcome.state, ReceiverState::Failed(broken.rule()));
            assert_eq!(messages(&outcome.received), broken.events());
        }
    }
});

/// The outcome, which is the same in one read, in these reads, and frame by frame.
fn fed<'a>(receiver: impl Fn() -> Receiver, bytes: &[u8], reads: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let ends = reads.scan(0, |end, read| {
        *end += read.len();
        Some(*end)
    });
    let cuts: Vec<usize> = ends.collect();
    let whole = feed(receiver(), bytes, []);
    assert_eq!(feed(receiver(), bytes, cuts.iter().copied()), whole);
    assert_eq!(feed_frames(receiver(), bytes, cuts), whole);
    whole
}

/// The messages that are complete, their fragments joined, and the control frames.
fn messages(received: &Received) -> Vec<Event<String, Vec<u8>>> {
    let mut events = Vec::new();
    let mut message = Vec::new();
    for joined in &received.0 {
        events.push(match joined.clone() {
            Joined::Data { kind, payload, message_finished, .. } => {
                message.extend(payload);
                if !message_finished {
                    continue;
                }
                let data = std::mem::take(&mut message);
                match kind {
                    Kind::Text => {
                        Event::Text(TextMessage::new(String::from_utf8(data).expect("text is UTF-8")))
                    }
                    Kind::Binary => Event::Bytes(BytesMessage::new(data)),
                }
            }
            Joined::Ping(payload) => Event::Ping(Ping { payload }),
            Joined::Pong(payload) => Event::Pong(Pong { payload }),
            Joined::Close(code, reason) => Event::Close(CloseConnection { code, reason }),
        });
    }
    events
}
