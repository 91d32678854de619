//! An echo server over hyper: one port serves a page at `/` and WebSockets at `/echo`, with permessage-deflate.
//!
//! hyper reads the request and writes the response, `wsproto` decides what the response is, and `wsproto-tokio` drives
//! the stream that hyper hands over. Ctrl+C closes every connection with code 1001.
//!
//!     cargo run -p wsproto-hyper-example -- 127.0.0.1:9001
//!
//! Then open http://127.0.0.1:9001/ in a browser.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wsproto::{
    AcceptConnection, CloseCode, Connection, Extensions, HandshakeLimits, Limits, OriginPolicy,
    PermessageDeflate, RejectConnection, ResponseParts, Role, Scheme, ServerUpgrade,
};
use wsproto_tokio::{MaskingKeys, Settings, WebSocket};

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

type AnyError = Box<dyn Error + Send + Sync>;

/// What all connections share; a clone is cheap.
#[derive(Clone)]
struct Server {
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
            eprintln!("usage: wsproto-hyper-example [ADDRESS:PORT]");
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

async fn run(addr: &str) -> Result<(), AnyError> {
    let listener = TcpListener::bind(addr).await?;
    println!("http://{}/", listener.local_addr()?);
    let server = Server { tasks: TaskTracker::new(), stop: CancellationToken::new() };
    tokio::select! {
        () = server.accept(&listener) => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    drop(listener);
    server.stop.cancel();
    server.tasks.close();
    // What has not closed by then is dropped.
    _ = timeout(STOP_TIMEOUT, server.tasks.wait()).await;
    Ok(())
}

impl Server {
    async fn accept(&self, listener: &TcpListener) {
        let clients = Arc::new(Semaphore::new(MAX_CLIENTS));
        while let Ok(permit) = Arc::clone(&clients).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    _ = stream.set_nodelay(true); // without it, messages only arrive later
                    _ = self.tasks.spawn(self.clone().serve(stream, permit));
                }
                Err(error) => {
                    eprintln!("accept: {error}"); // too many open files, for example
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Serves the requests of a client. An upgraded connection is served by a task of its own.
    async fn serve(self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        let permit = Arc::new(permit);
        let service = service_fn(|request| {
            let response = self.respond(request, Arc::clone(&permit));
            async move { Ok::<_, Infallible>(response) }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            eprintln!("HTTP: {error}");
        }
    }

    fn respond(
        &self,
        request: Request<Incoming>,
        permit: Arc<OwnedSemaphorePermit>,
    ) -> Response<Full<Bytes>> {
        match request.uri().path() {
            "/" => Response::new(Full::from(include_str!("page.html"))),
            "/echo" => self.upgrade(request, permit).unwrap_or_else(|error| {
                eprintln!("response: {error}");
                status(500)
            }),
            _ => status(404),
        }
    }

    /// The response to a WebSocket request; if it accepts, a task waits for hyper to hand the stream over.
    fn upgrade(
        &self,
        mut request: Request<Incoming>,
        permit: Arc<OwnedSemaphorePermit>,
    ) -> Result<Response<Full<Bytes>>, AnyError> {
        let parts = match handshake(&request) {
            Ok((parts, extensions)) => {
                let upgraded = hyper::upgrade::on(&mut request);
                let stop = self.stop.clone();
                self.tasks.spawn(async move {
                    let result = match upgraded.await {
                        Ok(stream) => echo(stream, extensions, stop).await.map_err(AnyError::from),
                        Err(error) => Err(error.into()),
                    };
                    if let Err(error) = result {
                        eprintln!("WebSocket: {error}");
                    }
                    drop(permit);
                });
                parts?
            }
            Err(reject) => ServerUpgrade::reject(reject)?,
        };
        Ok(Response::try_from(parts)?.map(|()| Full::default()))
    }
}

fn status(code: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{code}\n")));
    *response.status_mut() = hyper::StatusCode::from_u16(code).unwrap_or_default();
    response
}

type Accepted = (Result<ResponseParts, wsproto::LocalProtocolError>, Extensions);

/// Checks the request: pages of this server may connect, and those who are not pages.
fn handshake(request: &Request<Incoming>) -> Result<Accepted, RejectConnection> {
    let upgrade =
        ServerUpgrade::parse_http(request, HandshakeLimits::DEFAULT).map_err(|error| error.response())?;
    OriginPolicy::same_origin(Scheme::Ws).check(upgrade.request())?;
    let deflate = PermessageDeflate::new();
    let (accept, extensions) = AcceptConnection::new().with_extensions(&[&deflate], upgrade.request());
    Ok((upgrade.accept(accept), extensions))
}

/// Echoes every message, until the client closes or the server stops.
async fn echo(
    stream: Upgraded,
    extensions: Extensions,
    stop: CancellationToken,
) -> Result<(), wsproto_tokio::Error> {
    let connection =
        Connection::with_role(Role::Server, SETTINGS.connection_limits(), MaskingKeys::default());
    let connection = connection.with_extensions(extensions);
    // hyper's stream returns first what hyper has read after the request, so nothing is left over.
    let mut ws = WebSocket::from_parts(TokioIo::new(stream), connection, b"", SETTINGS);
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
