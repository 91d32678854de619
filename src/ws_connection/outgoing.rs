//! Sends each event through the handshake or the connection, if the phase allows it (RFC 6455 §4.1).

use crate::entropy::Entropy;
use crate::error::LocalProtocolError;
use crate::event::{CloseConnection, Event, Outgoing};
use crate::handshake::{AcceptConnection, ClientHandshake, RejectConnection, RejectData, Request};

use super::inbox::End;
use super::{Phase, WsConnection, WsEvent, supported};

/// Everything that a [`WsConnection`] can send: each event, owned or borrowed, and each reply.
///
/// Only this crate implements it.
pub trait WsOutgoing: sealed::Sealed {
    /// Writes the event to the outbox; after an error, nothing was written.
    #[doc(hidden)]
    fn write<E: Entropy>(self, connection: &mut WsConnection<E>) -> Result<(), LocalProtocolError>;
}

impl WsOutgoing for Request {
    fn write<E: Entropy>(self, connection: &mut WsConnection<E>) -> Result<(), LocalProtocolError> {
        let (Phase::Idle, Some(entropy)) = (&connection.phase, &mut connection.entropy) else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        if connection.inbox.end == End::Eof {
            return Err(LocalProtocolError::Ended);
        }
        // Only the extensions that were added to the connection can run in it.
        if !self.offers().is_empty() {
            return Err(LocalProtocolError::InvalidExtension);
        }
        let limits = connection.handshake_limits;
        let request = self.with_extensions(&supported(&connection.supported));
        let handshake = ClientHandshake::new(request, limits, entropy, &mut connection.outbox)?;
        connection.phase = Phase::Client(handshake);
        Ok(())
    }
}

impl WsOutgoing for AcceptConnection {
    fn write<E: Entropy>(self, connection: &mut WsConnection<E>) -> Result<(), LocalProtocolError> {
        let Phase::Server(handshake) = &mut connection.phase else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        // Bytes that the connection would need were dropped.
        if connection.inbox.end == End::Overflow {
            return Err(LocalProtocolError::Ended);
        }
        if !self.agreed().is_empty() {
            return Err(LocalProtocolError::InvalidExtension);
        }
        let Some(request) = handshake.request() else { return Err(LocalProtocolError::NotInHandshake) };
        let (accept, extensions) = self.with_extensions(&supported(&connection.supported), request);
        handshake.accept(accept, &mut connection.outbox)?;
        connection.open(extensions);
        Ok(())
    }
}

impl WsOutgoing for RejectConnection {
    fn write<E: Entropy>(self, connection: &mut WsConnection<E>) -> Result<(), LocalProtocolError> {
        let Phase::Server(handshake) = &mut connection.phase else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        handshake.reject(self, &mut connection.outbox)
    }
}

impl<B: AsRef<[u8]>> WsOutgoing for RejectData<B> {
    fn write<E: Entropy>(self, connection: &mut WsConnection<E>) -> Result<(), LocalProtocolError> {
        let Phase::Server(handshake) = &mut connection.phase else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        handshake.reject_data(self, &mut connection.outbox)
    }
}

impl<O: Outgoing> WsOutgoing for O {
    fn write<E: Entropy>(self, connection: &mut WsConnection<E>) -> Result<(), LocalProtocolError> {
        // A client waits for the response "before sending any further data" (RFC 6455 §4.1).
        let Phase::Open(open) = &mut connection.phase else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        match self.as_event() {
            Event::Close(CloseConnection { code, reason }) if !self.is_reply() => {
                let close = CloseConnection { code, reason: CloseConnection::truncated_reason(reason) };
                open.send(close, &mut connection.outbox)
            }
            _ => open.send(self, &mut connection.outbox),
        }
    }
}

impl WsOutgoing for WsEvent {
    fn write<E: Entropy>(self, connection: &mut WsConnection<E>) -> Result<(), LocalProtocolError> {
        match self {
            Self::Request(request) => request.write(connection),
            Self::Accept(accept) => accept.write(connection),
            Self::Reject(reject) => reject.write(connection),
            Self::RejectData(data) => data.write(connection),
            Self::Text(text) => text.write(connection),
            Self::Bytes(bytes) => bytes.write(connection),
            Self::Ping(ping) => ping.write(connection),
            Self::Pong(pong) => pong.write(connection),
            Self::Close(close) => close.write(connection),
        }
    }
}

mod sealed {
    use super::{AcceptConnection, Outgoing, RejectConnection, RejectData, Request, WsEvent};

    pub trait Sealed {}

    impl Sealed for Request {}
    impl Sealed for AcceptConnection {}
    impl Sealed for RejectConnection {}
    impl<B> Sealed for RejectData<B> {}
    impl Sealed for WsEvent {}
    impl<O: Outgoing> Sealed for O {}
}
