//! Errors, by who caused them: the peer broke a rule, or the caller did.

#[cfg(any(feature = "alloc", feature = "handshake"))]
mod extension;
#[cfg(feature = "handshake")]
mod handshake;

use core::fmt;

use thiserror::Error;

use crate::close_code::CloseCode;

#[cfg(any(feature = "alloc", feature = "handshake"))]
pub use extension::{ExtensionParseError, ExtensionParseErrorKind, NegotiationError, NegotiationErrorKind};
#[cfg(feature = "handshake")]
pub use handshake::HandshakeError;

/// A protocol error of the peer in the open connection; the variant names the broken rule.
///
/// It is returned once, and it is final: all later input is dropped. [`close_code`] is the code to close the connection
/// with, and [`response`](Self::response) is the close frame to send.
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
    /// A reserved opcode, 3 to 7 or 11 to 15 (RFC 6455 §5.2).
    ReservedOpcode(u8),
    /// An RSV bit that no extension in use claims (§5.2).
    ReservedBits,
    /// A control frame without FIN (§5.5).
    FragmentedControlFrame,
    /// A control frame of more than 125 bytes (§5.5).
    ControlFrameTooLong,
    /// A continuation frame while no message is in progress (§5.4).
    UnexpectedContinuation,
    /// A new message while another one is in progress (§5.4).
    ExpectedContinuation,
    /// A client's frame that is not masked (§5.1).
    UnmaskedFrameFromClient,
    /// A server's frame that is masked (§5.1).
    MaskedFrameFromServer,
    /// A payload length that is encoded in more bytes than it needs (§5.2).
    NonMinimalLength,
    /// A payload length of 2⁶³ bytes or more (§5.2).
    LengthTopBitSet,
    /// A data frame longer than [`Limits::max_frame_len`](crate::Limits::max_frame_len) (§10.4).
    FrameTooLong,
    /// A message longer than [`Limits::max_message_len`](crate::Limits::max_message_len) (§10.4).
    MessageTooLong,
    /// An encoded message that is longer on the wire than [`Limits::max_encoded_len`](crate::Limits::max_encoded_len)
    /// (§10.4), or longer than zlib can count where C's `unsigned long` has 32 bits.
    EncodedMessageTooLong,
    /// A message with more fragments than [`Limits::max_fragments`](crate::Limits::max_fragments) (§10.4).
    TooManyFragments,
    /// A text message that is not UTF-8 (§8.1).
    InvalidUtf8,
    /// A close frame with a payload of one byte, but a code has two (§5.5.1).
    TruncatedCloseCode,
    /// A close code that must not be sent (§7.4).
    InvalidCloseCode(u16),
    /// A close reason that is not UTF-8 (§5.5.1).
    InvalidCloseReason,
    /// A compressed message that cannot be decompressed (RFC 7692 §7.2.2), or final blocks beyond the limit that the
    /// documentation of `PermessageDeflate` states.
    InvalidDeflate,
    /// A compressed message whose decompressed length exceeds the allowed ratio.
    InflationRatio,
    /// A frame or a payload that breaks a rule of an extension (RFC 6455 §9).
    Extension(&'static ExtensionError),
}

/// An extension's own error, with its close code and reason: the peer broke a rule of the extension.
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
    /// The broken rule, as a sentence. Its first 123 bytes become the close frame's reason.
    pub reason: &'static str,
}

impl ExtensionError {
    /// An error that closes the connection with this code and this reason.
    pub const fn new(code: CloseCode, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

impl RemoteProtocolError {
    /// The variant's name in snake case, such as `reserved_opcode`, for logs and metrics.
    ///
    /// It does not change in later versions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReservedOpcode(_) => "reserved_opcode",
            Self::ReservedBits => "reserved_bits",
            Self::FragmentedControlFrame => "fragmented_control_frame",
            Self::ControlFrameTooLong => "control_frame_too_long",
            Self::UnexpectedContinuation => "unexpected_continuation",
            Self::ExpectedContinuation => "expected_continuation",
            Self::UnmaskedFrameFromClient => "unmasked_frame_from_client",
            Self::MaskedFrameFromServer => "masked_frame_from_server",
            Self::NonMinimalLength => "non_minimal_length",
            Self::LengthTopBitSet => "length_top_bit_set",
            Self::FrameTooLong => "frame_too_long",
            Self::MessageTooLong => "message_too_long",
            Self::EncodedMessageTooLong => "encoded_message_too_long",
            Self::TooManyFragments => "too_many_fragments",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TruncatedCloseCode => "truncated_close_code",
            Self::InvalidCloseCode(_) => "invalid_close_code",
            Self::InvalidCloseReason => "invalid_close_reason",
            Self::InvalidDeflate => "invalid_deflate",
            Self::InflationRatio => "inflation_ratio",
            Self::Extension(_) => "extension",
        }
    }

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
            // Another code could not be sent.
            Self::Extension(error) if error.code.is_sendable() => error.code,
            Self::Extension(_) => CloseCode::PROTOCOL_ERROR,
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
        if let Some(value) = self.value() {
            write!(f, " ({value})")?;
        }
        match self.section() {
            Some(section) => write!(f, " ({section})"),
            None => Ok(()),
        }
    }
}

