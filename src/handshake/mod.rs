//! The opening handshake: over HTTP/1.1 (RFC 6455 §4), HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220).

mod accept_token;
#[cfg(feature = "alloc")]
mod events;
// What is asked for, in one line.
#[cfg(feature = "alloc")]
mod uri;
// What to choose of it, and whom to let in.
mod subprotocol;
#[cfg(feature = "alloc")]
mod origin;
// What is made of them.
#[cfg(feature = "alloc")]
mod client;
#[cfg(feature = "alloc")]
mod server;
// The same in fields, for other HTTP stacks.
#[cfg(feature = "alloc")]
mod parts;
#[cfg(feature = "alloc")]
mod upgrade;
#[cfg(feature = "alloc")]
mod extended_connect;
#[cfg(feature = "http")]
mod http_types;

pub use accept_token::{AcceptToken, Nonce, generate_accept_token};
#[cfg(feature = "alloc")]
pub use client::{Answer, ClientHandshake};
#[cfg(feature = "alloc")]
pub use events::{AcceptConnection, RejectConnection, RejectData, Request};
#[cfg(feature = "alloc")]
pub use extended_connect::ExtendedConnect;
#[cfg(feature = "alloc")]
pub use origin::{Origin, OriginPolicy};
#[cfg(feature = "alloc")]
pub use parts::ResponseParts;
#[cfg(feature = "alloc")]
pub use server::ServerHandshake;
pub use subprotocol::select_subprotocol;
#[cfg(feature = "alloc")]
pub use upgrade::Upgrade;
#[cfg(feature = "alloc")]
pub use uri::{Scheme, UriError, WebSocketUri};
