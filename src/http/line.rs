//! Lines that come in pieces (RFC 9112 §2.2).

use alloc::vec::Vec;

/// Moves the rest of a line from `input` to `gathered`: as much as has come, and no more than `room`.
///
/// Returns what it has moved, which ends in LF once the line is finished.
pub(super) fn gather<'i>(input: &mut &'i [u8], gathered: &mut Vec<u8>, room: usize) -> &'i [u8] {
    let line_len = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => end.saturating_add(1),
        None => input.len(),
    };
    let (piece, rest) = input.split_at(line_len.min(room));
    reserve_within(gathered, piece.len(), room.saturating_add(gathered.len()));
    gathered.extend_from_slice(piece);
    *input = rest;
    piece
}

/// Makes room for `len` more bytes, of at most `max_len` in all: twice as much as before, but never more than may be
/// needed.
pub(super) fn reserve_within(buffer: &mut Vec<u8>, len: usize, max_len: usize) {
    let needed = buffer.len().saturating_add(len);
    if needed > buffer.capacity() {
        let capacity = buffer.capacity().saturating_mul(2).min(max_len).max(needed);
        buffer.reserve_exact(capacity.saturating_sub(buffer.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_grows_to_twice_as_much_but_not_beyond_what_may_be_needed() {
        let mut buffer = Vec::with_capacity(8);
        buffer.extend_from_slice(b"four");
        for (len, max_len, capacity) in [(4, 100, 8), (5, 100, 16), (13, 20, 20), (30, 40, 40)] {
            reserve_within(&mut buffer, len, max_len);
            assert_eq!(buffer.capacity(), capacity);
        }
    }
}
