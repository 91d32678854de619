//! Tests: new zlib streams begin long before zlib's counters overflow.
//!
//! In tests, a stream ends after a few kilobytes: see `RENEW_AFTER` and `MAX_STREAM_LEN`. Miri is slow, so there it ends
//! a few times only.

use alloc::vec;
use alloc::vec::Vec;

use zlib_rs::{Inflate, InflateFlush};

use super::PermessageDeflate;
use super::compressor;
use super::deflater::Deflater;
use super::inflater::Inflater;
use super::params::DeflateParams;
use super::stream;
use crate::error::RemoteProtocolError;
use crate::extension::{InboundExtension, OutboundExtension};
use crate::frame::{Ends, FrameHeader, Rsv};
use crate::opcode::Opcode;

const EMPTY_BLOCK: [u8; 5] = [0x00, 0x00, 0x00, 0xFF, 0xFF];

fn inflater() -> Inflater {
    Inflater::new(DeflateParams::DEFAULT.server(), None, None)
}

/// A compressor with level 0: it only stores, so its output is a little longer than its input.
fn deflater() -> Deflater {
    let settings = PermessageDeflate::new().with_level(0);
    Deflater::new(DeflateParams::DEFAULT.server(), settings.compression, None)
}

/// Decompresses a frame of a message.
fn frame(
    inflater: &mut Inflater,
    opcode: Opcode,
    payload: &[u8],
    end: Ends,
) -> Result<Vec<u8>, RemoteProtocolError> {
    let rsv = if opcode == Opcode::Continuation { Rsv::NONE } else { Rsv::RSV1 };
    let fin = end == Ends::Message;
    let payload_len = payload.len() as u64;
    assert!(inflater.begin_frame(&FrameHeader { fin, rsv, opcode, masking_key: None, payload_len })?);
    let mut output = Vec::new();
    let mut rest = payload;
    loop {
        let decoded = inflater.decode(rest, end, usize::MAX)?;
        output.extend_from_slice(inflater.output());
        rest = &rest[decoded.read..];
        if decoded.done {
            assert!(rest.is_empty());
            return Ok(output);
        }
    }
}

#[test]
fn message_of_any_number_of_empty_blocks_is_read() {
    // In fragments that end at different places of a block.
    let mut inflater = inflater();
    frame(&mut inflater, Opcode::Binary, &EMPTY_BLOCK, Ends::Frame).unwrap();
    let blocks = EMPTY_BLOCK.repeat(200);
    let streams = if cfg!(miri) { 2 } else { 20 };
    let mut total = 0;
    while total < streams * stream::MAX_STREAM_LEN {
        for (start, end) in [(0, 333), (333, 334), (334, 1000)] {
            let output = frame(&mut inflater, Opcode::Continuation, &blocks[start..end], Ends::Frame);
            assert_eq!(output.as_deref(), Ok(&b""[..]));
        }
        total += 1000;
    }
    let last = frame(&mut inflater, Opcode::Continuation, &[0], Ends::Message);
    assert_eq!(last, Ok(Vec::new()));
}

#[test]
fn window_is_kept_when_a_new_stream_begins() {
    // "Hello", then many empty blocks, then a copy of "Hello".
    let mut inflater = inflater();
    let hello = [0x00, 0x05, 0x00, 0xFA, 0xFF, b'H', b'e', b'l', b'l', b'o'];
    assert_eq!(frame(&mut inflater, Opcode::Binary, &hello, Ends::Frame), Ok(b"Hello".to_vec()));
    for _ in 0..if cfg!(miri) { 10 } else { 100 } {
        frame(&mut inflater, Opcode::Continuation, &EMPTY_BLOCK.repeat(100), Ends::Frame).unwrap();
    }
    // A block of fixed codes that copies five bytes from a distance of five, without the bytes that a sender removes.
    let copy = frame(&mut inflater, Opcode::Continuation, &[0x02, 0x13, 0x00, 0x00], Ends::Message);
    assert_eq!(copy, Ok(b"Hello".to_vec()));
}

