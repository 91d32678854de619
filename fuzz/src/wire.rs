//! Converts typed frames to bytes: a peer that mostly follows the rules, so that fuzzing gets past the first frame.
//!
//! The headers are built here and not by the crate: a mistake in its encoder must not hide the same mistake in its
//! decoder.

use arbitrary::Arbitrary;

use crate::{Kind, Side};

/// Something that a peer sends.
#[derive(Arbitrary, Debug)]
pub enum Wire<'a> {
    /// A piece of a message: the next fragment, or the first of a new one.
    Data {
        kind: Kind,
        fin: bool,
        payload: &'a [u8],
        fault: Fault,
    },
    /// A text message in fragments, which may cut its characters.
    Text {
        text: &'a str,
        fragments: Vec<u8>,
        key: [u8; 4],
    },
    /// A fragment of `len` letters, for the longer forms of a length.
    Long {
        kind: Kind,
        fin: bool,
        len: u32,
        fault: Fault,
    },
    Ping {
        payload: &'a [u8],
        fault: Fault,
    },
    Pong {
        payload: &'a [u8],
        fault: Fault,
    },
    Close {
        code: u16,
        reason: &'a str,
        fault: Fault,
    },
    /// A close frame with any payload.
    RawClose {
        payload: &'a [u8],
        fault: Fault,
    },
    /// Any bytes.
    Raw(&'a [u8]),
}

/// A masking key, and the fault of a frame: none, for most values of `fault`.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Fault {
    key: [u8; 4],
    fault: u8,
}

/// The bytes that a peer of `receiver` sends.
pub fn encode(receiver: Side, wires: &[Wire<'_>]) -> Vec<u8> {
    let mut encoder = Encoder { masks: receiver == Side::Server, in_message: false, bytes: Vec::new() };
    for wire in wires {
        encoder.wire(wire);
    }
    encoder.bytes
}

struct Encoder {
    masks: bool,
    in_message: bool,
    bytes: Vec<u8>,
}

impl Encoder {
    fn wire(&mut self, wire: &Wire<'_>) {
        match *wire {
            Wire::Data { kind, fin, payload, fault } => self.data(kind, fin, payload, fault),
            Wire::Text { text, ref fragments, key } => self.text(text.as_bytes(), fragments, key),
            Wire::Long { kind, fin, len, fault } => {
                self.data(kind, fin, &vec![b'w'; len as usize % MAX_LONG], fault);
            }
            Wire::Ping { payload, fault } => self.frame(0x89, control(payload), fault),
            Wire::Pong { payload, fault } => self.frame(0x8A, control(payload), fault),
            Wire::Close { code, reason, fault } => {
                let mut payload = code.to_be_bytes().to_vec();
                payload.extend(reason.bytes());
                self.frame(0x88, control(&payload), fault);
            }
            Wire::RawClose { payload, fault } => self.frame(0x88, control(payload), fault),
            Wire::Raw(bytes) => self.bytes.extend(bytes),
        }
    }

    fn text(&mut self, mut text: &[u8], fragments: &[u8], key: [u8; 4]) {
        let fault = Fault { key, fault: u8::MAX };
        for len in fragments {
            let (fragment, rest) = text.split_at(text.len().min((*len).into()));
            self.data(Kind::Text, false, fragment, fault);
            text = rest;
        }
        self.data(Kind::Text, true, text, fault);
    }

    fn data(&mut self, kind: Kind, fin: bool, payload: &[u8], fault: Fault) {
        let opcode = match kind {
            _ if self.in_message => 0x0,
            Kind::Text => 0x1,
            Kind::Binary => 0x2,
        };
        self.in_message = !fin;
        self.frame(u8::from(fin) << 7 | opcode, payload, fault);
    }

    fn frame(&mut self, mut first: u8, payload: &[u8], Fault { key, fault }: Fault) {
        let mut masked = self.masks;
        let mut len = payload.len() as u64;
        let mut form = match len {
            0..=125 => 0,
            126..=0xFFFF => 2,
            _ => 8,
        };
        match fault {
            0 => masked = !masked,
            1 => first ^= 0x10,
            2 => first ^= 0x20,
            3 => first ^= 0x40,
            4 => first ^= 0x80,
            5 => first ^= 0x01,
            6 => first ^= 0x04,
            7 => form = 2,
            8 => form = 8,
            9 => len = (len << 8) + 200,
            10 => (form, len) = (8, len | 1 << 63),
            _ => {}
        }
        let mask_bit = u8::from(masked) << 7;
        self.bytes.push(first);
        match form {
            0 => self.bytes.push(mask_bit | len as u8 & 0x7F),
            2 => {
                self.bytes.push(mask_bit | 126);
                self.bytes.extend((len as u16).to_be_bytes());
            }
            _ => {
                self.bytes.push(mask_bit | 127);
                self.bytes.extend(len.to_be_bytes());
            }
        }
        if masked {
            self.bytes.extend(key);
            self.bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        } else {
            self.bytes.extend(payload);
        }
    }
}

/// The part of the payload that fits into a control frame.
fn control(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(125)]
}

/// Slightly more than the longest payload whose length takes two bytes.
const MAX_LONG: usize = 0x1_0004;
