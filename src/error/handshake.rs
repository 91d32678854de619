//! Errors in the peer's handshake, and the status that refuses it (RFC 6455 §4, RFC 9110 §15).

use thiserror::Error;

use crate::excerpt::Excerpt;

use super::extension::{ExtensionParseError, NegotiationError};

/// A protocol error of the peer in the opening handshake; the variant names the broken rule.
///
/// On a server, `response` (with the feature `alloc`) returns the refusal to send; without an allocator,
/// [`status`](Self::status) and `response_headers` do. A client only closes the transport.
///
/// ```
/// use wsproto::HandshakeError;
///
/// assert_eq!(HandshakeError::InvalidKey.status(), 400);
/// assert_eq!(HandshakeError::UnsupportedVersion.status(), 426);
/// ```
// `response` is in `handshake/reject.rs`, as it makes a `RejectConnection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A head that is not valid HTTP (RFC 9112 §2 to §5; in HTTP/2 and HTTP/3, RFC 9113 §8.2.1, RFC 9114 §4.2).
    #[error("head is malformed (RFC 9112 §2)")]
    MalformedHead,
    /// A head longer than [`max_head_len`](crate::HandshakeLimits::max_head_len).
    #[error("head is too long")]
    HeadTooLong,
    /// More fields than [`max_headers`](crate::HandshakeLimits::max_headers).
    #[error("head has too many fields")]
    TooManyHeaders,
    /// A wrong HTTP version. It must be 1.1, and a later version of HTTP/1 is read as 1.1 (RFC 6455 §4.1, RFC 9110
    /// §2.5); for extended CONNECT it must be 2 or 3 (RFC 8441, RFC 9220).
    #[error("HTTP version is not the one for this handshake (RFC 6455 §4.1)")]
    HttpVersion,
    /// A method other than GET (§4.1).
    #[error("method is not GET (RFC 6455 §4.1)")]
    MethodNotGet,
    /// A target that is neither a path nor an absolute URI of `http`, `https`, `ws` or `wss` (§4.2.1), or that has a
    /// character that is not allowed in a URI (RFC 3986 §3.3, §3.4).
    #[error("request target is malformed (RFC 9112 §3.2)")]
    InvalidTarget,
    /// `Host` is missing, repeated or malformed (RFC 9112 §3.2).
    #[error("Host is missing, repeated or malformed (RFC 9112 §3.2)")]
    InvalidHost,
    /// A request with a body, but the handshake has none (RFC 6455 §4.1).
    #[error("request has a body (RFC 6455 §4.1)")]
    RequestBody,
    /// `Upgrade` does not contain `websocket` (§4.1, §4.2.1).
    #[error("Upgrade does not contain websocket (RFC 6455 §4.1)")]
    MissingUpgrade,
    /// `Connection` does not contain `Upgrade` (§4.1, §4.2.1).
    #[error("Connection does not contain Upgrade (RFC 6455 §4.1)")]
    MissingConnectionUpgrade,
    /// `Sec-WebSocket-Key` is missing, repeated, or not sixteen bytes in base64 (§4.2.1, §11.3.1).
    #[error("Sec-WebSocket-Key is missing, repeated or malformed (RFC 6455 §11.3.1)")]
    InvalidKey,
    /// `Sec-WebSocket-Version` is missing, repeated or malformed (§4.3, §11.3.5).
    #[error("Sec-WebSocket-Version is missing, repeated or malformed (RFC 6455 §11.3.5)")]
    InvalidVersion,
    /// `Sec-WebSocket-Version` is not 13 (§4.4).
    #[error("Sec-WebSocket-Version is not 13 (RFC 6455 §4.4)")]
    UnsupportedVersion,
    /// `Origin` is repeated (RFC 6454 §7.3): a web page has only one.
    #[error("Origin is repeated (RFC 6454 §7.3)")]
    RepeatedOrigin,
    /// `Sec-WebSocket-Accept` is missing, repeated, or does not fit the key (§4.1).
    #[error("Sec-WebSocket-Accept is missing, repeated or wrong (RFC 6455 §4.1)")]
    WrongAccept,
    /// The server chose this subprotocol, which was not offered (§4.1).
    #[error("server chose a subprotocol that was not offered: {0} (RFC 6455 §4.1)")]
    UnexpectedSubprotocol(Excerpt),
    /// `Sec-WebSocket-Protocol` is repeated in the response (§11.3.4).
    #[error("Sec-WebSocket-Protocol is repeated (RFC 6455 §11.3.4)")]
    RepeatedSubprotocol,
    /// `Sec-WebSocket-Extensions` is not a list of extensions (§9.1). The offset is in the value of that header.
    #[error("Sec-WebSocket-Extensions is malformed: {0} (RFC 6455 §9.1)")]
    InvalidExtension(ExtensionParseError),
    /// The server chose an extension or parameters that were not offered (§4.1, RFC 7692 §7.1).
    #[error("server chose an extension that does not fit the offers: {0} (RFC 6455 §4.1)")]
    UnexpectedExtension(NegotiationError),
    /// A pseudo-header that is missing, repeated, misplaced or malformed (RFC 8441 §4, RFC 9113 §8.3,
    /// RFC 9114 §4.3).
    #[error("pseudo-header is missing, repeated, misplaced or malformed (RFC 8441 §4)")]
    InvalidPseudoHeader,
    /// A method other than CONNECT, in HTTP/2 or HTTP/3 (RFC 8441 §5).
    #[error("method is not CONNECT (RFC 8441 §5)")]
    MethodNotConnect,
    /// A `:protocol` other than `websocket` (RFC 8441 §5, RFC 9220 §3).
    #[error(":protocol is not websocket (RFC 8441 §5)")]
    UnsupportedProtocol,
    /// A header that only HTTP/1.1 has, such as `Connection`, in HTTP/2 or HTTP/3 (RFC 9113 §8.2.2,
    /// RFC 9114 §4.2).
    #[error("header is only for HTTP/1.1 (RFC 9113 §8.2.2)")]
    ConnectionSpecificHeader,
    /// A status outside of 100 to 599 (RFC 9110 §15): the server refuses, as with a 5xx, for an unknown reason.
    #[error("status is not from 100 to 599 (RFC 9110 §15)")]
    InvalidStatus,
    /// More 1xx responses than [`max_informational`](crate::HandshakeLimits::max_informational).
    #[error("too many informational responses")]
    TooManyInformational,
    /// The length or the framing of a refusal's body is malformed (RFC 9112 §6.3, §7.1).
    #[error("body is malformed (RFC 9112 §6.3)")]
    MalformedBody,
    /// A refusal with a body longer than [`max_body_len`](crate::HandshakeLimits::max_body_len).
    #[error("body is too long")]
    BodyTooLong,
    /// More bytes than [`max_early_data`](crate::HandshakeLimits::max_early_data) before the response to the request.
    #[error("too much data before the handshake ended")]
    TooMuchEarlyData,
    /// The transport ended inside the handshake (§4.1, §7.2.1).
    #[error("transport ended during the handshake (RFC 6455 §4.1)")]
    UnexpectedEof,
}

