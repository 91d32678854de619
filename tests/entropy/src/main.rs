//! A system whose entropy works at first, and then fails. It needs `RUSTFLAGS='--cfg getrandom_backend="custom"'`, with
//! which the program itself is the source of entropy.

use std::io::{Error, ErrorKind};
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};

use wsproto::{Entropy, SeededEntropy};

static FAILS: AtomicBool = AtomicBool::new(false);

/// The same bytes each time, so that all generators are equal.
// SAFETY: this is the function that `getrandom` declares, and no other symbol of the program has this name.
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(bytes: *mut u8, len: usize) -> Result<(), getrandom::Error> {
    if FAILS.load(Ordering::Relaxed) {
        return Err(getrandom::Error::UNSUPPORTED);
    }
    // SAFETY: `getrandom` passes `len` bytes that may be written.
    unsafe { slice::from_raw_parts_mut(bytes, len) }.fill(7);
    Ok(())
}

fn main() {
    let (mut one, mut other) = (SeededEntropy::new(), SeededEntropy::new());
    assert_eq!(keys(&mut one), keys(&mut other));

    FAILS.store(true, Ordering::Relaxed);
    assert_eq!(SeededEntropy::try_new().map_err(is_unsupported).err(), Some(true));
    // A failure leaves the generator unchanged.
    assert_eq!(one.reseed().map_err(is_unsupported), Err(true));
    assert_eq!(keys(&mut one), keys(&mut other));

    FAILS.store(false, Ordering::Relaxed);
    one.reseed().expect("entropy works again");
    assert_ne!(keys(&mut one), keys(&mut other));
}

fn keys(entropy: &mut SeededEntropy) -> [[u8; 4]; 8] {
    [(); 8].map(|()| entropy.masking_key())
}

/// The system's error is returned as it is.
fn is_unsupported(error: Error) -> bool {
    error.to_string() == getrandom::Error::UNSUPPORTED.to_string() && error.kind() == ErrorKind::Other
}
