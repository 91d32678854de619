//! The grammar of `Sec-WebSocket-Extensions`: lists of extensions with parameters (RFC 6455 §9.1).

use crate::error::{ExtensionParseError, ExtensionParseErrorKind as Kind};
use crate::token::{is_field_value_byte, token_len, trim_end, trim_start};

/// One part of a list: a name or a parameter.
#[cfg_attr(
    not(feature = "alloc"),
    expect(dead_code, reason = "without an allocator, lists are only checked")
)]
pub(crate) enum Item<'a> {
    Extension(&'a [u8]),
    /// A parameter of the last extension.
    Param(&'a [u8], Option<Value<'a>>),
}

/// A parameter's value.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "alloc"),
    expect(dead_code, reason = "without an allocator, lists are only checked")
)]
pub(crate) enum Value<'a> {
    Token(&'a [u8]),
    /// The text between the quotes, which may contain backslash escapes.
    Quoted(&'a [u8]),
}

/// Reads a list by the grammar, item by item.
pub(crate) fn read_list<'a>(
    value: &'a [u8],
    see: &mut impl FnMut(Item<'a>),
) -> Result<(), ExtensionParseError> {
    let value = trim_end(value);
    read_items(trim_start(value), see)
        .map_err(|(kind, rest)| ExtensionParseError::new(kind, value.len().saturating_sub(rest.len())))
}

/// What is wrong, and the rest of the value, from the wrong byte on.
type Malformed<'a> = (Kind, &'a [u8]);

fn read_items<'a>(value: &'a [u8], see: &mut impl FnMut(Item<'a>)) -> Result<(), Malformed<'a>> {
    let mut rest = value;
    while !rest.is_empty() {
        if !rest.starts_with(b",") {
            rest = trim_start(read_extension(rest, see)?);
        }
        rest = match rest {
            [] => rest,
            [b',', after @ ..] => trim_start(after),
            _ => return Err((Kind::UnexpectedByte, rest)),
        };
    }
    Ok(())
}

/// Reads one extension, and returns what follows it.
fn read_extension<'a>(value: &'a [u8], see: &mut impl FnMut(Item<'a>)) -> Result<&'a [u8], Malformed<'a>> {
    let (name, mut rest) = token(value).ok_or((Kind::MissingName, value))?;
    see(Item::Extension(name));
    while let [b';', after @ ..] = trim_start(rest) {
        let after = trim_start(after);
        let (name, after) = token(after).ok_or((Kind::MissingParamName, after))?;
        let (value, after) = match trim_start(after) {
            [b'=', after @ ..] => {
                let (value, after) = token_or_quoted(trim_start(after))?;
                (Some(value), after)
            }
            _ => (None, after),
        };
        see(Item::Param(name, value));
        rest = after;
    }
    Ok(rest)
}

/// The token at the front, and the rest.
fn token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (token, rest) = bytes.split_at_checked(token_len(bytes))?;
    (!token.is_empty()).then_some((token, rest))
}

/// The value at the front, and the rest.
///
/// A quoted value must be a token once it is unquoted (§9.1). If it is not, the list is still well-formed: the
/// extension then refuses the value.
fn token_or_quoted(bytes: &[u8]) -> Result<(Value<'_>, &[u8]), Malformed<'_>> {
    let Some(quoted) = bytes.strip_prefix(b"\"") else {
        let (token, rest) = token(bytes).ok_or((Kind::MissingValue, bytes))?;
        return Ok((Value::Token(token), rest));
    };
    let mut rest = quoted;
    loop {
        rest = match rest {
            [b'"', after @ ..] => {
                let (value, _) = quoted.split_at(quoted.len().saturating_sub(rest.len()));
                return Ok((Value::Quoted(value), after));
            }
            [b'\\', byte, after @ ..] | [byte, after @ ..] if is_quotable(*byte) => after,
            [] => return Err((Kind::UnclosedQuote, rest)),
            _ => return Err((Kind::InvalidQuotedByte, rest)),
        };
    }
}

/// Whether a quoted string may contain a byte (RFC 9110 §5.6.4).
fn is_quotable(byte: u8) -> bool {
    is_field_value_byte(byte) && byte.is_ascii()
}
