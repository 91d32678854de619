//! The receiving side: bytes to whole messages, and the replies that they need.
//!
//! A message in one frame is returned where it was read, once the buffer holds all of it. A frame that is longer than
//! [`CHUNK`] is unmasked as it arrives, while it is in the processor's cache. Later fragments are moved to the first,
//! over the headers between them. So the only bytes that are copied follow a second header. What extensions have
//! decoded is not in the buffer, and is collected in a vector.
//!
//! Text is checked when its message is complete: a `&str` cannot be had from parts that were checked before, without a
//! second pass over them.

use alloc::vec::Vec;
#[cfg(feature = "bytes")]
use core::mem;

#[cfg(feature = "bytes")]
use bytes::{BufMut, Bytes};

use crate::connection::{Receiver, ReplyPolicy};
use crate::copy::append;
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::event::{Message, MessageRef};
use crate::frame::{FrameHeader, WholeMessage};
use crate::message::{MessageDecoder, Unchecked};
use crate::opcode::MessageKind;
use crate::read_buffer::ReadBuffer;
use crate::utf8::from_utf8;
#[cfg(feature = "bytes")]
use crate::utf8_bytes::Utf8Bytes;

use super::observed::Observed;
use super::replies::Replies;

/// The bytes that were received, and what is made of them.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) buffer: ReadBuffer,
    /// What extensions have decoded of the message in progress.
    pub(super) decoded: Vec<u8>,
    pub(super) progress: Progress,
    pub(super) replies: Replies,
    pub(super) observed: Observed,
    /// How many bytes are unread once the frame in progress is complete; 0 if that is not known.
    pub(super) frame_len: usize,
    /// Whether the space that was last offered is empty: then a read of 0 bytes is not the end of the transport.
    has_no_space: bool,
    /// Whether the transport has ended.
    is_ended: bool,
}

/// The message in progress, and where its pieces are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// No message is in progress.
    BetweenMessages,
    /// In the buffer, held.
    Held(MessageKind),
    /// In `decoded`.
    Decoded(MessageKind),
    /// The message was returned: its memory is used again.
    Returned,
    /// Parts of it were returned.
    #[cfg(feature = "bytes")]
    Parts,
}

/// A message that can be returned.
enum Ready {
    /// In one frame, at the front of the unread bytes.
    InOneFrame(WholeMessage),
    /// Put together, where `progress` says.
    PutTogether(MessageKind),
}

/// What was done with a piece.
enum Step {
    /// There was none.
    Nothing,
    /// It was a control frame.
    Control,
    /// It was read, and is to be held.
    Read { kind: MessageKind, len: usize, is_last: bool },
    /// It was added to `decoded`.
    Decoded { kind: MessageKind, is_last: bool },
}

impl Inbox {
    pub(super) fn new(buffer: ReadBuffer) -> Self {
        Self {
            buffer,
            decoded: Vec::new(),
            progress: Progress::BetweenMessages,
            replies: Replies::new(ReplyPolicy::PongAndClose),
            observed: Observed::new(),
            frame_len: 0,
            has_no_space: false,
            is_ended: false,
        }
    }

