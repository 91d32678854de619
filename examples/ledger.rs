//! Prints what the RFCs require, where the source meets it, and which test proves it.
//!
//! ```sh
//! cargo run --example ledger          # a table of all sections
//! cargo run --example ledger 5.1      # the rows of a section
//! cargo run --example ledger 6455-077 # one row
//! ```

use std::fmt::Display;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

#[path = "../tests/ledger/row.rs"]
mod row;

use row::{LEDGER, Row};

fn main() -> ExitCode {
    let wanted = match parse(lexopt::Parser::from_env()) {
        Ok(Call::Help) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Call::Print { wanted }) => wanted,
        Err(wrong) => return refuse(&wrong),
    };
    let rows: Vec<_> = row::rows(LEDGER).flatten().collect();
    let mut output = BufWriter::new(io::stdout().lock());
    let printed = match wanted {
        Some(wanted) => {
            let mut found = rows.iter().filter(|row| is_wanted(row, &wanted)).peekable();
            if found.peek().is_none() {
                return refuse(&format_args!("no row has this id, or is in this section: {wanted}"));
            }
            found.try_for_each(|row| print(row, &mut output))
        }
        None => table(&rows, &mut output),
    };
    match printed.and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // The program that reads our output has ended: that is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ledger: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments.
enum Call {
    Help,
    /// All sections, or the rows of one section or id.
    Print {
        wanted: Option<String>,
    },
}

fn parse(mut arguments: lexopt::Parser) -> Result<Call, lexopt::Error> {
    use lexopt::prelude::*;
    let mut wanted = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Call::Help),
            Value(value) if wanted.is_none() => wanted = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Call::Print { wanted })
}

/// Reports wrong arguments.
fn refuse(why: &dyn Display) -> ExitCode {
    eprintln!("ledger: {why}\n{USAGE}");
    ExitCode::from(2)
}

const USAGE: &str = "\
usage: ledger [SECTION|ID]

Prints what the RFCs require, where the source meets it, and which test proves it.

  SECTION     a section, such as 5.1, of any RFC [default: a table of all sections]
  ID          one row, such as 6455-077
  -h, --help  print this";

/// Whether a row has this id, or is in this section or in one inside it.
fn is_wanted(row: &Row<'_>, wanted: &str) -> bool {
    let inside = row.section.strip_prefix(wanted.trim_start_matches('§'));
    row.id == wanted || inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn print(row: &Row<'_>, output: &mut impl Write) -> io::Result<()> {
    let Row { id, rfc, section, level, role, requirement, source, tests, left } = row;
    writeln!(output, "{id}  RFC {rfc} §{section}  {level} ({role})  {requirement}")?;
    source.iter().try_for_each(|source| writeln!(output, "    met by    {source}"))?;
    tests.iter().try_for_each(|test| writeln!(output, "    shown by  {test}"))?;
    left.iter().try_for_each(|left| writeln!(output, "    left to   {left}"))
}

/// How many rows there are, in all and by kind.
#[derive(Default)]
struct Count {
    rows: usize,
    /// Rows with a source and a test in this crate, even if others have to help.
    bound: usize,
    /// Rows that others have to meet: the application, or another layer.
    elsewhere: usize,
}

impl Count {
    fn of<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> Self {
        rows.fold(Self::default(), |count, row| {
            let is_bound = !row.source.is_empty() && !row.tests.is_empty();
            let is_elsewhere = !is_bound && row.left.is_some_and(|left| left.contains(": "));
            Self {
                rows: count.rows.saturating_add(1),
                bound: count.bound.saturating_add(is_bound.into()),
                elsewhere: count.elsewhere.saturating_add(is_elsewhere.into()),
            }
        })
    }

    fn print(&self, rfc: &str, section: &str, output: &mut impl Write) -> io::Result<()> {
        let Self { rows, bound, elsewhere } = self;
        let open = rows.saturating_sub(*bound).saturating_sub(*elsewhere);
        writeln!(output, "{rfc:<6}{section:<10}{rows:>5}{bound:>7}{elsewhere:>11}{open:>6}")
    }
}

/// Prints the counts of each section, in the order of the RFCs, and of all rows.
fn table(rows: &[Row<'_>], output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "RFC   section    rows  bound  elsewhere  open")?;
    for section in rows.chunk_by(|one, other| (one.rfc, one.section) == (other.rfc, other.section)) {
        if let [Row { rfc, section: name, .. }, ..] = section {
            Count::of(section.iter()).print(rfc, name, output)?;
        }
    }
    Count::of(rows.iter()).print("all", "", output)
}
