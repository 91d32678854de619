//! Whole messages: what is answered, when the connection ends, what is kept in memory.
//!
//! That the messages and the failures are those of a `Receiver`, for all cuts, is checked with each vector of
//! `tests/protocol` and `tests/deflate`.
#![cfg(feature = "alloc")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic or an overflow fails the test, as it should"
)]

mod counting;

use std::time::Duration;

use counting::measured;
use wsproto::{
    BytesMessage, CloseCode, CloseConnection, ClosedBy, Connection, ConnectionState, Entropy, Keepalive,
    Limits, LocalProtocolError, Message, MessageKind, MessageRef, Messages, Ping, PreparedFrame, ReadBuffer,
    RemoteProtocolError, ReplyPolicy, TextMessage, Timeout, Timeouts, TransportAction,
};

struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn server() -> Messages {
    Messages::new(Connection::server(Limits::default()), ReadBuffer::new())
}

/// A client: its frames are easy to read, as the server's are not masked.
fn client() -> Messages<Fixed> {
    Messages::new(Connection::client(Limits::default(), Fixed), ReadBuffer::new())
}

/// The bytes that a client sends.
fn from_client(send: impl FnOnce(&mut Connection<Fixed>, &mut Vec<u8>)) -> Vec<u8> {
    let mut output = Vec::new();
    send(&mut Connection::client(Limits::default(), Fixed), &mut output);
    output
}

#[track_caller]
fn feed<E: Entropy>(ws: &mut Messages<E>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = ws.space();
        let len = space.len().min(bytes.len());
        assert!(len > 0, "no space");
        space[..len].copy_from_slice(&bytes[..len]);
        ws.filled(len).unwrap();
        bytes = &bytes[len..];
    }
}

fn all<E: Entropy>(ws: &mut Messages<E>) -> Vec<Message<String, Vec<u8>>> {
    std::iter::from_fn(|| ws.next_message().map(Message::into_owned)).collect()
}

fn written<E: Entropy>(ws: &mut Messages<E>) -> Vec<u8> {
    let bytes = ws.output().to_vec();
    ws.written(bytes.len());
    bytes
}

#[test]
fn pings_are_answered_in_order_and_before_what_is_sent_later() {
    let mut ws = server();
    feed(&mut ws, b"\x89\x81\0\0\0\0a\x89\x81\0\0\0\0b\x81\x81\0\0\0\0x\x89\x81\0\0\0\0c");
    assert_eq!(all(&mut ws), [Message::Text("x".into())]);
    assert_eq!(written(&mut ws), b"\x8a\x01a\x8a\x01b\x8a\x01c");
    assert_eq!(ws.output(), b"");
}

/// RFC 6455 §5.5.3: many pings may be answered by one pong, for the latest.
#[test]
fn flood_of_pings_is_answered_by_the_first_and_the_latest() {
    let mut ws = server();
    for ping in 0..100 {
        feed(&mut ws, &[0x89, 0x81, 0, 0, 0, 0, ping]);
        assert_eq!(ws.next_message(), None);
    }
    let pongs: Vec<u8> = written(&mut ws).chunks(3).map(|pong| pong[2]).collect();
    assert_eq!(pongs, (0..31).chain([99]).collect::<Vec<u8>>());
}

#[test]
fn pongs_wait_while_a_frame_is_streamed() {
    let mut ws = server();
    let header = ws.split().1.parts().0.begin_frame(MessageKind::Binary, 1, true).unwrap();
    assert_eq!(header.as_bytes(), b"\x82\x01");
    feed(&mut ws, b"\x89\x81\0\0\0\0a\x89\x81\0\0\0\0b");
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.output(), b"");
    ws.split().1.parts().0.continue_frame(&mut [0]).unwrap();
    assert_eq!(written(&mut ws), b"\x8a\x01a\x8a\x01b");
}

