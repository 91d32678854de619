//! Compares what a shim reported, and what its library sent, with what a case allows.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use serde_json::{Value, json};

use crate::case::{Event, Events, Local, Receive, ReceiveOutcome, Received, Reply, Request, Response};
use crate::cuts::Cut;
use crate::echo::{self, Goal};
use crate::encoding::{from_hex, shortened, to_hex, to_latin1};
use crate::fit;
use crate::frame::{self, Frame};
use crate::script::{SENTINEL_PING, Sentinel, Transcript};
use crate::shim::Hello;
use crate::verdict::{Answer, Verdict};

/// What a shim reported in a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) events: Vec<Event>,
    pub(crate) opened: bool,
    /// Path and query, as a server saw them.
    pub(crate) resource: Option<String>,
    /// The subprotocol that it says is in use.
    pub(crate) subprotocol: Option<String>,
    /// The name of the first error, and the close code that its user got, if there is one.
    pub(crate) error: Option<(String, Option<u16>)>,
    /// The index of the action that was refused.
    pub(crate) refused: Option<usize>,
    pub(crate) cannot: Option<String>,
}

impl Reported {
    pub(crate) fn read(lines: &[Value]) -> Result<Self, String> {
        let mut reported = Self::default();
        for line in lines {
            reported.line(line).ok_or_else(|| format!("not a line of the contract: {line}"))?;
        }
        Ok(reported)
    }

    fn line(&mut self, line: &Value) -> Option<()> {
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        let code = |value: &Value| value.as_u64().and_then(|code| u16::try_from(code).ok());
        if let Some(why) = line.get("cannot") {
            self.cannot = Some(why.as_str().unwrap_or_default().to_owned());
            return Some(());
        }
        let hex = || from_hex(line["hex"].as_str()?).ok();
        match line["event"].as_str()? {
            "open" => {
                self.opened = true;
                self.resource = text("resource");
                // Many libraries report none as an empty text.
                self.subprotocol = text("subprotocol").filter(|name| !name.is_empty());
            }
            "text" => self.events.push(Event::Text(text("text")?.into_bytes())),
            "binary" => self.events.push(Event::Binary(hex()?)),
            "ping" => self.events.push(Event::Ping(hex()?)),
            "pong" => self.events.push(Event::Pong(hex()?)),
            "close" => {
                let (code, reason) = (code(&line["code"])?, text("reason").unwrap_or_default());
                self.events.push(Event::Close { code, reason });
            }
            "error" if self.error.is_none() => {
                self.error = Some((text("name").unwrap_or_default(), code(&line["code"])));
            }
            "refused" => self.refused = Some(usize::try_from(line["action"].as_u64()?).ok()?),
            "error" | "acted" | "end" => {}
            _ => return None,
        }
        Some(())
    }

    /// Leaves out what the suite added at the end of the case.
    fn without_the_end(mut self, goal: Goal) -> Self {
        self.events.retain(|event| *event != Event::Ping(SENTINEL_PING.to_vec()));
        // An abnormal end may be reported as a close with 1006.
        let ends_by_suite = |code: u16| match goal {
            Goal::Close => code == 1006,
            Goal::Eof | Goal::FailInFrame => matches!(code, 1005 | 1006),
            Goal::InMessage | Goal::BetweenMessages => matches!(code, 1000 | 1006),
        };
        if let Some(Event::Close { code, .. }) = self.events.last() {
            if ends_by_suite(*code) {
                self.events.pop();
            }
        }
        self
    }

