//! A header that was encoded decodes to itself, and decoding agrees with a simple decoder written from RFC 6455 §5.2.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wsproto::{FrameHeader, Opcode, RemoteProtocolError, Rsv};

#[derive(Arbitrary, Debug)]
struct Input {
    fin: bool,
    rsv: u8,
    opcode: u8,
    masking_key: Option<[u8; 4]>,
    payload_len: u64,
    /// How many bits to shift the length to the right, so that short lengths are as likely as long ones.
    shift: u8,
    bytes: [u8; 16],
    cut: u8,
}

fuzz_target!(|input: Input| {
    round_trip(&input);
    let len = usize::from(input.cut) % (input.bytes.len() + 1);
    let bytes = &input.bytes[..len];
    assert_eq!(FrameHeader::decode(bytes), naive_decode(bytes));
});

fn round_trip(input: &Input) {
    let Some(opcode) = Opcode::from_bits(input.opcode & 0xF) else { return };
    let Some(rsv) = Rsv::from_bits(input.rsv & 0x7) else { panic!("three bits are always valid") };
    let payload_len = input.payload_len >> (input.shift & 63);
    let header = FrameHeader { fin: input.fin, rsv, opcode, masking_key: input.masking_key, payload_len };

    // §5.2 and §5.5; a close frame's payload is empty or begins with two bytes (§5.5.1).
    let lawful = match opcode {
        Opcode::Close if payload_len == 1 => false,
        _ if opcode.is_control() => header.fin && payload_len <= 125,
        _ => payload_len < 1 << 63,
    };
    assert_eq!(header.encode().is_ok(), lawful);
    let Ok(encoded) = header.encode() else { return };
    let encoded = encoded.as_bytes();
    assert_eq!(encoded.len(), header.encoded_len());
    assert_eq!(FrameHeader::decode(encoded), Ok(Some((header, encoded.len()))));
    for len in 0..encoded.len() {
        assert_eq!(FrameHeader::decode(&encoded[..len]), Ok(None));
    }
}

/// Decodes the header from a copy that is padded with zeros, and then checks whether the input had all of it.
fn naive_decode(input: &[u8]) -> Result<Option<(FrameHeader, usize)>, RemoteProtocolError> {
    let mut bytes = [0; 32];
    bytes[..input.len()].copy_from_slice(input);
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };

    let (fin, rsv, opcode) = (bytes[0] >= 0x80, bytes[0] / 16 % 8, bytes[0] % 16);
    let (masked, short_len) = (bytes[1] >= 0x80, bytes[1] % 128);
    let (payload_len, key_at) = match short_len {
        126 => (number(2..4), 4),
        127 => (number(2..10), 10),
        len => (u64::from(len), 2),
    };
    let (masking_key, header_len) = match masked {
        true => (Some([0, 1, 2, 3].map(|i| bytes[key_at + i])), key_at + 4),
        false => (None, key_at),
    };

    if !input.is_empty() {
        if matches!(opcode, 3..=7 | 11..=15) {
            return Err(RemoteProtocolError::ReservedOpcode(opcode));
        }
        if opcode >= 8 && !fin {
            return Err(RemoteProtocolError::FragmentedControlFrame);
        }
    }
    if input.len() >= 2 && opcode >= 8 {
        if short_len > 125 {
            return Err(RemoteProtocolError::ControlFrameTooLong);
        }
        if opcode == 8 && short_len == 1 {
            return Err(RemoteProtocolError::TruncatedCloseCode);
        }
    }
    if input.len() >= key_at {
        if payload_len >= 1 << 63 {
            return Err(RemoteProtocolError::LengthTopBitSet);
        }
        if short_len == 126 && payload_len < 126 || short_len == 127 && payload_len < 65536 {
            return Err(RemoteProtocolError::NonMinimalLength);
        }
    }
    if input.len() < header_len.max(2) {
        return Ok(None);
    }
    let Some(rsv) = Rsv::from_bits(rsv) else { panic!("three bits are always valid") };
    let opcode = match opcode {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        _ => Opcode::Pong,
    };
    Ok(Some((FrameHeader { fin, rsv, opcode, masking_key, payload_len }, header_len)))
}
