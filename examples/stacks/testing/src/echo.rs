//! tungstenite against an echo server that speaks WebSocket at each path, and peers that are slow, early or hostile.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

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

/// The request for a WebSocket, as bytes.
pub fn request(server: &Server) -> Vec<u8> {
    let (path, address) = (server.path(), server.address());
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// Asserts that a frame which comes with the request is answered, also if each byte comes alone.
pub fn early_frame(server: &Server) {
    let sent = [&request(server)[..], b"\x81\x82\0\0\0\0Hi"].concat();
    for piece_len in [sent.len(), 1] {
        let mut stream = server.transport();
        stream.set_nodelay(true).unwrap();
        sent.chunks(piece_len).for_each(|piece| stream.write_all(piece).unwrap());
        let (mut received, mut byte) = (Vec::new(), [0]);
        while !received.ends_with(b"Hi") {
            stream.read_exact(&mut byte).unwrap();
            received.extend(byte);
        }
        let response = String::from_utf8_lossy(&received);
        assert!(response.starts_with("HTTP/1.1 101 "), "{response:?}");
        assert!(received.ends_with(b"\r\n\r\n\x81\x02Hi"), "{response:?}");
        stream.write_all(b"\x88\x80\0\0\0\0").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"\x88\x00");
    }
}

/// Asserts that a client that only writes is given up after a while, that the server does not take all of it, and that
/// others are served meanwhile.
pub fn flood(server: &Server) {
    let mut stream = server.connect().get_ref().try_clone().unwrap();
    let start = Instant::now();
    let flood = thread::spawn(move || {
        let mut frame = b"\x82\xfe\x40\x00\0\0\0\0".to_vec();
        frame.extend([0; 16 << 10]);
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        let error = (0..).find_map(|frames| Some((frames, stream.write_all(&frame).err()?.kind())));
        error.unwrap()
    });
    let mut ws = server.connect();
    (0..100).for_each(|_| is_echoed(&mut ws));
    let (frames, error) = flood.join().unwrap();
    let waited = start.elapsed();
    assert!(!matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut), "the server has not given it up");
    assert!(waited < Duration::from_secs(25), "{waited:?}");
    assert!(frames < 48 * 64, "{frames} frames of 16 KiB"); // the buffers of two sockets, and the server's
    drop(ws);
    is_echoed(&mut server.connect());
}

/// Asserts that clients whose request does not come, or not to its end, are dropped after a while.
pub fn silence(server: &Server) {
    let start = Instant::now();
    let request = request(server);
    let half = request.split_at(request.len() / 2).0;
    let mut streams: Vec<_> = [&b""[..], half]
        .into_iter()
        .map(|part| {
            let mut stream = server.transport();
            stream.write_all(part).unwrap();
            stream
        })
        .collect();
    for stream in &mut streams {
        // A refusal may come first.
        if let Err(error) = stream.read_to_end(&mut Vec::new()) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    }
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(5) && waited < Duration::from_secs(20), "{waited:?}");
}

/// Asserts that the server serves `max` clients at once, and the next one when another has left.
pub fn bound(server: &Server, max: usize) {
    let mut clients: Vec<_> = (0..max).map(|_| server.connect()).collect();
    let mut next = server.transport();
    next.write_all(&request(server)).unwrap();
    next.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let error = next.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "it is served, or dropped");
    drop(clients.pop());
    next.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(next.read(&mut [0]).unwrap(), 1);
}

pub fn is_echoed(ws: &mut WebSocket<TcpStream>) {
    ws.send("?".into()).unwrap();
    assert_eq!(message(ws), Message::text("?"));
}

/// The next message that is not a ping: on a busy machine, one may be due.
pub fn message(ws: &mut WebSocket<TcpStream>) -> Message {
    loop {
        match ws.read().unwrap() {
            Message::Ping(_) => {}
            message => return message,
        }
    }
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
