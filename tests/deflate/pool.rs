//! Connections that share compressors and decompressors, and connections whose own were freed: nothing else changes.

use std::sync::LazyLock;
use std::thread;

use wsproto::{
    BytesMessage, Connection, DeflateBlocks, DeflateParams, DeflatePool, Event, Limits, PermessageDeflate,
    Receiver, RemoteProtocolError, Role, Sender, TextMessage,
};

use crate::protocol::{BINARY, FIN, Fixed, Reader, binary, frame_to};
use crate::support::{RSV1, Seen, Setup, noise, server_sender};

/// A pool for many tests, which run at the same time.
pub(crate) fn shared_pool() -> &'static DeflatePool {
    static POOL: LazyLock<DeflatePool> = LazyLock::new(|| DeflatePool::new(4));
    &POOL
}

fn pooled(pool: &DeflatePool, params: DeflateParams) -> Setup {
    let setup = Setup::of(Role::Client);
    Setup { deflate: setup.deflate.with_threshold(0).with_pool(pool), params, ..setup }
}

fn server_window(bits: u8) -> DeflateParams {
    DeflateParams { server_max_window_bits: bits, ..DeflateParams::DEFAULT }
}

/// A message in one frame, as its first byte says, from a server.
fn message(payload: &[u8]) -> Vec<u8> {
    frame_to(Role::Client, FIN | RSV1 | BINARY, payload)
}

/// Reads all of it, up to the call that finds no more input.
fn read(receiver: &mut Receiver, bytes: &[u8]) -> Result<Vec<u8>, RemoteProtocolError> {
    let (mut bytes, mut data) = (bytes.to_vec(), Vec::new());
    let mut input = bytes.as_mut_slice();
    while let Some(event) = receiver.next_event(&mut input)? {
        match event {
            Event::Bytes(piece) => data.extend_from_slice(piece.data),
            Event::Text(piece) => data.extend_from_slice(piece.data.as_bytes()),
            other => panic!("{other:?} was not sent"),
        }
    }
    Ok(data)
}

fn send(sender: &mut Sender, data: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    sender.send(BytesMessage::new(data), &mut output).unwrap();
    output
}