    fn summary(&self) -> String {
        let mut parts: Vec<String> = self.events.iter().take(MAX_SHOWN).map(show).collect();
        if self.events.len() > MAX_SHOWN {
            parts.push(format!("… {} more", self.events.len().saturating_sub(MAX_SHOWN)));
        }
        parts.extend(self.error.iter().map(|(name, _)| format!("error {name}")));
        parts.extend(self.refused.map(|action| format!("refused action {action}")));
        format!("the shim: {}", if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") })
    }
}

fn show(event: &Event) -> String {
    match event {
        Event::Text(text) => {
            let shown: String = String::from_utf8_lossy(text).chars().take(24).collect();
            format!("text {shown:?} ({} bytes)", text.len())
        }
        Event::Binary(data) => format!("binary {}", shortened(data, 12)),
        Event::Ping(data) => format!("ping {}", shortened(data, 12)),
        Event::Pong(data) => format!("pong {}", shortened(data, 12)),
        Event::Close { code, reason } => format!("close {code} {reason:?}"),
    }
}

const MAX_SHOWN: usize = 6;

/// The answer without its verdict.
pub(crate) fn without_verdict(expected: String, cut: &Cut, seen: &Transcript, reported: &Reported) -> Answer {
    Answer {
        verdict: Verdict::Fail,
        rule: seen.broken.as_ref().map(|broken| format!("{}: {}", broken.section, broken.what)),
        expected,
        observed: format!("{}; {}", reported.summary(), seen.summary()),
        sent: cut.segments.clone(),
        received: seen.received.clone(),
    }
}

/// The answer of a `receive` case.
pub(crate) fn receive(
    case: &Receive,
    cut: &Cut,
    hello: &Hello,
    seen: &Transcript,
    reported: &Reported,
) -> Answer {
    let reported = reported.clone().without_the_end(Goal::of(case));
    let expected = case_expects(case);
    let mut answer = without_verdict(expected, cut, seen, &reported);
    if seen.broken.is_some() {
        return answer;
    }
    let mut fits = echo::outcomes(case).map(|outcome| fits(case, outcome, hello, seen, &reported));
    answer.verdict = match fits.next().flatten() {
        Some(verdict) => verdict,
        None if fits.any(|verdict| verdict.is_some()) => Verdict::Allowed,
        None => Verdict::Fail,
    };
    answer
}

fn case_expects(case: &Receive) -> String {
    let outcomes = echo::outcomes(case).map(|outcome| {
        let events = match &outcome.events {
            Events::Any => "any events".to_owned(),
            Events::These(events) => {
                let shown: Vec<_> = events.iter().take(MAX_SHOWN).map(show).collect();
                if shown.is_empty() { "no event".to_owned() } else { shown.join(", ") }
            }
        };
        match (outcome.outcome, outcome.code) {
            (ReceiveOutcome::Fail, Some(code)) => format!("{events}, then a failure with {code}"),
            (ReceiveOutcome::Abnormal, _) => format!("{events}, then an abnormal end"),
            _ => events,
        }
    });
    outcomes.collect::<Vec<_>>().join("; or ")
}

fn fits(
    case: &Receive,
    outcome: &Received,
    hello: &Hello,
    seen: &Transcript,
    reported: &Reported,
) -> Option<Verdict> {
    let codes = outcome.codes.clone().unwrap_or_else(|| outcome.code.into_iter().collect());
    // Some libraries report a failure as a close frame that nobody has sent.
    let (delivered, reports_failure) = match reported.events.split_last() {
        Some((Event::Close { code, .. }, before))
            if outcome.outcome == ReceiveOutcome::Fail && (codes.contains(code) || *code == 1006) =>
        {
            (before, true)
        }
        _ => (reported.events.as_slice(), reported.error.is_some()),
    };
    let events = match &outcome.events {
        Events::Any => Some(true),
        Events::These(events) => compare(events, &hello.events, delivered),
    }?;
    let replies = replies(case, outcome, seen)?;
    let boundary = match Goal::of(case) {
        Goal::InMessage | Goal::BetweenMessages => Sentinel::Ping.is_answered(seen),
        _ => false,
    };
    match outcome.outcome {
        ReceiveOutcome::Open | ReceiveOutcome::Pending if boundary => {
            (events && replies && seen.close().is_none()).then_some(Verdict::Pass)
        }
        // The suite has closed its direction within a frame: any code but one that blames the data will do.
        ReceiveOutcome::Pending | ReceiveOutcome::Abnormal => {
            let blames_data = matches!(seen.close(), Some(Some(1003 | 1007 | 1009)));
            (events && !blames_data && seen.end.is_some()).then_some(Verdict::Pass)
        }
        ReceiveOutcome::Open => None,
        ReceiveOutcome::Closed => {
            let is_closed = reported.events.iter().any(|event| matches!(event, Event::Close { .. }));
            (events && is_closed && replies).then_some(Verdict::Pass)
        }
        ReceiveOutcome::Fail => {
            let sent = seen.close().flatten();
            if sent.is_some_and(|code| !codes.contains(&code)) && case.prelude.is_empty() {
                return None;
            }
            let has_failed = reports_failure || sent.is_some();
            let exact = events && (sent.is_some() || !case.prelude.is_empty());
            has_failed.then_some(if exact { Verdict::Pass } else { Verdict::Allowed })
        }
    }
}

/// Whether the shim reported these events: `Some(false)` if only the first of them; `None` if others.
fn compare(wanted: &[Event], hidden: &[String], reported: &[Event]) -> Option<bool> {
    let is_shown = |event: &&Event| !hidden.iter().any(|kind| kind == kind_of(event));
    let wanted: Vec<_> = wanted.iter().filter(is_shown).collect();
    let reported: Vec<_> = reported.iter().filter(is_shown).collect();
    let first = wanted.get(..reported.len())?;
    (first == reported.as_slice()).then_some(first.len() == wanted.len())
}

fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::Text(_) => "text",
        Event::Binary(_) => "binary",
        Event::Ping(_) => "ping",
        Event::Pong(_) => "pong",
        Event::Close { .. } => "close",
    }
}

