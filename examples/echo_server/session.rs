//! Serves one connection, from its first byte to its last.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;

use wsproto::{CloseCode, CloseConnection, MessageAssembler, Ping, TransportAction};

use crate::deadline;
use crate::handshake::{self, Opened};
use crate::link::Link;
use crate::options::Options;
use crate::server::Place;

/// Serves a connection until it ends.
pub(crate) fn serve(stream: &TcpStream, place: &Place) -> io::Result<()> {
    let options = &place.server.options;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_LEN];
    match handshake::open(stream, &mut buffer, options, place.refused)? {
        Some(Opened { connection, early_len }) => {
            let link = Link::new(connection, options.max_message_len);
            place.enter(link, |link| serve_open(stream, link, &mut buffer, early_len, options))
        }
        None => {
            // If it fails, the peer has disconnected already.
            if stream.shutdown(Shutdown::Write).is_ok() {
                drain(stream, &mut buffer, options, || false);
            }
            Ok(())
        }
    }
}

/// Serves an open connection: this thread reads, another writes.
fn serve_open(
    stream: &TcpStream,
    link: &Link,
    buffer: &mut [u8],
    early_len: usize,
    options: &Options,
) -> io::Result<()> {
    thread::scope(|scope| {
        let writing = || link.write_to(stream, options.write_timeout);
        let writer = thread::Builder::new().spawn_scoped(scope, writing)?;
        let result = echo(stream, link, buffer, early_len, options);
        link.finish();
        drain(stream, buffer, options, || link.is_writing());
        // The writer's error comes first: if writing has failed, reading has failed because of it.
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer has panicked"))).and(result)
    })
}

/// Echoes what is received until the connection is closed. The first `len` bytes of `buffer` were received already.
fn echo(
    stream: &TcpStream,
    link: &Link,
    buffer: &mut [u8],
    mut len: usize,
    options: &Options,
) -> io::Result<()> {
    let mut frames = MessageAssembler::new(options.max_message_len);
    let mut remaining = 0;
    // When the payload in progress has to be there; `None` between frames.
    let mut frame_deadline: Option<Instant> = None;
    loop {
        let start = Instant::now();
        let received = buffer.get_mut(..len).unwrap_or_default();
        if link.answer(received, &mut frames)? != TransportAction::Keep {
            return Ok(());
        }
        // If more was missing than was received, this is still the same frame.
        let is_same_frame = remaining > len as u64;
        remaining = link.payload_remaining();
        frame_deadline = match frame_deadline {
            _ if remaining == 0 => None,
            // While the queue was full, the server did not read.
            Some(deadline) if is_same_frame => deadline.checked_add(start.elapsed()),
            _ => Some(deadline::after(options.frame_timeout)),
        };
        len = read(stream, link, buffer, options, frame_deadline)?;
        if len == 0 {
            link.receive_eof();
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "disconnected without a close frame"));
        }
    }
}

/// Reads once. Pings a peer that is silent, and closes if it stays silent or if the deadline of the frame has passed.
fn read(
    stream: &TcpStream,
    link: &Link,
    buffer: &mut [u8],
    options: &Options,
    frame_deadline: Option<Instant>,
) -> io::Result<usize> {
    let close = |reason, error| {
        link.send(CloseConnection::new(CloseCode::TIMEOUT, reason));
        Err(io::Error::new(ErrorKind::TimedOut, error))
    };
    let mut pinged = false;
    loop {
        let idle_deadline = deadline::after(options.idle_timeout);
        let deadline = frame_deadline.map_or(idle_deadline, |deadline| idle_deadline.min(deadline));
        match deadline::read(stream, buffer, deadline).map(|received| received.len()) {
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            received => return received,
        }
        if frame_deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return close("the frame takes too long to arrive", "takes too long to send a frame");
        }
        // While the peer still has something to read, only the write timeout counts.
        if link.is_writing() {
            continue;
        }
        if pinged {
            return close("no answer to a ping", "does not answer a ping");
        }
        link.send(Ping::new(b""));
        pinged = true;
    }
}

/// Discards what is received, until the peer closes its direction or the close timeout has passed.
///
/// If a socket is closed with unread bytes in it, the peer may lose what was written last: the close frame.
fn drain(stream: &TcpStream, buffer: &mut [u8], options: &Options, is_writing: impl Fn() -> bool) {
    let mut end = deadline::after(options.close_timeout);
    loop {
        match deadline::read(stream, buffer, end) {
            Ok([_, ..]) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut && is_writing() => {}
            _ => return,
        }
        if is_writing() {
            end = deadline::after(options.close_timeout);
        }
    }
}

/// The most bytes that one read returns.
const BUFFER_LEN: usize = 64 << 10;
