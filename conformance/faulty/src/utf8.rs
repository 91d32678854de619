//! UTF-8, checked as the bytes come (RFC 3629 §4).

use crate::fault::{Fault, Faults};

/// The check of one text, which may be cut anywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Utf8 {
    /// How many continuation bytes the current character still needs.
    missing: u8,
    /// The smallest and the largest next continuation byte.
    range: (u8, u8),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotUtf8;

impl Utf8 {
    pub(crate) fn new() -> Self {
        Self { missing: 0, range: ANY }
    }

    /// Checks more bytes; fails at the first byte that cannot be part of valid UTF-8.
    pub(crate) fn push(&mut self, bytes: &[u8], faults: Faults) -> Result<(), NotUtf8> {
        if faults.has(Fault::AcceptsAnyText) {
            return Ok(());
        }
        bytes.iter().try_for_each(|&byte| self.push_byte(byte, faults))
    }

    /// Whether the text may end here.
    pub(crate) fn is_complete(self) -> bool {
        self.missing == 0
    }

    fn push_byte(&mut self, byte: u8, faults: Faults) -> Result<(), NotUtf8> {
        if self.missing > 0 {
            let (low, high) = std::mem::replace(&mut self.range, ANY);
            self.missing = self.missing.saturating_sub(1);
            return if (low..=high).contains(&byte) { Ok(()) } else { Err(NotUtf8) };
        }
        (self.missing, self.range) = match byte {
            0x00..=0x7F => (0, ANY),
            0xC0..=0xC1 | 0xE0 | 0xF0 if faults.has(Fault::AcceptsOverlong) => (following(byte), ANY),
            0xED if faults.has(Fault::AcceptsSurrogates) => (2, ANY),
            0xF4..=0xF7 if faults.has(Fault::AcceptsAboveMaximum) => (3, ANY),
            0xC2..=0xDF => (1, ANY),
            0xE0 => (2, (0xA0, 0xBF)),
            // U+FFFE and U+FFFF are valid, although they are not characters.
            0xEF if faults.has(Fault::RefusesNoncharacters) => (2, (0x80, 0xBE)),
            0xED => (2, (0x80, 0x9F)),
            0xE1..=0xEF => (2, ANY),
            0xF0 => (3, (0x90, 0xBF)),
            0xF1..=0xF3 => (3, ANY),
            0xF4 => (3, (0x80, 0x8F)),
            _ => return Err(NotUtf8),
        };
        Ok(())
    }
}

/// How many bytes follow a first byte.
fn following(byte: u8) -> u8 {
    match byte {
        0xF0.. => 3,
        0xE0.. => 2,
        _ => 1,
    }
}

const ANY: (u8, u8) = (0x80, 0xBF);