impl RemoteProtocolError {
    /// The opcode or the code that is not valid.
    const fn value(self) -> Option<u16> {
        match self {
            Self::ReservedOpcode(opcode) => Some(opcode as u16),
            Self::InvalidCloseCode(code) => Some(code),
            Self::ReservedBits
            | Self::FragmentedControlFrame
            | Self::ControlFrameTooLong
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::UnmaskedFrameFromClient
            | Self::MaskedFrameFromServer
            | Self::NonMinimalLength
            | Self::LengthTopBitSet
            | Self::FrameTooLong
            | Self::MessageTooLong
            | Self::EncodedMessageTooLong
            | Self::TooManyFragments
            | Self::InvalidUtf8
            | Self::TruncatedCloseCode
            | Self::InvalidCloseReason
            | Self::InvalidDeflate
            | Self::InflationRatio
            | Self::Extension(_) => None,
        }
    }

    /// The section of the RFC that has the rule; `None` for our own limits and for rules of extensions.
    const fn section(self) -> Option<&'static str> {
        match self {
            Self::ReservedOpcode(_) | Self::ReservedBits | Self::NonMinimalLength | Self::LengthTopBitSet => {
                Some("RFC 6455 §5.2")
            }
            Self::FragmentedControlFrame | Self::ControlFrameTooLong => Some("RFC 6455 §5.5"),
            Self::UnexpectedContinuation | Self::ExpectedContinuation => Some("RFC 6455 §5.4"),
            Self::UnmaskedFrameFromClient | Self::MaskedFrameFromServer => Some("RFC 6455 §5.1"),
            Self::FrameTooLong
            | Self::MessageTooLong
            | Self::EncodedMessageTooLong
            | Self::TooManyFragments
            | Self::InflationRatio
            | Self::Extension(_) => None,
            Self::InvalidUtf8 => Some("RFC 6455 §8.1"),
            Self::TruncatedCloseCode | Self::InvalidCloseReason => Some("RFC 6455 §5.5.1"),
            Self::InvalidCloseCode(_) => Some("RFC 6455 §7.4"),
            Self::InvalidDeflate => Some("RFC 7692 §7.2.2"),
        }
    }
}

/// A rule that the peer broke, and the byte that proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: RemoteProtocolError,
    /// The offset of that byte in the checked bytes.
    pub(crate) at: usize,
}

