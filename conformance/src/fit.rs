//! Checks whether an observation is what a case expects, or at least allows.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use serde_json::Value;

/// The verdict for an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is what the case expects.
    Preferred,
    /// It is another outcome that the case allows.
    Allowed,
    /// It is neither, or depends on how the input is cut.
    Wrong,
}

/// Checks the runner's line for a case.
pub(crate) fn fit(case: &Value, reported: &Value) -> Fit {
    let observed = &reported["observed"];
    if !observed.is_object() || !reported["differs"].is_null() {
        return Fit::Wrong;
    }
    let kind = case["kind"].as_str().unwrap_or("receive");
    let fits = |expect: &Value| {
        has_known_members(expect, kind)
            && match kind {
                "receive" => fits_receive(expect, observed) && replies_fit(&case["replies"], observed),
                "local" => fits_local(case, expect, observed),
                "request" => fits_request(expect, observed),
                "response" => fits_response(expect, observed),
                _ => fits_build(expect, observed),
            }
    };
    let in_time = match (case["fail_by"].as_u64(), observed["at"].as_u64()) {
        (Some(fail_by), Some(at)) => at <= fail_by,
        (fail_by, _) => fail_by.is_none(),
    };
    if fits(&case["expect"]) && in_time {
        Fit::Preferred
    } else if items(&case["allowed"]).iter().any(fits) {
        Fit::Allowed
    } else {
        Fit::Wrong
    }
}

/// Whether every member of `expect` is checked in this file: an unknown member would be ignored.
fn has_known_members(expect: &Value, kind: &str) -> bool {
    let known: &[&str] = match kind {
        "receive" => &["events", "code", "codes"],
        "local" => &["frames", "first", "length_form", "length", "masked", "distinct_at_least", "none"],
        "request" => {
            &["accept", "resource", "subprotocol", "leftover", "deflate", "status", "statuses", "must_header"]
        }
        "response" => &["subprotocol", "deflate", "leftover", "class", "status", "body"],
        "build-request" | "build-response" => &["partial"],
        _ => return false,
    };
    let mut members = expect.as_object().into_iter().flatten();
    members.all(|(member, _)| member == "outcome" || known.contains(&member.as_str()))
}

fn fits_receive(expect: &Value, observed: &Value) -> bool {
    let code_fits = match expect["outcome"].as_str() {
        Some("fail") if expect["codes"].is_array() => items(&expect["codes"]).contains(&observed["code"]),
        Some("fail" | "abnormal") => expect["code"] == observed["code"],
        _ => observed["code"].is_null(),
    };
    let events: Vec<_> = items(&expect["events"]).iter().map(written_out).collect();
    let events_fit = expect["events"] == "any" || events == items(&observed["events"]);
    expect["outcome"] == observed["outcome"] && code_fits && events_fit
}

/// An event with the abbreviations of cases written out.
fn written_out(event: &Value) -> Value {
    let mut event = event.clone();
    let Some(members) = event.as_object_mut() else { return event };
    if let Some(parts) = members.remove("parts") {
        members.insert("hex".to_owned(), joined(&parts).into());
    }
    if let Some(times) = members.remove("times").and_then(|times| times.as_u64()) {
        for (_, value) in members.iter_mut().filter(|(name, _)| ["text", "hex"].contains(&name.as_str())) {
            *value = text(value).repeat(usize::try_from(times).unwrap_or(0)).into();
        }
    }
    event
}

/// The hex digits of the parts, joined; a part may say that it is repeated.
fn joined(parts: &Value) -> String {
    let part = |part: &Value| match part {
        Value::String(hex) => hex.clone(),
        part => text(&written_out(part)["hex"]).to_owned(),
    };
    items(parts).iter().map(part).collect()
}

