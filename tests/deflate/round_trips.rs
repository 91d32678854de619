//! Round trips, for any parameters, messages, fragments and cuts (RFC 7692 §7.2).

use proptest::prelude::*;
use wsproto::{
    BytesMessage, DeflateBlocks, DeflateParams, Entropy, Event, Extensions, Limits, Outgoing,
    PermessageDeflate, Ping, PreparedMessage, Role, Sender, TextMessage,
};

use crate::pool::shared_pool;
use crate::protocol::{Reader, Said, binary, ping, text};
use crate::support::{Keys, Seen, Setup, noise};

/// A message, and how it is sent.
#[derive(Clone, Debug)]
struct Message {
    data: Data,
    how: How,
}

#[derive(Clone, Debug)]
enum Data {
    Text(String),
    Binary(Vec<u8>),
}

#[derive(Clone, Debug)]
enum How {
    Whole,
    Plain,
    Prepared {
        deflated: bool,
        /// Whether its frame is written as it is, if possible.
        shared: bool,
    },
    Fragmented(usize),
    /// Piece by piece, with pings between.
    Pieces(Vec<usize>),
}

fn len() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..40_usize, 4 => 0..2000_usize, 1 => 60_000..140_000_usize, 1 => Just(1 << 16)]
}

fn data() -> impl Strategy<Value = Data> {
    let binary = (len(), any::<u64>(), 1..50_000_usize).prop_map(|(len, seed, period)| {
        // Noise that is repeated, at a shorter or longer distance.
        Data::Binary(noise(seed, period.min(len)).into_iter().cycle().take(len).collect())
    });
    let words = (len(), any::<u64>()).prop_map(|(len, seed)| {
        let words = ["lorem ", "ipsum ", "é", "世界 ", "😀", "{\"id\": ", "\n"];
        let picks = noise(seed, len / 3).into_iter().map(|pick| words[usize::from(pick) % words.len()]);
        Data::Text(picks.collect())
    });
    prop_oneof![
        binary,
        words,
        "\\PC{0,20}".prop_map(Data::Text),
        len().prop_map(|len| Data::Binary(vec![0; len]))
    ]
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        Just(How::Whole),
        Just(How::Plain),
        any::<(bool, bool)>().prop_map(|(deflated, shared)| How::Prepared { deflated, shared }),
        (1..5000_usize).prop_map(How::Fragmented),
        prop::collection::vec(0..3000_usize, 0..4).prop_map(How::Pieces),
    ]
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    prop::collection::vec((data(), how()).prop_map(|(data, how)| Message { data, how }), 1..6)
}

prop_compose! {
    fn params()(
        server_no_context_takeover: bool,
        client_no_context_takeover: bool,
        server_max_window_bits in 8..=15_u8,
        client_max_window_bits in 8..=15_u8,
    ) -> DeflateParams {
        DeflateParams {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        }
    }
}

prop_compose! {
    fn settings()(
        level in 0..=9_u8,
        mem_level in 1..=9_u8,
        threshold in prop_oneof![Just(0), Just(32), Just(usize::MAX), 0..1000_usize],
        bits in 8..=15_u8,
        is_pooled: bool,
    ) -> PermessageDeflate {
        let deflate = PermessageDeflate::new();
        let deflate = if is_pooled { deflate.with_pool(shared_pool()) } else { deflate };
        deflate
            .with_level(level)
            .with_mem_level(mem_level)
            .with_threshold(threshold)
            .with_server_max_window_bits(bits)
    }
}

impl Message {
    fn said(&self) -> Said {
        match &self.data {
            Data::Text(data) => text(data),
            Data::Binary(data) => binary(data),
        }
    }

    /// Sends the message, and adds what the peer should receive.
    fn send<E: Entropy>(
        &self,
        deflate: &PermessageDeflate,
        sender: &mut Sender<E>,
        output: &mut Vec<u8>,
    ) -> Vec<Said> {
        let mut said = Vec::new();
        match &self.how {
            How::Whole => sender.send(self.event(), output).unwrap(),
            How::Plain => sender.send_plain(self.event(), output).unwrap(),
            How::Fragmented(len) => sender.send_fragmented(self.event(), *len, output).unwrap(),
            How::Prepared { deflated, shared } => {
                let message = match &self.data {
                    Data::Text(data) => PreparedMessage::text(data),
                    Data::Binary(data) => PreparedMessage::bytes(data),
                };
                let message = if *deflated { message.unwrap().deflated(deflate) } else { message.unwrap() };
                let frame = if *shared { sender.prepared_frame(&message).unwrap() } else { None };
                match frame {
                    Some(frame) => output.extend(frame.as_bytes()),
                    None => sender.send_prepared(&message, output).unwrap(),
                }
            }
            How::Pieces(lens) => {
                for (event, _) in self.pieces(lens) {
                    sender.send(event, output).unwrap();
                    sender.send(Ping::new("?"), output).unwrap();
                    said.push(ping("?"));
                }
                let (last, _) = self.pieces(&[]).pop().unwrap();
                let end: &[u8] = &[];
                match last {
                    Event::Text(_) => sender.send(TextMessage::new(""), output).unwrap(),
                    _ => sender.send(BytesMessage::new(end), output).unwrap(),
                }
            }
        }
        said.push(self.said());
        said
    }

