//! Frames whose payload is sent in pieces after a header that has its length (RFC 6455 §5.2, §6.1, §10.3).

use wsproto::{
    AutoReplies, BytesMessage, CloseConnection, LocalProtocolError, MessageKind, Ping, ReplyPolicy, Sender,
    TextMessage,
};

use crate::support::{BINARY, CONTINUATION, FIN, Fixed, TEXT, masked, unmasked};

/// The frame that is written for this payload in pieces of this length.
fn streamed(piece_len: usize, payload: &[u8]) -> Vec<u8> {
    let mut sender = Sender::client(Fixed);
    let mut output =
        sender.begin_frame(MessageKind::Binary, payload.len() as u64, true).unwrap().as_bytes().to_vec();
    for piece in payload.chunks(piece_len) {
        let mut piece = piece.to_vec();
        sender.continue_frame(&mut piece).unwrap();
        output.extend(piece);
    }
    output
}

#[test]
fn pieces_of_any_length_make_the_same_frame() {
    let payload: Vec<u8> = (0..200).collect();
    for piece_len in [1, 2, 3, 4, 5, 31, 32, 33, 199, 200] {
        assert_eq!(streamed(piece_len, &payload), masked(FIN | BINARY, &payload));
    }
}

#[test]
fn no_other_frame_can_be_sent_before_the_payload_is_complete() {
    let mut sender = Sender::server();
    _ = sender.begin_frame(MessageKind::Text, 2, false).unwrap();
    sender.continue_frame(&mut [b'a']).unwrap();
    let mut output = Vec::new();
    let refused = [
        sender.send(TextMessage::new("x"), &mut output),
        sender.send(Ping::new(b""), &mut output),
        sender.send(Ping::new(b"").response(), &mut output),
        sender.send(CloseConnection::EMPTY, &mut output),
        sender.send_continuation(b"x", true, &mut output),
        sender.begin_frame(MessageKind::Text, 1, true).map(|_| ()),
        sender.frame_in_place(MessageKind::Text, &mut [b'x'], true).map(|_| ()),
    ];
    assert_eq!(refused, [Err(LocalProtocolError::FrameInProgress); 7]);
    assert_eq!(output, b"");
    assert!(!sender.is_close_sent());

    sender.continue_frame(&mut [b'b']).unwrap();
    sender.send(TextMessage::new("x"), &mut output).unwrap();
    assert_eq!(output, unmasked(FIN | CONTINUATION, b"x"));
}

#[test]
fn replies_are_refused_until_the_payload_is_complete() {
    let mut sender = Sender::server();
    let mut replies = AutoReplies::new(ReplyPolicy::Pong);
    replies.on_event(&wsproto::Event::Ping(Ping::new(b"?")));
    _ = sender.begin_frame(MessageKind::Binary, 1, true).unwrap();
    let mut output = Vec::new();
    assert_eq!(replies.send(&mut sender, &mut output), Err(LocalProtocolError::FrameInProgress));
    assert!(replies.is_pending());
    sender.continue_frame(&mut [1]).unwrap();
    replies.send(&mut sender, &mut output).unwrap();
    assert_eq!(output, b"\x8a\x01?");
}

#[test]
fn more_payload_than_announced_is_refused_and_unchanged() {
    let mut sender = Sender::client(Fixed);
    _ = sender.begin_frame(MessageKind::Binary, 3, true).unwrap();
    let mut piece = *b"four";
    assert_eq!(sender.continue_frame(&mut piece), Err(LocalProtocolError::PayloadOverrun));
    assert_eq!(piece, *b"four");
    sender.continue_frame(&mut piece[..3]).unwrap();
    assert_eq!([&piece[..3], b"r"].concat(), [&masked(FIN | BINARY, b"fou")[6..], b"r"].concat());
    assert_eq!(sender.continue_frame(&mut piece[3..]), Err(LocalProtocolError::PayloadOverrun));
    assert_eq!(piece[3], b'r');
}

#[test]
fn an_empty_payload_is_complete_at_once() {
    let mut sender = Sender::server();
    assert_eq!(sender.begin_frame(MessageKind::Text, 0, true).unwrap().as_bytes(), b"\x81\x00");
    sender.continue_frame(&mut []).unwrap();
    assert_eq!(sender.continue_frame(&mut [0]), Err(LocalProtocolError::PayloadOverrun));
    sender.send(Ping::new(b""), &mut Vec::new()).unwrap();
}

#[test]
fn an_empty_piece_changes_nothing() {
    let mut sender = Sender::client(Fixed);
    _ = sender.begin_frame(MessageKind::Binary, 2, true).unwrap();
    let (mut first, mut second) = ([1], [2]);
    sender.continue_frame(&mut first).unwrap();
    sender.continue_frame(&mut []).unwrap();
    sender.continue_frame(&mut second).unwrap();
    assert_eq!([first, second].concat(), masked(FIN | BINARY, [1, 2])[6..]);
}

#[test]
fn streamed_frames_are_fragments_like_any_other() {
    let mut sender = Sender::server();
    assert_eq!(sender.begin_frame(MessageKind::Binary, 1, false).unwrap().as_bytes(), [BINARY, 1]);
    sender.continue_frame(&mut [1]).unwrap();
    let refused = sender.begin_frame(MessageKind::Text, 1, true);
    assert_eq!(refused, Err(LocalProtocolError::OtherMessageInProgress));
    assert_eq!(sender.begin_frame(MessageKind::Binary, 0, false).unwrap().as_bytes(), [CONTINUATION, 0]);
    assert_eq!(sender.begin_frame(MessageKind::Binary, 1, true).unwrap().as_bytes(), [FIN | CONTINUATION, 1]);
    sender.continue_frame(&mut [2]).unwrap();
    assert_eq!(
        sender.begin_frame(MessageKind::Text, 300, true).unwrap().as_bytes(),
        [FIN | TEXT, 126, 1, 44]
    );
}

#[test]
fn a_payload_longer_than_the_maximum_cannot_be_announced() {
    let mut sender = Sender::server();
    for len in [1 << 63, u64::MAX] {
        let refused = sender.begin_frame(MessageKind::Binary, len, false);
        assert_eq!(refused, Err(LocalProtocolError::PayloadTooLong));
    }
    sender.send(BytesMessage::new(b""), &mut Vec::new()).unwrap(); // no message had begun
    let header = sender.begin_frame(MessageKind::Binary, i64::MAX as u64, true).unwrap();
    assert_eq!(header.as_bytes(), b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff");
}
