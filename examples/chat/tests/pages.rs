//! The whole chat: three people use its page in a headless Chromium, while the server stops and starts again.
//!
//! | variable | value | default |
//! |---|---|---|
//! | `WSPROTO_NODE_MODULES` | a `node_modules` directory that has `playwright-core` | `NODE_PATH` |
//! | `WSPROTO_CHROMIUM` | Chromium's executable | `/usr/bin/chromium` |
//! | `WSPROTO_REQUIRE_PEERS` | 1: a peer that is not installed is a failure | it is skipped |

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

mod directory;

use directory::Directory;

#[test]
fn three_people_chat_and_nothing_is_lost() {
    let Some(mut node) = node() else { return };
    let Some(chromium) = chromium() else { return };
    let directory = Directory::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/pages.cjs");
    node.arg(script).arg(chromium).arg(env!("CARGO_BIN_EXE_wsproto-chat"));
    // Each wait in the script has a limit.
    let Output { status, stdout, stderr } =
        node.arg("--database").arg(directory.0.join("chat.db")).output().unwrap();
    let seen = String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{seen}{}", String::from_utf8_lossy(&stderr));
    assert_eq!(seen, SEEN);
    assert_eq!(String::from_utf8_lossy(&stderr), "");
}

const SEEN: &str = "\
three people are here
a message reaches its two people, as text, and nobody else
nobody else gets the name
three pages agree on the votes
a page that was offline catches up, and sends what it kept
a restart after SIGTERM loses nothing
a restart after SIGKILL loses nothing
fifty long messages and a long name fit, on a phone and on a desk
no page has reported an error
";

fn node() -> Option<Command> {
    let modules = env::var_os("WSPROTO_NODE_MODULES").or_else(|| env::var_os("NODE_PATH"));
    let node = || {
        let mut node = Command::new("node");
        node.env("NODE_PATH", modules.clone().unwrap_or_default());
        node
    };
    let probe = node().arg("-e").arg("require('playwright-core')").output();
    if probe.is_ok_and(|output| output.status.success()) {
        Some(node())
    } else {
        skip("Node's playwright-core")
    }
}

fn chromium() -> Option<PathBuf> {
    let path = env::var_os("WSPROTO_CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from);
    if path.exists() { Some(path) } else { skip("Chromium") }
}

fn skip<T>(peer: &str) -> Option<T> {
    let required = env::var_os("WSPROTO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{peer} is not installed, and WSPROTO_REQUIRE_PEERS is 1");
    // Not `eprintln!`, which the test harness would capture.
    let _ = writeln!(io::stderr(), "SKIPPED: {peer} is not installed");
    None
}
