//! A shim of tungstenite.

use std::net::TcpStream;

use contract::{Action, Case, Event, Opened, Result, Shim};
use serde_json::json;
use tungstenite::client::{ClientRequestBuilder, client_with_config};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderMap;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket, accept_hdr_with_config};

fn main() -> Result {
    let hello = json!({
        "shim": 1, "name": "tungstenite", "roles": ["client", "server"], "max_message": true, "subprotocols": true,
        "actions": ["send_text", "send_binary", "send_ping", "send_pong", "send_close"],
    });
    contract::run(&hello, open)
}

struct Tungstenite(WebSocket<TcpStream>);

fn open(case: &Case) -> Result<Opened> {
    let socket = TcpStream::connect(case.host())?;
    let mut config = WebSocketConfig::default();
    if let Some(max) = case.config.max_message {
        config = config.max_message_size(Some(max)).max_frame_size(Some(max));
    }
    if case.is_client() {
        let mut request = ClientRequestBuilder::new(format!("ws://{}/", case.host()).parse()?);
        for name in &case.config.subprotocols {
            request = request.with_sub_protocol(name);
        }
        let opened = client_with_config(request, socket, Some(config)).map_err(|error| error.to_string())?;
        return Ok((
            Box::new(Tungstenite(opened.0)),
            Some(Event::Open(subprotocol(opened.1.headers()), None)),
        ));
    }
    let mut open = None;
    let answer = |request: &Request, mut response: Response| {
        let chosen = subprotocol(request.headers()).and_then(|offered| case.config.subprotocol(&offered));
        if let Some(Ok(value)) = chosen.as_deref().map(str::parse) {
            response.headers_mut().insert("Sec-WebSocket-Protocol", value);
        }
        open = Some(Event::Open(chosen, Some(request.uri().to_string())));
        Ok(response)
    };
    let ws = accept_hdr_with_config(socket, answer, Some(config)).map_err(|error| error.to_string())?;
    Ok((Box::new(Tungstenite(ws)), open))
}

impl Shim for Tungstenite {
    fn act(&mut self, action: &Action) -> Result {
        Ok(self.0.send(match action {
            Action::SendText(payload) => Message::text(payload.text()?),
            Action::SendBinary(payload) => Message::binary(payload.bytes()?),
            Action::SendPing(payload) => Message::Ping(payload.bytes()?.into()),
            Action::SendPong(payload) => Message::Pong(payload.bytes()?.into()),
            Action::SendClose { code: None, .. } => Message::Close(None),
            Action::SendClose { code: Some(code), reason } => {
                let (code, reason) =
                    (u16::try_from(*code)?.into(), reason.as_deref().unwrap_or_default().into());
                Message::Close(Some(CloseFrame { code, reason }))
            }
            other => return Err(format!("{other:?}").into()),
        })?)
    }

    fn receive(&mut self) -> Result<Option<Event>> {
        Ok(Some(match self.0.read() {
            Ok(Message::Text(text)) => Event::Text(text.as_bytes().to_vec()),
            Ok(Message::Binary(data)) => Event::Binary(data.into()),
            Ok(Message::Ping(data)) => Event::Ping(data.into()),
            Ok(Message::Pong(data)) => Event::Pong(data.into()),
            Ok(Message::Close(None)) => Event::Close(1005, String::new()),
            Ok(Message::Close(Some(close))) => Event::Close(close.code.into(), close.reason.to_string()),
            Ok(Message::Frame(frame)) => return Err(frame.to_string().into()),
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(None),
            Err(error) => return Err(error.into()),
        }))
    }
}

fn subprotocol(headers: &HeaderMap) -> Option<String> {
    headers.get("Sec-WebSocket-Protocol")?.to_str().map(str::to_owned).ok()
}
