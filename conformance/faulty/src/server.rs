//! The server: accepts connections, and echoes each message.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::accept::{self, Accepted, Policy};
use crate::build::{self, UserResponse};
use crate::fault::{Fault, Faults};
use crate::head::{BadHead, Head, HeadReader, trim};
use crate::rules::{Event, Role};
use crate::sender::Refused;
use crate::session::Session;

/// Serves until the process is ended.
pub(crate) fn serve(
    listener: &TcpListener,
    policy: &Policy,
    max_message: u64,
    faults: Faults,
) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        let policy = policy.clone();
        std::thread::Builder::new().spawn(move || {
            if let Ok((accepted, leftover)) = handshake(&stream, &policy, faults) {
                echo(Session::new(stream, Role::Server, accepted.deflate, max_message, &leftover, faults));
            }
        })?;
    }
}

/// Sends each message back, until the connection is over.
pub(crate) fn echo(mut session: Session) {
    while let Some(event) = session.next_event() {
        if let Event::Message { is_text, payload } = event {
            let _refused_after_close = session.sender.message(is_text, &payload);
            if session.flush().is_err() {
                return;
            }
        }
    }
}

/// Reads the request and writes the answer. Returns what the client sent after the request's head.
pub(crate) fn handshake(
    stream: &TcpStream,
    policy: &Policy,
    faults: Faults,
) -> io::Result<(Accepted, Vec<u8>)> {
    let answer = read_request(stream, faults)?;
    respond(stream, answer, policy, "", faults)
}

/// Reads the request, and answers what the user asks for. `None` if that is refused.
pub(crate) fn answer(
    stream: &TcpStream,
    policy: &Policy,
    asked: &Value,
    faults: Faults,
) -> io::Result<Option<(Accepted, Vec<u8>)>> {
    let request = read_request(stream, faults)?;
    let offered: Vec<&str> = match &request {
        Ok((head, _)) => {
            head.values("sec-websocket-protocol").flat_map(|list| list.split(',').map(trim)).collect()
        }
        Err(_) => Vec::new(),
    };
    match build::response(asked, &offered, faults) {
        Err(Refused) => Ok(None),
        Ok(UserResponse::Refuse(response)) => {
            { stream }.write_all(response.as_bytes())?;
            linger(stream)?;
            Err(io::Error::other("the user refused the request"))
        }
        Ok(UserResponse::Accept { subprotocol, fields }) => {
            let policy = Policy { chosen: subprotocol, ..policy.clone() };
            respond(stream, request, &policy, &fields, faults).map(Some)
        }
    }
}

/// A request's head with what followed it; or why it is refused.
type Requested = Result<(Head, Vec<u8>), BadHead>;

fn read_request(mut stream: &TcpStream, faults: Faults) -> io::Result<Requested> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = HeadReader::request(accept::check_request_line, faults);
    let mut buffer = vec![0; 16 << 10];
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let input = buffer.get(..len).unwrap_or_default();
        match reader.push(input) {
            Ok(None) => {}
            Ok(Some((head, used))) => return Ok(Ok((head, input.get(used..).unwrap_or_default().to_vec()))),
            Err(reason) => return Ok(Err(reason)),
        }
    }
}

/// Writes the response; `fields` are more lines of it.
fn respond(
    mut stream: &TcpStream,
    request: Requested,
    policy: &Policy,
    fields: &str,
    faults: Faults,
) -> io::Result<(Accepted, Vec<u8>)> {
    let answer =
        request.and_then(|(head, leftover)| Ok((accept::accept(&head, policy, fields, faults)?, leftover)));
    match answer {
        Ok((accepted, leftover)) => {
            stream.write_all(accepted.response.as_bytes())?;
            Ok((accepted, leftover))
        }
        Err(reason) => {
            if !faults.has(Fault::DropsRefusedRequest) {
                stream.write_all(accept::refusal(reason, faults).as_bytes())?;
            }
            linger(stream)?;
            Err(io::Error::new(io::ErrorKind::InvalidData, reason.rule))
        }
    }
}

/// Ends the connection so that the client can read the answer.
fn linger(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    // What is still on its way is read: else the system would drop the answer.
    let start = Instant::now();
    let mut buffer = vec![0; 16 << 10];
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    for _ in 0..16 {
        if start.elapsed() > Duration::from_secs(1) || !matches!(stream.read(&mut buffer), Ok(1..)) {
            break;
        }
    }
    Ok(())
}

/// How long one read or one write may wait for the peer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