#[test]
fn a_message_is_answered_while_it_is_borrowed() {
    let mut ws = server();
    feed(&mut ws, &from_client(|client, output| client.send(TextMessage::from("Hello"), output).unwrap()));
    let (mut incoming, mut outgoing) = ws.split();
    while let Some(message) = incoming.next_message() {
        outgoing.send(message).unwrap();
    }
    assert_eq!(ws.output(), b"\x81\x05Hello");
    assert_eq!(ws.transport_action(), TransportAction::Keep);
}

#[test]
fn a_close_frame_is_answered_and_ends_the_connection() {
    let mut ws = server();
    let close = from_client(|client, output| {
        client.send(CloseConnection::new(CloseCode::GOING_AWAY, "bye"), output).unwrap();
    });
    feed(&mut ws, &close);
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.transport_action(), TransportAction::Close);
    assert_eq!(ws.output(), b"\x88\x02\x03\xe9");
    let close_info = ws.close_info().unwrap();
    assert_eq!(
        (close_info.by, close_info.code, close_info.reason),
        (ClosedBy::Remote, CloseCode::GOING_AWAY, "bye")
    );
    assert!(close_info.was_clean);
    assert_eq!(ws.send(TextMessage::from("late")), Err(LocalProtocolError::CloseSent));
}

#[test]
fn closing_first_waits_for_the_answer() {
    let mut ws = client();
    ws.send(CloseConnection::new(CloseCode::NORMAL_CLOSURE, "")).unwrap();
    assert_eq!(ws.state(), ConnectionState::LocalClosing);
    feed(&mut ws, b"\x81\x01x\x88\x02\x03\xe8");
    assert_eq!(all(&mut ws), [Message::Text("x".into())], "messages from before the answer are received");
    assert_eq!(ws.transport_action(), TransportAction::AwaitClose, "the server closes the transport");
    assert_eq!(ws.close_info().unwrap().by, ClosedBy::Local);
    assert!(!ws.space().is_empty(), "the rest of the stream is read and dropped");
    feed(&mut ws, b"\x81\x01y");
    assert_eq!(ws.next_message(), None);
    ws.filled(0).unwrap();
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.transport_action(), TransportAction::Close);
}

#[test]
fn a_failure_is_answered_and_kept() {
    for (bytes, error, code) in [
        (&b"\x83"[..], RemoteProtocolError::ReservedOpcode(3), 1002),
        (b"\x81\x01\xff", RemoteProtocolError::InvalidUtf8, 1007),
        (b"\x01\x01\xe2\x80\x01\x81", RemoteProtocolError::InvalidUtf8, 1007),
        (b"\x82\x7f\x00\x00\x00\x00\x7f\xff\xff\xff", RemoteProtocolError::FrameTooLong, 1009),
    ] {
        let mut ws = client();
        feed(&mut ws, &[b"\x81\x01x", bytes].concat());
        assert_eq!(all(&mut ws), [Message::Text("x".into())], "what was intact before is not lost");
        assert_eq!(ws.failure(), Some(error));
        assert_eq!(ws.transport_action(), TransportAction::Close, "{error}");
        let masked = written(&mut ws);
        assert_eq!([masked[6] ^ 7, masked[7] ^ 7], u16::to_be_bytes(code), "{error}");
        assert_eq!(ws.close_info().unwrap().by, ClosedBy::Failure(error));
        feed(&mut ws, b"\x81\x01y");
        assert_eq!(ws.next_message(), None);
        assert_eq!(ws.output(), b"", "nothing more is answered");
    }
}

#[test]
fn invalid_text_is_refused_at_the_end_of_its_message() {
    let mut ws = client();
    feed(&mut ws, b"\x01\x01\xff\x00\x01x");
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.failure(), None);
    feed(&mut ws, b"\x80\x00");
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.failure(), Some(RemoteProtocolError::InvalidUtf8));
}

