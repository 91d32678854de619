//! An open connection: echoes what is received, and queues what is to be written.

use std::io::{self, ErrorKind};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wsproto::{
    BytesMessage, Connection, Event, LocalProtocolError, MessageAssembler, Outgoing, TextMessage,
    TransportAction,
};

use crate::deadline;

/// What three threads share: the one that reads, the one that writes, and the one that stops the server.
pub(crate) struct Link {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    connection: Connection,
    /// Frames to write.
    queue: Vec<u8>,
    /// How many bytes the writer has taken from the queue and not yet written.
    writing_len: usize,
    /// The server stops reading when the queue and `writing_len` are together this long, in bytes.
    max_queue_len: usize,
    /// Whether the writer runs, and what it does when the queue is empty.
    writer: Writer,
}

#[derive(PartialEq)]
enum Writer {
    /// It waits for more to write.
    Waits,
    /// It writes what is queued, then ends.
    Finishes,
    /// It has ended, or has failed.
    Ended,
}

impl Link {
    pub(crate) fn new(connection: Connection, max_message_len: usize) -> Self {
        let max_queue_len = max_message_len.saturating_add(MAX_OVERHEAD);
        let state =
            State { connection, queue: Vec::new(), writing_len: 0, max_queue_len, writer: Writer::Waits };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Answers everything in `received`. If the queue is full, it waits until the peer has read.
    ///
    /// Returns what to do with the transport once the queue is written. `frames` holds the frame in progress.
    pub(crate) fn answer(
        &self,
        mut received: &mut [u8],
        frames: &mut MessageAssembler,
    ) -> io::Result<TransportAction> {
        loop {
            let mut state = self.state();
            if state.writer == Writer::Ended {
                return Ok(TransportAction::Close);
            }
            let progress = state.answer(&mut received, frames).map_err(io::Error::other)?;
            self.changed.notify_all();
            match progress {
                Progress::Done => return Ok(state.connection.transport_action()),
                // One read can inflate to many echoes: let the other threads have the lock.
                Progress::Paused => {
                    drop(state);
                    thread::yield_now();
                }
                Progress::Full => {
                    let is_full = |state: &mut State| !state.has_room() && state.writer != Writer::Ended;
                    drop(self.changed.wait_while(state, is_full));
                }
            }
        }
    }

    /// Queues an event that the server sends of its own.
    pub(crate) fn send(&self, event: impl Outgoing) {
        let mut state = self.state();
        let State { connection, queue, .. } = &mut *state;
        // An error means that the connection is closed already. Then the event is not needed.
        let _ = connection.send(event, queue);
        self.changed.notify_all();
    }

    /// Records that the peer has ended the transport.
    pub(crate) fn receive_eof(&self) {
        _ = self.state().connection.receive_eof();
    }

    /// Has the writer write what is queued, close the server's direction of the transport, and end.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        if state.writer == Writer::Waits {
            state.writer = Writer::Finishes;
        }
        self.changed.notify_all();
    }

    /// How many bytes of the payload in progress are still to be received; 0 between frames.
    pub(crate) fn payload_remaining(&self) -> u64 {
        self.state().connection.receiver().payload_remaining()
    }

    /// Whether there is something left to write.
    pub(crate) fn is_writing(&self) -> bool {
        let state = self.state();
        state.writer != Writer::Ended && state.queue_len() > 0
    }

    /// Writes what is queued, until [`finish`](Self::finish) was called and everything is written.
    pub(crate) fn write_to(&self, stream: &TcpStream, timeout: Duration) -> io::Result<()> {
        let result = self.write_queue(stream, timeout);
        self.state().writer = Writer::Ended;
        self.changed.notify_all();
        // If writing has failed, closing both directions ends a read that the other thread waits in.
        let direction = if result.is_ok() { Shutdown::Write } else { Shutdown::Both };
        // An error means that the transport has ended already.
        let _ = stream.shutdown(direction);
        result
    }

    fn write_queue(&self, stream: &TcpStream, timeout: Duration) -> io::Result<()> {
        let waits = |state: &mut State| state.queue.is_empty() && state.writer == Writer::Waits;
        loop {
            let state = self.changed.wait_while(self.state(), waits);
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            let bytes = mem::take(&mut state.queue);
            state.writing_len = bytes.len();
            drop(state);
            if bytes.is_empty() {
                return Ok(());
            }
            for piece in bytes.chunks(WRITE_LEN) {
                deadline::write(stream, piece, deadline::after(timeout)).map_err(explain)?;
            }
            self.state().writing_len = 0;
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue_len(&self) -> usize {
        self.queue.len().saturating_add(self.writing_len)
    }

    fn has_room(&self) -> bool {
        self.queue_len() < self.max_queue_len
    }

    /// Answers what was received, until the queue is full or other threads should have the lock.
    fn answer(
        &mut self,
        received: &mut &mut [u8],
        frames: &mut MessageAssembler,
    ) -> Result<Progress, LocalProtocolError> {
        for _ in 0..MAX_EVENTS {
            if !self.has_room() {
                return Ok(Progress::Full);
            }
            let Self { connection, queue, .. } = self;
            let (receiver, sender) = connection.split();
            let sent = match receiver.next_event(received) {
                // An assembler joins pieces up to the end of a message. Here it gets the end of the frame
                // instead, so that it joins the pieces of one frame.
                Ok(Some(Event::Text(piece))) => {
                    let message_finished = piece.message_finished;
                    match frames.text(TextMessage { message_finished: piece.frame_finished, ..piece }) {
                        Ok(Some(data)) => {
                            sender.send(TextMessage { message_finished, ..TextMessage::new(data) }, queue)
                        }
                        Ok(None) => Ok(()),
                        Err(error) => sender.send(error.response(), queue),
                    }
                }
                Ok(Some(Event::Bytes(piece))) => {
                    let message_finished = piece.message_finished;
                    match frames.bytes(BytesMessage { message_finished: piece.frame_finished, ..piece }) {
                        Ok(Some(data)) => {
                            sender.send(BytesMessage { message_finished, ..BytesMessage::new(data) }, queue)
                        }
                        Ok(None) => Ok(()),
                        Err(error) => sender.send(error.response(), queue),
                    }
                }
                Ok(Some(Event::Ping(ping))) => sender.send(ping.response(), queue),
                Ok(Some(Event::Pong(_))) => Ok(()),
                Ok(Some(Event::Close(close))) => sender.send(close.response(), queue),
                Ok(None) => return Ok(Progress::Done),
                Err(error) => sender.send(error.response(), queue),
            };
            match sent {
                // After the server's close frame, nothing is echoed.
                Ok(()) | Err(LocalProtocolError::CloseSent) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Progress::Paused)
    }
}

/// Why `State::answer` has returned.
enum Progress {
    /// Everything is answered.
    Done,
    /// There is more to answer, but other threads may wait for the lock.
    Paused,
    /// There is more to answer, but the queue is full.
    Full,
}

fn explain(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::TimedOut => io::Error::new(ErrorKind::TimedOut, "does not read what is written to it"),
        _ => error,
    }
}

/// How many events are answered before other threads get the lock. An event from compressed data has at most 32 KiB.
const MAX_EVENTS: usize = 16;

/// How many bytes have to be written within the write timeout.
const WRITE_LEN: usize = 64 << 10;

/// How much longer than a message its echo may be: the headers of the most fragments that the limits allow, and what
/// compression adds to each.
const MAX_OVERHEAD: usize = 4 << 20;
