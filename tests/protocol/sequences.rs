//! Sequences of frames from arbitrary bytes: what is valid is accepted, and what is broken is refused by its rule, at
//! its byte (RFC 6455 §5.1 to §5.6, §8.1).

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Arbitrary, Unstructured};
use wsproto::{
    BrokenFrames, BytesMessage, CloseCode, CloseConnection, Event, ExtensionError, FrameHeader, LengthForm,
    Limits, MessageKind, Opcode, Ping, Pong, RawFrameHeader, RemoteProtocolError, ReplyPolicy, Role, Rsv,
    TextMessage, Timeouts, ValidFrames,
};

use crate::support::{BOTH, Said, Seen, check_with, feed, feed_frames};

/// So many byte strings for each role.
const COUNT: u64 = 3000;

/// Of so many sequences, one goes through every cut.
const EVERY_CUT: u64 = 20;

/// Longer sequences do not go through every cut: it takes too long.
const MAX_EVERY_CUT: usize = 400;

/// The byte strings of a fuzzer: of many lengths, some with few values.
fn fuzz(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let len = usize::from(next()) * if seed % 5 == 0 { 4 } else { 1 };
    let mask = if seed % 7 == 0 { 0x0F } else { 0xFF };
    (0..len).map(|_| next() & mask).collect()
}

fn said(events: &[Event<String, Vec<u8>>]) -> Vec<Said> {
    let said = |event: &Event<String, Vec<u8>>| match event.clone() {
        Event::Text(TextMessage { data, .. }) => Said::Text(data),
        Event::Bytes(BytesMessage { data, .. }) => Said::Binary(data),
        Event::Ping(Ping { payload }) => Said::Ping(payload),
        Event::Pong(Pong { payload }) => Said::Pong(payload),
        Event::Close(CloseConnection { code, reason }) => Said::Close(code.map(CloseCode::get), reason),
    };
    events.iter().map(said).collect()
}

/// What is observed of these reads; it is the same in one read, byte by byte, frame by frame, and sometimes at every cut.
fn observe(seed: u64, role: Role, limits: Limits, bytes: &[u8], reads: Vec<&[u8]>) -> Seen {
    let seen = feed(role, limits, [bytes]);
    assert_eq!(reads.concat(), bytes, "{seed}");
    assert_eq!(feed(role, limits, reads.iter().copied()), seen, "{seed}");
    assert_eq!(feed_frames(role, limits, reads), seen, "{seed}");
    if bytes.len() < 5000 {
        assert_eq!(feed(role, limits, bytes.chunks(1)), seen, "{seed}");
    }
    if seed % EVERY_CUT == 0 && bytes.len() < MAX_EVERY_CUT {
        assert_eq!(check_with(role, limits, bytes), seen, "{seed}");
    }
    seen
}

#[test]
fn receiver_accepts_each_valid_sequence_and_returns_its_messages() {
    let mut kinds = BTreeMap::new();
    let (mut fragmented, mut forms) = (0, BTreeSet::new());
    for sender in BOTH {
        for seed in 0..COUNT {
            let frames = ValidFrames::from_sender(sender, &mut Unstructured::new(&fuzz(seed))).unwrap();
            assert_eq!(frames.sender(), sender);
            let seen =
                observe(seed, sender.peer(), Limits::DEFAULT, frames.bytes(), frames.reads().collect());
            let expected = said(frames.events());
            assert_eq!(seen.failure, None, "{seed}: {frames:?}");
            assert!(seen.said == expected && seen.unfinished.is_none(), "{seed}");
            // Messages are complete; after a close frame nothing is in progress either.
            assert_eq!(seen.in_progress, Some((true, 0)), "{seed}");
            for event in &expected {
                let name = format!("{event:?}").split('(').next().unwrap().to_owned();
                *kinds.entry(name).or_insert(0) += 1;
            }
            fragmented += usize::from(seen.frame_ends.len() > seen.said.len());
            forms.extend(frames.events().iter().map(|event| match event {
                Event::Text(text) => LengthForm::shortest(text.data.len() as u64) as u8,
                Event::Bytes(bytes) => LengthForm::shortest(bytes.data.len() as u64) as u8,
                Event::Ping(_) | Event::Pong(_) | Event::Close(_) => LengthForm::Bits7 as u8,
            }));
        }
    }
    let names: Vec<&str> = kinds.keys().map(String::as_str).collect();
    assert_eq!(names, ["Binary", "Close", "Ping", "Pong", "Text"], "each kind of event occurs");
    assert!(kinds.values().all(|count| *count > 300), "{kinds:?}");
    assert!(fragmented > 100, "{fragmented} sequences have many fragments");
    assert_eq!(forms.len(), 3, "messages of each form of a length occur");
}

