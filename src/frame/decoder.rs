//! Frames: bytes to payload chunks, unmasked where they lie (RFC 6455 §5.2 to §5.5, §6.2).
//!
//! The decoder holds at most one unfinished header, and of a payload only how much is to come. It
//! knows the order of frames in a message too, so that whatever a frame breaks fails at the first
//! byte that breaks it: FIN, RSV and opcode on the first byte, mask bit and length form on the second,
//! the length as soon as it is whole.
//!
//! For the next maintainer: there is a short way and a long way. Nearly all messages are one frame that
//! lies whole in the input, and `single_frame` sees that by a handful of comparisons; where such a
//! frame is cut, its header is done with all the same. It never says no, but leaves whatever is unusual to the
//! long way. There a header is read from the input if it lies whole in it; the fourteen bytes kept here serve
//! only headers that a read has cut, and those are judged again at each byte that comes. `judge` is the only
//! place that says no. A frame under way is read where it lies in the state: copied out and back, what was
//! just stored as fields would be loaded as vectors, which waits for the stores.

use core::mem;

use crate::error::RemoteProtocolError;
use crate::frame::header::{FirstByte, FrameHeader, LEN_16, Rsv, SecondByte};
use crate::limits::Limits;
use crate::mask::Mask;
use crate::opcode::{MessageKind, Opcode};
use crate::role::Role;

/// Bytes to frames.
///
/// ```
/// use wsproto::{FrameDecoder, Limits, Opcode, Role};
///
/// let mut bytes = *b"\x01\x03Hel\x80\x02lo"; // "Hello" in two fragments, from §5.7
/// let mut input = bytes.as_mut_slice();
/// let mut decoder = FrameDecoder::new(Role::Client, Limits::default());
///
/// let chunk = decoder.decode(&mut input)?.unwrap();
/// assert_eq!((chunk.opcode, &*chunk.payload, chunk.message_finished), (Opcode::Text, &b"Hel"[..], false));
/// let chunk = decoder.decode(&mut input)?.unwrap();
/// assert_eq!((chunk.opcode, &*chunk.payload, chunk.message_finished), (Opcode::Text, &b"lo"[..], true));
/// assert!(decoder.decode(&mut input)?.is_none()); // needs more
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
#[doc(alias = "FrameProtocol")]
#[derive(Clone, Debug)]
pub struct FrameDecoder {
    // The limits, one by one: with the role beside the last of them, eight bytes are saved.
    max_frame_len: u64,
    max_message_len: u64,
    max_encoded_len: u64,
    max_fragments: u32,
    /// Our own role: the peer's decides whether frames are masked.
    role: Role,
    claimed: ClaimedBits,
    message: Message,
    state: State,
}

/// A piece of one frame's payload, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub struct FrameChunk<'a> {
    /// What the payload is: of a continuation, what its message is.
    pub opcode: Opcode,
    /// The bytes, where the caller's input held them.
    pub payload: &'a mut [u8],
    /// Whether the frame's payload ends here.
    pub frame_finished: bool,
    /// Whether the message ends here; of a control frame, the same as `frame_finished`.
    pub message_finished: bool,
}

/// What ends with a piece of payload.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadEnd {
    /// Neither: more of the frame is to come.
    Open,
    /// The frame, but not the message.
    Frame,
    /// The frame, and the message with it.
    Message,
}

/// The RSV bits that extensions give a meaning, on data frames (§9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimedBits {
    /// Those that the first frame of a message may bear.
    pub(crate) first: Rsv,
    /// Those that its other frames may bear.
    pub(crate) continuation: Rsv,
}

/// The frame whose payload comes next.
#[cfg(feature = "alloc")]
pub(crate) enum Entered {
    /// It has just begun; a data frame's message is of a kind.
    Begun { header: FrameHeader, kind: Option<MessageKind> },
    /// Some of it has been read.
    UnderWay,
}

