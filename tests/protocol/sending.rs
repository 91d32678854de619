//! Sending data: whole, in fragments, in place, into a buffer of fixed size (RFC 6455 §5.4, §6.1).

use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Connection, Entropy, Event, FrameEncoder, Limits,
    LocalProtocolError, MessageKind, Opcode, Output, Ping, Pong, Role, Rsv, Sender, TextMessage,
};

use crate::support::{BINARY, CONTINUATION, FIN, Fixed, PING, TEXT, masked, sent, unmasked};

const LAST: u8 = FIN | CONTINUATION;

#[test]
fn text_and_binary_messages_have_different_opcodes() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(TextMessage::new("é"), &mut output).unwrap();
    sender.send(BytesMessage::new([0xFF, 0]), &mut output).unwrap();
    assert_eq!(output, [unmasked(FIN | TEXT, "é"), unmasked(FIN | BINARY, [0xFF, 0])].concat());
}

#[test]
fn each_length_is_written_in_its_shortest_form() {
    for len in [0, 1, 125, 126, 65535, 65536] {
        let payload = vec![0x7A; len];
        let mut output = Vec::new();
        Sender::server().send(BytesMessage::new(&payload), &mut output).unwrap();
        assert_eq!(output, unmasked(FIN | BINARY, &payload));
        output.clear();
        Sender::client(Fixed).send(BytesMessage::new(&payload), &mut output).unwrap();
        assert_eq!(output, masked(FIN | BINARY, &payload));
    }
}

#[test]
fn pieces_become_fragments_and_only_the_last_has_fin() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(TextMessage::partial("one"), &mut output).unwrap();
    sender.send(TextMessage::partial(""), &mut output).unwrap();
    sender.send(TextMessage::new("two"), &mut output).unwrap();
    sender.send(TextMessage::new("new"), &mut output).unwrap();
    let frames = [
        unmasked(TEXT, "one"),
        unmasked(CONTINUATION, ""),
        unmasked(LAST, "two"),
        unmasked(FIN | TEXT, "new"),
    ];
    assert_eq!(output, frames.concat());
}

#[test]
fn a_received_piece_that_is_sent_becomes_a_whole_frame() {
    let piece = TextMessage { data: "cut", frame_finished: false, message_finished: false };
    let mut output = Vec::new();
    Sender::server().send(piece, &mut output).unwrap();
    assert_eq!(output, unmasked(TEXT, "cut"));
}

#[test]
fn a_message_of_the_other_type_cannot_start_inside_a_message() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(TextMessage::partial("a"), &mut output).unwrap();
    for finished in [true, false] {
        let bytes = BytesMessage { data: b"b", frame_finished: true, message_finished: finished };
        let refused = sender.send(bytes, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::OtherMessageInProgress));
    }
    sender.send(TextMessage::new("c"), &mut output).unwrap();
    sender.send(BytesMessage::partial(b"d"), &mut output).unwrap();
    let refused = sender.send(TextMessage::new("e"), &mut output);
    assert_eq!(refused, Err(LocalProtocolError::OtherMessageInProgress));
    let frames = [unmasked(TEXT, "a"), unmasked(LAST, "c"), unmasked(BINARY, "d")];
    assert_eq!(output, frames.concat());
}

#[test]
fn continuations_take_the_type_of_their_message() {
    let mut sender = Sender::client(Fixed);
    let mut output = Vec::new();
    sender.send(BytesMessage::partial([0xFF]), &mut output).unwrap();
    sender.send_continuation(&[0xFE], false, &mut output).unwrap();
    sender.send_continuation(&[0xFD], true, &mut output).unwrap();
    let frames = [masked(BINARY, [0xFF]), masked(CONTINUATION, [0xFE]), masked(LAST, [0xFD])];
    assert_eq!(output, frames.concat());
}

#[test]
fn a_continuation_needs_a_message() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    for finished in [true, false] {
        let refused = sender.send_continuation(b"", finished, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::NoMessageInProgress));
    }
    sender.send(TextMessage::new("whole"), &mut output).unwrap();
    let refused = sender.send_continuation(b"more", true, &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::NoMessageInProgress));
}

