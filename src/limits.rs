//! What a peer may make us read or keep, at most (RFC 6455 §10.4).
//!
//! Every limit is on by default, and is checked before anything is stored.

/// Bounds on what is received once the connection is open.
///
/// ```
/// use wsproto::{Connection, Limits};
///
/// let mut limits = Limits::default();
/// limits.max_message_len = 64 * 1024;
/// let connection = Connection::server(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// No bound but those of the protocol itself: for whoever takes payloads chunk by chunk and keeps
    /// none.
    pub const NONE: Self = Self {
        max_frame_len: u64::MAX,
        max_message_len: u64::MAX,
        max_encoded_len: u64::MAX,
        max_fragments: u32::MAX,
    };
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
/// let mut limits = HandshakeLimits::default();
/// limits.max_head_len = 4096;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

impl Default for HandshakeLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