#[test]
fn the_end_of_the_transport_comes_after_the_last_message() {
    let mut ws = client();
    feed(&mut ws, b"\x81\x01x\x82\x05only");
    ws.filled(0).unwrap();
    assert_eq!(ws.transport_action(), TransportAction::Keep);
    assert_eq!(all(&mut ws), [Message::Text("x".into())]);
    assert_eq!(ws.transport_action(), TransportAction::Close);
    let close_info = ws.close_info().unwrap();
    assert_eq!((close_info.by, close_info.code), (ClosedBy::Transport, CloseCode::ABNORMAL_CLOSURE));
    assert_eq!(ws.send(TextMessage::from("x")), Err(LocalProtocolError::Ended));
}

#[test]
fn a_message_at_the_longest_length_is_received_and_nothing_longer() {
    let limits = Limits::default().with_max_message_len(100_000);
    for (len, is_received) in [(100_000, true), (100_001, false)] {
        for fragments in [1, 2, 1000] {
            let mut ws = Messages::new(Connection::client(limits, Fixed), ReadBuffer::new());
            let payload = vec![b'a'; len];
            let mut sent = Vec::new();
            let mut sender = Connection::server(Limits::NONE);
            let pieces: Vec<_> = payload.chunks(len.div_ceil(fragments)).collect();
            for (at, piece) in pieces.iter().enumerate() {
                let message_finished = at + 1 == pieces.len();
                sender
                    .send(BytesMessage { message_finished, ..BytesMessage::new(piece) }, &mut sent)
                    .unwrap();
            }
            let mut received = Vec::new();
            for read in sent.chunks(1460) {
                feed(&mut ws, read);
                received.extend(all(&mut ws));
            }
            assert_eq!(received.len(), usize::from(is_received), "{len} in {fragments}");
            assert_eq!(ws.failure().is_some(), !is_received);
        }
    }
}

#[test]
fn what_is_misused_changes_nothing() {
    let mut ws = server();
    assert_eq!(ws.filled(1), Err(LocalProtocolError::BufferFull(1)));
    let len = ws.space().len();
    assert_eq!(ws.filled(len + 1), Err(LocalProtocolError::BufferFull(len + 1)));
    assert_eq!(ws.receive_data(&vec![0; 20 << 20]), Err(LocalProtocolError::BufferFull(20 << 20)));
    assert_eq!(ws.send(Ping::new([0; 126])), Err(LocalProtocolError::ControlFrameTooLong));
    assert_eq!(ws.state(), ConnectionState::Open);
    assert_eq!(ws.output(), b"");
    ws.written(5);
    ws.send(TextMessage::from("Hello")).unwrap();
    assert_eq!(ws.output().len(), 7);
    ws.written(3);
    assert_eq!(ws.output(), b"ello");
    ws.written(usize::MAX);
    assert_eq!(ws.output(), b"");
}

#[test]
fn data_from_elsewhere_is_read_as_data_in_the_space_is() {
    let mut ws = client();
    ws.receive_data(b"\x81\x01").unwrap();
    ws.receive_data(b"").unwrap();
    assert_eq!(ws.next_message(), None);
    ws.receive_data(b"x").unwrap();
    assert_eq!(ws.next_message(), Some(MessageRef::from("x")));
    assert_eq!(ws.transport_action(), TransportAction::Keep, "no data is not the end");
}

#[test]
fn space_ends_where_a_long_frame_ends_also_if_few_bytes_of_it_are_missing() {
    let payload = vec![b'a'; 64 << 10];
    let mut sent = Vec::new();
    Connection::server(Limits::NONE).send(BytesMessage::new(&payload), &mut sent).unwrap();
    for missing in [1, 14, 125, 126, 20_000] {
        let mut ws = client();
        let (come, rest) = sent.split_at(sent.len() - missing);
        for read in come.chunks(4096) {
            feed(&mut ws, read);
            assert_eq!(ws.next_message(), None);
        }
        assert_eq!(ws.space().len(), missing);
        feed(&mut ws, rest);
        assert_eq!(ws.next_message(), Some(Message::Binary(payload.as_slice())), "{missing}");
        assert!(ws.space().len() > missing.min(4095), "the next frame is not long");
    }
}

