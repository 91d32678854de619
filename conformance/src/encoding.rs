//! Bytes as text: hex digits, and strings in which U+00XX is byte XX.

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

/// Returns two hex digits for each byte.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|digit| char::from_digit(digit.into(), 16))
        .map(Option::unwrap_or_default)
        .collect()
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

/// Returns at most `max` bytes as hex digits, and how many were left out.
pub(crate) fn shortened(bytes: &[u8], max: usize) -> String {
    match bytes.split_at_checked(max) {
        Some((shown, rest)) if !rest.is_empty() => format!("{}… ({} bytes)", to_hex(shown), bytes.len()),
        _ => to_hex(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_digits_are_read_and_written() {
        assert_eq!(from_hex("00ffA1"), Ok(vec![0, 0xff, 0xa1]));
        assert_eq!(to_hex(&[0, 0xff, 0xa1]), "00ffa1");
        assert!(from_hex("0").is_err() && from_hex("0g").is_err());
    }

    #[test]
    fn string_of_bytes_has_no_character_above_u_00ff() {
        assert_eq!(from_latin1("a\u{ff}"), Ok(vec![0x61, 0xff]));
        assert_eq!(to_latin1(&[0x61, 0xff]), "a\u{ff}");
        assert!(from_latin1("\u{100}").is_err());
    }
}
