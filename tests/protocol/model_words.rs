//! Small worlds of a pair: every word of acts at its two ends, up to a length, behaves like `model`.
//!
//! What an act does at one end depends on that end and, if it reads, on what it has not read. So each act is tried once
//! for each different end and unread frames, not once for each word: the other end cannot make a difference. Words that
//! lead to the same pair go on as one.

use core::fmt::Debug;
use std::collections::{HashMap, HashSet};

use wsproto::{Entropy, MessageKind};

use crate::model::Sending;
use crate::model_pair::{Act, End, Frame, Pair, Unread};

/// What may happen at one end: a frame of each kind, answers, reads, and what breaks a connection.
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

/// Values that were seen, each with a number. Their `Debug` output has all that they are.
struct Numbered<T> {
    values: Vec<T>,
    numbers: HashMap<String, usize>,
}

impl<T: Debug> Numbered<T> {
    fn new() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }

    fn number(&mut self, value: T) -> usize {
        let next = self.values.len();
        let number = *self.numbers.entry(format!("{value:?}")).or_insert(next);
        if number == next {
            self.values.push(value);
        }
        number
    }
}

/// What was tried at one end.
struct Tried<E> {
    ends: Numbered<End<E>>,
    /// For an end, an act and unread frames: what comes of it.
    results: HashMap<(usize, usize, usize), After>,
}

/// The end, the unread frames and the written frame after an act.
type After = (usize, usize, Option<usize>);

impl<E: Entropy + Clone + Debug> Tried<E> {
    fn new(end: End<E>) -> Self {
        let mut ends = Numbered::new();
        ends.number(end);
        Self { ends, results: HashMap::new() }
    }

    fn act(
        &mut self,
        (index, act): (usize, &Act),
        [end, unread]: [usize; 2],
        transport: &mut Transport,
    ) -> ([usize; 2], Option<usize>) {
        // Only a read depends on what is unread, and only a read changes it.
        let read = if matches!(act, Act::Receive(_)) { unread } else { NOTHING };
        let (end, left, written) = *self.results.entry((end, index, read)).or_insert_with(|| {
            let (mut end, mut left) = (self.ends.values[end].clone(), transport.unread.values[read].clone());
            let written = end.act(act, &mut left);
            let written = written.map(|frame| transport.frames.number(frame));
            (self.ends.number(end), transport.unread.number(left), written)
        });
        ([end, if read == NOTHING { unread } else { left }], written)
    }
}

/// The number of no unread frames.
const NOTHING: usize = 0;

/// What was written.
struct Transport {
    frames: Numbered<Frame>,
    unread: Numbered<Unread>,
    /// For unread frames and a written frame: both.
    appended: HashMap<(usize, usize), usize>,
}

impl Transport {
    fn append(&mut self, unread: usize, written: Option<usize>) -> usize {
        let Some(written) = written else { return unread };
        *self.appended.entry((unread, written)).or_insert_with(|| {
            let mut all = self.unread.values[unread].clone();
            all.push_back(self.frames.values[written].clone());
            self.unread.number(all)
        })
    }
}

/// Each of the two ends has 13 acts. So there are 12,356,630 words of at most five, and 206,508 pairs that they lead to;
/// 30,456 times an act is tried. With `WORD_LEN=6` there are 321,272,406 words and 1,622,823 pairs: half a minute.
#[test]
fn every_word_of_acts_behaves_like_the_model() {
    let word_len = std::env::var("WORD_LEN").map_or(5, |len| len.parse().unwrap());
    let acts = every_act();
    assert_eq!(acts.len(), 13);
    let Pair { client, server, .. } = Pair::new();
    let (mut at_client, mut at_server) = (Tried::new(client), Tried::new(server));
    let mut transport =
        Transport { frames: Numbered::new(), unread: Numbered::new(), appended: HashMap::new() };
    assert_eq!(transport.unread.number(Unread::new()), NOTHING);
    // The client and what it has not read, and the same of the server.
    let mut pairs = vec![([0, NOTHING], [0, NOTHING])];
    let mut seen = HashSet::from([pairs[0]]);
    for _ in 0..word_len {
        let mut after = Vec::new();
        for (client, server) in pairs {
            for act in acts.iter().enumerate() {
                let (acted, written) = at_client.act(act, client, &mut transport);
                after.push((acted, [server[0], transport.append(server[1], written)]));
                let (acted, written) = at_server.act(act, server, &mut transport);
                after.push(([client[0], transport.append(client[1], written)], acted));
            }
        }
        pairs = after.into_iter().filter(|pair| seen.insert(*pair)).collect();
    }
    assert!(seen.len() >= 206_508 || word_len < 5, "{}", seen.len());
}
