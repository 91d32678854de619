//! The compiler warns if a value is dropped that the stream needs, or that says how the connection ended.
#![cfg(all(feature = "alloc", feature = "handshake"))]
#![deny(unfulfilled_lint_expectations)]
#![allow(dead_code, reason = "these functions are compiled and not called")]

use wsproto::{
    AcceptConnection, CloseConnection, Connection, EncodedHeader, Extensions, HandshakeLimits, Limits, Ping,
    RemoteProtocolError, Request, ResponseParts, WsConnection,
};

/// A function that drops its last value; it compiles only if the compiler warns about it.
macro_rules! warns {
    ($name:ident($($arg:ident: $type:ty),*) $value:expr) => {
        #[expect(unused_must_use, reason = "the warning is what is tested")]
        fn $name($($arg: $type),*) {
            $value;
        }
    };
}

warns! { header(header: fn() -> EncodedHeader) header() }
warns! { parts(parts: fn() -> ResponseParts) parts() }
warns! { extensions(extensions: fn() -> Extensions) extensions() }
warns! { agreed(accept: AcceptConnection, request: &Request) accept.with_extensions(&[], request) }
warns! { end_of_connection(connection: &mut Connection) connection.receive_eof() }
warns! { end_of_receiver(connection: &mut Connection) connection.split().0.receive_eof() }
warns! { pong(ping: &Ping<&[u8]>) ping.response() }
warns! { close(close: &CloseConnection<&str>) close.response() }
warns! { failure(error: RemoteProtocolError) error.response() }
warns! { limit(limits: Limits) limits.with_max_fragments(1) }
warns! { handshake_limit(limits: HandshakeLimits) limits.with_max_headers(1) }
warns! { bytes_to_send(connection: &mut WsConnection) connection.bytes_to_send() }
