//! How a `request` case is put to a server, and what its response must be.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use crate::case::{Request, Role};
use crate::cuts::Cut;
use crate::deflate;
use crate::encoding::{from_latin1, to_latin1};
use crate::fit;
use crate::head::Head;
use crate::layout::{InputEnd, Layout};
use crate::peer::{Heard, PeerReader};
use crate::script::{Condition, Sentinel, Step, Transcript};
use crate::verdict::{Answer, Verdict};

/// Why a case cannot be put to a server that was set up without the suite; `deflate` says whether it compresses.
pub(crate) fn cannot_ask(case: &Request, deflate: bool) -> Option<&'static str> {
    let offers = to_latin1(&case.bytes.0).contains("permessage-deflate");
    if !case.config.subprotocols.is_empty() {
        Some("the server was not set up with the subprotocols of the case")
    } else if case.config.origins.is_some() {
        Some("the server was not set up with the origins of the case")
    } else if case.config.deflate && !deflate {
        Some("the server does not accept permessage-deflate")
    } else if !case.config.deflate && offers && deflate {
        Some("the server accepts permessage-deflate, and the case is for one that does not")
    } else {
        None
    }
}

/// The steps of a case. `mask` is for frames that the suite sends once the connection is open.
pub(crate) fn steps(case: &Request, cut: &Cut, sentinel: Sentinel, mask: Option<[u8; 4]>) -> Vec<Step> {
    let mut steps: Vec<Step> = cut.segments.iter().cloned().map(Step::Send).collect();
    let is = |wanted: &str| outcomes(case).any(|outcome| outcome["outcome"] == wanted);
    if case.eof || is("pending") {
        steps.extend([Step::HalfClose, Step::Await(Condition::End)]);
        return steps;
    }
    steps.extend([Step::Await(Condition::Head), Step::IfAccepted]);
    match Leftover::of(case) {
        Leftover::Frames(_) => {
            steps.extend(sentinel.steps(mask));
            steps.push(Step::Finish);
        }
        Leftover::Violation => steps.push(Step::Await(Condition::End)),
        Leftover::PartOfFrame => steps.extend([Step::HalfClose, Step::Await(Condition::End)]),
        Leftover::Open => {}
    }
    steps
}

/// What a server that accepts must make of the bytes after the head.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Leftover {
    /// None, or whole frames: these messages.
    Frames(Vec<Heard>),
    /// The connection must fail.
    Violation,
    /// More would have to follow.
    PartOfFrame,
    /// The outcomes that are allowed differ in it, as with a body; so nothing is asked after the head.
    Open,
}

impl Leftover {
    fn of(case: &Request) -> Self {
        let accepting = outcomes(case).filter(|outcome| outcome["outcome"] == "accept");
        let mut texts: Vec<_> =
            accepting.map(|outcome| outcome["leftover"].as_str().unwrap_or_default()).collect();
        texts.dedup();
        let bytes = match texts.as_slice() {
            [] => Vec::new(),
            [text] => from_latin1(text).unwrap_or_default(),
            _ => return Self::Open,
        };
        let mut messages = Vec::new();
        match (PeerReader::new(Role::Client, None).read(&bytes, &mut messages), Layout::of(&bytes).end) {
            (Err(_), _) => Self::Violation,
            (Ok(()), InputEnd::BetweenMessages) => Self::Frames(messages),
            (Ok(()), InputEnd::InFrame | InputEnd::InMessage) => Self::PartOfFrame,
        }
    }
}

fn outcomes(case: &Request) -> impl Iterator<Item = &Value> {
    [&case.expect].into_iter().chain(&case.allowed)
}

/// Compares what a server did with what the case allows.
pub(crate) fn answer(case: &Request, cut: &Cut, sentinel: Sentinel, seen: &Transcript) -> Answer {
    let expected = outcomes(case).map(|outcome| describe(outcome, "101")).collect::<Vec<_>>().join("; or ");
    let mut answer = match seen.answer(expected, cut) {
        ControlFlow::Break(answer) => return answer,
        ControlFlow::Continue(answer) => answer,
    };
    let observed = observation(seen.head.as_ref(), |status| status == 101);
    if observed["outcome"] == "accept" {
        if let Err(what) = check_accept(seen, case, sentinel) {
            answer.rule = Some(what);
            return answer;
        }
    }
    let fits = |outcome: &Value| {
        let mut outcome = outcome.clone();
        if let Some(members) = outcome.as_object_mut() {
            // Not to be seen from outside; what becomes of the bytes after the head has been checked.
            members.remove("resource");
            members.remove("leftover");
        }
        // The suite closes its direction: the server cannot stay pending, but it must not accept.
        let pending = outcome["outcome"] == "pending" && observed["outcome"] != "accept";
        pending || fit::fits_request(&outcome, &observed)
    };
    // Where the RFCs leave room to accept, it is no worse to end the connection without a word.
    let may_end =
        observed["outcome"] == "error" && outcomes(case).any(|outcome| outcome["outcome"] == "accept");
    // A server's limits are its own: it may accept, refuse, or wait for more.
    let has_limits = case.config.limits.is_some();
    answer.verdict = if fits(&case.expect) {
        Verdict::Pass
    } else if case.allowed.iter().any(fits) || is_no_handshake(case, seen) || may_end || has_limits {
        Verdict::Allowed
    } else {
        Verdict::Fail
    };
    answer
}

