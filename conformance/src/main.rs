//! `wsconform`: a conformance suite for WebSocket implementations.
//!
//! Cases go to a door, which puts them to an implementation and compares what comes with what the case expects:
//! `corpus` → `cuts` → `script` → `wire` → `peer` → `echo` → `verdict` → `report`.

// The cases.
mod encoding;
mod value;
mod case;
mod corpus;
// What becomes of them.
mod verdict;
// Bytes on a connection.
mod frame;
mod layout;
mod cuts;
mod distance;
mod deflate;
mod peer;
mod head;
mod script;
mod wire;
// The doors.
mod judge;
mod echo;
mod request;
mod upgrade;
mod offer;
mod response;
mod server_door;
mod client_door;
mod pipe_door;
mod shim;
mod shim_question;
mod shim_judge;
mod shim_door;
// The run.
mod run;
mod report;
mod options;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;

use case::Case;
use client_door::ClientDoor;
use options::{Command, Options, Run, Select};
use pipe_door::PipeDoor;
use server_door::ServerDoor;
use upgrade::Target;
use verdict::Outcome;
use wire::Clock;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match perform(options.command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("wsconform: {error}");
            ExitCode::from(2)
        }
    }
}

async fn perform(command: Command) -> Result<ExitCode, String> {
    match command {
        Command::List { select } => {
            let mut out = io::stdout().lock();
            for case in selected(&select)? {
                writeln!(out, "{} [{:?}] {}", case.id, case.tier, case.title)
                    .map_err(|error| error.to_string())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Server { uri, run } => {
            let cases = selected(&run.select)?;
            let door = ServerDoor::new(Target::parse(&uri)?, clock(&run)).await?;
            let outcomes = run::server(door, cases, usize::from(run.jobs.unwrap_or(32)), |_| {}).await;
            report(&run, &outcomes)
        }
        Command::Client { addr, handshakes, run, program } => {
            let door = ClientDoor::new(selected(&run.select)?, handshakes, clock(&run));
            let outcomes = run::client(Arc::new(door), &addr, program).await?;
            report(&run, &outcomes)
        }
        Command::Shim { run, program } => {
            let cases = selected(&run.select)?;
            let (_agent, outcomes) =
                run::shim(&program, clock(&run), cases, usize::from(run.jobs.unwrap_or(8)), |_| {}).await?;
            report(&run, &outcomes)
        }
        Command::Pipe { run, program } => {
            let door = PipeDoor { program, patience: Duration::from_secs(run.timeout) };
            let outcomes = run::pipe(&door, &selected(&run.select)?, |_| {}).await?;
            report(&run, &outcomes)
        }
    }
}

/// The selected cases; an error if there is none.
fn selected(select: &Select) -> Result<Vec<Case>, String> {
    let cases = match &select.cases {
        Some(directory) => corpus::of_directory(directory)?,
        None => corpus::built_in()?,
    };
    let globs: Vec<_> = select.only.iter().map(globset::Glob::compile_matcher).collect();
    let cases = corpus::select(cases, &globs);
    if cases.is_empty() { Err("no case was selected".to_owned()) } else { Ok(cases) }
}

fn clock(run: &Run) -> Clock {
    let kill = Duration::from_secs(run.timeout);
    Clock { pause: Duration::from_micros(300), patience: kill / 4, kill }
}

fn report(run: &Run, outcomes: &[Outcome]) -> Result<ExitCode, String> {
    if let Some(path) = &run.json {
        report::write_json(path, outcomes).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    report::print(outcomes, &mut io::stdout().lock()).map_err(|error| error.to_string())?;
    let failed = outcomes.iter().any(|outcome| outcome.verdict.is_bad());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
