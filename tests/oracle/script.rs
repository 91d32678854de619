//! What happens to an endpoint of a connection, step by step: bytes of its peer and calls of its user.

use serde::{Deserialize, Serialize};

use crate::hex::Hex;

/// One run: an endpoint, and its steps.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Script {
    pub(crate) role: Role,
    /// Whether the run starts with the handshake; otherwise the connection is open.
    pub(crate) handshake: bool,
    /// If the connection is open: the server's answer for permessage-deflate, if it was agreed on.
    pub(crate) deflate: Option<String>,
    /// Whether our side has limits that the run can reach; Python's has none.
    #[serde(skip)]
    pub(crate) tight: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Client,
    Server,
}

#[cfg(feature = "deflate")]
impl Role {
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One step; the names are those of the methods in `driver.py`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Bytes arrive, and no event is taken yet.
    Receive(Hex),
    /// The transport ends, and all events are taken.
    Eof,
    /// All events are taken.
    Drain,
    /// Events are taken up to the end of a frame.
    Advance,
    SendText {
        data: String,
        finished: bool,
    },
    SendBytes {
        data: Hex,
        finished: bool,
    },
    SendPing(Hex),
    SendPong(Hex),
    SendClose {
        code: Option<u16>,
        reason: Option<String>,
    },
    /// The last ping is answered, if there was one.
    AnswerPing,
    /// The last close, failure or end is answered, if there was one.
    AnswerClose,
    SendRequest {
        host: String,
        target: String,
        subprotocols: Vec<String>,
        headers: Fields,
    },
    SendAccept {
        subprotocol: Option<String>,
        headers: Fields,
    },
    SendReject {
        status: u16,
        has_body: bool,
        headers: Fields,
    },
    SendRejectData {
        data: Hex,
        finished: bool,
    },
}

/// Header fields, one character for each byte.
pub(crate) type Fields = Vec<(String, String)>;

/// What one side shows for a step.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Seen {
    /// Why the call was refused, if it was.
    pub(crate) refused: Option<String>,
    /// The bytes that a call wrote for the transport.
    pub(crate) sent: Option<Hex>,
    pub(crate) events: Vec<Said>,
    pub(crate) state: State,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Text(Piece<String>),
    Bytes(Piece<Hex>),
    Ping(Hex),
    Pong(Hex),
    Close {
        code: Option<u16>,
        reason: String,
    },
    /// The peer broke a rule in an open connection.
    Failure {
        /// The code to close with.
        code: u16,
        /// The name of our error, or Python's message.
        why: String,
    },
    /// The transport ended: 1006.
    End,
    Request {
        host: String,
        target: String,
        subprotocols: Vec<String>,
        headers: Fields,
    },
    Accept {
        subprotocol: Option<String>,
        headers: Fields,
    },
    Reject {
        status: u16,
        has_body: bool,
        headers: Fields,
    },
    RejectData {
        data: Hex,
        finished: bool,
    },
    /// The peer broke a rule in the handshake; this is the status.
    Refused {
        status: u16,
        /// The name of our error; empty for Python.
        #[serde(default)]
        why: String,
    },
    /// An error that the library did not intend.
    Crash(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Piece<T> {
    pub(crate) data: T,
    pub(crate) frame_finished: bool,
    pub(crate) message_finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum State {
    Connecting,
    Open,
    RemoteClosing,
    LocalClosing,
    Closed,
    Rejecting,
}

impl Seen {
    /// The same with the pieces of a frame joined, since both sides may cut them differently.
    pub(crate) fn joined(mut self) -> Self {
        let mut events: Vec<Said> = Vec::new();
        for event in self.events {
            match (events.last_mut(), event) {
                (Some(Said::Text(before)), Said::Text(piece)) if !before.frame_finished => {
                    before.data.push_str(&piece.data);
                    before.frame_finished = piece.frame_finished;
                    before.message_finished = piece.message_finished;
                }
                (Some(Said::Bytes(before)), Said::Bytes(piece)) if !before.frame_finished => {
                    before.data.0.extend(piece.data.0);
                    before.frame_finished = piece.frame_finished;
                    before.message_finished = piece.message_finished;
                }
                (
                    Some(Said::RejectData { data, finished }),
                    Said::RejectData { data: more, finished: end },
                ) => {
                    data.0.extend(more.0);
                    *finished |= end;
                }
                (_, event) => events.push(event),
            }
        }
        events.retain(|event| match event {
            Said::Text(piece) => piece.frame_finished || !piece.data.is_empty(),
            Said::Bytes(piece) => piece.frame_finished || !piece.data.0.is_empty(),
            _ => true,
        });
        self.events = events;
        self
    }
}
