//! `WebSocket::recv` and `send`; `send_prepared` for a broadcast; batches by `Stream` and `Sink`. `Settings::DEFAULT`,
//! so with all deadlines and pings; and the same without any, as the peers are.

use tokio::net::TcpStream;
use wsproto_tokio::wsproto::{
    Connection, DeflateParams, Extensions, Limits, PermessageDeflate, PreparedMessage, Role as Side, Timeouts,
};
use wsproto_tokio::{MaskingKeys, Settings, WebSocket};

use super::{Engine, Role, Setup};

pub(crate) struct WsprotoTokio(pub(super) WebSocket<TcpStream>);

impl Engine for WsprotoTokio {
    async fn open(stream: TcpStream, setup: Setup) -> Self {
        Self::open_with(Settings::DEFAULT, stream, setup)
    }

    fn echo(self) -> impl Future<Output = ()> + Send {
        let mut ws = self.0;
        async move {
            while let Ok(Some(message)) = ws.recv().await {
                if ws.send(message).await.is_err() {
                    return;
                }
            }
        }
    }

    fn echo_batched(self) -> impl Future<Output = ()> + Send {
        super::echo_batched(self.0)
    }

    async fn broadcast(self, mut audience: Vec<Self>) {
        let mut ws = self.0;
        while let Ok(Some(message)) = ws.recv().await {
            let message = PreparedMessage::bytes(message.as_bytes()).expect("the system has memory");
            for Self(listener) in &mut audience {
                if listener.send_prepared(&message).await.is_err() {
                    return;
                }
            }
        }
    }
}

impl WsprotoTokio {
    fn open_with(settings: Settings, stream: TcpStream, setup: Setup) -> Self {
        let (side, keys) = match setup.role {
            Role::Server => (Side::Server, MaskingKeys::default()),
            Role::Client => (Side::Client, MaskingKeys::seeded().expect("the system has entropy")),
        };
        let mut extensions = Extensions::new();
        if setup.deflates {
            let deflate = PermessageDeflate::new().negotiated(side, DeflateParams::DEFAULT);
            extensions.push(deflate).expect("it is the only one");
        }
        let connection = Connection::with_role(side, Limits::DEFAULT, keys).with_extensions(extensions);
        Self(WebSocket::from_parts(stream, connection, b"", settings))
    }
}

/// The same without deadlines, pings and a time after which memory is freed.
pub(crate) struct WithoutDeadlines(WsprotoTokio);

impl Engine for WithoutDeadlines {
    async fn open(stream: TcpStream, setup: Setup) -> Self {
        let settings = Settings::DEFAULT.with_timeouts(Timeouts::NONE).with_release_memory_after(None);
        Self(WsprotoTokio::open_with(settings, stream, setup))
    }

    fn echo(self) -> impl Future<Output = ()> + Send {
        self.0.echo()
    }

    fn echo_batched(self) -> impl Future<Output = ()> + Send {
        self.0.echo_batched()
    }

    fn broadcast(self, audience: Vec<Self>) -> impl Future<Output = ()> + Send {
        self.0.broadcast(audience.into_iter().map(|Self(ws)| ws).collect())
    }
}
