//! Frames to pieces of payload, through the extensions if there are any (RFC 6455 §9; RFC 7692 §6.2).
//!
//! A piece is found first and borrowed afterwards, so the caller can examine it, and continue with the next one.
//!
//! A frame that extensions decode is read a few kilobytes at a time, and only the bytes that they have decoded are
//! consumed. Their output may be a thousand times as long, and is returned before more is read. So the frame ends with
//! the last piece of their output, and not where its payload ends on the wire.

use crate::error::RemoteProtocolError;
use crate::extension::{InUse, InboundExtensions};
#[cfg(feature = "alloc")]
use crate::frame::Rsv;
use crate::frame::{Ends, FrameDecoder, Piece, Source, take};
use crate::opcode::Opcode;

/// Frames, and the extensions that decode them.
#[derive(Debug)]
pub(super) struct Payloads {
    pub(super) frames: FrameDecoder,
    pub(super) extensions: InUse<InboundExtensions>,
}

impl Payloads {
    pub(super) const fn new(frames: FrameDecoder) -> Self {
        Self { frames, extensions: None }
    }

    /// The same frames, decoded by these extensions.
    #[cfg(feature = "alloc")]
    pub(super) fn with_extensions(self, extensions: InUse<InboundExtensions>) -> Self {
        let (first, continuation) = extensions.as_ref().map_or((Rsv::NONE, Rsv::NONE), |all| all.claimed());
        let has_fast_path = extensions.as_ref().is_none_or(|all| all.are_per_message());
        let frames = self.frames.with_allowed_rsv(first, continuation).with_fast_path(has_fast_path);
        Self { frames, extensions }
    }

    /// Finds the next piece. A piece of text has at most `max_text_len` bytes.
    ///
    /// Returns `None` when `input` is used up. A piece without bytes is returned only at the end of a frame.
    #[inline(always)]
    pub(super) fn find(
        &mut self,
        input: &mut &mut [u8],
        max_text_len: usize,
    ) -> Result<Option<Piece>, RemoteProtocolError> {
        let Self { frames, extensions } = self;
        match extensions {
            None => frames.next_piece(input, max_text_len),
            Some(extensions) => find_extended(frames, extensions, input, max_text_len),
        }
    }

    /// The bytes of a piece, without consuming them.
    pub(super) fn peek<'a>(&'a self, piece: &Piece, input: &'a [u8]) -> &'a [u8] {
        let bytes = match (piece.source, &self.extensions) {
            (Source::Extensions, Some(extensions)) => extensions.output(),
            _ => input,
        };
        bytes.get(..piece.len).unwrap_or_default()
    }

    /// Consumes a piece that extensions have decoded.
    pub(super) fn take_decoded(&mut self, len: usize) -> &[u8] {
        self.extensions.as_mut().map_or(&[], |extensions| extensions.take(len))
    }

    /// Whether something can be returned without more input.
    pub(super) fn has_decoded(&self) -> bool {
        let Some((extensions, ended)) = self.decoding() else { return false };
        ended.is_frame_end() || extensions.is_done() != Ok(true) || !extensions.output().is_empty()
    }

    /// The error with which the frame in progress will fail, whatever bytes follow.
    pub(super) fn waiting_error(&self) -> Option<RemoteProtocolError> {
        let (extensions, _) = self.decoding()?;
        let has_output = !extensions.output().is_empty();
        match extensions.is_done() {
            _ if has_output && extensions.message_len() >= self.frames.max_message_len() => {
                Some(RemoteProtocolError::MessageTooLong)
            }
            Err(error) if !has_output => Some(error),
            _ => None,
        }
    }

    /// The extensions while they decode a frame, and what has ended on the wire.
    fn decoding(&self) -> Option<(&InboundExtensions, Ends)> {
        let extensions = self.extensions.as_ref().filter(|extensions| extensions.is_decoding())?;
        let (_, ended) = self.frames.in_progress()?;
        Some((extensions, ended))
    }

