//! Runs `wsconform` with good and bad arguments, and against servers that misbehave.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should"
)]

mod tools;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use tools::{assert_status, faulty, wsconform};

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = fs::remove_file(&path);
    _ = fs::remove_dir_all(&path);
    path
}

/// A server that does the opening handshake, and then what the test says.
fn server(then: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                if accept(&mut stream).is_some() {
                    then(stream);
                }
            });
        }
    });
    url
}

/// Answers the suite's own opening handshake, whose key is always the same.
fn accept(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: YPbcEITubCnutONl9qJ7xPCg5tw=\r\n\r\n";
    stream.write_all(response).ok()
}

#[test]
fn nothing_selected_is_an_error() {
    for arguments in [
        ["list", "--only", "6455/99/*"].as_slice(),
        &["server", "ws://127.0.0.1:1/", "--only", "no such case"],
        &["server", "http://127.0.0.1/"],
        &["server", "ws://127.0.0.1:1/"],
        &["server"],
        &["server", "--h2", "ws://127.0.0.1:1/"],
        &["fuzz", "--reference", "no-such-program", "--server", "ws://127.0.0.1:1/"],
        &["fuzz", "--reference", "no-such-program", "--h2", "--", "no-such-program"],
        &["fuzz", "--reference", "no-such-program"],
        &["shim", "--", "no-such-program"],
        &["pipe", "--", "no-such-program"],
        &["server", "ws://127.0.0.1:1/", "--update"],
        &["dance"],
    ] {
        assert_status(&wsconform(arguments), 2);
    }
}

/// A runner whose line has nothing but the name of the case.
const NO_OBSERVED: &str = r#"read line; echo "$line" | sed 's/.*\("id":"[^"]*"\).*/{\1}/'; cat >/dev/null"#;

#[test]
fn error_says_what_to_do() {
    let (file, directory, glob) = (scratch("not-a-directory"), scratch("no-directory"), scratch("glob.toml"));
    fs::write(&glob, "[disabled]\n\"6455/5.2/[\" = \"x\"\n").unwrap();
    fs::write(&file, "[failures]\n\"6455/5.2/*\" = \"x\"\n").unwrap();
    let (file, missing) = (file.to_str().unwrap(), directory.join("x"));
    let missing = missing.to_str().unwrap();
    // Where no server listens: a path that cannot be written is found before the run.
    let server = ["server", "ws://127.0.0.1:1/"].as_slice();
    let cases: &[(&[&str], &[&str], &str)] = &[
        (server, &["--html", missing], "--html"),
        (server, &["--json", missing], "make it first"),
        (server, &["--junit", missing], "--junit"),
        (server, &["--html", env!("CARGO_TARGET_TMPDIR")], "give the name of a file"),
        (server, &["--save", file], "--save"),
        (
            &["fuzz", "--reference", "x", "--server", "ws://127.0.0.1:1/"],
            &["--save", file],
            "not a directory",
        ),
        (server, &["--expect", missing, "--update"], "make it first"),
        (server, &["--expect", missing], "--update writes it"),
        (server, &["--expect", file], "patterns are for [disabled]"),
        (server, &["--expect", glob.to_str().unwrap()], "[disabled]: "),
        (server, &["--only", "6455/5.2"], "wsconform list"),
        (&["server", "wss://127.0.0.1:1/"], &[], "TLS"),
        (&["shim", "--", "sh", "-c"], &["echo hello"], "\"hello\""),
        (&["pipe", "--", "sh", "-c"], &[NO_OBSERVED], "neither \"observed\" nor \"error\""),
    ];
    for (command, more, hint) in cases {
        let output = wsconform(&[*command, *more].concat());
        assert_status(&output, 2);
        assert!(text(&output).contains(hint), "{command:?} {more:?}: {}", text(&output));
    }
}

#[test]
fn run_in_which_nothing_is_asked_is_an_error() {
    let hello = r#"echo '{"shim":1,"name":"x","roles":[]}'; read line"#;
    let output = wsconform(&["shim", "--only", "6455/5.7/*", "--", "sh", "-c", hello]);
    assert_status(&output, 2);
    assert!(text(&output).contains("no case could be asked"), "{}", text(&output));
}

/// A server that answers the first opening handshake, and no other.
fn server_that_falls_silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut streams: Vec<_> = listener.incoming().take(1).flatten().collect();
        _ = streams.first_mut().and_then(accept);
        streams.extend(listener.incoming().flatten());
    });
    url
}

#[test]
fn flood_whose_opening_handshake_is_not_answered_is_hung() {
    let only = ["--timeout", "1", "--only", "6455/7.1.1/flood-after-a-close/server"];
    let url = server_that_falls_silent();
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_wsconform")).args(["server", &url]).args(only).spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            panic!("it waits without end");
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(1));
}

