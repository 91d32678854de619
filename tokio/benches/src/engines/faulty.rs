//! wsproto-tokio with a fault: the benchmark must notice each.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use wsproto_tokio::Message;

use super::{Engine, Setup, WsprotoTokio};

/// How long [`Slowed`] does nothing for each message: less than a ping-pong over TCP takes.
const DELAY: Duration = Duration::from_micros(10);

fn waste() {
    let start = Instant::now();
    while start.elapsed() < DELAY {
        std::hint::spin_loop();
    }
}

/// Wastes time for each message.
pub(crate) struct Slowed(WsprotoTokio);

impl Engine for Slowed {
    async fn open(stream: TcpStream, setup: Setup) -> Self {
        Self(WsprotoTokio::open(stream, setup).await)
    }

    async fn echo(self) {
        let mut ws = self.0.0;
        while let Ok(Some(message)) = ws.recv().await {
            waste();
            if ws.send(message).await.is_err() {
                return;
            }
        }
    }

    async fn broadcast(self, mut audience: Vec<Self>) {
        let mut ws = self.0.0;
        while let Ok(Some(message)) = ws.recv().await {
            for Self(listener) in &mut audience {
                waste();
                if listener.0.send(message.clone()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Changes one byte of the fourth message.
pub(crate) struct Wrong(WsprotoTokio);

impl Wrong {
    fn spoil(message: Message, count: usize) -> Message {
        if count != 3 {
            return message;
        }
        let mut bytes = message.as_bytes().to_vec();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        match message {
            Message::Binary(_) => Message::from(bytes),
            Message::Text(_) => Message::from(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

impl Engine for Wrong {
    async fn open(stream: TcpStream, setup: Setup) -> Self {
        Self(WsprotoTokio::open(stream, setup).await)
    }

    async fn echo(self) {
        let mut ws = self.0.0;
        for count in 0.. {
            let Ok(Some(message)) = ws.recv().await else { return };
            if ws.send(Self::spoil(message, count)).await.is_err() {
                return;
            }
        }
    }

    async fn broadcast(self, mut audience: Vec<Self>) {
        let mut ws = self.0.0;
        for count in 0.. {
            let Ok(Some(message)) = ws.recv().await else { return };
            let message = Self::spoil(message, count);
            for Self(listener) in &mut audience {
                if listener.0.send(message.clone()).await.is_err() {
                    return;
                }
            }
        }
    }
}
