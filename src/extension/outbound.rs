//! Payloads to send, through the chain of extensions to frames (RFC 6455 §9).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::entropy::Entropy;
use crate::error::LocalProtocolError;
use crate::frame::{FrameEncoder, FrameHeader, Rsv};
use crate::opcode::{MessageKind, Opcode};
use crate::output::Output;

use super::idle::Idle;

/// The sending half of an extension in use: encodes the payloads of frames to send (RFC 6455 §9).
///
/// See [`Extension`](super::Extension) for a complete extension. This half adds a zero byte to each text frame, and
/// sets RSV2 on the first frame of such a message:
///
/// ```
/// use wsproto::{MessageKind, OutboundExtension, Rsv};
///
/// #[derive(Debug, Default)]
/// struct ZeroByte {
///     buffer: Vec<u8>,
/// }
///
/// impl OutboundExtension for ZeroByte {
///     fn rsv_for(&self, kind: MessageKind, _: Option<usize>) -> Option<Rsv> {
///         (kind == MessageKind::Text).then_some(Rsv::RSV2)
///     }
///     fn max_encoded_len(&self, len: usize) -> usize {
///         len.saturating_add(1)
///     }
///     fn encode(&mut self, payload: &[u8], _: bool) -> &[u8] {
///         self.buffer = [payload, b"\0"].concat();
///         &self.buffer
///     }
/// }
///
/// let mut outbound = ZeroByte::default();
/// assert_eq!(outbound.rsv_for(MessageKind::Binary, Some(2)), None); // not encoded
/// assert_eq!(outbound.encode(b"hi", true), b"hi\0");
/// ```
pub trait OutboundExtension: fmt::Debug + Send + Sync {
    /// The RSV bits of the first frame of a message that starts; `None` if the message is not to be
    /// [encoded](Self::encode).
    ///
    /// `len` is the length of the message in bytes, or `None` if only its first piece is known. The message may still
    /// be refused for another reason.
    fn rsv_for(&self, kind: MessageKind, len: Option<usize>) -> Option<Rsv>;

    /// The greatest length that `len` bytes of payload can have once they are encoded.
    ///
    /// Before anything is encoded, it is checked that the output has this much room.
    fn max_encoded_len(&self, len: usize) -> usize;

    /// Encodes the payload of a frame into the extension's own buffer, and returns a reference to the result.
    fn encode(&mut self, payload: &[u8], message_finished: bool) -> &[u8];

    /// Frees the memory of a frame's encoded payload, once the frame is written.
    fn end_frame(&mut self) {}

    /// Frees memory that is kept only for speed. It is called when nothing was [encoded](Self::encode) for a while.
    ///
    /// A message may still be in progress, between two of its frames.
    fn release_memory(&mut self) {}

    /// Frees all memory that it can do without until the next message, because the caller has asked for it with
    /// [`release_memory`](crate::Sender::release_memory). By default, the same as [here](Self::release_memory).
    ///
    /// It may take time to build it again, and later messages may be encoded to other bytes, which the peer decodes to
    /// the same.
    fn release_all_memory(&mut self) {
        self.release_memory();
    }

    /// Has the next message not refer to earlier ones, because the peer has received one that this half has not encoded.
    ///
    /// It is called between two messages, and only for permessage-deflate.
    fn restart(&mut self) {}

    /// A copy that encodes exactly as this extension would; `None` by default, if the extension cannot be copied.
    ///
    /// [`Connection::try_clone`](crate::Connection::try_clone) uses it.
    fn try_clone(&self) -> Option<Box<dyn OutboundExtension>> {
        None
    }
}

/// The sending halves of all extensions in use, the one nearest to the message first.
#[derive(Debug)]
pub(crate) struct OutboundExtensions {
    stages: Vec<Stage>,
    /// How many control frames were sent in a row, since the last payload was encoded.
    idle: Idle,
    /// The window for messages that were compressed independently; `None` if these cannot be sent.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(dead_code, reason = "only permessage-deflate can send such messages")
    )]
    standalone_window: Option<StandaloneWindow>,
    /// The RSV bits that they claim on the first frame of a message, and on its other frames.
    claimed: (Rsv, Rsv),
    /// Who encodes the message in progress, or the last one.
    encoder: Encoder,
}

