//! Sending: what the local user asks for to frames (RFC 6455 §5.1, §6.1; RFC 7692 §7.2.1).

use crate::deflate::Deflater;
use crate::fault::{Fault, Faults};
use crate::frame::{self, BINARY, CLOSE, CONTINUATION, Key, PONG, TEXT};
use crate::random::random_bytes;
use crate::rules::Role;
use crate::utf8::Utf8;

/// The sending half of a connection. A refused call writes nothing.
#[derive(Debug)]
pub(crate) struct Sender {
    role: Role,
    faults: Faults,
    deflater: Option<Deflater>,
    /// Frames to write to the transport.
    pub(crate) output: Vec<u8>,
    is_closed: bool,
    /// The message that was begun in fragments; for a text, its check.
    fragmented: Option<Option<Utf8>>,
    first_key: Option<Key>,
}

/// The call is not allowed now, or its argument is not valid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl Sender {
    pub(crate) fn new(role: Role, deflater: Option<Deflater>, faults: Faults) -> Self {
        Self {
            role,
            faults,
            deflater,
            output: Vec::new(),
            is_closed: false,
            fragmented: None,
            first_key: None,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Sends a whole message.
    pub(crate) fn message(&mut self, is_text: bool, payload: &[u8]) -> Result<(), Refused> {
        self.check_open()?;
        if self.fragmented.is_some() && !self.faults.has(Fault::AllowsMessageWithinMessage) {
            return Err(Refused);
        }
        if is_text && !is_utf8(payload) && !self.faults.has(Fault::AllowsInvalidText) {
            return Err(Refused);
        }
        let is_sent_as_text = is_text && !self.faults.has(Fault::SendsTextAsBinary);
        let opcode = if is_sent_as_text { TEXT } else { BINARY };
        match self.deflater.as_mut().map(|deflater| deflater.compress(payload)) {
            Some(payload) if self.faults.has(Fault::SetsCompressedBitOnEveryFragment) => {
                let (first, second) = payload.split_at(payload.len() / 2);
                self.frame(RSV1 | opcode, first);
                self.frame(FIN | RSV1 | CONTINUATION, second);
            }
            Some(payload) if self.faults.has(Fault::OmitsCompressedBit) => self.frame(FIN | opcode, &payload),
            Some(payload) => self.frame(FIN | RSV1 | opcode, &payload),
            None if self.faults.has(Fault::RepeatsOpcodeInFragments) => {
                let (first, second) = payload.split_at(payload.len() / 2);
                self.frame(opcode, first);
                self.frame(FIN | opcode, second);
            }
            None if self.faults.has(Fault::OmitsFin) => self.frame(opcode, payload),
            None if self.faults.has(Fault::SendsReservedBit) => self.frame(FIN | RSV2 | opcode, payload),
            None => self.frame(FIN | opcode, payload),
        }
        Ok(())
    }

    /// Begins a message in fragments, which are not compressed.
    pub(crate) fn begin(&mut self, is_text: bool, payload: &[u8]) -> Result<(), Refused> {
        self.check_open()?;
        if self.fragmented.is_some() && !self.faults.has(Fault::AllowsMessageWithinMessage) {
            return Err(Refused);
        }
        self.fragmented = Some(check_fragment(is_text.then(Utf8::new), payload)?);
        self.frame(if is_text { TEXT } else { BINARY }, payload);
        Ok(())
    }

    pub(crate) fn continuation(&mut self, fin: bool, payload: &[u8]) -> Result<(), Refused> {
        self.check_open()?;
        if self.fragmented.is_none() && !self.faults.has(Fault::AllowsLoneContinuation) {
            return Err(Refused);
        }
        let utf8 = check_fragment(self.fragmented.unwrap_or_default(), payload)?;
        if fin && utf8.is_some_and(|utf8| !utf8.is_complete()) {
            return Err(Refused);
        }
        self.fragmented = (!fin).then_some(utf8);
        self.frame(if fin { FIN | CONTINUATION } else { CONTINUATION }, payload);
        Ok(())
    }

    /// Sends a ping or a pong.
    pub(crate) fn control(&mut self, opcode: u8, payload: &[u8]) -> Result<(), Refused> {
        self.check_open()?;
        if payload.len() > 125 && !self.faults.has(Fault::AllowsLongControl) {
            return Err(Refused);
        }
        if opcode == PONG && self.faults.has(Fault::FragmentsPong) {
            self.frame(PONG, payload);
            self.frame(FIN | CONTINUATION, b"");
            return Ok(());
        }
        self.frame(FIN | opcode, payload);
        Ok(())
    }

    /// Sends a close frame; a reason needs a code (§5.5.1, §7.4).
    pub(crate) fn close(&mut self, code: Option<u64>, reason: &[u8]) -> Result<(), Refused> {
        if self.is_closed && !self.faults.has(Fault::AllowsSecondClose) {
            return Err(Refused);
        }
        let is_valid = match code {
            None => reason.is_empty(),
            Some(_) if self.faults.has(Fault::AllowsAnyCloseCode) => true,
            Some(code) => matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999),
        };
        let is_short = reason.len() <= 123 || self.faults.has(Fault::AllowsLongReason);
        if !is_valid || !is_short || !is_utf8(reason) {
            return Err(Refused);
        }
        self.write_close(code.and_then(|code| u16::try_from(code).ok()), reason);
        Ok(())
    }

    /// Writes a close frame without a check: an answer, or a failure's.
    pub(crate) fn write_close(&mut self, code: Option<u16>, reason: &[u8]) {
        self.is_closed = true;
        let mut body = Vec::new();
        if let Some(code) = code {
            let little = self.faults.has(Fault::SendsCodeInLittleEndian);
            body.extend_from_slice(&if little { code.to_le_bytes() } else { code.to_be_bytes() });
        }
        body.extend_from_slice(reason);
        self.frame(FIN | CLOSE, &body);
    }

    /// Writes a frame without a check.
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        let key = self.key();
        self.output.extend(frame::encode(first, payload, key, self.faults));
    }

    /// Clients mask, each frame with a new key (§5.3); servers do not.
    fn key(&mut self) -> Option<Key> {
        let new = random_bytes();
        let first = *self.first_key.get_or_insert(new);
        match self.role {
            Role::Server => self.faults.has(Fault::ServerMasks).then_some(new),
            Role::Client if self.faults.has(Fault::ClientDoesNotMask) => None,
            Role::Client if self.faults.has(Fault::MasksWithZero) => Some([0; 4]),
            Role::Client if self.faults.has(Fault::RepeatsMaskingKey) => Some(first),
            Role::Client => Some(new),
        }
    }

    fn check_open(&self) -> Result<(), Refused> {
        let faults = self.faults;
        let is_allowed = !self.is_closed
            || faults.has(Fault::AllowsSendAfterClose)
            || faults.has(Fault::ReadsAfterClose)
            || faults.has(Fault::ReadsAfterFailure);
        if is_allowed { Ok(()) } else { Err(Refused) }
    }
}

fn check_fragment(utf8: Option<Utf8>, payload: &[u8]) -> Result<Option<Utf8>, Refused> {
    let Some(mut utf8) = utf8 else { return Ok(None) };
    utf8.push(payload, Faults::NONE).map_err(|_| Refused)?;
    Ok(Some(utf8))
}

fn is_utf8(bytes: &[u8]) -> bool {
    let mut utf8 = Utf8::new();
    utf8.push(bytes, Faults::NONE).is_ok() && utf8.is_complete()
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
