//! Accepts the opening handshake, and sends each message back.

mod stdio;

use nexus_web::ws::{Client, OwnedMessage};

fn main() {
    let mut socket = Client::accept(stdio::Stdio::new()).expect("the request is valid");
    while let Ok(Some(message)) = socket.recv() {
        let sent = match message.into_owned() {
            OwnedMessage::Text(text) => socket.send_text(&text),
            OwnedMessage::Binary(bytes) => socket.send_binary(&bytes),
            OwnedMessage::Ping(ping) => socket.send_pong(&ping),
            OwnedMessage::Pong(_) => Ok(()),
            OwnedMessage::Close(_) => break,
        };
        sent.expect("the connection is open");
    }
}