#[test]
fn space_does_not_end_where_a_short_frame_ends() {
    let mut ws = client();
    feed(&mut ws, b"\x82\x7dthe beginning of 125 bytes");
    assert_eq!(ws.next_message(), None);
    assert!(ws.space().len() > 4000);
}

#[test]
fn replies_are_left_to_the_caller_if_the_policy_says_so() {
    let mut ws = client().with_reply_policy(ReplyPolicy::Nothing);
    feed(&mut ws, b"\x89\x00\x88\x00");
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.output(), b"");
    assert_eq!(ws.state(), ConnectionState::RemoteClosing);
}

#[test]
fn a_message_that_is_in_one_frame_is_returned_where_it_was_read() {
    for len in [0, 1, 125, 126, 4000, 65_535, 65_536, 1 << 20] {
        let mut ws = client();
        let mut sent = Vec::new();
        let payload = vec![b'a'; len];
        Connection::server(Limits::NONE).send(BytesMessage::new(&payload), &mut sent).unwrap();
        let header_len = sent.len() - len;
        let buffer = ws.space().as_ptr() as usize;
        if sent.len() <= 4096 {
            feed(&mut ws, &sent);
            let Some(Message::Binary(data)) = ws.next_message() else { panic!("{len}") };
            assert_eq!(data.as_ptr() as usize, buffer + header_len, "{len}");
        }
        // Each longer message was moved when the buffer grew, if at all.
        let mut ws = client();
        for _ in 0..3 {
            for read in sent.chunks(5000) {
                assert_eq!(ws.next_message(), None);
                feed(&mut ws, read);
            }
            let message = ws.next_message().map(Message::into_owned);
            assert_eq!(message, Some(Message::Binary(payload.clone())));
        }
    }
}

#[test]
fn memory_is_bounded_and_is_freed() {
    const LEN: usize = 1 << 20;
    let mut sent = Vec::new();
    Connection::server(Limits::NONE).send(BytesMessage::new(&vec![b'a'; LEN]), &mut sent).unwrap();
    let mut ws = client();
    let ((), idle) = measured(|| {
        ws.release_memory();
    });
    assert_eq!((idle.kept, idle.allocations), (0, 0), "a new connection holds nothing");
    let (count, usage) = measured(|| {
        let mut count = 0;
        for _ in 0..10 {
            for read in sent.chunks(1460) {
                feed(&mut ws, read);
                while ws.next_message().is_some() {
                    count += 1;
                }
            }
        }
        count
    });
    assert_eq!(count, 10);
    // The buffer doubles: while it grows, the old and the new one exist at the same time.
    assert!(usage.peak <= 4 * LEN as isize, "{usage:?}");
    let ((), freed) = measured(|| _ = ws.space());
    assert!(usage.kept + freed.kept <= 128 << 10, "{usage:?} {freed:?}");
    let ((), freed_too) = measured(|| ws.release_memory());
    assert_eq!(usage.kept + freed.kept + freed_too.kept, 0);
}

#[test]
fn a_release_frees_all_memory_of_a_connection_that_has_nothing_to_read_or_write() {
    let mut ws = client();
    let ((), usage) = measured(|| {
        feed(&mut ws, b"\x89\x01a\x89\x01b\x89\x01c\x01\x01a\x80\x01b");
        assert_eq!(ws.next_message(), Some(Message::Text("ab")));
        ws.send(BytesMessage::new(&[7; 10_000])).unwrap();
        assert!(!ws.output().is_empty());
        ws.written(usize::MAX);
        ws.release_memory();
    });
    assert_eq!(usage.kept, 0);
}

