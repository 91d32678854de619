//! A proxy for WebSockets: each client gets a connection of its own to the upstream server.
//!
//! Frames are relayed as they come: a fragment stays a fragment, and no message is collected. The client's side is
//! compressed and the upstream's is not; `--deflate-upstream` makes it the other way round. Pings, pongs and close frames
//! are relayed too, so each end sees whether the other end, and not only the proxy, is there. A side that has not written
//! what it got is not read for the other, and nothing waits in a queue.
//!
//! Run it: `cargo run -p wsproto-proxy-example -- ws://127.0.0.1:9001 127.0.0.1:9002`

mod link;
mod open;
mod relay;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use wsproto::WebSocketUri;

use crate::link::CLOSE_TIMEOUT;

/// What all connections share.
struct Config {
    upstream: WebSocketUri,
    /// Whether the upstream's side is compressed, and not the client's.
    deflates_upstream: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some((config, address)) = arguments(std::env::args().skip(1)) else {
        eprintln!("usage: wsproto-proxy-example [--deflate-upstream] ws://HOST[:PORT] [ADDRESS:PORT]");
        return ExitCode::from(2);
    };
    match run(config, address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(args: impl Iterator<Item = String>) -> Option<(Config, SocketAddr)> {
    let mut args = args.peekable();
    let deflates_upstream = args.next_if(|arg| arg == "--deflate-upstream").is_some();
    let upstream: WebSocketUri = args.next()?.parse().ok()?;
    let address = args.next().unwrap_or_else(|| "127.0.0.1:9002".into()).parse().ok()?;
    let is_valid = !upstream.is_secure() && args.next().is_none();
    is_valid.then_some((Config { upstream, deflates_upstream }, address))
}

async fn run(config: Config, address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("ws://{}/", listener.local_addr()?);
    let (config, free) = (Arc::new(config), Arc::new(Semaphore::new(MAX_CLIENTS)));
    let (stop, stopped) = watch::channel(false);
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        let (stream, permit) = tokio::select! {
            accepted = accept(&listener, &free) => accepted?,
            result = &mut interrupted => {
                result?;
                break;
            }
        };
        let (config, stopped) = (Arc::clone(&config), stopped.clone());
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &config, stopped).await {
                eprintln!("{error}");
            }
            drop(permit);
        });
    }
    // Both ends of each connection get a close frame, and the time to answer it.
    stop.send_replace(true);
    let all = u32::try_from(MAX_CLIENTS).unwrap_or(u32::MAX);
    _ = timeout(CLOSE_TIMEOUT, free.acquire_many(all)).await;
    Ok(())
}

/// The next client, once there is room for it.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, permit)),
            Err(error) => {
                eprintln!("accept: {error}"); // too many open files, for example
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// One client, from its request to the end of both transports.
async fn serve(stream: TcpStream, config: &Config, stopped: watch::Receiver<bool>) -> io::Result<()> {
    let opened = timeout(HANDSHAKE_TIMEOUT, open::open(stream, config));
    let Some((mut client, mut upstream)) = opened.await?? else { return Ok(()) };
    let fault = relay::relay(&mut client, &mut upstream, stopped).await.err();
    if let Some(fault) = &fault {
        eprintln!("{fault}");
    }
    // What is left is bounded by deadlines, and an error changes nothing for the other side.
    _ = tokio::join!(client.end(fault.as_ref()), upstream.end(fault.as_ref()));
    Ok(())
}

const MAX_CLIENTS: usize = 1000;
/// For the handshakes with the client and with the upstream together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