    /// Records a call with empty input.
    #[cold]
    pub(super) fn rest(&mut self) {
        if let (true, Some(extensions)) = (self.frames.is_idle(), &mut self.extensions) {
            extensions.rest();
        }
    }

    /// Stops reading, and frees what was kept.
    pub(super) fn stop(&mut self) {
        self.frames.stop();
        self.extensions = None;
    }

    /// A copy; `None` if an extension cannot be copied.
    pub(super) fn try_clone(&self) -> Option<Self> {
        let extensions = match &self.extensions {
            Some(extensions) => Some(extensions.try_clone()?),
            None => None,
        };
        Some(Self { frames: self.frames.clone(), extensions })
    }
}

#[inline(never)]
fn find_extended(
    frames: &mut FrameDecoder,
    extensions: &mut InboundExtensions,
    input: &mut &mut [u8],
    max_text_len: usize,
) -> Result<Option<Piece>, RemoteProtocolError> {
    if frames.enter(input)? {
        begin_frame(frames, extensions)?;
    }
    match frames.in_progress() {
        Some((opcode, ended)) if extensions.is_decoding() => {
            let max_len = if opcode == Opcode::Text { max_text_len } else { usize::MAX };
            let piece = find_decoded(frames, extensions, ended, input, max_len)?;
            Ok(piece.map(|(ends, len)| Piece {
                opcode,
                source: Source::Extensions,
                is_first: false,
                ends,
                len,
            }))
        }
        _ => Ok(frames.find(input, max_text_len)),
    }
}

/// Passes a frame's header to the extensions, which decide whether they decode the frame.
#[inline(always)]
fn begin_frame(frames: &FrameDecoder, extensions: &mut InboundExtensions) -> Result<(), RemoteProtocolError> {
    let header = frames.header();
    if header.opcode.is_control() {
        return Ok(());
    }
    extensions.begin_frame(&header)?;
    // An RSV bit does not always mean that the payload is encoded. The decoder did not check the length of a message
    // with such a bit, so it is checked here.
    if !extensions.is_decoding() && extensions.message_len() > frames.max_message_len() {
        return Err(RemoteProtocolError::MessageTooLong);
    }
    Ok(())
}

/// Lets the extensions decode until there is output, or a frame ends. `ended` is what has ended on the wire.
///
/// Returns what ends with the next piece of the output, and its length: at most `max_len`.
#[inline(never)]
fn find_decoded(
    frames: &mut FrameDecoder,
    extensions: &mut InboundExtensions,
    mut ended: Ends,
    input: &mut &mut [u8],
    max_len: usize,
) -> Result<Option<(Ends, usize)>, RemoteProtocolError> {
    loop {
        let room = frames.max_message_len().saturating_sub(extensions.message_len());
        let available = extensions.output().len();
        let status = extensions.is_done();
        let done = if status == Ok(true) { ended } else { Ends::Nothing };
        if available > 0 || done.is_frame_end() {
            let len = usize::try_from(room).unwrap_or(usize::MAX).min(available);
            if len == 0 && available > 0 {
                return Err(RemoteProtocolError::MessageTooLong);
            }
            let len = len.min(max_len);
            let ends = if len == available { done } else { Ends::Nothing };
            if ends.is_frame_end() {
                frames.end_frame();
                extensions.end_frame();
            }
            return Ok(Some((ends, len)));
        }
        if status? && input.is_empty() {
            return Ok(None);
        }
        ended = frames.read_by(input, AT_ONCE, |payload, end| extensions.decode(payload, end, room));
    }
}

/// Consumes a piece of the input.
#[inline(always)]
pub(super) fn take_input<'i>(input: &mut &'i mut [u8], len: usize) -> &'i [u8] {
    take(input, len)
}

/// How many bytes of a payload are unmasked and passed to the extensions at a time.
///
/// Bytes that are not decoded are masked again, so this should not be much more than one piece of output needs.
const AT_ONCE: usize = 16 << 10;
