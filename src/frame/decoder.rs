//! Frames: bytes to pieces of payload, unmasked in place (RFC 6455 §5.2 to §5.5, §6.2).
//!
//! The decoder holds at most one unfinished header, and of a payload only how much is to come. It
//! knows the order of frames in a message too, so that whatever a frame breaks fails at the first
//! byte that breaks it: FIN, RSV and opcode on the first byte, mask bit and length form on the second,
//! the length as soon as it is whole.
//!
//! For the next maintainer: this is the slow path, for what [`WholeMessage`] leaves alone. A header is read from the
//! input if the input holds all of it; the fourteen bytes kept here serve only headers that a read has cut. All that is
//! refused is refused by `FrameHeader::read`, under the rules of `decoder/rules.rs`. The frame in progress is
//! changed where it is in the state: if it were copied out and back, fields that were just stored would be loaded as
//! vectors, which waits for the stores.
//!
//! A frame is in progress until [`end_frame`](FrameDecoder::end_frame), even if all of its payload was read: extensions
//! may have output left. Meanwhile, no message takes the fast path.

mod rules;

use core::mem;

use crate::error::{Failure, RemoteProtocolError};
use crate::frame::header::{FrameHeader, HeaderRead, Rsv};
use crate::frame::piece::{Ends, Piece, Source};
use crate::frame::whole::WholeMessage;
use crate::limits::Limits;
use crate::mask::Mask;
use crate::opcode::Opcode;
use crate::role::Role;

/// Bytes to frames.
///
/// ```
/// use wsproto::{FrameDecoder, Limits, Opcode, Ends, Role};
///
/// let mut bytes = *b"\x01\x03Hel\x80\x02lo"; // "Hello" in two fragments, from §5.7
/// let mut input = bytes.as_mut_slice();
/// let mut decoder = FrameDecoder::new(Role::Client, Limits::default());
///
/// let chunk = decoder.decode(&mut input)?.unwrap();
/// assert_eq!((chunk.opcode, &*chunk.payload, chunk.ends), (Opcode::Text, &b"Hel"[..], Ends::Frame));
/// let chunk = decoder.decode(&mut input)?.unwrap();
/// assert_eq!((chunk.opcode, &*chunk.payload, chunk.ends), (Opcode::Text, &b"lo"[..], Ends::Message));
/// assert_eq!(chunk.header.opcode, Opcode::Continuation); // on the wire
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
    /// Messages in one frame take the fast path if they have fewer bytes than this.
    fast_len_end: u32,
    /// Our own role: the peer's decides whether frames are masked.
    role: Role,
    /// The RSV bits that the first frame of a message may have.
    first_rsv: Rsv,
    /// Those that its other frames may have.
    continuation_rsv: Rsv,
    message: Message,
    state: State,
    /// The header of the frame in progress, or of the last one.
    header: FrameHeader,
}

/// A piece of one frame's payload, unmasked.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameChunk<'a> {
    /// The header of the frame as it is on the wire, with FIN, RSV and opcode; each chunk of the frame has it.
    pub header: FrameHeader,
    /// What the payload is: of a continuation, what its message is.
    pub opcode: Opcode,
    /// The bytes, in the caller's input.
    pub payload: &'a mut [u8],
    /// What ends with this chunk. With a control frame, its message ends.
    pub ends: Ends,
}

/// How far the input leads into a frame.
pub(crate) enum Entered {
    /// Not to a payload: the input has ended.
    Nothing,
    /// To the payload of a frame that begins.
    Begun,
    /// It continues a payload.
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
    /// What the payload is: of a continuation, what its message is.
    opcode: Opcode,
    /// The mask at the next byte; of an unmasked frame, nothing.
    mask: Mask,
    fin: bool,
    remaining: u64,
}

impl FrameDecoder {
    /// A decoder for the frames that an endpoint in this role receives.
    pub const fn new(role: Role, limits: Limits) -> Self {
        let Limits { max_frame_len, max_message_len, max_encoded_len, max_fragments } = limits;
        let mut decoder = Self {
            max_frame_len,
            max_message_len,
            max_encoded_len,
            max_fragments,
            fast_len_end: 0,
            role,
            first_rsv: Rsv::NONE,
            continuation_rsv: Rsv::NONE,
            message: Message::Finished,
            state: State::BetweenFrames,
            header: FrameHeader::NOTHING,
        };
        decoder.fast_len_end = decoder.longest_fast().saturating_add(1);
        decoder
    }

