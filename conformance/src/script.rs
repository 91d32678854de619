//! What the suite does on a connection, step by step, and what it has seen so far.

use std::ops::ControlFlow;

use crate::cuts::Cut;
use crate::frame::{self, Frame};
use crate::head::Head;
use crate::peer::{Broken, Heard};
use crate::verdict::{Answer, Verdict};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this segment.
    Send(Vec<u8>),
    /// Send this segment, unless the implementation has sent a close frame.
    SendUnlessClosed(Vec<u8>),
    /// Read until the condition is met.
    Await(Condition),
    /// If the implementation has sent a close frame, answer it and wait for the end; else send one, and do not insist.
    Finish,
    /// Close the suite's direction of the connection.
    HalfClose,
    /// Read until the shim has done its actions.
    AwaitActions,
    /// Go on only if the response has accepted the request.
    IfAccepted,
}

/// What a step waits for. Each one is also met when the implementation has ended the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The head of a response came.
    Head,
    /// So many messages came, or a close frame.
    Echoes(usize),
    /// The pong with this payload came, or a close frame. A pong for a later ping may stand for it (RFC 6455 §5.5.3), so the
    /// suite waits for it before it sends a ping of its own.
    Pong(Vec<u8>),
    /// The pong for the sentinel came, or a close frame.
    SentinelPong,
    /// The pong and the echo of the sentinel came, or a close frame.
    Sentinel,
    /// A close frame came.
    Close,
    /// The connection was ended.
    End,
}

/// What was read, and how it ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript {
    /// The head of the response, in cases of the handshake.
    pub(crate) head: Option<Head>,
    pub(crate) heard: Vec<Heard>,
    /// The first rule that the implementation broke as a sender.
    pub(crate) broken: Option<Broken>,
    pub(crate) end: Option<End>,
    /// The suite closed its direction because nothing came for a while.
    pub(crate) nudged: bool,
    /// The clock ran out before all steps were done.
    pub(crate) hung: bool,
    pub(crate) received: Vec<u8>,
    /// The frames that were read.
    pub(crate) frames: Vec<Frame>,
}

/// How the implementation ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It closed its direction.
    Closed,
    /// It reset the connection.
    Reset,
}

/// The steps with a head before them. A client must keep what it reads together with the head, so the first cut sends
/// the head and the first bytes after it as one segment.
pub(crate) fn after_head(head: Vec<u8>, cut: &Cut, mut steps: Vec<Step>) -> Vec<Step> {
    match steps.first_mut() {
        Some(Step::Send(first)) if cut.name == "whole" => *first = [head, first.clone()].concat(),
        _ => steps.insert(0, Step::Send(head)),
    }
    steps
}

impl Condition {
    pub(crate) fn is_met(&self, seen: &Transcript) -> bool {
        if seen.end.is_some() {
            return true;
        }
        if *self == Self::End {
            return false;
        }
        seen.close().is_some()
            || seen.broken.is_some()
            || match self {
                Self::Echoes(messages) => seen.messages().count() >= *messages,
                Self::Pong(payload) => seen.pongs().last() == Some(payload.as_slice()),
                Self::SentinelPong => seen.has_sentinel_pong(),
                Self::Sentinel => seen.has_sentinel_pong() && seen.has_sentinel_echo(),
                Self::Head => seen.head.is_some(),
                Self::Close | Self::End => false,
            }
    }
}

impl Transcript {
    /// The answer, final if a rule of the sender was broken or the clock ran out; otherwise, its verdict is still to be set.
    pub(crate) fn answer(&self, expected: String, cut: &Cut) -> ControlFlow<Answer, Answer> {
        let answer = Answer {
            verdict: if self.broken.is_none() && self.hung { Verdict::Hung } else { Verdict::Fail },
            rule: self.broken.as_ref().map(|broken| format!("{}: {}", broken.section, broken.what)),
            expected,
            observed: self.summary(),
            sent: cut.segments.clone(),
            received: self.received.clone(),
        };
        if self.broken.is_some() || self.hung {
            ControlFlow::Break(answer)
        } else {
            ControlFlow::Continue(answer)
        }
    }

    /// The code of the first close frame: `Some(None)` if it has none.
    pub(crate) fn close(&self) -> Option<Option<u16>> {
        self.heard.iter().find_map(|heard| match heard {
            Heard::Close { code, .. } => Some(*code),
            _ => None,
        })
    }

