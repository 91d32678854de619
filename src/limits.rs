//! Limits on what a peer can make an endpoint read or store (RFC 6455 §10.4).
//!
//! Every limit is on by default, and is checked before anything is stored.

#[cfg(feature = "handshake")]
mod handshake;

#[cfg(feature = "handshake")]
pub use handshake::HandshakeLimits;

/// Limits on the frames and messages that are received.
///
/// ```
/// use wsproto::{Connection, Limits};
///
/// const LIMITS: Limits = Limits::DEFAULT.with_max_message_len(64 * 1024).with_max_fragments(1000);
///
/// let connection = Connection::server(LIMITS);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// The longest payload of a data frame, in bytes; the default is 16 MiB.
    ///
    /// The protocol itself allows 2⁶³ − 1 bytes, and at most 125 in a control frame.
    pub max_frame_len: u64,
    /// The longest message, in bytes, all its fragments together; the default is 16 MiB.
    ///
    /// If an extension decodes the message, its decoded length counts.
    pub max_message_len: u64,
    /// The longest message on the wire, in bytes, before extensions decode it; the default is 24 MiB.
    ///
    /// It is only for messages that an extension decodes. Data that does not compress takes a few bytes more on the
    /// wire than the message has, or an eighth more if the peer compresses badly.
    pub max_encoded_len: u64,
    /// The most fragments of a message, including empty ones; the default is 131,072.
    pub max_fragments: u32,
}

impl Limits {
    /// The limits that [`Limits::default`] returns, as a constant.
    pub const DEFAULT: Self = Self {
        max_frame_len: 16 << 20,
        max_message_len: 16 << 20,
        max_encoded_len: 24 << 20,
        max_fragments: 128 << 10,
    };

    /// No limits except those of the protocol: for callers that process payloads piece by piece and store none.
    pub const NONE: Self = Self {
        max_frame_len: u64::MAX,
        max_message_len: u64::MAX,
        max_encoded_len: u64::MAX,
        max_fragments: u32::MAX,
    };

    /// Returns these limits with another [`max_frame_len`](Self::max_frame_len).
    ///
    /// ```
    /// use wsproto::Limits;
    ///
    /// assert_eq!(Limits::DEFAULT.with_max_frame_len(1024).max_frame_len, 1024);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_frame_len(mut self, max_frame_len: u64) -> Self {
        self.max_frame_len = max_frame_len;
        self
    }

    /// Returns these limits with another [`max_message_len`](Self::max_message_len).
    ///
    /// ```
    /// use wsproto::Limits;
    ///
    /// assert_eq!(Limits::DEFAULT.with_max_message_len(4096).max_message_len, 4096);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_message_len(mut self, max_message_len: u64) -> Self {
        self.max_message_len = max_message_len;
        self
    }

    /// Returns these limits with another [`max_encoded_len`](Self::max_encoded_len).
    ///
    /// ```
    /// use wsproto::Limits;
    ///
    /// assert_eq!(Limits::DEFAULT.with_max_encoded_len(8192).max_encoded_len, 8192);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_encoded_len(mut self, max_encoded_len: u64) -> Self {
        self.max_encoded_len = max_encoded_len;
        self
    }

    /// Returns these limits with another [`max_fragments`](Self::max_fragments).
    ///
    /// ```
    /// use wsproto::Limits;
    ///
    /// assert_eq!(Limits::DEFAULT.with_max_fragments(16).max_fragments, 16);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_fragments(mut self, max_fragments: u32) -> Self {
        self.max_fragments = max_fragments;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
