//! Programs that tests run: those of `faulty`, and the examples of this repository.
#![allow(dead_code, reason = "each test uses some of it")]

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// An example of the repository that this package is in; `None` in a published package.
pub(crate) fn example(workspace: &str, name: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join(workspace);
    let manifest = workspace.join("Cargo.toml");
    if !manifest.exists() {
        println!("skipped: {} is not there", manifest.display());
        return None;
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--all-features", "--example", name, "--manifest-path"]).arg(&manifest);
    assert!(build.status().unwrap().success());
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Some(target.join("debug/examples").join(name))
}

/// A `faulty server`, which ends when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut command = Command::new(faulty());
        command.arg("server").args(options).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().expect("the address of the server").to_owned();
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub(crate) fn finished(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// The program `faulty`, which Cargo does not build for the tests of another package.
pub(crate) fn faulty() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let suite = Path::new(env!("CARGO_BIN_EXE_wsconform"));
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--package", "faulty", "--manifest-path"]);
        build.arg(folder().join("Cargo.toml")).arg("--target-dir").arg(suite.ancestors().nth(2).unwrap());
        if suite.parent().is_some_and(|parent| parent.ends_with("release")) {
            build.arg("--release");
        }
        let output = finished(&mut build);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        suite.with_file_name(format!("faulty{}", env::consts::EXE_SUFFIX))
    })
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("faulty")
}