    fn event(&self) -> impl Outgoing {
        match &self.data {
            Data::Text(data) => Event::Text(TextMessage::new(data.as_str())),
            Data::Binary(data) => Event::Bytes(BytesMessage::new(data.as_slice())),
        }
    }

    /// Pieces of at most these lengths, and the rest.
    fn pieces(&self, lens: &[usize]) -> Vec<(Event<&str, &[u8]>, usize)> {
        let mut pieces = Vec::new();
        let mut start = 0_usize;
        let all = lens.iter().copied().chain([usize::MAX]);
        for len in all {
            let piece = match &self.data {
                Data::Text(data) => {
                    let mut end = start.saturating_add(len).min(data.len());
                    while !data.is_char_boundary(end) {
                        end -= 1;
                    }
                    let piece = &data[start..end];
                    start = end;
                    Event::Text(TextMessage::partial(piece))
                }
                Data::Binary(data) => {
                    let end = start.saturating_add(len).min(data.len());
                    let piece = &data[start..end];
                    start = end;
                    Event::Bytes(BytesMessage::partial(piece))
                }
            };
            pieces.push((piece, start));
        }
        pieces
    }
}

/// Reads of these lengths, repeated; byte by byte if there are none.
fn reads<'a>(wire: &'a [u8], lens: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = wire;
    let mut lens = lens.iter().cycle();
    std::iter::from_fn(move || {
        let len = lens.next().map_or(1, |len| *len).min(rest.len());
        let (read, after) = rest.split_at(len);
        rest = after;
        (!read.is_empty()).then_some(read)
    })
}

/// A block of DEFLATE, and whether it has BFINAL set.
#[derive(Clone, Debug)]
struct Block {
    is_final: bool,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Stored(Vec<u8>),
    Literals(Vec<u8>),
    /// Copies of a length from a distance, which is shortened to the data there is.
    Copies(Vec<(u32, u32)>),
}

fn block() -> impl Strategy<Value = Block> {
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Content::Stored),
        (any::<u64>(), 0..20_000_usize).prop_map(|(seed, len)| Content::Stored(noise(seed, len))),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Content::Literals),
        prop::collection::vec((prop_oneof![3..=10_u32, Just(258)], 1..=32_768_u32), 0..70)
            .prop_map(Content::Copies),
    ];
    (any::<bool>(), content).prop_map(|(is_final, content)| Block { is_final, content })
}

