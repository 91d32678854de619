//! What can go wrong, by culprit: the peer broke a rule, or the caller did.

use core::fmt;

use thiserror::Error;

use crate::close_code::CloseCode;

/// The peer broke the protocol once the connection was open; the variant names the rule.
///
/// It is returned once, and it is final: what arrives after it is dropped. [`close_code`] is the code
/// to close with, and [`response`](Self::response) the close frame that says so.
///
/// ```
/// use wsproto::{CloseCode, Connection, Limits, RemoteProtocolError};
///
/// let mut connection = Connection::server(Limits::default());
/// let mut bytes = *b"\x81\x02hi"; // not masked, as a client's frames must be
/// let error = connection.next_event(&mut bytes.as_mut_slice()).unwrap_err();
/// assert_eq!(error, RemoteProtocolError::UnmaskedFrameFromClient);
/// assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
///
/// let mut output = Vec::new();
/// connection.send(error.response(), &mut output)?;
/// assert_eq!(output[..4], *b"\x88\x1f\x03\xea"); // close, 1002
/// # Ok::<(), wsproto::LocalProtocolError>(())
/// ```
///
/// [`close_code`]: Self::close_code
// `response` is in `event.rs`, as it makes a `CloseConnection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum RemoteProtocolError {
    /// An opcode without a meaning, 3–7 or 11–15 (RFC 6455 §5.2).
    ReservedOpcode(u8),
    /// An RSV bit that no extension in use claims (§5.2).
    ReservedBits,
    /// A control frame without FIN (§5.5).
    FragmentedControlFrame,
    /// A control frame of more than 125 bytes (§5.5).
    ControlFrameTooLong,
    /// A continuation with nothing to continue (§5.4).
    UnexpectedContinuation,
    /// A new message before the last fragment of the one in progress (§5.4).
    ExpectedContinuation,
    /// A client's frame that is not masked (§5.1).
    UnmaskedFrameFromClient,
    /// A server's frame that is masked (§5.1).
    MaskedFrameFromServer,
    /// A length in more bytes than it needs (§5.2).
    NonMinimalLength,
    /// A length of 2⁶³ or more (§5.2).
    LengthTopBitSet,
    /// A data frame longer than [`Limits::max_frame_len`](crate::Limits::max_frame_len) (§10.4).
    FrameTooLong,
    /// A message longer than [`Limits::max_message_len`](crate::Limits::max_message_len) (§10.4).
    MessageTooLong,
    /// A message that extensions decode, longer on the wire than
    /// [`Limits::max_encoded_len`](crate::Limits::max_encoded_len) (§10.4); or than zlib can count, where C's
    /// `unsigned long` has 32 bits.
    EncodedMessageTooLong,
    /// A message of more fragments than [`Limits::max_fragments`](crate::Limits::max_fragments) (§10.4).
    TooManyFragments,
    /// A text message that is not UTF-8 (§8.1).
    InvalidUtf8,
    /// A close frame of one byte, where a code has two (§5.5.1).
    TruncatedCloseCode,
    /// A close code that must not be sent (§7.4).
    InvalidCloseCode(u16),
    /// A close reason that is not UTF-8 (§5.5.1).
    InvalidCloseReason,
    /// A compressed message that does not decompress (RFC 7692 §7.2.2).
    InvalidDeflate,
    /// A compressed message that grows by more than the ratio that is allowed.
    InflationRatio,
    /// A frame or a payload that breaks a rule of an extension (RFC 6455 §9).
    Extension(&'static ExtensionError),
}

/// The rule of an extension that the peer broke, as the extension names it.
///
/// ```
/// use wsproto::{CloseCode, ExtensionError, RemoteProtocolError};
///
/// const WRONG_SUM: ExtensionError = ExtensionError::new(CloseCode::INVALID_FRAME_PAYLOAD_DATA, "checksum is wrong");
/// let error = RemoteProtocolError::Extension(&WRONG_SUM);
/// assert_eq!(error.to_string(), "checksum is wrong");
/// assert_eq!(error.close_code(), CloseCode::INVALID_FRAME_PAYLOAD_DATA);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ExtensionError {
    /// The code to close the connection with.
    pub code: CloseCode,
    /// The rule, as a sentence for the close frame's reason, which holds its first 123 bytes.
    pub reason: &'static str,
}

