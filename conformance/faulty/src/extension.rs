//! `Sec-WebSocket-Extensions`: text to names and parameters (RFC 6455 §9.1).

use crate::fault::{Fault, Faults};
use crate::head::{is_token, trim};

/// One element of the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) parameters: Vec<(String, Option<String>)>,
}

/// The list breaks the grammar of §9.1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads all fields, as if they were one list.
pub(crate) fn parse<'a>(
    fields: impl Iterator<Item = &'a str>,
    faults: Faults,
) -> Result<Vec<Extension>, Malformed> {
    let mut extensions = Vec::new();
    let fields_read = if faults.has(Fault::ReadsFirstExtensionField) { 1 } else { usize::MAX };
    for field in fields.take(fields_read) {
        // Empty elements of a list are ignored (RFC 9110 §5.6.1).
        for element in split(field, ',')?.into_iter().filter(|element| !element.is_empty()) {
            match extension(element) {
                Ok(extension) => extensions.push(extension),
                Err(Malformed) if faults.has(Fault::SkipsMalformedExtension) => {}
                Err(Malformed) => return Err(Malformed),
            }
        }
    }
    Ok(extensions)
}

fn extension(element: &str) -> Result<Extension, Malformed> {
    let mut parts = split(element, ';')?.into_iter();
    let name = parts.next().filter(|name| is_token(name)).ok_or(Malformed)?.to_owned();
    Ok(Extension { name, parameters: parts.map(parameter).collect::<Result<_, _>>()? })
}

fn parameter(part: &str) -> Result<(String, Option<String>), Malformed> {
    let (name, value) = match part.split_once('=') {
        Some((name, value)) => (trim(name), Some(unquote(trim(value))?)),
        None => (part, None),
    };
    // A value is a token, also when it is quoted.
    if !is_token(name) || value.as_deref().is_some_and(|value| !is_token_or_list(value)) {
        return Err(Malformed);
    }
    Ok((name.to_owned(), value))
}

/// A quoted value of an extension that is not known here may have separators: it is ignored, and not refused.
fn is_token_or_list(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| (32..127).contains(&byte))
}

fn unquote(value: &str) -> Result<String, Malformed> {
    let Some(rest) = value.strip_prefix('"') else {
        return if is_token(value) { Ok(value.to_owned()) } else { Err(Malformed) };
    };
    let inner = rest.strip_suffix('"').ok_or(Malformed)?;
    let mut unquoted = String::new();
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => unquoted.push(chars.next().ok_or(Malformed)?),
            '"' => return Err(Malformed),
            other => unquoted.push(other),
        }
    }
    Ok(unquoted)
}

/// Splits a text at a separator, except inside quotes, and trims the pieces.
fn split(text: &str, separator: char) -> Result<Vec<&str>, Malformed> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    let (mut quoted, mut escaped) = (false, false);
    let mut start = 0;
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if char == separator && !quoted => {
                pieces.push(trim(text.get(start..at).unwrap_or_default()));
                start = at.saturating_add(1);
                rest = text.get(start..).unwrap_or_default();
            }
            _ => {}
        }
    }
    pieces.push(trim(rest));
    if quoted { Err(Malformed) } else { Ok(pieces) }
}