#[test]
fn what_a_peer_announces_takes_no_memory() {
    let mut ws = client();
    let (_, usage) = measured(|| {
        feed(&mut ws, b"\x82\x7f\x00\x00\x00\x00\x00\xff\xff\xff");
        assert_eq!(ws.next_message(), None);
        _ = ws.space();
    });
    // The buffer has doubled once, as there is always space for 4096 bytes.
    assert!(usage.peak <= 3 * 4096, "{usage:?}");
}

#[test]
fn messages_need_no_allocation_once_the_buffers_have_grown() {
    let sent = from_client(|client, output| {
        for len in [1, 125, 1000, 4000, 20_000] {
            client.send(TextMessage::new("a".repeat(len)), output).unwrap();
            client.send(Ping::new(b"7"), output).unwrap();
        }
    });
    let mut ws = server();
    let mut echo = || {
        for read in sent.chunks(1460) {
            feed(&mut ws, read);
            let (mut incoming, mut outgoing) = ws.split();
            while let Some(message) = incoming.next_message() {
                outgoing.send(message).unwrap();
            }
            let len = ws.output().len();
            ws.written(len);
        }
    };
    echo();
    let ((), usage) = measured(|| (0..10).for_each(|_| echo()));
    assert_eq!(usage.allocations, 0, "{usage:?}");
}

#[test]
fn the_machines_are_small() {
    for (name, size, most) in [
        ("Messages", size_of::<Messages>(), 1024),
        ("ReadBuffer", size_of::<ReadBuffer>(), 128),
        ("Keepalive", size_of::<Keepalive>(), 320),
        ("PreparedFrame", size_of::<PreparedFrame>(), 24),
    ] {
        println!("{name}: {size} bytes");
        assert!(size <= most, "{name}: {size}");
    }
}

#[cfg(feature = "handshake")]
#[test]
fn the_machine_of_a_tunnel_is_small() {
    let size = size_of::<wsproto::HttpConnect>();
    println!("HttpConnect: {size} bytes");
    assert!(size <= 320, "HttpConnect: {size}");
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn deadlines_send_pings_and_give_up() {
    let mut keepalive = Keepalive::new(Timeouts::default().with_message(None), at(0));
    keepalive.opened(at(0));
    let mut ws = server().with_keepalive(keepalive);
    assert_eq!(ws.poll(at(0)), Ok(Some(at(20))));
    assert_eq!(ws.poll(at(20)), Ok(Some(at(40))));
    let ping = written(&mut ws);
    assert_eq!(ping[..2], [0x89, 8]);

    let pong = from_client(|client, output| client.send(Ping::new(&ping[2..]).response(), output).unwrap());
    feed(&mut ws, &pong);
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.poll(at(21)), Ok(Some(at(40))));
    assert_eq!(ws.keepalive_mut().unwrap().round_trip(), Some(at(1)));

    assert_eq!(ws.poll(at(40)), Ok(Some(at(60))));
    assert_eq!(ws.transport_action(), TransportAction::Keep);
    _ = written(&mut ws);
    assert_eq!(ws.poll(at(60)), Err(Timeout::Pong));
    assert_eq!(ws.transport_action(), TransportAction::Close);
    assert_eq!(ws.output(), b"\x88\x02\x03\xf3", "1011");
    assert_eq!(ws.poll(at(61)), Err(Timeout::Pong));
}

#[test]
fn a_slow_message_is_given_up_though_bytes_arrive() {
    let mut keepalive = Keepalive::new(Timeouts::NONE.with_message(Some(at(300))), at(0));
    keepalive.opened(at(0));
    let mut ws = client().with_keepalive(keepalive);
    feed(&mut ws, b"\x82\x7e\xff\xff");
    for seconds in (3..300).step_by(3) {
        feed(&mut ws, b"x");
        assert_eq!(ws.next_message(), None);
        assert_eq!(ws.poll(at(seconds)), Ok(Some(at(303))));
    }
    feed(&mut ws, b"x");
    assert_eq!(ws.poll(at(303)), Err(Timeout::Message));
}

