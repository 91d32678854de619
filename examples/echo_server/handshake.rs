//! The opening handshake: accepts or refuses a request.

use std::io::{self, ErrorKind};
use std::net::TcpStream;

use wsproto::{
    AcceptConnection, Connection, ConnectionState, Extensions, HandshakeError, HandshakeLimits, Limits,
    LocalProtocolError, PermessageDeflate, RejectConnection, RejectData, ServerHandshake,
};

use crate::deadline;
use crate::options::Options;
use crate::page;

/// A connection after its handshake.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    /// How many bytes were received after the handshake; they are at the front of the buffer.
    pub(crate) early_len: usize,
}

/// Does the opening handshake; returns `None` if no connection was opened.
pub(crate) fn open(
    stream: &TcpStream,
    buffer: &mut [u8],
    options: &Options,
    refused: bool,
) -> io::Result<Option<Opened>> {
    let end = deadline::after(options.handshake_timeout);
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let mut extensions = Extensions::new();
    let mut output = Vec::new();
    // `page` needs the request line. The handshake's limits bound how long this becomes.
    let mut head = Vec::new();
    loop {
        let received_len = match deadline::read(stream, buffer, end) {
            Ok([]) => return Ok(None),
            Ok(received) => received.len(),
            // Browsers open connections that they may use later. One that was not used is no error.
            Err(error) if error.kind() == ErrorKind::TimedOut && head.is_empty() => return Ok(None),
            Err(error) if error.kind() == ErrorKind::TimedOut => 0,
            Err(error) => return Err(error),
        };
        let mut input: &[u8] = buffer.get(..received_len).unwrap_or_default();
        head.extend_from_slice(input);
        let request = match received_len {
            0 => handshake.receive_eof().map(|()| None),
            _ => handshake.receive(&mut input),
        };
        let answered = match request {
            Ok(None) => continue,
            Err(HandshakeError::UnexpectedEof) => handshake.reject(RejectConnection::new(408), &mut output),
            Ok(Some(_)) | Err(_) if refused => refuse(&mut handshake, &mut output),
            Ok(Some(request)) => {
                let accept;
                (accept, extensions) =
                    AcceptConnection::new().with_extensions(&[&PermessageDeflate::new()], request);
                handshake.accept(accept, &mut output)
            }
            // A valid request, but not for a WebSocket.
            Err(HandshakeError::MissingUpgrade | HandshakeError::MethodNotGet) => {
                output = page::response(&head);
                Ok(())
            }
            Err(error) => handshake.reject(error.response(), &mut output),
        };
        answered.map_err(io::Error::other)?;
        let early_len = input.len();
        buffer.copy_within(received_len.saturating_sub(early_len)..received_len, 0);
        deadline::write(stream, &output, deadline::after(options.write_timeout))?;
        let connection = Connection::server(limits(options)).with_extensions(extensions);
        return Ok((handshake.state() == ConnectionState::Open).then_some(Opened { connection, early_len }));
    }
}

/// Refuses a request because there are enough connections.
fn refuse(handshake: &mut ServerHandshake, output: &mut Vec<u8>) -> Result<(), LocalProtocolError> {
    let reject = RejectConnection::new(503)
        .with_header("Retry-After", RETRY_AFTER)
        .with_header("Content-Type", "text/plain")
        .with_body();
    handshake.reject(reject, output)?;
    let data = "Too many connections: try again later.\n";
    handshake.reject_data(RejectData { data, body_finished: true }, output)
}

fn limits(options: &Options) -> Limits {
    let max_len = u64::try_from(options.max_message_len).unwrap_or(u64::MAX);
    // Data that does not compress takes at most an eighth more on the wire.
    let max_encoded_len = max_len.saturating_add(max_len / 8).saturating_add(64);
    Limits::DEFAULT
        .with_max_message_len(max_len)
        .with_max_frame_len(max_len)
        .with_max_encoded_len(max_encoded_len)
}

/// After how many seconds a refused client should try again: about as long as a visitor stays on the page.
const RETRY_AFTER: &str = "30";
