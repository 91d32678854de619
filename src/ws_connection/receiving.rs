//! Received bytes to events, through the handshake and then the connection, up to the end of the transport.

use crate::connection::{AutoReplies, Connection};
use crate::entropy::Entropy;
use crate::error::{HandshakeError, RemoteProtocolError};
use crate::event::{Event, EventRef};
use crate::extension::Extensions;
use crate::handshake::HandshakeResponse;
use crate::limits::Limits;

use super::inbox::{End, Inbox};
use super::{ConnectionState, Phase, ReceiveError, WsConnection, WsEvent, WsEventRef, supported};

impl<E: Entropy> WsConnection<E> {
    /// Reads the next event from the received bytes. Returns `None` if more bytes are needed.
    ///
    /// The state changes when an event is read, not when its bytes arrive.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke, once.
    pub fn next_event(&mut self) -> Result<Option<WsEvent>, ReceiveError> {
        let event = match self.phase {
            Phase::Open(ref mut connection) => {
                let event = next_open_event(connection, &mut self.inbox, &mut self.replies);
                event.map(|event| event.map(Event::into_owned))
            }
            _ => {
                let event = self.next_handshake_event().map(|event| event.map(WsEventRef::into_owned));
                self.forget_read();
                return Ok(event?);
            }
        };
        self.forget_read();
        // A handshake event is much larger: the event becomes one of these last, so that it is not moved again.
        Ok(event?.map(WsEvent::from))
    }

    /// As [`next_event`](Self::next_event), but the event borrows its data from the connection.
    ///
    /// A message is not copied, and nothing is allocated for it. This connection cannot send while the event is held: to
    /// send the data itself, copy it first, or take an owned event.
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    pub fn next_event_ref(&mut self) -> Result<Option<WsEventRef<'_>>, ReceiveError> {
        self.forget_read();
        match self.phase {
            Phase::Open(ref mut connection) => {
                let event = next_open_event(connection, &mut self.inbox, &mut self.replies);
                Ok(event?.map(WsEventRef::from))
            }
            _ => Ok(self.next_handshake_event()?),
        }
    }

    /// Reads the next event of a handshake.
    fn next_handshake_event(&mut self) -> Result<Option<WsEventRef<'_>>, HandshakeError> {
        match &self.phase {
            Phase::Server(_) => self.next_request(),
            Phase::Client(_) => self.next_answer(),
            Phase::Idle | Phase::Failed | Phase::Open(_) => self.end_handshake(),
        }
    }

    /// Reads the request, as a server.
    fn next_request(&mut self) -> Result<Option<WsEventRef<'static>>, HandshakeError> {
        let Phase::Server(handshake) = &mut self.phase else { return Ok(None) };
        let buffer = &mut self.inbox.buffer;
        match buffer.read_shared(|input| handshake.receive(input).map(Option::<&_>::cloned))? {
            Some(request) => {
                self.inbox.limit(self.handshake_limits.max_early_data);
                Ok(Some(WsEventRef::Request(request)))
            }
            None => self.end_handshake(),
        }
    }

    /// Reads the answer, as a client.
    fn next_answer(&mut self) -> Result<Option<WsEventRef<'_>>, HandshakeError> {
        let Self { phase, inbox: Inbox { buffer, end }, .. } = self;
        let Phase::Client(handshake) = phase else { return Ok(None) };
        let accept = match buffer.read_shared(|input| handshake.receive(input))? {
            None => return Ok(end_handshake(phase, end)?.map(Into::into)),
            Some(HandshakeResponse::Accept(accept)) => accept,
            Some(refusal) => return Ok(Some(refusal.into())),
        };
        // Bytes that the connection would need were dropped before the request was sent.
        let extensions = match end {
            End::Overflow => Err(HandshakeError::TooMuchEarlyData),
            End::Open | End::Eof => accept.extensions(&supported(&self.supported)),
        };
        match extensions {
            Ok(extensions) => {
                *phase = Phase::open(self.limits, &mut self.entropy, extensions);
                Ok(Some(WsEventRef::Accept(accept)))
            }
            Err(error) => {
                (*phase, *end) = (Phase::Failed, End::Open);
                Err(error)
            }
        }
    }

    /// Processes the end of the inbox in a handshake.
    fn end_handshake(&mut self) -> Result<Option<WsEventRef<'static>>, HandshakeError> {
        Ok(end_handshake(&mut self.phase, &mut self.inbox.end)?.map(Into::into))
    }

    /// Ends the handshake: the bytes that follow are frames.
    pub(super) fn open(&mut self, extensions: Extensions) {
        self.phase = Phase::open(self.limits, &mut self.entropy, extensions);
    }
}

impl<E: Entropy> Phase<E> {
    /// The phase after the handshake.
    fn open(limits: Limits, entropy: &mut Option<E>, extensions: Extensions) -> Self {
        Self::Open(Connection::new(limits, entropy.take()).with_extensions(extensions))
    }
}

/// Reads the next event of an open connection.
#[inline(always)]
fn next_open_event<'a, E: Entropy>(
    connection: &'a mut Connection<E>,
    inbox: &'a mut Inbox,
    replies: &mut AutoReplies,
) -> Result<Option<EventRef<'a>>, RemoteProtocolError> {
    let event = match inbox.end {
        End::Eof => inbox.buffer.read(|input| connection.last_event(input)),
        End::Open | End::Overflow => inbox.buffer.read(|input| connection.next_event(input)),
    };
    match &event {
        Ok(Some(event)) => replies.on_event(event),
        Ok(None) => {}
        Err(error) => replies.on_failure(*error),
    }
    event
}

/// Processes the end of the inbox in a handshake, once all of its bytes are read.
fn end_handshake<E>(
    phase: &mut Phase<E>,
    end: &mut End,
) -> Result<Option<HandshakeResponse<'static>>, HandshakeError> {
    match (*end, phase) {
        (End::Open, _) => Ok(None),
        (End::Overflow, phase) => {
            *end = End::Open;
            match phase {
                Phase::Server(handshake) if handshake.state() == ConnectionState::Connecting => {
                    handshake.fail();
                }
                // The refusal was sent: the lost bytes are not needed.
                Phase::Server(_) => return Ok(None),
                phase => *phase = Phase::Failed,
            }
            Err(HandshakeError::TooMuchEarlyData)
        }
        (End::Eof, Phase::Server(handshake)) => handshake.receive_eof().map(|()| None),
        (End::Eof, Phase::Client(handshake)) => handshake.receive_eof(),
        // The client's request is not sent, or its handshake has failed: there is nothing to report.
        (End::Eof, Phase::Idle | Phase::Failed | Phase::Open(_)) => Ok(None),
    }
}
