//! Properties that hold for all inputs: round trips, and the same result for all cuts (RFC 6455 §5.2 to §5.6, §8.1).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wsproto::{
    BytesMessage, CloseConnection, Entropy, FrameDecoder, FrameEncoder, FrameHeader, Limits, Opcode, Ping,
    Pong, RemoteProtocolError, Role, Rsv, Sender, TextMessage,
};

use crate::support::{
    BOTH, CLOSE, CONTINUATION, FIN, Fixed, PING, PONG, Reader, Said, TEXT, binary, check_with, close, feed,
    frame_to, header_len, ping, pong, sent, text,
};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Something to send: a control frame, or a message in pieces with a ping after some of them.
#[derive(Clone, Debug)]
enum Step {
    Text(Vec<(String, Option<Vec<u8>>)>),
    Binary(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn payload(max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=max)
}

fn pieces<T: core::fmt::Debug>(
    piece: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<(T, Option<Vec<u8>>)>> {
    vec((piece, proptest::option::weighted(0.2, payload(8))), 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => pieces(".{0,12}").prop_map(Step::Text),
        2 => pieces(payload(20)).prop_map(Step::Binary),
        1 => pieces(payload(200)).prop_map(Step::Binary),
        1 => payload(125).prop_map(Step::Ping),
        1 => payload(9).prop_map(Step::Pong),
    ]
}

fn send_step<E: Entropy>(sender: &mut Sender<E>, step: &Step, output: &mut Vec<u8>) {
    match step {
        Step::Text(pieces) => {
            for (i, (data, pinged)) in pieces.iter().enumerate() {
                let message_finished = i + 1 == pieces.len();
                let piece = TextMessage { data, frame_finished: true, message_finished };
                sender.send(piece, output).unwrap();
                pinged.iter().for_each(|payload| sender.send(Ping::new(payload), output).unwrap());
            }
        }
        Step::Binary(pieces) => {
            for (i, (data, pinged)) in pieces.iter().enumerate() {
                let message_finished = i + 1 == pieces.len();
                let piece = BytesMessage { data, frame_finished: true, message_finished };
                sender.send(piece, output).unwrap();
                pinged.iter().for_each(|payload| sender.send(Ping::new(payload), output).unwrap());
            }
        }
        Step::Ping(payload) => sender.send(Ping::new(payload), output).unwrap(),
        Step::Pong(payload) => sender.send(Pong::new(payload), output).unwrap(),
    }
}

/// What the peer receives, in the order in which messages and control frames end.
fn expected_from(step: &Step, said: &mut Vec<Said>) {
    match step {
        Step::Text(pieces) => {
            let whole: String = pieces.iter().map(|(data, _)| data.as_str()).collect();
            expected_pieces(pieces.iter().map(|(_, pinged)| pinged.as_ref()), text(&whole), said);
        }
        Step::Binary(pieces) => {
            let whole: Vec<u8> = pieces.iter().flat_map(|(data, _)| data.clone()).collect();
            expected_pieces(pieces.iter().map(|(_, pinged)| pinged.as_ref()), binary(&whole), said);
        }
        Step::Ping(payload) => said.push(ping(payload)),
        Step::Pong(payload) => said.push(pong(payload)),
    }
}

fn expected_pieces<'a>(
    pings: impl DoubleEndedIterator<Item = Option<&'a Vec<u8>>>,
    message: Said,
    said: &mut Vec<Said>,
) {
    let mut pings: Vec<_> = pings.collect();
    let after = pings.pop().flatten();
    said.extend(pings.into_iter().flatten().map(ping));
    said.push(message);
    said.extend(after.map(ping));
}

/// The bytes that a sender in this role writes for the steps.
fn stream(role: Role, steps: &[Step]) -> Vec<u8> {
    let mut output = Vec::new();
    match role {
        Role::Server => {
            let mut sender = Sender::server();
            steps.iter().for_each(|step| send_step(&mut sender, step, &mut output));
        }
        Role::Client => {
            let mut sender = Sender::client(Fixed);
            steps.iter().for_each(|step| send_step(&mut sender, step, &mut output));
        }
    }
    output
}

/// `bytes`, cut at these places.
fn cut<'a>(bytes: &'a [u8], places: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut rest = bytes;
    let mut pieces = Vec::new();
    for place in places {
        let (piece, after) = rest.split_at(place - (bytes.len() - rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// Frames as an encoder writes them: an opcode, that of the message, FIN, and a payload.
fn encoded<E: Entropy>(mut encoder: FrameEncoder<E>, frames: &[(Opcode, Opcode, bool, &Vec<u8>)]) -> Vec<u8> {
    let mut output = Vec::new();
    for (opcode, _, fin, payload) in frames {
        encoder.encode(*fin, Rsv::NONE, *opcode, payload, &mut output).unwrap();
    }
    output
}

/// Frames as a decoder reads them, their chunks joined.
fn decoded(role: Role, reads: Vec<&[u8]>) -> Vec<(Opcode, bool, Vec<u8>)> {
    let mut decoder = FrameDecoder::new(role, Limits::default());
    let (mut frames, mut in_progress) = (Vec::new(), Vec::new());
    for read in reads {
        let mut read = read.to_vec();
        let mut input = read.as_mut_slice();
        while let Some(chunk) = decoder.decode(&mut input).unwrap() {
            in_progress.extend_from_slice(chunk.payload);
            if chunk.ends.is_frame_end() {
                frames.push((chunk.opcode, chunk.ends.is_message_end(), core::mem::take(&mut in_progress)));
            }
        }
    }
    frames
}

/// Bytes that look like frames more often than random ones.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let likely = vec![
        0x00, 0x80, 0x01, 0x81, 0x02, 0x82, 0x88, 0x89, 0x8A, 0x03, 0x04, 0x84, 0x7E, 0xFE, 0x7F, 0xFF, 0xE8,
        0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x61,
    ];
    vec(prop_oneof![6 => select(likely), 1 => any::<u8>()], 0..80)
}

fn tight_limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_frame_len = 150;
    limits.max_message_len = 200;
    limits.max_fragments = 4;
    limits
}

/// The place of the first byte that makes the text invalid, whatever follows.
fn first_bad_byte(bytes: &[u8]) -> Option<usize> {
    let hopeless =
        |len: &usize| core::str::from_utf8(&bytes[..*len]).is_err_and(|error| error.error_len().is_some());
    (1..=bytes.len()).find(hopeless).map(|len| len - 1)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_header_that_was_encoded_decodes_to_itself(
        (fin, rsv, opcode) in (any::<bool>(), 0..8_u8, select(vec![0, 1, 2, 8, 9, 10])),
        masking_key in any::<Option<[u8; 4]>>(),
        (payload_len, shift) in (any::<u64>(), 0..64_u32),
        trailing in payload(9),
    ) {
        let rsv = Rsv::from_bits(rsv).unwrap();
        let opcode = Opcode::from_bits(opcode).unwrap();
        let header = FrameHeader { fin, rsv, opcode, masking_key, payload_len: payload_len >> shift };
        if let Ok(encoded) = header.encode() {
            let encoded = encoded.as_bytes();
            prop_assert_eq!(encoded.len(), header.encoded_len());
            let bytes = [encoded, &trailing].concat();
            prop_assert_eq!(FrameHeader::decode(&bytes), Ok(Some((header, encoded.len()))));
        }
    }

    #[test]
    fn a_header_that_was_decoded_encodes_to_itself(bytes in likely_bytes()) {
        if let Ok(Some((header, len))) = FrameHeader::decode(&bytes) {
            let encoded = header.encode().unwrap();
            prop_assert_eq!(encoded.as_bytes(), &bytes[..len]);
        }
    }

    #[test]
    fn frames_that_were_encoded_decode_to_themselves(
        messages in vec((any::<bool>(), vec(payload(200), 1..4), proptest::option::of(payload(125))), 0..5),
        places in vec(any::<Index>(), 0..9),
    ) {
        let mut frames = Vec::new();
        for (is_text, pieces, pinged) in &messages {
            let kind = if *is_text { Opcode::Text } else { Opcode::Binary };
            for (i, piece) in pieces.iter().enumerate() {
                let written = if i == 0 { kind } else { Opcode::Continuation };
                frames.push((written, kind, i + 1 == pieces.len(), piece));
            }
            frames.extend(pinged.iter().map(|payload| (Opcode::Ping, Opcode::Ping, true, payload)));
        }
        for role in BOTH {
            let bytes = match role.peer() {
                Role::Client => encoded(FrameEncoder::client(Fixed), &frames),
                Role::Server => encoded(FrameEncoder::server(), &frames),
            };
            let expected: Vec<_> =
                frames.iter().map(|(_, kind, fin, payload)| (*kind, *fin, payload.to_vec())).collect();
            prop_assert_eq!(decoded(role, cut(&bytes, &places)), expected);
        }
    }

    #[test]
    fn a_receiver_cloned_at_any_point_continues_like_its_original(
        steps in vec(step(), 0..4),
        trailing in likely_bytes(),
        places in vec(any::<Index>(), 0..12),
        cloned in any::<Index>(),
    ) {
        for role in BOTH {
            let bytes = [stream(role.peer(), &steps), trailing.clone()].concat();
            let reads = cut(&bytes, &places);
            let (before, after) = reads.split_at(cloned.index(reads.len() + 1));
            let mut original = Reader::new(role, tight_limits());
            before.iter().for_each(|read| original.read(read));
            let mut clone = original.copy();
            // One by one, so that what they shared would show.
            for read in after {
                original.read(read);
                clone.read(read);
                prop_assert_eq!(clone.seen(), original.seen());
            }
        }
    }

    #[test]
    fn sent_events_are_received_for_all_cuts(
        steps in vec(step(), 0..6),
        places in vec(any::<Index>(), 0..12),
    ) {
        let mut said = Vec::new();
        steps.iter().for_each(|step| expected_from(step, &mut said));
        for role in BOTH {
            let bytes = stream(role.peer(), &steps);
            let seen = feed(role, Limits::default(), cut(&bytes, &places));
            prop_assert_eq!(seen.failure, None);
            prop_assert_eq!(seen.unfinished, None);
            prop_assert_eq!(seen.in_progress, Some((true, 0)));
            prop_assert_eq!(seen.said, said.clone());
        }
    }

    #[test]
    fn client_and_server_send_the_same_frames_except_for_the_mask(steps in vec(step(), 0..6)) {
        let plain = sent(&stream(Role::Server, &steps));
        let mut unmasked = sent(&stream(Role::Client, &steps));
        for frame in &mut unmasked {
            prop_assert!(frame.key.take().is_some());
        }
        prop_assert_eq!(plain, unmasked);
    }

    #[test]
    fn text_is_received_for_all_fragments(
        message in "\\PC{0,60}",
        places in vec(any::<Index>(), 0..8),
        reads in vec(any::<Index>(), 0..8),
    ) {
        for role in BOTH {
            let bytes = fragments(role, message.as_bytes(), &places);
            let seen = feed(role, Limits::default(), cut(&bytes, &reads));
            prop_assert_eq!(seen.said, [text(&message)]);
            prop_assert_eq!(seen.frame_ends.len(), places.len() + 1);
        }
    }

    #[test]
    fn text_fails_at_the_first_byte_that_makes_it_invalid(
        message in vec(select(HARD.to_vec()), 0..8),
        places in vec(any::<Index>(), 0..3),
    ) {
        let bytes = fragments(Role::Client, &message, &places);
        let seen = check_with(Role::Client, Limits::default(), &bytes);
        let certain = match (first_bad_byte(&message), core::str::from_utf8(&message)) {
            (Some(bad), _) => Some(place_of(bad, message.len(), &places)),
            (None, Err(_)) => Some(bytes.len()),
            (None, Ok(_)) => None,
        };
        let failure = certain.map(|certain| (RemoteProtocolError::InvalidUtf8, certain));
        prop_assert_eq!(seen.failure, failure);
    }
}

/// The bytes at the borders of the ranges in the grammar of UTF-8 (RFC 3629 §4).
const HARD: [u8; 20] = [
    0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1,
    0xF4, 0xF5, 0xFF,
];

/// A text message in fragments cut at these places.
fn fragments(role: Role, message: &[u8], places: &[Index]) -> Vec<u8> {
    let pieces = cut(message, places);
    let mut bytes = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        let opcode = if i == 0 { TEXT } else { CONTINUATION };
        let fin = if i + 1 == pieces.len() { FIN } else { 0 };
        bytes.extend(frame_to(role, fin | opcode, piece));
    }
    bytes
}

