//! The grammar of heads (RFC 9110 §5, RFC 9112 §3, RFC 3986 §3.2).

use crate::token::{byte_table, is_field_value_byte, is_in, trim_end, trim_start};

/// A field value: visible bytes, with spaces and tabs only inside (RFC 9110 §5.5).
pub(crate) fn is_field_value(bytes: &[u8]) -> bool {
    trim(bytes) == bytes && bytes.iter().all(|byte| is_field_value_byte(*byte))
}

/// A resource name: an absolute path with an optional query, and no fragment (RFC 6455 §3; RFC 3986 §3.3, §3.4).
pub(crate) fn is_resource_name(target: &[u8]) -> bool {
    target.first() == Some(&b'/') && is_uri_text(target, b":@/?")
}

/// A resource name as a server takes it.
///
/// The characters that RFC 3986 does not allow are refused (`" < > \ ^ { }`). But browsers write `|`, `[`, `]` and
/// backticks into queries as they are, and percent signs that escape nothing; those are taken.
#[cfg(any(test, feature = "alloc"))]
pub(crate) fn is_received_resource_name(target: &[u8]) -> bool {
    target.first() == Some(&b'/') && is_received_uri_text(target)
}

/// Whether a server accepts these bytes in a path or a query.
pub(crate) fn is_received_uri_text(text: &[u8]) -> bool {
    text.iter().all(|byte| is_in(&RECEIVED_URI_BYTES, *byte))
}

/// A host with an optional port (RFC 9110 §7.2, RFC 3986 §3.2.2).
pub(crate) fn is_host(host: &[u8]) -> bool {
    match after_name(host) {
        Some([]) => true,
        Some([b':', port @ ..]) => is_port(port),
        _ => false,
    }
}

/// What follows a registered name or an address between brackets (RFC 3986 §3.2.2).
fn after_name(host: &[u8]) -> Option<&[u8]> {
    let Some(literal) = host.strip_prefix(b"[") else {
        let (name, rest) = host.split_at_checked(uri_text_len(host, b""))?;
        return (!name.is_empty()).then_some(rest);
    };
    let (address, rest) = literal.split_at_checked(literal.iter().position(|byte| *byte == b']')?)?;
    if is_ip_literal(address) { rest.get(1..) } else { None }
}

fn is_ip_literal(address: &[u8]) -> bool {
    core::str::from_utf8(address).is_ok_and(|address| address.parse::<core::net::Ipv6Addr>().is_ok())
}

/// Bytes that may stand in a URI as they are: unreserved ones, `sub-delims`, whole percent-encodings, and
/// those in `others` (RFC 3986 §2, §3.3, §3.4).
pub(crate) fn is_uri_text(text: &[u8], others: &[u8]) -> bool {
    uri_text_len(text, others) == text.len()
}

/// How much of the front is such bytes.
fn uri_text_len(text: &[u8], others: &[u8]) -> usize {
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = match (byte, tail) {
            _ if is_in(&URI_BYTES, *byte) => tail,
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => tail,
            (byte, _) if others.contains(byte) => tail,
            _ => break,
        };
    }
    text.len().saturating_sub(rest.len())
}

/// The unreserved bytes of a URI, and `sub-delims` (RFC 3986 §2.2, §2.3).
const URI_BYTES: [bool; 256] = byte_table!(
    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'='
);

/// Visible characters, except for `"`, `#`, `<`, `>`, `\`, `^`, `{` and `}`.
const RECEIVED_URI_BYTES: [bool; 256] =
    byte_table!(b'!' | b'$'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_'..=b'z' | b'|' | b'~');

fn is_port(port: &[u8]) -> bool {
    port.is_empty()
        || port.iter().all(u8::is_ascii_digit)
            && core::str::from_utf8(port).is_ok_and(|port| port.parse::<u16>().is_ok())
}

/// Without the spaces and tabs around it.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in ["localhost", "a.example:80", "[::1]", "[::1]:9001", "127.0.0.1:", "a_b", "a%20b"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            "[::1",
            "[::1]x",
            "[]",
            "[z]",
            "a/b",
            "a b",
            "host:999999",
            "host:8a",
            "a:b:c",
            "café",
            "a%2",
            "a@b",
            "a\r\nb",
            "[::1]:65536",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn resource_names() {
        for target in ["/", "/chat?x=1&y=%20z", "//x"] {
            assert!(is_resource_name(target.as_bytes()), "{target}");
        }
        for target in ["", "chat", "/a b", "/a#b", "/a\tb", "/a\x7fb", "/é", "*", "/a<b", "/?{}"] {
            assert!(!is_resource_name(target.as_bytes()), "{target}");
            assert!(!is_received_resource_name(target.as_bytes()), "{target}");
        }
        for target in ["/?a[]=|`", "/100%"] {
            assert!(!is_resource_name(target.as_bytes()), "{target}");
            assert!(is_received_resource_name(target.as_bytes()), "{target}");
        }
    }

    #[test]
    fn a_server_takes_visible_characters_that_a_uri_can_contain() {
        for byte in 0..=u8::MAX {
            let is_taken = byte.is_ascii_graphic() && !b"\"#<>\\^{}".contains(&byte);
            assert_eq!(is_received_uri_text(&[byte]), is_taken, "{byte:#x}");
        }
    }

    #[test]
    fn field_values_cannot_end_the_field() {
        for value in ["", "a", "a b\tc", "é"] {
            assert!(is_field_value(value.as_bytes()), "{value}");
        }
        for value in ["a\r\nb", "a\nb", "a\rb", "a\0b", " a", "a\t", "a\x7f"] {
            assert!(!is_field_value(value.as_bytes()), "{value:?}");
        }
    }
}
