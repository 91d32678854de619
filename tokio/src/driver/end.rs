//! The end of a connection: the close frame, the end of the transport, and the record of it.

use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use wsproto::{CloseCode, CloseConnection, ClosedBy, Sender, Timeout};

use crate::Error;
use crate::entropy::MaskingKeys;
use crate::wakers::Side;

use super::send::copy_of;
use super::{Driver, Phase, Wanted};

/// How a connection ended: who ended it, with which code and reason, and whether it was clean.
///
/// It is [`wsproto::CloseInfo`], with data of its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (ours, theirs) = tokio::io::duplex(1024);
/// # tokio::spawn(async move { wsproto_tokio::Server::new().accept(theirs).await.unwrap().recv().await });
/// # let mut ws = wsproto_tokio::Client::new().connect_over(ours, "ws://example.com/").await?;
/// use wsproto_tokio::wsproto::{CloseCode, ClosedBy};
///
/// ws.close(CloseCode::NORMAL_CLOSURE, "done").await?;
/// let close = ws.close_info().unwrap();
/// assert_eq!((close.by, close.code, close.was_clean), (ClosedBy::Local, CloseCode::NORMAL_CLOSURE, true));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseInfo {
    /// Who or what ended it.
    pub by: ClosedBy,
    /// The code of the peer's close frame, 1005 if that frame had no code, or 1006 if no close frame was received
    /// (RFC 6455 §7.1.5).
    pub code: CloseCode,
    /// The reason in the peer's close frame, or empty.
    pub reason: Box<str>,
    /// Whether both close frames were sent, and ours was written to its end (§7.1.4).
    pub was_clean: bool,
    /// The deadline that has passed, if that ended the connection.
    pub timeout: Option<Timeout>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Accepts a close frame, which is sent after the message in progress.
    pub(crate) fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let close = CloseConnection { code: Some(code), reason: Box::from(reason) };
        // The same checks, on a connection that has sent nothing.
        let role = self.messages.connection().role();
        Sender::with_role(role, MaskingKeys::default())
            .send(&close, &mut Vec::new())
            .map_err(Error::Local)?;
        if self.closing.is_some() {
            return Ok(());
        }
        // The peer has this long, whether or not it takes the message in progress.
        let now = self.timer.now();
        if let Some(keepalive) = self.messages.keepalive_mut() {
            keepalive.close_sent(now);
        }
        self.closing = Some(close);
        Ok(())
    }

    /// Waits for the end of the connection. Messages that arrive are kept for the receiver, as far as there is one.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let waker = self.wakers.register(Side::Sending, cx.waker());
        self.keep_messages(0);
        ready!(self.poll_progress(Wanted::End, &mut Context::from_waker(&waker)));
        self.wakers.wake();
        Poll::Ready(self.end())
    }

    /// Closes with code 1000, unless the connection closes already, and waits for the end.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.closing.is_none() && !self.messages.connection().sender().is_close_sent() {
            self.start_close(CloseCode::NORMAL_CLOSURE, "")?;
        }
        self.poll_end(cx)
    }

    /// What the receiver learns of the end: an error once.
    pub(super) fn report_end(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.facts.reported, true) {
            return Ok(());
        }
        self.wakers.wake();
        self.in_progress.drop_collected();
        self.release_memory();
        self.receiving_end()
    }

    /// How receiving ended: without an error if the peer has closed, because then we have all that it sent.
    fn receiving_end(&mut self) -> Result<(), Error> {
        if let Some(error) = self.in_progress.refused() {
            return Err(Error::Protocol(error));
        }
        match self.messages.close_info() {
            Some(info) if info.was_clean => Ok(()),
            Some(wsproto::CloseInfo { by: ClosedBy::Failure(error), .. }) => Err(Error::Protocol(error)),
            _ => Err(self.transport_error()),
        }
    }

    /// How the connection ended: without an error if the peer has closed, and all that was accepted was written.
    fn end(&mut self) -> Result<(), Error> {
        self.receiving_end()?;
        if self.facts.cut_off {
            return Err(self.transport_error());
        }
        match self.facts.send_aborted {
            true => Err(Error::Closed),
            false => Ok(()),
        }
    }

    /// Why the transport has ended before its time.
    fn transport_error(&self) -> Error {
        match (self.facts.timeout, &self.io_error) {
            (Some(timeout), _) => Error::Timeout(timeout),
            (None, Some(error)) => Error::Io(copy_of(error)),
            (None, None) => Error::ConnectionLost,
        }
    }

    /// How the connection ended; `None` if it has not ended.
    pub(crate) fn close_info(&mut self) -> Option<CloseInfo> {
        let (timeout, is_done) = (self.facts.timeout, self.phase() == Phase::Done);
        let is_written = !self.has_output() && !self.facts.needs_flush && !self.facts.cut_off;
        let (by, code, reason, was_clean) = match self.messages.close_info() {
            Some(info) => (info.by, info.code, Box::from(info.reason), info.was_clean && is_written),
            None if is_done => (ClosedBy::Transport, CloseCode::ABNORMAL_CLOSURE, Box::default(), false),
            None => return None,
        };
        Some(CloseInfo { by, code, reason, was_clean, timeout })
    }
}
