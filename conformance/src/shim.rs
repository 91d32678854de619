//! A shim's process: its first line, and the lines of a case. `SHIM.md` is the contract.
#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed gives null for what is absent")]

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::time;

use crate::program;

/// The first line of a shim: what it is and what it can do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Hello {
    /// The version of the contract.
    pub(crate) shim: u32,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) roles: Vec<crate::case::Role>,
    pub(crate) deflate: bool,
    pub(crate) max_message: bool,
    pub(crate) subprotocols: bool,
    pub(crate) origins: bool,
    pub(crate) actions: Vec<String>,
    /// Kinds of events that the library never shows.
    pub(crate) events: Vec<String>,
    pub(crate) fragments: bool,
    pub(crate) build: bool,
}

/// A running shim.
#[derive(Debug)]
pub(crate) struct Shim {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    pub(crate) hello: Hello,
}

/// How a shim has stopped within a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It has ended.
    Crashed(String),
    /// It has printed no `end`.
    Hung,
}

impl Shim {
    /// Starts a shim and reads its first line. `Err` is a reason for which nothing can be run.
    pub(crate) async fn start(program: &[String], patience: Duration) -> Result<Self, String> {
        let Some((name, arguments)) = program.split_first() else {
            return Err("no program was given".to_owned());
        };
        let failed = |error| format!("{name}: {error}");
        let (mut child, stdin, stdout) = program::start(name, arguments)?;
        let mut stdout = BufReader::new(stdout).lines();
        let line = time::timeout(patience, stdout.next_line()).await;
        let line = line
            .map_err(|_| {
                format!(
                    "{name}: it printed no first line within {} s (SHIM.md, section 1)",
                    patience.as_secs()
                )
            })?
            .map_err(failed)?;
        let Some(line) = line else {
            let status = child.wait().await.map_err(failed)?;
            return Err(match status.code() {
                Some(CANNOT) => {
                    format!("{name}: it cannot run here (status {CANNOT}): its library may be missing")
                }
                _ => format!("{name}: it ended without a first line ({status})"),
            });
        };
        let hello: Hello = serde_json::from_str(&line).map_err(|error| {
            let line: String = line.chars().take(200).collect();
            format!("{name}: its first line is not that of a shim (SHIM.md, section 1): {error}: {line:?}")
        })?;
        match hello.shim {
            VERSION => Ok(Self { child, stdin, stdout, hello }),
            other => Err(format!("{name}: it speaks version {other} of the contract, not {VERSION}")),
        }
    }

    /// The identifier of its process.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    pub(crate) async fn write(&mut self, question: &Value) -> Result<(), Stopped> {
        let line = format!("{question}\n");
        let written = self.stdin.write_all(line.as_bytes()).await;
        written.map_err(|error| Stopped::Crashed(error.to_string()))
    }

    /// Reads one line.
    pub(crate) async fn line(&mut self) -> Result<Value, Stopped> {
        match self.stdout.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line)
                .map_err(|_| Stopped::Crashed(format!("not a line of JSON: {line:?}"))),
            Ok(None) => {
                let status = time::timeout(Duration::from_secs(1), self.child.wait()).await;
                Err(Stopped::Crashed(match status {
                    Ok(Ok(status)) => format!("the shim ended: {status}"),
                    _ => "the shim closed its output".to_owned(),
                }))
            }
            Err(error) => Err(Stopped::Crashed(error.to_string())),
        }
    }

    /// Reads the lines of a case up to `end`. `acted` becomes true once the actions are over.
    pub(crate) async fn lines(
        &mut self,
        lines: &mut Vec<Value>,
        acted: &watch::Sender<bool>,
    ) -> Result<(), Stopped> {
        loop {
            let line = self.line().await?;
            let event = line["event"].as_str().unwrap_or_default();
            let is_end = event == "end" || line.get("cannot").is_some();
            if is_end || matches!(event, "acted" | "refused" | "error") {
                acted.send_replace(true);
            }
            lines.push(line);
            if is_end {
                return Ok(());
            }
        }
    }
}

/// The exit status of a shim that cannot run.
const CANNOT: i32 = 89;
const VERSION: u32 = 1;