#[test]
fn fuzzing_of_a_server_that_hangs_ends_soon_after_its_time() {
    let runner = scratch("runner.sh");
    let line =
        r#"{"id":"\1","splits":1,"observed":{"outcome":"open","events":[],"replies":[]},"differs":null}"#;
    fs::write(&runner, format!(r#"sed -u 's/.*"id":"\([^"]*\)".*/{line}/'"#)).unwrap();
    let url =
        server(|stream| thread::sleep(Duration::from_secs(60 + u64::from(stream.peer_addr().is_err()))));
    let start = Instant::now();
    let reference = format!("sh {}", runner.display());
    let options = ["fuzz", "--reference", &reference, "--server", &url, "--timeout", "1", "--time", "1"];
    let output = wsconform(&[options.as_slice(), &["--only", "6455/5.*"]].concat());
    assert_status(&output, 1);
    assert!(text(&output).contains("hung"), "{}", text(&output));
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
}

#[test]
fn server_that_does_not_speak_http2_cannot_be_asked_over_it() {
    let url = server(drop);
    let start = Instant::now();
    let output = wsconform(&["server", "--h2", &url, "--timeout", "3"]);
    assert_status(&output, 2);
    assert!(text(&output).contains("HTTP/2 with 127.0.0.1:"), "{}", text(&output));
    // And one that says nothing at all.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let output = wsconform(&["server", "--h2", &url, "--timeout", "1"]);
    assert_status(&output, 2);
    assert!(text(&output).contains(": no answer over HTTP/2"), "{}", text(&output));
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn cases_are_listed() {
    let output = wsconform(&["list", "--only", "6455/5.2/reserved-opcode-0x3/*"]);
    assert_status(&output, 0);
    assert_eq!(
        text(&output),
        "6455/5.2/reserved-opcode-0x3/server [must] reserved opcode 0x3\n\
         6455/5.2/reserved-opcode-0x3/client [must] reserved opcode 0x3\n"
    );
    let output = wsconform(&["list", "--json", "--only", "6455/5.2/reserved-opcode-0x3/server"]);
    assert!(text(&output).starts_with('{'));
}

#[test]
fn server_that_never_answers_is_hung() {
    let url =
        server(|stream| thread::sleep(Duration::from_secs(60 + u64::from(stream.peer_addr().is_err()))));
    let start = Instant::now();
    let output = wsconform(&["server", &url, "--timeout", "1", "--only", "6455/5.7/text-hello/server"]);
    assert_status(&output, 1);
    assert!(text(&output).contains("hung 6455/5.7/text-hello/server"), "{}", text(&output));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn server_that_vanishes_fails_and_one_that_trickles_for_ever_is_hung() {
    let vanishes = server(drop);
    let trickles = server(|mut stream| {
        for byte in b"\x81\x05Hello".iter().cycle() {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    for (url, verdict) in [(vanishes, "failed"), (trickles, "hung")] {
        let only = ["server", &url, "--timeout", "2", "--only", "6455/5.7/text-hello/server"];
        let output = wsconform(&only);
        assert_status(&output, 1);
        let line = format!("{verdict} 6455/5.7/text-hello/server");
        assert!(text(&output).contains(&line), "{}", text(&output));
    }
}

#[test]
fn server_that_writes_without_reading_is_not_waited_for() {
    let url = server(|mut stream| {
        let mut frame = vec![0x82, 127, 0, 0, 0, 0, 4, 0, 0, 0];
        frame.resize(frame.len() + (64 << 20), 0);
        // The suite does not keep it, and may end the connection.
        _ = stream.write_all(&frame);
    });
    let start = Instant::now();
    let output = wsconform(&["server", &url, "--timeout", "5", "--only", "6455/5.7/text-hello/server"]);
    assert_status(&output, 1);
    assert!(text(&output).contains("longer than anything that it was sent"), "{}", text(&output));
    assert!(start.elapsed() < Duration::from_secs(40));
}

#[test]
fn failures_are_a_ratchet_and_leave_their_bytes() {
    let url = server(drop);
    let (file, saved, json) = (scratch("expect.toml"), scratch("saved"), scratch("outcomes.jsonl"));
    let (file, only) = (file.to_str().unwrap(), "6455/5.7/text-hello/server");
    let run = |more: &[&str]| {
        let mut arguments = vec!["server", &url, "--only", only, "--expect", file];
        arguments.extend(more);
        wsconform(&arguments)
    };
    // A file that is not there is an error, unless it is to be written.
    assert_status(&run(&[]), 2);
    assert_status(&run(&["--update"]), 0);
    let written = fs::read_to_string(file).unwrap();
    assert!(written.contains(only), "{written}");
    assert_status(&run(&["--save", saved.to_str().unwrap(), "--json", json.to_str().unwrap()]), 0);
    let bytes = fs::read(saved.join("6455_5.7_text-hello_server.sent.bin")).unwrap();
    assert!(bytes.starts_with(b"\x81\x85"));
    let outcomes = fs::read_to_string(json).unwrap();
    assert!(outcomes.contains("\"verdict\":\"fail\"") && outcomes.contains("\"known\""), "{outcomes}");
    // A new failure, and a name that is no case.
    fs::write(file, "").unwrap();
    assert_status(&run(&[]), 1);
    fs::write(file, "[failures]\n\"6455/5.7/no-such-case/server\" = \"\"\n").unwrap();
    assert_status(&run(&[]), 2);
    // A case that is disabled is not asked; if no other is selected, nothing can be run.
    fs::write(file, "[disabled]\n\"6455/5.7/*\" = \"slow\"\n").unwrap();
    assert_status(&run(&[]), 2);
    let output = run(&["--only", "6455/5.6/empty-text/server"]);
    assert!(text(&output).contains("1 not asked, 1 failed"), "{}", text(&output));
}

#[test]
fn shim_and_runner_that_end_are_crashed() {
    let hello = r#"echo '{"shim":1,"name":"x","roles":["server"]}'; read line; exit 3"#;
    let only = ["--only", "6455/5.7/text-hello/server", "--jobs", "1", "--", "sh", "-c"];
    let output = wsconform(&[["shim"].as_slice(), &only, &[hello]].concat());
    assert_status(&output, 1);
    assert!(text(&output).contains("crashed 6455/5.7/text-hello/server"), "{}", text(&output));
    let cannot = wsconform(&[["shim"].as_slice(), &only, &["exit 89"]].concat());
    assert_status(&cannot, 2);
    assert!(text(&cannot).contains("cannot run"), "{}", text(&cannot));
    let only = ["--only", "6455/5.7/text-hello/*", "--", "sh", "-c"];
    let output = wsconform(&[["pipe"].as_slice(), &only, &["exit 3"]].concat());
    assert_status(&output, 1);
    assert!(text(&output).contains("2 crashed"), "{}", text(&output));
}

#[test]
fn shim_may_read_a_flood_slowly() {
    let slow = format!(
        r#"{} shim | while read -r line; do case $line in *end*) sleep 5; esac; echo "$line"; done"#,
        faulty().display()
    );
    let only = ["--only", "6455/7.1.1/flood-after-a-close/server", "--timeout", "2", "--", "sh", "-c", &slow];
    let output = wsconform(&[["shim"].as_slice(), &only].concat());
    assert_status(&output, 0);
}

#[test]
fn client_that_does_not_run_the_cases_is_not_passed() {
    let only = "6455/5.7/text-hello/client";
    let arguments = ["client", "--addr", "127.0.0.1:0", "--only", only, "--", "true", "{url}"];
    let output = wsconform(&arguments);
    assert_status(&output, 1);
    assert!(text(&output).contains("crashed"), "{}", text(&output));
    assert!(text(&output).contains("no slash at its end"), "{}", text(&output));
}

/// Answers the first frame with a text that would be markup, and ends.
fn hostile_server() -> String {
    server(|mut stream| {
        let text = b"</script><script>alert(1)</script>\x1b[2J";
        let mut frame = vec![0x81, u8::try_from(text.len()).unwrap()];
        frame.extend(text);
        _ = stream.read(&mut [0; 100]);
        _ = stream.write_all(&frame);
    })
}

#[test]
fn reports_of_a_hostile_server_are_safe_to_open() {
    let url = hostile_server();
    let (html, junit, json) = (scratch("hostile.html"), scratch("hostile.xml"), scratch("hostile.jsonl"));
    let [html, junit, json] = [&html, &junit, &json].map(|path| path.to_str().unwrap());
    let agent = "<script>alert(2)</script>\u{1b}[31m";
    let only = ["server", &url, "--only", "6455/5.7/text-hello/server", "--agent", agent];
    let reports = ["--html", html, "--junit", junit, "--json", json];
    let output = wsconform(&[only.as_slice(), &reports].concat());
    assert_status(&output, 1);
    assert!(!text(&output).contains('\u{1b}'), "{}", text(&output));
    let html = fs::read_to_string(html).unwrap();
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(html.contains("&lt;script&gt;alert(2)") && html.contains("6455/5.7/text-hello/server"));
    let junit = fs::read_to_string(junit).unwrap();
    assert!(junit.starts_with("<?xml") && junit.contains("failures=\"1\""), "{junit}");
    assert!(!junit.contains("<script") && !junit.contains('\u{1b}'), "{junit}");
    // The command that a report shows runs the case again.
    let line: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let again = line["again"].as_str().unwrap();
    assert_eq!(again, format!("wsconform server {url} --only 6455/5.7/text-hello/server"));
    let arguments: Vec<_> = again.split(' ').skip(1).collect();
    assert_status(&wsconform(&arguments), 1);
}

#[test]
fn grid_shows_where_implementations_disagree() {
    let runner = |name: &str, program: &str| {
        let path = scratch(name);
        let path = path.to_str().unwrap().to_owned();
        let run = ["pipe", "--only", "6455/5.7/text-hello/*", "--agent", name, "--json", &path, "--"];
        wsconform(&[run.as_slice(), &["sh", "-c", program]].concat());
        path
    };
    let (good, bad) = (runner("good.jsonl", &runner_with("[]")), runner("bad.jsonl", "exit 3"));
    let html = scratch("grid.html");
    let output = wsconform(&["grid", &good, &bad, "--html", html.to_str().unwrap()]);
    assert_status(&output, 0);
    assert!(text(&output).contains("6455/5.7/text-hello/server  passed     crashed\n"), "{}", text(&output));
    assert!(text(&output).contains("2 of 2 cases differ"), "{}", text(&output));
    assert!(fs::read_to_string(html).unwrap().contains("6455/5.7/text-hello/server"));
    // Nothing to compare, and what is no report.
    assert_status(&wsconform(&["grid", &good, &bad, "--only", "6455/99/*"]), 2);
    assert_status(&wsconform(&["grid", &good]), 2);
    assert_status(&wsconform(&["grid", &good, "Cargo.toml"]), 2);
}

/// A runner that reports the text "Hello" and these replies, whatever the case.
fn runner_with(replies: &str) -> String {
    let observed = format!(
        r#"{{"outcome":"open","events":[{{"type":"text","text":"Hello"}}],"code":null,"replies":{replies}}}"#
    );
    format!(r#"sed -E 's/.*"id":"([^"]*)".*/{{"id":"\1","splits":1,"observed":{observed},"differs":null}}/'"#)
}

#[test]
fn fuzz_finds_and_minimizes_a_difference_and_the_suite_reads_it_again() {
    let (good, saved, saved_again) = (runner_with("[]"), scratch("findings"), scratch("findings-again"));
    let script = scratch("good.sh");
    fs::write(&script, &good).unwrap();
    let reference = format!("sh {}", script.display());
    // The subject ends in each case with a byte ff.
    let subject = format!(
        r#"while IFS= read -r line; do case "$line" in *'"chunks":["'*ff*'"]'*) exit 3;; esac; printf '%s\n' "$line" | {good}; done"#
    );
    let run = |saved: &PathBuf| {
        let saved = saved.to_str().unwrap();
        let only = ["--only", "6455/5.7/text-hello/client", "--seed", "5", "--mutants", "60"];
        let front = ["fuzz", "--reference", &reference, "--save", saved];
        wsconform(&[front.as_slice(), &only, &["--", "sh", "-c", &subject]].concat())
    };
    let output = run(&saved);
    assert_status(&output, 1);
    assert!(text(&output).contains("receive, client: crashed"), "{}", text(&output));
    assert!(text(&output).contains("input:    [\"ff\"]"), "{}", text(&output));
    // The seed repeats.
    run(&saved_again);
    let cases = fs::read_to_string(saved.join("fuzz-5.jsonl")).unwrap();
    assert_eq!(cases, fs::read_to_string(saved_again.join("fuzz-5.jsonl")).unwrap());
    // The findings are cases.
    let pipe =
        |program: &str| wsconform(&["pipe", "--cases", saved.to_str().unwrap(), "--", "sh", "-c", program]);
    assert_status(&pipe(&good), 0);
    assert_status(&pipe(&subject), 1);
    // Without a difference, there is no finding.
    let same = ["--only", "6455/5.7/*", "--mutants", "50", "--", "sh", "-c", &good];
    assert_status(&wsconform(&[["fuzz", "--reference", &reference].as_slice(), &same].concat()), 0);
    let none = wsconform(&["fuzz", "--reference", "no-such-program", "--", "sh", "-c", &good]);
    assert_status(&none, 2);
}

#[test]
fn fuzz_ends_if_the_runner_differs_everywhere() {
    let good = runner_with("[]");
    let script = scratch("reference.sh");
    fs::write(&script, &good).unwrap();
    let reference = format!("sh {}", script.display());
    // Each answer has an outcome of its own, so no smaller input shows the same difference.
    let bad =
        format!(r#"{good} | awk '{{ sub(/"outcome":"open"/, "\"outcome\":\"" NR "\\u001b\""); print }}'"#);
    let only = ["--only", "6455/5.7/text-hello/client", "--mutants", "100000", "--", "sh", "-c", &bad];
    let output = wsconform(&[["fuzz", "--reference", &reference].as_slice(), &only].concat());
    assert_status(&output, 1);
    assert!(text(&output).contains("100 findings in 256 cases"), "{}", text(&output));
    assert!(!text(&output).contains('\u{1b}'), "{}", text(&output));
}
