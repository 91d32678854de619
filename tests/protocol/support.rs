//! The harness: a vector must give the same observation, however its bytes are cut into reads (RFC 6455 §5.4).
//!
//! A stream may be cut anywhere, so nothing that is observed may depend on the cuts. Every vector goes through
//! [`check_everywhere`], which also checks that unconsumed bytes are unchanged, and that consumed bytes may be
//! overwritten.

use core::cell::Cell;

use wsproto::{
    BytesMessage, CloseConnection, Connection, Entropy, Event, EventRef, Found, Limits, Message, Messages,
    ReadBuffer, Receiver, ReceiverState, RemoteProtocolError, Role, Sender, Source, TextMessage,
};

pub(crate) const BOTH: [Role; 2] = [Role::Server, Role::Client];

/// The masking key of the examples in §5.7.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

// First bytes of frames: FIN is 0x80, the opcode the low four bits (§5.2).
pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// What a peer said, its pieces joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

pub(crate) fn text(text: &str) -> Said {
    Said::Text(text.into())
}

pub(crate) fn binary(bytes: impl AsRef<[u8]>) -> Said {
    Said::Binary(bytes.as_ref().into())
}

pub(crate) fn ping(payload: impl AsRef<[u8]>) -> Said {
    Said::Ping(payload.as_ref().into())
}

pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Said {
    Said::Pong(payload.as_ref().into())
}

pub(crate) fn close(code: u16, reason: &str) -> Said {
    Said::Close(Some(code), reason.into())
}

/// All that a caller can observe of a vector; the same for all cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whole messages and control frames, in the order of their ends.
    pub(crate) said: Vec<Said>,
    /// The part of the unfinished message that was received.
    pub(crate) unfinished: Option<Said>,
    /// For each data frame that ended: how many items `said` had, and how long its message was then.
    pub(crate) frame_ends: Vec<(usize, usize)>,
    /// The rule that was broken, and the number of input bytes up to the one that proves it.
    pub(crate) failure: Option<(RemoteProtocolError, usize)>,
    pub(crate) state: ReceiverState,
    /// Unless it failed: whether the receiver is idle, and how many bytes of the current frame are missing.
    pub(crate) in_progress: Option<(bool, u64)>,
}

type OwnedEvent = Event<String, Vec<u8>>;

/// A receiver, and what it has shown so far.
pub(crate) struct Reader {
    pub(crate) receiver: Receiver,
    /// Whether it asks where the data is, by `next_range`, instead of borrowing it.
    by_range: bool,
    /// Each event, and how many bytes were consumed with it.
    events: Vec<(OwnedEvent, usize)>,
    consumed: usize,
    pub(crate) said: Vec<Said>,
    pub(crate) unfinished: Option<Said>,
    pub(crate) frame_ends: Vec<(usize, usize)>,
    failure: Option<(RemoteProtocolError, usize)>,
    /// How many bytes were consumed when it failed.
    pub(crate) failed_at: Option<usize>,
    /// Where the bytes end that the receiver said were missing.
    pub(crate) needed_until: u64,
}

impl Reader {
    pub(crate) fn new(role: Role, limits: Limits) -> Self {
        Self::of(Receiver::new(role, limits))
    }

    pub(crate) fn of(receiver: Receiver) -> Self {
        Self {
            receiver,
            by_range: false,
            events: Vec::new(),
            consumed: 0,
            said: Vec::new(),
            unfinished: None,
            frame_ends: Vec::new(),
            failure: None,
            failed_at: None,
            needed_until: 0,
        }
    }

    /// The same, by `next_range`.
    pub(crate) fn by_range(receiver: Receiver) -> Self {
        Self { by_range: true, ..Self::of(receiver) }
    }

    /// It was shown the same piece by piece.
    #[track_caller]
    pub(crate) fn check_same(&self, other: &Self) {
        assert_eq!(self.events, other.events, "other events");
        assert_eq!(self.seen(), other.seen());
        assert_eq!((self.consumed, self.failed_at), (other.consumed, other.failed_at));
    }

    /// Another reader with the same past.
    pub(crate) fn copy(&self) -> Self {
        let receiver = self.receiver.try_clone().expect("no foreign extension is in use");
        let (said, unfinished, frame_ends) =
            (self.said.clone(), self.unfinished.clone(), self.frame_ends.clone());
        Self { receiver, said, unfinished, frame_ends, events: self.events.clone(), ..*self }
    }

