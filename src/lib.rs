//! The WebSocket protocol and nothing else: bytes in, events out, and never a socket.
//!
//! `wsproto` is for people who bring their own sockets: servers, proxies, async runtimes, embedded systems,
//! bindings for other languages, fuzzers, conformance suites. It is a from-scratch port of the idea and the
//! vocabulary of Python's wsproto, and implements RFC 6455 over HTTP/1.1, HTTP/2 (RFC 8441) and HTTP/3
//! (RFC 9220), with permessage-deflate (RFC 7692) and extensions of your own.
//!
//! # The fast way
//!
//! A [`Connection`] works in your buffer. It unmasks received bytes in place, checks all that the RFC asks, and
//! returns references to the payload, piece by piece, with no copy and no allocation:
//!
//! ```
//! use wsproto::{Connection, Event, Limits, TransportAction};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::io::{Read, Write};
//! # let mut reader = &b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81\x05Hello"[..];
//! # let mut writer = Vec::new();
//! let mut connection = Connection::server(Limits::default());
//! let (mut buffer, mut output) = (vec![0; 4096], Vec::new());
//! while connection.transport_action() == TransportAction::Keep {
//!     let len = reader.read(&mut buffer)?;
//!     if len == 0 {
//!         _ = connection.receive_eof(); // 1006: `close_info` returns it as well
//!     }
//!     let mut input = &mut buffer[..len];
//!     let (receiver, sender) = connection.split();
//!     loop {
//!         match receiver.next_event(&mut input) {
//!             Ok(Some(Event::Text(piece))) => sender.send(piece, &mut output)?, // echo, piece by piece
//!             Ok(Some(Event::Bytes(piece))) => sender.send(piece, &mut output)?,
//!             Ok(Some(Event::Ping(ping))) => sender.send(ping.response(), &mut output)?,
//!             Ok(Some(Event::Close(close))) => sender.send(close.response(), &mut output)?,
//!             Ok(Some(Event::Pong(_))) => {}
//!             Ok(None) => break,
//!             Err(error) => sender.send(error.response(), &mut output)?, // the peer broke a rule
//!         }
//!     }
//!     writer.write_all(&output)?;
//!     output.clear();
//! }
//! // Shut down writing, read to the end, then close the transport.
//! # assert_eq!(writer, b"\x81\x05Hello\x88\x1f\x03\xeaframe from client is unmasked");
//! # Ok(())
//! # }
//! ```
//!
//! What was encoded is written before the loop ends, whatever the peer did. Before you close a socket, shut down its
//! writing direction and read to the end, or the peer may lose what was written last. A loop that writes before it
//! reads on needs a peer that reads: if both only write, both wait for ever. The example `echo_server` has a thread
//! that writes, and timeouts.
//!
//! If you prefer whole messages, keep reading into the same buffer until it holds a complete frame. Then a message
//! in one frame is one event, still without a copy; a [`MessageAssembler`] puts the others together:
//!
//! ```
//! use wsproto::{Connection, Event, Limits, MessageAssembler, TransportAction};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::io::{Read, Write};
//! # let mut reader = &b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81\x05Hello"[..];
//! # let mut writer = Vec::new();
//! let mut limits = Limits::default();
//! (limits.max_message_len, limits.max_frame_len) = (1 << 20, 1 << 20);
//! let mut connection = Connection::server(limits);
//! let mut assembler = MessageAssembler::new(1 << 20); // the same limit
//! let (mut buffer, mut end, mut output) = (vec![0; 4096], 0, Vec::new());
//! while connection.transport_action() == TransportAction::Keep {
//!     if end == buffer.len() {
//!         buffer.resize(2 * end, 0); // at most twice the longest frame
//!     }
//!     match reader.read(&mut buffer[end..])? {
//!         0 => _ = connection.receive_eof(),
//!         len => end += len,
//!     }
//!     let mut input = &mut buffer[..end];
//!     let (receiver, sender) = connection.split();
//!     loop {
//!         match receiver.next_frame_event(&mut input) {
//!             Ok(Some(Event::Text(text))) => match assembler.text(text) {
//!                 Ok(Some(message)) => assert_eq!(message, "Hello"),
//!                 Ok(None) => {} // more fragments are to come
//!                 Err(error) => sender.send(error.response(), &mut output)?,
//!             },
//!             Ok(Some(Event::Close(close))) => sender.send(close.response(), &mut output)?,
//!             Ok(Some(_)) => {} // as above
//!             Ok(None) => break,
//!             Err(error) => sender.send(error.response(), &mut output)?,
//!         }
//!     }
//!     let unread = input.len();
//!     buffer.copy_within(end - unread..end, 0);
//!     end = unread;
//!     writer.write_all(&output)?;
//!     output.clear();
//! }
//! # assert_eq!(writer, b"\x88\x1f\x03\xeaframe from client is unmasked");
//! # Ok(())
//! # }
//! ```
//!
//! The opening handshake is a machine of its own, [`ServerHandshake`] or [`ClientHandshake`]. Where another
//! HTTP stack moves the heads, [`Upgrade`] (HTTP/1.1) and [`ExtendedConnect`] (HTTP/2, HTTP/3) judge and make
//! them by the same rules, in names and values.
//!
//! Extensions are agreed on in the handshake, and run in the connection:
//!
#![cfg_attr(feature = "deflate", doc = "```")]
#![cfg_attr(not(feature = "deflate"), doc = "```ignore")]
//! use wsproto::{AcceptConnection, Connection, HandshakeLimits, Limits, PermessageDeflate, ServerHandshake};
//!
//! # let mut input = &b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//! #     Sec-WebSocket-Extensions: permessage-deflate\r\n\
//! #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"[..];
//! # let mut output = Vec::new();
//! let mut handshake = ServerHandshake::new(HandshakeLimits::default());
//! if let Some(request) = handshake.receive(&mut input)? {
//!     let supported = PermessageDeflate::new();
//!     let (accept, extensions) = AcceptConnection::new().with_extensions(&[&supported], request);
//!     handshake.accept(accept, &mut output)?;
//!     let connection = Connection::server(Limits::default()).with_extensions(extensions);
//!     # let _ = connection;
//! }
//! # assert!(output.windows(18).any(|part| part == b"permessage-deflate"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The familiar way
//!
//! [`WsConnection`] is the handshake and the connection in one, with owned events, for whoever knows wsproto:
//!
//! ```
//! use wsproto::{AcceptConnection, TextMessage, WsConnection, WsEvent};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let bytes = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//! #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
//! # let mut socket = Vec::new();
//! # use std::io::Write;
//! let mut ws = WsConnection::server();
//! ws.receive_data(bytes)?;
//! while let Some(event) = ws.next_event()? {
//!     match event {
//!         WsEvent::Request(_) => socket.write_all(&ws.send(AcceptConnection::new())?)?,
//!         WsEvent::Text(_) => socket.write_all(&ws.send(TextMessage::from("hello"))?)?,
//!         WsEvent::Ping(ping) => socket.write_all(&ws.send(ping.response())?)?,
//!         WsEvent::Close(close) => socket.write_all(&ws.send(close.response())?)?,
//!         _ => {}
//!     }
//! }
//! # assert!(socket.starts_with(b"HTTP/1.1 101"));
//! # Ok(())
//! # }
//! ```
//!
//! # The shape
//!
//! ```text
//! bytes → ServerHandshake, or ClientHandshake ┐
//! names and values → Upgrade, ExtendedConnect ┴→ Connection
//!
//! bytes → FrameDecoder → (Extensions) → MessageDecoder → Receiver ┐
//!                                                                 ├ Connection
//! bytes ← FrameEncoder ← (Extensions) ← ────────────────── Sender ┘
//!
//! WsConnection = handshake, then Connection
//! ```
//!
//! Each part can be used alone. Receiving and sending are two machines side by side, which can also be taken
//! apart and moved to two threads ([`Connection::into_parts`]). How a connection stands
//! ([`ConnectionState`]), how it ended ([`CloseInfo`]) and what to do with the transport ([`TransportAction`]) is
//! computed from the two.
//!
//! # What you can rely on
//!
//! - **Pure.** No socket, no clock, no thread, no hidden randomness: a client is handed its [`Entropy`]. The
//!   same inputs give the same outputs.
//! - **Cutting does not matter.** However the input is cut into reads, the events are the same, except for where the
//!   pieces of a message begin and end. So is the failure: it is reported by the read that holds the first byte that
//!   proves it. [`Receiver::bytes_after_error`] says how many of the consumed bytes follow that one. Inside a compressed message
//!   they are not counted: none, if the message is too long; else up to 16 KiB, as far as they came in the same read.
//! - **Nothing grows without a limit.** [`Limits`] and [`HandshakeLimits`] are on by default, and are checked
//!   before anything is stored.
//! - **Two kinds of errors.** Where the peer is at fault ([`RemoteProtocolError`], [`HandshakeError`]), the
//!   error names the broken rule, is returned once, and has its answer ready. Where you are
//!   ([`LocalProtocolError`]), nothing was written and nothing has changed.
//! - **No panic** on anything a peer can send, and no `unsafe` unless you ask for it.
//! - **Nothing is paid for what is not used.** Extensions are one pointer in each half of a connection. Messages that
//!   they do not touch take the same fast path as on a connection without extensions.
//!
//! # What is left to you
//!
//! The transport and its timeouts; TLS, with server name indication, for `wss`; at most one connection to an
//! address in the handshake at a time (RFC 6455 §4.1), and a growing delay before connecting again (§7.2.3);
//! looking at the [origin] of a request if not every page may connect (§10.2), for which there
//! is [`OriginPolicy`]; never to show a close reason to an end user (§5.5.1); and to close the transport when
//! [`TransportAction`] says so.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `std` (default) | [`SeededEntropy`], and the fastest masking and UTF-8 check that the processor knows |
//! | `deflate` (default) | [`PermessageDeflate`] (RFC 7692); without `std`, its memory comes from C's `malloc` |
//! | `wasm_js` | [`SeededEntropy`] on `wasm32-unknown-unknown` too, seeded by JavaScript's `crypto.getRandomValues` |
//! | `http` | the `http` crate's requests and responses, into [`Upgrade`] and [`ExtendedConnect`] and out of them |
//! | `alloc` | the handshake, [`Extension`]s of your own, [`MessageAssembler`], [`WsConnection`], and `Vec<u8>` as [`Output`] |
//! | `unsafe-text` | short ASCII text is read once and not twice: the one use of `unsafe`, forbidden without it |
//! | none | frames, messages and connections, without an allocator: `no_std` |
//!
//! Features only add: none changes what another does. All of them, and the default ones, build for
//! `wasm32-wasip1` and for `wasm32-unknown-unknown`. The latter has no source of entropy: without `wasm_js`
//! there is no [`SeededEntropy`], and a client brings an [`Entropy`] of its own. Nor has it C's `malloc`:
//! `deflate` links Rust's `std` there. On bare metal, such as `thumbv7em-none-eabi`, `std` and `http` are
//! missing, and `deflate` needs a C library.
//!
//! # Differences from Python's wsproto
//!
//! Names and events are wsproto's. These things are different, and why:
//!
//! - *Close codes.* `CloseReason` is [`CloseCode`], as the RFC's reason is the text. A close frame without a
//!   code has `code: None` and not 1005, so that 1005 can be refused when it is sent. Codes are checked in
//!   both directions, 1012 to 1014 are allowed, and 1010 is a client's to send.
//! - *Limits* exist, for heads, headers, frames, messages and fragments.
//! - *Failures are final,* and come at the first byte that makes them certain. After one the state says so, no
//!   message starts, and what arrives is dropped and not kept.
//! - *Replies that come too late are dropped* and are not errors: a pong after our close frame, say. And
//!   answers can be prepared without being asked for ([`ReplyPolicy`]); as in wsproto, none are unless set.
//! - *A message under way may be finished* after the peer has closed, and pings and pongs may be sent until
//!   our close frame is out. What still arrives after both is dropped, and is not an error.
//! - *No event after a clean close.* The transport's end is told, as 1006, only if no close frame came and
//!   nothing failed; once; and after what came before it.
//! - *A close frame can be answered after the transport's end,* as our direction may still be open. So can a failure; the
//!   state is `RemoteClosing` until then.
//! - *The handshake is strict.* Key, version, `Host`, `Connection` and `Upgrade` as lists over several headers,
//!   duplicates of single headers, HTTP/1.0, bodies: all are checked, and refused with a status that fits.
//!   103 and its kind are passed over, not taken for a refusal. A request is refused once it is there, not
//!   before.
//! - *A request that was parsed elsewhere* is an [`Upgrade`] first, judged like one that comes as bytes; then it
//!   goes into a connection ([`WsConnection::receive_request`]), or is answered in names and values.
//! - *Data behind the request is kept*, and read once the request is accepted.
//! - *permessage-deflate* goes on after control frames between fragments, blocks that say they are the last, and
//!   empty messages; data that ends inside a block is a failure.
//!
// Where a name is missing in this build, its links lead to the table of features.
#![cfg_attr(feature = "alloc", doc = "[origin]: Request::origin")]
#![cfg_attr(
    not(feature = "alloc"),
    doc = "
