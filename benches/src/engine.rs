//! The tasks of an engine, and the places for its output.

use std::fmt::Debug;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::heap::Idle;
use crate::json::Texts;
use crate::workload::{Input, Outgoing};

/// A WebSocket engine in memory, on the fastest path of its interface that does the whole work.
///
/// Each method handles one batch and leaves the engine ready for the next. The tables have no times for
/// methods that are not implemented.
pub(crate) trait Engine: Sized + 'static {
    const NAME: &'static str;

    /// The part of its interface that is used, and what the caller does in addition.
    const DRIVEN: &'static str;

    fn new() -> Self;

    /// As a server: one copy of the input into its own buffer, then messages into `sink`.
    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome;

    /// The same as a client: the frames are not masked.
    fn decode_client(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome {
        let _ = (input, sink);
        Err(Unfit::Missing("it was not tried as a client"))
    }

    /// As a server: frames back to back in one buffer.
    fn encode_server(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        let _ = (outgoing, out);
        Err(Unfit::Missing("it does not encode"))
    }

    /// As a server: headers; the payload is passed on without a copy.
    fn encode_in_place(&mut self, outgoing: &mut Outgoing, out: &mut Out) -> Outcome {
        let _ = (outgoing, out);
        Err(Unfit::Missing("it copies every payload into its own buffer"))
    }

    /// As a client: masked frames back to back in one buffer, with the engine's own default entropy.
    fn encode_client(&mut self, outgoing: &Outgoing, out: &mut Out) -> Outcome {
        let _ = (outgoing, out);
        Err(Unfit::Missing("it does not encode"))
    }

    /// As a server: decodes messages and sends them back, into one buffer.
    fn echo(&mut self, input: &Input, out: &mut Out) -> Outcome {
        let _ = (input, out);
        Err(Unfit::Missing("it does not encode"))
    }

    /// The memory of a server's connection with default settings after it has read `input`.
    fn idle(input: &Input) -> Option<Idle> {
        let _ = input;
        None
    }
}

/// The same engine's server after permessage-deflate was agreed on, with windows of 32 KiB in both directions
/// (RFC 7692).
pub(crate) trait DeflateEngine: Sized + 'static {
    /// An engine that compresses at this level, from 0 to 9, with or without context takeover in both directions.
    fn new(level: u8, takes_context_over: bool) -> Result<Self, Unfit>;

    /// One copy of the input into its own buffer, then messages into `sink`.
    fn decode(&mut self, input: &Input, sink: &mut impl Sink) -> Outcome;

    /// Compressed messages back to back in one buffer.
    fn encode(&mut self, texts: &Texts, out: &mut Out) -> Outcome;
}

/// The same engine's servers, all of which send the same message: a broadcast.
pub(crate) trait BroadcastEngine: 'static {
    /// The message, in the form that all servers share.
    type Message: 'static;

    /// One connection, with an output buffer of its own.
    type Server: 'static;

    fn prepare(payload: &'static [u8]) -> Result<Self::Message, Unfit>;

    fn open() -> Result<Self::Server, Unfit>;

    /// Encodes the message into the server's buffer, and passes the bytes to `out`. The buffer keeps its memory.
    fn send(server: &mut Self::Server, message: &mut Self::Message, out: &mut Out) -> Outcome;
}

/// The same engine's opening handshake, as a server that accepts.
pub(crate) trait HandshakeEngine: Sized + 'static {
    /// An engine that agrees to permessage-deflate if `deflates`, and has no extension otherwise.
    fn new(deflates: bool) -> Result<Self, Unfit>;

    /// One copy of the request's head into its own buffer, then the response into `out`.
    fn accept(&mut self, head: &'static [u8], out: &mut Out) -> Outcome;
}

pub(crate) type Outcome = Result<(), Unfit>;

/// Why an engine did not do a task.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// Its interface does not allow it, and why.
    Missing(&'static str),
    /// It refused the input.
    Refused,
    /// It needs more input than there is.
    RanDry,
}

/// For an engine without a transport, which always has all the input: an error means that it refused the input.
pub(crate) fn refused(_: impl Debug) -> Unfit {
    Unfit::Refused
}

/// Where decoded messages go.
pub(crate) trait Sink {
    /// Takes a piece of a message.
    fn piece(&mut self, bytes: &[u8], message_finished: bool);
}

/// For measuring: makes the compiler produce the piece, and does nothing else.
#[derive(Default)]
pub(crate) struct Count {
    bytes: usize,
    messages: usize,
}

impl Sink for Count {
    #[inline(always)]
    fn piece(&mut self, bytes: &[u8], message_finished: bool) {
        self.bytes += black_box(bytes).len();
        self.messages += usize::from(message_finished);
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        black_box((self.bytes, self.messages));
    }
}

/// For checking: collects all pieces.
#[derive(Default)]
pub(crate) struct Collect {
    pub(crate) bytes: Vec<u8>,
    pub(crate) messages: usize,
}

impl Sink for Collect {
    fn piece(&mut self, bytes: &[u8], message_finished: bool) {
        self.bytes.extend_from_slice(bytes);
        self.messages += usize::from(message_finished);
    }
}

/// Where encoded bytes go: dropped when measuring, kept when checking.
#[derive(Default)]
pub(crate) struct Out {
    pub(crate) kept: Option<Vec<u8>>,
}

impl Out {
    #[inline(always)]
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        match &mut self.kept {
            Some(kept) => kept.extend_from_slice(bytes),
            None => {
                black_box(bytes);
            }
        }
    }
}

/// Runs an asynchronous call that never waits, because everything is in memory.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the transport in memory is always ready"),
    }
}
