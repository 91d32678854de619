//! Checks what the `conformance` example prints: a line for each case, whatever the case.
//!
//! Its cases are in `conformance/cases` of the repository, and the package `conformance` there checks the observations.
#![cfg(all(feature = "std", feature = "deflate", feature = "handshake"))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic fails the test, as it should"
)]

#[path = "../examples/conformance/main.rs"]
#[expect(dead_code, reason = "an example has a main function")]
mod runner;

use serde_json::Value;

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

fn values(lines: &str) -> Vec<Value> {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}
