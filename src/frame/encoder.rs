//! Frames to bytes: the header alone, in place, copied and masked, or streamed (RFC 6455 §5.2, §5.3).
//!
//! A client's encoder owns the entropy that masking keys come from, and draws a new key for each frame. A server's has
//! no entropy, so the compiler removes all masking from it.

use crate::encoded_header::EncodedHeader;
use crate::entropy::{Entropy, NoEntropy};
use crate::error::LocalProtocolError;
use crate::frame::header::{FrameHeader, Rsv};
use crate::mask::Mask;
use crate::opcode::Opcode;
use crate::output::Output;
use crate::role::Role;

/// Encodes frames to bytes, and masks them if it is a client's (RFC 6455 §5).
///
/// It checks the rules for a single frame; [`Sender`](crate::Sender) checks the order of frames.
///
/// ```
/// use wsproto::{FrameEncoder, Opcode, Rsv};
///
/// let mut encoder = FrameEncoder::server();
/// let mut output = Vec::new();
/// encoder.encode(false, Rsv::NONE, Opcode::Text, b"Hel", &mut output)?;
/// encoder.encode(true, Rsv::NONE, Opcode::Continuation, b"lo", &mut output)?;
/// assert_eq!(output, b"\x01\x03Hel\x80\x02lo"); // §5.7
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FrameEncoder<E = NoEntropy> {
    /// The source of a client's masking keys; `None` for a server.
    entropy: Option<E>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The next bytes are a header.
    BetweenFrames,
    /// A payload was announced, and a part of it is still to be written.
    Payload { remaining: u64, mask: Option<Mask> },
}

impl FrameEncoder<NoEntropy> {
    /// A server's encoder, which does not mask.
    pub const fn server() -> Self {
        Self { entropy: None, state: State::BetweenFrames }
    }
}

impl<E: Entropy> FrameEncoder<E> {
    /// A client's encoder, which masks each frame with a key from `entropy`.
    pub const fn client(entropy: E) -> Self {
        Self { entropy: Some(entropy), state: State::BetweenFrames }
    }

    /// An encoder for a role that is known only at run time; a server draws nothing from `entropy`.
    pub fn with_role(role: Role, entropy: E) -> Self {
        Self::new(role.masks().then_some(entropy))
    }

    /// An encoder for either role; `None` makes a server's.
    pub(crate) const fn new(entropy: Option<E>) -> Self {
        Self { entropy, state: State::BetweenFrames }
    }

    /// The role that the frames are sent in.
    pub const fn role(&self) -> Role {
        match self.entropy {
            Some(_) => Role::Client,
            None => Role::Server,
        }
    }

    /// Writes a frame to `output`, and masks the payload while it is copied.
    ///
    /// # Errors
    ///
    /// A frame that [`FrameHeader::encode`] refuses, no room in `output`, or a [streamed](Self::begin_frame) frame that
    /// is not complete. Nothing was written then.
    #[inline(always)]
    pub fn encode(
        &mut self,
        fin: bool,
        rsv: Rsv,
        opcode: Opcode,
        payload: &[u8],
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let mut header = self.header_without_key(fin, rsv, opcode, payload.len() as u64)?;
        output.ensure_room(header.encoded_len().saturating_add(payload.len()))?;
        self.draw_key(&mut header);
        output.append_frame(header.to_bytes(), payload, header.mask())
    }