    /// Lets data frames have these RSV bits, which extensions give a meaning (§5.2, §9.2): `first` the first frame of a
    /// message, `continuation` its other frames.
    ///
    /// A message whose first frame has such a bit may have [`max_encoded_len`](Limits::max_encoded_len) bytes, and not
    /// [`max_message_len`](Limits::max_message_len): how long it becomes is for its extensions to limit.
    ///
    /// ```
    /// use wsproto::{FrameDecoder, Limits, RemoteProtocolError, Role, Rsv};
    ///
    /// let bytes = *b"\xc2\x01a";
    /// let mut decoder = FrameDecoder::new(Role::Client, Limits::default());
    /// assert_eq!(decoder.decode(&mut &mut bytes.clone()[..]), Err(RemoteProtocolError::ReservedBits));
    ///
    /// let decoder = FrameDecoder::new(Role::Client, Limits::default());
    /// let mut decoder = decoder.with_allowed_rsv(Rsv::RSV1, Rsv::NONE);
    /// assert_eq!(decoder.decode(&mut &mut bytes.clone()[..])?.unwrap().header.rsv, Rsv::RSV1);
    /// # Ok::<(), RemoteProtocolError>(())
    /// ```
    #[must_use]
    pub const fn with_allowed_rsv(mut self, first: Rsv, continuation: Rsv) -> Self {
        (self.first_rsv, self.continuation_rsv) = (first, continuation);
        self
    }

    /// Lets no message take the fast path, as extensions want to see each frame.
    #[cfg(feature = "alloc")]
    pub(crate) const fn without_fast_path(mut self) -> Self {
        self.fast_len_end = 0;
        self
    }

    /// How long a message on the fast path may be.
    const fn longest_fast(&self) -> u32 {
        let max_len =
            if self.max_frame_len < self.max_message_len { self.max_frame_len } else { self.max_message_len };
        // The fast path reads lengths of at most two bytes.
        if max_len < 0xFFFF { (max_len & 0xFFFF) as u32 } else { 0xFFFF }
    }

