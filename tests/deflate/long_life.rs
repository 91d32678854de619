//! Connections that carry more bytes than a 32-bit counter can count. zlib has such counters where C's `unsigned long`
//! has 32 bits.

use wsproto::{BytesMessage, Event, Limits, PermessageDeflate, Role};

use crate::protocol::{BINARY, CONTINUATION, FIN, frame_to};
use crate::support::{RSV1, Setup, server_sender};

/// A little more than 4 GiB.
const LONG: u64 = 4_300_000_000;

#[test]
fn a_message_of_more_than_4_gib_of_empty_blocks_is_received() {
    let mut setup = Setup::of(Role::Client);
    setup.limits = Limits::NONE;
    let mut receiver = setup.receiver();
    let blocks = [0x00, 0x00, 0x00, 0xFF, 0xFF].repeat(200_000);
    let mut total = 0;
    let mut read = |first: u8, payload: &[u8]| {
        let mut frame = frame_to(Role::Client, first, payload);
        let mut input = frame.as_mut_slice();
        while let Some(event) = receiver.next_event(&mut input).unwrap() {
            let Event::Bytes(BytesMessage { data: [], .. }) = event else { panic!("{event:?}") };
        }
        total += payload.len() as u64;
        total
    };
    read(RSV1 | BINARY, &blocks);
    while read(CONTINUATION, &blocks) < LONG {}
    read(FIN | CONTINUATION, &[0]);
    assert!(receiver.is_idle());
}

#[test]
fn more_than_4_gib_of_stored_messages_are_sent() {
    let deflate = PermessageDeflate::new().with_level(0);
    let mut sender = server_sender(&deflate, Setup::of(Role::Client).params);
    let data = vec![7; 16 << 20];
    let mut output = Vec::new();
    let mut total = 0;
    // First in one message, then in many.
    for (message, until) in [(BytesMessage::partial(&data), LONG / 2), (BytesMessage::new(&data), LONG)] {
        while total < until {
            output.clear();
            sender.send(message, &mut output).unwrap();
            total += output.len() as u64;
        }
    }
}
