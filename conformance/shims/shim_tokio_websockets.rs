//! A shim of tokio-websockets.

use contract::{Action, Case, Event, Opened, Result, Shim};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_websockets::{ClientBuilder, CloseCode, Limits, Message, ServerBuilder, WebSocketStream};

fn main() -> Result {
    let hello = json!({
        "shim": 1, "name": "tokio-websockets", "roles": ["client", "server"], "max_message": true,
        "actions": ["send_text", "send_binary", "send_ping", "send_pong", "send_close"],
    });
    contract::run(&hello, open)
}

struct TokioWebsockets {
    ws: WebSocketStream<TcpStream>,
    runtime: Runtime,
}

fn open(case: &Case) -> Result<Opened> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let limits = case
        .config
        .max_message
        .map_or_else(Limits::default, |max| Limits::default().max_payload_len(Some(max)));
    let (ws, resource) = runtime.block_on(async {
        let socket = TcpStream::connect(case.host()).await?;
        if case.is_client() {
            let builder = ClientBuilder::new().uri(&format!("ws://{}/", case.host()))?;
            let (ws, _response) = builder.limits(limits).connect_on(socket).await?;
            return Result::Ok((ws, None));
        }
        let (request, ws) = ServerBuilder::new().limits(limits).accept(socket).await?;
        Ok((ws, Some(request.uri().to_string())))
    })?;
    Ok((Box::new(TokioWebsockets { ws, runtime }), Some(Event::Open(None, resource))))
}

impl Shim for TokioWebsockets {
    fn act(&mut self, action: &Action) -> Result {
        let message = match action {
            Action::SendText(payload) => Message::text(payload.text()?),
            Action::SendBinary(payload) => Message::binary(payload.bytes()?),
            Action::SendPing(payload) => Message::ping(payload.bytes()?),
            Action::SendPong(payload) => Message::pong(payload.bytes()?),
            Action::SendClose { code, reason } => {
                let code = code.map(u16::try_from).transpose()?.map(CloseCode::try_from).transpose()?;
                Message::close(code, reason.as_deref().unwrap_or_default())
            }
            other => return Err(format!("{other:?}").into()),
        };
        Ok(self.runtime.block_on(self.ws.send(message))?)
    }

    fn receive(&mut self) -> Result<Option<Event>> {
        let Some(message) = self.runtime.block_on(self.ws.next()).transpose()? else { return Ok(None) };
        let data = message.as_payload().to_vec();
        Ok(Some(match message.as_close() {
            Some((code, reason)) => Event::Close(code.into(), reason.to_owned()),
            None if message.is_text() => Event::Text(data),
            None if message.is_ping() => Event::Ping(data),
            None if message.is_pong() => Event::Pong(data),
            None => Event::Binary(data),
        }))
    }
}