/// Whether the replies that the case asks for were sent: of several pongs the last is enough. `None` if one was sent that
/// the case forbids.
fn replies(case: &Receive, outcome: &Received, seen: &Transcript) -> Option<bool> {
    let Some(wanted) = &case.replies else { return Some(true) };
    let pings_answered = wanted.iter().filter_map(|reply| match reply {
        Reply::Pong { hex } => Some(hex.0.as_slice()),
        Reply::Close { .. } => None,
    });
    let close = wanted.iter().find_map(|reply| match reply {
        Reply::Close { code } => Some(*code),
        Reply::Pong { .. } => None,
    });
    let pong = pings_answered.clone().next_back();
    let pong_sent = pong.is_none() || seen.pongs().last() == pong;
    let close_sent = match (close, seen.close()) {
        (None, _) => true,
        (Some(None), sent) => sent.is_some(),
        (Some(code), sent) => sent == Some(code),
    };
    // With a close frame sent before the input, a second one is a violation that `PeerReader` has reported.
    let is_closing = outcome.outcome == ReceiveOutcome::Closed;
    let unexpected_pong = seen.pongs().any(|pong| !pings_answered.clone().any(|wanted| wanted == pong));
    if unexpected_pong && !is_closing { None } else { Some(pong_sent && close_sent && !unexpected_pong) }
}

/// The answer of a `local` case.
pub(crate) fn local(case: &Local, case_json: &Value, seen: &Transcript, reported: &Reported) -> Answer {
    let cut = Cut::none();
    let mut answer = without_verdict(case.expect.to_string(), &cut, seen, reported);
    for allowed in &case.allowed {
        answer.expected.push_str(&format!(" or {allowed}"));
    }
    if seen.broken.is_some() {
        return answer;
    }
    let is_sentinel = |frame: &Frame| frame.opcode == frame::PONG && frame.payload == SENTINEL_PING;
    let frames: Vec<&Frame> = seen.frames.iter().take_while(|frame| !is_sentinel(frame)).collect();
    // Each action before the refused one has written a frame. A library may have answered what it received, too.
    let receives = case.actions.iter().any(|action| action["do"] == "receive");
    let after = match reported.refused {
        Some(refused) if !receives => frames.len().saturating_sub(refused),
        _ => 0,
    };
    let observed = json!({
        "refused": reported.refused.map(|refused| original_index(&case.actions, refused)),
        "bytes_after_refusal": after,
        "frames": frames.iter().map(|frame| frame_json(frame)).collect::<Vec<_>>(),
    });
    let line = json!({ "observed": observed, "differs": null });
    answer.verdict = match fit::fit(case_json, &line) {
        fit::Fit::Preferred => Verdict::Pass,
        fit::Fit::Allowed => Verdict::Allowed,
        fit::Fit::Wrong => Verdict::Fail,
    };
    answer
}

