//! Idle zlib streams that connections share.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::compressor::{Compressor, Settings};
use super::stream::Stream;

/// Compressors and decompressors that connections share, so that an idle connection has none.
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
