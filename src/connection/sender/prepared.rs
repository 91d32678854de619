//! Messages that were encoded before (RFC 6455 §5.4, RFC 7692 §7.2.1).

use crate::connection::prepared::PreparedMessage;
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
    /// # Errors
    ///
    /// [`LocalProtocolError::MessageInProgress`] inside another message; and what [`send`](Self::send) refuses.
    pub fn send_prepared(
        &mut self,
        message: &PreparedMessage,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if let State::InMessage(_) | State::PeerDoneInMessage(..) = self.state {
            return Err(LocalProtocolError::MessageInProgress);
        }
        let (kind, payload) = (message.kind(), message.payload());
        let extensions =
            self.extensions.as_ref().filter(|extensions| extensions.encodes(kind, payload.len()));
        let is_encoded = extensions.is_some();
        #[cfg(feature = "deflate")]
        if let (State::Open, Some(extensions), Some(deflated)) =
            (self.state, extensions, message.as_deflated())
        {
            if extensions.takes_standalone(deflated.window_bits) {
                return self.frames.encode(true, Rsv::RSV1, kind.opcode(), &deflated.payload, output);
            }
        }
        match (is_encoded, self.role(), self.state, self.frames.payload_remaining()) {
            (false, Role::Server, State::Open, 0) => output.append_bytes(message.frame()),
            _ => self.send_data(kind, payload, true, output),
        }
    }
}
