//! A peer's frames: most are valid, some have a fault, a few are noise.
//!
//! The headers are built here and not by the crate: a mistake in its encoder must not hide the same mistake in its
//! decoder.

use crate::dice::Dice;
use crate::script::Role;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// "Hello" in a final block (RFC 7692 §7.2.3.4).
pub(crate) const FINAL_HELLO: &[u8] = b"\xF3\x48\xCD\xC9\xC9\x07\x00\x00";

/// A frame; any part of it may be wrong.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) key: Option<[u8; 4]>,
    /// The number of bytes of the extended length.
    pub(crate) form: usize,
    /// The length in the header, which may differ from that of the payload.
    pub(crate) len: u64,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(key: Option<[u8; 4]>, first: u8, payload: &[u8]) -> Self {
        let mut frame = Self { first, key, form: 0, len: 0, payload: Vec::new() };
        frame.fill(payload.to_vec());
        frame
    }

    /// The bytes, following the figure in RFC 6455 §5.2.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mask_bit = if self.key.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![self.first];
        match self.form {
            0 => bytes.push(mask_bit | (self.len as u8 & 0x7F)),
            2 => {
                bytes.push(mask_bit | 126);
                bytes.extend((self.len as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask_bit | 127);
                bytes.extend(self.len.to_be_bytes());
            }
        }
        let key = self.key.unwrap_or_default();
        bytes.extend(self.key.iter().flatten());
        bytes.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }

    fn fill(&mut self, payload: Vec<u8>) {
        self.len = payload.len() as u64;
        self.form = match self.len {
            0..=125 => 0,
            126..=0xFFFF => 2,
            _ => 8,
        };
        self.payload = payload;
    }

    fn is_control(&self) -> bool {
        self.first & 0x8 != 0
    }
}

/// All bytes that the peer of an endpoint in this role sends in a run.
pub(crate) fn stream(dice: &mut Dice, receiver: Role) -> Vec<u8> {
    let mut talk = Talk { dice, masks: receiver == Role::Server, frames: Vec::new() };
    for _ in 0..talk.dice.below(6) {
        talk.speak();
    }
    if talk.dice.chance(50) {
        talk.close();
        // Nobody reads the frames after a close frame.
        if talk.dice.chance(30) {
            talk.speak();
        }
    }
    if talk.dice.chance(45) && !talk.frames.is_empty() {
        let place = talk.dice.below(talk.frames.len());
        add_fault(talk.dice, &mut talk.frames[place]);
    }
    let mut bytes: Vec<u8> = talk.frames.iter().flat_map(Frame::encode).collect();
    if dice.chance(12) {
        change_bytes(dice, &mut bytes);
    }
    bytes
}

/// The complete frames at the start of a stream.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((frame, rest)) = first_frame(bytes) {
        frames.push(frame);
        bytes = rest;
    }
    frames
}

fn first_frame(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let [first, second, rest @ ..] = bytes else { return None };
    let form = match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let (extended, rest) = rest.split_at_checked(form)?;
    let len = extended.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
    let len = if form == 0 { usize::from(second & 0x7F) } else { len };
    let (key, rest) = rest.split_at_checked(if second & 0x80 == 0 { 0 } else { 4 })?;
    let (payload, rest) = rest.split_at_checked(len)?;
    let key: Option<[u8; 4]> = key.try_into().ok();
    let mask = key.unwrap_or_default();
    let payload: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    Some((Frame::new(key, *first, &payload), rest))
}

struct Talk<'d> {
    dice: &'d mut Dice,
    masks: bool,
    frames: Vec<Frame>,
}

