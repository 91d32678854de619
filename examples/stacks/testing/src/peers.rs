//! Peers in other languages, which may not be installed.

use std::env;
use std::process::Command;

/// Python, by `WSPROTO_PYTHON`, for a script that imports these modules; `None` if they are not installed.
pub fn python(modules: &str) -> Option<Command> {
    let python = env::var_os("WSPROTO_PYTHON").unwrap_or_else(|| "python3".into());
    let installed = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        assert!(!is_required(), "Python's {modules} is not installed, and WSPROTO_REQUIRE_PEERS is 1");
        eprintln!("SKIPPED: Python's {modules} is not installed");
        return None;
    }
    Some(Command::new(python))
}

/// Whether a peer that is not installed fails the test.
pub fn is_required() -> bool {
    env::var_os("WSPROTO_REQUIRE_PEERS").is_some_and(|value| value == "1")
}
