//! What follows from the two halves: where the connection stands, and how it ended (RFC 6455 §7.1).
//!
//! |                    | nothing received | close received, or failed | transport ended before that |
//! |--------------------|------------------|---------------------------|-----------------------------|
//! | **close not sent** | `Open`           | `RemoteClosing`           | `Closed`                    |
//! | **close sent**     | `LocalClosing`   | `Closed`                  | `Closed`                    |
//!
//! A transport that ends after the peer's close frame changes no state: its other direction may still be open, and
//! the close frame can be answered.

use crate::close_code::CloseCode;
use crate::error::RemoteProtocolError;
use crate::role::Role;

use super::receiver::{Receiver, ReceiverState};

/// Where a connection stands (§4.1, §7.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// The handshake lasts.
    Connecting,
    /// Messages go both ways.
    Open,
    /// The peer has closed, or has failed, and we have not answered.
    RemoteClosing,
    /// We have closed, and the peer has not answered.
    LocalClosing,
    /// It is over.
    Closed,
    /// The handshake ends in a refusal, whose body is under way.
    Rejecting,
}

impl ConnectionState {
    /// The state of a connection, from what its halves know.
    pub(super) const fn of(receiver: &Receiver, close_sent: bool) -> Self {
        match (receiver.state(), close_sent) {
            (ReceiverState::Open, false) => Self::Open,
            (ReceiverState::Open, true) => Self::LocalClosing,
            (ReceiverState::CloseReceived | ReceiverState::Failed(_), false) => Self::RemoteClosing,
            (ReceiverState::Ended, _) | (_, true) => Self::Closed,
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CloseInfo<'a> {
    /// Who or what ended it.
    pub by: ClosedBy,
    /// The close code (§7.1.5): that of the peer's close frame, 1005 if it had none, 1006 if none came.
    pub code: CloseCode,
    /// The reason (§7.1.6): that of the peer's close frame, else empty.
    pub reason: &'a str,
    /// Whether the peer's close frame was received, and ours was sent (§7.1.4).
    pub was_clean: bool,
}

/// Who or what ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClosedBy {
    /// We sent the first close frame.
    Local,
    /// The peer sent the first close frame.
    Remote,
    /// The peer broke a rule, and we failed the connection.
    Failure(RemoteProtocolError),
    /// The transport ended without the peer's close frame.
    Transport,
}

/// What to do with the transport, once the output is written (§5.5.1, §7.1.1, §7.1.2, §7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportAction {
    /// Keep it: the connection is in use, or not yet closed.
    Keep,
    /// Wait for the server to close it, but not for ever.
    AwaitClose,
    /// Close it.
    Close,
}

impl TransportAction {
    /// What the halves know says of the transport.
    pub(super) const fn of(receiver: &Receiver, close_sent: bool, role: Role) -> Self {
        match (receiver.state(), close_sent, role) {
            _ if receiver.is_transport_ended() => Self::Close,
            (ReceiverState::Failed(_), _, _) | (ReceiverState::CloseReceived, true, Role::Server) => {
                Self::Close
            }
            (ReceiverState::CloseReceived, true, Role::Client) => Self::AwaitClose,
            _ => Self::Keep,
        }
    }
}
