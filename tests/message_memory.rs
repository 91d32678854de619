//! The memory that messages need, counted by an allocator: the memory of a long message is freed, and nothing is kept
//! after the end of the connection (RFC 6455 §10.4).
#![cfg(all(feature = "alloc", feature = "handshake"))]
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
    AutoReplies, BytesMessage, Connection, Limits, LocalProtocolError, MessageAssembler, MessageKind,
    PreparedMessage, ReceiveError, Receiver, ReceiverHalf, RemoteProtocolError, ReplyPolicy, Sender,
    SenderHalf, TextMessage, WsConnection, WsEvent, WsEventRef,
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
        for _ in 0..2 {
            let ((), usage) = measured(|| {
                assemble_long_messages(&mut assembler);
                assembler.bytes(BytesMessage::new(b"next")).unwrap();
            });
            assert!(usage.kept <= max_kept as isize, "{max_kept}: {usage:?}");
            let ((), released) = measured(|| assembler.release_memory());
            assert_eq!(usage.kept + released.kept, 0);
        }
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

/// A connection that answers everything by itself.
fn replying_server() -> WsConnection {
    WsConnection::from(Connection::server(Limits::default())).with_reply_policy(ReplyPolicy::PongAndClose)
}

/// Reads `bytes` into the space, in reads of at most `cut` bytes, and sends each message on.
fn pass_on(ws: &mut WsConnection, next: &mut WsConnection, bytes: &[u8], cut: usize, output: &mut Vec<u8>) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = ws.space();
        let len = rest.len().min(space.len()).min(cut);
        space[..len].copy_from_slice(&rest[..len]);
        ws.filled(len).unwrap();
        rest = &rest[len..];
        while let Some(event) = ws.next_event_ref().unwrap() {
            if !matches!(event, WsEventRef::Ping(_)) {
                next.send_to(event, output).unwrap();
            }
        }
        ws.send_replies(output).unwrap();
    }
}

#[test]
fn messages_that_are_borrowed_and_sent_to_an_output_allocate_nothing() {
    let text = b"\x01\x82\0\0\0\0h\xc3\x80\x81\0\0\0\0\xa9";
    let bytes = [&frame(0x82, 1000)[..], text, b"\x89\x81\0\0\0\0?", &frame(0x82, 70_000)].concat();
    for cut in [1, 1000, usize::MAX] {
        let (mut ws, mut next) = (replying_server(), replying_server());
        let mut output = Vec::new();
        // The first rounds find room for the output and for reads of the length that these bytes need.
        let ((), first) = measured(|| {
            for _ in 0..8 {
                output.clear();
                pass_on(&mut ws, &mut next, &bytes, cut, &mut output);
            }
        });
        assert!(first.allocations > 0);
        let expected = std::mem::take(&mut output);
        let mut output = Vec::with_capacity(expected.len());
        let ((), usage) = measured(|| {
            for _ in 0..10 {
                output.clear();
                pass_on(&mut ws, &mut next, &bytes, cut, &mut output);
            }
        });
        assert_eq!((usage.allocations, usage.peak), (0, 0), "{cut}");
        assert_eq!(output, expected);
        assert!(expected.windows(3).any(|part| part == b"\x8a\x01?"));
    }
}

#[test]
fn an_owned_message_is_allocated_once() {
    let (mut ws, one) = (replying_server(), frame(0x82, 1000));
    ws.receive_data(&one).unwrap();
    while ws.next_event().unwrap().is_some() {}
    let (sent, usage) = measured(|| {
        ws.receive_data(&one).unwrap();
        let event = ws.next_event().unwrap().unwrap();
        assert!(ws.bytes_to_send().is_empty());
        ws.send(event).unwrap()
    });
    // The event, and the bytes to send.
    assert_eq!((usage.allocations, sent.len()), (2, 1004));
}

