//! Clients by others, connected to `echo_server`: everything that the protocol can carry must be echoed unchanged.

use std::process::Command;

use crate::program::{Ending, Program};
use crate::tools::{example, node, python};

#[test]
fn echo_server_understands_websockets_of_python() {
    run_client(python("websockets", "websockets_client.py"));
}

#[test]
fn echo_server_understands_wsproto_of_python() {
    run_client(python("wsproto", "wsproto_client.py"));
}

#[test]
fn echo_server_understands_ws_of_node() {
    run_client(node("ws", "ws_client.cjs"));
}

/// Runs a client, if it is installed, and checks its output.
fn run_client(client: Option<Command>) {
    let Some(mut client) = client else { return };
    let (server, addr) = echo_server();
    let client = Program::start(client.arg(format!("ws://{addr}/"))).finish();
    assert_eq!(client, Ending { code: Some(0), stdout: CONVERSATION.to_owned(), stderr: String::new() });
    assert_eq!(server.kill(), Ending { code: None, stdout: String::new(), stderr: String::new() });
}

/// A server, and the address that it listens on.
pub(crate) fn echo_server() -> (Program, String) {
    echo_server_with(&[])
}

/// The same with more options.
pub(crate) fn echo_server_with(options: &[&str]) -> (Program, String) {
    let server = Program::start(example("echo_server").args(["--addr", "127.0.0.1:0"]).args(options));
    let line = server.line();
    let addr = line.strip_prefix("echoing on ws://").and_then(|rest| rest.split('/').next());
    let addr = addr.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
    assert_eq!(line, format!("echoing on ws://{addr}/, and a page to try it is at http://{addr}/\n"));
    (server, addr)
}

/// The output of each client: a line for each thing that was as it should be.
///
/// The lengths are the first and the last of each form of a payload's length (RFC 6455 §5.2), except the very last.
const CONVERSATION: &str = "\
opened without a subprotocol
text of 0 bytes
text of 125 bytes
text of 126 bytes
text of 65535 bytes
text of 65536 bytes
text of 1048576 bytes
binary of 0 bytes
binary of 125 bytes
binary of 126 bytes
binary of 65535 bytes
binary of 65536 bytes
binary of 1048576 bytes
text of 1 to 4 bytes a character
text in fragments around a ping
binary in fragments
ping of 0 bytes
ping of 125 bytes
text after an unsolicited pong
closed with 4321 \"c'est tout, très bien\"
";