    /// Masks a payload in place, and returns the header to write before it.
    ///
    /// ```
    /// use wsproto::{FrameEncoder, Opcode, Rsv};
    /// # struct Fixed;
    /// # impl wsproto::Entropy for Fixed {
    /// #     fn fill(&mut self, bytes: &mut [u8]) { bytes.copy_from_slice(b"\x37\xfa\x21\x3d"); }
    /// # }
    ///
    /// let mut encoder = FrameEncoder::client(Fixed);
    /// let mut payload = *b"Hello";
    /// let header = encoder.encode_in_place(true, Rsv::NONE, Opcode::Text, &mut payload)?;
    /// assert_eq!(header.as_bytes(), b"\x81\x85\x37\xfa\x21\x3d");
    /// assert_eq!(payload, *b"\x7f\x9f\x4d\x51\x58");
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode). The payload is unchanged then.
    #[inline(always)]
    pub fn encode_in_place(
        &mut self,
        fin: bool,
        rsv: Rsv,
        opcode: Opcode,
        payload: &mut [u8],
    ) -> Result<EncodedHeader, LocalProtocolError> {
        let mut header = self.header_without_key(fin, rsv, opcode, payload.len() as u64)?;
        self.draw_key(&mut header);
        if let Some(mut mask) = header.mask() {
            mask.apply(payload);
        }
        Ok(header.to_bytes())
    }

    /// The header of a server's frame, whose payload the caller writes as it is.
    #[inline(always)]
    pub(crate) fn encode_header(
        &self,
        fin: bool,
        rsv: Rsv,
        opcode: Opcode,
        payload_len: u64,
    ) -> Result<EncodedHeader, LocalProtocolError> {
        if self.role().masks() {
            return Err(LocalProtocolError::MaskingRequired);
        }
        Ok(self.header_without_key(fin, rsv, opcode, payload_len)?.to_bytes())
    }

    /// Starts a frame whose payload is passed in pieces to [`continue_frame`](Self::continue_frame), and returns its
    /// header.
    ///
    /// No other frame can be encoded until `payload_len` bytes were passed.
    ///
    /// ```
    /// use wsproto::{FrameEncoder, LocalProtocolError, Opcode, Rsv};
    ///
    /// let mut encoder = FrameEncoder::server();
    /// assert_eq!(encoder.begin_frame(true, Rsv::NONE, Opcode::Binary, 3)?.as_bytes(), b"\x82\x03");
    /// encoder.continue_frame(&mut [1, 2])?;
    /// assert_eq!(encoder.continue_frame(&mut [3, 4]), Err(LocalProtocolError::PayloadOverrun));
    /// assert_eq!(encoder.payload_remaining(), 1);
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    #[inline]
    pub fn begin_frame(
        &mut self,
        fin: bool,
        rsv: Rsv,
        opcode: Opcode,
        payload_len: u64,
    ) -> Result<EncodedHeader, LocalProtocolError> {
        let mut header = self.header_without_key(fin, rsv, opcode, payload_len)?;
        self.draw_key(&mut header);
        if payload_len > 0 {
            self.state = State::Payload { remaining: payload_len, mask: header.mask() };
        }
        Ok(header.to_bytes())
    }

    /// Masks, in place, the next piece of the payload that [`begin_frame`](Self::begin_frame) announced.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::PayloadOverrun`] if `piece` is longer than the rest of the payload; it is unchanged then.
    #[inline]
    pub fn continue_frame(&mut self, piece: &mut [u8]) -> Result<(), LocalProtocolError> {
        let State::Payload { remaining, mask } = &mut self.state else {
            return if piece.is_empty() { Ok(()) } else { Err(LocalProtocolError::PayloadOverrun) };
        };
        let Some(left) = remaining.checked_sub(piece.len() as u64) else {
            return Err(LocalProtocolError::PayloadOverrun);
        };
        if let Some(mask) = mask {
            mask.apply(piece);
        }
        *remaining = left;
        if left == 0 {
            self.state = State::BetweenFrames;
        }
        Ok(())
    }

    /// How many bytes are still to be passed of the payload that [`begin_frame`](Self::begin_frame) announced.
    pub const fn payload_remaining(&self) -> u64 {
        match self.state {
            State::BetweenFrames => 0,
            State::Payload { remaining, .. } => remaining,
        }
    }

    /// The length of a frame with this payload length, in bytes.
    pub(crate) fn encoded_len(&self, payload_len: usize) -> usize {
        let masking_key = self.entropy.as_ref().map(|_| [0; 4]);
        let (fin, rsv, opcode) = (true, Rsv::NONE, Opcode::Binary);
        let header = FrameHeader { fin, rsv, opcode, masking_key, payload_len: payload_len as u64 };
        header.encoded_len().saturating_add(payload_len)
    }

    /// Checks whether such a frame may be written now.
    #[cfg(feature = "alloc")]
    pub(crate) fn check(
        &self,
        fin: bool,
        rsv: Rsv,
        opcode: Opcode,
        payload_len: usize,
    ) -> Result<(), LocalProtocolError> {
        self.header_without_key(fin, rsv, opcode, payload_len as u64).map(|_| ())
    }

    /// A header that may be written now, except that its key is still to be drawn: a refused frame must not use
    /// entropy.
    #[inline(always)]
    fn header_without_key(
        &self,
        fin: bool,
        rsv: Rsv,
        opcode: Opcode,
        payload_len: u64,
    ) -> Result<FrameHeader, LocalProtocolError> {
        if let State::Payload { .. } = self.state {
            return Err(LocalProtocolError::FrameInProgress);
        }
        let masking_key = self.entropy.as_ref().map(|_| [0; 4]);
        let header = FrameHeader { fin, rsv, opcode, masking_key, payload_len };
        header.check()?;
        Ok(header)
    }

    /// Gives a client's header a key of its own (§5.3: "a fresh masking key" for each frame).
    #[inline(always)]
    fn draw_key(&mut self, header: &mut FrameHeader) {
        header.masking_key = self.entropy.as_mut().map(Entropy::masking_key);
    }
}
