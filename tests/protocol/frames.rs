//! The base framing: what a header means, and which headers are not allowed (RFC 6455 §5.2).

use wsproto::{
    FrameDecoder, FrameEncoder, FrameHeader, Limits, LocalProtocolError, Opcode, Receiver, ReceiverState,
    RemoteProtocolError, Role, Rsv,
};

use crate::support::{
    BINARY, BOTH, CONTINUATION, FIN, Fixed, KEY, PING, TEXT, binary, check_everywhere, check_failure,
    check_said, check_with, frame_to, frames_to, header_len, text,
};

const LENGTHS: [usize; 10] = [0, 1, 2, 124, 125, 126, 127, 128, 65535, 65536];

const OPCODES: [Opcode; 6] =
    [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong];

/// A header as the peer of `role` writes it, without a payload; the length is in 2 or 8 extra bytes.
fn long_form(role: Role, first: u8, form: u8, len: u64) -> Vec<u8> {
    let mask_bit = if role == Role::Server { 0x80 } else { 0 };
    let len = len.to_be_bytes();
    let extended = if form == 126 { &len[6..] } else { &len[..] };
    let key: &[u8] = if role == Role::Server { &KEY } else { &[] };
    [&[first, mask_bit | form], extended, key].concat()
}

fn header(payload_len: u64, masking_key: Option<[u8; 4]>) -> FrameHeader {
    FrameHeader { fin: true, rsv: Rsv::NONE, opcode: Opcode::Binary, masking_key, payload_len }
}

#[test]
fn payloads_with_each_form_of_length_are_received() {
    for role in BOTH {
        for len in LENGTHS {
            let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            check_said(role, &frame_to(role, FIN | BINARY, &payload), &[binary(&payload)]);
        }
    }
}

#[test]
fn texts_with_each_form_of_length_are_received() {
    for role in BOTH {
        for len in LENGTHS {
            let payload = "x".repeat(len);
            check_said(role, &frame_to(role, FIN | TEXT, &payload), &[text(&payload)]);
        }
    }
}

