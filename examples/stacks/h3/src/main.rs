//! An echo server over HTTP/3: WebSockets in request streams (RFC 9220), with permessage-deflate.
//!
//! `quinn` is the QUIC connection. The crate `h3` 0.0.8 refuses `:protocol = websocket`, so the module `h3_stream` has
//! the little of HTTP/3 that a WebSocket needs, with the field compression of the crate `qpack`. There is no page, and
//! the certificate is made at the start: use a client that does not check it. Ctrl+C closes with code 1001.
//!
//!     cargo run -p wsproto-h3-example -- 127.0.0.1:9443

mod h3_stream;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, Incoming, ServerConfig, VarInt};
use rustls::pki_types::PrivateKeyDer;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wsproto::{
    AcceptConnection, CloseCode, Connection, Extensions, HandshakeLimits, Limits, LocalProtocolError,
    OriginPolicy, PermessageDeflate, RejectConnection, ResponseParts, Role, Scheme, ServerExtendedConnect,
};
use wsproto_tokio::{MaskingKeys, Settings, WebSocket};

use h3_stream::H3Stream;

/// How many connections are served at once, and how many streams each may have.
const MAX_CLIENTS: usize = 1000;
const MAX_STREAMS: u32 = 100;
/// A client has three streams for itself, and may have some of unknown types (RFC 9114 §6.2). They are not read.
const MAX_UNI_STREAMS: u32 = 8;
/// How many bytes a client may send that are not read, in all streams and in one. Streams that are not read must leave
/// room for the others.
const RECEIVE_WINDOW: VarInt = VarInt::from_u32(4 << 20);
const STREAM_WINDOW: VarInt = VarInt::from_u32(256 << 10);
/// How long a request and its response may take, and a connection without a stream may stay.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to receive a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long clients may take to close after Ctrl+C.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// A message may have 1 MiB.
const SETTINGS: Settings = Settings::DEFAULT.with_limits(Limits::DEFAULT.with_max_message_len(1 << 20));
/// Our control stream: its type, and a SETTINGS frame with `SETTINGS_ENABLE_CONNECT_PROTOCOL` = 1 (RFC 9220 §3).
const CONTROL: [u8; 5] = [0x0, 0x4, 2, 0x8, 1];

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let addr = match args.as_slice() {
        [] => "127.0.0.1:9443",
        [addr] if !addr.starts_with('-') => addr,
        _ => {
            eprintln!("usage: wsproto-h3-example [ADDRESS:PORT]");
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
    let endpoint = Endpoint::server(quic_config()?, addr.parse::<SocketAddr>()?)?;
    println!("https://{}/echo", endpoint.local_addr()?);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tokio::select! {
        () = accept(&endpoint, &tasks, &stop) => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    endpoint.set_server_config(None);
    stop.cancel();
    tasks.close();
    // What has not closed by then is dropped.
    _ = timeout(STOP_TIMEOUT, tasks.wait()).await;
    _ = timeout(STOP_TIMEOUT, endpoint.wait_idle()).await;
    Ok(())
}

/// RFC 9114 §8.1.
const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);

fn quic_config() -> Result<ServerConfig, AnyError> {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let certified = rcgen::generate_simple_self_signed(names)?;
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der())?;
    let chain = vec![certified.cert.der().clone()];
    let mut tls = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    let mut transport = quinn::TransportConfig::default();
    transport.max_concurrent_bidi_streams(MAX_STREAMS.into());
    transport.max_concurrent_uni_streams(MAX_UNI_STREAMS.into());
    transport.receive_window(RECEIVE_WINDOW).stream_receive_window(STREAM_WINDOW);
    config.transport_config(Arc::new(transport));
    Ok(config)
}

async fn accept(endpoint: &Endpoint, tasks: &TaskTracker, stop: &CancellationToken) {
    while let Some(incoming) = endpoint.accept().await {
        if endpoint.open_connections() >= MAX_CLIENTS {
            incoming.refuse();
            continue;
        }
        let stop = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = serve(incoming, stop).await {
                eprintln!("QUIC: {error}");
            }
        });
    }
}

/// Serves the request streams of a connection.
async fn serve(incoming: Incoming, stop: CancellationToken) -> Result<(), AnyError> {
    let connection = timeout(REQUEST_TIMEOUT, incoming).await??;
    // It must stay open as long as the connection (RFC 9114 §6.2.1). The client's own streams, for settings and field
    // compression, are not read: without a dynamic table, nothing in them matters here.
    let mut control = timeout(REQUEST_TIMEOUT, connection.open_uni()).await??;
    timeout(REQUEST_TIMEOUT, control.write_all(&CONTROL)).await??;
    let streams = TaskTracker::new();
    loop {
        tokio::select! {
            stream = connection.accept_bi() => match stream {
                Ok((send, recv)) => {
                    let (stream, stop) = (H3Stream::new(recv, send), stop.clone());
                    streams.spawn(async move {
                        if let Err(error) = answer(stream, stop).await {
                            eprintln!("stream: {error}");
                        }
                    });
                }
                Err(quinn::ConnectionError::ApplicationClosed(_) | quinn::ConnectionError::LocallyClosed) => return Ok(()),
                Err(error) => return Err(error.into()),
            },
            () = stop.cancelled() => break,
            // QUIC's own pings do not keep a connection.
            () = sleep(REQUEST_TIMEOUT) => if streams.is_empty() {
                break;
            },
        }
    }
    streams.close();
    streams.wait().await;
    connection.close(H3_NO_ERROR, b"");
    Ok(())
}

/// Accepts a WebSocket request and echoes, or refuses it.
async fn answer(mut stream: H3Stream, stop: CancellationToken) -> Result<(), AnyError> {
    let fields = timeout(REQUEST_TIMEOUT, stream.receive_headers()).await??;
    match handshake(fields) {
        Ok((parts, extensions)) => {
            let parts = parts?;
            let sent = stream.send_headers(parts.status_code(), parts.headers().iter());
            timeout(REQUEST_TIMEOUT, sent).await??;
            Ok(echo(stream, extensions, stop).await?)
        }
        Err(reject) => {
            let parts = ServerExtendedConnect::reject(reject)?;
            let sent = stream.send_headers(parts.status_code(), parts.headers().iter());
            timeout(REQUEST_TIMEOUT, sent).await??;
            Ok(stream.finish().await?)
        }
    }
}

type Accepted = (Result<ResponseParts, LocalProtocolError>, Extensions);

/// Checks the request: pages of this server may connect, and those who are not pages.
fn handshake(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Accepted, RejectConnection> {
    let connect =
        ServerExtendedConnect::parse(fields, HandshakeLimits::DEFAULT).map_err(|error| error.response())?;
    OriginPolicy::same_origin(Scheme::Wss).check(connect.request())?;
    if connect.request().path() != "/echo" {
        return Err(RejectConnection::new(404));
    }
    let deflate = PermessageDeflate::new();
    let (accept, extensions) = AcceptConnection::new().with_extensions(&[&deflate], connect.request());
    Ok((connect.accept(accept), extensions))
}

/// Echoes every message, until the client closes or the server stops.
async fn echo(
    stream: H3Stream,
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
