//! What a peer can make a connection cost: each input of `tests/hostile`, run once.

#[path = "../../../tests/hostile/mod.rs"]
mod hostile;

use std::hint::black_box;

use wsproto::{
    AcceptConnection, BytesMessage, ClientHandshake, Connection, Event, Extension, HandshakeLimits,
    HandshakeResponse, Limits, PermessageDeflate, Role, ServerHandshake, WsConnection, select_subprotocol,
};

use crate::Failure;
use hostile::{ALONE, Door, Fixed, Input, TAKEOVER, extensions, inputs};

/// The names, the honest input of each, and what it is.
pub(crate) fn list() {
    for Input { name, honest, what, .. } in inputs() {
        println!("{name}\t{honest}\t{what}");
    }
}

/// Reads an input of about `len` bytes, and prints how many they are.
pub(crate) fn run(name: &str, len: usize) -> Result<(), Failure> {
    let input = inputs().into_iter().find(|input| input.name == name).ok_or("no such input")?;
    let mut bytes = (input.bytes)(len);
    println!("{}", bytes.len());
    match input.door {
        Door::Frames => frames(server(), &mut bytes, input.read_len),
        Door::Deflate | Door::DeflateAlone => {
            let params = if input.door == Door::Deflate { TAKEOVER } else { ALONE };
            let mut server = server().with_extensions(extensions(Role::Server, params));
            fill_window(&mut server)?;
            frames(server, &mut bytes, input.read_len)
        }
        Door::Request => requests(&bytes, input.read_len),
        Door::Response => responses(&bytes, input.read_len),
        Door::Early => early(&bytes, input.read_len),
    }
}

fn server() -> Connection {
    Connection::server(Limits::default())
}

fn fill_window(server: &mut Connection) -> Result<(), Failure> {
    let client = Connection::client(Limits::default(), Fixed);
    let mut client = client.with_extensions(extensions(Role::Client, TAKEOVER));
    let mut filling = Vec::new();
    client.send(BytesMessage::new(vec![0; 80_000]), &mut filling)?;
    let mut input = filling.as_mut_slice();
    while server.next_event(&mut input)?.is_some() {}
    Ok(())
}

fn frames(mut server: Connection, bytes: &mut [u8], read_len: usize) -> Result<(), Failure> {
    let mut output = Vec::with_capacity(2 * bytes.len());
    for read in bytes.chunks_mut(read_len) {
        output.clear();
        measured_frames(&mut server, read, &mut output)?;
    }
    Ok(())
}

#[inline(never)]
fn measured_frames(
    server: &mut Connection,
    mut input: &mut [u8],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    let (receiver, sender) = server.split();
    while let Some(event) = receiver.next_event(&mut input)? {
        match event {
            Event::Text(text) => _ = black_box(text),
            Event::Bytes(bytes) => _ = black_box(bytes),
            Event::Ping(ping) => sender.send(ping.response(), output)?,
            Event::Close(close) => sender.send(close.response(), output)?,
            Event::Pong(_) => {}
        }
    }
    if input.is_empty() { Ok(()) } else { Err("some input is left".into()) }
}

/// So long that nothing is refused for its length.
const LIMITS: HandshakeLimits =
    HandshakeLimits::DEFAULT.with_max_head_len(64 << 10).with_max_headers(64 << 10);

fn requests(bytes: &[u8], read_len: usize) -> Result<(), Failure> {
    let mut output = Vec::with_capacity(512);
    let mut handshake = ServerHandshake::new(LIMITS);
    for mut read in bytes.chunks(read_len) {
        while !read.is_empty() {
            output.clear();
            if measured_request(&mut handshake, &mut read, &mut output)? {
                handshake = ServerHandshake::new(LIMITS);
            }
        }
    }
    if output.is_empty() { Err("a request is not whole".into()) } else { Ok(()) }
}

/// True at the end of a request.
#[inline(never)]
fn measured_request(
    handshake: &mut ServerHandshake,
    input: &mut &[u8],
    output: &mut Vec<u8>,
) -> Result<bool, Failure> {
    let Some(request) = handshake.receive(input)? else { return Ok(false) };
    let deflate = PermessageDeflate::new();
    let supported: [&dyn Extension; 1] = [&deflate];
    let (mut accept, extensions) = AcceptConnection::new().with_extensions(&supported, request);
    _ = black_box(extensions);
    if let Some(name) = select_subprotocol(&["chat"], request.subprotocols(), Role::Server) {
        accept = accept.with_subprotocol(name);
    }
    handshake.accept(accept, output)?;
    Ok(true)
}

fn responses(bytes: &[u8], read_len: usize) -> Result<(), Failure> {
    let new = || {
        ClientHandshake::new(wsproto::Request::new("example.com", "/"), LIMITS, &mut Fixed, &mut Vec::new())
    };
    let mut handshake = new()?;
    let mut ended = false;
    for mut read in bytes.chunks(read_len) {
        while !read.is_empty() {
            ended = measured_response(&mut handshake, &mut read)?;
            if ended {
                handshake = new()?;
            }
        }
    }
    if ended { Ok(()) } else { Err("a response is not whole".into()) }
}

/// True at the end of a response.
#[inline(never)]
fn measured_response(handshake: &mut ClientHandshake, input: &mut &[u8]) -> Result<bool, Failure> {
    while let Some(response) = handshake.receive(input)? {
        match black_box(response) {
            HandshakeResponse::Accept(_) => return Ok(true),
            HandshakeResponse::RejectData(data) if data.body_finished => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

fn early(bytes: &[u8], read_len: usize) -> Result<(), Failure> {
    let mut server = WsConnection::server();
    let mut requests = 0;
    for read in bytes.chunks(read_len) {
        requests += measured_early(&mut server, read)?;
    }
    if requests == 1 { Ok(()) } else { Err("not one request".into()) }
}

#[inline(never)]
fn measured_early(server: &mut WsConnection, read: &[u8]) -> Result<usize, Failure> {
    server.receive_data(read)?;
    Ok(usize::from(server.next_event()?.is_some()))
}
