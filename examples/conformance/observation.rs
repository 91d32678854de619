//! Observations, in the form in which they are printed.

use std::fmt::Debug;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use wsproto::{ConnectionState, HandshakeError, LocalProtocolError, RemoteProtocolError};

use super::encoding::{as_hex, as_latin1};
use super::splits::Observation;
use super::wire::{Frame, Head, Reply};

/// What came of received frames.
#[derive(PartialEq, Eq, Serialize)]
pub(crate) struct Received {
    pub(crate) outcome: ReceiveOutcome,
    pub(crate) events: Vec<Delivered>,
    pub(crate) code: Option<u16>,
    /// How many bytes of the input it took to fail.
    pub(crate) at: Option<usize>,
    #[serde(serialize_with = "as_rule")]
    pub(crate) rule: Option<RemoteProtocolError>,
    #[serde(serialize_with = "as_name")]
    pub(crate) state: ConnectionState,
    pub(crate) replies: Vec<Reply>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReceiveOutcome {
    Open,
    Pending,
    Closed,
    Fail,
    Abnormal,
}

/// A whole message or a control frame.
#[derive(PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Delivered {
    Text {
        text: String,
    },
    Binary {
        #[serde(serialize_with = "as_hex")]
        hex: Vec<u8>,
    },
    Ping {
        #[serde(serialize_with = "as_hex")]
        hex: Vec<u8>,
    },
    Pong {
        #[serde(serialize_with = "as_hex")]
        hex: Vec<u8>,
    },
    Close {
        code: u16,
        reason: String,
    },
}

impl Observation for Received {
    /// A failure may come at an earlier byte, if the input ends there, but at no later one. Only the latest
    /// of several pings must be answered, so only the last pong counts (RFC 6455 §5.5.3).
    fn agrees_with(&self, cut: &Self) -> bool {
        cut.at <= self.at
            && (self.outcome, self.code, self.rule, self.state)
                == (cut.outcome, cut.code, cut.rule, cut.state)
            && self.events == cut.events
            && self.last_pong() == cut.last_pong()
            && self.closes().eq(cut.closes())
    }
}

impl Received {
    fn last_pong(&self) -> Option<&Reply> {
        self.replies.iter().rfind(|reply| matches!(reply, Reply::Pong { .. }))
    }

    fn closes(&self) -> impl Iterator<Item = &Reply> {
        self.replies.iter().filter(|reply| matches!(reply, Reply::Close { .. }))
    }
}

/// What came of the local user's calls.
#[derive(Serialize)]
pub(crate) struct Sent {
    /// The index of the first call that was refused.
    pub(crate) refused: Option<usize>,
    pub(crate) bytes_after_refusal: usize,
    pub(crate) frames: Vec<Frame>,
}

impl Observation for Sent {
    fn agrees_with(&self, _: &Self) -> bool {
        true
    }
}

/// What came of a request.
#[derive(PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(crate) enum Requested {
    Accept {
        accept: Option<String>,
        resource: String,
        subprotocol: Option<String>,
        deflate: Option<Map<String, Value>>,
        deflate_count: usize,
        #[serde(serialize_with = "as_latin1")]
        leftover: Vec<u8>,
        #[serde(serialize_with = "as_latin1")]
        response: Vec<u8>,
    },
    Reject {
        status: u16,
        headers: Map<String, Value>,
        #[serde(serialize_with = "as_rule")]
        rule: Option<HandshakeError>,
    },
    Error,
    Pending,
}

impl Observation for Requested {
    fn agrees_with(&self, cut: &Self) -> bool {
        self == cut
    }
}

impl Requested {
    /// Read from the answer, and from what else there is to know.
    pub(crate) fn accepted(response: Vec<u8>, resource: String, leftover: Vec<u8>) -> Result<Self, String> {
        let head = Head::read(&response)?;
        let field = |name| head.field(name).map(str::to_owned);
        let deflate = head.deflate();
        Ok(Self::Accept {
            accept: field("sec-websocket-accept"),
            resource,
            subprotocol: field("sec-websocket-protocol"),
            deflate_count: deflate.len(),
            deflate: deflate.into_iter().next().map(parameters),
            leftover,
            response,
        })
    }

