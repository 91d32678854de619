//! Idle zlib streams that connections share.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::compressor::{Compressor, Settings};
use super::stream::Stream;

/// Compressors and decompressors that connections share, so that an idle connection has none of its own.
///
/// Give it to the settings of all connections, by [`PermessageDeflate::with_pool`](crate::PermessageDeflate::with_pool).
/// A clone is the same pool; it can be used by many threads. A connection borrows a decompressor when a compressed
/// message begins, and gives it back when the message is read, at the call that finds no more input. It borrows a
/// compressor while it sends a message. Between messages, it keeps only the end of the earlier ones.
///
/// ```
/// use wsproto::{BytesMessage, Connection, DeflateParams, DeflatePool, Event, Extensions, Limits};
/// use wsproto::{PermessageDeflate, Role, TextMessage};
///
/// let pool = DeflatePool::new(16);
/// let deflate = PermessageDeflate::new().with_pool(&pool).with_threshold(0);
/// let connection = || {
///     let mut extensions = Extensions::new();
///     extensions.push(deflate.negotiated(Role::Server, DeflateParams::DEFAULT)).unwrap();
///     Connection::server(Limits::default()).with_extensions(extensions)
/// };
/// for mut server in [connection(), connection()] {
///     let mut bytes = *b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00"; // RFC 7692 §7.2.3.1, masked with 0
///     let mut input = bytes.as_mut_slice();
///     assert_eq!(server.next_event(&mut input)?, Some(Event::Text(TextMessage::new("Hello"))));
///     assert_eq!(server.next_event(&mut input)?, None); // the message was read, and nothing follows it
///     server.send(TextMessage::new("Hello"), &mut Vec::new())?;
///     assert_eq!((pool.idle_decompressors(), pool.idle_compressors()), (1, 1)); // one of each, for both
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What changes
///
/// Messages, events and errors are the same as without a pool, except for these:
///
/// - A sent message refers to the last 1 KiB of the earlier ones, and not to all of the window. So its bytes are
///   others, and may be more; the peer inflates them to the same message. Without context takeover, the bytes are the
///   same as well, except at level 0, which may divide data into other blocks.
/// - A message from a peer that looks back further than was agreed, into earlier messages, fails with
///   [`InvalidDeflate`](crate::RemoteProtocolError::InvalidDeflate). Without a pool it is understood.
/// - [`Connection::try_clone`](crate::Connection::try_clone) is possible between two messages.
///
/// Connections learn nothing of each other: a compressor or decompressor forgets all before another connection uses it.
///
/// # Time
///
/// A message of 4 KiB of JSON that is sent and received takes 1.15 times the instructions with windows of 12 bits, and
/// 1.6 times with 15. Short messages take most: to send one of 100 bytes takes 4 µs, and not 0.2, as zlib clears a table
/// of 128 KiB. With thousands of connections in turn, a pool is faster: what it holds stays in the processor's caches.
///
/// # Memory
///
/// An idle connection needs this much heap, in KiB, as measured: context takeover in both directions, the same window
/// bits in both, and more than a window of data sent and received. The values of [`Receiver`](crate::Receiver) and
/// [`Sender`](crate::Sender) are included.
///
/// | window bits | KiB |
/// |---|---|
/// | 8 | 1.1 |
/// | 9 | 1.6 |
/// | 10 | 2.6 |
/// | 11 | 3.6 |
/// | 12 | 5.6 |
/// | 13 | 9.6 |
/// | 14 | 17.6 |
/// | 15 | 33.6 |
///
/// The pool keeps at most as many idle compressors and decompressors as you say, each of the size in the table of
/// [`PermessageDeflate`](crate::PermessageDeflate#memory), with at most 64 KiB of output. It does not limit how many are
/// in use: if it has none, one is made. A message in progress keeps its decompressor, so a peer that stops inside a
/// message costs as much as without a pool. A [`Keepalive`](crate::Keepalive) has a deadline for that.
#[derive(Clone)]
pub struct DeflatePool {
    shared: Arc<Shared>,
}

