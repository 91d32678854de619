//! Lets Autobahn|Testsuite test this crate as a client: echoes what each of its cases sends.
//!
//! ```sh
//! cargo run --release --example autobahn_client -- ws://127.0.0.1:9001 wsproto
//! ```
//!
//! The client asks the suite's server how many cases there are, runs one after the other, and then asks it to write its
//! report. `tests/autobahn` starts both programs.
//!
//! It shows `WsConnection` on a blocking socket. The connection itself answers pings and close frames, and each piece
//! of a message is echoed when it is received. If one case fails, the others still run. The exit status is 0 if the
//! report was asked for, 1 if not, and 2 if the arguments are wrong.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use wsproto::{
    PermessageDeflate, ReceiveError, ReplyPolicy, Request, SeededEntropy, TextMessage, TransportAction,
    WebSocketUri, WsConnection, WsEvent, WsOutgoing,
};

fn main() -> ExitCode {
    let (url, agent) = match parse(lexopt::Parser::from_env()) {
        Ok(Some(call)) => call,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("autobahn_client: {wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&url, &agent) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("autobahn_client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the arguments: the suite's URL, and the name of this client in its report. `None` if they ask for help.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<(WebSocketUri, String)>, lexopt::Error> {
    use lexopt::prelude::*;
    let (mut url, mut agent) = (None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Value(value) if url.is_none() => url = Some(value.string()?),
            Value(value) if agent.is_none() => agent = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let (url, agent) = url.zip(agent).ok_or("a URL and a name are needed")?;
    match url.parse::<WebSocketUri>() {
        Ok(uri) if !uri.is_secure() => Ok(Some((uri, agent))),
        Ok(_) => Err(format!("{url}: this client has no TLS").into()),
        Err(error) => Err(format!("{url}: {error}").into()),
    }
}

fn run(url: &WebSocketUri, agent: &str) -> io::Result<()> {
    for case in 1..=case_count(url)? {
        if let Err(error) = echo(url, &format!("/runCase?case={case}&agent={agent}")) {
            eprintln!("autobahn_client: case {case}: {error}");
        }
    }
    echo(url, &format!("/updateReports?agent={agent}"))
}

/// Asks the suite how many cases there are.
fn case_count(url: &WebSocketUri) -> io::Result<u32> {
    let mut session = Session::open(url, "/getCaseCount")?;
    let mut count = String::new();
    while let Some(event) = session.next_event()? {
        if let WsEvent::Text(TextMessage { data, .. }) = event {
            count.push_str(&data);
        }
    }
    count.parse().map_err(|_| io::Error::other(format!("not a number of cases: {count:?}")))
}

/// Echoes until the connection ends, with or without an error of the protocol.
fn echo(url: &WebSocketUri, target: &str) -> io::Result<()> {
    let mut session = Session::open(url, target)?;
    while let Some(event) = session.next_event()? {
        match event {
            WsEvent::Text(piece) => session.send(piece)?,
            WsEvent::Bytes(piece) => session.send(piece)?,
            _ => {}
        }
    }
    Ok(())
}

/// A connection and its transport.
struct Session {
    stream: TcpStream,
    ws: WsConnection<SeededEntropy>,
    /// Bytes to write before the next read.
    output: Vec<u8>,
}

impl Session {
    fn open(url: &WebSocketUri, target: &str) -> io::Result<Self> {
        let stream = TcpStream::connect((url.host(), url.port()))
            .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {url}: {error}")))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let ws = WsConnection::client(SeededEntropy::new())
            .with_extension(PermessageDeflate::new())
            .with_min_space(MIN_SPACE)
            .with_reply_policy(ReplyPolicy::PongAndClose);
        let mut session = Self { stream, ws, output: Vec::new() };
        session.send(Request::new(&url.host_header(), target))?;
        Ok(session)
    }

    /// Encodes an event; `next_event` writes it.
    fn send(&mut self, event: impl WsOutgoing) -> io::Result<()> {
        Ok(self.ws.send_to(event, &mut self.output)?)
    }

    /// Waits for the next event; `None` once the connection has ended.
    fn next_event(&mut self) -> io::Result<Option<WsEvent>> {
        loop {
            let event = self.ws.next_event();
            // After each event: else only the last of several pings would be answered.
            self.ws.send_replies(&mut self.output)?;
            match event {
                Ok(Some(WsEvent::Reject(reject))) => {
                    return Err(io::Error::other(format!("the server refused: {}", reject.status_code())));
                }
                Ok(Some(event)) => return Ok(Some(event)),
                // The suite breaks rules on purpose. The output has the echoes so far and the close frame for the
                // error: write them before the transport is closed.
                Ok(None) | Err(ReceiveError::Protocol(_)) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
            self.stream.write_all(&self.output)?;
            self.output.clear();
            if self.ws.transport_action() != TransportAction::Keep {
                self.linger();
                return Ok(None);
            }
            let len = self.stream.read(self.ws.space())?;
            self.ws.filled(len)?;
        }
    }

    /// Waits for the server to close the transport, so that it can read everything that this client has written.
    fn linger(&mut self) {
        // After a failure the client closes the transport (RFC 6455 §7.1.7), otherwise the server does (§7.1.1).
        if self.ws.transport_action() == TransportAction::Close
            && self.stream.shutdown(Shutdown::Write).is_err()
        {
            return;
        }
        // Do not wait longer for a server that does not close, or that still sends.
        let start = Instant::now();
        loop {
            let left = LINGER.saturating_sub(start.elapsed());
            let is_over = left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err();
            if is_over || !matches!(self.stream.read(self.ws.space()), Ok(1..)) {
                return;
            }
        }
    }
}

/// How long one read or one write may wait for the server.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the server may take to close the transport.
const LINGER: Duration = Duration::from_secs(5);

/// The space for one read: many cases are as long, or longer.
const MIN_SPACE: usize = 64 << 10;

const USAGE: &str = "\
usage: autobahn_client URL AGENT

Lets Autobahn|Testsuite test this crate as a client: echoes what each of its cases sends.

  URL         the address of the suite's server, such as ws://127.0.0.1:9001
  AGENT       the name of this client in the suite's report
  -h, --help  print this

The exit status is 0 if the suite was asked for its report, 1 if not, and 2 if the arguments are wrong.";
