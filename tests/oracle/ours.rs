//! This crate's side: a `WsConnection` takes the steps.

use wsproto::{
    AcceptConnection, BytesMessage, CloseCode, CloseConnection, ConnectionState, Entropy, HandshakeLimits,
    Headers, Limits, LocalProtocolError, Ping, Pong, ReceiveError, RejectConnection, RejectData,
    RemoteProtocolError, Request, TextMessage, WsConnection, WsEvent, WsOutgoing,
};

#[cfg(feature = "deflate")]
use wsproto::PermessageDeflate;

use crate::hex::Hex;
use crate::script::{Fields, Piece, Role, Said, Script, Seen, State, Step};

/// The entropy of both sides; `driver.py` has the same.
pub(crate) const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// What this crate shows for a run.
pub(crate) fn play(script: &Script) -> Vec<Seen> {
    let mut limits = Limits::NONE;
    if script.tight {
        limits.max_frame_len = 120;
        limits.max_message_len = 200;
        limits.max_fragments = 3;
    }
    match script.role {
        Role::Server => End::new(extended(WsConnection::server(), script), limits).play(script),
        Role::Client => End::new(extended(WsConnection::client(Fixed), script), limits).play(script),
    }
}

/// One endpoint of a connection, and what its user remembers.
struct End<E> {
    ws: WsConnection<E>,
    ping: Option<Ping<Vec<u8>>>,
    close: Option<Closing>,
}

/// An event that can be answered by a close frame.
enum Closing {
    Close(CloseConnection<String>),
    Failure(RemoteProtocolError),
}

impl<E: Entropy> End<E> {
    fn new(ws: WsConnection<E>, limits: Limits) -> Self {
        Self { ws: ws.with_limits(HandshakeLimits::default(), limits), ping: None, close: None }
    }

    fn play(mut self, script: &Script) -> Vec<Seen> {
        if !script.handshake {
            self.shake_hands(script.role, script.deflate.as_deref());
        }
        script.steps.iter().map(|step| self.take(step)).collect()
    }

    fn shake_hands(&mut self, role: Role, deflate: Option<&str>) {
        let agreed = deflate.map(|answer| format!("Sec-WebSocket-Extensions: {answer}\r\n"));
        let with_agreed = |head: &str| head.to_owned() + agreed.as_deref().unwrap_or_default() + "\r\n";
        match role {
            Role::Server => {
                self.ws.receive_data(with_agreed(REQUEST).as_bytes()).unwrap();
                self.ws.next_event().unwrap().unwrap();
                let answer = self.ws.send(AcceptConnection::new()).unwrap();
                let is_agreed = |agreed| String::from_utf8_lossy(&answer).contains(agreed);
                assert!(agreed.as_deref().is_none_or(is_agreed), "it agreed to other parameters");
            }
            Role::Client => {
                self.ws.send(Request::new("h", "/")).unwrap();
                self.ws.receive_data(with_agreed(&response()).as_bytes()).unwrap();
                self.ws.next_event().unwrap().unwrap();
            }
        }
        assert_eq!(self.ws.state(), ConnectionState::Open);
    }

    fn take(&mut self, step: &Step) -> Seen {
        let mut events = Vec::new();
        let done = match step {
            Step::Receive(bytes) => self.ws.receive_data(&bytes.0).map(|()| None),
            Step::Eof => {
                self.ws.receive_eof();
                while self.next_event(&mut events) {}
                Ok(None)
            }
            Step::Drain => {
                while self.next_event(&mut events) {}
                Ok(None)
            }
            Step::Advance => {
                while self.next_event(&mut events) && !ends_frame(events.last()) {}
                Ok(None)
            }
            step => self.send(step),
        };
        Seen {
            refused: done.as_ref().err().map(|error| error.to_string()),
            sent: done.ok().flatten().map(Hex),
            events,
            state: state(self.ws.state()),
        }
    }

    fn next_event(&mut self, events: &mut Vec<Said>) -> bool {
        let said = match self.ws.next_event() {
            Ok(None) => return false,
            Ok(Some(event)) => {
                match &event {
                    WsEvent::Ping(ping) => self.ping = Some(ping.clone()),
                    WsEvent::Close(close) => self.close = Some(Closing::Close(close.clone())),
                    _ => {}
                }
                said(event)
            }
            Err(ReceiveError::Protocol(error)) => {
                self.close = Some(Closing::Failure(error));
                Said::Failure { code: error.close_code().get(), why: format!("{error:?}") }
            }
            Err(ReceiveError::Handshake(error)) => {
                // The rule, without the names that the error is about.
                let why = format!("{error:?}").split('(').next().unwrap_or_default().to_owned();
                Said::Refused { status: error.status(), why }
            }
            Err(error) => panic!("{error:?}"),
        };
        events.push(said);
        true
    }