impl ExtensionError {
    /// An error that closes the connection with this code and this reason.
    pub const fn new(code: CloseCode, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

impl RemoteProtocolError {
    /// The code to close the connection with (§7.4.1).
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::FrameTooLong
            | Self::MessageTooLong
            | Self::EncodedMessageTooLong
            | Self::TooManyFragments
            | Self::InflationRatio => CloseCode::MESSAGE_TOO_BIG,
            Self::InvalidUtf8 | Self::InvalidCloseReason | Self::InvalidDeflate => {
                CloseCode::INVALID_FRAME_PAYLOAD_DATA
            }
            Self::Extension(error) => error.code,
            Self::ReservedOpcode(_)
            | Self::ReservedBits
            | Self::FragmentedControlFrame
            | Self::ControlFrameTooLong
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::UnmaskedFrameFromClient
            | Self::MaskedFrameFromServer
            | Self::NonMinimalLength
            | Self::LengthTopBitSet
            | Self::TruncatedCloseCode
            | Self::InvalidCloseCode(_) => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The rule that was broken, as a sentence for the close frame's reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ReservedOpcode(_) => "opcode is reserved",
            Self::ReservedBits => "reserved bits are set",
            Self::FragmentedControlFrame => "control frame is fragmented",
            Self::ControlFrameTooLong => "control frame is too long",
            Self::UnexpectedContinuation => "continuation without a message",
            Self::ExpectedContinuation => "message inside a message",
            Self::UnmaskedFrameFromClient => "frame from client is unmasked",
            Self::MaskedFrameFromServer => "frame from server is masked",
            Self::NonMinimalLength => "payload length is not minimal",
            Self::LengthTopBitSet => "payload length has its top bit set",
            Self::FrameTooLong => "frame is too long",
            Self::MessageTooLong => "message is too long",
            Self::EncodedMessageTooLong => "encoded message is too long",
            Self::TooManyFragments => "message has too many fragments",
            Self::InvalidUtf8 => "text is not UTF-8",
            Self::TruncatedCloseCode => "close frame has half a code",
            Self::InvalidCloseCode(_) => "close code is not allowed",
            Self::InvalidCloseReason => "close reason is not UTF-8",
            Self::InvalidDeflate => "compressed data is malformed",
            Self::InflationRatio => "compressed data grows too much",
            Self::Extension(error) => error.reason,
        }
    }
}

impl fmt::Display for RemoteProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())?;
        match self {
            Self::ReservedOpcode(opcode) => write!(f, " ({opcode})"),
            Self::InvalidCloseCode(code) => write!(f, " ({code})"),
            _ => Ok(()),
        }
    }
}

/// A rule that the peer broke, and the byte that proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: RemoteProtocolError,
    /// The offset of that byte in what was looked at.
    pub(crate) at: usize,
}