#[test]
fn receiver_refuses_each_broken_sequence_by_its_rule_at_its_byte() {
    for sender in BOTH {
        let mut rules = BTreeMap::new();
        for seed in 0..COUNT {
            let broken = BrokenFrames::from_sender(sender, &mut Unstructured::new(&fuzz(seed))).unwrap();
            assert_eq!(broken.sender(), sender);
            let seen =
                observe(seed, sender.peer(), broken.limits(), broken.bytes(), broken.reads().collect());
            assert_eq!(seen.failure, Some((broken.rule(), broken.broken_at() + 1)), "{seed}: {broken:?}");
            assert!(seen.said == said(broken.events()), "{seed}: {broken:?}");
            *rules.entry(broken.rule().name()).or_insert(0) += 1;
        }
        let mask = match sender {
            Role::Client => RemoteProtocolError::UnmaskedFrameFromClient,
            Role::Server => RemoteProtocolError::MaskedFrameFromServer,
        };
        let expected: BTreeSet<&str> = RULES.iter().chain([&mask]).map(|rule| rule.name()).collect();
        assert!(rules.keys().copied().eq(expected), "{rules:?}");
        assert!(rules.values().all(|count| *count > 50), "{rules:?}");
    }
}

/// Each rule that frames without extensions can break, from a client or from a server.
const RULES: &[RemoteProtocolError] = &[
    RemoteProtocolError::ReservedOpcode(3),
    RemoteProtocolError::ReservedBits,
    RemoteProtocolError::FragmentedControlFrame,
    RemoteProtocolError::ControlFrameTooLong,
    RemoteProtocolError::UnexpectedContinuation,
    RemoteProtocolError::ExpectedContinuation,
    RemoteProtocolError::NonMinimalLength,
    RemoteProtocolError::LengthTopBitSet,
    RemoteProtocolError::FrameTooLong,
    RemoteProtocolError::MessageTooLong,
    RemoteProtocolError::TooManyFragments,
    RemoteProtocolError::InvalidUtf8,
    RemoteProtocolError::TruncatedCloseCode,
    RemoteProtocolError::InvalidCloseCode(0),
    RemoteProtocolError::InvalidCloseReason,
];

#[test]
fn each_rule_can_be_broken_or_needs_an_extension() {
    const OWN: ExtensionError = ExtensionError::new(CloseCode::PROTOCOL_ERROR, "");
    let masks = [RemoteProtocolError::UnmaskedFrameFromClient, RemoteProtocolError::MaskedFrameFromServer];
    let extensions = [
        RemoteProtocolError::EncodedMessageTooLong,
        RemoteProtocolError::InvalidDeflate,
        RemoteProtocolError::InflationRatio,
        RemoteProtocolError::Extension(&OWN),
    ];
    crate::variants::assert_complete("RemoteProtocolError", RULES.iter().chain(&masks).chain(&extensions));
}

#[test]
fn bytes_before_the_broken_one_break_no_rule() {
    for seed in 0..COUNT {
        let broken = BrokenFrames::arbitrary(&mut Unstructured::new(&fuzz(seed))).unwrap();
        let before = &broken.bytes()[..broken.broken_at()];
        assert_eq!(feed(broken.sender().peer(), broken.limits(), [before]).failure, None, "{seed}");
    }
}

