//! `WebSocketStream` as `Stream` and `Sink`, with the default configuration; a clone of the message for each listener
//! shares the payload.

use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, ServerBuilder, WebSocketStream};

use super::{Engine, Role, Setup};

pub(crate) struct TokioWebsockets(WebSocketStream<TcpStream>);

impl Engine for TokioWebsockets {
    async fn open(stream: TcpStream, setup: Setup) -> Self {
        Self(match setup.role {
            Role::Client => ClientBuilder::new().take_over(stream),
            Role::Server => ServerBuilder::new().serve(stream),
        })
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
