//! Small worlds, whole: every input of a small size gives what a few lines without any cleverness say
//! (RFC 6455 §5.2 to §5.5, §7.4, §8.1; RFC 3629 §4). Every word of acts at both ends is in `model_words`.

use wsproto::{
    CloseCode, CloseConnection, Ends, Event, FrameDecoder, FrameHeader, Limits, Opcode, Receiver,
    RemoteProtocolError, Role, Rsv,
};

use crate::support::{BOTH, FIN, KEY, TEXT, frame_to};

/// The message that a header finds in progress.
const MESSAGES: [Option<Opcode>; 3] = [None, Some(Opcode::Text), Some(Opcode::Binary)];

/// What the first two bytes of a frame are, by the letter: a valid header, or the rules that its first bad byte breaks.
fn naive_header(
    [first, second]: [u8; 2],
    role: Role,
    message: Option<Opcode>,
    allowed: Rsv,
) -> Result<FrameHeader, (usize, Vec<RemoteProtocolError>)> {
    let (fin, rsv, opcode) = (first & 0x80 != 0, Rsv::from_bits((first >> 4) & 7).unwrap(), first & 0x0F);
    let (masked, len) = (second & 0x80 != 0, second & 0x7F);
    let is_control = opcode >= 8;
    let is_continuation = opcode == 0;
    let may_have = if is_control { Rsv::NONE } else { allowed };
    let mut broken = Vec::new();
    let mut check = |is_broken: bool, rule| {
        if is_broken {
            broken.push(rule);
        }
    };
    check(matches!(opcode, 3..=7 | 11..=15), RemoteProtocolError::ReservedOpcode(opcode));
    check(rsv.bits() & !may_have.bits() != 0, RemoteProtocolError::ReservedBits);
    check(is_control && !fin, RemoteProtocolError::FragmentedControlFrame);
    check(is_continuation && message.is_none(), RemoteProtocolError::UnexpectedContinuation);
    check(matches!(opcode, 1 | 2) && message.is_some(), RemoteProtocolError::ExpectedContinuation);
    if !broken.is_empty() {
        return Err((1, broken));
    }
    let mut check = |is_broken: bool, rule| {
        if is_broken {
            broken.push(rule);
        }
    };
    check(role == Role::Server && !masked, RemoteProtocolError::UnmaskedFrameFromClient);
    check(role == Role::Client && masked, RemoteProtocolError::MaskedFrameFromServer);
    check(is_control && len > 125, RemoteProtocolError::ControlFrameTooLong);
    check(opcode == 8 && len == 1, RemoteProtocolError::TruncatedCloseCode);
    if !broken.is_empty() {
        return Err((2, broken));
    }
    let payload_len = match len {
        126 => 126,
        127 => 0x1_0000,
        len => len.into(),
    };
    let opcode = Opcode::from_bits(opcode).unwrap();
    Ok(FrameHeader { fin, rsv, opcode, masking_key: masked.then_some(KEY), payload_len })
}

/// 65,536 headers for each role, message in progress and set of allowed bits: 3,145,728 in all.
#[test]
fn first_two_bytes_of_every_header_are_read_by_the_letter() {
    let mut accepted = 0;
    for role in BOTH {
        for message in MESSAGES {
            for bits in 0..8 {
                let allowed = Rsv::from_bits(bits).unwrap();
                let mut decoder = FrameDecoder::new(role, Limits::NONE).with_allowed_rsv(allowed, allowed);
                if let Some(opcode) = message {
                    let mut begun = frame_to(role, opcode.bits(), b"");
                    assert_eq!(decoder.decode(&mut &mut begun[..]).unwrap().unwrap().ends, Ends::Frame);
                }
                for bytes in 0..=u16::MAX {
                    accepted +=
                        u32::from(check_header(&decoder, bytes.to_be_bytes(), role, message, allowed));
                }
            }
        }
    }
    // Control frames: 3 opcodes, 126 lengths but one of the close frame, without bits. Data frames: 2 values of FIN, 128 lengths, the allowed bits,
    // of which 27 sets are within 8 sets; 2 opcodes outside of a message, 1 inside of each of two.
    assert_eq!(accepted, 2 * (3 * 8 * (3 * 126 - 1) + 2 * 128 * 27 * (2 + 1 + 1)));
}

