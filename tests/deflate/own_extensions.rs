//! Users' own extensions, alone and with permessage-deflate (RFC 6455 §9; RFC 7692 §6).

use std::sync::{Arc, Mutex};

use wsproto::{
    BytesMessage, Decoded, Ends, Extension, ExtensionParams, Extensions, FrameHeader, InboundExtension,
    Limits, MessageKind, NegotiatedExtension, NegotiationError, NegotiationErrorKind, Opcode,
    OutboundExtension, PermessageDeflate, Ping, RemoteProtocolError, Role, Rsv, TextMessage,
};

use crate::checksum::{Checksum, WRONG_SUM};
use crate::protocol::{
    BINARY, BOTH, CONTINUATION, FIN, PING, Reader, TEXT, binary, feed, frame_to, frames_to, ping, sent, text,
};
use crate::support::{RSV1, Seen, check_with, pair, receiver};

const RSV2: u8 = 0x20;

/// The extensions of these names in this order, on one side.
fn extensions(role: Role, names: &[&str]) -> Extensions {
    let deflate = PermessageDeflate::new().with_threshold(0);
    let supported: [&dyn Extension; 2] = [&Checksum, &deflate];
    let named: Vec<_> = names.iter().map(|name| ExtensionParams::new(name)).collect();
    match role {
        Role::Server => Extensions::accept_offers(&supported, &named).0,
        Role::Client => Extensions::accept_responses(&supported, &named).expect("valid responses"),
    }
}

const ALONE: &[&str] = &["x-checksum"];
const CHAINS: [&[&str]; 3] =
    [ALONE, &["x-checksum", "permessage-deflate"], &["permessage-deflate", "x-checksum"]];

/// What a client with these extensions observes of these bytes from its server.
fn seen(names: &[&str], bytes: &[u8]) -> Seen {
    check_with(
        Role::Client,
        || receiver(Role::Client, Limits::default(), extensions(Role::Client, names)),
        bytes,
    )
}

#[test]
// RFC 6455 §5.2: the payload length includes the bytes that an extension adds.
fn a_single_extension_changes_payloads_in_both_directions() {
    let mut output = Vec::new();
    let (mut client, mut server) = pair(extensions(Role::Client, ALONE), extensions(Role::Server, ALONE));
    server.send(TextMessage::from("Hello"), &mut output).unwrap();
    assert_eq!(output, b"\xa1\x06Hello\xf4");
    assert_eq!(seen(ALONE, &output).said, [text("Hello")]);

    let mut output = Vec::new();
    client.send(TextMessage::from("Hello"), &mut output).unwrap();
    let mut input = output.as_mut_slice();
    let mut data = String::new();
    while let Some(wsproto::Event::Text(piece)) = server.next_event(&mut input).unwrap() {
        data += piece.data;
    }
    assert_eq!(data, "Hello");
}

#[test]
fn chains_of_extensions_work_in_both_orders_with_fragments_and_cuts() {
    // RFC 6455 §9.1: extensions run "in the order" that the server lists them.
    for names in CHAINS {
        let (_, mut server) = pair(extensions(Role::Client, names), extensions(Role::Server, names));
        let mut output = Vec::new();
        let words = "Grüße, 世界! ".repeat(20);
        server.send(TextMessage::from(words.as_str()), &mut output).unwrap();
        server.sender_mut().send_fragmented(TextMessage::from(words.as_str()), 7, &mut output).unwrap();
        server.send(TextMessage::partial("in "), &mut output).unwrap();
        server.send(Ping::new("?"), &mut output).unwrap();
        server.send(TextMessage::partial(""), &mut output).unwrap();
        server.send(TextMessage::from("pieces"), &mut output).unwrap();
        server.send(TextMessage::from(""), &mut output).unwrap();
        server.sender_mut().send_plain(TextMessage::from("plain"), &mut output).unwrap();
        server.send(BytesMessage::from(vec![7; 20_000]), &mut output).unwrap();
        let seen = seen(names, &output);
        assert_eq!(seen.failure, None, "{names:?}");
        let expected = [
            text(&words),
            text(&words),
            ping("?"),
            text("in pieces"),
            text(""),
            text("plain"),
            binary([7; 20_000]),
        ];
        assert!(seen.said == expected, "{names:?}");
    }
}

