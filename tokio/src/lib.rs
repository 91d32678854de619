//! WebSocket connections for tokio, with permessage-deflate: a driver for [`wsproto`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tokio::net::TcpListener;
//! use wsproto_tokio::{Client, Server};
//!
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let uri = format!("ws://{}/", listener.local_addr()?);
//! let server = tokio::spawn(async move {
//!     let (stream, _) = listener.accept().await.unwrap();
//!     let mut ws = Server::new().accept(stream).await.unwrap();
//!     while let Some(message) = ws.recv().await.unwrap() {
//!         ws.send(message).await.unwrap();
//!     }
//! });
//!
//! # #[cfg(feature = "net")] {
//! let mut ws = Client::new().connect(&uri).await?;
//! ws.send("Hello").await?;
//! assert_eq!(ws.recv().await?, Some("Hello".into()));
//! ws.close(wsproto::CloseCode::NORMAL_CLOSURE, "").await?;
//! server.await?;
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Which type do I want?
//!
//! | you want | take |
//! |---|---|
//! | to accept connections | [`Server::accept`] |
//! | to look at a request before it is accepted | [`Server::accept_with`], [`Server::receive`] |
//! | to open a connection to a URI | [`Client::connect`](Client#method.connect), through a proxy if need be |
//! | to open a connection over a stream of yours | [`Client::connect_over`] |
//! | to answer a request of hyper or axum | [`Server::accept_http`](Server#method.accept_http), with feature `http` |
//! | a stream that another stack has upgraded | [`WebSocket::from_parts`] |
//! | to receive and to send | [`WebSocket`], also as `Stream` and `Sink` |
//! | to receive in one task and to send in another | [`WebSocket::split`] |
//! | one message for many connections | [`WebSocket::send_prepared`] |
//! | a message whose end is not known yet | [`WebSocket::send_part`] |
//! | a message that is longer than you want to store | [`WebSocket::recv_part`], [`Settings::max_streamed_len`] |
//! | the stream, the connection and what is left | [`WebSocket::into_parts`] |
//! | limits, deadlines, pings | [`Settings`] |
//! | how a connection ended | [`WebSocket::close_info`] |
//!
//! # What you can rely on
//!
//! - *Safe by default.* Everything that a peer can make an endpoint store has a limit, and everything that a peer can
//!   delay has a deadline: see [`Settings`]. Pings and close frames are answered.
//! - *Each future can be dropped at any time.* [`WebSocket`] says for each what that means; no message is lost or sent
//!   twice.
//! - *No queue without a bound.* [`WebSocket::send`] returns once the transport has taken the message.
//! - *Other tasks run too.* Each message counts for tokio's budget of a task.
//! - *An idle connection has no buffers,* after [`Settings::release_memory_after`]: about 1.5 KiB are left in all, without
//!   compression.
//! - *The end is clean.* [`WebSocket::close`] and [`WebSocket::recv`] end the transport by the rule of RFC 6455 §7.1.1,
//!   so that the peer gets what was sent last.
//!
//! # If both sides only write
//!
//! If both sides send, and neither receives until it has sent all, then each waits for the other, for ever. No
//! WebSocket implementation can avoid that without memory for all that is on the way. This one does as follows:
//!
//! - While [`send`](WebSocket::send) waits, it reads on, answers pings, and keeps up to [`Settings::read_ahead`] bytes of
//!   messages for [`recv`](WebSocket::recv). So a peer that writes less than 16 MiB before it reads meets no deadlock;
//!   set a greater number if yours writes more.
//! - When that room is full, it stops to read, and the transport makes the peer wait. If the peer waits too, the `pong`
//!   deadline ends the connection, with [`Error::Timeout`]: after 40 s, unless other [timeouts](Settings::timeouts) are
//!   set. With [`Timeouts::NONE`](wsproto::Timeouts::NONE) it waits for ever.
//! - After [`split`](WebSocket::split), with a task that always receives, there is no deadlock, and no room is needed.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `net` (default) | [`Client::connect`](Client#method.connect): TCP connections to a URI, also through an HTTP proxy |
//! | `http` | [`Server::accept_http`](Server#method.accept_http): requests and responses of the `http` crate, for hyper and axum |
//! | `rustls` | `wss` URIs, by `tokio-rustls`, with the root certificates of `webpki-roots` |
//!
//! Servers get TLS from `tokio-rustls` or another crate: [`Server::accept`] takes any stream.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")
)]

// Each module imports only from those above it.
mod entropy;
mod message;
mod error;
mod settings;
mod timer;
mod wakers;
mod outgoing;
mod driver;
mod web_socket;
mod halves;
mod handshake;

pub use driver::{CloseInfo, WebSocketParts};
pub use entropy::MaskingKeys;
pub use error::{AcceptError, ConnectError, Error, Refusal};
pub use halves::{WebSocketReceiver, WebSocketSender};
pub use handshake::{Client, Incoming, Server};
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub use handshake::{ClientStream, Proxy};
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub use handshake::{HttpRefusal, HttpUpgrade};
pub use message::Message;
pub use settings::Settings;
pub use web_socket::WebSocket;
pub use wsproto;
pub use wsproto::MessagePart;

/// The examples of the README are compiled too.
#[cfg(all(doctest, feature = "net"))]
#[doc = include_str!("../README.md")]
struct Readme;