#[test]
fn broken_sequence_has_the_default_limits_unless_its_rule_is_a_limit() {
    use RemoteProtocolError::{FrameTooLong, MessageTooLong, TooManyFragments};
    for seed in 0..COUNT {
        let broken = BrokenFrames::arbitrary(&mut Unstructured::new(&fuzz(seed))).unwrap();
        let Limits { max_frame_len, max_message_len, max_fragments, .. } = broken.limits();
        let expected = match broken.rule() {
            FrameTooLong => Limits::DEFAULT.with_max_frame_len(max_frame_len),
            MessageTooLong => Limits::DEFAULT.with_max_message_len(max_message_len),
            TooManyFragments => Limits::DEFAULT.with_max_fragments(max_fragments),
            _ => Limits::DEFAULT,
        };
        assert_eq!(broken.limits(), expected);
    }
}

#[test]
fn valid_sequences_have_characters_lengths_and_close_codes_of_every_kind() {
    for sender in BOTH {
        let (mut widths, mut lens, mut codes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for seed in 0..COUNT {
            let frames = ValidFrames::from_sender(sender, &mut Unstructured::new(&fuzz(seed))).unwrap();
            for event in frames.events() {
                match event {
                    Event::Text(text) => {
                        // Long texts begin with many of this letter.
                        widths.extend(text.data.chars().filter(|c| *c != 'w').map(char::len_utf8));
                        lens.insert(text.data.len());
                    }
                    Event::Close(close) => codes.extend(close.code.map(CloseCode::get)),
                    Event::Bytes(_) | Event::Ping(_) | Event::Pong(_) => {}
                }
            }
        }
        assert!(widths.into_iter().eq(1..=4));
        assert!(lens.range(..50).count() > 20 && lens.range(150..300).count() > 20, "{lens:?}");
        assert!(codes.len() > 100, "{codes:?}");
        // "1010 … is not used by the server" to fail a handshake (§7.4.1).
        assert_eq!(codes.contains(&1010), sender == Role::Client);
    }
}

#[test]
fn control_frames_are_between_fragments_too() {
    let (valid, broken) = (values::<ValidFrames>(), values::<BrokenFrames>());
    let in_valid = valid.iter().filter(|frames| has_control_frame_inside(frames.bytes())).count();
    let before = |broken: &&BrokenFrames| has_control_frame_inside(&broken.bytes()[..broken.broken_at()]);
    let in_broken = broken.iter().filter(before).count();
    assert!(in_valid > 100 && in_broken > 100, "{in_valid}, {in_broken}");
}

/// Whether a control frame is between two fragments, or follows one that is not the last.
fn has_control_frame_inside(mut bytes: &[u8]) -> bool {
    let mut is_inside = false;
    while let Ok(Some((header, len))) = FrameHeader::decode(bytes) {
        match header.opcode.is_control() {
            true if is_inside => return true,
            true => {}
            false => is_inside = !header.fin,
        }
        bytes = bytes.get(len + header.payload_len as usize..).unwrap_or_default();
    }
    false
}

#[test]
fn no_bytes_make_a_sequence_too() {
    let valid = ValidFrames::arbitrary(&mut Unstructured::new(&[])).unwrap();
    assert_eq!((valid.bytes(), valid.events(), valid.reads().count()), (&[][..], &[][..], 1));
    let broken = BrokenFrames::arbitrary(&mut Unstructured::new(&[])).unwrap();
    assert_eq!(broken.rule(), RemoteProtocolError::ReservedOpcode(3));
}

/// All values of a type that these byte strings make.
fn values<T: for<'a> Arbitrary<'a>>() -> Vec<T> {
    (0..COUNT).map(|seed| T::arbitrary(&mut Unstructured::new(&fuzz(seed))).unwrap()).collect()
}

#[test]
fn arbitrary_header_is_one_that_can_be_encoded() {
    let headers = values::<FrameHeader>();
    assert!(headers.iter().all(|header| header.encode().is_ok()));
    let forms: BTreeSet<usize> = headers.iter().map(FrameHeader::encoded_len).collect();
    assert!(forms.into_iter().eq([2, 4, 6, 8, 10, 14]), "each length of a header occurs");
    for opcode in values::<Opcode>() {
        let mut of_opcode = headers.iter().filter(|header| header.opcode == opcode);
        assert!(of_opcode.any(|header| header.payload_len > 1), "{opcode:?}");
    }
}

#[test]
fn arbitrary_raw_headers_have_every_opcode_and_form() {
    let headers = values::<RawFrameHeader>();
    let seen: BTreeSet<u8> = headers.iter().map(|header| header.opcode).collect();
    assert!(seen.into_iter().eq(0..=15));
    for form in [LengthForm::Bits7, LengthForm::Bits16, LengthForm::Bits64] {
        assert!(headers.iter().any(|header| header.length_form == form));
    }
    assert!(values::<Rsv>().contains(&Rsv::ALL));
}

#[cfg(feature = "handshake")]
#[test]
fn arbitrary_limits_of_the_handshake_are_small_or_the_default() {
    let limits = values::<wsproto::HandshakeLimits>();
    assert!(limits.iter().any(|limits| limits.max_head_len < 2048 && limits.max_headers == 100));
    let default = wsproto::HandshakeLimits::DEFAULT;
    assert!(limits.contains(&default));
    assert!(limits.iter().any(|limits| (100..2048).contains(&limits.max_head_len)));
    assert!(limits.iter().any(|limits| (10..32).contains(&limits.max_headers)));
    for limits in limits {
        assert!(limits.max_head_len < 2048 || limits.max_head_len == default.max_head_len);
        assert!(limits.max_early_data < 2048 || limits.max_early_data == default.max_early_data);
        assert!(limits.max_headers < 32 || limits.max_headers == default.max_headers);
        assert!(limits.max_informational < 4 || limits.max_informational == default.max_informational);
    }
}

#[test]
fn arbitrary_settings_have_small_and_default_limits() {
    let limits = values::<Limits>();
    assert!(limits.iter().any(|limits| limits.max_frame_len < 256 && limits.max_message_len > 256));
    assert!(limits.iter().any(|limits| limits.max_fragments < 256 && limits.max_encoded_len < 256));
    assert!(limits.contains(&Limits::DEFAULT));
    for policy in [ReplyPolicy::Nothing, ReplyPolicy::Pong, ReplyPolicy::PongAndClose] {
        assert!(values::<ReplyPolicy>().contains(&policy));
    }
    for kind in [MessageKind::Text, MessageKind::Binary] {
        assert!(values::<MessageKind>().contains(&kind));
    }
    let timeouts = values::<Timeouts>();
    assert!(timeouts.contains(&Timeouts::DEFAULT));
    assert!(timeouts.iter().any(|timeouts| timeouts.ping_interval.is_none() && timeouts.idle.is_some()));
    assert!(BOTH.iter().all(|role| values::<Role>().contains(role)));
}

#[test]
fn arbitrary_events_are_of_each_kind_and_end_no_message_inside_a_frame() {
    let (mut kinds, mut ends) = (BTreeSet::new(), BTreeSet::new());
    for event in values::<Event<String, Vec<u8>>>() {
        kinds
            .insert(said(std::slice::from_ref(&event)).pop().map(|said| format!("{said:?}")[..3].to_owned()));
        match event {
            Event::Text(TextMessage { frame_finished, message_finished, .. })
            | Event::Bytes(BytesMessage { frame_finished, message_finished, .. }) => {
                ends.insert((frame_finished, message_finished));
            }
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
        }
    }
    assert_eq!(kinds.len(), 5);
    assert!(ends.into_iter().eq([(false, false), (true, false), (true, true)]));
    let codes = values::<CloseCode>();
    let sendable = codes.iter().filter(|code| code.is_sendable()).count();
    assert!((COUNT as usize / 4..COUNT as usize * 3 / 4).contains(&sendable), "{sendable}");
    let defined = codes.iter().filter(|code| code.get() < 1016).count();
    assert!(defined > COUNT as usize / 8, "{defined} of RFC 6455");
}

#[cfg(feature = "deflate")]
#[test]
fn arbitrary_deflate_params_have_every_window() {
    let params = values::<wsproto::DeflateParams>();
    for bits in 8..=15 {
        assert!(params.iter().any(|params| params.server_max_window_bits == bits));
        assert!(params.iter().any(|params| params.client_max_window_bits == bits));
    }
    assert!(params.iter().all(|params| (8..=15).contains(&params.server_max_window_bits)));
}
