//! Masking: each payload byte XORed with a byte of a four-byte key (RFC 6455 §5.3).
//!
//! The key is held as one word, turned so that its first byte meets the next payload byte. Short payloads
//! go by words, the last of which may overlap the one before. Longer ones go through one plain loop over
//! blocks, which becomes vector instructions. The last block may overlap the one before, and the first one too
//! where the others begin at an aligned address, as a vector that lies across two cache lines costs two
//! accesses: steps of falling size would cost as many branches that nobody can predict. With `std`, the loop
//! is compiled for wider vectors too, and the processor is looked at.

/// A masking key, and how far into a frame's payload it has come.
///
/// Masking and unmasking are the same operation. A payload may come in pieces of any size: the mask
/// goes on where the last piece ended.
///
/// ```
/// use wsproto::Mask;
///
/// let mut payload = *b"\x7f\x9f\x4d\x51\x58"; // the masked "Hello" of §5.7
/// let mut mask = Mask::new([0x37, 0xfa, 0x21, 0x3d]);
/// let (head, tail) = payload.split_at_mut(3);
/// mask.apply(head);
/// mask.apply(tail);
/// assert_eq!(&payload, b"Hello");
/// ```
#[doc(alias = "XorMasker")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    /// The key, little end first, turned to the next byte's place.
    key: u32,
}

impl Mask {
    /// A mask at the start of a payload.
    pub const fn new(masking_key: [u8; 4]) -> Self {
        Self { key: u32::from_le_bytes(masking_key) }
    }

    /// A mask that begins `offset` bytes into a payload.
    ///
    /// ```
    /// use wsproto::Mask;
    ///
    /// assert_eq!(Mask::at(*b"abcd", 6), Mask::new(*b"cdab"));
    /// ```
    pub const fn at(masking_key: [u8; 4], offset: u64) -> Self {
        let mut mask = Self::new(masking_key);
        mask.skip(offset);
        mask
    }

    /// XORs `payload` with the key in place, and moves on by its length.
    #[inline(always)]
    pub fn apply(&mut self, payload: &mut [u8]) {
        let key = self.word();
        match payload.len() {
            0..LONG => xor_short(key, payload),
            _ => xor_long(key, payload),
        }
        self.skip(payload.len() as u64);
    }

    /// Writes `payload` to `place`, which is as long, XORed on the way.
    #[inline(always)]
    pub(crate) fn apply_to(mut self, payload: &[u8], place: &mut [u8]) {
        let key = self.word();
        match payload.len() {
            0..WORD => {
                for ((place, byte), key) in place.iter_mut().zip(payload).zip(key.to_le_bytes()) {
                    *place = *byte ^ key;
                }
            }
            WORD..16 => copy_ends::<WORD>(key, payload, place),
            16..BLOCK => copy_ends::<16>(key, payload, place),
            BLOCK..CACHED => copy_long(key, payload, place),
            // From here on nothing copies as fast as what does nothing else.
            _ => {
                for (payload, place) in payload.chunks(CACHED).zip(place.chunks_mut(CACHED)) {
                    place.copy_from_slice(payload);
                    self.apply(place);
                }
            }
        }
    }

    /// The key, twice.
    #[inline(always)]
    const fn word(self) -> u64 {
        (self.key as u64) << 32 | self.key as u64
    }

    /// The key, turned to the next byte's place.
    pub(crate) const fn key(self) -> [u8; 4] {
        self.key.to_le_bytes()
    }

    /// Moves on by `len` bytes as if they had been masked.
    #[inline]
    pub const fn skip(&mut self, len: u64) {
        // Four bytes on, the key is back where it was.
        self.key = self.key.rotate_right(turn(len));
    }
}

/// By how many bits a key is turned `len` bytes on.
#[inline]
const fn turn(len: u64) -> u32 {
    ((len & 3) as u32) << 3
}

/// A payload of less than two blocks, by words.
///
/// The last word is read before its first bytes are masked as part of another, and written after them.
#[inline(always)]
fn xor_short(key: u64, payload: &mut [u8]) {
    let Some(last) = payload.last_chunk() else {
        for (byte, key) in payload.iter_mut().zip(key.to_le_bytes()) {
            *byte ^= key;
        }
        return;
    };
    let last = u64::from_le_bytes(*last) ^ key.rotate_right(turn(payload.len() as u64));
    for word in payload.chunks_exact_mut(WORD) {
        xor_word(key, word);
    }
    if let Some(place) = payload.last_chunk_mut() {
        *place = last.to_le_bytes();
    }
}

/// A payload of at least one block.
///
/// The first block and the last are masked by themselves, and written over what the blocks between them have
/// made of their bytes: so there is one loop, whatever the length and the address.
#[cfg_attr(feature = "std", multiversion::multiversion(targets("x86_64+avx2", "x86+avx2")))]
fn xor_long(key: u64, payload: &mut [u8]) {
    let (Some(first), Some(last)) = (payload.first_chunk(), payload.last_chunk()) else { return };
    let first = xored::<BLOCK>(key, *first);
    let last = xored::<BLOCK>(key.rotate_right(turn(payload.len() as u64)), *last);
    let unaligned = unaligned(payload);
    if let Some(aligned) = payload.get_mut(unaligned..) {
        let key = key.rotate_right(turn(unaligned as u64));
        for block in aligned.chunks_exact_mut(BLOCK) {
            xor_block(key, block);
        }
    }
    if let Some(place) = payload.first_chunk_mut() {
        *place = first;
    }
    if let Some(place) = payload.last_chunk_mut() {
        *place = last;
    }
}

