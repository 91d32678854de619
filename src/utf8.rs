//! UTF-8 in pieces: bytes to `&str`, with characters that are split between two pieces (RFC 6455 §5.6, §8.1).
//!
//! A piece is checked in place and returned as text. Only if a piece ends inside a character, the first bytes of that
//! character, at most three, are kept here. The character is then put together here and returned from here. If text is
//! not UTF-8, its valid prefix is still returned.

use core::str::{self, Utf8Error};

use thiserror::Error;

/// An incremental UTF-8 decoder, for text in pieces that may split characters (RFC 6455 §5.6, §8.1).
///
/// It does not copy: text is returned from the input. Only the bytes of a split character are kept.
///
/// ```
/// use wsproto::{InvalidUtf8, Utf8Decoder};
///
/// let mut decoder = Utf8Decoder::new();
/// let mut text = String::new();
/// for mut piece in [&b"gr\xc3"[..], b"\xbc\xc3\x9f"] {
///     while !piece.is_empty() {
///         text.push_str(decoder.decode(&mut piece)?);
///     }
/// }
/// assert!(decoder.is_complete());
/// assert_eq!(text, "grüß");
///
/// let mut piece = &b"ok\xff"[..];
/// assert_eq!(decoder.decode(&mut piece), Ok("ok"));
/// assert!(decoder.decode(&mut piece).is_err());
/// # Ok::<(), InvalidUtf8>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Utf8Decoder {
    /// The first bytes of a split character; all of its bytes once it is complete.
    character: [u8; 4],
    /// How many bytes of `character` were received; 0 between characters.
    filled: u8,
}

/// The error of a text that is not valid UTF-8, with the offset of the first bad byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("text is not UTF-8")]
#[non_exhaustive]
pub struct InvalidUtf8 {
    /// The offset of the first byte that is not valid, in the input of the call that failed.
    pub at: usize,
}

/// A piece of text that is not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidText<'a> {
    /// Its valid prefix.
    pub(crate) valid: &'a str,
    /// The offset of the first byte that is not valid; the length of the piece, if the text must not end there.
    pub(crate) at: usize,
}

impl Utf8Decoder {
    /// A decoder at the beginning of a text.
    pub const fn new() -> Self {
        Self { character: [0; 4], filled: 0 }
    }

    /// Reads text from the front of `input`, and removes the bytes that it has read.
    ///
    /// Call it until `input` is empty. The returned text is empty if `input` holds only a part of a character.
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] if the bytes at the front of `input` are not UTF-8; the valid text before them was returned by an
    /// earlier call. `input` and the decoder are unchanged then.
    pub fn decode<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<&'a str, InvalidUtf8> {
        let missing = self.missing();
        if missing > 0 {
            let (part, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
            self.resume(part).map_err(|at| InvalidUtf8 { at })?;
            *input = rest;
            return Ok(if self.is_complete() { self.character() } else { "" });
        }
        match self.decode_piece(input) {
            Ok(text) => {
                *input = &[];
                Ok(text)
            }
            Err(InvalidText { valid: "", at }) => Err(InvalidUtf8 { at }),
            Err(InvalidText { valid, .. }) => {
                *input = input.get(valid.len()..).unwrap_or_default();
                Ok(valid)
            }
        }
    }

    /// Whether the text can end here: no character is incomplete.
    pub const fn is_complete(&self) -> bool {
        self.filled == 0
    }

    /// How many bytes of an incomplete character are missing; 0 between characters.
    #[inline]
    pub(crate) fn missing(&self) -> usize {
        match self.filled {
            0 => 0,
            filled => width(self.character[0]).saturating_sub(filled).into(),
        }
    }

    /// The first bytes of an incomplete character.
    #[cfg(feature = "bytes")]
    pub(crate) fn begun(&self) -> &[u8] {
        self.character.get(..usize::from(self.filled)).unwrap_or_default()
    }

    /// Reads a piece that starts between two characters.
    #[inline]
    pub(crate) fn decode_piece<'a>(&mut self, piece: &'a [u8]) -> Result<&'a str, InvalidText<'a>> {
        let (whole, begun) = split_begun(piece);
        let text = from_utf8(whole).map_err(|error| invalid_text(whole, error))?;
        if !begun.is_empty() {
            self.begin(begun)
                .map_err(|at| InvalidText { valid: text, at: whole.len().saturating_add(at) })?;
        }
        Ok(text)
    }

    /// Keeps the first bytes of a character. `Err` is the offset of the first bad byte.
    #[inline]
    fn begin(&mut self, begun: &[u8]) -> Result<(), usize> {
        for (i, byte) in begun.iter().enumerate() {
            if !self.may_follow(*byte) {
                self.filled = 0;
                return Err(i);
            }
            self.push(*byte);
        }
        Ok(())
    }

    /// Adds bytes to an incomplete character, at most as many as are [`missing`](Self::missing).
    ///
    /// Once none is missing, [`character`](Self::character) returns it. `Err` is the offset of the first bad byte.
    #[inline]
    pub(crate) fn resume(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut next = self.clone();
        for (i, byte) in bytes.iter().enumerate() {
            if !next.may_follow(*byte) {
                return Err(i);
            }
            next.push(*byte);
        }
        if next.missing() == 0 {
            next.filled = 0;
        }
        *self = next;
        Ok(())
    }

    /// Whether `byte` may come next in a character (RFC 3629 §4).
    #[inline]
    fn may_follow(&self, byte: u8) -> bool {
        match (self.filled, self.character[0]) {
            // `begun_at` has found a first byte.
            (0, _) => true,
            (1, 0xE0) => matches!(byte, 0xA0..=0xBF),
            (1, 0xED) => matches!(byte, 0x80..=0x9F),
            (1, 0xF0) => matches!(byte, 0x90..=0xBF),
            (1, 0xF4) => matches!(byte, 0x80..=0x8F),
            _ => matches!(byte, 0x80..=0xBF),
        }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.character.get_mut(usize::from(self.filled)) {
            *place = byte;
            self.filled = self.filled.saturating_add(1);
        }
    }

    /// The last character that was put together.
    #[inline]
    pub(crate) fn character(&self) -> &str {
        let whole = self.character.get(..usize::from(width(self.character[0]))).unwrap_or_default();
        str::from_utf8(whole).unwrap_or_default()
    }
}

