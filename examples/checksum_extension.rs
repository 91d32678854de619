//! A custom extension: every message ends with a checksum, which the receiver checks and removes.
//!
//! RSV2 marks a message with a checksum, so that a message without one can be sent too.
//!
//! ```sh
//! cargo run --example checksum_extension
//! ```

use std::error::Error;
use std::process::ExitCode;

use wsproto::{
    AcceptConnection, CloseCode, Decoded, Ends, Extension, ExtensionError, ExtensionParams, FrameHeader,
    InboundExtension, MessageKind, NegotiatedExtension, NegotiationError, NegotiationErrorKind, Opcode,
    OutboundExtension, RemoteProtocolError, ReplyPolicy, Request, Rsv, SeededEntropy, TextMessage,
    WsConnection, WsEvent,
};

/// What closes the connection if a checksum is wrong.
pub(crate) const WRONG_SUM: ExtensionError =
    ExtensionError::new(CloseCode::INVALID_FRAME_PAYLOAD_DATA, "checksum is wrong");

/// The extension as it is offered and accepted. It has no parameters.
#[derive(Debug)]
pub(crate) struct Checksum;

impl Extension for Checksum {
    fn name(&self) -> &str {
        "x-checksum"
    }

    fn offers(&self) -> Vec<ExtensionParams> {
        vec![ExtensionParams::new(self.name())]
    }

    fn accept_response(&self, answer: &ExtensionParams) -> Result<NegotiatedExtension, NegotiationError> {
        match answer.params().next() {
            None => Ok(NegotiatedExtension::new(Check::default(), Add::default())),
            Some((param, _)) => {
                Err(NegotiationError::new(NegotiationErrorKind::UnknownParam, self.name()).with_param(param))
            }
        }
    }

    fn accept_offer(&self, offer: &ExtensionParams) -> Option<(ExtensionParams, NegotiatedExtension)> {
        Some((ExtensionParams::new(self.name()), self.accept_response(offer).ok()?))
    }
}

/// Adds checksums to messages that are sent.
#[derive(Debug, Default)]
struct Add {
    /// The sum of the message so far, modulo 256.
    sum: u8,
    /// The payload of the frame that is being sent.
    frame: Vec<u8>,
}

impl OutboundExtension for Add {
    fn rsv_for(&self, _: MessageKind, _: Option<usize>) -> Option<Rsv> {
        Some(Rsv::RSV2)
    }

    fn max_encoded_len(&self, len: usize) -> usize {
        len.saturating_add(1)
    }

    fn encode(&mut self, payload: &[u8], message_finished: bool) -> &[u8] {
        self.sum = sum(self.sum, payload);
        self.frame.clear();
        self.frame.extend_from_slice(payload);
        if message_finished {
            self.frame.push(self.sum);
            self.sum = 0;
        }
        &self.frame
    }
}

/// Checks and removes the checksums of messages that are received.
#[derive(Debug, Default)]
struct Check {
    /// Whether the message in progress has a checksum.
    is_marked: bool,
    /// The sum of the message so far, modulo 256, without `last`.
    sum: u8,
    /// The last byte so far. It is kept back because it may be the checksum.
    last: Option<u8>,
    /// The bytes of the last call without the checksum.
    output: Vec<u8>,
}

impl InboundExtension for Check {
    fn rsv(&self) -> Rsv {
        Rsv::RSV2
    }

    fn is_per_message(&self) -> bool {
        true
    }

    fn begin_frame(&mut self, header: &FrameHeader) -> Result<bool, RemoteProtocolError> {
        if header.opcode != Opcode::Continuation {
            self.is_marked = header.rsv.contains(Rsv::RSV2);
            (self.sum, self.last) = (0, None);
        }
        Ok(self.is_marked)
    }

    fn decode(&mut self, payload: &[u8], end: Ends, _: usize) -> Result<Decoded, RemoteProtocolError> {
        self.output.clear();
        if let Some((last, before)) = payload.split_last() {
            self.output.extend(self.last.replace(*last));
            self.output.extend_from_slice(before);
            self.sum = sum(self.sum, &self.output);
        }
        if end == Ends::Message && self.last != Some(self.sum) {
            return Err(RemoteProtocolError::Extension(&WRONG_SUM));
        }
        Ok(Decoded::new(payload.len(), true))
    }

    fn output(&self) -> &[u8] {
        &self.output
    }
}

fn sum(start: u8, bytes: &[u8]) -> u8 {
    bytes.iter().fold(start, |sum, byte| sum.wrapping_add(*byte))
}

fn main() -> ExitCode {
    match parse(lexopt::Parser::from_env()) {
        Ok(Call::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Call::Run) => match run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("checksum_extension: {error}");
                ExitCode::FAILURE
            }
        },
        Err(wrong) => {
            eprintln!("checksum_extension: {wrong}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The arguments.
enum Call {
    Help,
    Run,
}

fn parse(mut arguments: lexopt::Parser) -> Result<Call, lexopt::Error> {
    use lexopt::prelude::*;
    match arguments.next()? {
        None => Ok(Call::Run),
        Some(Long("help") | Short('h')) => Ok(Call::Help),
        Some(other) => Err(other.unexpected()),
    }
}

const USAGE: &str = "\
usage: checksum_extension [--help]

Sends a message with a checksum from a server to a client, both in memory; then sends the same message with one bit
changed, which the client refuses.

  -h, --help  print this";

fn run() -> Result<(), Box<dyn Error>> {
    let client = WsConnection::client(SeededEntropy::new()).with_extension(Checksum);
    let mut client = client.with_reply_policy(ReplyPolicy::PongAndClose);
    let mut server = WsConnection::server().with_extension(Checksum);
    server.receive_data(&client.send(Request::new("localhost", "/"))?)?;
    server.next_event()?;
    client.receive_data(&server.send(AcceptConnection::new())?)?;
    client.next_event()?;

    let mut frame = server.send(TextMessage::from("Hello"))?;
    println!("on the wire: {frame:02x?}");
    client.receive_data(&frame)?;
    if let Some(WsEvent::Text(text)) = client.next_event()? {
        println!("received: {:?}", text.data);
    }

    if let Some(byte) = frame.get_mut(3) {
        *byte ^= 1;
    }
    client.receive_data(&frame)?;
    while let Some(event) = client.next_event().transpose() {
        match event {
            Ok(event) => println!("received: {event:?}"),
            Err(error) => println!("refused: {error}"),
        }
    }
    // The client sends a close frame for the error before it closes the transport (RFC 6455 §7.1.7).
    server.receive_data(&client.bytes_to_send())?;
    if let Some(answer) = server.next_event()? {
        println!("answered: {answer:?}");
    }
    Ok(())
}
