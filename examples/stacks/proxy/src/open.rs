//! The two opening handshakes: the client is accepted once the upstream has accepted.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wsproto::{
    AcceptConnection, ClientHandshake, Extension, HandshakeLimits, HandshakeResponse, PermessageDeflate,
    ReadBuffer, RejectConnection, Request, SeededEntropy, ServerHandshake,
};

use crate::Config;
use crate::link::{Link, READ_LEN, Side};

/// What the upstream learns of the client's request, besides its target and its subprotocols.
const FORWARDED: [&str; 3] = ["Origin", "Cookie", "Authorization"];

/// Both connections; `None` if the client has left or was refused.
pub(crate) async fn open(mut client: TcpStream, config: &Config) -> io::Result<Option<(Link, Link)>> {
    client.set_nodelay(true)?;
    let mut buffer = ReadBuffer::new().with_max_len(READ_LEN);
    let (mut handshake, mut output) = (ServerHandshake::new(HandshakeLimits::default()), Vec::new());
    let deflate = PermessageDeflate::new();
    let deflate: &[&dyn Extension] = &[&deflate];
    let (with_client, with_upstream) =
        if config.deflates_upstream { (&[][..], deflate) } else { (deflate, &[][..]) };
    let answer = loop {
        let len = client.read(buffer.space()).await?;
        if len == 0 {
            return Ok(None);
        }
        buffer.filled(len)?;
        match buffer.read_shared(|input| handshake.receive(input)) {
            Ok(None) => {}
            Ok(Some(request)) => match connect(request, config, with_upstream).await {
                Ok(Ok((upstream, subprotocol))) => {
                    let accept = subprotocol
                        .iter()
                        .fold(AcceptConnection::new(), |accept, chosen| accept.with_subprotocol(chosen));
                    let (accept, extensions) = accept.with_extensions(with_client, request);
                    break Ok((accept, extensions, upstream));
                }
                Ok(Err(reject)) => break Err(reject),
                Err(error) => {
                    eprintln!("{}: {error}", config.upstream.authority());
                    break Err(RejectConnection::new(502));
                }
            },
            Err(error) => break Err(error.response()),
        }
    };
    match answer {
        Ok((accept, extensions, upstream)) => {
            handshake.accept(accept, &mut output)?;
            client.write_all(&output).await?;
            Ok(Some((Link::new(Side::Client, client, buffer, extensions), upstream)))
        }
        Err(reject) => {
            handshake.reject(reject, &mut output)?;
            client.write_all(&output).await?;
            client.shutdown().await?;
            Ok(None)
        }
    }
}

/// The connection to the upstream, and the subprotocol that it has chosen; or its refusal.
async fn connect(
    request: &Request,
    config: &Config,
    offered: &[&dyn Extension],
) -> io::Result<Result<(Link, Option<String>), RejectConnection>> {
    let uri = &config.upstream;
    let mut own = Request::new(&uri.host_header(), request.target()).with_extensions(offered);
    for subprotocol in request.subprotocols() {
        own = own.with_subprotocol(subprotocol);
    }
    for name in FORWARDED {
        for value in request.headers().get_all(name) {
            own = own.with_header(name, value);
        }
    }
    let (mut buffer, mut output) = (ReadBuffer::new().with_max_len(READ_LEN), Vec::new());
    let mut handshake =
        ClientHandshake::new(own, HandshakeLimits::default(), &mut SeededEntropy::new(), &mut output)?;
    let mut stream = TcpStream::connect((uri.host(), uri.port())).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&output).await?;
    loop {
        let len = stream.read(buffer.space()).await?;
        buffer.filled(len)?;
        if len == 0 {
            handshake.receive_eof()?;
        }
        match buffer.read_shared(|input| handshake.receive(input))? {
            Some(HandshakeResponse::Accept(accept)) => {
                let extensions = accept.extensions(offered)?;
                let subprotocol = accept.subprotocol().map(str::to_owned);
                return Ok(Ok((Link::new(Side::Upstream, stream, buffer, extensions), subprotocol)));
            }
            Some(HandshakeResponse::Reject(reject)) => return Ok(Err(refusal(&reject))),
            _ => {}
        }
    }
}

/// The status of the upstream's refusal, if it is an error. Its headers and its body are for the proxy.
fn refusal(reject: &RejectConnection) -> RejectConnection {
    match reject.status_code() {
        status @ 400..=599 => RejectConnection::new(status),
        _ => RejectConnection::new(502),
    }
}