/// Whether the replies are the expected ones. Of several pongs the last is enough. An empty list means no replies.
fn replies_fit(expected: &Value, observed: &Value) -> bool {
    let Some(expected) = expected.as_array() else { return true };
    let observed = items(&observed["replies"]);
    let last_pong = expected.iter().rposition(|reply| reply["type"] == "pong");
    let must_be_there = |place: usize, reply: &Value| reply["type"] != "pong" || Some(place) == last_pong;
    let is_there = |reply: &Value| {
        observed.iter().any(|sent| {
            sent["type"] == reply["type"]
                && sent["hex"] == reply["hex"]
                && (reply["code"].is_null() || sent["code"] == reply["code"])
        })
    };
    expected.is_empty() == observed.is_empty()
        && expected.iter().enumerate().all(|(place, reply)| !must_be_there(place, reply) || is_there(reply))
}

fn fits_local(case: &Value, expect: &Value, observed: &Value) -> bool {
    let frames = items(&observed["frames"]);
    let actions = items(&case["actions"]);
    match expect["outcome"].as_str() {
        Some("refuse") => {
            let last_action = actions.len().checked_sub(1).map(|last| last as u64);
            // If the case prefers that all calls succeed, any of them may be the refused one.
            let at_any = case["expect"]["outcome"] != "refuse";
            let refused = observed["refused"].as_u64();
            refused.is_some() && (at_any || refused == last_action) && observed["bytes_after_refusal"] == 0
        }
        _ if !observed["refused"].is_null() => false,
        Some("frames") => {
            let expected = items(&expect["frames"]);
            let same = |(expect, frame): (&Value, &Value)| {
                let fin =
                    expect["fin"].as_bool().map_or_else(|| expect["fin"].clone(), |fin| u8::from(fin).into());
                fin == frame["fin"] && fits_members(expect, frame, &["rsv", "op", "hex"])
            };
            expected.len() == frames.len() && expected.iter().zip(frames).all(same)
        }
        Some("header") => frames.last().is_some_and(|frame| {
            let bits = |name: &str, shift: u32| frame[name].as_u64().unwrap_or(0) << shift;
            let first = bits("fin", 7) | bits("rsv", 4) | bits("op", 0);
            format!("{first:02x}") == text(&expect["first"])
                && fits_members(expect, frame, &["length_form", "length", "masked"])
        }),
        Some("mask-keys") => frames.len() as u64 == calls(actions) && keys_fit(expect, frames),
        _ => false,
    }
}

/// The number of calls: `times` repeats a call, except that with `hex` it repeats the payload.
fn calls(actions: &[Value]) -> u64 {
    let of_one = |action: &Value| if action["hex"].is_null() { action["times"].as_u64() } else { None };
    actions.iter().map(|action| of_one(action).unwrap_or(1)).sum()
}

/// Whether no frame is masked, or each one with a key of its own; a few keys may be the same by chance.
fn keys_fit(expect: &Value, frames: &[Value]) -> bool {
    if expect["none"] == true {
        return frames.iter().all(|frame| frame["masked"] == false && frame["key"].is_null());
    }
    let mut keys: Vec<_> = frames.iter().map(|frame| text(&frame["key"])).collect();
    keys.sort_unstable();
    let all_masked = keys.iter().all(|key| key.len() == 8);
    keys.dedup();
    let at_least = expect["distinct_at_least"].as_u64().unwrap_or(frames.len() as u64);
    all_masked && keys.len() as u64 >= at_least
}

pub(crate) fn fits_request(expect: &Value, observed: &Value) -> bool {
    let status_fits = match expect["statuses"].as_array() {
        Some(statuses) => statuses.contains(&observed["status"]),
        None => fits_members(expect, observed, &["status"]),
    };
    let has_header = |(name, value): (&String, &Value)| observed["headers"][name] == *value;
    let headers_fit = expect["must_header"].as_object().is_none_or(|headers| headers.iter().all(has_header));
    fits_members(expect, observed, &["outcome", "accept", "resource", "subprotocol", "leftover"])
        && fits_deflate(&expect["deflate"], observed)
        && status_fits
        && headers_fit
}

