//! Accepts the opening handshake, and sends each message back.

mod stdio;

fn main() {
    let mut socket = tungstenite::accept(stdio::Stdio::new()).expect("the request is valid");
    while let Ok(message) = socket.read() {
        if message.is_text() || message.is_binary() {
            socket.send(message).expect("the connection is open");
        }
    }
}