impl HandshakeError {
    /// The variant's name in snake case, such as `malformed_head`, for logs and metrics.
    ///
    /// It does not change in later versions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MalformedHead => "malformed_head",
            Self::HeadTooLong => "head_too_long",
            Self::TooManyHeaders => "too_many_headers",
            Self::HttpVersion => "http_version",
            Self::MethodNotGet => "method_not_get",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidHost => "invalid_host",
            Self::RequestBody => "request_body",
            Self::MissingUpgrade => "missing_upgrade",
            Self::MissingConnectionUpgrade => "missing_connection_upgrade",
            Self::InvalidKey => "invalid_key",
            Self::InvalidVersion => "invalid_version",
            Self::UnsupportedVersion => "unsupported_version",
            Self::RepeatedOrigin => "repeated_origin",
            Self::WrongAccept => "wrong_accept",
            Self::UnexpectedSubprotocol(_) => "unexpected_subprotocol",
            Self::RepeatedSubprotocol => "repeated_subprotocol",
            Self::InvalidExtension(_) => "invalid_extension",
            Self::UnexpectedExtension(_) => "unexpected_extension",
            Self::InvalidPseudoHeader => "invalid_pseudo_header",
            Self::MethodNotConnect => "method_not_connect",
            Self::UnsupportedProtocol => "unsupported_protocol",
            Self::ConnectionSpecificHeader => "connection_specific_header",
            Self::InvalidStatus => "invalid_status",
            Self::TooManyInformational => "too_many_informational",
            Self::MalformedBody => "malformed_body",
            Self::BodyTooLong => "body_too_long",
            Self::TooMuchEarlyData => "too_much_early_data",
            Self::UnexpectedEof => "unexpected_eof",
        }
    }

    /// The status that a server refuses the request with (RFC 6455 §4.2.2, §10.7, RFC 9110 §15).
    // `handshake/status.rs` has the headers and the phrase of each status, and the status of a stream instead of 426.
    pub const fn status(self) -> u16 {
        match self {
            Self::MethodNotGet | Self::MethodNotConnect => 405,
            Self::TooMuchEarlyData => 413,
            Self::UnsupportedVersion => 426,
            Self::HeadTooLong | Self::TooManyHeaders => 431,
            Self::UnsupportedProtocol => 501,
            Self::HttpVersion => 505,
            Self::MalformedHead
            | Self::InvalidTarget
            | Self::InvalidHost
            | Self::RequestBody
            | Self::MissingUpgrade
            | Self::MissingConnectionUpgrade
            | Self::InvalidKey
            | Self::InvalidVersion
            | Self::RepeatedOrigin
            | Self::WrongAccept
            | Self::UnexpectedSubprotocol(_)
            | Self::RepeatedSubprotocol
            | Self::InvalidExtension(_)
            | Self::UnexpectedExtension(_)
            | Self::InvalidPseudoHeader
            | Self::ConnectionSpecificHeader
            | Self::InvalidStatus
            | Self::TooManyInformational
            | Self::MalformedBody
            | Self::BodyTooLong
            | Self::UnexpectedEof => 400,
        }
    }
}
