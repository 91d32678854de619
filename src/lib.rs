//! The WebSocket protocol as state machines: bytes in, events out, and never a socket.
//!
//! `wsproto` is for programs that bring their own transport: servers, proxies, async runtimes, embedded systems,
//! bindings for other languages, fuzzers and conformance suites. It implements RFC 6455 over HTTP/1.1, HTTP/2
//! (RFC 8441) and HTTP/3 (RFC 9220), with permessage-deflate (RFC 7692) and extensions of your own. Its names and its
//! idea are those of Python's wsproto; the code is new.
//!
//! # A complete program
//!
//! This server handles one client, from the request to the closing handshake, with compression. It runs over any
//! blocking transport. The client's half is on the page of [`ClientHandshake`].
//!
#![cfg_attr(all(feature = "deflate", feature = "handshake"), doc = "```")]
#![cfg_attr(not(all(feature = "deflate", feature = "handshake")), doc = "```ignore")]
//! use std::io::{self, Read, Write};
//! use wsproto::{AcceptConnection, Connection, HandshakeLimits, Limits, Messages};
//! use wsproto::{PermessageDeflate, ReadBuffer, ServerHandshake, TransportAction};
//!
//! /// Sends each message back to the client.
//! fn serve(mut socket: impl Read + Write) -> io::Result<()> {
//!     let (mut buffer, mut output) = (ReadBuffer::new(), Vec::new());
//!
//!     // The opening handshake: bytes to a request, and a response to bytes.
//!     let mut handshake = ServerHandshake::new(HandshakeLimits::default());
//!     let extensions = loop {
//!         let len = socket.read(buffer.space())?;
//!         if len == 0 {
//!             return Ok(()); // the client has left
//!         }
//!         buffer.filled(len)?;
//!         match buffer.read_shared(|input| handshake.receive(input)) {
//!             Ok(None) => {} // the request is not complete: read more
//!             Ok(Some(request)) => {
//!                 let deflate = PermessageDeflate::new();
//!                 let (accept, extensions) = AcceptConnection::new().with_extensions(&[&deflate], request);
//!                 handshake.accept(accept, &mut output)?;
//!                 break extensions;
//!             }
//!             Err(error) => {
//!                 handshake.reject(error.response(), &mut output)?;
//!                 return socket.write_all(&output); // 400, or what fits better
//!             }
//!         }
//!     };
//!     socket.write_all(&output)?;
//!
//!     // The connection: bytes to messages, and messages to bytes. The buffer may have the first ones already.
//!     let connection = Connection::server(Limits::default()).with_extensions(extensions);
//!     let mut ws = Messages::new(connection, buffer);
//!     loop {
//!         let (mut incoming, mut outgoing) = ws.split();
//!         while let Some(message) = incoming.next_message() {
//!             outgoing.send(message)?;
//!         }
//!         socket.write_all(ws.output())?; // pongs and close frames are in it too
//!         ws.written(usize::MAX); // all of it
//!         if ws.transport_action() != TransportAction::Keep {
//!             return Ok(()); // shut down writing, read to the end, then close the socket
//!         }
//!         let len = socket.read(ws.space())?;
//!         ws.filled(len)?; // 0 is the end of the transport: now `close_info` says 1006
//!     }
//! }
//! # struct Socket(&'static [u8], Vec<u8>);
//! # impl Read for Socket {
//! #     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> { self.0.read(buffer) }
//! # }
//! # impl Write for Socket {
//! #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.1.write(bytes) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let mut socket = Socket(b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//! #     Sec-WebSocket-Extensions: permessage-deflate\r\n\
//! #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\
//! #     \x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81\x05Hello", Vec::new());
//! # serve(&mut socket)?;
//! # let text = String::from_utf8_lossy(&socket.1);
//! # assert!(text.contains("\r\nSec-WebSocket-Extensions: permessage-deflate"));
//! # assert!(socket.1.ends_with(b"\x81\x05Hello\x88\x1f\x03\xeaframe from client is unmasked"));
//! # let mut socket = Socket(b"no request\r\n\r\n", Vec::new());
//! # serve(&mut socket)?;
//! # assert!(socket.1.starts_with(b"HTTP/1.1 400 "));
//! # Ok::<(), io::Error>(())
//! ```
//!
//! Before you close a socket, shut down its writing direction and read to the end. Otherwise the peer may lose what was
//! written last. A loop that writes before it reads again needs a peer that reads: if both only write, both wait for
//! ever. The example `echo_server` has a thread that writes, and deadlines.
//!
//! # Which type do I want?
//!
//! | you want | take |
//! |---|---|
//! | to accept or open a connection over a byte stream | [`ServerHandshake`], [`ClientHandshake`] |
//! | the same without an allocator, in your own buffer | [`SliceServerHandshake`], [`SliceClientHandshake`] |
//! | a tunnel through an HTTP proxy, before the handshake | [`HttpConnect`], [`ConnectRequest`] |
//! | the handshake over another HTTP/1.1 stack | [`ServerUpgrade`], [`ClientUpgrade`] |
//! | the handshake over HTTP/2 or HTTP/3 | [`ServerExtendedConnect`], [`ClientExtendedConnect`] |
//! | to answer plain HTTP requests on the same port | [`ServerHandshake::refused_head`] |
//! | to check where a page comes from, or to read a URI | [`OriginPolicy`], [`WebSocketUri`] |
//! | an open connection, without copies | [`Connection`] |
//! | to receive in one thread and to send in another | [`Connection::into_halves`], [`Connection::into_shared_halves`] |
//! | to read from a transport into a buffer that grows as needed | [`ReadBuffer`] |
//! | messages that own their bytes, without a copy | [`Messages::next_message_bytes`], [`Receiver::next_event_bytes`] |
//! | whole messages, with pings and close frames answered | [`Messages`] |
//! | the same, but long messages in parts | [`Messages::next_part_bytes`], [`MessagePart`] |
//! | replies and whole messages, each apart | [`AutoReplies`], [`MessageAssembler`] |
//! | pings, and an end to connections that are dead | [`Keepalive`] |
//! | one message for many connections | [`PreparedMessage`], [`Sender::prepared_frame`] |
//! | to send a payload without a copy | [`Sender::frame_in_place`], [`Sender::frame_header`] |
//! | the handshake and the connection in one, with owned or borrowed events, as in Python | [`WsConnection`] |
//! | compression, or an extension of your own | [`PermessageDeflate`], [`Extension`] |
//! | compression for many connections that are mostly idle | [`DeflatePool`] |
//! | frames only | [`FrameDecoder`], [`FrameEncoder`], [`FrameHeader`], [`Mask`] |
//! | frames that are wrong on purpose, to test an implementation | [`RawFrameHeader`], [`RawClosePayload`], [`DeflateBlocks`] |
//! | sequences of frames from a fuzzer's bytes, valid or not | feature `arbitrary` |
//!
//! The [guide] explains how to build a program on them: the read loop, closing, backpressure, deadlines, memory,
//! compression, security.
//!
//! # How it works
//!
//! Two pipes, joined by events:
//!
//! ```text
//! bytes            ─► ServerHandshake, ClientHandshake ─┐
//! names and values ─► ServerUpgrade, ClientUpgrade, … ──┴─► an open Connection
//!
//! bytes ─► FrameDecoder ─► (extensions) ─► MessageDecoder ─► Receiver ─► Event
//! bytes ◄─ FrameEncoder ◄─ (extensions) ◄─────────────────── Sender ◄─── Event
//!
//! Connection   = Receiver + Sender
//! Messages     = ReadBuffer + Connection + AutoReplies, and whole messages
//! WsConnection = ReadBuffer + handshake, then Connection
//! ```
//!
//! A [`Receiver`] works in your buffer: it unmasks the bytes there, checks all that the RFC asks, and returns events
//! that borrow from there. Nothing is copied and nothing is allocated. It never borrows the [`Sender`], so you can
//! answer an event while you hold it.
//!
//! The states of the opening handshake, of a server and of a client:
//!
//! ```text
//!              a request, accepted
//!            ┌────────────────────────────────────────────────► Open
//! Connecting ┤
//!            └──────────────────────► Rejecting ──────────────► Closed
//!              a request, refused      the refusal's body ends
//! ```
//!
//! The states of the connection:
//!
//! ```text
//!        we send a close frame           the peer's close frame arrives
//!      ┌───────────────────────► LocalClosing ──────────────────────────┐
//! Open ┤                                                                ├► Closed
//!      └───────────────────────► RemoteClosing ─────────────────────────┘
//!        the peer's close frame          we send a close frame
//!        arrives, or it breaks a rule
//!
//! Open, LocalClosing ── the transport ends (1006) ──► Closed
//! ```
//!
//! [`ConnectionState`] is this state; it is computed from the two halves. [`TransportAction`] says what to do with the
//! transport: a server closes it, a client waits for the server to close it. [`CloseInfo`] says how it ended.
//!
//! # Messages in pieces
//!
//! [`Messages`] waits for whole messages, so the longest one has to fit in memory. A [`Connection`] returns each piece
//! as it arrives, in your buffer, without a copy: a piece is not a message, until `message_finished` is true. Replies
//! are then yours to send:
//!
//! ```
//! use std::io::{self, Read, Write};
//! use wsproto::{Connection, Event, TransportAction};
//!
//! /// Sends each piece back. The first `received` bytes of the buffer came after the handshake.
//! fn echo(
//!     mut socket: impl Read + Write,
//!     mut connection: Connection,
//!     mut buffer: Vec<u8>,
//!     mut received: usize,
//! ) -> io::Result<()> {
//!     let mut output = Vec::new();
//!     loop {
//!         let mut input = &mut buffer[..received];
//!         let (receiver, sender) = connection.split();
//!         loop {
//!             match receiver.next_event(&mut input) {
//!                 Ok(Some(Event::Text(piece))) => sender.send(piece, &mut output)?,
//!                 Ok(Some(Event::Bytes(piece))) => sender.send(piece, &mut output)?,
//!                 Ok(Some(Event::Ping(ping))) => sender.send(ping.response(), &mut output)?,
//!                 Ok(Some(Event::Pong(_))) => {}
//!                 Ok(Some(Event::Close(close))) => sender.send(close.response(), &mut output)?,
//!                 Ok(None) => break, // all bytes are used
//!                 // The peer broke a rule.
//!                 Err(error) => sender.send(error.response(), &mut output)?,
//!             }
//!         }
//!         socket.write_all(&output)?;
//!         output.clear();
//!         if connection.transport_action() != TransportAction::Keep {
//!             return Ok(());
//!         }
//!         received = socket.read(&mut buffer)?;
//!         if received == 0 {
//!             _ = connection.receive_eof();
//!         }
//!     }
//! }
//! # struct Socket(&'static [u8], Vec<u8>);
//! # impl Read for Socket {
//! #     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> { self.0.read(buffer) }
//! # }
//! # impl Write for Socket {
//! #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.1.write(bytes) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let mut socket = Socket(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81\x05Hello", Vec::new());
//! # let connection = wsproto::Connection::server(wsproto::Limits::default());
//! # echo(&mut socket, connection, vec![0; 4096], 0)?;
//! # assert_eq!(socket.1, b"\x81\x05Hello\x88\x1f\x03\xeaframe from client is unmasked");
//! # Ok::<(), io::Error>(())
//! ```
//!
//! # All in one
//!
//! [`WsConnection`] is the handshake and the connection in one, with owned events, for those who know Python's
//! wsproto:
//!
#![cfg_attr(feature = "handshake", doc = "```")]
#![cfg_attr(not(feature = "handshake"), doc = "```ignore")]
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
//! # Errors
//!
//! There are two kinds. If the peer broke a rule ([`HandshakeError`], [`RemoteProtocolError`]), the error names the
//! rule, is returned once, and has its `response` ready to be sent. If your program did ([`LocalProtocolError`]),
//! nothing was written and nothing has changed. With `std`, `?` turns each of them into an `io::Error`.
//!
//! | what happened | error | code or status | likely cause | what to do |
//! |---|---|---|---|---|
//! | the request is not a WebSocket request | `MissingUpgrade`, `MethodNotGet`, … | 400, 405 | a browser opened the page, or a health check | send the `response` |
//! | the client speaks another version | `UnsupportedVersion` | 426 | a client older than RFC 6455 | send the `response`: it names version 13 |
//! | the head is too long | `HeadTooLong`, `TooManyHeaders` | 431 | large cookies | raise [`HandshakeLimits`], or send the `response` |
//! | the server did not accept | no error: [`HandshakeResponse::Reject`] | any | wrong path, login, redirect | read its status and its body |
//! | the response does not fit the request | `WrongAccept`, `UnexpectedExtension`, … | | a cache, or a server with a fault | close the transport |
//! | a frame has the wrong masking | `UnmaskedFrameFromClient`, `MaskedFrameFromServer` | 1002 | the wrong role: `server` in a client, or the reverse | check the constructor |
//! | RSV bits are set | `ReservedBits` | 1002 | an extension was agreed on but does not run | call [`Connection::with_extensions`] |
//! | frames make no sense | `ReservedOpcode`, `NonMinimalLength`, … | 1002 | bytes were lost or read twice, often those after the handshake's head | check the buffer; a test with one byte a read helps |
//! | text is not UTF-8 | `InvalidUtf8` | 1007 | binary data sent as text | the peer should send binary messages |
//! | compressed data is malformed | `InvalidDeflate` | 1007 | as for frames that make no sense | send the `response` |
//! | a limit was reached | `FrameTooLong`, `MessageTooLong`, … | 1009 | a long message, or an attack | raise [`Limits`], or send the `response` |
//! | the transport ended without a close frame | no error: [`CloseInfo`] | 1006 | the network, a crash, a proxy's timeout | connect again, after a delay |
//! | the peer's close frame had no code | no error: [`CloseInfo`] | 1005 | `close()` in a browser without arguments | nothing |
//! | a message cannot start | `CloseSent`, `CloseReceived`, `PeerFailed`, `Ended` | | the connection is closing | stop sending |
//! | a frame cannot be sent between others | `MessageInProgress`, `FrameInProgress`, … | | a fragmented message or a streamed frame is not complete | finish it first |
//! | a client calls what only a server can use | `MaskingRequired` | | `Sender::frame_header` without masking | use `Sender::frame_in_place` |
//! | there is no room | `OutputFull` | | the `&mut [u8]` is too short | write it out, then send again |
//!
//! A [`CloseInfo`] has the code that was received, as §7.1.5 of the RFC defines it. So it says 1006 after a failure,
//! though we have sent 1002: no close frame has come from the peer. [`CloseInfo::by`] has the failure.
//!
//! # What you can rely on
//!
//! - **No input or output.** No socket, no clock, no thread, no hidden randomness: a client gets its [`Entropy`] from
//!   you. The same inputs give the same outputs.
//! - **It does not matter how reads cut the input.** The events are the same, except for where the pieces of a message
//!   begin and end. A failure is reported by the read that contains the first byte that proves it;
//!   [`Receiver::bytes_after_error`] says how many consumed bytes follow that byte. In a compressed message it does not
//!   count them: there are none if the message is too long, otherwise up to 16 KiB of the same read.
//! - **Nothing grows without a limit.** [`Limits`] and [`HandshakeLimits`] are on by default, and are checked before
//!   anything is stored.
//! - **No panic** on any bytes from a peer, and no `unsafe` unless you ask for it.
//! - **You do not pay for what you do not use.** Extensions are one pointer in each half of a connection. Messages
//!   that they do not change take the same fast path as on a connection without extensions.
//!
//! # What is left to you
//!
//! - The transport and its timeouts. For `wss`, TLS with server name indication.
//! - A client has at most one connection to an address in the handshake (RFC 6455 §4.1), and waits longer and longer
//!   before it connects again (§7.2.3).
//! - A server checks the [origin] of a request if not every page may connect (§10.2): [`OriginPolicy`].
//! - Never show a close reason to an end user (§5.5.1).
//! - Close the transport when [`TransportAction`] says so.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `std` (default) | [`SeededEntropy`]; [`Connection::into_shared_halves`]; errors as `io::Error`; the fastest masking and UTF-8 check for the processor |
//! | `deflate` (default) | [`PermessageDeflate`] (RFC 7692); without `std`, its memory comes from C's `malloc` |
//! | `handshake` (default) | the opening handshake: [over slices][`SliceServerHandshake`]; with `alloc` over all versions of HTTP, and [`WsConnection`] |
//! | `wasm_js` | [`SeededEntropy`] on `wasm32-unknown-unknown`, seeded by JavaScript's `crypto.getRandomValues` |
//! | `http` | conversions from and to the `http` crate's types, for [`ServerUpgrade`] and the like; includes `handshake` |
//! | `bytes` | messages as `Bytes`, without a copy: [`Messages::next_message_bytes`], [`Receiver::next_event_bytes`]; `BytesMut` as [`Output`] |
//! | `alloc` | your own [`Extension`]s, [`Messages`], `Vec<u8>` as [`Output`] |
//! | `arbitrary` | `Arbitrary` for plain values; `ValidFrames` and `BrokenFrames`: sequences for fuzzers and conformance suites |
//! | `unsafe-text` | saves the second pass over short ASCII text: the one use of `unsafe`, which is forbidden without it |
//! | none | frames, messages and connections, without an allocator: `no_std` |
//!
//! Features only add: none changes what another does. All of them build for `wasm32-wasip1` and for
//! `wasm32-unknown-unknown`. The latter has no source of entropy: without `wasm_js` there is no [`SeededEntropy`], and
//! a client brings its own [`Entropy`]. It has no `malloc` either: there, `deflate` links Rust's `std`. On bare metal,
//! such as `thumbv7em-none-eabi`, there is no `std`, no `http` and no `arbitrary`, and `deflate` needs a C library.
//!
//! # Differences from Python's wsproto
//!
//! Names and events are those of Python's wsproto. These things differ:
//!
//! - *Close codes.* `CloseReason` is [`CloseCode`], as the RFC's reason is the text. A close frame without a code has
//!   `code: None` and not 1005, so that 1005 can be refused when it is sent. Codes are checked in both directions. 1012
//!   to 1014 are allowed; 1010 is for clients.
//! - *Limits* exist, for heads, headers, frames, messages and fragments.
//! - *Failures are final,* and are reported at the first byte that proves them. After one, the state says so, no message
//!   starts, and what arrives is dropped.
//! - *Replies that are too late are dropped* and are not errors: a pong after our close frame, for example. Replies can
//!   be prepared without being asked for ([`ReplyPolicy`]); as in wsproto, none are unless set.
//! - *A message in progress may be finished* after the peer has closed. Pings and pongs may be sent until our close
//!   frame is sent. After both, what arrives is dropped and is not an error.
//! - *No event after a clean close.* The end of the transport is reported, as 1006, only if no close frame came and
//!   nothing failed; once; and after everything that came before it.
//! - *A close frame can be answered after the end of the transport,* as our direction may still be open. So can a
//!   failure; the state is `RemoteClosing` until then.
//! - *The handshake is strict.* It checks the key, the version, `Host`, `Connection` and `Upgrade` as lists over several
//!   headers, repeated headers, HTTP/1.0 and bodies, and refuses them with a status that fits. 103 and other 1xx
//!   responses are skipped and are not a refusal. A request is refused once it is complete.
//! - *A request that was parsed elsewhere* becomes a [`ServerUpgrade`], which checks it by the same rules; then it goes into
//!   a connection ([`WsConnection::receive_request`]), or is answered in names and values.
//! - *Data after the request is kept*, and is read once the request is accepted.
//! - *permessage-deflate* continues after control frames between fragments, after final blocks, and after empty
//!   messages. Data that ends inside a block is a failure, and so are more final blocks than `PermessageDeflate`
//!   allows.
//!
// Where a name is missing in this build, its links lead to the table of features.
#![cfg_attr(all(feature = "alloc", feature = "handshake"), doc = "[origin]: Request::origin")]
#![cfg_attr(
    not(feature = "alloc"),
    doc = "