/// The peer broke the rules of the opening handshake; the variant names the rule.
///
/// On a server, `response` (with the feature `alloc`) makes the refusal to send; a client just drops the
/// transport.
///
/// ```
/// use wsproto::HandshakeError;
///
/// assert_eq!(HandshakeError::InvalidKey.status(), 400);
/// assert_eq!(HandshakeError::UnsupportedVersion.status(), 426);
/// ```
// `response` is in `handshake/events.rs`, as it makes a `RejectConnection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not a head that HTTP allows (RFC 9112 §2 to §5; in HTTP/2 and HTTP/3, RFC 9113 §8.2.1, RFC 9114 §4.2).
    #[error("head is malformed")]
    MalformedHead,
    /// A head longer than [`max_head_len`](crate::HandshakeLimits::max_head_len).
    #[error("head is too long")]
    HeadTooLong,
    /// More fields than [`max_headers`](crate::HandshakeLimits::max_headers).
    #[error("head has too many fields")]
    TooManyHeaders,
    /// An HTTP version other than 1.1, as which later ones of HTTP/1 are read too (RFC 6455 §4.1, RFC 9110 §2.5);
    /// or, for extended CONNECT, than 2 and 3 (RFC 8441, RFC 9220).
    #[error("HTTP version is not the one for this handshake")]
    HttpVersion,
    /// A method other than GET (§4.1).
    #[error("method is not GET")]
    MethodNotGet,
    /// A target that is neither a path nor an absolute URI of `http`, `https`, `ws` or `wss` (§4.2.1), or that has
    /// what a URI cannot have (RFC 3986 §3.3, §3.4).
    #[error("request target is malformed")]
    InvalidTarget,
    /// `Host` is missing, repeated or malformed (RFC 9112 §3.2).
    #[error("Host is missing, repeated or malformed")]
    InvalidHost,
    /// A request with a body (RFC 6455 §4.1 asks for none).
    #[error("request has a body")]
    RequestBody,
    /// `Upgrade` does not say `websocket` (§4.1, §4.2.1).
    #[error("Upgrade does not say websocket")]
    MissingUpgrade,
    /// `Connection` does not say `Upgrade` (§4.1, §4.2.1).
    #[error("Connection does not say Upgrade")]
    MissingConnectionUpgrade,
    /// `Sec-WebSocket-Key` is missing, repeated, or not sixteen bytes in base64 (§4.2.1, §11.3.1).
    #[error("Sec-WebSocket-Key is missing, repeated or malformed")]
    InvalidKey,
    /// `Sec-WebSocket-Version` is missing, repeated or malformed (§4.3, §11.3.5).
    #[error("Sec-WebSocket-Version is missing, repeated or malformed")]
    InvalidVersion,
    /// `Sec-WebSocket-Version` is another than 13 (§4.4).
    #[error("Sec-WebSocket-Version is not 13")]
    UnsupportedVersion,
    /// `Origin` stands more than once (RFC 6454 §7.3): no page has two.
    #[error("Origin is repeated")]
    RepeatedOrigin,
    /// `Sec-WebSocket-Accept` is missing, repeated, or not the answer to the key (§4.1).
    #[error("Sec-WebSocket-Accept is missing, repeated or wrong")]
    WrongAccept,
    /// The server chose a subprotocol that was not offered, or several (§4.1).
    #[error("server chose a subprotocol that was not offered")]
    UnexpectedSubprotocol,
    /// `Sec-WebSocket-Extensions` is not a list of extensions (§9.1).
    #[error("Sec-WebSocket-Extensions is malformed")]
    InvalidExtension,
    /// The server chose an extension that was not offered, parameters that were not (§4.1, RFC 7692 §7.1), or more
    /// than 64.
    #[error("server chose an extension that was not offered")]
    UnexpectedExtension,
    /// A pseudo-header that is missing, repeated, misplaced or malformed (RFC 8441 §4, RFC 9113 §8.3,
    /// RFC 9114 §4.3).
    #[error("pseudo-header is missing, repeated, misplaced or malformed")]
    InvalidPseudoHeader,
    /// A method other than CONNECT, in HTTP/2 or HTTP/3 (RFC 8441 §5).
    #[error("method is not CONNECT")]
    MethodNotConnect,
    /// A `:protocol` other than `websocket` (RFC 8441 §5, RFC 9220 §3).
    #[error(":protocol is not websocket")]
    UnsupportedProtocol,
    /// A header that only HTTP/1.1 has, such as `Connection`, in HTTP/2 or HTTP/3 (RFC 9113 §8.2.2,
    /// RFC 9114 §4.2).
    #[error("header is about a connection of HTTP/1.1")]
    ConnectionSpecificHeader,
    /// A status that is not valid (RFC 9110 §15): the server refuses, as with a 5xx, but what it means is not known.
    #[error("status is not from 100 to 599")]
    InvalidStatus,
    /// More 1xx responses than [`max_informational`](crate::HandshakeLimits::max_informational).
    #[error("too many informational responses")]
    TooManyInformational,
    /// The length or the framing of a refusal's body is malformed (RFC 9112 §6.3, §7.1).
    #[error("body is malformed")]
    MalformedBody,
    /// A refusal's body longer than [`max_body_len`](crate::HandshakeLimits::max_body_len).
    #[error("body is too long")]
    BodyTooLong,
    /// More than [`max_early_data`](crate::HandshakeLimits::max_early_data) before the answer.
    #[error("too much data before the handshake ended")]
    TooMuchEarlyData,
    /// The transport ended inside the handshake (§4.1, §7.2.1).
    #[error("transport ended inside the handshake")]
    UnexpectedEof,
}

