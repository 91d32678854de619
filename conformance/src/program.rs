//! A program under test, with which the suite talks over pipes.

use std::process::Stdio;

use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Starts a program, which ends with its [`Child`]. An error names it.
pub(crate) fn start(name: &str, arguments: &[String]) -> Result<(Child, ChildStdin, ChildStdout), String> {
    let mut child = Command::new(name)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => Ok((child, stdin, stdout)),
        _ => Err(format!("{name}: no pipe")),
    }
}