    /// Reads `input` up to the end of a frame or of `input`, and removes what it has read.
    ///
    /// Returns the next chunk of payload, empty only where a frame ends; `None` when `input` is used up.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke. `input` then starts after the byte that broke it, and nothing more
    /// is read from this peer: later calls drop their input and return `None`.
    #[inline]
    pub fn decode<'i>(
        &mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<FrameChunk<'i>>, RemoteProtocolError> {
        let Some(Piece { opcode, len, ends, .. }) = self.next_piece(input, usize::MAX)? else {
            return Ok(None);
        };
        Ok(Some(FrameChunk { header: self.header, opcode, payload: take(input, len), ends }))
    }

    /// Finds the next piece of payload at the front of `input`, and unmasks it there: of text, at most `max_text_len`
    /// bytes. The caller removes the piece.
    ///
    /// A piece without bytes is returned only where a frame ends.
    #[inline(never)]
    pub(crate) fn next_piece(
        &mut self,
        input: &mut &mut [u8],
        max_text_len: usize,
    ) -> Result<Option<Piece>, RemoteProtocolError> {
        match self.enter(input)? {
            Entered::Nothing => Ok(None),
            Entered::Begun | Entered::InProgress => Ok(self.find(input, max_text_len)),
        }
    }

    /// Reads up to a frame's payload, which is then for [`find`](Self::find) or [`read_by`](Self::read_by).
    #[inline(always)]
    pub(crate) fn enter(&mut self, input: &mut &mut [u8]) -> Result<Entered, RemoteProtocolError> {
        match self.state {
            State::Payload(_) => Ok(Entered::InProgress),
            State::BetweenFrames => self.after_header(FrameHeader::read(input, self), 0, input),
            State::Header { header, filled } => self.resume_header(header, filled, input),
            State::Stopped => {
                *input = &mut [];
                Ok(Entered::Nothing)
            }
        }
    }

    /// Continues with a header that a read has cut.
    #[cold]
    fn resume_header(
        &mut self,
        header: [u8; FrameHeader::MAX_LEN],
        filled: u8,
        input: &mut &mut [u8],
    ) -> Result<Entered, RemoteProtocolError> {
        let (header, len) = joined(header, filled, input);
        self.after_header(self.read_joined(&header, len), filled.into(), input)
    }

    /// Enters the state after what was read of a header, of which `kept` bytes had come before.
    #[inline(always)]
    fn after_header(
        &mut self,
        read: Result<HeaderRead, Failure>,
        kept: usize,
        input: &mut &mut [u8],
    ) -> Result<Entered, RemoteProtocolError> {
        match read {
            Ok(HeaderRead::Whole { header, header_len }) => {
                take(input, header_len.saturating_sub(kept));
                self.begin(header);
                Ok(Entered::Begun)
            }
            Ok(HeaderRead::Cut { .. }) => {
                self.keep_header(input);
                Ok(Entered::Nothing)
            }
            Err(Failure { error, at }) => {
                take(input, at.saturating_add(1).saturating_sub(kept));
                self.stop();
                Err(error)
            }
        }
    }

    /// Finds the next piece of the payload in progress: see [`next_piece`](Self::next_piece).
    #[inline(always)]
    pub(crate) fn find(&mut self, input: &mut [u8], max_text_len: usize) -> Option<Piece> {
        let masked = self.role.peer().masks();
        let State::Payload(frame) = &mut self.state else { return None };
        let max_len = if frame.opcode == Opcode::Text { max_text_len } else { usize::MAX };
        let payload = frame.front(input, max_len);
        if masked {
            frame.mask.apply(payload);
        }
        let len = payload.len();
        let Frame { opcode, remaining, .. } = *frame;
        frame.remaining = remaining.saturating_sub(len as u64);
        let ends = frame.ends();
        let is_first = remaining == self.header.payload_len;
        if ends.is_frame_end() {
            self.end_frame();
        } else if len == 0 {
            return None;
        }
        Some(Piece { opcode, source: Source::Input, is_first, ends, len })
    }

    /// Has `read` look at the payload in progress, at most `max_len` bytes of it, and removes what it returns that it
    /// has read; the rest is as it came.
    ///
    /// `read` gets what ends with the bytes that it sees. The frame does not end by this.
    pub(crate) fn read_by(
        &mut self,
        input: &mut &mut [u8],
        max_len: usize,
        read: impl FnOnce(&[u8], Ends) -> usize,
    ) {
        let masked = self.role.peer().masks();
        let State::Payload(frame) = &mut self.state else { return };
        let payload = frame.front(input, max_len);
        let len = payload.len();
        let mut mask = frame.mask;
        if masked {
            mask.apply(payload);
        }
        let ends = Frame { remaining: frame.remaining.saturating_sub(len as u64), ..*frame }.ends();
        let taken = read(payload, ends).min(len);
        frame.mask.skip(taken as u64);
        if let (true, Some(unread)) = (masked, payload.get_mut(taken..)) {
            mask = frame.mask;
            mask.apply(unread);
        }
        frame.remaining = frame.remaining.saturating_sub(taken as u64);
        take(input, taken);
    }

    /// What the payload of the frame in progress is, and what of it has ended on the wire.
    pub(crate) fn in_progress(&self) -> Option<(Opcode, Ends)> {
        let State::Payload(frame) = &self.state else { return None };
        Some((frame.opcode, frame.ends()))
    }

    /// The header of the frame in progress, or of the last one.
    pub(crate) const fn header(&self) -> FrameHeader {
        self.header
    }

    /// Ends the frame in progress.
    #[inline(always)]
    pub(crate) fn end_frame(&mut self) {
        self.state = State::BetweenFrames;
    }

    /// How long a message may be.
    pub(crate) const fn max_message_len(&self) -> u64 {
        self.max_message_len
    }

    /// How many bytes of the frame in progress are still to come; 0 between frames.
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
                None => frame_len(FrameHeader::read(input, self)).saturating_sub(come),
            },
            State::Header { header, filled } => {
                let (header, len) = joined(*header, *filled, input);
                let come = come.saturating_add(u64::from(*filled));
                frame_len(self.read_joined(&header, len)).saturating_sub(come)
            }
            State::Stopped => 0,
        }
    }

    /// Our own role.
    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// Whether nothing is in progress: no header, no frame, no message has begun without its end.
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
                WholeMessage::read(input, self.role, self.fast_len_end)
            }
            _ => None,
        }
    }

    /// Consumes its header: of the payload, what is there comes next.
    #[inline(never)]
    pub(crate) fn begin_whole_message(&mut self, message: WholeMessage, input: &mut &mut [u8]) {
        self.begin(message.header(self.role));
        take(input, message.header_len);
    }

    /// Reads nothing more: all input is dropped.
    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// Begins a frame; what comes next is its payload.
    #[inline(always)]
    fn begin(&mut self, header: FrameHeader) {
        let FrameHeader { fin, rsv, opcode, masking_key, payload_len } = header;
        let opcode = match self.message {
            _ if opcode.is_control() => opcode,
            Message::Finished if fin => opcode,
            Message::Finished => {
                let (len, is_marked) = (payload_len, !rsv.is_empty());
                self.message = Message::InProgress { opcode, len, fragments: 1, is_marked };
                opcode
            }
            Message::InProgress { opcode, .. } if fin => {
                self.message = Message::Finished;
                opcode
            }
            Message::InProgress { opcode, len, fragments, is_marked } => {
                let (len, fragments) = (len.saturating_add(payload_len), fragments.saturating_add(1));
                self.message = Message::InProgress { opcode, len, fragments, is_marked };
                opcode
            }
        };
        self.header = header;
        let mask = Mask::new(masking_key.unwrap_or_default());
        self.state = State::Payload(Frame { opcode, mask, fin, remaining: payload_len });
    }

    /// Keeps a header's beginning, all that `input` holds.
    #[cold]
    fn keep_header(&mut self, input: &mut &mut [u8]) {
        if input.is_empty() {
            return;
        }
        let (header, filled) = match self.state {
            State::Header { header, filled } => (header, filled),
            _ => ([0; FrameHeader::MAX_LEN], 0),
        };
        let (header, filled) = joined(header, filled, take(input, input.len()));
        self.state = State::Header { header, filled };
    }

    /// Reads a header that a read has cut.
    #[cold]
    fn read_joined(&self, header: &[u8; FrameHeader::MAX_LEN], len: u8) -> Result<HeaderRead, Failure> {
        FrameHeader::read(header.get(..usize::from(len)).unwrap_or(header), self)
    }
}

