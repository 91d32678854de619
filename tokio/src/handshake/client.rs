//! A client's handshake: a stream to a server becomes a connection (RFC 6455 §4.1).

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use wsproto::{
    AcceptConnection, ClientHandshake, Connection, Extension, HandshakeLimits, HandshakeResponse,
    PermessageDeflate, ReadBuffer, Request, WebSocketUri,
};

use crate::entropy::MaskingKeys;
use crate::error::{ConnectError, Refusal};
use crate::settings::Settings;
use crate::web_socket::WebSocket;

#[cfg(feature = "net")]
use super::Proxy;
use super::{read_more, within};

/// Opens connections: what is the same for all connections of a client.
///
/// A clone is cheap, and shares the configuration.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use wsproto_tokio::wsproto::PermessageDeflate;
/// use wsproto_tokio::Client;
///
/// let client = Client::new()
///     .with_subprotocol("chat")
///     .with_header("User-Agent", "example/1.0")
///     .with_deflate(PermessageDeflate::new());
/// # #[cfg(feature = "net")]
/// let mut ws = client.connect("ws://example.com/chat").await?;
/// # #[cfg(feature = "net")]
/// ws.send("Hello").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub(super) config: Arc<Config>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    settings: Settings,
    pub(super) handshake_limits: HandshakeLimits,
    subprotocols: Vec<Box<str>>,
    headers: Vec<(Box<str>, Box<[u8]>)>,
    deflate: Option<PermessageDeflate>,
    #[cfg(feature = "net")]
    pub(super) proxy: Option<Proxy>,
    #[cfg(feature = "rustls")]
    pub(super) tls: Option<Arc<tokio_rustls::rustls::ClientConfig>>,
}

impl Client {
    /// A client that offers no subprotocol and no compression, and uses no proxy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets limits, deadlines and the use of memory.
    #[must_use = "it returns the client with this setting"]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        Arc::make_mut(&mut self.config).settings = settings;
        self
    }

    /// Sets the limits of responses.
    #[must_use = "it returns the client with this setting"]
    pub fn with_handshake_limits(mut self, limits: HandshakeLimits) -> Self {
        Arc::make_mut(&mut self.config).handshake_limits = limits;
        self
    }

    /// Offers a subprotocol after those that were added: [`WebSocket::subprotocol`] is the one that was chosen.
    #[must_use = "it returns the client with this setting"]
    pub fn with_subprotocol(mut self, subprotocol: &str) -> Self {
        Arc::make_mut(&mut self.config).subprotocols.push(subprotocol.into());
        self
    }

    /// Adds a header to each request, such as `Origin` or `Authorization`.
    #[must_use = "it returns the client with this setting"]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        Arc::make_mut(&mut self.config).headers.push((name.into(), value.as_ref().into()));
        self
    }

    /// Offers to compress messages (RFC 7692).
    #[must_use = "it returns the client with this setting"]
    pub fn with_deflate(mut self, deflate: PermessageDeflate) -> Self {
        Arc::make_mut(&mut self.config).deflate = Some(deflate);
        self
    }

    /// Connects through an HTTP proxy: [`connect`](Self::connect) goes to the proxy, and asks it for a tunnel.
    #[cfg(feature = "net")]
    #[cfg_attr(docsrs, doc(cfg(feature = "net")))]
    #[must_use = "it returns the client with this setting"]
    pub fn with_proxy(mut self, proxy: Proxy) -> Self {
        Arc::make_mut(&mut self.config).proxy = Some(proxy);
        self
    }

    /// Does the handshake over a stream that leads to the server of `uri`, for `wss` after TLS.
    ///
    /// # Errors
    ///
    /// The URI or a header is not valid, the server refused, or the handshake failed.
    ///
    /// # If it is dropped
    ///
    /// The stream is dropped, and so is the handshake.
    pub async fn connect_over<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        uri: &str,
    ) -> Result<WebSocket<S>, ConnectError> {
        let uri: WebSocketUri = uri.parse()?;
        within(self.deadline(), self.open(stream, &uri, ReadBuffer::new()))
            .await
            .ok_or(ConnectError::Timeout)?
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.config.settings.timeouts.handshake.and_then(|limit| Instant::now().checked_add(limit))
    }

    /// Does the handshake; the buffer has what was read already.
    pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        uri: &WebSocketUri,
        mut buffer: ReadBuffer,
    ) -> Result<WebSocket<S>, ConnectError> {
        let Config { settings, handshake_limits, deflate, .. } = &*self.config;
        let offered: Option<&dyn Extension> = deflate.as_ref().map(|deflate| deflate as &dyn Extension);
        let request = self.request(uri).with_extensions(offered.as_slice());
        let mut keys = MaskingKeys::seeded()?;
        let mut output = Vec::new();
        let mut handshake = ClientHandshake::new(request, *handshake_limits, &mut keys, &mut output)?;
        stream.write_all(&output).await?;
        stream.flush().await?;
        let response = read_response(&mut stream, &mut handshake, &mut buffer).await?;
        let extensions = response.extensions(offered.as_slice())?;
        let connection = Connection::client(settings.connection_limits(), keys).with_extensions(extensions);
        Ok(WebSocket::opened(stream, connection, buffer, *settings).with_response(response))
    }

    fn request(&self, uri: &WebSocketUri) -> Request {
        let Config { subprotocols, headers, .. } = &*self.config;
        let request = Request::from_uri(uri);
        let request = subprotocols.iter().fold(request, |request, name| request.with_subprotocol(name));
        headers.iter().fold(request, |request, (name, value)| request.with_header(name, value))
    }
}

async fn read_response(
    stream: &mut (impl AsyncRead + Unpin),
    handshake: &mut ClientHandshake,
    buffer: &mut ReadBuffer,
) -> Result<AcceptConnection, ConnectError> {
    loop {
        match buffer.read_shared(|input| handshake.receive(input))? {
            Some(HandshakeResponse::Accept(response)) => return Ok(response),
            Some(HandshakeResponse::Reject(response)) => {
                let mut refusal = Refusal { response, body: Vec::new() };
                read_body(stream, handshake, buffer, &mut refusal.body).await;
                return Err(ConnectError::Refused(Box::new(refusal)));
            }
            _ => read_more(stream, buffer).await?,
        }
    }
}

/// Reads the body of a refusal, as far as it comes.
async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    handshake: &mut ClientHandshake,
    buffer: &mut ReadBuffer,
    body: &mut Vec<u8>,
) {
    while handshake.state() == wsproto::ConnectionState::Rejecting {
        match buffer.read_shared(|input| handshake.receive(input)) {
            Ok(Some(HandshakeResponse::RejectData(data))) => body.extend_from_slice(data.data),
            Ok(_) => match stream.read(buffer.space()).await {
                Ok(len) if len > 0 && buffer.filled(len).is_ok() => {}
                _ => return,
            },
            Err(_) => return,
        }
    }
}
