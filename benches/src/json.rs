//! JSON as services send it, and its compressed form: the input for permessage-deflate.

use std::fmt::Write;
use std::hint::black_box;

use zlib_rs::{Deflate, DeflateFlush};

use crate::wire::{FIN, Frame, RSV1, TEXT};
use crate::workload::{Input, LONGEST_READ, Random};

/// Text messages of one length, no two the same.
#[derive(Clone, Copy)]
pub(crate) struct Texts {
    /// All messages in a row.
    pub(crate) all: &'static str,
    pub(crate) len: usize,
}

/// The least length of all texts: when the batch is repeated, its beginning must be far outside the window.
const BATCH_LEN: usize = 384 << 10;

impl Texts {
    /// Messages of `len` bytes. They live as long as the program, because some engines can only send such messages.
    pub(crate) fn new(len: usize) -> Self {
        let mut random = Random::new();
        let mut all = String::new();
        for _ in 0..BATCH_LEN.div_ceil(len) {
            push_message(&mut all, len, &mut random);
        }
        Self { all: all.leak(), len }
    }

    pub(crate) fn messages(&self) -> usize {
        self.all.len() / self.len
    }

    pub(crate) fn each(self) -> impl Iterator<Item = &'static str> {
        let ends = (self.len..=self.all.len()).step_by(self.len);
        ends.map(move |end| black_box(&self.all[end - self.len..end]))
    }

    /// The frames of a client that compresses the messages one after the other, with zlib-rs at level 6.
    pub(crate) fn deflated(self, takes_context_over: bool) -> Input {
        let mut deflate = Deflate::new(6, false, 15);
        let mut buffer = vec![0; self.len + SPARE];
        let mut random = Random::new();
        let mut wire = Vec::new();
        for text in self.each() {
            if !takes_context_over {
                deflate.reset();
            }
            let payload = deflate_message(&mut deflate, text, &mut buffer);
            let masking_key = Some(random.next().to_le_bytes());
            Frame { first_byte: FIN | RSV1 | TEXT, masking_key, payload }.write(&mut wire);
        }
        Input::at(wire.leak(), self.messages(), LONGEST_READ)
    }
}

/// Compresses a message as in RFC 7692 §7.2.1; `buffer` must be longer than the text by [`SPARE`].
pub(crate) fn deflate_message<'b>(deflate: &mut Deflate, text: &str, buffer: &'b mut [u8]) -> &'b [u8] {
    let before = deflate.total_out();
    deflate.compress(text.as_bytes(), buffer, DeflateFlush::SyncFlush).expect("the settings are valid");
    let len = (deflate.total_out() - before) as usize;
    buffer[..len].strip_suffix(&TAIL).expect("the buffer has room for the whole message")
}

/// The end of an empty stored block, which is removed from a message (RFC 7692 §7.2.1).
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The most that compression can add: a text that does not get shorter is stored.
pub(crate) const SPARE: usize = 256;

/// Appends a message: a list of events, and a note that fills the rest.
fn push_message(all: &mut String, len: usize, random: &mut Random) {
    let end = all.len() + len;
    let _ = write!(all, "{{\"seq\":{},\"events\":[", random.below(1 << 20));
    let mut event = String::new();
    loop {
        event.clear();
        push_event(&mut event, random);
        if all.len() + event.len() + CLOSING > end {
            break;
        }
        all.push_str(&event);
        all.push(',');
    }
    if all.ends_with(',') {
        all.pop();
    }
    all.push_str("],\"note\":\"");
    while all.len() + 2 < end {
        let word = random.one_of(&WORDS);
        let room = end - 2 - all.len();
        all.push_str(word.get(..room).unwrap_or(word));
        if all.len() + 2 < end {
            all.push(' ');
        }
    }
    all.push_str("\"}");
}

/// The length of the text after the events.
const CLOSING: usize = "],\"note\":\"\"}".len();

fn push_event(event: &mut String, random: &mut Random) {
    let (kind, symbol, side) = (random.one_of(&KINDS), random.one_of(&SYMBOLS), random.one_of(&SIDES));
    let (hour, minute, second, milli) =
        (random.below(24), random.below(60), random.below(60), random.below(1000));
    let _ = write!(
        event,
        "{{\"id\":{},\"type\":\"{kind}\",\"symbol\":\"{symbol}\",\"price\":{}.{:02},\"size\":{}.{:04},\
         \"side\":\"{side}\",\"time\":\"2026-03-14T{hour:02}:{minute:02}:{second:02}.{milli:03}Z\",\
         \"user\":{{\"id\":\"{:08x}\",\"name\":\"{}\"}},\"ok\":{}}}",
        random.next(),
        random.below(70_000),
        random.below(100),
        random.below(30),
        random.below(10_000),
        random.next(),
        random.one_of(&NAMES),
        random.below(8) != 0,
    );
}

const KINDS: [&str; 5] = ["trade", "order", "cancel", "quote", "fill"];
const SYMBOLS: [&str; 8] =
    ["BTC-USD", "ETH-USD", "EUR-USD", "XAU-USD", "SOL-EUR", "AAPL", "MSFT", "BRENT-2026-07"];
const SIDES: [&str; 2] = ["buy", "sell"];
const NAMES: [&str; 12] = [
    "alice",
    "bob.smith",
    "carol",
    "dave_77",
    "erin",
    "frank",
    "grace.hopper",
    "heidi",
    "ivan",
    "Jürgen",
    "Zoë",
    "李雷",
];
const WORDS: [&str; 24] = [
    "limit", "reached", "for", "account", "retry", "after", "the", "session", "closes", "pending", "review",
    "by", "desk", "partial", "matched", "against", "resting", "order", "from", "venue", "with", "latency",
    "under", "target",
];
