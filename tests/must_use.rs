//! The compiler warns where a value is dropped whose loss would corrupt the stream, or hide how it ended.
#![cfg(feature = "alloc")]
#![deny(unfulfilled_lint_expectations)]
#![allow(dead_code, reason = "they are compiled and not called")]

use wsproto::{
    AcceptConnection, CloseConnection, Connection, EncodedHeader, Extensions, HandshakeLimits, Limits, Ping,
    RemoteProtocolError, Request, ResponseParts, WsConnection,
};

/// A function whose last value is dropped; it compiles only if the compiler warns of that.
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
