//! Compares wsproto with its peers: see this package's README.

// The input.
mod wire;
mod workload;
mod json;
mod request;
mod heap;
// The engines and their tasks.
mod engine;
mod transport;
mod engines;
mod cells;
mod probe;
mod contender;
// The measurements and the report.
mod measure;
mod levels;
mod crowd;
mod report;
mod plot;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use cells::Cell;
use contender::Contender;
use measure::Effort;
use report::Report;
use workload::Input;

const USAGE: &str = "\
usage: wsproto-benches [--passes N] [--quick] [--filter TEXT] [--write]

Compares this crate with its peers. It prints a table and, if called without options, writes results.md and
results.svg.

  --passes N     measure all cells N times, with 60 rounds each time [default: 4]
    --quick        few rounds: shows that everything works, but times are not reliable [default: all rounds]
    --filter TEXT  only cells with this text in their title, such as \"decode mixed\" [default: all cells]
    --write        write results.md and results.svg even with other options [default: only without options]
  -h, --help     print this";

struct Options {
    effort: Effort,
    filter: String,
    writes: bool,
}

fn main() -> ExitCode {
    let options = match options(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("wsproto-benches: {wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let cells: Vec<Cell> = Cell::all().filter(|cell| cell.title().contains(&options.filter)).collect();
    let report = run(&cells, &options.filter, options.effort);
    let markdown = report.markdown();
    print!("{markdown}");
    if options.writes {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let written = fs::write(directory.join("results.md"), markdown)
            .and_then(|()| fs::write(directory.join("results.svg"), plot::svg(&report)));
        if let Err(error) = written {
            eprintln!("cannot write the results: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Parses the arguments; `None` if help was requested.
///
/// Only a full run writes the results, unless `--write` is given.
fn options(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options { effort: Effort::FULL, filter: String::new(), writes: true };
    let mut must_write = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("quick") => options.effort = Effort::QUICK,
            Long("passes") => {
                options.effort.passes = arguments.value()?.parse_with(|passes| match passes.parse() {
                    Ok(0) | Err(_) => Err("not a number above 0"),
                    Ok(passes) => Ok(passes),
                })?;
            }
            Long("filter") => options.filter = arguments.value()?.string()?,
            Long("write") => must_write = true,
            other => return Err(other.unexpected()),
        }
        options.writes = must_write;
    }
    Ok(Some(options))
}

fn run(cells: &[Cell], filter: &str, effort: Effort) -> Report {
    let contenders = Contender::all();
    let leniencies: Vec<_> = contenders.iter().map(|contender| (contender.leniency)()).collect();
    for (contender, leniency) in contenders.iter().zip(&leniencies) {
        assert!(!contender.is_ours() || leniency.accepts.is_empty(), "we accept {:?}", leniency.accepts);
    }
    let one = Input::one();
    let idle = contenders.iter().map(|contender| (contender.idle)(&one)).collect();
    let rows = measure::measure(cells, &contenders, effort);
    let levels =
        if levels::TITLE.contains(filter) { levels::measure(&contenders[0], effort) } else { Vec::new() };
    let crowds = if crowd::TITLE.contains(filter) { crowd::measure(effort) } else { Vec::new() };
    Report { contenders, leniencies, rows, levels, crowds, idle, effort }
}