    fn send(&mut self, step: &Step) -> Result<Option<Vec<u8>>, LocalProtocolError> {
        match step.clone() {
            Step::SendText { data, finished } => {
                self.put(TextMessage { data, frame_finished: true, message_finished: finished })
            }
            Step::SendBytes { data: Hex(data), finished } => {
                self.put(BytesMessage { data, frame_finished: true, message_finished: finished })
            }
            Step::SendPing(Hex(payload)) => self.put(Ping::new(payload)),
            Step::SendPong(Hex(payload)) => self.put(Pong::new(payload)),
            Step::SendClose { code, reason } => {
                let code = code.map(CloseCode::new);
                self.put(CloseConnection { code, reason: reason.unwrap_or_default() })
            }
            Step::AnswerPing => match self.ping.clone() {
                Some(ping) => self.put(ping.response()),
                None => Ok(None),
            },
            Step::AnswerClose => match self.close.take() {
                Some(Closing::Close(close)) => {
                    let sent = self.put(close.response());
                    self.close = Some(Closing::Close(close));
                    sent
                }
                Some(Closing::Failure(error)) => {
                    self.close = Some(Closing::Failure(error));
                    self.put(error.response())
                }
                None => Ok(None),
            },
            Step::SendRequest { host, target, subprotocols, headers } => {
                let request = Request::new(&host, &target);
                let request =
                    subprotocols.iter().fold(request, |request, name| request.with_subprotocol(name));
                self.put(
                    headers
                        .iter()
                        .fold(request, |request, (name, value)| request.with_header(name, latin1(value))),
                )
            }
            Step::SendAccept { subprotocol, headers } => {
                let accept = AcceptConnection::new();
                let accept = subprotocol
                    .iter()
                    .fold(accept, |accept, subprotocol| accept.with_subprotocol(subprotocol));
                self.put(
                    headers
                        .iter()
                        .fold(accept, |accept, (name, value)| accept.with_header(name, latin1(value))),
                )
            }
            Step::SendReject { status, has_body, headers } => {
                let reject = RejectConnection::new(status);
                let reject = if has_body { reject.with_body() } else { reject };
                self.put(
                    headers
                        .iter()
                        .fold(reject, |reject, (name, value)| reject.with_header(name, latin1(value))),
                )
            }
            Step::SendRejectData { data: Hex(data), finished } => {
                self.put(RejectData { data, body_finished: finished })
            }
            Step::Receive(_) | Step::Eof | Step::Drain | Step::Advance => Ok(None),
        }
    }

    fn put(&mut self, event: impl WsOutgoing) -> Result<Option<Vec<u8>>, LocalProtocolError> {
        self.ws.send(event).map(Some)
    }
}

/// Adds the extension that the run asks for.
#[cfg(feature = "deflate")]
fn extended<E: Entropy>(ws: WsConnection<E>, script: &Script) -> WsConnection<E> {
    let Some(answer) = &script.deflate else { return ws };
    let bits = |name| {
        let param = answer.split("; ").find_map(|param: &str| param.strip_prefix(name));
        param.map_or(15, |bits| bits.parse().unwrap())
    };
    ws.with_extension(
        PermessageDeflate::new()
            .with_client_max_window_bits(bits("client_max_window_bits="))
            .with_server_max_window_bits(bits("server_max_window_bits=")),
    )
}

#[cfg(not(feature = "deflate"))]
fn extended<E: Entropy>(ws: WsConnection<E>, _: &Script) -> WsConnection<E> {
    ws
}

/// Entropy that always returns `KEY`.
#[derive(Clone, Copy, Debug)]
struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().zip(KEY.iter().cycle()).for_each(|(byte, key)| *byte = *key);
    }
}

/// The nonce that this entropy gives.
pub(crate) const NONCE: &str = "N/ohPTf6IT03+iE9N/ohPQ==";

pub(crate) fn accept_token(nonce: &str) -> String {
    wsproto::generate_accept_token(nonce.as_bytes()).to_string()
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn response() -> String {
    let token = accept_token(NONCE);
    let start = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
    format!("{start}{token}\r\n")
}

fn said(event: WsEvent) -> Said {
    match event {
        WsEvent::Text(TextMessage { data, frame_finished, message_finished }) => {
            Said::Text(Piece { data, frame_finished, message_finished })
        }
        WsEvent::Bytes(BytesMessage { data, frame_finished, message_finished }) => {
            Said::Bytes(Piece { data: Hex(data), frame_finished, message_finished })
        }
        WsEvent::Ping(ping) => Said::Ping(Hex(ping.payload)),
        WsEvent::Pong(pong) => Said::Pong(Hex(pong.payload)),
        WsEvent::Close(CloseConnection { code, reason }) => match code {
            Some(CloseCode::ABNORMAL_CLOSURE) => Said::End,
            code => Said::Close { code: code.map(CloseCode::get), reason },
        },
        WsEvent::Request(request) => Said::Request {
            host: request.host().to_owned(),
            target: request.target().to_owned(),
            subprotocols: request.subprotocols().map(str::to_owned).collect(),
            headers: fields(request.headers()),
        },
        WsEvent::Accept(accept) => Said::Accept {
            subprotocol: accept.subprotocol().map(str::to_owned),
            headers: fields(accept.headers()),
        },
        WsEvent::Reject(reject) => Said::Reject {
            status: reject.status_code(),
            has_body: reject.has_body(),
            headers: fields(reject.headers()),
        },
        WsEvent::RejectData(RejectData { data, body_finished }) => {
            Said::RejectData { data: Hex(data), finished: body_finished }
        }
        event => panic!("{event:?}"),
    }
}

fn ends_frame(event: Option<&Said>) -> bool {
    match event {
        Some(Said::Text(Piece { frame_finished, .. }) | Said::Bytes(Piece { frame_finished, .. })) => {
            *frame_finished
        }
        _ => true,
    }
}

fn state(state: ConnectionState) -> State {
    match state {
        ConnectionState::Connecting => State::Connecting,
        ConnectionState::Open => State::Open,
        ConnectionState::RemoteClosing => State::RemoteClosing,
        ConnectionState::LocalClosing => State::LocalClosing,
        ConnectionState::Closed => State::Closed,
        ConnectionState::Rejecting => State::Rejecting,
    }
}

fn fields(headers: &Headers) -> Fields {
    let text = |value: &[u8]| value.iter().map(|byte| char::from(*byte)).collect();
    headers.iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

/// The byte of each character.
fn latin1(value: &str) -> Vec<u8> {
    value.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect()
}
