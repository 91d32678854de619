//! The rules for the next header, by the role, the limits and the frames before it (RFC 6455 §5.1 to §5.5).

use crate::error::RemoteProtocolError;
use crate::frame::header::{FirstByte, Rsv, Rules};
use crate::opcode::Opcode;
use crate::role::Role;

use super::{FrameDecoder, Message};

impl Rules for FrameDecoder {
    #[inline(always)]
    fn masks(&self) -> bool {
        self.role.peer().masks()
    }

    #[inline(always)]
    fn check_first(&self, first: FirstByte) -> Result<(), RemoteProtocolError> {
        // RSV bits "MUST be 0 unless an extension is negotiated that defines meanings" (§5.2, §5.8). The
        // bit of permessage-deflate is only for the first frame of a message (RFC 7692 §6.1).
        if !first.rsv.is_empty() && !self.allowed_rsv(first.opcode).contains(first.rsv) {
            return Err(RemoteProtocolError::ReservedBits);
        }
        match (first.opcode, self.message) {
            (Opcode::Continuation, Message::Finished) => Err(RemoteProtocolError::UnexpectedContinuation),
            (Opcode::Continuation, Message::InProgress { fragments, .. })
                if fragments >= self.max_fragments =>
            {
                Err(RemoteProtocolError::TooManyFragments)
            }
            // Fragments of two messages "MUST NOT be interleaved" (§5.4).
            (Opcode::Text | Opcode::Binary, Message::InProgress { .. }) => {
                Err(RemoteProtocolError::ExpectedContinuation)
            }
            _ => Ok(()),
        }
    }

    #[inline(always)]
    fn check_masked(&self, masked: bool) -> Result<(), RemoteProtocolError> {
        // A client must mask every frame, and a server must not mask any (§5.1).
        match self.role {
            _ if masked == self.masks() => Ok(()),
            Role::Server => Err(RemoteProtocolError::UnmaskedFrameFromClient),
            Role::Client => Err(RemoteProtocolError::MaskedFrameFromServer),
        }
    }

    /// Limits protect against frames that are too long for this endpoint (§10.4).
    #[inline(always)]
    fn check_len(&self, payload_len: u64, first: FirstByte) -> Result<(), RemoteProtocolError> {
        if first.opcode.is_control() {
            return Ok(());
        }
        if payload_len > self.max_frame_len {
            return Err(RemoteProtocolError::FrameTooLong);
        }
        let (before, is_marked) = match self.message {
            Message::Finished => (0, !first.rsv.is_empty()),
            Message::InProgress { len, is_marked, .. } => (len, is_marked),
        };
        match is_marked {
            false if payload_len > self.max_message_len.saturating_sub(before) => {
                Err(RemoteProtocolError::MessageTooLong)
            }
            true if payload_len > self.max_encoded_len.saturating_sub(before) => {
                Err(RemoteProtocolError::EncodedMessageTooLong)
            }
            _ => Ok(()),
        }
    }
}

impl FrameDecoder {
    /// The RSV bits that a frame with this opcode may have.
    const fn allowed_rsv(&self, opcode: Opcode) -> Rsv {
        match opcode {
            Opcode::Text | Opcode::Binary => self.first_rsv,
            Opcode::Continuation => self.continuation_rsv,
            Opcode::Close | Opcode::Ping | Opcode::Pong => Rsv::NONE,
        }
    }
}
