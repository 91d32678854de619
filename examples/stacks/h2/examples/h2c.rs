//! The echo server of this package without TLS: HTTP/2 in clear text, as it is spoken by a proxy that has ended TLS, or
//! by a test suite (`wsconform server --h2`). Each WebSocket is one CONNECT stream (RFC 8441), with permessage-deflate.
//!
//!     cargo run -p wsproto-h2-example --example h2c -- 127.0.0.1:9001

#[path = "../src/h2_stream.rs"]
mod h2_stream;

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::ext::Protocol;
use h2::server::{self, SendResponse};
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use wsproto::{
    AcceptConnection, Connection, Extensions, HandshakeLimits, PermessageDeflate, RejectConnection,
    ResponseParts, Role, ServerExtendedConnect,
};
use wsproto_tokio::{MaskingKeys, Settings, WebSocket};

use h2_stream::H2Stream;

/// How many streams a connection may have.
const MAX_STREAMS: u32 = 100;
/// How long the handshake of HTTP/2 may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const SETTINGS: Settings = Settings::DEFAULT;

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(addr).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = serve(stream).await {
                eprintln!("HTTP/2: {error}");
            }
        });
    }
}

/// Serves the streams of a connection.
async fn serve(stream: TcpStream) -> Result<(), AnyError> {
    stream.set_nodelay(true)?;
    let mut builder = server::Builder::new();
    builder.enable_connect_protocol().max_concurrent_streams(MAX_STREAMS);
    let mut connection = timeout(HANDSHAKE_TIMEOUT, builder.handshake(stream)).await??;
    while let Some(stream) = connection.accept().await {
        let (request, respond) = stream?;
        tokio::spawn(async move {
            // The end of one stream is no matter of the others.
            if let Err(error) = connect(request, respond).await {
                eprintln!("stream: {error}");
            }
        });
    }
    Ok(())
}

/// Accepts a WebSocket request and echoes, or refuses it.
async fn connect(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<(), AnyError> {
    match handshake(&request) {
        Ok((parts, extensions)) => {
            let send = respond.send_response(Response::try_from(parts)?, false)?;
            echo(H2Stream::new(request.into_body(), send), extensions).await
        }
        Err(reject) => {
            let parts = ServerExtendedConnect::reject(reject)?;
            respond.send_response(Response::try_from(parts)?, true)?;
            Ok(())
        }
    }
}

fn handshake(request: &Request<RecvStream>) -> Result<(ResponseParts, Extensions), RejectConnection> {
    let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    let connect = ServerExtendedConnect::parse_http(request, protocol, HandshakeLimits::DEFAULT)
        .map_err(|error| error.response())?;
    let deflate = PermessageDeflate::new();
    let (accept, extensions) = AcceptConnection::new().with_extensions(&[&deflate], connect.request());
    let parts = connect.accept(accept).map_err(|_| RejectConnection::new(500))?;
    Ok((parts, extensions))
}

/// Echoes every message, until the client closes.
async fn echo(stream: H2Stream, extensions: Extensions) -> Result<(), AnyError> {
    let connection =
        Connection::with_role(Role::Server, SETTINGS.connection_limits(), MaskingKeys::default());
    let connection = connection.with_extensions(extensions);
    let mut ws = WebSocket::from_parts(stream, connection, b"", SETTINGS);
    while let Some(message) = ws.recv().await? {
        match ws.send(message).await {
            // The client has closed meanwhile: `recv` ends the connection.
            Ok(()) | Err(wsproto_tokio::Error::Closed) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