#[test]
fn the_first_agreed_extension_is_nearest_to_the_message() {
    let sent_by = |names| {
        let (_, mut server) = pair(extensions(Role::Client, names), extensions(Role::Server, names));
        let mut output = Vec::new();
        server.send(TextMessage::from("Hello"), &mut output).unwrap();
        sent(&output).remove(0)
    };
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let summed_last = sent_by(CHAINS[2]);
    assert_eq!(summed_last.first, FIN | RSV1 | RSV2 | TEXT);
    let sum = hello.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!(summed_last.payload, [&hello[..], &[sum]].concat());
    let summed_first = sent_by(CHAINS[1]);
    assert_eq!(summed_first.first, FIN | RSV1 | RSV2 | TEXT);
    assert_ne!(summed_first.payload[..7], hello);
}

#[test]
fn a_broken_rule_of_an_extension_closes_with_its_code() {
    let error = RemoteProtocolError::Extension(&WRONG_SUM);
    assert_eq!((error.close_code().get(), error.reason()), (1007, "checksum is wrong"));
    let bytes =
        frames_to(Role::Client, [(FIN | RSV2 | TEXT, b"Hello\xf4"), (FIN | RSV2 | TEXT, b"Hello\xf5")]);
    let seen_alone = seen(ALONE, &bytes);
    assert_eq!((seen_alone.failure, seen_alone.said), (Some(error), vec![text("Hello")]));

    // In a chain, a message may skip some of the extensions.
    for names in &CHAINS[1..] {
        let seen_chained = seen(names, &bytes);
        assert_eq!((seen_chained.failure, seen_chained.said), (Some(error), vec![text("Hello")]));
        let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        let bytes = frames_to(Role::Client, [(FIN | RSV1 | TEXT, &hello), (FIN | TEXT, b"plain")]);
        assert_eq!(seen(names, &bytes).said, [text("Hello"), text("plain")]);
    }
}

#[test]
fn an_error_in_a_chain_is_reported_after_the_data_before_it() {
    // Whichever of the two finds it.
    let wrong_sum = RemoteProtocolError::Extension(&WRONG_SUM);
    let stored = [&[0x00, 0x05, 0x00, 0xFA, 0xFF][..], b"Hello", &[0x00]].concat();
    let first = FIN | RSV1 | RSV2 | TEXT;
    let sum_after_deflate = frame_to(Role::Client, first, &stored);
    let seen_error = seen(CHAINS[1], &sum_after_deflate);
    assert_eq!((seen_error.failure, seen_error.said), (Some(wrong_sum), vec![]));

    let bad = [&[0x00, 0x05, 0x00, 0xFA, 0xFF][..], b"Hello", &[0x06; 4]].concat();
    let sum = bad.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let bytes = frame_to(Role::Client, first, [&bad[..], &[sum]].concat());
    let seen_error = seen(CHAINS[2], &bytes);
    assert_eq!(seen_error.failure, Some(RemoteProtocolError::InvalidDeflate));
    assert_eq!(seen_error.unfinished, Some(text("Hello")));

    // The first one to decode finds it. Of the data before it, the checksum keeps back the last byte.
    let bad = frame_to(Role::Client, first, &bad);
    let seen_error = seen(CHAINS[1], &bad);
    assert_eq!(seen_error.failure, Some(RemoteProtocolError::InvalidDeflate));
    assert_eq!(seen_error.unfinished, Some(text("Hell")));

    // The second one has much more output then.
    let long = "Hello".repeat(20_000);
    let (_, mut server) = pair(extensions(Role::Client, CHAINS[2]), extensions(Role::Server, CHAINS[2]));
    let mut bytes = Vec::new();
    server.send(TextMessage::from(long.as_str()), &mut bytes).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let seen_error = seen(CHAINS[2], &bytes);
    assert_eq!(seen_error.failure, Some(wrong_sum));
    assert_eq!(seen_error.unfinished, Some(text(&long)));
}

