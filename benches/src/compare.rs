//! wsproto beside its peers: see the README beside this package.

// What is given, and in what form.
mod wire;
mod workload;
mod json;
mod request;
mod heap;
// Who is to do what.
mod engine;
mod transport;
mod engines;
mod cells;
mod probe;
mod contender;
// What came of it.
mod measure;
mod levels;
mod report;
mod plot;

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use cells::Cell;
use contender::Contender;
use measure::Effort;
use report::Report;
use workload::Input;

const USAGE: &str = "\
Usage: cargo run --release [-- OPTIONS]

  --passes N     go N times through all cells, 60 rounds each: 4 unless given
  --quick        few rounds: shows that all works, and little of how fast
  --filter TEXT  only cells with this in their title, such as \"decode mixed\"
  --write        write results.md and results.svg even so";

struct Options {
    effort: Effort,
    filter: String,
    writes: bool,
}

fn main() -> ExitCode {
    let Some(options) = options(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let cells: Vec<Cell> = Cell::all().filter(|cell| cell.title().contains(&options.filter)).collect();
    let report = run(&cells, levels::TITLE.contains(&options.filter), options.effort);
    let markdown = report.markdown();
    print!("{markdown}");
    if options.writes {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let written = fs::write(directory.join("results.md"), markdown)
            .and_then(|()| fs::write(directory.join("results.svg"), plot::svg(&report)));
        if let Err(error) = written {
            eprintln!("the results could not be written: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Only a full run is worth keeping, unless it is asked for.
fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { effort: Effort::FULL, filter: String::new(), writes: true };
    let mut must_write = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.effort = Effort::QUICK,
            "--passes" => {
                options.effort.passes = arguments.next()?.parse().ok().filter(|&passes| passes > 0)?
            }
            "--filter" => options.filter = arguments.next()?,
            "--write" => must_write = true,
            _ => return None,
        }
        options.writes = must_write;
    }
    Some(options)
}

fn run(cells: &[Cell], with_levels: bool, effort: Effort) -> Report {
    let contenders = Contender::all();
    let leniencies: Vec<_> = contenders.iter().map(|contender| (contender.leniency)()).collect();
    for (contender, leniency) in contenders.iter().zip(&leniencies) {
        assert!(!contender.is_ours() || leniency.accepts.is_empty(), "we accept {:?}", leniency.accepts);
    }
    let one = Input::one();
    let idle = contenders.iter().map(|contender| (contender.idle)(&one)).collect();
    let rows = measure::measure(cells, &contenders, effort);
    let levels = if with_levels { levels::measure(&contenders[0], effort) } else { Vec::new() };
    Report { contenders, leniencies, rows, levels, idle, effort }
}
