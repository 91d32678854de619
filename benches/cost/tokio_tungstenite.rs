//! Accepts the opening handshake, and sends each message back.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{join, stdin, stdout};

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there are resources");
    runtime.block_on(async {
        let transport = join(stdin(), stdout());
        let mut socket = tokio_tungstenite::accept_async(transport).await.expect("the request is valid");
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.expect("the connection is open");
            }
        }
    });
}