    /// Takes the bytes of one read.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        let left = self.read_with(bytes, false);
        assert_eq!(left, 0, "it returned `None` before it consumed all bytes");
    }

    /// Takes the bytes of one read, behind those that were left, and leaves what is no whole frame.
    pub(crate) fn read_frames(&mut self, unread: &mut Vec<u8>, bytes: &[u8]) {
        unread.extend_from_slice(bytes);
        let left = self.read_with(unread, true);
        unread.drain(..unread.len() - left);
        assert_eq!(self.receiver.next_event(&mut &mut [][..]), Ok(None), "an event was not reported in time");
        let missing = self.receiver.bytes_needed(unread);
        assert_eq!(missing == 0, self.receiver.state() != ReceiverState::Open, "`bytes_needed` is wrong");
        self.needed_until = self.needed_until.max((self.consumed + left) as u64 + missing);
    }

    /// Reads all events, overwrites the consumed bytes, and returns the number of bytes that were not consumed.
    fn read_with(&mut self, bytes: &[u8], whole: bool) -> usize {
        let mut buffer = bytes.to_vec();
        let mut start = 0;
        loop {
            let mut input = &mut buffer[start..];
            let came = self.consumed + input.len();
            let (next, left) = if whole {
                let next = self.receiver.next_frame_event(&mut input);
                (next.map(|event| event.map(Event::into_owned)), input.len())
            } else if self.by_range {
                let next = self.receiver.next_range(&mut input);
                let left = input.len();
                (next.map(|found| found.map(|found| taken(found, &buffer[start..], left))), left)
            } else {
                let next = self.receiver.next_event(&mut input);
                (next.map(|event| event.map(Event::into_owned)), input.len())
            };
            let end = bytes.len() - left;
            assert_eq!(buffer[end..], bytes[end..], "bytes that were not consumed have changed");
            self.consumed += end - start;
            match next {
                Ok(Some(event)) => {
                    let was_kept = whole && end == start;
                    assert!(was_kept || came as u64 >= self.needed_until, "it said that more was missing");
                    record(&event.as_ref(), &mut self.said, &mut self.unfinished, &mut self.frame_ends);
                    self.events.push((event, self.consumed));
                }
                Ok(None) => return left,
                Err(error) => {
                    assert_eq!(self.failure, None, "it failed twice");
                    self.failure = Some((error, self.consumed - self.receiver.bytes_after_error()));
                    self.failed_at = Some(self.consumed);
                }
            }
            buffer[start..end].fill(0xA5);
            start = end;
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        let in_progress = (self.receiver.is_idle(), self.receiver.payload_remaining());
        Seen {
            said: self.said.clone(),
            unfinished: self.unfinished.clone(),
            frame_ends: self.frame_ends.clone(),
            failure: self.failure,
            state: self.receiver.state(),
            in_progress: self.failure.is_none().then_some(in_progress),
        }
    }
}

/// An event by its place in `input`, of which `left` bytes were not consumed.
fn taken(found: Found<'_>, input: &[u8], left: usize) -> OwnedEvent {
    assert_eq!(found.consumed, input.len() - left);
    let consumed = &input[..found.consumed];
    found.event.map(
        |text| match text {
            Source::Input(range) => core::str::from_utf8(&consumed[range]).unwrap().to_owned(),
            Source::Kept(text) => text.to_owned(),
        },
        |bytes| match bytes {
            Source::Input(range) => consumed[range].to_vec(),
            Source::Kept(bytes) => bytes.to_vec(),
        },
    )
}

pub(crate) fn record(
    event: &EventRef<'_>,
    said: &mut Vec<Said>,
    unfinished: &mut Option<Said>,
    frame_ends: &mut Vec<(usize, usize)>,
) {
    let (len, frame_finished, message_finished) = match *event {
        Event::Text(TextMessage { data, frame_finished, message_finished }) => {
            let Said::Text(message) = unfinished.get_or_insert(text("")) else {
                panic!("text inside a binary message")
            };
            message.push_str(data);
            (message.len(), frame_finished, message_finished)
        }
        Event::Bytes(BytesMessage { data, frame_finished, message_finished }) => {
            let Said::Binary(message) = unfinished.get_or_insert(binary(b"")) else {
                panic!("bytes inside a text message")
            };
            message.extend_from_slice(data);
            (message.len(), frame_finished, message_finished)
        }
        Event::Ping(frame) => return said.push(ping(frame.payload)),
        Event::Pong(frame) => return said.push(pong(frame.payload)),
        Event::Close(CloseConnection { code, reason }) => {
            return said.push(Said::Close(code.map(Into::into), reason.into()));
        }
    };
    assert!(frame_finished || !message_finished, "a message ends inside a frame");
    if frame_finished {
        frame_ends.push((said.len(), len));
    }
    if message_finished {
        said.extend(unfinished.take());
    }
}

/// What is observed when a new receiver gets these reads.
pub(crate) fn feed<'a>(role: Role, limits: Limits, reads: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut reader = Reader::new(role, limits);
    let mut by_range = Reader::by_range(Receiver::new(role, limits));
    for read in reads {
        reader.read(read);
        by_range.read(read);
    }
    reader.check_same(&by_range);
    reader.seen()
}

