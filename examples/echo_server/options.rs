//! The command line: each timeout and bound, with its default.

use std::time::Duration;

use lexopt::prelude::*;

/// What can be set.
pub(crate) struct Options {
    /// Where to listen.
    pub(crate) addr: String,
    /// How many connections are served at a time.
    pub(crate) max_connections: usize,
    /// The longest message, and so the longest queue of echoes, in bytes.
    pub(crate) max_message_len: usize,
    /// How long the whole handshake may take.
    pub(crate) handshake_timeout: Duration,
    /// How long a peer may be silent before it is pinged, and then before it is closed.
    pub(crate) idle_timeout: Duration,
    /// How long a peer may take to read a piece of what is written.
    pub(crate) write_timeout: Duration,
    /// How long a peer may take to close after us.
    pub(crate) close_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Only this machine: who may connect from others is for you to decide.
            addr: "127.0.0.1:9001".to_owned(),
            // With messages of 64 MiB, attackers can make it hold 12 GiB, and honest peers some MiB.
            max_connections: 64,
            max_message_len: 64 << 20,
            // A head is one packet; the rest is for slow networks.
            handshake_timeout: Duration::from_secs(10),
            // Less than the minute after which many proxies cut a silent connection.
            idle_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            // A browser closes at once; the rest is for slow networks.
            close_timeout: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// Reads the command line; `None` if it asks for help.
    pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self::default();
        while let Some(arg) = args.next()? {
            match arg {
                Long("addr") => options.addr = args.value()?.string()?,
                Long("max-connections") => options.max_connections = args.value()?.parse()?,
                Long("max-message-len") => options.max_message_len = args.value()?.parse()?,
                Long("handshake-timeout") => options.handshake_timeout = args.value()?.parse_with(seconds)?,
                Long("idle-timeout") => options.idle_timeout = args.value()?.parse_with(seconds)?,
                Long("write-timeout") => options.write_timeout = args.value()?.parse_with(seconds)?,
                Long("close-timeout") => options.close_timeout = args.value()?.parse_with(seconds)?,
                Short('h') | Long("help") => return Ok(None),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(options))
    }

    pub(crate) fn help() -> String {
        let Self {
            addr,
            max_connections,
            max_message_len,
            handshake_timeout,
            idle_timeout,
            write_timeout,
            close_timeout,
        } = Self::default();
        format!(
            "{USAGE}

Echoes every WebSocket message, and serves a page at / to try it in a browser.
Ctrl-C closes all connections with 1001 and ends the program.

  --addr HOST:PORT             Listen here; port 0 lets the system choose.
                               [default: {addr}]
  --max-connections N          Serve at most N connections at a time; refuse
                               others with 503. [default: {max_connections}]
  --max-message-len BYTES      Refuse longer messages with 1009. A connection
                               takes at most about three times this memory.
                               [default: {max_message_len}]
  --handshake-timeout SECONDS  Refuse a client with 408 if its whole request
                               takes longer. [default: {}]
  --idle-timeout SECONDS       Ping a client that is silent for this long; if it
                               is silent as long again, close with 3008. [default: {}]
  --write-timeout SECONDS      Cut a client that takes longer to read 64 KiB.
                               [default: {}]
  --close-timeout SECONDS      Cut a client that takes longer to close after the
                               server has closed. [default: {}]
  -h, --help                   Print this help.

SECONDS may have a fraction, such as 0.5.
",
            handshake_timeout.as_secs(),
            idle_timeout.as_secs(),
            write_timeout.as_secs(),
            close_timeout.as_secs(),
        )
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(timeout)) if !timeout.is_zero() && timeout <= MAX_TIMEOUT => Ok(timeout),
        _ => Err(format!("not a number of seconds above 0 and up to {}", MAX_TIMEOUT.as_secs())),
    }
}

/// A day: long enough to switch a timeout off, and short enough for any clock to count.
const MAX_TIMEOUT: Duration = Duration::from_secs(86_400);

pub(crate) const USAGE: &str = "usage: echo_server [OPTION]...";
