//! Reads and writes that end in time.
//!
//! A timeout of the socket is for one call: a peer that sends a byte before each ends would never be cut. Here
//! the deadline is fixed, and each call gets the time that is left.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The deadline that is `timeout` from now.
pub(crate) fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now)
}

/// Reads once; returns nothing if the peer has closed.
pub(crate) fn read<'a>(
    mut stream: &TcpStream,
    buffer: &'a mut [u8],
    deadline: Instant,
) -> io::Result<&'a mut [u8]> {
    let len = loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(buffer) {
            Err(error) => retry(error)?,
            Ok(len) => break len,
        }
    };
    Ok(buffer.get_mut(..len).unwrap_or_default())
}

/// Writes all of `bytes`.
pub(crate) fn write(mut stream: &TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match stream.write(bytes) {
            Err(error) => retry(error)?,
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => bytes = bytes.get(len..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// The time until `deadline`; an error if it has passed.
fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// Whether to call again: after a timeout, `left` decides. Systems report one in two ways.
fn retry(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(()),
        _ => Err(error),
    }
}
