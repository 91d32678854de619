//! Accepts the opening handshake, and sends each message back.

mod stdio;

use futures::executor::block_on;
use futures::io::AllowStdIo;
use soketto::handshake::Server;
use soketto::handshake::server::Response;

fn main() {
    block_on(async {
        let mut server = Server::new(AllowStdIo::new(stdio::Stdio::new()));
        let key = server.receive_request().await.expect("the request is valid").key();
        server.send_response(&Response::Accept { key, protocol: None }).await.expect("stdout is open");
        let (mut sender, mut receiver) = server.into_builder().finish();
        let mut message = Vec::new();
        while let Ok(kind) = receiver.receive_data(&mut message).await {
            let sent = if kind.is_text() {
                sender.send_text(str::from_utf8(&message).expect("text is UTF-8")).await
            } else {
                sender.send_binary(&message).await
            };
            sent.expect("the connection is open");
            sender.flush().await.expect("the connection is open");
            message.clear();
        }
    });
}
