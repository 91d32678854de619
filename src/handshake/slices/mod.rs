//! The opening handshake over the caller's slices, without an allocator (RFC 6455 §4).
//!
//! A head stays where the caller has received it. The rules are those of the machines that store it.

mod request;
mod response;
mod server;
mod client;

pub use client::{HandshakeResponseRef, SliceClientHandshake, SliceRequest};
pub use request::RequestRef;
pub use response::ResponseRef;
pub use server::SliceServerHandshake;
