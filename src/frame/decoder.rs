//! Frames: bytes to payload chunks, unmasked where they lie (RFC 6455 §5.2 to §5.5, §6.2).
//!
//! The decoder holds at most one unfinished header, and of a payload only how much is to come. It
//! knows the order of frames in a message too, so that whatever a frame breaks fails at the first
//! byte that breaks it: FIN, RSV and opcode on the first byte, mask bit and length form on the second,
//! the length as soon as it is whole.
//!
//! For the next maintainer: this is the slow path, for what [`WholeMessage`] leaves alone. A header is read from the
//! input if the input holds all of it; the fourteen bytes kept here serve only headers that a read has cut, which are
//! read again at each byte that comes. All that is refused is refused by `FrameHeader::read`, under the [`Rules`] at the
//! end of this file. The frame in progress is changed where it is in the state: if it were copied out and back, fields
//! that were just stored would be loaded as vectors, which waits for the stores.

use core::mem;

use crate::error::{Failure, RemoteProtocolError};
use crate::frame::header::{FirstByte, FrameHeader, HeaderRead, Rsv, Rules};
use crate::frame::whole::WholeMessage;
use crate::limits::Limits;
use crate::mask::Mask;
#[cfg(feature = "alloc")]
use crate::opcode::MessageKind;
use crate::opcode::Opcode;
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
pub enum Ends {
    /// Neither: more of the frame is to come.
    Nothing,
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

/// How far the input leads into a frame.
#[cfg(feature = "alloc")]
pub(crate) enum Entered {
    /// Not to a payload: it has ended.
    Nothing,
    /// To the payload of a frame that begins with this header.
    Begun(
        #[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "extensions look at it"))] FrameHeader,
    ),
    /// It goes on with a payload.
    InProgress,
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
    InProgress { opcode: Opcode, len: u64, fragments: u32, is_marked: bool },
}

/// A frame whose header is read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// Where the mask has come; of an unmasked frame, nothing.
    mask: Mask,
    remaining: u64,
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
        if !self.reach_payload(input, |_| {})? {
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

    /// Reads up to a frame's payload, an empty one too; false if `input` ends before that.
    ///
    /// The header of a frame that begins is shown to `begun`.
    #[inline(always)]
    fn reach_payload(
        &mut self,
        input: &mut &mut [u8],
        begun: impl FnOnce(FrameHeader),
    ) -> Result<bool, RemoteProtocolError> {
        match self.state {
            State::Payload(_) => Ok(true),
            State::BetweenFrames => match FrameHeader::read(input, self) {
                Ok(HeaderRead::Whole { header, header_len }) => {
                    take(input, header_len);
                    self.begin(header);
                    begun(header);
                    Ok(true)
                }
                Ok(HeaderRead::Cut { .. }) => {
                    self.keep_header(input);
                    Ok(false)
                }
                Err(Failure { error, at }) => {
                    take(input, at.saturating_add(1));
                    self.stop();
                    Err(error)
                }
            },
            State::Header { .. } => self.resume_header(input, begun),
            State::Stopped => {
                *input = &mut [];
                Ok(false)
            }
        }
    }

    /// Reads up to a frame's payload, which is then for [`decode`](Self::decode) or [`decode_by`](Self::decode_by).
    #[cfg(feature = "alloc")]
    pub(crate) fn enter(&mut self, input: &mut &mut [u8]) -> Result<Entered, RemoteProtocolError> {
        let mut begun = None;
        Ok(match self.reach_payload(input, |header| begun = Some(header))? {
            false => Entered::Nothing,
            true => begun.map_or(Entered::InProgress, Entered::Begun),
        })
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
        read: impl FnOnce(&[u8], Ends) -> usize,
    ) {
        let State::Payload(mut frame) = self.state else { return };
        let len = usize::try_from(frame.remaining).unwrap_or(usize::MAX).min(input.len()).min(max_len);
        let payload = input.get_mut(..len).unwrap_or_default();
        let end = match frame.remaining == len as u64 {
            false => Ends::Nothing,
            true if frame.fin => Ends::Message,
            true => Ends::Frame,
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

    /// The kind of the message that the frame in progress belongs to; `None` for a control frame.
    #[cfg(feature = "alloc")]
    pub(crate) fn message_kind(&self) -> Option<MessageKind> {
        let State::Payload(frame) = &self.state else { return None };
        match frame.opcode {
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            _ => None,
        }
    }

    /// How long a message may be.
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
    /// assert_eq!(decoder.bytes_needed(b""), 2);
    /// assert_eq!(decoder.bytes_needed(b"\x81\x05Hel"), 2);
    /// assert_eq!(decoder.bytes_needed(b"\x81\x05Hello"), 0);
    /// assert_eq!(decoder.bytes_needed(b"\x83"), 0); // `decode` will say what is wrong
    /// ```
    pub fn bytes_needed(&self, input: &[u8]) -> u64 {
        let come = input.len() as u64;
        match &self.state {
            State::Payload(frame) => frame.remaining.saturating_sub(come),
            // As for decoding, the fast path first.
            State::BetweenFrames => match self.whole_message(input) {
                Some(WholeMessage { header_len, len, .. }) => {
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
    #[inline(never)]
    fn frame_len(&self, bytes: &[u8]) -> u64 {
        match FrameHeader::read(bytes, self) {
            Ok(HeaderRead::Whole { header, header_len }) => {
                header.payload_len.saturating_add(header_len as u64)
            }
            Ok(HeaderRead::Cut { header_len }) => header_len as u64,
            Err(_) => 0,
        }
    }

    /// Our own role.
    pub(crate) const fn role(&self) -> Role {
        self.role
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

    /// The fast path: a message in one frame whose header begins `input`, with nothing else in progress.
    ///
    /// `None` is no verdict: everything else takes the slow path.
    #[inline(always)]
    pub(crate) fn whole_message(&self, input: &[u8]) -> Option<WholeMessage> {
        match (&self.state, &self.message) {
            (State::BetweenFrames, Message::Finished) => {
                WholeMessage::read(input, self.role, self.max_frame_len.min(self.max_message_len))
            }
            _ => None,
        }
    }

    /// Consumes its header: of the payload, what is there comes next.
    #[inline(never)]
    pub(crate) fn begin_whole_message(&mut self, message: WholeMessage, input: &mut &mut [u8]) {
        let WholeMessage { kind, mask, header_len, len } = message;
        self.state = State::Payload(Frame { opcode: kind.opcode(), fin: true, mask, remaining: len as u64 });
        take(input, header_len);
    }

    /// Reads nothing more: all input is dropped.
    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// Begins a frame; what comes next is its payload.
    #[inline(always)]
    fn begin(&mut self, header: FrameHeader) {
        let FrameHeader { fin, rsv, opcode, masking_key, payload_len } = header;
        let opcode = match (opcode, self.message) {
            (Opcode::Continuation, Message::InProgress { opcode, .. }) => opcode,
            (opcode, _) => opcode,
        };
        let mask = Mask::new(masking_key.unwrap_or_default());
        self.state = State::Payload(Frame { opcode, fin, mask, remaining: payload_len });
        if opcode.is_control() {
            return;
        }
        self.message = match self.message {
            _ if fin => Message::Finished,
            Message::Finished => {
                Message::InProgress { opcode, len: payload_len, fragments: 1, is_marked: !rsv.is_empty() }
            }
            Message::InProgress { opcode, len, fragments, is_marked } => Message::InProgress {
                opcode,
                len: len.saturating_add(payload_len),
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
    fn resume_header(
        &mut self,
        input: &mut &mut [u8],
        begun: impl FnOnce(FrameHeader),
    ) -> Result<bool, RemoteProtocolError> {
        let State::Header { mut header, mut filled } = self.state else { return Ok(false) };
        while let [byte] = take(input, 1) {
            if let Some(place) = header.get_mut(usize::from(filled)) {
                *place = *byte;
            }
            filled = filled.saturating_add(1);
            match FrameHeader::read(header.get(..usize::from(filled)).unwrap_or(&header), self) {
                Ok(HeaderRead::Whole { header, .. }) => {
                    self.begin(header);
                    begun(header);
                    return Ok(true);
                }
                Ok(HeaderRead::Cut { .. }) => {}
                Err(Failure { error, .. }) => {
                    self.stop();
                    return Err(error);
                }
            }
        }
        self.state = State::Header { header, filled };
        Ok(false)
    }
}

/// What may come now (§5.1 to §5.5).
impl Rules for FrameDecoder {
    #[inline(always)]
    fn masks(&self) -> bool {
        self.role.peer().masks()
    }

    #[inline(always)]
    fn check_first(&self, first: FirstByte) -> Result<(), RemoteProtocolError> {
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
            (Opcode::Continuation, Message::InProgress { fragments, .. })
                if fragments >= self.max_fragments =>
            {
                Err(RemoteProtocolError::TooManyFragments)
            }
            // Fragments of two messages "MUST NOT be interleaved" (§5.4).
            (Opcode::Text | Opcode::Binary, Message::InProgress { .. }) => {
                Err(RemoteProtocolError::ExpectedContinuation)
            }
            _ => Ok(()),
        }
    }

    #[inline(always)]
    fn check_masked(&self, masked: bool) -> Result<(), RemoteProtocolError> {
        // Clients mask every frame, servers none (§5.1).
        match (self.role, masked) {
            (Role::Server, false) => Err(RemoteProtocolError::UnmaskedFrameFromClient),
            (Role::Client, true) => Err(RemoteProtocolError::MaskedFrameFromServer),
            _ => Ok(()),
        }
    }

    /// "Implementation- and/or platform-specific limitations" protect against frames of any length (§10.4).
    #[inline(always)]
    fn check_len(&self, payload_len: u64, first: FirstByte) -> Result<(), RemoteProtocolError> {
        if first.opcode.is_control() {
            return Ok(());
        }
        if payload_len > self.max_frame_len {
            return Err(RemoteProtocolError::FrameTooLong);
        }
        let (before, is_marked) = match self.message {
            Message::Finished => (0, !first.rsv.is_empty()),
            Message::InProgress { len, is_marked, .. } => (len, is_marked),
        };
        let (max_len, error) = match is_marked {
            true => (self.max_encoded_len, RemoteProtocolError::EncodedMessageTooLong),
            false => (self.max_message_len, RemoteProtocolError::MessageTooLong),
        };
        if payload_len > max_len.saturating_sub(before) { Err(error) } else { Ok(()) }
    }
}

impl ClaimedBits {
    pub(crate) const NONE: Self = Self { first: Rsv::NONE, continuation: Rsv::NONE };
}

/// Takes `len` bytes off the front of `input`, or all there are.
#[inline]
fn take<'i>(input: &mut &'i mut [u8], len: usize) -> &'i mut [u8] {
    let all = mem::take(input);
    let (taken, rest) = all.split_at_mut(len.min(all.len()));
    *input = rest;
    taken
}