[`Connection::with_extensions`]: crate#features
[`DeflateBlocks`]: crate#features
[`Extension`]: crate#features
[`MessageAssembler`]: crate#features
[`Messages`]: crate#features
[`PreparedMessage`]: crate#features
[`Sender::prepared_frame`]: crate#features
[`ReadBuffer`]: crate#features
"
)]
#![cfg_attr(
    not(feature = "handshake"),
    doc = "
[`HandshakeError`]: crate#features
[`HandshakeLimits`]: crate#features
[`SliceClientHandshake`]: crate#features
[`SliceServerHandshake`]: crate#features
"
)]
#![cfg_attr(
    not(all(feature = "alloc", feature = "handshake")),
    doc = "
[`ClientExtendedConnect`]: crate#features
[`ClientHandshake`]: crate#features
[`ClientUpgrade`]: crate#features
[`ConnectRequest`]: crate#features
[`HandshakeResponse::Reject`]: crate#features
[`HttpConnect`]: crate#features
[`OriginPolicy`]: crate#features
[`ServerExtendedConnect`]: crate#features
[`ServerHandshake`]: crate#features
[`ServerHandshake::refused_head`]: crate#features
[`ServerUpgrade`]: crate#features
[`WebSocketUri`]: crate#features
[`WsConnection`]: crate#features
[`WsConnection::receive_request`]: crate#features
[origin]: crate#features
"
)]
#![cfg_attr(not(feature = "deflate"), doc = "[`PermessageDeflate`]: crate#features")]
#![cfg_attr(not(all(feature = "deflate", feature = "std")), doc = "[`DeflatePool`]: crate#features")]
#![cfg_attr(
    not(all(feature = "std", feature = "deflate", feature = "handshake")),
    doc = "[guide]: crate#features"
)]
#![cfg_attr(not(feature = "std"), doc = "[`Connection::into_shared_halves`]: crate#features")]
#![cfg_attr(
    not(feature = "bytes"),
    doc = "
