//! The message of each error, and the close frame that answers it (RFC 6455 §7.1.7, §7.4.1, §10.7).

use wsproto::{CloseCode, CloseConnection, ExtensionError, LocalProtocolError, RemoteProtocolError, Sender};

use crate::support::{CLOSE, unmasked};
use crate::variants;
use LocalProtocolError as Local;
use RemoteProtocolError as Remote;

/// One row for each variant: its close code and its message.
const REMOTE: &[(RemoteProtocolError, u16, &str)] = &[
    (Remote::ReservedOpcode(11), 1002, "opcode is reserved (11) (RFC 6455 §5.2)"),
    (Remote::ReservedBits, 1002, "reserved bits are set (RFC 6455 §5.2)"),
    (Remote::FragmentedControlFrame, 1002, "control frame is fragmented (RFC 6455 §5.5)"),
    (Remote::ControlFrameTooLong, 1002, "control frame is too long (RFC 6455 §5.5)"),
    (Remote::UnexpectedContinuation, 1002, "continuation without a message (RFC 6455 §5.4)"),
    (Remote::ExpectedContinuation, 1002, "message inside a message (RFC 6455 §5.4)"),
    (Remote::UnmaskedFrameFromClient, 1002, "frame from client is unmasked (RFC 6455 §5.1)"),
    (Remote::MaskedFrameFromServer, 1002, "frame from server is masked (RFC 6455 §5.1)"),
    (Remote::NonMinimalLength, 1002, "payload length is not minimal (RFC 6455 §5.2)"),
    (Remote::LengthTopBitSet, 1002, "payload length has its top bit set (RFC 6455 §5.2)"),
    (Remote::FrameTooLong, 1009, "frame is too long"),
    (Remote::MessageTooLong, 1009, "message is too long"),
    (Remote::EncodedMessageTooLong, 1009, "encoded message is too long"),
    (Remote::TooManyFragments, 1009, "message has too many fragments"),
    (Remote::InvalidUtf8, 1007, "text is not UTF-8 (RFC 6455 §8.1)"),
    (Remote::TruncatedCloseCode, 1002, "close frame has half a code (RFC 6455 §5.5.1)"),
    (Remote::InvalidCloseCode(1006), 1002, "close code is not allowed (1006) (RFC 6455 §7.4)"),
    (Remote::InvalidCloseReason, 1007, "close reason is not UTF-8 (RFC 6455 §5.5.1)"),
    (Remote::InvalidDeflate, 1007, "compressed data is malformed (RFC 7692 §7.2.2)"),
    (Remote::InflationRatio, 1009, "compressed data grows too much"),
    (Remote::Extension(&ExtensionError::new(CloseCode::POLICY_VIOLATION, "too early")), 1008, "too early"),
];

/// One row for each variant, with its message.
const LOCAL: &[(LocalProtocolError, &str)] = &[
    (Local::CloseSent, "the close frame was already sent"),
    (Local::CloseReceived, "the peer has closed"),
    (Local::PeerFailed, "the peer has broken the protocol"),
    (Local::Ended, "the connection has ended"),
    (Local::MessageInProgress, "another message is in progress"),
    (Local::OtherMessageInProgress, "a message of the other type is in progress"),
    (Local::EncodedMessageInProgress, "extensions encode the message in progress"),
    (Local::NoMessageInProgress, "no message is in progress"),
    (Local::InvalidUtf8, "text is not UTF-8"),
    (Local::FrameInProgress, "the payload of the last frame is not complete"),
    (Local::MaskingRequired, "a client masks its payloads"),
    (Local::PayloadOverrun, "more payload than announced"),
    (Local::BufferFull(9), "the buffer has no space for 9 bytes"),
    (Local::PayloadTooLong, "payload is too long for a frame"),
    (Local::ControlFrameTooLong, "a control frame holds 125 bytes at most"),
    (Local::FragmentedControlFrame, "a control frame cannot be fragmented"),
    (Local::TruncatedCloseCode, "a close frame has no room for a code"),
    (Local::InvalidCloseCode(1005), "close code 1005 cannot be sent"),
    (Local::CloseReasonTooLong, "a close reason holds 123 bytes at most"),
    (Local::CloseReasonWithoutCode, "a close reason needs a code"),
    (Local::ReservedBits, "no extension in use claims these RSV bits"),
    (Local::OutputFull(7), "the output has no room for 7 bytes"),
    (Local::NotInHandshake, "the handshake does not allow this now"),
    (Local::DataAfterEof, "data after the end of the transport"),
    (Local::InvalidHost, "host is malformed"),
    (Local::InvalidTarget, "request target is malformed"),
    (Local::InvalidHeaderName, "header name is malformed"),
    (Local::InvalidHeaderValue, "header value is malformed"),
    (Local::ReservedHeader, "the handshake writes this header itself"),
    (Local::InvalidCredentials, "credentials are malformed or repeated"),
    (Local::RepeatedOrigin, "a request has one Origin"),
    (Local::InvalidSubprotocol, "subprotocol is malformed or repeated"),
    (Local::SubprotocolNotOffered, "subprotocol was not offered"),
    (Local::InvalidExtension, "extension is malformed, or nobody would run it"),
    (Local::ExtensionNotOffered, "extension was not offered"),
    (Local::InvalidStatus(200), "status 200 does not refuse a connection"),
    (Local::InvalidBody, "body is not what was announced"),
];

