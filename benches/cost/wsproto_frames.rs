//! Sends each frame's payload back, without a handshake and without memory on the heap.

use std::io::{self, Read as _, Write as _};

use wsproto::{Ends, FrameDecoder, FrameEncoder, Limits, Role, Rsv};

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut decoder = FrameDecoder::new(Role::Server, Limits::default());
    let mut encoder = FrameEncoder::server();
    let (mut buffer, mut frames) = ([0; 4096], [0; 8192]);
    loop {
        let len = input.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        let mut rest = &mut buffer[..len];
        while let Some(chunk) = decoder.decode(&mut rest).map_err(io::Error::other)? {
            let fin = chunk.ends == Ends::Message;
            let mut room = frames.as_mut_slice();
            encoder
                .encode(fin, Rsv::NONE, chunk.header.opcode, chunk.payload, &mut room)
                .map_err(io::Error::other)?;
            let left = room.len();
            output.write_all(&frames[..frames.len() - left])?;
        }
        output.flush()?;
    }
}
