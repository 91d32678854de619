//! What an engine accepts: each gets frames that break one rule of RFC 6455.

use crate::engine::{Collect, Engine, Unfit};
use crate::wire::{BINARY, FIN, Frame, PING, TEXT};
use crate::workload::Input;

/// The rules that an engine does not check.
#[derive(Default)]
pub(crate) struct Leniency {
    pub(crate) accepts: Vec<&'static str>,
    /// Whether it accepts text that is not UTF-8.
    pub(crate) ignores_utf8: bool,
    /// Whether it accepts text that is not UTF-8 if a read cuts the text.
    pub(crate) ignores_cut_utf8: bool,
    pub(crate) ignores_all: bool,
}

struct Probe {
    what: &'static str,
    about: About,
    frames: fn(&mut Vec<u8>),
}

#[derive(PartialEq, Eq)]
enum About {
    Frames,
    Utf8,
    /// The same with reads that are shorter than a frame.
    CutUtf8,
}

const PROBES: [Probe; 11] = [
    Probe::new("unmasked frames (§5.1)", |wire| {
        Frame { first_byte: FIN | BINARY, masking_key: None, payload: b"hello" }.write(wire);
    }),
    Probe::new("RSV bits (§5.2)", |wire| masked(wire, FIN | 0x20 | BINARY, b"hello")),
    Probe::new("reserved opcodes (§5.2)", |wire| masked(wire, FIN | 3, b"hello")),
    Probe::new("lengths not in their shortest form (§5.2)", |wire| {
        wire.extend_from_slice(&[FIN | BINARY, 0x80 | 126, 0, 5]);
        Frame { first_byte: 0, masking_key: KEY, payload: b"hello" }.write_payload(wire);
    }),
    Probe::new("continuations of nothing (§5.4)", |wire| masked(wire, FIN, b"hello")),
    Probe::new("messages within messages (§5.4)", |wire| {
        masked(wire, BINARY, b"hel");
        masked(wire, FIN | BINARY, b"lo");
    }),
    Probe::new("control frames in fragments (§5.5)", |wire| masked(wire, PING, b"hello")),
    Probe::new("control frames of more than 125 bytes (§5.5)", |wire| masked(wire, FIN | PING, &[0; 126])),
    Probe::about_utf8("text that is not UTF-8 (§8.1)", |wire| masked(wire, FIN | TEXT, b"hell\xff")),
    Probe::about_utf8("fragmented text that is not UTF-8 (§8.1)", |wire| {
        masked(wire, TEXT, b"\xe2\x82");
        masked(wire, FIN, b"lo");
    }),
    Probe::about_cut_utf8("text that is not UTF-8 where a read cuts it (§8.1)", |wire| {
        masked(wire, FIN | TEXT, b"hell\xff");
    }),
];

impl Probe {
    const fn new(what: &'static str, frames: fn(&mut Vec<u8>)) -> Self {
        Self { what, about: About::Frames, frames }
    }

    const fn about_utf8(what: &'static str, frames: fn(&mut Vec<u8>)) -> Self {
        Self { what, about: About::Utf8, frames }
    }

    const fn about_cut_utf8(what: &'static str, frames: fn(&mut Vec<u8>)) -> Self {
        Self { what, about: About::CutUtf8, frames }
    }
}

/// Feeds an engine with frames that break a rule, and then with enough valid ones.
pub(crate) fn leniency<E: Engine>() -> Leniency {
    let mut leniency = Leniency::default();
    for probe in &PROBES {
        let mut wire = Vec::new();
        (probe.frames)(&mut wire);
        for _ in 0..3 {
            masked(&mut wire, FIN | BINARY, b"world");
        }
        // Otherwise two reads, because an engine that only assembles messages does nothing with whole input.
        let read_len = if probe.about == About::CutUtf8 { 8 } else { wire.len() - 1 };
        let unlawful = Input::at(wire.leak(), 2, read_len);
        let outcome = E::new().decode(&unlawful, &mut Collect::default());
        if !matches!(outcome, Err(Unfit::Refused)) {
            leniency.accepts.push(probe.what);
            leniency.ignores_utf8 |= probe.about == About::Utf8;
            leniency.ignores_cut_utf8 |= probe.about == About::CutUtf8;
        }
    }
    leniency.ignores_all = leniency.accepts.len() == PROBES.len();
    leniency
}

const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

fn masked(wire: &mut Vec<u8>, first_byte: u8, payload: &[u8]) {
    Frame { first_byte, masking_key: KEY, payload }.write(wire);
}
