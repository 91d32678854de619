//! A server for Autobahn|Testsuite: echoes each message, compressed if the client offers it.
//!
//! ```sh
//! cargo run --release --example tokio_autobahn_server -- --addr 127.0.0.1:9001
//! ```
//!
//! `tests/autobahn/run --tokio` of the workspace starts it. It prints its address.

use std::error::Error;
use std::process::ExitCode;

use tokio::net::{TcpListener, TcpStream};
use wsproto_tokio::wsproto::{Limits, PermessageDeflate};
use wsproto_tokio::{Server, Settings};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => "127.0.0.1:9001",
        ["--addr", address] => address,
        _ => {
            eprintln!("usage: tokio_autobahn_server [--addr ADDRESS]");
            return ExitCode::from(2);
        }
    };
    match serve(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tokio_autobahn_server: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    // The longest messages of the suite have 16 MiB.
    let settings = Settings::default().with_limits(Limits::default().with_max_message_len(64 << 20));
    let server = Server::new().with_settings(settings).with_deflate(PermessageDeflate::new());
    loop {
        let (stream, _) = listener.accept().await?;
        let server = server.clone();
        tokio::spawn(async move {
            // The suite breaks rules on purpose: an error is what it expects.
            if let Err(error) = echo(&server, stream).await {
                eprintln!("tokio_autobahn_server: {error}");
            }
        });
    }
}

async fn echo(server: &Server, stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let mut ws = server.accept(stream).await?;
    while let Some(message) = ws.recv().await? {
        ws.send(message).await?;
    }
    Ok(())
}
