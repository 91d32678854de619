//! Limits on heads, and on what comes with them.

/// Limits on what is received during the opening handshake.
///
/// They limit the memory too. If [`max_head_len`](Self::max_head_len) is 1 KiB or more, a handshake has at most four
/// times that length allocated at any time, whatever the peer sends; while the request waits for its answer, at most
/// twice that length. This does not count your own request, the output, and lists that you ask for, such as that of
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
    /// The longest head of a request or response, in bytes with its line ends; the default is 16 KiB.
    ///
    /// A head that another HTTP stack has parsed counts as many bytes as it would have in HTTP/1.1.
    pub max_head_len: usize,
    /// The most header fields of a head; the default is 100.
    pub max_headers: usize,
    /// The longest body of a refusal that a client reads, in bytes; the default is 64 KiB.
    pub max_body_len: u64,
    /// The most 1xx responses that a client skips before the final one; the default is 8.
    pub max_informational: u32,
    /// The most bytes that are stored if they arrive before the handshake has ended; the default is 64 KiB.
    pub max_early_data: usize,
}

impl HandshakeLimits {
    /// The limits that [`HandshakeLimits::default`] returns, as a constant.
    pub const DEFAULT: Self = Self {
        max_head_len: 16 << 10,
        max_headers: 100,
        max_body_len: 64 << 10,
        max_informational: 8,
        max_early_data: 64 << 10,
    };

    /// Returns these limits with another [`max_head_len`](Self::max_head_len).
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

    /// Returns these limits with another [`max_headers`](Self::max_headers).
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

    /// Returns these limits with another [`max_body_len`](Self::max_body_len).
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

    /// Returns these limits with another [`max_informational`](Self::max_informational).
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

    /// Returns these limits with another [`max_early_data`](Self::max_early_data).
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