/// Splits off an incomplete character at the end of `piece`.
#[inline]
fn split_begun(piece: &[u8]) -> (&[u8], &[u8]) {
    match piece.last() {
        Some(last) if !last.is_ascii() => piece.split_at(begun_at(piece)),
        _ => (piece, &[]),
    }
}

/// Whether the first character of `piece` is not UTF-8, whatever follows.
#[inline]
pub(crate) fn begins_invalid(piece: &[u8]) -> bool {
    if piece.first().is_none_or(u8::is_ascii) {
        return false;
    }
    let first = piece.get(..4).unwrap_or(piece);
    str::from_utf8(first).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_some())
}

/// Whether `piece` is only the beginning of one character.
#[inline]
pub(crate) fn is_begun(piece: &[u8]) -> bool {
    !piece.is_empty() && piece.len() < 4 && begun_at(piece) == 0
}

/// The offset of an incomplete character at the end of `piece`; the length of `piece` if there is none.
fn begun_at(piece: &[u8]) -> usize {
    // An incomplete character has at most three bytes, so its first byte is one of the last three.
    for (i, byte) in piece.iter().rev().take(3).enumerate() {
        let come = i.saturating_add(1);
        match width(*byte) {
            0 => {}
            width if usize::from(width) > come => return piece.len().saturating_sub(come),
            _ => break,
        }
    }
    piece.len()
}

/// The length in bytes of a character whose first byte is `first`; 0 if no character begins with it.
const fn width(first: u8) -> u8 {
    match first {
        0x00..=0x7F => 1,
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 0,
    }
}

#[cold]
fn invalid_text(bytes: &[u8], error: Utf8Error) -> InvalidText<'_> {
    let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
    InvalidText { valid: str::from_utf8(valid).unwrap_or_default(), at: bad_byte(bytes, error) }
}

/// The offset of the first byte that is not valid; the length of `bytes`, if they end inside a character.
///
/// `Utf8Error` has the length of the valid beginning of a bad character, but it has a length of one also if the first
/// byte is wrong.
pub(crate) fn bad_byte(bytes: &[u8], error: Utf8Error) -> usize {
    let start = error.valid_up_to();
    match (bytes.get(start), error.error_len()) {
        (_, None) => bytes.len(),
        // The first byte begins a character: the bad byte is one after it.
        (Some(0xC2..=0xF4), Some(len)) => start.saturating_add(len),
        _ => start,
    }
}

/// [`core::str::from_utf8`], with a vectorised check for bytes long enough to be worth the call.
#[inline]
pub(crate) fn from_utf8(bytes: &[u8]) -> Result<&str, Utf8Error> {
    #[cfg(feature = "unsafe-text")]
    if bytes.len() < SHORT && is_ascii(bytes) {
        return Ok(proven(bytes));
    }
    #[cfg(feature = "std")]
    if bytes.len() >= LONG {
        // It says only whether the bytes are valid; if they are not, `core` finds the first bad byte.
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return Ok(text);
        }
    }
    str::from_utf8(bytes)
}

