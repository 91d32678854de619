//! Messages that were encoded before (RFC 6455 §5.4, RFC 7692 §7.2.1).

use crate::connection::prepared::{PreparedFrame, PreparedMessage};
use crate::entropy::Entropy;
use crate::error::LocalProtocolError;
use crate::frame::Rsv;
use crate::output::Output;
use crate::role::Role;

use super::Sender;
use super::state::State;

impl<E: Entropy> Sender<E> {
    /// Writes a [`PreparedMessage`], which was encoded before.
    ///
    /// A compressed copy is sent only without context takeover; otherwise the message is compressed again.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::MessageInProgress`] inside another message; and what [`send`](Self::send) refuses.
    #[inline]
    pub fn send_prepared(
        &mut self,
        message: &PreparedMessage,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        match (&self.extensions, self.role(), self.state, self.frames.payload_remaining()) {
            (None, Role::Server, State::Open, 0) => output.append_bytes(message.plain().as_bytes()),
            _ => self.send_prepared_slowly(message, output),
        }
    }

    /// The slow path of [`send_prepared`](Self::send_prepared).
    #[inline(never)]
    fn send_prepared_slowly(
        &mut self,
        message: &PreparedMessage,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if let State::InMessage(_) | State::PeerDoneInMessage(..) = self.state {
            return Err(LocalProtocolError::MessageInProgress);
        }
        let (kind, payload) = (message.kind(), message.payload());
        #[cfg(feature = "deflate")]
        if let (State::Open, Some(extensions)) = (self.state, &self.extensions) {
            let window = extensions.standalone_window().filter(|window| !window.takeover);
            let window = window.filter(|_| extensions.encodes(kind, payload.len()));
            if let Some(frame) = window.and_then(|window| message.deflated_for(window.bits)) {
                return self.frames.encode(true, Rsv::RSV1, kind.opcode(), frame.payload(), output);
            }
        }
        self.send_data(kind, payload, true, output)
    }

    /// The frame of a [`PreparedMessage`], to be written as it is, without a copy; the message counts as sent.
    ///
    /// `None`, which changes nothing, if this connection needs a frame of its own: then call
    /// [`send_prepared`](Self::send_prepared). A client does, because it masks; and a server does if an extension encodes
    /// the message, unless the message has a compressed copy that fits (`PreparedMessage::deflated`).
    ///
    /// With context takeover, the peer adds such a copy to its window, but our compressor has not seen it. So the next
    /// message that the compressor compresses refers to no earlier one (RFC 7692 §7.2.1). It becomes longer by that, and
    /// to reset the compressor costs as much as to compress about 20 KiB. If broadcasts are short, and other messages
    /// that are compressed come between them, [`send_prepared`](Self::send_prepared) may cost less.
    ///
    /// [`PreparedMessage`] has an example.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::MessageInProgress`] inside another message; and what [`send`](Self::send) refuses.
    pub fn prepared_frame<'m>(
        &mut self,
        message: &'m PreparedMessage,
    ) -> Result<Option<&'m PreparedFrame>, LocalProtocolError> {
        if let State::InMessage(_) | State::PeerDoneInMessage(..) = self.state {
            return Err(LocalProtocolError::MessageInProgress);
        }
        let (opcode, _) = self.state.after_data(message.kind(), true)?;
        self.frames.check(true, Rsv::NONE, opcode, 0)?;
        if self.role().masks() {
            return Ok(None);
        }
        let Some(extensions) = &mut self.extensions else { return Ok(Some(message.plain())) };
        if !extensions.encodes(message.kind(), message.payload().len()) {
            return Ok(Some(message.plain()));
        }
        #[cfg(feature = "deflate")]
        if let Some(frame) =
            extensions.standalone_window().and_then(|window| message.deflated_for(window.bits))
        {
            extensions.restart();
            return Ok(Some(frame));
        }
        Ok(None)
    }
}