impl Frame {
    /// What `input` holds of its payload, at most `max_len` bytes.
    #[inline(always)]
    fn front<'i>(&self, input: &'i mut [u8], max_len: usize) -> &'i mut [u8] {
        let len = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len()).min(max_len);
        input.split_at_mut(len).0
    }

    /// What has ended, by what was read.
    #[inline(always)]
    const fn ends(&self) -> Ends {
        match (self.remaining, self.fin) {
            (1.., _) => Ends::Nothing,
            (0, true) => Ends::Message,
            (0, false) => Ends::Frame,
        }
    }
}

/// How long a frame is, at least; 0 if its header breaks a rule.
fn frame_len(read: Result<HeaderRead, Failure>) -> u64 {
    match read {
        Ok(HeaderRead::Whole { header, header_len }) => header.payload_len.saturating_add(header_len as u64),
        Ok(HeaderRead::Cut { header_len }) => header_len as u64,
        Err(_) => 0,
    }
}

/// A header of which `filled` bytes had come, with what `input` adds, and its length then.
fn joined(
    mut header: [u8; FrameHeader::MAX_LEN],
    mut filled: u8,
    input: &[u8],
) -> ([u8; FrameHeader::MAX_LEN], u8) {
    let free = header.get_mut(usize::from(filled)..).unwrap_or_default();
    for (place, byte) in free.iter_mut().zip(input) {
        *place = *byte;
        filled = filled.saturating_add(1);
    }
    (header, filled)
}

/// Takes `len` bytes off the front of `input`, or all there are.
#[inline]
pub(crate) fn take<'i>(input: &mut &'i mut [u8], len: usize) -> &'i mut [u8] {
    let all = mem::take(input);
    let (taken, rest) = all.split_at_mut(len.min(all.len()));
    *input = rest;
    taken
}
