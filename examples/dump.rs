//! Prints the WebSocket events in captured bytes, each with its offset, and the rule that was broken, if one was.
//!
//! ```sh
//! cargo run --example dump -- --role server capture.bin
//! ```
//!
//! The capture has one direction of a connection, from its first byte, with or without the handshake. `--role` says
//! whose bytes are read: `server` for the bytes that a server received, which a client sent and masked; `client` for
//! those that a client received. Of the handshake, only the syntax of the heads and their extensions are checked.
//!
//! If permessage-deflate is in use, messages are decompressed. The head of the server's response says which extensions
//! are in use. The client's direction, or a capture without a head, does not say it. Then a message with RSV1 is
//! decompressed as well, with context takeover, which can read everything that a peer may send, whatever was
//! negotiated. What looks like a broken rule is not reported as one if an extension that `dump` does not know may
//! allow it.
//!
//! The exit status is 0 if no rule was broken, 1 if one was, 2 if the arguments are wrong or the capture cannot be
//! read, and 3 if `dump` had to stop at bytes that an unknown extension may explain.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use wsproto::{
    CloseCode, Connection, DeflateParams, Event, EventRef, Extension, ExtensionParams, Extensions, Limits,
    PermessageDeflate, Receiver, ReceiverState, RemoteProtocolError, Role, SeededEntropy,
};

fn main() -> ExitCode {
    let call = match Call::parse(lexopt::Parser::from_env()) {
        Ok(Some(call)) => call,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("dump: {wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let (name, input): (_, io::Result<Box<dyn Read>>) = match call.file.as_deref() {
        None => ("standard input".into(), Ok(Box::new(io::stdin()))),
        Some(file) => (file.to_string_lossy(), File::open(file).map(|file| Box::new(file) as Box<dyn Read>)),
    };
    let dumped =
        input.map_err(Stop::from).and_then(|mut input| dump(&call, &mut input, &mut io::stdout().lock()));
    match dumped {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Broken) => ExitCode::FAILURE,
        Err(Stop::NotUnderstood) => ExitCode::from(3),
        // The program that reads our output has ended: that is no failure.
        Err(Stop::Error(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Stop::Error(error)) => {
            eprintln!("dump: {name}: {error}");
            ExitCode::from(2)
        }
    }
}

/// The arguments.
struct Call {
    /// The endpoint that received the bytes.
    role: Role,
    /// The extensions in use, if `--extensions` names them.
    in_use: Option<InUse>,
    /// `None` for the standard input.
    file: Option<OsString>,
}

impl Call {
    /// Reads the arguments; `None` if they ask for help.
    fn parse(mut arguments: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        use lexopt::prelude::*;
        let (mut role, mut in_use, mut file) = (None, None, None);
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("help") | Short('h') => return Ok(None),
                Long("role") => {
                    let value = arguments.value()?;
                    role = Some(match value.to_str() {
                        Some("client") => Role::Client,
                        Some("server") => Role::Server,
                        _ => return Err(format!("--role takes client or server, not {value:?}").into()),
                    });
                }
                Long("extensions") => {
                    let answer = arguments.value()?.string()?;
                    let agreed =
                        parse_extensions([answer.as_bytes()]).and_then(|answers| InUse::agreed(&answers));
                    in_use = Some(agreed.map_err(|why| format!("--extensions: {why}"))?);
                }
                Value(value) if file.is_none() => file = Some(value),
                other => return Err(other.unexpected()),
            }
        }
        let role = role.ok_or("--role is missing")?;
        Ok(Some(Self { role, in_use, file: file.filter(|file| file != "-") }))
    }
}

/// Why the capture is not read to its end.
enum Stop {
    /// A rule was broken.
    Broken,
    /// The next bytes may be right or wrong: an unknown extension may allow them.
    NotUnderstood,
    Error(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Error(error)
    }
}

/// Prints the heads of the handshake, if they are there, and then the frames.
fn dump(call: &Call, input: &mut dyn Read, output: &mut impl Write) -> Result<(), Stop> {
    let mut buffer = Vec::new();
    input.take(MAX_HANDSHAKE_LEN).read_to_end(&mut buffer)?;
    let Some((len, in_use)) = dump_handshake(call.role, &buffer, output)? else { return Ok(()) };
    buffer.drain(..len);
    let in_use = call.in_use.as_ref().unwrap_or(&in_use);
    dump_frames(call.role, in_use, len, buffer, input, output)
}

