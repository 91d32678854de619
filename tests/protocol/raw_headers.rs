//! Headers and close payloads that may break every rule: what is encoded, and what a decoder makes of it.

use proptest::prelude::*;
use wsproto::{
    FrameHeader, LengthForm, Opcode, RawClosePayload, RawFrameHeader, RemoteProtocolError, Role, Rsv,
};

use crate::support::{BINARY, FIN, KEY, check_failure, frame_to};

fn raw_header() -> impl Strategy<Value = RawFrameHeader> {
    let form = prop_oneof![Just(LengthForm::Bits7), Just(LengthForm::Bits16), Just(LengthForm::Bits64)];
    let len = prop_oneof![0..130_u64, 65_500..65_600_u64, any::<u64>()];
    (any::<bool>(), 0..8_u8, any::<u8>(), any::<Option<[u8; 4]>>(), len, form).prop_map(
        |(fin, rsv, opcode, key, len, form)| {
            RawFrameHeader::new(opcode, len)
                .with_fin(fin)
                .with_rsv(Rsv::from_bits(rsv).unwrap())
                .with_masking_key(key)
                .with_length_form(form)
        },
    )
}

/// Which rule a header breaks without a connection, found from its fields.
fn broken_rule(header: &RawFrameHeader) -> Option<RemoteProtocolError> {
    let opcode = header.opcode & 0x0F;
    let Ok(known) = Opcode::try_from(opcode) else {
        return Some(RemoteProtocolError::ReservedOpcode(opcode));
    };
    if known.is_control() {
        if !header.fin {
            return Some(RemoteProtocolError::FragmentedControlFrame);
        }
        if header.length_form != LengthForm::Bits7 || header.payload_len % 128 > 125 {
            return Some(RemoteProtocolError::ControlFrameTooLong);
        }
        if known == Opcode::Close && header.payload_len % 128 == 1 {
            return Some(RemoteProtocolError::TruncatedCloseCode);
        }
    }
    match header.length_form {
        LengthForm::Bits7 => None,
        LengthForm::Bits16 => {
            (header.payload_len % 65_536 < 126).then_some(RemoteProtocolError::NonMinimalLength)
        }
        LengthForm::Bits64 if header.payload_len >> 63 == 1 => Some(RemoteProtocolError::LengthTopBitSet),
        LengthForm::Bits64 => (header.payload_len < 65_536).then_some(RemoteProtocolError::NonMinimalLength),
    }
}

proptest! {
    #[test]
    fn decoder_names_the_rule_that_a_raw_header_breaks(header in raw_header()) {
        let bytes = header.encode();
        let is_cut = header.length_form == LengthForm::Bits7 && header.payload_len % 128 > 125;
        match (FrameHeader::decode(bytes.as_bytes()), broken_rule(&header)) {
            (decoded, Some(rule)) => prop_assert_eq!(decoded, Err(rule)),
            (decoded, None) if is_cut => prop_assert!(!matches!(decoded, Err(RemoteProtocolError::ReservedOpcode(_)))),
            (decoded, None) => {
                let (decoded, len) = decoded.unwrap().unwrap();
                prop_assert_eq!(len, bytes.as_bytes().len());
                prop_assert_eq!((decoded.fin, decoded.rsv, decoded.masking_key), (header.fin, header.rsv, header.masking_key));
                prop_assert_eq!(decoded.opcode.bits(), header.opcode & 0x0F);
            }
        }
    }

    #[test]
    fn header_without_a_fault_is_encoded_alike_by_both(header in raw_header()) {
        if let Ok(Some((decoded, _))) = FrameHeader::decode(header.encode().as_bytes()) {
            let raw = RawFrameHeader::from(decoded);
            let (raw, plain) = (raw.encode(), decoded.encode().unwrap());
            prop_assert_eq!(raw.as_bytes(), plain.as_bytes());
        }
    }
}

#[test]
fn each_field_is_where_section_5_2_puts_it() {
    let header = RawFrameHeader::new(0xF3, 126);
    assert_eq!(header.encode().as_bytes(), b"\x83\x7e\x00\x7e", "FIN, opcode 3, 16 bits");
    assert_eq!(header.with_rsv(Rsv::ALL).with_fin(false).encode().as_bytes(), b"\x73\x7e\x00\x7e");
    assert_eq!(
        header.with_length_form(LengthForm::Bits7).encode().as_bytes(),
        b"\x83\x7e",
        "a form without its bytes"
    );
    let short = RawFrameHeader::new(1, 5);
    assert_eq!(short.with_length_form(LengthForm::Bits16).encode().as_bytes(), b"\x81\x7e\x00\x05");
    assert_eq!(short.with_length_form(LengthForm::Bits64).encode().as_bytes(), b"\x81\x7f\0\0\0\0\0\0\0\x05");
    assert_eq!(short.with_masking_key(Some(*b"abcd")).encode().as_bytes(), b"\x81\x85abcd");
}

#[test]
fn frame_has_the_payload_as_it_is_or_masked() {
    let header = RawFrameHeader::new(2, 9);
    assert_eq!(header.encode_frame(b"abc"), b"\x82\x09abc");
    let masked = header.with_masking_key(Some(KEY));
    assert_eq!(masked.encode_frame(b""), [0x82, 0x89, 0x37, 0xfa, 0x21, 0x3d]);
    for len in [0, 1, 5, 125, 126, 1000, 0x1_0000] {
        let payload: Vec<u8> = (0..len).map(|place| place as u8).collect();
        let masked = RawFrameHeader::new(2, len).with_masking_key(Some(KEY));
        assert_eq!(masked.encode_frame(&payload), frame_to(Role::Server, FIN | BINARY, &payload));
        assert_eq!(
            RawFrameHeader::new(2, len).encode_frame(&payload),
            frame_to(Role::Client, FIN | BINARY, &payload)
        );
    }
}

#[test]
fn close_payload_can_be_any_bytes() {
    let encoded = |payload: RawClosePayload<'_>| payload.encode().collect::<Vec<u8>>();
    assert_eq!(encoded(RawClosePayload::Empty), b"");
    assert_eq!(encoded(RawClosePayload::HalfCode(0xF3)), [0xF3]);
    assert_eq!(encoded(RawClosePayload::Code(1006, b"")), [0x03, 0xEE]);
    assert_eq!(encoded(RawClosePayload::Code(0, b"\xff\xfe")), [0, 0, 0xFF, 0xFE]);
    assert_eq!(encoded(RawClosePayload::Code(u16::MAX, &[b'a'; 200])).len(), 202);
}

#[test]
fn each_fault_of_a_close_payload_is_refused_by_its_rule() {
    for (payload, rule, at) in [
        (RawClosePayload::HalfCode(3), RemoteProtocolError::TruncatedCloseCode, 1),
        (RawClosePayload::Code(1005, b""), RemoteProtocolError::InvalidCloseCode(1005), 3),
        (RawClosePayload::Code(0, b"x"), RemoteProtocolError::InvalidCloseCode(0), 3),
        (RawClosePayload::Code(1000, b"a\xff"), RemoteProtocolError::InvalidCloseReason, 5),
        (RawClosePayload::Code(1000, b"a\xe2\x82"), RemoteProtocolError::InvalidCloseReason, 6),
        (RawClosePayload::Code(1000, &[b'a'; 124]), RemoteProtocolError::ControlFrameTooLong, 1),
    ] {
        let payload: Vec<u8> = payload.encode().collect();
        let header = RawFrameHeader::new(8, payload.len() as u64);
        check_failure(Role::Client, &header.encode_frame(&payload), rule, at + 1);
    }
}
