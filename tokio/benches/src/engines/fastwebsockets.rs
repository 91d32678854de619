//! `FragmentCollector::read_frame` and `write_frame`, with the default configuration; it has no way to write several
//! frames at once. For a broadcast, `WebSocket::write_frame` with the payload borrowed.

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role as Side, WebSocket};
use tokio::net::TcpStream;

use super::{Engine, Role, Setup};

pub(crate) struct Fastwebsockets(WebSocket<TcpStream>);

impl Engine for Fastwebsockets {
    async fn open(stream: TcpStream, setup: Setup) -> Self {
        let side = match setup.role {
            Role::Client => Side::Client,
            Role::Server => Side::Server,
        };
        Self(WebSocket::after_handshake(stream, side))
    }

    fn echo(self) -> impl Future<Output = ()> + Send {
        let mut ws = FragmentCollector::new(self.0);
        async move {
            while let Ok(frame) = ws.read_frame().await {
                let frame = match frame.opcode {
                    OpCode::Text => Frame::text(frame.payload),
                    OpCode::Binary => Frame::binary(frame.payload),
                    _ => return,
                };
                if ws.write_frame(frame).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn broadcast(self, mut audience: Vec<Self>) {
        let mut ws = FragmentCollector::new(self.0);
        while let Ok(frame) = ws.read_frame().await {
            let payload: &[u8] = &frame.payload;
            for Self(listener) in &mut audience {
                if listener.write_frame(Frame::binary(Payload::Borrowed(payload))).await.is_err() {
                    return;
                }
            }
        }
    }
}
