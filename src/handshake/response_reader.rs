//! A response as a client reads it, to the end of a refusal's body (RFC 6455 §4.1; RFC 9110 §15; RFC 9112 §6, §7.1).

use core::ops::RangeInclusive;

use crate::error::HandshakeError;
use crate::http::{BodyDecoder, BodyLen, HeadReader, ResponseHead};
use crate::limits::HandshakeLimits;

use super::reject::{RejectConnection, RejectData};

/// Reads the response to one request. Informational responses are skipped; all that is not accepted is a refusal.
#[derive(Clone, Debug)]
pub(super) struct ResponseReader {
    limits: HandshakeLimits,
    head: HeadReader<ResponseHead>,
    /// How many informational responses were skipped.
    informational: u32,
    state: State,
}

/// How far the response has come.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// The final response is not complete.
    Receiving,
    /// The refusal was returned, and its body is in progress.
    Rejecting(BodyDecoder),
    /// The request was accepted.
    Accepted,
    /// The refusal was returned with all of its body.
    Rejected,
    /// The peer broke a rule.
    Failed,
}

/// A response, or a part of it.
pub(super) enum Received<'i, A> {
    Accept(A),
    Reject(RejectConnection),
    RejectData(RejectData<&'i [u8]>),
}

impl ResponseReader {
    pub(super) fn new(limits: HandshakeLimits) -> Self {
        Self { limits, head: HeadReader::new(limits), informational: 0, state: State::Receiving }
    }

    /// Reads `input` up to the next part of the response, and removes the bytes that it has read.
    ///
    /// A response with a status among `accepted` goes to `accept`.
    pub(super) fn receive<'i, A>(
        &mut self,
        input: &mut &'i [u8],
        accepted: RangeInclusive<u16>,
        accept: impl Fn(ResponseHead) -> Result<A, HandshakeError>,
    ) -> Result<Option<Received<'i, A>>, HandshakeError> {
        let received = match &mut self.state {
            State::Receiving => self.receive_head(input, accepted, accept),
            State::Rejecting(body) => receive_body(body, input),
            State::Accepted | State::Rejected | State::Failed => Ok(None),
        };
        match &received {
            Ok(Some(Received::Accept(_))) => self.state = State::Accepted,
            Ok(Some(Received::Reject(reject))) if !reject.has_body() => self.state = State::Rejected,
            Ok(Some(Received::RejectData(data))) if data.body_finished => self.state = State::Rejected,
            Ok(_) => {}
            Err(_) => self.fail(),
        }
        received
    }

    /// Records that the transport has ended; returns the end of a body that ends with it.
    pub(super) fn receive_eof(&mut self) -> Result<Option<RejectData<&'static [u8]>>, HandshakeError> {
        match &self.state {
            State::Rejecting(body) if body.ends_with_transport() => {
                self.state = State::Rejected;
                Ok(Some(RejectData { data: &[], body_finished: true }))
            }
            State::Receiving | State::Rejecting(_) => {
                self.fail();
                Err(HandshakeError::UnexpectedEof)
            }
            State::Accepted | State::Rejected | State::Failed => Ok(None),
        }
    }

    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    fn receive_head<'i, A>(
        &mut self,
        input: &mut &'i [u8],
        accepted: RangeInclusive<u16>,
        accept: impl Fn(ResponseHead) -> Result<A, HandshakeError>,
    ) -> Result<Option<Received<'i, A>>, HandshakeError> {
        while let Some(head) = self.head.read(input)? {
            match head.status_code {
                status if accepted.contains(&status) => return Ok(Some(Received::Accept(accept(head)?))),
                // After a 101 the transport is another protocol's (RFC 9110 §15.2.2): one that was not asked for.
                100 | 102..=199 => self.skip_informational()?,
                _ => {
                    let (reject, body) = refusal(head, self.limits)?;
                    self.state = State::Rejecting(body);
                    return Ok(Some(Received::Reject(reject)));
                }
            }
        }
        Ok(None)
    }

    /// Counts an informational response (RFC 9110 §15.2).
    fn skip_informational(&mut self) -> Result<(), HandshakeError> {
        if self.informational >= self.limits.max_informational {
            return Err(HandshakeError::TooManyInformational);
        }
        self.informational = self.informational.saturating_add(1);
        Ok(())
    }

    fn fail(&mut self) {
        self.head.clear();
        self.state = State::Failed;
    }
}

/// A refusal, and its body.
pub(super) fn refusal(
    head: ResponseHead,
    limits: HandshakeLimits,
) -> Result<(RejectConnection, BodyDecoder), HandshakeError> {
    let body = BodyDecoder::new(BodyLen::of(&head)?, limits.max_body_len)?;
    let has_body = !body.is_finished();
    Ok((RejectConnection::received(head.status_code, head.headers, has_body), body))
}

/// The next piece of a refusal's body, and its end, even if that comes alone.
fn receive_body<'i, A>(
    body: &mut BodyDecoder,
    input: &mut &'i [u8],
) -> Result<Option<Received<'i, A>>, HandshakeError> {
    let data = body.decode(input)?;
    let body_finished = body.is_finished();
    if data.is_empty() && !body_finished {
        return Ok(None);
    }
    Ok(Some(Received::RejectData(RejectData { data, body_finished })))
}
