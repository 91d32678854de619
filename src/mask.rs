//! Masking: each payload byte XORed with a byte of a four-byte key (RFC 6455 §5.3).
//!
//! The key is stored as one word, rotated so that its first byte is for the next payload byte.
//!
//! A short payload is masked as its first and its last word, or vector, which may overlap. There is no loop over words: a
//! compiler may make it from masked vector stores, with which 16 bytes took twice as long on AMD's processors. Longer
//! payloads are masked by one plain loop over blocks, which the compiler turns into vector instructions. The last block
//! may overlap the one before. So may the first one, so that the loop can begin at an aligned address: a vector across
//! two cache lines costs two memory accesses. With `std`, the loop is also compiled for wider vectors, and the
//! processor's features choose at run time.

/// A masking key, and the position in a frame's payload: XORs the payload with the key.
///
/// Masking and unmasking are the same operation. A payload may be masked in pieces of any size: each call continues
/// where the last one ended.
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
    /// The key, little-endian, rotated so that its first byte is for the next payload byte.
    key: u32,
}

impl Mask {
    /// A mask for the start of a payload.
    ///
    /// ```
    /// use wsproto::Mask;
    ///
    /// let mut payload = *b"Hello";
    /// Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut payload);
    /// assert_eq!(&payload, b"\x7f\x9f\x4d\x51\x58");
    /// ```
    pub const fn new(masking_key: [u8; 4]) -> Self {
        Self { key: u32::from_le_bytes(masking_key) }
    }

    /// A mask for the part of a payload that begins at `offset`, in bytes.
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

    /// XORs `payload` with the key in place, and advances by its length.
    #[inline(always)]
    pub fn apply(&mut self, payload: &mut [u8]) {
        let key = self.doubled_key();
        match payload.len() {
            0..MIN_LONG_LEN => xor_short(key, payload),
            _ => xor_long(key, payload),
        }
        self.skip(payload.len() as u64);
    }

    /// Writes `payload`, XORed with the key, to `target`, which has the same length.
    #[inline(always)]
    pub(crate) fn apply_to(self, payload: &[u8], target: &mut [u8]) {
        let key = self.doubled_key();
        match payload.len() {
            0..WORD_LEN => {
                for ((target, byte), key) in target.iter_mut().zip(payload).zip(key.to_le_bytes()) {
                    *target = *byte ^ key;
                }
            }
            WORD_LEN..=16 => copy_ends::<WORD_LEN>(key, payload, target),
            17..=BLOCK_LEN => copy_ends::<16>(key, payload, target),
            33..=MIN_LONG_LEN => copy_ends::<BLOCK_LEN>(key, payload, target),
            65..=128 => copy_ends::<MIN_LONG_LEN>(key, payload, target),
            _ => copy_long(key, payload, target),
        }
    }

    /// The key twice, to mask eight bytes at a time.
    #[inline(always)]
    const fn doubled_key(self) -> u64 {
        (self.key as u64) << 32 | self.key as u64
    }

    /// The key, rotated to the offset of the next byte.
    pub(crate) const fn key(self) -> [u8; 4] {
        self.key.to_le_bytes()
    }

    /// Advances by `len` bytes, as if they had been masked.
    ///
    /// ```
    /// use wsproto::Mask;
    ///
    /// let mut mask = Mask::new(*b"abcd");
    /// mask.skip(5);
    /// assert_eq!(mask, Mask::new(*b"bcda"));
    /// ```
    #[inline]
    pub const fn skip(&mut self, len: u64) {
        // After four bytes, the key is as it was.
        self.key = self.key.rotate_right(rotation(len));
    }
}

/// By how many bits the key is rotated after `len` bytes.
#[inline]
const fn rotation(len: u64) -> u32 {
    ((len & 3) as u32) << 3
}

/// Masks a payload of less than two blocks.
#[inline(always)]
fn xor_short(key: u64, payload: &mut [u8]) {
    match payload.len() {
        0..WORD_LEN => {
            for (byte, key) in payload.iter_mut().zip(key.to_le_bytes()) {
                *byte ^= key;
            }
        }
        WORD_LEN..=16 => xor_ends::<WORD_LEN>(key, payload),
        17..=BLOCK_LEN => xor_ends::<16>(key, payload),
        _ => xor_ends::<BLOCK_LEN>(key, payload),
    }
}

/// Masks the first `N` and the last `N` bytes of a payload; they may overlap.
#[inline(always)]
fn xor_ends<const N: usize>(key: u64, payload: &mut [u8]) {
    if let Some(ends) = xored_ends::<N>(key, payload) {
        put_ends(payload, ends);
    }
}

/// The first `N` and the last `N` bytes of a payload, masked: both are read before one of them is written.
#[inline(always)]
fn xored_ends<const N: usize>(key: u64, payload: &[u8]) -> Option<[[u8; N]; 2]> {
    let last_key = key.rotate_right(rotation(payload.len() as u64));
    Some([xored(key, *payload.first_chunk()?), xored(last_key, *payload.last_chunk()?)])
}

#[inline(always)]
fn put_ends<const N: usize>(payload: &mut [u8], [first, last]: [[u8; N]; 2]) {
    if let Some(target) = payload.first_chunk_mut() {
        *target = first;
    }
    if let Some(target) = payload.last_chunk_mut() {
        *target = last;
    }
}

