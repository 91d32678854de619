//! Says what captured bytes mean: each event with its offset, and the rule that was broken, if one was.
//!
//! ```sh
//! cargo run --example dump -- --role server capture.bin
//! ```
//!
//! The bytes are of one direction. The role is that of the endpoint that received them: a server gets masked
//! frames, a client gets unmasked ones. A capture may begin with the head of the handshake. It ends with 0 if
//! no rule was broken, with 1 if one was, and with 2 if it was called wrongly or could not read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use wsproto::{CloseCode, Event, LentEvent, Limits, Receiver, ReceiverState, Role};

fn main() -> ExitCode {
    let call = match Call::parse(std::env::args().skip(1)) {
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
    let input: io::Result<Box<dyn Read>> = match call.file.as_deref() {
        None | Some("-") => Ok(Box::new(io::stdin())),
        Some(file) => File::open(file).map(|file| Box::new(file) as Box<dyn Read>),
    };
    match input.and_then(|mut input| dump(call.role, &mut input, &mut io::stdout().lock())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dump: {}: {error}", call.file.as_deref().unwrap_or("standard input"));
            ExitCode::from(2)
        }
    }
}

/// What was asked for.
struct Call {
    role: Role,
    file: Option<String>,
}

impl Call {
    /// Reads the arguments; `None` where help is wanted.
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut role = None;
        let mut file = None;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--role" => {
                    role = Some(match args.next().as_deref() {
                        Some("client") => Role::Client,
                        Some("server") => Role::Server,
                        Some(other) => return Err(format!("--role is client or server, not {other}")),
                        None => return Err("--role needs client or server".to_owned()),
                    });
                }
                option if option.starts_with("--") => return Err(format!("unknown argument: {arg}")),
                _ if file.is_some() => return Err(format!("one file is enough: {arg}")),
                _ => file = Some(arg),
            }
        }
        let role = role.ok_or("--role is needed")?;
        Ok(Some(Self { role, file }))
    }
}

/// Prints all there is to say; false where a rule was broken.
fn dump(role: Role, input: &mut dyn Read, output: &mut impl Write) -> io::Result<bool> {
    let mut receiver = Receiver::new(role, Limits::NONE);
    // How much was read, and where the thing began that is told next.
    let mut offset = 0_usize;
    let mut start = 0_usize;
    let mut buffer = Vec::new();
    input.take(MAX_HEAD_LEN).read_to_end(&mut buffer)?;
    let Some(head_len) = head_len(&buffer) else {
        writeln!(output, "{offset:>10}  end of the capture, inside the head of a handshake")?;
        return Ok(true);
    };
    if head_len > 0 {
        let head = buffer.get(..head_len).unwrap_or_default();
        let first_line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        writeln!(output, "{offset:>10}  head of {head_len} bytes: {}", first_line.escape_ascii())?;
        offset = head_len;
        start = offset;
        buffer.drain(..head_len);
    }
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
                    let at = at.saturating_sub(receiver.overread()).saturating_sub(1);
                    let (code, rest) = (error.close_code(), "what follows is not read");
                    writeln!(output, "{at:>10}  broken rule: {error}; close with {code}; {rest}")?;
                    return Ok(false);
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
            return Ok(true);
        }
    }
}

/// How long the head of a handshake is that `bytes` begin with: 0 if they begin with none, `None` if it has
/// no end.
fn head_len(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"GET ") && !bytes.starts_with(b"HTTP/1.") {
        return Some(0);
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    end.map(|end| end.saturating_add(4))
}

fn describe(event: &LentEvent<'_>) -> String {
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

/// How many bytes there are, and the first of them.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let (before, after) = match bytes.len() {
        0 => ("", ""),
        1..=SHOWN => (": ", ""),
        _ => (": ", "…"),
    };
    format!("{} bytes{before}{digits}{after}", bytes.len())
}

/// How many bytes of a payload are shown.
const SHOWN: usize = 32;

/// The longest head that is looked for.
const MAX_HEAD_LEN: u64 = 64 << 10;

/// What one read may give.
const BUFFER_LEN: usize = 64 << 10;

const USAGE: &str = "usage: dump --role client|server [FILE]   (FILE is the standard input unless given)";