#[test]
fn the_tables_have_every_variant() {
    variants::assert_complete("RemoteProtocolError", REMOTE.iter().map(|(error, ..)| error));
    variants::assert_complete("LocalProtocolError", LOCAL.iter().map(|(error, _)| error));
}

#[test]
fn each_failure_says_which_rule_was_broken() {
    for (error, _, message) in REMOTE {
        assert_eq!(error.to_string(), *message);
        assert!(message.starts_with(error.reason()));
    }
}

#[test]
fn each_error_has_its_variants_name() {
    for (error, ..) in REMOTE {
        variants::assert_named(error, error.name());
    }
    for (error, _) in LOCAL {
        variants::assert_named(error, error.name());
    }
}

#[test]
fn each_failure_has_its_close_code() {
    for (error, code, _) in REMOTE {
        assert_eq!(error.close_code(), CloseCode::new(*code), "{error}");
    }
}

#[test]
fn each_failure_has_an_answer_that_can_be_sent() {
    for (error, code, _) in REMOTE {
        let answer = CloseConnection::new(CloseCode::new(*code), error.reason());
        assert_eq!(*error.response(), answer);
        let mut output = Vec::new();
        Sender::server().send(error.response(), &mut output).unwrap();
        let payload = [&code.to_be_bytes(), error.reason().as_bytes()].concat();
        assert_eq!(output, unmasked(CLOSE, payload));
    }
}

#[test]
fn a_long_reason_of_an_extension_is_cut_in_the_answer() {
    const LONG: &str = "the checksum of this message is not the one that its last byte, which extensions have to add, says that it has: café and more";
    const TOO_LONG: ExtensionError = ExtensionError::new(CloseCode::INVALID_FRAME_PAYLOAD_DATA, LONG);
    let error = Remote::Extension(&TOO_LONG);
    assert_eq!(error.reason(), LONG);
    let answer = error.response();
    assert!(answer.reason.len() <= 123 && LONG.starts_with(answer.reason));
    Sender::server().send(answer, &mut Vec::new()).unwrap();
}

#[test]
fn a_reason_is_cut_between_characters() {
    for (reason, len) in [
        ("a".repeat(123), 123),
        ("a".repeat(124), 123),
        ("é".repeat(62), 122),
        (format!("{}😀", "a".repeat(120)), 120),
        (format!("{}😀", "a".repeat(119)), 123),
    ] {
        assert_eq!(CloseConnection::truncated_reason(&reason), &reason[..len]);
    }
}

#[test]
fn each_refusal_says_what_is_not_allowed() {
    for (error, message) in LOCAL {
        assert_eq!(error.to_string(), *message);
    }
}

#[test]
fn errors_implement_the_error_trait() {
    let errors: [&dyn core::error::Error; 2] = [&Remote::ReservedBits, &Local::CloseSent];
    assert!(errors.iter().all(|error| error.source().is_none()));
}

#[test]
fn error_of_an_extension_with_a_code_that_cannot_be_sent_closes_with_1002() {
    const ODD: ExtensionError = ExtensionError::new(CloseCode::ABNORMAL_CLOSURE, "no");
    let error = Remote::Extension(&ODD);
    assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    let mut output = Vec::new();
    Sender::server().send(error.response(), &mut output).unwrap();
    assert_eq!(output, b"\x88\x04\x03\xeano");
}