#[test]
fn a_decompressor_is_given_back_when_a_message_was_read_and_there_is_no_more_input() {
    let pool = DeflatePool::new(8);
    let mut receiver = pooled(&pool, DeflateParams::DEFAULT).receiver();
    let hello = message(&[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    for _ in 0..3 {
        for byte in &hello {
            read(&mut receiver, &[*byte]).unwrap();
        }
        assert_eq!(pool.idle_decompressors(), 1);
    }
    // Several messages in one read use the same one, and give it back once.
    assert_eq!(read(&mut receiver, &hello.repeat(3)).unwrap(), b"HelloHelloHello");
    assert_eq!(pool.idle_decompressors(), 1);
}

#[test]
fn a_message_in_progress_keeps_its_decompressor() {
    let pool = DeflatePool::new(8);
    let mut receiver = pooled(&pool, DeflateParams::DEFAULT).receiver();
    let hello = message(&[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    for len in 1..hello.len() {
        let (first, rest) = hello.split_at(len);
        let mut data = read(&mut receiver, first).unwrap();
        receiver.release_memory();
        assert_eq!(read(&mut receiver, b"").unwrap(), b"");
        assert_eq!(pool.idle_decompressors(), usize::from(len < 2 && pool.idle_decompressors() > 0));
        data.extend(read(&mut receiver, rest).unwrap());
        assert_eq!(data, b"Hello");
        assert_eq!(pool.idle_decompressors(), 1);
        pool.release_memory();
        assert_eq!(pool.idle_decompressors(), 0);
    }
}

#[test]
fn a_compressor_is_given_back_when_a_message_is_written() {
    let pool = DeflatePool::new(8);
    let setup = pooled(&pool, DeflateParams::DEFAULT);
    let mut sender = server_sender(&setup.deflate, setup.params);
    let mut output = Vec::new();
    for data in ["Hello, ", "Hello, "] {
        sender.send(TextMessage::partial(data), &mut output).unwrap();
        assert_eq!(pool.idle_compressors(), 0);
    }
    sender.release_memory();
    sender.send(TextMessage::new("world"), &mut output).unwrap();
    assert_eq!(pool.idle_compressors(), 1);
    assert_eq!(read(&mut setup.receiver(), &output).unwrap(), b"Hello, Hello, world");
}

#[test]
fn a_decompressor_is_given_back_if_the_memory_of_the_connection_is_released() {
    let pool = DeflatePool::new(8);
    let extensions = pooled(&pool, DeflateParams::DEFAULT).extensions();
    let mut client = Connection::client(Limits::default(), Fixed).with_extensions(extensions);
    let mut hello = message(&[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    assert!(client.next_event(&mut hello.as_mut_slice()).unwrap().is_some());
    assert_eq!(pool.idle_decompressors(), 0);
    client.release_memory();
    assert_eq!(pool.idle_decompressors(), 1);
}

#[test]
fn a_connection_that_ends_inside_a_message_gives_back_what_it_has() {
    let pool = DeflatePool::new(8);
    let setup = pooled(&pool, DeflateParams::DEFAULT);
    let wire = message(&DeflateBlocks::new().fixed(false, b"Hello, hello, hello").into_message());
    for ending in 0..3 {
        let mut receiver = setup.receiver();
        read(&mut receiver, &wire[..10]).unwrap();
        assert_eq!(pool.idle_decompressors(), 0);
        match ending {
            0 => drop(receiver),
            1 => _ = receiver.receive_eof(),
            _ => _ = read(&mut receiver, &[0x06; 30]).unwrap_err(),
        }
        assert_eq!(pool.idle_decompressors(), 1, "{ending}");
        assert_eq!(read(&mut setup.receiver(), &wire).unwrap(), b"Hello, hello, hello");
    }
    let mut sender = server_sender(&setup.deflate, setup.params);
    sender.send(TextMessage::partial("Hello"), &mut Vec::new()).unwrap();
    assert_eq!(pool.idle_compressors(), 0);
    drop(sender);
    assert_eq!(pool.idle_compressors(), 1);
}

#[test]
fn a_pool_keeps_no_more_than_it_may() {
    for max_idle in [0, 1, 3] {
        let pool = DeflatePool::new(max_idle);
        let setup = pooled(&pool, DeflateParams::DEFAULT);
        let mut connections: Vec<_> =
            (0..5).map(|_| (setup.receiver(), server_sender(&setup.deflate, setup.params))).collect();
        for (receiver, sender) in &mut connections {
            sender.send(TextMessage::partial("Hello"), &mut Vec::new()).unwrap();
            read(receiver, &message(&[0xF2, 0x48])[..3]).unwrap();
        }
        drop(connections);
        assert_eq!((pool.idle_compressors(), pool.idle_decompressors()), (max_idle, max_idle));
    }
}

#[test]
fn a_full_pool_frees_the_compressor_that_was_not_used_for_the_longest_time() {
    let pool = DeflatePool::new(2);
    for bits in [15, 14, 13, 12, 15] {
        let setup = pooled(&pool, server_window(bits));
        let mut sender = server_sender(&setup.deflate, setup.params);
        for _ in 0..3 {
            let data = noise(1, 300).repeat(2);
            assert_eq!(read(&mut setup.receiver(), &send(&mut sender, &data)).unwrap(), data);
            sender = server_sender(&setup.deflate, setup.params);
        }
        assert!(pool.idle_compressors() <= 2);
    }
}

#[test]
fn nothing_of_one_connection_is_seen_by_another() {
    let pool = DeflatePool::new(1);
    let setup = pooled(&pool, DeflateParams::DEFAULT);
    let secret = noise(5, 3000);
    // A copy from each distance, by a connection that has received one byte.
    for distance in [2, 3, 100, 2999, 3001, 32_768] {
        let mut other = setup.receiver();
        let stored = DeflateBlocks::new().stored(false, &secret).into_message();
        assert_eq!(read(&mut other, &message(&stored)).unwrap(), secret);
        assert_eq!(pool.idle_decompressors(), 1);
        let copies = DeflateBlocks::new().fixed(false, b"a").begin(false, 1).copy(3, distance).end();
        let mut receiver = setup.receiver();
        let (mut wire, mut data) = (message(&copies.into_message()), Vec::new());
        let mut input = wire.as_mut_slice();
        let error = loop {
            match receiver.next_event(&mut input) {
                Ok(Some(Event::Bytes(piece))) => data.extend_from_slice(piece.data),
                Ok(other) => panic!("{other:?} was not sent"),
                Err(error) => break error,
            }
        };
        assert_eq!((error, &data[..]), (RemoteProtocolError::InvalidDeflate, &b"a"[..]), "{distance}");
    }
    // What is sent does not refer to it either.
    let mut other = server_sender(&setup.deflate, setup.params);
    send(&mut other, &secret);
    assert_eq!(pool.idle_compressors(), 1);
    let first = send(&mut server_sender(&setup.deflate, setup.params), &secret);
    let without = PermessageDeflate::new().with_threshold(0);
    assert_eq!(first, send(&mut server_sender(&without, setup.params), &secret));
}

#[test]
fn final_blocks_are_counted_for_each_connection_that_uses_a_decompressor() {
    // Each connection has 15 that are free, beyond one for each message: two messages of nine, and not a third.
    let nine = (0..9).fold(DeflateBlocks::new(), |blocks, _| blocks.fixed(true, b"a").align()).into_message();
    let pool = DeflatePool::new(1);
    let mut receivers = [0, 1].map(|_| pooled(&pool, DeflateParams::DEFAULT).receiver());
    for expected in
        [Ok(b"aaaaaaaaa".to_vec()), Ok(b"aaaaaaaaa".to_vec()), Err(RemoteProtocolError::InvalidDeflate)]
    {
        for receiver in &mut receivers {
            let read = read(receiver, &message(&nine));
            assert_eq!(read, expected);
            assert_eq!(pool.idle_decompressors(), 1, "both use the same");
        }
    }
}

#[test]
fn a_final_block_that_ends_in_the_removed_tail_is_counted_wherever_the_decompressor_is() {
    let (tail, pool) = (message(&[0x01]), DeflatePool::new(1));
    let resets = |bits| DeflateParams { server_no_context_takeover: true, ..server_window(bits) };
    for (params, most) in [(server_window(15), 15), (server_window(9), 15), (resets(15), 16), (resets(9), 16)]
    {
        for setup in [Setup { params, ..Setup::of(Role::Client) }, pooled(&pool, params)] {
            for count in [most, most + 1] {
                let many = message(&[0x03, 0x00].repeat(count));
                let expected =
                    if count == most { Ok(Vec::new()) } else { Err(RemoteProtocolError::InvalidDeflate) };
                let at_once = read(&mut setup.receiver(), &[tail.clone(), many.clone()].concat());
                assert_eq!(at_once, expected, "{params:?}, {count}");
                let mut receiver = setup.receiver();
                assert_eq!(read(&mut receiver, &tail), Ok(Vec::new()));
                receiver.release_memory();
                assert_eq!(read(&mut receiver, &many), expected, "{params:?}, {count}, released");
            }
        }
    }
}

#[test]
fn without_context_takeover_the_same_bytes_are_sent() {
    let pool = DeflatePool::new(2);
    // Not at level 0: how it divides data into stored blocks depends on the room in the output buffer.
    for level in 1..=9 {
        for bits in [8, 12, 15] {
            let params = DeflateParams { server_no_context_takeover: true, ..server_window(bits) };
            let deflate = PermessageDeflate::new().with_level(level);
            let mut own = server_sender(&deflate, params);
            let mut shared = server_sender(&deflate.clone().with_pool(&pool), params);
            let mut released = server_sender(&deflate, params);
            for len in [0, 1, 100, 5000, 70_000] {
                let data = noise(len as u64, len / 3).repeat(3);
                let bytes = send(&mut own, &data);
                assert!(send(&mut shared, &data) == bytes, "level {level}, {bits} bits, {len} bytes");
                assert!(send(&mut released, &data) == bytes, "level {level}, {bits} bits, {len} bytes");
                released.release_memory();
            }
        }
    }
}

#[test]
fn with_a_pool_a_message_may_look_back_as_far_as_was_agreed_and_no_further() {
    for bits in [8, 9, 12, 14] {
        let window = 1_u32 << bits;
        let stored = message(&DeflateBlocks::new().stored(false, &noise(3, 40_000)).into_message());
        let copy = |distance| {
            let copy = DeflateBlocks::new().begin(false, 1).copy(3, distance).end().into_message();
            [stored.clone(), message(&copy)].concat()
        };
        let pool = DeflatePool::new(4);
        let setup = pooled(&pool, server_window(bits));
        let feed = |setup: &Setup, wire: &[u8], read_len: usize| {
            let mut reader = Reader::of(setup.receiver());
            wire.chunks(read_len).for_each(|bytes| reader.read(bytes));
            Seen::by(&reader)
        };
        for read_len in [usize::MAX, 7, 40_003, stored.len()] {
            let data = noise(3, 40_000);
            let start = data.len() - window as usize;
            let seen = feed(&setup, &copy(window), read_len);
            assert!(seen.said == [binary(&data), binary(&data[start..start + 3])], "{bits}, {read_len}");
            let seen = feed(&setup, &copy(window + 1), read_len);
            assert_eq!(seen.failure, Some(RemoteProtocolError::InvalidDeflate), "{bits}, {read_len}");
            // A connection with a decompressor of its own puts up with it.
            let seen = feed(
                &Setup { deflate: PermessageDeflate::new(), ..setup.clone() },
                &copy(window + 1),
                read_len,
            );
            assert_eq!(seen.failure, None);
        }
    }
}

#[test]
fn memory_can_be_released_at_any_byte_and_the_same_is_received() {
    let blocks = [
        DeflateBlocks::new().stored(false, &noise(3, 40_000)),
        DeflateBlocks::new().begin(false, 1).copy(258, 32_768).copy(20, 1).end(),
        DeflateBlocks::new().fixed(true, b"final").align().begin(false, 1).copy(100, 32_000).end(),
        DeflateBlocks::new().begin(false, 1).copy(9, 7).copy(3, 32_768).end(),
    ];
    let frames: Vec<_> = blocks.into_iter().map(|blocks| message(&blocks.into_message())).collect();
    let wire = frames.concat();
    let without_release = read(&mut Setup::of(Role::Client).receiver(), &wire).unwrap();
    assert_eq!(without_release.len(), 40_000 + 278 + 105 + 12);
    for pool in [None, Some(DeflatePool::new(1))] {
        let mut setup = Setup::of(Role::Client);
        if let Some(pool) = &pool {
            setup.deflate = setup.deflate.with_pool(pool);
        }
        let mut receiver = setup.receiver();
        let mut data = read(&mut receiver, &frames[0]).unwrap();
        for byte in &wire[frames[0].len()..] {
            receiver.release_memory();
            data.extend(read(&mut receiver, &[*byte]).unwrap());
        }
        assert!(data == without_release);
    }
}

#[test]
fn memory_can_be_released_between_sent_messages_and_the_peer_receives_the_same() {
    for level in [0, 1, 6, 9] {
        for bits in [8, 11, 15] {
            let deflate = PermessageDeflate::new().with_level(level).with_threshold(0);
            let params = server_window(bits);
            let mut sender = server_sender(&deflate, params);
            let mut receiver = Setup { deflate, params, ..Setup::of(Role::Client) }.receiver();
            for turn in 0..30_usize {
                let data = noise(turn as u64 / 4, 10 + turn * turn * 3);
                assert!(read(&mut receiver, &send(&mut sender, &data)).unwrap() == data);
                if turn % 3 == 1 {
                    sender.release_memory();
                }
            }
        }
    }
}

#[test]
fn a_message_after_a_release_still_refers_to_the_messages_just_before() {
    let deflate = PermessageDeflate::new();
    for pool in [None, Some(DeflatePool::new(1))] {
        let deflate = pool.iter().fold(deflate.clone(), |deflate, pool| deflate.with_pool(pool));
        let mut sender = server_sender(&deflate, DeflateParams::DEFAULT);
        let data = noise(1, 500);
        assert!(send(&mut sender, &data).len() > 500);
        sender.release_memory();
        assert!(send(&mut sender, &data).len() < 30);
    }
}

#[test]
fn a_connection_can_be_copied_while_it_has_no_stream() {
    let pool = DeflatePool::new(1);
    let setup = pooled(&pool, DeflateParams::DEFAULT);
    let extensions = || setup.extensions();
    let mut client = Connection::client(Limits::default(), Fixed).with_extensions(extensions());
    let mut sender = server_sender(&setup.deflate, setup.params);
    let data = noise(1, 500);
    let (first, second) = (send(&mut sender, &data), send(&mut sender, &data));
    assert!(second.len() < 30, "it refers to the first");
    let mut wire = first;
    let mut input = wire.as_mut_slice();
    while client.next_event(&mut input).unwrap().is_some() {}
    client.send(BytesMessage::new(&data[..]), &mut Vec::new()).unwrap();
    let mut copy = client.try_clone().unwrap();
    let sent: Vec<_> = [&mut client, &mut copy]
        .into_iter()
        .map(|connection| {
            let mut wire = second.clone();
            let event = connection.next_event(&mut wire.as_mut_slice()).unwrap();
            assert_eq!(event, Some(Event::Bytes(BytesMessage::new(&data[..]))));
            let mut output = Vec::new();
            connection.send(BytesMessage::new(&data[..]), &mut output).unwrap();
            output
        })
        .collect();
    assert!(sent[0] == sent[1] && sent[0].len() < 40);
}

#[test]
fn more_than_two_threads_share_a_pool() {
    let pool = DeflatePool::new(2);
    thread::scope(|scope| {
        for seed in 0..4 {
            let setup = pooled(&pool, DeflateParams::DEFAULT);
            scope.spawn(move || {
                let mut sender = server_sender(&setup.deflate, setup.params);
                let mut receiver = setup.receiver();
                for turn in 0..200 {
                    let data = noise(seed * 1000 + turn / 2, 700);
                    assert!(read(&mut receiver, &send(&mut sender, &data)).unwrap() == data);
                }
            });
        }
    });
    assert!(pool.idle_compressors() <= 2 && pool.idle_decompressors() <= 2);
    assert!(pool.idle_decompressors() > 0);
}

#[test]
fn settings_with_the_same_pool_are_equal() {
    let (one, other) = (DeflatePool::new(1), DeflatePool::new(1));
    let with = |pool: &DeflatePool| PermessageDeflate::new().with_pool(pool);
    assert_eq!(with(&one), with(&one.clone()));
    assert_ne!(with(&one), with(&other));
    assert_ne!(with(&one), PermessageDeflate::new());
}
