//! The opening handshake: over HTTP/1.1 (RFC 6455 §4), HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220).

mod fields;
mod rules;
mod status;
// Over the caller's slices.
mod slices;
// The events: what one side builds and the other receives.
#[cfg(feature = "alloc")]
mod headers;
#[cfg(feature = "alloc")]
mod request;
#[cfg(feature = "alloc")]
mod accept;
#[cfg(feature = "alloc")]
mod reject;
// A request as a URI.
#[cfg(feature = "alloc")]
mod uri;
// Which pages may connect.
#[cfg(feature = "alloc")]
mod origin;
// Their fields, in names and values.
#[cfg(feature = "alloc")]
mod parts;
// The checks of each, and the two machines.
#[cfg(feature = "alloc")]
mod request_check;
#[cfg(feature = "alloc")]
mod response_check;
#[cfg(feature = "alloc")]
mod response_reader;
#[cfg(feature = "alloc")]
mod client;
#[cfg(feature = "alloc")]
mod server;
// Through a proxy, before a client's handshake.
#[cfg(feature = "alloc")]
mod http_connect;
// The same in names and values, for other HTTP stacks.
#[cfg(feature = "alloc")]
mod upgrade;
#[cfg(feature = "alloc")]
mod stream_fields;
#[cfg(feature = "alloc")]
mod extended_connect;
#[cfg(feature = "http")]
mod http_types;

pub use slices::{
    HandshakeResponseRef, RequestRef, ResponseRef, SliceClientHandshake, SliceRequest, SliceServerHandshake,
};

#[cfg(feature = "alloc")]
pub use {
    accept::AcceptConnection,
    client::{ClientHandshake, HandshakeResponse},
    extended_connect::{ClientExtendedConnect, ServerExtendedConnect},
    http_connect::{ConnectRequest, ConnectResponse, HttpConnect},
    origin::{Origin, OriginPolicy},
    parts::ResponseParts,
    reject::{RejectConnection, RejectData},
    request::Request,
    server::ServerHandshake,
    upgrade::{ClientUpgrade, ServerUpgrade},
    uri::{Scheme, UriError, WebSocketUri},
};