/// Whether the header is valid.
fn check_header(
    decoder: &FrameDecoder,
    bytes: [u8; 2],
    role: Role,
    message: Option<Opcode>,
    allowed: Rsv,
) -> bool {
    let mut decoder = decoder.clone();
    // With the shortest length that its form can have, a masking key, and a byte of the payload.
    let mut frame = bytes.to_vec();
    match bytes[1] & 0x7F {
        126 => frame.extend([0, 126]),
        127 => frame.extend([0, 0, 0, 0, 0, 1, 0, 0]),
        _ => {}
    }
    if bytes[1] & 0x80 != 0 {
        frame.extend(KEY);
    }
    let payload_at = frame.len();
    frame.push(0);
    let mut input = frame.as_mut_slice();
    let found =
        decoder.decode(&mut input).map(|chunk| chunk.map(|chunk| (chunk.header, chunk.opcode, chunk.ends)));
    let left = input.len();
    match naive_header(bytes, role, message, allowed) {
        Ok(header) => {
            let is_message_end = header.fin || header.opcode.is_control();
            let ends = match header.payload_len {
                0 | 1 if is_message_end => Ends::Message,
                0 | 1 => Ends::Frame,
                _ => Ends::Nothing,
            };
            let opcode = message.filter(|_| header.opcode == Opcode::Continuation).unwrap_or(header.opcode);
            assert_eq!(found, Ok(Some((header, opcode, ends))), "{bytes:x?} to a {role:?} in {message:?}");
            assert_eq!(left, usize::from(header.payload_len == 0));
            true
        }
        Err((at, rules)) => {
            let error = found.expect_err("a broken rule");
            assert!(
                rules.contains(&error),
                "{bytes:x?} to a {role:?} in {message:?}: {error:?}, not {rules:?}"
            );
            assert_eq!(payload_at + 1 - left, at, "{bytes:x?}: {error:?}");
            false
        }
    }
}

/// The first and the last byte of each range in the table of RFC 3629 §4, and of the ranges between them.
const RANGES: [u8; 24] = [
    0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
    0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
];

/// 331,776 texts of four bytes, each in the eight ways to cut it: 2,654,208 in all.
#[test]
fn every_text_of_four_bytes_is_checked_by_the_letter_however_it_is_cut() {
    let mut valid = 0;
    for index in 0..RANGES.len().pow(4) {
        let byte = |place: u32| RANGES[index / RANGES.len().pow(place) % RANGES.len()];
        let text = [byte(0), byte(1), byte(2), byte(3)];
        // The first byte after which no text can go on like this.
        let bad = (1..=4)
            .find(|len| std::str::from_utf8(&text[..*len]).is_err_and(|error| error.error_len().is_some()));
        let bad = bad.or_else(|| std::str::from_utf8(&text).is_err().then_some(4));
        valid += u32::from(bad.is_none());
        for cuts in 0..8_u8 {
            assert_eq!(first_bad_byte(text, cuts), bad, "{text:x?} in cuts {cuts:b}");
        }
    }
    assert!(valid > 1000, "{valid}");
}

/// How many bytes of a text message were read when it failed; it is cut after byte `n` if bit `n` of `cuts` is set.
fn first_bad_byte(text: [u8; 4], cuts: u8) -> Option<usize> {
    let mut receiver = Receiver::new(Role::Client, Limits::NONE);
    let mut frame = [FIN | TEXT, 4, text[0], text[1], text[2], text[3]];
    let mut start = 0;
    for end in 1..=4 {
        if end < 4 && cuts & (1 << (end - 1)) == 0 {
            continue;
        }
        let mut input = &mut frame[start..2 + end];
        let len = input.len();
        loop {
            match receiver.next_event(&mut input) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(error, RemoteProtocolError::InvalidUtf8);
                    return Some(start + len - input.len() - 2 - receiver.bytes_after_error());
                }
            }
        }
        start = 2 + end;
    }
    None
}

/// 65,536 close frames to each role.
#[test]
fn every_close_body_of_two_bytes_is_checked_by_the_letter() {
    for role in BOTH {
        for code in 0..=u16::MAX {
            let mut frame = frame_to(role, 0x88, code.to_be_bytes());
            let mut receiver = Receiver::new(role, Limits::NONE);
            let mut input = frame.as_mut_slice();
            let received = receiver.next_event(&mut input);
            match code {
                1000..=1003 | 1007..=1014 | 3000..=4999 => {
                    let close = CloseConnection { code: Some(CloseCode::new(code)), reason: "" };
                    assert_eq!(received, Ok(Some(Event::Close(close))));
                }
                _ => assert_eq!(received, Err(RemoteProtocolError::InvalidCloseCode(code))),
            }
        }
    }
}
