//! Text: valid UTF-8 of characters of every length, and sequences of bytes that are not valid (RFC 3629).

use alloc::string::String;

use arbitrary::{Result, Unstructured};

/// Text of at most 12 characters: short enough for a close reason.
pub(super) fn text(u: &mut Unstructured<'_>) -> Result<String> {
    (0..u.int_in_range(0..=12_u8)?).map(|_| character(u)).collect()
}

/// A character; those of one to four bytes are equally likely.
fn character(u: &mut Unstructured<'_>) -> Result<char> {
    let code = match u.int_in_range(0..=3_u8)? {
        0 => u.int_in_range(0..=0x7F)?,
        1 => u.int_in_range(0x80..=0x7FF)?,
        2 => u.int_in_range(0x800..=0xFFFF)?,
        _ => u.int_in_range(0x1_0000..=0x10_FFFF)?,
    };
    // Surrogates are not characters.
    Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Bytes that are not UTF-8, whatever follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct BadText {
    pub(super) bytes: &'static [u8],
    /// The byte that proves it; `None` if it is the end of the text.
    pub(super) at: Option<usize>,
}

impl BadText {
    pub(super) fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        u.choose(BAD).copied()
    }
}

const fn bad(bytes: &'static [u8], at: usize) -> BadText {
    BadText { bytes, at: Some(at) }
}

const fn cut(bytes: &'static [u8]) -> BadText {
    BadText { bytes, at: None }
}

const BAD: &[BadText] = &[
    // Bytes that begin nothing.
    bad(b"\x80", 0),
    bad(b"\xbf", 0),
    bad(b"\xc0\x80", 0),
    bad(b"\xc1\xbf", 0),
    bad(b"\xf5\x80\x80\x80", 0),
    bad(b"\xfe", 0),
    bad(b"\xff", 0),
    // Too long, a surrogate, beyond the last character.
    bad(b"\xe0\x9f\xbf", 1),
    bad(b"\xed\xa0\x80", 1),
    bad(b"\xf0\x8f\xbf\xbf", 1),
    bad(b"\xf4\x90\x80\x80", 1),
    // Characters that end too early.
    bad(b"\xc3\x28", 1),
    bad(b"\xe2\x28\xac", 1),
    bad(b"\xe2\x82\x28", 2),
    bad(b"\xf0\x9f\x98\xc3", 3),
    cut(b"\xc3"),
    cut(b"\xe2"),
    cut(b"\xe2\x82"),
    cut(b"\xf0\x9f"),
    cut(b"\xf0\x9f\x98"),
];
