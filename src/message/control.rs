//! Control frames: a payload that is split across reads, and the event made from it (RFC 6455 §5.5).

use crate::event::{CloseConnection, Event, Ping, Pong};
use crate::frame::{CloseBody, FrameHeader};
use crate::opcode::Opcode;

/// The part of a control frame's payload that was received.
#[derive(Clone, Debug)]
pub(crate) struct ControlPayload {
    bytes: [u8; FrameHeader::MAX_CONTROL_LEN],
    len: u8,
}

impl ControlPayload {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; FrameHeader::MAX_CONTROL_LEN], len: 0 }
    }

    /// A copy of a whole payload, which has at most 125 bytes (§5.5).
    pub(crate) fn copy_of(payload: &[u8]) -> Self {
        let mut copy = Self::new();
        copy.extend(payload);
        copy
    }

    pub(super) const fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Appends to the payload. The check of the frame's header has made sure that it fits.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let free = self.bytes.get_mut(usize::from(self.len)..).unwrap_or_default();
        for (place, byte) in free.iter_mut().zip(bytes) {
            *place = *byte;
            self.len = self.len.saturating_add(1);
        }
    }
}

/// The event for a control frame with this payload.
#[inline(always)]
pub(super) fn control_event<'a, T, B>(
    opcode: Opcode,
    payload: &'a [u8],
    text: impl FnOnce(&'a str) -> T,
    bytes: impl FnOnce(&'a [u8]) -> B,
) -> Event<T, B> {
    match opcode {
        Opcode::Ping => Event::Ping(Ping { payload: bytes(payload) }),
        Opcode::Pong => Event::Pong(Pong { payload: bytes(payload) }),
        _ => Event::Close(close(payload).map(text)),
    }
}

/// The event for a close frame whose payload was checked.
pub(super) fn close(payload: &[u8]) -> CloseConnection<&str> {
    match CloseBody::decode(payload, true) {
        Ok(CloseBody { code, reason }) => CloseConnection { code, reason },
        // Not reached: `keep_control` has refused such a payload.
        Err(_) => CloseConnection::EMPTY,
    }
}