[`MessagePart`]: crate#features
[`Messages::next_message_bytes`]: crate#features
[`Messages::next_part_bytes`]: crate#features
[`Receiver::next_event_bytes`]: crate#features
"
)]
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
mod copy;
mod utf8;
#[cfg(feature = "bytes")]
mod utf8_bytes;
mod entropy;
mod limits;
mod encoded_header;
// What heads and lists of extensions have in common.
#[cfg(any(feature = "alloc", feature = "handshake"))]
mod token;
#[cfg(feature = "alloc")]
mod packed;
// What the handshake computes without an allocator.
#[cfg(feature = "handshake")]
mod accept_token;
#[cfg(feature = "handshake")]
mod subprotocol;
// Failure.
#[cfg(any(feature = "alloc", feature = "handshake"))]
mod excerpt;
mod error;
mod output;
// Between a transport and a machine.
#[cfg(feature = "alloc")]
mod read_buffer;
// Bytes to heads, and back.
#[cfg(feature = "handshake")]
mod http;
// Bytes to frames, frames to events, events to a connection; and back.
mod frame;
mod event;
mod extension;
mod message;
mod connection;
mod keepalive;
#[cfg(feature = "alloc")]
mod messages;
// Heads to an open connection.
#[cfg(feature = "handshake")]
mod handshake;
// All as one.
#[cfg(all(feature = "alloc", feature = "handshake"))]
mod ws_connection;
#[cfg(feature = "std")]
mod io_error;
// For fuzzers.
#[cfg(feature = "arbitrary")]
mod generate;
// For readers.
#[cfg(all(any(doc, doctest), feature = "std", feature = "deflate", feature = "handshake"))]
pub mod guide;

