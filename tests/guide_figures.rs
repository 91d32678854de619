//! The figures in the guide's chapter on memory, measured: sizes of the machines, and what an allocator counts.
//!
//! `cargo test --all-features --test guide_figures -- --nocapture` prints them.
#![cfg(all(feature = "std", feature = "deflate", feature = "handshake", target_pointer_width = "64"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod counting;

use counting::measured;
use wsproto::{
    Connection, FrameDecoder, Keepalive, Limits, MessageAssembler, Messages, RawFrameHeader, ReadBuffer,
    ReceiverHalf, SeededEntropy, SenderHalf, ServerHandshake, SharedReceiver, SharedSender, WsConnection,
};

const CHAPTER: &str = include_str!("../guide/memory.md");

/// The number in the row of the chapter that begins with `name`.
fn documented(name: &str) -> usize {
    let start = format!("| {name} | ");
    let row = CHAPTER.lines().find_map(|line| line.strip_prefix(&start));
    let number = row.and_then(|row| row.split(' ').next()).and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("the chapter has no row for {name}"))
}

/// Sizes depend on the compiler and on features, so the chapter has bounds: no more than a third too great.
#[test]
fn machines_are_as_large_as_documented() {
    for (name, size) in [
        ("[`Connection`] of a server", size_of::<Connection>()),
        ("[`Connection`] of a client, with [`SeededEntropy`]", size_of::<Connection<SeededEntropy>>()),
        ("[`Messages`] of a server", size_of::<Messages>()),
        ("[`Messages`] of a client, with [`SeededEntropy`]", size_of::<Messages<SeededEntropy>>()),
        ("[`WsConnection`] of a server", size_of::<WsConnection>()),
        ("[`ReceiverHalf`] and [`SenderHalf`]", size_of::<ReceiverHalf>() + size_of::<SenderHalf>()),
        ("[`SharedReceiver`] and [`SharedSender`]", size_of::<SharedReceiver>() + size_of::<SharedSender>()),
        ("[`ServerHandshake`]", size_of::<ServerHandshake>()),
        ("[`Keepalive`]", size_of::<Keepalive>()),
        ("[`FrameDecoder`]", size_of::<FrameDecoder>()),
        ("[`MessageAssembler`]", size_of::<MessageAssembler>()),
    ] {
        let most = documented(name);
        println!("{name}: {size} bytes, documented {most}");
        assert!(size <= most && most * 3 <= size * 4, "{name}: {size} bytes, documented {most}");
    }
}

#[test]
fn heap_of_messages_is_as_documented() {
    let mut rows = Vec::new();
    for (name, len) in
        [("5 B", 5), ("1000 B", 1000), ("16 KiB", 16 << 10), ("1 MiB", 1 << 20), ("16 MiB", 16 << 20)]
    {
        let header = RawFrameHeader::new(2, len as u64).with_masking_key(Some([0; 4]));
        let bytes = header.encode_frame(&vec![b'a'; len]);
        let (mut ws, new) =
            measured(|| Messages::new(Connection::server(Limits::default()), ReadBuffer::new()));
        let ((), received) = measured(|| {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let space = ws.space();
                let (now, later) = rest.split_at(rest.len().min(space.len()));
                space[..now.len()].copy_from_slice(now);
                ws.filled(now.len()).unwrap();
                rest = later;
            }
            assert!(ws.next_message().is_some());
        });
        let ((), next) = measured(|| assert!(ws.next_message().is_none() && !ws.space().is_empty()));
        let ((), released) = measured(|| ws.release_memory());
        assert_eq!(new.kept, 0);
        assert_eq!(received.kept + next.kept + released.kept, 0, "memory is left");
        let kib = |bytes: isize| (bytes as usize).div_ceil(1024);
        rows.push(format!("| {name} | {} | {} | 0 |", kib(received.peak), kib(received.kept + next.kept)));
    }
    println!("{}", rows.join("\n"));
    let missing: Vec<_> = rows.iter().filter(|row| !CHAPTER.contains(*row)).collect();
    assert!(missing.is_empty(), "the chapter does not have:\n{missing:#?}");
}
