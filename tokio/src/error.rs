//! Errors, by who caused them: the peer, the transport, time, or the caller.

use std::io;

use thiserror::Error;
use wsproto::{HandshakeError, LocalProtocolError, RejectConnection, RemoteProtocolError, Timeout, UriError};

/// Why a connection failed, or why something could not be sent.
///
/// ```
/// use wsproto_tokio::Error;
///
/// fn is_worth_a_log_line(error: &Error) -> bool {
///     !matches!(error, Error::Closed | Error::ConnectionLost)
/// }
/// # assert!(!is_worth_a_log_line(&Error::Closed));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The transport failed.
    #[error("the transport failed")]
    Io(#[from] io::Error),
    /// The peer broke a rule. The close frame that says so was sent.
    #[error("the peer broke a rule")]
    Protocol(#[from] RemoteProtocolError),
    /// The transport ended without a close frame of the peer (1006).
    #[error("the transport ended without a close frame")]
    ConnectionLost,
    /// The peer was too slow, or is gone.
    #[error("{}", timeout_text(*.0))]
    Timeout(Timeout),
    /// A message was sent while the connection closes, or after its end. It was not sent, or not to its end.
    #[error("the connection is closed")]
    Closed,
    /// What was to be sent is not allowed, such as a close code that cannot be sent. Nothing was sent.
    #[error("this cannot be sent")]
    Local(#[source] LocalProtocolError),
}

const fn timeout_text(timeout: Timeout) -> &'static str {
    match timeout {
        Timeout::Handshake => "the handshake took too long",
        Timeout::Pong => "the peer did not answer a ping in time",
        Timeout::Message => "the peer took too long for a message",
        Timeout::Close => "the peer took too long to close",
        _ => "the peer took too long",
    }
}

impl From<LocalProtocolError> for Error {
    /// [`Closed`](Self::Closed) if the connection no longer takes messages, else [`Local`](Self::Local).
    fn from(error: LocalProtocolError) -> Self {
        match error {
            LocalProtocolError::CloseSent
            | LocalProtocolError::CloseReceived
            | LocalProtocolError::PeerFailed
            | LocalProtocolError::Ended => Self::Closed,
            error => Self::Local(error),
        }
    }
}

/// Why a server has no connection after a handshake.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The transport failed, or ended before the request was complete.
    #[error("the transport failed")]
    Io(#[from] io::Error),
    /// The request is not a valid WebSocket request. The refusal that says so was sent.
    #[error("the request is not valid")]
    Handshake(#[from] HandshakeError),
    /// The request was refused, with this status, by the policy of origins or by the caller.
    #[error("the request was refused with status {0}")]
    Refused(u16),
    /// The request, or the decision about it, took too long.
    #[error("the handshake took too long")]
    Timeout,
    /// The response is not valid, such as a subprotocol that was not offered. The client was sent status 500.
    #[error("the response is not valid")]
    Local(#[source] LocalProtocolError),
}

/// Why a client has no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URI is not valid.
    #[error("the URI is not valid")]
    Uri(#[from] UriError),
    /// The URI is `wss`, and this build has no TLS: enable the feature `rustls`, or pass a TLS stream to
    /// [`Client::connect_over`](crate::Client::connect_over).
    #[error("wss needs the feature `rustls`")]
    TlsUnavailable,
    /// The transport failed: no address, no connection, no TLS, or an end that came too early.
    #[error("the transport failed")]
    Io(#[from] io::Error),
    /// The response does not fit the request.
    #[error("the response is not valid")]
    Handshake(#[from] HandshakeError),
    /// The server refused the request.
    #[error("the server refused with status {}", .0.status_code())]
    Refused(Box<Refusal>),
    /// The proxy refused the tunnel.
    #[error("the proxy refused with status {}", .0.status_code())]
    ProxyRefused(Box<Refusal>),
    /// The whole took too long.
    #[error("the handshake took too long")]
    Timeout,
    /// The request is not valid, such as a malformed header. Nothing was sent.
    #[error("the request is not valid")]
    Local(#[from] LocalProtocolError),
}

/// A refusal as a client receives it: status, headers and body.
///
/// ```no_run
/// # async fn run(stream: tokio::net::TcpStream) {
/// use wsproto_tokio::{Client, ConnectError};
///
/// let connected = Client::new().connect_over(stream, "ws://example.com/").await;
/// if let Err(ConnectError::Refused(refusal)) = connected {
///     let place = refusal.response().headers().get("Location");
///     println!("{} {place:?} {:?}", refusal.status_code(), refusal.body());
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(crate) response: RejectConnection,
    pub(crate) body: Vec<u8>,
}

impl Refusal {
    /// The status.
    pub const fn status_code(&self) -> u16 {
        self.response.status_code()
    }

    /// The status and the headers.
    pub const fn response(&self) -> &RejectConnection {
        &self.response
    }

    /// The body: what came of it, up to [`HandshakeLimits::max_body_len`](wsproto::HandshakeLimits::max_body_len).
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}
