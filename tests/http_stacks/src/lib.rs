//! WebSockets over other HTTP stacks: `h2` and `hyper` carry the heads and the bytes, the crate does the rest.

use std::io;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wsproto::{
    ClosedBy, Connection, Entropy, Limits, NoEntropy, SeededEntropy, TransportAction, WsConnection, WsEvent,
    WsOutgoing,
};

/// A WebSocket in an HTTP/2 stream (RFC 8441 §5).
pub struct Http2Socket<E> {
    pub ws: WsConnection<E>,
    recv: RecvStream,
    send: SendStream<Bytes>,
}

impl Http2Socket<SeededEntropy> {
    /// The client's side, after the request was accepted.
    pub fn client(recv: RecvStream, send: SendStream<Bytes>) -> Self {
        let ws = Connection::client(Limits::default(), SeededEntropy::new()).into();
        Self { ws, recv, send }
    }
}

impl Http2Socket<NoEntropy> {
    /// The server's side, after it has accepted the request.
    pub fn server(recv: RecvStream, send: SendStream<Bytes>) -> Self {
        Self { ws: Connection::server(Limits::default()).into(), recv, send }
    }
}

impl<E: Entropy> Http2Socket<E> {
    /// The next event; `None` after the stream has ended and every event was returned.
    pub async fn next(&mut self) -> Option<WsEvent> {
        loop {
            if let Some(event) = self.ws.next_event().expect("the peer follows the protocol") {
                return Some(event);
            }
            match self.recv.data().await {
                Some(Ok(data)) => {
                    self.ws.receive_data(&data).expect("the stream has not ended");
                    self.recv.flow_control().release_capacity(data.len()).expect("no more than was received");
                }
                Some(Err(_)) | None => {
                    self.ws.receive_eof();
                    return self.ws.next_event().expect("the end is not an error");
                }
            }
        }
    }

    /// Sends an event, and ends the stream if the protocol says so.
    pub fn send(&mut self, event: impl WsOutgoing) {
        let bytes = self.ws.send(event).expect("the event is allowed");
        self.write(bytes);
    }

    fn write(&mut self, bytes: Vec<u8>) {
        let is_last = self.ws.transport_action() == TransportAction::Close;
        self.send.send_data(bytes.into(), is_last).expect("the stream is open");
    }

    /// Ends the stream, as a client does once the server has.
    pub fn end(&mut self) {
        self.send.send_data(Bytes::new(), true).expect("the stream is open");
    }

    /// Abandons the stream.
    pub fn reset(&mut self, code: u32) {
        self.send.send_reset(code.into());
    }

    /// Echoes every message up to the end.
    pub async fn echo(&mut self) {
        while let Some(event) = self.next().await {
            // After the end of the stream nobody reads an answer.
            if self.ws.close_info().is_none_or(|close_info| close_info.by != ClosedBy::Transport) {
                let answer = answer(&mut self.ws, event);
                self.write(answer);
            }
        }
    }
}

/// Echoes every message on a transport up to the end.
pub async fn echo_over(mut io: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut ws = WsConnection::from(Connection::server(Limits::default()));
    let mut buffer = vec![0; 4096];
    while ws.transport_action() != TransportAction::Close {
        match io.read(&mut buffer).await? {
            0 => ws.receive_eof(),
            len => ws.receive_data(&buffer[..len]).expect("the transport has not ended"),
        }
        while let Some(event) = ws.next_event().expect("the peer follows the protocol") {
            io.write_all(&answer(&mut ws, event)).await?;
        }
    }
    io.shutdown().await
}

/// The bytes that answer an event.
fn answer<E: Entropy>(ws: &mut WsConnection<E>, event: WsEvent) -> Vec<u8> {
    let answer = match event {
        WsEvent::Text(text) => ws.send(text),
        WsEvent::Bytes(bytes) => ws.send(bytes),
        WsEvent::Ping(ping) => ws.send(ping.response()),
        WsEvent::Close(close) => ws.send(close.response()),
        _ => Ok(Vec::new()),
    };
    answer.expect("the answer is allowed")
}