#[test]
fn two_extensions_that_use_the_same_bit_are_refused() {
    // RFC 7692 §6: RSV1 must not have "more than one" user.
    let mut extensions = Extensions::new();
    let agreed =
        |deflate: PermessageDeflate| deflate.negotiated(Role::Server, wsproto::DeflateParams::DEFAULT);
    extensions.push(agreed(PermessageDeflate::new())).unwrap();
    assert!(extensions.push(agreed(PermessageDeflate::new())).is_err());
    assert_eq!(extensions.len(), 1);

    let (deflate, rival) = (PermessageDeflate::new(), Rival);
    let supported: [&dyn Extension; 2] = [&deflate, &rival];
    let offers = |names: [&str; 2]| names.map(ExtensionParams::new);
    let (chosen, answers) = Extensions::accept_offers(&supported, &offers(["permessage-deflate", "x-rival"]));
    assert_eq!((chosen.len(), answers[0].name()), (1, "permessage-deflate"));
    let (chosen, answers) = Extensions::accept_offers(&supported, &offers(["x-rival", "permessage-deflate"]));
    assert_eq!((chosen.len(), answers[0].name()), (1, "x-rival"));
    let both = offers(["permessage-deflate", "x-rival"]);
    let refused = Extensions::accept_responses(&supported, &both).unwrap_err();
    assert_eq!(
        refused,
        NegotiationError::new(NegotiationErrorKind::RsvConflict, "x-rival"),
        "the client fails"
    );
}

/// An extension that uses RSV1 on frames that are not the first.
#[derive(Debug)]
struct Rival;

impl Extension for Rival {
    fn name(&self) -> &str {
        "x-rival"
    }

    fn offers(&self) -> Vec<ExtensionParams> {
        vec![ExtensionParams::new("x-rival")]
    }

    fn accept_response(&self, _: &ExtensionParams) -> Result<NegotiatedExtension, NegotiationError> {
        let watch = Watch { claims: Rsv::RSV1, ..Watch::default() };
        Ok(NegotiatedExtension::new(watch, Checks))
    }

    fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
        Some((offer.clone(), self.accept_response(offer).ok()?))
    }
}

/// A decoder that records every header and reads no payload.
#[derive(Clone, Debug, Default)]
struct Watch {
    claims: Rsv,
    headers: Arc<Mutex<Vec<FrameHeader>>>,
}

impl InboundExtension for Watch {
    fn rsv(&self) -> Rsv {
        Rsv::NONE
    }

    fn continuation_rsv(&self) -> Rsv {
        self.claims
    }

    fn begin_frame(&mut self, header: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        self.headers.lock().unwrap().push(*header);
        Ok(false)
    }

    fn decode(&mut self, _: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
        panic!("no payload should be decoded")
    }

    fn output(&self) -> &[u8] {
        &[]
    }
}

/// An encoder that changes no message.
#[derive(Debug)]
struct Checks;

impl OutboundExtension for Checks {
    fn rsv_for(&self, _: MessageKind, _: Option<usize>) -> Option<Rsv> {
        None
    }

    fn max_encoded_len(&self, len: usize) -> usize {
        len
    }

    fn encode(&mut self, _: &[u8], _: bool) -> &[u8] {
        panic!("no payload should be encoded")
    }
}

#[test]
fn an_extension_that_is_not_per_message_sees_each_header_once() {
    let frames = [
        (FIN | TEXT, &b"whole"[..]),
        (TEXT, b"a"),
        (PING, b"?"),
        (RSV1, b""),
        (FIN | RSV1, b"b"),
        (FIN | TEXT, b""),
    ];
    for role in [Role::Server, Role::Client] {
        let bytes = frames_to(role, frames);
        let mut expected = Vec::new();
        for reads in [bytes.len(), 1, 3] {
            let watch = Watch { claims: Rsv::RSV1, ..Watch::default() };
            let mut extensions = Extensions::new();
            extensions.push(NegotiatedExtension::new(watch.clone(), Checks)).unwrap();
            let mut reader = Reader::of(receiver(role, Limits::default(), extensions));
            bytes.chunks(reads).for_each(|read| reader.read(read));
            assert_eq!(Seen::by(&reader).said, [text("whole"), ping("?"), text("ab"), text("")]);
            let headers = watch.headers.lock().unwrap().clone();
            let of = |header: &FrameHeader| (header.opcode, header.fin, header.rsv, header.payload_len);
            assert_eq!(
                headers.iter().map(of).collect::<Vec<_>>(),
                [
                    (Opcode::Text, true, Rsv::NONE, 5),
                    (Opcode::Text, false, Rsv::NONE, 1),
                    (Opcode::Continuation, false, Rsv::RSV1, 0),
                    (Opcode::Continuation, true, Rsv::RSV1, 1),
                    (Opcode::Text, true, Rsv::NONE, 0),
                ]
            );
            assert!(headers.iter().all(|header| header.masking_key.is_some() == (role == Role::Server)));
            if expected.is_empty() {
                expected.clone_from(&headers);
            }
            assert_eq!(headers, expected);
        }
    }
}

