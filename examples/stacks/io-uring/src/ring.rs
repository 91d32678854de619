//! Operations of io_uring that own what the kernel reads or writes.
//!
//! A buffer moves into the operation and comes back with its completion. In between nobody else can reach it: not even
//! dropping the connection, or the ring, frees it.

#![allow(unsafe_code, reason = "the kernel gets addresses of buffers; this module keeps them valid")]

use std::io::{self, ErrorKind};
use std::mem;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode};
use slab::Slab;

/// What the kernel is asked to do, with all that it uses. `key` is the caller's.
pub(crate) enum Operation {
    Accept {
        listener: Arc<TcpListener>,
    },
    /// Reads into the whole buffer.
    Read {
        key: usize,
        socket: Arc<TcpStream>,
        buffer: Vec<u8>,
    },
    Write {
        key: usize,
        socket: Arc<TcpStream>,
        bytes: Vec<u8>,
    },
}

/// What it has done; buffers come back.
pub(crate) enum Completion {
    Accept(io::Result<TcpStream>),
    Read { key: usize, buffer: Vec<u8>, len: io::Result<usize> },
    Write { key: usize, bytes: Vec<u8>, len: io::Result<usize> },
}

pub(crate) struct Ring {
    ring: IoUring,
    in_flight: Slab<Operation>,
}

impl Ring {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            ring: IoUring::builder().setup_cqsize(MAX_IN_FLIGHT).build(ENTRIES)?,
            in_flight: Slab::new(),
        })
    }

    /// Hands an operation to the kernel.
    pub(crate) fn start(&mut self, operation: Operation) -> io::Result<()> {
        if self.ring.submission().is_full() {
            self.ring.submit()?;
        }
        let key = self.in_flight.insert(operation);
        let Some(operation) = self.in_flight.get_mut(key) else { return Ok(()) };
        let entry = match operation {
            Operation::Accept { listener } => {
                let (no_address, no_len) = (std::ptr::null_mut(), std::ptr::null_mut());
                opcode::Accept::new(Fd(listener.as_raw_fd()), no_address, no_len).build()
            }
            Operation::Read { socket, buffer, .. } => {
                let len = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
                opcode::Recv::new(Fd(socket.as_raw_fd()), buffer.as_mut_ptr(), len).build()
            }
            Operation::Write { socket, bytes, .. } => {
                let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                opcode::Send::new(Fd(socket.as_raw_fd()), bytes.as_ptr(), len).build()
            }
        };
        let entry = entry.user_data(u64::try_from(key).map_err(io::Error::other)?);
        // SAFETY: the socket and the bytes at these addresses belong to the operation, and it stays in `in_flight`, which
        // nobody else can reach, until its completion arrives; `drop` leaks those that are left. A `Vec`'s bytes do not
        // move when the `Vec` does.
        unsafe { self.ring.submission().push(&entry) }.map_err(|_| io::Error::from(ErrorKind::WouldBlock))
    }

    /// Waits for a completion, at most for `timeout`.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec::from(timeout);
        match self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&timeout)) {
            // ETIME has no kind of its own.
            Err(error) if error.raw_os_error() == Some(ETIME) || error.kind() == ErrorKind::Interrupted => {
                Ok(())
            }
            result => result.map(drop),
        }
    }

    /// The next completion that has arrived.
    pub(crate) fn next(&mut self) -> Option<Completion> {
        let entry = self.ring.completion().next()?;
        let result = match entry.result() {
            error @ ..0 => Err(io::Error::from_raw_os_error(error.saturating_neg())),
            value => Ok(value),
        };
        let to_len =
            |result: io::Result<i32>| result.and_then(|len| len.try_into().map_err(io::Error::other));
        Some(match self.in_flight.try_remove(usize::try_from(entry.user_data()).ok()?)? {
            Operation::Accept { .. } => Completion::Accept(result.map(|fd| {
                // SAFETY: the kernel has just opened this descriptor for us.
                unsafe { OwnedFd::from_raw_fd(fd) }.into()
            })),
            Operation::Read { key, buffer, .. } => Completion::Read { key, buffer, len: to_len(result) },
            Operation::Write { key, bytes, .. } => Completion::Write { key, bytes, len: to_len(result) },
        })
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        mem::forget(mem::take(&mut self.in_flight)); // the kernel may still use them
    }
}

const ENTRIES: u32 = 256;
/// How many operations may be in progress. There is room for the completion of each: kernels before 5.19 take no new
/// operations while completions wait that found none.
pub(crate) const MAX_IN_FLIGHT: u32 = 4096;
const ETIME: i32 = 62;