/// The window of permessage-deflate, for messages that were compressed independently of others.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "deflate"),
    expect(dead_code, reason = "only permessage-deflate can send such messages")
)]
pub(crate) struct StandaloneWindow {
    /// The size of the window: 2 to this power, in bytes.
    pub(crate) bits: u8,
    /// Whether the other messages refer to earlier ones.
    pub(crate) takeover: bool,
}

/// Who encodes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoder {
    /// Nobody: it is sent as it is.
    Nobody,
    /// At least one of the extensions.
    Extensions,
    /// The caller, who then passes each payload encoded.
    Caller,
}

#[derive(Debug)]
struct Stage {
    extension: Box<dyn OutboundExtension>,
    /// Whether it encodes the message in progress, if [extensions](Encoder::Extensions) do.
    is_active: bool,
}

impl OutboundExtensions {
    /// The halves, in the negotiated order.
    pub(super) fn new(
        extensions: impl Iterator<Item = Box<dyn OutboundExtension>>,
        standalone_window: Option<StandaloneWindow>,
        claimed: (Rsv, Rsv),
    ) -> Self {
        let stages = extensions.map(|extension| Stage { extension, is_active: false }).collect();
        Self { stages, idle: Idle::new(), standalone_window, claimed, encoder: Encoder::Nobody }
    }

    /// A copy; `None` if one of them cannot be copied.
    pub(crate) fn try_clone(&self) -> Option<Box<Self>> {
        let stages = self.stages.iter().map(|Stage { extension, is_active }| {
            Some(Stage { extension: extension.try_clone()?, is_active: *is_active })
        });
        let (stages, idle) = (stages.collect::<Option<_>>()?, self.idle.clone());
        Some(Box::new(Self { stages, idle, ..*self }))
    }

    /// Whether they encode a whole message of this kind and length.
    pub(crate) fn encodes(&self, kind: MessageKind, len: usize) -> bool {
        self.rsv_for(kind, Some(len)).is_some()
    }

    /// The window for messages that permessage-deflate has compressed independently; `None` if these cannot be sent.
    #[cfg(feature = "deflate")]
    pub(crate) const fn standalone_window(&self) -> Option<StandaloneWindow> {
        self.standalone_window
    }

    /// Records that a message was sent that the extensions have not encoded, though the peer decodes it.
    #[cfg(feature = "deflate")]
    pub(crate) fn restart(&mut self) {
        self.stages.iter_mut().for_each(|stage| stage.extension.restart());
    }

    /// Encodes the payload of a data frame, and writes it in fragments. Returns false if no extension encodes the
    /// message; nothing was written then.
    ///
    /// An encoded payload has to be sent, because the peer's half depends on it. So it is checked first that it can be
    /// written.
    #[inline]
    pub(crate) fn write<E: Entropy>(
        &mut self,
        frames: &mut FrameEncoder<E>,
        mut opcode: Opcode,
        payload: &[u8],
        message_finished: bool,
        max_fragment_len: usize,
        output: &mut (impl Output + ?Sized),
    ) -> Result<bool, LocalProtocolError> {
        let len = message_finished.then_some(payload.len());
        let kind = match opcode {
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            // Its message has started already.
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => None,
        };
        let mark = match (kind, self.encoder) {
            (Some(kind), _) => self.rsv_for(kind, len),
            (None, Encoder::Nobody) => None,
            (None, Encoder::Extensions) => Some(Rsv::NONE),
            (None, Encoder::Caller) => return Err(LocalProtocolError::EncodedMessageInProgress),
        };
        let Some(mut rsv) = mark else { return Ok(false) };
        let max_len = self.max_encoded_len(payload.len());
        let count = max_len.checked_div(max_fragment_len).unwrap_or(max_len).saturating_add(1);
        frames.check(message_finished, rsv, opcode, max_len)?;
        output.check_room(max_len.saturating_add(count.saturating_mul(FrameHeader::MAX_LEN)))?;
        if let Some(kind) = kind {
            self.begin(kind, len);
        }
        let mut rest = self.encode(payload, message_finished);
        loop {
            let (fragment, after) = rest.split_at_checked(max_fragment_len.max(1)).unwrap_or((rest, &[]));
            let is_last = after.is_empty();
            frames.encode(message_finished && is_last, rsv, opcode, fragment, output)?;
            if is_last {
                break;
            }
            (opcode, rsv, rest) = (Opcode::Continuation, Rsv::NONE, after);
        }
        self.end_frame();
        Ok(true)
    }

