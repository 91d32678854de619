//! The buffer between a transport and a machine: what was read and is not used yet.
//!
//! Unread bytes are `bytes[start..end]`; free space is `bytes[end..]`. Unread bytes are moved to the front only when
//! there is no space after them, and no more of them than were read: so each byte is moved about once. Only a buffer
//! that has its greatest length moves more. The buffer grows only when half of it is unread: a peer cannot make it grow
//! by announcing a length.
//!
//! The beginning of a message can be held before the unread bytes. Between the two are the headers that were read, and
//! the payload that was moved over them.
//!
//! ```text
//! bytes: │ … │ held │ … │ unread │ free space │
//! ```

mod storage;

use core::ops::Range;

#[cfg(feature = "bytes")]
use bytes::{Buf, BufMut, Bytes};

use crate::error::LocalProtocolError;

use storage::{Storage, append, grow, initialize, shrink};

/// A buffer that a transport reads into, and that a handshake and then a connection read from.
///
/// It allocates nothing before [`space`](Self::space) is called, and nothing is left allocated after
/// [`release_memory`](Self::release_memory) once all is read: an idle connection needs no heap.
///
/// ```
/// use wsproto::{Connection, Event, Limits, ReadBuffer};
/// # use std::io::Read;
/// # fn main() -> std::io::Result<()> {
/// # let mut socket = &b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x82\x82\0\0"[..];
///
/// let mut connection = Connection::server(Limits::default());
/// let mut buffer = ReadBuffer::new();
/// let len = socket.read(buffer.space())?;
/// buffer.filled(len)?;
/// while let Some(event) = buffer.read(|input| connection.next_frame_event(input))? {
///     assert!(matches!(event, Event::Text(text) if text.data == "Hello"));
/// }
/// assert_eq!(buffer.unread(), b"\x82\x82\0\0"); // the beginning of the next frame: read more
/// # Ok(())
/// # }
/// ```
///
/// # With a handshake
///
/// A handshake reads from the same buffer, by [`read_shared`](Self::read_shared). Bytes after its head stay in the
/// buffer for the connection.
///
#[cfg_attr(feature = "handshake", doc = "```")]
#[cfg_attr(not(feature = "handshake"), doc = "```ignore")]
/// use wsproto::{HandshakeLimits, ReadBuffer, ServerHandshake};
/// # use std::io::Read;
/// # fn main() -> std::io::Result<()> {
/// # let mut socket = &b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81"[..];
///
/// let mut handshake = ServerHandshake::new(HandshakeLimits::default());
/// let mut buffer = ReadBuffer::new();
/// let len = socket.read(buffer.space())?;
/// buffer.filled(len)?;
/// if let Some(request) = buffer.read_shared(|input| handshake.receive(input))? {
///     assert_eq!(request.target(), "/");
/// }
/// assert_eq!(buffer.unread(), b"\x81");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ReadBuffer {
    bytes: Storage,
    start: usize,
    end: usize,
    held: Range<usize>,
    min_space: usize,
    /// How much space is offered at least: more than `min_space` after long reads.
    read_len: usize,
    /// How much space was offered, if its length shall follow the next read.
    offered: usize,
    max_len: usize,
    max_kept: usize,
    /// How many bytes of memory `bytes` has, with those that were given away.
    memory: usize,
}

impl ReadBuffer {
    /// An empty buffer, which grows up to 16 MiB and 14 bytes: a frame of the greatest length that
    /// [`Limits`](crate::Limits) allow unless set.
    pub fn new() -> Self {
        Self {
            bytes: Storage::new(),
            start: 0,
            end: 0,
            held: 0..0,
            min_space: 4096,
            read_len: 4096,
            offered: 0,
            max_len: (16 << 20) + 14,
            max_kept: 128 << 10,
            memory: 0,
        }
    }

    /// Offers at least `min_space` bytes to read into, 1 or more; 4096 unless set.
    ///
    /// The buffer begins with as many, too. It offers twice as many after each read that filled the space, up to 64 KiB;
    /// and half as many after a read that did not fill a quarter.
    #[must_use = "it returns the buffer with this setting"]
    pub const fn with_min_space(mut self, min_space: usize) -> Self {
        self.min_space = if min_space == 0 { 1 } else { min_space };
        self.read_len = self.min_space;
        self
    }

