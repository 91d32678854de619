//! Compares wsproto-tokio with its peers, over TCP: see this package's README.

mod heap;
// The codec of the core's benchmarks.
#[path = "../../../benches/src/wire.rs"]
mod frames;
mod contender;
mod engines;
mod serve;
mod cells;
mod load;
mod measure;
mod report;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use cells::Cell;
use contender::Kind;
use measure::Effort;
use report::Report;
use serve::Order;

const USAGE: &str = "\
usage: wsproto-tokio-benches [--passes N] [--filter TEXT] [--json] [--update] [--slow] [--wrong]
       wsproto-tokio-benches --smoke

Compares wsproto-tokio with its peers over TCP, and prints tables. It fails if an engine returned anything else than what
was sent.

  --passes N     measure all cells N times, with 25 rounds each time [default: 4]
  --filter TEXT  only cells with this text in their table's title or their own, such as \"as a client\"
  --json         print JSON instead, with the figures of all rounds
  --update       write results.md; needs all cells
  --slow         with wsproto-tokio slowed by 10 microseconds a message; fails if the tables do not show it
  --wrong        with wsproto-tokio that returns a wrong byte: so it fails
  --smoke        seconds: few cells and rounds, with both faults; fails if one is not noticed
  -h, --help     print this";

#[derive(Default)]
struct Options {
    passes: Option<usize>,
    filter: String,
    json: bool,
    update: bool,
    slow: bool,
    wrong: bool,
    smoke: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, rest)) if first == "serve" => Order::parse(rest).and_then(|order| {
            serve::stay_on(true)?;
            serve::serve(order)
        }),
        _ => match options(lexopt::Parser::from_env()) {
            Ok(Some(options)) => run(&options),
            Ok(None) => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            Err(wrong) => {
                eprintln!("wsproto-tokio-benches: {wrong}\n{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wsproto-tokio-benches: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Parses the arguments; `None` if help was requested.
fn options(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("passes") => {
                options.passes = Some(arguments.value()?.parse_with(|passes| match passes.parse() {
                    Ok(0) | Err(_) => Err("not a number above 0"),
                    Ok(passes) => Ok(passes),
                })?);
            }
            Long("filter") => options.filter = arguments.value()?.string()?,
            Long("json") => options.json = true,
            Long("update") => options.update = true,
            Long("slow") => options.slow = true,
            Long("wrong") => options.wrong = true,
            Long("smoke") => options.smoke = true,
            other => return Err(other.unexpected()),
        }
    }
    if options.update && (options.smoke || options.slow || options.wrong || !options.filter.is_empty()) {
        return Err("--update needs all cells, and no fault".into());
    }
    Ok(Some(options))
}

fn run(options: &Options) -> io::Result<()> {
    // A process of the load has a descriptor for each connection of each engine.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    serve::stay_on(false)?;
    let is_wanted = |kind: &Kind| match kind {
        Kind::Slowed => options.slow || options.smoke,
        Kind::Wrong => options.wrong || options.smoke,
        _ => true,
    };
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(is_wanted).collect();
    let mut cells = if options.smoke { Cell::smoke() } else { Cell::all() };
    cells.retain(|cell| format!("{}: {}", cell.group(), cell.title()).contains(&options.filter));
    let mut effort = if options.smoke { Effort::SMOKE } else { Effort::FULL };
    effort.passes = options.passes.unwrap_or(effort.passes);
    let rows = measure::measure(&cells, &kinds, effort);
    let report = Report { rows, kinds, effort };
    if options.json {
        print!("{}", report.json());
    } else {
        print!("{}", report.markdown());
    }
    report.check_faults()?;
    if options.update {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results.md");
        std::fs::write(path, report.markdown())?;
    }
    Ok(())
}
