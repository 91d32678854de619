//! What the answer to a request in a stream of HTTP/2 must be, and which requests of HTTP/1.1 are asked in a stream too.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use std::ops::ControlFlow;

use serde_json::{Value, json};

use crate::case::{Request, ServerConfig};
use crate::cuts::Cut;
use crate::encoding::to_latin1;
use crate::fit;
use crate::h2_case::H2Request;
use crate::head::{Head, is_key};
use crate::http2::Pseudo;
use crate::request::{describe, observation};
use crate::script::{Sentinel, Transcript};
use crate::verdict::{Answer, Verdict};

/// Why a case cannot be put to a server that was set up without the suite; `deflate` says whether it compresses.
pub(crate) fn cannot_ask(case: &H2Request, deflate: bool) -> Option<&'static str> {
    let ServerConfig { subprotocols, origins, deflate: needed, .. } = &case.config;
    let offers = case.fields.iter().any(|(_, value)| value.contains("permessage-deflate"));
    if !subprotocols.is_empty() {
        Some("the server was not set up with the subprotocols of the case")
    } else if origins.is_some() {
        Some("the server was not set up with the origins of the case")
    } else if *needed && !deflate {
        Some("the server does not accept permessage-deflate")
    } else if !needed && offers && deflate {
        Some("the server accepts permessage-deflate, and the case is for one that does not")
    } else {
        None
    }
}

/// The same question in a stream, of a request whose fields mean the same there (RFC 8441 §5).
pub(crate) fn of_http1(case: &Request) -> Option<H2Request> {
    let head = Head::request(&case.bytes.0).ok().flatten()?;
    let is_standard = |(name, value): &(String, String)| match name.as_str() {
        "host" => value == "server.example.com",
        "upgrade" => value == "websocket",
        "connection" => value == "Upgrade",
        "sec-websocket-key" => is_key(value),
        _ => false,
    };
    let (standard, others): (Vec<_>, Vec<_>) = head.fields.iter().cloned().partition(is_standard);
    let only_negotiates = others.iter().all(|(name, _)| NEGOTIATED.contains(&name.as_str()));
    // Each field on a line of its own, as a stream has it: the syntax of HTTP/1.1 has cases of its own.
    let fields: String = head.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let plain = format!("GET /chat HTTP/1.1\r\n{fields}\r\n");
    // Names of fields may be in any case; the rest may not.
    let is_plain =
        head.start == "GET /chat HTTP/1.1" && plain.eq_ignore_ascii_case(&to_latin1(&case.bytes.0));
    if standard.len() != 4 || !only_negotiates || !is_plain || case.eof {
        return None;
    }
    let expect = in_stream(&case.expect)?;
    let allowed = case.allowed.iter().filter_map(in_stream).collect();
    Some(H2Request { pseudo: Pseudo::new(), fields: others, config: case.config.clone(), expect, allowed })
}

/// What an outcome is in a stream: without the key's answer, and without the status that needs `Upgrade`.
fn in_stream(outcome: &Value) -> Option<Value> {
    let mut outcome = outcome.clone();
    let members = outcome.as_object_mut()?;
    for http1 in ["accept", "resource", "leftover"] {
        members.remove(http1);
    }
    if let Some(headers) = members.get_mut("must_header").and_then(Value::as_object_mut) {
        headers.retain(|name, _| NEGOTIATED.contains(&name.as_str()));
    }
    match members.get_mut("statuses").and_then(Value::as_array_mut) {
        Some(statuses) if statuses.contains(&json!(426)) && !statuses.contains(&json!(400)) => {
            statuses.insert(0, json!(400));
        }
        _ => {}
    }
    let is_final = members.get("outcome").is_some_and(|word| word == "accept" || word == "reject");
    is_final.then_some(outcome)
}

fn outcomes(case: &H2Request) -> impl Iterator<Item = &Value> {
    [&case.expect].into_iter().chain(&case.allowed)
}

/// Whether a status opens the stream (RFC 9110 §9.3.6).
pub(crate) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Compares the answer with what the case allows. `refused` is why there was no response.
pub(crate) fn answer(case: &H2Request, seen: &Transcript, refused: Option<String>) -> Answer {
    let expected = outcomes(case).map(|outcome| describe(outcome, "200")).collect::<Vec<_>>().join("; or ");
    let mut answer = match seen.answer(expected, &Cut::none()) {
        ControlFlow::Break(answer) => return answer,
        ControlFlow::Continue(answer) => answer,
    };
    let observed = observation(seen.head.as_ref(), is_success);
    answer.sent = vec![shown(case)];
    if let Some(refused) = refused {
        answer.observed = refused;
    }
    if observed["outcome"] == "accept" && !Sentinel::Echoed.is_answered(seen) {
        answer.rule = Some("RFC 8441 §5: after the response the stream must be open".to_owned());
        return answer;
    }
    let names: Vec<&str> =
        seen.head.iter().flat_map(|head| &head.fields).map(|(name, _)| name.as_str()).collect();
    let fits = |outcome: &Value| {
        let mut forbidden = outcome["must_not_header"].as_array().into_iter().flatten();
        fit::fits_request(outcome, &observed) && forbidden.all(|name| !names.iter().any(|has| name == has))
    };
    let is_usual = |answer: &Value| {
        answer["outcome"] != "accept" || seen.head.as_ref().is_some_and(|head| head.status == Some(200))
    };
    answer.verdict = match fits(&case.expect) {
        true if is_usual(&observed) => Verdict::Pass,
        // Any 2xx does (RFC 9110 §9.3.6).
        true => Verdict::Allowed,
        false if case.allowed.iter().any(fits) => Verdict::Allowed,
        false => Verdict::Fail,
    };
    answer
}

/// The fields of the request as text, for reports.
fn shown(case: &H2Request) -> Vec<u8> {
    let pseudo = case.pseudo.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let fields = case.fields.iter().map(|(name, value)| (name, value));
    pseudo.chain(fields).flat_map(|(name, value)| format!("{name}: {value}\n").into_bytes()).collect()
}

/// Fields that are used in a stream as in HTTP/1.1 (RFC 8441 §5).
const NEGOTIATED: &[&str] =
    &["origin", "sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Ask;
    use crate::corpus;
    use crate::h2_case::H2;
    use crate::http2;
    use crate::upgrade::Target;

    #[test]
    fn requests_that_negotiate_are_asked_in_a_stream_too() {
        let cases = corpus::built_in().unwrap();
        let requests = cases.iter().filter_map(|case| match &case.ask {
            Ask::Request(request) => Some((&case.id.0, of_http1(request))),
            _ => None,
        });
        let asked: Vec<_> = requests.filter_map(|(id, asked)| Some((id, asked?))).collect();
        assert!(asked.len() > 100, "{}", asked.len());
        let target = Target::parse("ws://127.0.0.1/").unwrap();
        for (id, asked) in &asked {
            assert!(http2::request(&target, &asked.pseudo, &asked.fields).is_ok(), "{id}");
        }
        let (_, version) = asked.iter().find(|(id, _)| id.contains("version-8")).unwrap();
        assert_eq!(version.expect["must_header"], json!({"sec-websocket-version": "13"}));
    }

    #[test]
    fn each_request_of_the_suite_can_be_made() {
        let target = Target::parse("ws://127.0.0.1:9001/chat?x").unwrap();
        let mut made = 0;
        for case in corpus::built_in().unwrap() {
            let Ask::H2(H2::Request(request)) = &case.ask else { continue };
            assert!(http2::request(&target, &request.pseudo, &request.fields).is_ok(), "{}", case.id);
            made += 1;
        }
        assert!(made > 20, "{made}");
    }
}
