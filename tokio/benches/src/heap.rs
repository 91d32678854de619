//! A global allocator that counts the bytes that the main thread has allocated: an engine runs on that thread alone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Thread-local instead of atomic, so that counting costs almost nothing for engines that allocate.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// The memory that this thread has on the heap, in bytes.
pub(crate) fn live() -> i64 {
    LIVE.get() as i64
}

fn count(live: isize) {
    // A thread that is ending has no counter any more.
    let _ = LIVE.try_with(|counter| counter.set(counter.get() + live));
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe to implement; this one only counts and passes calls on"
)]
// SAFETY: every call is passed unchanged to `System`, which has the same contract; the cell has no destructor and does
// not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}
