//! `WebSocket` as `Stream` and `Sink`, with its check of text; permessage-deflate at level 1, as wsproto's default.

use futures_util::StreamExt;
use tokio::net::TcpStream;
use yawc::{CompressionLevel, Frame, OpCode, Options, Role as Side, WebSocket, WebSocketError};

use super::{Engine, Role, Setup};

pub(crate) struct Yawc(WebSocket<TcpStream>);

/// A frame to send, with the payload of one that was received.
fn again(frame: Frame) -> Result<Frame, WebSocketError> {
    match frame.opcode() {
        OpCode::Text => Ok(Frame::text(frame.into_payload())),
        OpCode::Binary => Ok(Frame::binary(frame.into_payload())),
        _ => Err(WebSocketError::ConnectionClosed),
    }
}

impl Engine for Yawc {
    async fn open(stream: TcpStream, setup: Setup) -> Self {
        let side = match setup.role {
            Role::Client => Side::Client,
            Role::Server => Side::Server,
        };
        let options = Options::default().with_compression_level(CompressionLevel::new(1)).with_utf8();
        let agreed = setup.deflates.then_some("permessage-deflate");
        Self(
            WebSocket::from_stream_with_extensions(stream, side, agreed, options)
                .expect("the extension is supported"),
        )
    }

    fn echo(self) -> impl Future<Output = ()> + Send {
        super::echo(self.0.map(again))
    }

    fn echo_batched(self) -> impl Future<Output = ()> + Send {
        super::echo_batched(self.0.map(again))
    }

    async fn broadcast(self, audience: Vec<Self>) {
        super::broadcast(
            self.0.map(again),
            audience.into_iter().map(|listener| listener.0.map(again)).collect(),
        )
        .await;
    }
}
