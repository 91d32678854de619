//! Runs a script on a connection: writes, reads and waits in one task.
//!
//! No verdict rests on a clock. If nothing comes, the suite closes its direction, so that an implementation that waits for
//! more has to end; if even that changes nothing, the case is hung.

use std::future;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task;
use tokio::time::{self, Instant};

use crate::frame::{self, Frame};
use crate::peer::PeerReader;
use crate::script::{Condition, End, Step, Transcript};

/// Times that no verdict rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Between two segments, so that they are read one by one.
    pub(crate) pause: Duration,
    /// How long nothing may come before the suite closes its direction.
    pub(crate) patience: Duration,
    /// After this, the case is hung.
    pub(crate) kill: Duration,
}

/// What holds for a whole connection.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The masking key of the frames that the suite adds of its own; `None` if it is the server.
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) clock: Clock,
    /// Becomes true once a shim has done its actions.
    pub(crate) acted: Option<watch::Receiver<bool>>,
}

/// Runs the steps. `early` are bytes that were read already.
///
/// Returns when all steps are done, or when the clock ran out: then the transcript has no end.
pub(crate) async fn run(
    stream: TcpStream,
    early: &[u8],
    steps: &[Step],
    peer: PeerReader,
    settings: Settings,
) -> Transcript {
    let (reader, writer) = stream.into_split();
    let mut connection = Connection::new(reader, writer, peer);
    connection.receive(early);
    connection.run(steps, &settings).await;
    connection.into_transcript()
}

/// A connection in use: both directions of a transport, and what was seen.
#[derive(Debug)]
pub(crate) struct Connection<R, W> {
    reader: R,
    /// `None` once the suite has closed its direction.
    writer: Option<W>,
    peer: PeerReader,
    pub(crate) seen: Transcript,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    pub(crate) fn new(reader: R, writer: W, peer: PeerReader) -> Self {
        Self { reader, writer: Some(writer), peer, seen: Transcript::default(), buffer: vec![0; 64 << 10] }
    }

    /// Performs the steps, until the clock runs out.
    pub(crate) async fn run(&mut self, steps: &[Step], settings: &Settings) {
        let end = Instant::now().checked_add(settings.clock.kill).unwrap_or_else(Instant::now);
        if time::timeout_at(end, self.perform(steps, settings)).await.is_err() {
            self.seen.hung = true;
        }
    }

    /// Takes the writer out, and closes nothing.
    pub(crate) fn take_writer(&mut self) -> Option<W> {
        self.writer.take()
    }

    pub(crate) fn writer(&mut self) -> Option<&mut W> {
        self.writer.as_mut()
    }

    pub(crate) fn into_transcript(mut self) -> Transcript {
        self.seen.frames = self.peer.frames;
        self.seen
    }

    async fn perform(&mut self, steps: &[Step], settings: &Settings) {
        let Settings { mask, clock, acted } = settings;
        let (mask, clock) = (*mask, *clock);
        let mut previous_was_segment = false;
        for step in steps {
            match step {
                Step::Send(segment) => {
                    if previous_was_segment {
                        // The timers of the runtime are too coarse: byte by byte, a millisecond each adds up.
                        task::block_in_place(|| thread::sleep(clock.pause));
                    }
                    self.send(segment).await;
                }
                Step::SendUnlessClosed(segment) => {
                    if self.seen.close().is_none() {
                        self.send(segment).await;
                    }
                }
                Step::Await(condition) => self.wait(condition, clock).await,
                Step::Finish => self.finish(mask, clock).await,
                Step::HalfClose => self.half_close().await,
                Step::AwaitActions => {
                    if let Some(acted) = acted {
                        self.wait_for_actions(acted.clone()).await;
                        self.read_what_is_there().await;
                    }
                }
                Step::IfAccepted => match &self.seen.head {
                    Some(head) if head.status == Some(101) => {}
                    _ => return,
                },
            }
            previous_was_segment = matches!(step, Step::Send(_));
        }
    }

