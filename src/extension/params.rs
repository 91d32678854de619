//! Extensions as a header names them: `name; param; param=value` (RFC 6455 §9.1).

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::http::packed;
use crate::http::syntax::{is_field_value_byte, is_token, token_len, trim};

/// One extension with its parameters, as `Sec-WebSocket-Extensions` offers or agrees to it.
///
/// ```
/// use wsproto::ExtensionParams;
///
/// let offer = ExtensionParams::new("permessage-deflate")
///     .with_flag("client_no_context_takeover")
///     .with_value("server_max_window_bits", "10");
/// let header = "permessage-deflate; client_no_context_takeover; server_max_window_bits=10";
/// assert_eq!(offer.to_string(), header);
/// assert_eq!(ExtensionParams::parse_list(header.as_bytes()), Some(vec![offer]));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExtensionParams {
    /// The name; then in turn a parameter's name and its value, [packed]. A value has a `=` before it, so
    /// that an empty one is not as none.
    bytes: Vec<u8>,
}

impl ExtensionParams {
    /// An extension without parameters. That `name` is a token is checked when it is sent.
    pub fn new(name: &str) -> Self {
        Self::with_capacity(name, 0)
    }

    fn with_capacity(name: &str, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        packed::push(&mut bytes, name.as_bytes());
        Self { bytes }
    }

    /// Adds a parameter that has no value.
    #[must_use]
    pub fn with_flag(mut self, name: &str) -> Self {
        self.push(name, None);
        self
    }

    /// Adds a parameter that has a value.
    #[must_use]
    pub fn with_value(mut self, name: &str, value: &str) -> Self {
        self.push(name, Some(value.as_bytes()));
        self
    }

    fn push(&mut self, name: &str, value: Option<&[u8]>) {
        packed::push(&mut self.bytes, name.as_bytes());
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
        packed::take(&mut self.bytes.as_slice()).map(text).unwrap_or_default()
    }

