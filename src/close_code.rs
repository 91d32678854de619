//! Close codes, and which of them may be sent (RFC 6455 §7.4 and the IANA registry).

use core::fmt;

/// A close code: a number that says why a connection is closed.
///
/// It can be any number from 0 to 65535; [`is_sendable`](Self::is_sendable) says if it may be in a close frame. The
/// constants have the names of the IANA registry.
///
/// ```
/// use wsproto::CloseCode;
///
/// assert_eq!(CloseCode::GOING_AWAY, CloseCode::new(1001));
/// assert!(CloseCode::new(4001).is_sendable());
/// assert!(!CloseCode::ABNORMAL_CLOSURE.is_sendable()); // a local fact, never on the wire
/// assert_eq!(CloseCode::PROTOCOL_ERROR.to_string(), "1002 (Protocol Error)");
/// ```
#[doc(alias = "CloseReason")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the connection is no longer needed.
    pub const NORMAL_CLOSURE: Self = Self(1000);
    /// 1001: the server stops, or the user leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: the endpoint does not accept this kind of data.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005: the close frame had no code. It is never sent.
    pub const NO_STATUS_RCVD: Self = Self(1005);
    /// 1006: the transport ended without a close frame. It is never sent.
    pub const ABNORMAL_CLOSURE: Self = Self(1006);
    /// 1007: the payload does not fit the type of its message, such as text that is not UTF-8.
    pub const INVALID_FRAME_PAYLOAD_DATA: Self = Self(1007);
    /// 1008: the endpoint's policy does not allow the message, and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: the message is too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the client needs an extension that the server did not accept.
    pub const MANDATORY_EXT: Self = Self(1010);
    /// 1011: the server has an unexpected error.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway received an invalid response from another server.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: the TLS handshake failed. It is never sent.
    pub const TLS_HANDSHAKE: Self = Self(1015);
    /// 3000: the endpoint must authenticate first.
    pub const UNAUTHORIZED: Self = Self(3000);
    /// 3003: the endpoint is authenticated, but this is not allowed.
    pub const FORBIDDEN: Self = Self(3003);
    /// 3008: the endpoint took too long.
    pub const TIMEOUT: Self = Self(3008);

    /// The code with this number, 0 to 65535.
    ///
    /// ```
    /// use wsproto::CloseCode;
    ///
    /// const ROOM_IS_CLOSED: CloseCode = CloseCode::new(4001); // 4000 to 4999: for private use
    /// assert!(ROOM_IS_CLOSED.is_sendable());
    /// ```
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// The code's number, 0 to 65535.
    ///
    /// ```
    /// use wsproto::CloseCode;
    ///
    /// assert_eq!(CloseCode::NORMAL_CLOSURE.get(), 1000);
    /// ```
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether a close frame may have this code, sent or received (§7.4.1, §7.4.2).
    ///
    /// | codes | may be sent |
    /// |---|---|
    /// | 1000 to 1003, 1007 to 1014 | yes: the registry defines them |
    /// | 1005, 1006, 1015 | no: each endpoint reports them to its own user |
    /// | 3000 to 4999 | yes: for libraries and applications |
    /// | all others | no: they are reserved, unassigned or out of range |
    ///
    /// ```
    /// use wsproto::CloseCode;
    ///
    /// assert!(CloseCode::GOING_AWAY.is_sendable());
    /// assert!(!CloseCode::NO_STATUS_RCVD.is_sendable());
    /// assert!(!CloseCode::new(1016).is_sendable());
    /// ```
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// The code's name in the IANA registry, if it has one.
    ///
    /// ```
    /// use wsproto::CloseCode;
    ///
    /// assert_eq!(CloseCode::MESSAGE_TOO_BIG.name(), Some("Message Too Big"));
    /// assert_eq!(CloseCode::new(4001).name(), None);
    /// ```
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NORMAL_CLOSURE => "Normal Closure",
            Self::GOING_AWAY => "Going Away",
            Self::PROTOCOL_ERROR => "Protocol Error",
            Self::UNSUPPORTED_DATA => "Unsupported Data",
            Self::NO_STATUS_RCVD => "No Status Rcvd",
            Self::ABNORMAL_CLOSURE => "Abnormal Closure",
            Self::INVALID_FRAME_PAYLOAD_DATA => "Invalid Frame Payload Data",
            Self::POLICY_VIOLATION => "Policy Violation",
            Self::MESSAGE_TOO_BIG => "Message Too Big",
            Self::MANDATORY_EXT => "Mandatory Ext.",
            Self::INTERNAL_ERROR => "Internal Error",
            Self::SERVICE_RESTART => "Service Restart",
            Self::TRY_AGAIN_LATER => "Try Again Later",
            Self::BAD_GATEWAY => "Bad Gateway",
            Self::TLS_HANDSHAKE => "TLS Handshake",
            Self::UNAUTHORIZED => "Unauthorized",
            Self::FORBIDDEN => "Forbidden",
            Self::TIMEOUT => "Timeout",
            _ => return None,
        })
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}