/// Prints the heads before the frames; returns their length, and the extensions that they name.
///
/// Returns `None` if no frames follow.
fn dump_handshake(role: Role, bytes: &[u8], output: &mut impl Write) -> Result<Option<(usize, InUse)>, Stop> {
    match (receiver_of_head(bytes), role) {
        (None, _) => return Ok(Some((0, InUse::unseen()))),
        (Some(Role::Server), Role::Client) => {
            return Err(unreadable("this is a request, which a server received: use --role server"));
        }
        (Some(Role::Client), Role::Server) => {
            return Err(unreadable("this is a response, which a client received: use --role client"));
        }
        (Some(_), _) => {}
    }
    let mut start = 0_usize;
    loop {
        let rest = bytes.get(start..).unwrap_or_default();
        let Head { len, status, in_use } = match Head::parse(role, rest) {
            Ok(Some(head)) => head,
            Ok(None) if bytes.len() as u64 == MAX_HANDSHAKE_LEN => {
                return Err(unreadable("the handshake is longer than 64 KiB"));
            }
            Ok(None) => {
                writeln!(output, "{:>10}  end of the capture, inside the handshake", bytes.len())?;
                return Ok(None);
            }
            Err(why) => {
                writeln!(output, "{start:>10}  head is malformed: {why}; what follows is not read")?;
                return Err(Stop::Broken);
            }
        };
        let first_line = rest.split(|byte| *byte == b'\r').next().unwrap_or_default();
        writeln!(output, "{start:>10}  head of {len} bytes: {}", first_line.escape_ascii())?;
        start = start.saturating_add(len);
        match status {
            None | Some(101) => {
                in_use.line.iter().try_for_each(|line| writeln!(output, "{start:>10}  {line}"))?;
                return Ok(Some((start, in_use)));
            }
            // Another head follows (RFC 9110 §15.2).
            Some(100..=199) => {}
            Some(status) => {
                let rest = "what follows is not a WebSocket stream";
                writeln!(output, "{start:>10}  the server refused with {status}: {rest}")?;
                return Ok(None);
            }
        }
    }
}

/// The error for a capture that cannot be read, although no peer broke a rule.
fn unreadable(why: &str) -> Stop {
    Stop::Error(io::Error::other(why))
}

/// The role that receives the head at the start of `bytes`, which may be incomplete; `None` if there is no head.
fn receiver_of_head(bytes: &[u8]) -> Option<Role> {
    let is_cut = |start: &[u8]| !bytes.is_empty() && start.starts_with(bytes);
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    if line.starts_with(b"HTTP/") || is_cut(b"HTTP/") {
        Some(Role::Client)
    } else if line.starts_with(b"GET ") || is_cut(b"GET ") || is_request_line(line) {
        Some(Role::Server)
    } else {
        None
    }
}

/// Whether this is the first line of a request, with any method (RFC 9112 §3).
fn is_request_line(line: &[u8]) -> bool {
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    line.is_ascii() && version.starts_with(b"HTTP/") && line.first().is_some_and(u8::is_ascii_alphabetic)
}

/// What `dump` needs of a head.
struct Head {
    len: usize,
    /// `None` for a request.
    status: Option<u16>,
    in_use: InUse,
}

impl Head {
    /// Reads the head at the start of `bytes`; `None` if it is incomplete.
    fn parse(role: Role, bytes: &[u8]) -> Result<Option<Self>, String> {
        let mut fields = vec![httparse::EMPTY_HEADER; bytes.len().div_ceil(MIN_FIELD_LEN)];
        let (len, status, fields) = match role {
            Role::Server => {
                let mut request = httparse::Request::new(&mut fields);
                (request.parse(bytes), None, request.headers)
            }
            Role::Client => {
                let mut response = httparse::Response::new(&mut fields);
                (response.parse(bytes), response.code, response.headers)
            }
        };
        let httparse::Status::Complete(len) = len.map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(EXTENSIONS));
        let extensions = parse_extensions(values.map(|field| field.value))?;
        let in_use = match role {
            Role::Server => InUse::offered(&extensions),
            Role::Client => InUse::agreed(&extensions)?,
        };
        Ok(Some(Self { len, status, in_use }))
    }
}

