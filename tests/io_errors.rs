//! `?` turns each error into one of `std::io` that says whose fault it is, and still holds the error.
#![cfg(all(feature = "std", feature = "handshake"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::error::Error;
use std::io::{self, ErrorKind};

use wsproto::{
    Connection, HandshakeError, HandshakeLimits, Limits, LocalProtocolError, Ping, ReceiveError,
    RemoteProtocolError, ServerHandshake, UriError, WebSocketUri, WsConnection,
};

fn check<E: Error + PartialEq + 'static>(result: io::Result<()>, kind: ErrorKind, inner: E) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind);
    assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&inner));
    assert_eq!(error.to_string(), inner.to_string());
}

#[test]
fn error_of_the_peer_is_invalid_data() {
    let handshake = || -> io::Result<()> {
        ServerHandshake::new(HandshakeLimits::default()).receive(&mut &b"no request\r\n\r\n"[..])?;
        Ok(())
    };
    check(handshake(), ErrorKind::InvalidData, HandshakeError::MalformedHead);

    let frame = || -> io::Result<()> {
        Connection::server(Limits::default()).next_event(&mut &mut b"\x81\x02hi".to_owned()[..])?;
        Ok(())
    };
    check(frame(), ErrorKind::InvalidData, RemoteProtocolError::UnmaskedFrameFromClient);

    let both = || -> io::Result<()> {
        let mut ws = WsConnection::server();
        ws.receive_data(b"no request\r\n\r\n")?;
        ws.next_event()?;
        Ok(())
    };
    check(both(), ErrorKind::InvalidData, ReceiveError::Handshake(HandshakeError::MalformedHead));
}

#[test]
fn error_of_the_caller_is_invalid_input() {
    let send = || -> io::Result<()> {
        Connection::server(Limits::default()).send(Ping::new([0; 126]), &mut Vec::new())?;
        Ok(())
    };
    check(send(), ErrorKind::InvalidInput, LocalProtocolError::ControlFrameTooLong);

    let parse = || -> io::Result<()> {
        "http://example.com/".parse::<WebSocketUri>()?;
        Ok(())
    };
    check(parse(), ErrorKind::InvalidInput, UriError::Scheme);
}