    async fn wait(&mut self, condition: &Condition, clock: Clock) {
        while !condition.is_met(&self.seen) {
            if time::timeout(clock.patience, self.read_once()).await.is_err() {
                self.nudge().await;
            }
        }
    }

    /// Reads until the shim has done its actions; the clock of the case bounds it.
    async fn wait_for_actions(&mut self, mut acted: watch::Receiver<bool>) {
        loop {
            let can_read = self.seen.end.is_none();
            tokio::select! {
                // An error: the shim is gone.
                _ = acted.wait_for(|acted| *acted) => return,
                read = self.reader.read(&mut self.buffer), if can_read => self.received(read),
            }
        }
    }

    /// What the shim sent ahead of its line has arrived already.
    async fn read_what_is_there(&mut self) {
        while self.seen.end.is_none() {
            let (reader, buffer) = (&mut self.reader, &mut self.buffer);
            let read = future::poll_fn(|context| {
                let mut buffer = ReadBuf::new(buffer);
                Poll::Ready(match Pin::new(&mut *reader).poll_read(context, &mut buffer) {
                    Poll::Ready(read) => Some(read.map(|()| buffer.filled().len())),
                    Poll::Pending => None,
                })
            });
            // Else the runtime might say "not yet" to a task that has been busy.
            match task::unconstrained(read).await {
                Some(read) => self.received(read),
                None => return,
            }
        }
    }

    /// Ends the connection. Only an implementation that has sent a close frame has to end it in turn.
    async fn finish(&mut self, mask: Option<[u8; 4]>, clock: Clock) {
        let answered = self.seen.close();
        let code = answered.unwrap_or(Some(1000));
        let payload = code.map(|code| frame::close_payload(code, "")).unwrap_or_default();
        self.send(&Frame::new(frame::CLOSE, &payload, mask).to_bytes()).await;
        if answered.is_some() {
            return self.wait(&Condition::End, clock).await;
        }
        // What is read from here on is no part of the case.
        let heard = self.seen.heard.len();
        let broken = self.seen.broken.clone();
        _ = time::timeout(clock.patience, self.wait(&Condition::Close, clock)).await;
        self.seen.heard.truncate(heard);
        self.seen.broken = broken;
        self.seen.nudged = false;
        self.half_close().await;
    }

    /// Sends a segment, and reads meanwhile: an implementation that echoes may not read while its echo is not read.
    async fn send(&mut self, mut segment: &[u8]) {
        while !segment.is_empty() {
            let Some(writer) = &mut self.writer else { return };
            let can_read = self.seen.end.is_none();
            tokio::select! {
                written = writer.write(segment) => match written {
                    Ok(len @ 1..) => segment = segment.get(len..).unwrap_or_default(),
                    // The implementation has ended the connection.
                    _ => {
                        self.writer = None;
                        return;
                    }
                },
                read = self.reader.read(&mut self.buffer), if can_read => self.received(read),
            }
        }
    }

    /// Reads once; the connection has not ended.
    async fn read_once(&mut self) {
        let read = self.reader.read(&mut self.buffer).await;
        self.received(read);
    }

    fn received(&mut self, read: io::Result<usize>) {
        match read {
            Ok(0) => self.seen.end = Some(End::Closed),
            Ok(len) => {
                let bytes = self.buffer.get(..len).unwrap_or_default().to_vec();
                self.receive(&bytes);
            }
            Err(_) => self.seen.end = Some(End::Reset),
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT.saturating_sub(self.seen.received.len()).min(bytes.len());
        self.seen.received.extend_from_slice(bytes.get(..room).unwrap_or_default());
        if self.seen.broken.is_none() {
            self.seen.broken = self.peer.read(bytes, &mut self.seen.heard).err();
            self.seen.head = self.peer.head.clone();
        }
    }

    async fn nudge(&mut self) {
        if self.writer.is_some() {
            self.seen.nudged = true;
            self.half_close().await;
        }
    }

    async fn half_close(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            // An error means that the connection has ended.
            _ = writer.shutdown().await;
        }
    }
}

/// How many received bytes are kept for reports.
const MAX_KEPT: usize = 64 << 10;
