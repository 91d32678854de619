//! Tokens, the bytes of values, and white space: what heads and lists of extensions share (RFC 9110 §5.5, §5.6).

/// A token: a method, a field name, a subprotocol (RFC 9110 §5.6.2).
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && token_len(bytes) == bytes.len()
}

/// How much of the front can be a token.
pub(crate) fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(bytes.len())
}

fn is_token_byte(byte: u8) -> bool {
    is_in(&TOKEN_BYTES, byte)
}

/// Whether a token can have a byte; looked up, as heads are full of tokens.
const TOKEN_BYTES: [bool; 256] = byte_table!(
    b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'z' | b'|' | b'~'
);

/// A table of the bytes that match a pattern.
macro_rules! byte_table {
    ($pattern:pat) => {{
        let mut table = [false; 256];
        let mut byte: u8 = 0;
        while byte < u8::MAX {
            #[expect(clippy::indexing_slicing, reason = "no byte is beyond it")]
            {
                table[byte as usize] = matches!(byte, $pattern);
            }
            byte = byte.wrapping_add(1);
        }
        table
    }};
}
pub(crate) use byte_table;

/// Whether a table has a byte.
pub(crate) fn is_in(table: &[bool; 256], byte: u8) -> bool {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether a field value can have a byte (RFC 9110 §5.5).
pub(crate) const fn is_field_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// Converts bytes that are UTF-8: they were text, or were checked to be ASCII.
pub(crate) fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// Without the spaces and tabs at its start.
pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Without the spaces and tabs at its end.
pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_no_separators() {
        for byte in 0..=255 {
            let separator = b"()<>@,;:\\\"/[]?={} \t".contains(&byte);
            assert_eq!(is_token(&[byte]), byte.is_ascii_graphic() && !separator, "{byte:#x}");
        }
        assert!(!is_token(b""));
    }
}