[`ClientHandshake`]: crate#features
[`ExtendedConnect`]: crate#features
[`Extension`]: crate#features
[`MessageAssembler`]: crate#features
[`OriginPolicy`]: crate#features
[`ServerHandshake`]: crate#features
[`Upgrade`]: crate#features
[`WsConnection`]: crate#features
[`WsConnection::receive_request`]: crate#features
[origin]: crate#features
"
)]
#![cfg_attr(not(feature = "deflate"), doc = "[`PermessageDeflate`]: crate#features")]
#![cfg_attr(
    not(all(
        feature = "std",
        any(feature = "wasm_js", not(all(target_family = "wasm", target_os = "unknown")))
    )),
    doc = "[`SeededEntropy`]: crate#features"
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(feature = "unsafe-text"), forbid(unsafe_code))]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "a test that overflows fails, as it should"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// Each module imports only from those above it.

// Facts.
mod role;
mod opcode;
mod close_code;
mod mask;
mod utf8;
mod entropy;
mod limits;
mod encoded_header;
// What the handshake computes without an allocator.
mod accept_token;
mod subprotocol;
// Failure.
mod error;
mod output;
// Bytes to heads, and back.
#[cfg(feature = "alloc")]
mod http;
// Bytes to frames, frames to events, events to a connection; and back.
mod frame;
mod event;
mod extension;
mod message;
mod connection;
// Heads to an open connection.
#[cfg(feature = "alloc")]
mod handshake;
// All as one.
#[cfg(feature = "alloc")]
mod ws_connection;

