//! The replies of [`Messages`](super::Messages): a pong for each ping, up to a bound, and a close frame.
//!
//! A peer that is not in a hurry gets a pong for each ping, also if several came in one read. A flood of pings is
//! answered by the first of them and the latest (RFC 6455 §5.5.3), so what waits has a bound.

use alloc::vec::Vec;

use crate::connection::{AutoReplies, ReplyPolicy, Sender};
use crate::entropy::Entropy;
use crate::error::{LocalProtocolError, RemoteProtocolError};
use crate::event::{Event, EventRef, Ping};
use crate::message::ControlPayload;

/// The replies that wait to be sent.
#[derive(Debug)]
pub(super) struct Replies {
    /// The pongs before the latest.
    earlier: Vec<ControlPayload>,
    latest: AutoReplies,
}

impl Replies {
    pub(super) const fn new(policy: ReplyPolicy) -> Self {
        Self { earlier: Vec::new(), latest: AutoReplies::new(policy) }
    }

    /// Prepares the reply to a received event.
    pub(super) fn on_event(&mut self, event: &EventRef<'_>) {
        if matches!(event, Event::Ping(_)) && self.earlier.len() < MAX_EARLIER {
            self.earlier.extend(self.latest.take_pong());
        }
        self.latest.on_event(event);
    }

    /// Prepares the close frame for an error of the peer.
    pub(super) fn on_failure(&mut self, error: RemoteProtocolError) {
        self.latest.on_failure(error);
    }

    /// Whether a reply waits to be sent.
    #[inline(always)]
    pub(super) const fn is_pending(&self) -> bool {
        self.latest.is_pending()
    }

    /// Writes the replies that wait. Inside a streamed frame, they still wait.
    pub(super) fn send<E: Entropy>(
        &mut self,
        sender: &mut Sender<E>,
        output: &mut Vec<u8>,
    ) -> Result<(), LocalProtocolError> {
        for pong in &self.earlier {
            sender.send(Ping::new(pong.filled()).response(), output)?;
        }
        self.earlier.clear();
        self.latest.send(sender, output)
    }

    /// Frees the memory that is kept only for speed.
    pub(super) fn release_memory(&mut self) {
        self.earlier.shrink_to_fit();
    }
}

/// How many pongs wait besides the latest: more pings than an honest peer sends at a time.
const MAX_EARLIER: usize = 31;
