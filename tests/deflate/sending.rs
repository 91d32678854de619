//! Which messages are compressed, and how a message continues (RFC 7692 §6.1, §8).

use wsproto::{
    BytesMessage, CloseConnection, Connection, DeflateParams, Event, Extensions, Limits, LocalProtocolError,
    MessageKind, PermessageDeflate, Ping, PreparedMessage, ReplyPolicy, Role, Rsv, Sender, TextMessage,
    WsConnection, WsEvent,
};

use crate::protocol::{BINARY, FIN, Fixed, PING, PONG, Sent, TEXT, binary, frame_to, sent, text};
use crate::support::{RSV1, Setup, client_sender, noise, server_sender};

fn server(deflate: &PermessageDeflate) -> Sender {
    server_sender(deflate, DeflateParams::DEFAULT)
}

/// The first byte of each frame.
fn firsts(output: &[u8]) -> Vec<u8> {
    sent(output).iter().map(|frame| frame.first).collect()
}

#[test]
fn only_the_first_frame_of_a_message_has_the_compressed_bit() {
    // RFC 7692 §6.1
    let deflate = PermessageDeflate::new().with_threshold(0);
    let mut output = Vec::new();
    let mut sender = server(&deflate);
    sender.send(TextMessage::partial("a"), &mut output).unwrap();
    sender.send(Ping::new("?"), &mut output).unwrap();
    sender.send(TextMessage::partial("b"), &mut output).unwrap();
    sender.send_continuation(b"c", true, &mut output).unwrap();
    sender.send_fragmented(BytesMessage::from(noise(1, 100)), 30, &mut output).unwrap();
    assert_eq!(firsts(&output), [RSV1 | TEXT, PING, 0, FIN, RSV1 | BINARY, 0, 0, FIN]);
    let seen = Setup::of(Role::Client).check(&output);
    assert_eq!(seen.said[1..], [text("abc"), binary(noise(1, 100))]);
}

#[test]
fn a_message_without_room_behind_a_pong_leaves_the_context_as_it_was() {
    let hello = "Hello, hello, hello, hello";
    for room in 0..150 {
        let deflate = PermessageDeflate::new().with_threshold(0);
        let extensions = Setup { deflate, ..Setup::of(Role::Server) }.extensions();
        let server = Connection::server(Limits::default()).with_extensions(extensions);
        let mut ws = WsConnection::from(server).with_reply_policy(ReplyPolicy::Pong);
        ws.receive_data(&frame_to(Role::Server, FIN | PING, b"1234567")).unwrap();
        assert_eq!(ws.next_event(), Ok(Some(WsEvent::Ping(Ping::new(b"1234567".to_vec())))));
        let mut output = vec![0; room];
        let mut unused = output.as_mut_slice();
        let sent = ws.send_to(TextMessage::from(hello), &mut unused);
        let unused = unused.len();
        output.truncate(room - unused);
        if sent.is_err() {
            assert_eq!(output, b"");
            output = ws.send(TextMessage::from(hello)).unwrap();
        }
        assert_eq!(firsts(&output), [FIN | PONG, FIN | RSV1 | TEXT]);
        assert_eq!(Setup::of(Role::Client).check(&output).said.last(), Some(&text(hello)), "{room}");
    }
}

#[test]
fn the_memory_level_is_clamped_and_leaves_the_other_settings() {
    let few_values: Vec<u8> = noise(3, 50_000).iter().map(|byte| byte & 0x0F).collect();
    let sent_with = |mem_level| {
        let mut output = Vec::new();
        let deflate = PermessageDeflate::new().with_threshold(0).with_level(6).with_mem_level(mem_level);
        let mut sender = server(&deflate);
        sender.send(TextMessage::from("a"), &mut output).unwrap();
        assert_eq!(firsts(&output), [FIN | RSV1 | TEXT]);
        sender.send(BytesMessage::from(few_values.as_slice()), &mut output).unwrap();
        output
    };
    let (least, most) = (sent_with(1), sent_with(9));
    assert!(least != most, "with less memory, there are more blocks");
    assert!(sent_with(0) == least && sent_with(10) == most);
}

