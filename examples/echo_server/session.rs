//! One connection, from its first byte to its last.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::thread;

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
            // A peer that is gone already needs no end.
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
        // If writing has failed, reading has failed because of it.
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer has panicked"))).and(result)
    })
}

/// Echoes what comes, the first `len` bytes of `buffer` before all else, until the connection is closed.
fn echo(
    stream: &TcpStream,
    link: &Link,
    buffer: &mut [u8],
    mut len: usize,
    options: &Options,
) -> io::Result<()> {
    let mut frames = MessageAssembler::new(options.max_message_len);
    loop {
        let received = buffer.get_mut(..len).unwrap_or_default();
        if link.answer(received, &mut frames)? != TransportAction::Keep {
            return Ok(());
        }
        len = read(stream, link, buffer, options)?;
        if len == 0 {
            link.receive_eof();
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "went away without a close frame"));
        }
    }
}

/// Reads once. Pings a peer that is silent, and closes if it stays so.
fn read(stream: &TcpStream, link: &Link, buffer: &mut [u8], options: &Options) -> io::Result<usize> {
    let mut pinged = false;
    loop {
        match deadline::read(stream, buffer, deadline::after(options.idle_timeout)) {
            // A peer that still reads what is written may be silent; one that does not is for the writer to cut.
            Err(error) if error.kind() == ErrorKind::TimedOut && link.is_writing() => {}
            Err(error) if error.kind() == ErrorKind::TimedOut && !pinged => {
                link.send(Ping::new(b""));
                pinged = true;
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                link.send(CloseConnection::new(CloseCode::TIMEOUT, "no answer to a ping"));
                return Err(io::Error::new(ErrorKind::TimedOut, "does not answer a ping"));
            }
            received => return received.map(|received| received.len()),
        }
    }
}

/// Drops what still comes, until the peer closes its side or has had the time for it.
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

/// What one read may give.
const BUFFER_LEN: usize = 64 << 10;
