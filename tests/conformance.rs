//! Runs the `conformance` example and checks its output against what the cases expect.
//!
//! The cases in `tests/conformance` must have their preferred outcome. Set the environment variable `WSPROTO_CASES` to
//! a directory to run its `*.jsonl` files too: these cases may have any outcome that they allow.
//!
//! ```sh
//! WSPROTO_CASES=cases cargo test --release --test conformance -- --nocapture
//! ```
#![cfg(all(feature = "std", feature = "deflate"))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic fails the test, as it should"
)]

#[path = "conformance/judge.rs"]
mod judge;
#[path = "../examples/conformance/main.rs"]
#[expect(dead_code, reason = "an example has a main function")]
mod runner;

use std::fs;
use std::path::Path;

use judge::Verdict;
use serde_json::Value;

#[test]
fn cases_of_every_kind_have_their_preferred_outcome() {
    let judged = judge_all(include_str!("conformance/cases.jsonl"));
    let wrong: Vec<_> = judged.iter().filter(|judged| judged.verdict != Verdict::Preferred).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn judge_finds_each_observation_that_a_local_case_does_not_expect() {
    use Verdict::{Allowed, Preferred, Wrong};
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
        assert_eq!(verdict_of(&case, &reported), verdict, "{expect}: {frames}");
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
        let case =
            format!(r#"{{"kind":"local","actions":[{{"do":"send_ping"}},{{"do":"send_ping"}}],{expect}}}"#);
        assert_eq!(verdict_of(&case, &reported), verdict, "{expect}: {reported}");
    }
}

#[test]
fn judge_finds_each_observation_that_a_handshake_case_does_not_expect() {
    use Verdict::{Allowed, Preferred, Wrong};
    let request = |constraint: &str| {
        format!(r#"{{"kind":"request","expect":{{"outcome":"accept","deflate":{{{constraint}}}}}}}"#)
    };
    let answer = |params: &str| format!(r#"{{"outcome":"accept","deflate":{{{params}}},"deflate_count":1}}"#);
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
        assert_eq!(verdict_of(&case, &reported), verdict, "{case}: {reported}");
    }
}

#[test]
fn cases_from_other_directories_have_an_outcome_that_they_allow() {
    let Some(directory) = std::env::var_os("WSPROTO_CASES") else { return };
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&directory).expect("WSPROTO_CASES names a directory") {
        let path = entry.expect("a directory can be listed").path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            wrong.extend(judge_file(&path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn invalid_case_lines_are_reported_and_do_not_stop_the_other_cases() {
    let lines = r#"{"id":"open","role":"client","chunks":["8100"],"split":"every","deflate":null,"limits":null}
no JSON

{"kind":"receive"}
{"id":"unknown","role":"client","chunks":[],"split":"every","deflate":null,"limits":null,"speed":9}
{"id":"kind","kind":"dance","role":"client"}
{"id":"role","kind":"request","role":"client","bytes":"","split":"every"}
{"id":"digits","role":"client","chunks":["8"],"split":"every","deflate":null,"limits":null}
{"id":"key","kind":"response","role":"client","bytes":"","split":"every","config":{"key":"c2hvcnQ="}}
{"id":"no bits","role":"client","chunks":[],"split":"every","deflate":{"server_no_context_takeover":false,"client_no_context_takeover":false,"server_max_window_bits":7,"client_max_window_bits":15},"limits":null}
{"id":"bits","kind":"local","role":"server","actions":[],"deflate":{"server_no_context_takeover":false,"client_no_context_takeover":false,"server_max_window_bits":15,"client_max_window_bits":16},"limits":null}
{"id":"offer","kind":"response","role":"client","bytes":"","split":"every","config":{"key":"AAECAwQFBgcICQoLDA0ODw==","offer":"permessage-deflate; server_max_window_bits=16"}}
{"id":"extension","kind":"response","role":"client","bytes":"","split":"every","config":{"key":"AAECAwQFBgcICQoLDA0ODw==","offer":"x-webkit-deflate-frame"}}
{"id":"speed","role":"client","chunks":[{"hex":"8100","times":1,"speed":9}],"split":"every","deflate":null,"limits":null}
{"id":"close speed","kind":"local","role":"server","actions":[{"do":"send_close","code":1000,"speed":9}]}
{"id":"send speed","kind":"local","role":"server","actions":[{"do":"send_text","text":"","speed":9}]}
{"id":"receive speed","kind":"local","role":"server","actions":[{"do":"receive","hex":"","speed":9}]}
{"id":"two inputs","kind":"local","role":"server","actions":[{"do":"receive","hex":"","chunks":[]}]}
{"id":"times","kind":"local","role":"server","actions":[{"do":"send_ping","text":"","times":1000000000000}]}
{"id":"close times","kind":"local","role":"server","actions":[{"do":"send_close","times":1000000000000}]}
{"id":"receive times","kind":"local","role":"server","actions":[{"do":"receive","hex":"00","times":1000000000000}]}
{"id":"offer twice","kind":"response","role":"client","bytes":"","split":"every","config":{"key":"AAECAwQFBgcICQoLDA0ODw==","offer":"permessage-deflate, permessage-deflate"}}
{"id":"origins","kind":"build-request","role":"client","input":{"host":"h","resource":"/"},"config":{"origins":["http://h"]}}
{"id":"spoken","kind":"build-request","role":"client","input":{"host":"h","resource":"/"},"config":{"subprotocols":["mqtt"]}}
{"id":"limits","kind":"build-response","role":"server","input":{"request":"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n","headers":[]},"config":{"limits":{"max_head":9}}}
{"id":"both answers","kind":"build-response","role":"server","input":{"request":"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n","subprotocol":"mqtt","reject":{"status":400}}}
{"id":"compressed refusal","kind":"build-response","role":"server","input":{"request":"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n","reject":{"status":400}},"config":{"deflate":true}}
{"id":"last","kind":"local","role":"server","actions":[]}
"#;
    let mut output = Vec::new();
    let all_run = runner::run(lines.as_bytes(), &mut output).expect("memory can be read and written");
    let reported = values(std::str::from_utf8(&output).expect("JSON is UTF-8"));
    let seen: Vec<_> =
        reported.iter().map(|reported| (reported["id"].as_str(), reported.get("error").is_some())).collect();
    assert!(!all_run);
    assert!(
        reported
            .iter()
            .all(|reported| reported["error"].as_str().is_none_or(|error| !error.contains("panic")))
    );
    assert_eq!(
        seen,
        [
            (Some("open"), false),
            (None, true),
            (None, true),
            (Some("unknown"), true),
            (Some("kind"), true),
            (Some("role"), true),
            (Some("digits"), true),
            (Some("key"), true),
            (Some("no bits"), true),
            (Some("bits"), true),
            (Some("offer"), true),
            (Some("extension"), true),
            (Some("speed"), true),
            (Some("close speed"), true),
            (Some("send speed"), true),
            (Some("receive speed"), true),
            (Some("two inputs"), true),
            (Some("times"), true),
            (Some("close times"), true),
            (Some("receive times"), true),
            (Some("offer twice"), true),
            (Some("origins"), true),
            (Some("spoken"), true),
            (Some("limits"), true),
            (Some("both answers"), true),
            (Some("compressed refusal"), true),
            (Some("last"), false),
        ]
    );
}

#[test]
fn the_example_in_the_readme_has_the_output_that_the_readme_shows() {
    let readme = include_str!("../examples/conformance/README.md");
    let mut blocks = readme.split("```json\n").skip(1).filter_map(|block| block.split("```").next());
    let (Some(case), Some(line), None) = (blocks.next(), blocks.next(), blocks.next()) else {
        panic!("the README shows a case and a line")
    };
    let mut output = Vec::new();
    assert!(runner::run(case.as_bytes(), &mut output).expect("memory can be read and written"));
    assert_eq!(std::str::from_utf8(&output), Ok(line));
    assert_eq!(judge_all(case)[0].verdict, Verdict::Preferred);
}

#[test]
fn every_cut_of_an_input_is_tried() {
    let splits = |split, chunks| {
        let case = format!(
            r#"{{"id":"","role":"client","chunks":{chunks},"split":"{split}","deflate":null,"limits":null}}"#
        );
        let mut output = Vec::new();
        runner::run(case.as_bytes(), &mut output).expect("memory can be read and written");
        values(std::str::from_utf8(&output).expect("JSON is UTF-8"))[0]["splits"].as_u64()
    };
    // Whole, byte by byte, and in two.
    assert_eq!(splits("every", r#"["810548656c6c6f"]"#), Some(8));
    assert_eq!(splits("sample", r#"["810548656c6c6f"]"#), Some(8));
    assert_eq!(splits("every", r#"["8105","48656c6c6f"]"#), Some(9));
    assert_eq!(splits("exact", r#"["8105","48656c6c6f"]"#), Some(1));
    assert_eq!(splits("every", "[]"), Some(3));
}

/// A case, what was observed, and the verdict.
#[derive(Debug)]
struct Judged {
    verdict: Verdict,
    reported: Value,
    expect: Value,
}

/// The verdict for an observation that is written by hand.
fn verdict_of(case: &str, observed: &str) -> Verdict {
    let reported = format!(r#"{{"observed":{observed},"differs":null}}"#);
    judge::judge(&values(case)[0], &values(&reported)[0])
}

fn judge_all(cases: &str) -> Vec<Judged> {
    let mut output = Vec::new();
    runner::run(cases.as_bytes(), &mut output).expect("memory can be read and written");
    let reported = values(std::str::from_utf8(&output).expect("JSON is UTF-8"));
    let cases = values(cases);
    assert_eq!(reported.len(), cases.len());
    let judged = cases.into_iter().zip(reported).map(|(case, reported)| {
        assert_eq!(reported["id"], case["id"]);
        Judged { verdict: judge::judge(&case, &reported), reported, expect: case["expect"].clone() }
    });
    judged.collect()
}

/// Prints the cases without their preferred outcome, and returns those whose outcome is not allowed.
fn judge_file(path: &Path) -> Vec<Judged> {
    let judged = judge_all(&fs::read_to_string(path).expect("a file of cases can be read"));
    let count = |verdict| judged.iter().filter(|judged| judged.verdict == verdict).count();
    println!(
        "{}: {} preferred, {} allowed, {} wrong",
        path.display(),
        count(Verdict::Preferred),
        count(Verdict::Allowed),
        count(Verdict::Wrong)
    );
    for Judged { reported, expect, .. } in judged.iter().filter(|judged| judged.verdict == Verdict::Allowed) {
        println!("allowed: {reported}\n  rather: {expect}");
    }
    judged.into_iter().filter(|judged| judged.verdict == Verdict::Wrong).collect()
}

fn values(lines: &str) -> Vec<Value> {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}
