//! Not an engine: a task that has a `TcpStream` and waits. It answers the first message with the header that it needs
//! and the bytes that were masked. It shows what tokio itself costs.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::frames::{self, Frame};

use super::{Engine, Setup};

pub(crate) struct TokioAlone(TcpStream);

impl Engine for TokioAlone {
    async fn open(stream: TcpStream, _: Setup) -> Self {
        Self(stream)
    }

    async fn echo(mut self) {
        while self.0.readable().await.is_ok() {
            let reply = {
                let mut bytes = [0; 2048];
                match self.0.try_read(&mut bytes) {
                    Ok(0) => return,
                    Ok(len) => frames::read(&bytes[..len]).map(|read| {
                        let mut reply = Vec::new();
                        let (first_byte, payload) = (read.first_byte, read.payload.as_slice());
                        Frame { first_byte, masking_key: None, payload }.write(&mut reply);
                        reply
                    }),
                    Err(_) => None,
                }
            };
            if let Some(reply) = reply
                && self.0.write_all(&reply).await.is_err()
            {
                return;
            }
        }
    }

    async fn broadcast(self, _: Vec<Self>) {}
}
