//! What several tests need: the suite, programs that Cargo builds, and implementations of others.
//!
//! Implementations of others are found by the environment: `WSPROTO_PYTHON` (with the packages `websockets` and
//! `wsproto`) and `WSPROTO_NODE_MODULES` (with the package `ws`). With `WSPROTO_REQUIRE_PEERS=1`, one that is missing
//! fails the test.
#![allow(dead_code, reason = "no test needs all of it")]

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

pub(crate) fn wsconform(arguments: &[&str]) -> Output {
    finished(Command::new(env!("CARGO_BIN_EXE_wsconform")).args(arguments))
}

pub(crate) fn finished(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

pub(crate) fn assert_status(output: &Output, status: i32) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{out}\n{err}");
}

/// A file of `tests/expectations`.
pub(crate) fn expectations(name: &str) -> String {
    format!("{}/tests/expectations/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// The value of a variable that says where a peer is.
pub(crate) fn peer(variable: &str) -> Option<String> {
    let value = env::var(variable).ok();
    if value.is_none() {
        leave_out(&format!("{variable} is not set"));
    }
    value
}

/// Prints why a peer is left out; fails if all are required.
pub(crate) fn leave_out(why: &str) {
    assert!(env::var_os("WSPROTO_REQUIRE_PEERS").is_none(), "{why}");
    println!("left out: {why}");
}

/// Builds programs of another package, as the suite itself was built. Cargo does not do that for a test.
pub(crate) fn build(manifest: &Path, selection: &[&str]) {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--manifest-path"]).arg(manifest).args(selection);
    build.arg("--target-dir").arg(suite().ancestors().nth(2).unwrap());
    if suite().parent().is_some_and(|parent| parent.ends_with("release")) {
        build.arg("--release");
    }
    let output = finished(&mut build);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A program that [`build`] has built.
pub(crate) fn built(name: &str) -> PathBuf {
    suite().with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// An example of the repository that this package is in; `None` in a published package.
pub(crate) fn example(workspace: &str, name: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join(workspace);
    let manifest = workspace.join("Cargo.toml");
    if !manifest.exists() {
        println!("left out: {} is not there", manifest.display());
        return None;
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--all-features", "--example", name, "--manifest-path"]).arg(&manifest);
    assert!(build.status().unwrap().success());
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Some(target.join("debug/examples").join(name))
}

/// The program `faulty`.
pub(crate) fn faulty() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        build(&faulty_folder().join("Cargo.toml"), &["--package", "faulty"]);
        built("faulty")
    })
}

pub(crate) fn faulty_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("faulty")
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

fn suite() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wsconform"))
}
