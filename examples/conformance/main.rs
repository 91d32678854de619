//! Runs test cases through this crate and prints the outcome; another program compares it.
//!
//! ```sh
//! cargo run --release --example conformance -- cases.jsonl
//! ```
//!
//! The cases are JSON Lines, from a file or, for `-`, from the standard input. For each case it prints one line, in
//! order: what was observed, whether one way of splitting the input gave something else, or why the case could not be
//! run. It does not read what a case expects. `README.md` describes cases and output. The exit status is 0 if every
//! case was run, 1 if one was not, and 2 if the arguments are wrong or the file cannot be read.

// Cases.
mod encoding;
mod values;
mod cases;
// Observations.
mod splits;
mod wire;
mod observation;
// Cases to observations.
mod local;
mod frames;
mod handshake;
mod build;

use std::any::Any;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::num::NonZero;
use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Serialize;

use cases::{Case, Kind, Unreadable};
use observation::{Answered, Built, Received, Requested, Sent};
use splits::Report;

fn main() -> ExitCode {
    let file = match parse(lexopt::Parser::from_env()) {
        Ok(Some(file)) => file,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("conformance: {wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    // The line of a case reports a panic, so the hook need not print it.
    panic::set_hook(Box::new(|_| {}));
    let input: io::Result<Box<dyn BufRead>> = if file == "-" {
        Ok(Box::new(io::stdin().lock()))
    } else {
        File::open(&file).map(|file| Box::new(BufReader::new(file)) as Box<dyn BufRead>)
    };
    match input.and_then(|input| run(input, BufWriter::new(io::stdout().lock()))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {}: {error}", file.to_string_lossy());
            ExitCode::from(2)
        }
    }
}

/// Reads the arguments: the file with the cases. `None` if they ask for help.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<OsString>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut file = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Value(value) if file.is_none() => file = Some(value),
            other => return Err(other.unexpected()),
        }
    }
    file.map(Some).ok_or_else(|| "one file is needed".into())
}

const USAGE: &str = "\
usage: conformance FILE

Runs test cases through this crate and prints the outcome: one line of JSON for each case, in order.

  FILE        the cases, one JSON object a line; - is the standard input [no default]
  -h, --help  print this

The exit status is 0 if every case was run, 1 if one was not, and 2 if the arguments are wrong or FILE cannot be read.";

/// Runs every case of `input`; returns whether all of them could be run.
pub(crate) fn run(mut input: impl BufRead, mut output: impl Write) -> io::Result<bool> {
    let mut all_run = true;
    loop {
        let batch = read_batch(&mut input)?;
        if batch.is_empty() {
            output.flush()?;
            return Ok(all_run);
        }
        for line in run_batch(&batch) {
            all_run &= !matches!(line.outcome, Outcome::Error { .. });
            serde_json::to_writer(&mut output, &line)?;
            output.write_all(b"\n")?;
        }
    }
}

/// Reads the next lines that are not empty; returns no line at the end of the input.
fn read_batch(input: &mut impl BufRead) -> io::Result<Vec<Vec<u8>>> {
    let mut batch = Vec::new();
    let mut line = Vec::new();
    while batch.len() < BATCH && input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            batch.push(line.clone());
        }
        line.clear();
    }
    Ok(batch)
}

/// How many cases are read at a time, and then shared among the processors.
const BATCH: usize = 1024;

/// Runs the cases of these lines, on all processors; the result is in the order of the lines.
fn run_batch(lines: &[Vec<u8>]) -> Vec<Line> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(line) = lines.get(index) else { return done };
            done.push((index, run_line(line)));
        }
    };
    let mut done = thread::scope(|scope| {
        let others = (1..processors()).map(|_| scope.spawn(work)).collect::<Vec<_>>();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, line)| line).collect()
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// A line of the output.
#[derive(Serialize)]
struct Line {
    id: Option<String>,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What was observed, by the kind of the case, or why the case could not be run.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Receive(Report<Received>),
    Local(Report<Sent>),
    Request(Report<Requested>),
    Response(Report<Answered>),
    Build(Report<Built>),
    Error { error: String },
}

/// Reads a case and runs it.
fn run_line(line: &[u8]) -> Line {
    let Case { id, kind } = match Case::parse(line) {
        Ok(case) => case,
        Err(Unreadable { id, error }) => return Line { id, outcome: Outcome::Error { error } },
    };
    let outcome = match panic::catch_unwind(|| observe(&kind)) {
        Ok(observed) => observed.unwrap_or_else(|error| Outcome::Error { error }),
        Err(panic) => Outcome::Error { error: format!("panicked: {}", message(&*panic)) },
    };
    Line { id: Some(id), outcome }
}

fn observe(kind: &Kind) -> Result<Outcome, String> {
    match kind {
        Kind::Receive(case) => frames::run(case).map(Outcome::Receive),
        Kind::Local(case) => local::run(case).map(Outcome::Local),
        Kind::Request(case) => handshake::run_request(case).map(Outcome::Request),
        Kind::Response(case) => handshake::run_response(case).map(Outcome::Response),
        Kind::BuildRequest(case) => Ok(Outcome::Build(build::run_request(case))),
        Kind::BuildResponse(case) => build::run_response(case).map(Outcome::Build),
    }
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no message")
}
