//! The payload of a close frame, a code and a reason, to and from bytes (RFC 6455 §5.5.1, §7.4).

use core::ops::Deref;
use core::str;

use crate::close_code::CloseCode;
use crate::error::{Failure, LocalProtocolError, RemoteProtocolError};
use crate::frame::header::FrameHeader;

/// The code and the reason of a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseBody<'a> {
    pub(crate) code: Option<CloseCode>,
    pub(crate) reason: &'a str,
}

impl<'a> CloseBody<'a> {
    /// Reads the part of a payload that was received; `whole` says whether that is all of it.
    ///
    /// If it is called again as more bytes arrive, it fails at the first byte that breaks a rule.
    pub(crate) fn decode(bytes: &'a [u8], whole: bool) -> Result<Self, Failure> {
        let Some((code, reason)) = bytes.split_first_chunk() else {
            // With one byte, the rest is still to come: `SecondByte` refuses a payload of one byte.
            return Ok(Self { code: None, reason: "" });
        };
        let code = CloseCode::new(u16::from_be_bytes(*code));
        if !code.is_sendable() {
            return Err(Failure { error: RemoteProtocolError::InvalidCloseCode(code.get()), at: 1 });
        }
        let reason = match str::from_utf8(reason) {
            Ok(reason) => reason,
            Err(error) if error.error_len().is_none() && !whole => "",
            Err(error) => {
                let bad = crate::utf8::bad_byte(reason, error).min(reason.len().saturating_sub(1));
                return Err(Failure {
                    error: RemoteProtocolError::InvalidCloseReason,
                    at: bad.saturating_add(CODE_LEN),
                });
            }
        };
        Ok(Self { code: Some(code), reason })
    }

    /// Writes the payload.
    pub(crate) fn encode(&self) -> Result<EncodedCloseBody, LocalProtocolError> {
        let mut body = EncodedCloseBody { bytes: [0; FrameHeader::MAX_CONTROL_LEN], len: 0 };
        match (self.code, self.reason) {
            (None, "") => {}
            (None, _) => return Err(LocalProtocolError::CloseReasonWithoutCode),
            (Some(code), _) if !code.is_sendable() => {
                return Err(LocalProtocolError::InvalidCloseCode(code.get()));
            }
            (Some(code), reason) => {
                let [high, low, place @ ..] = &mut body.bytes;
                [*high, *low] = code.get().to_be_bytes();
                let Some(place) = place.get_mut(..reason.len()) else {
                    return Err(LocalProtocolError::CloseReasonTooLong);
                };
                place.copy_from_slice(reason.as_bytes());
                body.len = reason.len().saturating_add(CODE_LEN);
            }
        }
        Ok(body)
    }
}

/// The encoded payload of a close frame.
pub(crate) struct EncodedCloseBody {
    bytes: [u8; FrameHeader::MAX_CONTROL_LEN],
    len: usize,
}

impl Deref for EncodedCloseBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// "A 2-byte unsigned integer (in network byte order)" (§5.5.1).
const CODE_LEN: usize = 2;
