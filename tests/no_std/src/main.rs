//! A program that uses the crate without `std`, and, unless the feature `alloc` is on, without an allocator.
//!
//! Only the C library is linked, to start the program, to copy memory and to abort. If the crate or one of its
//! dependencies used `std`, there would be two panic handlers, which the compiler rejects.

#![no_std]
#![no_main]

mod handshake;
#[cfg(feature = "alloc")]
mod with_alloc;
#[cfg(feature = "deflate")]
mod with_deflate;
mod without_alloc;

/// The C library starts the program here. Status 0 is success; a failed assertion aborts.
// SAFETY: no other `main` is linked, and C allows one without parameters.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    without_alloc::check();
    handshake::check();
    #[cfg(feature = "alloc")]
    with_alloc::check();
    #[cfg(feature = "deflate")]
    with_deflate::check();
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    abort()
}

/// The unwind tables of the compiled `core` refer to it. It is never called, because a panic aborts.
// SAFETY: only `std` has another symbol of this name, and it is not linked.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

// SAFETY: C's `abort` has this signature and may be called at any time.
#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
}
