//! An allocator that counts the memory in use, for a whole test binary.
#![allow(dead_code, reason = "not every test uses every counter")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The use of the allocator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// The most memory in use at a time, in bytes, less what was in use before.
    pub(crate) peak: isize,
    /// The memory still in use, in bytes, less what was in use before.
    pub(crate) kept: isize,
    pub(crate) allocations: usize,
}

/// Runs `work`, and counts its use of the allocator.
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

/// The system's allocator, with counters for each thread.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[allow(unsafe_code, reason = "an allocator is unsafe to implement; this one counts and passes on")]
// SAFETY: every call is passed unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps to the contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn count(size: isize) {
    // A thread that is ending has no counters any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + size);
        PEAK.set(PEAK.get().max(held.get()));
        if size > 0 {
            ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        }
    });
}

/// The memory in use by this thread, in bytes.
pub(crate) fn held() -> isize {
    HELD.get()
}
