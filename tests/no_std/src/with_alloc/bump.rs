//! The smallest allocator: it hands out an array from front to back, and frees nothing.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static BUMP: Bump = Bump { memory: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };

#[repr(align(16))]
struct Bump {
    memory: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

const SIZE: usize = 1 << 20;

// SAFETY: `used` only grows, and atomically, so that no two threads get the same bytes.
unsafe impl Sync for Bump {}

// SAFETY: each block is in `memory`, after all earlier ones, and has the requested alignment.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Enough for the largest padding that the alignment may need.
        let taken = layout.size().saturating_add(layout.align());
        let start = self.used.fetch_add(taken, Ordering::Relaxed);
        if start.saturating_add(taken) > SIZE {
            return ptr::null_mut();
        }
        let block = self.memory.get().cast::<u8>().wrapping_add(start);
        block.wrapping_add(block.align_offset(layout.align()))
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
