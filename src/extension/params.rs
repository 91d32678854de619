//! Extensions as in the `Sec-WebSocket-Extensions` header: `name; param; param=value` (RFC 6455 §9.1).

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::error::ExtensionParseError;
use crate::packed;
use crate::token::{is_token, text};

use super::grammar::{Item, Value, read_list};

/// One extension with its parameters, as in a `Sec-WebSocket-Extensions` header (RFC 6455 §9.1).
///
/// ```
/// use wsproto::ExtensionParams;
///
/// let offer = ExtensionParams::new("permessage-deflate")
///     .with_flag("client_no_context_takeover")
///     .with_value("server_max_window_bits", "10");
/// let header = "permessage-deflate; client_no_context_takeover; server_max_window_bits=10";
/// assert_eq!(offer.to_string(), header);
/// assert_eq!(ExtensionParams::parse_list(header.as_bytes()), Ok(vec![offer]));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExtensionParams {
    /// The name, then each parameter's name and value, [packed]. A value is stored after a `=`, so that an empty value
    /// differs from no value.
    bytes: Vec<u8>,
}

impl ExtensionParams {
    /// An extension without parameters. `name` has to be a token, which is checked when it is sent.
    pub fn new(name: &str) -> Self {
        Self::with_capacity(name.as_bytes(), 0)
    }

    pub(super) fn with_capacity(name: &[u8], capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        packed::push(&mut bytes, name);
        Self { bytes }
    }

    /// Makes it an extension of this name without parameters, in the memory that it has.
    #[cfg(feature = "handshake")]
    pub(super) fn restart(&mut self, name: &[u8]) {
        self.bytes.clear();
        packed::push(&mut self.bytes, name);
    }

    /// Adds a parameter that has no value.
    #[must_use]
    pub fn with_flag(mut self, name: &str) -> Self {
        self.push(name.as_bytes(), None);
        self
    }

    /// Adds a parameter that has a value.
    #[must_use]
    pub fn with_value(mut self, name: &str, value: &str) -> Self {
        self.push(name.as_bytes(), Some(value.as_bytes()));
        self
    }

    pub(super) fn push(&mut self, name: &[u8], value: Option<&[u8]>) {
        packed::push(&mut self.bytes, name);
        match value {
            Some(value) => {
                packed::push_len(&mut self.bytes, value.len().saturating_add(1));
                self.bytes.push(b'=');
                self.bytes.extend_from_slice(value);
            }
            None => packed::push_len(&mut self.bytes, 0),
        }
    }

    /// The extension's name.
    pub fn name(&self) -> &str {
        text(self.name_bytes())
    }

    /// The extension's name as bytes, which are quicker to compare.
    pub(crate) fn name_bytes(&self) -> &[u8] {
        packed::take(&mut self.bytes.as_slice()).unwrap_or_default()
    }

    /// The parameters with their values, in order.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.params_bytes().map(|(name, value)| (text(name), value.map(text)))
    }

    /// The same as bytes.
    pub(super) fn params_bytes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut rest = self.bytes.as_slice();
        packed::take(&mut rest);
        core::iter::from_fn(move || {
            let (name, value) = (packed::take(&mut rest)?, packed::take(&mut rest)?);
            Some((name, value.strip_prefix(b"=")))
        })
    }

    /// Parses a header's value: a list by the grammar of §9.1, in which values may be quoted.
    ///
    /// Empty elements of the list are left out (RFC 9110 §5.6.1).
    ///
    /// # Errors
    ///
    /// What is malformed, and the offset of the byte.
    pub fn parse_list(value: &[u8]) -> Result<Vec<Self>, ExtensionParseError> {
        let mut list: Vec<Self> = Vec::new();
        read_list(value, &mut |item| match (item, list.last_mut()) {
            (Item::Extension(name), _) => list.push(Self::with_capacity(name, 0)),
            (Item::Param(name, value), Some(extension)) => extension.push_read(name, value),
            (Item::Param(..), None) => {}
        })?;
        Ok(list)
    }

    pub(super) fn push_read(&mut self, name: &[u8], value: Option<Value<'_>>) {
        match value {
            None => self.push(name, None),
            Some(Value::Token(value)) => self.push(name, Some(value)),
            Some(Value::Quoted(value)) => self.push(name, Some(&unquoted(value))),
        }
    }

    /// Whether every name and value is a token, as they must be (§9.1).
    pub(crate) fn is_well_formed(&self) -> bool {
        is_token(self.name_bytes())
            && self.params_bytes().all(|(name, value)| is_token(name) && value.is_none_or(is_token))
    }
}

