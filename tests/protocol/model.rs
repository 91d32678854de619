//! The model: what an endpoint may do, and the result, on one page. Tests compare a connection with it
//! (RFC 6455 §5.4, §5.5, §5.5.1, §7.1, §7.4).

use wsproto::{
    ClosedBy, ConnectionState, LocalProtocolError, MessageKind, RemoteProtocolError, Role, TransportAction,
};

use crate::support::{CLOSE, CONTINUATION, FIN, PING, PONG};

/// One endpoint of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) role: Role,
    /// The message that is being sent.
    pub(crate) in_message: Option<MessageKind>,
    /// Whether our close frame was sent, and whether it answers the peer's close frame or failure.
    pub(crate) close_sent: Option<Answers>,
    /// Whether the peer is open, has closed, or has failed.
    pub(crate) peer: Peer,
    pub(crate) transport_ended: bool,
}

/// Whether a close frame is an answer.
pub(crate) type Answers = bool;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// It may send more.
    Open,
    Closed {
        code: Option<u16>,
        reason: String,
    },
    Failed(RemoteProtocolError),
}

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    Data { kind: MessageKind, payload: Vec<u8>, finished: bool },
    Ping(Vec<u8>),
    Pong { payload: Vec<u8>, is_reply: bool },
    Close { code: Option<u16>, reason: String, is_reply: bool },
}

/// A frame: its first byte, and its payload.
pub(crate) type Sent = (u8, Vec<u8>);

impl Model {
    /// The frame that is sent, if any; or why the call is refused.
    pub(crate) fn send(&mut self, sending: &Sending) -> Result<Option<Sent>, LocalProtocolError> {
        let is_reply =
            matches!(sending, Sending::Pong { is_reply: true, .. } | Sending::Close { is_reply: true, .. });
        // If the transport ended after the peer's close frame or failure, our direction may still be open.
        let is_cut_off = self.transport_ended && self.peer == Peer::Open;
        match (is_reply, self.close_sent.is_some(), self.transport_ended) {
            (true, true, _) => return Ok(None),
            (true, _, _) if is_cut_off => return Ok(None),
            (false, _, true) => return Err(LocalProtocolError::Ended),
            _ => {}
        }
        match sending {
            Sending::Data { kind, payload, finished } => {
                let opcode = self.opcode(*kind)?;
                self.in_message = (!finished).then_some(*kind);
                Ok(Some((if *finished { FIN } else { 0 } | opcode, payload.clone())))
            }
            Sending::Ping(payload) => self.control(PING, payload.clone()),
            Sending::Pong { payload, .. } => self.control(PONG, payload.clone()),
            Sending::Close { code, reason, .. } => {
                let sent = self.control(CLOSE, self.close_payload(*code, reason, is_reply)?)?;
                self.close_sent = Some(is_reply || self.peer != Peer::Open);
                Ok(sent)
            }
        }
    }

    /// §5.4: a message has one kind, and messages do not overlap; §5.5.1: none starts after a close frame.
    fn opcode(&self, kind: MessageKind) -> Result<u8, LocalProtocolError> {
        match (&self.close_sent, self.in_message, &self.peer) {
            (Some(_), _, _) => Err(LocalProtocolError::CloseSent),
            (None, Some(in_progress), _) if in_progress != kind => {
                Err(LocalProtocolError::OtherMessageInProgress)
            }
            (None, Some(_), _) => Ok(CONTINUATION),
            (None, None, Peer::Open) => Ok(kind.opcode().bits()),
            (None, None, Peer::Closed { .. }) => Err(LocalProtocolError::CloseReceived),
            (None, None, Peer::Failed(_)) => Err(LocalProtocolError::PeerFailed),
        }
    }

    /// §5.5: at most 125 bytes; §5.5.1: nothing after the close frame.
    fn control(&self, first: u8, payload: Vec<u8>) -> Result<Option<Sent>, LocalProtocolError> {
        match payload.len() {
            _ if self.close_sent.is_some() => Err(LocalProtocolError::CloseSent),
            0..=125 => Ok(Some((first, payload))),
            _ => Err(LocalProtocolError::ControlFrameTooLong),
        }
    }

    /// §5.5.1: a reason needs a code; §7.4: not every code may be sent.
    fn close_payload(
        &self,
        code: Option<u16>,
        reason: &str,
        is_reply: bool,
    ) -> Result<Vec<u8>, LocalProtocolError> {
        match code {
            None if reason.is_empty() => Ok(Vec::new()),
            None => Err(LocalProtocolError::CloseReasonWithoutCode),
            // §7.4.1: a server only echoes it.
            Some(1010) if self.role == Role::Server && !is_reply && !self.peer_sent(1010) => {
                Err(LocalProtocolError::InvalidCloseCode(1010))
            }
            Some(code @ (1000..=1003 | 1007..=1014 | 3000..=4999)) if reason.len() <= 123 => {
                Ok([&code.to_be_bytes(), reason.as_bytes()].concat())
            }
            Some(1000..=1003 | 1007..=1014 | 3000..=4999) => Err(LocalProtocolError::CloseReasonTooLong),
            Some(code) => Err(LocalProtocolError::InvalidCloseCode(code)),
        }
    }

    fn peer_sent(&self, asked: u16) -> bool {
        matches!(self.peer, Peer::Closed { code: Some(code), .. } if code == asked)
    }

    /// Records the end of the transport; returns whether that ends the connection.
    pub(crate) fn receive_eof(&mut self) -> bool {
        let is_end = self.peer == Peer::Open && !self.transport_ended;
        self.transport_ended = true;
        is_end
    }

    /// Whether received bytes are still processed.
    pub(crate) fn is_receiving(&self) -> bool {
        self.peer == Peer::Open && !self.transport_ended
    }

    pub(crate) fn state(&self) -> ConnectionState {
        match (&self.peer, &self.close_sent) {
            (Peer::Open, _) if self.transport_ended => ConnectionState::Closed,
            (Peer::Open, None) => ConnectionState::Open,
            (Peer::Open, Some(_)) => ConnectionState::LocalClosing,
            (_, None) => ConnectionState::RemoteClosing,
            (_, Some(_)) => ConnectionState::Closed,
        }
    }

    /// §7.1.1: the server closes the transport first.
    pub(crate) fn transport_action(&self) -> TransportAction {
        match (&self.peer, &self.close_sent, self.role) {
            (Peer::Failed(_), _, _) | (Peer::Closed { .. }, Some(_), Role::Server) => TransportAction::Close,
            _ if self.transport_ended => TransportAction::Close,
            (Peer::Closed { .. }, Some(_), Role::Client) => TransportAction::AwaitClose,
            _ => TransportAction::Keep,
        }
    }

    /// Who ended it, with which code and reason, and whether cleanly (§7.1.4 to §7.1.6).
    pub(crate) fn close_info(&self) -> Option<(ClosedBy, u16, &str, bool)> {
        match (&self.peer, self.close_sent) {
            (Peer::Failed(error), _) => Some((ClosedBy::Failure(*error), 1006, "", false)),
            (Peer::Open, _) => self.transport_ended.then_some((ClosedBy::Transport, 1006, "", false)),
            (Peer::Closed { .. }, None) if !self.transport_ended => None,
            (Peer::Closed { code, reason }, sent) => {
                let by = if sent == Some(false) { ClosedBy::Local } else { ClosedBy::Remote };
                Some((by, code.unwrap_or(1005), reason, sent.is_some()))
            }
        }
    }
}
