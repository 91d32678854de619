//! wip
#![cfg_attr(not(test), no_std)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "a test that overflows fails, as it should"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;

// Each module imports only from those above it.

// Facts.
mod role;
mod opcode;
mod close_code;
mod mask;
mod utf8;
mod entropy;
mod limits;
// Failure.
mod error;
// Bytes to frames, frames to messages, messages to events; and back.
mod output;
mod frame;
mod event;
mod message;
mod connection;
// Bytes to heads, heads to an open connection; and back.
#[cfg(feature = "alloc")]
mod http;
mod handshake;
// All as one.
#[cfg(feature = "alloc")]
mod ws_connection;

pub use close_code::CloseCode;
pub use connection::{
    ClosedBy, Closure, Connection, ConnectionState, Receiver, ReceiverState, Replies, ReplyPolicy, Sender,
    Transport,
};
#[cfg(feature = "std")]
pub use entropy::OsEntropy;
pub use entropy::{Entropy, NoEntropy};
#[cfg(feature = "alloc")]
pub use error::HandshakeError;
pub use error::{LocalProtocolError, RemoteProtocolError};
pub use event::{BytesMessage, CloseConnection, Event, LentEvent, Outgoing, Ping, Pong, Reply, TextMessage};
pub use frame::{EncodedHeader, FrameChunk, FrameDecoder, FrameEncoder, FrameHeader, Rsv};
#[cfg(feature = "alloc")]
pub use handshake::{
    AcceptConnection, Answer, ClientHandshake, RejectConnection, RejectData, Request, ServerHandshake,
};
pub use handshake::{AcceptToken, Nonce, generate_accept_token};
#[cfg(feature = "alloc")]
pub use http::Headers;
pub use limits::{HandshakeLimits, Limits};
pub use mask::Mask;
#[cfg(feature = "alloc")]
pub use message::MessageAssembler;
pub use message::{MessageDecoder, MessagePart};
pub use opcode::{MessageKind, Opcode};
pub use output::Output;
pub use role::Role;
#[cfg(feature = "alloc")]
pub use ws_connection::{ReceiveError, WsConnection, WsEvent};
