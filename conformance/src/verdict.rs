//! What became of a case at a door: the verdict, and what it rests on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::case::{Id, Tier};

/// How the suite and the implementation under test are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Door {
    /// The suite connects to an echo server.
    Server,
    /// The suite listens, and an echo client connects, as it would to Autobahn.
    Client,
    /// A runner for a core without sockets: cases and observations on standard input and output.
    Pipe,
    /// A small program around the implementation, which connects and reports what it sees.
    Shim,
    /// As `Server`, over HTTP/2.
    H2,
}

impl Door {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Pipe => "pipe",
            Self::Shim => "shim",
            Self::H2 => "h2",
        }
    }
}

/// The verdict for a case, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// This door, or this implementation, cannot be asked. It is never counted as passed.
    NotAsked,
    /// What the case prefers.
    Pass,
    /// Another outcome that the RFCs allow.
    Allowed,
    /// Neither of the two.
    Fail,
    /// The implementation neither answered nor ended the connection until the clock ran out.
    Hung,
    /// The program under test ended within the case.
    Crashed,
}

impl Verdict {
    /// Whether the implementation met the requirement.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Pass | Self::Allowed)
    }

    /// Whether the implementation was asked, and did not meet the requirement.
    pub(crate) fn is_bad(self) -> bool {
        matches!(self, Self::Fail | Self::Hung | Self::Crashed)
    }
}

/// What became of one case, over all ways to cut its input.
///
/// `wsconform … --json FILE` writes one on each line; reports are made from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) case: Id,
    pub(crate) door: Door,
    pub(crate) verdict: Verdict,
    pub(crate) tier: Tier,
    pub(crate) title: String,
    /// The row of the ledger.
    pub(crate) ledger: String,
    /// The rule in one line: sections, and why the case expects what it does. If the implementation broke another rule
    /// within this case (say, it masked as a server), that one.
    pub(crate) rule: String,
    /// In one line.
    pub(crate) expected: String,
    /// In one line: what came. For `NotAsked`, why not.
    pub(crate) observed: String,
    /// How many ways to cut the input were tried.
    pub(crate) cuts: usize,
    /// The cut that this outcome is from: `"whole"`, `"bytes"`, …
    pub(crate) cut: String,
    /// What the suite sent after the opening handshake (in cases of the handshake, all), one item for each segment, in hex.
    pub(crate) sent: Vec<String>,
    /// What came back, in hex.
    pub(crate) received: String,
    pub(crate) millis: u64,
    /// Why the case is expected to fail, if it is and did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) known: Option<String>,
    /// The name of the implementation.
    #[serde(default)]
    pub(crate) agent: String,
    /// The command that runs the case again.
    #[serde(default)]
    pub(crate) again: String,
}

/// One question put to an implementation, with the answer: a case at one cut.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) verdict: Verdict,
    /// If another rule than that of the case was broken.
    pub(crate) rule: Option<String>,
    pub(crate) expected: String,
    pub(crate) observed: String,
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) received: Vec<u8>,
}

/// The name of a cut, the answer to the case at that cut, and the time that it took.
pub(crate) type Tried<'a> = (&'a str, Answer, Duration);

impl Answer {
    /// The answer for a case that cannot be asked.
    pub(crate) fn not_asked(why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::NotAsked,
            rule: None,
            expected: String::new(),
            observed: why.into(),
            sent: Vec::new(),
            received: Vec::new(),
        }
    }
}
