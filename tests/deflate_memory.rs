//! The memory that compression needs, counted by an allocator: the peak for a compression bomb, an idle connection,
//! and the table in the documentation of `PermessageDeflate`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod counting;

use counting::{Usage, measured};
use wsproto::{
    BytesMessage, CloseConnection, Connection, DeflateParams, DeflatePool, Entropy, Event, Extensions,
    Limits, PermessageDeflate, Ping, Receiver, RemoteProtocolError, Role, Sender, TextMessage,
};

#[test]
fn a_compression_bomb_needs_no_more_memory_than_any_message() {
    let mut limits = Limits::NONE;
    let bomb = Bomb::new(1 << 30);
    let ((total, failure), without) = bomb.explode(limits, &PermessageDeflate::new());
    assert_eq!((total, failure), (bomb.inflated_len, None));
    limits.max_message_len = 16 << 20;
    let ((total, failure), with) = bomb.explode(limits, &PermessageDeflate::new());
    assert_eq!((total, failure), (16 << 20, Some(RemoteProtocolError::MessageTooLong)));
    let ((_, failure), by_ratio) = bomb.explode(Limits::NONE, &PermessageDeflate::new().with_max_ratio(100));
    assert_eq!(failure, Some(RemoteProtocolError::InflationRatio));
    println!("{} bytes in {} bytes of payload", bomb.inflated_len, bomb.payload_len);
    println!(
        "peaks: {} without a limit, {} with one, {} with a ratio",
        without.peak, with.peak, by_ratio.peak
    );
    for usage in [without, with, by_ratio] {
        assert!(usage.peak < 128 << 10, "{usage:?}");
    }
    for usage in [with, by_ratio] {
        assert!(usage.kept < 256, "after a failure nothing is kept: {usage:?}");
    }
}

#[test]
fn an_idle_connection_has_no_compressor() {
    let ((receiver, sender), usage) = measured(|| halves(&PermessageDeflate::new(), DeflateParams::DEFAULT));
    println!("idle: {usage:?}");
    assert!(usage.kept < 512, "{usage:?}");
    drop((receiver, sender));
}

