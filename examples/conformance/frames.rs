//! Cases of the kind `receive`: frames that are received and answered.

use wsproto::{
    AutoReplies, CloseCode, Connection, Entropy, Event, EventRef, MessageAssembler, RemoteProtocolError,
    ReplyPolicy,
};

use super::cases::{Receive, Role};
use super::local::{Verdict, perform};
use super::observation::{Delivered, ReceiveOutcome, Received};
use super::splits::Report;
use super::wire::Reply;

pub(crate) fn run(case: &Receive) -> Result<Report<Received>, String> {
    let chunks: Vec<&[u8]> = case.chunks.iter().map(|chunk| chunk.0.as_slice()).collect();
    Report::of_cuts(&chunks, case.split, |pieces| match case.role {
        Role::Server => observe(Connection::server(case.limits()), case, pieces),
        Role::Client => observe(Connection::client(case.limits(), FixedKey), case, pieces),
    })
}

/// Any key will do: an observation does not contain masking keys.
struct FixedKey;

impl Entropy for FixedKey {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0x5A);
    }
}

fn observe<E: Entropy>(
    connection: Connection<E>,
    case: &Receive,
    pieces: &[&[u8]],
) -> Result<Received, String> {
    match case.extensions() {
        Some(extensions) => observe_all(connection.with_extensions(extensions), case, pieces),
        None => observe_all(connection, case, pieces),
    }
}

fn observe_all<E: Entropy>(
    mut connection: Connection<E>,
    case: &Receive,
    pieces: &[&[u8]],
) -> Result<Received, String> {
    for action in &case.prelude {
        if perform(&mut connection, action, &mut Vec::new()) != Verdict::Done {
            return Err("the prelude was refused".to_owned());
        }
    }
    let mut endpoint = Endpoint::new(connection);
    let mut buffer = Vec::new();
    for piece in pieces {
        buffer.clear();
        buffer.extend_from_slice(piece);
        endpoint.receive(&mut buffer)?;
    }
    endpoint.finish(case.eof)
}

/// A connection, and what was observed so far.
struct Endpoint<E> {
    connection: Connection<E>,
    replies: AutoReplies,
    output: Vec<u8>,
    messages: MessageAssembler,
    events: Vec<Delivered>,
    /// How many bytes of the input the connection was given.
    given: usize,
    failure: Option<Failure>,
}

/// A broken rule, and how many bytes of the input prove it.
struct Failure {
    error: RemoteProtocolError,
    at: usize,
}

impl<E: Entropy> Endpoint<E> {
    fn new(connection: Connection<E>) -> Self {
        Self {
            connection,
            replies: AutoReplies::new(ReplyPolicy::PongAndClose),
            output: Vec::new(),
            messages: MessageAssembler::new(usize::MAX),
            events: Vec::new(),
            given: 0,
            failure: None,
        }
    }

    /// Gives the connection one piece of the input, and sends the replies.
    fn receive(&mut self, piece: &mut [u8]) -> Result<(), String> {
        let len = piece.len();
        let mut input = piece;
        loop {
            match self.connection.next_event(&mut input) {
                Ok(Some(event)) => {
                    self.replies.on_event(&event);
                    if let Some(delivered) = deliver(&mut self.messages, &event)? {
                        self.events.push(delivered);
                    }
                }
                Ok(None) if input.is_empty() => break,
                Ok(None) => return Err(format!("{} bytes of the input were left", input.len())),
                Err(error) => {
                    self.replies.on_failure(error);
                    let read = len.saturating_sub(input.len());
                    let after_error = self.connection.receiver().bytes_after_error();
                    let at = self.given.saturating_add(read).saturating_sub(after_error);
                    if self.failure.replace(Failure { error, at }).is_some() {
                        return Err(format!("failed a second time: {error}"));
                    }
                }
            }
        }
        self.given = self.given.saturating_add(len);
        let sent = self.replies.send(self.connection.sender_mut(), &mut self.output);
        sent.map_err(|error| format!("the replies were refused: {error}"))
    }

    fn finish(mut self, eof: bool) -> Result<Received, String> {
        let ended = if eof { self.connection.receive_eof() } else { None };
        let closed = matches!(self.events.last(), Some(Delivered::Close { .. }));
        let (outcome, code) = match (&self.failure, ended) {
            (Some(failure), _) => (ReceiveOutcome::Fail, Some(failure.error.close_code())),
            (None, Some(end)) => (ReceiveOutcome::Abnormal, end.code),
            (None, None) if closed => (ReceiveOutcome::Closed, None),
            (None, None) if self.connection.receiver().is_idle() => (ReceiveOutcome::Open, None),
            (None, None) => (ReceiveOutcome::Pending, None),
        };
        Ok(Received {
            outcome,
            events: self.events,
            code: code.map(CloseCode::get),
            at: self.failure.as_ref().map(|failure| failure.at),
            rule: self.failure.map(|failure| failure.error),
            state: self.connection.state(),
            replies: Reply::read_all(&self.output)?,
        })
    }
}

/// Returns the message or control frame that an event completes.
fn deliver(messages: &mut MessageAssembler, event: &EventRef<'_>) -> Result<Option<Delivered>, String> {
    let too_long = |error| format!("a message cannot be assembled: {error}");
    Ok(match event {
        Event::Text(piece) => {
            messages.text(*piece).map_err(too_long)?.map(|text| Delivered::Text { text: text.to_owned() })
        }
        Event::Bytes(piece) => {
            messages.bytes(*piece).map_err(too_long)?.map(|hex| Delivered::Binary { hex: hex.to_vec() })
        }
        Event::Ping(ping) => Some(Delivered::Ping { hex: ping.payload.to_vec() }),
        Event::Pong(pong) => Some(Delivered::Pong { hex: pong.payload.to_vec() }),
        Event::Close(close) => Some(Delivered::Close {
            code: close.code.unwrap_or(CloseCode::NO_STATUS_RCVD).get(),
            reason: close.reason.to_owned(),
        }),
    })
}