#[test]
fn messages_below_the_threshold_are_sent_uncompressed() {
    // RFC 7692 §8: a sender need not compress every message.
    let deflate = PermessageDeflate::new().with_threshold(5);
    let mut output = Vec::new();
    let mut sender = server(&deflate);
    for message in ["", "Hell", "Hello"] {
        sender.send(TextMessage::from(message), &mut output).unwrap();
    }
    sender.send_fragmented(TextMessage::from("Hell"), 2, &mut output).unwrap();
    // The length of a message in pieces is not known when it starts.
    sender.send(TextMessage::partial("H"), &mut output).unwrap();
    sender.send(TextMessage::from(""), &mut output).unwrap();
    let expected = [FIN | TEXT, FIN | TEXT, FIN | RSV1 | TEXT, TEXT, FIN, RSV1 | TEXT, FIN];
    assert_eq!(firsts(&output), expected);

    let mut output = Vec::new();
    server(&PermessageDeflate::new().with_threshold(usize::MAX))
        .send(TextMessage::from("a"), &mut output)
        .unwrap();
    assert_eq!(output, b"\x81\x01a", "compression can be turned off");
    output.clear();
    let default = PermessageDeflate::new();
    for len in [31, 32] {
        server(&default).send(BytesMessage::from(vec![0; len]), &mut output).unwrap();
    }
    assert_eq!(firsts(&output), [FIN | BINARY, FIN | RSV1 | BINARY], "the default is 32 bytes");
}

#[test]
fn a_message_sent_plain_does_not_change_the_window() {
    // RFC 7692 §8: a secret must not be compressed together with an attacker's data.
    let deflate = PermessageDeflate::new().with_threshold(0).with_level(6);
    let mut output = Vec::new();
    let mut sender = server(&deflate);
    sender.send(TextMessage::from("Hello"), &mut output).unwrap();
    sender.send_plain(TextMessage::from("secret"), &mut output).unwrap();
    sender.send_plain(BytesMessage::from(b"secret"), &mut output).unwrap();
    sender.send_plain(Ping::new("?"), &mut output).unwrap();
    sender.send(TextMessage::from("Hello"), &mut output).unwrap();
    let frames = sent(&output);
    assert_eq!(firsts(&output), [FIN | RSV1 | TEXT, FIN | TEXT, FIN | BINARY, PING, FIN | RSV1 | TEXT]);
    assert_eq!((&frames[1].payload[..], &frames[2].payload[..]), (&b"secret"[..], &b"secret"[..]));
    assert_eq!(frames[4].payload, [0xF2, 0x00, 0x11, 0x00, 0x00]);
}

#[test]
fn a_message_stays_compressed_or_plain_for_all_its_pieces() {
    // RFC 7692 §6.1
    let deflate = PermessageDeflate::new().with_threshold(0);
    for plain in [false, true] {
        let mut output = Vec::new();
        let mut sender = server(&deflate);
        // A compressed message comes first, so that the window has data that could be mixed in.
        sender.send(TextMessage::from("before"), &mut output).unwrap();
        if plain {
            sender.send_plain(TextMessage::partial("a"), &mut output).unwrap();
        } else {
            sender.send(TextMessage::partial("a"), &mut output).unwrap();
        }
        sender.send(TextMessage::partial("b"), &mut output).unwrap();
        sender.send_plain(TextMessage::partial("c"), &mut output).unwrap();
        sender.send_continuation(b"d", false, &mut output).unwrap();
        sender.send_fragmented(TextMessage::from("efgh"), 2, &mut output).unwrap();
        sender.send(TextMessage::from("behind"), &mut output).unwrap();
        sender.send(BytesMessage::partial(b"1"), &mut output).unwrap();
        sender.send_plain(BytesMessage::from(b"2"), &mut output).unwrap();
        let seen = Setup::of(Role::Client).check(&output);
        assert_eq!(seen.said, [text("before"), text("abcdefgh"), text("behind"), binary("12")], "{seen:?}");
        let first = if plain { TEXT } else { RSV1 | TEXT };
        assert_eq!(firsts(&output)[1..4], [first, 0, 0]);
    }
}

