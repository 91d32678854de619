//! Python's wsproto: one process for all runs, with one line for each request and each answer.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

use crate::script::{Script, Seen};

/// A Python process that runs `driver.py`; dropping this ends it.
pub(crate) struct Python {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// Its first line.
#[derive(Deserialize)]
struct Hello {
    wsproto: String,
    h11: String,
}

impl Python {
    /// Starts the process; prints a message and returns `None` if there is no Python with this wsproto.
    pub(crate) fn start() -> Option<Self> {
        let python = env::var_os("WSPROTO_PYTHON").unwrap_or_else(|| "python3".into());
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/driver.py");
        let mut command = Command::new(python);
        command.arg(driver).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(mut child) = command.spawn() else { return skip("there is no Python") };
        // Nobody reads this pipe after the start; if the driver dies in a run, its last message stays in it.
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut python = Self { child, stdin, stdout };
        let Ok(Hello { wsproto, h11 }) = serde_json::from_str(&python.line()) else {
            return skip("Python's wsproto is not installed");
        };
        if wsproto != WSPROTO {
            return skip(&format!("Python's wsproto is {wsproto}, but {WSPROTO} is required"));
        }
        print_line(&format!("oracle: wsproto {wsproto}, h11 {h11}"));
        Some(python)
    }

    /// What Python shows for these runs.
    pub(crate) fn play(&mut self, scripts: &[Script]) -> Vec<Vec<Seen>> {
        let mut line = serde_json::to_string(scripts).unwrap();
        line.push('\n');
        self.stdin.write_all(line.as_bytes()).unwrap_or_else(|error| self.fail(&error.to_string()));
        let answer = self.line();
        serde_json::from_str(&answer).unwrap_or_else(|error| self.fail(&format!("{error} in {answer:.200}")))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn fail(&mut self, error: &str) -> ! {
        let _ = self.child.kill();
        let last_words = self.child.stderr.take().map(io::read_to_string);
        panic!("driver.py: {error}: {}", last_words.and_then(Result::ok).unwrap_or_default())
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prints a line directly, because the test harness would capture it.
pub(crate) fn print_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn skip<T>(why: &str) -> Option<T> {
    let required = env::var_os("WSPROTO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{why}, and WSPROTO_REQUIRE_PEERS is 1");
    print_line(&format!("SKIPPED: {why}"));
    None
}

/// The version whose divergences are known.
const WSPROTO: &str = "1.3.2";
