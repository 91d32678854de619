//! Answers that the connection prepares by itself, if asked to (RFC 6455 §5.5.1, §5.5.2, §7.1.7).
//!
//! At most one pong and one close frame wait at any time: a flood of pings is answered once (§5.5.3).

use crate::entropy::Entropy;
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::event::{CloseConnection, Event, EventRef, Ping};
use crate::frame::FrameHeader;
use crate::output::Output;

use super::sender::Sender;

/// Which answers are prepared without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplyPolicy {
    /// None: the caller sends each `response()`.
    #[default]
    Nothing,
    /// A pong to the latest ping.
    Pong,
    /// A pong to the latest ping, and a close frame to the peer's, with its code, or to its breach of the
    /// protocol.
    PongAndClose,
}

/// Answers waiting to be sent.
///
/// Show it what is received, and let it send when the output has room.
///
/// ```
/// use wsproto::{Connection, Limits, AutoReplies, ReplyPolicy};
///
/// let mut connection = Connection::client(Limits::default(), wsproto::SeededEntropy::new());
/// let mut replies = AutoReplies::new(ReplyPolicy::PongAndClose);
/// let mut bytes = *b"\x89\x01a\x89\x01b";
/// let mut input = bytes.as_mut_slice();
/// while let Some(event) = connection.next_event(&mut input)? {
///     replies.on_event(&event);
/// }
/// let mut output = Vec::new();
/// replies.send(connection.sender_mut(), &mut output)?;
/// assert_eq!(output.len(), 7); // one pong, masked, with the payload of the later ping
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AutoReplies {
    policy: ReplyPolicy,
    pong: Option<PongPayload>,
    /// The code of the close frame that was received, or what went wrong.
    close: Option<CloseConnection<&'static str>>,
}

#[derive(Clone, Debug)]
struct PongPayload {
    bytes: [u8; FrameHeader::MAX_CONTROL_LEN],
    len: usize,
}

impl AutoReplies {
    /// Prepares what `policy` says.
    pub const fn new(policy: ReplyPolicy) -> Self {
        Self { policy, pong: None, close: None }
    }

    /// Prepares the answer to an event that was received, if the policy asks for one.
    pub fn on_event(&mut self, event: &EventRef<'_>) {
        match (self.policy, event) {
            (ReplyPolicy::Pong | ReplyPolicy::PongAndClose, Event::Ping(ping)) => {
                self.pong = Some(PongPayload::new(ping));
            }
            (ReplyPolicy::PongAndClose, Event::Close(close)) => {
                self.close = Some(CloseConnection { code: close.code, reason: "" });
            }
            _ => {}
        }
    }

    /// Prepares the close frame that answers a failure, if the policy asks for one.
    pub fn on_failure(&mut self, error: RemoteProtocolError) {
        if self.policy == ReplyPolicy::PongAndClose {
            self.close = Some(error.response().into_inner());
        }
    }

    /// Whether an answer waits.
    pub const fn is_pending(&self) -> bool {
        self.pong.is_some() || self.close.is_some()
    }

    /// Writes the answers that wait, the pong first; those that come too late are dropped.
    ///
    /// # Errors
    ///
    /// No room in `output`, or a streamed frame that is not complete. What was not written still waits.
    pub fn send<E: Entropy>(
        &mut self,
        sender: &mut Sender<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        self.send_pong(sender, output)?;
        if let Some(close) = self.close {
            sender.send(close.response(), output)?;
            self.close = None;
        }
        Ok(())
    }

    /// Writes the pong, if one waits.
    pub(crate) fn send_pong<E: Entropy>(
        &mut self,
        sender: &mut Sender<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if let Some(pong) = &self.pong {
            sender.send(Ping::new(pong).response(), output)?;
            self.pong = None;
        }
        Ok(())
    }
}

impl PongPayload {
    fn new(ping: &Ping<&[u8]>) -> Self {
        let mut payload = Self { bytes: [0; FrameHeader::MAX_CONTROL_LEN], len: 0 };
        for (place, byte) in payload.bytes.iter_mut().zip(ping.payload) {
            *place = *byte;
            payload.len = payload.len.saturating_add(1);
        }
        payload
    }
}

impl AsRef<[u8]> for PongPayload {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