/// Bytes as text, which [`is_ascii`] or [`from_utf8`] has found to be text.
#[cfg(feature = "unsafe-text")]
#[inline]
#[allow(unsafe_code, reason = "this is what the feature is for: `core` would read all bytes again")]
fn proven(text: &[u8]) -> &str {
    // SAFETY: `from_utf8` calls it with bytes below 0x80, each a character; `checked_text` with what was checked.
    unsafe { str::from_utf8_unchecked(text) }
}

/// Bytes as text, which [`from_utf8`] has checked before.
#[cfg(feature = "bytes")]
#[inline]
pub(crate) fn checked_text(text: &[u8]) -> &str {
    #[cfg(feature = "unsafe-text")]
    return proven(text);
    #[cfg(not(feature = "unsafe-text"))]
    from_utf8(text).unwrap_or_default()
}

/// Whether no byte has its top bit set.
///
/// It reads words of eight bytes; the last word may overlap the one before. `core` reads unaligned bytes one by one.
#[cfg(feature = "unsafe-text")]
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const TOP_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    let Some(last) = bytes.last_chunk() else { return bytes.iter().all(u8::is_ascii) };
    let mut seen = u64::from_ne_bytes(*last);
    for word in bytes.chunks_exact(8) {
        seen |= word.first_chunk().map_or(TOP_BITS, |word| u64::from_ne_bytes(*word));
    }
    seen & TOP_BITS == 0
}

/// From this length on, in bytes, `simdutf8` is faster than `core`, even on ASCII.
#[cfg(feature = "std")]
const LONG: usize = 64;

/// From this length on, in bytes, `simdutf8` is faster than the check for ASCII.
#[cfg(feature = "unsafe-text")]
const SHORT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `pieces` as one text; returns it with the offset of the first bad byte, if there is one.
    fn decode(pieces: &[&[u8]]) -> (String, Option<usize>) {
        let mut decoder = Utf8Decoder::new();
        let mut text = String::new();
        let mut before = 0;
        for piece in pieces {
            let mut rest = *piece;
            while decoder.missing() > 0 && !rest.is_empty() {
                let (now, later) = rest.split_at(decoder.missing().min(rest.len()));
                match decoder.resume(now) {
                    Ok(()) if decoder.missing() == 0 => text.push_str(decoder.character()),
                    Ok(()) => {}
                    Err(bad) => return (text, Some(before + bad)),
                }
                before += now.len();
                rest = later;
            }
            match decoder.decode_piece(rest) {
                Ok(chunk) => text.push_str(chunk),
                Err(bad) => {
                    text.push_str(bad.valid);
                    return (text, Some(before + bad.at));
                }
            }
            before += rest.len();
        }
        (text, (decoder.missing() > 0).then_some(before))
    }

    /// The first bad byte by the grammar of RFC 3629 §4, found by trying every prefix.
    fn first_bad_byte(bytes: &[u8]) -> Option<usize> {
        (0..bytes.len())
            .find(|&i| str::from_utf8(&bytes[..=i]).is_err_and(|error| error.error_len().is_some()))
    }

    #[test]
    fn every_sequence_of_hard_bytes_agrees_with_the_grammar_however_it_is_split() {
        let hard = [
            0x00, 0x61, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
            0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ];
        let count = hard.len();
        // Miri needs hours for all. The step is prime, so that the last byte still has all values.
        let step = if cfg!(miri) { 10_007 } else { 1 };
        for n in (0..count * count * count * count).step_by(step) {
            let bytes = [
                hard[n % count],
                hard[n / count % count],
                hard[n / count / count % count],
                hard[n / count / count / count],
            ];
            let bad = first_bad_byte(&bytes);
            let whole = decode(&[&bytes]);
            if bad.is_some() {
                assert_eq!(whole.1, bad, "{bytes:x?}");
            }
            for cut in 1..4 {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(decode(&[head, tail]), whole, "{bytes:x?} cut at {cut}");
            }
        }
    }

    #[test]
    fn first_bad_byte_of_a_long_text_is_found_at_every_offset() {
        for len in [1, 7, 8, 9, 15, 63, 64, 65, 130, 255, 256, 257] {
            // Miri is too slow for every offset.
            for at in (0..len).step_by(if cfg!(miri) { 13 } else { 1 }) {
                let mut bytes = vec![b'a'; len];
                bytes[at] = 0xff;
                assert_eq!(decode(&[&bytes]), ("a".repeat(at), Some(at)));
            }
        }
    }

    #[test]
    fn bytes_that_only_continue_characters_are_no_text() {
        for len in 1..100 {
            assert!(from_utf8(&vec![0x80; len]).is_err(), "{len}");
        }
    }

    #[test]
    fn character_in_four_pieces_is_returned_once_complete() {
        assert_eq!(decode(&[b"\xf0", b"\x9f", b"\x98", b"\x80"]), ("😀".into(), None));
    }
}
