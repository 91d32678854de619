//! The opening handshake: over HTTP/1.1 (RFC 6455 §4), HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220).

// The events: what one side builds and the other receives.
mod fields;
mod headers;
mod request;
mod accept;
mod reject;
mod status;
// A request as a URI.
mod uri;
// Which pages may connect.
mod origin;
// Their fields, in names and values.
mod parts;
// The rules for each, and the two machines.
mod rules;
mod request_check;
mod response_check;
mod response_reader;
mod client;
mod server;
// Through a proxy, before a client's handshake.
mod http_connect;
// The same in names and values, for other HTTP stacks.
mod upgrade;
mod stream_fields;
mod extended_connect;
#[cfg(feature = "http")]
mod http_types;

pub use accept::AcceptConnection;
pub use client::{ClientHandshake, HandshakeResponse};
pub use extended_connect::{ClientExtendedConnect, ServerExtendedConnect};
pub use http_connect::{ConnectRequest, ConnectResponse, HttpConnect};
pub use origin::{Origin, OriginPolicy};
pub use parts::ResponseParts;
pub use reject::{RejectConnection, RejectData};
pub use request::Request;
pub use server::ServerHandshake;
pub use upgrade::{ClientUpgrade, ServerUpgrade};
pub use uri::{Scheme, UriError, WebSocketUri};
