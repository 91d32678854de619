//! Messages that are encoded once and sent to many connections (RFC 6455 §5.2).

use alloc::vec::Vec;

use crate::error::LocalProtocolError;
#[cfg(feature = "deflate")]
use crate::extension::PermessageDeflate;
use crate::frame::{FrameEncoder, Rsv};
use crate::opcode::MessageKind;

/// A whole message, encoded once and sent to any number of connections.
///
/// A server sends the same bytes to all clients. A client copies and masks the payload each time, because every frame
/// needs a new key (§5.3).
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
    /// The payload compressed.
    #[cfg(feature = "deflate")]
    deflated: Option<Deflated>,
}

/// A message that was compressed independently of others.
#[cfg(feature = "deflate")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deflated {
    pub(super) payload: Vec<u8>,
    /// The window that its references need: 2 to this power, in bytes.
    pub(super) window_bits: u8,
}

impl PreparedMessage {
    /// A text message.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::PayloadTooLong`] for 2⁶³ bytes or more.
    pub fn text(text: &str) -> Result<Self, LocalProtocolError> {
        Self::new(MessageKind::Text, text.as_bytes())
    }

    /// A binary message.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::PayloadTooLong`] for 2⁶³ bytes or more.
    pub fn bytes(bytes: &[u8]) -> Result<Self, LocalProtocolError> {
        Self::new(MessageKind::Binary, bytes)
    }

    fn new(kind: MessageKind, payload: &[u8]) -> Result<Self, LocalProtocolError> {
        let mut frame = Vec::new();
        FrameEncoder::server().encode(true, Rsv::NONE, kind.opcode(), payload, &mut frame)?;
        let header_len = frame.len().saturating_sub(payload.len());
        Ok(Self {
            kind,
            frame,
            header_len,
            #[cfg(feature = "deflate")]
            deflated: None,
        })
    }

    /// Adds a compressed copy, for connections with `server_no_context_takeover` and a window no smaller than
    /// `deflate`'s for the server.
    ///
    /// On other connections with permessage-deflate, the message is still compressed each time it is sent.
    ///
    /// ```
    /// use wsproto::{Connection, DeflateParams, Extensions, Limits, PermessageDeflate, PreparedMessage, Role};
    ///
    /// let deflate = PermessageDeflate::new().with_threshold(0);
    /// let message = PreparedMessage::text("Hello")?.deflated(&deflate);
    ///
    /// let agreed = DeflateParams { server_no_context_takeover: true, ..DeflateParams::DEFAULT };
    /// let mut extensions = Extensions::new();
    /// extensions.push(deflate.negotiated(Role::Server, agreed)).unwrap();
    /// let mut server = Connection::server(Limits::default()).with_extensions(extensions);
    /// let mut output = Vec::new();
    /// server.sender_mut().send_prepared(&message, &mut output)?;
    /// assert_eq!(output, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"); // RFC 7692 §7.2.3.1
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflated(mut self, deflate: &PermessageDeflate) -> Self {
        let (payload, window_bits) = deflate.deflate_alone(self.payload());
        self.deflated = Some(Deflated { payload, window_bits });
        self
    }

    /// The compressed copy, if there is one.
    #[cfg(feature = "deflate")]
    pub(super) const fn as_deflated(&self) -> Option<&Deflated> {
        self.deflated.as_ref()
    }

    /// Whether the message is text or binary.
    pub const fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.header_len..).unwrap_or_default()
    }

    /// The whole frame, unmasked.
    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }
}
