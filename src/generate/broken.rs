//! Sequences of frames that break one rule.

use alloc::string::String;
use alloc::vec::Vec;

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::close_code::CloseCode;
use crate::error::RemoteProtocolError;
use crate::event::Event;
use crate::frame::{LengthForm, RawFrameHeader, Rsv};
use crate::limits::Limits;
use crate::opcode::{MessageKind, Opcode};
use crate::role::Role;

use super::text::{BadText, text};
use super::valid::ValidFrames;
use super::writer::{FrameWriter, Message, cuts};

/// A sequence of frames that breaks one rule, with the rule and the byte that proves it (RFC 6455 §5, §8.1).
///
/// Valid frames come first. Then a frame breaks a rule, and a few bytes of any value follow. All else about that frame
/// is valid, so that an implementation that checks rules in another order finds the same one; only 2⁶³ bytes are also
/// more than any limit.
///
/// | [`rule`](Self::rule) | what the frame does | the byte that proves it |
/// |---|---|---|
/// | [`ReservedOpcode`](RemoteProtocolError::ReservedOpcode) | its opcode is 3 to 7 or 11 to 15 | the first |
/// | [`ReservedBits`](RemoteProtocolError::ReservedBits) | it has RSV bits | the first |
/// | [`FragmentedControlFrame`](RemoteProtocolError::FragmentedControlFrame) | it is a control frame without FIN | the first |
/// | [`UnexpectedContinuation`](RemoteProtocolError::UnexpectedContinuation) | it continues, and no message is in progress | the first |
/// | [`ExpectedContinuation`](RemoteProtocolError::ExpectedContinuation) | it begins a message inside a message | the first |
/// | [`TooManyFragments`](RemoteProtocolError::TooManyFragments) | it is one fragment more than [`limits`](Self::limits) allow | the first |
/// | [`UnmaskedFrameFromClient`](RemoteProtocolError::UnmaskedFrameFromClient) | a client sends it without a mask | the second |
/// | [`MaskedFrameFromServer`](RemoteProtocolError::MaskedFrameFromServer) | a server sends it with a mask | the second |
/// | [`ControlFrameTooLong`](RemoteProtocolError::ControlFrameTooLong) | it is a control frame of 126 bytes or more | the second |
/// | [`TruncatedCloseCode`](RemoteProtocolError::TruncatedCloseCode) | it is a close frame of one byte | the second |
/// | [`NonMinimalLength`](RemoteProtocolError::NonMinimalLength) | its length is in more bytes than it needs | the last of the length |
/// | [`LengthTopBitSet`](RemoteProtocolError::LengthTopBitSet) | it announces 2⁶³ bytes or more | the last of the length |
/// | [`FrameTooLong`](RemoteProtocolError::FrameTooLong) | it is longer than the limits allow | the last of the length |
/// | [`MessageTooLong`](RemoteProtocolError::MessageTooLong) | it makes its message longer than they allow | the last of the length |
/// | [`InvalidUtf8`](RemoteProtocolError::InvalidUtf8) | its text is not UTF-8, in one frame or in several | the first that no valid text has there, or the end of the message |
/// | [`InvalidCloseCode`](RemoteProtocolError::InvalidCloseCode) | it is a close frame with a code that is not sent | the last of the code |
/// | [`InvalidCloseReason`](RemoteProtocolError::InvalidCloseReason) | it is a close frame whose reason is not UTF-8 | as for text |
///
/// Other rules need an extension, so they are not here. If a message ends inside a character, and its last frame is
/// empty, the last byte of that frame's header proves it.
///
/// ```
/// use arbitrary::Unstructured;
/// use wsproto::{BrokenFrames, Receiver, Role};
///
/// # fn main() -> arbitrary::Result<()> {
/// let fuzz: Vec<u8> = (0..200).map(|n: u8| n.wrapping_mul(91)).collect(); // from the fuzzer
/// let broken = BrokenFrames::from_sender(Role::Server, &mut Unstructured::new(&fuzz))?;
///
/// let mut receiver = Receiver::new(Role::Client, broken.limits());
/// let mut bytes = broken.bytes().to_vec();
/// let mut input = bytes.as_mut_slice();
/// let error = loop {
///     match receiver.next_event(&mut input) {
///         Ok(event) => assert!(event.is_some()),
///         Err(error) => break error,
///     }
/// };
/// assert_eq!(error, broken.rule());
/// let consumed = broken.bytes().len() - input.len();
/// assert_eq!(consumed - receiver.bytes_after_error(), broken.broken_at() + 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenFrames {
    frames: ValidFrames,
    limits: Limits,
    rule: RemoteProtocolError,
    at: usize,
}