pub use close_code::CloseCode;
pub use connection::{
    AutoReplies, ClientConnection, CloseInfo, CloseSent, ClosedBy, Connection, ConnectionState, Notice,
    Receiver, ReceiverHalf, ReceiverState, ReplyPolicy, Sender, SenderHalf, ServerConnection,
    TransportAction,
};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use connection::{SharedReceiver, SharedSender};
pub use encoded_header::EncodedHeader;
pub use entropy::{Entropy, NoEntropy};
pub use error::{ExtensionError, LocalProtocolError, RemoteProtocolError};
pub use event::{
    BytesMessage, CloseConnection, Event, EventRef, Message, MessageRef, Outgoing, Ping, Pong, Reply,
    TextMessage,
};
pub use frame::{
    Ends, FrameChunk, FrameDecoder, FrameEncoder, FrameHeader, LengthForm, RawClosePayload, RawFrameHeader,
    Rsv,
};
pub use keepalive::{Keepalive, KeepaliveAction, Timeout, Timeouts};
pub use limits::Limits;
pub use mask::Mask;
pub use message::{Found, MessageDecoder, Source};
pub use opcode::{MessageKind, Opcode, UnknownOpcode};
pub use output::Output;
pub use role::Role;
pub use utf8::{InvalidUtf8, Utf8Decoder};
#[cfg(feature = "bytes")]
#[cfg_attr(docsrs, doc(cfg(feature = "bytes")))]
pub use {messages::MessagePart, utf8_bytes::Utf8Bytes};

