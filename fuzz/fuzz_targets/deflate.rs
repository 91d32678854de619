//! permessage-deflate: any bytes that a peer calls compressed give the same result for all cuts, and with a pool as
//! without; and what one side compresses, the other side inflates to the original.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{
    BytesMessage, Connection, DeflateParams, DeflatePool, Event, Extensions, FrameEncoder, Limits, Opcode,
    PermessageDeflate, RemoteProtocolError, Role, Rsv,
};
use wsproto_fuzz::{Counter, Kind, ascending};

#[derive(Arbitrary, Debug)]
struct Input {
    server_no_context_takeover: bool,
    server_max_window_bits: u8,
    level: u8,
    mem_level: u8,
    threshold: u8,
    max_message_len: Option<u16>,
    /// Whether memory is released between reads, and between sent messages.
    releases: bool,
    max_fragment_len: u16,
    /// The payloads of messages that the peer says are compressed, but mostly are not.
    fakes: Vec<(Kind, Vec<Vec<u8>>)>,
    /// Messages that are really compressed.
    messages: Vec<Vec<u8>>,
    cuts: Vec<u16>,
}

fuzz_target!(|input: Input| {
    let fakes = encode_fakes(&input.fakes);
    let mut limits = Limits::default();
    limits.max_message_len = input.max_message_len.map_or(u64::MAX, u64::from);
    let own = &input.settings();
    let pooled = &own.clone().with_pool(&POOL);
    let whole = input.receive(own, &fakes, &[], limits, |_| false);
    let cuts = ascending(&input.cuts, fakes.len());
    let every: Vec<usize> = (1..fakes.len().min(MAX_BYTEWISE)).collect();
    // With a pool, a message that looks back further than was agreed is refused.
    let whole_of_pooled = input.receive(pooled, &fakes, &[], limits, |_| false);
    let params = input.params();
    if params.server_no_context_takeover || params.server_max_window_bits == 15 {
        assert_eq!(whole_of_pooled, whole);
    }
    for (deflate, whole) in [(own, whole), (pooled, whole_of_pooled)] {
        assert_eq!(input.receive(deflate, &fakes, &cuts, limits, |_| false), whole);
        assert_eq!(input.receive(deflate, &fakes, &cuts, limits, |_| true), whole);
        assert_eq!(input.receive(deflate, &fakes, &cuts, limits, |turn| turn % 2 == 1), whole);
        assert_eq!(input.receive(deflate, &fakes, &every, limits, |_| false), whole);
        assert_eq!(input.receive(deflate, &fakes, &every, limits, |turn| turn % 3 > 0), whole);
    }

    for (server, client) in [(own, own), (own, pooled), (pooled, own)] {
        let server = input.extensions(server, Role::Server);
        let mut server = Connection::server(Limits::NONE).with_extensions(server);
        let (mut output, mut ends) = (Vec::new(), Vec::new());
        for (turn, message) in input.messages.iter().enumerate() {
            let fragment_len = usize::from(input.max_fragment_len);
            server
                .sender_mut()
                .send_fragmented(BytesMessage::new(message), fragment_len, &mut output)
                .unwrap();
            ends.push(output.len());
            if input.releases && turn % 2 == 0 {
                server.release_memory();
            }
        }
        ends.pop();
        let received = input.receive(client, &output, &ends, Limits::NONE, |_| true);
        assert_eq!(received.messages, input.messages);
        assert_eq!((received.failure, received.unfinished), (None, Vec::new()));
    }
});

/// Shared by all runs: nothing of one may be seen in another.
static POOL: LazyLock<DeflatePool> = LazyLock::new(|| DeflatePool::new(2));

/// The received messages, their pieces joined, and the failure.
#[derive(Debug, PartialEq, Eq)]
struct Received {
    messages: Vec<Vec<u8>>,
    unfinished: Vec<u8>,
    failure: Option<RemoteProtocolError>,
}

impl Input {
    fn params(&self) -> DeflateParams {
        DeflateParams {
            server_no_context_takeover: self.server_no_context_takeover,
            server_max_window_bits: 8 + self.server_max_window_bits % 8,
            ..DeflateParams::DEFAULT
        }
    }

    fn settings(&self) -> PermessageDeflate {
        PermessageDeflate::new()
            .with_level(self.level % 10)
            .with_mem_level(1 + self.mem_level % 9)
            .with_threshold(self.threshold.into())
    }

    fn extensions(&self, deflate: &PermessageDeflate, role: Role) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.push(deflate.negotiated(role, self.params())).expect("no other extension uses its bit");
        extensions
    }

    /// What a client receives, in reads that end at `cuts`. `waits` says for each read whether it uses
    /// `next_frame_event`; the last read does not.
    fn receive(
        &self,
        deflate: &PermessageDeflate,
        bytes: &[u8],
        cuts: &[usize],
        limits: Limits,
        waits: fn(usize) -> bool,
    ) -> Received {
        let extensions = self.extensions(deflate, Role::Client);
        let client = Connection::client(limits, Counter(0)).with_extensions(extensions);
        let (mut receiver, _) = client.into_parts();
        let mut received = Received { messages: Vec::new(), unfinished: Vec::new(), failure: None };
        let mut start = 0;
        for (turn, end) in cuts.iter().copied().chain([bytes.len()]).enumerate() {
            let waits = waits(turn) && turn < cuts.len();
            if self.releases {
                receiver.release_memory();
            }
            let mut read = bytes[start..end].to_vec();
            let mut rest = read.as_mut_slice();
            loop {
                let next =
                    if waits { receiver.next_frame_event(&mut rest) } else { receiver.next_event(&mut rest) };
                let (data, message_finished) = match next {
                    Ok(Some(Event::Text(text))) => (text.data.as_bytes(), text.message_finished),
                    Ok(Some(Event::Bytes(bytes))) => (bytes.data, bytes.message_finished),
                    Ok(Some(event)) => unreachable!("{event:?} was not sent"),
                    Ok(None) => break,
                    Err(error) => {
                        assert_eq!(received.failure.replace(error), None);
                        continue;
                    }
                };
                received.unfinished.extend_from_slice(data);
                if message_finished {
                    received.messages.push(std::mem::take(&mut received.unfinished));
                }
            }
            assert!(rest.is_empty() || waits);
            assert_eq!(receiver.bytes_needed(rest) > 0, received.failure.is_none());
            start = end - rest.len();
            assert_eq!(*rest, bytes[start..end], "bytes that were not consumed have changed");
        }
        received
    }
}

/// Messages that are marked as compressed, with one frame for each payload.
fn encode_fakes(fakes: &[(Kind, Vec<Vec<u8>>)]) -> Vec<u8> {
    let mut encoder = FrameEncoder::server();
    let mut output = Vec::new();
    for (kind, payloads) in fakes {
        let first = match kind {
            Kind::Text => Opcode::Text,
            Kind::Binary => Opcode::Binary,
        };
        for (place, payload) in payloads.iter().enumerate() {
            let (opcode, rsv) =
                if place == 0 { (first, Rsv::RSV1) } else { (Opcode::Continuation, Rsv::NONE) };
            let fin = place + 1 == payloads.len();
            encoder.encode(fin, rsv, opcode, payload, &mut output).expect("a `Vec` always has room");
        }
    }
    output
}

/// Longer inputs are not fed byte by byte: it takes too long for what it finds.
const MAX_BYTEWISE: usize = 1024;