impl Talk<'_> {
    fn speak(&mut self) {
        match self.dice.below(10) {
            0..=3 => {
                let text = self.dice.text(12);
                self.message(TEXT, text.as_bytes());
            }
            4..=6 => {
                let payload = self.payload();
                self.message(BINARY, &payload);
            }
            _ => self.control(),
        }
    }

    /// A message in fragments, which may cut a text's characters, with control frames between them.
    fn message(&mut self, opcode: u8, payload: &[u8]) {
        let fragments = self.dice.pick(&[1, 1, 1, 2, 2, 3, 5]);
        for (i, fragment) in self.dice.cut(payload, fragments).into_iter().enumerate() {
            let fin = if i + 1 == fragments { FIN } else { 0 };
            if i > 0 && self.dice.chance(20) {
                self.control();
            }
            self.push(fin | if i == 0 { opcode } else { CONTINUATION }, fragment);
        }
    }

    fn control(&mut self) {
        let first = self.dice.pick(&[PING, PONG]);
        let len = self.dice.pick(&[0, 1, 5, 124, 125]);
        let payload = self.dice.bytes(len);
        self.push(first, &payload);
    }

    fn close(&mut self) {
        if self.dice.chance(20) {
            return self.push(CLOSE, b"");
        }
        let code = close_code(self.dice);
        let reason = self.dice.text(30);
        self.push(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat());
    }

    /// A payload whose length is near a change of the length's form; the longest lengths are rare.
    fn payload(&mut self) -> Vec<u8> {
        let len = match self.dice.below(200) {
            0 => self.dice.pick(&[65_535, 65_536]),
            1..=40 => self.dice.pick(&[125, 126, 127, 300]),
            _ => self.dice.below(20),
        };
        self.dice.bytes(len)
    }

    fn push(&mut self, first: u8, payload: &[u8]) {
        let key = self.masks.then(|| self.dice.key());
        self.frames.push(Frame::new(key, first, payload));
    }
}

/// Codes that may be sent, and codes next to them that may not.
pub(crate) fn close_code(dice: &mut Dice) -> u16 {
    const EDGES: [u16; 26] = [
        0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
        1015, 1016, 2999, 3000, 3999, 4000, 4999, 5000,
    ];
    match dice.below(4) {
        0 => dice.pick(&EDGES),
        1 => dice.pick(&[1001, 1002, 1007, 1009, 1011, 3000, 3003, 4000, 4999]),
        _ => 1000,
    }
}

/// Breaks one rule or two.
pub(crate) fn add_fault(dice: &mut Dice, frame: &mut Frame) {
    match dice.below(12) {
        0 => frame.first = frame.first & 0xF0 | dice.pick(&[3, 4, 5, 6, 7, 11, 12, 13, 14, 15]),
        1 => frame.first ^= dice.pick(&[0x40, 0x20, 0x10, 0x70]),
        2 => frame.first ^= FIN,
        3 => frame.key = if frame.key.is_some() { None } else { Some(dice.key()) },
        4 => frame.form = if frame.form == 0 && dice.chance(50) { 2 } else { 8 },
        5 => (frame.form, frame.len) = (8, frame.len | 1 << 63),
        6 => {
            let len = dice.pick(&[126, 127, 300]);
            frame.fill(dice.bytes(len));
            frame.first = dice.pick(&[CLOSE, PING, PONG]);
        }
        // The opcode is mostly out of order.
        7 => frame.first = frame.first & FIN | dice.pick(&[CONTINUATION, TEXT, BINARY]),
        8 => {
            let bad = dice.pick(&BAD_UTF8);
            let place = dice.below(frame.payload.len() + 1);
            let mut payload = frame.payload.clone();
            payload.splice(place..place, bad.iter().copied());
            if frame.is_control() {
                payload.truncate(125);
            }
            frame.fill(payload);
        }
        9 => {
            frame.first = CLOSE;
            let len = dice.pick(&[1, 1, 2, 3, 9]);
            frame.fill(dice.bytes(len));
        }
        10 => {
            let len = dice.below(frame.payload.len() + 1);
            frame.payload.truncate(len);
        }
        _ => frame.len = dice.pick(&[0, 1, 100, 126, 60_000, 1 << 40]),
    }
}

/// Bytes that no text may have, and bytes that no text may end with (RFC 3629 §3, §4).
const BAD_UTF8: [&[u8]; 12] = [
    b"\x80",
    b"\xC0\x80",
    b"\xC1",
    b"\xC3",
    b"\xE0\x9F\x80",
    b"\xE2\x82",
    b"\xED\xA0\x80",
    b"\xF0\x8F\x80\x80",
    b"\xF0\x9F\x98",
    b"\xF4\x90\x80\x80",
    b"\xF5",
    b"\xFF",
];

/// Changes random bytes.
fn change_bytes(dice: &mut Dice, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let place = dice.below(bytes.len());
    let end = bytes.len().min(place + 1 + dice.below(9));
    match dice.below(4) {
        0 => bytes[place] ^= 1 << dice.below(8),
        1 => drop(bytes.drain(place..end)),
        2 => {
            let again = bytes[place..end].to_vec();
            bytes.splice(place..place, again);
        }
        _ => bytes.truncate(place),
    }
}
