//! An echo server in axum: a page at `/` and WebSockets at `/echo`, with a subprotocol, a policy of origins and
//! permessage-deflate.
//!
//! The extractor `WebSocketUpgrade` is in a module of its own, which you can copy. Ctrl+C closes every connection with
//! code 1001.
//!
//!     cargo run -p wsproto-axum-example -- 127.0.0.1:9001
//!
//! Then open http://127.0.0.1:9001/ in a browser.

mod web_socket_upgrade;

use std::error::Error;
use std::io;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, State};
use axum::response::{Html, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wsproto::{CloseCode, Limits, OriginPolicy, PermessageDeflate, Scheme};
use wsproto_tokio::Settings;

use web_socket_upgrade::{AxumWebSocket, WebSocketUpgrade};

/// How many clients are served at once; the next ones wait.
const MAX_CLIENTS: usize = 1000;
/// How long a request may take, and a connection without one may stay.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to receive a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long clients may take to close after Ctrl+C.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// A message may have 1 MiB.
const SETTINGS: Settings = Settings::DEFAULT.with_limits(Limits::DEFAULT.with_max_message_len(1 << 20));

/// What all connections share; a clone is cheap.
#[derive(Clone)]
struct Shared {
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let addr = match args.as_slice() {
        [] => "127.0.0.1:9001",
        [addr] if !addr.starts_with('-') => addr,
        _ => {
            eprintln!("usage: wsproto-axum-example [ADDRESS:PORT]");
            return ExitCode::from(2);
        }
    };
    match run(addr).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{addr}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(addr: &str) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(addr).await?;
    println!("http://{}/", listener.local_addr()?);
    let shared = Shared { tasks: TaskTracker::new(), stop: CancellationToken::new() };
    let app = Router::new()
        .route("/", get(async || Html(include_str!("page.html"))))
        .route("/echo", get(echo_route))
        .with_state(shared.clone());
    tokio::select! {
        () = accept(&listener, &app, &shared) => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    drop(listener);
    shared.stop.cancel();
    shared.tasks.close();
    // What has not closed by then is dropped.
    _ = timeout(STOP_TIMEOUT, shared.tasks.wait()).await;
    Ok(())
}

/// In place of `axum::serve`, which sets no deadline for a request and no bound on clients.
async fn accept(listener: &TcpListener, app: &Router, shared: &Shared) {
    let clients = Arc::new(Semaphore::new(MAX_CLIENTS));
    while let Ok(permit) = Arc::clone(&clients).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                _ = stream.set_nodelay(true); // without it, messages only arrive later
                // Its requests have the permit too: an upgraded connection is served by a task of its own.
                let app = app.clone().layer(Extension(Arc::new(permit)));
                shared.tasks.spawn(serve(stream, app, shared.stop.clone()));
            }
            Err(error) => {
                eprintln!("accept: {error}"); // too many open files, for example
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, app: Router, stop: CancellationToken) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
    let service = TowerToHyperService::new(app);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        eprintln!("HTTP: {error}");
    }
}

async fn echo_route(
    State(shared): State<Shared>,
    Extension(permit): Extension<Arc<OwnedSemaphorePermit>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade
        .with_origin_policy(OriginPolicy::same_origin(Scheme::Ws))
        .with_subprotocols(&["echo.v2", "echo"])
        .with_deflate(PermessageDeflate::new())
        .with_settings(SETTINGS);
    let token = shared.tasks.token(); // until it is dropped, the server does not end
    let subprotocol = upgrade.subprotocol().unwrap_or("no subprotocol").to_owned();
    upgrade.on_upgrade(async move |ws| {
        if let Err(error) = echo(ws, shared.stop).await {
            eprintln!("WebSocket, {subprotocol}: {error}");
        }
        drop((token, permit));
    })
}

/// Echoes every message, until the client closes or the server stops.
async fn echo(mut ws: AxumWebSocket, stop: CancellationToken) -> Result<(), wsproto_tokio::Error> {
    loop {
        let message = tokio::select! {
            message = ws.recv() => message?,
            () = stop.cancelled() => return ws.close(CloseCode::GOING_AWAY, "").await,
        };
        let Some(message) = message else { return Ok(()) };
        match timeout(SEND_TIMEOUT, ws.send(message)).await.map_err(io::Error::from)? {
            // The client has closed meanwhile: `recv` ends the connection.
            Ok(()) | Err(wsproto_tokio::Error::Closed) => {}
            Err(error) => return Err(error),
        }
    }
}