pub use accept_token::{AcceptToken, SecWebSocketKey, generate_accept_token};
pub use close_code::CloseCode;
pub use connection::{
    AutoReplies, ClientConnection, CloseInfo, ClosedBy, Connection, ConnectionState, Receiver, ReceiverState,
    ReplyPolicy, Sender, ServerConnection, TransportAction,
};
pub use encoded_header::EncodedHeader;
pub use entropy::{Entropy, NoEntropy};
pub use error::{ExtensionError, HandshakeError, LocalProtocolError, RemoteProtocolError};
pub use event::{BytesMessage, CloseConnection, Event, EventRef, Outgoing, Ping, Pong, Reply, TextMessage};
pub use frame::{Ends, FrameChunk, FrameDecoder, FrameEncoder, FrameHeader, Rsv};
pub use limits::{HandshakeLimits, Limits};
pub use mask::Mask;
pub use message::{Found, MessageDecoder, Source};
pub use opcode::{MessageKind, Opcode, UnknownOpcode};
pub use output::Output;
pub use role::Role;
pub use subprotocol::select_subprotocol;
pub use utf8::{InvalidUtf8, Utf8Decoder};

// What needs an allocator.
#[cfg(feature = "alloc")]
pub use {
    connection::PreparedMessage,
    extension::{
        Decoded, Extension, ExtensionParams, Extensions, InboundExtension, NegotiatedExtension,
        OutboundExtension,
    },
    handshake::{
        AcceptConnection, ClientHandshake, ExtendedConnect, HandshakeResponse, Origin, OriginPolicy,
        RejectConnection, RejectData, Request, ResponseParts, Scheme, ServerHandshake, Upgrade, UriError,
        WebSocketUri,
    },
    http::{Headers, HeadersIter, HttpVersion},
    message::MessageAssembler,
    ws_connection::{ReceiveError, WsConnection, WsEvent, WsOutgoing},
};

#[cfg(feature = "deflate")]
#[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
pub use extension::{DeflateParams, PermessageDeflate};

#[cfg(all(
    feature = "std",
    any(feature = "wasm_js", not(all(target_family = "wasm", target_os = "unknown")))
))]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use entropy::os::SeededEntropy;

/// The examples of the README run too.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
