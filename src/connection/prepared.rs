//! Messages that are encoded once and sent to many connections (RFC 6455 §5.2, RFC 7692 §7.2.1).

use alloc::vec::Vec;
use core::fmt;

use crate::error::LocalProtocolError;
#[cfg(feature = "deflate")]
use crate::extension::PermessageDeflate;
use crate::frame::{FrameEncoder, Rsv};
use crate::opcode::MessageKind;

/// A whole message, encoded once and sent to any number of connections.
///
/// A server sends the same bytes to all clients: [`Sender::prepared_frame`](crate::Sender::prepared_frame) returns them,
/// to be written without a copy. A client copies and masks the payload each time, because every frame needs a new key
/// (§5.3): [`Sender::send_prepared`](crate::Sender::send_prepared).
///
/// ```
/// use std::io::{IoSlice, Write};
/// use wsproto::{PreparedMessage, Sender};
///
/// let message = PreparedMessage::text("to all")?;
/// let mut audience = vec![(Sender::server(), Vec::new()), (Sender::server(), Vec::new())]; // with their sockets
/// let mut output = Vec::new();
/// for (sender, socket) in &mut audience {
///     output.clear(); // what else waits for this socket, such as a pong
///     let frame = match sender.prepared_frame(&message)? {
///         Some(frame) => frame.as_bytes(),
///         None => {
///             // This connection needs a frame of its own.
///             sender.send_prepared(&message, &mut output)?;
///             &[]
///         }
///     };
///     let len = socket.write_vectored(&[IoSlice::new(&output), IoSlice::new(frame)])?;
///     assert_eq!(len, output.len() + frame.len()); // else keep a clone of the frame, and where to go on
///     assert_eq!(socket, b"\x81\x06to all");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedMessage {
    kind: MessageKind,
    plain: PreparedFrame,
    /// Compressed copies, each with a window of its own.
    #[cfg(feature = "deflate")]
    deflated: Vec<Deflated>,
}

/// The bytes of a frame that many connections share: its header and its payload, unmasked.
///
/// A clone shares the bytes. It is `AsRef<[u8]>`, so it can be the owner of a `Bytes`: `Bytes::from_owner(frame)`.
///
/// ```
/// use wsproto::{PreparedMessage, Sender};
///
/// let message = PreparedMessage::text("Hello")?;
/// let frame = Sender::server().prepared_frame(&message)?.cloned();
/// let queued = frame.unwrap(); // until the socket can be written to
/// assert_eq!(queued.as_bytes(), b"\x81\x05Hello");
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PreparedFrame {
    bytes: Shared,
    header_len: usize,
}

/// Bytes with a cheap clone; on a machine without atomic pointers, clones are copies.
#[cfg(target_has_atomic = "ptr")]
type Shared = alloc::sync::Arc<[u8]>;
#[cfg(not(target_has_atomic = "ptr"))]
type Shared = alloc::boxed::Box<[u8]>;

/// A message that was compressed independently of others.
#[cfg(feature = "deflate")]
#[derive(Clone, Debug, PartialEq, Eq)]
struct Deflated {
    frame: PreparedFrame,
    /// The window that its references need: 2 to this power, in bytes.
    window_bits: u8,
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
        Ok(Self {
            kind,
            plain: PreparedFrame::new(kind, Rsv::NONE, payload)?,
            #[cfg(feature = "deflate")]
            deflated: Vec::new(),
        })
    }

    /// Adds a compressed copy, for connections whose window for the server is no smaller than `deflate`'s.
    ///
    /// If connections have different windows, add a copy for each window that is in use. Each connection is sent the
    /// shortest copy that fits its window. A message fits a window that is no shorter than itself, whatever `deflate`
    /// says. The copy refers to no earlier message; so [`prepared_frame`](crate::Sender::prepared_frame) can send it
    /// with context takeover too.
    ///
    /// ```
    /// use wsproto::{Connection, DeflateParams, Extensions, Limits, PermessageDeflate, PreparedMessage, Role};
    ///
    /// let deflate = PermessageDeflate::new().with_threshold(0);
    /// let mut message = PreparedMessage::text("Hello")?;
    /// for bits in [15, 12, 9] {
    ///     message = message.deflated(&deflate.clone().with_server_max_window_bits(bits));
    /// }
    ///
    /// let agreed = DeflateParams { server_max_window_bits: 10, ..DeflateParams::DEFAULT };
    /// let mut extensions = Extensions::new();
    /// extensions.push(deflate.negotiated(Role::Server, agreed)).unwrap();
    /// let mut server = Connection::server(Limits::default()).with_extensions(extensions);
    /// let frame = server.sender_mut().prepared_frame(&message)?.unwrap();
    /// assert_eq!(frame.as_bytes(), b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"); // RFC 7692 §7.2.3.1
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflated(mut self, deflate: &PermessageDeflate) -> Self {
        let (payload, window_bits) = deflate.deflate_alone(self.payload());
        let window_bits = window_bits.min(bits_of(self.payload().len()));
        // It cannot fail: the payload is in memory, and so is shorter than 2⁶³ bytes.
        let frame = PreparedFrame::new(self.kind, Rsv::RSV1, &payload).ok();
        self.deflated.retain(|other| other.window_bits != window_bits);
        self.deflated.extend(frame.map(|frame| Deflated { frame, window_bits }));
        self
    }

    /// The shortest compressed copy for a window of 2 to the power of `window_bits` bytes, if there is one.
    #[cfg(feature = "deflate")]
    pub(super) fn deflated_for(&self, window_bits: u8) -> Option<&PreparedFrame> {
        let fitting = self.deflated.iter().filter(|deflated| deflated.window_bits <= window_bits);
        fitting.map(|deflated| &deflated.frame).min_by_key(|frame| frame.as_bytes().len())
    }

    /// Whether the message is text or binary.
    pub const fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.plain.payload()
    }

    /// The whole frame, not compressed.
    pub(super) const fn plain(&self) -> &PreparedFrame {
        &self.plain
    }
}

impl PreparedFrame {
    fn new(kind: MessageKind, rsv: Rsv, payload: &[u8]) -> Result<Self, LocalProtocolError> {
        let mut bytes = Vec::new();
        FrameEncoder::server().encode(true, rsv, kind.opcode(), payload, &mut bytes)?;
        let header_len = bytes.len().saturating_sub(payload.len());
        Ok(Self { bytes: bytes.into(), header_len })
    }

    /// The bytes to write.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload, compressed if the frame is.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(self.header_len..).unwrap_or_default()
    }
}

impl AsRef<[u8]> for PreparedFrame {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The same bytes, shared.
#[cfg(target_has_atomic = "ptr")]
impl From<PreparedFrame> for alloc::sync::Arc<[u8]> {
    fn from(frame: PreparedFrame) -> Self {
        frame.bytes
    }
}

impl fmt::Debug for PreparedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PreparedFrame").field(&self.as_bytes()).finish()
    }
}

/// The bits of the smallest window that holds a message of this length, from 8 on (RFC 7692 §7.1.2.1).
#[cfg(feature = "deflate")]
fn bits_of(len: usize) -> u8 {
    (8..15).find(|bits| len <= 1 << bits).unwrap_or(15)
}