/// Parses values of `Sec-WebSocket-Extensions`.
fn parse_extensions<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Result<Vec<ExtensionParams>, String> {
    let values = values.into_iter().filter(|value| !value.trim_ascii().is_empty());
    let lists = values.map(ExtensionParams::parse_list).collect::<Result<Vec<_>, _>>();
    lists.map(|lists| lists.concat()).map_err(|error| format!("{EXTENSIONS} is malformed: {error}"))
}

/// The extensions that are in use, or may be.
struct InUse {
    /// How to decompress messages with RSV1; `None` if RSV1 is not allowed.
    deflate: Option<DeflateParams>,
    /// The line to print about the extensions.
    line: Option<String>,
    /// Why an extension that `dump` does not know may be in use.
    unknown: Option<String>,
}

impl InUse {
    /// What the head of the server's response says.
    fn agreed(answers: &[ExtensionParams]) -> Result<Self, String> {
        let (known, others) = partition(answers);
        let deflate = match known.as_slice() {
            [] => None,
            [answer] => Some(
                DeflateParams::parse_answer(answer)
                    .map_err(|error| format!("not a valid response: {error}"))?,
            ),
            _ => return Err("permessage-deflate is listed twice".to_owned()),
        };
        let line = (!answers.is_empty()).then(|| format!("extensions in use: {}", joined(answers)));
        let unknown =
            (!others.is_empty()).then(|| format!("dump does not know {}, which is in use", joined(&others)));
        Ok(Self { deflate, line, unknown })
    }

    /// What the client offers; the server may have accepted any of it.
    fn offered(offers: &[ExtensionParams]) -> Self {
        let (known, others) = partition(offers);
        let line = (!offers.is_empty()).then(|| {
            let rest = "the other direction has the response, which says which are in use";
            format!("extensions offered: {}; {rest}", joined(offers))
        });
        let unknown = (!others.is_empty())
            .then(|| format!("dump does not know {}, which may be in use", joined(&others)));
        Self { deflate: (!known.is_empty()).then_some(DeflateParams::DEFAULT), line, unknown }
    }

    /// For a capture without a head: any extension may be in use.
    fn unseen() -> Self {
        let unknown = Some("the capture has no head that says which extensions are in use".to_owned());
        Self { deflate: Some(DeflateParams::DEFAULT), line: None, unknown }
    }

    fn receiver(&self, role: Role) -> Receiver {
        let mut extensions = Extensions::new();
        if let Some(params) = self.deflate {
            let pushed = extensions.push(PermessageDeflate::new().negotiated(role, params));
            assert!(pushed.is_ok(), "no other extension uses RSV1");
        }
        match role {
            Role::Server => Connection::server(Limits::NONE).with_extensions(extensions).into_parts().0,
            // Nothing is sent, so nothing is masked.
            Role::Client => {
                let client = Connection::client(Limits::NONE, SeededEntropy::new());
                client.with_extensions(extensions).into_parts().0
            }
        }
    }

    /// Why a frame that seems to break this rule may be valid (RFC 6455 §9).
    fn excuse(&self, error: RemoteProtocolError) -> Option<&str> {
        match error {
            RemoteProtocolError::ReservedBits
            | RemoteProtocolError::ReservedOpcode(_)
            | RemoteProtocolError::InvalidDeflate => self.unknown.as_deref(),
            _ => None,
        }
    }
}

/// Returns those of permessage-deflate, and the others.
fn partition(extensions: &[ExtensionParams]) -> (Vec<&ExtensionParams>, Vec<&ExtensionParams>) {
    extensions.iter().partition(|extension| extension.name() == PermessageDeflate::new().name())
}

fn joined(extensions: impl IntoIterator<Item = impl ToString>) -> String {
    let names: Vec<_> = extensions.into_iter().map(|extension| extension.to_string()).collect();
    names.join(", ")
}

