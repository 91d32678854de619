//! The cells of the tables: a kind of work, at a length of message.

use crate::workload::{Input, Kind, Outgoing};

/// What is measured; each kind of work has a table of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Decode(Kind),
    /// The same, but the input comes in reads as long as a network packet.
    DecodeReads(Kind),
    EncodeServer,
    EncodeInPlace,
    EncodeClient,
    Echo,
}

#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    /// The length of each message.
    pub(crate) len: usize,
}

/// A cell, and what the engines are given for it.
pub(crate) struct Task {
    pub(crate) cell: Cell,
    pub(crate) input: Input,
    /// The payloads of the input, which an engine's output is compared with.
    pub(crate) payloads: Vec<u8>,
}

/// What a read from a network gives: the payload of a TCP segment, on Ethernet with usual options.
const READ_LEN: usize = 1460;

/// Messages of any length, and those of the lengths that a copy does not drown.
const ALL: [usize; 6] = [16, 125, 1 << 10, 16 << 10, 64 << 10, 1 << 20];
const SENT: [usize; 4] = [16, 125, 1 << 10, 16 << 10];
const ECHOED: [usize; 3] = [16, 125, 1 << 10];

impl Work {
    pub(crate) const ALL: [Self; 9] = [
        Self::Decode(Kind::Binary),
        Self::Decode(Kind::Ascii),
        Self::Decode(Kind::Mixed),
        Self::DecodeReads(Kind::Binary),
        Self::DecodeReads(Kind::Mixed),
        Self::EncodeServer,
        Self::EncodeInPlace,
        Self::EncodeClient,
        Self::Echo,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Decode(Kind::Binary) => "decode binary",
            Self::Decode(Kind::Ascii) => "decode ASCII text",
            Self::Decode(Kind::Mixed) => "decode mixed text",
            Self::DecodeReads(Kind::Binary) => "decode binary, in reads of 1460 B",
            Self::DecodeReads(Kind::Ascii) => "decode ASCII text, in reads of 1460 B",
            Self::DecodeReads(Kind::Mixed) => "decode mixed text, in reads of 1460 B",
            Self::EncodeServer => "encode as a server, into one buffer",
            Self::EncodeInPlace => "encode as a server, payload left in place",
            Self::EncodeClient => "encode as a client, into one buffer",
            Self::Echo => "echo binary",
        }
    }

    pub(crate) fn lens(self) -> &'static [usize] {
        match self {
            Self::Decode(_) | Self::DecodeReads(_) => &ALL,
            Self::EncodeServer | Self::EncodeInPlace | Self::EncodeClient => &SENT,
            Self::Echo => &ECHOED,
        }
    }

    /// Whether the work includes finding out if text is valid.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Decode(kind) | Self::DecodeReads(kind) if kind != Kind::Binary)
    }

    pub(crate) fn decodes(self) -> bool {
        matches!(self, Self::Decode(_) | Self::DecodeReads(_) | Self::Echo)
    }
}

impl Cell {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Work::ALL.into_iter().flat_map(|work| work.lens().iter().map(move |&len| Self { work, len }))
    }

    /// Whether most of the messages are cut by the end of a read.
    pub(crate) fn is_cut(self) -> bool {
        matches!(self.work, Work::DecodeReads(_)) && self.len > READ_LEN / 2
    }

    pub(crate) fn title(self) -> String {
        format!("{}, {}", self.work.title(), bytes(self.len))
    }
}

impl Task {
    pub(crate) fn new(cell: Cell) -> Self {
        let (kind, read_len) = match cell.work {
            Work::Decode(kind) => (kind, usize::MAX),
            Work::DecodeReads(kind) => (kind, READ_LEN),
            _ => (Kind::Binary, usize::MAX),
        };
        let (input, payloads) = Input::new(kind, cell.len, read_len);
        Self { cell, input, payloads }
    }

    pub(crate) fn outgoing(&self) -> Outgoing {
        Outgoing::new(self.cell.len)
    }
}

/// A length as people write it.
pub(crate) fn bytes(len: usize) -> String {
    match len {
        len if len >= 1 << 20 && len % (1 << 20) == 0 => format!("{} MiB", len >> 20),
        len if len >= 1 << 10 && len % (1 << 10) == 0 => format!("{} KiB", len >> 10),
        len => format!("{len} B"),
    }
}
