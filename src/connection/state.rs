//! The state of a connection and how it ended, which follow from its two halves (RFC 6455 §7.1).
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
use crate::event::CloseConnection;
use crate::role::Role;

use super::receiver::{Receiver, ReceiverState};
use super::sender::CloseSent;

/// The state of a connection, from its handshake to its end (RFC 6455 §4.1, §7.1.3).
///
/// The enum is exhaustive on purpose: a connection has no other states.
///
/// ```
/// use wsproto::{CloseConnection, Connection, ConnectionState, Limits};
///
/// let mut connection = Connection::server(Limits::default());
/// assert_eq!(connection.state(), ConnectionState::Open);
/// connection.send(CloseConnection::EMPTY, &mut Vec::new())?;
/// assert_eq!(connection.state(), ConnectionState::LocalClosing);
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// The handshake is in progress.
    Connecting,
    /// Both sides can send messages.
    Open,
    /// The peer has sent its close frame or broken a rule, and we have not sent our close frame yet.
    RemoteClosing,
    /// We have sent our close frame, and the peer has not sent its own yet.
    LocalClosing,
    /// The connection has ended.
    Closed,
    /// The server has refused the request, and the body of the refusal is in progress.
    Rejecting,
}

/// How a connection ended: who ended it, with which code and reason, and whether it was clean.
///
/// ```
/// use wsproto::{CloseCode, ClosedBy, Connection, Event, Limits};
///
/// let mut connection = Connection::server(Limits::default());
/// let mut bytes = *b"\x88\x82\0\0\0\0\x03\xe8"; // a client's close frame, code 1000
/// let (receiver, sender) = connection.split();
/// if let Some(Event::Close(close)) = receiver.next_event(&mut bytes.as_mut_slice())? {
///     sender.send(close.response(), &mut Vec::new())?;
/// }
/// let close_info = connection.close_info().unwrap();
/// assert_eq!((close_info.by, close_info.code), (ClosedBy::Remote, CloseCode::NORMAL_CLOSURE));
/// assert!(close_info.was_clean);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CloseInfo<'a> {
    /// Who or what ended it.
    pub by: ClosedBy,
    /// The close code (§7.1.5): the code of the peer's close frame, 1005 if that frame had no code, or 1006 if no close
    /// frame was received.
    pub code: CloseCode,
    /// The close reason (§7.1.6): the reason of the peer's close frame, or empty.
    pub reason: &'a str,
    /// Whether the peer's close frame was received and our own was sent (§7.1.4).
    ///
    /// Our close frame counts as sent once it is in the output. Whether you could write it, this field does not know.
    pub was_clean: bool,
}

/// Who or what ended a connection: the local side, the peer, a failure or the transport.
///
/// ```
/// use wsproto::{ClosedBy, Connection, Limits, RemoteProtocolError};
///
/// let mut connection = Connection::server(Limits::default());
/// let mut bytes = *b"\x81\x02hi"; // not masked, as a client's frames must be
/// connection.next_event(&mut bytes.as_mut_slice()).unwrap_err();
/// let by = connection.close_info().unwrap().by;
/// assert_eq!(by, ClosedBy::Failure(RemoteProtocolError::UnmaskedFrameFromClient));
/// ```
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

/// What to do with the transport once the output is written: keep it, wait, or close it (RFC 6455 §7.1.1).
///
/// The rules are in §5.5.1, §7.1.1, §7.1.2 and §7.1.7.
///
/// ```
/// use wsproto::{Connection, Limits, TransportAction};
///
/// let mut connection = Connection::server(Limits::default());
/// assert_eq!(connection.transport_action(), TransportAction::Keep);
/// _ = connection.receive_eof();
/// assert_eq!(connection.transport_action(), TransportAction::Close);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportAction {
    /// Keep it: the connection is in use, or its closing handshake is not complete.
    Keep,
    /// Wait until the server closes it, for a limited time (§7.1.1).
    AwaitClose,
    /// Close it now.
    Close,
}

/// What the state of a connection and its end follow from.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    pub(super) receiving: ReceiverState,
    /// Whether the transport has ended, before the peer's close frame or after it.
    pub(super) transport_ended: bool,
    pub(super) close_sent: Option<CloseSent>,
    pub(super) role: Role,
}

impl Facts {
    pub(super) const fn of(receiver: &Receiver, close_sent: Option<CloseSent>) -> Self {
        let (receiving, transport_ended) = (receiver.state(), receiver.is_transport_ended());
        Self { receiving, transport_ended, close_sent, role: receiver.role() }
    }

    pub(super) const fn state(self) -> ConnectionState {
        match (self.receiving, self.close_sent) {
            (ReceiverState::Open, None) => ConnectionState::Open,
            (ReceiverState::Open, Some(_)) => ConnectionState::LocalClosing,
            (ReceiverState::CloseReceived | ReceiverState::Failed(_), None) => ConnectionState::RemoteClosing,
            (ReceiverState::Ended, _) | (_, Some(_)) => ConnectionState::Closed,
        }
    }

    pub(super) const fn transport_action(self) -> TransportAction {
        match (self.receiving, self.close_sent, self.role) {
            _ if self.transport_ended => TransportAction::Close,
            (ReceiverState::Failed(_), _, _) | (ReceiverState::CloseReceived, Some(_), Role::Server) => {
                TransportAction::Close
            }
            (ReceiverState::CloseReceived, Some(_), Role::Client) => TransportAction::AwaitClose,
            _ => TransportAction::Keep,
        }
    }

    /// How the connection ended; `received` is the peer's close frame.
    pub(super) fn close_info(self, received: Option<CloseConnection<&str>>) -> Option<CloseInfo<'_>> {
        let by = match (self.receiving, self.close_sent) {
            (ReceiverState::CloseReceived, Some(CloseSent { as_reply: true })) => ClosedBy::Remote,
            (ReceiverState::CloseReceived, Some(CloseSent { as_reply: false })) => ClosedBy::Local,
            (ReceiverState::CloseReceived, None) if self.transport_ended => ClosedBy::Remote,
            (ReceiverState::Failed(error), _) => ClosedBy::Failure(error),
            (ReceiverState::Ended, _) => ClosedBy::Transport,
            (ReceiverState::Open | ReceiverState::CloseReceived, _) => return None,
        };
        Some(match received {
            Some(CloseConnection { code, reason }) => CloseInfo {
                by,
                code: code.unwrap_or(CloseCode::NO_STATUS_RCVD),
                reason,
                was_clean: self.close_sent.is_some(),
            },
            None => CloseInfo { by, code: CloseCode::ABNORMAL_CLOSURE, reason: "", was_clean: false },
        })
    }
}