    /// Read from the answer, where one was refused for breaking `rule` or for the server's own reasons.
    pub(crate) fn rejected(response: &[u8], rule: Option<HandshakeError>) -> Result<Self, String> {
        let head = Head::read(response)?;
        let mut headers = Map::new();
        for (name, value) in head.fields {
            let joined = match headers.get(&name).and_then(Value::as_str) {
                Some(before) => format!("{before}, {value}"),
                None => value,
            };
            headers.insert(name, joined.into());
        }
        Ok(Self::Reject { status: head.status, headers, rule })
    }
}

/// Numbers as such, and `true` where there is no value.
fn parameters(parameters: Vec<(String, Option<String>)>) -> Map<String, Value> {
    let value = |text: Option<String>| match text {
        None => true.into(),
        Some(text) => text.parse().map_or_else(|_| text.into(), |number: u64| number.into()),
    };
    parameters.into_iter().map(|(name, text)| (name, value(text))).collect()
}

/// What came of a response.
#[derive(PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(crate) enum Answered {
    Accept {
        subprotocol: Option<String>,
        deflate: Option<Map<String, Value>>,
        #[serde(serialize_with = "as_latin1")]
        leftover: Vec<u8>,
    },
    Fail {
        class: &'static str,
        #[serde(serialize_with = "as_name")]
        rule: HandshakeError,
    },
    Http {
        status: u16,
        #[serde(serialize_with = "as_latin1")]
        body: Vec<u8>,
    },
    Pending,
}

impl Observation for Answered {
    fn agrees_with(&self, cut: &Self) -> bool {
        self == cut
    }
}

impl Answered {
    pub(crate) fn failed(rule: HandshakeError) -> Self {
        let class = match rule {
            HandshakeError::MissingUpgrade => "upgrade",
            HandshakeError::MissingConnectionUpgrade => "connection",
            HandshakeError::WrongAccept => "accept",
            HandshakeError::UnexpectedSubprotocol(_) | HandshakeError::RepeatedSubprotocol => "subprotocol",
            HandshakeError::InvalidExtension(_) | HandshakeError::UnexpectedExtension(_) => "extension",
            HandshakeError::HeadTooLong
            | HandshakeError::TooManyHeaders
            | HandshakeError::BodyTooLong
            | HandshakeError::TooManyInformational => "limit",
            HandshakeError::UnexpectedEof => "eof",
            _ => "http",
        };
        Self::Fail { class, rule }
    }
}

/// What came of the local user's wish for a request or a response.
#[derive(Serialize)]
pub(crate) struct Built {
    outcome: BuildOutcome,
    #[serde(serialize_with = "as_latin1")]
    bytes: Vec<u8>,
    #[serde(serialize_with = "as_rule")]
    rule: Option<LocalProtocolError>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum BuildOutcome {
    Ok,
    Refuse,
}

impl Observation for Built {
    fn agrees_with(&self, _: &Self) -> bool {
        true
    }
}

impl Built {
    pub(crate) fn new(result: Result<(), LocalProtocolError>, bytes: Vec<u8>) -> Self {
        let outcome = if result.is_ok() { BuildOutcome::Ok } else { BuildOutcome::Refuse };
        Self { outcome, bytes, rule: result.err() }
    }
}

/// Prints the name of an error's variant, if there is one.
fn as_rule<S: Serializer>(error: &Option<impl Debug>, serializer: S) -> Result<S::Ok, S::Error> {
    match error {
        Some(error) => as_name(error, serializer),
        None => serializer.serialize_none(),
    }
}

/// Prints the name of a variant: what `Debug` tells, up to the fields.
fn as_name<S: Serializer>(variant: &impl Debug, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = format!("{variant:?}");
    shown.split(['(', ' ']).next().serialize(serializer)
}
