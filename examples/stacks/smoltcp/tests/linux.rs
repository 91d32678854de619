//! The server on one end of a TAP device, and Linux's TCP with Python's `websockets` on the other, in a network of their
//! own. Skipped where that is not permitted, unless WSPROTO_REQUIRE_PEERS is 1.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what goes wrong fails the test")]

use std::process::Command;

use wsproto_stacks_testing::{is_required, python};

/// Sets the network up, starts the server, and runs the client. All of it ends with the shell.
const SCRIPT: &str = "
    ip tuntap add dev tap0 mode tap && ip addr add 192.168.69.100/24 dev tap0 && ip link set tap0 up || exit 77
    \"$1\" tap0 >&2 & server=$!
    \"$2\" \"$3\" 192.168.69.1 9001; status=$?
    kill $server
    exit $status
";

#[test]
fn clients_over_linux_s_tcp_are_echoed_refused_and_given_up() {
    let Some(python) = python("websockets") else { return };
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client.py");
    let output = Command::new("unshare")
        .args([
            "--map-root-user",
            "--net",
            "sh",
            "-c",
            SCRIPT,
            "sh",
            env!("CARGO_BIN_EXE_wsproto-smoltcp-example"),
        ])
        .arg(python.get_program())
        .arg(client)
        .output();
    let is_permitted = output.as_ref().is_ok_and(|output| output.status.code() != Some(77));
    if !is_permitted && !is_required() {
        return eprintln!("SKIPPED: a network with a TAP device is not permitted here");
    }
    let output = output.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), SEEN, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
}

const SEEN: &str = "\
4000 4000 4000 4000
HTTP/1.1 405 Method Not Allowed
HTTP/1.1 431 Request Header Fields Too Large
b'\\x81\\x02Hi\\x88\\x00'
ConnectionResetError
4000
";
