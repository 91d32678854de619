//! The examples as a shell sees them: arguments, standard streams and exit statuses.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use crate::clients::echo_server;
use crate::program::{Ending, Program};
use crate::tools::example;

#[test]
fn an_example_that_is_asked_for_help_prints_its_usage() {
    for name in ["echo_server", "echo_client", "autobahn_client", "dump", "conformance"] {
        let help = run(name, &["--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.starts_with(&format!("usage: {name} ")), "{help:?}");
    }
}

#[test]
fn an_example_that_is_called_wrongly_says_why_and_ends_with_2() {
    let calls: &[(&str, &[&str], &str)] = &[
        ("echo_server", &["--port"], "unknown argument: --port"),
        ("echo_server", &["--addr"], "--addr needs an address"),
        ("echo_client", &[], "one URL is needed"),
        ("echo_client", &["ws://127.0.0.1/", "ws://127.0.0.1/"], "one URL is needed"),
        ("echo_client", &["http://h/"], "http://h/: scheme of the URI is missing or another"),
        ("echo_client", &["ws:///path"], "ws:///path: host of the URI is missing or malformed"),
        ("echo_client", &["wss://h/"], "wss://h/: this client does without TLS"),
        ("autobahn_client", &["ws://127.0.0.1/"], "a URL and a name are needed"),
        (
            "autobahn_client",
            &["127.0.0.1:9001", "wsproto"],
            "127.0.0.1:9001: scheme of the URI is missing or another",
        ),
        ("autobahn_client", &["wss://h", "wsproto"], "wss://h: this client does without TLS"),
        ("conformance", &[], "one file is needed"),
        ("conformance", &["one", "two"], "one file is needed"),
        ("dump", &[], "--role is needed"),
        ("dump", &["--role"], "--role needs client or server"),
        ("dump", &["--role", "proxy"], "--role is client or server, not proxy"),
        ("dump", &["--role", "client", "one", "two"], "one file is enough: two"),
        ("dump", &["--roll"], "unknown argument: --roll"),
    ];
    for (name, args, why) in calls {
        let ending = run(name, args);
        assert_eq!((ending.code, ending.stdout.as_str()), (Some(2), ""));
        let expected = format!("{name}: {why}\nusage: {name} ");
        assert!(ending.stderr.starts_with(&expected), "{args:?}: {}", ending.stderr);
    }
}

#[test]
fn echo_server_names_an_address_that_is_in_use() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let ending = run("echo_server", &["--addr", &addr]);
    assert_eq!((ending.code, ending.stdout.as_str()), (Some(1), ""));
    let expected = format!("echo_server: cannot listen on {addr}: ");
    assert!(ending.stderr.starts_with(&expected), "{}", ending.stderr);
}

#[test]
fn echo_client_names_an_address_where_nobody_listens() {
    // The port of tcpmux, which nobody runs.
    let ending = run("echo_client", &["ws://127.0.0.1:1/"]);
    assert_eq!((ending.code, ending.stdout.as_str()), (Some(1), ""));
    let expected = "echo_client: cannot connect to ws://127.0.0.1:1/: ";
    assert!(ending.stderr.starts_with(expected), "{}", ending.stderr);
}

#[test]
fn lines_that_are_piped_into_echo_client_come_back_from_echo_server() {
    let (server, addr) = echo_server();
    let typed = format!("hello\n\nGrüße, 世界\n{}\n", "0123456789".repeat(100_000));
    let client = Program::start(example("echo_client").arg(format!("ws://{addr}")));
    let ending = client.give(typed.as_str()).finish();
    assert_eq!(ending.code, Some(0), "{}", ending.stderr);
    assert!(ending.stdout == typed, "of {} bytes, {} came back", typed.len(), ending.stdout.len());
    assert_eq!(server.kill().stderr, "");
}

#[test]
fn dump_prints_each_event_with_its_offset() {
    let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // RFC 6455 §5.7
    let ping = b"\x89\x82\x01\x02\x03\x04\x01\xfc";
    let close = b"\x88\x86\0\0\0\0\x03\xe8done";
    let capture = [b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", &hello[..], ping, close].concat();
    assert_dump(
        "server",
        &capture,
        0,
        "
         0  head of 37 bytes: GET / HTTP/1.1
        37  text \"Hello\", end of message
        48  ping, 2 bytes: 00fe
        56  close 1000 (Normal Closure), reason \"done\"
        68  end of the capture, after a close frame
",
    );
}

#[test]
fn dump_prints_the_fragments_of_a_message() {
    let capture = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x02\x02\x00\xff\x8a\x01!\x80\x01\x7f";
    assert_dump(
        "client",
        capture,
        0,
        "
         0  head of 36 bytes: HTTP/1.1 101 Switching Protocols
        36  binary, 2 bytes: 00ff, end of fragment
        40  pong, 1 bytes: 21
        43  binary, 1 bytes: 7f, end of message
        46  end of the capture, without a close frame
",
    );
}

#[test]
fn dump_names_the_broken_rule_and_where_it_was_broken() {
    assert_dump(
        "client",
        b"\x81\x02hi\x81\x82\0\0\0\0hi",
        1,
        "
         0  text \"hi\", end of message
         5  broken rule: frame from server is masked; close with 1002 (Protocol Error); what follows is not read
",
    );
    assert_dump(
        "server",
        b"\x81\x02hi",
        1,
        "
         1  broken rule: frame from client is unmasked; close with 1002 (Protocol Error); what follows is not read
",
    );
}

#[test]
fn dump_tells_that_a_capture_was_cut() {
    assert_dump("client", b"", 0, "\n         0  end of the capture, without a close frame\n");
    assert_dump(
        "client",
        b"\x81\x7e\x00",
        0,
        "\n         3  end of the capture, inside a frame or a message\n",
    );
    assert_dump(
        "client",
        b"\x01\x02hi",
        0,
        "
         0  text \"hi\", end of fragment
         4  end of the capture, inside a frame or a message
",
    );
}

#[test]
fn an_example_that_cannot_read_ends_with_2() {
    let missing = scratch("missing");
    let file = missing.to_str().unwrap();
    for (name, args) in [("dump", &["--role", "client", file][..]), ("conformance", &[file])] {
        let ending = run(name, args);
        assert_eq!((ending.code, ending.stdout.as_str()), (Some(2), ""));
        let expected = format!("{name}: {file}: ");
        assert!(ending.stderr.starts_with(&expected), "{}", ending.stderr);
    }
}

#[test]
fn conformance_reads_a_file_or_the_standard_input() {
    let case = r#"{"id":"a","role":"client","chunks":["8100"],"split":"exact","deflate":null,"limits":null}"#;
    let told = r#"{"id":"a","splits":1,"observed":{"outcome":"open","events":[{"type":"text","text":""}],"code":null,"at":null,"rule":null,"state":"Open","replies":[]},"differs":null}"#;
    let error = r#"{"id":null,"error":"no case: expected ident at line 1 column 2"}"#;
    for (number, (lines, stdout, code)) in [
        (String::new(), String::new(), 0),
        (format!("{case}\n\n{case}"), format!("{told}\n{told}\n"), 0),
        (format!("{case}\nnonsense\n{case}\n"), format!("{told}\n{error}\n{told}\n"), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let expected = Ending { code: Some(code), stdout, stderr: String::new() };
        let conformance = |file: &str| Program::start(example("conformance").arg(file));
        assert_eq!(conformance("-").give(lines.as_str()).finish(), expected);

        let file = scratch(&format!("cases-{number}"));
        fs::write(&file, lines).unwrap();
        let ending = conformance(file.to_str().unwrap()).finish();
        fs::remove_file(&file).unwrap();
        assert_eq!(ending, expected);
    }
}

#[test]
fn conformance_tells_the_cases_in_their_order() {
    // More than are read ahead, some of which take longer than others.
    let case = |number: usize| {
        let times = if number % 100 == 0 { 10_000 } else { 1 };
        format!(
            r#"{{"id":"{number}","role":"client","chunks":[{{"hex":"8100","times":{times}}}],"split":"sample","deflate":null,"limits":null}}"#
        )
    };
    let cases: Vec<_> = (0..2500).map(case).collect();
    let ending = Program::start(example("conformance").arg("-")).give(cases.join("\n")).finish();
    assert_eq!((ending.code, ending.stdout.lines().count()), (Some(0), cases.len()));
    for (number, line) in ending.stdout.lines().enumerate() {
        assert!(line.starts_with(&format!(r#"{{"id":"{number}","#)), "{number}: {line}");
    }
}

fn run(name: &str, args: &[&str]) -> Ending {
    Program::start(example(name).args(args)).finish()
}

/// Expects the same, but for a line feed in front, from a file, and both ways from the standard input.
#[track_caller]
fn assert_dump(role: &str, capture: &[u8], code: i32, stdout: &str) {
    let expected = Ending { code: Some(code), stdout: stdout[1..].to_owned(), stderr: String::new() };
    let dump = |file: &[&str]| Program::start(example("dump").args(["--role", role]).args(file));
    assert_eq!(dump(&[]).give(capture).finish(), expected);
    assert_eq!(dump(&["-"]).give(capture).finish(), expected);

    let file = scratch(&format!("{role}-{}", capture.len()));
    fs::write(&file, capture).unwrap();
    let ending = dump(&[file.to_str().unwrap()]).finish();
    fs::remove_file(&file).unwrap();
    assert_eq!(ending, expected);
}

/// A path of our own for a file.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("wsproto-{}-{name}", std::process::id()))
}
