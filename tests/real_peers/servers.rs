//! Servers by others, with `echo_client` as their client: typed lines come back, and the exit status says how it ended.
//! `static_client` sends one text to each of them.
//!
//! Each server prints its port, then does what the path of a request asks for:
//!
//! - `/echo` sends every message back;
//! - `/surprise` sends a pong, a text in fragments around a ping, and bytes, and closes with 4000;
//! - `/vanish` drops the connection at the first message;
//! - `/refuse` is answered with 403.
//!
//! It also prints what only a server can see: that its ping was answered, and how the client closed.

use std::process::Command;

use crate::program::{Ending, Program};
use crate::tools::{example, node, python};

#[test]
fn echo_client_understands_websockets_of_python() {
    check_server(python("websockets", "websockets_server.py"));
}

#[test]
fn echo_client_understands_wsproto_of_python() {
    check_server(python("wsproto", "wsproto_server.py"));
}

#[test]
fn echo_client_understands_ws_of_node() {
    check_server(node("ws", "ws_server.cjs"));
}

/// Requests every path of a server, if it is installed.
fn check_server(server: Option<Command>) {
    let Some(mut server) = server else { return };
    let server = Program::start(&mut server);
    let addr = format!("127.0.0.1:{}", server.line().trim_end());
    let client = |path| Program::start(example("echo_client").arg(format!("ws://{addr}{path}")));
    let check = |ending: Ending, code, stdout, stderr: &str| {
        assert_eq!((ending.code, ending.stdout.as_str()), (Some(code), stdout));
        assert_eq!(ending.stderr.trim_end(), stderr.replace("ADDR", &addr));
    };

    let echo = client("/echo");
    for line in lines() {
        echo.write_input(&line);
        let back = echo.line();
        assert!(back == line, "of {} bytes, {} came back: {back:.99}", line.len(), back.len());
    }
    check(echo.with_input("").finish(), 0, "", "connected to ws://ADDR/echo\nclosed: 1000 (Normal Closure)");
    assert_eq!(server.line(), "/echo: closed with 1000 \"\"\n");

    // Nothing is typed, and the input stays open.
    check(
        client("/surprise").finish(),
        0,
        "in three pieces\n4 bytes: \\x00\\x7f\\x80\\xff\n",
        "connected to ws://ADDR/surprise\nclosed: 4000: c'est tout, très bien",
    );
    assert_eq!(server.line(), "/surprise: are you there? yes\n");
    assert_eq!(server.line(), "/surprise: closed with 4000 \"c'est tout, très bien\"\n");

    let vanish = client("/vanish");
    vanish.write_input("hello\n");
    check(
        vanish.finish(),
        1,
        "",
        "connected to ws://ADDR/vanish\necho_client: the server disconnected without a close frame",
    );

    check(client("/refuse").finish(), 1, "", "echo_client: the server refused: 403\nnot for you");

    assert_eq!(server.kill(), Ending { code: None, stdout: String::new(), stderr: String::new() });
}

#[test]
fn static_client_understands_servers_of_others() {
    let servers = [
        python("websockets", "websockets_server.py"),
        python("wsproto", "wsproto_server.py"),
        node("ws", "ws_server.cjs"),
    ];
    for server in servers {
        let Some(mut server) = server else { continue };
        let server = Program::start(&mut server);
        let host = format!("127.0.0.1:{}", server.line().trim_end());
        for text in ["Hello", "", "Grüße, Jürgen!"] {
            let ending = Program::start(example("static_client").args([text, &host])).finish();
            let reply = format!("{text}\n");
            assert_eq!(ending, Ending { code: Some(0), stdout: reply, stderr: String::new() }, "{host}");
            assert_eq!(server.line(), "/: closed with 1000 \"\"\n");
        }
    }
}

/// Lines with every form of a payload's length (RFC 6455 §5.2), empty lines, and some in other alphabets.
fn lines() -> impl Iterator<Item = String> {
    let lens = [1, 125, 126, 65_535, 65_536, 1 << 20];
    let long = lens.map(|len| "0123456789".chars().cycle().take(len).collect());
    let others = ["", "Grüße, Jürgen!", "こんにちは、世界", "", "👩‍🚀 → 🌍", "a\tb\u{0}c"];
    long.into_iter().chain(others.map(str::to_owned)).map(|line: String| line + "\n")
}
