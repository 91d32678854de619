//! Lines that come in pieces (RFC 9112 §2.2).

use alloc::vec::Vec;

use crate::packed;

/// Moves the rest of a line from `input` to `gathered`: as much as has come, and no more than `room`.
///
/// Returns what it has moved, which ends in LF once the line is finished.
pub(super) fn gather<'i>(input: &mut &'i [u8], gathered: &mut Vec<u8>, room: usize) -> &'i [u8] {
    let line_len = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => end.saturating_add(1),
        None => input.len(),
    };
    let (piece, rest) = input.split_at(line_len.min(room));
    packed::reserve_within(gathered, piece.len(), room.saturating_add(gathered.len()));
    gathered.extend_from_slice(piece);
    *input = rest;
    piece
}
