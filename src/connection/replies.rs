//! Replies that are prepared automatically, if the policy says so (RFC 6455 §5.5.1, §5.5.2, §7.1.7).
//!
//! At most one pong and one close frame wait to be sent: many pings in one read are answered once (§5.5.3).

use crate::entropy::Entropy;
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::event::{CloseConnection, Event, EventRef, Ping};
use crate::message::ControlPayload;
use crate::output::Output;

use super::sender::Sender;

/// Which replies are prepared automatically: none, pongs, or pongs and the close frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplyPolicy {
    /// No replies: the caller sends each `response()`.
    #[default]
    Nothing,
    /// A pong to the latest ping.
    Pong,
    /// A pong to the latest ping; and a close frame that answers the peer's, with the same code, or an error of the
    /// peer.
    PongAndClose,
}

/// Prepares replies to received events, and keeps them until they are sent.
///
/// Pass each received event to [`on_event`](Self::on_event), and call [`send`](Self::send) when the output has room.
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
    pong: Option<ControlPayload>,
    /// The close frame to send: with the code that was received, or the code and reason of an error.
    close: Option<CloseConnection<&'static str>>,
}

impl AutoReplies {
    /// No replies yet; `policy` says which are prepared.
    pub const fn new(policy: ReplyPolicy) -> Self {
        Self { policy, pong: None, close: None }
    }

    /// Prepares the reply to a received event, if the policy asks for one.
    pub fn on_event(&mut self, event: &EventRef<'_>) {
        match (self.policy, event) {
            (ReplyPolicy::Pong | ReplyPolicy::PongAndClose, Event::Ping(ping)) => {
                self.pong = Some(ControlPayload::copy_of(ping.payload));
            }
            (ReplyPolicy::PongAndClose, Event::Close(close)) => {
                self.close = Some(CloseConnection { code: close.code, reason: "" });
            }
            _ => {}
        }
    }

    /// Prepares the close frame for an error of the peer, if the policy asks for one.
    pub fn on_failure(&mut self, error: RemoteProtocolError) {
        if self.policy == ReplyPolicy::PongAndClose {
            self.close = Some(error.response().into_inner());
        }
    }

    /// Whether the policy asks for pongs.
    pub(super) fn answers_pings(&self) -> bool {
        self.policy != ReplyPolicy::Nothing
    }

    /// Whether a reply waits to be sent.
    #[inline]
    pub const fn is_pending(&self) -> bool {
        self.pong.is_some() || self.close.is_some()
    }

    /// Whether a close frame waits to be sent.
    pub(super) const fn is_close_pending(&self) -> bool {
        self.close.is_some()
    }

    /// Writes the replies that wait, the pong first. Replies that come too late are dropped.
    ///
    /// # Errors
    ///
    /// No room in `output`, or a streamed frame that is not complete. Replies that were not written still wait.
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

    /// Takes the pong that waits, to send it in another place.
    #[cfg(feature = "alloc")]
    pub(crate) const fn take_pong(&mut self) -> Option<ControlPayload> {
        self.pong.take()
    }

    /// Writes the pong, if one waits.
    pub(crate) fn send_pong<E: Entropy>(
        &mut self,
        sender: &mut Sender<E>,
        output: &mut (impl Output + ?Sized),
    ) -> Result<(), LocalProtocolError> {
        if let Some(pong) = &self.pong {
            sender.send(Ping::new(pong.filled()).response(), output)?;
            self.pong = None;
        }
        Ok(())
    }
}
