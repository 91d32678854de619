//! Whether extensions may be in use, told by type: where there are none, nothing is paid for them.

use core::fmt;

#[cfg(feature = "alloc")]
use crate::extension::{Extensions, InboundExtensions, OutboundExtensions};

/// What a connection is ready for: [`NoExtensions`], or [`Extensions`] that were negotiated.
///
/// The two are all there are; users' own extensions go into [`Extensions`].
///
#[cfg_attr(not(feature = "alloc"), doc = "[`Extensions`]: crate#features")]
pub trait ExtensionSet: Sealed {
    /// The half that a receiver runs.
    type Inbound: Inbound;
    /// The half that a sender runs.
    type Outbound: Outbound;
}

/// No extension: the RSV bits must be 0, and payloads are what they are (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NoExtensions;

/// A receiver's half.
#[allow(unreachable_pub, reason = "Rust 1.85 does not see that `ExtensionSet` reaches it")]
pub trait Inbound: fmt::Debug {
    /// Whether there may be extensions: a matter of type.
    fn may_exist(&self) -> bool {
        false
    }

    /// Whether a whole message without an RSV bit is none of its business.
    fn passes_whole_messages(&self) -> bool {
        true
    }

    /// The extensions, if there may be some.
    #[cfg(feature = "alloc")]
    fn chain(&self) -> Option<&InboundExtensions> {
        None
    }

    /// The extensions, if there may be some.
    #[cfg(feature = "alloc")]
    fn chain_mut(&mut self) -> Option<&mut InboundExtensions> {
        None
    }
}

/// A sender's half.
#[allow(unreachable_pub, reason = "Rust 1.85 does not see that `ExtensionSet` reaches it")]
pub trait Outbound: fmt::Debug {
    /// Whether there may be extensions: a matter of type.
    fn may_exist(&self) -> bool {
        false
    }

    /// The extensions, if there may be some.
    #[cfg(feature = "alloc")]
    fn chain_mut(&mut self) -> Option<&mut OutboundExtensions> {
        None
    }
}

impl ExtensionSet for NoExtensions {
    type Inbound = Self;
    type Outbound = Self;
}

impl Inbound for NoExtensions {}

impl Outbound for NoExtensions {}

/// Only this module names the sets.
pub trait Sealed {}

impl Sealed for NoExtensions {}

#[cfg(feature = "alloc")]
mod with_extensions {
    use super::{ExtensionSet, Extensions, Inbound, InboundExtensions, Outbound, OutboundExtensions, Sealed};

    impl Sealed for Extensions {}

    impl ExtensionSet for Extensions {
        type Inbound = InboundExtensions;
        type Outbound = OutboundExtensions;
    }

    impl Inbound for InboundExtensions {
        #[inline]
        fn may_exist(&self) -> bool {
            true
        }

        #[inline]
        fn passes_whole_messages(&self) -> bool {
            self.pass_whole_messages()
        }

        #[inline]
        fn chain(&self) -> Option<&InboundExtensions> {
            Some(self)
        }

        #[inline]
        fn chain_mut(&mut self) -> Option<&mut InboundExtensions> {
            Some(self)
        }
    }

    impl Outbound for OutboundExtensions {
        #[inline]
        fn may_exist(&self) -> bool {
            true
        }

        #[inline]
        fn chain_mut(&mut self) -> Option<&mut OutboundExtensions> {
            Some(self)
        }
    }
}
