//! Messages encoded once for many connections (RFC 6455 §5.2).

use alloc::vec::Vec;

use crate::error::LocalProtocolError;
#[cfg(feature = "deflate")]
use crate::extension::PermessageDeflate;
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
    /// The same compressed.
    #[cfg(feature = "deflate")]
    deflated: Option<Deflated>,
}

/// A message that was compressed by itself.
#[cfg(feature = "deflate")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deflated {
    pub(super) payload: Vec<u8>,
    /// How far it looks back at most, as a power of two.
    pub(super) window_bits: u8,
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
        Ok(Self {
            kind,
            frame,
            header_len,
            #[cfg(feature = "deflate")]
            deflated: None,
        })
    }

    /// The same message, compressed once for all who agreed to do without context takeover and to look back
    /// at least as far: `deflate` tells how, and how far, as what a server does.
    ///
    /// Others still compress it each for themselves.
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

    /// The message compressed, if it is.
    #[cfg(feature = "deflate")]
    pub(super) const fn as_deflated(&self) -> Option<&Deflated> {
        self.deflated.as_ref()
    }

    /// What the message is.
    pub const fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.header_len..).unwrap_or_default()
    }

    /// All of a frame that is not masked.
    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }
}
