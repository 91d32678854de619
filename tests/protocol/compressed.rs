//! Compressed messages between plain ones (RFC 7692 §6): each is delivered whole before the next. Windows (§7.1.2).

use wsproto::{
    Connection, DeflateParams, Event, Extensions, Limits, NoEntropy, PermessageDeflate, Role, TextMessage,
};

use crate::support::Fixed;

fn agreed(role: Role) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.push(PermessageDeflate::new().negotiated(role, DeflateParams::DEFAULT)).unwrap();
    extensions
}

/// The messages that a server receives from these two reads.
fn received(reads: [&[u8]; 2]) -> Vec<String> {
    let messages = received_by(reads, false);
    assert_eq!(received_by(reads, true), messages, "frame by frame");
    messages
}

fn received_by(reads: [&[u8]; 2], whole: bool) -> Vec<String> {
    let mut server = Connection::<NoEntropy>::server(Limits::default()).with_extensions(agreed(Role::Server));
    let mut messages = vec![String::new()];
    let mut unread = Vec::new();
    for read in reads {
        let mut read = [&unread[..], read].concat();
        let mut input = read.as_mut_slice();
        loop {
            let next =
                if whole { server.next_frame_event(&mut input) } else { server.next_event(&mut input) };
            let Some(event) = next.unwrap() else { break };
            let Event::Text(TextMessage { data, message_finished, .. }) = event else { panic!("{event:?}") };
            messages.last_mut().unwrap().push_str(data);
            if message_finished {
                messages.push(String::new());
            }
        }
        unread = input.to_vec();
        assert!(server.bytes_needed(&unread) > 0);
    }
    assert_eq!(unread, b"");
    assert_eq!(messages.pop(), Some(String::new()));
    messages
}

#[test]
fn a_plain_message_is_delivered_after_all_of_a_compressed_one() {
    // The long text is compressed and delivered in several pieces; the short one is below the threshold.
    for (long, short) in
        [("é€😀".repeat(40), "short"), ("long".repeat(20_000), ""), ("😀".repeat(9_000), "€")]
    {
        let mut client = Connection::client(Limits::default(), Fixed).with_extensions(agreed(Role::Client));
        let mut bytes = Vec::new();
        client.send(TextMessage::new(&*long), &mut bytes).unwrap();
        let compressed = bytes.len();
        assert_eq!(received([&bytes, b""]), [&*long], "with nothing after it");
        client.send(TextMessage::new(short), &mut bytes).unwrap();
        for cut in (0..compressed.min(60)).chain([compressed, bytes.len()]) {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(received([first, second]), [&long, short], "cut at {cut}");
        }
    }
}

#[test]
fn window_bits_out_of_range_become_the_nearest_valid_value() {
    for bits in [0, 7, 16, u8::MAX] {
        let params = DeflateParams {
            server_max_window_bits: bits,
            client_max_window_bits: bits,
            ..DeflateParams::DEFAULT
        };
        let mut extensions = Extensions::new();
        extensions.push(PermessageDeflate::new().negotiated(Role::Client, params)).unwrap();
        let mut client = Connection::client(Limits::default(), Fixed).with_extensions(extensions);
        let mut bytes = Vec::new();
        client.send(TextMessage::new(&*"long".repeat(200)), &mut bytes).unwrap();
        assert_eq!(received([&bytes, &[]]), ["long".repeat(200)], "{bits}");
    }
}