    /// Grows up to `max_len` bytes, which have to hold the longest frame and its header of 14 bytes at most.
    ///
    /// If events are taken piece by piece, by `next_event`, any length is enough.
    #[must_use = "it returns the buffer with this setting"]
    pub const fn with_max_len(mut self, max_len: usize) -> Self {
        self.max_len = max_len;
        self
    }

    /// Keeps at most `max_kept` bytes of memory once all is read: 128 KiB unless set.
    ///
    /// [`release_memory`](Self::release_memory) frees these too.
    #[must_use = "it returns the buffer with this setting"]
    pub const fn with_max_kept(mut self, max_kept: usize) -> Self {
        self.max_kept = max_kept;
        self
    }

    /// The space to read into, all of it initialized; it is empty only if `max_len` unread bytes are in the buffer.
    ///
    /// Report by [`filled`](Self::filled) how much was read.
    pub fn space(&mut self) -> &mut [u8] {
        self.space_up_to(None)
    }

    /// The space, which ends after `max_len` bytes at the latest.
    pub(crate) fn space_up_to(&mut self, max_len: Option<usize>) -> &mut [u8] {
        let len = self.offer(max_len);
        initialize(&mut self.bytes);
        self.bytes.get_mut(self.end..self.end.saturating_add(len)).unwrap_or_default()
    }

