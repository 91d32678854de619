//! The contract (`SHIM.md`) in Rust, for a shim of any library: copy this file, and implement [`Shim`].

use std::io;
use std::mem::take;
use std::panic::{self, AssertUnwindSafe};

use serde::Deserialize;
use serde_json::{Value, json};

pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Connects to the suite, and makes the library ready. Returns [`Event::Open`] too if the opening handshake is done.
pub type Open = fn(&Case) -> Result<Opened>;
pub type Opened = (Box<dyn Shim>, Option<Event>);

/// A connection of the library under test.
pub trait Shim {
    /// Makes one call of the local user, never `Receive`. An error means that the library has refused it.
    fn act(&mut self, action: &Action) -> Result;
    /// Reads up to the next event; `None` at the end of the connection.
    fn receive(&mut self) -> Result<Option<Event>>;
    /// Closes the connection.
    fn end(self: Box<Self>) {}
}

/// What the library reports.
#[derive(Debug)]
pub enum Event {
    /// The subprotocol, and for a server the resource.
    Open(Option<String>, Option<String>),
    /// A part of a message that is not complete; the event for the message has the rest.
    Piece(Vec<u8>),
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// 1005 if the close frame has no code.
    Close(u16, String),
}

#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    role: String,
    port: u16,
    pub config: Config,
    actions: Vec<Action>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    pub deflate: bool,
    pub max_message: Option<usize>,
    pub subprotocols: Vec<String>,
    pub origins: Option<Vec<String>>,
}

impl Case {
    pub fn is_client(&self) -> bool {
        self.role == "client"
    }

    /// Where the suite listens.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Config {
    /// The first subprotocol of a client's list that the server supports.
    pub fn subprotocol(&self, offered: &str) -> Option<String> {
        let mut names = offered.split(',').map(str::trim);
        names.find(|name| self.subprotocols.iter().any(|known| known == name)).map(str::to_owned)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    SendText(Payload),
    SendBinary(Payload),
    SendContinuation(Payload),
    SendPing(Payload),
    SendPong(Payload),
    SendClose { code: Option<u64>, reason: Option<String> },
    Receive { until: String },
}

#[derive(Clone, Debug, Deserialize)]
pub struct Payload {
    pub fin: Option<bool>,
    text: Option<String>,
    hex: Option<String>,
}

impl Payload {
    pub fn bytes(&self) -> Result<Vec<u8>> {
        match &self.text {
            Some(text) => Ok(text.clone().into_bytes()),
            None => Ok(hex::decode(self.hex.as_deref().unwrap_or_default())?),
        }
    }

    /// For a library that takes only what is UTF-8.
    pub fn text(&self) -> Result<String> {
        Ok(String::from_utf8(self.bytes()?)?)
    }
}

/// Runs cases until the end of the input. `hello` is the first line.
pub fn run(hello: &Value, open: Open) -> Result {
    println!("{hello}");
    panic::set_hook(Box::new(|_| {})); // a panic of the library is reported as an error, or as a refusal
    for line in io::stdin().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        match caught(|| open(&case)) {
            Ok((shim, event)) => run_case(shim, event, &case.actions),
            Err(error) => println!("{}", json!({"event": "error", "name": error.to_string()})),
        }
        println!("{}", json!({"event": "end"}));
    }
    Ok(())
}

fn run_case(mut shim: Box<dyn Shim>, opened: Option<Event>, actions: &[Action]) {
    let mut reporter = Reporter { pieces: Vec::new(), is_over: false };
    match opened {
        Some(event) => _ = reporter.print(event),
        None => reporter.report(&mut *shim, "open"),
    }
    if !reporter.is_over {
        let refused = actions.iter().position(|action| match action {
            Action::Receive { .. } => {
                reporter.report(&mut *shim, "close");
                false
            }
            other => caught(|| shim.act(other)).is_err(),
        });
        println!(
            "{}",
            refused.map_or(json!({"event": "acted"}), |at| json!({"event": "refused", "action": at}))
        );
    }
    reporter.report(&mut *shim, "end");
    shim.end();
}

struct Reporter {
    /// Of a message that is not complete.
    pieces: Vec<u8>,
    is_over: bool,
}

impl Reporter {
    /// Prints events, up to one of this kind, or to the end of the connection.
    fn report(&mut self, shim: &mut dyn Shim, until: &str) {
        while !self.is_over {
            match caught(|| shim.receive()) {
                Ok(Some(event)) => {
                    if self.print(event) == until {
                        return;
                    }
                }
                Ok(None) => self.is_over = true,
                Err(error) => {
                    println!("{}", json!({"event": "error", "name": error.to_string()}));
                    self.is_over = true;
                }
            }
        }
    }

    /// Prints an event, and returns its kind.
    fn print(&mut self, event: Event) -> &'static str {
        let (kind, mut line) = match event {
            Event::Piece(data) => {
                self.pieces.extend(data);
                return "piece";
            }
            Event::Open(subprotocol, resource) => {
                ("open", json!({"subprotocol": subprotocol, "resource": resource}))
            }
            Event::Text(data) => ("text", json!({"text": String::from_utf8_lossy(&self.whole(data))})),
            Event::Binary(data) => ("binary", json!({"hex": hex::encode(self.whole(data))})),
            Event::Ping(data) => ("ping", json!({"hex": hex::encode(data)})),
            Event::Pong(data) => ("pong", json!({"hex": hex::encode(data)})),
            Event::Close(code, reason) => ("close", json!({"code": code, "reason": reason})),
        };
        line["event"] = kind.into();
        println!("{line}");
        kind
    }

    fn whole(&mut self, last: Vec<u8>) -> Vec<u8> {
        self.pieces.extend(last);
        take(&mut self.pieces)
    }
}

/// A panic of the library is an error too.
fn caught<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err("a panic".into()))
}
