//! Versions of HTTP, and the codes with which a stream of HTTP/2 or HTTP/3 ends (RFC 9113 §7, RFC 9114 §8.1).

/// A version of HTTP.
///
/// In HTTP/2 and HTTP/3 a WebSocket has a stream in place of a transport. The orderly end of the one is the orderly end
/// of the other: `END_STREAM`, or `FIN` (RFC 8441 §5, RFC 9220 §3). Any other end has an
/// [error code](Self::stream_error_code).
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

/// Why a stream of HTTP/2 or HTTP/3 is reset, or no more of it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamError {
    /// The connection is abandoned, where a transport would be dropped: `CANCEL`, or `H3_REQUEST_CANCELLED` (RFC 8441 §5,
    /// RFC 9220 §3).
    #[doc(alias = "H3_REQUEST_CANCELLED")]
    Cancel,
    /// A request or a response is malformed: `PROTOCOL_ERROR`, or `H3_MESSAGE_ERROR` (RFC 9113 §8.1.1, RFC 9114 §4.1.2).
    #[doc(alias = "H3_MESSAGE_ERROR")]
    Malformed,
    /// A refusal was sent, and no more of the request is needed: `NO_ERROR`, or `H3_NO_ERROR` (RFC 9113 §8.1,
    /// RFC 9114 §4.1).
    #[doc(alias = "H3_NO_ERROR")]
    NoError,
}

impl HttpVersion {
    /// The error code that this version has for a stream's end; `None` for HTTP/1, which has a transport to close.
    ///
    /// ```
    /// use wsproto::{HttpVersion, StreamError};
    ///
    /// assert_eq!(HttpVersion::Http2.stream_error_code(StreamError::Cancel), Some(0x8)); // CANCEL
    /// assert_eq!(HttpVersion::Http3.stream_error_code(StreamError::Cancel), Some(0x10c)); // H3_REQUEST_CANCELLED
    /// assert_eq!(HttpVersion::Http11.stream_error_code(StreamError::Cancel), None);
    /// ```
    pub const fn stream_error_code(self, error: StreamError) -> Option<u32> {
        match (self, error) {
            (Self::Http10 | Self::Http11, _) => None,
            (Self::Http2, StreamError::Cancel) => Some(0x8),
            (Self::Http2, StreamError::Malformed) => Some(0x1),
            (Self::Http2, StreamError::NoError) => Some(0x0),
            (Self::Http3, StreamError::Cancel) => Some(0x010c),
            (Self::Http3, StreamError::Malformed) => Some(0x010e),
            (Self::Http3, StreamError::NoError) => Some(0x0100),
        }
    }
}