#[test]
fn a_length_is_written_in_its_shortest_form() {
    let shortest: [(u64, &[u8]); 8] = [
        (0, b"\x82\x00"),
        (1, b"\x82\x01"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (0x0102, b"\x82\x7e\x01\x02"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\0\0\0\0\0\x01\0\0"),
        (0x0102_0304_0506_0708, b"\x82\x7f\x01\x02\x03\x04\x05\x06\x07\x08"),
    ];
    for (len, bytes) in shortest {
        let header = header(len, None);
        assert_eq!(header.encode().unwrap().as_bytes(), bytes);
        assert_eq!(header.encoded_len(), bytes.len());
    }
}

#[test]
fn the_masking_key_is_written_after_the_length() {
    assert_eq!(header(5, Some(KEY)).encode().unwrap().as_bytes(), b"\x82\x85\x37\xfa\x21\x3d");
    assert_eq!(header(126, Some(KEY)).encode().unwrap().as_bytes(), b"\x82\xfe\x00\x7e\x37\xfa\x21\x3d");
    assert_eq!(header(126, Some(KEY)).encoded_len(), 8);
    assert_eq!(header(1 << 16, Some(KEY)).encode().unwrap().as_bytes().len(), FrameHeader::MAX_LEN);
}

#[test]
fn an_encoded_header_decodes_to_the_same_header() {
    for opcode in OPCODES {
        for rsv in [Rsv::NONE, Rsv::RSV1, Rsv::RSV2, Rsv::RSV3, Rsv::RSV1 | Rsv::RSV2 | Rsv::RSV3] {
            for payload_len in [0, 1, 2, 125, 126, 65535, 65536, FrameHeader::MAX_PAYLOAD_LEN] {
                for (fin, masking_key) in [(true, None), (true, Some(KEY)), (false, None), (false, Some(KEY))]
                {
                    let header = FrameHeader { fin, rsv, opcode, masking_key, payload_len };
                    let Ok(encoded) = header.encode() else {
                        assert!(opcode.is_control() && (!fin || matches!(payload_len, 1 | 126..)));
                        continue;
                    };
                    let bytes = encoded.as_bytes();
                    assert_eq!(FrameHeader::decode(bytes), Ok(Some((header, bytes.len()))));
                }
            }
        }
    }
}

#[test]
fn decoding_waits_for_the_whole_header_and_reads_no_further() {
    for masking_key in [None, Some(KEY)] {
        for payload_len in [5, 126, 65536] {
            let header = header(payload_len, masking_key);
            let encoded = header.encode().unwrap();
            let bytes = encoded.as_bytes();
            for len in 0..bytes.len() {
                assert_eq!(FrameHeader::decode(&bytes[..len]), Ok(None));
            }
            let more = [bytes, &[0xFF; 20]].concat();
            assert_eq!(FrameHeader::decode(&more), Ok(Some((header, bytes.len()))));
        }
    }
}

#[test]
fn encoding_refuses_a_length_with_its_top_bit_set() {
    for payload_len in [1 << 63, u64::MAX] {
        assert_eq!(header(payload_len, None).encode(), Err(LocalProtocolError::PayloadTooLong));
    }
}

#[test]
fn encoding_refuses_control_frames_that_are_long_or_fragmented() {
    for opcode in [Opcode::Close, Opcode::Ping, Opcode::Pong] {
        let long = FrameHeader { opcode, ..header(126, None) };
        assert_eq!(long.encode(), Err(LocalProtocolError::ControlFrameTooLong));
        let fragment = FrameHeader { opcode, fin: false, ..header(0, None) };
        assert_eq!(fragment.encode(), Err(LocalProtocolError::FragmentedControlFrame));
    }
}

#[test]
fn encoding_refuses_a_close_frame_with_one_byte_of_payload() {
    // "If there is a body, the first two bytes … MUST be a 2-byte unsigned integer" (§5.5.1).
    let close = FrameHeader { opcode: Opcode::Close, ..header(1, None) };
    assert!(close.encode().is_err());
    let mut output = Vec::new();
    assert!(FrameEncoder::server().encode(true, Rsv::NONE, Opcode::Close, b"x", &mut output).is_err());
    assert_eq!(output, b"");
}

#[test]
fn a_length_that_is_not_minimal_fails_at_its_last_byte() {
    for role in BOTH {
        for len in [0, 1, 125] {
            let bytes = long_form(role, FIN | BINARY, 126, len);
            check_failure(role, &bytes, RemoteProtocolError::NonMinimalLength, 4);
        }
        for len in [0, 1, 125, 126, 65535] {
            let bytes = long_form(role, FIN | BINARY, 127, len);
            check_failure(role, &bytes, RemoteProtocolError::NonMinimalLength, 10);
        }
    }
}

#[test]
fn a_length_with_its_top_bit_set_fails_with_any_limits() {
    for role in BOTH {
        for len in [1 << 63, 1 << 63 | 5, u64::MAX] {
            let bytes = long_form(role, FIN | BINARY, 127, len);
            for limits in [Limits::NONE, Limits::default()] {
                let seen = check_with(role, limits, &bytes);
                assert_eq!(seen.failure, Some((RemoteProtocolError::LengthTopBitSet, 10)));
            }
        }
    }
}

#[test]
fn the_longest_length_is_accepted_without_limits() {
    for role in BOTH {
        let mut bytes = long_form(role, FIN | BINARY, 127, i64::MAX as u64);
        bytes.extend(b"abc");
        let seen = check_with(role, Limits::NONE, &bytes);
        assert_eq!(seen.failure, None);
        assert_eq!(seen.in_progress, Some((false, i64::MAX as u64 - 3)));
    }
}

#[test]
fn each_reserved_bit_fails_on_the_first_byte_of_any_message_or_control_frame() {
    // No extension is in use that defines the bit (§5.8).
    for role in BOTH {
        for rsv in 1..8 {
            for opcode in [0x1, 0x2, 0x8, 0x9, 0xA] {
                let bytes = frame_to(role, FIN | rsv << 4 | opcode, b"");
                check_failure(role, &bytes, RemoteProtocolError::ReservedBits, 1);
            }
        }
    }
}

#[test]
fn each_reserved_bit_fails_on_a_continuation() {
    for role in BOTH {
        for rsv in 1..8 {
            let bytes = frames_to(role, [(BINARY, b"one"), (FIN | rsv << 4 | CONTINUATION, b"two")]);
            let certain = header_len(role, 3) + 3 + 1;
            check_failure(role, &bytes, RemoteProtocolError::ReservedBits, certain);
        }
    }
}

#[test]
fn each_reserved_opcode_fails_on_the_first_byte() {
    for role in BOTH {
        for opcode in (0x3..=0x7).chain(0xB..=0xF) {
            for fin in [0, FIN] {
                let bytes = frame_to(role, fin | opcode, b"?");
                check_failure(role, &bytes, RemoteProtocolError::ReservedOpcode(opcode), 1);
            }
        }
    }
}

#[test]
fn a_reserved_opcode_fails_inside_a_message_too() {
    for role in BOTH {
        let bytes = frames_to(role, [(TEXT, b"a"), (FIN | 0x3, b"b")]);
        let certain = header_len(role, 1) + 1 + 1;
        check_failure(role, &bytes, RemoteProtocolError::ReservedOpcode(3), certain);
    }
}

#[test]
fn only_six_numbers_are_opcodes() {
    for bits in 0..=u8::MAX {
        let known = matches!(bits, 0 | 1 | 2 | 8 | 9 | 10);
        assert_eq!(Opcode::from_bits(bits).map(Opcode::bits), known.then_some(bits));
    }
    let control: Vec<u8> = OPCODES.iter().filter(|opcode| opcode.is_control()).map(|o| o.bits()).collect();
    assert_eq!(control, [8, 9, 10]);
}

#[test]
fn the_error_for_an_unknown_opcode_has_its_number() {
    for bits in 0..=u8::MAX {
        match Opcode::try_from(bits) {
            Ok(opcode) => assert_eq!((Opcode::from_bits(bits), u8::from(opcode)), (Some(opcode), bits)),
            Err(error) => assert_eq!((Opcode::from_bits(bits), error.bits()), (None, bits)),
        }
    }
    let messages = [0xB, 0x1B].map(|bits| Opcode::try_from(bits).unwrap_err().to_string());
    assert_eq!(messages, ["0xb is not an opcode of RFC 6455", "0x1b is not an opcode of RFC 6455"]);
}

#[test]
fn rsv_bits_are_a_set_of_three() {
    for bits in 0..=u8::MAX {
        assert_eq!(Rsv::from_bits(bits).map(Rsv::bits), (bits < 8).then_some(bits));
    }
    let sets = (0..8).filter_map(Rsv::from_bits);
    for (a, b) in sets.clone().flat_map(|a| sets.clone().map(move |b| (a, b))) {
        assert_eq!((a | b).bits(), a.bits() | b.bits());
        assert_eq!((a & b).bits(), a.bits() & b.bits());
        assert_eq!((a ^ b).bits(), a.bits() ^ b.bits());
        assert_eq!((!a).bits(), 7 - a.bits());
        assert_eq!(a.intersects(b), a.bits() & b.bits() != 0);
        assert_eq!(a.contains(b), a & b == b);
        let [mut or, mut and, mut xor] = [a; 3];
        or |= b;
        and &= b;
        xor ^= b;
        assert_eq!([or, and, xor], [a | b, a & b, a ^ b]);
    }
    assert_eq!(Rsv::ALL, Rsv::RSV1 | Rsv::RSV2 | Rsv::RSV3);
}

#[test]
fn frames_are_read_one_after_the_other() {
    // Received bytes are read frame by frame (§6.2).
    for role in BOTH {
        let bytes = frames_to(role, [(FIN | BINARY, b"1"), (FIN | TEXT, b""), (FIN | BINARY, b"22")]);
        check_said(role, &bytes, &[binary(b"1"), text(""), binary(b"22")]);
    }
}

#[test]
fn an_incomplete_header_is_not_a_failure() {
    for role in BOTH {
        let bytes = frame_to(role, FIN | BINARY, [7; 300]);
        for len in 1..header_len(role, 300) {
            let seen = check_everywhere(role, &bytes[..len]);
            assert_eq!(seen.state, ReceiverState::Open);
            assert_eq!(seen.in_progress, Some((false, 0)));
        }
    }
}

#[test]
fn the_remaining_payload_length_is_reported() {
    for role in BOTH {
        let bytes = frame_to(role, FIN | BINARY, [7; 300]);
        let begun = check_everywhere(role, &bytes[..bytes.len() - 299]);
        assert_eq!(begun.in_progress, Some((false, 299)));
        let whole = check_everywhere(role, &bytes);
        assert_eq!(whole.in_progress, Some((true, 0)));
    }
}

#[test]
fn frame_decoder_gives_continuations_the_opcode_of_their_message() {
    let mut bytes = frames_to(Role::Client, [(TEXT, b"a"), (PING, b"!"), (FIN | CONTINUATION, b"b")]);
    let mut input = bytes.as_mut_slice();
    let mut decoder = FrameDecoder::new(Role::Client, Limits::default());
    let mut chunks = Vec::new();
    while let Some(chunk) = decoder.decode(&mut input).unwrap() {
        assert!(chunk.ends.is_frame_end());
        chunks.push((chunk.opcode, chunk.payload.to_vec(), chunk.ends.is_message_end()));
    }
    let expected =
        [(Opcode::Text, b"a", false), (Opcode::Ping, b"!", true), (Opcode::Text, b"b", true)].map(owned);
    assert_eq!(chunks, expected);
}

fn owned((opcode, payload, finished): (Opcode, &[u8; 1], bool)) -> (Opcode, Vec<u8>, bool) {
    (opcode, payload.to_vec(), finished)
}

#[test]
fn frame_decoder_stops_after_the_byte_that_breaks_a_rule() {
    let mut bytes = *b"\x82\x01a\x83\x01b";
    let mut input = bytes.as_mut_slice();
    let mut decoder = FrameDecoder::new(Role::Client, Limits::default());
    assert_eq!(decoder.decode(&mut input).unwrap().unwrap().payload, b"a");
    assert_eq!(decoder.decode(&mut input), Err(RemoteProtocolError::ReservedOpcode(3)));
    assert_eq!(input, b"\x01b");
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert!(input.is_empty());
}

#[test]
fn frame_decoder_reports_the_header_of_the_frame_with_each_chunk() {
    let mut bytes = frames_to(Role::Server, [(TEXT, b"abc"), (PING, b"!"), (FIN | CONTINUATION, b"d")]);
    let mut decoder = FrameDecoder::new(Role::Server, Limits::default());
    let mut headers = Vec::new();
    for read in bytes.chunks_mut(2) {
        let mut input = read;
        while let Some(chunk) = decoder.decode(&mut input).unwrap() {
            let FrameHeader { fin, rsv, opcode, masking_key, payload_len } = chunk.header;
            assert_eq!((rsv, masking_key), (Rsv::NONE, Some(KEY)));
            headers.push((fin, opcode, payload_len));
        }
    }
    headers.dedup();
    let expected = [(false, Opcode::Text, 3), (true, Opcode::Ping, 1), (true, Opcode::Continuation, 1)];
    assert_eq!(headers, expected);
}

#[test]
fn frame_decoder_allows_the_rsv_bits_that_it_is_given_on_the_frames_that_they_are_for() {
    const RSV1: u8 = 0x40;
    const RSV3: u8 = 0x10;
    let decode = |frames: &[u8]| {
        let mut bytes = frames.to_vec();
        let mut input = bytes.as_mut_slice();
        let decoder = FrameDecoder::new(Role::Client, Limits::default());
        let mut decoder = decoder.with_allowed_rsv(Rsv::RSV1, Rsv::RSV3);
        let mut bits = Vec::new();
        while let Some(chunk) = decoder.decode(&mut input)? {
            bits.push(chunk.header.rsv);
        }
        Ok(bits)
    };
    let lawful =
        frames_to(Role::Client, [(RSV1 | TEXT, b"a"), (PING, b""), (FIN | RSV3 | CONTINUATION, b"b")]);
    assert_eq!(decode(&lawful), Ok(vec![Rsv::RSV1, Rsv::NONE, Rsv::RSV3]));
    let refused = [
        frames_to(Role::Client, [(FIN | RSV3 | TEXT, b"a")]),
        frames_to(Role::Client, [(TEXT, b"a"), (FIN | RSV1 | CONTINUATION, b"b")]),
        frames_to(Role::Client, [(RSV1 | PING, b"")]),
    ];
    for frames in refused {
        assert_eq!(decode(&frames), Err(RemoteProtocolError::ReservedBits));
    }
}

#[test]
fn the_header_comes_with_each_range() {
    let mut bytes =
        frames_to(Role::Client, [(TEXT, b"abc"), (FIN | CONTINUATION, b"d"), (FIN | BINARY, b"e")]);
    let mut input = bytes.as_mut_slice();
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut headers = Vec::new();
    while let Some(found) = receiver.next_range(&mut input).unwrap() {
        headers.push((found.header.fin, found.header.opcode, found.header.payload_len));
    }
    let expected = [(false, Opcode::Text, 3), (true, Opcode::Continuation, 1), (true, Opcode::Binary, 1)];
    assert_eq!(headers, expected);
}

#[test]
fn an_encoder_of_either_role_masks_as_that_role_has_to() {
    for role in BOTH {
        let mut encoder = FrameEncoder::with_role(role, Fixed);
        assert_eq!(encoder.role(), role);
        let header = encoder.begin_frame(true, Rsv::NONE, Opcode::Binary, 3).unwrap();
        let bytes: &[u8] = header.as_ref();
        assert_eq!(bytes.len(), if role.masks() { 6 } else { 2 });
        assert_eq!(format!("{header:?}"), format!("EncodedHeader({bytes:?})"));
        assert_eq!(encoder.payload_remaining(), 3);
        encoder.continue_frame(&mut [0]).unwrap();
        assert_eq!(encoder.payload_remaining(), 2);
    }
}

#[test]
fn a_decoder_needs_nothing_after_an_error() {
    let mut decoder = FrameDecoder::new(Role::Client, Limits::default());
    assert_eq!(decoder.bytes_needed(&[]), 2);
    assert!(decoder.decode(&mut &mut [0x83][..]).is_err());
    assert_eq!(decoder.bytes_needed(&[]), 0);
    assert_eq!(Receiver::new(Role::Client, Limits::default()).bytes_after_error(), 0);
}
