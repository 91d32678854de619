//! How a `response` case is put to a client, and what the client must do.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use serde_json::Value;

use crate::case::{Response, Role};
use crate::cuts::{self, Cut};
use crate::encoding::{from_latin1, to_latin1};
use crate::head::{Head, accept_value};
use crate::layout::{InputEnd, Layout};
use crate::offer;
use crate::script::{Condition, Sentinel, Step, Transcript};
use crate::verdict::{Answer, Verdict};

/// Why a case cannot be put to the client that has sent this request.
pub(crate) fn cannot_ask(case: &Response, request: &Head) -> Option<&'static str> {
    let names: Vec<String> = request
        .field("sec-websocket-protocol")
        .map(|list| list.split(',').map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    let answers_deflate = to_latin1(&case.bytes.0).contains("permessage-deflate");
    if names != case.config.subprotocols {
        return Some("the client did not offer the subprotocols of the case");
    }
    let same_offer = match (&case.config.offer, offer::offers(request).as_slice()) {
        (None, []) => true,
        (None, _) => !answers_deflate,
        (Some(offer), offered) => {
            let sorted = |mut params: crate::deflate::Params| {
                params.sort();
                params
            };
            let wanted = crate::deflate::elements(offer).into_iter().map(|(_, params)| sorted(params));
            wanted.eq(offered.iter().cloned().map(sorted))
        }
    };
    if !same_offer {
        return Some("the client did not offer the extension of the case");
    }
    let leftover =
        case.expect["leftover"].as_str().and_then(|text| from_latin1(text).ok()).unwrap_or_default();
    if Layout::of(&leftover).end == InputEnd::InFrame {
        return Some("it ends within a frame, so that the suite cannot ask whether the connection is open");
    }
    None
}

/// The cuts of the response, made for the key of this client.
pub(crate) fn cuts(case: &Response, key: Option<&str>) -> Vec<Cut> {
    let text = to_latin1(&case.bytes.0);
    let text = match key {
        Some(key) => {
            // Without the padding, and in lower case too: some cases change just that.
            let [old, new] = [&case.config.key, key].map(|key| accept_value(key).replace('=', ""));
            text.replace(&old, &new).replace(&old.to_lowercase(), &new.to_lowercase())
        }
        None => text,
    };
    cuts::of_head(&from_latin1(&text).unwrap_or_default(), case.split)
}

pub(crate) fn steps(case: &Response, cut: &Cut, sentinel: Sentinel) -> Vec<Step> {
    let mut steps: Vec<Step> = cut.segments.iter().cloned().map(Step::Send).collect();
    if case.eof || outcomes(case).any(|outcome| outcome["outcome"] == "pending") {
        steps.extend([Step::HalfClose, Step::Await(Condition::End)]);
        return steps;
    }
    // A client that wrongly takes the connection as open answers, as one does that rightly does.
    steps.extend(sentinel.steps(None));
    steps.push(Step::Finish);
    steps
}

fn outcomes(case: &Response) -> impl Iterator<Item = &Value> {
    [&case.expect].into_iter().chain(&case.allowed)
}

/// Compares what a client did with what the case allows.
pub(crate) fn answer(case: &Response, cut: &Cut, seen: &Transcript) -> Answer {
    let opened = seen.has_sentinel_pong() || seen.has_sentinel_echo();
    let fits = |outcome: &Value| match outcome["outcome"].as_str() {
        Some("accept") => opened,
        // The rest is the same from outside: the connection is not open.
        _ => !opened && seen.heard.is_empty() && seen.end.is_some(),
    };
    let verdict = match (&seen.broken, seen.hung) {
        (Some(_), _) => Verdict::Fail,
        (_, true) => Verdict::Hung,
        _ if fits(&case.expect) => Verdict::Pass,
        _ if case.allowed.iter().any(fits) => Verdict::Allowed,
        _ => Verdict::Fail,
    };
    let mut expected: Vec<_> = outcomes(case)
        .map(|outcome| match outcome["outcome"].as_str() {
            Some("accept") => "the connection is open",
            _ => "the connection is not opened",
        })
        .collect();
    expected.dedup();
    Answer {
        verdict,
        rule: seen.broken.as_ref().map(|broken| format!("{}: {}", broken.section, broken.what)),
        expected: expected.join("; or "),
        observed: seen.summary(),
        sent: cut.segments.clone(),
        received: seen.received.clone(),
    }
}

/// The endpoint that these cases are about.
pub(crate) const ROLE: Role = Role::Client;
