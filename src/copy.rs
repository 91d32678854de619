//! Copies: short ones without a call, long ones without a long `memcpy`.
//!
//! The `memcpy` of some C libraries copies long slices by one instruction (`rep movsb`). On some processors, AMD's
//! among them, it takes up to thirty times as long if the target begins a few bytes further in its page than the source;
//! and a payload that follows a header often does. Shorter slices are copied by vectors. So a long slice is copied by
//! the loop that masks, with a key of zeros; and appended in pieces, as a vector has no bytes yet where they go.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::mask::Mask;

/// The longest slice that is copied without a call, in bytes: the compiler removes the key.
const MAX_INLINE_LEN: usize = 32;

/// The longest slice that is copied at once, in bytes.
pub(crate) const PIECE_LEN: usize = 2 << 10;

/// Copies `source` to `target`, which has the same length.
#[inline(always)]
pub(crate) fn copy(source: &[u8], target: &mut [u8]) {
    match source.len() {
        0..=MAX_INLINE_LEN => Mask::new([0; 4]).apply_to(source, target),
        len if len <= PIECE_LEN => target.copy_from_slice(source),
        _ => copy_long(source, target),
    }
}

#[inline(never)]
fn copy_long(source: &[u8], target: &mut [u8]) {
    Mask::new([0; 4]).apply_to(source, target);
}

/// Appends `bytes` to `output`.
#[cfg(feature = "alloc")]
#[inline(always)]
pub(crate) fn append(output: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        0..=PIECE_LEN => output.extend_from_slice(bytes),
        _ => append_long(output, bytes),
    }
}

#[cfg(feature = "alloc")]
#[cold]
#[inline(never)]
fn append_long(output: &mut Vec<u8>, bytes: &[u8]) {
    output.reserve(bytes.len());
    for piece in bytes.chunks(PIECE_LEN) {
        output.extend_from_slice(piece);
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn all_is_copied_whatever_the_length() {
        for len in [
            0,
            1,
            7,
            8,
            17,
            MAX_INLINE_LEN,
            MAX_INLINE_LEN + 1,
            PIECE_LEN - 1,
            PIECE_LEN,
            PIECE_LEN + 1,
            3 * PIECE_LEN + 5,
        ] {
            let source: Vec<u8> =
                (0..len).map(|index| index.to_le_bytes()[0] ^ index.to_le_bytes()[1]).collect();
            let mut target = vec![0; len];
            copy(&source, &mut target);
            assert!(target == source, "{len}");
            let mut output = b"ab".to_vec();
            append(&mut output, &source);
            assert!(output == [b"ab", source.as_slice()].concat(), "{len}");
        }
    }
}