struct Shared {
    max_idle: usize,
    /// The idle decompressors, the one that was used last at the end.
    streams: Mutex<VecDeque<Box<Stream>>>,
    /// The idle compressors, likewise.
    compressors: Mutex<VecDeque<Box<Compressor>>>,
}

impl DeflatePool {
    /// An empty pool, which keeps at most `max_idle` compressors and as many decompressors while no connection uses them.
    ///
    /// As many as there are threads are enough for connections that send and receive whole messages. When there are more
    /// than that, the one that was not used for the longest time is freed.
    pub fn new(max_idle: usize) -> Self {
        let (streams, compressors) = (Mutex::default(), Mutex::default());
        Self { shared: Arc::new(Shared { max_idle, streams, compressors }) }
    }

    /// How many compressors wait for their next use.
    pub fn idle_compressors(&self) -> usize {
        lock(&self.shared.compressors).len()
    }

    /// How many decompressors wait for their next use.
    pub fn idle_decompressors(&self) -> usize {
        lock(&self.shared.streams).len()
    }

    /// Frees all compressors and decompressors that no connection uses.
    pub fn release_memory(&self) {
        // They are freed after the lock is.
        let streams = core::mem::take(&mut *lock(&self.shared.streams));
        let compressors = core::mem::take(&mut *lock(&self.shared.compressors));
        drop((streams, compressors));
    }

    pub(super) fn take_stream(&self) -> Option<Box<Stream>> {
        lock(&self.shared.streams).pop_back()
    }

    pub(super) fn put_stream(&self, stream: Box<Stream>) {
        self.put(&self.shared.streams, stream);
    }

    pub(super) fn take_compressor(&self, settings: Settings) -> Option<Box<Compressor>> {
        let mut idle = lock(&self.shared.compressors);
        let newest = idle.iter().rev().take(MAX_SEARCHED);
        let place = newest.into_iter().position(|compressor| compressor.settings() == settings)?;
        let last = idle.len().checked_sub(1)?;
        idle.remove(last.checked_sub(place)?)
    }

    pub(super) fn put_compressor(&self, compressor: Box<Compressor>) {
        self.put(&self.shared.compressors, compressor);
    }

    /// Keeps a machine. If there are too many, the one that was not used for the longest time is freed: so the pool does
    /// not stay full of compressors whose settings nobody needs.
    fn put<T>(&self, idle: &Mutex<VecDeque<T>>, machine: T) {
        if self.shared.max_idle == 0 {
            return;
        }
        let mut idle = lock(idle);
        let oldest = if idle.len() >= self.shared.max_idle { idle.pop_front() } else { None };
        idle.push_back(machine);
        // It is freed after the lock is.
        drop(idle);
        drop(oldest);
    }
}

/// Two are equal if they are the same pool.
impl PartialEq for DeflatePool {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for DeflatePool {}

impl fmt::Debug for DeflatePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeflatePool").field("max_idle", &self.shared.max_idle).finish_non_exhaustive()
    }
}

/// Locks the machines. If a thread panicked while it had the lock, they are still whole: each is reset before it is used.
fn lock<T>(idle: &Mutex<T>) -> MutexGuard<'_, T> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Among how many idle compressors one with the right settings is searched for, while others wait for the lock.
const MAX_SEARCHED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_of_two_threads_is_usable_after_one_panicked_with_its_lock() {
        let pool = DeflatePool::new(2);
        pool.put_stream(Stream::new());
        let shared = pool.clone();
        let panicked = std::thread::spawn(move || {
            let _locks = (shared.shared.streams.lock(), shared.shared.compressors.lock());
            panic!("while it has the locks");
        });
        assert!(panicked.join().is_err());
        assert!(pool.shared.streams.is_poisoned() && pool.shared.compressors.is_poisoned());
        assert!(pool.take_stream().is_some());
        let settings = Settings { window_bits: 15, level: 1, mem_level: 8 };
        pool.put_compressor(Compressor::new(settings));
        assert!(pool.take_compressor(Settings { level: 2, ..settings }).is_none());
        assert!(pool.take_compressor(settings).is_some());
        assert_eq!((pool.idle_compressors(), pool.idle_decompressors()), (0, 0));
    }
}
