//! The command line: each timeout and bound, with its default.

use std::time::Duration;

use lexopt::prelude::*;

/// The options, with their values.
pub(crate) struct Options {
    /// Where to listen.
    pub(crate) addr: String,
    /// How many connections are served at a time.
    pub(crate) max_connections: usize,
    /// The longest message, and so the longest queue of echoes, in bytes.
    pub(crate) max_message_len: usize,
    /// How long the whole handshake may take.
    pub(crate) handshake_timeout: Duration,
    /// How long a peer may be silent before it gets a ping, and then how long before it gets a close frame.
    pub(crate) idle_timeout: Duration,
    /// How long the payload of one frame may take to arrive.
    pub(crate) frame_timeout: Duration,
    /// How long a peer may take to read 64 KiB.
    pub(crate) write_timeout: Duration,
    /// How long a peer may take to close after the server has closed.
    pub(crate) close_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Only programs on this machine can connect. Change it if others may.
            addr: "127.0.0.1:9001".to_owned(),
            // With messages of 64 MiB, attackers can fill 12 GiB of memory; honest peers need a few MiB.
            max_connections: 64,
            max_message_len: 64 << 20,
            // A request usually is one packet. The rest of the time is for slow networks.
            handshake_timeout: Duration::from_secs(10),
            // Many proxies close a connection that is silent for a minute: ping before that.
            idle_timeout: Duration::from_secs(30),
            // Enough for 64 MiB at 1 Mbit/s.
            frame_timeout: Duration::from_secs(600),
            write_timeout: Duration::from_secs(30),
            // A browser closes at once. The rest of the time is for slow networks.
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
                Long("max-connections") => options.max_connections = number("max-connections", &mut args)?,
                Long("max-message-len") => options.max_message_len = number("max-message-len", &mut args)?,
                Long("handshake-timeout") => {
                    options.handshake_timeout = seconds("handshake-timeout", &mut args)?;
                }
                Long("idle-timeout") => options.idle_timeout = seconds("idle-timeout", &mut args)?,
                Long("frame-timeout") => options.frame_timeout = seconds("frame-timeout", &mut args)?,
                Long("write-timeout") => options.write_timeout = seconds("write-timeout", &mut args)?,
                Long("close-timeout") => options.close_timeout = seconds("close-timeout", &mut args)?,
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
            frame_timeout,
            write_timeout,
            close_timeout,
        } = Self::default();
        format!(
            "{USAGE}

Echoes every WebSocket message, and serves a page at / to try it in a browser.
Ctrl-C closes all connections with 1001 and ends the program; a second Ctrl-C
ends it at once, with status 1.

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
  --frame-timeout SECONDS      Close with 3008 if the payload of one frame takes
                               longer to arrive. The time in which the server
                               does not read is not counted. [default: {}]
  --write-timeout SECONDS      Disconnect a client that takes longer to read
                               64 KiB. [default: {}]
  --close-timeout SECONDS      Disconnect a client that takes longer to close
                               after the server has closed. [default: {}]
  -h, --help                   Print this help.

N and BYTES are above 0. SECONDS is above 0, at most 86400 (a day), and may have
a fraction, such as 0.5.
",
            handshake_timeout.as_secs(),
            idle_timeout.as_secs(),
            frame_timeout.as_secs(),
            write_timeout.as_secs(),
            close_timeout.as_secs(),
        )
    }
}

/// Reads the value of an option that is a number.
fn number(option: &str, args: &mut lexopt::Parser) -> Result<usize, lexopt::Error> {
    let value = args.value()?;
    let number = value.to_str().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| format!("--{option} takes a whole number above 0, not {value:?}").into())
}

/// Reads the value of an option that is a time in seconds.
fn seconds(option: &str, args: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let value = args.value()?;
    let seconds = value.to_str().and_then(|text| text.parse().ok());
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout.filter(|timeout| !timeout.is_zero() && *timeout <= MAX_TIMEOUT).ok_or_else(|| {
        let max = MAX_TIMEOUT.as_secs();
        format!("--{option} takes a number of seconds above 0 and up to {max}, not {value:?}").into()
    })
}

/// The longest timeout, a day: it is as good as none, and every clock can count it.
const MAX_TIMEOUT: Duration = Duration::from_secs(86_400);

pub(crate) const USAGE: &str = "usage: echo_server [OPTION]...";
