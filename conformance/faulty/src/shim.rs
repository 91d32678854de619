//! The shim: cases on the standard input to what happened on the standard output (`SHIM.md`).

use std::io::{self, BufRead, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::accept::{Accepted, Policy};
use crate::build::{self, UserRequest};
use crate::client;
use crate::connect::{self, Asked};
use crate::fault::{Fault, Faults};
use crate::frame::{PING, PONG};
use crate::negotiation;
use crate::rules::{Event, Role};
use crate::sender::{Refused, Sender};
use crate::server;
use crate::session::Session;

/// Runs cases until the end of the input.
pub(crate) fn run(faults: Faults) -> io::Result<()> {
    print(&json!({
        "shim": 1, "name": "faulty", "version": env!("CARGO_PKG_VERSION"), "roles": ["client", "server"],
        "deflate": true, "max_message": true, "subprotocols": true, "origins": true, "fragments": true, "build": true,
        "actions": ["send_text", "send_binary", "send_continuation", "send_ping", "send_pong", "send_close", "receive"],
    }))?;
    for line in io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        match open(&case, faults) {
            Ok(Some(session)) => converse(session, case.get("actions").and_then(Value::as_array), faults)?,
            Ok(None) => print(&json!({"event": "refused", "action": 0}))?,
            Err(error) => print(&json!({"event": "error", "name": error.to_string()}))?,
        }
        print(&json!({"event": "end"}))?;
    }
    Ok(())
}

/// Connects to the suite, and makes the opening handshake. `None` if the user asked for a head that is refused.
fn open(case: &Value, faults: Faults) -> io::Result<Option<Session>> {
    let config = case.get("config").unwrap_or(&Value::Null);
    let port = case.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| io::Error::other("the case has no port"))?;
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    let max_message = config.get("max_message").and_then(Value::as_u64).unwrap_or(16 << 20);
    if case.get("role").and_then(Value::as_str) == Some("server") {
        let Some((accepted, leftover)) = open_server(&stream, config, faults)? else { return Ok(None) };
        print(&json!({"event": "open", "subprotocol": accepted.subprotocol, "resource": accepted.resource}))?;
        return Ok(Some(Session::new(
            stream,
            Role::Server,
            accepted.deflate,
            max_message,
            &leftover,
            faults,
        )));
    }
    let Some(asked) = asked(config, port, faults) else { return Ok(None) };
    let (opened, leftover) = client::handshake(&stream, &asked, faults)?;
    print(&json!({"event": "open", "subprotocol": opened.subprotocol}))?;
    Ok(Some(Session::new(stream, Role::Client, opened.deflate, max_message, &leftover, faults)))
}

fn open_server(
    stream: &TcpStream,
    config: &Value,
    faults: Faults,
) -> io::Result<Option<(Accepted, Vec<u8>)>> {
    let (subprotocols, origins) = (strings(config, "subprotocols"), strings(config, "origins"));
    let policy = Policy { subprotocols, origins, deflate: has_deflate(config), chosen: None };
    match config.get("response") {
        Some(asked) => server::answer(stream, &policy, asked, faults),
        None => server::handshake(stream, &policy, faults).map(Some),
    }
}

/// What a client asks for; `None` if its user asks for a head that is refused.
fn asked(config: &Value, port: u16, faults: Faults) -> Option<Asked> {
    let request = match config.get("request") {
        Some(asked) => build::request(asked, faults).ok()?,
        None => UserRequest {
            host: format!("127.0.0.1:{port}"),
            resource: "/".to_owned(),
            subprotocols: strings(config, "subprotocols"),
            fields: String::new(),
        },
    };
    Some(Asked {
        host: request.host,
        target: request.resource,
        key: connect::key(faults),
        subprotocols: request.subprotocols,
        offer: has_deflate(config).then(|| negotiation::offer(faults).to_owned()),
        fields: request.fields,
    })
}

fn has_deflate(config: &Value) -> bool {
    config.get("deflate").and_then(Value::as_bool).unwrap_or_default()
}