impl fmt::Display for ExtensionParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        for (name, value) in self.params() {
            write!(f, "; {name}")?;
            match value {
                Some(value) if is_token(value.as_bytes()) => write!(f, "={value}")?,
                Some(value) => write!(f, "=\"{}\"", Escaped(value))?,
                None => {}
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ExtensionParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtensionParams({self})")
    }
}

/// A value as it is written between quotes (RFC 9110 §5.6.4).
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        Ok(())
    }
}

/// Removes the backslash escapes from a quoted value.
fn unquoted(quoted: &[u8]) -> Vec<u8> {
    let mut rest = quoted;
    let mut value = Vec::with_capacity(quoted.len());
    while let [b'\\', byte, after @ ..] | [byte, after @ ..] = rest {
        value.push(*byte);
        rest = after;
    }
    value
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::error::ExtensionParseErrorKind as Kind;

    fn parse(value: &str) -> Result<Vec<String>, ExtensionParseError> {
        let list = ExtensionParams::parse_list(value.as_bytes())?;
        Ok(list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lists_are_read_by_the_grammar() {
        for (value, expected) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("a, b;x ; y=1,,c", &["a", "b; x; y=1", "c"]),
            (" a\t;\tb\t=\t\"c\" ", &["a; b=c"]),
            (r#"a; b="1\0""#, &["a; b=10"]),
            (r#"a; b="c,d", e"#, &[r#"a; b="c,d""#, "e"]),
            (r#"a; b="", c; b"#, &[r#"a; b="""#, "c; b"]),
            (r#"a; b="\"\\""#, &[r#"a; b="\"\\""#]),
        ] {
            let expected = expected.iter().map(|text| (*text).into()).collect();
            assert_eq!(parse(value), Ok(expected), "{value:?}");
        }
    }

    #[test]
    fn malformed_list_is_reported_with_the_offset_of_its_byte() {
        for (value, kind, offset) in [
            (";", Kind::MissingName, 0),
            (" \t;", Kind::MissingName, 2),
            ("a, ;", Kind::MissingName, 3),
            ("\"a\"", Kind::MissingName, 0),
            ("a;", Kind::MissingParamName, 2),
            ("a;  ", Kind::MissingParamName, 2),
            ("a;;b", Kind::MissingParamName, 2),
            ("a; =b", Kind::MissingParamName, 3),
            ("a; \"b\"", Kind::MissingParamName, 3),
            ("a; b=", Kind::MissingValue, 5),
            ("a; b=, c", Kind::MissingValue, 5),
            ("a; b=\u{e9}", Kind::MissingValue, 5),
            ("a=b", Kind::UnexpectedByte, 1),
            ("a b", Kind::UnexpectedByte, 2),
            ("a/b", Kind::UnexpectedByte, 1),
            ("a; b c", Kind::UnexpectedByte, 5),
            ("a;b=c=d", Kind::UnexpectedByte, 5),
            ("a; b=\"c\"d", Kind::UnexpectedByte, 8),
            ("a; b=\"c", Kind::UnclosedQuote, 7),
            ("a; b=\"c\\", Kind::UnclosedQuote, 8),
            ("a; b=\"\0\"", Kind::InvalidQuotedByte, 6),
            ("a; b=\"\\\0\"", Kind::InvalidQuotedByte, 7),
            ("a; b=\"\u{e9}\"", Kind::InvalidQuotedByte, 6),
        ] {
            let error = parse(value).expect_err(value);
            assert_eq!((error.kind(), error.offset()), (kind, offset), "{value:?}");
        }
    }
}
