//! `WebSocketStream` as `Stream` and `Sink`, with the default configuration; a clone of the message for each listener
//! shares the payload.

use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role as Side;

use super::{Engine, Role, Setup};

pub(crate) struct TokioTungstenite(WebSocketStream<TcpStream>);

impl Engine for TokioTungstenite {
    async fn open(stream: TcpStream, setup: Setup) -> Self {
        let side = match setup.role {
            Role::Client => Side::Client,
            Role::Server => Side::Server,
        };
        Self(WebSocketStream::from_raw_socket(stream, side, None).await)
    }

    fn echo(self) -> impl Future<Output = ()> + Send {
        super::echo(self.0)
    }

    fn echo_batched(self) -> impl Future<Output = ()> + Send {
        super::echo_batched(self.0)
    }

    async fn broadcast(self, audience: Vec<Self>) {
        super::broadcast(self.0, audience.into_iter().map(|listener| listener.0).collect()).await;
    }
}
