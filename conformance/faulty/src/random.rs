//! Random bytes, from the keys of the standard library's hash maps: enough for a test program.

use std::hash::{BuildHasher, RandomState};

/// Bytes that differ at each call.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        let word = RandomState::new().hash_one(0_u8).to_be_bytes();
        chunk.iter_mut().zip(word).for_each(|(byte, random)| *byte = random);
    }
    bytes
}
