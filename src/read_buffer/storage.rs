//! The memory of a read buffer: a `Vec`, or a `BytesMut`, from which parts can be given away.

#[cfg(not(feature = "bytes"))]
use alloc::vec::Vec;

use crate::copy::PIECE_LEN;

#[cfg(feature = "bytes")]
pub(super) type Storage = bytes::BytesMut;
#[cfg(not(feature = "bytes"))]
pub(super) type Storage = Vec<u8>;

/// Lengthens the memory of `bytes` to `len` at least. If it is new, it is as long as that. Returns whether it is new.
pub(super) fn grow(bytes: &mut Storage, len: usize) -> bool {
    let more = len.saturating_sub(bytes.len());
    // Memory whose other parts were dropped is used again.
    #[cfg(feature = "bytes")]
    let is_new = !bytes.try_reclaim(more);
    #[cfg(feature = "bytes")]
    if is_new {
        resize_memory(bytes, len);
    }
    #[cfg(not(feature = "bytes"))]
    let is_new = true;
    #[cfg(not(feature = "bytes"))]
    bytes.reserve_exact(more);
    is_new
}

/// Appends `more`; a long slice piece by piece, as [`copy`](crate::copy) explains.
pub(super) fn append(bytes: &mut Storage, more: &[u8]) {
    if more.len() <= PIECE_LEN {
        return bytes.extend_from_slice(more);
    }
    for piece in more.chunks(PIECE_LEN) {
        bytes.extend_from_slice(piece);
    }
}

/// Lengthens `bytes` to the end of its memory.
pub(super) fn initialize(bytes: &mut Storage) {
    let len = bytes.capacity();
    if bytes.len() < len {
        bytes.resize(len, 0);
    }
}

/// Shortens `bytes` to `len`, and frees the memory after that.
pub(super) fn shrink(bytes: &mut Storage, len: usize) {
    bytes.truncate(len);
    #[cfg(not(feature = "bytes"))]
    bytes.shrink_to(len);
    #[cfg(feature = "bytes")]
    resize_memory(bytes, len);
}

/// Moves `bytes` to memory of this length.
#[cfg(feature = "bytes")]
fn resize_memory(bytes: &mut Storage, len: usize) {
    let mut moved = Storage::with_capacity(len);
    moved.extend_from_slice(bytes);
    *bytes = moved;
}
