//! The memory that messages need, counted by an allocator: the memory of a long message is freed, and nothing is kept
//! after the end of the connection (RFC 6455 §10.4).
#![cfg(feature = "alloc")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_wrap,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod counting;

use counting::measured;
use wsproto::{
    BytesMessage, Connection, Limits, LocalProtocolError, MessageAssembler, ReceiveError,
    RemoteProtocolError, TextMessage, WsConnection, WsEvent,
};

const LONG: usize = 16 << 20;

/// A text and a binary message of the longest length that is allowed, in pieces of 1000 bytes.
fn assemble_long_messages(assembler: &mut MessageAssembler) {
    let piece = "a".repeat(1000);
    for end in [false, true] {
        for start in (0..LONG).step_by(1000) {
            let data = &piece[..piece.len().min(LONG - start)];
            let message_finished = start + 1000 >= LONG;
            let len = if end {
                let data = data.as_bytes();
                let piece = BytesMessage { data, frame_finished: true, message_finished };
                assembler.bytes(piece).unwrap().map(<[u8]>::len)
            } else {
                let piece = TextMessage { data, frame_finished: true, message_finished };
                assembler.text(piece).unwrap().map(str::len)
            };
            assert_eq!(len, message_finished.then_some(LONG));
        }
    }
}

#[test]
fn an_assembler_stays_within_its_limit_and_frees_long_messages() {
    let mut assembler = MessageAssembler::new(LONG);
    let ((), usage) = measured(|| assemble_long_messages(&mut assembler));
    println!("two messages of {LONG} bytes: {usage:?}");
    assert!(usage.kept <= LONG as isize, "{usage:?}");
    // When a buffer grows, the old and the new one may exist at the same time.
    assert!(usage.peak <= 2 * LONG as isize, "{usage:?}");
    let ((), given_back) = measured(|| {
        assembler.text(TextMessage::new("the next one, which needs no buffer")).unwrap();
    });
    assert!(usage.kept + given_back.kept <= 64 << 10, "{given_back:?}");
}

#[test]
fn the_memory_that_an_assembler_keeps_can_be_set_and_freed() {
    for max_kept in [0, 1000, 1 << 20] {
        let mut assembler = MessageAssembler::new(LONG).with_max_kept(max_kept);
        let ((), usage) = measured(|| {
            assemble_long_messages(&mut assembler);
            assembler.bytes(BytesMessage::new(b"next")).unwrap();
        });
        assert!(usage.kept <= max_kept as isize, "{max_kept}: {usage:?}");
        let ((), released) = measured(|| assembler.release_memory());
        assert_eq!(usage.kept + released.kept, 0);
    }
}

#[test]
fn a_release_of_memory_does_not_drop_a_message_in_progress() {
    let mut assembler = MessageAssembler::new(100);
    assembler.text(TextMessage::partial("Hel")).unwrap();
    assembler.release_memory();
    assert_eq!(assembler.text(TextMessage::new("lo")), Ok(Some("Hello")));
    assembler.text(TextMessage::partial("Hel")).unwrap();
    let long = "a".repeat(98);
    let ((), refused) = measured(|| {
        let refused = assembler.text(TextMessage::partial(&long));
        assert_eq!(refused, Err(RemoteProtocolError::MessageTooLong));
    });
    assert!(refused.kept < 0, "the refused message is freed");
}

#[test]
fn small_messages_of_both_kinds_reuse_one_buffer() {
    let mut assembler = MessageAssembler::new(1000);
    let mut talk = || {
        for _ in 0..3 {
            assembler.text(TextMessage::partial("Hel")).unwrap();
            assert_eq!(assembler.text(TextMessage::new("lo")), Ok(Some("Hello")));
            assembler.bytes(BytesMessage::partial(b"Hel")).unwrap();
            assert_eq!(assembler.bytes(BytesMessage::new(b"lo")), Ok(Some(&b"Hello"[..])));
        }
    };
    talk();
    let ((), usage) = measured(talk);
    assert_eq!(usage.allocations, 0);
}

/// A frame of `len` bytes from a client, masked with 0.
fn frame(first: u8, len: usize) -> Vec<u8> {
    let len_bytes = (len as u64).to_be_bytes();
    let (form, len_bytes) = if len > 0xFFFF { (0xFF, &len_bytes[..]) } else { (0xFE, &len_bytes[6..]) };
    [&[first, form][..], len_bytes, &[0; 4], &vec![b'a'; len]].concat()
}

/// A server that has read a message of 8 MiB, and the memory that it then holds.
fn server_after_a_long_message() -> (WsConnection, isize) {
    let bytes = frame(0x82, 8 << 20);
    let (ws, usage) = measured(|| {
        let mut ws = WsConnection::from(Connection::server(Limits::default()));
        ws.receive_data(&bytes).unwrap();
        while ws.next_event().unwrap().is_some() {}
        ws
    });
    (ws, usage.kept)
}

#[test]
fn a_connection_frees_the_memory_of_a_long_message() {
    let (ws, kept) = server_after_a_long_message();
    assert!(kept < 66 << 10, "{kept}");
    drop(ws);
}

#[test]
fn a_connection_frees_its_inbox_after_a_failure_or_a_close() {
    for ending in 0..3 {
        let (mut ws, kept) = server_after_a_long_message();
        let ((), ended) = measured(|| {
            // Much data comes in the same read, and more after it.
            let end = [&[0x82, 0x00][..], &[0x88, 0x80, 0, 0, 0, 0], &[]][ending];
            ws.receive_data(&[end, &frame(0x82, 1 << 20)].concat()).unwrap();
            let event = ws.next_event();
            match ending {
                0 => assert!(matches!(event, Err(ReceiveError::Protocol(_)))),
                1 => assert!(matches!(event, Ok(Some(WsEvent::Close(_))))),
                _ => {
                    ws.receive_eof();
                    while ws.next_event().unwrap().is_some() {}
                    assert_eq!(ws.receive_data(b"late"), Err(LocalProtocolError::DataAfterEof));
                    return;
                }
            }
            ws.receive_data(&frame(0x82, 1 << 20)).unwrap();
        });
        assert!(kept + ended.kept < 1024, "{ending}: {}", kept + ended.kept);
    }
}

#[test]
fn a_backlog_needs_at_most_twice_its_length() {
    let mut ws = WsConnection::from(Connection::server(Limits::default()));
    let one = frame(0x82, 1000);
    let ((), usage) = measured(|| {
        // The caller takes one event for every two that arrive.
        for _ in 0..1000 {
            ws.receive_data(&one).unwrap();
            ws.receive_data(&one).unwrap();
            assert!(ws.next_event().unwrap().is_some());
        }
    });
    // A vector may have twice the capacity that it needs, and the bytes already read are still at its front.
    assert!(usage.kept < 4 << 20, "{usage:?}");
    while ws.next_event().unwrap().is_some() {}
}