#[test]
fn bytes_that_were_read_elsewhere_start_the_deadline_of_a_message() {
    let timeouts = Timeouts::NONE.with_message(Some(at(300)));
    let mut ws = client().with_keepalive(Keepalive::new(timeouts, at(0)));
    ws.receive_data(b"").unwrap();
    assert_eq!(ws.poll(at(1)), Ok(None));
    ws.receive_data(b"\x82\x05").unwrap();
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.poll(at(3)), Ok(Some(at(303))));
}

#[test]
fn an_unanswered_close_frame_is_given_up() {
    let mut keepalive = Keepalive::new(Timeouts::default(), at(0));
    keepalive.opened(at(0));
    let mut ws = server().with_keepalive(keepalive);
    ws.send(CloseConnection::EMPTY).unwrap();
    assert_eq!(ws.poll(at(1)), Ok(Some(at(11))));
    assert_eq!(ws.poll(at(5)), Ok(Some(at(11))), "the deadline does not move");
    assert_eq!(ws.poll(at(11)), Err(Timeout::Close));
}

#[test]
fn the_end_of_the_transport_is_waited_for_after_a_close_frame_that_is_not_answered() {
    let mut keepalive = Keepalive::new(Timeouts::default(), at(0));
    keepalive.opened(at(0));
    let mut ws = client().with_reply_policy(ReplyPolicy::Nothing).with_keepalive(keepalive);
    feed(&mut ws, b"\x88\x00");
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.poll(at(1)), Ok(Some(at(11))));
    assert_eq!(ws.poll(at(11)), Err(Timeout::Close));
}

#[test]
fn without_deadlines_there_is_nothing_to_wait_for() {
    assert_eq!(server().poll(at(1000)), Ok(None));
}

#[test]
fn output_that_is_taken_elsewhere_loses_and_repeats_nothing() {
    let mut ws = server();
    ws.send(TextMessage::from("Hello world")).unwrap();
    assert_eq!(ws.output().len(), 13);
    ws.written(4);
    let rest = std::mem::take(ws.split().1.parts().1);
    assert_eq!(rest, b"llo world");
    ws.send(TextMessage::from("abcdefgh")).unwrap();
    assert_eq!(ws.output(), b"\x81\x08abcdefgh");
    ws.written(3);
    ws.split().1.parts().1.clear();
    ws.release_memory();
    assert_eq!(ws.output(), b"");
}

#[test]
fn a_ping_and_a_close_frame_wait_for_the_end_of_a_streamed_frame() {
    let timeouts = Timeouts::NONE.with_ping_interval(Some(at(20))).with_pong(Some(at(20)));
    let mut ws = server().with_keepalive(Keepalive::new(timeouts, at(0)));
    assert_eq!(ws.poll(at(0)), Ok(Some(at(20))));
    let stream = |ws: &mut Messages, len: u64, begin: bool, bytes: &mut [u8]| {
        let (_, mut outgoing) = ws.split();
        let (sender, output) = outgoing.parts();
        if begin {
            output.extend_from_slice(sender.begin_frame(MessageKind::Binary, len, true).unwrap().as_bytes());
        }
        sender.continue_frame(bytes).unwrap();
        output.extend_from_slice(bytes);
    };
    stream(&mut ws, 4, true, &mut [1, 2]);
    assert_eq!(ws.poll(at(20)), Ok(Some(at(40))));
    assert_eq!(ws.output(), b"\x82\x04\x01\x02");
    stream(&mut ws, 4, false, &mut [3, 4]);
    assert_eq!(ws.output()[..8], *b"\x82\x04\x01\x02\x03\x04\x89\x08", "the ping");
    ws.written(usize::MAX);

    stream(&mut ws, 2, true, &mut [1]);
    assert_eq!(ws.poll(at(40)), Err(Timeout::Pong));
    assert_eq!(ws.output(), b"\x82\x02\x01");
    assert_eq!(ws.transport_action(), TransportAction::Close);
}

