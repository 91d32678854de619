//! Versions of HTTP, and what they call the ends of a stream (RFC 9113 §7, RFC 9114 §8.1).

/// A version of HTTP.
///
/// In HTTP/2 and HTTP/3 a WebSocket has a stream in place of a transport. The orderly end of the one is the
/// orderly end of the other: `END_STREAM`, or `FIN` (RFC 8441 §5, RFC 9220 §3). For any other end there are
/// the error codes that are told here.
///
/// ```
/// use wsproto::HttpVersion;
///
/// assert_eq!(HttpVersion::Http2.cancel_code(), Some(0x8)); // CANCEL
/// assert_eq!(HttpVersion::Http3.cancel_code(), Some(0x10c)); // H3_REQUEST_CANCELLED
/// assert_eq!(HttpVersion::Http11.cancel_code(), None); // a transport is just dropped
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0, or older.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
    /// HTTP/3.
    Http3,
}

impl HttpVersion {
    /// The code to reset a stream with where a transport would be dropped: `CANCEL`, or
    /// `H3_REQUEST_CANCELLED` (RFC 8441 §5, RFC 9220 §3).
    #[doc(alias = "H3_REQUEST_CANCELLED")]
    pub const fn cancel_code(self) -> Option<u32> {
        match self {
            Self::Http10 | Self::Http11 => None,
            Self::Http2 => Some(0x8),
            Self::Http3 => Some(0x010c),
        }
    }

    /// The code to reset a stream with where a request or a response is malformed: `PROTOCOL_ERROR`, or
    /// `H3_MESSAGE_ERROR` (RFC 9113 §8.1.1, RFC 9114 §4.1.2).
    #[doc(alias = "H3_MESSAGE_ERROR")]
    pub const fn malformed_code(self) -> Option<u32> {
        match self {
            Self::Http10 | Self::Http11 => None,
            Self::Http2 => Some(0x1),
            Self::Http3 => Some(0x010e),
        }
    }

    /// The code to ask for no more with, once a refusal is sent: `NO_ERROR`, or `H3_NO_ERROR`
    /// (RFC 9113 §8.1, RFC 9114 §4.1).
    #[doc(alias = "H3_NO_ERROR")]
    pub const fn no_error_code(self) -> Option<u32> {
        match self {
            Self::Http10 | Self::Http11 => None,
            Self::Http2 => Some(0x0),
            Self::Http3 => Some(0x0100),
        }
    }
}
