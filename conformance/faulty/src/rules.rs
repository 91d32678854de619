//! The rules for what a peer may send: failures with their close codes (RFC 6455 §5, §7.4; RFC 7692 §6.1).

use crate::deflate::NotDeflate;
use crate::fault::{Fault, Faults};
use crate::frame::{BINARY, CLOSE, CONTINUATION, Header, TEXT};
use crate::utf8::{NotUtf8, Utf8};

/// The peer broke a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The close code for it.
    pub(crate) code: u16,
    pub(crate) rule: &'static str,
}

pub(crate) const fn protocol(rule: &'static str) -> Failure {
    Failure { code: 1002, rule }
}

pub(crate) const TOO_BIG: Failure = Failure { code: 1009, rule: "the message is too long" };

impl From<NotUtf8> for Failure {
    fn from(NotUtf8: NotUtf8) -> Self {
        Self { code: 1007, rule: "the text is not UTF-8" }
    }
}

impl From<NotDeflate> for Failure {
    fn from(NotDeflate: NotDeflate) -> Self {
        Self { code: 1007, rule: "the compressed data is not DEFLATE" }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A whole message.
    Message {
        is_text: bool,
        payload: Vec<u8>,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The peer's close frame.
    Close {
        code: Option<u16>,
        reason: Vec<u8>,
    },
    /// The peer broke a rule: always the last event.
    Failed(Failure),
    /// The transport ended without a close frame: always the last event.
    Lost,
}

/// What the rules of a header depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub(crate) role: Role,
    pub(crate) has_deflate: bool,
    pub(crate) is_in_message: bool,
}

/// Checks what the first two bytes of a header say.
pub(crate) fn check_first(header: &Header, context: &Context, faults: Faults) -> Result<(), Failure> {
    let is_control = header.opcode >= CLOSE;
    let is_first = matches!(header.opcode, TEXT | BINARY);
    let allowed_rsv = match header.opcode {
        _ if faults.has(Fault::IgnoresReservedBits) => 7,
        CLOSE.. if faults.has(Fault::IgnoresReservedBitsOfControl) => 7,
        CLOSE.. if context.has_deflate && faults.has(Fault::AcceptsCompressedControl) => RSV1,
        CONTINUATION if faults.has(Fault::IgnoresReservedBitsOfContinuation) => 7,
        CONTINUATION if context.has_deflate && faults.has(Fault::AcceptsCompressedBitOnContinuation) => RSV1,
        TEXT | BINARY if context.has_deflate => RSV1,
        TEXT | BINARY if faults.has(Fault::AcceptsCompressedBitWithoutAgreement) => RSV1,
        _ => 0,
    };
    if header.rsv & !allowed_rsv != 0 {
        return Err(protocol("a reserved bit is set"));
    }
    match header.opcode {
        3..=7 if !faults.has(Fault::IgnoresReservedDataOpcodes) => {
            return Err(protocol("a reserved opcode"));
        }
        11.. if !faults.has(Fault::IgnoresReservedControlOpcodes) => {
            return Err(protocol("a reserved opcode"));
        }
        _ => {}
    }
    match (context.role, header.key) {
        (Role::Server, None) if !faults.has(Fault::AcceptsUnmasked) => {
            return Err(protocol("an unmasked frame from a client"));
        }
        (Role::Client, Some(_)) if !faults.has(Fault::AcceptsMasked) => {
            return Err(protocol("a masked frame from a server"));
        }
        _ => {}
    }
    if is_control {
        if !header.fin && !faults.has(Fault::AcceptsFragmentedControl) {
            return Err(protocol("a fragmented control frame"));
        }
        if header.len > 125 && !faults.has(Fault::AcceptsLongControl) {
            return Err(protocol("a control frame of more than 125 bytes"));
        }
        if context.is_in_message && faults.has(Fault::RefusesControlWithinMessage) {
            return Err(protocol("a control frame within a message"));
        }
    }
    if header.opcode == CONTINUATION && !context.is_in_message && !faults.has(Fault::AcceptsLoneContinuation)
    {
        return Err(protocol("a continuation without a message"));
    }
    if is_first && context.is_in_message && !faults.has(Fault::AcceptsMessageWithinMessage) {
        return Err(protocol("a new message within a message"));
    }
    Ok(())
}

/// Checks the form of the length of a whole header.
pub(crate) fn check_form(header: &Header, faults: Faults) -> Result<(), Failure> {
    if header.is_longer_than_needed {
        let is_accepted = match header.len {
            _ if header.opcode >= CLOSE => faults.has(Fault::AcceptsLongControl),
            ..126 => faults.has(Fault::AcceptsLongerForm16),
            _ => faults.has(Fault::AcceptsLongerForm64),
        };
        if !is_accepted {
            return Err(protocol("the length is not in its shortest form"));
        }
    }
    if header.len > MAX_LENGTH {
        return Err(protocol("the highest bit of the length is set"));
    }
    Ok(())
}

/// Checks the body of a close frame (§5.5.1, §7.4).
pub(crate) fn close(body: &[u8], faults: Faults) -> Result<Event, Failure> {
    let Some((code, reason)) = body.split_first_chunk() else {
        if body.is_empty() || faults.has(Fault::AcceptsOneByteClose) {
            return Ok(Event::Close { code: None, reason: Vec::new() });
        }
        return Err(protocol("a close frame with one byte"));
    };
    let code = u16::from_be_bytes(*code);
    let is_valid = match code {
        _ if faults.has(Fault::AnswersNormalToBadCode) => true,
        0..=999 => faults.has(Fault::AcceptsLowCloseCodes),
        1004 => false,
        1005 | 1006 | 1015 => faults.has(Fault::AcceptsReservedCloseCodes),
        1000..=1014 => true,
        1016..=2999 => faults.has(Fault::AcceptsUnassignedCloseCodes),
        3000..=4999 => !faults.has(Fault::RefusesPrivateCloseCodes),
        5000.. => faults.has(Fault::AcceptsHighCloseCodes),
    };
    if !is_valid {
        return Err(protocol("a close code that must not be sent"));
    }
    let mut utf8 = Utf8::new();
    if !faults.has(Fault::SkipsCheckOfReason) {
        utf8.push(reason, faults)?;
    }
    if !utf8.is_complete() && !faults.has(Fault::AcceptsTruncatedReason) {
        return Err(NotUtf8.into());
    }
    let is_bad = matches!(code, 0..=999 | 1004..=1006 | 1015..=2999 | 5000..);
    let code = if is_bad && faults.has(Fault::AnswersNormalToBadCode) { 1000 } else { code };
    Ok(Event::Close { code: Some(code), reason: reason.to_vec() })
}

/// The bit of a header that says that a message is compressed (RFC 7692 §6).
pub(crate) const RSV1: u8 = 4;

/// §5.2: the most significant bit of a 64-bit length is 0.
const MAX_LENGTH: u64 = u64::MAX >> 1;
