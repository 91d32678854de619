//! Byte strings, one after another in one buffer, each preceded by its length: fields and parameters cost about what
//! they cost on the wire, however many there are.

use alloc::vec::Vec;

/// Appends a string.
#[inline]
pub(crate) fn push(buffer: &mut Vec<u8>, string: &[u8]) {
    push_len(buffer, string.len());
    buffer.extend_from_slice(string);
}

/// Appends the length of a string: seven bits a byte, the low ones first, the last byte without its top bit.
#[inline]
pub(crate) fn push_len(buffer: &mut Vec<u8>, mut len: usize) {
    while len >= 0x80 {
        let [low, ..] = len.to_le_bytes();
        buffer.push(low | 0x80);
        len >>= 7;
    }
    let [low, ..] = len.to_le_bytes();
    buffer.push(low);
}

/// Takes the first string off `rest`.
#[inline(always)]
pub(crate) fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (string, after) = match **rest {
        [len @ ..0x80, ref after @ ..] => after.split_at_checked(usize::from(len))?,
        _ => {
            let (len, after) = long_len(rest)?;
            after.split_at_checked(len)?
        }
    };
    *rest = after;
    Some(string)
}

/// A length of several bytes, and what is after it.
#[cold]
fn long_len(mut rest: &[u8]) -> Option<(usize, &[u8])> {
    let (mut len, mut shift) = (0_usize, 0_u32);
    loop {
        let (byte, after) = rest.split_first()?;
        len |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if *byte < 0x80 {
            return Some((len, after));
        }
        shift = shift.saturating_add(7);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_any_length_are_taken_as_they_were_pushed() {
        let lens = [0, 1, 126, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152];
        let mut buffer = Vec::new();
        for len in lens {
            let string = alloc::vec![b'x'; len];
            push(&mut buffer, &string);
        }
        let mut rest = buffer.as_slice();
        for len in lens {
            assert_eq!(take(&mut rest).map(<[u8]>::len), Some(len));
        }
        assert_eq!(take(&mut rest), None);
    }
}