/// The answer of a `request` case: the response has been compared, and the shim may have reported the resource.
pub(crate) fn request(case: &Request, mut answer: Answer, reported: &Reported) -> Answer {
    let resource = case.expect["resource"].as_str();
    if let (true, Some(seen), Some(wanted)) = (answer.verdict.is_good(), &reported.resource, resource) {
        if seen != wanted {
            answer.verdict = Verdict::Fail;
            answer.expected = format!("the resource {wanted:?}");
            answer.observed = format!("the shim: the resource {seen:?}");
        }
    }
    answer
}

/// The answer of a `response` case: the connection has been compared, and the shim has reported whether it was opened.
pub(crate) fn response(case: &Response, mut answer: Answer, reported: &Reported) -> Answer {
    answer.observed = format!("{}; {}", reported.summary(), answer.observed);
    let may_open = case.expect["outcome"] == "accept"
        || case.allowed.iter().any(|outcome| outcome["outcome"] == "accept");
    let subprotocol = case.expect["subprotocol"].as_str();
    let other_subprotocol = reported.subprotocol.is_some() && reported.subprotocol.as_deref() != subprotocol;
    let prefers_open = case.expect["outcome"] == "accept";
    if (reported.opened && !may_open) || (prefers_open && reported.opened && other_subprotocol) {
        answer.verdict = Verdict::Fail;
    }
    answer
}

/// The answer of a case in which the local user wants to send a head.
pub(crate) fn build(case_json: &Value, cut: &Cut, seen: &Transcript, reported: &Reported) -> Answer {
    let mut answer = without_verdict(case_json["expect"].to_string(), cut, seen, reported);
    let refused = reported.refused.is_some();
    let outcome = if refused { "refuse" } else { "ok" };
    let observed = json!({ "outcome": outcome, "bytes": to_latin1(&seen.received) });
    answer.observed = format!("{outcome}, {} bytes written", seen.received.len());
    answer.verdict = match fit::fit(case_json, &json!({ "observed": observed, "differs": null })) {
        fit::Fit::Preferred => Verdict::Pass,
        fit::Fit::Allowed => Verdict::Allowed,
        fit::Fit::Wrong => Verdict::Fail,
    };
    answer
}

/// The place in the case of an action of the shim: it gets an action with `times` as often as it is to be done, and
/// `receive` actions in a row as one.
fn original_index(actions: &[Value], expanded: usize) -> usize {
    let mut end = 0_usize;
    for (index, action) in actions.iter().enumerate() {
        let next = actions.get(index.saturating_add(1));
        let is_joined = action["do"] == "receive" && next.is_some_and(|next| next["do"] == "receive");
        let repeats = action["hex"].is_null() && action["do"] != "receive";
        let times = match action["times"].as_u64() {
            _ if is_joined => 0,
            Some(times) if repeats => usize::try_from(times).unwrap_or(1),
            _ => 1,
        };
        end = end.saturating_add(times);
        if expanded < end {
            return index;
        }
    }
    expanded
}

fn frame_json(frame: &Frame) -> Value {
    let mut json = json!({
        "fin": u8::from(frame.fin),
        "rsv": frame.rsv,
        "op": frame.opcode,
        "masked": frame.mask.is_some(),
        "length_form": frame.length_form,
        "length": frame.payload.len(),
    });
    if let Some(key) = frame.mask {
        json["key"] = to_hex(&key).into();
    }
    if frame.payload.len() <= 4096 {
        json["hex"] = to_hex(&frame.payload).into();
    }
    json
}