/// Masks a payload of at least one block.
///
/// The first and the last block are masked by themselves, before the loop, and written after it, over the bytes that
/// the loop has masked too. So there is one loop, whatever the length and the address.
#[cfg_attr(feature = "std", multiversion::multiversion(targets("x86_64+avx2", "x86+avx2")))]
fn xor_long(key: u64, payload: &mut [u8]) {
    let Some(ends) = xored_ends::<BLOCK_LEN>(key, payload) else { return };
    let unaligned = unaligned(payload);
    if let Some(aligned) = payload.get_mut(unaligned..) {
        let key = key.rotate_right(rotation(unaligned as u64));
        for block in aligned.chunks_exact_mut(BLOCK_LEN) {
            xor_block(key, block);
        }
    }
    put_ends(payload, ends);
}

/// Copies and masks the first `N` and the last `N` bytes of a payload; they may overlap.
#[inline(always)]
fn copy_ends<const N: usize>(key: u64, payload: &[u8], target: &mut [u8]) {
    if let Some(ends) = xored_ends::<N>(key, payload) {
        put_ends(target, ends);
    }
}

/// Copies and masks a payload of at least one block, as [`xor_long`] does; `target` is what is aligned.
#[cfg_attr(feature = "std", multiversion::multiversion(targets("x86_64+avx2", "x86+avx2")))]
fn copy_long(key: u64, payload: &[u8], target: &mut [u8]) {
    copy_ends::<BLOCK_LEN>(key, payload, target);
    let unaligned = unaligned(target);
    if let (Some(payload), Some(target)) = (payload.get(unaligned..), target.get_mut(unaligned..)) {
        let key = key.rotate_right(rotation(unaligned as u64));
        for (block, target) in payload.chunks_exact(BLOCK_LEN).zip(target.chunks_exact_mut(BLOCK_LEN)) {
            if let (Some(block), Some(target)) = (block.first_chunk(), target.first_chunk_mut()) {
                *target = xored::<BLOCK_LEN>(key, *block);
            }
        }
    }
}

/// How many bytes are before the first aligned block: at most one block.
///
/// Zero for short payloads: the number of iterations must not depend on the address.
#[inline(always)]
fn unaligned(payload: &[u8]) -> usize {
    match payload.len() {
        0..MIN_ALIGNED_LEN => 0,
        _ => payload.as_ptr().align_offset(BLOCK_LEN).min(BLOCK_LEN),
    }
}

/// Masks a block by value, so that it stays in registers.
#[inline(always)]
fn xored<const N: usize>(key: u64, mut block: [u8; N]) -> [u8; N] {
    xor_block(key, &mut block);
    block
}

#[inline(always)]
fn xor_block(key: u64, block: &mut [u8]) {
    for word in block.chunks_exact_mut(WORD_LEN) {
        xor_word(key, word);
    }
}

#[inline]
fn xor_word(key: u64, word: &mut [u8]) {
    if let Some(word) = word.first_chunk_mut() {
        *word = (u64::from_le_bytes(*word) ^ key).to_le_bytes();
    }
}

/// From this length on, in bytes, it is faster to begin at an aligned address.
const MIN_ALIGNED_LEN: usize = 256;

/// From this length on, in bytes, blocks are faster than words.
const MIN_LONG_LEN: usize = 2 * BLOCK_LEN;

/// The length of a block, in bytes: two vectors of 128 bits, or one of 256.
const BLOCK_LEN: usize = 32;

/// The length of a word, in bytes: a general register.
const WORD_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// The algorithm of RFC 6455 §5.3: octet i XOR key octet i modulo 4.
    fn naive(masking_key: [u8; 4], offset: usize, payload: &mut [u8]) {
        for (i, byte) in payload.iter_mut().enumerate() {
            *byte ^= masking_key[(offset + i) % 4];
        }
    }

    #[test]
    fn every_length_offset_and_alignment_matches_the_naive_loop() {
        let key = [0x01, 0x80, 0xff, 0x5a];
        let source: Vec<u8> = (0..700).map(|i: u16| i.to_le_bytes()[0] ^ 0x33).collect();
        // Miri needs hours for all. It tries the lengths at which another branch begins.
        let (starts, offsets, lens): (Vec<_>, _, Vec<_>) = if cfg!(miri) {
            let lens = [0, 1, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 65, 255, 256, 257, 300];
            ([0, 1, 31].to_vec(), 1..2, lens.to_vec())
        } else {
            ((0..33).collect(), 0..5, (0..150).chain(250..300).chain([512, 600]).collect())
        };
        for start in starts {
            for &len in &lens {
                for offset in offsets.clone() {
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
    fn long_payload_that_is_copied_matches_the_naive_loop() {
        let key = [0x01, 0x80, 0xff, 0x5a];
        let lens: &[usize] = if cfg!(miri) { &[1025] } else { &[1023, 1024, 1025, 8192, 24_583] };
        let source: Vec<u8> = (0..24_583_u32).map(|i| i.to_le_bytes()[0] ^ 0x33).collect();
        for &len in lens {
            let mut expected = source[..len].to_vec();
            naive(key, 0, &mut expected);
            let mut copied = vec![0; len];
            Mask::new(key).apply_to(&source[..len], &mut copied);
            assert!(copied == expected, "{len}");
        }
    }

    #[test]
    fn offset_counts_modulo_four() {
        assert_eq!(Mask::at(*b"abcd", u64::MAX), Mask::at(*b"abcd", 3));
    }
}