/// The same with `next_frame_event`, which waits for whole frames; at the end, the start of one is read too.
pub(crate) fn feed_frames<'a>(role: Role, limits: Limits, reads: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut reader = Reader::new(role, limits);
    let mut unread = Vec::new();
    for read in reads {
        reader.read_frames(&mut unread, read);
    }
    reader.needed_until = 0;
    reader.read(&unread);
    reader.seen()
}

/// [`check_with`] the default limits.
#[track_caller]
pub(crate) fn check_everywhere(role: Role, bytes: &[u8]) -> Seen {
    check_with(role, Limits::default(), bytes)
}

/// What is observed of `bytes`: in one read, byte by byte, cut in two anywhere, frame by frame, and with more bytes
/// after the end.
#[track_caller]
pub(crate) fn check_with(role: Role, limits: Limits, bytes: &[u8]) -> Seen {
    let whole = feed(role, limits, [bytes]);
    assert_eq!(feed(role, limits, bytes.chunks(1)), whole, "byte by byte");
    for cut in cuts(bytes.len()) {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(feed(role, limits, [head, tail]), whole, "cut at {cut}");
        assert_eq!(feed_frames(role, limits, [head, tail]), whole, "cut at {cut}, frame by frame");
    }
    if bytes.len() < 2000 {
        assert_eq!(feed_frames(role, limits, bytes.chunks(1)), whole, "byte by byte, frame by frame");
    }
    if whole.state != ReceiverState::Open {
        check_trailing(role, limits, bytes, &whole);
    }
    if let Some((_, certain)) = whole.failure {
        let before = feed(role, limits, [&bytes[..certain - 1]]);
        assert_eq!(before.failure, None, "it failed too early");
        let then = feed(role, limits, [&bytes[..certain]]);
        assert_eq!(then, whole, "the bytes after the failure changed the result");
    }
    let failure = whole.failure.map(|(error, _)| error);
    check_messages(role, || Receiver::new(role, limits), bytes, &whole.said, failure, 1);
    whole
}

/// What `Messages` makes of these reads: the whole messages, and the failure.
fn messages_of<'a>(
    receiver: Receiver,
    role: Role,
    reads: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Said>, Option<RemoteProtocolError>) {
    let connection = Connection::from_parts(receiver, Sender::with_role(role, Fixed));
    let mut ws = Messages::new(connection, ReadBuffer::new());
    let mut messages = Vec::new();
    for mut read in reads {
        while !read.is_empty() {
            let space = ws.space();
            let len = space.len().min(read.len());
            let (now, rest) = read.split_at(len);
            space[..len].copy_from_slice(now);
            ws.filled(len).expect("the space is as long");
            read = rest;
            while let Some(message) = ws.next_message() {
                messages.push(match message {
                    Message::Text(data) => text(data),
                    Message::Binary(data) => binary(data),
                });
            }
        }
    }
    (messages, ws.failure())
}

/// `Messages` returns the same messages and the same failure, but it checks text when its message is complete. Every
/// cut whose number is a multiple of `step` is tried.
#[track_caller]
pub(crate) fn check_messages(
    role: Role,
    receiver: impl Fn() -> Receiver,
    bytes: &[u8],
    said: &[Said],
    failure: Option<RemoteProtocolError>,
    step: usize,
) {
    let whole = messages_of(receiver(), role, [bytes]);
    let is_message = |said: &&Said| matches!(said, Said::Text(_) | Said::Binary(_));
    assert_eq!(whole.0, said.iter().filter(is_message).cloned().collect::<Vec<_>>());
    if failure != Some(RemoteProtocolError::InvalidUtf8) {
        assert_eq!(whole.1, failure);
    }
    assert_eq!(messages_of(receiver(), role, bytes.chunks(1)), whole, "messages, byte by byte");
    for cut in cuts(bytes.len()).step_by(step) {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(messages_of(receiver(), role, [head, tail]), whole, "messages, cut at {cut}");
    }
}

/// Nothing is processed after a close frame or a failure (§5.5.1, §7.1.7).
#[track_caller]
fn check_trailing(role: Role, limits: Limits, bytes: &[u8], whole: &Seen) {
    let late = [(FIN | TEXT, &b"late"[..]), (PING, b"late"), (FIN | BINARY, b"late"), (CLOSE, b"")];
    check_with_more(role, limits, bytes, whole, &frames_to(role, late));
    check_with_more(role, limits, bytes, whole, &[0xFF; 20]);
}

