//! Accepts the opening handshake, and sends each message back.

use std::io::{self, Read as _, Write as _};

use bytes::BytesMut;
use sockudo_ws::Role;
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::protocol::Protocol;

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let (mut read, mut unread, mut frames) = ([0; 4096], BytesMut::new(), BytesMut::new());
    let mut protocol = None;
    loop {
        let len = input.read(&mut read)?;
        if len == 0 {
            return Ok(());
        }
        unread.extend_from_slice(&read[..len]);
        if protocol.is_none()
            && let Some((request, head_len)) = parse_request(&unread).map_err(io::Error::other)?
        {
            output.write_all(&build_response(&generate_accept_key(request.key), None, None))?;
            let _ = unread.split_to(head_len);
            protocol = Some(Protocol::new(Role::Server, 16 << 20, 16 << 20));
        }
        let Some(protocol) = &mut protocol else { continue };
        for message in protocol.process(&mut unread).map_err(io::Error::other)? {
            if !message.is_control() {
                protocol.encode_message(&message, &mut frames).map_err(io::Error::other)?;
            }
        }
        output.write_all(&frames)?;
        output.flush()?;
        frames.clear();
    }
}
