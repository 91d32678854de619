//! Values that are comma-separated lists (RFC 9110 §5.6.1).

use super::syntax::trim;

/// Splits a header's value at its commas: a list, such as those of `Sec-WebSocket-Protocol` and `Connection`
/// (RFC 9110 §5.6.1).
///
/// Elements have no spaces or tabs around them, and empty ones are left out. A comma between quotation marks is part of
/// its element (§5.6.4). `Headers::list` (with the feature `alloc`) does the same over all headers of one name.
///
/// ```
/// use wsproto::split_list;
///
/// assert!(split_list(b"chat, superchat").eq([&b"chat"[..], b"superchat"]));
/// assert!(split_list(br#"a; b="1, 2",, c "#).eq([&br#"a; b="1, 2""#[..], b"c"]));
/// assert_eq!(split_list(b" ,").next(), None);
/// ```
pub fn split_list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    core::iter::from_fn(move || {
        let list = rest?;
        let (element, after) = list.split_at_checked(element_len(list))?;
        rest = after.get(1..);
        Some(trim(element))
    })
    .filter(|element| !element.is_empty())
}

/// The length of a list's first element: it ends before a comma that is not within quotes (RFC 9110 §5.6.4).
fn element_len(list: &[u8]) -> usize {
    let end = list.iter().position(|byte| matches!(byte, b',' | b'"')).unwrap_or(list.len());
    if list.get(end) == Some(&b'"') { quoted_element_len(list) } else { end }
}

/// The same, of an element that has quotes.
#[cold]
fn quoted_element_len(list: &[u8]) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let ends = |byte: &u8| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            b',' => return !is_quoted,
            _ => {}
        }
        false
    };
    list.iter().position(ends).unwrap_or(list.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas_outside_quotes() {
        for (list, expected) in [
            ("", &[][..]),
            (" , ,", &[]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            (" a b \t,, c;d ,", &["a b", "c;d"]),
            (r#""a,b",c"#, &[r#""a,b""#, "c"]),
            (r#"a;b="c,d", e"#, &[r#"a;b="c,d""#, "e"]),
            (r#""\",", a"#, &[r#""\",""#, "a"]),
            (r#""\\", a"#, &[r#""\\""#, "a"]),
            (r#"\, "a, b"#, &["\\", r#""a, b"#]),
            (r#""", a"#, &[r#""""#, "a"]),
        ] {
            let seen: Vec<_> = split_list(list.as_bytes()).map(|bytes| core::str::from_utf8(bytes)).collect();
            assert!(
                seen.iter().eq(expected.iter().map(|text| Ok(*text)).collect::<Vec<_>>().iter()),
                "{list}: {seen:?}"
            );
        }
    }
}
