//! An allocator that counts what is held, for tests of memory. It serves a whole test binary.
#![allow(dead_code, reason = "not every test reads all that is counted")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What was asked of the allocator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// The most that was held at a time, beyond what was held before.
    pub(crate) peak: isize,
    /// What is still held.
    pub(crate) kept: isize,
    pub(crate) allocations: usize,
}

/// Runs `work`, and counts what it asks of the allocator.
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let held = HELD.get();
    PEAK.set(held);
    let allocations = ALLOCATIONS.get();
    let result = work();
    let usage = Usage {
        peak: PEAK.get() - held,
        kept: HELD.get() - held,
        allocations: ALLOCATIONS.get() - allocations,
    };
    (result, usage)
}

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread by itself.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[allow(unsafe_code, reason = "an allocator is unsafe to implement; this one counts and passes on")]
// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(-(layout.size() as isize));
        // SAFETY: the caller keeps to the contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn note(size: isize) {
    // A thread that ends counts no more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + size);
        PEAK.set(PEAK.get().max(held.get()));
        if size > 0 {
            ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        }
    });
}
