//! The schema of the cases, which is strict: a case with an unknown member is refused.
//!
//! Members for the checker and for people are removed unread.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use wsproto::{
    DeflateParams, Extension, ExtensionParams, Extensions, HandshakeLimits, Limits, PermessageDeflate,
};

use super::values::{HexBytes, Latin1Bytes, Payload, Received, Times};

/// One case.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) kind: Kind,
}

/// What the implementation has to do.
pub(crate) enum Kind {
    Receive(Receive),
    Local(Local),
    Request(Request),
    Response(Response),
    BuildRequest(BuildRequest),
    BuildResponse(BuildResponse),
}

/// A line that is not a valid case.
pub(crate) struct Unreadable {
    pub(crate) id: Option<String>,
    pub(crate) error: String,
}

/// Frames are received.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receive {
    pub(crate) role: Role,
    pub(crate) chunks: Vec<HexBytes>,
    pub(crate) split: Split,
    deflate: Option<Deflate>,
    limits: Option<FrameLimits>,
    #[serde(default)]
    pub(crate) prelude: Vec<Action>,
    #[serde(default)]
    pub(crate) eof: bool,
}

/// The local user makes calls.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Local {
    pub(crate) role: Role,
    pub(crate) actions: Vec<Action>,
    deflate: Option<Deflate>,
    limits: Option<FrameLimits>,
}

/// A request is received.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) bytes: Latin1Bytes,
    pub(crate) split: Split,
    #[serde(default)]
    pub(crate) config: ServerConfig,
    #[serde(default)]
    pub(crate) eof: bool,
}

/// A response is received.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Response {
    pub(crate) bytes: Latin1Bytes,
    pub(crate) split: Split,
    pub(crate) config: ClientConfig,
    #[serde(default)]
    pub(crate) eof: bool,
}

/// The local user wants to send a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuildRequest {
    pub(crate) input: RequestInput,
    #[serde(default)]
    pub(crate) config: BuildConfig,
}

/// The local user wants to send a response.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuildResponse {
    pub(crate) input: ResponseInput,
    #[serde(default)]
    pub(crate) config: BuildConfig,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Client,
    Server,
}

/// How the input is split.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Split {
    Every,
    Sample,
    Exact,
}

/// What the local user does.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    SendText(Payload),
    SendBinary(Payload),
    SendPing(Payload),
    SendPong(Payload),
    SendContinuation(Payload),
    SendClose(Close),
    Receive(Received),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    /// Any number: it need not be a valid close code.
    pub(crate) code: Option<i64>,
    #[serde(default)]
    pub(crate) reason: String,
    /// How often it is sent.
    #[serde(default)]
    pub(crate) times: Times,
}

impl Action {
    /// How often it is done.
    pub(crate) const fn times(&self) -> usize {
        match self {
            Self::SendText(payload)
            | Self::SendBinary(payload)
            | Self::SendPing(payload)
            | Self::SendPong(payload)
            | Self::SendContinuation(payload) => payload.times.0,
            Self::SendClose(close) => close.times.0,
            // `Received` has repeated its bytes already.
            Self::Receive(_) => 1,
        }
    }
}

/// The negotiated parameters of permessage-deflate.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deflate {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: WindowBits,
    client_max_window_bits: WindowBits,
}

#[derive(Deserialize)]
#[serde(try_from = "u64")]
struct WindowBits(u8);

impl TryFrom<u64> for WindowBits {
    type Error = String;

