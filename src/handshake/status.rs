//! The statuses of refusals: their headers, their reason phrases, and how a stream has them (RFC 9110 §15).
//!
//! `HandshakeError::status`, in `error/handshake.rs`, has the status of each error. A new status needs a phrase here, and
//! the headers that RFC 9110 requires with it.

use crate::error::HandshakeError;

use super::fields::VERSION;

impl HandshakeError {
    /// The headers that a server sends with this error's [`status`](Self::status).
    ///
    /// ```
    /// use wsproto::HandshakeError;
    ///
    /// assert_eq!(HandshakeError::MethodNotGet.response_headers(), [("Allow", &b"GET"[..])]);
    /// ```
    pub const fn response_headers(self) -> &'static [(&'static str, &'static [u8])] {
        match self {
            Self::MethodNotGet => &[("Allow", b"GET")],
            Self::MethodNotConnect => &[("Allow", b"CONNECT")],
            // "A server that sends a 426 response MUST send an Upgrade header field" (RFC 9110 §15.5.22).
            Self::UnsupportedVersion => &[("Upgrade", b"websocket"), (VERSION, b"13")],
            // "A |Sec-WebSocket-Version| header field indicating the version(s)" (RFC 6455 §4.2.2, §4.4).
            Self::InvalidVersion => &[(VERSION, b"13")],
            Self::MalformedHead
            | Self::HeadTooLong
            | Self::TooManyHeaders
            | Self::HttpVersion
            | Self::InvalidTarget
            | Self::InvalidHost
            | Self::RequestBody
            | Self::MissingUpgrade
            | Self::MissingConnectionUpgrade
            | Self::InvalidKey
            | Self::RepeatedOrigin
            | Self::WrongAccept
            | Self::UnexpectedSubprotocol(_)
            | Self::RepeatedSubprotocol
            | Self::InvalidExtension(_)
            | Self::UnexpectedExtension(_)
            | Self::InvalidPseudoHeader
            | Self::UnsupportedProtocol
            | Self::ConnectionSpecificHeader
            | Self::InvalidStatus
            | Self::TooManyInformational
            | Self::MalformedBody
            | Self::BodyTooLong
            | Self::TooMuchEarlyData
            | Self::UnexpectedEof => &[],
        }
    }
}

/// The usual phrase for a status (RFC 9110 §15), which clients ignore.
pub(super) const fn reason_phrase(status_code: u16) -> &'static str {
    match status_code {
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

/// The status that refuses in a stream of HTTP/2 or HTTP/3.
///
/// 426 becomes 400: it would have to name another protocol in `Upgrade`, which HTTP/2 and HTTP/3 do not allow
/// (RFC 9110 §15.5.22).
#[cfg(feature = "alloc")]
pub(super) const fn stream_status(status_code: u16) -> u16 {
    match status_code {
        426 => 400,
        status_code => status_code,
    }
}
