//! What can be set for each connection: limits, deadlines, and how much memory it may use.

use std::time::Duration;

use wsproto::{Limits, Timeouts};

/// What can be set for each connection: limits, deadlines, and how much memory it may use.
///
/// ```
/// use wsproto_tokio::wsproto::{Limits, Timeouts};
/// use wsproto_tokio::Settings;
///
/// let settings = Settings::default()
///     .with_limits(Limits::default().with_max_message_len(64 << 10))
///     .with_timeouts(Timeouts::default().with_ping_interval(None))
///     .with_read_ahead(0);
/// assert_eq!(settings.max_fragment_len, 64 << 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// What the peer may send: [`Limits::DEFAULT`] unless set.
    pub limits: Limits,
    /// The longest message, in bytes, that [`recv_part`](crate::WebSocket::recv_part) can receive; it counts if it is more
    /// than the [`max_message_len`](Limits::max_message_len) of the limits: 0 unless set.
    ///
    /// A frame may then be as long too. [`recv`](crate::WebSocket::recv) keeps to the limits: a message that is longer
    /// than they allow ends the connection (1009), when it is received so.
    pub max_streamed_len: u64,
    /// When pings are sent, and when a connection is given up: [`Timeouts::DEFAULT`] unless set.
    pub timeouts: Timeouts,
    /// How many bytes are read while the sender waits and nobody receives: 16 MiB unless set.
    ///
    /// [Deadlocks](crate#if-both-sides-only-write) are explained on the front page.
    pub read_ahead: usize,
    /// The length in bytes of the longest frame that is sent: 64 KiB unless set; 0 counts as 1.
    ///
    /// A longer message is sent in fragments (RFC 6455 §5.4), so that a ping is answered between two of them, and not
    /// after the last byte. With `usize::MAX`, each message is one frame, and the output buffer holds all of it.
    pub max_fragment_len: usize,
    /// Without a read or a write, how long until the buffers are freed: 5 s unless set; `None` keeps them.
    pub release_memory_after: Option<Duration>,
}

impl Settings {
    /// The value of [`Settings::default`].
    pub const DEFAULT: Self = Self {
        limits: Limits::DEFAULT,
        max_streamed_len: 0,
        timeouts: Timeouts::DEFAULT,
        read_ahead: 16 << 20,
        max_fragment_len: 64 << 10,
        release_memory_after: Some(Duration::from_secs(5)),
    };

    /// The same, with other [`limits`](Self::limits).
    #[must_use = "it returns new settings and does not change these"]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same, with another [`max_streamed_len`](Self::max_streamed_len).
    #[must_use = "it returns new settings and does not change these"]
    pub const fn with_max_streamed_len(mut self, max_streamed_len: u64) -> Self {
        self.max_streamed_len = max_streamed_len;
        self
    }

    /// The same, with other [`timeouts`](Self::timeouts).
    #[must_use = "it returns new settings and does not change these"]
    pub const fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The same, with another [`read_ahead`](Self::read_ahead).
    #[must_use = "it returns new settings and does not change these"]
    pub const fn with_read_ahead(mut self, read_ahead: usize) -> Self {
        self.read_ahead = read_ahead;
        self
    }

    /// The same, with another [`max_fragment_len`](Self::max_fragment_len).
    #[must_use = "it returns new settings and does not change these"]
    pub const fn with_max_fragment_len(mut self, max_fragment_len: usize) -> Self {
        self.max_fragment_len = max_fragment_len;
        self
    }

    /// The same, with another [`release_memory_after`](Self::release_memory_after).
    #[must_use = "it returns new settings and does not change these"]
    pub const fn with_release_memory_after(mut self, release_memory_after: Option<Duration>) -> Self {
        self.release_memory_after = release_memory_after;
        self
    }

    /// The limits of the connection: [`limits`](Self::limits), raised if messages that are received in parts may be longer.
    ///
    /// [`Server`](crate::Server) and [`Client`](crate::Client) use them. They are for connections whose handshake was done
    /// elsewhere: see [`WebSocket::from_parts`](crate::WebSocket::from_parts).
    ///
    /// ```
    /// use wsproto_tokio::Settings;
    /// use wsproto_tokio::wsproto::{Connection, Role};
    /// use wsproto_tokio::MaskingKeys;
    ///
    /// let settings = Settings::default().with_max_streamed_len(1 << 30);
    /// let limits = settings.connection_limits();
    /// assert_eq!(limits.max_message_len, 1 << 30);
    /// let connection = Connection::with_role(Role::Server, limits, MaskingKeys::default());
    /// # let _ = connection;
    /// ```
    #[must_use]
    pub fn connection_limits(&self) -> Limits {
        let Self { limits, max_streamed_len, .. } = *self;
        if max_streamed_len <= limits.max_message_len {
            return limits;
        }
        // Data that does not compress takes an eighth more, if the peer compresses badly.
        let encoded = max_streamed_len.saturating_add(max_streamed_len / 8).saturating_add(1024);
        limits
            .with_max_message_len(max_streamed_len)
            .with_max_frame_len(limits.max_frame_len.max(encoded))
            .with_max_encoded_len(limits.max_encoded_len.max(encoded))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}
