//! Runs test cases through this crate and prints what it sees; another program compares.
//!
//! ```sh
//! cargo run --release --example conformance -- cases.jsonl
//! ```
//!
//! The cases are JSON Lines, from a file or, for `-`, from the standard input. Each gives one line, in order:
//! what was observed, whether some way of cutting the input made a difference, or why it could not be run.
//! What a case expects is not looked at; `README.md` describes cases and output. It ends with 0 if every case was
//! run, with 1 if one was not, and with 2 if it was called wrongly or could not read.

// What is asked.
mod encoding;
mod values;
mod cases;
// What is seen, how often it is looked at, and how it is told.
mod splits;
mod wire;
mod observation;
// From the one to the other.
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
    // A case that panics says so in its line.
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

/// Reads the arguments: the file with the cases. `None` where help is wanted.
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

Runs test cases through this crate and prints what it does: a line of JSON for each case, in order.

  FILE        the cases, one JSON object a line; - is the standard input [no default]
  -h, --help  print this

It ends with 0 if every case was run, with 1 if one was not, and with 2 if it was called wrongly or could not read.";

/// Runs every case of `input`; false where one could not be run.
pub(crate) fn run(mut input: impl BufRead, mut output: impl Write) -> io::Result<bool> {
    let mut all_run = true;
    loop {
        let batch = read_batch(&mut input)?;
        if batch.is_empty() {
            output.flush()?;
            return Ok(all_run);
        }
        for line in tell_all(&batch) {
            all_run &= !matches!(line.told, Told::Error { .. });
            serde_json::to_writer(&mut output, &line)?;
            output.write_all(b"\n")?;
        }
    }
}

/// The next lines that are not empty; none at the end.
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

/// How many cases are read ahead, and shared among the processors.
const BATCH: usize = 1024;

/// Runs the cases of some lines, as many at a time as there are processors; what is told is in their order.
fn tell_all(lines: &[Vec<u8>]) -> Vec<Line> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut told = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(line) = lines.get(place) else { return told };
            told.push((place, tell(line)));
        }
    };
    let mut told = thread::scope(|scope| {
        let others = (1..processors()).map(|_| scope.spawn(work)).collect::<Vec<_>>();
        let mut told = work();
        for other in others {
            told.extend(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        told
    });
    told.sort_unstable_by_key(|(place, _)| *place);
    told.into_iter().map(|(_, line)| line).collect()
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// What is told of a line.
#[derive(Serialize)]
struct Line {
    id: Option<String>,
    #[serde(flatten)]
    told: Told,
}

/// What was observed, by the kind of the case, or why nothing was.
#[derive(Serialize)]
#[serde(untagged)]
enum Told {
    Receive(Report<Received>),
    Local(Report<Sent>),
    Request(Report<Requested>),
    Response(Report<Answered>),
    Build(Report<Built>),
    Error { error: String },
}

/// Reads a case and runs it.
fn tell(line: &[u8]) -> Line {
    let Case { id, kind } = match Case::parse(line) {
        Ok(case) => case,
        Err(Unreadable { id, error }) => return Line { id, told: Told::Error { error } },
    };
    let told = match panic::catch_unwind(|| observe(&kind)) {
        Ok(observed) => observed.unwrap_or_else(|error| Told::Error { error }),
        Err(panic) => Told::Error { error: format!("panicked: {}", message(&*panic)) },
    };
    Line { id: Some(id), told }
}

fn observe(kind: &Kind) -> Result<Told, String> {
    match kind {
        Kind::Receive(case) => frames::run(case).map(Told::Receive),
        Kind::Local(case) => local::run(case).map(Told::Local),
        Kind::Request(case) => handshake::run_request(case).map(Told::Request),
        Kind::Response(case) => handshake::run_response(case).map(Told::Response),
        Kind::BuildRequest(case) => Ok(Told::Build(build::run_request(case))),
        Kind::BuildResponse(case) => build::run_response(case).map(Told::Build),
    }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap_or("without a message")
}