#[test]
fn a_borrowed_event_is_freed_by_the_next_call() {
    for ending in [&b"\x88\x80\0\0\0\0"[..], b"\x82\x00", b""] {
        let mut ws = replying_server();
        let bytes = [&frame(0x82, 8 << 20), ending].concat();
        let ((), usage) = measured(|| {
            ws.receive_data(&bytes).unwrap();
            assert!(matches!(ws.next_event_ref(), Ok(Some(WsEventRef::Bytes(_)))));
            _ = ws.next_event_ref();
            assert!(ws.bytes_to_send().len() <= 33);
        });
        let limit = if ending.is_empty() { 64 << 10 } else { 0 };
        assert!(usage.kept <= limit, "{ending:?}: {usage:?}");
        let ((), reads) = measured(|| {
            for _ in 0..3 {
                assert!(ws.space().len() >= 4096);
                ws.filled(1).unwrap();
            }
        });
        assert!(usage.kept + reads.kept <= limit, "{ending:?}: {reads:?}");
    }
}

#[test]
fn a_shared_frame_and_a_header_alone_allocate_nothing() {
    for len in [0, 125, 64 << 10] {
        let message = PreparedMessage::bytes(&vec![7; len]).unwrap();
        let mut audience: Vec<Sender> = (0..100).map(|_| Sender::server()).collect();
        let (queued, usage) = measured(|| {
            let mut last = None;
            for sender in &mut audience {
                last = sender.prepared_frame(&message).unwrap().cloned();
                let header = sender.frame_header(MessageKind::Binary, len as u64, true).unwrap();
                assert!(last.as_ref().unwrap().as_bytes().starts_with(header.as_bytes()));
            }
            last
        });
        assert_eq!((usage.allocations, usage.peak), (0, 0), "{len} bytes");
        assert!(queued.unwrap().as_bytes().ends_with(message.payload()));
    }
}

#[cfg(feature = "deflate")]
#[test]
fn a_shared_frame_that_is_compressed_allocates_nothing() {
    use wsproto::{DeflateParams, Extensions, PermessageDeflate, Role};

    let deflate = PermessageDeflate::new();
    let message = PreparedMessage::bytes(&[7; 5000]).unwrap().deflated(&deflate);
    for server_no_context_takeover in [false, true] {
        let params = DeflateParams { server_no_context_takeover, ..DeflateParams::DEFAULT };
        let mut extensions = Extensions::new();
        extensions.push(deflate.negotiated(Role::Server, params)).unwrap();
        let mut server = Connection::server(Limits::default()).with_extensions(extensions);
        let (len, usage) = measured(|| {
            let frame = server.sender_mut().prepared_frame(&message).unwrap();
            frame.map(|frame| frame.as_bytes().len())
        });
        assert!(len.unwrap() < 100);
        assert_eq!((usage.allocations, usage.peak), (0, 0));
    }
}

#[test]
fn halves_that_are_apart_allocate_nothing() {
    let ((), usage) = measured(|| {
        let replies = AutoReplies::new(ReplyPolicy::PongAndClose);
        let (mut receiving, mut sending) = Connection::server(Limits::default()).into_halves(replies);
        let mut bytes = *b"\x81\x82\0\0\0\0hi\x89\x81\0\0\0\0?\x88\x82\0\0\0\0\x03\xe8";
        let mut input = bytes.as_mut_slice();
        while receiving.next_event(&mut input).unwrap().is_some() {}
        sending.on_notice(&receiving.take_notice().unwrap());
        let mut memory = [0; 64];
        let mut room = memory.as_mut_slice();
        sending.send_replies(&mut room).unwrap();
        assert_eq!(memory[..7], *b"\x8a\x01?\x88\x02\x03\xe8");
    });
    assert_eq!(usage.allocations, 0);
}

#[test]
fn a_half_is_little_larger_than_its_machine() {
    // The ping to answer, and the peer's close reason.
    let more =
        [size_of::<ReceiverHalf>() - size_of::<Receiver>(), size_of::<SenderHalf>() - size_of::<Sender>()];
    println!("{more:?}");
    assert!(more.iter().all(|more| *more <= 336), "{more:?}");
}
