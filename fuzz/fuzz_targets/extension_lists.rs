//! The grammar of `Sec-WebSocket-Extensions`: a list is read as a second parser reads it, which splits at separators; and
//! what was read is printed to a text that is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wsproto::ExtensionParams;
use wsproto_fuzz::{Head, trim};

fuzz_target!(|input: Head<'_>| {
    let value = input.bytes(LISTS);
    let parsed = ExtensionParams::parse_list(&value);
    assert_eq!(parsed.as_ref().ok().map(|list| plain(list)), list(&value), "{parsed:?}");
    let list = match parsed {
        Ok(list) => list,
        Err(error) => return assert!(error.offset() <= value.len()),
    };

    let printed: Vec<_> = list.iter().map(ToString::to_string).collect();
    assert_eq!(ExtensionParams::parse_list(printed.join(", ").as_bytes()).as_ref(), Ok(&list));
    for (params, printed) in list.iter().zip(&printed) {
        assert_eq!(ExtensionParams::parse_list(printed.as_bytes()), Ok(vec![params.clone()]));
        let built = params.params().fold(ExtensionParams::new(params.name()), |built, param| match param {
            (name, Some(value)) => built.with_value(name, value),
            (name, None) => built.with_flag(name),
        });
        assert_eq!(built, *params);
    }
});

/// A name, and its parameters with their values.
type Extension = (String, Vec<(String, Option<String>)>);

fn plain(list: &[ExtensionParams]) -> Vec<Extension> {
    let param = |(name, value): (&str, Option<&str>)| (name.to_owned(), value.map(str::to_owned));
    list.iter().map(|params| (params.name().to_owned(), params.params().map(param).collect())).collect()
}

/// The second parser: RFC 6455 §9.1, RFC 9110 §5.6.1 and §5.6.4.
fn list(value: &[u8]) -> Option<Vec<Extension>> {
    let elements = split(value, b',').into_iter().map(trim).filter(|element| !element.is_empty());
    elements.map(extension).collect()
}

fn extension(element: &[u8]) -> Option<Extension> {
    let mut parts = split(element, b';').into_iter().map(trim);
    let name = token(parts.next()?)?;
    let params = parts.map(|part| match part.iter().position(|byte| *byte == b'=') {
        None => Some((token(part)?, None)),
        Some(at) => Some((token(trim(&part[..at]))?, Some(word(trim(&part[at + 1..]))?))),
    });
    Some((name, params.collect::<Option<_>>()?))
}

/// The parts between separators that are outside of quotes.
fn split(value: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = value.split(|byte| {
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            _ if was_escaped => {}
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            byte => return *byte == separator && !quoted,
        }
        false
    });
    parts.collect()
}

/// A token, or a quoted string without its quotes and its backslashes.
fn word(value: &[u8]) -> Option<String> {
    let Some(inside) = value.strip_prefix(b"\"") else { return token(value) };
    let (last, inside) = inside.split_last()?;
    let (mut word, mut bytes) = (String::new(), inside.iter());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'"' => return None,
            b'\\' => bytes.next()?,
            byte => byte,
        };
        matches!(byte, b'\t' | b' '..=b'~').then(|| word.push((*byte).into()))?;
    }
    (*last == b'"').then_some(word)
}

fn token(bytes: &[u8]) -> Option<String> {
    let is_valid = |byte: &u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(byte);
    (!bytes.is_empty() && bytes.iter().all(is_valid)).then(|| String::from_utf8_lossy(bytes).into_owned())
}

const LISTS: &[&str] = &[
    "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate",
    "a; b=\"c\"; d, e; f=\"\\\"\"",
    "a ; b = \"c,d;e=f\\\\\" ,, g;h",
];
