//! Close codes, and which of them may travel (RFC 6455 §7.4 and the IANA registry).

use core::fmt;

/// Why a connection is closed.
///
/// Any number from 0 to 65535 can be held; [`is_sendable`](Self::is_sendable) tells those that may
/// stand in a close frame. The constants bear the names of the IANA registry.
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
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL_CLOSURE: Self = Self(1000);
    /// 1001: the server goes down, or the user leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this endpoint cannot accept.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005: the close frame held no code. Never sent.
    pub const NO_STATUS_RCVD: Self = Self(1005);
    /// 1006: the transport ended without a close frame. Never sent.
    pub const ABNORMAL_CLOSURE: Self = Self(1006);
    /// 1007: a payload at odds with its type, such as text that is not UTF-8.
    pub const INVALID_FRAME_PAYLOAD_DATA: Self = Self(1007);
    /// 1008: the endpoint's policy forbids the message, where no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: the message is too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the client expected an extension that the server did not agree to.
    pub const MANDATORY_EXT: Self = Self(1010);
    /// 1011: the server met a condition that it did not expect.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid answer from the server behind it.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: the TLS handshake failed. Never sent.
    pub const TLS_HANDSHAKE: Self = Self(1015);
    /// 3000: the endpoint must be authorized first.
    pub const UNAUTHORIZED: Self = Self(3000);
    /// 3003: the endpoint is authorized, but not for this.
    pub const FORBIDDEN: Self = Self(3003);
    /// 3008: the endpoint took too long.
    pub const TIMEOUT: Self = Self(3008);

    /// The code with this number.
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// The code's number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether the code may stand in a close frame, sent or received (§7.4.1, §7.4.2).
    ///
    /// True for the codes that the registry defines below 3000, but for 1005, 1006 and 1015, which
    /// are facts that each side finds out for itself; and for 3000 to 4999, which libraries and
    /// applications use as they like. 1004 and what is unassigned below 3000 wait for a meaning, and
    /// are refused until they have one.
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// The name in the IANA registry, if it has one.
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
