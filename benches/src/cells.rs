//! The cells of the tables: a kind of work and a message length.

use crate::json::Texts;
use crate::request::REQUEST;
use crate::workload::{Input, Kind, LONGEST_READ, Outgoing};

/// What is measured; each kind of work has its own table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Decode(Kind),
    /// The same, but the input comes in reads as long as a network packet.
    DecodeReads(Kind),
    /// As a client: what a server sends is not masked.
    DecodeClient,
    EncodeServer,
    EncodeInPlace,
    EncodeClient,
    Echo,
    /// One message, sent by many servers.
    Broadcast,
    /// The same with JSON, compressed without context takeover.
    BroadcastDeflate,
    /// JSON that the client has compressed.
    Inflate,
    /// JSON, compressed at this level.
    Deflate(u8),
    /// JSON of which the client has compressed each message alone, without context takeover.
    InflateAlone,
    /// JSON, each message compressed alone at this level.
    DeflateAlone(u8),
    /// The opening handshake.
    Accept,
    /// The same, with permessage-deflate.
    AcceptDeflate,
}

#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    /// The length of each message.
    pub(crate) len: usize,
}

/// A cell, and the input of the engines for it.
pub(crate) struct Task {
    pub(crate) cell: Cell,
    pub(crate) input: Input,
    /// The payloads of the input, to compare with an engine's output.
    pub(crate) payloads: Vec<u8>,
    /// The texts to compress, or the originals of compressed input.
    pub(crate) texts: Option<Texts>,
}

/// The length of a read from a network: the payload of a TCP segment on Ethernet with the usual options.
const READ_LEN: usize = 1460;

/// All lengths, and the lengths for which the copy is not most of the time.
const ALL: [usize; 6] = [16, 125, 1 << 10, 16 << 10, 64 << 10, 1 << 20];
const SENT: [usize; 5] = [16, 125, 1 << 10, 16 << 10, 64 << 10];
const ECHOED: [usize; 3] = [16, 125, 1 << 10];
const BROADCAST: [usize; 5] = [16, 125, 1 << 10, 16 << 10, 64 << 10];
const BROADCAST_DEFLATED: [usize; 1] = [1 << 10];
pub(crate) const COMPRESSED: [usize; 3] = [256, 4 << 10, 64 << 10];
const HEAD: [usize; 1] = [REQUEST.len()];

/// The number of requests in a batch.
const REQUESTS: usize = 256;

/// The number of servers that send a broadcast, and the number of those with a compressor each.
const SERVERS: usize = 1000;
const COMPRESSING_SERVERS: usize = 100;

/// The most that a broadcast writes to all buffers together: if the message is long, there are fewer servers.
const BROADCAST_LEN: usize = 16 << 20;

impl Work {
    pub(crate) const ALL: [Self; 19] = [
        Self::Decode(Kind::Binary),
        Self::Decode(Kind::Ascii),
        Self::Decode(Kind::Mixed),
        Self::DecodeReads(Kind::Binary),
        Self::DecodeReads(Kind::Mixed),
        Self::DecodeClient,
        Self::EncodeServer,
        Self::EncodeInPlace,
        Self::EncodeClient,
        Self::Echo,
        Self::Broadcast,
        Self::BroadcastDeflate,
        Self::Inflate,
        Self::Deflate(6),
        Self::Deflate(1),
        Self::InflateAlone,
        Self::DeflateAlone(1),
        Self::Accept,
        Self::AcceptDeflate,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Decode(Kind::Binary) => "decode binary",
            Self::Decode(Kind::Ascii) => "decode ASCII text",
            Self::Decode(Kind::Mixed) => "decode mixed text",
            Self::DecodeReads(Kind::Binary) => "decode binary, in reads of 1460 B",
            Self::DecodeReads(Kind::Ascii) => "decode ASCII text, in reads of 1460 B",
            Self::DecodeReads(Kind::Mixed) => "decode mixed text, in reads of 1460 B",
            Self::DecodeClient => "decode binary, as a client",
            Self::EncodeServer => "encode as a server, into one buffer",
            Self::EncodeInPlace => "encode as a server, payload left in place",
            Self::EncodeClient => "encode as a client, into one buffer",
            Self::Echo => "echo binary",
            Self::Broadcast => "broadcast as a server, into a buffer of each connection",
            Self::BroadcastDeflate => {
                "broadcast JSON, permessage-deflate without context takeover at level 1"
            }
            Self::Inflate => "decode JSON, permessage-deflate",
            Self::Deflate(6) => "encode JSON, permessage-deflate at level 6",
            Self::Deflate(1) => "encode JSON, permessage-deflate at level 1",
            Self::Deflate(_) => "encode JSON, permessage-deflate",
            Self::InflateAlone => "decode JSON, permessage-deflate without context takeover",
            Self::DeflateAlone(_) => "encode JSON, permessage-deflate without context takeover at level 1",
            Self::Accept => "handshake, as a server",
            Self::AcceptDeflate => "handshake, as a server, with permessage-deflate",
        }
    }

    pub(crate) fn lens(self) -> &'static [usize] {
        match self {
            Self::Decode(_) | Self::DecodeReads(_) | Self::DecodeClient => &ALL,
            Self::EncodeServer | Self::EncodeInPlace | Self::EncodeClient => &SENT,
            Self::Echo => &ECHOED,
            Self::Broadcast => &BROADCAST,
            Self::BroadcastDeflate => &BROADCAST_DEFLATED,
            Self::Inflate | Self::Deflate(_) | Self::InflateAlone | Self::DeflateAlone(_) => &COMPRESSED,
            Self::Accept | Self::AcceptDeflate => &HEAD,
        }
    }

    /// Whether the work includes checking that text is valid.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Inflate | Self::InflateAlone)
            || matches!(self, Self::Decode(kind) | Self::DecodeReads(kind) if kind != Kind::Binary)
    }

    pub(crate) fn decodes(self) -> bool {
        self.comes_in_pieces() || self == Self::Echo
    }

    /// Whether one message is sent on many connections.
    pub(crate) fn broadcasts(self) -> bool {
        matches!(self, Self::Broadcast | Self::BroadcastDeflate)
    }

    /// Whether our own engine may return a message in pieces instead of waiting for all of it.
    pub(crate) fn comes_in_pieces(self) -> bool {
        matches!(
            self,
            Self::Decode(_) | Self::DecodeReads(_) | Self::DecodeClient | Self::Inflate | Self::InflateAlone
        )
    }

    /// Whether compressed messages refer to those before.
    pub(crate) fn takes_context_over(self) -> bool {
        matches!(self, Self::Inflate | Self::Deflate(_))
    }

    /// How often our own engine may allocate, for each message.
    pub(crate) fn allowed_allocations(self) -> Option<f64> {
        match self {
            // The head, and the positions of its fields.
            Self::Accept => Some(2.0),
            // The message is prepared once, for all connections.
            Self::Broadcast | Self::BroadcastDeflate => Some(0.1),
            // Here the extension's two halves are created.
            Self::AcceptDeflate => None,
            _ => Some(0.0),
        }
    }
}

