//! Messages encoded once for many connections (RFC 6455 §5.2).

use alloc::vec::Vec;

use crate::error::LocalProtocolError;
use crate::frame::{FrameEncoder, Rsv};
use crate::opcode::MessageKind;

/// A whole message, encoded once and sent to any number of connections.
///
/// A server sends the same bytes to everyone; a client copies and masks the payload each time, as every frame
/// needs a key of its own (§5.3).
///
/// ```
/// use wsproto::{PreparedMessage, Sender};
///
/// let message = PreparedMessage::text("to all")?;
/// let mut audience = vec![Sender::server(), Sender::server()];
/// for sender in &mut audience {
///     let mut output = Vec::new();
///     sender.send_prepared(&message, &mut output)?;
///     assert_eq!(output, b"\x81\x06to all");
/// }
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedMessage {
    kind: MessageKind,
    /// Header and payload, unmasked.
    frame: Vec<u8>,
    header_len: usize,
}

impl PreparedMessage {
    /// A text message.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::PayloadTooLong`], for 2⁶³ bytes and more.
    pub fn text(text: &str) -> Result<Self, LocalProtocolError> {
        Self::new(MessageKind::Text, text.as_bytes())
    }

    /// A binary message.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::PayloadTooLong`], for 2⁶³ bytes and more.
    pub fn bytes(bytes: &[u8]) -> Result<Self, LocalProtocolError> {
        Self::new(MessageKind::Binary, bytes)
    }

    fn new(kind: MessageKind, payload: &[u8]) -> Result<Self, LocalProtocolError> {
        let mut frame = Vec::new();
        FrameEncoder::server().encode(true, Rsv::NONE, kind.opcode(), payload, &mut frame)?;
        let header_len = frame.len().saturating_sub(payload.len());
        Ok(Self { kind, frame, header_len })
    }

    /// What the message is.
    pub const fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.header_len..).unwrap_or_default()
    }

    /// The header of a frame that is not masked.
    pub(super) fn header(&self) -> &[u8] {
        self.frame.get(..self.header_len).unwrap_or_default()
    }
}
