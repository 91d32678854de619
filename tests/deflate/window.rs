//! How far our compressed messages look back, measured by an independent DEFLATE reader (RFC 7692 §7.1.2).

use wsproto::{BytesMessage, DeflateParams, PermessageDeflate, PreparedMessage, Sender};

use crate::protocol::{Fixed, sent};
use crate::puff::{Puffed, puff};
use crate::support::{client_sender, noise, server_sender};

/// Data whose best matches are about as far back as the window allows, and a little further: `2^bits` bytes, plus or
/// minus 300.
fn inviting(bits: u8) -> Vec<u8> {
    let size = 1 << bits;
    let mut data = noise(u64::from(bits), size + 400);
    let near = [size, size + 1, size - 1, size + 300, size.saturating_sub(262), size.saturating_sub(261)];
    for distance in near.into_iter().chain([size - 200, 250, 300]) {
        for _ in 0..40 {
            data.push(data[data.len() - distance.clamp(1, data.len())]);
        }
        data.extend(noise(distance as u64, 10));
    }
    data
}

/// The compressed payload of a message on the wire, with its tail put back.
fn payload(output: &[u8]) -> Vec<u8> {
    let payload = sent(output).into_iter().flat_map(|frame| frame.payload);
    payload.chain([0x00, 0x00, 0xFF, 0xFF]).collect()
}

/// Sends messages, and reads them with the independent reader.
fn check(
    mut send: impl FnMut(BytesMessage<&[u8]>) -> Vec<u8>,
    messages: &[Vec<u8>],
    takeover: bool,
) -> Puffed {
    let mut puffed = Puffed::default();
    for message in messages {
        if !takeover {
            puffed.output.clear();
        }
        let start = puffed.output.len();
        puff(&mut puffed, &payload(&send(BytesMessage::from(message.as_slice()))));
        assert!(puffed.output[start..] == message[..], "the message differs");
    }
    puffed
}

fn max_distance(bits: u8, level: u8, mem_level: u8) -> usize {
    let deflate = PermessageDeflate::new().with_threshold(0).with_level(level).with_mem_level(mem_level);
    let server = DeflateParams { server_max_window_bits: bits, ..DeflateParams::DEFAULT };
    let client = DeflateParams { client_max_window_bits: bits, ..DeflateParams::DEFAULT };
    let (mut server, mut client) = (server_sender(&deflate, server), client_sender(&deflate, client));
    let messages = [inviting(bits), inviting(bits), inviting(8)];
    let from_server = check(|message| wire(&mut server, message), &messages, true);
    let from_client = check(|message| wire_of_client(&mut client, message), &messages, true);
    assert_eq!(from_server, from_client, "the role matters");
    assert_eq!(from_server.final_blocks, 0);
    from_server.max_distance
}

fn wire(sender: &mut Sender, message: BytesMessage<&[u8]>) -> Vec<u8> {
    let mut output = Vec::new();
    sender.send(message, &mut output).unwrap();
    output
}

fn wire_of_client(sender: &mut Sender<Fixed>, message: BytesMessage<&[u8]>) -> Vec<u8> {
    let mut output = Vec::new();
    sender.send(message, &mut output).unwrap();
    output
}

#[test]
fn compressed_messages_look_back_no_further_than_agreed() {
    // RFC 7692 §7.2.1: "MUST NOT use an LZ77 sliding window longer than" that.
    for bits in 8..=15 {
        for level in 0..=9 {
            let distance = max_distance(bits, level, 8);
            assert!(distance <= 1 << bits, "{distance} with {bits} bits at level {level}");
        }
    }
}

#[test]
fn compressed_messages_use_the_whole_window() {
    // zlib keeps 262 bytes of the window for itself; for 8 bits, half of a 9-bit window is used.
    for bits in 8..=15 {
        let distance = max_distance(bits, 6, 9);
        let least = (1_usize << bits.max(9)) - 262 - 30;
        assert!(distance >= least.min(220), "{distance} with {bits} bits");
        if bits > 9 {
            assert!(distance >= (1 << bits) - 600, "{distance} with {bits} bits");
        }
    }
}

#[test]
fn memory_levels_do_not_change_how_far_messages_look_back() {
    for mem_level in 1..=9 {
        for bits in [8, 9] {
            assert!(max_distance(bits, 9, mem_level) <= 1 << bits);
        }
    }
}

#[test]
fn without_context_takeover_each_message_starts_with_an_empty_window() {
    // RFC 7692 §7.1.1.1, §7.1.1.2, §7.2.1
    for level in 0..=9 {
        let deflate = PermessageDeflate::new().with_threshold(0).with_level(level);
        let params = DeflateParams {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            ..DeflateParams::DEFAULT
        };
        let (mut server, mut client) = (server_sender(&deflate, params), client_sender(&deflate, params));
        let messages = [inviting(9), inviting(9), b"Hello".to_vec(), b"Hello".to_vec(), Vec::new()];
        check(|message| wire(&mut server, message), &messages, false);
        check(|message| wire_of_client(&mut client, message), &messages, false);
    }
}

