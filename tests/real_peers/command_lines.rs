//! The examples on the command line: arguments, standard streams and exit statuses.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use crate::clients::echo_server;
use crate::program::{Ending, Program};
use crate::tools::example;

#[test]
fn an_example_prints_its_usage_for_help() {
    for name in ["echo_server", "echo_client", "autobahn_client", "dump", "conformance"] {
        let help = run(name, &["--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.starts_with(&format!("usage: {name} ")), "{help:?}");
    }
}

#[test]
fn help_explains_every_option_and_names_its_default() {
    for (name, source) in PROGRAMS {
        let help = run(name, &["--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{name}");
        assert_eq!(run(name, &["-h"]), help);
        assert!(help.stdout.starts_with(&format!("usage: {name}")), "{name}: {}", help.stdout);
        let options: Vec<_> =
            source.split("Long(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(options.contains(&"help"), "{name}: {options:?}");
        for option in options {
            let explained = explanation(&help.stdout, option);
            let is_explained = explained.is_some_and(|text| option == "help" || text.contains("default"));
            assert!(is_explained, "{name} --{option}: {}", help.stdout);
        }
    }
}

#[test]
fn static_client_refuses_too_many_arguments_and_reports_that_no_server_is_there() {
    let ending = run("static_client", &["one", "two", "three"]);
    assert_eq!((ending.code, ending.stderr.as_str()), (Some(2), "usage: static_client [TEXT [HOST:PORT]]\n"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let ending = run("static_client", &["Hello", &address]);
    assert_eq!(ending.code, Some(1));
    assert!(ending.stderr.starts_with("static_client: "), "{ending:?}");
}

/// The part of a help text about an option, up to the next option.
fn explanation(help: &str, option: &str) -> Option<String> {
    let is_named = |line: &str| {
        let named = line.trim_start().trim_start_matches("-h, ").strip_prefix("--");
        named.and_then(|named| named.split(' ').next()) == Some(option)
    };
    let mut lines = help.lines().skip_while(|line| !is_named(line));
    let first = lines.next()?;
    let (_, text) = first.trim_start().split_once("  ")?;
    let more = lines.take_while(|line| line.starts_with("     "));
    Some(more.fold(text.to_owned(), |text, line| format!("{text} {}", line.trim())))
}

#[test]
fn an_unknown_option_is_refused_by_its_name() {
    for (name, _) in PROGRAMS {
        for (args, option) in [
            (&["--frobnicate"][..], "--frobnicate"),
            (&["one", "--frobnicate=9"], "--frobnicate"),
            (&["-Z"], "-Z"),
        ] {
            // Programs that take no such argument refuse it before the option.
            if ["checksum_extension", "echo_client", "echo_server"].contains(&name) && args[0] == "one" {
                continue;
            }
            let ending = run(name, args);
            assert_eq!((ending.code, ending.stdout.as_str()), (Some(2), ""), "{name} {args:?}");
            let expected = format!("{name}: invalid option '{option}'\nusage: {name}");
            assert!(ending.stderr.starts_with(&expected), "{args:?}: {}", ending.stderr);
        }
    }
}

/// Programs and their sources, which have the options.
const PROGRAMS: [(&str, &str); 7] = [
    ("autobahn_client", include_str!("../../examples/autobahn_client.rs")),
    ("checksum_extension", include_str!("../../examples/checksum_extension.rs")),
    ("conformance", include_str!("../../examples/conformance/main.rs")),
    ("dump", include_str!("../../examples/dump.rs")),
    ("echo_client", include_str!("../../examples/echo_client.rs")),
    ("echo_server", include_str!("../../examples/echo_server/options.rs")),
    ("ledger", include_str!("../../examples/ledger.rs")),
];

#[test]
fn an_example_with_wrong_arguments_says_why_and_exits_with_2() {
    let calls: &[(&str, &[&str], &str)] = &[
        ("echo_server", &["--port"], "invalid option '--port'"),
        ("echo_server", &["8080"], "unexpected argument \"8080\""),
        ("echo_server", &["--addr"], "missing argument for option '--addr'"),
        (
            "echo_server",
            &["--max-connections", "-1"],
            "--max-connections takes a whole number above 0, not \"-1\"",
        ),
        (
            "echo_server",
            &["--max-connections", "0"],
            "--max-connections takes a whole number above 0, not \"0\"",
        ),
        (
            "echo_server",
            &["--max-message-len", "1k"],
            "--max-message-len takes a whole number above 0, not \"1k\"",
        ),
        (
            "echo_server",
            &["--idle-timeout", "0"],
            "--idle-timeout takes a number of seconds above 0 and up to 86400, not \"0\"",
        ),
        (
            "echo_server",
            &["--frame-timeout", "1e9"],
            "--frame-timeout takes a number of seconds above 0 and up to 86400, not \"1e9\"",
        ),
        ("echo_client", &[], "one URL is needed"),
        ("echo_client", &["ws://127.0.0.1/", "ws://127.0.0.1/"], "unexpected argument \"ws://127.0.0.1/\""),
        ("echo_client", &["--wss", "ws://127.0.0.1/"], "invalid option '--wss'"),
        (
            "echo_client",
            &["--timeout", "ws://127.0.0.1/"],
            "--timeout takes a number of seconds above 0 and up to 86400, not \"ws://127.0.0.1/\"",
        ),
        (
            "echo_client",
            &["http://h/"],
            "http://h/: scheme of the URI is missing or not expected (RFC 6455 §3)",
        ),
        (
            "echo_client",
            &["ws:///path"],
            "ws:///path: host of the URI is missing or malformed (RFC 3986 §3.2.2)",
        ),
        ("echo_client", &["wss://h/"], "wss://h/: this client has no TLS"),
        ("autobahn_client", &["ws://127.0.0.1/"], "a URL and a name are needed"),
        ("autobahn_client", &["ws://127.0.0.1/", "a", "b"], "unexpected argument \"b\""),
        (
            "autobahn_client",
            &["127.0.0.1:9001", "wsproto"],
            "127.0.0.1:9001: scheme of the URI is missing or not expected (RFC 6455 §3)",
        ),
        ("autobahn_client", &["wss://h", "wsproto"], "wss://h: this client has no TLS"),
        ("conformance", &[], "one file is needed"),
        ("conformance", &["one", "two"], "unexpected argument \"two\""),
        ("checksum_extension", &["one"], "unexpected argument \"one\""),
        ("ledger", &["5.1", "5.2"], "unexpected argument \"5.2\""),
        ("ledger", &["5.1.77"], "no row has this id, or is in this section: 5.1.77"),
        ("dump", &[], "--role is missing"),
        ("dump", &["--role"], "missing argument for option '--role'"),
        ("dump", &["--role", "proxy"], "--role takes client or server, not \"proxy\""),
        ("dump", &["--role", "client", "one", "two"], "unexpected argument \"two\""),
        ("dump", &["--roll"], "invalid option '--roll'"),
        ("dump", &["-x"], "invalid option '-x'"),
        (
            "dump",
            &["--extensions", "a b"],
            "--extensions: Sec-WebSocket-Extensions is malformed: neither a comma nor a semicolon is at byte 2",
        ),
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
fn echo_client_names_an_address_that_refuses_connections() {
    // The port of tcpmux, a service that is not in use.
    let ending = run("echo_client", &["ws://127.0.0.1:1/"]);
    assert_eq!((ending.code, ending.stdout.as_str()), (Some(1), ""));
    let expected = "echo_client: cannot connect to ws://127.0.0.1:1/: ";
    assert!(ending.stderr.starts_with(expected), "{}", ending.stderr);
}

#[test]
fn lines_piped_into_echo_client_come_back_from_echo_server() {
    let (server, addr) = echo_server();
    let typed = format!("hello\n\nGrüße, 世界\n{}\n", "0123456789".repeat(100_000));
    let client = Program::start(example("echo_client").arg(format!("ws://{addr}")));
    let ending = client.with_input(typed.as_str()).finish();
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
fn dump_names_a_broken_rule_and_its_offset() {
    assert_dump(
        "client",
        b"\x81\x02hi\x81\x82\0\0\0\0hi",
        1,
        "
         0  text \"hi\", end of message
         5  broken rule: frame from server is masked (RFC 6455 §5.1); close with 1002 (Protocol Error); what follows is not read
",
    );
    assert_dump(
        "server",
        b"\x81\x02hi",
        1,
        "
         1  broken rule: frame from client is unmasked (RFC 6455 §5.1); close with 1002 (Protocol Error); what follows is not read
",
    );
}

#[test]
fn dump_inflates_messages_with_the_parameters_of_the_servers_answer() {
    let head = b"HTTP/1.1 101 Switching Protocols\r\n\
                 sec-websocket-extensions: permessage-deflate; server_no_context_takeover\r\n\r\n";
    // The example of RFC 7692 §7.2.3.1, and a message that is not compressed.
    let capture = [&head[..], b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x81\x02hi"].concat();
    assert_dump(
        "client",
        &capture,
        0,
        "
         0  head of 110 bytes: HTTP/1.1 101 Switching Protocols
       110  extensions in use: permessage-deflate; server_no_context_takeover
       110  text \"Hello\", end of message
       119  text \"hi\", end of message
       123  end of the capture, without a close frame
",
    );
    let capture = [&head[..], b"\xc1\x01\xff"].concat();
    assert_dump(
        "client",
        &capture,
        1,
        "
         0  head of 110 bytes: HTTP/1.1 101 Switching Protocols
       110  extensions in use: permessage-deflate; server_no_context_takeover
       112  broken rule: compressed data is malformed (RFC 7692 §7.2.2); close with 1007 (Invalid Frame Payload Data); what follows is not read
",
    );
}

#[test]
fn dump_inflates_messages_with_the_clients_offer_if_there_is_no_answer() {
    let head = b"GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
                 Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n\r\n";
    // RFC 7692 §7.2.3.2: the second message refers to the first. The masking key is 0.
    let frames = b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x85\0\0\0\0\xf2\x00\x11\x00\x00";
    assert_dump(
        "server",
        &[&head[..], frames].concat(),
        0,
        "
         0  head of 147 bytes: GET / HTTP/1.1
       147  extensions offered: permessage-deflate, permessage-deflate; client_no_context_takeover; the other direction \
has the response, which says which are in use
       147  text \"Hello\", end of message
       160  text \"Hello\", end of message
       171  end of the capture, without a close frame
",
    );
}

#[test]
fn dump_reports_reserved_bits_only_if_no_extension_may_use_them() {
    let compressed = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let other_bit = b"\xa1\x02hi";
    // No extension was offered or agreed on.
    let head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    assert_dump(
        "client",
        &[&head[..], compressed].concat(),
        1,
        "
         0  head of 36 bytes: HTTP/1.1 101 Switching Protocols
        36  broken rule: reserved bits are set (RFC 6455 §5.2); close with 1002 (Protocol Error); what follows is not read
",
    );
    // An extension that `dump` does not know.
    let head = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: x-checksum; sum=8\r\n\r\n";
    assert_dump(
        "client",
        &[&head[..], b"\x81\x02hi", other_bit].concat(),
        3,
        "
         0  head of 81 bytes: HTTP/1.1 101 Switching Protocols
        81  extensions in use: x-checksum; sum=8
        81  text \"hi\", end of message
        85  not understood: reserved bits are set (RFC 6455 §5.2), but dump does not know x-checksum; sum=8, which is in use; what follows is not read
",
    );
    // Frames without a handshake before them.
    assert_dump(
        "client",
        &[&compressed[..], other_bit].concat(),
        3,
        "
         0  text \"Hello\", end of message
         9  not understood: reserved bits are set (RFC 6455 §5.2), but the capture has no head that says which extensions are in use; what follows is not read
",
    );
    // The option says what was agreed on.
    for (extensions, code, stdout) in [
        (
            "",
            1,
            "         0  broken rule: reserved bits are set (RFC 6455 §5.2); close with 1002 (Protocol Error); what follows is not read\n",
        ),
        (
            "permessage-deflate; client_max_window_bits=9",
            0,
            "         0  text \"Hello\", end of message\n         9  end of the capture, without a close frame\n",
        ),
    ] {
        let dump = Program::start(example("dump").args(["--role=client", "--extensions", extensions]));
        let expected = Ending { code: Some(code), stdout: stdout.to_owned(), stderr: String::new() };
        assert_eq!(dump.with_input(compressed).finish(), expected);
    }
}

#[test]
fn dump_names_the_role_for_a_head_of_the_other_direction() {
    for (role, capture, why) in [
        (
            "client",
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "this is a request, which a server received: use --role server",
        ),
        (
            "client",
            "POST / HTTP/1.1\r\nHost: h\r\n\r\n",
            "this is a request, which a server received: use --role server",
        ),
        ("client", "GE", "this is a request, which a server received: use --role server"),
        (
            "server",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "this is a response, which a client received: use --role client",
        ),
        (
            "server",
            "HTTP/1.0 404 Not Found\r\n",
            "this is a response, which a client received: use --role client",
        ),
    ] {
        let ending = Program::start(example("dump").args(["--role", role])).with_input(capture).finish();
        let stderr = format!("dump: standard input: {why}\n");
        assert_eq!(ending, Ending { code: Some(2), stdout: String::new(), stderr }, "{capture:?}");
    }
}

#[test]
fn dump_reads_no_frames_after_a_refusal() {
    assert_dump(
        "client",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
        0,
        "
         0  head of 45 bytes: HTTP/1.1 404 Not Found
        45  the server refused with 404: what follows is not a WebSocket stream
",
    );
    assert_dump(
        "client",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi",
        0,
        "
         0  head of 28 bytes: HTTP/1.1 103 Early Hints
        28  head of 36 bytes: HTTP/1.1 101 Switching Protocols
        64  text \"hi\", end of message
        68  end of the capture, without a close frame
",
    );
}

#[test]
fn dump_says_that_a_head_is_malformed() {
    assert_dump(
        "server",
        b"GET / HTTP/1.1\r\nHo st: h\r\n\r\n",
        1,
        "\n         0  head is malformed: invalid header name; what follows is not read\n",
    );
    assert_dump(
        "client",
        b"HTTP/1.1 103 Early Hints\r\n\r\n\x81\x02hi",
        1,
        "
         0  head of 28 bytes: HTTP/1.1 103 Early Hints
        28  head is malformed: invalid HTTP version; what follows is not read
",
    );
    for (extensions, why) in [
        (
            "permessage-deflate; server_max_window_bits=99",
            "not a valid response: permessage-deflate: the value is malformed or out of range: server_max_window_bits",
        ),
        ("permessage-deflate, permessage-deflate", "permessage-deflate is listed twice"),
        ("a b", "Sec-WebSocket-Extensions is malformed: neither a comma nor a semicolon is at byte 2"),
    ] {
        let capture =
            format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: {extensions}\r\n\r\n");
        let expected = format!("\n         0  head is malformed: {why}; what follows is not read\n");
        assert_dump("client", capture.as_bytes(), 1, &expected);
    }
}

#[test]
fn dump_says_that_a_capture_ends_inside_the_handshake() {
    for capture in ["G", "GET / HTTP/1.1\r\nHost: h\r\n"] {
        let end = format!("\n{:>10}  end of the capture, inside the handshake\n", capture.len());
        assert_dump("server", capture.as_bytes(), 0, &end);
    }
    assert_dump(
        "client",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        0,
        "
         0  head of 28 bytes: HTTP/1.1 103 Early Hints
        28  end of the capture, inside the handshake
",
    );
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(64 << 10));
    let ending = Program::start(example("dump").args(["--role", "server"])).with_input(endless).finish();
    let stderr = "dump: standard input: the handshake is longer than 64 KiB\n";
    assert_eq!(ending, Ending { code: Some(2), stdout: String::new(), stderr: stderr.to_owned() });
}

#[test]
fn dump_says_that_a_capture_was_cut() {
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
fn an_example_that_cannot_read_its_input_exits_with_2() {
    let missing = scratch("missing");
    let file = missing.to_str().unwrap();
    for (name, args) in [
        ("dump", &["--role", "client", file][..]),
        ("dump", &["--role", "client", "--", file]),
        ("conformance", &[file]),
        ("conformance", &["--", file]),
    ] {
        let ending = run(name, args);
        assert_eq!((ending.code, ending.stdout.as_str()), (Some(2), ""));
        let expected = format!("{name}: {file}: ");
        assert!(ending.stderr.starts_with(&expected), "{}", ending.stderr);
    }
}

#[test]
fn conformance_reads_a_file_or_the_standard_input() {
    let case = r#"{"id":"a","role":"client","chunks":["8100"],"split":"exact","deflate":null,"limits":null}"#;
    let reported = r#"{"id":"a","splits":1,"observed":{"outcome":"open","events":[{"type":"text","text":""}],"code":null,"at":null,"rule":null,"state":"Open","replies":[]},"differs":null}"#;
    let error = r#"{"id":null,"error":"not a case: expected ident at line 1 column 2"}"#;
    for (number, (lines, stdout, code)) in [
        (String::new(), String::new(), 0),
        (format!("{case}\n\n{case}"), format!("{reported}\n{reported}\n"), 0),
        (format!("{case}\nnonsense\n{case}\n"), format!("{reported}\n{error}\n{reported}\n"), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let expected = Ending { code: Some(code), stdout, stderr: String::new() };
        let conformance = |file: &str| Program::start(example("conformance").arg(file));
        assert_eq!(conformance("-").with_input(lines.as_str()).finish(), expected);

        let file = scratch(&format!("cases-{number}"));
        fs::write(&file, lines).unwrap();
        let ending = conformance(file.to_str().unwrap()).finish();
        fs::remove_file(&file).unwrap();
        assert_eq!(ending, expected);
    }
}

#[test]
fn a_file_name_with_a_leading_hyphen_is_read_after_two_hyphens() {
    let directory = scratch("hyphen");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("--role"), b"\x81\x02hi").unwrap();
    fs::write(directory.join("-h"), "").unwrap();
    let dump =
        Program::start(example("dump").args(["--role", "client", "--", "--role"]).current_dir(&directory));
    let conformance = Program::start(example("conformance").args(["--", "-h"]).current_dir(&directory));
    let endings = [dump.finish(), conformance.finish()];
    fs::remove_dir_all(&directory).unwrap();
    let stdout =
        "         0  text \"hi\", end of message\n         4  end of the capture, without a close frame\n";
    let expected = |stdout: &str| Ending { code: Some(0), stdout: stdout.to_owned(), stderr: String::new() };
    assert_eq!(endings, [expected(stdout), expected("")]);
}

#[test]
fn checksum_extension_shows_the_answer_to_the_failure() {
    let ending = run("checksum_extension", &[]);
    assert_eq!((ending.code, ending.stderr.as_str()), (Some(0), ""));
    let last = ending.stdout.lines().last().unwrap();
    assert!(last.starts_with("answered: ") && last.contains("CloseCode(1007)"), "{}", ending.stdout);
}

#[test]
fn ledger_prints_the_rows_of_a_section_or_an_id() {
    let table = run("ledger", &[]);
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""));
    assert!(table.stdout.starts_with("RFC   section    rows"), "{}", table.stdout);
    let section = run("ledger", &["--", "5.1"]);
    assert_eq!(section, run("ledger", &["5.1"]));
    let ids: Vec<_> = section.stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(ids.len() > 1 && ids.iter().all(|row| row.contains(" §5.1")), "{}", section.stdout);
    let id = ids[0].split(' ').next().unwrap();
    let row = run("ledger", &[id]);
    assert!(row.code == Some(0) && section.stdout.starts_with(&row.stdout), "{}", row.stdout);
}

#[test]
fn conformance_prints_the_cases_in_their_order() {
    // More cases than the program reads ahead; some take longer than others.
    let case = |number: usize| {
        let times = if number % 100 == 0 { 10_000 } else { 1 };
        format!(
            r#"{{"id":"{number}","role":"client","chunks":[{{"hex":"8100","times":{times}}}],"split":"sample","deflate":null,"limits":null}}"#
        )
    };
    let cases: Vec<_> = (0..2500).map(case).collect();
    let ending = Program::start(example("conformance").arg("-")).with_input(cases.join("\n")).finish();
    assert_eq!((ending.code, ending.stdout.lines().count()), (Some(0), cases.len()));
    for (number, line) in ending.stdout.lines().enumerate() {
        assert!(line.starts_with(&format!(r#"{{"id":"{number}","#)), "{number}: {line}");
    }
}

fn run(name: &str, args: &[&str]) -> Ending {
    Program::start(example(name).args(args)).finish()
}

/// Checks the output of `dump` for a file, and for both ways to read the standard input. `stdout` starts with a line
/// feed, which is not part of the output.
#[track_caller]
fn assert_dump(role: &str, capture: &[u8], code: i32, stdout: &str) {
    let expected = Ending { code: Some(code), stdout: stdout[1..].to_owned(), stderr: String::new() };
    let dump = |file: &[&str]| Program::start(example("dump").args(["--role", role]).args(file));
    assert_eq!(dump(&[]).with_input(capture).finish(), expected);
    assert_eq!(dump(&["-"]).with_input(capture).finish(), expected);

    let file = scratch(&format!("{role}-{}", capture.len()));
    fs::write(&file, capture).unwrap();
    let ending = dump(&[file.to_str().unwrap()]).finish();
    fs::remove_file(&file).unwrap();
    assert_eq!(ending, expected);
}

/// The path of a file that only this test process uses.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("wsproto-{}-{name}", std::process::id()))
}
