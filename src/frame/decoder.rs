//! Frames: bytes to pieces of payload, unmasked in place (RFC 6455 §5.2 to §5.5, §6.2).
//!
//! The decoder keeps at most one incomplete header. Of a payload it keeps only the number of bytes that are still to
//! come. It also knows the order of frames in a message, so a bad frame fails at the first byte that breaks a rule:
//! FIN, RSV and opcode at the first byte, mask bit and form of the length at the second, the length at its last byte.
//!
//! For the next maintainer: this is the slow path, for frames that [`WholeMessage`] does not accept. A header is read
//! from the input if the input holds all of it; the fourteen bytes kept here are only for headers that are split across
//! reads. Only `FrameHeader::read` refuses a frame, by the rules in `decoder/rules.rs`. The frame in progress is
//! changed inside the state and not copied out and back: a copy would load fields as vectors just after they were
//! stored one by one, and such a load waits for the stores.
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

/// Decodes received bytes to frames, and unmasks the payloads in place (RFC 6455 §5).
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
    // The limits are separate fields: with the role next to the last of them, this saves eight bytes.
    max_frame_len: u64,
    max_message_len: u64,
    max_encoded_len: u64,
    max_fragments: u32,
    /// A message in one frame takes the fast path if it has fewer bytes than this.
    fast_len_end: u32,
    /// Our own role. Whether frames must be masked depends on the peer's.
    role: Role,
    /// The RSV bits that the first frame of a message may have.
    first_rsv: Rsv,
    /// The RSV bits that the other frames of a message may have.
    continuation_rsv: Rsv,
    message: Message,
    state: State,
    /// The header of the frame in progress, or of the last one.
    header: FrameHeader,
}

/// A piece of one frame's payload, unmasked: what [`FrameDecoder::decode`] returns.
///
/// ```
/// use wsproto::{Ends, FrameDecoder, Limits, Role};
///
/// let mut decoder = FrameDecoder::new(Role::Client, Limits::default());
/// let mut bytes = *b"\x82\x04ab"; // the header announces four bytes
/// let mut input = bytes.as_mut_slice();
/// let chunk = decoder.decode(&mut input)?.unwrap();
/// assert_eq!((&*chunk.payload, chunk.ends), (&b"ab"[..], Ends::Nothing));
/// assert_eq!(chunk.header.payload_len, 4);
/// # Ok::<(), wsproto::RemoteProtocolError>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameChunk<'a> {
    /// The header of the frame as it is on the wire, with FIN, RSV and opcode. All chunks of a frame have the same one.
    pub header: FrameHeader,
    /// What the payload is. For a continuation, this is the opcode of its message.
    pub opcode: Opcode,
    /// The payload bytes, in the caller's input.
    pub payload: &'a mut [u8],
    /// What ends with this chunk. The end of a control frame counts as the end of a message.
    pub ends: Ends,
}

#[derive(Clone, Debug)]
enum State {
    /// The next byte is the first of a header.
    BetweenFrames,
    /// Collecting a header that is split across reads; `header[..filled]` was received.
    Header { header: [u8; FrameHeader::MAX_LEN], filled: u8 },
    /// Passing a payload through.
    Payload(Frame),
    /// A rule was broken, or the connection has ended: nothing more is read.
    Stopped,
}