#[derive(Clone, Debug)]
enum State {
    /// The next byte is the first of a header.
    BetweenFrames,
    /// Collecting a header that a read has cut; `header[..filled]` has come.
    Header { header: [u8; FrameHeader::MAX_LEN], filled: u8 },
    /// Passing a payload through.
    Payload(Frame),
    /// A rule was broken, or the end was reached: nothing is read any more.
    Stopped,
}

/// Where the data frames stand (§5.4).
#[derive(Clone, Copy, Debug)]
enum Message {
    /// The next data frame starts a message.
    Finished,
    /// The next data frame continues this one.
    UnderWay { opcode: Opcode, len: u64, fragments: u32, is_marked: bool },
}

/// A frame whose header is read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// Whether it goes on with a message.
    #[cfg(feature = "alloc")]
    is_continuation: bool,
    rsv: Rsv,
    /// Where the mask has come; of an unmasked frame, nothing.
    mask: Mask,
    remaining: u64,
}

/// A message in one frame, as its header says.
#[derive(Clone, Copy)]
pub(crate) struct SingleFrame {
    pub(crate) kind: MessageKind,
    mask: Mask,
    header_len: usize,
    len: usize,
}

/// What a judged header says, and its length.
struct Judged {
    frame: Frame,
    header_len: usize,
}

/// A broken rule, and how many bytes of the header it took to be certain.
struct Broken {
    error: RemoteProtocolError,
    header_len: usize,
}

impl FrameDecoder {
    /// A decoder for the frames that an endpoint in this role receives.
    pub const fn new(role: Role, limits: Limits) -> Self {
        let Limits { max_frame_len, max_message_len, max_encoded_len, max_fragments } = limits;
        let (message, state) = (Message::Finished, State::BetweenFrames);
        Self {
            max_frame_len,
            max_message_len,
            max_encoded_len,
            max_fragments,
            role,
            claimed: ClaimedBits::NONE,
            message,
            state,
        }
    }

    /// Lets data frames bear these bits too, which extensions know the meaning of.
    ///
    /// A message with such a bit is held to `max_encoded_len`; how long it becomes is for its extensions to limit.
    #[cfg(feature = "alloc")]
    pub(crate) const fn claim(&mut self, claimed: ClaimedBits) {
        self.claimed = claimed;
    }

