//! A reader of what the implementation has written: frames and response heads. It shares no code with the crate.

use serde::Serialize;

use super::encoding::{as_maybe_hex, to_latin1};

/// A frame, as `local` cases print it.
#[derive(Serialize)]
pub(crate) struct Frame {
    fin: u8,
    rsv: u8,
    op: u8,
    masked: bool,
    /// How many bits the length has: 7, 16 or 64.
    length_form: u8,
    length: usize,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_maybe_hex")]
    key: Option<[u8; 4]>,
    /// The unmasked payload, up to `MAX_PRINTED` bytes.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_maybe_hex")]
    hex: Option<Vec<u8>>,
}

/// The longest payload that is printed, in bytes.
const MAX_PRINTED: usize = 4096;

impl Frame {
    /// Reads frames up to the end of `bytes`.
    pub(crate) fn read_all(mut bytes: &[u8]) -> Result<Vec<Self>, String> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let (frame, rest) = Self::read(bytes).ok_or("the output ends inside a frame")?;
            frames.push(frame);
            bytes = rest;
        }
        Ok(frames)
    }

    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let [first, second, rest @ ..] = bytes else { return None };
        let (length_form, length, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (16, u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (64, u64::from_be_bytes(*length), rest)
            }
            length => (7, u64::from(length), rest),
        };
        let masked = second & 0x80 != 0;
        let (key, rest) = match rest.split_first_chunk() {
            _ if !masked => (None, rest),
            Some((key, rest)) => (Some(*key), rest),
            None => return None,
        };
        let length = usize::try_from(length).ok()?;
        let (payload, rest) = rest.split_at_checked(length)?;
        let unmasked = payload.iter().zip(key.unwrap_or_default().into_iter().cycle());
        let hex = (length <= MAX_PRINTED).then(|| unmasked.map(|(byte, key)| byte ^ key).collect());
        let (fin, rsv, op) = (first >> 7, first >> 4 & 0x7, first & 0xf);
        Some((Self { fin, rsv, op, masked, length_form, length, key, hex }, rest))
    }
}

/// A pong or a close frame, in the form of a case's `replies`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Reply {
    Pong {
        #[serde(serialize_with = "super::encoding::as_hex")]
        hex: Vec<u8>,
    },
    Close {
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
    },
}

impl Reply {
    /// Reads replies up to the end of `bytes`.
    pub(crate) fn read_all(bytes: &[u8]) -> Result<Vec<Self>, String> {
        Frame::read_all(bytes)?.into_iter().map(Self::of).collect()
    }

    fn of(frame: Frame) -> Result<Self, String> {
        let payload = frame.hex.unwrap_or_default();
        match (frame.op, payload.first_chunk()) {
            (0x8, code) => Ok(Self::Close { code: code.map(|code| u16::from_be_bytes(*code)) }),
            (0xA, _) => Ok(Self::Pong { hex: payload }),
            (op, _) => Err(format!("a reply has the opcode {op:#x}")),
        }
    }
}

/// The head of a response.
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = to_latin1(bytes);
        let (head, _) = text.split_once("\r\n\r\n").ok_or("the output ends inside a head")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        match (status, lines.map(field).collect()) {
            (Some(status), Some(fields)) => Ok(Self { status, fields }),
            _ => Err(format!("not the head of a response: {head:?}")),
        }
    }

    /// The value of the first field with this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.0 == name).map(|field| field.1.as_str())
    }

    /// The parameters of each answer to an offer of permessage-deflate.
    pub(crate) fn deflate(&self) -> Vec<Vec<(String, Option<String>)>> {
        let values = self.fields.iter().filter(|field| field.0 == "sec-websocket-extensions");
        let extensions = values.flat_map(|field| field.1.split(','));
        extensions
            .filter_map(|extension| {
                let mut parts = extension.split(';').map(str::trim);
                (parts.next() == Some("permessage-deflate")).then(|| parts.map(parameter).collect())
            })
            .collect()
    }
}

fn parameter(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim().to_owned(), Some(value.trim().trim_matches('"').to_owned())),
        None => (text.to_owned(), None),
    }
}
