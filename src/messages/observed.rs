//! What was received since the deadlines were last checked.

use core::time::Duration;

use crate::event::{BytesMessage, CloseConnection, Event, EventRef, Pong};
use crate::keepalive::Keepalive;

/// What was received since the deadlines were last checked.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    /// Any bytes.
    pub(super) bytes: bool,
    /// A whole message.
    pub(super) message: bool,
    /// A pong that can be an answer to a ping of the machine of deadlines.
    pong: Option<[u8; 8]>,
    /// A close frame.
    close: bool,
}

impl Observed {
    pub(super) const fn new() -> Self {
        Self { bytes: false, message: false, pong: None, close: false }
    }

    pub(super) fn on_control(&mut self, event: &EventRef<'_>) {
        match event {
            Event::Pong(pong) => self.pong = pong.payload.try_into().ok().or(self.pong),
            Event::Close(_) => self.close = true,
            _ => {}
        }
    }

    /// Reports all of it, as of now.
    pub(super) fn report(&mut self, keepalive: &mut Keepalive, now: Duration, is_idle: bool) {
        let Self { bytes, message, pong, close } = core::mem::replace(self, Self::new());
        if message {
            keepalive.on_event(&Event::Bytes(BytesMessage::new(&[])), now);
        }
        if let Some(payload) = pong {
            keepalive.on_event(&Event::Pong(Pong::new(&payload)), now);
        }
        if close {
            keepalive.on_event(&Event::Close(CloseConnection::EMPTY), now);
        }
        if bytes {
            keepalive.received(now, is_idle);
        }
    }
}
