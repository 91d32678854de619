//! Sends each event through the handshake or the connection, if the phase allows it (RFC 6455 §4.1).

use alloc::vec::Vec;

use crate::encoded_header::EncodedHeader;
use crate::entropy::Entropy;
use crate::error::LocalProtocolError;
use crate::event::{CloseConnection, Event, Outgoing};
use crate::handshake::{AcceptConnection, ClientHandshake, RejectConnection, RejectData, Request};
use crate::mask::Mask;
use crate::output::Output;

use super::inbox::End;
use super::{Phase, WsConnection, WsEvent, WsEventRef, supported};

/// Everything that a [`WsConnection`] can send: each event, owned or borrowed, and each reply.
///
/// Only this crate implements it.
pub trait WsOutgoing: sealed::Sealed {
    /// Writes the event to `output`; after an error, nothing was written.
    #[doc(hidden)]
    fn write<E: Entropy>(
        self,
        connection: &mut WsConnection<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError>;
}

impl WsOutgoing for Request {
    fn write<E: Entropy>(
        self,
        connection: &mut WsConnection<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
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
        let handshake = ClientHandshake::new(request, limits, entropy, output)?;
        connection.phase = Phase::Client(handshake);
        Ok(())
    }
}

impl WsOutgoing for AcceptConnection {
    fn write<E: Entropy>(
        self,
        connection: &mut WsConnection<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
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
        handshake.accept(accept, output)?;
        connection.open(extensions);
        Ok(())
    }
}

impl WsOutgoing for RejectConnection {
    fn write<E: Entropy>(
        self,
        connection: &mut WsConnection<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let Phase::Server(handshake) = &mut connection.phase else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        handshake.reject(self, output)
    }
}

impl<B: AsRef<[u8]>> WsOutgoing for RejectData<B> {
    fn write<E: Entropy>(
        self,
        connection: &mut WsConnection<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        let Phase::Server(handshake) = &mut connection.phase else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        handshake.reject_data(self, output)
    }
}

impl<O: Outgoing> WsOutgoing for O {
    fn write<E: Entropy>(
        self,
        connection: &mut WsConnection<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        // A client waits for the response "before sending any further data" (RFC 6455 §4.1).
        let Phase::Open(open) = &mut connection.phase else {
            return Err(LocalProtocolError::NotInHandshake);
        };
        match self.as_event() {
            Event::Close(CloseConnection { code, reason }) if !self.is_reply() => {
                let close = CloseConnection { code, reason: CloseConnection::truncated_reason(reason) };
                open.send(close, output)
            }
            _ => open.send(self, output),
        }
    }
}

impl WsOutgoing for WsEvent {
    fn write<E: Entropy>(
        self,
        connection: &mut WsConnection<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        match self {
            Self::Request(request) => request.write(connection, output),
            Self::Accept(accept) => accept.write(connection, output),
            Self::Reject(reject) => reject.write(connection, output),
            Self::RejectData(data) => data.write(connection, output),
            Self::Text(text) => text.write(connection, output),
            Self::Bytes(bytes) => bytes.write(connection, output),
            Self::Ping(ping) => ping.write(connection, output),
            Self::Pong(pong) => pong.write(connection, output),
            Self::Close(close) => close.write(connection, output),
        }
    }
}

impl WsOutgoing for WsEventRef<'_> {
    fn write<E: Entropy>(
        self,
        connection: &mut WsConnection<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        match self {
            Self::Request(request) => request.write(connection, output),
            Self::Accept(accept) => accept.write(connection, output),
            Self::Reject(reject) => reject.write(connection, output),
            Self::RejectData(data) => data.write(connection, output),
            Self::Text(text) => text.write(connection, output),
            Self::Bytes(bytes) => bytes.write(connection, output),
            Self::Ping(ping) => ping.write(connection, output),
            Self::Pong(pong) => pong.write(connection, output),
            Self::Close(close) => close.write(connection, output),
        }
    }
}

/// An output that writes what waits ahead of an event, if the event is written.
pub(super) struct After<'a, O: ?Sized> {
    pub(super) waiting: &'a mut Vec<u8>,
    pub(super) output: &'a mut O,
}

impl<O: Output + ?Sized> After<'_, O> {
    /// Writes what waits. There has to be room for it.
    fn write_waiting(&mut self) -> Result<(), LocalProtocolError> {
        if !self.waiting.is_empty() {
            self.output.append_bytes(self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }

    /// The length, together with what waits.
    fn with_waiting(&self, len: usize) -> usize {
        len.saturating_add(self.waiting.len())
    }
}

impl<O: Output + ?Sized> Output for After<'_, O> {
    #[inline]
    fn ensure_room(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.output.ensure_room(self.with_waiting(len))
    }

    #[inline]
    fn check_room(&mut self, len: usize) -> Result<(), LocalProtocolError> {
        self.output.check_room(self.with_waiting(len))
    }

    #[inline]
    fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), LocalProtocolError> {
        self.ensure_room(bytes.len())?;
        self.write_waiting()?;
        self.output.append_bytes(bytes)
    }

    #[inline]
    fn append_frame(
        &mut self,
        header: EncodedHeader,
        payload: &[u8],
        mask: Option<Mask>,
    ) -> Result<(), LocalProtocolError> {
        if !self.waiting.is_empty() {
            self.ensure_room(header.as_bytes().len().saturating_add(payload.len()))?;
            self.write_waiting()?;
        }
        self.output.append_frame(header, payload, mask)
    }
}

mod sealed {
    use super::{AcceptConnection, Outgoing, RejectConnection, RejectData, Request, WsEvent, WsEventRef};

    pub trait Sealed {}

    impl Sealed for Request {}
    impl Sealed for AcceptConnection {}
    impl Sealed for RejectConnection {}
    impl<B> Sealed for RejectData<B> {}
    impl Sealed for WsEvent {}
    impl Sealed for WsEventRef<'_> {}
    impl<O: Outgoing> Sealed for O {}
}
