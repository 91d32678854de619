//! The server with permessage-deflate.

mod wsproto_server;

use wsproto::PermessageDeflate;

fn main() -> std::io::Result<()> {
    wsproto_server::serve(&[&PermessageDeflate::new()])
}
