//! Accepts the opening handshake over standard input and output, and sends each message back.

use std::io::{self, Read as _, Write as _};

use wsproto::{
    AcceptConnection, Connection, Extension, HandshakeLimits, Limits, Messages, ReadBuffer, ServerHandshake,
    TransportAction,
};

pub fn serve(supported: &[&dyn Extension]) -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let (mut buffer, mut response) = (ReadBuffer::new(), Vec::new());
    let mut handshake = ServerHandshake::new(HandshakeLimits::default());
    let extensions = loop {
        let len = input.read(buffer.space())?;
        if len == 0 {
            return Ok(());
        }
        buffer.filled(len)?;
        if let Some(request) = buffer.read_shared(|input| handshake.receive(input))? {
            let (accept, extensions) = AcceptConnection::new().with_extensions(supported, request);
            handshake.accept(accept, &mut response)?;
            break extensions;
        }
    };
    output.write_all(&response)?;

    let connection = Connection::server(Limits::default()).with_extensions(extensions);
    let mut ws = Messages::new(connection, buffer);
    loop {
        let (mut incoming, mut outgoing) = ws.split();
        while let Some(message) = incoming.next_message() {
            outgoing.send(message)?;
        }
        output.write_all(ws.output())?;
        output.flush()?;
        ws.written(usize::MAX);
        if ws.transport_action() != TransportAction::Keep {
            return Ok(());
        }
        let len = input.read(ws.space())?;
        ws.filled(len)?;
    }
}
