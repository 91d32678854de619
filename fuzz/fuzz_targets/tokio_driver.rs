//! The tokio driver over a stream that is scripted: it reads and writes in any steps, waits, fails and ends at any
//! point. Nothing panics or hangs; what is received is what a receiver returns for the bytes that were read at once; and
//! what is written is valid, and has each message that was reported as sent.
#![no_main]

use std::cell::LazyCell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};
use wsproto::{CloseCode, Connection, Limits, PreparedMessage, Receiver, RemoteProtocolError, Role};
use wsproto_fuzz::{Joined, Received, Side, SmallLimits, Wire, encode, feed};
use wsproto_tokio::{Error, MaskingKeys, Settings, WebSocket};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    limits: SmallLimits,
    max_fragment_len: Option<u8>,
    read_ahead: Option<u8>,
    leftover: u8,
    reads: Vec<Turn>,
    writes: Vec<Turn>,
    steps: Vec<Step>,
    closes: bool,
    /// Whether the stream writes several slices at once.
    is_write_vectored: bool,
    wires: Vec<Wire<'a>>,
}

/// What a call of the stream does. After the last, the rest is read or written.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Turn {
    Bytes(u8),
    Pending,
    /// So long, in seconds.
    Sleep(u8),
    Fails,
    Ends,
}

/// What the caller does before it receives to the end.
#[derive(Arbitrary, Debug)]
enum Step {
    Send(u16),
    /// Dropped after so many polls.
    SendAndDrop(u16, u8),
    Recv,
    RecvAndDrop(u8),
    Ping,
    ReleaseMemory,
    SendPrepared(u16),
    /// A part of so many bytes, and whether it is the last of its message.
    SendPart(u8, bool),
}

thread_local! {
    /// Its time passes only when it waits for nothing else.
    static RUNTIME: LazyCell<Runtime> = LazyCell::new(|| {
        Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
    });
}

fuzz_target!(|input: Input<'_>| {
    let in_time = async { tokio::time::timeout(Duration::from_secs(1 << 20), run(&input)).await };
    RUNTIME.with(|runtime| runtime.block_on(in_time)).expect("it hangs");
});

async fn run(input: &Input<'_>) {
    let (role, limits) = (Role::from(input.side), Limits::from(input.limits));
    let settings = Settings::default()
        .with_limits(limits)
        .with_max_fragment_len(input.max_fragment_len.map_or(1 << 16, |len| 8 + usize::from(len)))
        .with_read_ahead(input.read_ahead.map_or(1 << 20, usize::from));
    let bytes = encode(input.side, &input.wires);
    let (leftover, bytes) = bytes.split_at(bytes.len().min(input.leftover.into()));
    let stream = Scripted::new(bytes, input);
    let connection = Connection::with_role(role, limits, MaskingKeys::default());
    let mut ws = WebSocket::from_parts(stream, connection, leftover, settings);

    let mut seen = Seen::default();
    for step in &input.steps {
        seen.step(step, &mut ws).await;
    }
    if input.closes {
        let result = ws.close(CloseCode::NORMAL_CLOSURE, "").await;
        check_written(role, &ws.stream().written, &seen, result.is_err());
        return;
    }
    while seen.end.is_none() {
        seen.recv(&mut ws).await;
    }
    assert!(matches!(ws.recv().await, Ok(None)), "the end is reported once");

    let stream = ws.stream();
    let read = [leftover, &bytes[..stream.read]].concat();
    let expected = feed(Receiver::new(role, limits), &read, []);
    let messages = messages(&expected.received);
    let failure = expected.failure.map(|failure| failure.error);
    match seen.end.as_ref().expect("it has ended") {
        // Only messages that were complete are certain.
        Some(Error::Io(_) | Error::Timeout(_)) => {
            assert!(stream.has_failed || stream.has_slept);
            assert!(messages.starts_with(&seen.received), "{:?} but {messages:?}", seen.received);
        }
        // Whole messages are checked when they are complete.
        Some(Error::Protocol(RemoteProtocolError::InvalidUtf8)) => assert_eq!(seen.received, messages),
        end => {
            if !stream.has_failed {
                assert_eq!(seen.received, messages, "{end:?}");
            }
            // A text is checked when it is complete: another failure or a close frame may be found before.
            let is_text = failure == Some(RemoteProtocolError::InvalidUtf8);
            match end {
                Some(Error::Protocol(error)) => assert!(is_text || Some(*error) == failure, "{error:?}"),
                Some(Error::ConnectionLost) => {
                    assert!(expected.close.is_none() && (failure.is_none() || is_text), "{failure:?}");
                }
                None => assert!(is_text || expected.close.is_some(), "{failure:?}"),
                Some(error) => panic!("{error:?}"),
            }
        }
    }
    check_written(role, &stream.written, &seen, stream.has_failed);
}

/// What the caller has seen.
#[derive(Default)]
struct Seen {
    received: Vec<Vec<u8>>,
    /// How the connection ended, once that was returned.
    end: Option<Option<Error>>,
    /// The lengths of the messages that were reported as sent.
    sent: Vec<usize>,
    /// How many bytes of a message in parts were.
    in_parts: usize,
}

