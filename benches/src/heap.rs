//! A global allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What a connection occupies while it waits.
#[derive(Clone, Copy)]
pub(crate) struct Idle {
    /// The size of its type.
    pub(crate) state: usize,
    /// What it holds on the heap.
    pub(crate) heap: usize,
}

impl Idle {
    /// Opens a connection, lets it read, and looks at what it holds.
    pub(crate) fn of<T>(open: impl FnOnce() -> T) -> Self {
        let before = LIVE.get();
        let connection = open();
        let heap = LIVE.get() - before;
        drop(connection);
        Self { state: size_of::<T>(), heap: usize::try_from(heap).unwrap_or_default() }
    }
}

/// How often memory was asked for while `work` ran; growing counts too.
pub(crate) fn allocations(work: impl FnOnce()) -> usize {
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

// Cells of the thread and no atomics, so that peers that allocate pay next to nothing for being watched.
thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
    // Signed, as what was allocated before may be freed in between.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(asked: usize, live: isize) {
    ASKED.set(ASKED.get() + asked);
    LIVE.set(LIVE.get() + live);
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "allocators are; this one only counts and hands on")]
// SAFETY: each call goes to `System` as it came, under the same contract; the cells have no destructor and
// do not allocate.
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
