//! Cases of WebSockets in streams of HTTP/2 (RFC 8441). `cases/README.md` describes the schema.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::case::{Event, ServerConfig};
use crate::value::Hex;

#[derive(Clone, Debug)]
pub(crate) enum H2 {
    /// A connection begins.
    Settings(H2Settings),
    /// A request is received in a stream.
    Request(Box<H2Request>),
    /// Streams share a connection.
    Streams(Box<H2Streams>),
}

/// Why the other doors do not ask these cases.
pub(crate) const NEEDS_H2: &str = "it is asked over HTTP/2, with server --h2";

/// What a server says at the start of a connection.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct H2Settings {
    pub(crate) expect: SettingsOfServer,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsOfServer {
    /// Whether SETTINGS_ENABLE_CONNECT_PROTOCOL is 1.
    pub(crate) enable_connect_protocol: bool,
}

/// A request in a stream of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct H2Request {
    /// The pseudo-header fields that differ from those of a valid request; null: it is left out.
    #[serde(default)]
    pub(crate) pseudo: BTreeMap<String, Option<String>>,
    /// The fields, in order; bytes as characters.
    pub(crate) fields: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) config: ServerConfig,
    pub(crate) expect: Value,
    #[serde(default)]
    pub(crate) allowed: Vec<Value>,
}

/// What happens to streams that are opened one after the other on one connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct H2Streams {
    pub(crate) actions: Vec<Action>,
    /// One for each stream; null: nothing is expected, as the suite has reset it.
    pub(crate) expect: Vec<Option<StreamEnd>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Action {
    /// Opens the next stream with a valid request, which must be accepted.
    Open {
        /// The request ends the suite's direction.
        #[serde(default)]
        end_stream: bool,
    },
    /// Sends one DATA frame, if the windows take it.
    Send {
        stream: usize,
        data: Hex,
        /// The frame ends the suite's direction.
        #[serde(default)]
        end_stream: bool,
    },
    /// Ends the suite's direction by an empty DATA frame.
    End { stream: usize },
    /// Sends RST_STREAM with CANCEL.
    Reset { stream: usize },
    /// Waits until a ping and a message have been answered.
    Ask { stream: usize },
}

/// What has become of a stream after all actions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamEnd {
    /// The messages that were echoed.
    #[serde(default)]
    pub(crate) echoes: Vec<Event>,
    /// The first is preferred, and the others are allowed.
    pub(crate) end: Vec<Ending>,
    /// The code of the close frame.
    pub(crate) code: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// It answers pings and messages.
    Open,
    /// A close frame came, and END_STREAM.
    Closed,
    /// A close frame came, and RST_STREAM.
    ClosedThenReset,
    /// END_STREAM came, without a close frame.
    Ended,
    /// RST_STREAM came, without a close frame.
    Reset,
}