/// Whether an answer to an offer of permessage-deflate is what the case asks for.
fn fits_deflate(asked: &Value, observed: &Value) -> bool {
    let (Some(asked), answer) = (asked.as_object(), &observed["deflate"]) else {
        return observed["deflate"].is_null();
    };
    answer.is_object()
        && observed["deflate_count"] == 1
        && asked.iter().all(|(asked, value)| match (asked.as_str(), asked.strip_suffix("_le")) {
            ("must_include", _) => items(value).iter().all(|name| !answer[text(name)].is_null()),
            ("must_not_include", _) => items(value).iter().all(|name| answer[text(name)].is_null()),
            ("at_most_one", _) => true,
            // Without the parameter, a server looks back 32 KiB, and a client as far as it offered (RFC 7692 §7.1.2).
            (_, Some("client_max_window_bits")) if answer["client_max_window_bits"].is_null() => true,
            (_, Some("server_max_window_bits")) if answer["server_max_window_bits"].is_null() => *value == 15,
            (_, Some(name)) => answer[name].as_u64().is_some_and(|bits| Some(bits) <= value.as_u64()),
            _ => false,
        })
}

fn fits_response(expect: &Value, observed: &Value) -> bool {
    let members = ["outcome", "subprotocol", "deflate", "leftover", "class", "status", "body"];
    fits_members(expect, observed, &members)
}

fn fits_build(expect: &Value, observed: &Value) -> bool {
    // If head and body are two calls, the head may be written before the body is refused.
    let may_have_bytes = expect["outcome"] == "ok" || expect["partial"] == true;
    let must_have_bytes = expect["outcome"] == "ok";
    let has_bytes = observed["bytes"] != "";
    expect["outcome"] == observed["outcome"]
        && (may_have_bytes || !has_bytes)
        && (has_bytes || !must_have_bytes)
}