#[test]
fn a_frame_made_in_place_starts_a_message_that_is_not_compressed() {
    let deflate = PermessageDeflate::new().with_threshold(0);
    for streamed in [false, true] {
        let mut output = Vec::new();
        let mut sender = server(&deflate);
        sender.send(TextMessage::from("before"), &mut output).unwrap();
        let header = if streamed {
            let header = sender.begin_frame(MessageKind::Text, 1, false).unwrap();
            sender.continue_frame(&mut [b'a']).unwrap();
            header
        } else {
            sender.frame_in_place(MessageKind::Text, &mut [b'a'], false).unwrap()
        };
        output.extend_from_slice(header.as_bytes());
        output.push(b'a');
        sender.send(TextMessage::from("b"), &mut output).unwrap();
        sender.send(TextMessage::from("behind"), &mut output).unwrap();
        let seen = Setup::of(Role::Client).check(&output);
        assert_eq!(seen.said, [text("before"), text("ab"), text("behind")], "{seen:?}");
    }
}

#[test]
fn a_compressed_message_cannot_be_continued_in_place() {
    let deflate = PermessageDeflate::new().with_threshold(0);
    let mut output = Vec::new();
    let mut sender = server(&deflate);
    sender.send(TextMessage::partial("a"), &mut output).unwrap();
    let refused = Err(LocalProtocolError::EncodedMessageInProgress);
    assert_eq!(sender.frame_in_place(MessageKind::Text, &mut [b'b'], true), refused);
    assert_eq!(sender.begin_frame(MessageKind::Text, 1, true), refused);
    sender.send(TextMessage::from("b"), &mut output).unwrap();
    _ = sender.frame_in_place(MessageKind::Text, &mut [b'c'], true).unwrap();
    let seen = Setup::of(Role::Client).check(&output);
    assert_eq!(seen.said, [text("ab")]);
}

#[test]
fn a_text_is_fragmented_after_compression() {
    let words = "Grüße, 世界! ".repeat(100);
    for len in [1, 2, 7, 100, usize::MAX] {
        let mut output = Vec::new();
        let mut sender = server(&PermessageDeflate::new());
        sender.send_fragmented(TextMessage::from(words.as_str()), len, &mut output).unwrap();
        let frames = sent(&output);
        assert!(frames.iter().all(|frame| frame.payload.len() <= len));
        let (last, others) = frames.split_last().unwrap();
        assert!(
            others.iter().all(|frame| frame.payload.len() == len),
            "no fragment is shorter than necessary"
        );
        assert_eq!(last.first & FIN, FIN);
        let seen = Setup::of(Role::Client).check(&output);
        assert!(seen.said == [text(&words)]);
    }
}

#[test]
fn a_client_masks_compressed_payloads() {
    let deflate = PermessageDeflate::new().with_threshold(0);
    let mut output = Vec::new();
    client_sender(&deflate, DeflateParams::DEFAULT).send(TextMessage::from("Hello"), &mut output).unwrap();
    let [Sent { first, key: Some(_), payload }] = &sent(&output)[..] else { panic!("one masked frame") };
    assert_eq!((*first, &payload[..]), (0xC1, &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..]));
}

fn agreed(server_no_context_takeover: bool, server_max_window_bits: u8) -> DeflateParams {
    DeflateParams { server_no_context_takeover, server_max_window_bits, ..DeflateParams::DEFAULT }
}

#[test]
fn a_prepared_message_is_compressed_once_for_all_connections_without_takeover() {
    let deflate = PermessageDeflate::new().with_server_max_window_bits(12);
    let data = noise(1, 50).repeat(200);
    let message = PreparedMessage::bytes(&data).unwrap().deflated(&deflate);
    // A connection's own compressor has level 0, so that its output would be different.
    let own = PermessageDeflate::new().with_level(0);
    for (params, is_shared) in [
        (agreed(true, 15), true),
        (agreed(true, 12), true),
        (agreed(true, 11), false),
        (agreed(false, 15), false),
    ] {
        for _ in 0..2 {
            let mut output = Vec::new();
            let mut sender = server_sender(&own, params);
            sender.send_prepared(&message, &mut output).unwrap();
            sender.send_prepared(&message, &mut output).unwrap();
            let frames = sent(&output);
            assert_eq!(frames[0].first, FIN | RSV1 | BINARY);
            assert_eq!(frames[0].payload.len() < data.len(), is_shared, "{params:?}");
            let mut setup = Setup::of(Role::Client);
            setup.params = params;
            let seen = setup.check(&output);
            assert!(seen.said == [binary(&data), binary(&data)]);
        }
    }
}

