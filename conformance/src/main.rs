//! `wsconform`: a conformance suite for WebSocket implementations.
//!
//! Cases go to a door, which puts them to an implementation and compares what comes with what the case expects:
//! `corpus` → `cuts` → `script` → `wire` → `peer` → `echo` → `verdict` → `report`.

// The cases.
mod encoding;
mod value;
mod h2_case;
mod case;
mod corpus;
mod sections;
// What becomes of them.
mod verdict;
// Bytes on a connection.
mod frame;
mod layout;
mod cuts;
mod distance;
mod deflate;
mod head;
mod peer;
mod script;
mod wire;
// The doors.
mod door;
mod fit;
mod flood;
mod echo;
mod request;
mod upgrade;
mod offer;
mod response;
mod server_door;
mod http2;
mod h2_request;
mod h2_streams;
mod h2_door;
mod client_door;
mod program;
mod pipe_door;
mod memory;
mod shim;
mod shim_question;
mod shim_answer;
mod shim_door;
// The run.
mod run;
mod expectations;
mod saved;
mod escape;
mod report;
mod page;
mod junit;
mod grid;
mod options;
mod again;
mod session;
mod mutate;
mod minimize;
mod finding;
mod pair;
mod fuzz;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use again::Again;
use client_door::ClientDoor;
use h2_door::H2Door;
use options::{Command, Options, Select};
use pipe_door::PipeDoor;
use server_door::ServerDoor;
use session::Session;
use upgrade::Target;

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
    let again = Again::of(&command);
    match command {
        Command::Fuzz(options) => fuzz::run(options).await,
        Command::Grid(options) => grid::run(&options),
        Command::List { select, json } => list(&select, json),
        Command::Server { uri, h2, run } => {
            let session = Session::new(run, again)?;
            let (target, clock, jobs) = (Target::parse(&uri)?, session.clock(), session.jobs(32));
            let outcomes = if h2 {
                let door = H2Door::new(target, clock).await?;
                run::wire(door, session.cases(), jobs, |_| session.done()).await
            } else {
                let door = ServerDoor::new(target, clock).await?;
                run::wire(door, session.cases(), jobs, |_| session.done()).await
            };
            session.finish(outcomes, &uri)
        }
        Command::Client { addr, handshakes, run, program } => {
            let session = Session::new(run, again)?;
            let door = Arc::new(ClientDoor::new(session.cases(), handshakes, session.clock()));
            let outcomes = run::client(Arc::clone(&door), &addr, program, &session.bar).await?;
            session.finish(outcomes, door.agent().as_deref().unwrap_or("client"))
        }
        Command::Shim { run, program } => {
            let session = Session::new(run, again)?;
            let shims =
                run::shim(&program, session.clock(), session.cases(), session.jobs(8), |_| session.done());
            let (agent, outcomes) = shims.await?;
            session.finish(outcomes, &agent)
        }
        Command::Pipe { run, program } => {
            let session = Session::new(run, again)?;
            let agent = program.first().cloned().unwrap_or_default();
            let door = PipeDoor { program, patience: session.timeout() };
            let outcomes = run::pipe(&door, &session.cases(), |_| session.done()).await?;
            session.finish(outcomes, &agent)
        }
    }
}

fn list(select: &Select, json: bool) -> Result<ExitCode, String> {
    let cases = session::selected(select)?;
    let mut out = io::stdout().lock();
    for case in cases {
        let line = match json {
            true => case.json.to_string(),
            false => format!("{} [{}] {}", case.id, report::tier(case.tier), case.title),
        };
        if writeln!(out, "{line}").is_err() {
            // The program that reads the list has ended: that is no failure.
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}
