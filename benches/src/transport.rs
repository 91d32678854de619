//! A transport in memory, for engines that read and write by themselves.

use std::cell::{RefCell, RefMut};
use std::hint::black_box;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use crate::engine::{Out, Unfit};
use crate::workload::{Input, LONGEST_READ, copy_read, pieces};

/// Gives an input in reads, and takes all writes; it is always ready.
///
/// Clones refer to the same transport, because some engines do not return the transport that they got.
#[derive(Clone, Debug)]
pub(crate) struct Transport(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    unread: &'static [u8],
    read_len: usize,
    /// Whether a read found no input.
    is_dry: bool,
    /// Whether written bytes are kept.
    gathers: bool,
    written: Vec<u8>,
}

impl Transport {
    pub(crate) fn new() -> Self {
        Self(Rc::new(RefCell::new(State {
            unread: &[],
            read_len: LONGEST_READ,
            is_dry: false,
            gathers: false,
            written: Vec::new(),
        })))
    }

    pub(crate) fn with_input(input: &Input) -> Self {
        let transport = Self::new();
        transport.begin(input);
        transport
    }

    /// Sets the input of the next reads.
    pub(crate) fn begin(&self, input: &Input) {
        let mut state = self.state();
        state.unread = input.wire;
        state.read_len = input.read_len;
    }

    /// Gathers the following writes into one buffer.
    pub(crate) fn gather(&self) {
        self.state().gathers = true;
    }

    /// Drops the following writes, unless `out` keeps them.
    pub(crate) fn see(&self, out: &Out) {
        self.state().gathers = out.kept.is_some();
    }

    /// Passes the gathered bytes to `out`.
    pub(crate) fn finish(&self, out: &mut Out) {
        let written = &mut self.state().written;
        out.write(written);
        written.clear();
    }

    /// Distinguishes an engine that refused the input from one that had no more input.
    pub(crate) fn unfit<E>(&self, _: E) -> Unfit {
        if self.state().is_dry { Unfit::RanDry } else { Unfit::Refused }
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    fn read_len(&self, room: usize) -> io::Result<RefMut<'_, State>> {
        let mut state = self.state();
        if room > 0 && state.unread.is_empty() {
            state.is_dry = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(state)
    }

    fn read_some(&self, place: &mut [u8]) -> io::Result<usize> {
        let mut state = self.read_len(place.len())?;
        let read = state.take(place.len());
        copy_read(place, read);
        Ok(read.len())
    }

    fn write_some(&self, bytes: &[u8]) -> usize {
        self.state().put(bytes);
        bytes.len()
    }

    fn write_slices(&self, slices: &[IoSlice<'_>]) -> usize {
        let mut state = self.state();
        slices.iter().map(|slice| state.put(slice)).sum()
    }
}

impl State {
    fn take(&mut self, room: usize) -> &'static [u8] {
        let (read, unread) = self.unread.split_at(room.min(self.read_len).min(self.unread.len()));
        self.unread = unread;
        read
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        if self.gathers {
            self.written.extend_from_slice(bytes);
        } else {
            black_box(bytes);
        }
        bytes.len()
    }
}

impl io::Read for Transport {
    fn read(&mut self, place: &mut [u8]) -> io::Result<usize> {
        self.read_some(place)
    }
}

impl io::Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.write_some(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tokio::io::AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, place: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.read_len(place.remaining())?;
        pieces(state.take(place.remaining())).for_each(|piece| place.put_slice(piece));
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.write_some(bytes)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.write_slices(slices)))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl futures_io::AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, place: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.read_some(place))
    }
}

impl futures_io::AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.write_some(bytes)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.write_slices(slices)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl wtx::stream::StreamReader for Transport {
    async fn read(&mut self, place: &mut [u8]) -> wtx::Result<usize> {
        Ok(self.read_some(place)?)
    }
}

impl wtx::stream::StreamWriter for Transport {
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        self.write_some(bytes);
        Ok(())
    }

    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        let mut state = self.state();
        for bytes in slices {
            state.put(bytes);
        }
        Ok(())
    }
}
