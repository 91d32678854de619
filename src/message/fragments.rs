//! Cuts a message into fragments, each of which becomes a frame (RFC 6455 §5.4).

use crate::opcode::MessageKind;

/// An iterator over the fragments of a payload, at least one; the `bool` says whether it is the last.
pub(crate) struct Fragments<'a> {
    kind: MessageKind,
    rest: Option<&'a [u8]>,
    max_len: usize,
}

impl<'a> Fragments<'a> {
    pub(crate) fn of(kind: MessageKind, payload: &'a [u8], max_len: usize) -> Self {
        Self { kind, rest: Some(payload), max_len: max_len.max(1) }
    }

    /// Where to cut the payload: between two characters of a text, if possible.
    fn cut(&self, payload: &[u8]) -> usize {
        let begins = |place: &usize| payload.get(*place).is_some_and(|byte| byte & 0xC0 != 0x80);
        match self.kind {
            MessageKind::Binary => self.max_len,
            MessageKind::Text => (1..=self.max_len).rev().find(begins).unwrap_or(self.max_len),
        }
    }
}

impl<'a> Iterator for Fragments<'a> {
    type Item = (&'a [u8], bool);

    fn next(&mut self) -> Option<Self::Item> {
        let payload = self.rest.take()?;
        if payload.len() <= self.max_len {
            return Some((payload, true));
        }
        let (fragment, rest) = payload.split_at_checked(self.cut(payload))?;
        self.rest = Some(rest);
        Some((fragment, false))
    }
}
