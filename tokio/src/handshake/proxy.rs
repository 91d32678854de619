//! An HTTP proxy: a stream to it becomes a tunnel to the server (RFC 9110 §9.3.6).

use std::fmt;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wsproto::{ConnectRequest, ConnectResponse, HandshakeLimits, HttpConnect, ReadBuffer, WebSocketUri};

use crate::error::{ConnectError, Refusal};

use super::read_more;

/// An HTTP proxy that is asked for a tunnel, by CONNECT (RFC 9110 §9.3.6).
///
/// ```
/// use wsproto_tokio::{Client, Proxy};
///
/// let proxy = Proxy::new("proxy.example.com:3128").with_basic_credentials("Aladdin", "open sesame");
/// let client = Client::new().with_proxy(proxy);
/// # let _ = client;
/// ```
///
/// The connection to the proxy itself is not encrypted; through it, `wss` is.
#[derive(Clone)]
pub struct Proxy {
    pub(super) authority: Box<str>,
    credentials: Option<(Box<str>, Box<str>)>,
    headers: Vec<(Box<str>, Box<[u8]>)>,
}

impl Proxy {
    /// The proxy at `authority`: a host and its port.
    pub fn new(authority: &str) -> Self {
        Self { authority: authority.into(), credentials: None, headers: Vec::new() }
    }

    /// Sends a user id and a password, by the Basic scheme (RFC 7617).
    #[must_use = "it returns the proxy with this setting"]
    pub fn with_basic_credentials(mut self, user_id: &str, password: &str) -> Self {
        self.credentials = Some((user_id.into(), password.into()));
        self
    }

    /// Adds a header to the request for a tunnel.
    #[must_use = "it returns the proxy with this setting"]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// Asks for a tunnel over a stream to the proxy. Then the stream leads to the server.
    ///
    /// What was read after the response is left in `buffer`.
    pub(super) async fn open_tunnel(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        uri: &WebSocketUri,
        limits: HandshakeLimits,
        buffer: &mut ReadBuffer,
    ) -> Result<(), ConnectError> {
        let mut request = ConnectRequest::from_uri(uri);
        if let Some((user_id, password)) = &self.credentials {
            request = request.with_basic_credentials(user_id, password);
        }
        let headers = self.headers.iter();
        let request = headers.fold(request, |request, (name, value)| request.with_header(name, value));
        let mut output = Vec::new();
        let mut connect = HttpConnect::new(request, limits, &mut output)?;
        stream.write_all(&output).await?;
        stream.flush().await?;
        loop {
            match buffer.read_shared(|input| connect.receive(input))? {
                Some(ConnectResponse::Tunnel(_)) => return Ok(()),
                Some(ConnectResponse::Reject(response)) => {
                    let mut refusal = Refusal { response, body: Vec::new() };
                    read_body(stream, &mut connect, buffer, &mut refusal.body).await;
                    return Err(ConnectError::ProxyRefused(Box::new(refusal)));
                }
                _ => read_more(stream, buffer).await?,
            }
        }
    }
}

/// Reads the body of a refusal, as far as it comes.
async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    connect: &mut HttpConnect,
    buffer: &mut ReadBuffer,
    body: &mut Vec<u8>,
) {
    while !connect.is_finished() {
        match buffer.read_shared(|input| connect.receive(input)) {
            Ok(Some(ConnectResponse::RejectData(data))) => body.extend_from_slice(data.data),
            Ok(_) => match stream.read(buffer.space()).await {
                Ok(len) if len > 0 && buffer.filled(len).is_ok() => {}
                _ => return,
            },
            Err(_) => return,
        }
    }
}

/// Without the credentials and the values of the headers.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("authority", &self.authority).finish_non_exhaustive()
    }
}
