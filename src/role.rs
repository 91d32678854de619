//! The two ends of a connection.

/// An endpoint's role: whether it sends the request or answers it, and whether it masks (RFC 6455 §4, §5.1).
///
/// ```
/// use wsproto::Role;
///
/// assert!(Role::Client.masks());
/// assert_eq!(Role::Client.peer(), Role::Server);
/// ```
///
/// It is exhaustive on purpose: there is no third role.
#[doc(alias = "ConnectionType")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends the request, and masks every frame.
    Client,
    /// Answers the request, and masks nothing.
    Server,
}

impl Role {
    /// The role of the peer.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// Whether an endpoint in this role masks the frames that it sends (§5.1).
    pub const fn masks(self) -> bool {
        matches!(self, Self::Client)
    }
}
