//! tungstenite against an echo server that speaks WebSocket at each path.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::Server;

/// Asserts that messages are echoed, and that pings and the close frame are answered.
pub fn messages_pings_and_close(server: &Server) {
    let mut ws = server.connect();
    for len in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        for message in [Message::text("é".repeat(len)), Message::binary(vec![7; len])] {
            ws.send(message.clone()).unwrap();
            assert_eq!(ws.read().unwrap(), message);
        }
    }
    ws.send(Message::Ping("?".into())).unwrap();
    assert_eq!(ws.read().unwrap(), Message::Pong("?".into()));
    let frame = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    ws.close(Some(frame)).unwrap();
    assert_eq!(ending(&mut ws).unwrap().code, CloseCode::Normal);
}

/// Asserts that an interrupt closes each connection and ends the server.
pub fn interrupt(mut server: Server) {
    let mut peers = [server.connect(), server.connect()];
    // An answer shows that the handshake is complete for the server too.
    for ws in &mut peers {
        is_echoed(ws);
    }
    server.program.interrupt();
    for ws in &mut peers {
        assert_eq!(ending(ws).unwrap().code, CloseCode::Away);
    }
    drop(peers); // the server waits for the end of each transport
    assert!(server.program.child.wait().unwrap().success());
}

/// Asserts that a server that has too few files for a crowd serves the clients after it.
pub fn crowd(server: &Server) {
    let crowd: Vec<_> = (0..60).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    thread::sleep(Duration::from_millis(300));
    drop(crowd);
    is_echoed(&mut server.connect());
}

pub fn is_echoed(ws: &mut WebSocket<TcpStream>) {
    ws.send("?".into()).unwrap();
    assert_eq!(ws.read().unwrap(), Message::text("?"));
}

/// Reads to the end; returns the close frame.
pub fn ending(ws: &mut WebSocket<TcpStream>) -> Option<CloseFrame> {
    let mut close = None;
    loop {
        match ws.read() {
            Ok(Message::Close(frame)) => close = frame,
            Ok(message) => panic!("{message:?}"),
            Err(tungstenite::Error::ConnectionClosed) => return close,
            Err(error) => panic!("{error}"),
        }
    }
}