    /// The space, which is not initialized: for transports that read into a [`BufMut`].
    ///
    /// Report by [`filled`](Self::filled) how much was read.
    ///
    /// ```
    /// use bytes::BufMut;
    /// use wsproto::ReadBuffer;
    ///
    /// let mut buffer = ReadBuffer::new();
    /// buffer.buf_mut().put_slice(b"\x81\x05Hello"); // or tokio's `read_buf`
    /// buffer.filled(7)?;
    /// assert_eq!(buffer.unread(), b"\x81\x05Hello");
    /// # Ok::<(), wsproto::LocalProtocolError>(())
    /// ```
    #[cfg(feature = "bytes")]
    pub fn buf_mut(&mut self) -> impl BufMut + '_ {
        self.buf_mut_up_to(None)
    }

    /// The same, which ends after `max_len` bytes at the latest.
    #[cfg(feature = "bytes")]
    pub(crate) fn buf_mut_up_to(&mut self, max_len: Option<usize>) -> impl BufMut + '_ {
        let len = self.offer(max_len);
        self.bytes.truncate(self.end);
        (&mut self.bytes).limit(len)
    }

    /// Makes space. Returns how long it is.
    fn offer(&mut self, max_len: Option<usize>) -> usize {
        let Some(max_len) = max_len else {
            self.reserve(self.read_len);
            self.offered = self.spare_len().min(self.min_space.max(MAX_READ_LEN));
            return self.offered;
        };
        self.reserve(self.read_len.min(max_len));
        self.offered = 0;
        self.spare_len().min(max_len)
    }

    /// How long the space is.
    fn spare_len(&self) -> usize {
        let room = self.max_len.saturating_sub(self.kept_len());
        self.bytes.capacity().saturating_sub(self.end).min(room)
    }

    /// How many bytes are kept: those that are held, and the unread ones.
    #[inline]
    fn kept_len(&self) -> usize {
        let unread = self.end.saturating_sub(self.start);
        self.held.len().saturating_add(unread)
    }

    /// Makes space for at least `min_space` bytes unless the greatest length forbids it.
    #[inline]
    fn reserve(&mut self, min_space: usize) {
        if self.start == self.end || self.spare_len() < min_space {
            self.make_space(min_space);
        }
    }

    #[inline(never)]
    fn make_space(&mut self, min_space: usize) {
        if self.start == self.end {
            (self.start, self.end) = (self.held.end, self.held.end);
            self.shrink_to_kept();
        }
        let kept = self.kept_len();
        let min_space = min_space.min(self.max_len.saturating_sub(kept));
        if self.spare_len() < min_space && self.is_worth_a_move(min_space) {
            self.move_to_front();
        }
        if self.spare_len() < min_space {
            // It doubles, so that what is kept is moved seldom.
            let doubled = self.bytes.capacity().saturating_mul(2).min(self.max_len);
            let needed = self.end.saturating_add(min_space);
            let len = if kept == 0 { needed } else { doubled.max(needed) };
            self.bytes.truncate(self.end);
            let is_new = grow(&mut self.bytes, len);
            self.memory = if is_new { len } else { self.memory.max(len) };
        }
    }

    /// Whether to move what is kept instead of lengthening the buffer.
    ///
    /// No more bytes are moved than were read, so that the cost does not depend on the order of reads and fills. A
    /// buffer that may not grow has no choice.
    fn is_worth_a_move(&self, min_space: usize) -> bool {
        let kept = self.kept_len();
        let freed = self.end.saturating_sub(kept);
        let moved = if self.held.start > 0 { kept } else { self.unread().len() };
        moved <= freed || self.end.saturating_add(min_space) > self.max_len
    }

    /// Frees memory above `max_kept` once all is read.
    #[inline]
    pub(crate) fn shrink_to_kept(&mut self) {
        if self.memory > self.max_kept && self.start == self.end && self.held.is_empty() {
            (self.start, self.end, self.held) = (0, 0, 0..0);
            self.memory = self.max_kept.min(self.bytes.capacity());
            shrink(&mut self.bytes, self.memory);
        }
    }

    /// Moves what is kept to the front: the held bytes, and the unread bytes directly after them.
    fn move_to_front(&mut self) {
        let (held, unread) = (self.held.len(), self.unread().len());
        if self.held.start > 0 {
            self.bytes.copy_within(self.held.clone(), 0);
        }
        if self.start > held {
            self.bytes.copy_within(self.start..self.end, held);
        }
        self.held = 0..held;
        (self.start, self.end) = (held, held.saturating_add(unread));
    }

    /// Records that `len` bytes were read into the [`space`](Self::space).
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::BufferFull`] if the space is shorter; then nothing has changed.
    pub fn filled(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        let end = self.end.saturating_add(len);
        if end > self.bytes.len() {
            return Err(LocalProtocolError::BufferFull(len));
        }
        self.adapt_to_read(len);
        self.end = end;
        Ok(())
    }

    /// Makes the next reads longer after one that filled the space, and shorter after one that needed little of it.
    fn adapt_to_read(&mut self, len: usize) {
        match core::mem::take(&mut self.offered) {
            0 => {}
            offered if len == offered => {
                self.read_len = self.read_len.saturating_mul(2).min(MAX_READ_LEN).max(self.min_space);
            }
            _ if len < self.read_len / 4 => self.read_len = (self.read_len / 2).max(self.min_space),
            _ => {}
        }
    }

    /// Appends bytes that were read elsewhere.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::BufferFull`] if they and the unread bytes are more than the greatest length; then nothing
    /// has changed.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError> {
        let kept = self.kept_len();
        if bytes.len() > self.max_len.saturating_sub(kept) {
            return Err(LocalProtocolError::BufferFull(bytes.len()));
        }
        self.reserve(bytes.len());
        self.offered = 0;
        self.bytes.truncate(self.end);
        append(&mut self.bytes, bytes);
        self.filled(bytes.len())
    }

    /// The bytes that were read from the transport and are not used yet.
    #[inline(always)]
    pub fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Has `machine` read: it consumes from the front of the unread bytes, and may return what borrows them.
    ///
    /// It is for a [`Connection`](crate::Connection), a [`Receiver`](crate::Receiver) and the decoders, which write into
    /// the bytes.
    #[inline(always)]
    pub fn read<'b, R>(&'b mut self, machine: impl FnOnce(&mut &'b mut [u8]) -> R) -> R {
        let mut input = self.bytes.get_mut(self.start..self.end).unwrap_or_default();
        let result = machine(&mut input);
        self.start = self.end.saturating_sub(input.len());
        result
    }

    /// The same for a machine that only looks at the bytes: a `ServerHandshake` or a
    /// `ClientHandshake`.
    #[inline]
    pub fn read_shared<'b, R>(&'b mut self, machine: impl FnOnce(&mut &'b [u8]) -> R) -> R {
        let mut input = self.bytes.get(self.start..self.end).unwrap_or_default();
        let result = machine(&mut input);
        self.start = self.end.saturating_sub(input.len());
        result
    }

    /// Reads `len` bytes after a header.
    #[inline(always)]
    pub(crate) fn read_after(&mut self, header_len: usize, len: usize) -> Option<&mut [u8]> {
        let payload = self.start.wrapping_add(header_len);
        self.start = payload.wrapping_add(len);
        self.bytes.get_mut(payload..self.start)
    }

    /// The unread bytes; there is always `Some`, which the compiler does not know.
    #[inline(always)]
    pub(crate) fn checked_unread(&self) -> Option<&[u8]> {
        self.bytes.get(self.start..self.end)
    }

    /// The last `len` bytes that were read.
    pub(crate) fn last_read(&self, len: usize) -> &[u8] {
        self.bytes.get(self.start.saturating_sub(len)..self.start).unwrap_or_default()
    }

    /// Holds the last `len` bytes that were read, after those that are held already.
    pub(crate) fn hold_last(&mut self, len: usize) {
        let last = self.start.saturating_sub(len)..self.start;
        if self.held.is_empty() {
            self.held = last;
        } else {
            if self.held.end != last.start {
                self.bytes.copy_within(last, self.held.end);
            }
            self.held.end = self.held.end.saturating_add(len);
        }
    }

    /// The bytes that are held.
    pub(crate) fn held(&self) -> &[u8] {
        self.bytes.get(self.held.clone()).unwrap_or_default()
    }

    /// Gives away the held bytes.
    #[cfg(feature = "bytes")]
    pub(crate) fn take_held(&mut self) -> Bytes {
        self.take(self.held.clone())
    }

    /// Gives away the last `len` bytes that were read; no bytes may be held.
    #[cfg(feature = "bytes")]
    pub(crate) fn take_last(&mut self, len: usize) -> Bytes {
        self.take(self.start.saturating_sub(len)..self.start)
    }

    /// Gives away `len` bytes, after which `after` bytes were read; no bytes may be held.
    #[cfg(feature = "bytes")]
    pub(crate) fn take_read(&mut self, len: usize, after: usize) -> Bytes {
        let end = self.start.saturating_sub(after);
        self.take(end.saturating_sub(len)..end)
    }

    /// Gives away these bytes, which were read, and drops what is before them.
    #[cfg(feature = "bytes")]
    fn take(&mut self, taken: Range<usize>) -> Bytes {
        let mut bytes = self.bytes.split_to(taken.end.min(self.bytes.len()));
        (self.start, self.end) = (self.start.saturating_sub(taken.end), self.end.saturating_sub(taken.end));
        self.held = 0..0;
        bytes.advance(taken.start.min(bytes.len()));
        bytes.freeze()
    }

    /// Holds nothing any more.
    pub(crate) fn drop_held(&mut self) {
        self.held = 0..0;
    }

    /// Drops all unread bytes after the first `len`; returns whether there were any.
    #[cfg(feature = "handshake")]
    pub(crate) fn truncate_unread(&mut self, len: usize) -> bool {
        let end = self.start.saturating_add(len).min(self.end);
        let is_cut = end < self.end;
        self.end = end;
        is_cut
    }

    /// Drops everything, and frees all memory.
    pub(crate) fn clear(&mut self) {
        self.bytes = Storage::new();
        self.memory = 0;
        (self.start, self.end, self.held) = (0, 0, 0..0);
    }

    /// Frees memory: all of it if no byte is unread, otherwise what the unread bytes do not need.
    pub fn release_memory(&mut self) {
        self.move_to_front();
        shrink(&mut self.bytes, self.end);
        self.memory = self.end;
        self.read_len = self.min_space;
    }

    /// How many bytes are allocated.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// How much space is offered at most because of long reads.
const MAX_READ_LEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// How much a full buffer of 100 bytes grows for 30 more. Of the 100 bytes, 40 are held and 30 are unread; the others
    /// are dropped, and are before the held ones or after them.
    fn growth(are_dropped_first: bool, max_len: usize) -> usize {
        let mut buffer = ReadBuffer::new().with_min_space(30).with_max_len(max_len);
        buffer.extend_from_slice(&[0; 100]).unwrap();
        let capacity = buffer.capacity();
        if are_dropped_first {
            buffer.read_after(30, 40);
            buffer.hold_last(40);
        } else {
            buffer.read_after(0, 40);
            buffer.hold_last(40);
            buffer.read_after(0, 30);
        }
        assert!(buffer.space().len() >= 30);
        buffer.capacity().saturating_sub(capacity)
    }

    #[test]
    fn bytes_that_stay_where_they_are_do_not_count_as_moved() {
        // 30 bytes are moved, and as many were read.
        assert_eq!(growth(false, 1000), 0);
        // 70 bytes would be moved. At 130 bytes, the buffer can still grow; at 129 it cannot.
        assert_ne!(growth(true, 1000), 0);
        assert_ne!(growth(true, 130), 0);
        assert_eq!(growth(true, 129), 0);
    }
}
