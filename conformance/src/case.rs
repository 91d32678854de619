//! Cases: an input, and the outcome that the RFCs ask for. `cases/README.md` describes the schema.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::h2_case::H2;
use crate::value::{Hex, Latin1};

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: Id,
    pub(crate) tier: Tier,
    /// The row of the ledger, such as `6455-083`.
    pub(crate) ledger: String,
    /// Sections, such as `6455 5.2`; the first is that of the identifier.
    pub(crate) rfc: Vec<String>,
    pub(crate) title: String,
    pub(crate) why: String,
    pub(crate) role: Role,
    pub(crate) ask: Ask,
    /// The case as a JSON object, as it is in the corpus.
    pub(crate) json: Value,
}

/// The identifier of a case: RFC, section, name and role, as in `6455/5.2/reserved-opcode-0x3/server`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Id(pub(crate) String);

impl Id {
    /// RFC and section: `6455/5.2`.
    pub(crate) fn section(&self) -> &str {
        let end = self.0.match_indices('/').nth(1).map_or(self.0.len(), |(at, _)| at);
        self.0.get(..end).unwrap_or_default()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What it means if an implementation fails a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tier {
    /// It breaks a requirement (MUST, or a sentence that requires something without the word).
    Must,
    /// It breaks a recommendation (SHOULD).
    Should,
    /// The RFCs allow more than one outcome, but not this one; or other implementations rely on it.
    Interop,
}

/// The endpoint under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Client,
    Server,
}

/// What the implementation has to do.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// Frames are received.
    Receive(Box<Receive>),
    /// The local user makes calls.
    Local(Box<Local>),
    /// A request is received.
    Request(Box<Request>),
    /// A response is received.
    Response(Box<Response>),
    /// The local user wants to send a request or a response.
    Build(Value),
    /// Frames are received without end.
    Flood(Box<Flood>),
    /// WebSockets in streams of HTTP/2.
    H2(H2),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flood {
    /// What is sent first.
    pub(crate) head: Hex,
    /// What is sent over and over: whole frames.
    pub(crate) unit: Hex,
    /// How many bytes are sent at most.
    pub(crate) total: u64,
    /// Whether the suite reads meanwhile.
    pub(crate) reads: bool,
    pub(crate) expect: Bounds,
}

/// What has to hold while frames come without end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounds {
    /// It reads no more, or ends the connection, before `total`.
    #[serde(default)]
    pub(crate) stops: bool,
    /// It closes its direction of the connection. It may go on to discard what comes, so that its close frame arrives.
    #[serde(default)]
    pub(crate) ends: bool,
    /// By how many bytes the resident memory of the process may grow.
    pub(crate) resident_le: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receive {
    pub(crate) chunks: Vec<Hex>,
    pub(crate) split: Split,
    pub(crate) deflate: Option<Deflate>,
    pub(crate) limits: Option<FrameLimits>,
    #[serde(default)]
    pub(crate) prelude: Vec<Value>,
    #[serde(default)]
    pub(crate) eof: bool,
    pub(crate) expect: Received,
    #[serde(default)]
    pub(crate) allowed: Vec<Received>,
    /// Pongs and close frames that must be among those sent; an empty list: none may be sent.
    pub(crate) replies: Option<Vec<Reply>>,
    /// How many bytes of the input prove the violation; a door that sees when a failure is reported compares it.
    #[expect(dead_code, reason = "only the pipe door sees it, and compares the JSON")]
    fail_by: Option<usize>,
}

/// How the input is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Split {
    Every,
    Sample,
    Exact,
}

/// The negotiated parameters of permessage-deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deflate {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: u8,
    pub(crate) client_max_window_bits: u8,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameLimits {
    pub(crate) max_message: u64,
}

/// An outcome of a `receive` case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Received {
    pub(crate) outcome: ReceiveOutcome,
    #[serde(default)]
    pub(crate) events: Events,
    pub(crate) code: Option<u16>,
    pub(crate) codes: Option<Vec<u16>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReceiveOutcome {
    /// No error; all input is consumed, and nothing is unfinished.
    Open,
    /// No error; a frame or a message is unfinished.
    Pending,
    /// A close frame was received.
    Closed,
    /// The connection is failed.
    Fail,
    /// The transport ended without a close frame.
    Abnormal,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(from = "EventsForm")]