#[test]
fn a_prepared_message_is_refused_when_a_message_may_not_start() {
    let deflate = PermessageDeflate::new().with_server_no_context_takeover().with_threshold(0);
    let message = PreparedMessage::text("Hello").unwrap().deflated(&deflate);
    let mut output = Vec::new();
    let mut sender = server_sender(&deflate, agreed(true, 15));
    sender.send(BytesMessage::partial(b"a"), &mut output).unwrap();
    let len = output.len();
    let refused = sender.send_prepared(&message, &mut output);
    assert_eq!((refused, output.len()), (Err(LocalProtocolError::MessageInProgress), len));
    sender.send(BytesMessage::from(b"b"), &mut output).unwrap();
    _ = sender.begin_frame(MessageKind::Text, 1, true).unwrap();
    assert_eq!(sender.send_prepared(&message, &mut output), Err(LocalProtocolError::FrameInProgress));
    sender.continue_frame(&mut [b'c']).unwrap();
    sender.close_received();
    assert_eq!(sender.send_prepared(&message, &mut output), Err(LocalProtocolError::CloseReceived));
}

#[test]
fn a_prepared_message_is_refused_inside_another_message_of_its_kind() {
    // §5.4: it would end that message without the caller knowing.
    let message = PreparedMessage::text("Hello").unwrap();
    let deflated = message.clone().deflated(&PermessageDeflate::new());
    let deflate = PermessageDeflate::new().with_threshold(0);
    for prepared in [&message, &deflated] {
        let mut output = Vec::new();
        let mut plain = Sender::server();
        plain.send(TextMessage::partial("a"), &mut output).unwrap();
        assert_eq!(plain.send_prepared(prepared, &mut output), Err(LocalProtocolError::MessageInProgress));
        let mut compressing = server_sender(&deflate, agreed(true, 15));
        compressing.send(TextMessage::partial("a"), &mut output).unwrap();
        let len = output.len();
        let refused = compressing.send_prepared(prepared, &mut output);
        assert_eq!((refused, output.len()), (Err(LocalProtocolError::MessageInProgress), len));
        compressing.close_received();
        let refused = compressing.send_prepared(prepared, &mut output);
        assert_eq!((refused, output.len()), (Err(LocalProtocolError::MessageInProgress), len));
        compressing.send(TextMessage::new("b"), &mut output).unwrap();
    }
}