/// What was observed, in the form of the runner's lines.
pub(crate) fn observation(head: Option<&Head>, is_success: impl Fn(u16) -> bool) -> Value {
    let Some(head) = head else { return json!({ "outcome": "error" }) };
    if !head.status.is_some_and(is_success) {
        let names = head.fields.iter().map(|(name, _)| name);
        let headers: Map<_, _> =
            names.map(|name| (name.clone(), head.field(name).unwrap_or_default().into())).collect();
        return json!({ "outcome": "reject", "status": head.status, "headers": headers });
    }
    let extensions = head.field("sec-websocket-extensions").unwrap_or_default();
    let answers: Vec<_> = deflate::elements(&extensions)
        .into_iter()
        .filter(|(name, _)| name == "permessage-deflate")
        .map(|(_, params)| parameters(params))
        .collect();
    json!({
        "outcome": "accept",
        "accept": head.field("sec-websocket-accept"),
        "subprotocol": head.field("sec-websocket-protocol"),
        "deflate_count": answers.len(),
        "deflate": answers.into_iter().next(),
    })
}

fn parameters(params: deflate::Params) -> Value {
    let value = |text: Option<String>| match text {
        None => true.into(),
        Some(text) => text.parse().map_or_else(|_| text.into(), |number: u64| number.into()),
    };
    params.into_iter().map(|(name, text)| (name, value(text))).collect::<Map<_, _>>().into()
}

/// Checks what every accepting response must have, and that the connection is open.
fn check_accept(seen: &Transcript, case: &Request, sentinel: Sentinel) -> Result<(), String> {
    let Some(head) = &seen.head else { return Ok(()) };
    if !head.has_token("upgrade", "websocket") {
        return Err("RFC 6455 §4.2.2: the response must have Upgrade: websocket".to_owned());
    }
    if !head.has_token("connection", "upgrade") {
        return Err("RFC 6455 §4.2.2: the response must have Connection: Upgrade".to_owned());
    }
    for name in ["sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"] {
        if head.all(name).count() > 1 {
            return Err(format!("RFC 6455 §11.3: {name} must not appear twice in a response"));
        }
    }
    let asks_for_sentinel = steps(case, &Cut::none(), sentinel, None).contains(&Step::Finish);
    if asks_for_sentinel && !sentinel.is_answered(seen) {
        return Err("RFC 6455 §4.2.2: after its 101 the connection must be open".to_owned());
    }
    match Leftover::of(case) {
        Leftover::Frames(messages) if sentinel == Sentinel::Echoed && !seen.messages().eq(&messages) => {
            Err("RFC 6455 §5.4: frames that follow the request at once must not be lost".to_owned())
        }
        Leftover::Violation if seen.end.is_none() || seen.nudged => {
            Err("RFC 6455 §7.1.7: what follows the request is no valid frame".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether the request is no opening handshake, and the server answered it as plain HTTP, which it is free to do.
fn is_no_handshake(case: &Request, seen: &Transcript) -> bool {
    let Ok(Some(request)) = Head::request(&case.bytes.0) else { return false };
    let is_handshake = request.start.starts_with("GET ") && request.has_token("upgrade", "websocket");
    let refused = seen.head.as_ref().and_then(|head| head.status).is_some_and(|status| status != 101);
    !is_handshake && refused
}

/// In a few words, an outcome that a case expects; `success` is what accepts a request.
pub(crate) fn describe(outcome: &Value, success: &str) -> String {
    let text =
        |name: &str| outcome[name].as_str().map(|value| format!(" {name} {value:?}")).unwrap_or_default();
    match outcome["outcome"].as_str() {
        Some("accept") => {
            let deflate = match &outcome["deflate"] {
                Value::Null => String::new(),
                constraints => format!(" permessage-deflate {constraints}"),
            };
            format!("{success}{}{}{deflate}", text("accept"), text("subprotocol"))
        }
        Some("reject") => {
            let statuses = outcome["statuses"].as_array().cloned().unwrap_or_default();
            let statuses: Vec<_> = statuses.iter().map(Value::to_string).collect();
            match statuses.as_slice() {
                [] => "any other status".to_owned(),
                statuses => format!("status {}", statuses.join(" or ")),
            }
        }
        Some("error") => "the end without a response".to_owned(),
        _ => format!("no {success}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Ask, Case};

    fn leftover(of_each: &[&str]) -> Leftover {
        let accept = |leftover: &&str| json!({"outcome": "accept", "leftover": leftover});
        let outcomes: Vec<_> = of_each.iter().map(accept).collect();
        let case = json!({"id": "6455/4.1/x/server", "kind": "request", "tier": "must", "ledger": "6455-042",
            "rfc": ["6455 4.1"], "title": "", "why": "", "role": "server", "bytes": "", "split": "every",
            "expect": outcomes[0], "allowed": outcomes[1..]});
        match Case::parse(&case.to_string()).unwrap().ask {
            Ask::Request(request) => Leftover::of(&request),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bytes_after_the_head_are_frames_of_the_connection() {
        assert_eq!(leftover(&["", ""]), Leftover::Frames(Vec::new()));
        let text = Heard::Text(b"a".to_vec());
        assert_eq!(leftover(&["\u{81}\u{81}\0\0\0\0a"]), Leftover::Frames(vec![text]));
        assert_eq!(leftover(&["\u{81}\u{81}\0"]), Leftover::PartOfFrame);
        assert_eq!(leftover(&["\u{81}\u{fe}"]), Leftover::PartOfFrame);
        assert_eq!(leftover(&["GET / HTTP/1.1\r\n\r\n"]), Leftover::Violation);
        assert_eq!(leftover(&["", "5\r\nHELLO\r\n"]), Leftover::Open);
    }
}