impl BrokenFrames {
    /// Frames that an endpoint in this role sends.
    ///
    /// # Errors
    ///
    /// What `u` returns.
    pub fn from_sender(sender: Role, u: &mut Unstructured<'_>) -> Result<Self> {
        let fault = *u.choose(FAULTS)?;
        let mut writer = FrameWriter::new(sender, u);
        writer.messages()?;
        if writer.u.arbitrary()? {
            writer.begin()?;
            writer.fragment()?;
            writer.controls()?;
        }
        let mut limits = Limits::DEFAULT;
        let (rule, at) = fault.write(&mut writer, &mut limits)?;
        let more_len = writer.u.int_in_range(0..=20_usize)?;
        let more = writer.u.bytes(more_len.min(writer.u.len()))?;
        writer.bytes.extend_from_slice(more);
        Ok(Self { frames: writer.into_frames()?, limits, rule, at })
    }

    /// The role of the endpoint that sends the frames.
    pub const fn sender(&self) -> Role {
        self.frames.sender()
    }

    /// The limits of the receiver: the defaults, except for the one that is exceeded, if the rule is a limit.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The bytes, with those after the broken frame.
    pub fn bytes(&self) -> &[u8] {
        self.frames.bytes()
    }

    /// The bytes as reads return them, as in [`ValidFrames::reads`].
    pub fn reads(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.reads()
    }

    /// The messages and the control frames that are complete before the rule is broken.
    pub fn events(&self) -> &[Event<String, Vec<u8>>] {
        self.frames.events()
    }

    /// The rule that is broken.
    pub const fn rule(&self) -> RemoteProtocolError {
        self.rule
    }

    /// The place in [`bytes`](Self::bytes) of the byte that proves it: there are valid sequences that begin with all the
    /// bytes before it.
    pub const fn broken_at(&self) -> usize {
        self.at
    }
}

/// Frames of a client or of a server.
impl<'a> Arbitrary<'a> for BrokenFrames {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let sender = u.arbitrary()?;
        Self::from_sender(sender, u)
    }
}

/// What is wrong with a frame.
#[derive(Clone, Copy)]
enum Fault {
    Opcode,
    Rsv,
    FragmentedControl,
    LongControl,
    UnexpectedContinuation,
    ExpectedContinuation,
    Mask,
    LengthForm,
    TopBit,
    FrameLimit,
    MessageLimit,
    FragmentLimit,
    Text,
    HalfCode,
    CloseCode,
    CloseReason,
}

const FAULTS: &[Fault] = &[
    Fault::Opcode,
    Fault::Rsv,
    Fault::FragmentedControl,
    Fault::LongControl,
    Fault::UnexpectedContinuation,
    Fault::ExpectedContinuation,
    Fault::Mask,
    Fault::LengthForm,
    Fault::TopBit,
    Fault::FrameLimit,
    Fault::MessageLimit,
    Fault::FragmentLimit,
    Fault::Text,
    Fault::HalfCode,
    Fault::CloseCode,
    Fault::CloseReason,
];

/// The broken rule, and the byte that proves it.
type Broken = (RemoteProtocolError, usize);

