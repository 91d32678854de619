//! The server without extensions.

mod wsproto_server;

fn main() -> std::io::Result<()> {
    wsproto_server::serve(&[])
}