fn strings(config: &Value, name: &str) -> Vec<String> {
    let items = config.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Makes the actions of the case, and reads to the end of the connection.
fn converse(mut session: Session, actions: Option<&Vec<Value>>, faults: Faults) -> io::Result<()> {
    let actions = actions.map(Vec::as_slice).unwrap_or_default();
    let mut is_refused = false;
    for (at, action) in actions.iter().enumerate() {
        if act(&mut session, action, faults)? == Err(Refused) {
            is_refused = true;
            print(&json!({"event": "refused", "action": at}))?;
            break;
        }
        if session.flush().is_err() {
            break;
        }
    }
    if !actions.is_empty() && !is_refused {
        print(&json!({"event": "acted"}))?;
    }
    while let Some(event) = session.next_event() {
        report(&event, faults)?;
    }
    Ok(())
}

fn act(session: &mut Session, action: &Value, faults: Faults) -> io::Result<Result<(), Refused>> {
    let what = action.get("do").and_then(Value::as_str).unwrap_or_default();
    if what == "receive" {
        let until = action.get("until").and_then(Value::as_str).unwrap_or("close");
        while let Some(event) = session.next_event() {
            report(&event, faults)?;
            let is_close = matches!(event, Event::Close { .. });
            let is_error = matches!(event, Event::Failed(_) | Event::Lost);
            if is_error || (is_close && until == "close") {
                break;
            }
        }
        return Ok(Ok(()));
    }
    Ok(send(&mut session.sender, what, action))
}

fn send(sender: &mut Sender, what: &str, action: &Value) -> Result<(), Refused> {
    let payload =
        match (action.get("text").and_then(Value::as_str), action.get("hex").and_then(Value::as_str)) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(hex)) => from_hex(hex).ok_or(Refused)?,
            (None, None) => Vec::new(),
        };
    let fin = action.get("fin").and_then(Value::as_bool).unwrap_or(true);
    match what {
        "send_text" if fin => sender.message(true, &payload),
        "send_text" => sender.begin(true, &payload),
        "send_binary" if fin => sender.message(false, &payload),
        "send_binary" => sender.begin(false, &payload),
        "send_continuation" => sender.continuation(fin, &payload),
        "send_ping" => sender.control(PING, &payload),
        "send_pong" => sender.control(PONG, &payload),
        "send_close" => {
            let code = match action.get("code") {
                None | Some(Value::Null) => None,
                Some(code) => Some(code.as_u64().ok_or(Refused)?),
            };
            // A reason may be given as bytes, to see that it must be UTF-8.
            let reason = match action.get("reason").and_then(Value::as_str) {
                Some(reason) => reason.as_bytes(),
                None => &payload,
            };
            sender.close(code, reason)
        }
        _ => Err(Refused),
    }
}

/// Prints an event.
fn report(event: &Event, faults: Faults) -> io::Result<()> {
    let line = match event {
        Event::Message { is_text: true, payload } => {
            json!({"event": "text", "text": String::from_utf8_lossy(payload)})
        }
        Event::Message { is_text: false, payload } => json!({"event": "binary", "hex": to_hex(payload)}),
        Event::Ping(payload) => json!({"event": "ping", "hex": to_hex(payload)}),
        Event::Pong(payload) => json!({"event": "pong", "hex": to_hex(payload)}),
        Event::Close { code, reason } => {
            // A close frame without a code is reported as 1005 (§7.1.5).
            let code = match code {
                _ if faults.has(Fault::ReportsOwnCloseCode) => 1000,
                None if faults.has(Fault::ReportsMissingCodeAsNormal) => 1000,
                code => code.unwrap_or(1005),
            };
            let reason = if faults.has(Fault::ReportsNoReason) { b"" } else { reason.as_slice() };
            json!({"event": "close", "code": code, "reason": String::from_utf8_lossy(reason)})
        }
        Event::Failed(failure) => json!({"event": "error", "name": failure.rule, "code": failure.code}),
        Event::Lost if faults.has(Fault::ReportsLossAsClose) => {
            json!({"event": "close", "code": 1000, "reason": ""})
        }
        Event::Lost => json!({"event": "error", "name": "the transport was lost", "code": 1006}),
    };
    print(&line)
}

fn print(line: &Value) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks(2)
        .map(|pair| Some((digit(*pair.first()?)? << 4) | digit(*pair.get(1)?)?))
        .collect()
}