impl Fault {
    /// Writes the frame, and what has to be before it.
    fn write(self, writer: &mut FrameWriter<'_, '_>, limits: &mut Limits) -> Result<Broken> {
        match self {
            Self::Opcode => writer.reserved_opcode(),
            Self::Rsv => {
                let (header, payload) = writer.next_frame()?;
                let rsv = Rsv::from_bits(writer.u.int_in_range(1..=7)?).unwrap_or(Rsv::ALL);
                writer.broken(RemoteProtocolError::ReservedBits, 0, header.with_rsv(rsv), &payload)
            }
            Self::FragmentedControl => {
                let header = RawFrameHeader::new(writer.control_opcode()?, 0).with_fin(false);
                writer.broken(RemoteProtocolError::FragmentedControlFrame, 0, header, &[])
            }
            Self::LongControl => {
                let (opcode, len) = (writer.control_opcode()?, writer.u.int_in_range(124..=300_usize)?);
                // As a close frame, the code and the reason are valid.
                let payload =
                    [&CloseCode::NORMAL_CLOSURE.get().to_be_bytes()[..], &alloc::vec![b'w'; len]].concat();
                let header = RawFrameHeader::new(opcode, payload.len() as u64);
                writer.broken(RemoteProtocolError::ControlFrameTooLong, 1, header, &payload)
            }
            Self::UnexpectedContinuation => {
                writer.finish()?;
                let header =
                    RawFrameHeader::new(Opcode::Continuation.bits(), 1).with_fin(writer.u.arbitrary()?);
                writer.broken(RemoteProtocolError::UnexpectedContinuation, 0, header, b"w")
            }
            Self::ExpectedContinuation => {
                writer.in_message()?;
                let opcode = MessageKind::opcode(writer.u.arbitrary()?).bits();
                let header = RawFrameHeader::new(opcode, 1).with_fin(writer.u.arbitrary()?);
                writer.broken(RemoteProtocolError::ExpectedContinuation, 0, header, b"w")
            }
            Self::Mask => writer.wrong_mask(),
            Self::LengthForm => writer.long_length(),
            Self::TopBit => {
                let (opcode, payload) = writer.next_data()?;
                let header = RawFrameHeader::new(opcode, 1 << 63 | writer.u.arbitrary::<u64>()?);
                writer.broken(RemoteProtocolError::LengthTopBitSet, 9, header, &payload)
            }
            Self::FrameLimit => writer.long_frame(limits),
            Self::MessageLimit => writer.long_message(limits),
            Self::FragmentLimit => writer.many_fragments(limits),
            Self::Text => writer.bad_text(),
            Self::HalfCode => {
                let header = RawFrameHeader::new(Opcode::Close.bits(), 1);
                writer.broken(RemoteProtocolError::TruncatedCloseCode, 1, header, &[3])
            }
            Self::CloseCode => writer.bad_close_code(),
            Self::CloseReason => writer.bad_close_reason(),
        }
    }
}

impl FrameWriter<'_, '_> {
    /// Writes a frame that breaks `rule` by its byte `at`, counted from the first of its header.
    fn broken(
        &mut self,
        rule: RemoteProtocolError,
        at: usize,
        header: RawFrameHeader,
        payload: &[u8],
    ) -> Result<Broken> {
        let (frame_at, _) = self.frame(header, payload)?;
        Ok((rule, frame_at.saturating_add(at)))
    }

    fn control_opcode(&mut self) -> Result<u8> {
        Ok(self.u.choose(&[Opcode::Ping, Opcode::Pong, Opcode::Close])?.bits())
    }

    /// Makes sure that a message is in progress, of which at least one fragment was sent.
    fn in_message(&mut self) -> Result<()> {
        if self.message.is_none() {
            self.begin()?;
            self.fragment()?;
        }
        Ok(())
    }

    fn reserved_opcode(&mut self) -> Result<Broken> {
        let opcode = *self.u.choose(&[3, 4, 5, 6, 7, 11, 12, 13, 14, 15])?;
        self.broken(RemoteProtocolError::ReservedOpcode(opcode), 0, RawFrameHeader::new(opcode, 1), b"w")
    }

    fn wrong_mask(&mut self) -> Result<Broken> {
        let (header, payload) = self.next_frame()?;
        let (rule, key) = match self.sender {
            Role::Client => (RemoteProtocolError::UnmaskedFrameFromClient, None),
            Role::Server => (RemoteProtocolError::MaskedFrameFromServer, Some(self.u.arbitrary()?)),
        };
        let (at, _) = self.frame_as_it_is(header.with_masking_key(key), &payload);
        Ok((rule, at.saturating_add(1)))
    }

    fn long_length(&mut self) -> Result<Broken> {
        let (opcode, mut payload) = self.next_data()?;
        let (form, max_len) =
            *self.u.choose(&[(LengthForm::Bits16, 125_usize), (LengthForm::Bits64, 0xFFFF)])?;
        payload.truncate(max_len);
        // A text may end inside a character now. That breaks no rule if more is to come.
        let header = RawFrameHeader::new(opcode, payload.len() as u64).with_fin(false).with_length_form(form);
        self.broken(RemoteProtocolError::NonMinimalLength, len_end(form), header, &payload)
    }

    fn long_frame(&mut self, limits: &mut Limits) -> Result<Broken> {
        let (opcode, payload) = self.next_data()?;
        limits.max_frame_len = self.some_more(self.most.frame_len)?;
        let len = self.some_more(limits.max_frame_len)?.saturating_add(1);
        self.too_long(RemoteProtocolError::FrameTooLong, opcode, len, &payload)
    }

    fn long_message(&mut self, limits: &mut Limits) -> Result<Broken> {
        let (opcode, payload) = self.next_data()?;
        limits.max_message_len = self.some_more(self.most.message_len)?;
        let sent = self.message.as_ref().map_or(0, |message| message.sent.len() as u64);
        let len = self.some_more(limits.max_message_len)?.saturating_sub(sent).saturating_add(1);
        self.too_long(RemoteProtocolError::MessageTooLong, opcode, len, &payload)
    }