pub(crate) enum Events {
    /// They are not compared.
    Any,
    These(Vec<Event>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum EventsForm {
    These(Vec<Event>),
    /// `"any"`.
    Word(#[expect(dead_code, reason = "any word means the same")] String),
}

impl From<EventsForm> for Events {
    fn from(form: EventsForm) -> Self {
        match form {
            EventsForm::These(events) => Self::These(events),
            EventsForm::Word(_) => Self::Any,
        }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

/// A whole message or a control frame that is delivered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "EventForm")]
pub(crate) enum Event {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close { code: u16, reason: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventForm {
    r#type: String,
    text: Option<String>,
    hex: Option<Hex>,
    parts: Option<Vec<Value>>,
    code: Option<u16>,
    reason: Option<String>,
    times: Option<usize>,
}

impl TryFrom<EventForm> for Event {
    type Error = String;

    fn try_from(form: EventForm) -> Result<Self, String> {
        let mut bytes = match (form.text, form.hex, form.parts) {
            (Some(text), None, None) => text.into_bytes(),
            (None, Some(hex), None) => hex.0,
            (None, None, Some(parts)) => {
                serde_json::from_value::<Hex>(serde_json::json!({ "parts": parts }))
                    .map_err(|error| error.to_string())?
                    .0
            }
            _ => Vec::new(),
        };
        if let Some(times) = form.times {
            bytes = bytes.repeat(times);
        }
        match (form.r#type.as_str(), form.code) {
            ("text", None) => Ok(Self::Text(bytes)),
            ("binary", None) => Ok(Self::Binary(bytes)),
            ("ping", None) => Ok(Self::Ping(bytes)),
            ("pong", None) => Ok(Self::Pong(bytes)),
            ("close", Some(code)) => Ok(Self::Close { code, reason: form.reason.unwrap_or_default() }),
            (other, _) => Err(format!("not an event: {other:?}")),
        }
    }
}

/// A pong or a close frame that must be sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Reply {
    Pong {
        hex: Hex,
    },
    /// Without a code, any will do.
    Close {
        code: Option<u16>,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Local {
    pub(crate) actions: Vec<Value>,
    pub(crate) deflate: Option<Deflate>,
    pub(crate) expect: Value,
    #[serde(default)]
    pub(crate) allowed: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) bytes: Latin1,
    pub(crate) split: Split,
    #[serde(default)]
    pub(crate) config: ServerConfig,
    #[serde(default)]
    pub(crate) eof: bool,
    pub(crate) expect: Value,
    #[serde(default)]
    pub(crate) allowed: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    pub(crate) subprotocols: Vec<String>,
    pub(crate) deflate: bool,
    pub(crate) origins: Option<Vec<String>>,
    pub(crate) limits: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Response {
    pub(crate) bytes: Latin1,
    pub(crate) split: Split,
    pub(crate) config: ClientConfig,
    #[serde(default)]
    pub(crate) eof: bool,
    pub(crate) expect: Value,
    #[serde(default)]
    pub(crate) allowed: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientConfig {
    /// The `Sec-WebSocket-Key` that the accept value of the case is for.
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) subprotocols: Vec<String>,
    pub(crate) offer: Option<String>,
    #[expect(dead_code, reason = "the limits of a client are its own; only the pipe door sets them")]
    limits: Option<Value>,
}

/// The members that every case has.
#[derive(Deserialize)]
struct Common {
    id: Id,
    kind: String,
    tier: Tier,
    ledger: String,
    rfc: Vec<String>,
    title: String,
    why: String,
    role: Role,
}

impl Case {
    /// Reads a line of a file of cases.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let common: Common = parse(&json)?;
        let Value::Object(mut members) = json.clone() else { return Err("not an object".to_owned()) };
        for member in COMMON {
            members.remove(*member);
        }
        let ask = Ask::parse(&common.kind, members).map_err(|error| format!("{}: {error}", common.id))?;
        let Common { id, tier, ledger, rfc, title, why, role, .. } = common;
        Ok(Self { id, tier, ledger, rfc, title, why, role, ask, json })
    }

    /// The rule in one line.
    pub(crate) fn rule(&self) -> String {
        let sections: Vec<_> = self
            .rfc
            .iter()
            .map(|section| match section.split_once(' ') {
                Some((rfc, section)) => format!("RFC {rfc} §{section}"),
                None => section.clone(),
            })
            .collect();
        format!("{}: {}", sections.join(", "), self.why)
    }
}

impl Ask {
    fn parse(kind: &str, members: Map<String, Value>) -> Result<Self, String> {
        let members = Value::Object(members);
        match kind {
            "receive" => parse(&members).map(Self::Receive),
            "local" => parse(&members).map(Self::Local),
            "request" => parse(&members).map(Self::Request),
            "response" => parse(&members).map(Self::Response),
            "flood" => parse(&members).map(Self::Flood),
            "h2-settings" => parse(&members).map(|settings| Self::H2(H2::Settings(settings))),
            "h2-request" => parse(&members).map(|request| Self::H2(H2::Request(request))),
            "h2-streams" => parse(&members).map(|streams| Self::H2(H2::Streams(streams))),
            "build-request" | "build-response" => Ok(Self::Build(members)),
            _ => Err(format!("unknown kind: {kind:?}")),
        }
    }
}

fn parse<T: DeserializeOwned>(json: &Value) -> Result<T, String> {
    T::deserialize(json).map_err(|error| error.to_string())
}

const COMMON: &[&str] = &["id", "kind", "tier", "ledger", "rfc", "title", "why", "role", "cve", "perf"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_is_the_front_of_the_identifier() {
        assert_eq!(Id("6455/5.2/a-name/server".to_owned()).section(), "6455/5.2");
        assert_eq!(Id("odd".to_owned()).section(), "odd");
    }

    #[test]
    fn unknown_member_is_refused() {
        let line = r#"{"id":"a/b/c","kind":"receive","tier":"must","ledger":"6455-001","rfc":["6455 5.2"],
            "title":"","why":"","role":"server","chunks":[],"split":"every","expect":{"outcome":"open"}}"#;
        assert!(Case::parse(line).is_ok());
        let unknown = line.replace(r#""chunks""#, r#""speed":9,"chunks""#);
        assert!(Case::parse(&unknown).unwrap_err().contains("speed"));
    }
}