#[test]
fn a_text_cannot_be_continued_with_bytes_that_are_not_utf8() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(TextMessage::partial("caf"), &mut output).unwrap();
    for payload in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80"] {
        let refused = sender.send_continuation(payload, true, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::InvalidUtf8));
    }
    sender.send_continuation("é".as_bytes(), true, &mut output).unwrap();
    assert_eq!(output, [unmasked(TEXT, "caf"), unmasked(LAST, "é")].concat());
}

#[test]
fn control_frames_may_be_sent_between_our_fragments() {
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(BytesMessage::partial(b"a"), &mut output).unwrap();
    sender.send(Ping::new(b"?"), &mut output).unwrap();
    sender.send(BytesMessage::new(b"b"), &mut output).unwrap();
    let frames = [unmasked(BINARY, b"a"), unmasked(PING, b"?"), unmasked(LAST, b"b")];
    assert_eq!(output, frames.concat());
}

#[test]
fn any_event_can_be_sent_by_value_or_by_reference() {
    let event: Event<String, Vec<u8>> = Event::Text(TextMessage::new("a".into()));
    let mut sender = Sender::server();
    let mut output = Vec::new();
    sender.send(&event, &mut output).unwrap();
    sender.send(event, &mut output).unwrap();
    sender.send(Event::<&str, _>::Pong(Pong::new(b"b")), &mut output).unwrap();
    let frames = [unmasked(FIN | TEXT, b"a"), unmasked(FIN | TEXT, b"a"), unmasked(0x8A, b"b")];
    assert_eq!(output, frames.concat());
}

#[test]
fn frames_are_appended_to_the_output() {
    let mut output = b"kept".to_vec();
    Sender::server().send(TextMessage::new("x"), &mut output).unwrap();
    assert_eq!(output, b"kept\x81\x01x");
}

#[test]
fn a_buffer_of_fixed_size_is_filled_from_its_front() {
    let mut memory = [0xEE; 20];
    let mut room = memory.as_mut_slice();
    let mut sender = Sender::client(Fixed);
    sender.send(TextMessage::new("Hello"), &mut room).unwrap();
    sender.send(Ping::new(b""), &mut room).unwrap();
    assert_eq!(room, [0xEE; 3]);
    assert_eq!(memory[..17], [masked(FIN | TEXT, "Hello"), masked(PING, "")].concat());
}

/// An output that implements only the required methods.
struct Plain {
    bytes: Vec<u8>,
    room: usize,
}

impl Output for Plain {
    fn ensure_room(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        if len > self.room { Err(LocalProtocolError::OutputFull(len)) } else { Ok(()) }
    }

    fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError> {
        self.ensure_room(bytes.len())?;
        self.room -= bytes.len();
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

#[test]
fn every_output_gets_the_same_bytes() {
    let payload: Vec<u8> = (0..70_000_u32).map(|i| (i ^ i >> 8) as u8).collect();
    for len in (0..300).chain([511, 4096, 8191, 8192, 8193, 16_384, 20_000, 65_535, 65_536, 70_000]) {
        let payload = &payload[..len];
        check_outputs(|| Sender::client(Fixed), payload, &masked(FIN | BINARY, payload));
        check_outputs(Sender::server, payload, &unmasked(FIN | BINARY, payload));
    }
}

fn check_outputs<E: Entropy>(sender: impl Fn() -> Sender<E>, payload: &[u8], expected: &[u8]) {
    let len = payload.len();
    let message = BytesMessage::new(payload);

    let mut vector = b"before".to_vec();
    sender().send(message, &mut vector).unwrap();
    assert!(vector.strip_prefix(b"before") == Some(expected), "a vector, {len}");

    let mut memory = vec![0xEE; expected.len() + 20];
    let mut room = memory.as_mut_slice();
    sender().send(message, &mut room).unwrap();
    assert_eq!(room.len(), 20);
    assert!(memory.starts_with(expected), "memory, {len}");
    assert!(memory.ends_with(&[0xEE; 20]), "more than the frame was written, {len}");

    let mut plain = Plain { bytes: Vec::new(), room: expected.len() };
    sender().send(message, &mut plain).unwrap();
    assert!(plain.bytes == expected, "plain, {len}");
    let mut plain = Plain { bytes: Vec::new(), room: expected.len() - 1 };
    let full = LocalProtocolError::OutputFull(expected.len());
    assert_eq!(sender().send(message, &mut plain), Err(full));
    assert_eq!(plain.bytes, b"");
}

#[test]
fn a_frame_fits_exactly_or_not_at_all() {
    for payload in [&b""[..], b"x", &[7; 126]] {
        let whole = masked(FIN | BINARY, payload);
        for room in 0..whole.len() {
            let mut memory = vec![0xEE; room];
            let mut output = memory.as_mut_slice();
            let refused = Sender::client(Fixed).send(BytesMessage::new(payload), &mut output);
            assert_eq!(refused, Err(LocalProtocolError::OutputFull(whole.len())));
            assert_eq!(output, vec![0xEE; room]);
        }
        let mut memory = vec![0xEE; whole.len()];
        let mut output = memory.as_mut_slice();
        Sender::client(Fixed).send(BytesMessage::new(payload), &mut output).unwrap();
        assert!(output.is_empty());
        assert_eq!(memory, whole);
    }
}

#[test]
fn a_call_refused_for_lack_of_room_leaves_no_trace() {
    let mut sender = Sender::server();
    let mut memory = [0; 3];
    let mut room = memory.as_mut_slice();
    let full = Err(LocalProtocolError::OutputFull(7));
    assert_eq!(sender.send(TextMessage::partial("Hello"), &mut room), full);
    let refused = sender.send_continuation(b"", true, &mut room);
    assert_eq!(refused, Err(LocalProtocolError::NoMessageInProgress));
    let close = CloseConnection::new(CloseCode::NORMAL_CLOSURE, "");
    assert_eq!(sender.send(close, &mut room), Err(LocalProtocolError::OutputFull(4)));
    assert!(!sender.is_close_sent());
    let mut output = Vec::new();
    sender.send(BytesMessage::new(b"x"), &mut output).unwrap();
    assert_eq!(output, unmasked(FIN | BINARY, b"x"));
}

#[test]
fn a_text_is_cut_between_two_characters_if_possible() {
    for (max_len, expected) in [
        (7, &["aé€", "😀z"][..]),
        (6, &["aé€", "😀z"]),
        (5, &["aé", "€", "😀z"]),
        (4, &["aé", "€", "😀", "z"]),
    ] {
        let mut output = Vec::new();
        Sender::server().send_fragmented(TextMessage::new("aé€😀z"), max_len, &mut output).unwrap();
        let fragments: Vec<_> = sent(&output).into_iter().map(|frame| frame.payload).collect();
        assert_eq!(fragments, expected.iter().map(|text| text.as_bytes()).collect::<Vec<_>>(), "{max_len}");
    }
    let mut output = Vec::new();
    Sender::server().send_fragmented(TextMessage::new("é€"), 2, &mut output).unwrap();
    let lens: Vec<_> = sent(&output).iter().map(|frame| frame.payload.len()).collect();
    assert_eq!(lens, [2, 2, 1], "a fragment is never longer than that");
}

#[test]
fn fragments_that_do_not_all_fit_are_not_written() {
    let text = TextMessage::new("Hello");
    for room in 0..11 {
        let mut memory = vec![0xEE; room];
        let mut output = memory.as_mut_slice();
        let refused = Sender::server().send_fragmented(text, 2, &mut output);
        assert_eq!(refused, Err(LocalProtocolError::OutputFull(11)));
        assert_eq!(output, vec![0xEE; room]);
    }
    let mut memory = [0; 11 + 12];
    let mut output = memory.as_mut_slice();
    let refused = Sender::client(Fixed).send_fragmented(text, 2, &mut &mut output[1..]);
    assert_eq!(refused, Err(LocalProtocolError::OutputFull(11 + 12)));
    Sender::client(Fixed).send_fragmented(text, 2, &mut output).unwrap();
    assert!(output.is_empty());
}

#[test]
fn a_reply_without_room_is_refused_and_can_be_sent_later() {
    let mut connection = Connection::server(Limits::default());
    let ping = Ping::new(b"?");
    let refused = connection.send(ping.response(), &mut [0; 2].as_mut_slice());
    assert_eq!(refused, Err(LocalProtocolError::OutputFull(3)));
    let mut output = Vec::new();
    connection.send(ping.response(), &mut output).unwrap();
    assert_eq!(output, b"\x8a\x01?");
}

#[test]
fn a_payload_is_masked_in_place() {
    for len in [0, 1, 126, 65536] {
        let mut payload = vec![0x5A; len];
        let mut sender = Sender::client(Fixed);
        let header = sender.frame_in_place(MessageKind::Text, &mut payload, true).unwrap();
        assert_eq!([header.as_bytes(), &payload[..]].concat(), masked(FIN | TEXT, vec![0x5A; len]));
    }
}

#[test]
fn fragments_can_be_sent_in_place() {
    let mut sender = Sender::server();
    let mut payload = *b"ab";
    assert_eq!(
        sender.frame_in_place(MessageKind::Binary, &mut payload, false).unwrap().as_bytes(),
        b"\x02\x02"
    );
    let refused = sender.frame_in_place(MessageKind::Text, &mut payload, true);
    assert_eq!(refused, Err(LocalProtocolError::OtherMessageInProgress));
    assert_eq!(
        sender.frame_in_place(MessageKind::Binary, &mut payload, true).unwrap().as_bytes(),
        b"\x80\x02"
    );
    assert_eq!(payload, *b"ab");
}

#[test]
fn the_entropy_decides_the_role() {
    assert_eq!(Sender::server().role(), Role::Server);
    assert_eq!(Sender::client(Fixed).role(), Role::Client);
    assert_eq!(FrameEncoder::client(Fixed).role(), Role::Client);
}

#[test]
fn frame_encoder_writes_any_valid_frame() {
    let mut encoder = FrameEncoder::server();
    let mut output = Vec::new();
    encoder.encode(false, Rsv::RSV1 | Rsv::RSV3, Opcode::Binary, b"x", &mut output).unwrap();
    assert_eq!(output, b"\x52\x01x");
    let refused = encoder.encode(false, Rsv::NONE, Opcode::Ping, b"", &mut output);
    assert_eq!(refused, Err(LocalProtocolError::FragmentedControlFrame));
    let refused = encoder.encode(true, Rsv::NONE, Opcode::Ping, &[0; 126], &mut output);
    assert_eq!(refused, Err(LocalProtocolError::ControlFrameTooLong));
    assert_eq!(output, b"\x52\x01x");
}

#[test]
fn a_control_frame_is_not_fragmented() {
    // "Control frames themselves MUST NOT be fragmented" (§5.4).
    let mut output = Vec::new();
    Sender::server().send_fragmented(Ping::new(b"abc"), 1, &mut output).unwrap();
    assert_eq!(output, b"\x89\x03abc");
}

#[test]
fn a_part_of_a_message_is_fragmented_and_continued() {
    let (mut sender, mut output) = (Sender::server(), Vec::new());
    sender.send_fragmented(TextMessage::partial("abc"), 2, &mut output).unwrap();
    sender.send_fragmented(TextMessage::new("def"), 2, &mut output).unwrap();
    assert_eq!(output, b"\x01\x02ab\x00\x01c\x00\x02de\x80\x01f");
}

#[test]
fn no_message_is_continued_after_the_transport_has_ended() {
    let mut sender = Sender::server();
    sender.send(TextMessage::partial("a"), &mut Vec::new()).unwrap();
    sender.transport_ended();
    let refused = sender.send_continuation(b"b", true, &mut Vec::new());
    assert_eq!(refused, Err(LocalProtocolError::Ended));
}

#[test]
fn without_extensions_a_message_is_always_plain() {
    let (mut sender, mut output) = (Sender::server(), Vec::new());
    sender.send_encoded(MessageKind::Binary, Rsv::NONE, b"a", true, &mut output).unwrap();
    let refused = sender.send_encoded(MessageKind::Binary, Rsv::RSV1, b"a", true, &mut output);
    assert_eq!(refused, Err(LocalProtocolError::ReservedBits));
    sender.send_plain(TextMessage::partial("b"), &mut output).unwrap();
    sender.send_plain(TextMessage::new("c"), &mut output).unwrap();
    sender.send_plain(BytesMessage::partial(b"d"), &mut output).unwrap();
    sender.send_plain(BytesMessage::new(b"e"), &mut output).unwrap();
    assert_eq!(output, b"\x82\x01a\x01\x01b\x80\x01c\x02\x01d\x80\x01e");
}
