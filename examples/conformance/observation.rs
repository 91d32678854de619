//! Observations, as they are printed.

use std::fmt::Debug;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use wsproto::{ConnectionState, HandshakeError, LocalProtocolError, RemoteProtocolError};

use super::encoding::{as_hex, as_latin1};
use super::splits::Observation;
use super::wire::{Frame, Head, Reply};

/// The outcome of a `receive` case.
#[derive(PartialEq, Eq, Serialize)]
pub(crate) struct Received {
    pub(crate) outcome: ReceiveOutcome,
    pub(crate) events: Vec<Delivered>,
    pub(crate) code: Option<u16>,
    /// How many bytes of the input were read when the failure was certain.
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
    /// A split may report a failure at an earlier byte, but not at a later one. Only the last of several pings must be
    /// answered, so only the last pong is compared (RFC 6455 §5.5.3).
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

/// The outcome of a `local` case.
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

/// The outcome of a `request` case.
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
    /// Reads the outcome from the response of a server that accepted the request.
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

    /// Reads the outcome from the response of a server that refused the request, because it breaks `rule` or for
    /// reasons of its own.
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

/// Parameters as JSON: a number as a number, and `true` for a parameter without a value.
fn parameters(parameters: Vec<(String, Option<String>)>) -> Map<String, Value> {
    let value = |text: Option<String>| match text {
        None => true.into(),
        Some(text) => text.parse().map_or_else(|_| text.into(), |number: u64| number.into()),
    };
    parameters.into_iter().map(|(name, text)| (name, value(text))).collect()
}

/// The outcome of a `response` case.
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

/// The outcome of a `build-request` or `build-response` case.
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

/// Prints the name of a variant: its `Debug` text, up to the fields.
fn as_name<S: Serializer>(variant: &impl Debug, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = format!("{variant:?}");
    shown.split(['(', ' ']).next().serialize(serializer)
}
