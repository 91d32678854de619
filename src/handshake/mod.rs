//! The opening handshake: over HTTP/1.1 (RFC 6455 §4), HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220).

mod events;
// A request as a URI.
mod uri;
// Which pages may connect.
mod origin;
// The two machines.
mod client;
mod server;
// The same in names and values, for other HTTP stacks.
mod parts;
mod upgrade;
mod stream_fields;
mod extended_connect;
#[cfg(feature = "http")]
mod http_types;

pub use client::{ClientHandshake, HandshakeResponse};
pub use events::{AcceptConnection, RejectConnection, RejectData, Request};
pub use extended_connect::{ClientExtendedConnect, ServerExtendedConnect};
pub use origin::{Origin, OriginPolicy};
pub use parts::ResponseParts;
pub use server::ServerHandshake;
pub use upgrade::{ClientUpgrade, ServerUpgrade};
pub use uri::{Scheme, UriError, WebSocketUri};
