//! Finds the programs: the examples next to this test's executable, and the peers where the environment says.
//!
//! | variable | value | default |
//! |---|---|---|
//! | `WSPROTO_PYTHON` | a Python that has `websockets` and `wsproto` | `python3` |
//! | `WSPROTO_NODE_MODULES` | a `node_modules` directory that has `ws` and `playwright-core` | `NODE_PATH` |
//! | `WSPROTO_CHROMIUM` | Chromium's executable | `/usr/bin/chromium` |
//! | `WSPROTO_REQUIRE_PEERS` | 1: a peer that is not installed is a failure | it is skipped |

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::program::Program;

/// One of the examples. Cargo builds them for `cargo test`, but not if its options select tests.
pub(crate) fn example(name: &str) -> Command {
    let this = env::current_exe().unwrap();
    let target = this.ancestors().nth(2).unwrap();
    let path = target.join("examples").join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not built: run `cargo build --examples`", path.display());
    Command::new(path)
}

/// One of our scripts that uses a Python module; `None` if the module is not installed.
pub(crate) fn python(module: &str, script: &str) -> Option<Command> {
    let python = env::var_os("WSPROTO_PYTHON").unwrap_or_else(|| "python3".into());
    let mut probe = Command::new(&python);
    installed(probe.arg("-c").arg(format!("import {module}")), &format!("Python's {module}"))?;
    let mut command = Command::new(python);
    command.arg(peer(script));
    Some(command)
}

/// One of our scripts that uses a Node module; `None` if the module is not installed.
pub(crate) fn node(module: &str, script: &str) -> Option<Command> {
    let modules = env::var_os("WSPROTO_NODE_MODULES").or_else(|| env::var_os("NODE_PATH"));
    let node = || {
        let mut node = Command::new("node");
        node.env("NODE_PATH", modules.clone().unwrap_or_default());
        node
    };
    installed(node().arg("-e").arg(format!("require('{module}')")), &format!("Node's {module}"))?;
    let mut command = node();
    command.arg(peer(script));
    Some(command)
}

pub(crate) fn chromium() -> Option<PathBuf> {
    let path = env::var_os("WSPROTO_CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from);
    if !path.exists() {
        return skip("Chromium");
    }
    Some(path)
}

fn peer(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_peers/peers").join(script)
}

fn installed(probe: &mut Command, name: &str) -> Option<()> {
    let ending = Program::try_start(probe).map(Program::finish);
    if ending.is_ok_and(|ending| ending.code == Some(0)) { Some(()) } else { skip(name) }
}

fn skip<T>(peer: &str) -> Option<T> {
    let required = env::var_os("WSPROTO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{peer} is not installed, and WSPROTO_REQUIRE_PEERS is 1");
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    // Not `eprintln!`, which the test harness would capture.
    let _ = writeln!(io::stderr(), "SKIPPED: {peer} is not installed ({count} skipped so far)");
    None
}

static SKIPPED: AtomicUsize = AtomicUsize::new(0);
