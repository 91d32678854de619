//! An echo server over HTTP/2 and TLS: a page at `/`, and WebSockets at `/echo` in streams of the same connection
//! (RFC 8441), with permessage-deflate.
//!
//! Each WebSocket is one CONNECT stream; `H2Stream` makes a transport of it, and `wsproto-tokio` drives it. The
//! certificate is made at the start, so a browser asks whether to trust it. Ctrl+C closes with code 1001.
//!
//!     cargo run -p wsproto-h2-example -- 127.0.0.1:9443
//!
//! Then open https://127.0.0.1:9443/ in a browser.

mod h2_stream;

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::ext::Protocol;
use h2::server::{self, SendResponse};
use http::{Method, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wsproto::{
    AcceptConnection, CloseCode, Connection, Extensions, HandshakeLimits, Limits, LocalProtocolError,
    OriginPolicy, PermessageDeflate, RejectConnection, ResponseParts, Role, Scheme, ServerExtendedConnect,
};
use wsproto_tokio::{MaskingKeys, Settings, WebSocket};

use h2_stream::H2Stream;

/// How many connections are served at once, and how many streams each may have.
const MAX_CLIENTS: usize = 1000;
const MAX_STREAMS: u32 = 100;
/// How long the handshake of TLS and HTTP/2 may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection without a stream may stay.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to receive a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long clients may take to close after Ctrl+C.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// A message may have 1 MiB.
const SETTINGS: Settings = Settings::DEFAULT.with_limits(Limits::DEFAULT.with_max_message_len(1 << 20));

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let addr = match args.as_slice() {
        [] => "127.0.0.1:9443",
        [addr] if !addr.starts_with('-') => addr,
        _ => {
            eprintln!("usage: wsproto-h2-example [ADDRESS:PORT]");
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
    let tls = TlsAcceptor::from(Arc::new(tls_config()?));
    println!("https://{}/", listener.local_addr()?);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tokio::select! {
        () = accept(&listener, &tls, &tasks, &stop) => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    drop(listener);
    stop.cancel();
    tasks.close();
    // What has not closed by then is dropped.
    _ = timeout(STOP_TIMEOUT, tasks.wait()).await;
    Ok(())
}

/// TLS with a certificate of its own, and HTTP/2 only: there is no HTTP/1.1 to fall back to.
fn tls_config() -> Result<ServerConfig, AnyError> {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let certified = rcgen::generate_simple_self_signed(names)?;
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der())?;
    let chain = vec![certified.cert.der().clone()];
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

async fn accept(listener: &TcpListener, tls: &TlsAcceptor, tasks: &TaskTracker, stop: &CancellationToken) {
    let clients = Arc::new(Semaphore::new(MAX_CLIENTS));
    while let Ok(permit) = Arc::clone(&clients).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (tls, stop) = (tls.clone(), stop.clone());
                tasks.spawn(async move {
                    if let Err(error) = serve(stream, tls, stop).await {
                        eprintln!("HTTP/2: {error}");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                eprintln!("accept: {error}"); // too many open files, for example
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves the streams of a connection. While it waits for a stream, it also moves the bytes of all of them.
async fn serve(stream: TcpStream, tls: TlsAcceptor, stop: CancellationToken) -> Result<(), AnyError> {
    stream.set_nodelay(true)?;
    let mut builder = server::Builder::new();
    builder.enable_connect_protocol().max_concurrent_streams(MAX_STREAMS);
    let handshake = async { builder.handshake(tls.accept(stream).await?).await.map_err(io::Error::other) };
    let mut connection = timeout(HANDSHAKE_TIMEOUT, handshake).await??;
    let streams = TaskTracker::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            stream = connection.accept() => match stream {
                Some(stream) => {
                    let (request, respond) = stream?;
                    streams.spawn(answer(request, respond, stop.clone()));
                }
                None => return Ok(()),
            },
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.graceful_shutdown();
            }
            () = sleep(IDLE_TIMEOUT) => if streams.is_empty() {
                return Ok(());
            },
        }
    }
}

async fn answer(request: Request<RecvStream>, respond: SendResponse<Bytes>, stop: CancellationToken) {
    let protocol = request.extensions().get::<Protocol>().map_or("-", Protocol::as_str);
    println!("{} {} {:?} {protocol}", request.method(), request.uri().path(), request.version());
    let result = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => page(respond, StatusCode::OK, include_str!("page.html")),
        (_, "/echo") => connect(request, respond, stop).await,
        _ => page(respond, StatusCode::NOT_FOUND, "404\n"),
    };
    if let Err(error) = result {
        eprintln!("stream: {error}");
    }
}

fn page(mut respond: SendResponse<Bytes>, status: StatusCode, body: &'static str) -> Result<(), AnyError> {
    let response = Response::builder().status(status).header("content-type", "text/html; charset=utf-8");
    let mut send = respond.send_response(response.body(())?, false)?;
    // h2 keeps what the client's window does not take yet.
    Ok(send.send_data(Bytes::from_static(body.as_bytes()), true)?)
}

/// Accepts a WebSocket request and echoes, or refuses it.
async fn connect(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    stop: CancellationToken,
) -> Result<(), AnyError> {
    match handshake(&request) {
        Ok((parts, extensions)) => {
            let send = respond.send_response(Response::try_from(parts?)?, false)?;
            Ok(echo(H2Stream::new(request.into_body(), send), extensions, stop).await?)
        }
        Err(reject) => {
            let parts = ServerExtendedConnect::reject(reject)?;
            respond.send_response(Response::try_from(parts)?, true)?;
            Ok(())
        }
    }
}

type Accepted = (Result<ResponseParts, LocalProtocolError>, Extensions);

/// Checks the request: pages of this server may connect, and those who are not pages.
fn handshake(request: &Request<RecvStream>) -> Result<Accepted, RejectConnection> {
    let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    let connect = ServerExtendedConnect::parse_http(request, protocol, HandshakeLimits::DEFAULT)
        .map_err(|error| error.response())?;
    OriginPolicy::same_origin(Scheme::Wss).check(connect.request())?;
    let deflate = PermessageDeflate::new();
    let (accept, extensions) = AcceptConnection::new().with_extensions(&[&deflate], connect.request());
    Ok((connect.accept(accept), extensions))
}

/// Echoes every message, until the client closes or the server stops.
///
/// At the end, the driver ends our direction and reads on until the client has ended its own: a stream that is dropped
/// at once is reset, and a browser would report 1006 after a clean close.
async fn echo(
    stream: H2Stream,
    extensions: Extensions,
    stop: CancellationToken,
) -> Result<(), wsproto_tokio::Error> {
    let connection =
        Connection::with_role(Role::Server, SETTINGS.connection_limits(), MaskingKeys::default());
    let connection = connection.with_extensions(extensions);
    let mut ws = WebSocket::from_parts(stream, connection, b"", SETTINGS);
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