#[test]
fn plain_messages_create_no_compressor() {
    let (mut receiver, mut sender) = halves(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    let mut output = Vec::with_capacity(4096);
    let ((), usage) = measured(|| {
        sender.send(TextMessage::from("below the threshold"), &mut output).unwrap();
        sender.send_plain(TextMessage::from("plain".repeat(100).as_str()), &mut output).unwrap();
        sender.send_fragmented(TextMessage::from("below the threshold"), 5, &mut output).unwrap();
        read(&mut receiver, &mut output);
    });
    assert_eq!(usage.kept, 0, "{usage:?}");
}

/// The server has no context takeover.
const SERVER_RESETS: DeflateParams =
    DeflateParams { server_no_context_takeover: true, ..DeflateParams::DEFAULT };

#[test]
fn without_context_takeover_memory_is_kept_for_the_next_message() {
    let (mut receiver, mut sender) = halves(&PermessageDeflate::new(), SERVER_RESETS);
    let mut output = Vec::with_capacity(256 << 10);
    sender.send(BytesMessage::from(vec![b'a'; 100]), &mut output).unwrap();
    read(&mut receiver, &mut output);
    for data in [vec![b'a'; 100], noise(50_000), vec![b'a'; 100]] {
        let mut talk = |read: fn(&mut Receiver, &mut [u8])| {
            output.clear();
            sender.send(BytesMessage::from(&data), &mut output).unwrap();
            read(&mut receiver, &mut output);
        };
        talk(read);
        let ((), usage) = measured(|| [read, read_frames].into_iter().for_each(&mut talk));
        assert_eq!((usage.allocations, usage.kept), (0, 0), "{} bytes: {usage:?}", data.len());
    }
}

#[test]
fn without_context_takeover_memory_is_freed_on_an_idle_connection() {
    // Memory is freed after eight calls without input, or eight pings; then after twice as many, up to 1024.
    let ((mut receiver, mut sender), made) = measured(|| halves(&PermessageDeflate::new(), SERVER_RESETS));
    let mut output = Vec::with_capacity(64 << 10);
    let mut pings = Vec::with_capacity(4096);
    // The message comes in reads. Each read ends with a call that finds no more input.
    let message = BytesMessage::from(noise(20_000));
    for rounds in [8, 16, 32, 64, 128, 256, 512, 1024, 1024] {
        let ((), used) = measured(|| {
            output.clear();
            sender.send(&message, &mut output).unwrap();
            output.chunks_mut(1000).for_each(|bytes| read(&mut receiver, bytes));
        });
        assert!(used.kept > 400 << 10, "{used:?}");
        pings.clear();
        // The first of these calls was made after the message.
        let ((), rested) = measured(|| {
            (1..rounds).for_each(|_| sender.send(Ping::new(b""), &mut pings).unwrap());
            (2..rounds).for_each(|_| read(&mut receiver, &mut []));
        });
        assert_eq!(rested.kept, 0, "memory that may be needed soon is kept");
        let ((), rested) = measured(|| sender.send(Ping::new(b""), &mut pings).unwrap());
        let ((), received) = measured(|| read(&mut receiver, &mut []));
        assert!(rested.kept < -300 << 10 && received.kept < -100 << 10, "{rounds}: {rested:?} {received:?}");
        assert_eq!(used.kept + rested.kept + received.kept, 0);
    }
    drop((receiver, sender));
    assert!(made.kept < 512);
}

#[test]
fn a_connection_with_a_slow_frame_is_not_idle() {
    let (mut receiver, mut sender) = halves(&PermessageDeflate::new().with_threshold(0), SERVER_RESETS);
    let mut output = Vec::with_capacity(4096);
    let mut send = |output: &mut Vec<u8>| {
        output.clear();
        sender.send(TextMessage::from("a message in twenty reads"), output).unwrap();
        assert!(output.len() > 20);
    };
    send(&mut output);
    read_frames(&mut receiver, &mut output);
    send(&mut output);
    let ((), usage) = measured(|| {
        for len in 1..output.len() {
            read_frames(&mut receiver, &mut output[..len]);
        }
        read_frames(&mut receiver, &mut output);
    });
    assert_eq!((usage.allocations, usage.kept), (0, 0), "{usage:?}");
}

#[test]
fn a_message_in_progress_keeps_its_memory_on_an_idle_connection() {
    let (mut receiver, mut sender) = halves(&PermessageDeflate::new().with_threshold(0), SERVER_RESETS);
    let mut output = Vec::new();
    sender.send(TextMessage::partial("Hello, "), &mut output).unwrap();
    for _ in 0..20 {
        sender.send(Ping::new(b""), &mut output).unwrap();
    }
    sender.release_memory();
    sender.send(TextMessage::new("Hello, world"), &mut output).unwrap();
    let mut text = String::new();
    for byte in &mut output {
        let mut input = std::slice::from_mut(byte);
        while let Some(event) = receiver.next_event(&mut input).unwrap() {
            if let Event::Text(piece) = event {
                text += piece.data;
            }
        }
        receiver.release_memory();
    }
    assert_eq!(text, "Hello, Hello, world");
}

#[test]
fn memory_that_only_saves_time_can_be_freed_by_a_call() {
    let (mut receiver, mut sender) = halves(&PermessageDeflate::new(), SERVER_RESETS);
    let mut output = Vec::with_capacity(4096);
    for _ in 0..2 {
        output.clear();
        let ((), usage) = measured(|| {
            sender.send(TextMessage::from("a".repeat(100)), &mut output).unwrap();
            read(&mut receiver, &mut output);
            sender.release_memory();
            receiver.release_memory();
        });
        assert_eq!(usage.kept, 0, "{usage:?}");
        assert!(usage.peak > 400 << 10);
    }
}

#[test]
fn a_compressor_does_not_outlive_the_close_frame_or_the_transport() {
    for ending in 0..4 {
        let params = DeflateParams::DEFAULT;
        let mut extensions = Extensions::new();
        extensions.push(PermessageDeflate::new().negotiated(Role::Server, params)).unwrap();
        let mut server = Connection::server(Limits::default()).with_extensions(extensions);
        let mut output = Vec::with_capacity(4096);
        let ((), begun) = measured(|| server.send(TextMessage::from("a".repeat(100)), &mut output).unwrap());
        assert!(begun.kept > 300 << 10);
        let ((), ended) = measured(|| match ending {
            0 => server.send(CloseConnection::EMPTY, &mut output).unwrap(),
            1 => {
                let error = server.next_event(&mut [0xFF].as_mut_slice()).unwrap_err();
                server.send(error.response(), &mut output).unwrap();
            }
            2 => assert!(server.receive_eof().is_some()),
            _ => {
                server.next_event(&mut [0x88, 0x80, 0, 0, 0, 0].as_mut_slice()).unwrap();
                server.send(CloseConnection::EMPTY.response(), &mut output).unwrap();
            }
        });
        assert!(begun.kept + ended.kept <= 0, "{ending}: {ended:?}");
    }
}

#[test]
fn a_long_payload_needs_at_most_twice_its_length_and_is_freed_after_the_write() {
    let (_, mut sender) = halves(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    let data = noise(4 << 20);
    let mut output = Vec::with_capacity(5 << 20);
    for message in [BytesMessage::partial(&data), BytesMessage::partial(&data), BytesMessage::new(&data)] {
        output.clear();
        let ((), usage) = measured(|| sender.send(message, &mut output).unwrap());
        assert!(usage.kept < 500 << 10, "{usage:?}");
        assert!(usage.peak < 9 << 20, "{usage:?}");
    }
}

#[test]
fn a_large_message_leaves_no_large_buffer_behind() {
    let (_, mut sender) = halves(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    let data = noise(1 << 20);
    let mut output = Vec::with_capacity(2 << 20);
    let ((), usage) = measured(|| sender.send(BytesMessage::from(&data), &mut output).unwrap());
    assert!(usage.kept < 500 << 10, "{usage:?}");
}

#[test]
fn with_context_takeover_messages_after_the_first_do_not_allocate() {
    let (mut receiver, mut sender) = halves(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    let json = r#"{"id": 12345, "name": "example", "tags": ["a", "b"], "value": 1.5}, "#;
    for len in [256, 4 << 10, 64 << 10] {
        let text: String = json.chars().cycle().take(len).collect();
        let mut output = Vec::with_capacity(256 << 10);
        let mut talk = || {
            for _ in 0..3 {
                output.clear();
                sender.send(TextMessage::from(text.as_str()), &mut output).unwrap();
                read(&mut receiver, &mut output);
            }
        };
        talk();
        let ((), usage) = measured(talk);
        assert_eq!((usage.allocations, usage.kept), (0, 0), "{len} bytes");
    }
}

#[test]
fn the_end_of_a_connection_frees_received_data() {
    let (mut receiver, mut sender) = halves(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    let mut output = Vec::with_capacity(4096);
    for ending in 0..3 {
        output.clear();
        sender.send(TextMessage::partial("Hello"), &mut output).unwrap();
        let ((), begun) = measured(|| read(&mut receiver, &mut output));
        assert!(begun.kept > 30_000);
        let (mut close, mut wrong) = (*b"\x88\0", *b"\x81\0");
        let ((), ended) = measured(|| match ending {
            0 => assert!(receiver.receive_eof().is_some()),
            1 => read(&mut receiver, &mut close),
            _ => assert!(receiver.next_event(&mut wrong.as_mut_slice()).is_err()),
        });
        assert!(begun.kept + ended.kept <= 0, "{ending}: {ended:?}");
        (receiver, sender) = halves(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    }
}

#[test]
fn decompressed_text_that_is_not_utf8_frees_the_decompressor() {
    // Stored blocks: 0xFF, and "a" with 0xFF after it.
    let first_byte = b"\xc1\x07\x00\x01\x00\xfe\xff\xff\x00".to_vec();
    let after_a_prefix = b"\xc1\x08\x00\x02\x00\xfd\xffa\xff\x00".to_vec();
    for (mut bytes, has_prefix) in [(first_byte, false), (after_a_prefix, true)] {
        let (mut receiver, _) = halves(&PermessageDeflate::new(), DeflateParams::DEFAULT);
        let ((), usage) = measured(|| {
            let mut input = bytes.as_mut_slice();
            if has_prefix {
                assert!(receiver.next_event(&mut input).is_ok_and(|event| event.is_some()));
                assert!(receiver.receive_eof().is_none(), "an error waits");
            } else {
                assert!(receiver.next_event(&mut input).is_err());
            }
        });
        assert!(usage.kept <= 0, "{has_prefix}: {usage:?}");
        if has_prefix {
            assert!(receiver.next_event(&mut &mut [][..]).is_err());
        }
    }
}

/// Connections with a pool that have received and sent `len` bytes in messages of 4 KiB; returns the heap for each.
fn idle_with_a_pool(count: usize, params: DeflateParams, len: usize) -> usize {
    let pool = DeflatePool::new(1);
    let deflate = PermessageDeflate::new().with_pool(&pool);
    let (json, mut output) = (json(4 << 10), Vec::with_capacity(64 << 10));
    let mut talk = |receiver: &mut Receiver, sender: &mut Sender| {
        for _ in 0..len / json.len() {
            output.clear();
            sender.send(TextMessage::from(json.as_str()), &mut output).unwrap();
            read(receiver, &mut output);
        }
    };
    // So that the pool has what the connections borrow.
    let (mut receiver, mut sender) = halves(&deflate, params);
    talk(&mut receiver, &mut sender);
    let (connections, usage) = measured(|| {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            let (mut receiver, mut sender) = halves(&deflate, params);
            talk(&mut receiver, &mut sender);
            connections.push((receiver, sender));
        }
        connections
    });
    assert_eq!((pool.idle_compressors(), pool.idle_decompressors()), (1, 1));
    drop(connections);
    usize::try_from(usage.kept).unwrap().div_ceil(count)
}

fn json(len: usize) -> String {
    let items = (0..).map(|id: u32| {
        let (value, tag) = (id.wrapping_mul(2_654_435_761) >> 12, ["red", "green", "blue"][id as usize % 3]);
        format!(r#"{{"id": {id}, "name": "user{}", "tag": "{tag}", "value": {value}}}, "#, value % 97)
    });
    items.flat_map(|item| item.chars().collect::<Vec<_>>()).take(len).collect()
}

#[test]
fn ten_thousand_idle_connections_with_a_pool_need_less_than_6_kib_each() {
    let params =
        DeflateParams { server_max_window_bits: 12, client_max_window_bits: 12, ..DeflateParams::DEFAULT };
    let each = idle_with_a_pool(10_000, params, 8 << 10);
    println!("{each} bytes");
    assert!(each < 6 << 10, "{each}");
}

/// The table in the documentation: `cargo test --test deflate_memory pool -- --nocapture`
#[cfg(target_pointer_width = "64")]
#[test]
fn the_table_of_bytes_with_a_pool_is_as_documented() {
    let docs = include_str!("../src/extension/permessage_deflate/pool.rs");
    let guide = include_str!("../guide/memory.md");
    let mut missing = Vec::new();
    for bits in [8, 9, 10, 11, 12, 13, 14, 15] {
        let params = DeflateParams {
            server_max_window_bits: bits,
            client_max_window_bits: bits,
            ..DeflateParams::DEFAULT
        };
        let tenths = (idle_with_a_pool(64, params, 64 << 10) * 10).div_ceil(1024);
        let row = format!("| {bits} | {}.{} |", tenths / 10, tenths % 10);
        println!("{row}");
        missing.extend((!docs.contains(&format!("/// {row}"))).then(|| row.clone()));
        missing.extend((matches!(bits, 12 | 15) && !guide.contains(&row)).then_some(row));
    }
    assert!(missing.is_empty(), "the documentation does not say:\n{}", missing.join("\n"));
}

#[test]
fn with_a_pool_messages_after_the_first_do_not_allocate() {
    let pool = DeflatePool::new(2);
    for params in [DeflateParams::DEFAULT, SERVER_RESETS] {
        let (mut receiver, mut sender) = halves(&PermessageDeflate::new().with_pool(&pool), params);
        let (json, mut output) = (json(4 << 10), Vec::with_capacity(256 << 10));
        let mut talk = || {
            for _ in 0..10 {
                output.clear();
                sender.send(TextMessage::from(json.as_str()), &mut output).unwrap();
                read(&mut receiver, &mut output);
            }
        };
        talk();
        let ((), usage) = measured(talk);
        assert_eq!((usage.allocations, usage.kept), (0, 0));
    }
}

#[test]
fn a_pool_that_is_full_keeps_what_its_documentation_says() {
    let (_, usage) = measured(|| {
        let pool = DeflatePool::new(3);
        let deflate = PermessageDeflate::new().with_pool(&pool);
        let mut connections: Vec<_> = (0..5).map(|_| halves(&deflate, DeflateParams::DEFAULT)).collect();
        let mut output = Vec::new();
        for (receiver, sender) in &mut connections {
            output.clear();
            sender.send(BytesMessage::partial(noise(200_000)), &mut output).unwrap();
            read(receiver, &mut output);
        }
        drop(connections);
        assert_eq!((pool.idle_compressors(), pool.idle_decompressors()), (3, 3));
        pool
    });
    assert!(usage.kept < 3 * ((119 + 372 + 64) << 10), "{usage:?}");
}

#[test]
fn with_context_takeover_a_call_frees_all_except_the_end_of_the_messages() {
    let (mut receiver, mut sender) = halves(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    let mut output = Vec::with_capacity(256 << 10);
    for len in [100, 1000, 100_000] {
        output.clear();
        sender.send(BytesMessage::from(noise(len)), &mut output).unwrap();
        read(&mut receiver, &mut output);
    }
    let ((), released) = measured(|| {
        sender.release_memory();
        receiver.release_memory();
    });
    assert!(released.kept < -400 << 10, "{released:?}");
    let ((), rest) = measured(|| drop((receiver, sender)));
    println!("{} bytes are kept", -rest.kept);
    assert!(-rest.kept < 34 << 10, "{rest:?}");
}

/// The table in the documentation: `cargo test --test deflate_memory table -- --nocapture`
#[cfg(target_pointer_width = "64")]
#[test]
fn the_table_of_bytes_per_connection_is_as_documented() {
    let docs = include_str!("../src/extension/permessage_deflate/mod.rs");
    let kib = |bytes: isize| (bytes + 512) >> 10;
    let mut missing = Vec::new();
    for bits in 8..=15 {
        let mut row = format!("/// | {bits} |");
        for mem_level in [1, 4, 8, 9] {
            let deflate = PermessageDeflate::new().with_mem_level(mem_level).with_threshold(0);
            let params = DeflateParams { server_max_window_bits: bits, ..DeflateParams::DEFAULT };
            let (_, mut sender) = halves(&deflate, params);
            let mut output = Vec::with_capacity(4096);
            let ((), usage) = measured(|| sender.send(TextMessage::from("Hello"), &mut output).unwrap());
            row += &format!(" {} |", kib(usage.kept));
        }
        println!("{row}");
        missing.extend((!docs.contains(&row)).then_some(row));
    }
    let (mut receiver, mut sender) =
        halves(&PermessageDeflate::new().with_threshold(0), DeflateParams::DEFAULT);
    let mut output = Vec::with_capacity(4096);
    sender.send(TextMessage::from("Hello"), &mut output).unwrap();
    let ((), usage) = measured(|| read(&mut receiver, &mut output));
    let line = format!("{} KiB to decompress", kib(usage.kept));
    println!("{line}");
    missing.extend((!docs.contains(&line)).then_some(line));
    assert!(missing.is_empty(), "the documentation does not say:\n{}", missing.join("\n"));
}

/// A client's receiver, and a server's sender.
fn halves(deflate: &PermessageDeflate, params: DeflateParams) -> (Receiver, Sender) {
    let extensions = |role| {
        let mut extensions = Extensions::new();
        extensions.push(deflate.negotiated(role, params)).unwrap();
        extensions
    };
    let client = Connection::client(Limits::default(), Zeros).with_extensions(extensions(Role::Client));
    let server = Connection::server(Limits::default()).with_extensions(extensions(Role::Server));
    (client.into_parts().0, server.into_parts().1)
}

/// Reads all of it, up to the call that asks for more.
fn read(receiver: &mut Receiver, bytes: &mut [u8]) {
    let mut input = bytes;
    while receiver.next_event(&mut input).unwrap().is_some() {}
}

/// The same, of frames that are whole.
fn read_frames(receiver: &mut Receiver, bytes: &mut [u8]) {
    let mut input = bytes;
    while receiver.next_frame_event(&mut input).unwrap().is_some() {}
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Zeros in a very short DEFLATE stream: a block of fixed codes, a literal 0, and copies of 258 bytes from one byte
/// back, of 13 bits each. Eight copies take 13 bytes, which are repeated.
struct Bomb {
    inflated_len: u64,
    payload_len: u64,
    start: Vec<u8>,
    /// The bytes of each read except the last.
    rounds: Vec<u8>,
    reads: u64,
    end: Vec<u8>,
}

const ROUNDS: usize = 1024;

impl Bomb {
    fn new(at_least: u64) -> Self {
        let copy = "1100010100000";
        let block = ["010", "00110000", &copy.repeat(9), "0000000", "000"].concat();
        let bits: Vec<bool> = block.chars().map(|bit| bit == '1').collect();
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        let bytes: Vec<u8> = bits.chunks(8).map(byte).collect();
        let reads = at_least.div_ceil((ROUNDS * 8 * 258) as u64);
        let copies = reads * (ROUNDS * 8) as u64 + 1;
        let (start, rest) = bytes.split_at(2);
        let (round, end) = rest.split_at(13);
        let rounds = round.repeat(ROUNDS);
        let payload_len = reads * rounds.len() as u64 + (start.len() + end.len()) as u64;
        let header = [&[0xC2, 127], &payload_len.to_be_bytes()[..]].concat();
        let start = [&header, start].concat();
        Self { inflated_len: 1 + copies * 258, payload_len, start, rounds, reads, end: end.to_vec() }
    }

    /// Has a client read the bomb; returns how many bytes were delivered, and the failure.
    fn explode(
        &self,
        limits: Limits,
        deflate: &PermessageDeflate,
    ) -> ((u64, Option<RemoteProtocolError>), Usage) {
        let mut buffer = self.rounds.clone();
        let reads = (0..self.reads).map(|_| &self.rounds);
        let reads = [&self.start].into_iter().chain(reads).chain([&self.end]);
        let ((_, total, failure), usage) = measured(|| {
            let mut extensions = Extensions::new();
            extensions.push(deflate.negotiated(Role::Client, DeflateParams::DEFAULT)).unwrap();
            let connection = Connection::client(limits, Zeros).with_extensions(extensions);
            let mut receiver = connection.into_parts().0;
            let (mut total, mut failure) = (0, None);
            for read in reads {
                let mut input = &mut buffer[..read.len()];
                input.copy_from_slice(read);
                loop {
                    match receiver.next_event(&mut input) {
                        Ok(Some(Event::Bytes(piece))) => {
                            assert!(piece.data.first().is_none_or(|byte| *byte == 0));
                            total += piece.data.len() as u64;
                        }
                        Ok(other) => {
                            assert_eq!(other, None);
                            break;
                        }
                        Err(error) => failure = Some(error),
                    }
                }
                if failure.is_some() {
                    break;
                }
            }
            (receiver, total, failure)
        });
        ((total, failure), usage)
    }
}
