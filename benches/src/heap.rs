//! A global allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The memory of an idle connection.
#[derive(Clone, Copy)]
pub(crate) struct Idle {
    /// The size of its type, in bytes.
    pub(crate) state: usize,
    /// Its memory on the heap, in bytes.
    pub(crate) heap: usize,
}

impl Idle {
    /// Measures the connection that `open` returns.
    pub(crate) fn of<T>(open: impl FnOnce() -> T) -> Self {
        let (_connection, heap) = kept(open);
        Self { state: size_of::<T>(), heap }
    }
}

/// What `work` returns, and how many bytes it left on the heap.
pub(crate) fn kept<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = LIVE.get();
    let result = work();
    (result, usize::try_from(LIVE.get() - before).unwrap_or_default())
}

/// The number of allocations while `work` ran, including those that grow a buffer.
pub(crate) fn allocations(work: impl FnOnce()) -> usize {
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

// Thread-local cells instead of atomics, so that counting costs almost nothing for peers that allocate.
thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
    // Signed, because memory that was allocated before may be freed during the measurement.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(asked: usize, live: isize) {
    ASKED.set(ASKED.get() + asked);
    LIVE.set(LIVE.get() + live);
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe to implement; this one only counts and passes calls on"
)]
// SAFETY: every call is passed unchanged to `System`, which has the same contract; the cells have no destructor and do
// not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(1, new_size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}
