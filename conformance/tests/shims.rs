//! The whole suite at the *shim* door, against the shims of seven libraries in `shims/`.
//!
//! What is expected of the libraries of others is only that the suite can ask them: results of theirs are not published
//! here. `tools` says how their packages are found.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test, as it should"
)]

mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;
use tools::{assert_status, expectations, finished, leave_out, peer};

/// A shim, and how it is started.
struct Shim {
    name: &'static str,
    program: PathBuf,
    script: Option<PathBuf>,
    node_modules: Option<String>,
}

#[test]
fn each_shim_is_asked_the_whole_suite() {
    let Some(shims) = shims() else { return };
    let next = Mutex::new(shims.iter());
    let run = || {
        loop {
            let Some(shim) = next.lock().unwrap().next() else { return };
            shim.is_asked();
        }
    };
    thread::scope(|scope| {
        for run in [run, run, run] {
            scope.spawn(run);
        }
    });
}

#[test]
fn shims_are_short() {
    let Some(folder) = folder() else { return };
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("shim_") && [".rs", ".py", ".js"].iter().any(|end| name.ends_with(end))
    });
    let mut count = 0;
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        // Neither comments, nor blank lines and such as hold only brackets.
        let is_comment = |line: &&str| ["//", "#", "\"\"\""].iter().any(|mark| line.starts_with(mark));
        let has_words = |line: &&str| line.chars().any(char::is_alphanumeric);
        let lines = text.lines().map(str::trim).filter(|line| !is_comment(line) && has_words(line)).count();
        let widest = text.lines().map(str::len).max().unwrap_or_default();
        assert!(lines <= 80 && widest <= 120, "{}: {lines} lines, {widest} columns", path.display());
        count += 1;
    }
    assert_eq!(count, 7);
}

impl Shim {
    /// Runs the suite, and checks that every case came to a verdict, and that what is easy is passed.
    fn is_asked(&self) {
        let json = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{}.jsonl", self.name));
        _ = fs::remove_file(&json);
        let mut suite = Command::new(env!("CARGO_BIN_EXE_wsconform"));
        // A long time costs one where a library waits for its peer to end.
        let (timeout, jobs) = if self.script.is_some() { ("20", "4") } else { ("8", "24") };
        suite.args(["shim", "--jobs", jobs, "--timeout", timeout, "--json"]).arg(&json);
        let expected = if self.name == OURS { "shim" } else { "shims_of_others" };
        suite.args(["--expect", &expectations(expected)]);
        suite.arg("--").arg(&self.program).args(&self.script).env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(modules) = &self.node_modules {
            suite.env("NODE_PATH", modules);
        }
        let output = finished(&mut suite);
        let errors = String::from_utf8_lossy(&output.stderr);
        if self.name != OURS && errors.contains("it cannot run here (status 89)") {
            return leave_out(&format!("{}: its package is not installed", self.name));
        }
        if self.name == OURS {
            assert_status(&output, 0);
        }
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}: {}: {errors}", self.name, output.status);
        let lines = fs::read_to_string(&json).unwrap();
        let outcomes: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let verdicts: BTreeMap<&str, &str> = outcomes.iter().map(case_and_verdict).collect();
        assert!(verdicts.len() > 1700, "{}: {} cases", self.name, verdicts.len());
        let stopped: BTreeSet<_> =
            verdicts.iter().filter(|(_, verdict)| matches!(**verdict, "hung" | "crashed")).collect();
        assert!(stopped.is_empty(), "{}: {stopped:?}", self.name);
        for case in EASY {
            for role in ["client", "server"] {
                let verdict = verdicts.get(format!("{case}/{role}").as_str());
                assert_eq!(verdict, Some(&"pass"), "{}: {case}/{role}", self.name);
            }
        }
    }
}

fn case_and_verdict(outcome: &Value) -> (&str, &str) {
    (outcome["case"].as_str().unwrap(), outcome["verdict"].as_str().unwrap())
}

/// The shims whose libraries are here; `None` in a published package, which has none.
fn shims() -> Option<Vec<Shim>> {
    let folder = folder()?;
    tools::build(&folder.join("Cargo.toml"), &["--bins"]);
    let built = ["fastwebsockets", "tokio-websockets", "tungstenite", "wsproto"].map(|name| Shim {
        name,
        program: tools::built(&format!("shim-{name}")),
        script: None,
        node_modules: None,
    });
    let python = peer("WSPROTO_PYTHON").map(|python| {
        [("Python websockets", "shim_websockets.py"), ("Python wsproto", "shim_wsproto.py")].map(
            |(name, script)| Shim {
                name,
                program: python.clone().into(),
                script: Some(folder.join(script)),
                node_modules: None,
            },
        )
    });
    let node = peer("WSPROTO_NODE_MODULES").map(|modules| Shim {
        name: "Node ws",
        program: "node".into(),
        script: Some(folder.join("shim_ws.js")),
        node_modules: Some(modules),
    });
    // The slowest first: it waits for a library that waits for its peer.
    Some(built.into_iter().chain(python.into_iter().flatten()).chain(node).collect())
}

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shims");
    if !folder.exists() {
        println!("left out: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// The one whose outcomes are all known.
const OURS: &str = "wsproto";

/// What every library can do.
const EASY: [&str; 11] = [
    "6455/5.7/text-hello",
    "6455/5.7/fragmented-text-hel-lo",
    "6455/5.7/ping-hello",
    "6455/5.6/binary-that-is-invalid-utf-8-is-fine",
    "6455/5.4/three-fragments",
    "6455/5.4/ping-between-fragments",
    "6455/5.5/ping-of-125-bytes",
    "6455/5.5.2/empty-ping",
    "6455/5.5.3/pong-hello-unsolicited",
    "6455/7.1.5/empty-close",
    "6455/7.1.6/code-and-ascii-reason",
];