    /// Returns the next message, if all of it was received. An error is kept by the receiver.
    #[inline(always)]
    pub(super) fn next_message(&mut self, receiver: &mut Receiver) -> Option<MessageRef<'_>> {
        let unread = self.buffer.checked_unread()?;
        if unread.len() < self.frame_len.min(CHUNK) {
            return None;
        }
        if self.progress == Progress::BetweenMessages {
            if let Some(message) = receiver.decoder_mut().whole_message(unread) {
                if message.is_in(unread) {
                    return self.take(message, receiver.decoder_mut());
                }
            }
        }
        self.next_slowly(receiver)
    }

    /// Returns a message that is in one frame.
    #[inline(always)]
    fn take(&mut self, message: WholeMessage, decoder: &mut MessageDecoder) -> Option<MessageRef<'_>> {
        self.observed.message = true;
        self.frame_len = 0;
        let payload = self.buffer.read_after(message.header_len, message.len)?;
        decoder.take_message(message, payload).map_err(|error| self.replies.on_failure(error)).ok()
    }

    #[inline(never)]
    fn next_slowly(&mut self, receiver: &mut Receiver) -> Option<MessageRef<'_>> {
        let decoder = receiver.decoder_mut();
        if self.has_nothing(decoder) {
            return None;
        }
        match self.advance(decoder) {
            Some(Ready::InOneFrame(message)) => self.take(message, decoder),
            Some(Ready::PutTogether(kind)) => self.finish(kind, decoder),
            None => {
                self.end_of_bytes(receiver);
                None
            }
        }
    }

    /// Whether all bytes that came are in messages that were returned: then there is nothing to do before the next bytes.
    fn has_nothing(&self, decoder: &MessageDecoder) -> bool {
        self.buffer.unread().is_empty()
            && self.progress == Progress::BetweenMessages
            && !self.is_ended
            && decoder.is_reading()
            && decoder.is_idle()
    }

    /// No message is complete. If the transport has ended, so does the connection. Memory is freed if nothing more is read.
    pub(super) fn end_of_bytes(&mut self, receiver: &mut Receiver) {
        if !receiver.decoder_mut().is_reading() {
            self.free();
        }
        if self.is_ended && !receiver.is_transport_ended() {
            _ = receiver.receive_eof();
            self.free();
        }
    }

    /// The slow path: reads pieces until a message is complete.
    fn advance(&mut self, decoder: &mut MessageDecoder) -> Option<Ready> {
        if self.progress == Progress::Returned {
            self.begin();
        }
        #[cfg(feature = "bytes")]
        if !self.leave_parts(decoder) {
            return None;
        }
        loop {
            let unread = self.buffer.unread();
            if let Some(message) = decoder.whole_message(unread).filter(|message| message.is_in(unread)) {
                return Some(Ready::InOneFrame(message));
            }
            if unread.len() < CHUNK && !self.is_ended && may_wait(decoder, unread) {
                let frame_len = frame_len(decoder, unread);
                if unread.len() < frame_len {
                    // It may become greater until the header is complete.
                    let is_known = decoder.is_in_data_frame() || unread.len() >= FrameHeader::MAX_LEN;
                    self.frame_len = if is_known { frame_len } else { 0 };
                    return None;
                }
            }
            self.frame_len = 0;
            let step = match self.step(decoder) {
                Ok(step) => step,
                Err(error) => {
                    self.replies.on_failure(error);
                    Step::Nothing
                }
            };
            let (kind, is_last) = match step {
                Step::Nothing => {
                    if may_wait(decoder, &[]) {
                        self.frame_len = frame_len(decoder, &[]);
                    }
                    return None;
                }
                Step::Control => continue,
                Step::Read { kind, len, is_last } => {
                    self.keep(kind, len);
                    (kind, is_last)
                }
                Step::Decoded { kind, is_last } => {
                    self.keep_decoded(kind);
                    (kind, is_last)
                }
            };
            if is_last {
                return Some(Ready::PutTogether(kind));
            }
        }
    }

    /// Reads one piece.
    fn step(&mut self, decoder: &mut MessageDecoder) -> Result<Step, RemoteProtocolError> {
        let Self { buffer, decoded, replies, observed, .. } = self;
        buffer.read(|input| {
            Ok(match decoder.next_unchecked(input)? {
                None => Step::Nothing,
                Some(Unchecked::Input { kind, len, is_last }) => Step::Read { kind, len, is_last },
                Some(Unchecked::Decoded { kind, bytes, is_last }) => {
                    append(decoded, bytes);
                    Step::Decoded { kind, is_last }
                }
                Some(Unchecked::Control(event)) => {
                    replies.on_event(&event);
                    observed.on_control(&event);
                    Step::Control
                }
            })
        })
    }

    /// Adds the last `len` bytes that were read to the message.
    fn keep(&mut self, kind: MessageKind, len: usize) {
        if matches!(self.progress, Progress::Decoded(_)) {
            append(&mut self.decoded, self.buffer.last_read(len));
        } else {
            self.buffer.hold_last(len);
            self.progress = Progress::Held(kind);
        }
    }

    /// A piece was added to `decoded`: what is held in the buffer belongs before it.
    fn keep_decoded(&mut self, kind: MessageKind) {
        if matches!(self.progress, Progress::Held(_)) {
            self.decoded.splice(..0, self.buffer.held().iter().copied());
            self.buffer.drop_held();
        }
        self.progress = Progress::Decoded(kind);
    }

    /// Returns the message that was put together.
    fn finish(&mut self, kind: MessageKind, decoder: &mut MessageDecoder) -> Option<MessageRef<'_>> {
        let message = match self.progress {
            Progress::Decoded(_) => &self.decoded,
            _ => self.buffer.held(),
        };
        self.progress = Progress::Returned;
        self.observed.message = true;
        match kind {
            MessageKind::Binary => Some(Message::Binary(message)),
            MessageKind::Text => match from_utf8(message) {
                Ok(text) => Some(Message::Text(text)),
                Err(_) => {
                    self.replies.on_failure(decoder.fail_text(message));
                    None
                }
            },
        }
    }

    /// The space to read into. It ends where a long frame ends.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let rest = self.rest_of_long_frame();
        let space = self.buffer.space_up_to(rest);
        self.has_no_space = space.is_empty();
        space
    }

    /// The same space, not initialized.
    #[cfg(feature = "bytes")]
    pub(super) fn buf_mut(&mut self) -> impl BufMut + '_ {
        let rest = self.rest_of_long_frame();
        let space = self.buffer.buf_mut_up_to(rest);
        self.has_no_space = !space.has_remaining_mut();
        space
    }

    /// How many bytes of a long frame are missing.
    fn rest_of_long_frame(&mut self) -> Option<usize> {
        if self.progress == Progress::Returned {
            self.begin();
        }
        let rest = self.frame_len.saturating_sub(self.buffer.unread().len());
        let is_long = self.frame_len.saturating_add(self.buffer.held().len()) >= LONG;
        (is_long && rest > 0).then_some(rest)
    }

    /// Records that `len` bytes were read into the space.
    pub(super) fn filled(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.buffer.filled(len)?;
        if len == 0 && !self.has_no_space {
            self.receive_eof();
        }
        self.observed.bytes |= len > 0;
        Ok(())
    }

    /// Records that the transport has ended.
    pub(super) const fn receive_eof(&mut self) {
        self.is_ended = true;
        self.frame_len = 0;
    }

    /// Returns the next message as bytes that were taken out of the buffer.
    #[cfg(feature = "bytes")]
    pub(super) fn next_message_bytes(
        &mut self,
        receiver: &mut Receiver,
    ) -> Option<Message<Utf8Bytes, Bytes>> {
        let (kind, len) = match self.next_message(receiver)? {
            Message::Text(text) => (MessageKind::Text, text.len()),
            Message::Binary(bytes) => (MessageKind::Binary, bytes.len()),
        };
        let message = match self.progress {
            Progress::Returned if !self.buffer.held().is_empty() => self.buffer.take_held(),
            Progress::Returned if is_worth_a_copy(len, self.decoded.capacity()) => {
                Bytes::copy_from_slice(&self.decoded)
            }
            Progress::Returned => mem::take(&mut self.decoded).into(),
            _ => self.buffer.take_last(len),
        };
        Some(match kind {
            MessageKind::Text => Message::Text(Utf8Bytes::checked(message)),
            MessageKind::Binary => Message::Binary(message),
        })
    }

    /// Begins a message: the memory of the last one is used again.
    pub(super) fn begin(&mut self) {
        self.progress = Progress::BetweenMessages;
        self.buffer.drop_held();
        self.decoded.clear();
        self.decoded.shrink_to(MAX_KEPT);
    }

    /// The buffer, with the bytes that are not read.
    pub(super) fn into_buffer(mut self) -> ReadBuffer {
        self.buffer.drop_held();
        self.buffer
    }

    /// Frees all memory: nothing more is read.
    pub(super) fn free(&mut self) {
        self.buffer.clear();
        self.decoded = Vec::new();
    }

    /// Frees the memory that is kept only for speed.
    pub(super) fn release_memory(&mut self) {
        if self.progress == Progress::Returned {
            self.begin();
        }
        self.decoded.shrink_to_fit();
        self.replies.release_memory();
        self.buffer.release_memory();
    }
}