    /// The messages, without the echo of the sentinel.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Heard> {
        self.heard.iter().filter(|heard| match heard {
            Heard::Text(text) => text != SENTINEL_TEXT,
            Heard::Binary(_) => true,
            _ => false,
        })
    }

    /// The pongs, without that of the sentinel.
    pub(crate) fn pongs(&self) -> impl Iterator<Item = &[u8]> {
        self.heard.iter().filter_map(|heard| match heard {
            Heard::Pong(payload) if payload != SENTINEL_PING => Some(payload.as_slice()),
            _ => None,
        })
    }

    pub(crate) fn has_sentinel_pong(&self) -> bool {
        self.heard.iter().any(|heard| matches!(heard, Heard::Pong(payload) if payload == SENTINEL_PING))
    }

    pub(crate) fn has_sentinel_echo(&self) -> bool {
        self.heard.iter().any(|heard| matches!(heard, Heard::Text(text) if text == SENTINEL_TEXT))
    }

    /// Forgets the answers to a sentinel, so that another one can be asked.
    pub(crate) fn forget_sentinel(&mut self) {
        self.heard.retain(|heard| match heard {
            Heard::Text(text) => text != SENTINEL_TEXT,
            Heard::Pong(payload) => payload != SENTINEL_PING,
            _ => true,
        });
    }

    /// In one line: what came.
    pub(crate) fn summary(&self) -> String {
        let mut parts: Vec<String> = self.head.iter().map(|head| format!("{:?}", head.start)).collect();
        match (self.heard.get(..MAX_FIRST), self.heard.last_chunk::<MAX_LAST>()) {
            (Some(first), Some(last)) if self.heard.len() > MAX_FIRST + MAX_LAST => {
                parts.extend(first.iter().map(show));
                parts.push(format!("… {} more …", self.heard.len().saturating_sub(MAX_FIRST + MAX_LAST)));
                parts.extend(last.iter().map(show));
            }
            _ => parts.extend(self.heard.iter().map(show)),
        }
        if let Some(broken) = &self.broken {
            parts.push(format!("({})", broken.what));
        }
        let end = match (self.end, self.nudged) {
            (Some(End::Closed), false) => "ended the connection",
            (Some(End::Reset), false) => "reset the connection",
            (Some(_), true) => "ended the connection only after the suite had closed its direction",
            (None, false) => "stayed open",
            (None, true) => "stayed open, even after the suite had closed its direction",
        };
        parts.push(end.to_owned());
        parts.join(", ")
    }
}

/// Shows a message or a control frame in a few words.
pub(crate) fn show(heard: &Heard) -> String {
    match heard {
        Heard::Text(text) if text == SENTINEL_TEXT => "echo of the sentinel".to_owned(),
        Heard::Pong(payload) if payload == SENTINEL_PING => "pong for the sentinel".to_owned(),
        Heard::Text(text) => {
            let shown: String = String::from_utf8_lossy(text).chars().take(MAX_CHARS).collect();
            format!("text {shown:?} ({} bytes)", text.len())
        }
        Heard::Binary(data) => format!("binary {}", crate::encoding::shortened(data, MAX_BYTES)),
        Heard::Ping(data) => format!("ping {}", crate::encoding::shortened(data, MAX_BYTES)),
        Heard::Pong(data) => format!("pong {}", crate::encoding::shortened(data, MAX_BYTES)),
        Heard::Close { code: Some(code), .. } => format!("close {code}"),
        Heard::Close { code: None, .. } => "close without a code".to_owned(),
    }
}

/// How many of the first and of the last messages are shown.
const MAX_FIRST: usize = 3;
const MAX_LAST: usize = 3;
const MAX_CHARS: usize = 24;
const MAX_BYTES: usize = 12;

/// What shows that everything before it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sentinel {
    /// The pong for a ping, and the echo of a message: some implementations answer pings ahead of messages.
    Echoed,
    /// The pong for a ping: a shim echoes nothing, and reports in order.
    Ping,
}

impl Sentinel {
    pub(crate) fn steps(self, mask: Option<[u8; 4]>) -> [Step; 2] {
        match self {
            Self::Echoed => {
                let bytes = [sentinel_ping(mask), sentinel_text(mask)].concat();
                [Step::Send(bytes), Step::Await(Condition::Sentinel)]
            }
            Self::Ping => [Step::Send(sentinel_ping(mask)), Step::Await(Condition::SentinelPong)],
        }
    }

    /// The same for an implementation that may have begun to close: its pong is not due then.
    pub(crate) fn unless_closed(self, mask: Option<[u8; 4]>) -> [Step; 2] {
        self.steps(mask).map(|step| match step {
            Step::Send(bytes) => Step::SendUnlessClosed(bytes),
            step => step,
        })
    }

    /// Whether it was answered.
    pub(crate) fn is_answered(self, seen: &Transcript) -> bool {
        seen.has_sentinel_pong() && (self == Self::Ping || seen.has_sentinel_echo())
    }
}

/// A ping whose pong shows that all before it was read.
fn sentinel_ping(mask: Option<[u8; 4]>) -> Vec<u8> {
    Frame::new(frame::PING, SENTINEL_PING, mask).to_bytes()
}

/// A message whose echo shows that all before it was echoed: some implementations answer pings ahead of messages.
fn sentinel_text(mask: Option<[u8; 4]>) -> Vec<u8> {
    Frame::new(frame::TEXT, SENTINEL_TEXT, mask).to_bytes()
}

pub(crate) const SENTINEL_PING: &[u8] = b"wsconform";
pub(crate) const SENTINEL_TEXT: &[u8] = b"wsconform: end of the case";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condition_is_met_by_what_it_waits_for_or_by_the_end() {
        let mut seen = Transcript::default();
        let all = [Condition::Sentinel, Condition::SentinelPong, Condition::Close, Condition::End];
        assert!(all.iter().all(|condition| !condition.is_met(&seen)));
        seen.heard.push(Heard::Pong(SENTINEL_PING.to_vec()));
        assert!(Condition::SentinelPong.is_met(&seen) && !Condition::Sentinel.is_met(&seen));
        seen.heard.push(Heard::Text(SENTINEL_TEXT.to_vec()));
        assert!(Condition::Sentinel.is_met(&seen) && !Condition::Close.is_met(&seen));
        assert_eq!((seen.messages().count(), seen.pongs().count()), (0, 0));
        seen.heard.push(Heard::Close { code: None, reason: Vec::new() });
        assert!(Condition::Close.is_met(&seen) && !Condition::End.is_met(&seen));
        seen.end = Some(End::Reset);
        assert!(Condition::End.is_met(&seen));
    }
}
