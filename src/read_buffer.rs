//! The buffer between a transport and a machine: what was read and is not used yet.
//!
//! Unread bytes are `bytes[start..end]`; free space is `bytes[end..]`. Unread bytes are moved to the front only when
//! there is no space after them, so each byte is moved once at most before it is consumed. The buffer grows only when
//! it is full of unread bytes: a peer cannot make it grow by announcing a length.

use alloc::vec::Vec;

use crate::error::LocalProtocolError;

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
/// ```
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
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    min_space: usize,
    max_len: usize,
}

impl ReadBuffer {
    /// An empty buffer, which grows up to 16 MiB and 14 bytes: a frame of the greatest length that
    /// [`Limits`](crate::Limits) allow unless set.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, min_space: 4096, max_len: (16 << 20) + 14 }
    }

    /// Offers at least `min_space` bytes to read into, 1 or more; 4096 unless set.
    ///
    /// The buffer begins with as many, too.
    #[must_use = "it returns the buffer with this setting"]
    pub const fn with_min_space(mut self, min_space: usize) -> Self {
        self.min_space = if min_space == 0 { 1 } else { min_space };
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

    /// The space to read into, all of it initialized; it is empty only if `max_len` unread bytes are in the buffer.
    ///
    /// Report by [`filled`](Self::filled) how much was read.
    pub fn space(&mut self) -> &mut [u8] {
        self.space_for(self.min_space)
    }

    /// The space, with at least `min_space` bytes unless the greatest length forbids it.
    fn space_for(&mut self, min_space: usize) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let min_space = min_space.min(self.max_len.saturating_sub(self.unread().len()));
        if self.bytes.len().saturating_sub(self.end) < min_space && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
        }
        if self.bytes.len().saturating_sub(self.end) < min_space {
            let doubled = self.bytes.len().saturating_mul(2).min(self.max_len);
            let needed = self.end.saturating_add(min_space);
            self.bytes.reserve_exact(doubled.max(needed).saturating_sub(self.bytes.len()));
            self.bytes.resize(doubled.max(needed), 0);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
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
        self.end = end;
        Ok(())
    }

    /// Appends bytes that were read elsewhere.
    ///
    /// # Errors
    ///
    /// [`LocalProtocolError::BufferFull`] if they and the unread bytes are more than the greatest length; then nothing
    /// has changed.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError> {
        if bytes.len() > self.max_len.saturating_sub(self.unread().len()) {
            return Err(LocalProtocolError::BufferFull(bytes.len()));
        }
        let space = self.space_for(bytes.len());
        space.get_mut(..bytes.len()).unwrap_or_default().copy_from_slice(bytes);
        self.filled(bytes.len())
    }

    /// The bytes that were read from the transport and are not used yet.
    pub fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Has `machine` read: it consumes from the front of the unread bytes, and may return what borrows them.
    ///
    /// It is for a [`Connection`](crate::Connection), a [`Receiver`](crate::Receiver) and the decoders, which write into
    /// the bytes.
    pub fn read<'b, R>(&'b mut self, machine: impl FnOnce(&mut &'b mut [u8]) -> R) -> R {
        let mut input = self.bytes.get_mut(self.start..self.end).unwrap_or_default();
        let result = machine(&mut input);
        self.start = self.end.saturating_sub(input.len());
        result
    }

    /// The same for a machine that only looks at the bytes: a [`ServerHandshake`](crate::ServerHandshake) or a
    /// [`ClientHandshake`](crate::ClientHandshake).
    pub fn read_shared<'b, R>(&'b mut self, machine: impl FnOnce(&mut &'b [u8]) -> R) -> R {
        let mut input = self.bytes.get(self.start..self.end).unwrap_or_default();
        let result = machine(&mut input);
        self.start = self.end.saturating_sub(input.len());
        result
    }

    /// Frees memory: all of it if no byte is unread, otherwise what the unread bytes do not need.
    pub fn release_memory(&mut self) {
        self.bytes.truncate(self.end);
        self.bytes.drain(..self.start);
        self.bytes.shrink_to_fit();
        (self.start, self.end) = (0, self.bytes.len());
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