    /// Reads on in `input`, up to the end of a frame or of `input`, and takes off what it has read.
    ///
    /// Returns the next chunk of payload, empty only where a frame ends; `None` when `input` is used up.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke. `input` then starts behind the byte that broke it, and nothing more
    /// is read from this peer: later calls drop their input and return `None`.
    #[inline]
    pub fn decode<'i>(
        &mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<FrameChunk<'i>>, RemoteProtocolError> {
        self.decode_at_most(input, usize::MAX)
    }

    /// [`decode`](Self::decode), with a payload of at most `max_len` bytes.
    #[inline]
    pub(crate) fn decode_at_most<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        max_len: usize,
    ) -> Result<Option<FrameChunk<'i>>, RemoteProtocolError> {
        if !self.reach_payload(input)? {
            return Ok(None);
        }
        let State::Payload(frame) = &mut self.state else { return Ok(None) };
        let len = usize::try_from(frame.remaining).unwrap_or(usize::MAX).min(input.len()).min(max_len);
        let payload = take(input, len);
        if self.role.peer().masks() {
            frame.mask.apply(payload);
        }
        frame.remaining = frame.remaining.saturating_sub(len as u64);
        let frame_finished = frame.remaining == 0;
        let message_finished = frame_finished && frame.fin;
        let opcode = frame.opcode;
        if frame_finished {
            self.state = State::BetweenFrames;
        } else if len == 0 {
            return Ok(None);
        }
        Ok(Some(FrameChunk { opcode, payload, frame_finished, message_finished }))
    }

    /// Reads on up to a frame's payload, an empty one too; false where `input` ends before.
    #[inline]
    fn reach_payload(&mut self, input: &mut &mut [u8]) -> Result<bool, RemoteProtocolError> {
        match self.state {
            State::Payload(_) => Ok(true),
            State::BetweenFrames => match self.judge(input) {
                Ok(Some(Judged { frame, header_len })) => {
                    take(input, header_len);
                    self.begin(frame);
                    Ok(true)
                }
                Ok(None) => {
                    self.keep_header(input);
                    Ok(false)
                }
                Err(broken) => Err(self.fail(input, broken.header_len, broken.error)),
            },
            State::Header { .. } => self.resume_header(input),
            State::Stopped => {
                *input = &mut [];
                Ok(false)
            }
        }
    }

    /// Reads on up to a frame's payload, which is then for [`decode`](Self::decode) or
    /// [`decode_by`](Self::decode_by) to read.
    #[cfg(feature = "alloc")]
    pub(crate) fn enter(&mut self, input: &mut &mut [u8]) -> Result<Option<Entered>, RemoteProtocolError> {
        let was_under_way = matches!(self.state, State::Payload(_));
        if !self.reach_payload(input)? {
            return Ok(None);
        }
        let State::Payload(frame) = &self.state else { return Ok(None) };
        Ok(Some(if was_under_way {
            Entered::UnderWay
        } else {
            Entered::Begun { header: frame.header(self.role), kind: frame.kind() }
        }))
    }

    /// Has `read` look at the payload under way, at most `max_len` bytes of it, and takes off what it says it
    /// has read; what it has not is as it came.
    ///
    /// `read` is told what ends with the bytes that it sees.
    #[cfg(feature = "alloc")]
    pub(crate) fn decode_by(
        &mut self,
        input: &mut &mut [u8],
        max_len: usize,
        read: impl FnOnce(&[u8], PayloadEnd) -> usize,
    ) {
        let State::Payload(mut frame) = self.state else { return };
        let len = usize::try_from(frame.remaining).unwrap_or(usize::MAX).min(input.len()).min(max_len);
        let payload = input.get_mut(..len).unwrap_or_default();
        let end = match frame.remaining == len as u64 {
            false => PayloadEnd::Open,
            true if frame.fin => PayloadEnd::Message,
            true => PayloadEnd::Frame,
        };
        let masked = self.role.peer().masks();
        let mut mask = frame.mask;
        if masked {
            mask.apply(payload);
        }
        let taken = read(payload, end).min(len);
        frame.mask.skip(taken as u64);
        if let (true, Some(unread)) = (masked, payload.get_mut(taken..)) {
            mask = frame.mask;
            mask.apply(unread);
        }
        take(input, taken);
        frame.remaining = frame.remaining.saturating_sub(taken as u64);
        self.state = if frame.remaining == 0 { State::BetweenFrames } else { State::Payload(frame) };
    }

    /// What a message may be long at most.
    #[cfg(feature = "alloc")]
    pub(crate) const fn max_message_len(&self) -> u64 {
        self.max_message_len
    }

    /// How many bytes of the frame under way are still to come; 0 between frames.
    ///
    /// A hint for the size of the next read.
    pub fn payload_remaining(&self) -> u64 {
        match &self.state {
            State::Payload(frame) => frame.remaining,
            State::BetweenFrames | State::Header { .. } | State::Stopped => 0,
        }
    }

    /// How many bytes are missing behind `input` before the frame that comes next lies in it whole.
    ///
    /// That is known once its header is whole; before, it is what the header lacks, at least. Of a frame under way
    /// it is what is left of that one. It is 0 where nothing is missing, and where `input` breaks a rule.
    ///
    /// ```
    /// use wsproto::{FrameDecoder, Limits, Role};
    ///
    /// let decoder = FrameDecoder::new(Role::Client, Limits::default());
    /// assert_eq!(decoder.missing(b""), 2);
    /// assert_eq!(decoder.missing(b"\x81\x05Hel"), 2);
    /// assert_eq!(decoder.missing(b"\x81\x05Hello"), 0);
    /// assert_eq!(decoder.missing(b"\x83"), 0); // `decode` will say what is wrong
    /// ```
    pub fn missing(&self, input: &[u8]) -> u64 {
        let come = input.len() as u64;
        match &self.state {
            State::Payload(frame) => frame.remaining.saturating_sub(come),
            // As for decoding, the short way first.
            State::BetweenFrames => match self.single_frame(input) {
                Some(SingleFrame { header_len, len, .. }) => {
                    (header_len as u64).saturating_add(len as u64).saturating_sub(come)
                }
                None => self.frame_len(input).saturating_sub(come),
            },
            State::Header { header, filled } => {
                let mut bytes = *header;
                let free = bytes.get_mut(usize::from(*filled)..).unwrap_or_default();
                for (place, byte) in free.iter_mut().zip(input) {
                    *place = *byte;
                }
                let come = come.saturating_add(u64::from(*filled));
                let len = usize::try_from(come).unwrap_or(usize::MAX);
                self.frame_len(bytes.get(..len).unwrap_or(&bytes)).saturating_sub(come)
            }
            State::Stopped => 0,
        }
    }

    /// How long the frame is that `bytes` begin, at least; 0 if they break a rule.
    fn frame_len(&self, bytes: &[u8]) -> u64 {
        match self.judge(bytes) {
            Ok(Some(Judged { frame, header_len })) => frame.remaining.saturating_add(header_len as u64),
            Ok(None) => FrameHeader::min_len(bytes, self.role.peer()),
            Err(_) => 0,
        }
    }

    /// Whether nothing more is read.
    #[cfg(feature = "alloc")]
    pub(crate) const fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// Whether nothing is under way: no header, no frame, no message has begun without its end.
    pub fn is_idle(&self) -> bool {
        match self.state {
            State::BetweenFrames => matches!(self.message, Message::Finished),
            State::Header { .. } | State::Payload(_) => false,
            State::Stopped => true,
        }
    }

    /// The short way: a message in one frame whose header begins `input`, with nothing else under way.
    ///
    /// `None` is no verdict: whatever is not of this kind goes the long way.
    #[inline(always)]
    pub(crate) fn single_frame(&self, input: &[u8]) -> Option<SingleFrame> {
        let (State::BetweenFrames, Message::Finished) = (&self.state, &self.message) else { return None };
        let [first, second, rest @ ..] = input else { return None };
        let kind = match *first {
            WHOLE_TEXT => MessageKind::Text,
            WHOLE_BINARY => MessageKind::Binary,
            _ => return None,
        };
        // Where the mask bit is not as it should be, what is left is no length of these two forms.
        let len = second ^ (u8::from(self.role.peer().masks()) << 7);
        let (len, rest) = match rest.split_first_chunk() {
            _ if len < LEN_16 => (usize::from(len), rest),
            Some((extended, rest)) if len == LEN_16 => (usize::from(u16::from_be_bytes(*extended)), rest),
            _ => return None,
        };
        let (key, rest) = match self.role {
            Role::Server => rest.split_first_chunk()?,
            Role::Client => (&[0; 4], rest),
        };
        let is_minimal = len >= usize::from(LEN_16) || second & 0x7F < LEN_16;
        let allowed = self.max_frame_len.min(self.max_message_len);
        if !is_minimal || len as u64 > allowed {
            return None;
        }
        let header_len = input.len().wrapping_sub(rest.len());
        Some(SingleFrame { kind, mask: Mask::new(*key), header_len, len })
    }

    /// Its payload, if all of it lies in `input`.
    #[inline(always)]
    pub(crate) fn decode_single_frame<'i>(
        &self,
        message: SingleFrame,
        input: &mut &'i mut [u8],
    ) -> Option<&'i mut [u8]> {
        let SingleFrame { mut mask, header_len, len, .. } = message;
        if len > input.len().wrapping_sub(header_len) {
            return None;
        }
        let (_, rest) = mem::take(input).split_at_mut_checked(header_len)?;
        let (payload, rest) = rest.split_at_mut_checked(len)?;
        *input = rest;
        if self.role == Role::Server {
            mask.apply(payload);
        }
        Some(payload)
    }

    /// Takes its header off `input`: of the payload, what is there comes next.
    #[inline(never)]
    pub(crate) fn begin_single_frame(&mut self, message: SingleFrame, input: &mut &mut [u8]) {
        let SingleFrame { kind, mask, header_len, len } = message;
        self.state = State::Payload(Frame {
            opcode: kind.opcode(),
            fin: true,
            #[cfg(feature = "alloc")]
            is_continuation: false,
            rsv: Rsv::NONE,
            mask,
            remaining: len as u64,
        });
        take(input, header_len);
    }

    /// Reads nothing more: all input is dropped.
    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// Reads a header from the front of `bytes` if all of it is there; says no as soon as it can (§10.7).
    #[inline]
    fn judge(&self, bytes: &[u8]) -> Result<Option<Judged>, Broken> {
        let broken = |header_len| move |error| Broken { error, header_len };
        let [first, rest @ ..] = bytes else { return Ok(None) };
        let first = self.judge_first(*first).map_err(broken(1))?;
        let [second, rest @ ..] = rest else { return Ok(None) };
        let second = self.judge_second(*second, first.opcode).map_err(broken(2))?;
        let extended_len = second.extended_len();
        let mut header_len = extended_len.saturating_add(2);
        let Some((extended, rest)) = rest.split_at_checked(extended_len) else { return Ok(None) };
        let remaining = second.payload_len(extended).map_err(broken(header_len))?;
        self.judge_len(remaining, first).map_err(broken(header_len))?;
        let mask = if second.masked {
            let Some(key) = rest.first_chunk() else { return Ok(None) };
            header_len = header_len.saturating_add(key.len());
            Mask::new(*key)
        } else {
            Mask::new([0; 4])
        };
        let FirstByte { fin, rsv, opcode } = first;
        let is_continuation = opcode == Opcode::Continuation;
        let opcode = match self.message {
            Message::UnderWay { opcode, .. } if is_continuation => opcode,
            _ => opcode,
        };
        let frame = Frame {
            opcode,
            fin,
            #[cfg(feature = "alloc")]
            is_continuation,
            rsv,
            mask,
            remaining,
        };
        Ok(Some(Judged { frame, header_len }))
    }

    #[inline]
    fn judge_first(&self, byte: u8) -> Result<FirstByte, RemoteProtocolError> {
        let first = FirstByte::decode(byte)?;
        // RSV bits "MUST be 0 unless an extension is negotiated that defines meanings" (§5.2, §5.8); that of
        // compression is for the first frame of a message only (RFC 7692 §6.1).
        let claimed = match first.opcode {
            Opcode::Text | Opcode::Binary => self.claimed.first,
            Opcode::Continuation => self.claimed.continuation,
            Opcode::Close | Opcode::Ping | Opcode::Pong => Rsv::NONE,
        };
        if !claimed.contains(first.rsv) {
            return Err(RemoteProtocolError::ReservedBits);
        }
        match (first.opcode, self.message) {
            (Opcode::Continuation, Message::Finished) => Err(RemoteProtocolError::UnexpectedContinuation),
            (Opcode::Continuation, Message::UnderWay { fragments, .. })
                if fragments >= self.max_fragments =>
            {
                Err(RemoteProtocolError::TooManyFragments)
            }
            // Fragments of two messages "MUST NOT be interleaved" (§5.4).
            (Opcode::Text | Opcode::Binary, Message::UnderWay { .. }) => {
                Err(RemoteProtocolError::ExpectedContinuation)
            }
            _ => Ok(first),
        }
    }

    #[inline]
    fn judge_second(&self, byte: u8, opcode: Opcode) -> Result<SecondByte, RemoteProtocolError> {
        let second = SecondByte::decode(byte, opcode)?;
        // Clients mask every frame, servers none (§5.1).
        match (self.role, second.masked) {
            (Role::Server, false) => Err(RemoteProtocolError::UnmaskedFrameFromClient),
            (Role::Client, true) => Err(RemoteProtocolError::MaskedFrameFromServer),
            _ => Ok(second),
        }
    }

    /// Holds a length against the limits, before a byte of the payload is read (§10.4).
    #[inline]
    fn judge_len(&self, payload_len: u64, first: FirstByte) -> Result<(), RemoteProtocolError> {
        if first.opcode.is_control() {
            return Ok(());
        }
        if payload_len > self.max_frame_len {
            return Err(RemoteProtocolError::FrameTooLong);
        }
        let (before, is_marked) = match self.message {
            Message::Finished => (0, !first.rsv.is_empty()),
            Message::UnderWay { len, is_marked, .. } => (len, is_marked),
        };
        let (max_len, error) = match is_marked {
            true => (self.max_encoded_len, RemoteProtocolError::EncodedMessageTooLong),
            false => (self.max_message_len, RemoteProtocolError::MessageTooLong),
        };
        if payload_len > max_len.saturating_sub(before) { Err(error) } else { Ok(()) }
    }

    /// Takes a frame into account that has been judged; what comes next is its payload.
    #[inline]
    fn begin(&mut self, frame: Frame) {
        self.state = State::Payload(frame);
        if frame.opcode.is_control() {
            return;
        }
        self.message = match self.message {
            _ if frame.fin => Message::Finished,
            Message::Finished => Message::UnderWay {
                opcode: frame.opcode,
                len: frame.remaining,
                fragments: 1,
                is_marked: !frame.rsv.is_empty(),
            },
            Message::UnderWay { opcode, len, fragments, is_marked } => Message::UnderWay {
                opcode,
                len: len.saturating_add(frame.remaining),
                fragments: fragments.saturating_add(1),
                is_marked,
            },
        };
    }

    /// Keeps a header's beginning, all that `input` holds.
    #[cold]
    fn keep_header(&mut self, input: &mut &mut [u8]) {
        if input.is_empty() {
            return;
        }
        let mut header = [0; FrameHeader::MAX_LEN];
        let mut filled: u8 = 0;
        for (place, byte) in header.iter_mut().zip(take(input, input.len())) {
            *place = *byte;
            filled = filled.saturating_add(1);
        }
        self.state = State::Header { header, filled };
    }

    /// Goes on with a header that a read has cut, byte by byte.
    #[cold]
    fn resume_header(&mut self, input: &mut &mut [u8]) -> Result<bool, RemoteProtocolError> {
        let State::Header { mut header, mut filled } = self.state else { return Ok(false) };
        while let [byte] = take(input, 1) {
            if let Some(place) = header.get_mut(usize::from(filled)) {
                *place = *byte;
            }
            filled = filled.saturating_add(1);
            match self.judge(header.get(..usize::from(filled)).unwrap_or(&header)) {
                Ok(Some(Judged { frame, .. })) => {
                    self.begin(frame);
                    return Ok(true);
                }
                Ok(None) => {}
                Err(broken) => return Err(self.fail(input, 0, broken.error)),
            }
        }
        self.state = State::Header { header, filled };
        Ok(false)
    }

    #[cold]
    fn fail(
        &mut self,
        input: &mut &mut [u8],
        read: usize,
        error: RemoteProtocolError,
    ) -> RemoteProtocolError {
        take(input, read);
        self.stop();
        error
    }
}

impl ClaimedBits {
    pub(crate) const NONE: Self = Self { first: Rsv::NONE, continuation: Rsv::NONE };
}

#[cfg(feature = "alloc")]
impl Frame {
    const fn kind(&self) -> Option<MessageKind> {
        match self.opcode {
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            _ => None,
        }
    }

    fn header(&self, role: Role) -> FrameHeader {
        FrameHeader {
            fin: self.fin,
            rsv: self.rsv,
            opcode: if self.is_continuation { Opcode::Continuation } else { self.opcode },
            masking_key: role.peer().masks().then(|| self.mask.masking_key()),
            payload_len: self.remaining,
        }
    }
}

/// Takes `len` bytes off the front of `input`, or all there are.
#[inline]
fn take<'i>(input: &mut &'i mut [u8], len: usize) -> &'i mut [u8] {
    let all = mem::take(input);
    let (taken, rest) = all.split_at_mut(len.min(all.len()));
    *input = rest;
    taken
}

/// FIN and the opcode of a text.
const WHOLE_TEXT: u8 = 0x81;

/// FIN and the opcode of a binary message.
const WHOLE_BINARY: u8 = 0x82;
