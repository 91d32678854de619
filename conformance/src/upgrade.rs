//! The opening handshake as the suite does it, for cases that are about what follows.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::case::Deflate;
use crate::deflate;
use crate::head::{Head, accept_value, key};

/// The server under test.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Host and port.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) resource: String,
}

/// A connection after its opening handshake.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) stream: TcpStream,
    /// Bytes that came after the head of the response.
    pub(crate) early: Vec<u8>,
    pub(crate) deflate: Option<Deflate>,
}

impl Target {
    /// Reads a URI `ws://HOST[:PORT][/PATH]`.
    pub(crate) fn parse(uri: &str) -> Result<Self, String> {
        let failed = || {
            let wss = if uri.starts_with("wss://") {
                ". TLS is not spoken: start the server without it"
            } else {
                ""
            };
            format!("not a URI of the form ws://HOST:PORT/PATH: {uri:?}{wss}")
        };
        let rest = uri.strip_prefix("ws://").ok_or_else(failed)?;
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        // The colons of an IPv6 address are in brackets.
        let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
        let has_port = port.is_some();
        if authority.is_empty() || path.contains('#') || port.is_some_and(|port| port.parse::<u16>().is_err())
        {
            return Err(failed());
        }
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        let resource = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { authority, resource })
    }

    pub(crate) async fn connect(&self) -> Result<TcpStream, String> {
        let failed = |error| format!("cannot connect to {}: {error}", self.authority);
        let stream = TcpStream::connect(&self.authority).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(stream)
    }

    /// Opens a connection. With `offer`, it offers that extension.
    pub(crate) async fn open(&self, offer: Option<&str>) -> Result<Opened, String> {
        self.open_on(self.connect().await?, offer).await
    }

    /// Opens a connection with an offer of permessage-deflate, to learn what the server answers: whether it accepts, or
    /// which rule of the opening handshake it breaks. `Err` if there is no server, or it refuses.
    pub(crate) async fn probe(&self) -> Result<Result<bool, String>, String> {
        let mut stream = self.connect().await?;
        let (head, _) = self.ask(&mut stream, Some("permessage-deflate")).await?;
        match head.status {
            Some(300..) => Err(format!("the opening handshake was answered with {:?}", head.start)),
            _ => Ok(check(&head, true).map(|deflate| deflate.is_some())),
        }
    }

    /// Does the opening handshake on a connection.
    pub(crate) async fn open_on(&self, mut stream: TcpStream, offer: Option<&str>) -> Result<Opened, String> {
        let (head, early) = self.ask(&mut stream, offer).await?;
        let deflate = check(&head, offer.is_some())?;
        Ok(Opened { stream, early, deflate })
    }

    /// Sends a request and reads the head of the response; returns it with the bytes that came after it.
    async fn ask(&self, stream: &mut TcpStream, offer: Option<&str>) -> Result<(Head, Vec<u8>), String> {
        let key = key(KEY);
        let offer = offer.map(|offer| format!("Sec-WebSocket-Extensions: {offer}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n",
            self.resource, self.authority
        );
        let failed = |error| format!("the opening handshake: {error}");
        stream.write_all(request.as_bytes()).await.map_err(failed)?;
        read_head(stream, Head::response).await
    }
}

/// Reads up to the end of a head; returns it with the bytes that came after it.
pub(crate) async fn read_head(
    stream: &mut TcpStream,
    parse: fn(&[u8]) -> Result<Option<Head>, String>,
) -> Result<(Head, Vec<u8>), String> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        if let Some(head) = parse(&bytes)? {
            let early = bytes.split_off(head.len);
            return Ok((head, early));
        }
        let len =
            stream.read(&mut buffer).await.map_err(|error| format!("the opening handshake: {error}"))?;
        if len == 0 || bytes.len() > MAX_HEAD {
            return Err(format!("the opening handshake ended after {} bytes", bytes.len()));
        }
        bytes.extend_from_slice(buffer.get(..len).unwrap_or_default());
    }
}

/// Checks a response as a client has to (RFC 6455 §4.1); returns the agreed parameters.
fn check(head: &Head, offered: bool) -> Result<Option<Deflate>, String> {
    if head.status != Some(101) {
        return Err(format!("the opening handshake was answered with {:?}", head.start));
    }
    if !head.has_token("upgrade", "websocket") || !head.has_token("connection", "upgrade") {
        return Err("the response has no Upgrade: websocket, or no Connection: Upgrade".to_owned());
    }
    if head.field("sec-websocket-accept").as_deref() != Some(accept_value(&key(KEY)).as_str()) {
        return Err("the response has a wrong Sec-WebSocket-Accept".to_owned());
    }
    if head.field("sec-websocket-protocol").is_some() {
        return Err("the response has a subprotocol that was not asked for".to_owned());
    }
    let answer = deflate::elements(&head.field("sec-websocket-extensions").unwrap_or_default());
    match answer.as_slice() {
        [] => Ok(None),
        [(name, params)] if name == "permessage-deflate" && offered => match deflate::agreed(params) {
            Some(agreed) => Ok(Some(agreed)),
            None => Err("the response has parameters that are not valid".to_owned()),
        },
        _ => Err("the response has an extension that was not offered".to_owned()),
    }
}

/// Any 16 bytes: the suite is no client whose key must be secret.
pub(crate) const KEY: [u8; 16] = *b"wsconform--key-1";
const MAX_HEAD: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_has_a_host_and_may_have_a_port_and_a_path() {
        for (uri, authority, resource) in [
            ("ws://h:9/", "h:9", "/"),
            ("ws://h", "h:80", "/"),
            ("ws://[::1]:9001/a?b", "[::1]:9001", "/a?b"),
            ("ws://h?b", "h:80", "/?b"),
        ] {
            let target = Target::parse(uri).unwrap();
            assert_eq!((target.authority.as_str(), target.resource.as_str()), (authority, resource));
        }
        assert_eq!(Target::parse("ws://[::1]/").unwrap().authority, "[::1]:80");
        for uri in ["http://h/", "ws:///", "ws://h:99999/", "ws://h:x/", "127.0.0.1:9001"] {
            assert!(Target::parse(uri).unwrap_err().contains("ws://HOST:PORT/PATH"), "{uri}");
        }
        assert!(Target::parse("wss://h/").unwrap_err().contains("TLS"));
    }
}