#[test]
fn deadlines_of_an_open_connection_do_not_include_the_handshake() {
    let mut ws = server().with_keepalive(Keepalive::new(Timeouts::DEFAULT, at(0)));
    assert_eq!(ws.poll(at(5)), Ok(Some(at(25))));
    assert_eq!(ws.poll(at(15)), Ok(Some(at(25))));
}

#[test]
fn a_connection_that_was_given_up_has_ended() {
    let timeouts = Timeouts::NONE.with_close(Some(at(10)));
    let mut ws = server().with_keepalive(Keepalive::new(timeouts, at(0)));
    ws.send(CloseConnection::EMPTY).unwrap();
    assert_eq!(ws.poll(at(0)), Ok(Some(at(10))));
    assert_eq!(ws.poll(at(10)), Err(Timeout::Close));
    let close_info = ws.close_info().unwrap();
    assert_eq!((close_info.by, close_info.code), (ClosedBy::Transport, CloseCode::ABNORMAL_CLOSURE));
    assert_eq!(ws.state(), ConnectionState::Closed);
    assert_eq!(ws.transport_action(), TransportAction::Close);
}

#[test]
fn a_connection_that_has_ended_has_no_deadline() {
    let mut ws = client().with_keepalive(Keepalive::new(Timeouts::DEFAULT, at(0)));
    assert_eq!(ws.poll(at(0)), Ok(Some(at(20))));
    ws.filled(0).unwrap();
    assert_eq!(ws.next_message(), None);
    assert_eq!(ws.poll(at(1)), Ok(None));
    assert_eq!(ws.poll(at(1000)), Ok(None));
}

#[test]
fn a_full_buffer_is_not_the_end_of_the_transport() {
    let limits = Limits::default().with_max_message_len(1000);
    let mut ws = Messages::new(Connection::client(limits, Fixed), ReadBuffer::new());
    while !ws.space().is_empty() {
        let len = ws.space().len();
        ws.space()[..len].copy_from_slice(&b"\x81\x00".repeat(len / 2 + 1)[..len]);
        ws.filled(len).unwrap();
    }
    ws.filled(0).unwrap();
    while ws.next_message().is_some() {}
    assert_eq!(ws.transport_action(), TransportAction::Keep);
    assert!(!ws.space().is_empty());
}

#[test]
fn what_the_connection_has_received_before_is_answered() {
    for (bytes, code) in [(*b"\x88\x02\x03\xe9", 1001), (*b"\x83\x00\x00\x00", 1002)] {
        let mut connection = Connection::client(Limits::default(), Fixed);
        _ = connection.next_event(&mut bytes.clone().as_mut_slice());
        let mut ws = Messages::new(connection, ReadBuffer::new());
        assert_eq!(ws.next_message(), None);
        let masked = written(&mut ws);
        assert_eq!([masked[6] ^ 7, masked[7] ^ 7], u16::to_be_bytes(code));
        assert_ne!(ws.transport_action(), TransportAction::Keep);
    }
}

#[test]
fn nothing_is_kept_after_invalid_text() {
    for fragments in [1, 2] {
        let mut sent = Vec::new();
        let mut payload = vec![b'a'; 1 << 20];
        payload[0] = 0xff;
        let mut sender = Connection::server(Limits::NONE);
        for (at, piece) in payload.chunks((1 << 20) / fragments).enumerate() {
            let message_finished = at + 1 == fragments;
            sender.send(BytesMessage { message_finished, ..BytesMessage::new(piece) }, &mut sent).unwrap();
        }
        sent[0] ^= 3; // text
        let mut ws = client();
        let ((), usage) = measured(|| {
            for read in sent.chunks(1 << 16) {
                feed(&mut ws, read);
                assert_eq!(ws.next_message(), None);
            }
            assert_eq!(ws.failure(), Some(RemoteProtocolError::InvalidUtf8));
            assert_eq!(ws.transport_action(), TransportAction::Close);
        });
        // The close frame.
        assert!(usage.kept < 200, "{usage:?}");
    }
}
