//! The harness: a vector must give the same observation, however its bytes are cut into reads.
//!
//! As [`crate::protocol`] has it, except that the byte at which a compressed message fails may depend on the cuts.

use wsproto::{
    Connection, DeflateParams, Entropy, ExtensionParams, Extensions, Limits, PermessageDeflate, Receiver,
    ReceiverState, RemoteProtocolError, Role, Sender,
};

use crate::pool::shared_pool;
use crate::protocol::{self, Fixed, Reader, Said, check_messages, cuts, frame_to};

/// The Per-Message Compressed bit in the first byte of a frame (RFC 7692 §6).
pub(crate) const RSV1: u8 = 0x40;

pub(crate) type Opened = Connection<Fixed>;

/// All that a caller can observe of a vector; the same for all cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) said: Vec<Said>,
    /// The part of the unfinished message that was received.
    pub(crate) unfinished: Option<Said>,
    /// For each data frame that ended: how many items `said` had, and how long its message was then.
    pub(crate) frame_ends: Vec<(usize, usize)>,
    pub(crate) failure: Option<RemoteProtocolError>,
    pub(crate) state: ReceiverState,
    pub(crate) is_idle: bool,
}

impl Seen {
    pub(crate) fn by(reader: &Reader) -> Self {
        let protocol::Seen { said, unfinished, frame_ends, failure, state, .. } = reader.seen();
        let (failure, is_idle) = (failure.map(|(error, _)| error), reader.receiver.is_idle());
        Self { said, unfinished, frame_ends, failure, state, is_idle }
    }
}

/// The settings of a test's receivers.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) role: Role,
    pub(crate) limits: Limits,
    pub(crate) deflate: PermessageDeflate,
    pub(crate) params: DeflateParams,
}

impl Setup {
    /// Receivers with `permessage-deflate` and no parameters.
    pub(crate) fn of(role: Role) -> Self {
        Self {
            role,
            limits: Limits::default(),
            deflate: PermessageDeflate::new(),
            params: DeflateParams::DEFAULT,
        }
    }

    pub(crate) fn max_message_len(mut self, len: u64) -> Self {
        self.limits.max_message_len = len;
        self
    }

    pub(crate) fn max_ratio(mut self, ratio: u32) -> Self {
        self.deflate = self.deflate.with_max_ratio(ratio);
        self
    }

    /// Turns off context takeover for messages from the peer.
    pub(crate) fn peer_resets(mut self) -> Self {
        match self.role {
            Role::Server => self.params.client_no_context_takeover = true,
            Role::Client => self.params.server_no_context_takeover = true,
        }
        self
    }

    pub(crate) fn extensions(&self) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.push(self.deflate.negotiated(self.role, self.params)).unwrap();
        extensions
    }

    pub(crate) fn receiver(&self) -> Receiver {
        receiver(self.role, self.limits, self.extensions())
    }

    /// What is observed of `bytes`; checks that it is the same for all cuts, and with a decompressor from a pool.
    #[track_caller]
    pub(crate) fn check(&self, bytes: &[u8]) -> Seen {
        let seen = check_with(self.role, || self.receiver(), bytes);
        let pooled = Self { deflate: self.deflate.clone().with_pool(shared_pool()), ..self.clone() };
        assert_eq!(check_with(self.role, || pooled.receiver(), bytes), seen, "with a pool");
        seen
    }

    /// What is observed of these frames from the peer.
    #[track_caller]
    pub(crate) fn check_frames<const N: usize>(&self, frames: [(u8, &[u8]); N]) -> Seen {
        let bytes: Vec<u8> =
            frames.iter().flat_map(|(first, payload)| frame_to(self.role, *first, payload)).collect();
        self.check(&bytes)
    }
}

/// What is observed of frames to either role, with `permessage-deflate` and no parameters.
#[track_caller]
pub(crate) fn both<const N: usize>(frames: [(u8, &[u8]); N]) -> Seen {
    let server = Setup::of(Role::Server).check_frames(frames);
    assert_eq!(server, Setup::of(Role::Client).check_frames(frames), "the role matters");
    server
}

/// Checks that the frames are valid and deliver this, to either role.
#[track_caller]
pub(crate) fn says<const N: usize>(frames: [(u8, &[u8]); N], said: &[Said]) {
    let seen = both(frames);
    assert_eq!((seen.failure, &seen.unfinished), (None, &None));
    assert_eq!(seen.said, said);
    assert!(seen.is_idle);
}

/// Checks that the frames fail with `error`, to either role; returns what is observed.
#[track_caller]
pub(crate) fn fails<const N: usize>(frames: [(u8, &[u8]); N], error: RemoteProtocolError) -> Seen {
    let seen = both(frames);
    assert_eq!(seen.failure, Some(error), "{seen:?}");
    seen
}

pub(crate) fn receiver(role: Role, limits: Limits, extensions: Extensions) -> Receiver {
    match role {
        Role::Server => Connection::server(limits).with_extensions(extensions).into_parts().0,
        Role::Client => Connection::client(limits, Fixed).with_extensions(extensions).into_parts().0,
    }
}