/// Prints the events in `buffer`, which begins at `offset`, and then those in `input`.
fn dump_frames(
    role: Role,
    in_use: &InUse,
    mut offset: usize,
    mut buffer: Vec<u8>,
    input: &mut dyn Read,
    output: &mut impl Write,
) -> Result<(), Stop> {
    let mut receiver = in_use.receiver(role);
    // The offset at which the next event begins.
    let mut start = offset;
    loop {
        let mut rest = buffer.as_mut_slice();
        loop {
            let before = rest.len();
            match receiver.next_event(&mut rest) {
                Ok(Some(event)) => writeln!(output, "{start:>10}  {}", describe(&event))?,
                Ok(None) => {
                    offset = offset.saturating_add(before);
                    break;
                }
                Err(error) => {
                    let at = offset.saturating_add(before.saturating_sub(rest.len()));
                    let at = at.saturating_sub(receiver.bytes_after_error()).saturating_sub(1);
                    return Err(dump_failure(at, error, in_use, output)?);
                }
            }
            offset = offset.saturating_add(before.saturating_sub(rest.len()));
            start = offset;
        }
        buffer.resize(BUFFER_LEN, 0);
        let len = input.read(&mut buffer)?;
        buffer.truncate(len);
        if len == 0 {
            writeln!(output, "{offset:>10}  {}", describe_end(&receiver))?;
            return Ok(());
        }
    }
}

/// Prints which rule was broken, or that an unknown extension may allow the frame.
fn dump_failure(
    at: usize,
    error: RemoteProtocolError,
    in_use: &InUse,
    output: &mut impl Write,
) -> io::Result<Stop> {
    let rest = "what follows is not read";
    if let Some(excuse) = in_use.excuse(error) {
        writeln!(output, "{at:>10}  not understood: {error}, but {excuse}; {rest}")?;
        return Ok(Stop::NotUnderstood);
    }
    writeln!(output, "{at:>10}  broken rule: {error}; close with {}; {rest}", error.close_code())?;
    Ok(Stop::Broken)
}

fn describe(event: &EventRef<'_>) -> String {
    let piece = |frame_finished, message_finished| match (frame_finished, message_finished) {
        (_, true) => "end of message",
        (true, false) => "end of fragment",
        (false, false) => "more of the frame follows",
    };
    match event {
        Event::Text(text) => {
            format!("text {:?}, {}", text.data, piece(text.frame_finished, text.message_finished))
        }
        Event::Bytes(bytes) => {
            format!("binary, {}, {}", hex(bytes.data), piece(bytes.frame_finished, bytes.message_finished))
        }
        Event::Ping(ping) => format!("ping, {}", hex(ping.payload)),
        Event::Pong(pong) => format!("pong, {}", hex(pong.payload)),
        Event::Close(close) => match close.code {
            Some(code) => format!("close {code}, reason {:?}", close.reason),
            None => format!("close without a code, which counts as {}", CloseCode::NO_STATUS_RCVD),
        },
    }
}

fn describe_end(receiver: &Receiver) -> &'static str {
    match (receiver.state(), receiver.is_idle()) {
        (ReceiverState::CloseReceived, _) => "end of the capture, after a close frame",
        (_, true) => "end of the capture, without a close frame",
        (_, false) => "end of the capture, inside a frame or a message",
    }
}

/// The number of bytes, and the first of them in hex.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let (before, after) = match bytes.len() {
        0 => ("", ""),
        1..=SHOWN => (": ", ""),
        _ => (": ", "…"),
    };
    format!("{} bytes{before}{digits}{after}", bytes.len())
}

/// How many bytes of a payload are printed.
const SHOWN: usize = 32;

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// The longest handshake that is read, in bytes.
const MAX_HANDSHAKE_LEN: u64 = 64 << 10;

/// The shortest line of a head: a name of one byte, a colon, and a line feed without a carriage return.
const MIN_FIELD_LEN: usize = 3;

/// The most bytes that one read returns.
const BUFFER_LEN: usize = 64 << 10;

const USAGE: &str = "\
usage: dump --role ROLE [--extensions VALUE] [FILE]

Prints the WebSocket events in captured bytes of one direction, each with its offset, and the rule that was broken, if
one was.

  FILE                the capture, with or without the heads of the handshake; - is the standard input
                      [default: -]
  --role ROLE         whose bytes are read: server for the bytes that a server received (a client sent them, masked),
                      client for those that a client received [no default]
  --extensions VALUE  the extensions in use, as in the server's Sec-WebSocket-Extensions; \"\" for none
                      [default: what the head of the server's response says; without it, a message with RSV1 is
                      read as permessage-deflate]
  -h, --help          print this

The exit status is 0 if no rule was broken, 1 if one was, 2 if the arguments are wrong or the capture cannot be read,
and 3 if dump had to stop at bytes that an unknown extension may explain.";
