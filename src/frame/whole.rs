//! The fast path: a whole message in one frame, which the input holds (RFC 6455 §5.2).
//!
//! Nearly all messages are of this kind. A few comparisons recognise one here, in 90 to 130 instructions; the slow path
//! takes three times as many, and five times with extensions. The fast path never returns an error: it leaves
//! everything unusual or invalid to the slow path, so the two cannot disagree. It keeps no state.

use core::mem;

use crate::frame::header::{FrameHeader, LEN_16, LEN_64, Rsv};
use crate::mask::Mask;
use crate::opcode::MessageKind;
use crate::role::Role;

/// A message in one frame, as its header describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeMessage {
    pub(crate) kind: MessageKind,
    pub(super) mask: Mask,
    pub(crate) header_len: usize,
    pub(crate) len: usize,
}

impl WholeMessage {
    /// Reads the header at the front of `input`, which an endpoint in this role has received. `None` if it is not a
    /// message in one frame, or has `len_end` bytes or more.
    #[inline(always)]
    pub(super) fn read(input: &[u8], role: Role, len_end: u32) -> Option<Self> {
        let [first, second, rest @ ..] = input else { return None };
        let kind = match *first {
            FIN_AND_TEXT => MessageKind::Text,
            FIN_AND_BINARY => MessageKind::Binary,
            _ => return None,
        };
        // If the mask bit is wrong, the result is greater than `LEN_64`, and the header is left to the slow path.
        let len = second ^ (u8::from(role.peer().masks()) << 7);
        let (len, rest) = match rest.split_first_chunk() {
            _ if len < LEN_16 => (usize::from(len), rest),
            Some((extended, rest)) if len == LEN_16 => (usize::from(u16::from_be_bytes(*extended)), rest),
            _ => read_len_64(len, rest)?,
        };
        let (key, rest) = match role {
            Role::Server => rest.split_first_chunk()?,
            Role::Client => (&[0; 4], rest),
        };
        let is_minimal = len >= usize::from(LEN_16) || second & 0x7F < LEN_16;
        if !is_minimal || len as u64 >= u64::from(len_end) {
            return None;
        }
        let header_len = input.len().wrapping_sub(rest.len());
        Some(Self { kind, mask: Mask::new(*key), header_len, len })
    }

    /// The complete header.
    pub(crate) fn header(self, role: Role) -> FrameHeader {
        let Self { kind, mask, len, .. } = self;
        let masking_key = role.peer().masks().then(|| mask.key());
        FrameHeader { fin: true, rsv: Rsv::NONE, opcode: kind.opcode(), masking_key, payload_len: len as u64 }
    }

    /// Whether `input` holds all of the frame.
    #[inline(always)]
    pub(crate) const fn is_in(&self, input: &[u8]) -> bool {
        self.len <= input.len().wrapping_sub(self.header_len)
    }

    /// Consumes the frame and returns its payload, unmasked, if `input` holds all of it.
    #[inline(always)]
    pub(crate) fn take<'i>(self, role: Role, input: &mut &'i mut [u8]) -> Option<&'i mut [u8]> {
        let Self { header_len, len, .. } = self;
        if !self.is_in(input) {
            return None;
        }
        let (_, rest) = mem::take(input).split_at_mut_checked(header_len)?;
        let (payload, rest) = rest.split_at_mut_checked(len)?;
        *input = rest;
        self.unmask(role, payload);
        Some(payload)
    }

    /// Unmasks the payload.
    #[inline(always)]
    pub(crate) fn unmask(self, role: Role, payload: &mut [u8]) {
        let mut mask = self.mask;
        if role == Role::Server {
            mask.apply(payload);
        }
    }
}

/// Reads the length of a long message, if it is in its shortest form, and returns what follows it.
#[inline(never)]
fn read_len_64(len: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    let (extended, rest) = rest.split_first_chunk()?;
    let extended = usize::try_from(u64::from_be_bytes(*extended)).ok()?;
    (len == LEN_64 && extended > usize::from(u16::MAX)).then_some((extended, rest))
}

const FIN_AND_TEXT: u8 = 0x81;

const FIN_AND_BINARY: u8 = 0x82;

#[cfg(test)]
mod tests {
    use crate::frame::FrameDecoder;
    use crate::limits::Limits;
    use crate::opcode::Opcode;

    use super::*;

    /// What the slow path finds there, if it is a header of a whole message that is not too long.
    fn expected(input: &[u8], role: Role, max_len: u64) -> Option<(FrameHeader, usize)> {
        let (header, header_len) = FrameHeader::decode(input).ok()??;
        let is_masked = header.masking_key.is_some();
        let is_whole = header.fin && header.rsv.is_empty() && !header.opcode.is_control();
        let is_valid = is_whole && header.opcode != Opcode::Continuation && is_masked == role.peer().masks();
        (is_valid && header.payload_len <= max_len).then_some((header, header_len))
    }

    #[test]
    fn every_header_of_a_whole_message_takes_the_fast_path_and_no_other_header() {
        let firsts = [0x81, 0x82, 0x01, 0x02, 0x80, 0x83, 0x88, 0x89, 0xC1, 0xA2, 0x92];
        let seconds: Vec<u8> = match cfg!(miri) {
            true => vec![0, 125, 126, 127, 0x80, 0xFD, 0xFE, 0xFF],
            false => (0..=u8::MAX).collect(),
        };
        let lens: [u64; 11] = [0, 1, 125, 126, 127, 128, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 1 << 32, 1 << 63];
        let limits = [(1000, 200), (200, 1000), (1 << 33, 1 << 32), (1 << 32, 1 << 33)];
        for (max_frame_len, max_message_len) in limits.into_iter().skip(if cfg!(miri) { 3 } else { 0 }) {
            let limits = Limits::NONE.with_max_frame_len(max_frame_len).with_max_message_len(max_message_len);
            let max_len = max_frame_len.min(max_message_len).min(u64::from(u32::MAX) - 1);
            for (role, first) in
                firsts.iter().flat_map(|first| [(Role::Client, *first), (Role::Server, *first)])
            {
                let decoder = FrameDecoder::new(role, limits);
                let headers = seconds.iter().flat_map(|second| {
                    let extended = move |len: &u64| match second & 0x7F {
                        126 => len.to_be_bytes()[6..].to_vec(),
                        127 => len.to_be_bytes().to_vec(),
                        _ => Vec::new(),
                    };
                    let lens = if second & 0x7F < 126 { &lens[..1] } else { &lens[..] };
                    lens.iter().map(move |len| (*second, extended(len)))
                });
                for (second, extended) in headers {
                    let bytes = [&[first, second][..], &extended, &[1, 2, 3, 4]].concat();
                    for end in 0..=bytes.len() {
                        let input = &bytes[..end];
                        let whole = decoder.whole_message(input);
                        let whole = whole.map(|whole| (whole.header(role), whole.header_len));
                        assert_eq!(whole, expected(input, role, max_len), "{role:?} {input:x?}");
                    }
                }
            }
        }
    }
}