#[test]
fn a_prepared_message_is_masked_by_a_client() {
    let deflate = PermessageDeflate::new().with_threshold(0);
    let message = PreparedMessage::text("Hello").unwrap().deflated(&deflate);
    let params = DeflateParams { client_no_context_takeover: true, ..DeflateParams::DEFAULT };
    let mut output = Vec::new();
    client_sender(&deflate, params).send_prepared(&message, &mut output).unwrap();
    let [Sent { first: 0xC1, key: Some(_), payload }] = &sent(&output)[..] else { panic!("{output:x?}") };
    assert_eq!(payload, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
}

#[test]
fn a_prepared_message_below_the_threshold_is_sent_uncompressed() {
    let deflate = PermessageDeflate::new();
    let message = PreparedMessage::text("Hello").unwrap().deflated(&deflate);
    let mut output = Vec::new();
    server_sender(&deflate, agreed(true, 15)).send_prepared(&message, &mut output).unwrap();
    assert_eq!(output, b"\x81\x05Hello");
    output.clear();
    Sender::server().send_prepared(&message, &mut output).unwrap();
    assert_eq!(output, b"\x81\x05Hello");
}

#[test]
fn a_sender_with_an_empty_set_of_extensions_sends_plain_frames() {
    let mut with = Connection::client(Limits::default(), Fixed).with_extensions(Extensions::new());
    let mut without = Connection::client(Limits::default(), Fixed);
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let prepared = PreparedMessage::text("Hello").unwrap().deflated(&PermessageDeflate::new());
    let events = [
        Event::Text(TextMessage::partial("a")),
        Event::Text(TextMessage::from("b")),
        Event::Ping(Ping::new(&b"?"[..])),
        Event::Bytes(BytesMessage::from(&b"Hello, hello, hello, hello, hello, hello"[..])),
    ];
    for event in events {
        assert_eq!(with.send(event, &mut one), without.send(event, &mut other));
        assert_eq!(
            with.sender_mut().send_plain(Ping::new("!"), &mut one),
            without.send(Ping::new("!"), &mut other)
        );
    }
    with.sender_mut().send_prepared(&prepared, &mut one).unwrap();
    without.sender_mut().send_prepared(&prepared, &mut other).unwrap();
    with.sender_mut().send_fragmented(TextMessage::from("Hello"), 2, &mut one).unwrap();
    without.sender_mut().send_fragmented(TextMessage::from("Hello"), 2, &mut other).unwrap();
    assert_eq!(one, other);
    let in_place = with.sender_mut().frame_in_place(MessageKind::Text, &mut [1, 2, 3], true);
    assert_eq!(in_place, without.sender_mut().frame_in_place(MessageKind::Text, &mut [1, 2, 3], true));
}

#[test]
fn a_payload_that_the_caller_has_encoded_is_sent_with_bits_that_were_agreed_on() {
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let mut sender = server(&PermessageDeflate::new().with_threshold(0));
    let mut output = Vec::new();
    for rsv in [Rsv::RSV2, Rsv::RSV1 | Rsv::RSV3, Rsv::ALL] {
        let refused = sender.send_encoded(MessageKind::Text, rsv, &hello, true, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::ReservedBits));
    }
    sender.send_encoded(MessageKind::Text, Rsv::RSV1, &hello[..3], false, &mut output).unwrap();
    let refused = sender.send_encoded(MessageKind::Text, Rsv::RSV1, &hello[3..], true, &mut output);
    assert_eq!(refused, Err(LocalProtocolError::ReservedBits), "a continuation does not have it");
    sender.send_encoded(MessageKind::Text, Rsv::NONE, &hello[3..], true, &mut output).unwrap();
    assert_eq!(output, b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00");

    sender.send(TextMessage::partial("begun"), &mut output).unwrap();
    let refused = sender.send_encoded(MessageKind::Text, Rsv::NONE, b"", true, &mut output);
    assert_eq!(refused, Err(LocalProtocolError::EncodedMessageInProgress));
    let refused = Sender::server().send_encoded(MessageKind::Text, Rsv::RSV1, b"", true, &mut output);
    assert_eq!(refused, Err(LocalProtocolError::ReservedBits), "nothing was agreed on");
}

#[test]
fn message_that_the_caller_encodes_is_continued_only_by_what_the_caller_encodes() {
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let mut sender = server(&PermessageDeflate::new().with_threshold(0));
    let mut output = Vec::new();
    sender.send_encoded(MessageKind::Text, Rsv::RSV1, &hello[..3], false, &mut output).unwrap();
    let begun = output.clone();
    let refused = Err(LocalProtocolError::EncodedMessageInProgress);
    assert_eq!(sender.send(TextMessage::from("lo"), &mut output), refused);
    assert_eq!(sender.send(TextMessage::partial("lo"), &mut output), refused);
    assert_eq!(sender.send_plain(TextMessage::from("lo"), &mut output), refused);
    assert_eq!(sender.send_continuation(b"lo", true, &mut output), refused);
    assert_eq!(sender.send_fragmented(TextMessage::from("lo"), 1, &mut output), refused);
    assert_eq!(sender.frame_in_place(MessageKind::Text, &mut [b'l'], true).map(|_| ()), refused);
    assert_eq!(sender.begin_frame(MessageKind::Text, 1, true).map(|_| ()), refused);
    assert_eq!(output, begun, "nothing was written");
    sender.send(Ping::new("!"), &mut output).unwrap();
    sender.send_encoded(MessageKind::Text, Rsv::NONE, &hello[3..], true, &mut output).unwrap();
    assert_eq!(output, b"\x41\x03\xf2\x48\xcd\x89\x01!\x80\x04\xc9\xc9\x07\x00");
    output.clear();
    sender.send(TextMessage::from("Hello"), &mut output).unwrap();
    assert_eq!(output[0], 0xC1, "the next message is compressed again");
}

#[test]
fn a_shared_frame_is_refused_where_a_message_may_not_start() {
    let deflate = PermessageDeflate::new().with_threshold(0);
    let message = PreparedMessage::text("Hello").unwrap().deflated(&deflate);
    let mut output = Vec::new();
    let mut sender = server_sender(&deflate, agreed(false, 15));
    sender.send(BytesMessage::partial(b"a"), &mut output).unwrap();
    assert_eq!(sender.prepared_frame(&message), Err(LocalProtocolError::MessageInProgress));
    sender.send(BytesMessage::new(b"b"), &mut output).unwrap();
    _ = sender.begin_frame(MessageKind::Text, 1, true).unwrap();
    assert_eq!(sender.prepared_frame(&message), Err(LocalProtocolError::FrameInProgress));
    sender.continue_frame(b"c".to_owned().as_mut_slice()).unwrap();
    sender.close_received();
    assert_eq!(sender.prepared_frame(&message), Err(LocalProtocolError::CloseReceived));
    sender.send(CloseConnection::EMPTY, &mut output).unwrap();
    assert_eq!(sender.prepared_frame(&message), Err(LocalProtocolError::CloseSent));
}

#[test]
fn a_shared_frame_that_is_refused_does_not_restart_the_compressor() {
    let deflate = PermessageDeflate::new().with_threshold(0);
    let message = PreparedMessage::text("Hello").unwrap().deflated(&deflate);
    let data = noise(1, 300);
    let [mut refused, mut other] = [(); 2].map(|()| server_sender(&deflate, agreed(false, 15)));
    for (sender, is_refused) in [(&mut refused, true), (&mut other, false)] {
        let mut output = Vec::new();
        sender.send(BytesMessage::new(&data), &mut output).unwrap();
        _ = sender.begin_frame(MessageKind::Binary, 1, true).unwrap();
        if is_refused {
            sender.prepared_frame(&message).unwrap_err();
        }
        sender.continue_frame(&mut [1]).unwrap();
        output.clear();
        sender.send(BytesMessage::new(&data), &mut output).unwrap();
        assert!(output.len() < 50, "it refers to the first message");
    }
}

#[test]
fn a_message_below_the_threshold_or_without_a_copy_is_shared_or_not() {
    let deflate = PermessageDeflate::new().with_threshold(10);
    let mut sender = server_sender(&deflate, agreed(false, 15));
    let short = PreparedMessage::text("Hello").unwrap().deflated(&deflate);
    assert_eq!(sender.prepared_frame(&short).unwrap().unwrap().as_bytes(), b"\x81\x05Hello");
    let without_copy = PreparedMessage::text("Hello, Hello").unwrap();
    assert_eq!(sender.prepared_frame(&without_copy), Ok(None));
    let client =
        client_sender(&deflate, DeflateParams::DEFAULT).prepared_frame(&short).map(|frame| frame.is_some());
    assert_eq!(client, Ok(false));
}

#[test]
fn the_header_of_a_payload_that_the_caller_writes_has_no_rsv_bit() {
    let deflate = PermessageDeflate::new().with_threshold(0);
    let mut sender = server_sender(&deflate, agreed(false, 15));
    let mut output = Vec::new();
    assert_eq!(sender.frame_header(MessageKind::Text, 3, false).unwrap().as_bytes(), [0x01, 3]);
    assert_eq!(sender.frame_header(MessageKind::Text, 0, true).unwrap().as_bytes(), [0x80, 0]);
    sender.send(TextMessage::partial("compressed"), &mut output).unwrap();
    let refused = sender.frame_header(MessageKind::Text, 0, true);
    assert_eq!(refused, Err(LocalProtocolError::EncodedMessageInProgress));
}

#[test]
fn the_header_alone_is_plain_with_extensions_too() {
    let mut sender = server_sender(&PermessageDeflate::new(), DeflateParams::DEFAULT);
    assert!(sender.has_extensions());
    assert_eq!(sender.frame_header(MessageKind::Text, 2, true).unwrap().as_bytes(), b"\x81\x02");
}