/// Whether memory of `capacity` bytes is much more than a message of `len` bytes needs: then it is not given away.
#[cfg(feature = "bytes")]
const fn is_worth_a_copy(len: usize, capacity: usize) -> bool {
    len < capacity / 2
}

/// Whether the next frame, or the one in progress, is a data frame: a control frame is read as it arrives.
fn may_wait(decoder: &MessageDecoder, unread: &[u8]) -> bool {
    if decoder.is_between_frames() {
        unread.first().is_some_and(|first| first & CONTROL == 0)
    } else {
        decoder.is_in_data_frame()
    }
}

/// How many bytes are unread once the frame in progress is complete.
fn frame_len(decoder: &MessageDecoder, unread: &[u8]) -> usize {
    let needed = usize::try_from(decoder.bytes_needed(unread)).unwrap_or(usize::MAX);
    needed.saturating_add(unread.len())
}

/// How many bytes of a frame are unmasked at a time: few enough for the second-level cache, and most messages at once.
const CHUNK: usize = 128 << 10;

/// The length in bytes of a message that is worth a read that ends where it ends.
const LONG: usize = 16 << 10;

/// How much memory is kept for the output of extensions.
const MAX_KEPT: usize = 64 << 10;

/// The bit in the first byte of a frame that control frames have (RFC 6455 §5.5).
const CONTROL: u8 = 0x08;