    fn try_from(bits: u64) -> Result<Self, String> {
        match u8::try_from(bits) {
            Ok(bits @ 8..=15) => Ok(Self(bits)),
            _ => Err(format!("window bits are 8 to 15, not {bits}")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameLimits {
    max_message: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    pub(crate) subprotocols: Vec<String>,
    pub(crate) deflate: bool,
    pub(crate) origins: Option<Vec<String>>,
    limits: Option<HeadLimits>,
}

/// The settings of an endpoint that builds a head.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BuildConfig {
    pub(crate) deflate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientConfig {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) subprotocols: Vec<String>,
    pub(crate) offer: Option<String>,
    limits: Option<HeadLimits>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLimits {
    max_head: Option<usize>,
    max_headers: Option<usize>,
    max_body: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestInput {
    pub(crate) host: String,
    pub(crate) resource: String,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) subprotocols: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponseInput {
    pub(crate) request: Latin1Bytes,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) subprotocol: Option<String>,
    pub(crate) reject: Option<Reject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reject {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: String,
}

impl Case {
    /// Reads a line.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Unreadable> {
        let mut members: Map<String, Value> = serde_json::from_slice(line)
            .map_err(|error| Unreadable { id: None, error: format!("not a case: {error}") })?;
        let Some(Value::String(id)) = members.remove("id") else {
            return Err(Unreadable { id: None, error: "the case has no id".to_owned() });
        };
        for member in UNREAD {
            members.remove(*member);
        }
        match Kind::parse(members) {
            Ok(kind) => Ok(Self { id, kind }),
            Err(error) => Err(Unreadable { id: Some(id), error }),
        }
    }
}

impl Kind {
    fn parse(mut members: Map<String, Value>) -> Result<Self, String> {
        let kind = members.remove("kind").unwrap_or_else(|| "receive".into());
        match kind.as_str() {
            Some("receive") => parse(members).map(Self::Receive),
            Some("local") => parse(members).map(Self::Local),
            Some("request") => parse_as("server", members).map(Self::Request),
            Some("response") => parse_as("client", members).map(Self::Response),
            Some("build-request") => parse_as("client", members).map(Self::BuildRequest),
            Some("build-response") => parse_as("server", members).map(Self::BuildResponse),
            _ => Err(format!("unsupported kind: {kind}")),
        }
    }
}

/// Members for the checker or for people.
const UNREAD: &[&str] =
    &["expect", "allowed", "fail_by", "replies", "tier", "ledger", "title", "rfc", "why", "cve", "perf"];

fn parse<C: DeserializeOwned>(members: Map<String, Value>) -> Result<C, String> {
    serde_json::from_value(Value::Object(members)).map_err(|error| error.to_string())
}

/// Reads a case of a kind that only one role has.
fn parse_as<C: DeserializeOwned>(role: &str, mut members: Map<String, Value>) -> Result<C, String> {
    match members.remove("role") {
        Some(named) if named != role => Err(format!("this kind is for the role {role}, not {named}")),
        _ => parse(members),
    }
}

impl Receive {
    pub(crate) fn limits(&self) -> Limits {
        limits(self.limits.as_ref())
    }

    pub(crate) fn extensions(&self) -> Option<Extensions> {
        self.deflate.as_ref().map(|agreed| agreed.run(self.role))
    }
}

impl Local {
    pub(crate) fn limits(&self) -> Limits {
        limits(self.limits.as_ref())
    }

    pub(crate) fn extensions(&self) -> Option<Extensions> {
        self.deflate.as_ref().map(|agreed| agreed.run(self.role))
    }
}

impl Deflate {
    fn run(&self, role: Role) -> Extensions {
        let params = DeflateParams {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: self.server_max_window_bits.0,
            client_max_window_bits: self.client_max_window_bits.0,
        };
        let role = match role {
            Role::Client => wsproto::Role::Client,
            Role::Server => wsproto::Role::Server,
        };
        let mut extensions = Extensions::new();
        let pushed = extensions.push(PermessageDeflate::new().negotiated(role, params));
        assert!(pushed.is_ok(), "no other extension uses RSV1");
        extensions
    }
}

fn limits(set: Option<&FrameLimits>) -> Limits {
    let mut limits = Limits::NONE;
    if let Some(FrameLimits { max_message }) = set {
        limits.max_message_len = *max_message;
    }
    limits
}

/// Full support of permessage-deflate if `deflate` is set: every valid offer is accepted.
fn extensions(deflate: bool) -> Vec<&'static dyn Extension> {
    static DEFLATE: PermessageDeflate = PermessageDeflate::new();
    if deflate { vec![&DEFLATE] } else { Vec::new() }
}

impl BuildConfig {
    pub(crate) fn extensions(&self) -> Vec<&'static dyn Extension> {
        extensions(self.deflate)
    }
}

impl ServerConfig {
    pub(crate) fn extensions(&self) -> Vec<&'static dyn Extension> {
        extensions(self.deflate)
    }

    pub(crate) fn limits(&self) -> HandshakeLimits {
        head_limits(self.limits.as_ref())
    }
}

impl ClientConfig {
    /// Returns the settings that produce the offer of the case.
    pub(crate) fn deflate(&self) -> Result<Option<PermessageDeflate>, String> {
        let Some(offer) = &self.offer else { return Ok(None) };
        let offers = ExtensionParams::parse_list(offer.as_bytes())
            .map_err(|error| format!("the offer is malformed: {error}"))?;
        let [offer] = offers.as_slice() else { return Err("not one offer".to_owned()) };
        // A server would decline what is no offer of this extension.
        if offer.name() != PermessageDeflate::new().name() || PermessageDeflate::new().answer(offer).is_err()
        {
            return Err(format!("not a valid offer of permessage-deflate: {offer}"));
        }
        let mut deflate = PermessageDeflate::new();
        if offer.params().all(|(name, _)| name != "client_max_window_bits") {
            deflate = deflate.without_client_max_window_bits();
        }
        for (name, value) in offer.params() {
            let bits =
                value.map_or(Ok(15), |bits| bits.parse().map_err(|_| "window bits are not a number"))?;
            deflate = match name {
                "server_no_context_takeover" => deflate.with_server_no_context_takeover(),
                "client_no_context_takeover" => deflate.with_client_no_context_takeover(),
                "server_max_window_bits" => deflate.with_server_max_window_bits(bits),
                "client_max_window_bits" => deflate.with_client_max_window_bits(bits),
                _ => return Err(format!("unknown parameter: {name}")),
            };
        }
        // The crate must produce this very offer; with another one, it would be another case.
        if !deflate.offers().iter().map(meaning).eq([meaning(offer)]) {
            return Err(format!("this crate cannot make this offer: {offer}"));
        }
        Ok(Some(deflate))
    }

    pub(crate) fn limits(&self) -> HandshakeLimits {
        head_limits(self.limits.as_ref())
    }
}

/// The parameters of an offer, in one form: some can be written in two ways (RFC 7692 §7.1.2).
fn meaning(offer: &ExtensionParams) -> BTreeMap<&str, Option<&str>> {
    let meant = offer.params().filter(|param| *param != ("server_max_window_bits", Some("15")));
    meant
        .map(|(name, value)| {
            (name, if name == "client_max_window_bits" { value.or(Some("15")) } else { value })
        })
        .collect()
}

/// The limits of the case; the crate's defaults for those that it does not set.
fn head_limits(set: Option<&HeadLimits>) -> HandshakeLimits {
    let mut limits = HandshakeLimits::default();
    if let Some(HeadLimits { max_head, max_headers, max_body }) = set {
        limits.max_head_len = max_head.unwrap_or(limits.max_head_len);
        limits.max_headers = max_headers.unwrap_or(limits.max_headers);
        limits.max_body_len = max_body.unwrap_or(limits.max_body_len);
    }
    limits
}