    /// The parameters with their values, in order.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let mut rest = self.bytes.as_slice();
        packed::take(&mut rest);
        core::iter::from_fn(move || {
            let (name, value) = (packed::take(&mut rest)?, packed::take(&mut rest)?);
            Some((text(name), value.strip_prefix(b"=").map(text)))
        })
    }

    /// Reads a header's value: a list by the grammar of §9.1, in which values may be quoted.
    ///
    /// Returns `None` where it is malformed. Empty elements of the list are left out (RFC 9110 §5.6.1).
    pub fn parse_list(value: &[u8]) -> Option<Vec<Self>> {
        let mut list: Vec<Self> = Vec::new();
        read_list(value, &mut |item| match (item, list.last_mut()) {
            (Item::Extension(name), _) => list.push(Self::new(text(name))),
            (Item::Param(name, value), Some(extension)) => extension.push_read(name, value),
            (Item::Param(..), None) => {}
        })?;
        Some(list)
    }

    /// Reads the only extension of a list, in memory of one piece; `None` where there is another number of them, or
    /// where it is malformed.
    pub(crate) fn parse_one(value: &[u8]) -> Option<Self> {
        let mut only: Option<Self> = None;
        let mut count: usize = 0;
        read_list(value, &mut |item| match (item, &mut only) {
            (Item::Extension(name), only) => {
                // A flag of two bytes, `;b`, becomes three; nothing grows by more.
                let capacity = value.len().saturating_add(value.len() / 2).saturating_add(2);
                count = count.saturating_add(1);
                *only = Some(Self::with_capacity(text(name), capacity));
            }
            (Item::Param(name, value), Some(extension)) => extension.push_read(name, value),
            (Item::Param(..), None) => {}
        })?;
        only.filter(|_| count == 1)
    }

    fn push_read(&mut self, name: &[u8], value: Option<Value<'_>>) {
        match value {
            None => self.push(text(name), None),
            Some(Value::Token(value)) => self.push(text(name), Some(value)),
            Some(Value::Quoted(value)) => self.push(text(name), Some(&unquoted(value))),
        }
    }

    /// How many extensions a header's value names; `None` where it is malformed.
    pub(crate) fn count(value: &[u8]) -> Option<usize> {
        let mut count: usize = 0;
        read_list(value, &mut |item| {
            if let Item::Extension(_) = item {
                count = count.saturating_add(1);
            }
        })?;
        Some(count)
    }

    /// Whether every name and value is a token, as they must be (§9.1).
    pub(crate) fn is_well_formed(&self) -> bool {
        let is_token = |text: &str| is_token(text.as_bytes());
        is_token(self.name())
            && self.params().all(|(name, value)| is_token(name) && value.is_none_or(is_token))
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

/// What stands between quotes (RFC 9110 §5.6.4).
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

/// What a list is made of, in order.
enum Item<'a> {
    Extension(&'a [u8]),
    /// Of the extension before it.
    Param(&'a [u8], Option<Value<'a>>),
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Token(&'a [u8]),
    /// What stands between the quotes, some of it behind backslashes.
    Quoted(&'a [u8]),
}

/// What stands between quotes, without its backslashes.
fn unquoted(quoted: &[u8]) -> Vec<u8> {
    let mut rest = quoted;
    let mut value = Vec::with_capacity(quoted.len());
    while let [b'\\', byte, behind @ ..] | [byte, behind @ ..] = rest {
        value.push(*byte);
        rest = behind;
    }
    value
}

/// Reads a list by the grammar, without making anything of it; `None` where it is malformed.
fn read_list<'a>(value: &'a [u8], see: &mut impl FnMut(Item<'a>)) -> Option<()> {
    let mut rest = trim(value);
    while !rest.is_empty() {
        if !rest.starts_with(b",") {
            rest = trim(read_extension(rest, see)?);
        }
        rest = match rest {
            [] => rest,
            [b',', behind @ ..] => trim(behind),
            _ => return None,
        };
    }
    Some(())
}

/// Reads one extension, and returns what stands behind it.
fn read_extension<'a>(value: &'a [u8], see: &mut impl FnMut(Item<'a>)) -> Option<&'a [u8]> {
    let (name, mut rest) = token(value)?;
    see(Item::Extension(name));
    while let [b';', behind @ ..] = trim(rest) {
        let (name, behind) = token(trim(behind))?;
        let (value, behind) = match trim(behind) {
            [b'=', behind @ ..] => {
                let (value, behind) = token_or_quoted(trim(behind))?;
                (Some(value), behind)
            }
            _ => (None, behind),
        };
        see(Item::Param(name, value));
        rest = behind;
    }
    Some(rest)
}

/// The token at the front, and what stands behind it.
fn token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (token, rest) = bytes.split_at_checked(token_len(bytes))?;
    (!token.is_empty()).then_some((token, rest))
}

/// What was text, or has been checked to be ASCII.
fn text(token: &[u8]) -> &str {
    core::str::from_utf8(token).unwrap_or_default()
}

/// A value at the front.
///
/// A quoted one must be a token once it is unquoted (§9.1). If it is none, it is a value that its extension
/// does not know, and no fault of the list.
fn token_or_quoted(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let Some(quoted) = bytes.strip_prefix(b"\"") else {
        return token(bytes).map(|(token, rest)| (Value::Token(token), rest));
    };
    let mut rest = quoted;
    loop {
        rest = match rest {
            [b'"', behind @ ..] => {
                let len = quoted.len().saturating_sub(rest.len());
                return Some((Value::Quoted(quoted.get(..len)?), behind));
            }
            [b'\\', byte, behind @ ..] | [byte, behind @ ..]
                if is_field_value_byte(*byte) && byte.is_ascii() =>
            {
                behind
            }
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    fn parse(value: &str) -> Option<Vec<String>> {
        let list = ExtensionParams::parse_list(value.as_bytes())?;
        Some(list.iter().map(ToString::to_string).collect())
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
            assert_eq!(parse(value), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn one_extension_is_read_as_in_a_list() {
        for value in
            ["a", " a;b=c ,", "a; b=\"c,d\"; e", "a; b=\"\\c\"", &alloc::format!("a{}", ";b".repeat(999))]
        {
            let list = ExtensionParams::parse_list(value.as_bytes());
            assert_eq!(
                ExtensionParams::parse_one(value.as_bytes()).map(|one| alloc::vec![one]),
                list,
                "{value}"
            );
        }
        for value in ["", ",", "a, b", "a;", "a, ;"] {
            assert_eq!(ExtensionParams::parse_one(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn what_the_grammar_does_not_know_is_malformed() {
        for value in [
            ";",
            "a;",
            "a;;b",
            "a=b",
            "a; =b",
            "a; b=",
            "a b",
            "a; b c",
            "a; b=\"c",
            "a; b=\"c\\",
            "a; b=\"c\"d",
            "a; b=\"\0\"",
            "a/b",
            "\"a\"",
            "a; b=\u{e9}",
            "a; \"b\"",
            "a;b=c=d",
        ] {
            assert_eq!(parse(value), None, "{value:?}");
        }
    }
}