#[cfg(test)]
mod tests {
    use crate::frame::Rsv;
    use crate::limits::Limits;
    use crate::opcode::Opcode;
    use crate::role::Role;

    use super::*;

    /// An inbox that has the header of a frame, and knows how long the frame is.
    fn in_frame(payload_len: u64) -> (Inbox, Receiver) {
        let mut inbox = Inbox::new(ReadBuffer::new());
        let mut receiver = Receiver::new(Role::Server, Limits::default());
        let header = FrameHeader {
            fin: true,
            rsv: Rsv::NONE,
            opcode: Opcode::Binary,
            masking_key: Some([0; 4]),
            payload_len,
        };
        inbox.buffer.extend_from_slice(header.encode().unwrap().as_ref()).unwrap();
        // It is known once there are as many bytes as the longest header has.
        inbox.buffer.extend_from_slice(&[0; FrameHeader::MAX_LEN]).unwrap();
        assert_eq!(inbox.next_message(&mut receiver), None);
        (inbox, receiver)
    }

    #[test]
    fn long_frame_is_unmasked_once_a_chunk_of_it_has_come() {
        let (mut inbox, mut receiver) = in_frame(2 * CHUNK as u64);
        let missing = CHUNK - inbox.buffer.unread().len();
        inbox.buffer.extend_from_slice(&vec![0; missing - 1]).unwrap();
        assert_eq!(inbox.next_message(&mut receiver), None);
        assert_eq!(inbox.buffer.held(), b"");
        inbox.buffer.extend_from_slice(&[0]).unwrap();
        assert_eq!(inbox.next_message(&mut receiver), None);
        assert_eq!(inbox.buffer.held().len(), CHUNK - 14);
    }

    #[test]
    fn space_ends_where_a_long_frame_ends() {
        for (frame_len, is_bounded) in [(LONG - 1, false), (LONG, true)] {
            let (mut inbox, _) = in_frame(frame_len as u64 - 8);
            let missing = frame_len - inbox.buffer.unread().len();
            inbox.buffer.extend_from_slice(&vec![0; missing - 10]).unwrap();
            assert_eq!(inbox.space().len() == 10, is_bounded, "{frame_len}");
        }
    }

    #[test]
    fn bytes_of_the_peer_are_observed_and_its_end_is_not() {
        let mut inbox = Inbox::new(ReadBuffer::new());
        assert!(!inbox.space().is_empty());
        inbox.filled(0).unwrap();
        assert!(!inbox.observed.bytes);
        inbox.space();
        inbox.filled(2).unwrap();
        assert!(inbox.observed.bytes);
    }

    #[cfg(feature = "bytes")]
    #[test]
    fn memory_is_given_away_with_a_message_that_fills_half_of_it() {
        assert!(is_worth_a_copy(49, 100));
        assert!(!is_worth_a_copy(50, 100));
    }
}