impl Seen {
    async fn step(&mut self, step: &Step, ws: &mut WebSocket<Scripted>) {
        let short = |len: &u16| usize::from(*len) % MAX_SENT;
        let message = |len| vec![b'm'; short(len)];
        match step {
            Step::Send(len) => {
                if ws.send(message(len)).await.is_ok() {
                    self.sent.push(short(len));
                }
            }
            Step::SendAndDrop(len, polls) => {
                if let Some(Ok(())) = polled(ws.send(message(len)), *polls).await {
                    self.sent.push(short(len));
                }
            }
            Step::Recv => self.recv(ws).await,
            Step::RecvAndDrop(polls) => {
                if let Some(result) = polled(ws.recv(), *polls).await {
                    self.record(result);
                }
            }
            Step::Ping => _ = ws.ping(b"ping").await,
            Step::ReleaseMemory => ws.release_memory(),
            Step::SendPrepared(len) => {
                let message = PreparedMessage::bytes(&message(len)).expect("it is short");
                if ws.send_prepared(&message).await.is_ok() {
                    self.sent.push(short(len));
                }
            }
            Step::SendPart(len, is_last) => {
                if ws.send_part(vec![b'p'; usize::from(*len)], *is_last).await.is_ok() {
                    self.in_parts += usize::from(*len);
                    if *is_last {
                        self.sent.push(std::mem::take(&mut self.in_parts));
                    }
                }
            }
        }
    }

    async fn recv(&mut self, ws: &mut WebSocket<Scripted>) {
        let result = ws.recv().await;
        self.record(result);
    }

    fn record(&mut self, result: Result<Option<wsproto_tokio::Message>, Error>) {
        match result {
            Ok(Some(message)) => {
                assert!(self.end.is_none(), "a message after the end");
                self.received.push(message.as_bytes().to_vec());
            }
            Ok(None) => _ = self.end.get_or_insert(None),
            Err(error) => assert!(self.end.replace(Some(error)).is_none(), "an error after the end"),
        }
    }
}

/// Messages that are sent are shorter, and some are so long that the driver copies none of their bytes. To check many
/// fragments takes long.
const MAX_SENT: usize = 5 << 10;

/// The output of a future, unless it is dropped after so many polls.
async fn polled<F: Future>(future: F, polls: u8) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// The messages that are complete, their fragments joined.
fn messages(received: &Received) -> Vec<Vec<u8>> {
    let (mut messages, mut message) = (Vec::new(), Vec::new());
    for frame in &received.0 {
        let Joined::Data { payload, message_finished, .. } = frame else { continue };
        message.extend_from_slice(payload);
        if *message_finished {
            messages.push(std::mem::take(&mut message));
        }
    }
    messages
}

/// The peer can read what was written; and it has what was reported as sent, in this order.
fn check_written(role: Role, written: &[u8], seen: &Seen, has_failed: bool) {
    let outcome = feed(Receiver::new(role.peer(), Limits::NONE), written, []);
    assert_eq!(outcome.failure, None);
    // Between two frames, a message is dropped if the connection is lost.
    assert!(has_failed || outcome.payload_remaining == 0, "a frame was not written to its end");
    let mut messages = messages(&outcome.received).into_iter();
    for len in &seen.sent {
        assert!(messages.any(|message| message.len() == *len), "a message of {len} bytes was not sent");
    }
}

/// A stream that follows a script.
#[derive(Debug)]
struct Scripted {
    bytes: Vec<u8>,
    reads: std::vec::IntoIter<Turn>,
    writes: std::vec::IntoIter<Turn>,
    /// How many of the bytes were read.
    read: usize,
    written: Vec<u8>,
    is_write_vectored: bool,
    has_failed: bool,
    has_slept: bool,
    has_ended: bool,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Scripted {
    fn new(bytes: &[u8], input: &Input<'_>) -> Self {
        Self {
            bytes: bytes.to_vec(),
            reads: input.reads.clone().into_iter(),
            writes: input.writes.clone().into_iter(),
            read: 0,
            written: Vec::new(),
            is_write_vectored: input.is_write_vectored,
            has_failed: false,
            has_slept: false,
            has_ended: false,
            sleep: None,
        }
    }

    /// How many of `len` bytes are to be read or written now.
    fn turn(&mut self, turn: Option<Turn>, len: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match turn {
            None => Poll::Ready(Ok(len)),
            Some(Turn::Bytes(bytes)) => Poll::Ready(Ok(len.min(usize::from(bytes).max(1)))),
            Some(Turn::Pending | Turn::Sleep(_)) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Turn::Fails) => {
                self.has_failed = true;
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            Some(Turn::Ends) => Poll::Ready(Ok(0)),
        }
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(sleep) = &mut this.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
            this.sleep = None;
        }
        let turn = if this.has_ended { Some(Turn::Ends) } else { this.reads.next() };
        if let Some(Turn::Sleep(seconds)) = turn {
            this.has_slept = true;
            let mut sleep = Box::pin(tokio::time::sleep(Duration::from_secs(seconds.into())));
            if sleep.as_mut().poll(cx).is_pending() {
                this.sleep = Some(sleep);
                return Poll::Pending;
            }
        }
        let len = buf.remaining().min(this.bytes.len() - this.read);
        let len = std::task::ready!(this.turn(turn, len, cx))?;
        this.has_ended = len == 0;
        buf.put_slice(&this.bytes[this.read..this.read + len]);
        this.read += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>();
        let turn = self.writes.next();
        // A stream that takes no more bytes has failed.
        self.has_failed |= matches!(turn, Some(Turn::Ends));
        let len = std::task::ready!(self.turn(turn, bytes.len(), cx))?;
        self.written.extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        self.is_write_vectored
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.writes.next() {
            turn @ Some(Turn::Pending | Turn::Fails) => self.turn(turn, 0, cx).map_ok(drop),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
