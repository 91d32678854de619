//! `Arbitrary` for plain values: settings, headers and events.

use core::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::close_code::CloseCode;
use crate::connection::ReplyPolicy;
use crate::event::{BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage};
#[cfg(feature = "deflate")]
use crate::extension::DeflateParams;
use crate::frame::{FrameHeader, LengthForm, RawFrameHeader, Rsv};
use crate::keepalive::Timeouts;
#[cfg(feature = "handshake")]
use crate::limits::HandshakeLimits;
use crate::limits::Limits;
use crate::opcode::{MessageKind, Opcode};
use crate::role::Role;

impl<'a> Arbitrary<'a> for Role {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Client, Self::Server]).copied()
    }
}

impl<'a> Arbitrary<'a> for MessageKind {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Text, Self::Binary]).copied()
    }
}

impl<'a> Arbitrary<'a> for ReplyPolicy {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Nothing, Self::Pong, Self::PongAndClose]).copied()
    }
}

impl<'a> Arbitrary<'a> for Opcode {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};
        u.choose(&[Continuation, Text, Binary, Close, Ping, Pong]).copied()
    }
}

impl<'a> Arbitrary<'a> for Rsv {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::from_bits(u.int_in_range(0..=7)?).unwrap_or_default())
    }
}

/// Any code; half of them may be sent.
impl<'a> Arbitrary<'a> for CloseCode {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        match u.int_in_range(0..=3)? {
            0 => Ok(Self::new(u.int_in_range(1000..=1015)?)),
            1 => Ok(Self::new(u.int_in_range(3000..=4999)?)),
            _ => u.arbitrary().map(Self::new),
        }
    }
}

impl<'a> Arbitrary<'a> for LengthForm {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Bits7, Self::Bits16, Self::Bits64]).copied()
    }
}

/// A header that some connection allows: [`encode`](FrameHeader::encode) does not refuse it.
impl<'a> Arbitrary<'a> for FrameHeader {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let opcode = Opcode::arbitrary(u)?;
        let payload_len = match (opcode, length(u)?) {
            // One byte would be half a code (§5.5.1).
            (Opcode::Close, len) if len % 126 == 1 => 0,
            (_, len) if opcode.is_control() => len % 126,
            (_, len) => len & Self::MAX_PAYLOAD_LEN,
        };
        let fin = opcode.is_control() || u.arbitrary()?;
        Ok(Self { fin, rsv: u.arbitrary()?, opcode, masking_key: u.arbitrary()?, payload_len })
    }
}

/// Any header.
impl<'a> Arbitrary<'a> for RawFrameHeader {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            fin: u.arbitrary()?,
            rsv: u.arbitrary()?,
            opcode: u.int_in_range(0..=15)?,
            masking_key: u.arbitrary()?,
            payload_len: length(u)?,
            length_form: u.arbitrary()?,
        })
    }
}

/// Limits of which each is the default, or small enough to be reached.
impl<'a> Arbitrary<'a> for Limits {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut limits = Self::DEFAULT;
        for limit in [&mut limits.max_frame_len, &mut limits.max_message_len, &mut limits.max_encoded_len] {
            if let Some(small) = Option::<u8>::arbitrary(u)? {
                *limit = small.into();
            }
        }
        if let Some(small) = Option::<u8>::arbitrary(u)? {
            limits.max_fragments = small.into();
        }
        Ok(limits)
    }
}

/// Limits of which each is the default, or small enough to be reached.
#[cfg(feature = "handshake")]
impl<'a> Arbitrary<'a> for HandshakeLimits {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut limits = Self::DEFAULT;
        for limit in [&mut limits.max_head_len, &mut limits.max_early_data] {
            if let Some(small) = Option::<u16>::arbitrary(u)? {
                *limit = usize::from(small % 2048);
            }
        }
        if let Some(small) = Option::<u8>::arbitrary(u)? {
            limits.max_headers = usize::from(small % 32);
        }
        if let Some(small) = Option::<u8>::arbitrary(u)? {
            limits.max_body_len = small.into();
        }
        if let Some(small) = Option::<u8>::arbitrary(u)? {
            limits.max_informational = (small % 4).into();
        }
        Ok(limits)
    }
}

/// Timeouts of which each is the default, none, or at most about a minute.
impl<'a> Arbitrary<'a> for Timeouts {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut timeouts = Self::DEFAULT;
        for timeout in [
            &mut timeouts.handshake,
            &mut timeouts.ping_interval,
            &mut timeouts.pong,
            &mut timeouts.message,
            &mut timeouts.idle,
            &mut timeouts.close,
        ] {
            match u.int_in_range(0..=2)? {
                0 => {}
                1 => *timeout = None,
                _ => *timeout = Some(Duration::from_millis(u.arbitrary::<u16>()?.into())),
            }
        }
        Ok(timeouts)
    }
}

/// Any parameters that can be agreed on.
#[cfg(feature = "deflate")]
impl<'a> Arbitrary<'a> for DeflateParams {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            server_no_context_takeover: u.arbitrary()?,
            client_no_context_takeover: u.arbitrary()?,
            server_max_window_bits: u.int_in_range(8..=15)?,
            client_max_window_bits: u.int_in_range(8..=15)?,
        })
    }
}

impl<'a, T: Arbitrary<'a>, B: Arbitrary<'a>> Arbitrary<'a> for Event<T, B> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=4)? {
            0 => Self::Text(u.arbitrary()?),
            1 => Self::Bytes(u.arbitrary()?),
            2 => Self::Ping(u.arbitrary()?),
            3 => Self::Pong(u.arbitrary()?),
            _ => Self::Close(u.arbitrary()?),
        })
    }
}

/// A whole message, or a piece of one. A message ends only where a frame ends.
impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for TextMessage<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (frame_finished, message_finished) = ends(u)?;
        Ok(Self { data: u.arbitrary()?, frame_finished, message_finished })
    }
}

/// A whole message, or a piece of one. A message ends only where a frame ends.
impl<'a, B: Arbitrary<'a>> Arbitrary<'a> for BytesMessage<B> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (frame_finished, message_finished) = ends(u)?;
        Ok(Self { data: u.arbitrary()?, frame_finished, message_finished })
    }
}

impl<'a, B: Arbitrary<'a>> Arbitrary<'a> for Ping<B> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self { payload: u.arbitrary()? })
    }
}

impl<'a, B: Arbitrary<'a>> Arbitrary<'a> for Pong<B> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self { payload: u.arbitrary()? })
    }
}

/// A code or none, and a reason, which may be refused when they are sent.
impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for CloseConnection<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self { code: u.arbitrary()?, reason: u.arbitrary()? })
    }
}

/// Whether a frame ends, and whether its message ends.
fn ends(u: &mut Unstructured<'_>) -> Result<(bool, bool)> {
    u.choose(&[(true, true), (true, false), (false, false)]).copied()
}

/// A length of any number of bits, so that short ones are as likely as long ones.
fn length(u: &mut Unstructured<'_>) -> Result<u64> {
    let bits = u.int_in_range(0..=63_u32)?;
    Ok(u.arbitrary::<u64>()?.wrapping_shr(bits))
}