impl Cell {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Work::ALL.into_iter().flat_map(|work| work.lens().iter().map(move |&len| Self { work, len }))
    }

    /// Whether the end of a read cuts a quarter of the messages, or more.
    pub(crate) fn is_cut(self) -> bool {
        let read_len = if matches!(self.work, Work::DecodeReads(_)) { READ_LEN } else { LONGEST_READ };
        self.work.is_text() && self.len >= read_len / 4
    }

    pub(crate) fn title(self) -> String {
        format!("{}, {}", self.work.title(), bytes(self.len))
    }
}

impl Task {
    pub(crate) fn new(cell: Cell) -> Self {
        let (kind, read_len) = match cell.work {
            Work::Inflate | Work::Deflate(_) | Work::InflateAlone | Work::DeflateAlone(_) => {
                let texts = Texts::new(cell.len);
                let payloads = texts.all.as_bytes().to_vec();
                let input = texts.deflated(cell.work.takes_context_over());
                return Self { cell, input, payloads, texts: Some(texts) };
            }
            Work::Broadcast => {
                let servers = SERVERS.min(BROADCAST_LEN / cell.len);
                return Self::broadcast(cell, Outgoing::new(cell.len).payload, servers);
            }
            Work::BroadcastDeflate => {
                let text = &Texts::new(cell.len).all[..cell.len];
                return Self::broadcast(cell, text.as_bytes(), COMPRESSING_SERVERS);
            }
            Work::Accept | Work::AcceptDeflate => {
                let input = Input::at(REQUEST, REQUESTS, LONGEST_READ);
                return Self { cell, input, payloads: Vec::new(), texts: None };
            }
            Work::Decode(kind) => (kind, LONGEST_READ),
            Work::DecodeReads(kind) => (kind, READ_LEN),
            _ => (Kind::Binary, LONGEST_READ),
        };
        let (input, payloads) = Input::new(kind, cell.len, read_len, cell.work != Work::DecodeClient);
        Self { cell, input, payloads, texts: None }
    }

    /// The same payload for each server.
    fn broadcast(cell: Cell, payload: &[u8], servers: usize) -> Self {
        let input = Input::at(&[], servers, usize::MAX);
        Self { cell, input, payloads: payload.repeat(servers), texts: None }
    }

    pub(crate) fn outgoing(&self) -> Outgoing {
        Outgoing::new(self.cell.len)
    }
}

/// A length for a reader.
pub(crate) fn bytes(len: usize) -> String {
    match len {
        len if len >= 1 << 20 && len % (1 << 20) == 0 => format!("{} MiB", len >> 20),
        len if len >= 1 << 10 && len % (1 << 10) == 0 => format!("{} KiB", len >> 10),
        len => format!("{len} B"),
    }
}
