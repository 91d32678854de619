//! Frames without extensions, in both roles: `tungstenite` returns the same messages and refuses the same connections.
//!
//! Allowed differences, each by a choice that is open or by its interface:
//!
//! - A fault is reported here at the byte that proves it (RFC 6455 §7.1.7 leaves open when), and there once the frame is
//!   complete. So an input that ends early may have failed here, and be incomplete there.
//! - A length that is not in its shortest form is refused here (§5.2), and read there; that of a control frame is reported
//!   as too long here (§5.5).
//! - A close frame with a code that must not be sent is refused here (§7.4), and returned there with another code. Which
//!   codes those are differs: 1012 to 1015, and 1016 to 2999.
//! - After a close frame nothing is returned, there or here; what follows it may be an error there, and is dropped here
//!   (§1.4, §5.5.1).
#![no_main]

use std::io::{self, Read, Write};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tungstenite::error::ProtocolError;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket, protocol};
use wsproto::{Limits, Receiver, RemoteProtocolError};
use wsproto_fuzz::{Joined, Kind, Received, Side, Wire, encode, feed};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    side: Side,
    wires: Vec<Wire<'a>>,
}

fuzz_target!(|input: Input<'_>| {
    let bytes = encode(input.side, &input.wires);
    let limits = Limits::NONE.with_max_frame_len(MAX_LEN as u64).with_max_message_len(MAX_LEN as u64);
    let outcome = feed(Receiver::new(input.side.into(), limits), &bytes, []);
    let expected = messages(&outcome.received);
    let (messages, error) = read(input.side, &bytes);
    let failure = outcome.failure.map(|failure| failure.error);
    match failure {
        Some(
            RemoteProtocolError::NonMinimalLength
            | RemoteProtocolError::ControlFrameTooLong
            | RemoteProtocolError::InvalidCloseCode(_),
        ) => {
            assert!(messages.starts_with(&expected), "{messages:?} but {expected:?}");
        }
        Some(failure) => {
            assert_eq!(messages, expected, "{failure:?}, {error:?}");
            assert!(!matches!(error, Error::ConnectionClosed), "closed there, and {failure:?} here");
        }
        None => {
            assert_eq!(messages, expected, "{error:?}");
            // After a close frame, the end is clean there, or there is a fault in what follows.
            let has_ended = matches!(error, Error::Protocol(ProtocolError::ResetWithoutClosingHandshake));
            assert!(has_ended || outcome.close.is_some(), "{error:?} only there");
            assert!(!has_ended || outcome.close.is_none(), "only here is it closed");
        }
    }
});

const MAX_LEN: usize = 1 << 17;

/// The messages that are complete, their fragments joined.
fn messages(received: &Received) -> Vec<Message> {
    let (mut messages, mut joined) = (Vec::new(), Vec::new());
    for frame in &received.0 {
        messages.push(match frame.clone() {
            Joined::Data { kind, payload, message_finished, .. } => {
                joined.extend(payload);
                if !message_finished {
                    continue;
                }
                let payload = std::mem::take(&mut joined);
                match kind {
                    Kind::Text => Message::text(String::from_utf8(payload).expect("text is UTF-8")),
                    Kind::Binary => Message::binary(payload),
                }
            }
            Joined::Ping(payload) => Message::Ping(payload.into()),
            Joined::Pong(payload) => Message::Pong(payload.into()),
            Joined::Close(code, reason) => Message::Close(
                code.map(|code| protocol::CloseFrame { code: code.get().into(), reason: reason.into() }),
            ),
        });
    }
    messages
}

/// What the other implementation returns, and its error, at the latest at the end of the transport.
fn read(side: Side, bytes: &[u8]) -> (Vec<Message>, Error) {
    let role = match side {
        Side::Client => protocol::Role::Client,
        Side::Server => protocol::Role::Server,
    };
    let config = WebSocketConfig::default()
        .max_frame_size(Some(MAX_LEN))
        .max_message_size(Some(MAX_LEN))
        .read_buffer_size(4096);
    let mut socket = WebSocket::from_raw_socket(Transport(bytes), role, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => messages.push(message),
            Err(error) => return (messages, error),
        }
    }
}

/// A transport that returns these bytes, and drops what is written.
struct Transport<'a>(&'a [u8]);

impl Read for Transport<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Transport<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
