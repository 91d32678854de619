//! `DeflateBlocks` writes what it is asked for: two readers, ours and zlib-rs, agree (RFC 1951 §3.2).

use proptest::prelude::*;
use wsproto::{DeflateBlocks, RawFrameHeader, RemoteProtocolError, Role, Rsv};

use crate::protocol::{Said, binary, text};
use crate::puff::{Puffed, puff};
use crate::support::{Setup, fails, says};

const WHOLE: u8 = 0x80 | 0x40 | 0x1;

fn read_by_puff(stream: &[u8]) -> Puffed {
    let mut puffed = Puffed::default();
    puff(&mut puffed, stream);
    puffed
}

/// What a client makes of a compressed message with this payload.
fn read_by_client(payload: &[u8]) -> Vec<Said> {
    let header = RawFrameHeader::new(2, payload.len() as u64).with_rsv(Rsv::RSV1);
    let seen = Setup::of(Role::Client).check(&header.encode_frame(payload));
    assert_eq!(seen.failure, None);
    seen.said
}

#[test]
fn each_length_and_distance_of_a_copy_has_its_code() {
    let noise = crate::support::noise(7, 32_768);
    let before = DeflateBlocks::new().stored(false, &noise);
    for (len, distance) in (3..=258)
        .map(|len| (len, 1))
        .chain((1..=32_768).step_by(97).map(|d| (4, d)))
        .chain((0..15).flat_map(|bits| [(5, 1 << bits), (5, (1 << bits) + 1), (5, (2 << bits) - 1)]))
    {
        let stream = before.clone().begin(true, 1).copy(len, distance).end().into_bytes();
        let puffed = read_by_puff(&stream);
        let mut expected = noise.clone();
        for _ in 0..len {
            expected.push(expected[expected.len() - distance as usize]);
        }
        assert!(puffed.output == expected, "{len}, {distance}");
        assert_eq!(puffed.max_distance, distance as usize);
    }
}

#[test]
fn copy_that_has_no_code_counts_as_the_nearest() {
    let copy = |len, distance| DeflateBlocks::new().copy(len, distance);
    assert_eq!(copy(0, 0), copy(3, 1));
    assert_eq!(copy(u32::MAX, u32::MAX), copy(258, 32_768));
}

#[test]
fn each_literal_has_its_code() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(read_by_puff(&DeflateBlocks::new().fixed(true, &all).into_bytes()).output, all);
    assert_eq!(read_by_client(&DeflateBlocks::new().fixed(false, &all).into_message()), [binary(&all)]);
}

#[test]
fn stored_block_says_the_length_of_its_data_or_another() {
    let stored = |data: &[u8]| DeflateBlocks::new().stored(false, data).into_bytes();
    assert_eq!(stored(b"abc"), b"\0\x03\0\xfc\xffabc");
    assert_eq!(stored(&[0; 0x1_0002])[..5], *b"\0\x02\0\xfd\xff", "the lowest 16 bits");
    let wrong = DeflateBlocks::new().stored_with_len(true, 0x0102, 0x0304, b"x").into_bytes();
    assert_eq!(wrong, b"\x01\x02\x01\x04\x03x");
    let message = DeflateBlocks::new().stored_with_len(false, 5, 5, b"Hello").into_message();
    fails([(WHOLE, &message)], RemoteProtocolError::InvalidDeflate);
}

#[test]
fn empty_stored_block_ends_in_the_tail_that_a_message_leaves_out() {
    let flushed = DeflateBlocks::new().fixed(false, b"Hello").stored(false, b"").into_bytes();
    let message = DeflateBlocks::new().fixed(false, b"Hello").into_message();
    assert_eq!(flushed, [&message[..], &DeflateBlocks::TAIL].concat());
    assert_eq!(DeflateBlocks::new().into_message(), [0]);
    says([(WHOLE, &message), (WHOLE, &[0])], &[text("Hello"), text("")]);
    // With the tail it is one empty block more, which is valid too.
    says([(WHOLE, &flushed)], &[text("Hello")]);
}

#[test]
fn symbols_and_distances_that_are_never_valid_have_codes() {
    let begun = || DeflateBlocks::new().begin(false, 1).symbol(b'a'.into());
    for blocks in [
        begun().symbol(286).distance_code(0),
        begun().symbol(287).distance_code(0),
        begun().symbol(257).distance_code(30),
        begun().symbol(257).distance_code(31),
        begun().symbol(257).distance_code(1), // before the beginning
        DeflateBlocks::new().begin(false, 3),
    ] {
        fails([(WHOLE, &blocks.end().into_message())], RemoteProtocolError::InvalidDeflate);
    }
    assert_eq!(begun().symbol(u16::MAX), begun().symbol(287));
    assert_eq!(begun().distance_code(32), begun().distance_code(0), "its lowest five bits");
}

proptest! {
    #[test]
    fn bits_are_written_the_lowest_first(values in prop::collection::vec((any::<u32>(), 0..40_u32), 0..20)) {
        let blocks = values.iter().fold(DeflateBlocks::new(), |blocks, &(value, count)| blocks.bits(value, count));
        let bits = values.iter().flat_map(|&(value, count)| (0..count.min(32)).map(move |place| value >> place & 1 == 1));
        let bits: Vec<bool> = bits.collect();
        let bytes = blocks.into_bytes();
        prop_assert_eq!(bytes.len(), bits.len().div_ceil(8));
        for place in 0..bytes.len() * 8 {
            prop_assert_eq!(bytes[place / 8] >> (place % 8) & 1 == 1, bits.get(place) == Some(&true));
        }
    }
}