#[test]
fn a_receiver_with_an_empty_set_of_extensions_reads_plain_frames() {
    // RFC 6455 §5.8
    let vectors: &[&[(u8, &[u8])]] = &[
        &[(FIN | TEXT, b"Hello"), (PING, b"?"), (FIN | 2, b"\xff")],
        &[(TEXT, "€".as_bytes()), (FIN, b"!")],
        &[(TEXT, b"\xe2"), (PING, b""), (0, b"\x82"), (FIN, b"\xac")],
        &[(FIN | RSV1 | TEXT, b"\x00")],
        &[(TEXT, b""), (FIN | RSV1, b"")],
        &[(FIN | TEXT, b"\xff")],
        &[(FIN | TEXT, b"ab\xff")],
        &[(FIN, b"")],
        &[(0x88, b"\x03\xe8bye"), (FIN | TEXT, b"late")],
    ];
    for role in [Role::Server, Role::Client] {
        for frames in vectors {
            let bytes: Vec<u8> =
                frames.iter().flat_map(|(first, data)| frame_to(role, *first, data)).collect();
            let with = check_with(role, || receiver(role, Limits::default(), Extensions::new()), &bytes);
            let without = feed(role, Limits::default(), [&bytes[..]]);
            assert_eq!((with.said, with.unfinished), (without.said, without.unfinished));
            assert_eq!(with.frame_ends, without.frame_ends);
            assert_eq!(with.failure, without.failure.map(|(error, _)| error));
            assert_eq!(with.state, without.state);
            assert!(with.failure.is_none() || with.is_idle);
        }
    }
}

/// A decoder that returns each byte of a payload twice, one at a time.
#[derive(Debug)]
struct Twice {
    output: Vec<u8>,
    waiting: Vec<u8>,
}

impl InboundExtension for Twice {
    fn rsv(&self) -> Rsv {
        Rsv::NONE
    }

    fn begin_frame(&mut self, _: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        Ok(true)
    }

    fn decode(&mut self, payload: &[u8], _: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
        self.waiting.extend(payload.iter().flat_map(|byte| [*byte; 2]));
        self.output = self.waiting.drain(..self.waiting.len().min(1)).collect();
        Ok(Decoded::new(payload.len(), self.waiting.is_empty()))
    }

    fn output(&self) -> &[u8] {
        &self.output
    }
}

/// Output that an extension has not returned yet needs no more input, wherever the input ends.
#[test]
fn an_extension_with_more_output_than_requested_is_read_to_its_end() {
    for role in BOTH {
        let receiver = || {
            let mut extensions = Extensions::new();
            extensions
                .push(NegotiatedExtension::new(Twice { output: Vec::new(), waiting: Vec::new() }, Checks))
                .unwrap();
            receiver(role, Limits::default(), extensions)
        };
        let frames = [(BINARY, &b"ab"[..]), (FIN | CONTINUATION, b""), (FIN | TEXT, b"c")];
        let seen = check_with(role, receiver, &frames_to(role, frames));
        assert_eq!(seen.said, [binary(b"aabb"), text("cc")]);

        let mut receiver = receiver();
        let mut begun = frame_to(role, FIN | TEXT, b"abc");
        begun.pop();
        assert!(receiver.next_event(&mut &mut begun[..]).unwrap().is_some());
        for _ in 0..3 {
            assert_eq!(receiver.bytes_needed(b""), 0);
            assert!(receiver.next_frame_event(&mut &mut [][..]).unwrap().is_some());
        }
        assert_eq!(receiver.bytes_needed(b""), 1);
        assert_eq!(receiver.next_frame_event(&mut &mut [][..]), Ok(None));
    }
}
