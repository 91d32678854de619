//! The opening handshake over a stream: what servers and clients share.

mod client;
#[cfg(feature = "net")]
mod connect;
#[cfg(feature = "net")]
mod proxy;
mod server;
#[cfg(feature = "http")]
mod http_upgrade;

use std::future::Future;
use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};
use wsproto::ReadBuffer;

pub use client::Client;
#[cfg(feature = "net")]
pub use connect::ClientStream;
#[cfg(feature = "http")]
pub use http_upgrade::{HttpRefusal, HttpUpgrade};
#[cfg(feature = "net")]
pub use proxy::Proxy;
pub use server::{Incoming, Server};

/// Waits for the future, until the deadline at most.
async fn within<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

/// Reads once into the buffer.
///
/// # Errors
///
/// The transport has failed, or has ended: the handshake is not complete.
async fn read_more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut ReadBuffer) -> io::Result<()> {
    match stream.read(buffer.space()).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        len => Ok(buffer.filled(len)?),
    }
}
