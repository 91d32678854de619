//! Values of cases, with their short forms written out.
//!
//! `{"hex": "ab", "times": 3}` is `ababab`, and `{"parts": […]}` joins its parts; in a string of bytes, `{"s", "times"}`.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::encoding::{from_hex, from_latin1};

/// Bytes that a case writes as hex digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

/// Bytes that a case writes as a string in which U+00XX is byte XX.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latin1(pub(crate) Vec<u8>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Plain(String),
    Parts(Parts),
    Repeated(Repeated),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    parts: Vec<Form>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeated {
    #[serde(alias = "s")]
    hex: String,
    times: usize,
}

impl Form {
    fn bytes(&self, read: fn(&str) -> Result<Vec<u8>, String>) -> Result<Vec<u8>, String> {
        match self {
            Self::Plain(text) => read(text),
            Self::Parts(Parts { parts }) => {
                let parts = parts.iter().map(|part| part.bytes(read)).collect::<Result<Vec<_>, _>>()?;
                Ok(parts.concat())
            }
            Self::Repeated(Repeated { hex, times }) => {
                let bytes = read(hex)?;
                match bytes.len().checked_mul(*times) {
                    Some(..=MAX_LEN) => Ok(bytes.repeat(*times)),
                    _ => Err(format!("{times} times {hex:?} is too long")),
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Form::deserialize(deserializer)?.bytes(from_hex).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Latin1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Form::deserialize(deserializer)?.bytes(from_latin1).map(Self).map_err(D::Error::custom)
    }
}

/// The longest value of a case, in bytes.
const MAX_LEN: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let value: Hex = serde_json::from_str(r#"{"parts":["01",{"hex":"ab","times":2},"02"]}"#).unwrap();
        assert_eq!(value.0, [0x01, 0xab, 0xab, 0x02]);
        let value: Latin1 = serde_json::from_str(r#"{"parts":["A",{"s":"b\u00ff","times":2}]}"#).unwrap();
        assert_eq!(value.0, b"Ab\xffb\xff");
    }

    #[test]
    fn value_that_is_too_long_or_has_unknown_members_is_refused() {
        for case in [r#"{"hex":"ab","times":999999999}"#, r#"{"hex":"ab","times":1,"speed":1}"#, r#""ag""#] {
            assert!(serde_json::from_str::<Hex>(case).is_err(), "{case}");
        }
    }
}