/// A protocol error of the caller, who asked for something that the protocol forbids.
///
/// Nothing was written, and no state has changed.
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
    /// A frame after our own close frame was sent (RFC 6455 §5.5.1).
    #[error("the close frame was already sent")]
    CloseSent,
    /// A new message after the peer's close frame was received (§5.5.1).
    #[error("the peer has closed")]
    CloseReceived,
    /// A new message after the peer broke a rule (§7.1.7).
    #[error("the peer has broken the protocol")]
    PeerFailed,
    /// An event after the transport has ended, or after the handshake has failed.
    #[error("the connection has ended")]
    Ended,
    /// A whole message while another one is in progress (§5.4).
    #[error("another message is in progress")]
    MessageInProgress,
    /// Text while a binary message is in progress, or bytes while a text message is in progress (§5.4).
    #[error("a message of the other type is in progress")]
    OtherMessageInProgress,
    /// A frame that extensions do not see, inside a message that they encode (§9).
    #[error("extensions encode the message in progress")]
    EncodedMessageInProgress,
    /// A continuation while no message is in progress (§5.4).
    #[error("no message is in progress")]
    NoMessageInProgress,
    /// Text that is not UTF-8 (§8.1).
    #[error("text is not UTF-8")]
    InvalidUtf8,
    /// A frame before the announced payload of the last frame is complete.
    #[error("the payload of the last frame is not complete")]
    FrameInProgress,
    /// A payload that would not be masked, but a client has to mask it (§5.3).
    #[error("a client masks its payloads")]
    MaskingRequired,
    /// More payload than was announced.
    #[error("more payload than announced")]
    PayloadOverrun,
    /// More bytes than a buffer has space for.
    #[error("the buffer has no space for {0} bytes")]
    BufferFull(usize),
    /// A payload of 2⁶³ bytes or more (§5.2).
    #[error("payload is too long for a frame")]
    PayloadTooLong,
    /// A control frame of more than 125 bytes (§5.5).
    #[error("a control frame holds 125 bytes at most")]
    ControlFrameTooLong,
    /// A control frame in fragments (§5.5).
    #[error("a control frame cannot be fragmented")]
    FragmentedControlFrame,
    /// A close frame with a payload of one byte, but a code has two (§5.5.1).
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
    /// The output has no room for this many bytes. With extensions, this is the greatest length of the encoded frame.
    #[error("the output has no room for {0} bytes")]
    OutputFull(usize),
    /// RSV bits that no extension in use claims (§5.2).
    #[error("no extension in use claims these RSV bits")]
    ReservedBits,
    /// An event or a call that the handshake does not allow now (§4).
    #[error("the handshake does not allow this now")]
    NotInHandshake,
    /// Bytes after the end of the transport was reported.
    #[error("data after the end of the transport")]
    DataAfterEof,
    /// A host that is not a `uri-host` with an optional port (RFC 9110 §7.2); for CONNECT, with its port (§9.3.6).
    #[error("host is malformed")]
    InvalidHost,
    /// A target that is not an absolute path with an optional query (RFC 6455 §3; RFC 3986 §3.3, §3.4).
    #[error("request target is malformed")]
    InvalidTarget,
    /// A header name that is not a token (RFC 9110 §5.1).
    #[error("header name is malformed")]
    InvalidHeaderName,
    /// A header value with a byte that is not allowed in it, such as a line break (RFC 9110 §5.5).
    #[error("header value is malformed")]
    InvalidHeaderValue,
    /// A header that the handshake itself writes (RFC 6455 §11.3).
    #[error("the handshake writes this header itself")]
    ReservedHeader,
    /// Credentials for a proxy with a control character, with a colon in the user id (RFC 7617 §2), or a second time.
    #[error("credentials are malformed or repeated")]
    InvalidCredentials,
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
    /// A refusal with a status outside of 300 to 599 (RFC 9110 §15).
    #[error("status {0} does not refuse a connection")]
    InvalidStatus(u16),
    /// A body that the refusal did not announce, or that is longer than announced.
    #[error("body is not what was announced")]
    InvalidBody,
}

impl LocalProtocolError {
    /// The variant's name in snake case, such as `close_sent`, for logs and metrics.
    ///
    /// It does not change in later versions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloseSent => "close_sent",
            Self::CloseReceived => "close_received",
            Self::PeerFailed => "peer_failed",
            Self::Ended => "ended",
            Self::MessageInProgress => "message_in_progress",
            Self::OtherMessageInProgress => "other_message_in_progress",
            Self::EncodedMessageInProgress => "encoded_message_in_progress",
            Self::NoMessageInProgress => "no_message_in_progress",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ReservedBits => "reserved_bits",
            Self::FrameInProgress => "frame_in_progress",
            Self::MaskingRequired => "masking_required",
            Self::PayloadOverrun => "payload_overrun",
            Self::BufferFull(_) => "buffer_full",
            Self::PayloadTooLong => "payload_too_long",
            Self::ControlFrameTooLong => "control_frame_too_long",
            Self::FragmentedControlFrame => "fragmented_control_frame",
            Self::TruncatedCloseCode => "truncated_close_code",
            Self::InvalidCloseCode(_) => "invalid_close_code",
            Self::CloseReasonTooLong => "close_reason_too_long",
            Self::CloseReasonWithoutCode => "close_reason_without_code",
            Self::OutputFull(_) => "output_full",
            Self::NotInHandshake => "not_in_handshake",
            Self::DataAfterEof => "data_after_eof",
            Self::InvalidHost => "invalid_host",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidHeaderName => "invalid_header_name",
            Self::InvalidHeaderValue => "invalid_header_value",
            Self::ReservedHeader => "reserved_header",
            Self::InvalidCredentials => "invalid_credentials",
            Self::RepeatedOrigin => "repeated_origin",
            Self::InvalidSubprotocol => "invalid_subprotocol",
            Self::SubprotocolNotOffered => "subprotocol_not_offered",
            Self::InvalidExtension => "invalid_extension",
            Self::ExtensionNotOffered => "extension_not_offered",
            Self::InvalidStatus(_) => "invalid_status",
            Self::InvalidBody => "invalid_body",
        }
    }
}
