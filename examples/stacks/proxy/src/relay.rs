//! What goes through the proxy: one loop for each direction, both in one task.
//!
//! Each loop reads from one end and writes to the other, and does not read on before all is written: that is the
//! backpressure. The loops do not wait for each other, so an end that does not read stops only what is sent to it.

use std::mem;
use std::pin::pin;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use wsproto::{
    BytesMessage, CloseCode, CloseConnection, Event, EventRef, Keepalive, KeepaliveAction, TextMessage,
    Timeouts,
};

use crate::link::{CLOSE_TIMEOUT, Fault, Incoming, Link, Outgoing, Side};

/// Relays until both ends have closed.
pub(crate) async fn relay(
    client: &mut Link,
    upstream: &mut Link,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Fault> {
    let ((from_client, to_client), (from_upstream, to_upstream)) = (client.split(), upstream.split());
    let activity = Notify::new();
    let mut up = pin!(pump(from_client, to_upstream, &activity));
    let mut down = pin!(pump(from_upstream, to_client, &activity));
    let going_away = || Fault::ours(CloseCode::GOING_AWAY);
    tokio::select! {
        closed = &mut up => {
            closed?;
            timeout(CLOSE_TIMEOUT, down).await.map_err(|_| Fault::gone(Side::Upstream))?
        }
        closed = &mut down => {
            closed?;
            timeout(CLOSE_TIMEOUT, up).await.map_err(|_| Fault::gone(Side::Client))?
        }
        () = until_idle(&activity) => Err(going_away()),
        () = async { _ = stopped.wait_for(|stop| *stop).await } => Err(going_away()),
    }
}

/// Ends when nothing has come from either end for `IDLE_TIMEOUT`. A ping is enough to stay.
async fn until_idle(activity: &Notify) {
    while timeout(IDLE_TIMEOUT, activity.notified()).await.is_ok() {}
}

/// Relays one direction, up to its close frame.
async fn pump(from: Incoming<'_>, mut to: Outgoing<'_>, activity: &Notify) -> Result<(), Fault> {
    let start = Instant::now();
    let mut keepalive = Keepalive::new(Timeouts::NONE.with_message(Some(MESSAGE_TIMEOUT)), Duration::ZERO);
    keepalive.opened(Duration::ZERO);
    let mut frame = Frame::default();
    loop {
        // The first events may have come with the handshake.
        while let Some(event) = from.buffer.read(|input| from.receiver.next_event(input)).transpose() {
            let event = match event {
                Ok(event) => event,
                Err(error) => return Err(Fault::of(from.side, *error.response())),
            };
            keepalive.on_event(&event, start.elapsed());
            let is_close = matches!(event, Event::Close(_));
            frame.relay(event, &mut to)?;
            if is_close || to.output.bytes.len() >= FRAGMENT_LEN {
                to.flush().await?;
            }
            if is_close {
                return Ok(());
            }
        }
        to.flush().await?;
        keepalive.received(start.elapsed(), from.receiver.is_idle());
        let read = from.reader.read(from.buffer.space());
        let read = match keepalive.poll(start.elapsed()) {
            KeepaliveAction::Wait(Some(until)) => timeout(until.saturating_sub(start.elapsed()), read).await,
            KeepaliveAction::Wait(None) => Ok(read.await),
            // A message that takes so long holds what is kept for it.
            _ => return Err(Fault::of(from.side, CloseConnection::new(CloseCode::POLICY_VIOLATION, ""))),
        };
        match read {
            Err(_) => {} // a deadline has come
            Ok(Ok(len @ 1..)) => {
                activity.notify_one();
                _ = from.buffer.filled(len); // it is what was read into its space
            }
            Ok(Ok(0) | Err(_)) => return Err(Fault::gone(from.side)),
        }
    }
}

/// A frame that is not complete: it is relayed once it is, or has `FRAGMENT_LEN` bytes.
#[derive(Default)]
struct Frame {
    text: String,
    bytes: Vec<u8>,
}

impl Frame {
    /// Sends an event, or the part of it that can be sent.
    fn relay(&mut self, event: EventRef<'_>, to: &mut Outgoing<'_>) -> Result<(), Fault> {
        let output = &mut to.output.bytes;
        let sent = match event {
            // What was received whole is sent from where it was received.
            Event::Text(piece) if piece.frame_finished && self.text.is_empty() => {
                to.sender.send(piece, output)
            }
            Event::Bytes(piece) if piece.frame_finished && self.bytes.is_empty() => {
                to.sender.send(piece, output)
            }
            Event::Text(piece) => {
                self.text.push_str(piece.data);
                if !piece.frame_finished && self.text.len() < FRAGMENT_LEN {
                    return Ok(());
                }
                let data = mem::take(&mut self.text);
                to.sender.send(TextMessage { data: data.as_str(), ..piece }, output)
            }
            Event::Bytes(piece) => {
                self.bytes.extend_from_slice(piece.data);
                if !piece.frame_finished && self.bytes.len() < FRAGMENT_LEN {
                    return Ok(());
                }
                let data = mem::take(&mut self.bytes);
                to.sender.send(BytesMessage { data: data.as_slice(), ..piece }, output)
            }
            Event::Ping(_) | Event::Pong(_) => to.sender.send(event, output),
            // As a reply, it may also have the code 1010, which a server does not choose.
            Event::Close(close) => to.sender.send(close.response(), output),
        };
        sent.map_err(|_| Fault::ours(CloseCode::INTERNAL_ERROR))
    }
}

/// A frame of at most this length stays one frame; a longer one becomes fragments.
const FRAGMENT_LEN: usize = 64 << 10;
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(300);
