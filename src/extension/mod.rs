//! Extensions: how they are negotiated, and how they change payloads in each direction (RFC 6455 §9).
//!
//! An [`Extension`] offers itself and accepts offers; it holds settings and no state. The result of a negotiation is
//! a [`NegotiatedExtension`] pair: the receiver runs one half, and the sender the other. Several extensions form a chain: a
//! payload that is sent passes them in the order in which the server named them, and a received one in the reverse
//! order (§9.1).

mod params;
mod idle;
mod inbound;
mod outbound;
mod negotiation;
#[cfg(feature = "deflate")]
// The documentation then names one feature: `deflate` includes `alloc`.
#[cfg_attr(docsrs, doc(auto_cfg(hide(feature = "alloc"))))]
mod permessage_deflate;

pub(crate) use inbound::InboundExtensions;
pub use inbound::{Decoded, InboundExtension};
pub use negotiation::{Extension, Extensions, NegotiatedExtension};
pub use outbound::OutboundExtension;
pub(crate) use outbound::OutboundExtensions;
pub use params::ExtensionParams;
#[cfg(feature = "deflate")]
pub use permessage_deflate::{DeflateParams, PermessageDeflate};
