//! Reads and writes with a deadline.
//!
//! A socket's timeout is for one call: a peer that sends one byte before each timeout is never disconnected. Here the
//! deadline is fixed, and each call gets the time that is left.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The deadline that is `timeout` from now.
pub(crate) fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now)
}

/// Reads once; returns an empty slice if the peer has closed.
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

/// Returns `Ok` if the caller should try again. After a timeout, which systems report in two ways, `left` decides.
fn retry(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(()),
        _ => Err(error),
    }
}
