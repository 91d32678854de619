//! What may be sent next (RFC 6455 §5.4, §5.5.1, §6.1).

use crate::error::LocalProtocolError;
use crate::opcode::{MessageKind, Opcode};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A message may start.
    Open,
    /// A message is in progress: more of its fragments follow.
    InMessage(MessageKind),
    /// The peer has closed or failed: no message may start.
    PeerDone(PeerEnd),
    /// The peer has closed or failed, but this message may be finished (§5.5.1).
    PeerDoneInMessage(PeerEnd, MessageKind),
    /// Our close frame was sent: nothing may follow.
    CloseSent(CloseSent),
    /// The transport has ended without the peer's close frame: nothing more can be sent.
    Ended,
}

/// The fact that our close frame was sent, for the receiving half of a connection.
///
/// [`SenderHalf::take_close_sent`](crate::SenderHalf::take_close_sent) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseSent {
    /// Whether the frame answered the peer's close frame or failure.
    pub(in crate::connection) as_reply: bool,
}

/// Why nothing more is received from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerEnd {
    /// Its close frame was received.
    Closed,
    /// It broke a rule.
    Failed,
}

impl State {
    /// The state after the peer has closed or failed.
    pub(super) const fn after_peer(self, end: PeerEnd) -> Self {
        match self {
            Self::Open => Self::PeerDone(end),
            Self::InMessage(kind) => Self::PeerDoneInMessage(end, kind),
            _ => self,
        }
    }

    /// The opcode of a piece of a message, and the state after it (§5.1, §5.4).
    #[inline]
    pub(super) fn after_data(
        self,
        kind: MessageKind,
        message_finished: bool,
    ) -> Result<(Opcode, Self), LocalProtocolError> {
        let (opcode, next) = match self {
            Self::Open if message_finished => (kind.opcode(), Self::Open),
            Self::Open => (kind.opcode(), Self::InMessage(kind)),
            Self::InMessage(begun) | Self::PeerDoneInMessage(_, begun) if begun != kind => {
                return Err(LocalProtocolError::OtherMessageInProgress);
            }
            Self::InMessage(_) if message_finished => (Opcode::Continuation, Self::Open),
            Self::PeerDoneInMessage(end, _) if message_finished => {
                (Opcode::Continuation, Self::PeerDone(end))
            }
            Self::InMessage(_) | Self::PeerDoneInMessage(..) => (Opcode::Continuation, self),
            Self::PeerDone(PeerEnd::Closed) => return Err(LocalProtocolError::CloseReceived),
            Self::PeerDone(PeerEnd::Failed) => return Err(LocalProtocolError::PeerFailed),
            Self::CloseSent(_) => return Err(LocalProtocolError::CloseSent),
            Self::Ended => return Err(LocalProtocolError::Ended),
        };
        Ok((opcode, next))
    }
}
