//! Where encoded bytes go: a `Vec<u8>`, or a piece of memory of fixed size.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::error::LocalProtocolError;
use crate::mask::Mask;

/// A place for encoded bytes.
///
/// Each write is whole or refused, so that a refused call leaves nothing behind. Implemented for
/// `Vec<u8>`, which grows, and for `&mut [u8]`, which is filled from its front and then starts behind
/// what was written, as in [`std::io::Write`](https://doc.rust-lang.org/std/io/trait.Write.html).
///
/// ```
/// use wsproto::{Connection, Limits, LocalProtocolError, TextMessage};
///
/// let mut connection = Connection::server(Limits::default());
/// let mut memory = [0; 8];
/// let mut room = memory.as_mut_slice();
/// connection.send(TextMessage::new("Hello"), &mut room)?;
/// let refused = connection.send(TextMessage::new("Hello"), &mut room);
/// assert_eq!(refused, Err(LocalProtocolError::OutputFull(7)));
/// assert_eq!(room.len(), 1);
/// assert_eq!(memory[..7], *b"\x81\x05Hello");
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
pub trait Output {
    /// Makes sure that `len` more bytes can be written.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::OutputFull`] where they cannot.
    fn reserve(&mut self, len: usize) -> Result<(), LocalProtocolError>;

    /// Tells whether `len` more bytes could be written, where that many will rarely be.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::OutputFull`] where they could not.
    fn check_room(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.reserve(len)
    }

    /// Appends `header`, then `payload`, masked on the way if there is a mask.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::OutputFull`] where the two do not fit; then nothing was written.
    fn write(&mut self, header: &[u8], payload: &[u8], mask: Option<Mask>) -> Result<(), LocalProtocolError>;
}

#[cfg(feature = "alloc")]
impl Output for Vec<u8> {
    #[inline]
    fn reserve(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.reserve(len);
        Ok(())
    }

    #[inline]
    fn check_room(&mut self, _: usize) -> Result<(), LocalProtocolError> {
        Ok(())
    }

    #[inline(always)]
    fn write(&mut self, header: &[u8], payload: &[u8], mask: Option<Mask>) -> Result<(), LocalProtocolError> {
        put_header(self, header);
        let Some(mut mask) = mask else {
            self.extend_from_slice(payload);
            return Ok(());
        };
        // Block by block, so that what was just copied is still in cache when it is masked.
        let mut rest = payload;
        while let Some((block, behind)) = rest.split_at_checked(CACHED) {
            put_masked(self, block, &mut mask);
            rest = behind;
        }
        put_masked(self, rest, &mut mask);
        Ok(())
    }
}

/// Appends a piece of payload, and masks it where it then lies.
#[cfg(feature = "alloc")]
#[inline(always)]
fn put_masked(output: &mut Vec<u8>, piece: &[u8], mask: &mut Mask) {
    let start = output.len();
    output.extend_from_slice(piece);
    if let Some(place) = output.get_mut(start..) {
        mask.apply(place);
    }
}

/// Appends a header; one of a short frame by a store or two, without a call.
#[cfg(feature = "alloc")]
#[inline(always)]
fn put_header(output: &mut Vec<u8>, header: &[u8]) {
    if let Ok(unmasked) = <&[u8; 2]>::try_from(header) {
        output.extend_from_slice(unmasked);
    } else if let Ok(masked) = <&[u8; 6]>::try_from(header) {
        output.extend_from_slice(masked);
    } else {
        output.extend_from_slice(header);
    }
}

/// A length that every first-level cache holds twice over.
#[cfg(feature = "alloc")]
const CACHED: usize = 8 << 10;

impl Output for &mut [u8] {
    #[inline]
    fn reserve(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        if len > self.len() {
            return Err(LocalProtocolError::OutputFull(len));
        }
        Ok(())
    }

    #[inline]
    fn write(&mut self, header: &[u8], payload: &[u8], mask: Option<Mask>) -> Result<(), LocalProtocolError> {
        let needed = header.len().saturating_add(payload.len());
        Output::reserve(self, needed)?;
        let (written, rest) = core::mem::take(self).split_at_mut(needed);
        let (header_place, payload_place) = written.split_at_mut(header.len());
        header_place.copy_from_slice(header);
        payload_place.copy_from_slice(payload);
        if let Some(mut mask) = mask {
            mask.apply(payload_place);
        }
        *self = rest;
        Ok(())
    }
}