impl HandshakeError {
    /// The status that a server refuses the request with (RFC 6455 §4.2.2, §10.7, RFC 9110 §15).
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
            | Self::UnexpectedSubprotocol
            | Self::InvalidExtension
            | Self::UnexpectedExtension
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

/// The caller asked for something that the protocol forbids. Nothing was written, and no state has changed.
///
/// ```
/// use wsproto::{Connection, Limits, LocalProtocolError, Ping};
///
/// let mut connection = Connection::server(Limits::default());
/// let mut output = Vec::new();
/// let refused = connection.send(Ping::new([0; 126]), &mut output);
/// assert_eq!(refused, Err(LocalProtocolError::ControlFrameTooLong));
/// assert!(output.is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum LocalProtocolError {
    /// A frame after the close frame was sent (RFC 6455 §5.5.1).
    #[error("the close frame was already sent")]
    CloseSent,
    /// A new message after the peer's close frame was received (§5.5.1).
    #[error("the peer has closed")]
    CloseReceived,
    /// A new message after the peer broke a rule (§7.1.7).
    #[error("the peer has broken the protocol")]
    PeerFailed,
    /// The transport has ended, or the handshake has failed.
    #[error("the connection has ended")]
    Ended,
    /// A whole message while another one is in progress (§5.4).
    #[error("another message is in progress")]
    MessageInProgress,
    /// Text where a binary message is in progress, or the other way round (§5.4).
    #[error("a message of the other type is under way")]
    OtherMessageInProgress,
    /// A frame that extensions do not see, in a message that they encode (§9).
    #[error("extensions encode the message under way")]
    EncodedMessageInProgress,
    /// A continuation where no message is in progress (§5.4).
    #[error("no message is under way")]
    NoMessageInProgress,
    /// Text that is not UTF-8 (§8.1).
    #[error("text is not UTF-8")]
    InvalidUtf8,
    /// A frame before the announced payload of the last one was written.
    #[error("the payload of the last frame is not complete")]
    FrameInProgress,
    /// More payload than was announced.
    #[error("more payload than announced")]
    PayloadOverrun,
    /// A payload of 2⁶³ bytes or more (§5.2).
    #[error("payload is too long for a frame")]
    PayloadTooLong,
    /// A control frame of more than 125 bytes (§5.5).
    #[error("a control frame holds 125 bytes at most")]
    ControlFrameTooLong,
    /// A control frame in fragments (§5.5).
    #[error("a control frame cannot be fragmented")]
    FragmentedControlFrame,
    /// A close frame of one byte, where a code has two (§5.5.1).
    #[error("a close frame has no room for a code")]
    TruncatedCloseCode,
    /// A close code that must not be sent (§7.4).
    #[error("close code {0} cannot be sent")]
    InvalidCloseCode(u16),
    /// A close reason of more than 123 bytes (§5.5).
    #[error("a close reason holds 123 bytes at most")]
    CloseReasonTooLong,
    /// A close reason without a code (§5.5.1).
    #[error("a close reason needs a code")]
    CloseReasonWithoutCode,
    /// The output has less room than this many bytes; where extensions encode, than it might take.
    #[error("the output has no room for {0} bytes")]
    OutputFull(usize),
    /// RSV bits that no extension in use claims (§5.2).
    #[error("no extension in use claims these RSV bits")]
    ReservedBits,
    /// Not what the handshake waits for now (§4).
    #[error("the handshake does not allow this now")]
    NotInHandshake,
    /// Bytes after the transport's end was reported.
    #[error("data after the end of the transport")]
    DataAfterEof,
    /// A host that is not a `uri-host` with an optional port (RFC 9110 §7.2).
    #[error("host is malformed")]
    InvalidHost,
    /// A target that is not an absolute path with an optional query (RFC 6455 §3; RFC 3986 §3.3, §3.4).
    #[error("request target is malformed")]
    InvalidTarget,
    /// A header name that is not a token (RFC 9110 §5.1).
    #[error("header name is malformed")]
    InvalidHeaderName,
    /// A header value with a byte that would end it (RFC 9110 §5.5).
    #[error("header value is malformed")]
    InvalidHeaderValue,
    /// A header that the handshake itself writes (RFC 6455 §11.3).
    #[error("the handshake writes this header itself")]
    ReservedHeader,
    /// A second `Origin` in a request (RFC 6454 §7.3).
    #[error("a request has one Origin")]
    RepeatedOrigin,
    /// A subprotocol that is not a token, or is named twice (§4.1).
    #[error("subprotocol is malformed or repeated")]
    InvalidSubprotocol,
    /// A subprotocol that the client did not offer (§4.2.2).
    #[error("subprotocol was not offered")]
    SubprotocolNotOffered,
    /// An extension whose name or parameters are not tokens, or that this connection cannot run (§9.1).
    #[error("extension is malformed, or nobody would run it")]
    InvalidExtension,
    /// An extension that the client did not offer (§4.2.2).
    #[error("extension was not offered")]
    ExtensionNotOffered,
    /// A refusal with a status that does not refuse: 300 to 599 do (RFC 9110 §15).
    #[error("status {0} does not refuse a connection")]
    InvalidStatus(u16),
    /// A body where the refusal announced none, or more than it announced.
    #[error("body is not what was announced")]
    InvalidBody,
}