// The opening handshake.
#[cfg(feature = "handshake")]
pub use {
    accept_token::{AcceptToken, SecWebSocketKey, generate_accept_token},
    error::HandshakeError,
    handshake::{
        HandshakeResponseRef, RequestRef, ResponseRef, SliceClientHandshake, SliceRequest,
        SliceServerHandshake,
    },
    http::split_list,
    limits::HandshakeLimits,
    subprotocol::select_subprotocol,
};

// What needs an allocator.
#[cfg(feature = "alloc")]
pub use {
    connection::{PreparedFrame, PreparedMessage},
    extension::{
        Decoded, DeflateBlocks, Extension, ExtensionParams, Extensions, InboundExtension,
        NegotiatedExtension, OutboundExtension,
    },
    message::MessageAssembler,
    messages::{IncomingMessages, Messages, MessagesParts, OutgoingMessages},
    read_buffer::ReadBuffer,
};

// What needs both.
#[cfg(all(feature = "alloc", feature = "handshake"))]
pub use {
    handshake::{
        AcceptConnection, ClientExtendedConnect, ClientHandshake, ClientUpgrade, ConnectRequest,
        ConnectResponse, HandshakeResponse, HttpConnect, Origin, OriginPolicy, RejectConnection, RejectData,
        Request, ResponseParts, Scheme, ServerExtendedConnect, ServerHandshake, ServerUpgrade, UriError,
        WebSocketUri,
    },
    http::{Headers, HeadersIter, HttpVersion, RequestHead, StreamError},
    ws_connection::{ReceiveError, WsConnection, WsEvent, WsEventRef, WsOutgoing},
};

// What is wrong with the extensions that a peer names: each of them reads such lists.
#[cfg(any(feature = "alloc", feature = "handshake"))]
pub use {
    error::{ExtensionParseError, ExtensionParseErrorKind, NegotiationError, NegotiationErrorKind},
    excerpt::Excerpt,
};

#[cfg(feature = "arbitrary")]
#[cfg_attr(docsrs, doc(cfg(feature = "arbitrary")))]
pub use generate::{BrokenFrames, ValidFrames};

#[cfg(all(feature = "std", feature = "deflate"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "std", feature = "deflate"))))]
pub use extension::DeflatePool;
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
#[cfg(all(doctest, feature = "std", feature = "deflate", feature = "handshake"))]
#[doc = include_str!("../README.md")]
struct Readme;