    /// Refuses RSV bits that no extension claims.
    pub(crate) const fn check_rsv(&self, opcode: Opcode, rsv: Rsv) -> Result<(), LocalProtocolError> {
        let (first, continuation) = self.claimed;
        let claimed = if matches!(opcode, Opcode::Continuation) { continuation } else { first };
        if claimed.contains(rsv) { Ok(()) } else { Err(LocalProtocolError::ReservedBits) }
    }

    /// Refuses a frame that is not encoded, inside a message that is.
    pub(crate) fn check_plain(&self, opcode: Opcode) -> Result<(), LocalProtocolError> {
        match (opcode, self.encoder) {
            (Opcode::Continuation, Encoder::Extensions | Encoder::Caller) => {
                Err(LocalProtocolError::EncodedMessageInProgress)
            }
            _ => Ok(()),
        }
    }

    /// Refuses a frame that the caller has encoded, inside a message that extensions encode.
    pub(crate) fn check_encoded(&self, opcode: Opcode) -> Result<(), LocalProtocolError> {
        match (opcode, self.encoder) {
            (Opcode::Continuation, Encoder::Extensions) => Err(LocalProtocolError::EncodedMessageInProgress),
            _ => Ok(()),
        }
    }

    /// Records a data frame that nobody encodes; so nobody encodes the rest of its message either.
    pub(crate) fn begin_plain(&mut self, opcode: Opcode) {
        self.begin_without_extensions(opcode, Encoder::Nobody);
    }

    /// Records a data frame that the caller has encoded; so the caller encodes the rest of its message too.
    pub(crate) fn begin_encoded(&mut self, opcode: Opcode) {
        self.begin_without_extensions(opcode, Encoder::Caller);
    }

    fn begin_without_extensions(&mut self, opcode: Opcode, encoder: Encoder) {
        if opcode != Opcode::Continuation {
            self.encoder = encoder;
        }
    }

    /// The RSV bits of the first frame of such a message; `None` if no extension encodes it.
    fn rsv_for(&self, kind: MessageKind, len: Option<usize>) -> Option<Rsv> {
        let marks = self.stages.iter().filter_map(|stage| stage.extension.rsv_for(kind, len));
        marks.reduce(|bits, more| bits | more)
    }

    /// The greatest length that `len` bytes of payload can have, whichever extensions encode them.
    fn max_encoded_len(&self, len: usize) -> usize {
        self.stages.iter().fold(len, |len, stage| stage.extension.max_encoded_len(len).max(len))
    }

    /// Records that a message starts. The extensions that return [RSV bits](Self::rsv_for) for it encode it.
    fn begin(&mut self, kind: MessageKind, len: Option<usize>) {
        self.encoder = Encoder::Extensions;
        for stage in &mut self.stages {
            stage.is_active = stage.extension.rsv_for(kind, len).is_some();
        }
    }

    /// Encodes the payload of a frame.
    fn encode<'a>(&'a mut self, payload: &'a [u8], message_finished: bool) -> &'a [u8] {
        self.idle.end();
        let active = self.stages.iter_mut().filter(|stage| stage.is_active);
        active.fold(payload, |payload, stage| stage.extension.encode(payload, message_finished))
    }

    /// Frees the memory of a frame's encoded payload, once the frame is written.
    fn end_frame(&mut self) {
        for stage in self.stages.iter_mut().filter(|stage| stage.is_active) {
            stage.extension.end_frame();
        }
    }

    /// Counts a control frame.
    ///
    /// After some of them, memory that is kept only for speed is freed: an idle connection sends only pings and pongs.
    pub(crate) fn rest(&mut self) {
        if self.idle.count() {
            self.stages.iter_mut().for_each(|stage| stage.extension.release_memory());
        }
    }

    /// Frees all memory that can be done without.
    pub(crate) fn release_memory(&mut self) {
        self.stages.iter_mut().for_each(|stage| stage.extension.release_all_memory());
    }
}
