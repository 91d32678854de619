//! Values in cases: bytes, which may be repeated or in parts.

use serde::Deserialize;

use super::encoding::{from_hex, from_latin1};

/// Bytes that a case writes as hex digits, repeated or in parts.
#[derive(Deserialize)]
#[serde(try_from = "RawHex")]
pub(crate) struct HexBytes(pub(crate) Vec<u8>);

/// Bytes that a case writes as characters, repeated or in parts.
#[derive(Deserialize)]
#[serde(try_from = "RawLatin1")]
pub(crate) struct Latin1Bytes(pub(crate) Vec<u8>);

/// A payload that the local user sends.
#[derive(Deserialize)]
#[serde(try_from = "RawPayload")]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fin: bool,
    /// How often it is sent.
    pub(crate) times: Times,
}

/// How often a call is made.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "usize")]
pub(crate) struct Times(pub(crate) usize);

impl Times {
    pub(crate) const ONCE: Self = Self(1);
}

impl Default for Times {
    fn default() -> Self {
        Self::ONCE
    }
}

impl TryFrom<usize> for Times {
    type Error = String;

    fn try_from(times: usize) -> Result<Self, String> {
        if times <= MAX_CALLS {
            Ok(Self(times))
        } else {
            Err(format!("a call is repeated {times} times, more than {MAX_CALLS}"))
        }
    }
}

/// Bytes that are received between the calls.
#[derive(Deserialize)]
#[serde(try_from = "RawReceived")]
pub(crate) struct Received(pub(crate) Vec<u8>);

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum RawHex {
    Once(String),
    Repeated { hex: String, times: usize },
    Parts { parts: Vec<HexBytes> },
}

impl TryFrom<RawHex> for HexBytes {
    type Error = String;

    fn try_from(raw: RawHex) -> Result<Self, String> {
        Ok(Self(match raw {
            RawHex::Once(hex) => from_hex(&hex)?,
            RawHex::Repeated { hex, times } => repeat(&from_hex(&hex)?, times)?,
            RawHex::Parts { parts } => parts.into_iter().flat_map(|part| part.0).collect(),
        }))
    }
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum RawLatin1 {
    Once(String),
    Repeated { s: String, times: usize },
    Parts { parts: Vec<Latin1Bytes> },
}

impl TryFrom<RawLatin1> for Latin1Bytes {
    type Error = String;

    fn try_from(raw: RawLatin1) -> Result<Self, String> {
        Ok(Self(match raw {
            RawLatin1::Once(text) => from_latin1(&text)?,
            RawLatin1::Repeated { s, times } => repeat(&from_latin1(&s)?, times)?,
            RawLatin1::Parts { parts } => parts.into_iter().flat_map(|part| part.0).collect(),
        }))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPayload {
    text: Option<String>,
    hex: Option<String>,
    parts: Option<Vec<HexBytes>>,
    times: Option<usize>,
    fin: Option<bool>,
}

impl TryFrom<RawPayload> for Payload {
    type Error = String;

    fn try_from(raw: RawPayload) -> Result<Self, String> {
        let times = raw.times.unwrap_or(1);
        let (bytes, times) = match (raw.text, raw.hex, raw.parts) {
            // With `hex`, `times` repeats the payload, as in chunks. Otherwise it repeats the call.
            (None, Some(hex), None) => (repeat(&from_hex(&hex)?, times)?, Times::ONCE),
            (Some(text), None, None) => (text.into_bytes(), times.try_into()?),
            (None, None, Some(parts)) => {
                (parts.into_iter().flat_map(|part| part.0).collect(), times.try_into()?)
            }
            (None, None, None) => (Vec::new(), times.try_into()?),
            _ => return Err("a payload has only one of text, hex and parts".to_owned()),
        };
        // All calls together must not write more either.
        match bytes.len().checked_mul(times.0) {
            Some(len) if len <= MAX_LEN => Ok(Self { bytes, fin: raw.fin.unwrap_or(true), times }),
            _ => Err(format!("a payload of {} bytes is sent {} times", bytes.len(), times.0)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReceived {
    hex: Option<String>,
    parts: Option<Vec<HexBytes>>,
    chunks: Option<Vec<HexBytes>>,
    times: Option<usize>,
}

impl TryFrom<RawReceived> for Received {
    type Error = String;

    fn try_from(raw: RawReceived) -> Result<Self, String> {
        let once = match (raw.hex, raw.parts, raw.chunks) {
            (Some(hex), None, None) => from_hex(&hex)?,
            (None, Some(parts), None) | (None, None, Some(parts)) => {
                parts.into_iter().flat_map(|part| part.0).collect()
            }
            _ => return Err("received bytes are one of hex, parts and chunks".to_owned()),
        };
        Ok(Self(repeat(&once, raw.times.unwrap_or(1))?))
    }
}

fn repeat(value: &[u8], times: usize) -> Result<Vec<u8>, String> {
    match value.len().checked_mul(times) {
        Some(len) if len <= MAX_LEN => Ok(value.repeat(times)),
        _ => Err(format!("a value of {} bytes is repeated {times} times", value.len())),
    }
}

/// The longest value, in bytes. A longer one is a typing error.
const MAX_LEN: usize = 1 << 30;

/// The most calls. They have a limit of their own, because a call may have an empty payload.
const MAX_CALLS: usize = 1 << 20;