/// The first block and the last of a payload that is copied; they may overlap.
#[inline(always)]
fn copy_ends<const N: usize>(key: u64, payload: &[u8], place: &mut [u8]) {
    let turned = key.rotate_right(turn(payload.len() as u64));
    if let (Some(first), Some(place)) = (payload.first_chunk(), place.first_chunk_mut()) {
        *place = xored::<N>(key, *first);
    }
    if let (Some(last), Some(place)) = (payload.last_chunk(), place.last_chunk_mut()) {
        *place = xored::<N>(turned, *last);
    }
}

/// A payload that is copied, of at least one block: as [`xor_long`], where it goes.
#[cfg_attr(feature = "std", multiversion::multiversion(targets("x86_64+avx2", "x86+avx2")))]
fn copy_long(key: u64, payload: &[u8], place: &mut [u8]) {
    copy_ends::<BLOCK>(key, payload, place);
    let unaligned = unaligned(place);
    if let (Some(payload), Some(place)) = (payload.get(unaligned..), place.get_mut(unaligned..)) {
        let key = key.rotate_right(turn(unaligned as u64));
        for (block, place) in payload.chunks_exact(BLOCK).zip(place.chunks_exact_mut(BLOCK)) {
            if let (Some(block), Some(place)) = (block.first_chunk(), place.first_chunk_mut()) {
                *place = xored::<BLOCK>(key, *block);
            }
        }
    }
}

/// How much lies before the first aligned block, one block at most.
///
/// Of what is short nothing is passed over: how often the loop runs must not hang on where a frame lies.
#[inline(always)]
fn unaligned(payload: &[u8]) -> usize {
    match payload.len() {
        0..ALIGNED => 0,
        _ => payload.as_ptr().align_offset(BLOCK).min(BLOCK),
    }
}

/// By value, so that it is made in registers.
#[inline(always)]
fn xored<const N: usize>(key: u64, mut block: [u8; N]) -> [u8; N] {
    xor_block(key, &mut block);
    block
}

#[inline(always)]
fn xor_block(key: u64, block: &mut [u8]) {
    for word in block.chunks_exact_mut(WORD) {
        xor_word(key, word);
    }
}

#[inline]
fn xor_word(key: u64, word: &mut [u8]) {
    if let Some(word) = word.first_chunk_mut() {
        *word = (u64::from_le_bytes(*word) ^ key).to_le_bytes();
    }
}

/// A length that every first-level cache holds twice over: what was just copied is still there to be masked.
pub(crate) const CACHED: usize = 8 << 10;

/// From here on it pays to begin at an aligned address.
const ALIGNED: usize = 256;

/// From here on whole blocks pay.
const LONG: usize = 2 * BLOCK;

/// Two 128-bit vectors, or one of 256.
const BLOCK: usize = 32;

/// What a general register takes.
const WORD: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 §5.3 word for word: octet i XOR key octet i modulo 4.
    fn naive(masking_key: [u8; 4], offset: usize, payload: &mut [u8]) {
        for (i, byte) in payload.iter_mut().enumerate() {
            *byte ^= masking_key[(offset + i) % 4];
        }
    }

    #[test]
    fn every_length_offset_and_alignment_matches_the_naive_loop() {
        let key = [0x01, 0x80, 0xff, 0x5a];
        let source: Vec<u8> = (0..700).map(|i: u16| i.to_le_bytes()[0] ^ 0x33).collect();
        for start in 0..33 {
            for len in (0..150).chain(250..300).chain([512, 600]) {
                for offset in 0..5 {
                    let mut expected = source[start..start + len].to_vec();
                    naive(key, offset, &mut expected);
                    let mut actual = source.clone();
                    let mut mask = Mask::at(key, offset as u64);
                    mask.apply(&mut actual[start..start + len]);
                    assert_eq!(actual[start..start + len], expected);
                    assert_eq!(mask, Mask::at(key, (offset + len) as u64));
                    assert_eq!(actual[..start], source[..start]);
                    assert_eq!(actual[start + len..], source[start + len..]);

                    let mut copied = source.clone();
                    let mask = Mask::at(key, offset as u64);
                    mask.apply_to(&source[start..start + len], &mut copied[36 - start..36 - start + len]);
                    assert_eq!(copied[36 - start..36 - start + len], expected);
                    assert_eq!(copied[..36 - start], source[..36 - start]);
                    assert_eq!(copied[36 - start + len..], source[36 - start + len..]);
                }
            }
        }
    }

    #[test]
    fn what_is_copied_in_pieces_matches_the_naive_loop() {
        let key = [0x01, 0x80, 0xff, 0x5a];
        let source: Vec<u8> = (0..3 * CACHED + 7).map(|i| i.to_le_bytes()[0] ^ 0x33).collect();
        for len in [CACHED - 1, CACHED, CACHED + 1, 2 * CACHED, 3 * CACHED + 7] {
            let mut expected = source[..len].to_vec();
            naive(key, 0, &mut expected);
            let mut copied = vec![0; len];
            Mask::new(key).apply_to(&source[..len], &mut copied);
            assert!(copied == expected, "{len}");
        }
    }

    #[test]
    fn a_far_offset_counts_modulo_four() {
        assert_eq!(Mask::at(*b"abcd", u64::MAX), Mask::at(*b"abcd", 3));
    }
}