#[test]
fn a_prepared_message_looks_back_no_further_than_it_was_prepared_for() {
    for bits in 8..=12 {
        let deflate = PermessageDeflate::new().with_server_max_window_bits(bits).with_level(6);
        let params = DeflateParams {
            server_no_context_takeover: true,
            server_max_window_bits: bits,
            ..DeflateParams::DEFAULT
        };
        let data = inviting(bits);
        let mut output = Vec::new();
        let message = PreparedMessage::bytes(&data).unwrap().deflated(&deflate);
        server_sender(&deflate, params).send_prepared(&message, &mut output).unwrap();
        let mut puffed = Puffed::default();
        puff(&mut puffed, &payload(&output));
        assert!(puffed.output == data);
        assert!(puffed.max_distance <= 1 << bits, "{} with {bits} bits", puffed.max_distance);
    }
}

/// Sends a prepared message as its shared frame; `None` if the connection needs a frame of its own.
fn shared_wire(sender: &mut Sender, message: &PreparedMessage) -> Option<Vec<u8>> {
    sender.prepared_frame(message).unwrap().map(|frame| frame.as_bytes().to_vec())
}

#[test]
fn a_shared_frame_between_messages_with_context_takeover_keeps_both_windows_equal() {
    // The reader keeps its window, as a peer does (RFC 7692 §7.2.2). A sender that had forgotten that the shared frame
    // is in that window would refer to other data, as these messages have long matches in all earlier ones.
    for bits in 8..=15 {
        for level in [0, 1, 6, 9] {
            let deflate = PermessageDeflate::new().with_threshold(0).with_level(level);
            let own = deflate.clone().with_server_max_window_bits(bits);
            let params = DeflateParams { server_max_window_bits: bits, ..DeflateParams::DEFAULT };
            let mut sender = server_sender(&deflate, params);
            let (first, second) = (inviting(bits), inviting(8));
            let prepared = |data: &[u8]| PreparedMessage::bytes(data).unwrap().deflated(&own);
            let shared = [prepared(&second), prepared(&first)];
            let mut puffed = Puffed::default();
            let mut read = |wire: &[u8], message: &[u8]| {
                let start = puffed.output.len();
                puff(&mut puffed, &payload(wire));
                assert!(
                    puffed.output[start..] == message[..],
                    "the message differs, {bits} bits, level {level}"
                );
            };
            for _ in 0..2 {
                read(&wire(&mut sender, BytesMessage::new(&first)), &first);
                read(&shared_wire(&mut sender, &shared[0]).unwrap(), &second);
                read(&wire(&mut sender, BytesMessage::new(&second)), &second);
                read(&wire(&mut sender, BytesMessage::new(&first)), &first);
                read(&shared_wire(&mut sender, &shared[1]).unwrap(), &first);
                read(&shared_wire(&mut sender, &shared[0]).unwrap(), &second);
                read(&wire(&mut sender, BytesMessage::new(&first)), &first);
            }
            assert!(puffed.max_distance <= 1 << bits, "{} with {bits} bits", puffed.max_distance);
        }
    }
}

#[test]
fn each_connection_is_sent_the_shortest_copy_that_fits_its_window() {
    let data = noise(1, 4000).repeat(3); // its best matches are 4,000 bytes back
    let deflate = PermessageDeflate::new().with_level(9);
    let with_bits = |bits| deflate.clone().with_server_max_window_bits(bits);
    let message = PreparedMessage::bytes(&data).unwrap();
    let message = message.deflated(&with_bits(13)).deflated(&with_bits(9)).deflated(&with_bits(13));
    let len = |bits| {
        let params = DeflateParams { server_max_window_bits: bits, ..DeflateParams::DEFAULT };
        shared_wire(&mut server_sender(&deflate, params), &message).map(|frame| frame.len())
    };
    assert_eq!(len(8), None);
    assert_eq!((len(9), len(15)), (len(12), len(13)));
    assert!(len(9) > Some(data.len()) && len(13) < Some(data.len() / 2));
}

#[test]
fn a_message_that_is_shorter_than_a_window_fits_it() {
    let deflate = PermessageDeflate::new().with_threshold(0);
    for (len, fits) in [(0, true), (1, true), (256, true), (257, false)] {
        let message = PreparedMessage::bytes(&vec![7; len]).unwrap().deflated(&deflate);
        let params = DeflateParams { server_max_window_bits: 8, ..DeflateParams::DEFAULT };
        let wire = shared_wire(&mut server_sender(&deflate, params), &message);
        assert_eq!(wire.is_some(), fits, "{len} bytes");
    }
}
