//! The target of encoded bytes: a `Vec<u8>`, or a buffer of fixed size.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "bytes")]
use bytes::BytesMut;

use crate::copy::copy;
#[cfg(feature = "alloc")]
use crate::copy::{PIECE_LEN, append};
use crate::encoded_header::EncodedHeader;
use crate::error::LocalProtocolError;
use crate::mask::Mask;

/// A target for encoded bytes, such as `Vec<u8>` or `&mut [u8]`.
///
/// A `Vec<u8>` grows. A `&mut [u8]` is filled from its front and becomes the rest of the slice, as in
/// [`std::io::Write`](https://doc.rust-lang.org/std/io/trait.Write.html). A call writes all of its bytes or, if it
/// returns an error, none.
///
/// ```
/// use wsproto::{Connection, Limits, LocalProtocolError, TextMessage};
///
/// let mut connection = Connection::server(Limits::default());
/// let mut buffer = [0; 8];
/// let mut room = buffer.as_mut_slice();
/// connection.send(TextMessage::new("Hello"), &mut room)?;
/// let refused = connection.send(TextMessage::new("Hello"), &mut room);
/// assert_eq!(refused, Err(LocalProtocolError::OutputFull(7)));
/// assert_eq!(room.len(), 1);
/// assert_eq!(buffer[..7], *b"\x81\x05Hello");
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
///
/// Every function with an output also takes a trait object:
///
#[cfg_attr(feature = "alloc", doc = "```")]
#[cfg_attr(not(feature = "alloc"), doc = "```ignore")]
/// use wsproto::{Connection, Limits, Output, Ping};
///
/// let mut vector = Vec::new();
/// let output: &mut dyn Output = &mut vector;
/// Connection::server(Limits::default()).send(Ping::new(b"7"), output)?;
/// assert_eq!(vector, b"\x89\x017");
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
///
/// No method has the same name as one of `Vec` or of `std::io::Write`, so that both traits can be imported together.
pub trait Output {
    /// Reserves room for `len` more bytes, written by one call or by many.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::OutputFull`] if there is no room for them.
    fn ensure_room(&mut self, len: usize) -> Result<(), LocalProtocolError>;

    /// Checks that `len` more bytes can be written, without reserving: `len` is an upper bound that is rarely reached.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::OutputFull`] if there is no room for them.
    fn check_room(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.ensure_room(len)
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::OutputFull`] if they do not fit; then nothing was written.
    fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError>;

    /// Appends `header`, then `payload`, which is masked in the output if there is a mask.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::OutputFull`] if the two do not fit; then nothing was written.
    fn append_frame(
        &mut self,
        header: EncodedHeader,
        payload: &[u8],
        mask: Option<Mask>,
    ) -> Result<(), LocalProtocolError> {
        self.ensure_room(header.as_bytes().len().saturating_add(payload.len()))?;
        self.append_bytes(header.as_bytes())?;
        let Some(mut mask) = mask else { return self.append_bytes(payload) };
        let mut masked = [0; 256];
        for piece in payload.chunks(masked.len()) {
            let Some(masked) = masked.get_mut(..piece.len()) else { break };
            masked.copy_from_slice(piece);
            mask.apply(masked);
            self.append_bytes(masked)?;
        }
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl Output for Vec<u8> {
    #[inline]
    fn ensure_room(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.reserve(len);
        Ok(())
    }

    #[inline]
    fn check_room(&mut self, _: usize) -> Result<(), LocalProtocolError> {
        Ok(())
    }

    #[inline]
    fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError> {
        append(self, bytes);
        Ok(())
    }

    #[inline(always)]
    fn append_frame(
        &mut self,
        header: EncodedHeader,
        payload: &[u8],
        mask: Option<Mask>,
    ) -> Result<(), LocalProtocolError> {
        append_header(self, header);
        match mask {
            None if header.as_bytes().len() == 2 => self.extend_from_slice(payload), // at most 125 bytes
            None => append(self, payload),
            Some(mask) if payload.len() <= PIECE_LEN => append_masked(self, payload, mask),
            Some(mask) => append_long_masked(self, payload, mask),
        }
        Ok(())
    }
}

#[cfg(feature = "bytes")]
impl Output for BytesMut {
    #[inline]
    fn ensure_room(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.reserve(len);
        Ok(())
    }

    #[inline]
    fn check_room(&mut self, _: usize) -> Result<(), LocalProtocolError> {
        Ok(())
    }

    #[inline]
    fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn append_frame(
        &mut self,
        header: EncodedHeader,
        payload: &[u8],
        mut mask: Option<Mask>,
    ) -> Result<(), LocalProtocolError> {
        self.reserve(header.as_bytes().len().saturating_add(payload.len()));
        self.extend_from_slice(header.as_bytes());
        for piece in payload.chunks(PIECE_LEN) {
            let start = self.len();
            self.extend_from_slice(piece);
            if let Some(mask) = &mut mask {
                mask.apply(self.get_mut(start..).unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// Appends a payload, masked. Its place is filled with zeros first: that is cheap while it is in the cache.
#[cfg(feature = "alloc")]
#[inline(always)]
fn append_masked(output: &mut Vec<u8>, payload: &[u8], mask: Mask) {
    let start = output.len();
    output.resize(start.saturating_add(payload.len()), 0);
    mask.apply_to(payload, output.get_mut(start..).unwrap_or_default());
}

#[cfg(feature = "alloc")]
#[inline(never)]
fn append_long_masked(output: &mut Vec<u8>, payload: &[u8], mut mask: Mask) {
    for piece in payload.chunks(PIECE_LEN) {
        append_masked(output, piece, mask);
        mask.skip(piece.len() as u64);
    }
}

/// Appends a header; short ones without a call to `memcpy`.
#[cfg(feature = "alloc")]
#[inline(always)]
fn append_header(output: &mut Vec<u8>, header: EncodedHeader) {
    match (header.as_bytes().len(), header.as_word()) {
        (2, Some([a, b, ..])) => output.extend_from_slice(&[*a, *b]),
        (6, Some([a, b, c, d, e, f, ..])) => output.extend_from_slice(&[*a, *b, *c, *d, *e, *f]),
        _ => output.extend_from_slice(header.as_bytes()),
    }
}

impl Output for &mut [u8] {
    #[inline]
    fn ensure_room(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        if len > self.len() {
            return Err(LocalProtocolError::OutputFull(len));
        }
        Ok(())
    }

    #[inline]
    fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError> {
        self.ensure_room(bytes.len())?;
        let (target, rest) = core::mem::take(self).split_at_mut(bytes.len());
        copy(bytes, target);
        *self = rest;
        Ok(())
    }

    #[inline(always)]
    fn append_frame(
        &mut self,
        header: EncodedHeader,
        payload: &[u8],
        mask: Option<Mask>,
    ) -> Result<(), LocalProtocolError> {
        let needed = header.as_bytes().len().saturating_add(payload.len());
        self.ensure_room(needed)?;
        let (written, rest) = core::mem::take(self).split_at_mut(needed);
        *self = rest;
        match (header.as_word(), written.first_chunk_mut()) {
            (Some(word), Some(target)) => *target = *word,
            _ => {
                for (target, byte) in written.iter_mut().zip(header.as_bytes()) {
                    *target = *byte;
                }
            }
        }
        let target = written.get_mut(header.as_bytes().len()..).unwrap_or_default();
        match mask {
            Some(mask) => mask.apply_to(payload, target),
            None => copy(payload, target),
        }
        Ok(())
    }
}
