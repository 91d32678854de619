//! Values of fields as `Debug` shows them.

use core::fmt;

/// The value of the field with this name as text for a log. Credentials are hidden.
pub(super) struct Shown<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if SECRET.iter().any(|secret| self.name.eq_ignore_ascii_case(secret)) {
            f.write_str("\"…\"")
        } else {
            write!(f, "\"{}\"", self.value.escape_ascii())
        }
    }
}

/// Headers whose values are credentials (RFC 9110 §11, RFC 6265 §8.3).
const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
