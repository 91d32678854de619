//! What a peer may make us read or keep, at most (RFC 6455 §10.4).
//!
//! Every limit is on by default, and is checked before anything is stored.

/// Bounds on what is received once the connection is open.
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
    /// The longest payload of a data frame, in bytes: 16 MiB unless set.
    pub max_frame_len: u64,
    /// The longest message, in bytes over all its fragments: 16 MiB unless set.
    pub max_message_len: u64,
    /// The longest message that extensions decode, in bytes on the wire over all its fragments: 24 MiB unless
    /// set.
    ///
    /// How long it becomes is held to `max_message_len`. Data that does not compress takes a few bytes more on the
    /// wire than the message has, or an eighth more where a peer compresses badly.
    pub max_encoded_len: u64,
    /// The most fragments of a message, empty ones too: 131,072 unless set.
    pub max_fragments: u32,
}

impl Limits {
    /// What [`Limits::default`] gives.
    pub const DEFAULT: Self = Self {
        max_frame_len: 16 << 20,
        max_message_len: 16 << 20,
        max_encoded_len: 24 << 20,
        max_fragments: 128 << 10,
    };

    /// No bound except those of the protocol itself: for callers that take payloads chunk by chunk and keep
    /// none.
    pub const NONE: Self = Self {
        max_frame_len: u64::MAX,
        max_message_len: u64::MAX,
        max_encoded_len: u64::MAX,
        max_fragments: u32::MAX,
    };

    /// The same limits, with another [`max_frame_len`](Self::max_frame_len).
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

    /// The same limits, with another [`max_message_len`](Self::max_message_len).
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

    /// The same limits, with another [`max_encoded_len`](Self::max_encoded_len).
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

    /// The same limits, with another [`max_fragments`](Self::max_fragments).
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

/// Bounds on what is received while the handshake lasts.
///
/// They bound the memory too: whatever the peer sends, a handshake allocates at most four times
/// [`max_head_len`](Self::max_head_len) at a time, for a limit of 1 KiB or more, and until its request is answered it
/// keeps at most twice that. Not counted are your own request, the output, and lists that you ask for, such as that of
/// `Request::extensions`.
///
/// ```
/// use wsproto::HandshakeLimits;
///
/// const LIMITS: HandshakeLimits = HandshakeLimits::DEFAULT.with_max_head_len(4096);
///
/// assert_eq!(LIMITS.max_head_len, 4096);
/// assert_eq!(LIMITS.max_headers, HandshakeLimits::DEFAULT.max_headers);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HandshakeLimits {
    /// The longest request or response head, in bytes with its line ends: 16 KiB unless set. One that does not
    /// come as bytes counts as many as it would have in HTTP/1.1.
    pub max_head_len: usize,
    /// The most header fields of a head: 100 unless set.
    pub max_headers: usize,
    /// The most bytes of a refusal's body that a client takes: 64 KiB unless set.
    pub max_body_len: u64,
    /// The most 1xx responses that a client passes over before the final one: 8 unless set.
    pub max_informational: u32,
    /// The most bytes that are kept for after the handshake, where they came too early: 64 KiB unless
    /// set.
    pub max_early_data: usize,
}

impl HandshakeLimits {
    /// What [`HandshakeLimits::default`] gives.
    pub const DEFAULT: Self = Self {
        max_head_len: 16 << 10,
        max_headers: 100,
        max_body_len: 64 << 10,
        max_informational: 8,
        max_early_data: 64 << 10,
    };

    /// The same limits, with another [`max_head_len`](Self::max_head_len).
    ///
    /// ```
    /// use wsproto::HandshakeLimits;
    ///
    /// assert_eq!(HandshakeLimits::DEFAULT.with_max_head_len(4096).max_head_len, 4096);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_head_len(mut self, max_head_len: usize) -> Self {
        self.max_head_len = max_head_len;
        self
    }

    /// The same limits, with another [`max_headers`](Self::max_headers).
    ///
    /// ```
    /// use wsproto::HandshakeLimits;
    ///
    /// assert_eq!(HandshakeLimits::DEFAULT.with_max_headers(32).max_headers, 32);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_headers(mut self, max_headers: usize) -> Self {
        self.max_headers = max_headers;
        self
    }

    /// The same limits, with another [`max_body_len`](Self::max_body_len).
    ///
    /// ```
    /// use wsproto::HandshakeLimits;
    ///
    /// assert_eq!(HandshakeLimits::DEFAULT.with_max_body_len(1024).max_body_len, 1024);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_body_len(mut self, max_body_len: u64) -> Self {
        self.max_body_len = max_body_len;
        self
    }

    /// The same limits, with another [`max_informational`](Self::max_informational).
    ///
    /// ```
    /// use wsproto::HandshakeLimits;
    ///
    /// assert_eq!(HandshakeLimits::DEFAULT.with_max_informational(2).max_informational, 2);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_informational(mut self, max_informational: u32) -> Self {
        self.max_informational = max_informational;
        self
    }

    /// The same limits, with another [`max_early_data`](Self::max_early_data).
    ///
    /// ```
    /// use wsproto::HandshakeLimits;
    ///
    /// assert_eq!(HandshakeLimits::DEFAULT.with_max_early_data(512).max_early_data, 512);
    /// ```
    #[must_use = "it returns new limits and does not change these"]
    pub const fn with_max_early_data(mut self, max_early_data: usize) -> Self {
        self.max_early_data = max_early_data;
        self
    }
}

impl Default for HandshakeLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
