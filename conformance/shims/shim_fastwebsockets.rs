//! A shim of fastwebsockets, with hyper for the handshake.

use std::cell::Cell;

use contract::{Action, Case, Event, Opened, Result, Shim};
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, WebSocket, handshake, upgrade};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

fn main() -> Result {
    let hello = json!({
        "shim": 1, "name": "fastwebsockets", "roles": ["client", "server"], "max_message": true, "fragments": true,
        "events": ["ping"],
        "actions": ["send_text", "send_binary", "send_continuation", "send_ping", "send_pong", "send_close"],
    });
    contract::run(&hello, open)
}

struct Fastwebsockets {
    ws: FragmentCollector<TokioIo<Upgraded>>,
    runtime: Runtime,
}

fn open(case: &Case) -> Result<Opened> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut ws, resource) = runtime.block_on(async {
        let socket = TcpStream::connect(case.host()).await?;
        if case.is_client() { connect(socket, &case.host()).await } else { accept(socket).await }
    })?;
    if let Some(max) = case.config.max_message {
        ws.set_max_message_size(max);
    }
    let ws = FragmentCollector::new(ws);
    Ok((Box::new(Fastwebsockets { ws, runtime }), Some(Event::Open(None, resource))))
}

impl Shim for Fastwebsockets {
    fn act(&mut self, action: &Action) -> Result {
        let (opcode, payload) = match action {
            Action::SendText(payload) => (OpCode::Text, payload),
            Action::SendBinary(payload) => (OpCode::Binary, payload),
            Action::SendContinuation(payload) => (OpCode::Continuation, payload),
            Action::SendPing(payload) => (OpCode::Ping, payload),
            Action::SendPong(payload) => (OpCode::Pong, payload),
            Action::SendClose { code, reason } => {
                let code = code.map(u16::try_from).transpose()?;
                let mut body = code.map_or_else(Vec::new, |code| code.to_be_bytes().to_vec());
                body.extend(reason.as_deref().unwrap_or_default().as_bytes());
                return self.send(Frame::close_raw(Payload::Owned(body)));
            }
            Action::Receive { .. } => return Ok(()),
        };
        self.send(Frame::new(payload.fin.unwrap_or(true), opcode, None, Payload::Owned(payload.bytes()?)))
    }

    fn receive(&mut self) -> Result<Option<Event>> {
        let frame = self.runtime.block_on(self.ws.read_frame())?;
        let data = frame.payload.to_vec();
        Ok(Some(match (frame.opcode, data.as_slice()) {
            (OpCode::Close, [high, low, reason @ ..]) => {
                Event::Close(u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason).into())
            }
            (OpCode::Close, _) => Event::Close(1005, String::new()),
            (OpCode::Text, _) => Event::Text(data),
            (OpCode::Pong, _) => Event::Pong(data),
            _ => Event::Binary(data),
        }))
    }
}

impl Fastwebsockets {
    fn send(&mut self, frame: Frame<'_>) -> Result {
        Ok(self.runtime.block_on(self.ws.write_frame(frame))?)
    }
}

/// The connection, and the resource that was asked for.
type Open = (WebSocket<TokioIo<Upgraded>>, Option<String>);

async fn connect(socket: TcpStream, host: &str) -> Result<Open> {
    let request = Request::get("/").header("Host", host).header("Upgrade", "websocket");
    let request = request.header("Connection", "Upgrade").header("Sec-WebSocket-Version", "13");
    let request =
        request.header("Sec-WebSocket-Key", handshake::generate_key()).body(Empty::<Bytes>::new())?;
    Ok((handshake::client(&TokioExecutor::new(), request, socket).await?.0, None))
}

async fn accept(socket: TcpStream) -> Result<Open> {
    let upgraded = Cell::new(None);
    let answer = service_fn(|mut request: Request<Incoming>| {
        let resource = request.uri().to_string();
        let response = upgrade::is_upgrade_request(&request).then(|| upgrade::upgrade(&mut request));
        std::future::ready(match response {
            Some(Ok((response, upgrade))) => {
                upgraded.set(Some((upgrade, resource)));
                Ok(response)
            }
            _ => Response::builder().status(StatusCode::BAD_REQUEST).body(Empty::new()),
        })
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.keep_alive(false).serve_connection(TokioIo::new(socket), answer).with_upgrades().await?;
    let (upgrade, resource) = upgraded.take().ok_or("not a request for a WebSocket")?;
    Ok((upgrade.await?, Some(resource)))
}
