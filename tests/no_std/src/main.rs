//! The crate at work in a program without `std`, and, but for feature `alloc`, without an allocator.
//!
//! Only the C library is linked, to start the program, to copy memory and to abort. Were `std` pulled in
//! by the crate or by what it depends on, there would be two panic handlers, and the compiler would say so.

#![no_std]
#![no_main]

#[cfg(feature = "alloc")]
mod with_alloc;
#[cfg(feature = "deflate")]
mod with_deflate;
mod without_alloc;

/// The C library starts the program here. Status 0 says that all went well; a failed assertion aborts.
// SAFETY: no other `main` is linked, and C allows one without parameters.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    without_alloc::check();
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

/// Named in the unwind tables of the compiled `core`, and never called, as a panic aborts.
// SAFETY: `std` has the only other symbol of this name, and is not linked.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

// SAFETY: C's `abort` has this signature, and can be called at any time.
#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
}
