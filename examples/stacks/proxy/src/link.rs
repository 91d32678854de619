//! One of the two connections of a proxy: its transport, its machine, and its end.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use wsproto::{
    CloseCode, CloseConnection, Connection, Extensions, Limits, ReadBuffer, Receiver, Role, SeededEntropy,
    Sender, TransportAction,
};

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Upstream,
}

/// Why both connections end, if not by close frames of both ends.
pub(crate) struct Fault {
    /// Who has failed; `None` is the proxy itself.
    by: Option<Side>,
    /// What it is sent; `None` if it cannot be reached.
    close: Option<CloseConnection<&'static str>>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            Some(Side::Client) => f.write_str("client: ")?,
            Some(Side::Upstream) => f.write_str("upstream: ")?,
            None => f.write_str("proxy: ")?,
        }
        match self.close {
            Some(CloseConnection { code: Some(code), reason }) => write!(f, "{code} {reason}"),
            _ => f.write_str("gone"),
        }
    }
}

impl Fault {
    /// This end gets a close frame that says why.
    pub(crate) const fn of(side: Side, close: CloseConnection<&'static str>) -> Self {
        Self { by: Some(side), close: Some(close) }
    }

    /// An end that is not there any more, or takes nothing.
    pub(crate) const fn gone(side: Side) -> Self {
        Self { by: Some(side), close: None }
    }

    /// The proxy's own.
    pub(crate) const fn ours(code: CloseCode) -> Self {
        Self { by: None, close: Some(CloseConnection::new(code, "")) }
    }
}

pub(crate) struct Link {
    side: Side,
    connection: Connection<SeededEntropy>,
    reader: OwnedReadHalf,
    buffer: ReadBuffer,
    output: Output,
}

/// What was received from one end.
pub(crate) struct Incoming<'l> {
    pub(crate) side: Side,
    pub(crate) receiver: &'l mut Receiver,
    pub(crate) reader: &'l mut OwnedReadHalf,
    pub(crate) buffer: &'l mut ReadBuffer,
}

/// What is sent to the other.
pub(crate) struct Outgoing<'l> {
    pub(crate) side: Side,
    pub(crate) sender: &'l mut Sender<SeededEntropy>,
    pub(crate) output: &'l mut Output,
}

impl Outgoing<'_> {
    pub(crate) async fn flush(&mut self) -> Result<(), Fault> {
        self.output.flush().await.map_err(|_| Fault::gone(self.side))
    }
}

impl Link {
    pub(crate) fn new(side: Side, stream: TcpStream, buffer: ReadBuffer, extensions: Extensions) -> Self {
        let role = match side {
            Side::Client => Role::Server,
            Side::Upstream => Role::Client,
        };
        let limits =
            Limits::default().with_max_frame_len(MAX_MESSAGE_LEN).with_max_message_len(MAX_MESSAGE_LEN);
        let connection =
            Connection::with_role(role, limits, SeededEntropy::new()).with_extensions(extensions);
        let (reader, writer) = stream.into_split();
        Self { side, connection, reader, buffer, output: Output { writer, bytes: Vec::new() } }
    }

    pub(crate) fn split(&mut self) -> (Incoming<'_>, Outgoing<'_>) {
        let Self { side, connection, reader, buffer, output } = self;
        let (receiver, sender) = connection.split();
        (Incoming { side: *side, receiver, reader, buffer }, Outgoing { side: *side, sender, output })
    }

    /// Closes, unless that is done; then ends the transport as RFC 6455 §7.1.1 asks.
    pub(crate) async fn end(&mut self, fault: Option<&Fault>) -> io::Result<()> {
        if fault.is_some_and(|fault| fault.by == Some(self.side) && fault.close.is_none()) {
            return Ok(()); // nothing can be sent: dropping it is all
        }
        if let Some(close) = fault.and_then(|fault| self.close_frame(fault)) {
            _ = self.connection.send(close, &mut self.output.bytes); // it is refused if one was sent before
        }
        self.output.flush().await?;
        timeout(CLOSE_TIMEOUT, self.wait_for_end()).await?
    }

    fn close_frame(&self, fault: &Fault) -> Option<CloseConnection<&'static str>> {
        if fault.by.is_none_or(|side| side == self.side) {
            return fault.close;
        }
        // A code such as 1006 is never sent. 1014 is the registry's code for a gateway whose server has failed, as 502
        // is HTTP's. For the server, a client that is gone has gone away.
        let code = match self.side {
            Side::Client => CloseCode::BAD_GATEWAY,
            Side::Upstream => CloseCode::GOING_AWAY,
        };
        Some(CloseConnection::new(code, ""))
    }

    async fn wait_for_end(&mut self) -> io::Result<()> {
        loop {
            // What still comes is dropped. After both close frames, a server ends the transport, and a client waits.
            while self.buffer.read(|input| self.connection.next_event(input)).transpose().is_some() {}
            if self.connection.transport_action() == TransportAction::Close {
                self.output.writer.shutdown().await?;
            }
            let len = self.reader.read(self.buffer.space()).await?;
            if len == 0 {
                return Ok(());
            }
            self.buffer.filled(len)?;
        }
    }
}

/// What waits to be written.
pub(crate) struct Output {
    writer: OwnedWriteHalf,
    pub(crate) bytes: Vec<u8>,
}

impl Output {
    /// Writes all of it. If this is cancelled, what is not written is still there.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while !self.bytes.is_empty() {
            match timeout(WRITE_TIMEOUT, self.writer.write(&self.bytes)).await?? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                len => _ = self.bytes.drain(..len),
            }
        }
        self.bytes = Vec::new(); // an idle connection has none
        Ok(())
    }
}

pub(crate) const READ_LEN: usize = 16 << 10;
/// A message is not collected, so this is only a bound.
const MAX_MESSAGE_LEN: u64 = 1 << 30;
/// How long an end may take nothing of what it gets.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