/// Whether those of these members that the case expects are the same in the observation.
fn fits_members(expect: &Value, observed: &Value, members: &[&str]) -> bool {
    members.iter().all(|member| expect.get(member).is_none_or(|expect| *expect == observed[*member]))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How an observation that is written by hand fits.
    fn fit_of(case: &str, observed: &str) -> Fit {
        let reported = format!(r#"{{"observed":{observed},"differs":null}}"#);
        fit(&serde_json::from_str(case).unwrap(), &serde_json::from_str(&reported).unwrap())
    }

    #[test]
    fn each_observation_that_a_local_case_does_not_expect_is_wrong() {
        use Fit::{Allowed, Preferred, Wrong};
        let frame = r#"{"fin":1,"rsv":0,"op":9,"masked":false,"length_form":7,"length":0,"hex":""}"#;
        let masked = |key| format!(r#"{{"fin":1,"op":9,"masked":true,"key":"{key}"}}"#);
        let (one, other) = (masked("01020304"), masked("05060708"));
        let calls = r#"[{"do":"send_ping","text":"","times":2}]"#;
        let pings = [frame, frame].join(",");
        for (verdict, actions, expect, frames) in [
            (Preferred, calls, r#"{"outcome":"mask-keys","none":true}"#, pings.clone()),
            (Wrong, calls, r#"{"outcome":"mask-keys","none":true}"#, frame.to_owned()),
            (Wrong, calls, r#"{"outcome":"mask-keys","none":true}"#, format!("{frame},{one}")),
            (Preferred, calls, r#"{"outcome":"mask-keys","distinct_at_least":2}"#, format!("{one},{other}")),
            (Preferred, calls, r#"{"outcome":"mask-keys","distinct_at_least":1}"#, format!("{one},{one}")),
            (Wrong, calls, r#"{"outcome":"mask-keys","distinct_at_least":2}"#, format!("{one},{one}")),
            (Wrong, calls, r#"{"outcome":"mask-keys","distinct_at_least":1}"#, one.clone()),
            (Wrong, calls, r#"{"outcome":"mask-keys","distinct_at_least":1}"#, format!("{one},{frame}")),
            (Preferred, calls, r#"{"outcome":"mask-keys"}"#, format!("{one},{other}")),
            (Wrong, calls, r#"{"outcome":"mask-keys"}"#, format!("{one},{one}")),
            (Wrong, calls, r#"{"outcome":"mask-keys","fresh":true}"#, format!("{one},{other}")),
            (
                Preferred,
                r#"[{"do":"send_ping"}]"#,
                r#"{"outcome":"frames","frames":[{"fin":true,"rsv":0,"op":9,"hex":""}]}"#,
                frame.to_owned(),
            ),
            (
                Wrong,
                r#"[{"do":"send_ping"}]"#,
                r#"{"outcome":"frames","frames":[{"fin":false,"rsv":0,"op":9,"hex":""}]}"#,
                frame.to_owned(),
            ),
        ] {
            let reported = format!(r#"{{"refused":null,"bytes_after_refusal":0,"frames":[{frames}]}}"#);
            let case = format!(r#"{{"kind":"local","actions":{actions},"expect":{expect}}}"#);
            assert_eq!(fit_of(&case, &reported), verdict, "{expect}: {frames}");
        }
        // If frames are expected and a refusal is allowed, any of the calls may be refused.
        let refused = |at: usize, written: usize| {
            format!(r#"{{"refused":{at},"bytes_after_refusal":{written},"frames":[]}}"#)
        };
        for (verdict, expect, reported) in [
            (Preferred, r#""expect":{"outcome":"refuse"}"#, refused(1, 0)),
            (Wrong, r#""expect":{"outcome":"refuse"}"#, refused(0, 0)),
            (Wrong, r#""expect":{"outcome":"refuse"}"#, refused(1, 2)),
            (
                Allowed,
                r#""expect":{"outcome":"frames","frames":[]},"allowed":[{"outcome":"refuse"}]"#,
                refused(0, 0),
            ),
            (
                Wrong,
                r#""expect":{"outcome":"frames","frames":[]},"allowed":[{"outcome":"refuse"}]"#,
                refused(0, 2),
            ),
        ] {
            let case = format!(
                r#"{{"kind":"local","actions":[{{"do":"send_ping"}},{{"do":"send_ping"}}],{expect}}}"#
            );
            assert_eq!(fit_of(&case, &reported), verdict, "{expect}: {reported}");
        }
    }

    #[test]
    fn each_observation_that_a_handshake_case_does_not_expect_is_wrong() {
        use Fit::{Allowed, Preferred, Wrong};
        let request = |constraint: &str| {
            format!(r#"{{"kind":"request","expect":{{"outcome":"accept","deflate":{{{constraint}}}}}}}"#)
        };
        let answer =
            |params: &str| format!(r#"{{"outcome":"accept","deflate":{{{params}}},"deflate_count":1}}"#);
        let refusal = r#"{"outcome":"refuse","bytes":"HTTP/1.1 400 Bad Request"}"#;
        for (verdict, case, reported) in [
            // Without the parameter, a server looks back 32 KiB, and a client as far as it offered (RFC 7692 §7.1.2).
            (Preferred, request(r#""server_max_window_bits_le":15"#), answer("")),
            (Wrong, request(r#""server_max_window_bits_le":10"#), answer("")),
            (Preferred, request(r#""server_max_window_bits_le":10"#), answer(r#""server_max_window_bits":9"#)),
            (Wrong, request(r#""server_max_window_bits_le":10"#), answer(r#""server_max_window_bits":11"#)),
            (Preferred, request(r#""client_max_window_bits_le":10"#), answer("")),
            (Wrong, request(r#""client_max_window_bits_le":10"#), answer(r#""client_max_window_bits":11"#)),
            (Wrong, request(r#""client_max_window_bits_le":10"#), answer(r#""client_max_window_bits":true"#)),
            (Wrong, request(r#""must_shine":true"#), answer("")),
            (Wrong, r#"{"kind":"request","expect":{"outcome":"pending","speed":9}}"#.into(), r#"{"outcome":"pending"}"#.into()),
            (Wrong, r#"{"kind":"build-response","expect":{"outcome":"refuse"}}"#.into(), refusal.into()),
            (
                Allowed,
                r#"{"kind":"build-response","expect":{"outcome":"ok"},"allowed":[{"outcome":"refuse","partial":true}]}"#.into(),
                refusal.into(),
            ),
            (Wrong, r#"{"kind":"dance","expect":{"outcome":"ok"}}"#.into(), r#"{"outcome":"ok","bytes":"a"}"#.into()),
        ] {
            assert_eq!(fit_of(&case, &reported), verdict, "{case}: {reported}");
        }
    }
}
