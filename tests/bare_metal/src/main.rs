//! A program for a processor without an operating system and without C: an echo in fixed memory, and a handshake.
//!
//! It is linked and not run. If the crate needed a symbol that only a C library or an allocator has, such as `malloc`,
//! the linker would fail.

#![no_std]
#![no_main]

use core::hint::black_box;

use wsproto::{Connection, Event, Limits, generate_accept_token};

/// The processor would start here. A real program sets up its memory and its devices first.
// SAFETY: no other symbol of the program has this name.
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut server = Connection::server(Limits::default());
    let mut bytes = [0; 256];
    loop {
        black_box(generate_accept_token(black_box(b"dGhlIHNhbXBsZSBub25jZQ==")).as_bytes());
        black_box(&mut bytes);
        let mut answers = [0; 256];
        _ = black_box(echo(&mut server, &mut bytes, &mut answers));
        black_box(&answers);
    }
}

/// `None` for a fault of the peer's, or if there is no more room.
fn echo(server: &mut Connection, mut input: &mut [u8], mut room: &mut [u8]) -> Option<()> {
    let (receiver, sender) = server.split();
    while let Some(event) = receiver.next_event(&mut input).ok()? {
        match event {
            Event::Text(text) => sender.send(text, &mut room),
            Event::Bytes(bytes) => sender.send(bytes, &mut room),
            Event::Ping(ping) => sender.send(ping.response(), &mut room),
            Event::Close(close) => sender.send(close.response(), &mut room),
            Event::Pong(_) => Ok(()),
        }
        .ok()?;
    }
    Some(())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