    /// A number that is at least `least`.
    fn some_more(&mut self, least: u64) -> Result<u64> {
        Ok(least.saturating_add(self.u.int_in_range(0..=200_u64)?))
    }

    /// A data frame that announces `len` bytes, of which some are written.
    fn too_long(
        &mut self,
        rule: RemoteProtocolError,
        opcode: u8,
        len: u64,
        payload: &[u8],
    ) -> Result<Broken> {
        let header = RawFrameHeader::new(opcode, len).with_fin(self.u.arbitrary()?);
        let written = payload.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(payload);
        self.broken(rule, len_end(header.length_form), header, written)
    }

    fn many_fragments(&mut self, limits: &mut Limits) -> Result<Broken> {
        self.in_message()?;
        limits.max_fragments = self.most.fragments;
        while self.message.as_ref().is_some_and(|message| message.fragments < limits.max_fragments) {
            self.fragment()?;
        }
        let (opcode, payload) = self.next_data()?;
        let header = RawFrameHeader::new(opcode, payload.len() as u64).with_fin(self.u.arbitrary()?);
        self.broken(RemoteProtocolError::TooManyFragments, 0, header, &payload)
    }

    /// A text message that is not UTF-8; in one frame or in several, which may cut the bad sequence.
    fn bad_text(&mut self) -> Result<Broken> {
        if self.message.as_ref().is_some_and(|message| message.kind == MessageKind::Binary) {
            self.finish()?;
        }
        let kind = MessageKind::Text;
        let mut message = match self.message.take() {
            Some(message) => message,
            None => Message { kind, sent: Vec::new(), rest: text(self.u)?.into_bytes(), fragments: 0 },
        };
        let bad = BadText::arbitrary(self.u)?;
        let bad_at = bad.at.map(|at| message.rest.len().saturating_add(at));
        message.rest.extend_from_slice(bad.bytes);
        let mut at = 0;
        let mut begin = 0;
        let len = message.rest.len();
        let ends: Vec<usize> = cuts(self.u, len)?.into_iter().chain([len]).collect();
        for (index, end) in ends.iter().enumerate() {
            let is_last = index.saturating_add(1) == ends.len();
            let payload = message.rest.get(begin..*end).unwrap_or_default();
            let header = RawFrameHeader::new(message.opcode(), payload.len() as u64).with_fin(is_last);
            let (_, payload_at) = self.frame(header, payload)?;
            // The last frame that begins before the bad byte has it.
            match bad_at {
                Some(bad_at) if bad_at >= begin => {
                    at = payload_at.saturating_add(bad_at.saturating_sub(begin));
                }
                Some(_) => {}
                None => at = self.bytes.len().saturating_sub(1),
            }
            message.fragments = message.fragments.saturating_add(1);
            begin = *end;
        }
        Ok((RemoteProtocolError::InvalidUtf8, at))
    }

    fn bad_close_code(&mut self) -> Result<Broken> {
        let code: CloseCode = self.u.arbitrary()?;
        let code = if code.is_sendable() { CloseCode::NO_STATUS_RCVD } else { code };
        let reason = text(self.u)?;
        let payload = [&code.get().to_be_bytes(), reason.as_bytes()].concat();
        let (_, payload_at) = self.close_frame(&payload)?;
        Ok((RemoteProtocolError::InvalidCloseCode(code.get()), payload_at.saturating_add(1)))
    }

    fn bad_close_reason(&mut self) -> Result<Broken> {
        let (code, reason) = (self.close_code()?, text(self.u)?);
        let bad = BadText::arbitrary(self.u)?;
        let payload = [&code.get().to_be_bytes(), reason.as_bytes(), bad.bytes].concat();
        let (_, payload_at) = self.close_frame(&payload)?;
        let bad_at = bad.at.unwrap_or(bad.bytes.len().saturating_sub(1));
        let at = payload_at.saturating_add(2).saturating_add(reason.len()).saturating_add(bad_at);
        Ok((RemoteProtocolError::InvalidCloseReason, at))
    }

    fn close_frame(&mut self, payload: &[u8]) -> Result<(usize, usize)> {
        self.frame(RawFrameHeader::new(Opcode::Close.bits(), payload.len() as u64), payload)
    }
}

/// The last byte of a header's length.
const fn len_end(form: LengthForm) -> usize {
    match form {
        LengthForm::Bits7 => 1,
        LengthForm::Bits16 => 3,
        LengthForm::Bits64 => 9,
    }
}