/// The message that the data frames belong to (§5.4).
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
    /// What the payload is. For a continuation, this is the opcode of its message.
    opcode: Opcode,
    /// The mask at the next byte; not used if the frame is not masked.
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

    /// Allows these RSV bits, which extensions define (§5.2, §9.2): `first` in the first frame of a message, and
    /// `continuation` in its other frames.
    ///
    /// The limit for a message whose first frame has such a bit is [`max_encoded_len`](Limits::max_encoded_len) and not
    /// [`max_message_len`](Limits::max_message_len): its extensions have to limit the decoded length.
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

    /// Enables or disables the fast path: some extensions have to see every frame.
    #[cfg(feature = "alloc")]
    pub(crate) const fn with_fast_path(mut self, enabled: bool) -> Self {
        self.fast_len_end = if enabled { self.longest_fast().saturating_add(1) } else { 0 };
        self
    }

    /// The length of the longest message on the fast path, which leaves those of 4 GiB and more to the slow path.
    const fn longest_fast(&self) -> u32 {
        let max_len =
            if self.max_frame_len < self.max_message_len { self.max_frame_len } else { self.max_message_len };
        if max_len >> 32 == 0 { (max_len & 0xFFFF_FFFF) as u32 } else { u32::MAX }
    }

    /// Reads the next chunk of payload from `input`, and removes the bytes it used.
    ///
    /// The chunk ends where the frame or `input` ends; it is empty only at the end of a frame. Returns `None` when
    /// `input` is used up.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke. `input` then starts after the byte that broke it, and nothing more is read from
    /// this peer: later calls drop their input and return `None`.
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

    /// Finds the next piece of payload at the front of `input`, and unmasks it there. A piece of text has at most
    /// `max_text_len` bytes. The caller removes the piece.
    ///
    /// A piece without bytes is returned only at the end of a frame.
    #[inline(never)]
    pub(crate) fn next_piece(
        &mut self,
        input: &mut &mut [u8],
        max_text_len: usize,
    ) -> Result<Option<Piece>, RemoteProtocolError> {
        self.enter(input)?;
        Ok(self.find(input, max_text_len))
    }

    /// Reads up to a frame's payload, and returns whether a frame has begun. Then call [`find`](Self::find), or
    /// [`read_by`](Self::read_by) if a frame is in progress.
    #[inline(always)]
    pub(crate) fn enter(&mut self, input: &mut &mut [u8]) -> Result<bool, RemoteProtocolError> {
        match self.state {
            State::Payload(_) => Ok(false),
            State::BetweenFrames => self.after_header(FrameHeader::read(input, self), 0, input),
            State::Header { header, filled } => self.resume_header(header, filled, input),
            State::Stopped => {
                *input = &mut [];
                Ok(false)
            }
        }
    }

    /// Continues a header that is split across reads.
    #[cold]
    fn resume_header(
        &mut self,
        header: [u8; FrameHeader::MAX_LEN],
        filled: u8,
        input: &mut &mut [u8],
    ) -> Result<bool, RemoteProtocolError> {
        let (header, len) = joined(header, filled, input);
        self.after_header(self.read_joined(&header, len), filled.into(), input)
    }

    /// Enters the state after a header was read, of which `kept` bytes were received by earlier calls.
    #[inline(always)]
    fn after_header(
        &mut self,
        read: Result<HeaderRead, Failure>,
        kept: usize,
        input: &mut &mut [u8],
    ) -> Result<bool, RemoteProtocolError> {
        match read {
            Ok(HeaderRead::Whole { header, header_len }) => {
                take(input, header_len.saturating_sub(kept));
                self.begin(header);
                Ok(true)
            }
            Ok(HeaderRead::Cut { .. }) => {
                self.keep_header(input);
                Ok(false)
            }
            Err(Failure { error, at }) => {
                take(input, at.saturating_add(1).saturating_sub(kept));
                self.stop();
                Err(error)
            }
        }
    }

    /// Finds the next piece of the payload in progress, if one is: see [`next_piece`](Self::next_piece).
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

    /// Unmasks at most `max_len` bytes of the payload in progress, passes them to `read`, and consumes as many as
    /// `read` returns. The rest is masked again.
    ///
    /// `read` is also given what ends with these bytes. The frame stays in progress, even if all of it is read. Returns
    /// what has ended.
    pub(crate) fn read_by(
        &mut self,
        input: &mut &mut [u8],
        max_len: usize,
        read: impl FnOnce(&[u8], Ends) -> usize,
    ) -> Ends {
        let masked = self.role.peer().masks();
        let State::Payload(frame) = &mut self.state else { return Ends::Nothing };
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
        frame.ends()
    }

    /// The opcode of the frame in progress, and what has ended with the payload that was read.
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

    /// Whether no header and no frame is incomplete.
    #[cfg(feature = "alloc")]
    pub(crate) const fn is_between_frames(&self) -> bool {
        matches!(self.state, State::BetweenFrames)
    }

    /// Whether the payload of a data frame is in progress.
    #[cfg(feature = "alloc")]
    pub(crate) const fn is_in_data_frame(&self) -> bool {
        matches!(self.state, State::Payload(_)) && !self.header.opcode.is_control()
    }

    /// The limit for the length of a message.
    pub(crate) const fn max_message_len(&self) -> u64 {
        self.max_message_len
    }

    /// How many bytes of the frame in progress are still to come; 0 between frames.
    ///
    /// Use it as a hint for the size of the next read.
    pub fn payload_remaining(&self) -> u64 {
        match &self.state {
            State::Payload(frame) => frame.remaining,
            State::BetweenFrames | State::Header { .. } | State::Stopped => 0,
        }
    }

    /// How many more bytes `input` needs to hold the next frame completely.
    ///
    /// Until the header is complete, this is at least what the header still needs. If a frame is in progress, this is
    /// for the rest of that frame. It is 0 if nothing is missing, and if `input` breaks a rule.
    ///
    /// ```
    /// use wsproto::{FrameDecoder, Limits, Role};
    ///
    /// let decoder = FrameDecoder::new(Role::Client, Limits::default());
    /// assert_eq!(decoder.bytes_needed(b""), 2);
    /// assert_eq!(decoder.bytes_needed(b"\x81\x05Hel"), 2);
    /// assert_eq!(decoder.bytes_needed(b"\x81\x05Hello"), 0);
    /// assert_eq!(decoder.bytes_needed(b"\x83"), 0); // `decode` will return the error
    /// ```
    pub fn bytes_needed(&self, input: &[u8]) -> u64 {
        let come = input.len() as u64;
        match &self.state {
            State::Payload(frame) => frame.remaining.saturating_sub(come),
            // As in decoding, the fast path is tried first.
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

    /// Whether nothing is in progress: no header, frame or message is incomplete.
    pub fn is_idle(&self) -> bool {
        match self.state {
            State::BetweenFrames => matches!(self.message, Message::Finished),
            State::Header { .. } | State::Payload(_) => false,
            State::Stopped => true,
        }
    }

    /// The fast path: a message in one frame whose header is at the front of `input`, while nothing is in progress.
    ///
    /// `None` does not mean an error: everything else takes the slow path.
    #[inline(always)]
    pub(crate) fn whole_message(&self, input: &[u8]) -> Option<WholeMessage> {
        match (&self.state, &self.message) {
            (State::BetweenFrames, Message::Finished) => {
                WholeMessage::read(input, self.role, self.fast_len_end)
            }
            _ => None,
        }
    }

    /// Consumes the header of a message whose payload is not complete: the slow path reads the payload.
    #[inline(never)]
    pub(crate) fn begin_whole_message(&mut self, message: WholeMessage, input: &mut &mut [u8]) {
        self.begin(message.header(self.role));
        take(input, message.header_len);
    }

    /// Stops reading: all later input is dropped.
    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// Begins a frame: the next bytes are its payload.
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

    /// Keeps all of `input`, which is the beginning of a header.
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

    /// Reads a header that was put together from several reads.
    #[cold]
    fn read_joined(&self, header: &[u8; FrameHeader::MAX_LEN], len: u8) -> Result<HeaderRead, Failure> {
        FrameHeader::read(header.get(..usize::from(len)).unwrap_or(header), self)
    }
}

impl Frame {
    /// The bytes of the payload at the front of `input`, at most `max_len` of them.
    #[inline(always)]
    fn front<'i>(&self, input: &'i mut [u8], max_len: usize) -> &'i mut [u8] {
        let len = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len()).min(max_len);
        input.split_at_mut(len).0
    }

    /// What has ended with the bytes that were read.
    #[inline(always)]
    const fn ends(&self) -> Ends {
        match (self.remaining, self.fin) {
            (1.., _) => Ends::Nothing,
            (0, true) => Ends::Message,
            (0, false) => Ends::Frame,
        }
    }
}

/// The least length that a frame can have; 0 if its header breaks a rule.
fn frame_len(read: Result<HeaderRead, Failure>) -> u64 {
    match read {
        Ok(HeaderRead::Whole { header, header_len }) => header.payload_len.saturating_add(header_len as u64),
        Ok(HeaderRead::Cut { header_len }) => header_len as u64,
        Err(_) => 0,
    }
}

/// A header of which `filled` bytes were received, completed from `input`, and its new length.
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

/// Removes `len` bytes from the front of `input`, or all if there are fewer, and returns them.
#[inline]
pub(crate) fn take<'i>(input: &mut &'i mut [u8], len: usize) -> &'i mut [u8] {
    let all = mem::take(input);
    let (taken, rest) = all.split_at_mut(len.min(all.len()));
    *input = rest;
    taken
}
