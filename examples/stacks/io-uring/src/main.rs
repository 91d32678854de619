//! An echo server on io_uring: who owns a buffer while the kernel has it.
//!
//! `ring.rs` answers that: the operation does, from its start to its completion. The core reads each buffer where the
//! kernel has filled it, and keeps nothing of it; what it writes moves into the next operation. A connection has at most
//! one read and one write in progress, and is not read from while it has something to write.
//!
//! Run it (Linux 5.11 or newer): `cargo run -p wsproto-io-uring-example -- 127.0.0.1:9001`

#[cfg(target_os = "linux")]
mod ring;
#[cfg(target_os = "linux")]
mod server;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    server::run(&std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into()))
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("io_uring is a part of Linux");
}