/// A message of these blocks, which may look back on `history`.
fn written(message: &[Block], history: &mut Vec<u8>) -> Vec<u8> {
    let mut blocks = DeflateBlocks::new();
    for Block { is_final, content } in message {
        blocks = match content {
            Content::Stored(bytes) => {
                history.extend(bytes);
                blocks.stored(*is_final, bytes)
            }
            Content::Literals(bytes) => {
                history.extend(bytes);
                blocks.fixed(*is_final, bytes)
            }
            Content::Copies(copies) => {
                let mut begun = blocks.begin(*is_final, 1);
                let has_some = !history.is_empty();
                for (len, distance) in copies.iter().filter(|_| has_some) {
                    let distance = (*distance).min(history.len() as u32);
                    begun = begun.copy(*len, distance);
                    for _ in 0..*len {
                        history.push(history[history.len() - distance as usize]);
                    }
                }
                begun.end()
            }
        };
        if *is_final {
            blocks = blocks.align();
        }
    }
    // The empty block at the end may have BFINAL set too.
    let ends_all = message.len() % 3 == 1;
    let mut bytes = blocks.stored(ends_all, b"").into_bytes();
    bytes.truncate(bytes.len() - 4);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn received_messages_are_the_same_as_the_sent_ones(
        is_client: bool,
        deflate in settings(),
        params in params(),
        messages in messages(),
        read_lens in prop::collection::vec(1..9000_usize, 1..5),
        key: u8,
    ) {
        let (sender_role, role) =
            if is_client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
        let mut wire = Vec::new();
        let mut said = Vec::new();
        let mut extensions = Extensions::new();
        extensions.push(deflate.negotiated(sender_role, params)).unwrap();
        match sender_role {
            Role::Client => {
                let mut sender = wsproto::Connection::client(Limits::default(), Keys(key))
                    .with_extensions(extensions)
                    .into_parts()
                    .1;
                for message in &messages {
                    said.extend(message.send(&deflate, &mut sender, &mut wire));
                }
            }
            Role::Server => {
                let mut sender =
                    wsproto::Connection::server(Limits::default()).with_extensions(extensions).into_parts().1;
                for message in &messages {
                    said.extend(message.send(&deflate, &mut sender, &mut wire));
                }
            }
        }
        let setup = Setup { role, limits: Limits::default(), deflate, params };
        for lens in [&read_lens[..], &[usize::MAX]] {
            let mut reader = Reader::of(setup.receiver());
            reads(&wire, lens).for_each(|read| reader.read(read));
            let seen = Seen::by(&reader);
            prop_assert_eq!(seen.failure, None);
            prop_assert!(seen.said == said, "the messages differ");
            prop_assert!(seen.is_idle && seen.unfinished.is_none());
        }
    }

    #[test]
    fn any_blocks_are_read_as_they_were_written(
        messages in prop::collection::vec(prop::collection::vec(block(), 0..6), 1..5),
        fragment_len in 1..200_usize,
        read_lens in prop::collection::vec(prop_oneof![1..4_usize, 1..900_usize], 1..5),
    ) {
        let (mut wire, mut said, mut history) = (Vec::new(), Vec::new(), Vec::new());
        for blocks in &messages {
            let start = history.len();
            let payload = written(blocks, &mut history);
            said.push(binary(&history[start..]));
            let mut first = 0x42;
            for fragment in payload.chunks(fragment_len) {
                wire.extend(crate::protocol::frame_to(Role::Client, first, fragment));
                first = 0;
            }
            wire.extend(crate::protocol::frame_to(Role::Client, first | 0x80, b""));
        }
        let setup = Setup::of(Role::Client);
        for lens in [&read_lens[..], &[usize::MAX]] {
            let mut reader = Reader::of(setup.receiver());
            reads(&wire, lens).for_each(|read| reader.read(read));
            let seen = Seen::by(&reader);
            prop_assert_eq!(seen.failure, None);
            prop_assert!(seen.said == said, "the messages differ");
        }
    }

    #[test]
    fn any_bytes_give_the_same_result_for_every_cut(
        payloads in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 1..4),
        read_lens in prop::collection::vec(1..9_usize, 1..5),
        limit in 0..100_u64,
        ratio in 0..3_u32,
    ) {
        // Bytes that are rarely valid DEFLATE.
        let mut wire = Vec::new();
        for (is_text, payload) in &payloads {
            let first = if *is_text { 0xC1 } else { 0xC2 };
            wire.extend(crate::protocol::frame_to(Role::Server, first, payload));
        }
        let setup = Setup::of(Role::Server).max_message_len(limit).max_ratio(ratio);
        let seen = |lens: &[usize]| {
            let mut reader = Reader::of(setup.receiver());
            reads(&wire, lens).for_each(|read| reader.read(read));
            Seen::by(&reader)
        };
        let whole = seen(&[usize::MAX]);
        prop_assert_eq!(seen(&[1]), whole.clone());
        prop_assert_eq!(seen(&read_lens), whole);
    }
}

#[test]
fn a_message_in_one_read_does_not_end_in_an_empty_piece() {
    for len in (0..200).chain(8_000..8_400).chain((1..30).map(|n| n << 12)).chain(32_700..32_800) {
        for message in [vec![7; len], noise(len as u64, len)] {
            let deflate = PermessageDeflate::new().with_threshold(0);
            let mut wire = Vec::new();
            crate::support::server_sender(&deflate, DeflateParams::DEFAULT)
                .send(BytesMessage::new(&message), &mut wire)
                .unwrap();
            let mut receiver = Setup::of(Role::Client).receiver();
            let mut input = wire.as_mut_slice();
            while let Some(event) = receiver.next_event(&mut input).unwrap() {
                let Event::Bytes(piece) = event else { panic!("{event:?}") };
                assert!(len == 0 || !piece.data.is_empty(), "a message of {len} bytes");
            }
        }
    }
}