/// The length of the fragments up to and including the message's byte at `bad`.
fn place_of(bad: usize, len: usize, places: &[Index]) -> usize {
    let headers = 1 + places.iter().filter(|place| place.index(len + 1) <= bad).count();
    headers * header_len(Role::Client, 0) + bad + 1
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_bytes_give_the_same_result_for_all_cuts(bytes in likely_bytes()) {
        for role in BOTH {
            check_with(role, tight_limits(), &bytes);
        }
    }

    #[test]
    fn a_stream_with_wrong_bytes_gives_the_same_result_for_all_cuts(
        steps in vec(step(), 1..4),
        wrong in vec((any::<Index>(), any::<u8>()), 0..4),
        code in any::<Option<u16>>(),
    ) {
        for role in BOTH {
            let mut bytes = stream(role.peer(), &steps);
            bytes.extend(code.iter().flat_map(|code| frame_to(role, CLOSE, code.to_be_bytes())));
            for (place, byte) in &wrong {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            check_with(role, tight_limits(), &bytes);
        }
    }

    #[test]
    fn a_part_of_a_stream_gives_the_same_result_for_all_cuts(
        steps in vec(step(), 1..4),
        places in [any::<Index>(), any::<Index>()],
    ) {
        for role in BOTH {
            let bytes = stream(role.peer(), &steps);
            let kept = cut(&bytes, &places);
            check_with(role, Limits::default(), &[kept[0], kept[2]].concat());
        }
    }

    #[test]
    fn any_number_of_reads_gives_the_same_result_as_one(
        steps in vec(step(), 0..5),
        trailing in likely_bytes(),
        places in vec(any::<Index>(), 0..20),
    ) {
        for role in BOTH {
            let bytes = [stream(role.peer(), &steps), trailing.clone()].concat();
            let whole = feed(role, tight_limits(), [&bytes[..]]);
            prop_assert_eq!(feed(role, tight_limits(), cut(&bytes, &places)), whole);
        }
    }

    #[test]
    fn control_frames_of_any_payload_keep_their_order(payloads in vec((any::<bool>(), payload(125)), 0..5)) {
        for role in BOTH {
            let frames = payloads.iter().map(|(pings, payload)| {
                if *pings { (PING, ping(payload), payload) } else { (PONG, pong(payload), payload) }
            });
            let bytes: Vec<u8> =
                frames.clone().flat_map(|(first, _, payload)| frame_to(role, first, payload)).collect();
            let said: Vec<Said> = frames.map(|(_, said, _)| said).collect();
            prop_assert_eq!(feed(role, Limits::default(), bytes.chunks(3)).said, said);
        }
    }

    #[test]
    fn a_close_that_can_be_sent_can_be_received(code in 0..5100_u16, reason in ".{0,60}") {
        let event = CloseConnection::new(code.into(), &*reason);
        let mut output = Vec::new();
        if Sender::client(Fixed).send(event, &mut output).is_ok() {
            let seen = check_with(Role::Server, Limits::default(), &output);
            prop_assert_eq!(seen.said, [close(code, &reason)]);
        } else {
            prop_assert!(output.is_empty());
        }
    }
}
