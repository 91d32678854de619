//! Frames whose bytes the caller writes as they are, without a copy (RFC 6455 §5.2, §5.4).

use core::cell::Cell;

use wsproto::{
    BytesMessage, CloseConnection, LocalProtocolError, MessageKind, PreparedMessage, Role, Sender,
    TextMessage,
};

use crate::support::{Counting, Fixed};

#[test]
fn the_header_alone_is_that_of_a_frame_written_whole() {
    for (len, finished) in [(0, true), (125, false), (126, false), (65_535, false), (65_536, true), (3, true)]
    {
        let payload = vec![7; len];
        let (mut whole, mut alone) = (Sender::server(), Sender::server());
        let mut output = Vec::new();
        let message = BytesMessage { data: &payload, frame_finished: true, message_finished: finished };
        whole.send(message, &mut output).unwrap();
        let header = alone.frame_header(MessageKind::Binary, len as u64, finished).unwrap();
        assert_eq!([header.as_bytes(), &payload].concat(), output);
        assert_eq!(format!("{alone:?}"), format!("{whole:?}"));
    }
}

#[test]
fn the_header_alone_is_refused_where_the_frame_is() {
    let mut sender = Sender::server();
    let header = |sender: &mut Sender, kind, len| sender.frame_header(kind, len, true).map(drop);
    sender.send(TextMessage::partial("a"), &mut Vec::new()).unwrap();
    let refused = header(&mut sender, MessageKind::Binary, 1);
    assert_eq!(refused, Err(LocalProtocolError::OtherMessageInProgress));
    assert_eq!(header(&mut sender, MessageKind::Text, 1 << 63), Err(LocalProtocolError::PayloadTooLong));
    header(&mut sender, MessageKind::Text, 0).unwrap();
    _ = sender.begin_frame(MessageKind::Binary, 1, true).unwrap();
    assert_eq!(header(&mut sender, MessageKind::Binary, 1), Err(LocalProtocolError::FrameInProgress));
    sender.continue_frame(&mut [1]).unwrap();
    sender.close_received();
    assert_eq!(header(&mut sender, MessageKind::Binary, 1), Err(LocalProtocolError::CloseReceived));
}

#[test]
fn a_client_gets_no_header_for_a_payload_that_is_not_masked() {
    // §5.3: all frames from a client are masked.
    let entropy = Cell::new(0);
    let mut sender = Sender::client(Counting { drawn: &entropy });
    let refused = sender.frame_header(MessageKind::Binary, 1, true);
    assert_eq!(refused, Err(LocalProtocolError::MaskingRequired));
    let refused = sender.frame_header(MessageKind::Binary, 1, false);
    assert_eq!(refused, Err(LocalProtocolError::MaskingRequired));
    assert_eq!(entropy.get(), 0);
    sender.send(TextMessage::new("no message had begun"), &mut Vec::new()).unwrap();
}

#[test]
fn a_prepared_frame_is_the_same_bytes_for_all_servers_and_none_for_a_client() {
    let message = PreparedMessage::bytes(&[7; 300]).unwrap();
    let (mut first, mut second) = (Sender::server(), Sender::server());
    let frame = first.prepared_frame(&message).unwrap().unwrap().clone();
    let other = second.prepared_frame(&message).unwrap().unwrap();
    assert_eq!(frame.as_bytes().as_ptr(), other.as_bytes().as_ptr());
    let mut output = Vec::new();
    second.send_prepared(&message, &mut output).unwrap();
    assert_eq!(frame.as_bytes(), output);
    let shared: std::sync::Arc<[u8]> = frame.into();
    assert_eq!(shared.as_ptr(), other.as_bytes().as_ptr());
    assert_eq!(Sender::client(Fixed).prepared_frame(&message), Ok(None));
}

#[test]
fn a_prepared_frame_is_refused_inside_another_message() {
    let message = PreparedMessage::text("Hello").unwrap();
    for mut sender in [Sender::with_role(Role::Server, Fixed), Sender::with_role(Role::Client, Fixed)] {
        sender.send(TextMessage::partial("a"), &mut Vec::new()).unwrap();
        assert_eq!(sender.prepared_frame(&message), Err(LocalProtocolError::MessageInProgress));
        sender.send(CloseConnection::EMPTY, &mut Vec::new()).unwrap();
        assert_eq!(sender.prepared_frame(&message), Err(LocalProtocolError::CloseSent));
    }
}

#[test]
fn a_prepared_frame_shows_its_bytes() {
    let message = PreparedMessage::text("Hello").unwrap();
    let frame = Sender::server().prepared_frame(&message).unwrap().unwrap().clone();
    let bytes: &[u8] = frame.as_ref();
    assert_eq!(bytes, b"\x81\x05Hello");
    assert_eq!(format!("{frame:?}"), format!("PreparedFrame({bytes:?})"));
}
