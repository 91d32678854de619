//! Extensions: offered by one type, run by two others, one a direction (RFC 6455 §9).
//!
//! An [`Extension`] knows how to offer itself and how to agree; it holds settings and no state. What was
//! agreed on is an [`Agreed`] pair, of which the receiver runs one half and the sender the other. Several
//! are chained: what is sent goes through them in the order in which the server named them, what is
//! received the other way round (§9.1).
//!
#![cfg_attr(not(feature = "alloc"), doc = "[`Agreed`]: crate#features\n[`Extension`]: crate#features")]

#[cfg(feature = "alloc")]
mod params;
#[cfg(feature = "alloc")]
mod inbound;
#[cfg(feature = "alloc")]
mod outbound;
#[cfg(feature = "alloc")]
mod negotiation;
#[cfg(feature = "deflate")]
mod permessage_deflate;
mod set;

#[cfg(feature = "alloc")]
pub(crate) use inbound::InboundExtensions;
#[cfg(feature = "alloc")]
pub use inbound::{Decoded, InboundExtension};
#[cfg(feature = "alloc")]
pub use negotiation::{Agreed, Extension, Extensions};
#[cfg(feature = "alloc")]
pub use outbound::OutboundExtension;
#[cfg(feature = "alloc")]
pub(crate) use outbound::OutboundExtensions;
#[cfg(feature = "alloc")]
pub use params::ExtensionParams;
#[cfg(feature = "deflate")]
pub use permessage_deflate::{DeflateParams, PermessageDeflate};
pub use set::{ExtensionSet, NoExtensions};
pub(crate) use set::{Inbound, Outbound};
