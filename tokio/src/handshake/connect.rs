//! A client's way to a server: TCP, a proxy's tunnel, TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use wsproto::{ReadBuffer, WebSocketUri};

use crate::error::ConnectError;
use crate::web_socket::WebSocket;

use super::{Client, within};

/// A client's stream to a server: TCP, with TLS for `wss`.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientStream {
    /// For `ws`.
    Plain(TcpStream),
    /// For `wss`.
    #[cfg(feature = "rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Client {
    /// Connects to the server of `uri`, directly or through the [proxy](Self::with_proxy), and does the handshake.
    ///
    /// `wss` needs the feature `rustls`. The `handshake` timeout counts from here to the open connection.
    ///
    /// # Errors
    ///
    /// The URI or a header is not valid, there is no way to the server, it refused, or the handshake failed.
    ///
    /// # If it is dropped
    ///
    /// The stream is dropped, and so is the handshake.
    #[cfg_attr(docsrs, doc(cfg(feature = "net")))]
    pub async fn connect(&self, uri: &str) -> Result<WebSocket<ClientStream>, ConnectError> {
        let uri: WebSocketUri = uri.parse()?;
        if uri.is_secure() && !cfg!(feature = "rustls") {
            return Err(ConnectError::TlsUnavailable);
        }
        within(self.deadline(), self.connect_to(&uri)).await.ok_or(ConnectError::Timeout)?
    }

    async fn connect_to(&self, uri: &WebSocketUri) -> Result<WebSocket<ClientStream>, ConnectError> {
        let mut buffer = ReadBuffer::new();
        let stream = match &self.config.proxy {
            None => TcpStream::connect((uri.host(), uri.port())).await?,
            Some(proxy) => {
                let mut stream = TcpStream::connect(&*proxy.authority).await?;
                let limits = self.config.handshake_limits;
                proxy.open_tunnel(&mut stream, uri, limits, &mut buffer).await?;
                stream
            }
        };
        // A message is written at once, and should be sent at once.
        stream.set_nodelay(true)?;
        let stream = self.secure(stream, uri, &buffer).await?;
        self.open(stream, uri, buffer).await
    }

    #[cfg(not(feature = "rustls"))]
    async fn secure(
        &self,
        stream: TcpStream,
        _: &WebSocketUri,
        _: &ReadBuffer,
    ) -> Result<ClientStream, ConnectError> {
        Ok(ClientStream::Plain(stream))
    }
}

#[cfg(feature = "rustls")]
mod tls {
    use std::io::{self, ErrorKind};
    use std::sync::Arc;

    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};
    use wsproto::{ReadBuffer, WebSocketUri};

    use crate::error::ConnectError;

    use super::{Client, ClientStream};

    impl Client {
        /// Sets the TLS configuration for `wss`: roots, versions, client certificates.
        ///
        /// Unless set, it trusts the root certificates of Mozilla, as the crate `webpki-roots` has them.
        #[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
        #[must_use = "it returns the client with this setting"]
        pub fn with_tls_config(mut self, config: Arc<ClientConfig>) -> Self {
            Arc::make_mut(&mut self.config).tls = Some(config);
            self
        }

        /// Does the handshake of TLS, if the URI asks for it.
        pub(super) async fn secure(
            &self,
            stream: TcpStream,
            uri: &WebSocketUri,
            buffer: &ReadBuffer,
        ) -> Result<ClientStream, ConnectError> {
            if !uri.is_secure() {
                return Ok(ClientStream::Plain(stream));
            }
            if !buffer.unread().is_empty() {
                // In TLS, the client speaks first (RFC 8446 §2).
                return Err(io::Error::new(ErrorKind::InvalidData, "bytes before TLS").into());
            }
            let config = match &self.config.tls {
                Some(config) => Arc::clone(config),
                None => default_config().map_err(io::Error::other)?,
            };
            let name = ServerName::try_from(uri.host().to_owned()).map_err(io::Error::other)?;
            let stream = TlsConnector::from(config).connect(name, stream).await?;
            Ok(ClientStream::Tls(Box::new(stream)))
        }
    }

    fn default_config() -> Result<Arc<ClientConfig>, Error> {
        let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Calls a method of the stream that it is.
macro_rules! on_stream {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            ClientStream::Plain($inner) => $call,
            #[cfg(feature = "rustls")]
            ClientStream::Tls($inner) => $call,
        }
    };
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
