//! A WebSocket server, client and shim that follow the RFCs, except for one fault that is asked for by name.
//!
//! A conformance suite is right if it finds nothing wrong without a fault, and names the rule that each fault breaks.

mod fault;
mod utf8;
mod head;
mod extension;
mod negotiation;
mod random;
mod accept;
mod connect;
mod frame;
mod deflate;
mod rules;
mod receiver;
mod sender;
mod build;
mod session;
mod server;
mod h2_server;
mod client;
mod shim;

use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;

use accept::Policy;
use client::Client;
use fault::{Faults, TABLE};

fn main() -> ExitCode {
    let call = match parse(lexopt::Parser::from_env()) {
        Ok(call) => call,
        Err(wrong) => {
            eprintln!("faulty: {wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(call) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faulty: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the arguments ask for.
enum Call {
    Help,
    List,
    Server { addr: String, h2: bool, policy: Policy, max_message: u64, faults: Faults },
    Client(Client),
    Shim(Faults),
}

fn run(call: Call) -> io::Result<()> {
    match call {
        Call::Help => writeln!(io::stdout(), "{USAGE}"),
        Call::List => TABLE.iter().try_for_each(|row| {
            let who = format!("{:?}", row.who).to_ascii_lowercase();
            writeln!(io::stdout(), "{}\t{who}\t{}\t{}\t{}", row.name(), row.rule, row.requirement, row.text)
        }),
        Call::Server { addr, h2, policy, max_message, faults } => {
            let listener = TcpListener::bind(addr)?;
            writeln!(io::stdout(), "listening on ws://{}/", listener.local_addr()?)?;
            if h2 {
                return h2_server::serve(listener, policy, max_message, faults);
            }
            server::serve(&listener, &policy, max_message, faults)
        }
        Call::Client(client) => client.run(),
        Call::Shim(faults) => shim::run(faults),
    }
}

fn parse(mut arguments: lexopt::Parser) -> Result<Call, lexopt::Error> {
    use lexopt::prelude::*;
    let mut words = Vec::new();
    let mut addr = "127.0.0.1:0".to_owned();
    let mut faults = Faults::NONE;
    let mut max_message = 16 << 20;
    let mut offer = None;
    let mut h2 = false;
    let mut policy = Policy { deflate: true, ..Policy::default() };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Call::Help),
            Long("list") => return Ok(Call::List),
            Long("h2") => h2 = true,
            Long("addr") => addr = arguments.value()?.string()?,
            Long("fault") => {
                let name = arguments.value()?.string()?;
                faults = Faults::named(&name)
                    .ok_or_else(|| format!("no fault has the name {name:?}: see --list"))?;
            }
            Long("max-message") => max_message = arguments.value()?.parse()?,
            Long("subprotocol") => policy.subprotocols.push(arguments.value()?.string()?),
            Long("origin") => policy.origins.push(arguments.value()?.string()?),
            Long("offer") => offer = Some(arguments.value()?.string()?),
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["server"] => Ok(Call::Server { addr, h2, policy, max_message, faults }),
        ["shim"] => Ok(Call::Shim(faults)),
        ["client", url, agent] => {
            let rest = url.strip_prefix("ws://").ok_or("the URL must start with ws://")?;
            Ok(Call::Client(Client {
                authority: rest.split('/').next().unwrap_or_default().to_owned(),
                agent: (*agent).to_owned(),
                offer: Some(offer.unwrap_or_else(|| negotiation::offer(faults).to_owned()))
                    .filter(|offer| !offer.is_empty()),
                subprotocols: policy.subprotocols,
                max_message,
                faults,
            }))
        }
        _ => Err("one of the commands is needed: server, client URL AGENT, shim".into()),
    }
}

const USAGE: &str = "\
usage: faulty server [--addr HOST:PORT] [OPTION]...
       faulty client URL AGENT [OPTION]...
       faulty shim [--fault NAME]
       faulty --list

A WebSocket server, client and shim that follow the RFCs, except for one fault that is asked for by name.

  server                echoes each message; prints its address first
  client                walks the paths of Autobahn's cases at URL, and echoes each message
  shim                  runs the cases of its standard input, as SHIM.md says
  --h2                  the server speaks HTTP/2 in clear text, and each WebSocket is a stream (RFC 8441)
  --fault NAME          makes one decision wrong
  --list                prints the faults: name, who has it, rule, requirement, what is wrong
  --max-message BYTES   the longest message (default 16777216)
  --subprotocol NAME    a subprotocol to accept or to offer; may be repeated
  --origin ORIGIN       an origin to accept; may be repeated (default: all)
  --offer VALUE         what the client offers as Sec-WebSocket-Extensions
  -h, --help            prints this

The exit status is 0 if all is done, 1 after an error, and 2 if the arguments are wrong.";
