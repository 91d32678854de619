//! A shim of wsproto: its core on a blocking socket.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use contract::{Action, Case, Config, Event, Opened, Result, Shim};
use serde_json::json;
use wsproto::*;

fn main() -> Result {
    let hello = json!({
        "shim": 1, "name": "wsproto", "roles": ["client", "server"], "deflate": true, "max_message": true,
        "subprotocols": true, "origins": true,
        "actions": ["send_text", "send_binary", "send_ping", "send_pong", "send_close"],
    });
    contract::run(&hello, |case| match case.is_client() {
        true => open(WsConnection::client(SeededEntropy::new()), case),
        false => open(WsConnection::server(), case),
    })
}

struct Wsproto<E> {
    ws: WsConnection<E>,
    socket: TcpStream,
    config: Config,
}

fn open<E: Entropy + 'static>(mut ws: WsConnection<E>, case: &Case) -> Result<Opened> {
    if let Some(max) = case.config.max_message {
        ws = ws.with_limits(HandshakeLimits::default(), Limits::NONE.with_max_message_len(max as u64));
    }
    if case.config.deflate {
        ws = ws.with_extension(PermessageDeflate::new());
    }
    let (ws, socket) = (ws.with_reply_policy(ReplyPolicy::PongAndClose), TcpStream::connect(case.host())?);
    let mut shim = Box::new(Wsproto { ws, socket, config: case.config.clone() });
    if case.is_client() {
        let mut request = Request::new(&case.host(), "/");
        for name in &case.config.subprotocols {
            request = request.with_subprotocol(name);
        }
        shim.send(request)?;
    }
    Ok((shim, None))
}

impl<E: Entropy> Wsproto<E> {
    fn send(&mut self, event: impl WsOutgoing) -> Result {
        Ok(self.socket.write_all(&self.ws.send(event)?)?)
    }

    fn answer(&mut self, request: &Request) -> Result<Event> {
        if let Some(origins) = &self.config.origins
            && let Err(reject) = OriginPolicy::allow(origins)?.check(request)
        {
            self.send(reject)?;
            return Err("the origin is not allowed".into());
        }
        let offered = request.subprotocols().collect::<Vec<_>>().join(",");
        let subprotocol = self.config.subprotocol(&offered);
        let accept = AcceptConnection::new();
        self.send(subprotocol.iter().fold(accept, |accept, name| accept.with_subprotocol(name)))?;
        Ok(Event::Open(subprotocol, Some(request.target().to_owned())))
    }

    fn report(&mut self, event: WsEvent) -> Result<Event> {
        Ok(match event {
            WsEvent::Request(request) => self.answer(&request)?,
            WsEvent::Accept(accept) => Event::Open(accept.subprotocol().map(str::to_owned), None),
            WsEvent::Text(text) if text.message_finished => Event::Text(text.data.into()),
            WsEvent::Text(text) => Event::Piece(text.data.into()),
            WsEvent::Bytes(bytes) if bytes.message_finished => Event::Binary(bytes.data),
            WsEvent::Bytes(bytes) => Event::Piece(bytes.data),
            WsEvent::Ping(ping) => Event::Ping(ping.payload),
            WsEvent::Pong(pong) => Event::Pong(pong.payload),
            WsEvent::Close(close) => Event::Close(close.code.map_or(1005, CloseCode::get), close.reason),
            refused => return Err(format!("{refused:?}").into()),
        })
    }
}

impl<E: Entropy> Shim for Wsproto<E> {
    fn act(&mut self, action: &Action) -> Result {
        match action {
            Action::SendText(payload) => self.send(TextMessage::new(payload.text()?)),
            Action::SendBinary(payload) => self.send(BytesMessage::new(payload.bytes()?)),
            Action::SendPing(payload) => self.send(Ping::new(payload.bytes()?)),
            Action::SendPong(payload) => self.send(Pong::new(payload.bytes()?)),
            Action::SendClose { code, reason } => {
                let code = code.map(u16::try_from).transpose()?.map(CloseCode::new);
                self.send(CloseConnection { code, reason: reason.as_deref().unwrap_or_default() })
            }
            other => Err(format!("{other:?}").into()),
        }
    }

    fn receive(&mut self) -> Result<Option<Event>> {
        loop {
            let event = self.ws.next_event();
            self.socket.write_all(&self.ws.bytes_to_send())?;
            if let Err(ReceiveError::Handshake(error)) = event {
                _ = self.send(error.response()); // a client has none to send
            }
            match event? {
                Some(event) => return self.report(event).map(Some),
                None if self.ws.transport_action() != TransportAction::Keep => return Ok(None),
                None => {
                    let len = self.socket.read(self.ws.space())?;
                    self.ws.filled(len)?;
                }
            }
        }
    }

    fn end(mut self: Box<Self>) {
        // After an error the connection is over anyway.
        _ = self.socket.shutdown(Shutdown::Write).and_then(|()| io::copy(&mut self.socket, &mut io::sink()));
    }
}
