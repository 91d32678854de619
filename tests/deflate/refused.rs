//! A refused call leaves no trace, not even in the compressor.

use wsproto::{
    BytesMessage, DeflateParams, LocalProtocolError, MessageKind, PermessageDeflate, Role, TextMessage,
};

use crate::protocol::{Reader, binary, text};
use crate::support::{Seen, Setup, noise, server_sender};

#[test]
fn refused_messages_are_not_in_the_window() {
    let deflate = PermessageDeflate::new().with_threshold(0).with_level(6);
    let mut sender = server_sender(&deflate, DeflateParams::DEFAULT);
    let mut output = Vec::new();
    sender.send(TextMessage::partial("Hello"), &mut output).unwrap();
    let len = output.len();
    let refused = sender.send(BytesMessage::from(b"refused, refused"), &mut output);
    assert_eq!(refused, Err(LocalProtocolError::OtherMessageInProgress));
    let refused = sender.send_continuation(b"\xff", true, &mut output);
    assert_eq!(refused, Err(LocalProtocolError::InvalidUtf8));
    let refused = sender.send(TextMessage::from("refused, refused"), &mut &mut [0; 20][..]);
    assert!(matches!(refused, Err(LocalProtocolError::OutputFull(_))), "{refused:?}");
    let refused = sender.send_fragmented(TextMessage::from("refused, refused"), 3, &mut &mut [0; 20][..]);
    assert!(matches!(refused, Err(LocalProtocolError::OutputFull(_))), "{refused:?}");
    assert_eq!(output.len(), len);
    sender.send(TextMessage::from("Hello"), &mut output).unwrap();

    _ = sender.begin_frame(MessageKind::Text, 1, true).unwrap();
    let refused = sender.send(TextMessage::from("refused, refused"), &mut output);
    assert_eq!(refused, Err(LocalProtocolError::FrameInProgress));
    sender.continue_frame(&mut [b'a']).unwrap();
    sender.send(TextMessage::from("Hello"), &mut output).unwrap();
    let seen = Setup::of(Role::Client).check(&output);
    assert_eq!((seen.failure, seen.said), (None, vec![text("HelloHello"), text("Hello")]));
}

#[test]
fn the_room_in_output_full_is_enough() {
    // The data that compresses worst, with all compression settings.
    for level in [0, 1, 2, 4, 6, 9] {
        for mem_level in [1, 8] {
            let deflate =
                PermessageDeflate::new().with_threshold(0).with_level(level).with_mem_level(mem_level);
            for bits in [8, 15] {
                let params = DeflateParams { server_max_window_bits: bits, ..DeflateParams::DEFAULT };
                let mut sender = server_sender(&deflate, params);
                let mut wire = Vec::new();
                let mut expected = Vec::new();
                for (place, len) in [0, 1, 2, 100, 3000, 20_000].into_iter().enumerate() {
                    let data = noise(len as u64, len);
                    let fragment = [usize::MAX, 100][place % 2];
                    let Err(LocalProtocolError::OutputFull(needed)) =
                        sender.send_fragmented(BytesMessage::from(&data), fragment, &mut &mut [][..])
                    else {
                        panic!("an empty output must be refused")
                    };
                    let mut output = vec![0; needed];
                    let mut room = output.as_mut_slice();
                    sender.send_fragmented(BytesMessage::from(&data), fragment, &mut room).unwrap();
                    let left = room.len();
                    wire.extend_from_slice(&output[..needed - left]);
                    expected.push(binary(&data));
                }
                let mut setup = Setup::of(Role::Client);
                setup.params = params;
                let mut reader = Reader::of(setup.receiver());
                reader.read(&wire);
                assert!(Seen::by(&reader).said == expected, "level {level}, memory {mem_level}, {bits} bits");
            }
        }
    }
}
