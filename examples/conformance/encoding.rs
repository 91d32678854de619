//! How bytes are written in cases: as hex digits, as characters up to U+00FF, and a key as base64.

use serde::{Serialize, Serializer};

/// Reads bytes from pairs of hex digits.
pub(crate) fn from_hex(digits: &str) -> Result<Vec<u8>, String> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| format!("not hex digits: {digits:?}"))
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Reads bytes from a string in which U+00XX is byte XX.
pub(crate) fn from_latin1(text: &str) -> Result<Vec<u8>, String> {
    let bytes = text.chars().map(u8::try_from);
    bytes.collect::<Result<_, _>>().map_err(|_| format!("a character above U+00FF: {text:?}"))
}

/// Returns the string in which U+00XX is byte XX.
pub(crate) fn to_latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Reads the 16 bytes of a `Sec-WebSocket-Key`: 22 base64 digits, whose last four bits are unused, and `==`.
pub(crate) fn from_key(key: &str) -> Option<[u8; 16]> {
    let digits = key.strip_suffix("==").filter(|digits| digits.len() == 22)?;
    let mut digits = digits.bytes().map(base64_digit);
    let whole = digits.by_ref().take(21).try_fold(0_u128, |bits, digit| Some(bits << 6 | digit?))?;
    let last = digits.next()??;
    Some((whole << 2 | last >> 4).to_be_bytes())
}

fn base64_digit(digit: u8) -> Option<u128> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    DIGITS.iter().position(|candidate| *candidate == digit).map(|value| value as u128)
}

/// Prints bytes as hex digits.
pub(crate) fn as_hex<S: Serializer>(bytes: impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('?', char::from);
    let digits: String =
        bytes.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect();
    digits.serialize(serializer)
}

/// Prints bytes as hex digits, or null for `None`.
pub(crate) fn as_maybe_hex<S: Serializer, B: AsRef<[u8]>>(
    bytes: &Option<B>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => as_hex(bytes, serializer),
        None => serializer.serialize_none(),
    }
}

/// Prints bytes as the string in which U+00XX is byte XX.
pub(crate) fn as_latin1<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    to_latin1(bytes).serialize(serializer)
}
