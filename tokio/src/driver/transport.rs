//! Reading, writing, and ending the transport.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::task::coop::unconstrained;
use wsproto::Timeout;

use crate::outgoing::Outgoing;

use super::Driver;

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Writes all that waits, and flushes the transport. An error is recorded; then it is ready too.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.facts.shut_down {
                self.drop_output();
                return Poll::Ready(());
            }
            if !self.has_output() && !self.encode_next() {
                break;
            }
            let stream = Pin::new(&mut self.stream);
            let frame = self.outgoing.unwritten_frame();
            let is_frame = frame.is_some();
            let written = ready!(match frame {
                Some([bytes, []]) => stream.poll_write(cx, bytes),
                Some(slices) => stream.poll_write_vectored(cx, &slices.map(IoSlice::new)),
                None => stream.poll_write(cx, self.messages.output()),
            });
            match written {
                Ok(0) => self.fail_writing(ErrorKind::WriteZero.into()),
                Ok(len) if is_frame => self.outgoing.frame_written(len),
                Ok(len) => self.messages.written(len),
                Err(error) => self.fail_writing(error),
            }
            self.facts.needs_flush = true;
            self.facts.active = true;
        }
        if self.facts.needs_flush {
            match ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
                Ok(()) => self.facts.needs_flush = false,
                Err(error) => self.fail_writing(error),
            }
        }
        Poll::Ready(())
    }

    /// Whether encoded bytes wait to be written.
    pub(super) fn has_output(&mut self) -> bool {
        self.outgoing.unwritten_frame().is_some() || !self.messages.output().is_empty()
    }

    /// Reads once. Returns how many bytes came: 0 is the end, or an error, which is recorded.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let read = if self.facts.released {
            ready!(self.poll_first_read(cx))
        } else {
            let mut space = self.messages.buf_mut();
            let read = ready!(pin!(self.stream.read_buf(&mut space)).poll(cx));
            drop(space);
            read.and_then(|len| Ok(self.messages.filled(len).map(|()| len)?))
        };
        self.facts.active = true;
        let len = read.unwrap_or_else(|error| {
            self.messages.receive_eof();
            self.record(error);
            0
        });
        self.facts.read_ended |= len == 0;
        Poll::Ready(len)
    }

    /// Reads after the buffers were freed: they are not allocated before bytes have come.
    fn poll_first_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [const { MaybeUninit::uninit() }; FIRST_READ];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let received = buffer.filled();
        if received.is_empty() {
            self.messages.receive_eof();
        }
        self.messages.receive_data(received)?;
        self.facts.released = false;
        Poll::Ready(Ok(received.len()))
    }

    /// Reads and drops bytes until the transport has ended or failed.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut dropped = [const { MaybeUninit::uninit() }; FIRST_READ];
        let mut buffer = ReadBuf::uninit(&mut dropped);
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
        self.facts.read_ended = read.is_err() || buffer.filled().is_empty();
        Poll::Ready(())
    }

    /// Ends our direction. That it fails does not matter: the peer may have gone.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        self.facts.shut_down = true;
        Poll::Ready(())
    }

    /// The deadline has passed: writes what can be written at once, and waits for nothing.
    pub(super) fn give_up(&mut self, timeout: Timeout, cx: &mut Context<'_>) {
        match pin!(unconstrained(poll_fn(|cx| self.poll_write(cx)))).poll(cx) {
            Poll::Ready(()) => _ = self.poll_shutdown(cx),
            Poll::Pending => self.cut_off(),
        }
        self.facts.timeout = Some(timeout);
        self.wakers.wake();
    }

    /// Records that nothing can be written any more. What was received before can still be read.
    fn fail_writing(&mut self, error: io::Error) {
        self.record(error);
        self.cut_off();
        self.wakers.wake();
    }

    /// Records that what waits is never written.
    const fn cut_off(&mut self) {
        self.facts.cut_off = true;
        self.facts.shut_down = true;
    }

    fn record(&mut self, error: io::Error) {
        self.io_error.get_or_insert(error);
    }

    /// Drops what waits to be written.
    fn drop_output(&mut self) {
        self.messages.written(usize::MAX);
        self.facts.send_aborted |= !self.outgoing.is_idle();
        self.outgoing = Outgoing::Idle;
        self.closing = None;
    }

    /// Encodes what comes next. Returns whether there was something.
    pub(super) fn encode_next(&mut self) -> bool {
        match self.outgoing.encode_next(self.settings.max_fragment_len, &mut self.messages) {
            Ok(true) => true,
            Ok(false) => self.encode_close(),
            Err(_) => {
                self.facts.send_aborted = true;
                self.encode_close()
            }
        }
    }

    fn encode_close(&mut self) -> bool {
        let Some(close) = self.closing.take() else { return false };
        // It was checked before. An error means that the connection is closed already.
        self.messages.send(close).is_ok()
    }
}

/// How many bytes are read at first after the buffers were freed.
const FIRST_READ: usize = 2048;
