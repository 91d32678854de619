//! tungstenite, and Python's `websockets` with compression, against a server of pages that echoes at `/echo`.

use std::io::{Read, Write};
use std::net::TcpStream;

use tungstenite::client::IntoClientRequest;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

use crate::{Server, python};

/// A connection of a page from `origin`, or the refusal.
fn connect(server: &Server, origin: &str) -> Result<WebSocket<TcpStream>, Error> {
    let mut request = format!("ws://{}/echo", server.address()).into_client_request().unwrap();
    request.headers_mut().insert("Origin", origin.parse().unwrap());
    match tungstenite::client(request, server.transport()) {
        Ok((ws, _)) => Ok(ws),
        Err(HandshakeError::Failure(error)) => Err(error),
        Err(HandshakeError::Interrupted(_)) => panic!("the stream blocks"),
    }
}

fn connect_from_own_page(server: &Server) -> WebSocket<TcpStream> {
    connect(server, &format!("http://{}", server.address())).unwrap()
}

fn get(server: &Server, path: &str) -> String {
    let mut stream = server.transport();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// Asserts that messages are echoed, and that the end is clean.
pub fn echo_and_close(server: &Server) {
    let mut ws = connect_from_own_page(server);
    for message in [Message::text("Hello"), Message::text(""), Message::binary(vec![7; 1_000_000])] {
        ws.send(message.clone()).unwrap();
        assert_eq!(ws.read().unwrap(), message);
    }
    ws.close(None).unwrap();
    assert!(ws.read().unwrap().is_close());
    assert!(matches!(ws.read(), Err(Error::ConnectionClosed)));
}

/// Asserts that pages are served, and what is refused.
pub fn pages_and_refusals(server: &Server) {
    let page = get(server, "/");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("new WebSocket"), "{page}");
    assert!(get(server, "/nothing").starts_with("HTTP/1.1 404 "));
    assert!(get(server, "/echo").starts_with("HTTP/1.1 400 "), "no WebSocket request");
    let Err(Error::Http(response)) = connect(server, "http://evil.example") else { panic!("not refused") };
    assert_eq!(response.status(), 403);
}

/// Asserts that an interrupt closes with 1001 and ends the server.
pub fn interrupt(mut server: Server) {
    let mut ws = connect_from_own_page(&server);
    ws.send(Message::text("Hello")).unwrap();
    ws.read().unwrap();
    server.program.interrupt();
    let Message::Close(Some(frame)) = ws.read().unwrap() else { panic!("no close frame") };
    assert_eq!(u16::from(frame.code), 1001);
    assert!(matches!(ws.read(), Err(Error::ConnectionClosed)));
    drop(ws); // only now does the server see the end of the transport
    assert_eq!(server.program.child.wait().unwrap().code(), Some(0));
}

/// Asserts that Python's `websockets` is echoed with permessage-deflate.
pub fn python_with_deflate(server: &Server) {
    let Some(mut python) = python("websockets") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/websockets_client.py");
    let output = python.args([script, &format!("ws://{}/echo", server.address())]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "permessage-deflate\n3 echoes\nclosed 1000\n");
}
