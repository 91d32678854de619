//! What a runner or a server does otherwise than a reference: one finding for each kind of difference.
//!
//! The reference's observation becomes what the changed case expects.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use serde_json::{Value, json};

use crate::case::Case;
use crate::fit::{self, Fit};
use crate::report;
use crate::verdict::Verdict;

/// What a runner did with a case.
#[derive(Clone, Debug)]
pub(crate) enum Reported {
    Line(Value),
    /// It ended or hung.
    Stopped(Verdict, String),
}

/// A case in which the two differ.
#[derive(Debug)]
pub(crate) struct Finding {
    /// With the reference's observation as its expectation.
    pub(crate) case: Value,
    /// What differs: findings with the same one are reported once.
    pub(crate) signature: String,
    pub(crate) observed: String,
}

impl Finding {
    pub(crate) fn new(case: Value, what: &str, observed: String) -> Self {
        let (kind, role) = (text(&case["kind"]), text(&case["role"]));
        Self { signature: format!("{kind}, {role}: {what}"), case, observed }
    }
}

/// A case with what the reference observed as its expectation; or that the reference is not one for it, perhaps with a
/// finding about itself.
pub(crate) fn expecting(case: &Case, reference: &Reported) -> Result<Value, Option<Finding>> {
    let reference = match reference {
        Reported::Line(line) => line,
        Reported::Stopped(verdict, why) => {
            let what = format!("the reference {}", report::word(*verdict));
            return Err(Some(Finding::new(case.json.clone(), &what, why.clone())));
        }
    };
    // The reference cannot run it.
    let Some(_) = reference["observed"].as_object() else { return Err(None) };
    let mut json = case.json.clone();
    for (name, value) in expectation(text(&json["kind"]), &reference["observed"]) {
        json[name] = value;
    }
    if fit::fit(&json, reference) == Fit::Wrong {
        return Err(Some(Finding::new(json, "the reference depends on the cut", reference.to_string())));
    }
    Ok(json)
}

/// What differs between two runners, if anything does.
pub(crate) fn compare(case: &Case, reference: &Reported, subject: &Reported) -> Option<Finding> {
    let json = match expecting(case, reference) {
        Ok(json) => json,
        Err(finding) => return finding,
    };
    let Reported::Line(reference) = reference else { return None };
    let line = match subject {
        Reported::Line(line) => line,
        Reported::Stopped(verdict, why) => {
            return Some(Finding::new(json, report::word(*verdict), why.clone()));
        }
    };
    let what = match line["error"].as_str() {
        Some(error) if error.starts_with("unsupported") => return None,
        Some(_) => "error".to_owned(),
        None if fit::fit(&json, line) != Fit::Wrong => return None,
        None if !line["differs"].is_null() => "depends on the cut".to_owned(),
        None => difference(&reference["observed"], &line["observed"]),
    };
    Some(Finding::new(json, &what, line.to_string()))
}

/// An outcome in a word or two, with its code.
pub(crate) fn short(of: &Value) -> String {
    let number = ["code", "status"].into_iter().find_map(|name| of[name].as_u64());
    number.map_or_else(
        || text(&of["outcome"]).to_owned(),
        |number| format!("{} {number}", text(&of["outcome"])),
    )
}

/// Names what differs between two observations.
fn difference(expected: &Value, observed: &Value) -> String {
    let (reference, subject) = (short(expected), short(observed));
    if reference != subject {
        return format!("{subject}, reference: {reference}");
    }
    let members = expected.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let mut differ = members.filter(|name| COMPARED.contains(name) && expected[name] != observed[name]);
    format!("{subject}, other {}", differ.next().unwrap_or("members"))
}

/// The members of a case that expect what the reference observed.
fn expectation(kind: &str, observed: &Value) -> Vec<(&'static str, Value)> {
    let members: &[&str] = match kind {
        "receive" => &["outcome", "events", "code"],
        "request" => &["outcome", "accept", "resource", "subprotocol", "leftover", "status"],
        _ => &["outcome", "subprotocol", "deflate", "leftover", "status", "body"],
    };
    let of = |from: &Value, members: &[&str]| {
        let there = members.iter().filter(|name| from.get(**name).is_some());
        Value::Object(there.map(|name| ((*name).to_owned(), from[*name].clone())).collect())
    };
    let mut expect = of(observed, members);
    let mut all = Vec::new();
    if kind == "receive" {
        if expect["code"].is_null() {
            expect.as_object_mut().and_then(|members| members.remove("code"));
        }
        let replies = observed["replies"].as_array().into_iter().flatten();
        let replies = replies.map(|reply| match text(&reply["type"]) {
            "pong" => of(reply, &["type", "hex"]),
            _ => of(reply, &["type", "code"]),
        });
        all.push(("replies", Value::Array(replies.collect())));
    } else if kind == "request" && observed["deflate"].is_object() {
        expect["deflate"] = json!({});
    }
    all.push(("expect", expect));
    all
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Members of an observation that name a difference.
const COMPARED: &[&str] =
    &["events", "replies", "accept", "resource", "subprotocol", "leftover", "deflate", "body"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;

    fn hello() -> Case {
        let all = corpus::built_in().unwrap();
        all.into_iter().find(|case| case.id.0 == "6455/5.7/text-hello/server").unwrap()
    }

    fn line(observed: &str) -> Reported {
        let line = format!(r#"{{"id":"x","splits":1,"observed":{observed},"differs":null}}"#);
        Reported::Line(serde_json::from_str(&line).unwrap())
    }

    #[test]
    fn difference_is_found_and_named() {
        let open =
            line(r#"{"outcome":"open","events":[{"type":"text","text":"a"}],"code":null,"replies":[]}"#);
        let fail = |code| {
            line(&format!(
                r#"{{"outcome":"fail","events":[],"code":{code},"replies":[{{"type":"close","code":{code}}}]}}"#
            ))
        };
        let empty = line(r#"{"outcome":"open","events":[],"code":null,"replies":[]}"#);
        let unsupported = Reported::Line(json!({"id": "x", "error": "unsupported: deflate"}));
        let stopped = Reported::Stopped(Verdict::Crashed, "the runner ended".to_owned());
        for (reference, subject, wanted) in [
            (&open, &open, None),
            (&fail(1002), &fail(1002), None),
            (&open, &fail(1002), Some("receive, server: fail 1002, reference: open")),
            (&fail(1002), &fail(1007), Some("receive, server: fail 1007, reference: fail 1002")),
            (&open, &empty, Some("receive, server: open, other events")),
            (&open, &stopped, Some("receive, server: crashed")),
            (&open, &unsupported, None),
            (&unsupported, &open, None),
            (&stopped, &open, Some("receive, server: the reference crashed")),
        ] {
            let found = compare(&hello(), reference, subject);
            assert_eq!(found.map(|found| found.signature).as_deref(), wanted);
        }
    }
}