#[test]
fn message_where_no_new_stream_can_begin_is_refused_before_a_counter_overflows() {
    // No frame ends with the bytes of a flush.
    let mut inflater = inflater();
    frame(&mut inflater, Opcode::Binary, &[0x00], Ends::Frame).unwrap();
    let blocks = [&EMPTY_BLOCK[1..], &EMPTY_BLOCK.repeat(20), &[0x00]].concat();
    let mut total = 1;
    let error = loop {
        match frame(&mut inflater, Opcode::Continuation, &blocks, Ends::Frame) {
            Ok(output) => assert!(output.is_empty()),
            Err(error) => break error,
        }
        total += blocks.len() as u64;
    };
    assert_eq!(error, RemoteProtocolError::EncodedMessageTooLong);
    assert!(total <= stream::MAX_STREAM_LEN && total + blocks.len() as u64 > stream::MAX_STREAM_LEN);
}

#[test]
fn messages_are_read_and_written_while_both_streams_are_renewed_many_times() {
    let (mut deflater, mut inflater) = (deflater(), inflater());
    let rounds = if cfg!(miri) { 12 } else { 200 };
    for round in 0..rounds {
        let message: Vec<u8> = (0..1000_u32).map(|i| (i * i + round) as u8).collect();
        let (first, rest) = message.split_at(700);
        let first_payload = deflater.encode(first, false).to_vec();
        let rest_payload = deflater.encode(rest, true).to_vec();
        deflater.end_frame();
        let mut output = frame(&mut inflater, Opcode::Binary, &first_payload, Ends::Frame).unwrap();
        output.extend(frame(&mut inflater, Opcode::Continuation, &rest_payload, Ends::Message).unwrap());
        assert!(output == message, "{round}");
    }
}

#[test]
fn new_stream_begins_between_messages_of_one_frame() {
    let (mut deflater, mut inflater) = (deflater(), inflater());
    for round in 0..10 {
        let message = vec![round; 1500];
        let payload = deflater.encode(&message, true).to_vec();
        deflater.end_frame();
        assert!(frame(&mut inflater, Opcode::Binary, &payload, Ends::Message).unwrap() == message, "{round}");
    }
}

#[test]
fn new_stream_begins_between_fragments_that_are_longer_than_a_stream_should_be() {
    let (mut deflater, mut inflater) = (deflater(), inflater());
    let mut opcode = Opcode::Binary;
    for round in 0..10_u32 {
        // Bytes that do not compress.
        let fragment: Vec<u8> =
            (0..1500_u32).map(|i| ((i + round).wrapping_mul(0x9E37_79B9) >> 13) as u8).collect();
        let payload = deflater.encode(&fragment, false).to_vec();
        assert!(frame(&mut inflater, opcode, &payload, Ends::Frame).unwrap() == fragment, "{round}");
        opcode = Opcode::Continuation;
    }
}

#[test]
fn payload_longer_than_a_stream_may_be_is_compressed_in_parts() {
    let mut deflater = deflater();
    let renewals = if cfg!(miri) { 1 } else { 5 };
    for len in [
        compressor::RENEW_AFTER - 1,
        compressor::RENEW_AFTER,
        compressor::RENEW_AFTER + 1,
        renewals * compressor::RENEW_AFTER + 7,
    ] {
        let message: Vec<u8> = (0..len).map(|i| (i * i / 7) as u8).collect();
        let payload = deflater.encode(&message, true).to_vec();
        let max_len = deflater.max_encoded_len(len);
        assert!(payload.len() <= max_len && max_len <= len + len / 6 + 64, "{max_len} for {len}");
        let mut output = vec![0; len + 1];
        let mut inflate = Inflate::new(false, 15);
        inflate.decompress(&payload, &mut output, InflateFlush::SyncFlush).unwrap();
        output.truncate(usize::try_from(inflate.total_out()).unwrap());
        assert!(output == message, "{len}");
    }
}
