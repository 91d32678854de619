//! Extensions: how they are negotiated, and how they change payloads in each direction (RFC 6455 §9).
//!
//! An `Extension` makes offers and accepts offers; it holds settings and no state. The result of a negotiation is a
//! `NegotiatedExtension`: the receiver runs one half of it, and the sender the other. Several extensions form a chain.
//! A payload to send passes them in the order in which the server named them, and a received payload in the reverse
//! order (§9.1).

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

#[cfg(not(feature = "alloc"))]
mod absent;
#[cfg(feature = "alloc")]
mod deflate_blocks;
#[cfg(any(feature = "alloc", feature = "handshake"))]
mod grammar;
#[cfg(feature = "alloc")]
mod params;
#[cfg(feature = "alloc")]
mod idle;
#[cfg(feature = "alloc")]
mod inbound;
#[cfg(feature = "alloc")]
mod outbound;
#[cfg(feature = "alloc")]
mod negotiation;
#[cfg(all(feature = "alloc", feature = "handshake"))]
mod named;
#[cfg(feature = "deflate")]
// The documentation then names one feature: `deflate` includes `alloc`.
#[cfg_attr(docsrs, doc(auto_cfg(hide(feature = "alloc"))))]
mod permessage_deflate;

#[cfg(all(feature = "std", feature = "deflate"))]
pub use permessage_deflate::DeflatePool;
#[cfg(feature = "deflate")]
pub use permessage_deflate::{DeflateParams, PermessageDeflate};
#[cfg(feature = "alloc")]
pub use {
    deflate_blocks::DeflateBlocks,
    inbound::{Decoded, InboundExtension},
    negotiation::{Extension, Extensions, NegotiatedExtension},
    outbound::OutboundExtension,
    params::ExtensionParams,
};

#[cfg(not(feature = "alloc"))]
pub(crate) use absent::{InboundExtensions, OutboundExtensions};
#[cfg(feature = "handshake")]
pub(crate) use grammar::read_list;
#[cfg(all(feature = "alloc", feature = "handshake"))]
pub(crate) use negotiation::Acceptance;
#[cfg(feature = "alloc")]
pub(crate) use {inbound::InboundExtensions, outbound::OutboundExtensions};

/// One half (receiving or sending) of all extensions in use, or `None` if there are none: one pointer.
#[cfg(feature = "alloc")]
pub(crate) type InUse<T> = Option<Box<T>>;

/// The same without an allocator: it takes no space.
#[cfg(not(feature = "alloc"))]
pub(crate) type InUse<T> = Option<T>;