/// What is observed of `bytes`: in one read, byte by byte, cut in two anywhere, frame by frame, and with more bytes
/// after a failure.
#[track_caller]
pub(crate) fn check_with(role: Role, receiver: impl Fn() -> Receiver, bytes: &[u8]) -> Seen {
    let reader_of = |reads: &mut dyn Iterator<Item = &[u8]>| {
        let mut reader = Reader::of(receiver());
        let mut by_range = Reader::by_range(receiver());
        reads.for_each(|read| {
            reader.read(read);
            by_range.read(read);
        });
        reader.check_same(&by_range);
        reader
    };
    let feed = |reads: &mut dyn Iterator<Item = &[u8]>| Seen::by(&reader_of(reads));
    let whole = feed(&mut [bytes].into_iter());
    let bytewise = reader_of(&mut bytes.chunks(1));
    assert_eq!(Seen::by(&bytewise), whole, "byte by byte");
    // Each cut creates a decompressor.
    check_messages(role, &receiver, bytes, &whole.said, whole.failure, 7);
    for cut in cuts(bytes.len()) {
        let (head, tail) = bytes.split_at(cut);
        let mut reader = reader_of(&mut [head].into_iter());
        // A failure is reported by the read that has the byte that proves it.
        let is_certain = bytewise.failed_at.is_some_and(|at| at <= cut);
        assert_eq!(reader.failed_at.is_some(), is_certain, "cut at {cut}: failed too early or too late");
        reader.read(tail);
        assert_eq!(Seen::by(&reader), whole, "cut at {cut}");
        match whole.failure {
            Some(RemoteProtocolError::MessageTooLong | RemoteProtocolError::EncodedMessageTooLong) => {
                assert_eq!(reader.failed_at, bytewise.failed_at, "cut at {cut}: failed at another byte");
            }
            _ => assert!(reader.failed_at >= bytewise.failed_at),
        }
    }
    for reads in [1, 7, bytes.len().max(1)] {
        let mut reader = Reader::of(receiver());
        let mut unread = Vec::new();
        bytes.chunks(reads).for_each(|read| reader.read_frames(&mut unread, read));
        reader.needed_until = 0;
        reader.read(&unread);
        assert_eq!(Seen::by(&reader), whole, "frame by frame, in reads of {reads}");

        let mut reader = Reader::of(receiver());
        let mut unread = Vec::new();
        for (turn, read) in bytes.chunks(reads).enumerate() {
            // `next_event` and `next_frame_event` take turns.
            if turn % 3 == 0 {
                unread.extend_from_slice(read);
                reader.needed_until = 0;
                reader.read(&unread);
                unread.clear();
            } else {
                reader.read_frames(&mut unread, read);
            }
        }
        reader.needed_until = 0;
        reader.read(&unread);
        assert_eq!(Seen::by(&reader), whole, "either way in turn, in reads of {reads}");
    }
    if whole.state != ReceiverState::Open {
        for more in
            [frame_to(role, 0x81, "late"), frame_to(role, 0xC1, [0xF2, 0x48, 0x05, 0]), vec![0xFF; 20]]
        {
            let joined = [bytes, &more].concat();
            assert_eq!(feed(&mut [&joined[..]].into_iter()), whole, "with more in the same read");
            assert_eq!(feed(&mut [bytes, &more].into_iter()), whole, "with another read after it");
            assert_eq!(feed(&mut joined.chunks(1)), whole, "byte by byte, with more after it");
        }
    }
    whole
}

/// The sender of a server, with these settings on both sides.
pub(crate) fn server_sender(deflate: &PermessageDeflate, params: DeflateParams) -> Sender {
    let mut extensions = Extensions::new();
    extensions.push(deflate.negotiated(Role::Server, params)).unwrap();
    Connection::server(Limits::default()).with_extensions(extensions).into_parts().1
}

/// The sender of a client, with these settings on both sides.
pub(crate) fn client_sender(deflate: &PermessageDeflate, params: DeflateParams) -> Sender<Fixed> {
    let mut extensions = Extensions::new();
    extensions.push(deflate.negotiated(Role::Client, params)).unwrap();
    Connection::client(Limits::default(), Fixed).with_extensions(extensions).into_parts().1
}

/// Both ends of a connection with these extensions.
pub(crate) fn pair(client: Extensions, server: Extensions) -> (Opened, Connection) {
    let limits = Limits::default();
    (
        Connection::client(limits, Fixed).with_extensions(client),
        Connection::server(limits).with_extensions(server),
    )
}

/// The parsed value of a header.
#[track_caller]
pub(crate) fn parsed(header: &str) -> Vec<ExtensionParams> {
    ExtensionParams::parse_list(header.as_bytes()).unwrap_or_else(|error| panic!("{header}: {error}"))
}

/// The same, where it names one extension.
#[track_caller]
pub(crate) fn one(header: &str) -> ExtensionParams {
    let [one] = parsed(header).try_into().expect("one extension");
    one
}

/// Bytes that do not compress, always the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Entropy from a simple pseudo-random generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys(pub(crate) u8);

impl Entropy for Keys {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(141).wrapping_add(59);
            *byte = self.0;
        }
    }
}