#[track_caller]
fn check_with_more(role: Role, limits: Limits, bytes: &[u8], whole: &Seen, more: &[u8]) {
    let joined = [bytes, more].concat();
    assert_eq!(feed(role, limits, [&joined[..]]), *whole, "with more in the same read");
    assert_eq!(feed(role, limits, [bytes, more]), *whole, "with another read after it");
    assert_eq!(feed(role, limits, joined.chunks(1)), *whole, "byte by byte, with more after it");
}

/// Every place to cut at; for a long vector, those near its ends and some between.
pub(crate) fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (1..len).filter(move |&cut| len < 512 || cut < 32 || len - cut < 32 || cut % 16_381 == 0)
}

/// Checks that the vector fails with `error` at its byte `certain`, and delivers nothing before.
#[track_caller]
pub(crate) fn check_failure(role: Role, bytes: &[u8], error: RemoteProtocolError, certain: usize) {
    let seen = check_everywhere(role, bytes);
    assert_eq!(seen.failure, Some((error, certain)), "{role:?} {bytes:x?}");
    assert_eq!(seen.said, []);
}

/// Checks that the vector is valid and delivers this.
#[track_caller]
pub(crate) fn check_said(role: Role, bytes: &[u8], said: &[Said]) {
    let seen = check_everywhere(role, bytes);
    assert_eq!(seen.failure, None, "{role:?}");
    assert_eq!(seen.said, said, "{role:?}");
}

/// A frame as a server sends it.
pub(crate) fn unmasked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    [&[first], &length(0, payload.len())[..], payload].concat()
}

/// A frame as a client sends it.
pub(crate) fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    masked_by(KEY, first, payload)
}

/// "Octet i of the transformed data is the XOR of octet i of the original data with octet at index i
/// modulo 4 of the masking key" (§5.3).
pub(crate) fn masked_by(key: [u8; 4], first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let transformed: Vec<u8> = payload.iter().enumerate().map(|(i, octet)| octet ^ key[i % 4]).collect();
    [&[first], &length(0x80, payload.len())[..], &key, &transformed].concat()
}

/// A frame as the peer of an endpoint in this role sends it.
pub(crate) fn frame_to(role: Role, first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    match role {
        Role::Server => masked(first, payload),
        Role::Client => unmasked(first, payload),
    }
}

/// The same for several frames in a row.
pub(crate) fn frames_to<const N: usize>(role: Role, frames: [(u8, &[u8]); N]) -> Vec<u8> {
    frames.iter().flat_map(|(first, payload)| frame_to(role, *first, payload)).collect()
}

/// The length of a payload in its shortest form, with the mask bit (§5.2).
fn length(mask_bit: u8, len: usize) -> Vec<u8> {
    match len {
        0..=125 => vec![mask_bit | len as u8],
        126..=0xFFFF => vec![mask_bit | 126, (len >> 8) as u8, len as u8],
        _ => [&[mask_bit | 127], &(len as u64).to_be_bytes()[..]].concat(),
    }
}

/// The length of the header of a frame to this role with a payload of this length.
pub(crate) fn header_len(role: Role, payload_len: usize) -> usize {
    let key = if role == Role::Server { 4 } else { 0 };
    1 + length(0, payload_len).len() + key
}

/// A frame that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) first: u8,
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
}

/// Parses sent bytes into frames, following the figure in §5.2.
pub(crate) fn sent(mut output: &[u8]) -> Vec<Sent> {
    let mut frames = Vec::new();
    while !output.is_empty() {
        let (frame, rest) = first_sent(output);
        frames.push(frame);
        output = rest;
    }
    frames
}

fn first_sent(mut rest: &[u8]) -> (Sent, &[u8]) {
    let mut take = |len: usize| {
        let (taken, left) = rest.split_at(len);
        rest = left;
        taken
    };
    let first = take(1)[0];
    let second = take(1)[0];
    let len = match second & 0x7F {
        126 => take(2).iter().fold(0, |len, octet| len << 8 | usize::from(*octet)),
        127 => take(8).iter().fold(0, |len, octet| len << 8 | usize::from(*octet)),
        len => usize::from(len),
    };
    let key = (second & 0x80 != 0).then(|| take(4).try_into().unwrap());
    let mask: [u8; 4] = key.unwrap_or_default();
    let payload = take(len).iter().enumerate().map(|(i, octet)| octet ^ mask[i % 4]).collect();
    (Sent { first, key, payload }, rest)
}

/// Entropy that always returns the key of the examples in §5.7.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = KEY[i % 4];
        }
    }
}

/// Entropy that counts: its bytes are 1, 2, 3 and so on, and it shows how many were drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting<'a> {
    pub(crate) drawn: &'a Cell<usize>,
}

impl Entropy for Counting<'_> {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.drawn.set(self.drawn.get() + 1);
            *byte = self.drawn.get() as u8;
        }
    }
}
